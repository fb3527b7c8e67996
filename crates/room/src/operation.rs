//! A registered operation: decode, needs, handle, encode behind one object, so that the spine knows no service.

use crate::access::Actions;
use crate::{Access, Ctx, Need};
use futures_util::future::BoxFuture;
use std::any::Any;
use std::future::Future;
use yakumo_aws::{Error, Result};
use yakumo_wire::{Addressed, Operation, Request, Response};

/// A decoded input on its way through the pipeline.
pub type Input = Box<dyn Any + Send + Sync>;
/// A handler's output on its way back.
pub type Output = Box<dyn Any + Send>;

/// One row of a room's table.
pub trait Registered: Send + Sync {
    /// The operation's name in the model.
    fn name(&self) -> &'static str;
    /// The IAM actions that the operation may ask for; nothing when it needs no permission.
    fn actions(&self) -> &Actions;
    /// Decodes and checks the request against the model.
    fn decode(&self, addressed: &Addressed, request: Request<'_>) -> Result<Input>;
    /// What must be allowed before the handler may run; `None` when that is decided elsewhere.
    fn needs<'a>(&'a self, ctx: &'a Ctx, input: &'a Input) -> BoxFuture<'a, Result<Option<Vec<Need>>>>;
    /// Whether the handler itself asks for permission.
    fn authorises_inside(&self) -> bool;
    /// Runs the handler.
    fn handle(&self, ctx: Ctx, input: Input) -> BoxFuture<'static, Result<Output>>;
    /// Encodes what the handler returned.
    fn encode(&self, addressed: &Addressed, output: Output, request_id: &str) -> Result<Response>;
}

/// Ties an operation to its access rule and its handler.
pub(crate) struct Row<O: Operation, H> {
    pub(crate) access: Access<O::Input>,
    pub(crate) handler: H,
}

fn wrong_type(operation: &str) -> Error {
    Error::internal(format!("{operation} was handed a value of another operation"))
}

impl<O, H, F> Registered for Row<O, H>
where
    O: Operation,
    O::Input: Sync,
    H: Fn(Ctx, O::Input) -> F + Send + Sync + 'static,
    F: Future<Output = Result<O::Output>> + Send + 'static,
{
    fn name(&self) -> &'static str {
        O::NAME
    }

    fn actions(&self) -> &Actions {
        self.access.actions()
    }

    fn decode(&self, addressed: &Addressed, request: Request<'_>) -> Result<Input> {
        Ok(Box::new(yakumo_wire::decode::<O::Input>(addressed, request)?))
    }

    fn needs<'a>(&'a self, ctx: &'a Ctx, input: &'a Input) -> BoxFuture<'a, Result<Option<Vec<Need>>>> {
        Box::pin(async move {
            let input = input.downcast_ref::<O::Input>().ok_or_else(|| wrong_type(O::NAME))?;
            self.access.resolve(ctx, input).await
        })
    }

    fn authorises_inside(&self) -> bool {
        self.access.is_inside()
    }

    fn handle(&self, ctx: Ctx, input: Input) -> BoxFuture<'static, Result<Output>> {
        match input.downcast::<O::Input>() {
            Ok(input) => {
                let future = (self.handler)(ctx, *input);
                Box::pin(async move { future.await.map(|output| Box::new(output) as Output) })
            }
            Err(_) => Box::pin(std::future::ready(Err(wrong_type(O::NAME)))),
        }
    }

    fn encode(&self, addressed: &Addressed, output: Output, request_id: &str) -> Result<Response> {
        let output = output.downcast::<O::Output>().map_err(|_| wrong_type(O::NAME))?;
        Ok(yakumo_wire::encode(addressed, *output, request_id))
    }
}
