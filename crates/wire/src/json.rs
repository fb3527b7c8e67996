//! JSON both ways, without an intermediate tree.

mod decode;
mod encode;
mod read;

pub(crate) use decode::{JsonDecoder, body, find};
pub(crate) use encode::{JsonEncoder, special};
pub(crate) use read::Reader;
