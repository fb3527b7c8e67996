//! CBOR both ways (RFC 8949), the part that Smithy's rpcv2Cbor needs.
//! Source: <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>

mod decode;
mod encode;
mod read;

pub(crate) use decode::body;
pub(crate) use encode::CborEncoder;
