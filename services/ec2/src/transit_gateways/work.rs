//! What time does to transit gateways and what belongs to them: what was deleted is forgotten.

use super::TransitGateway;
use crate::commit::change;
use crate::nouns::{self, Home, Noun};
use crate::transit_gateway_attachments::TransitGatewayAttachment;
use crate::transit_gateway_route_tables::TransitGatewayRouteTable;
use crate::work;
use yakumo_aws::{Result, Timestamp};
use yakumo_room::Ctx;

/// How long something deleted is still shown.
/// DIFFERS: AWS says only that it stays visible for a while after the deletion; here that is an hour.
const KEPT_MS: i64 = 3_600_000;

/// A noun that is shown for a while after its end.
pub(crate) trait Ending: Noun {
    /// When it ended.
    fn ended(&self) -> Option<Timestamp>;
}

impl Ending for TransitGateway {
    fn ended(&self) -> Option<Timestamp> {
        self.ended
    }
}

/// Does what is due for a transit gateway, an attachment or a route table of one.
pub(crate) async fn tend(ctx: &Ctx, id: &str) -> Result<()> {
    if id.starts_with(TransitGatewayAttachment::PREFIX) {
        forget::<TransitGatewayAttachment>(ctx, id).await
    } else if id.starts_with(TransitGatewayRouteTable::PREFIX) {
        forget::<TransitGatewayRouteTable>(ctx, id).await
    } else {
        forget::<TransitGateway>(ctx, id).await
    }
}

async fn forget<N: Ending>(ctx: &Ctx, id: &str) -> Result<()> {
    let (home, now) = (Home::of(ctx), ctx.now());
    let is_due = |noun: &N| {
        let until = noun.ended().map(|ended| ended.plus_millis(KEPT_MS).as_millis());
        until.is_some_and(|until| until <= now.as_millis())
    };
    let seen: Option<N> = ctx.get(&home.scope(), &[id]).await?;
    if seen.is_some_and(|noun| !is_due(&noun)) {
        return Ok(());
    }
    change(ctx, None, |tx| async move {
        if let Some(noun) = tx.get::<N>(&home.scope(), &[id]).await? {
            nouns::delete(&tx, &noun);
        }
        work::is_done(&tx, id);
        Ok(())
    })
    .await
}
