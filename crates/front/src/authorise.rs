//! Step 5: everything an operation needs must be allowed before its handler runs.

use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Input, Registered};

/// Asks the policies for all that the operation's access rule names. The first denial ends it.
pub async fn authorise(row: &dyn Registered, ctx: &Ctx, input: &Input) -> Result<()> {
    for need in row.needs(ctx, input).await?.unwrap_or_default() {
        ctx.authorize(need)?;
    }
    Ok(())
}

/// After the handler: one that had to ask for itself and did not, or asked for what its rule does not declare, is a
/// fault of ours, and its answer is withheld.
pub fn check_asked(row: &dyn Registered, ctx: &Ctx, has_succeeded: bool) -> Result<()> {
    if let Some(fault) = ctx.fault() {
        return Err(fault);
    }
    if has_succeeded && row.authorises_inside() && !ctx.has_decided() {
        return Err(Error::internal(format!("{} answered without asking for permission", row.name())));
    }
    Ok(())
}

/// Puts a denial into the service's own words, wherever it was found: by the access rule or inside the handler.
pub async fn told(row: &dyn Registered, ctx: &Ctx, mut error: Error) -> Error {
    let room = ctx.world().room(ctx.service()).filter(|_| error.code == "AccessDenied" && ctx.has_decided());
    let Some(room) = room else { return error };
    match room.refuse(ctx, row.name(), error.message.clone()).await {
        Ok(message) => {
            error.message = message;
            error
        }
        Err(error) => error,
    }
}
