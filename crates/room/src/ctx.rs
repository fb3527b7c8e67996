//! The context of one request: the only thing besides its input that a handler is given.

use crate::access::{self, Actions};
use crate::authorise::{self, Circumstances, Decided};
use crate::world::Visit;
use crate::{Base, Caller, Need, Registered, Scope, Through, Tx, World};
use parking_lot::Mutex;
use std::any::Any;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;
use yakumo_aws::{AccountId, Error, Region, Result, Timestamp};

/// What a request says of itself beyond its input.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The request id that the client gets back.
    pub request_id: Arc<str>,
    /// Where the request came from, as a public address sees it; `None` when a service made it, and when it came through
    /// a VPC endpoint.
    pub source_ip: Option<IpAddr>,
    /// The VPC endpoint that it came through.
    pub through: Option<Arc<Through>>,
    /// Whether it came over TLS.
    pub secure: bool,
    /// The version of TLS, as rustls writes it (`TLSv1_3`).
    pub tls: Option<&'static str>,
    /// How it proved who sent it; `None` when a service made it, and when it is anonymous.
    pub signed: Option<Signed>,
    /// `http://host:port` as the client addressed the cloud; URLs that are handed out begin with it.
    pub endpoint: Arc<str>,
    /// The `User-Agent` header.
    pub user_agent: Option<Arc<str>>,
    /// The `Referer` header.
    pub referer: Option<Arc<str>>,
    /// Whether it came through the room's side door (a form, a page) and not as an operation of the API.
    pub beside: bool,
    /// The name that it was signed with, when that is not the service's own (`s3express`).
    pub signing_name: Option<&'static str>,
}

/// How a request proved who sent it.
#[derive(Clone, Debug)]
pub struct Signed {
    /// `AWS4-HMAC-SHA256`, `AWS4-ECDSA-P256-SHA256`, or `AWS` for Signature Version 2.
    pub version: &'static str,
    /// Where the signature stands.
    pub place: SignedIn,
    /// When it was signed, by the host's time; `None` where it does not say.
    pub at: Option<Timestamp>,
    /// What it declares of its body: the hash, or words such as `UNSIGNED-PAYLOAD`. Of services that sign that only.
    pub payload: Option<Arc<str>>,
}

/// Where the signature of a request stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SignedIn {
    /// In the header `Authorization`.
    Header,
    /// In the query string of a presigned URL.
    Query,
    /// In the fields of a form that a browser posted.
    Form,
}

/// One request of one caller to one room. Cloning is cheap.
#[derive(Clone)]
pub struct Ctx(Arc<Inner>);

struct Inner {
    world: Visit,
    gone: AtomicBool,
    left: Notify,
    service: &'static str,
    operation: &'static str,
    actions: Actions,
    caller: Arc<Caller>,
    circumstances: Arc<Circumstances>,
    decided: Mutex<Vec<Decided>>,
    fault: OnceLock<String>,
}

impl Facts {
    /// What a request says that no client made, but a service on its own: background work.
    pub fn internal(request_id: impl Into<Arc<str>>) -> Facts {
        let endpoint = "http://127.0.0.1:4566".into();
        Facts {
            request_id: request_id.into(),
            source_ip: None,
            through: None,
            secure: true,
            tls: None,
            signed: None,
            endpoint,
            user_agent: None,
            referer: None,
            beside: false,
            signing_name: None,
        }
    }
}

impl Ctx {
    /// A context for the front door and for calls between rooms: one request for the operation in `row`.
    pub fn new(
        world: Visit,
        service: &'static str,
        row: &dyn Registered,
        caller: Arc<Caller>,
        region: Region,
        facts: Facts,
    ) -> Ctx {
        let circumstances = Circumstances::new(facts, region, world.base.clock.now(), &caller, Vec::new());
        Ctx::with(world, service, row, caller, circumstances)
    }

