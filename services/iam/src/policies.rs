//! Managed policies: those of the account and those of AWS.

use crate::error;
use crate::identities::{change, under_path, unique_id};
use crate::managed::{self, ManagedPolicy};
use crate::paging::Asked;
use crate::quotas::{self, Quota};
use crate::state::grants::policy_chars;
use crate::state::{Attachment, PARTITION, Policy, PolicyVersion, Usage, fold, home, split_arn};
use crate::tags;
use std::collections::{BTreeMap, HashSet};
use yakumo_api_iam::{
    CreatePolicyInput, CreatePolicyOutput, DeletePolicyInput, DeletePolicyOutput, GetPolicyInput,
    GetPolicyOutput, ListEntitiesForPolicyInput, ListEntitiesForPolicyOutput, ListPoliciesInput,
    ListPoliciesOutput, ListPolicyTagsInput, ListPolicyTagsOutput, Policy as Shown, PolicyGroup, PolicyRole,
    PolicyUser, TagPolicyInput, TagPolicyOutput, UntagPolicyInput, UntagPolicyOutput, policy_scope_type,
};
use yakumo_aws::{AccountId, Result};
use yakumo_policy::{Document, PolicyKind};
use yakumo_room::{Ctx, Resource, Tx};

/// AWS: the quota of a managed policy's length.
const POLICY_CHARS_MAX: usize = 6_144;
/// Rows of attachments that are counted or looked through at once; more identities than an account may have.
const ATTACHMENTS_BATCH: usize = 50_000;
/// Policies that are looked through at once; more than an account may have.
const POLICIES_BATCH: usize = 50_000;

/// The identities that use a policy.
async fn attachments(ctx: &Ctx, arn: &str, usage: Option<Usage>) -> Result<Vec<Attachment>> {
    let scope = home(ctx.account());
    match usage {
        Some(usage) => ctx.list(&scope, &[arn, usage.as_str()], None, ATTACHMENTS_BATCH).await,
        None => ctx.list(&scope, &[arn], None, ATTACHMENTS_BATCH).await,
    }
}

pub(crate) async fn count(ctx: &Ctx, arn: &str, usage: Usage) -> Result<i32> {
    let rows = attachments(ctx, arn, Some(usage)).await?.len();
    Ok(i32::try_from(rows).unwrap_or(i32::MAX))
}

async fn shown(ctx: &Ctx, policy: &Policy, in_full: bool) -> Result<Shown> {
    let arn = policy.arn();
    Ok(Shown {
        policy_name: Some(policy.name.clone()),
        policy_id: Some(policy.unique_id.clone()),
        path: Some(policy.path.clone()),
        default_version_id: Some(format!("v{}", policy.default_version)),
        attachment_count: Some(count(ctx, &arn, Usage::Permissions).await?),
        permissions_boundary_usage_count: Some(count(ctx, &arn, Usage::Boundary).await?),
        is_attachable: Some(true),
        description: policy.description.clone().filter(|_| in_full),
        create_date: Some(policy.created),
        update_date: Some(policy.updated),
        tags: tags::shown_if_any(&policy.tags).filter(|_| in_full),
        arn: Some(arn),
    })
}

async fn shown_of_aws(ctx: &Ctx, policy: &ManagedPolicy) -> Result<Shown> {
    let arn = policy.arn();
    Ok(Shown {
        policy_name: Some(policy.name().to_owned()),
        policy_id: Some(policy.unique_id()),
        path: Some(policy.path().to_owned()),
        default_version_id: Some(format!("v{}", policy.version())),
        attachment_count: Some(count(ctx, &arn, Usage::Permissions).await?),
        permissions_boundary_usage_count: Some(count(ctx, &arn, Usage::Boundary).await?),
        is_attachable: Some(true),
        create_date: Some(policy.created()),
        update_date: Some(policy.updated()),
        arn: Some(arn),
        ..Shown::default()
    })
}

