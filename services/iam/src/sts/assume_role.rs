//! AssumeRole: a session of a role, for whom both the caller's policies and the role's trust policy allow it.
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

use crate::access::{Keys, key, request_tags};
use crate::documents::attached;
use crate::error;
use crate::mfa_devices;
use crate::state::{PARTITION, Role, SessionSubject, fold, home, split_arn};
use crate::sts::session_policies;
use crate::sts::sessions::{self, Wanted};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use yakumo_api_sts::{AssumeRoleInput, AssumeRoleOutput, AssumedRoleUser};
use yakumo_aws::{AccountId, Error, Result};
use yakumo_policy::{Attached, Decision, Document, PolicyKind, Principal, PrincipalKind, Request};
use yakumo_room::{Ctx, Need, Resource};

/// How long a session lasts when the caller does not say.
const DEFAULT_S: i32 = 3_600;
/// AWS: a session that was made with a role's session lasts an hour at most.
const CHAINED_MAX_S: i32 = 3_600;
/// AWS: the most session tags.
const TAGS_MAX: usize = 50;
/// Who assumes roles for instances.
const INSTANCES: &str = "ec2.amazonaws.com";
/// AWS: what EC2 fetches for an instance lasts about six hours, whatever the role's longest session is.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_update-role-settings.html>
const INSTANCES_MAX_S: i32 = 21_600;
/// Where a service's principal carries for whom it acts: that is no key of the session.
const FOR_WHOM: [&str; 2] = ["aws:SourceArn", "aws:SourceAccount"];
/// What an assumption may ask for.
pub(crate) const ACTIONS: [&str; 3] = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];

/// Stands for the trust policy of a role that does not exist: it trusts nobody, so that the answer does not tell
/// whether there is such a role.
static TRUSTS_NOBODY: LazyLock<Arc<Document>> = LazyLock::new(|| {
    let text = r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"nobody.invalid"}}}"#;
    Arc::new(Document::parse(text, PolicyKind::Trust).expect("the text above is a trust policy"))
});

pub(crate) async fn assume_role(ctx: Ctx, input: AssumeRoleInput) -> Result<AssumeRoleOutput> {
    refuse_root(&ctx)?;
    refuse_unsupported(&input)?;
    let (serial, code) = (input.serial_number.as_deref(), input.token_code.as_deref());
    let second_factor = mfa_devices::verify(&ctx, serial, code).await?;
    let role = find(&ctx, &input.role_arn).await?;
    let inherited = inherited(&ctx);
    let tags = session_tags(&input, &inherited)?;
    let source_identity = input.source_identity.clone().or(inherited.source_identity.clone());
    authorise(&ctx, &input, role.as_ref(), &tags, source_identity.as_deref(), second_factor)?;
    if inherited.source_identity.is_some() && source_identity != inherited.source_identity {
        // AWS: "You cannot change the source identity once it is set":
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html
        return Err(denied(&ctx, "sts:SetSourceIdentity", &input));
    }
    // A role that does not exist trusts nobody, so whoever comes here found one.
    let role = role.ok_or_else(|| Error::internal("a role that does not exist was allowed to be assumed"))?;
    let duration_s = duration(&ctx, &input, &role)?;
    let passed = (input.policy.as_deref(), input.policy_arns.as_deref());
    let policies = session_policies::check(&ctx, role.account, passed.0, passed.1).await?;
    let principal = Principal::assumed_role(
        PARTITION,
        role.account,
        role.arn(),
        &role.unique_id,
        &input.role_session_name,
    );
    let transitive = handed_on(&input, &inherited);
    let subject = SessionSubject::Role {
        folded: role.folded.clone(),
        unique_id: role.unique_id.clone(),
        session_name: input.role_session_name.clone(),
        tags,
        transitive,
        source_identity: source_identity.clone(),
        keys: delivered(&ctx),
    };
    let given = input.tags.iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    let packed_policy_size = session_policies::packed_size(policies.as_ref(), given);
    let wanted = Wanted {
        account: role.account,
        duration_s,
        subject,
        policies,
        token_size_bytes: input.minimum_session_token_size,
    };
    // AWS: the user guide says that role sessions do not carry the factor (MFA-protected API access), while the records
    // of sessions that were made with a code do (CloudTrail's `mfaAuthenticated`). DIFFERS: they carry it here. A session
    // that was made without a code of its own does not, whatever its maker's carries.
    let credentials = sessions::open_with(&ctx, wanted, second_factor).await?;
    let (session_token_size, session_token_utilization) = sessions::token_size(&credentials);
    Ok(AssumeRoleOutput {
        credentials: Some(credentials),
        assumed_role_user: Some(AssumedRoleUser { assumed_role_id: principal.user_id, arn: principal.arn }),
        packed_policy_size,
        source_identity,
        session_token_size,
        session_token_utilization,
    })
}