    /// A context in which nobody acts: for questions of what `caller` may do, see [`Ctx::ask`]. `room` is the service
    /// whose records are looked at.
    pub fn question(
        world: Visit,
        room: &'static str,
        caller: Arc<Caller>,
        region: Region,
        facts: Facts,
    ) -> Ctx {
        let circumstances = Circumstances::new(facts, region, world.base.clock.now(), &caller, Vec::new());
        Ctx::made(world, room, "", Actions::default(), caller, circumstances)
    }

    fn with(
        world: Visit,
        service: &'static str,
        row: &dyn Registered,
        caller: Arc<Caller>,
        circumstances: Arc<Circumstances>,
    ) -> Ctx {
        Ctx::made(world, service, row.name(), row.actions().clone(), caller, circumstances)
    }

    fn made(
        world: Visit,
        service: &'static str,
        operation: &'static str,
        actions: Actions,
        caller: Arc<Caller>,
        circumstances: Arc<Circumstances>,
    ) -> Ctx {
        Ctx(Arc::new(Inner {
            world,
            gone: AtomicBool::new(false),
            left: Notify::new(),
            service,
            operation,
            actions,
            caller,
            circumstances,
            decided: Mutex::default(),
            fault: OnceLock::new(),
        }))
    }

    /// The context of a call that this request makes of another service; `via` are the services on the way when the
    /// same caller goes on.
    pub(crate) fn inner(
        &self,
        service: &'static str,
        row: &dyn Registered,
        caller: Arc<Caller>,
        via: Vec<String>,
    ) -> Ctx {
        let outer = &self.0;
        // AWS: what a service asks for on its way does not come from the caller's network.
        // <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html>
        let facts = Facts { source_ip: None, through: None, ..self.facts().clone() };
        let now = outer.world.base.clock.now();
        let circumstances = Circumstances::new(facts, self.region(), now, &caller, via);
        Ctx::with(outer.world.clone(), service, row, caller, circumstances)
    }

    /// Keeps decisions that were made for this request elsewhere.
    pub(crate) fn keep_decided(&self, decided: Vec<Decided>) {
        self.0.decided.lock().extend(decided);
    }

