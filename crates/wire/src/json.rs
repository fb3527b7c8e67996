//! JSON both ways, without an intermediate tree.

mod decode;
mod encode;
mod read;

pub(crate) use decode::{JsonDecoder, body};
pub(crate) use encode::{JsonEncoder, special, write_text};
pub(crate) use read::Reader;
