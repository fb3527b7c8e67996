//! Errors in JSON.

use super::Named;
use crate::json::write_text;
use crate::model::{Kind, Protocol, Shape};

/// `{"__type":"…","message":"…",…}`; restJson1 has its type in a header instead.
pub(super) fn body(named: &Named<'_>, protocol: Protocol) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    out.push(b'{');
    if protocol != Protocol::RestJson1 {
        pair(&mut out, "__type");
        write_text(&mut out, &type_name(named));
    }
    if !named.error.message.is_empty() {
        pair(&mut out, message_key(named.shape));
        write_text(&mut out, &named.error.message);
    }
    for (name, value) in &named.error.fields {
        pair(&mut out, name);
        match kind(named, name) {
            Kind::Integer | Kind::Long | Kind::Boolean | Kind::Float | Kind::Double
                if serde_json::from_str::<serde_json::Value>(value).is_ok() =>
            {
                out.extend_from_slice(value.as_bytes());
            }
            _ => write_text(&mut out, value),
        }
    }
    // AWS: Lambda's and others' exceptions say whose fault it was in a member of their own.
    if named.shape.is_some_and(|shape| has(shape, "Type"))
        && !named.error.fields.iter().any(|(name, _)| name == "Type")
    {
        pair(&mut out, "Type");
        write_text(&mut out, if named.sender() { "User" } else { "Service" });
    }
    out.push(b'}');
    out
}

fn pair(out: &mut Vec<u8>, key: &str) {
    if out.len() > 1 {
        out.push(b',');
    }
    write_text(out, key);
    out.push(b':');
}

fn has(shape: &Shape, name: &str) -> bool {
    shape.members.iter().any(|member| member.name == name)
}

fn kind(named: &Named<'_>, name: &str) -> Kind {
    let member = named.shape.and_then(|shape| shape.members.iter().find(|member| member.name == name));
    match (member, named.service) {
        (Some(member), Some(service)) => service.shape(member.target).kind,
        _ => Kind::String,
    }
}

/// The member that holds the text is called `message` or `Message`.
pub(super) fn message_key(shape: Option<&'static Shape>) -> &'static str {
    let named = |member: &&crate::model::Member| member.name.eq_ignore_ascii_case("message");
    shape.and_then(|shape| shape.members.iter().find(named)).map_or("message", |member| member.wire)
}

/// With the namespace of the service, or of the framework for errors that no model names.
pub(super) fn type_name(named: &Named<'_>) -> String {
    let namespace = named.service.map_or("", |service| service.error_namespace);
    match (namespace, named.shape, named.code()) {
        ("", _, code) => code.to_owned(),
        (namespace, Some(_), code) => format!("{namespace}#{code}"),
        (_, None, "ValidationException") => "com.amazon.coral.validate#ValidationException".to_owned(),
        (_, None, code) => format!("com.amazon.coral.service#{code}"),
    }
}
