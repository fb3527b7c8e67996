//! One function for each decoder, for a bounded run in the tests: whatever the bytes are, the
//! decoder answers a value or an error.

use crate::dynamic::{Structure, expect};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::sync::LazyLock;
use yakumo_wire::event_stream::Frames;
use yakumo_wire::model::{Protocol, Service};
use yakumo_wire::router::Head;
use yakumo_wire::{Addressed, Body, Bytes, Request, decode};

const MODEL: &str = "json 1.0\nendpoint x\nsigning x\ntarget X\n\
    op Echo POST /echo/{Label}/{Rest+} in=Thing out=Thing\n\
    structure Thing\n Text! Text\n Number Integer\n Long Long\n Real Double\n Flag Boolean\n Data Blob\n When Timestamp\n \
    Texts Texts\n Things Things\n Map TextMap\n Self Thing\n Document Document\n Flat Texts flat name=F\n \
    FlatMap TextMap flat name=FM\n Attribute Text attribute name=x:y\n Header Text header=X-Header\n \
    HeaderTimes Times header=X-Times\n Prefixed TextMap headers=X-Prefix-\n Query Texts query=q\n QueryMap TextMap query=*\n\
    string Text min=0 max=100000\n pattern [^!]*\n\
    list Texts Text max=1000\nlist Things Thing\nlist Times Timestamp\nmap TextMap Text Text\n\
    structure Document document\ninteger Integer min=-5\nlong Long\ndouble Double\nboolean Boolean\nblob Blob max=100000\n\
    timestamp Timestamp\n";

fn service(protocol: &str) -> &'static Service {
    let text = format!("service x\nid X\nversion 1\nprotocols {protocol}\n{MODEL}");
    let packed =
        yakumo_codegen::pack(&yakumo_codegen::parse(&text).expect("the model is right")).expect("it packs");
    Box::leak(Box::new(Service::unpack(packed.leak())))
}

static SERVICES: LazyLock<[&'static Service; 6]> =
    LazyLock::new(|| ["json", "query", "ec2", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"].map(service));

fn request(protocol: Protocol, head: &[u8], body: &[u8]) -> bool {
    let service = SERVICES.iter().find(|service| service.protocols[0] == protocol).expect("one of the six");
    let addressed = Addressed::direct(service, &service.operations[0]);
    expect(service, addressed.operation.input);
    let mut headers = HeaderMap::new();
    for name in ["x-header", "x-times", "x-prefix-a"] {
        if let Ok(value) = HeaderValue::from_bytes(head) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    let query = std::str::from_utf8(head).unwrap_or_default();
    let head = Head {
        method: &Method::POST,
        path: "/",
        query,
        headers: &headers,
        host: "x",
        scope: None,
        form: None,
    };
    let body = Body::Full(Bytes::copy_from_slice(body));
    decode::<Structure>(&addressed, Request { head, body }).is_ok()
}

/// Splits the input at its first zero byte: the head's part and the body.
fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let first = parts.next().unwrap_or_default();
    parts.next().map_or((b"", bytes), |body| (first, body))
}

/// awsJson bodies.
pub fn json(bytes: &[u8]) -> bool {
    request(Protocol::AwsJson10, b"", bytes)
}

/// awsQuery forms.
pub fn query(bytes: &[u8]) -> bool {
    request(Protocol::AwsQuery, b"", bytes)
}

/// ec2Query forms.
pub fn ec2(bytes: &[u8]) -> bool {
    request(Protocol::Ec2Query, b"", bytes)
}

/// restJson1 heads and bodies.
pub fn rest_json(bytes: &[u8]) -> bool {
    let (head, body) = halves(bytes);
    request(Protocol::RestJson1, head, body)
}

/// restXml heads and bodies.
pub fn rest_xml(bytes: &[u8]) -> bool {
    let (head, body) = halves(bytes);
    request(Protocol::RestXml, head, body)
}

/// rpcv2Cbor bodies.
pub fn cbor(bytes: &[u8]) -> bool {
    request(Protocol::RpcV2Cbor, b"", bytes)
}

/// Event stream frames.
pub fn event_stream(bytes: &[u8]) -> bool {
    let mut frames = Frames::default();
    frames.push(bytes);
    let mut good = false;
    for message in frames {
        let Ok(message) = message else { return false };
        good = message.signed().is_some() || message.text(":message-type").is_some() || good;
    }
    good
}
