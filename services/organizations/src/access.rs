//! Operation → the action, the resources and the condition keys that policies judge; and who may call it at all.
//! Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html>
//!
//! Invariant: a member account's policies alone let nobody in where the management account or its delegates are asked
//! for.

use crate::error;
use crate::realm::{Realm, State};
use crate::state::{Delegation, Organization, PolicyType, arn};
use crate::tags::TAGS_MAX;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use yakumo_api_organizations::DescribeEffectivePolicyInput;
use yakumo_aws::{AccountId, Error, Result};
use yakumo_policy::{Attached, Document, PolicyKind};
use yakumo_room::{Access, Ctx, Need, Resource};

/// Which accounts of an organization may call an operation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// All, and those outside an organization; the handler says more.
    Anyone,
    /// The management account, delegated administrators of a service, and whom the resource policy lets in.
    Reader,
    /// The management account, and whom the resource policy lets in.
    Delegate,
    /// The management account.
    Management,
}

/// The action that tags.
const TAG: &str = "organizations:TagResource";

/// Stands for the organization's resource policy, whose id is not known before it is made.
pub(crate) const RESOURCE_POLICY: &str = "rp-*";

/// Stands for a policy that is going to be made: its type is known, its id is not.
pub(crate) fn any_policy(policy_type: &str) -> String {
    format!("p-*{policy_type}")
}

/// Condition keys of a request as they are gathered; [`Need::keys`] takes them over.
pub(crate) type Keys = Vec<(String, Vec<String>)>;

/// The rule of an operation on the things with these ids (`ou-…`, `p-…`, twelve digits …); no ids stand for `*`.
pub(crate) fn on<I: Sync + 'static>(
    action: &'static str,
    who: Who,
    targets: impl Fn(&I) -> Vec<String> + Send + Sync + 'static,
) -> Access<I> {
    with(action, who, targets, |_| Keys::new())
}

/// The rule of an operation without resources.
pub(crate) fn plain<I: Sync + 'static>(action: &'static str, who: Who) -> Access<I> {
    with(action, who, |_| Vec::new(), |_| Keys::new())
}

/// The rule of an operation with condition keys from its input.
pub(crate) fn with<I: Sync + 'static>(
    action: &'static str,
    who: Who,
    targets: impl Fn(&I) -> Vec<String> + Send + Sync + 'static,
    keys: impl Fn(&I) -> Keys + Send + Sync + 'static,
) -> Access<I> {
    rule(vec![action], action, who, targets, keys)
}

/// The rule of an operation that makes something and may tag it. AWS: "If the request includes tags, then the requester
/// must have the organizations:TagResource permission"
/// (<https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html>).
pub(crate) fn making<I: Sync + 'static>(
    action: &'static str,
    who: Who,
    targets: impl Fn(&I) -> Vec<String> + Send + Sync + 'static,
    keys: impl Fn(&I) -> Keys + Send + Sync + 'static,
) -> Access<I> {
    rule(vec![action, TAG], action, who, targets, keys)
}

fn rule<I: Sync + 'static>(
    actions: Vec<&'static str>,
    action: &'static str,
    who: Who,
    targets: impl Fn(&I) -> Vec<String> + Send + Sync + 'static,
    keys: impl Fn(&I) -> Keys + Send + Sync + 'static,
) -> Access<I> {
    Access::needs(actions, move |ctx: &Ctx, input: &I| -> BoxFuture<'_, Result<Vec<Need>>> {
        let (targets, keys) = (targets(input), keys(input));
        Box::pin(async move { needs(ctx, action, who, &targets, keys) })
    })
}

/// The rule of DescribeEffectivePolicy. AWS: "This operation can be called from any account in the organization", which
/// sees what is in effect in itself; in others, who may read the organization
/// (<https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeEffectivePolicy.html>).
pub(crate) fn effective_policy() -> Access<DescribeEffectivePolicyInput> {
    let action = "organizations:DescribeEffectivePolicy";
    Access::needs(vec![action], move |ctx: &Ctx, input: &DescribeEffectivePolicyInput| {
        let own = ctx.account().to_string();
        let target = input.target_id.clone().unwrap_or_else(|| own.clone());
        let who = if target == own { Who::Anyone } else { Who::Reader };
        // The action is about accounts. Roots and units are refused by the handler, to whom it may tell.
        let target = if AccountId::parse(&target).is_some() { target } else { own };
        let keys = key("organizations:PolicyType", &input.policy_type);
        Box::pin(async move { needs(ctx, action, who, &[target], keys) })
    })
}

/// One key with one value.
pub(crate) fn key(name: &str, value: &str) -> Keys {
    vec![(name.to_owned(), vec![value.to_owned()])]
}

/// `aws:RequestTag/…` and `aws:TagKeys` of tags in a request.
pub(crate) fn request_tags(tags: &[yakumo_api_organizations::Tag]) -> Keys {
    let mut keys: Keys =
        tags.iter().map(|tag| (format!("aws:RequestTag/{}", tag.key), vec![tag.value.clone()])).collect();
    if !tags.is_empty() {
        keys.push(("aws:TagKeys".into(), tags.iter().map(|tag| tag.key.clone()).collect()));
    }
    keys
}