/// Fails unless the text is the ARN that a policy of AWS or of some account can have, in this partition.
/// AWS: the parts that are judged are in its notice at <https://github.com/cloud-gov/aws-broker/issues/383>.
pub(crate) fn check_arn(arn: &str) -> Result<()> {
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = fields.as_slice() else {
        return Err(error::invalid_arn(arn));
    };
    let named = |c: char| c.is_ascii_alphanumeric() || "/+=,.@_-".contains(c);
    let is_name = |name: &str| !name.is_empty() && !name.ends_with('/') && name.chars().all(named);
    let is_owner = *account == "aws" || AccountId::parse(account).is_some();
    if !is_owner || !resource.strip_prefix("policy/").is_some_and(is_name) {
        return Err(error::invalid_arn(arn));
    }
    if *partition == PARTITION { Ok(()) } else { Err(error::invalid_partition()) }
}

/// The folded name in the ARN of one of this account's policies.
fn own_name(account: AccountId, arn: &str) -> Result<String> {
    check_arn(arn)?;
    match split_arn(arn) {
        Some((owner, "policy", name)) if owner == account => Ok(fold(name)),
        Some((_, "policy", _)) => Err(error::policy_not_found(arn)),
        _ => Err(error::invalid_arn(arn)),
    }
}

/// One of this account's policies as last committed.
pub(crate) async fn look_up(ctx: &Ctx, arn: &str) -> Result<Policy> {
    let name = own_name(ctx.account(), arn)?;
    let policy = ctx.get::<Policy>(&home(ctx.account()), &[&name]).await?;
    policy.filter(|policy| policy.arn() == arn).ok_or_else(|| error::policy_not_found(arn))
}

/// Reads one of this account's policies, lets `edit` change it, and writes it back.
pub(crate) async fn edit<T, F>(ctx: &Ctx, arn: &str, edit: F) -> Result<T>
where
    F: Fn(&mut Policy) -> Result<T>,
{
    if managed::is_of_aws(arn) {
        return Err(error::managed_by_aws(arn));
    }
    change(ctx, |tx| {
        let edit = &edit;
        async move {
            let before = find(&tx, ctx.account(), arn).await?;
            let mut after = before.clone();
            let result = edit(&mut after)?;
            tx.put_resource(&home(ctx.account()), Some(&before), &after);
            Ok(result)
        }
    })
    .await
}

async fn find(tx: &Tx, account: AccountId, arn: &str) -> Result<Policy> {
    let name = own_name(account, arn)?;
    let policy = tx.get::<Policy>(&home(account), &[&name]).await?;
    policy.filter(|policy| policy.arn() == arn).ok_or_else(|| error::policy_not_found(arn))
}

/// Checks grammar and length of a managed policy.
pub(crate) fn check_document(text: &str) -> Result<()> {
    Document::parse(text, PolicyKind::Managed).map_err(error::malformed)?;
    if policy_chars(text) > POLICY_CHARS_MAX {
        return Err(error::quota("PolicySize", POLICY_CHARS_MAX));
    }
    Ok(())
}

pub(crate) async fn create_policy(ctx: Ctx, input: CreatePolicyInput) -> Result<CreatePolicyOutput> {
    check_document(&input.policy_document)?;
    let now = ctx.now();
    let first = PolicyVersion { document: input.policy_document, created: now };
    let mut policy = Policy {
        account: ctx.account(),
        folded: fold(&input.policy_name),
        name: input.policy_name,
        path: input.path.unwrap_or_else(|| "/".into()),
        unique_id: unique_id(&ctx, "ANPA"),
        created: now,
        updated: now,
        description: input.description,
        tags: BTreeMap::new(),
        default_version: 1,
        next_version: 2,
        versions: BTreeMap::from([(1, first)]),
    };
    tags::add(&mut policy.tags, input.tags.as_deref().unwrap_or_default())?;
    change(&ctx, |tx| {
        let (ctx, scope, policy) = (&ctx, home(ctx.account()), &policy);
        async move {
            if tx.get::<Policy>(&scope, &[&policy.folded]).await?.is_some() {
                return Err(error::policy_exists(&policy.name));
            }
            quotas::admit(ctx, &tx, Quota::Policies).await?;
            tx.put_resource(&scope, None, policy);
            Ok(())
        }
    })
    .await?;
    // AWS: the answer has no description (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_Policy.html>).
    let tags = tags::shown_if_any(&policy.tags);
    let policy = Shown { tags, ..shown(&ctx, &policy, false).await? };
    Ok(CreatePolicyOutput { policy: Some(policy) })
}

