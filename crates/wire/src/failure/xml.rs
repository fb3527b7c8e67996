//! Errors in XML: the forms of query, EC2, REST services and S3.

use super::{Named, fields as members};
use crate::shape::Encoder;
use crate::xml::{XmlEncoder, push_namespace, push_text};

fn element(out: &mut String, name: &str, text: &str) {
    for piece in ["<", name, ">"] {
        out.push_str(piece);
    }
    push_text(out, text);
    for piece in ["</", name, ">"] {
        out.push_str(piece);
    }
}

/// The error's members beside code and message, which stand first.
fn fields(out: &mut String, named: &Named<'_>) {
    if let (Some(service), Some(shape)) = (named.service, named.shape) {
        let id = service.shapes.iter().position(|other| std::ptr::eq(other, shape)).unwrap_or_default();
        let mut encoder = XmlEncoder::new(service, id as u32, "", "");
        encoder.open_structure();
        members::body(named, false, &mut encoder);
        encoder.close();
        out.push_str(&encoder.out);
    }
    for (name, value) in members::unknown(named) {
        let valid = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if valid && !name.is_empty() {
            element(out, name, value);
        }
    }
}

fn wrapped(named: &Named<'_>, code: &str, message: &str) -> Vec<u8> {
    let mut out = String::with_capacity(512);
    out.push_str("<ErrorResponse");
    if let Some(service) = named.service.filter(|service| !service.xml_namespace.is_empty()) {
        push_namespace(&mut out, service.xml_namespace);
    }
    out.push('>');
    out.push_str("<Error>");
    element(&mut out, "Type", if named.sender() { "Sender" } else { "Receiver" });
    element(&mut out, "Code", code);
    element(&mut out, "Message", message);
    fields(&mut out, named);
    out.push_str("</Error>");
    element(&mut out, "RequestId", named.request_id);
    out.push_str("</ErrorResponse>");
    out.into_bytes()
}

/// `<ErrorResponse><Error>…`.
/// Source: <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#operation-error-serialization>
pub(super) fn query(named: &Named<'_>) -> Vec<u8> {
    // Some errors had other words in query than they have in the protocol that came after it.
    let own = named.facts.map(|facts| facts.query_message).filter(|message| !message.is_empty());
    wrapped(named, named.query_code(), own.unwrap_or(&named.error.message))
}

/// `<Response><Errors><Error>…`.
/// Source: <https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html#operation-error-serialization>
pub(super) fn ec2(named: &Named<'_>) -> Vec<u8> {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>");
    element(&mut out, "Code", named.query_code());
    element(&mut out, "Message", &named.error.message);
    fields(&mut out, named);
    out.push_str("</Error></Errors>");
    element(&mut out, "RequestID", named.request_id);
    out.push_str("</Response>");
    out.into_bytes()
}

/// S3's errors stand bare: `<Error>…`. Other services wrap them as query services do.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
pub(super) fn rest(named: &Named<'_>, bare: bool) -> Vec<u8> {
    if !bare {
        return wrapped(named, named.code(), &named.error.message);
    }
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    element(&mut out, "Code", named.code());
    element(&mut out, "Message", &named.error.message);
    fields(&mut out, named);
    element(&mut out, "RequestId", named.request_id);
    out.push_str("</Error>");
    out.into_bytes()
}
