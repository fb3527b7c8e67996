//! The HTTP bindings of restJson1 and restXml: which member stands in the path, the query, a header, the status or the body.
//! Source: <https://smithy.io/2.0/spec/http-bindings.html>

mod decode;
mod encode;
mod text;

pub(crate) use decode::request;
pub(crate) use encode::response;