    /// The service that the request is for, by the model's name.
    pub fn service(&self) -> &'static str {
        self.0.service
    }

    /// The operation that was asked for, by the model's name; empty where nobody asked for one.
    pub fn operation(&self) -> &'static str {
        self.0.operation
    }

    /// Waits until the client has gone away. A handler always runs to its end, so that what it committed is also
    /// applied; one that waits (a long poll) must stop waiting when this returns, and take nothing for the client.
    pub async fn gone(&self) {
        let left = self.0.left.notified();
        // Looked at only now: whoever leaves after this line wakes `left`.
        if !self.0.gone.load(Ordering::Acquire) {
            left.await;
        }
    }

    /// Notes that the client has gone away: the front door's business.
    pub fn set_gone(&self) {
        self.0.gone.store(true, Ordering::Release);
        self.0.left.notify_waiters();
    }

    /// Who asks.
    pub fn caller(&self) -> &Arc<Caller> {
        &self.0.caller
    }

    /// The account in which the request acts: the caller's.
    pub fn account(&self) -> AccountId {
        self.0.caller.account
    }

    /// The region that the request was signed for.
    pub fn region(&self) -> Region {
        self.0.circumstances.region
    }

    /// Account, region and service of this request, for keys.
    pub fn scope(&self) -> Scope {
        Scope { account: Some(self.account()), region: Some(self.region()), service: self.0.service }
    }

    /// The cloud's present.
    pub fn now(&self) -> Timestamp {
        self.0.world.base.clock.now()
    }

    /// What the request says of itself.
    pub fn facts(&self) -> &Facts {
        &self.0.circumstances.facts
    }

    /// Store, clock, ids and nudges.
    pub fn base(&self) -> &Arc<Base> {
        &self.0.world.base
    }

    /// All rooms: for the spine.
    pub fn world(&self) -> &Arc<World> {
        &self.0.world
    }

    /// The ARN of a resource of this service in the caller's account and region.
    pub fn arn(&self, resource: &str) -> String {
        let region = self.region();
        format!(
            "arn:{}:{}:{region}:{}:{resource}",
            region.partition().as_str(),
            self.0.service,
            self.account()
        )
    }

    /// What the room keeps in memory.
    ///
    /// # Panics
    /// When the room was registered with a state of another type, which its first request finds.
    pub fn state<T: Any + Send + Sync>(&self) -> &T {
        let room = self.0.world.room(self.0.service).expect("a request runs in a room that exists");
        room.state_as().expect("the room was registered with this state")
    }

    /// What the condition keys of this request are made from.
    pub(crate) fn circumstances(&self) -> &Arc<Circumstances> {
        &self.0.circumstances
    }

    /// Decides whether the caller may do this, records the decision, and fails with AWS's AccessDenied text if not.
    /// What is allowed is still refused when a tag policy is enforced that forbids its tags.
    /// An access rule that asks for an action it does not declare is a fault of ours: InternalFailure. So is, in debug
    /// builds, one that asks for what AWS does not publish (`reference/`).
    pub fn authorize(&self, need: Need) -> Result<()> {
        self.authorize_as(self.caller().clone(), need)
    }

    /// The same for somebody else than the request's caller: an identity that the handler itself has verified, such
    /// as the bearer of a web identity token, who has no credentials yet.
    pub fn authorize_as(&self, caller: Arc<Caller>, mut need: Need) -> Result<()> {
        if let Some(also) = need.also.take() {
            self.authorize_as(caller.clone(), *also)?;
        }
        self.check_rule(&need)?;
        let decided = authorise::decide(self, caller, need);
        let outcome = decided.outcome(&self.facts().endpoint).and_then(|()| decided.tagging(self.world()));
        let mut all = self.0.decided.lock();
        if all.is_empty() {
            // Most requests ask once, and what they asked is remembered for long.
            all.reserve_exact(1);
        }
        all.push(decided);
        outcome
    }

    /// Decides whether the caller might have this. Nothing is recorded and nothing follows from it.
    pub fn ask(&self, need: Need) -> Decided {
        authorise::decide(self, self.caller().clone(), need)
    }

    fn check_rule(&self, need: &Need) -> Result<()> {
        let (service, operation) = (self.0.service, self.0.operation);
        let Some(wrong) = access::wrong(service, operation, &self.0.actions, need) else { return Ok(()) };
        let text = format!("the access rule of {service} {operation}: {wrong}");
        tracing::error!("{text}");
        self.0.fault.get_or_init(|| text);
        self.fault().map_or(Ok(()), Err)
    }

    /// What is wrong with the access rule, if anything was found: the answer must be withheld, whatever the handler
    /// made of the error that it got.
    pub fn fault(&self) -> Option<Error> {
        let fault = self.0.fault.get()?;
        let mut error = Error::internal(fault.as_str());
        if cfg!(debug_assertions) {
            // Who builds a room wants to read it; who runs a release has the log.
            error.message = fault.clone();
        }
        Some(error)
    }

    /// The decisions made for this request so far. Not to be held over an `await`.
    pub(crate) fn decided(&self) -> parking_lot::MutexGuard<'_, Vec<Decided>> {
        self.0.decided.lock()
    }

    /// The decisions made for this request so far, taken out.
    pub fn take_decided(&self) -> Vec<Decided> {
        std::mem::take(&mut *self.0.decided.lock())
    }

    /// Whether anything was asked of the policies yet.
    pub fn has_decided(&self) -> bool {
        !self.0.decided.lock().is_empty()
    }

    /// Reads and writes records atomically: `ctx.transact(|tx| async move { … })`. `work` is run again when somebody
    /// else changed what it read, so it must have no other effect than through the transaction.
    pub async fn transact<T, F, R>(&self, work: F) -> Result<T>
    where
        F: Fn(Tx) -> R,
        R: Future<Output = Result<T>>,
    {
        self.base().store.transact(|transaction| work(Tx::new(transaction, self.clone()))).await
    }
}