/// AWS: no policy lets a root user assume a role.
pub(crate) fn refuse_root(ctx: &Ctx) -> Result<()> {
    match ctx.caller().principal.kind {
        PrincipalKind::Root => Err(error::denied("Roles may not be assumed by root accounts.")),
        // AWS: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
        PrincipalKind::FederatedUser { .. } => {
            Err(error::denied("Cannot call AssumeRole with federated user session credentials"))
        }
        _ => Ok(()),
    }
}

/// What is not done yet is refused in words, never ignored.
fn refuse_unsupported(input: &AssumeRoleInput) -> Result<()> {
    if input.provided_contexts.as_ref().is_some_and(|contexts| !contexts.is_empty()) {
        let text = "ProvidedContexts is not implemented by this cloud.";
        return Err(Error::sender("NotImplemented", text).with_status(501));
    }
    Ok(())
}

async fn find(ctx: &Ctx, arn: &str) -> Result<Option<Role>> {
    let Some((account, "role", name)) = split_arn(arn) else {
        return Err(error::validation(format!("{arn} is invalid")));
    };
    let role = ctx.get::<Role>(&home(account), &[&fold(name)]).await?;
    Ok(role.filter(|role| role.arn() == arn))
}

/// What a session hands on to the sessions made with it.
#[derive(Default)]
struct Inherited {
    transitive: BTreeMap<String, String>,
    source_identity: Option<String>,
}

fn inherited(ctx: &Ctx) -> Inherited {
    let principal = &ctx.caller().principal;
    let source_identity = principal.keys.get("aws:SourceIdentity");
    let source_identity =
        source_identity.and_then(|values| values.as_slice().first().map(|value| value.to_string()));
    let PrincipalKind::AssumedRole { .. } = principal.kind else { return Inherited::default() };
    let handed_on = principal.keys.get(TRANSITIVE_KEY);
    let names: Vec<&str> = handed_on.iter().flat_map(|values| values.as_slice()).map(AsRef::as_ref).collect();
    // Keys have no case: a provider may have named one otherwise than its tag.
    let named = |key: &str| names.iter().any(|name| name.eq_ignore_ascii_case(key));
    let transitive = principal.tags.iter().filter(|(key, _)| named(key)).cloned().collect();
    Inherited { transitive, source_identity }
}

/// Where a session's principal carries the names of the tags that it hands on; no policy of AWS's can name this key.
pub(crate) const TRANSITIVE_KEY: &str = "yakumo:transitive-tags";

