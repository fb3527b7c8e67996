//! Work that waits: NAT gateways and VPC endpoints that come up or go down, peering requests that expire, and what is
//! kept for a while after its end.
//!
//! Invariant: a note stands for everything that time or this work will still change; it is written with the record that
//! it stands for, and removed in the transaction that ends it.

use crate::nouns::{ALL, Home};
use crate::{nat_gateways, transit_gateways, vpc_endpoints, vpc_peering_connections};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use yakumo_aws::{Error, Result};
use yakumo_room::store::Range;
use yakumo_room::{Caller, Ctx, Facts, Reconciler, Record, Scope, Tx, World};

/// The reconciler's name.
pub(crate) const NAME: &str = "ec2.work";
const EVERY: Duration = Duration::from_secs(2);

/// That something waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Note {
    home: Home,
    /// `nat-…`, `pcx-…`, `tgw-…`, `vpce-…`.
    id: String,
}

impl Record for Note {
    const TABLE: &'static str = "waiting";
}

fn shared() -> Scope {
    Scope { account: None, region: None, service: "ec2" }
}

/// Notes that something waits; ring [`NAME`] after the commit.
pub(crate) fn waits(tx: &Tx, home: Home, id: &str) {
    tx.put(&shared(), &[id], &Note { home, id: id.to_owned() });
}

/// Nothing waits there any more.
pub(crate) fn is_done(tx: &Tx, id: &str) {
    tx.delete::<Note>(&shared(), &[id]);
}

/// The work.
pub(crate) fn reconciler() -> Reconciler {
    Reconciler::new(NAME, EVERY, run)
}

async fn run(world: Arc<World>) -> Result<()> {
    let notes = Range::prefix(shared().key(Note::TABLE).build());
    let mut outcome = Ok(());
    for (_, bytes) in world.base.store.scan(notes, ALL).await? {
        let note = Note::from_bytes(&bytes).map_err(Error::internal)?;
        let Some(visit) = world.enter() else { return Ok(()) };
        let arn = note.home.arn("vpc", "*");
        let caller = Caller::service("ec2.amazonaws.com", &arn, note.home.account);
        let facts = Facts::internal(world.base.ids.uuid());
        let ctx = Ctx::question(visit, "ec2", Arc::new(caller), note.home.region, facts);
        let tended = match note.id.split_once('-').map_or("", |(prefix, _)| prefix) {
            "nat" => nat_gateways::tend(&ctx, &note.id).await,
            "tgw" => transit_gateways::tend(&ctx, &note.id).await,
            "vpce" => vpc_endpoints::tend(&ctx, &note.id).await,
            _ => vpc_peering_connections::tend(&ctx, &note.id).await,
        };
        if let Err(error) = tended {
            outcome = Err(error);
        }
    }
    outcome
}
