//! What brings interfaces to instances and takes them away: the network first, then the record.
//!
//! Invariant: an interface is said to be attached when packets obey, and free when none of it is left in the instance.

use super::{NetworkInterface, Progress};
use crate::commit::change;
use crate::instances::{context, places};
use crate::network;
use std::sync::Arc;
use std::time::Duration;
use yakumo_aws::Result;
use yakumo_room::{Reconciler, World};

/// The reconciler's name.
pub(crate) const NAME: &str = "ec2.network-interfaces";
/// How long it rests when nobody nudges it.
const EVERY: Duration = Duration::from_secs(10);

/// The work.
pub(crate) fn reconciler() -> Reconciler {
    Reconciler::new(NAME, EVERY, run)
}

async fn run(world: Arc<World>) -> Result<()> {
    let mut due: Vec<NetworkInterface> = Vec::new();
    for home in places(&world.base).await? {
        let all: Vec<NetworkInterface> = network::all(&world.base, &home.scope()).await?;
        due.extend(all.into_iter().filter(|interface| interface.progress() != Progress::Attached));
    }
    if due.is_empty() {
        return Ok(());
    }
    network::apply(&world.base).await?;
    for seen in &due {
        settle(&world, seen).await?;
    }
    Ok(())
}

/// Says that what was seen has been done, unless somebody has wanted something else since.
async fn settle(world: &Arc<World>, seen: &NetworkInterface) -> Result<()> {
    let Some(ctx) = context(world, seen.home) else { return Ok(()) };
    change(&ctx, None, |tx| async move {
        let found: Option<NetworkInterface> = tx.get(&seen.home.scope(), &[&seen.id]).await?;
        let Some(before) = found.filter(|found| found.attachment == seen.attachment) else { return Ok(()) };
        let mut after = before.clone();
        match before.progress() {
            Progress::Attaching => {
                if let Some(attachment) = &mut after.attachment {
                    attachment.progress = Progress::Attached;
                }
            }
            Progress::Detaching => after.attachment = None,
            Progress::Attached => {}
        }
        crate::nouns::put(&tx, Some(&before), &after);
        Ok(())
    })
    .await
}
