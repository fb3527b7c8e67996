//! What a room answers beside its operations: requests that no API model describes, such as those of browsers.
//!
//! Invariant: whatever such a request leads to goes through an operation with its access rule.

use crate::call::{row, run};
use crate::{Caller, Credentials, Ctx, Decided, Facts, Signed, Visit, World};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use std::sync::Arc;
use yakumo_aws::{Error, Region, Result};
use yakumo_wire::model::Service;
use yakumo_wire::{Addressed, ByteStream, Head, Operation};

/// An answer in plain words.
#[derive(Debug, Default)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: ByteStream,
}

/// What the fields of a form present to prove who sent it.
#[derive(Clone, Debug, Default)]
pub struct Proof {
    /// `AWS4-HMAC-SHA256`; nothing for Signature Version 2.
    pub algorithm: Option<String>,
    /// `KEY/DATE/REGION/SERVICE/aws4_request`, or with Version 2 the access key id alone.
    pub credential: String,
    /// When it was signed, `YYYYMMDDTHHMMSSZ`; with Version 2 nothing.
    pub date: String,
    /// In hexadecimal, or with Version 2 in Base64.
    pub signature: String,
    /// The session token.
    pub token: Option<String>,
    /// What is signed, byte for byte.
    pub message: String,
}

/// Verifies proofs: the front door's business.
pub trait Identify: Send + Sync {
    /// The caller behind a proof, and the region that it was signed for, where it says so.
    ///
    /// # Errors
    /// AWS's for what is wrong with it.
    fn identify<'a>(&'a self, proof: &'a Proof) -> BoxFuture<'a, Result<(Arc<Caller>, Option<Region>)>>;
}

/// A request beside the API on its way through a room.
pub struct Errand<'a> {
    /// The request's head. Its path begins with what stands in front of the service's name in the host, unless the host
    /// is one that the room named as its own.
    pub head: Head<'a>,
    /// What it says of itself.
    pub facts: Facts,
    /// Verifies who sent it.
    pub identify: &'a dyn Identify,
    /// All rooms.
    pub world: Visit,
    /// What the policies were asked on the way.
    pub decided: Mutex<Vec<Decided>>,
}

impl Errand<'_> {
    /// Calls an operation of the room as `caller`, who proved to be it as `signed` says, through its access rule as if a
    /// client had asked for it.
    ///
    /// # Errors
    /// Those of the operation, AccessDenied among them.
    pub async fn call<O: Operation>(
        &self,
        operation: O,
        caller: Arc<Caller>,
        region: Region,
        signed: Option<Signed>,
        input: O::Input,
    ) -> Result<O::Output>
    where
        O::Input: Sync,
    {
        let row = row(&self.world, &operation)?;
        let facts = Facts { beside: true, signed, ..self.facts.clone() };
        let ctx = Ctx::new(self.world.clone(), O::SERVICE, row, caller, region, facts);
        let outcome = run(&ctx, row, operation, input).await;
        self.decided.lock().extend(ctx.take_decided());
        outcome
    }
}

/// A room's side door.
pub trait Beside: Send + Sync {
    /// Whether all requests to this host (without its port) come here, whatever they ask for.
    fn hosts(&self, host: &str) -> bool;

    /// Whether this request, which is for the room's service, is not for one of its operations.
    fn takes(&self, head: &Head<'_>) -> bool;

    /// The path that a request means, when the room's service answers at more paths than its model says. The head's path
    /// begins with what stands in front of the service's name in the host, and so does the answer.
    fn elsewhere(&self, _head: &Head<'_>, _service: &'static Service) -> Option<String> {
        None
    }

    /// What is wrong with a request that is for none of the room's operations, when the room has words of its own for it.
    /// The head is as for [`Beside::elsewhere`].
    fn unknown(&self, _head: &Head<'_>, _service: &'static Service) -> Option<Error> {
        None
    }

    /// What is wrong with a request for one of the room's operations, whose sender is known, that its model does not say.
    fn refused(&self, _head: &Head<'_>, _addressed: &Addressed) -> Option<Error> {
        None
    }

    /// Answers such a request.
    ///
    /// # Errors
    /// What the service answers, in its protocol.
    fn answer<'a>(&'a self, errand: &'a Errand<'a>, body: ByteStream) -> BoxFuture<'a, Result<Reply>>;

    /// The region in which a request acts whose signature does not name one.
    fn region<'a>(&'a self, head: Head<'a>) -> BoxFuture<'a, Result<Region>>;

    /// The credentials of a session that the room itself has opened, by their access key id and their token, as they are
    /// for this operation; `None` when they are none of its.
    fn session<'a>(
        &'a self,
        _world: &'a World,
        _operation: &'a str,
        _access_key_id: &'a str,
        _token: &'a str,
    ) -> BoxFuture<'a, Result<Option<Arc<Credentials>>>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// Headers that an answer with this status gets beyond those of its operation. `caller` is who asked, once verified.
    fn headers<'a>(
        &'a self,
        head: Head<'a>,
        caller: Option<&'a Caller>,
        status: u16,
    ) -> BoxFuture<'a, Vec<(&'static str, String)>>;
}

impl World {
    /// The rooms that have a side door.
    pub fn beside(&self) -> impl Iterator<Item = (&'static str, &dyn Beside)> {
        self.doors().iter().filter_map(|name| Some((*name, self.room(name)?.beside_door()?)))
    }
}
