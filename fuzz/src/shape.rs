//! A structure of any shape, read as its model says and thrown away: so that every modelled operation can be decoded,
//! whether a room implements it or not.

use std::cell::Cell;
use yakumo_wire::model::{Kind, Service, ShapeId};
use yakumo_wire::{Decoded, Decoder, Shape};

thread_local! {
    static NEXT: Cell<Option<(&'static Service, ShapeId)>> = const { Cell::new(None) };
}

/// Says what the next [`Anything`] is.
pub fn expect(service: &'static Service, shape: ShapeId) {
    NEXT.set(Some((service, shape)));
}

/// The outermost structure.
#[derive(Default)]
pub struct Anything;

impl Shape for Anything {
    fn set(&mut self, member: usize, from: &mut dyn Decoder) -> Decoded<()> {
        let Some((service, shape)) = NEXT.get() else { return Ok(()) };
        match service.shape(shape).members.get(member) {
            Some(member) => read(service, member.target, from),
            None => Ok(()),
        }
    }
}

fn read(service: &'static Service, id: ShapeId, from: &mut dyn Decoder) -> Decoded<()> {
    let shape = service.shape(id);
    match shape.kind {
        Kind::Boolean => from.boolean().map(drop),
        Kind::Integer => from.integer().map(drop),
        Kind::Long => from.long().map(drop),
        Kind::Float | Kind::Double => from.double().map(drop),
        Kind::String => from.string().map(drop),
        Kind::Blob => from.blob().map(drop),
        Kind::Timestamp => from.timestamp().map(drop),
        Kind::Structure if shape.document() => from.document().map(drop),
        Kind::Structure => from.structure(&mut |index, from| match shape.members.get(index) {
            Some(member) => read(service, member.target, from),
            None => Ok(()),
        }),
        Kind::List => from.list(&mut |from| read(service, shape.element, from)),
        Kind::Map => from.map(&mut |_, from| read(service, shape.element, from)),
    }
}
