//! One service calls another: the same way as a client's request from the access rule on, without a wire between.
//!
//! Invariant: no handler runs before its caller is allowed, here as at the front door.

use crate::{Caller, Ctx, Decided, Facts, Input, Registered, World, host_now};
use std::sync::Arc;
use yakumo_aws::{Error, Region, Result, Timestamp};
use yakumo_wire::Operation;

/// A call that a service made on its own, when it has ended: for whoever keeps a record of requests.
#[derive(Clone, Debug)]
pub struct Background {
    /// Its id.
    pub request_id: Arc<str>,
    /// The service that was called.
    pub service: &'static str,
    /// The operation that was called.
    pub operation: &'static str,
    /// The region that it acted in.
    pub region: Region,
    /// As whom the service called.
    pub caller: Arc<Caller>,
    /// What the policies were asked.
    pub decided: Vec<Decided>,
    /// The HTTP status that a client would have got.
    pub status: u16,
    /// The error's code and message, when it ended in one.
    pub error: Option<(String, String)>,
    /// Host time of its begin.
    pub began: Timestamp,
}

impl Ctx {
    /// Calls an operation of another service as `caller`, with what it decided kept in the record of this request.
    /// When that is the caller of this request, policies see that it came by way of this service (`aws:CalledVia`).
    ///
    /// # Errors
    /// Those of the operation, AccessDenied among them; 501 when the operation is not implemented.
    pub async fn call<O: Operation>(
        &self,
        operation: O,
        caller: Arc<Caller>,
        input: O::Input,
    ) -> Result<O::Output>
    where
        O::Input: Sync,
    {
        let mut via = Vec::new();
        if Arc::ptr_eq(&caller, self.caller()) {
            via.clone_from(&self.circumstances().via);
            via.push(format!("{}.amazonaws.com", self.service()));
        }
        let row = row(self.world(), &operation)?;
        let inner = self.inner(O::SERVICE, row, caller, via);
        let outcome = run(&inner, row, operation, input).await;
        self.keep_decided(inner.take_decided());
        outcome
    }
}

impl World {
    /// Calls an operation on behalf of background work, as `caller`. It is recorded as clients' requests are.
    ///
    /// # Errors
    /// As [`Ctx::call`]; and when the world is being stopped.
    pub async fn call<O: Operation>(
        self: &Arc<World>,
        operation: O,
        caller: Arc<Caller>,
        region: Region,
        input: O::Input,
    ) -> Result<O::Output>
    where
        O::Input: Sync,
    {
        let visit = self.enter().ok_or_else(|| Error::internal("the cloud is stopping"))?;
        let (request_id, began) = (Arc::<str>::from(self.base.ids.uuid()), host_now());
        let facts = Facts::internal(request_id.clone());
        let row = row(self, &operation)?;
        let ctx = Ctx::new(visit, O::SERVICE, row, caller.clone(), region, facts);
        let outcome = run(&ctx, row, operation, input).await;
        let (service, operation, decided) = (O::SERVICE, O::NAME, ctx.take_decided());
        let failed = outcome.as_ref().err();
        let status = failed.map_or(200, |error| error.status);
        let error = failed.map(|error| (error.code.to_string(), error.message.clone()));
        self.record(Background {
            request_id,
            service,
            operation,
            region,
            caller,
            decided,
            status,
            error,
            began,
        });
        outcome
    }
}

pub(crate) fn row<'a, O: Operation>(world: &'a World, _operation: &O) -> Result<&'a dyn Registered> {
    world.room(O::SERVICE).and_then(|room| room.operation(O::NAME)).ok_or_else(|| {
        let text = format!("yakumo does not implement {} {}.", O::SERVICE, O::NAME);
        Error::sender("NotImplemented", text).with_status(501)
    })
}

pub(crate) async fn run<O: Operation>(
    ctx: &Ctx,
    row: &dyn Registered,
    _operation: O,
    input: O::Input,
) -> Result<O::Output>
where
    O::Input: Sync,
{
    let input: Input = Box::new(input);
    for need in row.needs(ctx, &input).await?.unwrap_or_default() {
        ctx.authorize(need)?;
    }
    let output = row.handle(ctx.clone(), input).await;
    if let Some(fault) = ctx.fault() {
        return Err(fault);
    }
    let output = output?;
    if row.authorises_inside() && !ctx.has_decided() {
        return Err(Error::internal(format!("{} answered without asking for permission", O::NAME)));
    }
    let output = output.downcast::<O::Output>();
    output.map(|output| *output).map_err(|_| Error::internal(format!("{} answered something else", O::NAME)))
}
