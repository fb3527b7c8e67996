//! Who else may use a snapshot, and the same for images: accounts, or everybody.
//!
//! Source: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html>

use super::Snapshot;
use crate::access::{self, Asked};
use crate::commit::{change, only_if};
use crate::error;
use crate::nouns::{self, Home};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use yakumo_api_ec2::{
    self as api, CreateVolumePermission, DescribeSnapshotAttributeInput, DescribeSnapshotAttributeOutput,
    ModifySnapshotAttributeInput, ModifySnapshotAttributeOutput, ResetSnapshotAttributeInput,
    ResetSnapshotAttributeOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room};

/// The most accounts that one thing is shared with: AWS's limit for snapshots and images.
const ACCOUNTS_MAX: usize = 1_000;

/// Who may use something besides its owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Permissions {
    /// Everybody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// These accounts.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accounts: BTreeSet<String>,
}

impl Permissions {
    /// Whether an account may.
    pub(crate) fn has(&self, account: &str) -> bool {
        self.all || self.accounts.contains(account)
    }

    /// With those added and without those removed, each a group or an account.
    ///
    /// # Errors
    /// InvalidParameterValue, InvalidUserID.Malformed.
    pub(crate) fn changed(&self, add: &[Who], remove: &[Who]) -> Result<Permissions> {
        let mut changed = self.clone();
        for (list, is_added) in [(add, true), (remove, false)] {
            for who in list {
                match who {
                    Who::Group(group) if group == "all" => changed.all = is_added,
                    Who::Group(group) => {
                        return Err(error::invalid_value(group, "userGroup", "The only group is all."));
                    }
                    Who::Account(id) if id.len() != 12 || !id.bytes().all(|byte| byte.is_ascii_digit()) => {
                        let text = format!("Invalid user id: \"{id}\"");
                        return Err(Error::sender("InvalidUserID.Malformed", text));
                    }
                    Who::Account(id) if is_added => _ = changed.accounts.insert(id.clone()),
                    Who::Account(id) => _ = changed.accounts.remove(id),
                }
            }
        }
        match changed.accounts.len() > ACCOUNTS_MAX {
            true => Err(error::limit_exceeded("ResourceLimitExceeded", "accounts that it is shared with")),
            false => Ok(changed),
        }
    }
}

/// One that is added or removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// `all`.
    Group(String),
    /// An account's id.
    Account(String),
}

/// What is added and removed by a request in its newer form (lists of groups and accounts) or its older one (an operation type).
///
/// # Errors
/// InvalidParameterCombination for both, MissingParameter for neither.
pub(crate) fn changes(
    lists: Option<(Vec<Who>, Vec<Who>)>,
    operation: Option<&str>,
    groups: Option<&Vec<String>>,
    accounts: Option<&Vec<String>>,
) -> Result<(Vec<Who>, Vec<Who>)> {
    let groups = groups.into_iter().flatten().cloned().map(Who::Group);
    let named: Vec<Who> = groups.chain(accounts.into_iter().flatten().cloned().map(Who::Account)).collect();
    match (lists, operation) {
        (Some(_), _) if !named.is_empty() => {
            let text = "Both forms of the parameters are given: use one of them.";
            Err(error::invalid_parameter_combination(text))
        }
        (Some(lists), _) => Ok(lists),
        (None, Some("add")) if !named.is_empty() => Ok((named, Vec::new())),
        (None, Some("remove")) if !named.is_empty() => Ok((Vec::new(), named)),
        (None, Some(other)) if !["add", "remove"].contains(&other) => {
            Err(error::invalid_value(other, "operationType", "Expected add or remove."))
        }
        _ => Err(error::missing_parameter("operationType")),
    }
}

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::ModifySnapshotAttribute,
        access::needs("ec2:ModifySnapshotAttribute", modify_asked),
        modify_snapshot_attribute,
    )
    .on(
        api::DescribeSnapshotAttribute,
        access::needs("ec2:DescribeSnapshotAttribute", |input: &DescribeSnapshotAttributeInput| {
            Asked::on::<Snapshot>(&input.snapshot_id)
        }),
        describe_snapshot_attribute,
    )
    .on(
        api::ResetSnapshotAttribute,
        access::needs("ec2:ResetSnapshotAttribute", |input: &ResetSnapshotAttributeInput| {
            Asked::on::<Snapshot>(&input.snapshot_id)
        }),
        reset_snapshot_attribute,
    )
}