fn needs(ctx: &Ctx, action: &'static str, who: Who, targets: &[String], keys: Keys) -> Result<Vec<Need>> {
    // Counted before they are judged, so that nobody is asked about thousands.
    if keys.iter().filter(|(key, _)| key.starts_with("aws:RequestTag/")).count() > TAGS_MAX {
        return Err(error::too_many_tags());
    }
    let view = ctx.state::<Realm>().view();
    let organization = view.state.organization_of(ctx.account());
    let mut needs = Vec::new();
    for (resource, found) in resources(ctx, &view.state, organization, targets) {
        let mut need = Need::new(action, resource, ctx.account());
        need.keys = found.into_iter().chain(keys.clone()).collect();
        needs.push(need);
    }
    if action != TAG && keys.iter().any(|(key, _)| key.starts_with("aws:RequestTag/")) {
        let tagging = needs.iter().map(|need| Need { action: TAG.into(), ..need.clone() });
        needs.extend(tagging.collect::<Vec<_>>());
    }
    if let Some(organization) = organization {
        admit(ctx, &view.state, organization, who, &needs)?;
    }
    Ok(needs)
}

/// Lets the callers in that the operation is for. The caller's own policies are asked first, so that somebody without
/// rights learns nothing about the organization.
fn admit(ctx: &Ctx, state: &State, organization: &Organization, who: Who, needs: &[Need]) -> Result<()> {
    if who == Who::Anyone || organization.management == ctx.account() {
        return Ok(());
    }
    let account = state.member(&organization.id, ctx.account().as_str());
    let membership = account.and_then(|account| account.membership.as_ref());
    let is_delegate = membership.is_some_and(|membership| !membership.delegated.is_empty());
    if who == Who::Reader && is_delegate {
        return Ok(());
    }
    for need in needs {
        ctx.authorize(need.clone())?;
    }
    let policy = delegation(organization)?.filter(|_| who != Who::Management).ok_or_else(error::denied)?;
    for need in needs {
        let delegated = Need { owner: organization.management, ..need.clone() };
        ctx.authorize(delegated.with_policy(Some(policy.clone())))
            .map_err(|reason| error::denied().with_source(reason))?;
    }
    Ok(())
}

/// The organization's resource policy, compiled.
fn delegation(organization: &Organization) -> Result<Option<Arc<Attached>>> {
    let Some(delegation) = &organization.delegation else { return Ok(None) };
    let mut document =
        Document::parse(&delegation.content, PolicyKind::Resource { service: "organizations" })
            .map_err(Error::internal)?;
    document.pin_principals(|arn| delegation.pins.get(arn).cloned());
    let id = organization.resource_policy_arn(&delegation.id);
    Ok(Some(Arc::new(Attached { id, holder: organization.arn(), document: Arc::new(document) })))
}

/// The ARN of each target with its tags and policy type.
fn resources(
    ctx: &Ctx,
    state: &State,
    organization: Option<&Arc<Organization>>,
    targets: &[String],
) -> Vec<(String, Keys)> {
    if targets.is_empty() {
        return vec![("*".into(), Keys::new())];
    }
    let policy_type = targets.iter().find_map(|id| state.policies.get(id)).map(|policy| policy.policy_type);
    let mut found: Vec<(String, Keys)> =
        targets.iter().map(|id| resource(ctx, state, organization, id)).collect();
    for (_, keys) in &mut found {
        keys.extend(policy_type.map(type_key).unwrap_or_default());
    }
    found
}

fn type_key(policy_type: PolicyType) -> Keys {
    key("organizations:PolicyType", policy_type.as_str())
}

fn tag_keys(tags: &crate::state::Tags) -> Keys {
    tags.iter().map(|(name, value)| (format!("aws:ResourceTag/{name}"), vec![value.clone()])).collect()
}

/// The ARN and the tags of one target, whether it is there or not.
fn resource(ctx: &Ctx, state: &State, organization: Option<&Arc<Organization>>, id: &str) -> (String, Keys) {
    if let Some(handshake) = state.handshakes.get(id) {
        return (handshake.arn(), Keys::new());
    }
    // Who is in no organization has nothing that could be named: its own account stands for the management account.
    let Some(organization) = organization else { return (absent(ctx.account(), "o-*", id), Keys::new()) };
    if let Some(policy) = state.policy(&organization.id, id) {
        return (policy.arn(), policy.tag_keys());
    }
    if let Some(node) = state.node(organization, id) {
        return (node.arn, tag_keys(node.tags));
    }
    let is_meant = |delegation: &&Delegation| delegation.id == id || id == RESOURCE_POLICY;
    if let Some(delegation) = organization.delegation.as_ref().filter(is_meant) {
        return (organization.resource_policy_arn(&delegation.id), tag_keys(&delegation.tags));
    }
    (absent(organization.management, &organization.id, id), Keys::new())
}

/// What something would be called that is not there.
fn absent(management: AccountId, organization: &str, id: &str) -> String {
    if let Some(policy_type) = id.strip_prefix("p-*") {
        let kind = format!("policy/{}", policy_type.to_ascii_lowercase());
        return arn(management, &kind, organization, "p-*");
    }
    let kind = match id.split('-').next() {
        Some("r") => "root",
        Some("ou") => "ou",
        Some("p") => "policy/service_control_policy",
        Some("rp") => "resourcepolicy",
        Some("h") => "handshake/invite",
        _ => "account",
    };
    arn(management, kind, organization, id)
}
