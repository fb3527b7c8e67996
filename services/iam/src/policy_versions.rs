//! Versions of managed policies.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html>

use crate::error;
use crate::identities::encode_document;
use crate::managed;
use crate::paging::Asked;
use crate::policies::{check_document, edit, look_up};
use crate::state::policy::VERSIONS_MAX;
use crate::state::{Policy, PolicyVersion};
use yakumo_api_iam::{
    CreatePolicyVersionInput, CreatePolicyVersionOutput, DeletePolicyVersionInput, DeletePolicyVersionOutput,
    GetPolicyVersionInput, GetPolicyVersionOutput, ListPolicyVersionsInput, ListPolicyVersionsOutput,
    PolicyVersion as Shown, SetDefaultPolicyVersionInput, SetDefaultPolicyVersionOutput,
};
use yakumo_aws::{Result, Timestamp};
use yakumo_room::Ctx;

/// A version as answers show it; only GetPolicyVersion has the document.
fn shown(number: u32, default: u32, created: Timestamp, document: Option<&str>) -> Shown {
    Shown {
        document: document.map(encode_document),
        version_id: Some(format!("v{number}")),
        is_default_version: Some(number == default),
        create_date: Some(created),
    }
}

/// The number in a version id of this policy.
fn number(policy: &Policy, arn: &str, version_id: &str) -> Result<u32> {
    let number = Policy::version_number(version_id).filter(|number| policy.versions.contains_key(number));
    number.ok_or_else(|| error::policy_version_not_found(arn, version_id))
}

pub(crate) async fn create_policy_version(
    ctx: Ctx,
    input: CreatePolicyVersionInput,
) -> Result<CreatePolicyVersionOutput> {
    check_document(&input.policy_document)?;
    let now = ctx.now();
    let version = edit(&ctx, &input.policy_arn, |policy| {
        if policy.versions.len() >= VERSIONS_MAX {
            return Err(error::too_many_versions(VERSIONS_MAX));
        }
        let number = policy.next_version;
        policy.next_version += 1;
        let version = PolicyVersion { document: input.policy_document.clone(), created: now };
        policy.versions.insert(number, version);
        if input.set_as_default == Some(true) {
            policy.default_version = number;
            policy.updated = now;
        }
        Ok(shown(number, policy.default_version, now, None))
    })
    .await?;
    Ok(CreatePolicyVersionOutput { policy_version: Some(version) })
}

pub(crate) async fn get_policy_version(
    ctx: Ctx,
    input: GetPolicyVersionInput,
) -> Result<GetPolicyVersionOutput> {
    let (arn, id) = (&input.policy_arn, &input.version_id);
    let version = match managed::find(arn) {
        Some(policy) if Policy::version_number(id) == Some(policy.version()) => {
            shown(policy.version(), policy.version(), policy.updated(), Some(&policy.document()))
        }
        // Only the version in force is known of AWS's policies.
        Some(_) => return Err(error::policy_version_not_found(arn, id)),
        None => {
            let policy = look_up(&ctx, arn).await?;
            let number = number(&policy, arn, id)?;
            let version =
                policy.versions.get(&number).ok_or_else(|| error::policy_version_not_found(arn, id))?;
            shown(number, policy.default_version, version.created, Some(&version.document))
        }
    };
    Ok(GetPolicyVersionOutput { policy_version: Some(version) })
}

/// The newest version comes first.
pub(crate) async fn list_policy_versions(
    ctx: Ctx,
    input: ListPolicyVersionsInput,
) -> Result<ListPolicyVersionsOutput> {
    let arn = &input.policy_arn;
    let versions = match managed::find(arn) {
        Some(policy) => vec![shown(policy.version(), policy.version(), policy.updated(), None)],
        None => {
            let policy = look_up(&ctx, arn).await?;
            let default = policy.default_version;
            let newest_first = policy.versions.iter().rev();
            newest_first.map(|(number, version)| shown(*number, default, version.created, None)).collect()
        }
    };
    // Newest first is descending, and pages go up: the key counts down.
    let keyed: Vec<(String, Shown)> = versions
        .into_iter()
        .map(|version| {
            let number = version.version_id.as_deref().and_then(Policy::version_number).unwrap_or_default();
            (format!("{:010}", u32::MAX - number), version)
        })
        .collect();
    let page = Asked::new(&input.marker, input.max_items).slice(keyed, |(key, _)| key)?;
    let is_truncated = page.is_truncated();
    let versions = page.items.into_iter().map(|(_, version)| version).collect();
    Ok(ListPolicyVersionsOutput { versions: Some(versions), is_truncated, marker: page.marker })
}

pub(crate) async fn delete_policy_version(
    ctx: Ctx,
    input: DeletePolicyVersionInput,
) -> Result<DeletePolicyVersionOutput> {
    edit(&ctx, &input.policy_arn, |policy| {
        let number = number(policy, &input.policy_arn, &input.version_id)?;
        if number == policy.default_version {
            return Err(error::default_version());
        }
        policy.versions.remove(&number);
        Ok(())
    })
    .await?;
    Ok(DeletePolicyVersionOutput {})
}

pub(crate) async fn set_default_policy_version(
    ctx: Ctx,
    input: SetDefaultPolicyVersionInput,
) -> Result<SetDefaultPolicyVersionOutput> {
    let now = ctx.now();
    edit(&ctx, &input.policy_arn, |policy| {
        policy.default_version = number(policy, &input.policy_arn, &input.version_id)?;
        policy.updated = now;
        Ok(())
    })
    .await?;
    Ok(SetDefaultPolicyVersionOutput {})
}
