//! What the API shows of snapshots, and DescribeSnapshots.

use super::Snapshot;
use crate::access;
use crate::filters::{Filtered, Filters, fact};
use crate::images;
use crate::nouns::{Home, Noun};
use crate::pages::Wanted;
use crate::shared;
use crate::tags::{self, Tags};
use yakumo_api_ec2::{self as api, DescribeSnapshotsInput, DescribeSnapshotsOutput};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(api::DescribeSnapshots, access::reads("ec2:DescribeSnapshots"), describe_snapshots)
}

/// What the API shows of a snapshot.
pub(super) fn shown(snapshot: &Snapshot) -> api::Snapshot {
    api::Snapshot {
        tags: tags::shown(&snapshot.tags).filter(|tags| !tags.is_empty()),
        storage_tier: Some("standard".into()),
        completion_time: snapshot.done,
        snapshot_id: Some(snapshot.id.clone()),
        volume_id: Some(snapshot.volume.clone()),
        state: Some(snapshot.state().into()),
        state_message: match &snapshot.file {
            crate::volumes::File::Failed(text) => Some(text.clone()),
            _ => None,
        },
        start_time: Some(snapshot.started),
        progress: Some(if snapshot.state() == "completed" { "100%" } else { "0%" }.into()),
        owner_id: Some(snapshot.home.account.to_string()),
        owner_alias: images::alias(snapshot.home.account.as_str()),
        description: Some(snapshot.description.clone()),
        volume_size: Some(snapshot.gib),
        encrypted: Some(false),
        ..api::Snapshot::default()
    }
}

struct Seen(Snapshot, bool);

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &[
        "description",
        "encrypted",
        "owner-alias",
        "owner-id",
        "progress",
        "snapshot-id",
        "start-time",
        "status",
        "storage-tier",
        "transfer-type",
        "volume-id",
        "volume-size",
    ];

    fn facts(&self, filter: &str) -> Vec<String> {
        let seen = shown(&self.0);
        match filter {
            "description" => fact(seen.description),
            "encrypted" => fact("false".to_owned()),
            "owner-alias" => fact(seen.owner_alias),
            "owner-id" => fact(seen.owner_id),
            "progress" => fact(seen.progress),
            "snapshot-id" => fact(seen.snapshot_id),
            "start-time" => fact(self.0.started.to_date_time()),
            "status" => fact(seen.state),
            "storage-tier" => fact(seen.storage_tier),
            "transfer-type" => Vec::new(),
            "volume-id" => fact(seen.volume_id),
            _ => fact(self.0.gib.to_string()),
        }
    }

    /// AWS: an account sees its own tags alone.
    fn tags(&self) -> Option<&Tags> {
        self.1.then_some(&self.0.tags)
    }
}

/// Whether an account may make volumes of it, in the words of RestorableBy.
fn is_restorable_by(snapshot: &Snapshot, who: &str, home: Home) -> bool {
    match who {
        "all" => snapshot.permissions.all,
        "self" => snapshot.is_for(home),
        account => {
            snapshot.home.account.as_str() == account || snapshot.permissions.accounts.contains(account)
        }
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshots.html>
async fn describe_snapshots(ctx: Ctx, input: DescribeSnapshotsInput) -> Result<DescribeSnapshotsOutput> {
    let filters = Filters::of::<Seen>(input.filters.as_ref())?;
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    wanted.without_ids(input.snapshot_ids.as_ref(), "snapshotIdSet")?;
    let (home, ids) = (Home::of(&ctx), input.snapshot_ids.unwrap_or_default());
    let mut all: Vec<Snapshot> = shared::everybodys(&ctx).await?;
    all.retain(|snapshot| snapshot.is_for(home));
    all.extend(images::built_in_snapshots(ctx.region()));
    for id in &ids {
        Snapshot::check_id(id)?;
        if !all.iter().any(|snapshot| snapshot.id == *id) {
            return Err(Snapshot::not_found(id));
        }
    }
    let owners = input.owner_ids.unwrap_or_default();
    let is_owned = |snapshot: &Snapshot| {
        let account = snapshot.home.account;
        owners.is_empty()
            || owners.iter().any(|owner| match owner.as_str() {
                "self" => account == home.account,
                "amazon" | "aws-marketplace" => images::alias(account.as_str()).as_ref() == Some(owner),
                other => account.as_str() == other,
            })
    };
    if let Some(odd) = owners.iter().find(|owner| {
        !["self", "amazon", "aws-marketplace"].contains(&owner.as_str())
            && (owner.len() != 12 || !owner.bytes().all(|byte| byte.is_ascii_digit()))
    }) {
        return Err(Error::sender("InvalidUserID.Malformed", format!("Invalid user id: \"{odd}\"")));
    }
    let restorers = input.restorable_by_user_ids.unwrap_or_default();
    let is_restorable = |snapshot: &Snapshot| {
        restorers.is_empty() || restorers.iter().any(|who| is_restorable_by(snapshot, who, home))
    };
    let mut found: Vec<Seen> = all
        .into_iter()
        .filter(|snapshot| ids.is_empty() || ids.contains(&snapshot.id))
        .filter(|snapshot| is_owned(snapshot) && is_restorable(snapshot))
        .map(|snapshot| {
            let is_own = snapshot.home.account == home.account;
            let tags = if is_own { snapshot.tags.clone() } else { Tags::new() };
            Seen(Snapshot { tags, ..snapshot }, is_own)
        })
        .filter(|seen| filters.pass(seen))
        .collect();
    found.sort_by(|one, other| one.0.id.cmp(&other.0.id));
    let page = wanted.cut(found, |Seen(snapshot, _)| snapshot.id.clone())?;
    Ok(DescribeSnapshotsOutput {
        snapshots: Some(page.items.iter().map(|Seen(snapshot, _)| shown(snapshot)).collect()),
        next_token: page.next_token,
    })
}
