//! Members of an error's shape, written by the model: `Error::fields` holds them as texts (JSON where they are nested).

use super::Named;
use crate::model::{Kind, Location, Service, ShapeId};
use crate::shape::Encoder;
use crate::{Document, time};

/// Writes the body members of the error's shape; XML writes the message and the type itself.
pub(super) fn body(named: &Named<'_>, message: bool, to: &mut dyn Encoder) {
    let (Some(service), Some(shape)) = (named.service, named.shape) else { return };
    for (index, member) in shape.members.iter().enumerate() {
        if member.location != Location::Body {
            continue;
        }
        let given =
            named.error.fields.iter().find(|(name, _)| name == member.name).map(|(_, value)| value.as_str());
        let text = match given {
            Some(text) => text,
            None if !message => continue,
            None if member.name.eq_ignore_ascii_case("message") && !named.error.message.is_empty() => {
                &named.error.message
            }
            // AWS: Lambda's and others' exceptions say whose fault it was in a member of their own.
            None if member.name == "Type" && named.sender() => "User",
            None if member.name == "Type" => "Service",
            None => continue,
        };
        to.member(index);
        value(service, member.target, text, to);
    }
}

/// Members that stand in headers.
pub(super) fn headers<'n>(named: &'n Named<'_>) -> impl Iterator<Item = (&'static str, &'n str)> {
    let members = named.shape.map_or(&[][..], |shape| &shape.members);
    named.error.fields.iter().filter_map(|(name, value)| {
        let member =
            members.iter().find(|member| member.name == name && member.location == Location::Header)?;
        Some((member.wire, value.as_str()))
    })
}

/// Fields that the model does not know: they are written as texts.
pub(super) fn unknown<'n>(named: &'n Named<'_>) -> impl Iterator<Item = (&'n str, &'n str)> {
    let members = named.shape.map_or(&[][..], |shape| &shape.members);
    let known = |name: &str| members.iter().any(|member| member.name == name);
    let fields = named.error.fields.iter().map(|(name, value)| (name.as_ref(), value.as_str()));
    fields.filter(move |(name, _)| !known(name))
}

fn value(service: &'static Service, id: ShapeId, text: &str, to: &mut dyn Encoder) {
    match service.shape(id).kind {
        Kind::Structure | Kind::List | Kind::Map => match serde_json::from_str(text) {
            Ok(nested) => document(service, id, &nested, to, 0),
            Err(_) => to.string(text),
        },
        Kind::Boolean => to.boolean(text == "true"),
        Kind::Integer | Kind::Long => match text.parse() {
            Ok(number) => to.long(number),
            Err(_) => to.string(text),
        },
        Kind::Float | Kind::Double => match text.parse() {
            Ok(number) => to.double(number),
            Err(_) => to.string(text),
        },
        Kind::Timestamp => match time::parse(text) {
            Some(at) => to.timestamp(at),
            None => to.string(text),
        },
        Kind::Blob => to.blob(text.as_bytes()),
        Kind::String => to.string(text),
    }
}

/// Nested values; our own rooms write them, a few levels deep.
fn document(service: &'static Service, id: ShapeId, from: &Document, to: &mut dyn Encoder, depth: u16) {
    let shape = service.shape(id);
    match (shape.kind, from) {
        _ if depth > crate::walk::MAX_DEPTH => to.string(""),
        (Kind::Structure, Document::Object(entries)) => {
            to.open_structure();
            for (index, member) in shape.members.iter().enumerate() {
                if let Some(inner) = entries.get(member.name).filter(|inner| !inner.is_null()) {
                    to.member(index);
                    document(service, member.target, inner, to, depth + 1);
                }
            }
            to.close();
        }
        (Kind::List, Document::Array(items)) => {
            to.open_list(items.len());
            for inner in items {
                to.item();
                document(service, shape.element, inner, to, depth + 1);
            }
            to.close();
        }
        (Kind::Map, Document::Object(entries)) => {
            to.open_map(entries.len());
            for (key, inner) in entries {
                to.key(key);
                document(service, shape.element, inner, to, depth + 1);
            }
            to.close();
        }
        (Kind::Structure | Kind::List | Kind::Map, other) => to.string(&other.to_string()),
        (_, Document::String(text)) => value(service, id, text, to),
        (_, scalar) => value(service, id, &scalar.to_string(), to),
    }
}
