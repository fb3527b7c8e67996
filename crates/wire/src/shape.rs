//! The traits between generated structures and codecs. A structure knows its members by index only; names, constraints
//! and places on the wire come from the model, which the codec walks in step.

use crate::{ByteStream, Decoded, Document, Timestamp, event_stream::Framing};
use bytes::Bytes;
use std::collections::BTreeMap;

/// A generated structure.
pub trait Shape: Default + Sized + Send {
    /// Reads the member of that index from the decoder into the structure. An unknown index is ignored.
    fn set(&mut self, _member: usize, _from: &mut dyn Decoder) -> Decoded<()> {
        Ok(())
    }

    /// Writes every member that is present, in the model's order.
    fn emit(&self, _to: &mut dyn Encoder) {}

    /// Takes the streamed body out of an output.
    fn take_stream(&mut self) -> Option<ByteStream> {
        None
    }

    /// Puts the streamed body into an input.
    fn put_stream(&mut self, _stream: ByteStream) {}

    /// Takes the event stream out of an output, as framed bytes.
    fn take_events(&mut self, _frames: Framing) -> Option<ByteStream> {
        None
    }
}

/// A generated operation.
pub trait Operation: Send + Sync + 'static {
    /// What the client sends.
    type Input: Shape;
    /// What the service answers.
    type Output: Shape;
    /// `SendMessage`.
    const NAME: &'static str;
    /// The model's name, `sqs`.
    const SERVICE: &'static str;
}

/// Called for each member that a request holds.
pub type OnMember<'f> = &'f mut dyn FnMut(usize, &mut dyn Decoder) -> Decoded<()>;
/// Called for each item of a list.
pub type OnItem<'f> = &'f mut dyn FnMut(&mut dyn Decoder) -> Decoded<()>;
/// Called for each entry of a map.
pub type OnEntry<'f> = &'f mut dyn FnMut(String, &mut dyn Decoder) -> Decoded<()>;