pub(crate) async fn get_policy(ctx: Ctx, input: GetPolicyInput) -> Result<GetPolicyOutput> {
    let arn = &input.policy_arn;
    let policy = match managed::find(arn) {
        Some(policy) => shown_of_aws(&ctx, policy).await?,
        None if managed::is_of_aws(arn) => {
            check_arn(arn)?;
            return Err(error::policy_not_found(arn));
        }
        None => shown(&ctx, &look_up(&ctx, arn).await?, true).await?,
    };
    Ok(GetPolicyOutput { policy: Some(policy) })
}

pub(crate) async fn delete_policy(ctx: Ctx, input: DeletePolicyInput) -> Result<DeletePolicyOutput> {
    let arn = &input.policy_arn;
    if managed::is_of_aws(arn) {
        return Err(error::managed_by_aws(arn));
    }
    change(&ctx, |tx| {
        let ctx = &ctx;
        async move {
            let scope = home(ctx.account());
            let policy = find(&tx, ctx.account(), arn).await?;
            if !tx.list::<Attachment>(&scope, &[arn], None, 1).await?.is_empty() {
                return Err(error::policy_attached());
            }
            if policy.versions.len() > 1 {
                return Err(error::policy_has_versions());
            }
            tx.delete_resource(&scope, &policy);
            Ok(())
        }
    })
    .await?;
    Ok(DeletePolicyOutput {})
}

