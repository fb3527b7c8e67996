//! Changes of a queue's record: one at a time, committed with their row of the change feed, and seen by every request
//! that comes after the acknowledgement.

use crate::queue::registry::Registry;
use crate::state::QueueRecord;
use crate::{access, error, redrives};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// Changes the record of the queue that a URL names. `work` fails without a trace, or changes the record.
pub async fn change_record(
    ctx: &Ctx,
    url: &str,
    work: impl FnOnce(&mut QueueRecord) -> Result<()> + Send,
) -> Result<()> {
    let (account, name) = access::named(ctx, url)?;
    let changing = ctx.state::<Registry>().change().await;
    let queue = changing.find(account, ctx.region(), name).await?.ok_or_else(error::queue_does_not_exist)?;
    let before = queue.settings().record.clone();
    let mut after = before.clone();
    work(&mut after)?;
    if after.attributes.redrive != before.attributes.redrive {
        redrives::check_target(&changing, &after).await?;
    }
    if after == before {
        return Ok(());
    }
    let scope = ctx.scope().with_account(account);
    changing.announce(&queue);
    let committed = ctx
        .transact(|tx| {
            let (before, after) = (before.clone(), after.clone());
            async move {
                tx.put_resource(&scope, Some(&before), &after);
                Ok(())
            }
        })
        .await;
    changing.renew(&queue).await?;
    committed
}
