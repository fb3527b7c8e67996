//! Requests that are for no operation but that a room answers nevertheless: a browser's preflight, a form, a page.
//!
//! Invariant: what such a request proves of its sender is verified here, as every signature is.

use crate::address::{self, wire_head};
use crate::body::Body;
use crate::front::Front;
use crate::identify::prove_form;
use crate::known::shared;
use crate::reader::Reader;
use crate::record::Trip;
use crate::stream;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use parking_lot::Mutex;
use std::sync::Arc;
use yakumo_aws::{Error, Region, Result};
use yakumo_room::{Beside, Caller, Errand, Identify, Proof, Reply, Visit, World};
use yakumo_wire::model::Service;
use yakumo_wire::router::rooted;
use yakumo_wire::{Addressed, Head, Protocol};

/// A side door that a request goes through.
struct Through<'w> {
    name: &'static str,
    door: &'w dyn Beside,
    is_own_host: bool,
}

fn through<'w>(front: &Front, world: &'w World, head: &Head<'_>) -> Option<Through<'w>> {
    world.beside().find_map(|(name, door)| {
        let is_own_host = door.hosts(head.host);
        let takes = is_own_host || door.takes(head) && front.router.serves(head, name);
        takes.then_some(Through { name, door, is_own_host })
    })
}

/// Answers a request that is for no operation; `None` for all others.
pub async fn answer(
    front: &Front,
    world: &Visit,
    head: &Parts,
    body: &mut Reader<'_>,
    trip: &mut Trip,
) -> Option<Result<Response<Body>>> {
    let asked = wire_head(head, None);
    let Through { name, door, is_own_host } = through(front, world, &asked)?;
    let service = front.router.service(name)?;
    if !trip.peer().arrival.serves(service.signing_name) {
        return Some(Err(address::unknown_service()));
    }
    trip.named = Some((service, service.protocols.first().copied().unwrap_or(Protocol::RestXml)));
    let path = if is_own_host { asked.path.into() } else { rooted(service, &asked, true) };
    let desk = Desk { front, world, head, trip: Mutex::new(trip) };
    let facts = desk.trip.lock().facts(head);
    let errand = Errand {
        head: Head { path: &path, ..asked },
        facts,
        identify: &desk,
        world: world.clone(),
        decided: Mutex::default(),
    };
    let body = match stream::verified(body.take(), &HeaderMap::new(), None) {
        Ok(body) => body,
        Err(error) => return Some(Err(error)),
    };
    let outcome = door.answer(&errand, body).await;
    let decided = errand.decided.into_inner();
    desk.trip.into_inner().decided.extend(decided);
    Some(outcome.map(response))
}

/// The path that a request means, as the head has it, when the room's side door knows another one.
pub fn elsewhere(world: &World, head: &Head<'_>, service: &'static Service) -> Option<String> {
    let door = world.room(service.name)?.beside_door()?;
    let path = rooted(service, head, true);
    let front = path.len().saturating_sub(head.path.len());
    let meant = door.elsewhere(&Head { path: &path, ..*head }, service)?;
    Some(meant.get(front..).filter(|path| !path.is_empty()).unwrap_or("/").to_owned())
}

/// What the room says of a request that is for none of its operations.
pub fn unknown(world: &World, head: &Head<'_>, service: &'static Service) -> Option<Error> {
    let door = world.room(service.name)?.beside_door()?;
    let path = rooted(service, head, true);
    door.unknown(&Head { path: &path, ..*head }, service)
}

/// Asks the room's side door about a request for one of its operations.
///
/// # Errors
/// What the room says is wrong with it.
pub fn check(world: &World, head: &Parts, addressed: &Addressed) -> Result<()> {
    let door = world.room(addressed.service.name).and_then(|room| room.beside_door());
    match door.and_then(|door| door.refused(&wire_head(head, None), addressed)) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Adds what a room has to say on the answer of one of its operations.
pub async fn finish(front: &Front, head: &Parts, trip: &Trip, response: &mut Response<Body>) {
    let addressed = trip.addressed.as_ref().map(|addressed| addressed.service);
    let Some(service) = addressed.or(trip.named.map(|(service, _)| service)) else { return };
    let Some(world) = front.world().enter() else { return };
    let Some(door) = world.room(service.name).and_then(|room| room.beside_door()) else { return };
    let asked = wire_head(head, None);
    let path = rooted(service, &asked, true);
    let status = response.status().as_u16();
    let added = door.headers(Head { path: &path, ..asked }, trip.caller.as_deref(), status).await;
    for (name, value) in added {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().append(name, value);
        }
    }
}

/// The region in which a request acts that does not name one.
pub async fn region(world: &World, name: &'static str, head: Head<'_>) -> Result<Region> {
    match world.room(name).and_then(|room| room.beside_door()) {
        Some(door) => door.region(head).await,
        None => Ok(Region::US_EAST_1),
    }
}

fn response(reply: Reply) -> Response<Body> {
    let length = reply.headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, length)| length.parse().ok());
    let body = Body::stream(reply.body.map(|piece| piece.map_err(Into::into)), length);
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(&value)) {
            answer.headers_mut().append(name, value);
        }
    }
    answer
}

/// Where forms are verified.
struct Desk<'a> {
    front: &'a Front,
    world: &'a World,
    head: &'a Parts,
    trip: Mutex<&'a mut Trip>,
}

impl Identify for Desk<'_> {
    fn identify<'a>(&'a self, proof: &'a Proof) -> BoxFuture<'a, Result<(Arc<Caller>, Option<Region>)>> {
        Box::pin(async move {
            let arrival = self.trip.lock().peer().arrival.clone();
            let outcome = prove_form(self.front, self.world, self.head, &arrival, proof).await;
            let mut trip = self.trip.lock();
            match outcome {
                Ok((credentials, region)) => {
                    trip.caller = Some(credentials.caller.clone());
                    trip.access_key_id = Some(shared(&credentials.access_key_id));
                    trip.region = region;
                    Ok((credentials.caller.clone(), region))
                }
                Err((error, unproved)) => {
                    trip.unproved = unproved;
                    Err(error)
                }
            }
        })
    }
}
