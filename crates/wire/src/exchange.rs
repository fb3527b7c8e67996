//! The two directions of a call: a request to typed input, typed output to a response.

use crate::body::{Body, ByteStream, Request, Response};
use crate::cbor::{self, CborEncoder};
use crate::event_stream::{self, Framing};
use crate::failure;
use crate::form;
use crate::json::{self, JsonEncoder};
use crate::model::Protocol;
use crate::rest;
use crate::router::Addressed;
use crate::shape::{Encoder, OnMember, Shape, Value};
use crate::xml::{XmlEncoder, push_namespace, push_text};
use bytes::Bytes;
use futures_util::StreamExt;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use yakumo_aws::Error;

/// Reads an operation's input. The model's constraints are checked here, once, and violations are answered in AWS's
/// words: `SerializationException`, `ValidationException`, `MissingParameter` and so on, as the service has them.
///
/// A streamed body is accepted for operations with a streaming member only; others answer `InternalFailure` because the
/// caller must collect the body first.
pub fn decode<I: Shape>(addressed: &Addressed, request: Request<'_>) -> Result<I, Error> {
    let mut input = I::default();
    decode_members(addressed, &request, &mut |member, from| input.set(member, from))?;
    if addressed.streams() {
        input.put_stream(request.body.into_stream());
    }
    Ok(input)
}

fn decode_members(
    addressed: &Addressed,
    request: &Request<'_>,
    on_member: OnMember<'_>,
) -> Result<(), Error> {
    let body = match &request.body {
        Body::Full(bytes) => bytes,
        Body::Stream(_) if addressed.streams() => &Bytes::new(),
        Body::Stream(_) => {
            return Err(Error::internal("a streamed body for an operation that does not stream"));
        }
    };
    let (service, input) = (addressed.service, addressed.operation.input);
    let decoded = match addressed.protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 => json::body(service, input, body, on_member),
        Protocol::AwsQuery | Protocol::Ec2Query => form::body(addressed, &request.head, body, on_member),
        Protocol::RestJson1 | Protocol::RestXml => rest::request(addressed, &request.head, body, on_member),
        Protocol::RpcV2Cbor => cbor::body(service, input, body, on_member),
    };
    let violations = decoded.map_err(|malformed| failure::malformed(addressed, &malformed))?;
    failure::refuse(addressed, violations)
}

/// Writes an operation's output. A streamed body or a stream of events is handed on as a stream.
pub fn encode<O: Shape>(addressed: &Addressed, mut output: O, request_id: &str) -> Response {
    let stream = output.take_stream();
    let events = framing(addressed).and_then(|framing| output.take_events(framing));
    let mut response = encode_with(addressed, request_id, &mut |to| output.write(to));
    match (stream, events) {
        (Some(stream), _) => streamed(&mut response, stream),
        (None, Some(events)) => eventful(addressed, &mut response, events),
        (None, None) => {}
    }
    response
}

fn streamed(response: &mut Response, stream: ByteStream) {
    response.body = Body::from_stream(stream);
    let headers = &mut response.headers;
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/octet-stream"));
}

/// RPC protocols send the other members in a frame of their own, before the events.
/// Source: <https://smithy.io/2.0/spec/streaming.html#initial-response-messages>
fn eventful(addressed: &Addressed, response: &mut Response, events: ByteStream) {
    let rpc = matches!(addressed.protocol, Protocol::AwsJson10 | Protocol::AwsJson11 | Protocol::RpcV2Cbor);
    let first = std::mem::take(&mut response.body).bytes().filter(|_| rpc).cloned();
    let first = first.map(|body| Ok(event_stream::initial_response(addressed.protocol, body)));
    response.body = Body::Stream(ByteStream::new(futures_util::stream::iter(first).chain(events)));
    response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/vnd.amazon.eventstream"));
}

fn framing(addressed: &Addressed) -> Option<Framing> {
    let Addressed { service, protocol, .. } = *addressed;
    let output = service.shape(addressed.operation.output);
    let events = output.members.iter().find(|member| service.shape(member.target).event_stream())?;
    Some(Framing { service, protocol, union: events.target })
}

