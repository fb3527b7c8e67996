//! Tidings on their way to queues.
//!
//! Invariant: a tiding goes only when its queue has taken it, or has said that it does not take it. A queue hears of the
//! changes of a key in their order; after a crash it may hear of one twice.

use crate::notifications::{SERVICE, message};
use crate::state::{Tiding, scope};
use std::sync::Arc;
use std::time::Duration;
use yakumo_api_sqs as sqs;
use yakumo_aws::{Arn, Error, Result};
use yakumo_room::store::{Batch, Range};
use yakumo_room::{Caller, Reconciler, Record, World};

/// The name of the reconciler.
pub const NAME: &str = "s3.notifications";

/// How many tidings are read at a time.
const PAGE: usize = 200;

/// Delivers what is noted.
pub fn reconciler() -> Reconciler {
    Reconciler::new(NAME, Duration::from_secs(1), run)
}

async fn run(world: Arc<World>) -> Result<()> {
    let mut range = Range::prefix(scope().key(Tiding::TABLE).build());
    // A queue that cannot take anything now is passed over, so that what follows does not overtake.
    let mut blocked: Option<String> = None;
    while !world.base.is_stopping() {
        let rows = world.base.store.scan(range.clone(), PAGE).await?;
        for (key, bytes) in &rows {
            let tiding = Tiding::from_bytes(bytes).map_err(Error::internal)?;
            if blocked.as_ref() == Some(&tiding.queue) {
                continue;
            }
            match deliver(&world, &tiding).await {
                Err(error) if error.status >= 500 => {
                    tracing::warn!(%error, queue = tiding.queue, "an event waits for its queue");
                    blocked = Some(tiding.queue);
                    continue;
                }
                // AWS: what a queue refuses is lost; nobody is told.
                Err(error) => tracing::warn!(%error, queue = tiding.queue, "a queue refused an event"),
                Ok(()) => {}
            }
            let mut batch = Batch::new();
            batch.delete(key.clone());
            world.base.store.commit(batch).await?;
        }
        match rows.last() {
            Some((key, _)) if rows.len() == PAGE => range = range.after(key.clone()),
            _ => return Ok(()),
        }
    }
    Ok(())
}

async fn deliver(world: &Arc<World>, tiding: &Tiding) -> Result<()> {
    let arn = format!("arn:{}:s3:::{}", tiding.region.partition().as_str(), tiding.bucket);
    let caller = Arc::new(Caller::service(SERVICE, &arn, tiding.owner));
    let letter = letter(&tiding.queue, message::of(tiding))?;
    world.call(sqs::SendMessage, caller, tiding.region, letter).await.map(drop)
}

/// A message for the queue of that ARN.
pub fn letter(queue: &str, body: String) -> Result<sqs::SendMessageInput> {
    let arn = Arn::parse(queue).map_err(Error::internal)?;
    // What stands in front of the path of a queue's URL does not matter within the cloud.
    let queue_url = format!("http://localhost/{}/{}", arn.account(), arn.resource());
    Ok(sqs::SendMessageInput { queue_url, message_body: body, ..Default::default() })
}
