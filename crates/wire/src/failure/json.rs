//! Errors in JSON and CBOR.

use super::{Named, fields};
use crate::cbor::CborEncoder;
use crate::json::JsonEncoder;
use crate::model::{Protocol, ShapeId};
use crate::shape::Encoder;

/// `{"__type":"…","message":"…",…}`; restJson1 has its type in a header instead.
pub(super) fn body(named: &Named<'_>, protocol: Protocol) -> Vec<u8> {
    let Some(service) = named.service else { return without_service(named, protocol) };
    if protocol == Protocol::RpcV2Cbor {
        let mut encoder = CborEncoder::new(service, shape_id(named));
        encoder.open_structure();
        encoder.pair("__type", &type_name(named));
        rest(named, &mut encoder);
        unknown(named, |name, value| encoder.pair(name, value));
        encoder.close();
        return encoder.out;
    }
    let mut encoder = JsonEncoder::new(service, shape_id(named));
    encoder.open_structure();
    if protocol != Protocol::RestJson1 {
        encoder.pair("__type", &type_name(named));
    }
    rest(named, &mut encoder);
    unknown(named, |name, value| encoder.pair(name, value));
    encoder.close();
    encoder.out
}

fn rest(named: &Named<'_>, to: &mut dyn Encoder) {
    fields::body(named, true, to);
}

/// What the model does not name: the message of an unmodelled error, and its fields.
fn unknown(named: &Named<'_>, mut pair: impl FnMut(&str, &str)) {
    let has_message = |member: &crate::model::Member| member.name.eq_ignore_ascii_case("message");
    let modelled = named.shape.is_some_and(|shape| shape.members.iter().any(has_message));
    if !modelled && !named.error.message.is_empty() {
        pair("message", &named.error.message);
    }
    fields::unknown(named).for_each(|(name, value)| pair(name, value));
}

fn shape_id(named: &Named<'_>) -> ShapeId {
    let found = named.service.zip(named.shape).and_then(|(service, shape)| {
        service.shapes.binary_search_by(|other| other.name.cmp(shape.name)).ok()
    });
    found.unwrap_or_default() as ShapeId
}

/// Before any service is known there is no model to walk.
fn without_service(named: &Named<'_>, protocol: Protocol) -> Vec<u8> {
    let mut object = serde_json::Map::new();
    if protocol != Protocol::RestJson1 {
        object.insert("__type".to_owned(), named.code().into());
    }
    object.insert("message".to_owned(), named.error.message.as_str().into());
    serde_json::Value::Object(object).to_string().into_bytes()
}

/// With the namespace of the service, or of the framework for errors that no model names.
fn type_name(named: &Named<'_>) -> String {
    let namespace = named.service.map_or("", |service| service.error_namespace);
    match (namespace, named.shape, named.code()) {
        ("", _, code) => code.to_owned(),
        (namespace, Some(_), code) => format!("{namespace}#{code}"),
        (_, None, "ValidationException") => "com.amazon.coral.validate#ValidationException".to_owned(),
        (_, None, code) => format!("com.amazon.coral.service#{code}"),
    }
}