/// The new session's tags: those of the request and those handed on, which the request may not change.
fn session_tags(input: &AssumeRoleInput, inherited: &Inherited) -> Result<BTreeMap<String, String>> {
    let mut tags: BTreeMap<String, String> = BTreeMap::new();
    for tag in input.tags.iter().flatten() {
        // AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_naming>
        if tag.key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            return Err(error::system_session_tag());
        }
        let taken = |known: &String| known.eq_ignore_ascii_case(&tag.key);
        if tags.keys().any(taken) {
            return Err(error::invalid_parameter(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
        if inherited.transitive.keys().any(taken) {
            let text = "One of the specified transitive tag keys can't be set because it conflicts with a transitive \
                        tag key from the calling session.";
            return Err(error::invalid_parameter(text));
        }
        tags.insert(tag.key.clone(), tag.value.clone());
    }
    for name in input.transitive_tag_keys.iter().flatten() {
        if !tags.keys().any(|key| key.eq_ignore_ascii_case(name)) {
            let text = "The specified transitive tag key must be included in the requested tags.";
            return Err(error::invalid_parameter(text));
        }
    }
    tags.extend(inherited.transitive.clone());
    if tags.len() > TAGS_MAX {
        return Err(error::invalid_parameter(format!(
            "Tags must have length less than or equal to {TAGS_MAX}."
        )));
    }
    Ok(tags)
}

/// The keys of the tags that the new session hands on, as the tags have them: a request may name them in another case.
fn handed_on(input: &AssumeRoleInput, inherited: &Inherited) -> Vec<String> {
    let named =
        |key: &&String| input.transitive_tag_keys.iter().flatten().any(|name| name.eq_ignore_ascii_case(key));
    let own = input.tags.iter().flatten().map(|tag| &tag.key).filter(named);
    inherited.transitive.keys().chain(own).cloned().collect()
}

fn is_for_instance(ctx: &Ctx) -> bool {
    matches!(&ctx.caller().principal.kind, PrincipalKind::Service(name) if name == INSTANCES)
}

/// What a session tells of the instance that EC2 made it for.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-ec2instancesourcevpc>
fn delivered(ctx: &Ctx) -> BTreeMap<String, Vec<String>> {
    if !is_for_instance(ctx) {
        return BTreeMap::new();
    }
    let keys = ctx.caller().principal.keys.iter();
    let told = keys.filter(|(key, _)| FOR_WHOM.iter().all(|name| !key.eq_ignore_ascii_case(name)));
    told.map(|(key, values)| (key.to_string(), values.as_slice().iter().map(ToString::to_string).collect()))
        .collect()
}

/// Asks for `sts:AssumeRole`, and for `sts:TagSession` and `sts:SetSourceIdentity` when the request does those.
fn authorise(
    ctx: &Ctx,
    input: &AssumeRoleInput,
    role: Option<&Role>,
    tags: &BTreeMap<String, String>,
    source_identity: Option<&str>,
    second_factor: bool,
) -> Result<()> {
    let owner = match role {
        Some(role) => role.account,
        None => split_arn(&input.role_arn).map_or(ctx.account(), |(account, _, _)| account),
    };
    let trust = Arc::new(trust(&input.role_arn, role)?);
    let mut keys = keys(input, role, tags, source_identity);
    if second_factor {
        keys.extend(key("aws:MultiFactorAuthPresent", "true"));
        keys.extend(key("aws:MultiFactorAuthAge", "0"));
    }
    ask(ctx, "sts:AssumeRole", input, owner, &trust, &keys)?;
    if !tags.is_empty() {
        ask(ctx, "sts:TagSession", input, owner, &trust, &keys)?;
    }
    // AWS: an inherited source identity and inherited tags are set again, so every role of a chain must allow it.
    if source_identity.is_some() {
        ask(ctx, "sts:SetSourceIdentity", input, owner, &trust, &keys)?;
    }
    Ok(())
}

pub(crate) fn trust(arn: &str, role: Option<&Role>) -> Result<Attached> {
    let Some(role) = role else { return Ok(attached("trust policy", arn, TRUSTS_NOBODY.clone())) };
    let mut document = Document::parse(&role.trust, PolicyKind::Trust).map_err(Error::internal)?;
    role.pins.hold(&mut document);
    Ok(attached("trust policy", arn, Arc::new(document)))
}

fn keys(
    input: &AssumeRoleInput,
    role: Option<&Role>,
    tags: &BTreeMap<String, String>,
    source_identity: Option<&str>,
) -> Keys {
    let mut keys = key("sts:RoleSessionName", &input.role_session_name);
    if let Some(external_id) = &input.external_id {
        keys.extend(key("sts:ExternalId", external_id));
    }
    if let Some(source_identity) = source_identity {
        keys.extend(key("sts:SourceIdentity", source_identity));
    }
    if let Some(names) = input.transitive_tag_keys.as_ref().filter(|names| !names.is_empty()) {
        keys.push(("sts:TransitiveTagKeys".into(), names.clone()));
    }
    keys.extend(request_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))));
    if let Some(role) = role {
        keys.extend(role.tag_keys());
        keys.extend(
            role.tags.iter().map(|(name, value)| (format!("iam:ResourceTag/{name}"), vec![value.clone()])),
        );
    }
    keys
}

fn ask(
    ctx: &Ctx,
    action: &'static str,
    input: &AssumeRoleInput,
    owner: AccountId,
    trust: &Arc<Attached>,
    keys: &Keys,
) -> Result<()> {
    let mut need = Need::new(action, input.role_arn.clone(), owner).with_policy(Some(trust.clone()));
    need.keys = keys.as_slice().into();
    ctx.authorize(need).map_err(|reason| denied(ctx, action, input).with_source(reason))
}

/// AWS: STS does not say which policy denied, so that nobody learns which roles exist.
fn denied(ctx: &Ctx, action: &str, input: &AssumeRoleInput) -> Error {
    let context = yakumo_policy::Context::new();
    let request = Request {
        principal: &ctx.caller().principal,
        action,
        resource: &input.role_arn,
        resource_account: None,
        context: &context,
    };
    error::denied(Decision::bare_message(&request))
}

fn duration(ctx: &Ctx, input: &AssumeRoleInput, role: &Role) -> Result<i32> {
    let asked_s = input.duration_seconds.unwrap_or(DEFAULT_S);
    if matches!(ctx.caller().principal.kind, PrincipalKind::AssumedRole { .. }) && asked_s > CHAINED_MAX_S {
        return Err(error::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    if asked_s > role.max_session_s && !(is_for_instance(ctx) && asked_s <= INSTANCES_MAX_S) {
        return Err(error::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    Ok(asked_s)
}
