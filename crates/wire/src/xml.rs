//! XML both ways: bodies of restXml, answers of awsQuery and ec2Query.

mod decode;
mod encode;
mod read;

pub(crate) use decode::XmlDecoder;
pub(crate) use encode::{XmlEncoder, push_namespace, push_text};
pub(crate) use read::parse;