fn encode_with(addressed: &Addressed, request_id: &str, write: Write<'_>) -> Response {
    let (service, operation) = (addressed.service, addressed.operation);
    match addressed.protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 => {
            let mut encoder = JsonEncoder::new(service, operation.output);
            write(&mut encoder);
            response(addressed.protocol, operation.status, encoder.out, request_id)
        }
        Protocol::AwsQuery => {
            response(addressed.protocol, 200, query_body(addressed, request_id, write), request_id)
        }
        Protocol::Ec2Query => {
            response(addressed.protocol, 200, ec2_body(addressed, request_id, write), request_id)
        }
        Protocol::RestJson1 | Protocol::RestXml => rest::response(addressed, request_id, write),
        Protocol::RpcV2Cbor if operation.output == 0 => {
            let mut empty = response(addressed.protocol, 200, Vec::new(), request_id);
            empty.headers.remove(CONTENT_TYPE);
            empty
        }
        Protocol::RpcV2Cbor => {
            let mut encoder = CborEncoder::new(service, operation.output);
            write(&mut encoder);
            response(addressed.protocol, 200, encoder.out, request_id)
        }
    }
}

type Write<'f> = &'f mut dyn FnMut(&mut dyn Encoder);

/// `<SendMessageResponse><SendMessageResult>…</SendMessageResult><ResponseMetadata>…`; no result where there is no output.
/// Source: <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#response-serialization>
fn query_body(addressed: &Addressed, request_id: &str, write: Write<'_>) -> Vec<u8> {
    let (service, operation) = (addressed.service, addressed.operation);
    let mut encoder = XmlEncoder::new(service, operation.output, "", "");
    open_response(&mut encoder.out, addressed);
    if operation.output != 0 {
        let derived;
        let wrapper = match operation.result_wrapper {
            "" => {
                derived = format!("{}Result", operation.name);
                derived.as_str()
            }
            wrapper => wrapper,
        };
        encoder.out.extend(["<", wrapper, ">"]);
        write(&mut encoder);
        encoder.out.extend(["</", wrapper, ">"]);
    }
    let mut out = encoder.out;
    out.push_str("<ResponseMetadata><RequestId>");
    push_text(&mut out, request_id);
    out.push_str("</RequestId></ResponseMetadata>");
    out.extend(["</", operation.name, "Response>"]);
    out.into_bytes()
}

/// `<DescribeVpcsResponse><requestId>…</requestId>…`.
/// Source: <https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html#response-serialization>
fn ec2_body(addressed: &Addressed, request_id: &str, write: Write<'_>) -> Vec<u8> {
    let (service, operation) = (addressed.service, addressed.operation);
    let mut encoder = XmlEncoder::new(service, operation.output, "", "");
    encoder.out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    open_response(&mut encoder.out, addressed);
    encoder.out.push_str("<requestId>");
    push_text(&mut encoder.out, request_id);
    encoder.out.push_str("</requestId>");
    if operation.output == 0 {
        // AWS: an action without output answers `<return>true</return>`.
        encoder.out.push_str("<return>true</return>");
    } else {
        write(&mut encoder);
    }
    let mut out = encoder.out;
    out.extend(["</", operation.name, "Response>"]);
    out.into_bytes()
}

fn open_response(out: &mut String, addressed: &Addressed) {
    out.extend(["<", addressed.operation.name, "Response"]);
    if !addressed.service.xml_namespace.is_empty() {
        push_namespace(out, addressed.service.xml_namespace);
    }
    out.push('>');
}

/// The content type of whole answers.
/// Source: <https://smithy.io/2.0/aws/protocols/index.html>
pub(crate) fn content_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::AwsJson10 => "application/x-amz-json-1.0",
        Protocol::AwsJson11 => "application/x-amz-json-1.1",
        Protocol::AwsQuery => "text/xml",
        Protocol::Ec2Query => "text/xml;charset=UTF-8",
        Protocol::RestJson1 => "application/json",
        Protocol::RestXml => "application/xml",
        Protocol::RpcV2Cbor => "application/cbor",
    }
}

pub(crate) fn response(protocol: Protocol, status: u16, body: Vec<u8>, request_id: &str) -> Response {
    let mut headers = http::HeaderMap::with_capacity(4);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(protocol)));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", id);
    }
    if protocol == Protocol::RpcV2Cbor {
        headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    }
    Response { status, headers, body: Body::Full(Bytes::from(body)) }
}