/// One value of a request, read as what the model says it is. Every method checks the model's constraints.
#[allow(missing_docs, reason = "each reads one value of the kind that its name says")]
pub trait Decoder {
    fn boolean(&mut self) -> Decoded<bool>;
    fn integer(&mut self) -> Decoded<i32>;
    fn long(&mut self) -> Decoded<i64>;
    fn double(&mut self) -> Decoded<f64>;
    fn string(&mut self) -> Decoded<String>;
    fn blob(&mut self) -> Decoded<Bytes>;
    fn timestamp(&mut self) -> Decoded<Timestamp>;
    fn document(&mut self) -> Decoded<Document>;
    fn structure(&mut self, on_member: OnMember<'_>) -> Decoded<()>;
    fn list(&mut self, on_item: OnItem<'_>) -> Decoded<()>;
    fn map(&mut self, on_entry: OnEntry<'_>) -> Decoded<()>;
}

/// Writes an answer. A structure is `open_structure`, for each member `member` and its value, `close`; a list is
/// `open_list`, for each item `item` and its value, `close`; a map is `open_map`, for each entry `key` and its value, `close`.
#[allow(missing_docs, reason = "each writes one value of the kind that its name says")]
pub trait Encoder {
    fn open_structure(&mut self);
    fn member(&mut self, index: usize);
    fn open_list(&mut self, length: usize);
    fn item(&mut self);
    fn open_map(&mut self, length: usize);
    fn key(&mut self, key: &str);
    fn close(&mut self);
    fn boolean(&mut self, value: bool);
    fn long(&mut self, value: i64);
    fn double(&mut self, value: f64);
    /// A 32-bit float keeps its short decimal form in text.
    fn float(&mut self, value: f32);
    fn string(&mut self, value: &str);
    fn blob(&mut self, value: &[u8]);
    fn timestamp(&mut self, value: Timestamp);
    fn document(&mut self, value: &Document);
}

/// A Rust type that stands for a shape.
pub trait Value: Sized {
    /// Reads it.
    fn read(from: &mut dyn Decoder) -> Decoded<Self>;
    /// Writes it.
    fn write(&self, to: &mut dyn Encoder);
}

/// A field of a generated structure: plain when the member is required, else an `Option`.
pub trait Field {
    /// Reads the member's value into the field.
    fn set(&mut self, from: &mut dyn Decoder) -> Decoded<()>;
    /// Writes the member when it is present.
    fn put(&self, member: usize, to: &mut dyn Encoder);
}

impl<T: Value> Field for T {
    fn set(&mut self, from: &mut dyn Decoder) -> Decoded<()> {
        *self = T::read(from)?;
        Ok(())
    }

    fn put(&self, member: usize, to: &mut dyn Encoder) {
        to.member(member);
        self.write(to);
    }
}

impl<T: Value> Field for Option<T> {
    fn set(&mut self, from: &mut dyn Decoder) -> Decoded<()> {
        *self = Some(T::read(from)?);
        Ok(())
    }

    fn put(&self, member: usize, to: &mut dyn Encoder) {
        if let Some(value) = self {
            to.member(member);
            value.write(to);
        }
    }
}

/// [`Field::set`] for a structure that contains itself.
pub fn set_boxed<T: Shape>(field: &mut Option<Box<T>>, from: &mut dyn Decoder) -> Decoded<()> {
    *field = Some(Box::new(T::read(from)?));
    Ok(())
}

/// [`Field::put`] for a structure that contains itself.
pub fn put_boxed<T: Shape>(field: &Option<Box<T>>, member: usize, to: &mut dyn Encoder) {
    if let Some(value) = field {
        to.member(member);
        value.as_ref().write(to);
    }
}

impl<T: Shape> Value for T {
    fn read(from: &mut dyn Decoder) -> Decoded<T> {
        let mut value = T::default();
        from.structure(&mut |member, from| value.set(member, from))?;
        Ok(value)
    }

    fn write(&self, to: &mut dyn Encoder) {
        to.open_structure();
        self.emit(to);
        to.close();
    }
}

impl<T: Value> Value for Vec<T> {
    fn read(from: &mut dyn Decoder) -> Decoded<Vec<T>> {
        let mut items = Vec::new();
        from.list(&mut |from| {
            items.push(T::read(from)?);
            Ok(())
        })?;
        Ok(items)
    }

    fn write(&self, to: &mut dyn Encoder) {
        to.open_list(self.len());
        for item in self {
            to.item();
            item.write(to);
        }
        to.close();
    }
}

impl<T: Value> Value for BTreeMap<String, T> {
    fn read(from: &mut dyn Decoder) -> Decoded<BTreeMap<String, T>> {
        let mut entries = BTreeMap::new();
        from.map(&mut |key, from| {
            entries.insert(key, T::read(from)?);
            Ok(())
        })?;
        Ok(entries)
    }

    fn write(&self, to: &mut dyn Encoder) {
        to.open_map(self.len());
        for (key, value) in self {
            to.key(key);
            value.write(to);
        }
        to.close();
    }
}

macro_rules! scalars {
    ($($type:ty: |$from:ident| $read:expr, |$value:ident, $to:ident| $write:expr;)*) => {
        $(impl Value for $type {
            fn read($from: &mut dyn Decoder) -> Decoded<$type> {
                $read
            }

            fn write(&self, $to: &mut dyn Encoder) {
                let $value = self;
                $write
            }
        })*
    };
}

scalars! {
    bool: |from| from.boolean(), |value, to| to.boolean(*value);
    i32: |from| from.integer(), |value, to| to.long(i64::from(*value));
    i64: |from| from.long(), |value, to| to.long(*value);
    f32: |from| Ok(from.double()? as f32), |value, to| to.float(*value);
    f64: |from| from.double(), |value, to| to.double(*value);
    String: |from| from.string(), |value, to| to.string(value);
    Bytes: |from| from.blob(), |value, to| to.blob(value);
    Timestamp: |from| from.timestamp(), |value, to| to.timestamp(*value);
    Document: |from| from.document(), |value, to| to.document(value);
}