/// In the order of their ARNs: the account's own come first.
pub(crate) async fn list_policies(ctx: Ctx, input: ListPoliciesInput) -> Result<ListPoliciesOutput> {
    let scope = input.scope.as_deref().unwrap_or(policy_scope_type::ALL);
    let usage = match input.policy_usage_filter.as_deref() {
        Some("PermissionsPolicy") => Some(Usage::Permissions),
        Some("PermissionsBoundary") => Some(Usage::Boundary),
        _ => None,
    };
    let only_used = input.only_attached == Some(true) || usage.is_some();
    let prefix = input.path_prefix.as_deref();
    let mut found = Vec::new();
    if scope != policy_scope_type::LOCAL {
        let of_aws = managed::all().filter(|policy| under_path(prefix, policy.path()));
        found.extend(of_aws.map(|policy| (policy.arn(), Found::OfAws(policy))));
    }
    if scope != policy_scope_type::AWS {
        let own: Vec<Policy> = ctx.list(&home(ctx.account()), &[], None, POLICIES_BATCH).await?;
        let own = own.into_iter().filter(|policy| under_path(prefix, &policy.path));
        found.extend(own.map(|policy| (policy.arn(), Found::Own(Box::new(policy)))));
    }
    if only_used {
        let used = used_policies(&ctx, usage).await?;
        found.retain(|(arn, _)| used.contains(arn));
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let page = Asked::new(&input.marker, input.max_items).slice(found, |(arn, _)| arn)?;
    let mut policies = Vec::new();
    for (_, policy) in &page.items {
        policies.push(match policy {
            Found::OfAws(policy) => shown_of_aws(&ctx, policy).await?,
            Found::Own(policy) => shown(&ctx, policy, false).await?,
        });
    }
    Ok(ListPoliciesOutput {
        policies: Some(policies),
        is_truncated: page.is_truncated(),
        marker: page.marker,
    })
}

/// The ARNs of all policies that are in use. There are more policies of AWS than most accounts have attachments.
async fn used_policies(ctx: &Ctx, usage: Option<Usage>) -> Result<HashSet<String>> {
    let (scope, mut used) = (home(ctx.account()), HashSet::new());
    let mut after: Option<[String; 4]> = None;
    loop {
        let last = after.as_ref().map(|key| key.each_ref().map(String::as_str));
        let rows: Vec<Attachment> =
            ctx.list(&scope, &[], last.as_ref().map(|key| key.as_slice()), ATTACHMENTS_BATCH).await?;
        let is_end = rows.len() < ATTACHMENTS_BATCH;
        after = rows
            .last()
            .map(|row| [&row.policy_arn, row.usage.as_str(), &row.kind, &row.folded].map(str::to_owned));
        let rows = rows.into_iter().filter(|row| usage.is_none_or(|usage| row.usage == usage));
        used.extend(rows.map(|row| row.policy_arn));
        if is_end {
            return Ok(used);
        }
    }
}

enum Found {
    OfAws(&'static ManagedPolicy),
    Own(Box<Policy>),
}

pub(crate) async fn list_entities_for_policy(
    ctx: Ctx,
    input: ListEntitiesForPolicyInput,
) -> Result<ListEntitiesForPolicyOutput> {
    let arn = &input.policy_arn;
    if managed::find(arn).is_none() {
        look_up(&ctx, arn).await?;
    }
    let usage = match input.policy_usage_filter.as_deref() {
        Some("PermissionsBoundary") => Some(Usage::Boundary),
        Some("PermissionsPolicy") => Some(Usage::Permissions),
        _ => None,
    };
    let kind = match input.entity_filter.as_deref() {
        Some("User") => Some("user"),
        Some("Group") => Some("group"),
        Some("Role") => Some("role"),
        // The account's own policies and those of AWS are no entities: nothing is filtered away.
        _ => None,
    };
    let mut rows = attachments(&ctx, arn, usage).await?;
    rows.retain(|row| {
        kind.is_none_or(|kind| row.kind == kind) && under_path(input.path_prefix.as_deref(), &row.path)
    });
    // An identity that uses the policy in both ways is one entity.
    rows.sort_by(|one, other| one.unique_id.cmp(&other.unique_id));
    rows.dedup_by(|one, other| one.unique_id == other.unique_id);
    let page = Asked::new(&input.marker, input.max_items).slice(rows, |row| &row.unique_id)?;
    let mut output = ListEntitiesForPolicyOutput {
        policy_groups: Some(Vec::new()),
        policy_users: Some(Vec::new()),
        policy_roles: Some(Vec::new()),
        is_truncated: page.is_truncated(),
        marker: page.marker,
    };
    for row in page.items {
        let (name, id) = (Some(row.name), Some(row.unique_id));
        match row.kind.as_str() {
            "user" => push(&mut output.policy_users, PolicyUser { user_name: name, user_id: id }),
            "group" => push(&mut output.policy_groups, PolicyGroup { group_name: name, group_id: id }),
            _ => push(&mut output.policy_roles, PolicyRole { role_name: name, role_id: id }),
        }
    }
    Ok(output)
}

fn push<T>(list: &mut Option<Vec<T>>, item: T) {
    list.get_or_insert_default().push(item);
}

pub(crate) async fn tag_policy(ctx: Ctx, input: TagPolicyInput) -> Result<TagPolicyOutput> {
    edit(&ctx, &input.policy_arn, |policy| tags::add(&mut policy.tags, &input.tags)).await?;
    Ok(TagPolicyOutput {})
}

pub(crate) async fn untag_policy(ctx: Ctx, input: UntagPolicyInput) -> Result<UntagPolicyOutput> {
    let untag = |policy: &mut Policy| {
        tags::remove(&mut policy.tags, &input.tag_keys);
        Ok(())
    };
    edit(&ctx, &input.policy_arn, untag).await?;
    Ok(UntagPolicyOutput {})
}

pub(crate) async fn list_policy_tags(ctx: Ctx, input: ListPolicyTagsInput) -> Result<ListPolicyTagsOutput> {
    let policy = look_up(&ctx, &input.policy_arn).await?;
    let page = tags::page(&policy, Asked::new(&input.marker, input.max_items))?;
    Ok(ListPolicyTagsOutput { is_truncated: page.is_truncated(), tags: page.items, marker: page.marker })
}
