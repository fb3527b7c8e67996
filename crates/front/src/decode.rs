//! Step 4: the request becomes the operation's typed input; the model's constraints are checked here, once.

use crate::address::wire_head;
use crate::identify::Seal;
use crate::reader::Reader;
use crate::stream;
use http::request::Parts;
use yakumo_aws::Result;
use yakumo_room::{Input, Registered};
use yakumo_wire::{Addressed, Body, Request};

/// Decodes a request whose sender is known.
pub async fn decode(
    row: &dyn Registered,
    addressed: &Addressed,
    head: &Parts,
    body: &mut Reader<'_>,
    seal: Option<Seal>,
) -> Result<Input> {
    let body = if addressed.streams() {
        Body::Stream(stream::verified(body.take(), &head.headers, seal)?)
    } else {
        Body::Full(body.whole().await?.clone())
    };
    row.decode(addressed, Request { head: wire_head(head, None), body })
}
