//! One request, step by step. Each step is a file; this one only puts them in order.
//!
//! Invariant: no handler runs before its caller is known and allowed, and every request is recorded, even one whose
//! client does not wait for the answer.

use crate::arrival::{self, Arrival};
use crate::body::{Body, Inbound};
use crate::front::Front;
use crate::listen::Peer;
use crate::reader::Reader;
use crate::record::Trip;
use crate::{address, authorise, beside, control, decode, dispatch, encode, identify, overheard};
use futures_util::FutureExt;
use http::HeaderValue;
use http::header::{CONNECTION, EXPECT};
use http::request::Parts;
use http::{Request, Response};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use yakumo_aws::Result;
use yakumo_room::{Ctx, Input, Output, Registered};

/// Answers one request.
pub async fn answer(front: Arc<Front>, request: Request<Inbound>, peer: Peer) -> Response<Body> {
    let (head, body) = request.into_parts();
    // Who is inside of a network is no owner of the cloud: such a path is then nothing special.
    if control::is_control(head.uri.path()) && peer.arrival == Arrival::Main {
        return Box::pin(control::answer(&front, head, body, peer)).await;
    }
    let mut trip = Trip::begin(&front, peer);
    let mut body = Reader::new(body, front.settings.body_bytes_max, &front.bodies);
    let steps = AssertUnwindSafe(steps(&front, &head, &mut body, &mut trip)).catch_unwind();
    let outcome =
        steps.await.unwrap_or_else(|panic| Err(dispatch::panicked("a step of the front door", &*panic)));
    let mut response = match outcome {
        Ok(Answer::Beside(response)) => response,
        Ok(Answer::Operation(response)) => encode::response(&mut trip, Ok(response)),
        Err(error) => encode::response(&mut trip, Err(error)),
    };
    beside::finish(&front, &head, &trip, &mut response).await;
    // A client that still waits for `100 Continue` has not sent its body and must not be asked for it now.
    // Nor does anybody know whether a handler that failed has asked for it.
    let has_failed = response.status().as_u16() >= 400 && body.is_taken();
    let has_waited = head.headers.contains_key(EXPECT) && (has_failed || !body.is_read());
    if has_waited || !body.drain().await {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    trip.status = response.status().as_u16();
    overheard::overheard(&front, &head, &trip, response)
}

/// What the steps lead to.
enum Answer {
    /// The answer of an operation.
    Operation(yakumo_wire::Response),
    /// The answer of a room to what is none of its operations.
    Beside(Response<Body>),
}

async fn steps(front: &Front, head: &Parts, body: &mut Reader<'_>, trip: &mut Trip) -> Result<Answer> {
    let visit = front.enter().await.ok_or_else(encode::stopping)?;
    let world = visit.clone();
    let came = arrival::through(&world, trip).await;
    if came.is_ok()
        && let Some(answer) = beside::answer(front, &world, head, body, trip).await
    {
        return answer.map(Answer::Beside);
    }
    let claim = identify::claim(head);
    let addressed = address::address(front, &world, head, &claim, body, trip).await?;
    // Said once the service is known, in its protocol.
    came?;
    let identity = identify::identify(front, &world, head, claim, &addressed, body, trip).await?;
    beside::check(&world, head, &addressed)?;
    let row = dispatch::row(&world, &addressed)?;
    let read = identity.head.as_ref().unwrap_or(head);
    let input = decode::decode(row, &addressed, read, body, identity.seal).await?;
    let ctx =
        Ctx::new(visit, addressed.service.name, row, identity.caller, identity.region, trip.facts(head));
    trip.ctx = Some(ctx.clone());
    let outcome = match allowed(row, &ctx, input).await {
        Err(error) => Err(authorise::told(row, &ctx, error).await),
        answered => answered,
    };
    trip.settle();
    encode::output(row, &addressed, outcome?, &trip.request_id).map(Answer::Operation)
}

async fn allowed(row: &dyn Registered, ctx: &Ctx, input: Input) -> Result<Output> {
    authorise::authorise(row, ctx, &input).await?;
    let output = dispatch::run(row, ctx.clone(), input).await;
    authorise::check_asked(row, ctx, output.is_ok())?;
    output
}
