//! Finished requests as witnesses hear of them: see [`yakumo_room::Witness`].
//!
//! Invariant: nothing is gathered for a service that nobody listens to.

use crate::address::wire_head;
use crate::body::{Body, BoxError};
use crate::front::Front;
use crate::record::{Trip, host};
use bytes::Bytes;
use futures_util::Stream;
use http::Response;
use http::request::Parts;
use http_body::Body as _;
use http_body_util::BodyDataStream;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use yakumo_room::{Finished, World};
use yakumo_wire::router::rooted;

/// Gives an answer a body that tells of the request when it has been sent; without a witness, the answer as it is.
pub fn overheard(front: &Front, head: &Parts, trip: &Trip, response: Response<Body>) -> Response<Body> {
    let addressed = trip.addressed.as_ref();
    let service = addressed.map(|addressed| addressed.service).or(trip.named.map(|(service, _)| service));
    let Some(service) = service else { return response };
    let world = front.world();
    if !world.is_heard(service.name) {
        return response;
    }
    let asked = wire_head(head, None);
    let took = trip.began().elapsed();
    let is_beside = trip.named.is_some();
    let finished = Finished {
        request_id: trip.request_id.clone(),
        service: service.name,
        operation: addressed.filter(|_| !is_beside).map(|addressed| addressed.operation.name),
        region: trip.region,
        caller: trip.caller.clone(),
        access_key_id: trip.access_key_id.clone(),
        at: world.base.clock.now().plus_millis(-millis(took)),
        source_ip: trip.peer().remote.ip(),
        tls: trip.peer().cipher,
        method: head.method.clone(),
        uri: head.uri.path_and_query().map_or("/", |uri| uri.as_str()).to_owned(),
        path: rooted(service, &asked, true).into_owned(),
        version: head.version,
        host: host(head).to_owned(),
        headers: head.headers.clone(),
        status: response.status().as_u16(),
        error: trip.error.clone(),
        answer: response.headers().clone(),
        sent_bytes: 0,
        turn_around: took,
        took,
    };
    let (head, body) = response.into_parts();
    let ending = Ending { world, began: trip.began(), finished };
    let length = body.size_hint().exact();
    if length == Some(0) {
        // Nobody asks a body of no bytes for its end.
        drop(ending);
        return Response::from_parts(head, body);
    }
    let body = Counted { body: BodyDataStream::new(body), ending };
    Response::from_parts(head, Body::stream(body, length))
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Tells when it goes.
struct Ending {
    world: Arc<World>,
    began: Instant,
    finished: Finished,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.finished.took = self.began.elapsed();
        self.world.tell(&self.finished);
    }
}

/// A body that counts what is sent of it.
struct Counted {
    body: BodyDataStream<Body>,
    ending: Ending,
}

impl Stream for Counted {
    type Item = Result<Bytes, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.body).poll_next(context));
        if let Some(Ok(bytes)) = &next {
            self.ending.finished.sent_bytes += bytes.len() as u64;
        }
        Poll::Ready(next)
    }
}
