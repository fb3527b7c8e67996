//! XML both ways: bodies of restXml, answers of awsQuery and ec2Query.

mod encode;

pub(crate) use encode::{XmlEncoder, push_namespace, push_text};