fn who(list: Option<&Vec<CreateVolumePermission>>) -> Vec<Who> {
    let of = |one: &CreateVolumePermission| {
        one.group.clone().map(Who::Group).or_else(|| one.user_id.clone().map(Who::Account))
    };
    list.into_iter().flatten().filter_map(of).collect()
}

fn wanted(input: &ModifySnapshotAttributeInput) -> Result<(Vec<Who>, Vec<Who>)> {
    let lists = input.create_volume_permission.as_ref();
    let lists = lists.map(|lists| (who(lists.add.as_ref()), who(lists.remove.as_ref())));
    changes(lists, input.operation_type.as_deref(), input.group_names.as_ref(), input.user_ids.as_ref())
}

fn modify_asked(input: &ModifySnapshotAttributeInput) -> Asked {
    let mut asked = Asked::on::<Snapshot>(&input.snapshot_id);
    // What cannot be read is refused by the handler.
    let Ok((add, remove)) = wanted(input) else { return asked };
    for (list, what) in [(add, "Add"), (remove, "Remove")] {
        let groups = list
            .iter()
            .filter_map(|who| if let Who::Group(group) = who { Some(group.clone()) } else { None });
        let groups: Vec<String> = groups.collect();
        let accounts =
            list.iter().filter_map(|who| if let Who::Account(id) = who { Some(id.clone()) } else { None });
        let accounts: Vec<String> = accounts.collect();
        for (values, kind) in [(groups, "group"), (accounts, "userId")] {
            if !values.is_empty() {
                asked = asked.with(&format!("ec2:{what}/{kind}"), values);
            }
        }
    }
    asked
}

fn check_attribute(name: &str) -> Result<()> {
    match name {
        "createVolumePermission" => Ok(()),
        "productCodes" => Err(error::not_implemented("product codes of snapshots")),
        other => Err(error::invalid_value(other, "attribute", "Unknown attribute.")),
    }
}

async fn set(
    ctx: &Ctx,
    dry_run: Option<bool>,
    id: &str,
    step: impl Fn(&Permissions) -> Result<Permissions> + Sync,
) -> Result<()> {
    change(ctx, dry_run, |tx| {
        let step = &step;
        async move {
            let before: Snapshot = nouns::find(&tx, Home::of(ctx), id).await?;
            let permissions = step(&before.permissions)?;
            nouns::put(&tx, Some(&before), &Snapshot { permissions, ..before.clone() });
            Ok(())
        }
    })
    .await
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySnapshotAttribute.html>
async fn modify_snapshot_attribute(
    ctx: Ctx,
    input: ModifySnapshotAttributeInput,
) -> Result<ModifySnapshotAttributeOutput> {
    check_attribute(input.attribute.as_deref().unwrap_or("createVolumePermission"))?;
    let (add, remove) = wanted(&input)?;
    set(&ctx, input.dry_run, &input.snapshot_id, |before| before.changed(&add, &remove)).await?;
    Ok(ModifySnapshotAttributeOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshotAttribute.html>
async fn describe_snapshot_attribute(
    ctx: Ctx,
    input: DescribeSnapshotAttributeInput,
) -> Result<DescribeSnapshotAttributeOutput> {
    let snapshot: Snapshot = nouns::look_up(&ctx, Home::of(&ctx), &input.snapshot_id).await?;
    let mut output = DescribeSnapshotAttributeOutput { snapshot_id: Some(snapshot.id), ..Default::default() };
    match input.attribute.as_str() {
        "productCodes" => output.product_codes = Some(Vec::new()),
        name => {
            check_attribute(name)?;
            let Permissions { all, accounts } = snapshot.permissions;
            let group = all.then(|| CreateVolumePermission { group: Some("all".into()), user_id: None });
            let users =
                accounts.into_iter().map(|id| CreateVolumePermission { user_id: Some(id), group: None });
            output.create_volume_permissions = Some(group.into_iter().chain(users).collect());
        }
    }
    only_if(input.dry_run)?;
    Ok(output)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ResetSnapshotAttribute.html>
async fn reset_snapshot_attribute(
    ctx: Ctx,
    input: ResetSnapshotAttributeInput,
) -> Result<ResetSnapshotAttributeOutput> {
    check_attribute(&input.attribute)?;
    set(&ctx, input.dry_run, &input.snapshot_id, |_| Ok(Permissions::default())).await?;
    Ok(ResetSnapshotAttributeOutput {})
}
