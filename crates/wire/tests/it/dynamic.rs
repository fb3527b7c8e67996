//! A value of any shape, driven by the model instead of by generated code: it uses the same codecs.

use serde_json::Value as Json;
use std::cell::Cell;
use std::collections::BTreeMap;
use yakumo_wire::model::{Kind, Service, ShapeId};
use yakumo_wire::{ByteStream, Bytes, Decoded, Decoder, Document, Encoder, Shape, Timestamp};

thread_local! {
    /// Service and shape of the next [`Structure`] that is made by `default`.
    static NEXT: Cell<Option<(&'static Service, ShapeId)>> = const { Cell::new(None) };
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Boolean(bool),
    Whole(i64),
    /// As text, so that NaN equals NaN.
    Real(String),
    Text(String),
    Blob(Bytes),
    Time(Timestamp),
    Document(Document),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
    Structure(BTreeMap<usize, Value>),
}

/// The outermost structure of a request or answer.
pub struct Structure {
    service: &'static Service,
    shape: ShapeId,
    pub members: BTreeMap<usize, Value>,
}

pub fn expect(service: &'static Service, shape: ShapeId) {
    NEXT.set(Some((service, shape)));
}

impl Default for Structure {
    fn default() -> Structure {
        let (service, shape) = NEXT.get().expect("the test says what comes next");
        Structure { service, shape, members: BTreeMap::new() }
    }
}

impl Structure {
    pub fn new(service: &'static Service, shape: ShapeId, json: &Json) -> Structure {
        let Value::Structure(members) = from_json(service, shape, json) else { panic!("an object: {json}") };
        Structure { service, shape, members }
    }

    fn streaming(&self) -> Option<usize> {
        self.service.shape(self.shape).members.iter().position(|member| member.streaming())
    }
}

impl Shape for Structure {
    fn set(&mut self, member: usize, from: &mut dyn Decoder) -> Decoded<()> {
        let target = self.service.shape(self.shape).members[member].target;
        let value = read(self.service, target, from)?;
        self.members.insert(member, value);
        Ok(())
    }

    fn emit(&self, to: &mut dyn Encoder) {
        let streaming = self.streaming();
        for (index, value) in self.members.iter().filter(|(index, _)| Some(**index) != streaming) {
            to.member(*index);
            let target = self.service.shape(self.shape).members[*index].target;
            write(self.service, target, value, to);
        }
    }

    fn take_stream(&mut self) -> Option<ByteStream> {
        match self.members.remove(&self.streaming()?) {
            Some(Value::Blob(bytes)) => Some(ByteStream::from_bytes(bytes)),
            _ => None,
        }
    }

    fn put_stream(&mut self, stream: ByteStream) {
        let bytes = collect(stream);
        if let Some(at) = self.streaming().filter(|_| !bytes.is_empty()) {
            self.members.insert(at, Value::Blob(bytes));
        }
    }
}

/// The bytes of a stream that never waits.
pub fn collect(stream: ByteStream) -> Bytes {
    futures_util::FutureExt::now_or_never(stream.collect(1 << 20)).expect("bytes at hand").expect("no error")
}

fn read(service: &'static Service, id: ShapeId, from: &mut dyn Decoder) -> Decoded<Value> {
    let shape = service.shape(id);
    Ok(match shape.kind {
        Kind::Boolean => Value::Boolean(from.boolean()?),
        Kind::Integer => Value::Whole(from.integer()?.into()),
        Kind::Long => Value::Whole(from.long()?),
        Kind::Float => Value::Real((from.double()? as f32).to_string()),
        Kind::Double => Value::Real(from.double()?.to_string()),
        Kind::String => Value::Text(from.string()?),
        Kind::Blob => Value::Blob(from.blob()?),
        Kind::Timestamp => Value::Time(from.timestamp()?),
        Kind::Structure if shape.document() => Value::Document(from.document()?),
        Kind::Structure => {
            let mut members = BTreeMap::new();
            from.structure(&mut |index, from| {
                members.insert(index, read(service, shape.members[index].target, from)?);
                Ok(())
            })?;
            Value::Structure(members)
        }
        Kind::List => {
            let mut items = Vec::new();
            from.list(&mut |from| {
                items.push(read(service, shape.element, from)?);
                Ok(())
            })?;
            Value::List(items)
        }
        Kind::Map => {
            let mut entries = BTreeMap::new();
            from.map(&mut |key, from| {
                entries.insert(key, read(service, shape.element, from)?);
                Ok(())
            })?;
            Value::Map(entries)
        }
    })
}

fn write(service: &'static Service, id: ShapeId, value: &Value, to: &mut dyn Encoder) {
    let shape = service.shape(id);
    match value {
        Value::Boolean(value) => to.boolean(*value),
        Value::Whole(value) => to.long(*value),
        Value::Real(value) if shape.kind == Kind::Float => to.float(value.parse().unwrap()),
        Value::Real(value) => to.double(value.parse().unwrap()),
        Value::Text(value) => to.string(value),
        Value::Blob(value) => to.blob(value),
        Value::Time(value) => to.timestamp(*value),
        Value::Document(value) => to.document(value),
        Value::Structure(members) => {
            to.open_structure();
            for (index, value) in members {
                to.member(*index);
                write(service, shape.members[*index].target, value, to);
            }
            to.close();
        }
        Value::List(items) => {
            to.open_list(items.len());
            for item in items {
                to.item();
                write(service, shape.element, item, to);
            }
            to.close();
        }
        Value::Map(entries) => {
            to.open_map(entries.len());
            for (key, value) in entries {
                to.key(key);
                write(service, shape.element, value, to);
            }
            to.close();
        }
    }
}

/// A vector's JSON as a value; nulls are absent members.
pub fn from_json(service: &'static Service, id: ShapeId, json: &Json) -> Value {
    let shape = service.shape(id);
    let real = |json: &Json| match json {
        Json::String(text) => text.replace("Infinity", "inf"),
        number if shape.kind == Kind::Float => (number.as_f64().unwrap() as f32).to_string(),
        number => number.as_f64().unwrap().to_string(),
    };
    match shape.kind {
        Kind::Boolean => Value::Boolean(json.as_bool().unwrap()),
        Kind::Integer | Kind::Long => Value::Whole(json.as_i64().unwrap()),
        Kind::Float | Kind::Double => Value::Real(real(json)),
        Kind::String => Value::Text(json.as_str().map_or_else(|| json.to_string(), str::to_owned)),
        Kind::Blob => Value::Blob(Bytes::from(json.as_str().unwrap().to_owned())),
        Kind::Timestamp => {
            Value::Time(Timestamp::from_millis((json.as_f64().unwrap() * 1000.0).round() as i64))
        }
        Kind::Structure if shape.document() => Value::Document(json.clone()),
        Kind::Structure => {
            let mut members = BTreeMap::new();
            for (name, json) in json.as_object().unwrap().iter().filter(|(_, json)| !json.is_null()) {
                let at = shape.members.iter().position(|member| member.name == name).expect(name);
                members.insert(at, from_json(service, shape.members[at].target, json));
            }
            Value::Structure(members)
        }
        Kind::List => {
            let items = json.as_array().unwrap().iter().filter(|json| !json.is_null());
            Value::List(items.map(|json| from_json(service, shape.element, json)).collect())
        }
        Kind::Map => {
            let entries = json.as_object().unwrap().iter().filter(|(_, json)| !json.is_null());
            Value::Map(
                entries.map(|(key, json)| (key.clone(), from_json(service, shape.element, json))).collect(),
            )
        }
    }
}
