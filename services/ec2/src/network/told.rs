//! What the networks were told last, and how it follows the commits: a changed rule does not read every record again.
//!
//! Invariant: what this does not understand, it reads anew. Every record that `network::wanted` reads is written with a row of the
//! change feed, or with a record that is; a place alone (an account in a region) changes nothing.

use super::{name_of, words};
use crate::network_acls::NetworkAcl;
use crate::route_tables::RouteTable;
use crate::security_groups::SecurityGroup;
use std::collections::BTreeMap;
use yakumo_aws::{Error, Result};
use yakumo_net::Topology;
use yakumo_net::topology::Label;
use yakumo_room::store::{Change, Order};
use yakumo_room::{Base, Record, Resource};

/// How many rows are looked at: after more, reading everything is as fast.
const ROWS: usize = 256;
/// What begins the types of this room's resources.
const OURS: &str = "AWS::EC2::";
/// Those of them that no network depends on.
const OTHERS: [&str; 7] = [
    "Image",
    "KeyPair",
    "LaunchTemplate",
    "NetworkInsightsAnalysis",
    "NetworkInsightsPath",
    "Snapshot",
    "Volume",
];

/// What was told.
pub(super) struct Told {
    /// The last commit that it has.
    upto: Order,
    /// What the records say.
    pub topology: Topology,
}

impl Told {
    /// Reads everything.
    pub(super) async fn read(base: &Base) -> Result<Told> {
        // Before the records: what is committed meanwhile is looked at once more.
        let upto = *base.store.watch_changes().borrow();
        Ok(Told { upto, topology: super::wanted(base).await? })
    }

    /// Takes in what was committed since; nothing when that is to be read anew.
    pub(super) async fn follow(mut self, base: &Base) -> Result<Option<Told>> {
        let changes = base.store.changes(self.upto, ROWS).await?;
        if changes.missed || changes.rows.len() >= ROWS {
            return Ok(None);
        }
        for row in &changes.rows {
            if !take(&mut self.topology, &row.change)? {
                return Ok(None);
            }
        }
        self.upto = changes.next;
        Ok(Some(self))
    }
}

/// Takes in a change; `false` when everything is to be read.
fn take(topology: &mut Topology, change: &Change) -> Result<bool> {
    let Some(kind) = change.resource_type.strip_prefix(OURS) else { return Ok(true) };
    match kind {
        _ if OTHERS.contains(&kind) => Ok(true),
        "SecurityGroup" => {
            let Some((_, after)) = both::<SecurityGroup>(change)? else { return Ok(false) };
            rename(topology, &after, Some(after.name.clone()));
            Ok(replace(&mut topology.groups, &after.id, words::group(&after)))
        }
        "NetworkAcl" => {
            let Some((before, after)) = both::<NetworkAcl>(change)? else { return Ok(false) };
            rename(topology, &after, None);
            let moved = before.associations != after.associations;
            Ok(!moved && replace(&mut topology.acls, &after.id, words::acl(&after)))
        }
        "RouteTable" => {
            let Some((before, after)) = both::<RouteTable>(change)? else { return Ok(false) };
            rename(topology, &after, None);
            let moved = before.associations != after.associations;
            Ok(!moved && replace(&mut topology.route_tables, &after.id, words::route_table(&after)))
        }
        _ => Ok(false),
    }
}

/// The record before and after, when it was and is there.
fn both<R: Record>(change: &Change) -> Result<Option<(R, R)>> {
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return Ok(None) };
    let read = |bytes: &[u8]| R::from_bytes(bytes).map_err(Error::internal);
    Ok(Some((read(before)?, read(after)?)))
}

/// Whether it was there.
fn replace<T>(map: &mut BTreeMap<String, T>, id: &str, value: T) -> bool {
    map.get_mut(id).map(|known| *known = value).is_some()
}

/// These three are labelled by nothing but a name.
fn rename<R: Resource>(topology: &mut Topology, record: &R, own: Option<String>) {
    let id = record.id().concat();
    match name_of(record).or(own) {
        Some(name) => topology.labels.insert(id, Label { name: Some(name), ..Label::default() }),
        None => topology.labels.remove(&id),
    };
}

#[cfg(test)]
mod tests {
    use super::{OTHERS, take};
    use yakumo_net::Topology;
    use yakumo_room::store::Change;

    #[test]
    fn what_is_not_understood_is_read_anew() {
        let mut topology = Topology::default();
        let mut taken = |kind: &str| {
            let change = Change { resource_type: kind.to_owned(), ..Change::default() };
            take(&mut topology, &change).expect("a change without records")
        };
        assert!(taken("AWS::SQS::Queue") && OTHERS.iter().all(|kind| taken(&format!("AWS::EC2::{kind}"))));
        // A group that comes or goes, and what nobody has thought of.
        for kind in
            ["SecurityGroup", "RouteTable", "NetworkAcl", "Subnet", "Instance", "NetworkInterface", "New"]
        {
            assert!(!taken(&format!("AWS::EC2::{kind}")), "{kind}");
        }
    }
}
