//! Step 7: finds the row of an operation and runs its handler.
//!
//! A handler always runs to its end: when the client goes away, the rest of it moves to a task of its own, so that what
//! was committed is also applied. A panic becomes 500 InternalFailure and the process lives.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Input, Output, Registered, World};
use yakumo_wire::Addressed;

/// The row of an operation, or 501 naming it.
pub fn row<'w>(world: &'w World, addressed: &Addressed) -> Result<&'w dyn Registered> {
    let (service, operation) = (addressed.service.name, addressed.operation.name);
    let row = world.room(service).and_then(|room| room.operation(operation));
    row.ok_or_else(|| {
        let text = format!("yakumo does not implement {service} {operation}.");
        Error::sender("NotImplemented", text).with_status(501).with_fault(yakumo_aws::Fault::Receiver)
    })
}

/// Runs the handler behind a row.
pub async fn run(row: &dyn Registered, ctx: Ctx, input: Input) -> Result<Output> {
    let work = AssertUnwindSafe(row.handle(ctx.clone(), input)).catch_unwind();
    let name = row.name();
    let work = async move { work.await.unwrap_or_else(|panic| Err(panicked(name, &*panic))) };
    Handling { ctx, work: Some(Box::pin(work)) }.await
}

/// What a panic becomes: an error that does not tell the client what broke.
pub fn panicked(place: &str, panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
    tracing::error!(place, panic = text, "a panic on the way of a request");
    Error::internal(format!("{place} panicked: {text}"))
}

/// A handler at work. Dropped before its end, it goes on in the background.
struct Handling {
    ctx: Ctx,
    work: Option<BoxFuture<'static, Result<Output>>>,
}

impl Future for Handling {
    type Output = Result<Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<Output>> {
        let Some(work) = self.work.as_mut() else { return Poll::Pending };
        let outcome = std::task::ready!(work.poll_unpin(context));
        self.work = None;
        Poll::Ready(outcome)
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.ctx.set_gone();
            tokio::spawn(work);
        }
    }
}
