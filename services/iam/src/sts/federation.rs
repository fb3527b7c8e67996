//! What the two federated operations have in common: somebody whom a provider vouches for becomes a session of a role.
//!
//! Invariant: only handlers that have verified a token or an assertion make a [`Bearer`].

use crate::access::{Keys, key, request_tags};
use crate::error;
use crate::state::{PARTITION, Role, SessionSubject, fold, home, split_arn};
use crate::sts::assume_role::trust;
use crate::sts::session_policies;
use crate::sts::sessions::{self, Wanted};
use std::collections::BTreeMap;
use std::sync::Arc;
use yakumo_api_sts::{AssumedRoleUser, Credentials, PolicyDescriptorType};
use yakumo_aws::{AccountId, Error, Result, Timestamp};
use yakumo_policy::{Attached, Principal};
use yakumo_room::{Caller, Ctx, Need, Resource};

/// How long a session lasts when nobody says.
const DEFAULT_S: i32 = 3_600;
/// The shortest session.
const SHORTEST_S: i64 = 900;
/// AWS: the most session tags, and how long they may be.
const TAGS_MAX: usize = 50;
const TAG_KEY_CHARS_MAX: usize = 128;
const TAG_VALUE_CHARS_MAX: usize = 256;

/// What the request asks for.
pub(crate) struct Asked<'a> {
    /// `sts:AssumeRoleWithWebIdentity` or `sts:AssumeRoleWithSAML`.
    pub action: &'static str,
    pub role_arn: &'a str,
    pub session_name: &'a str,
    pub policy: Option<&'a str>,
    pub policy_arns: Option<&'a [PolicyDescriptorType]>,
    pub duration_s: Option<i32>,
    pub token_size_bytes: Option<i32>,
}

/// Somebody whom a provider vouches for.
#[derive(Default)]
pub(crate) struct Bearer {
    pub provider_arn: String,
    /// `aws:userid` while the role is asked for.
    pub user_id: String,
    /// What the token or assertion says, as condition keys for the role's trust policy.
    pub keys: Keys,
    /// Those that the session keeps.
    pub session_keys: BTreeMap<String, Vec<String>>,
    pub tags: BTreeMap<String, String>,
    pub transitive: Vec<String>,
    pub source_identity: Option<String>,
    /// When the session must end, whatever is asked.
    pub until: Option<Timestamp>,
}

/// The session that was made.
pub(crate) struct Assumed {
    pub credentials: Credentials,
    pub user: AssumedRoleUser,
    pub packed_policy_size: Option<i32>,
    pub source_identity: Option<String>,
}

/// The account that a role's ARN names.
pub(crate) fn account_of(role_arn: &str) -> Result<AccountId> {
    match split_arn(role_arn) {
        Some((account, "role", _)) => Ok(account),
        _ => Err(error::validation("Request ARN is invalid")),
    }
}

/// Checks session tags that come in a token or an assertion.
pub(crate) fn check_tags(tags: &BTreeMap<String, String>, transitive: &[String]) -> Result<()> {
    let fits = |(name, value): (&String, &String)| {
        (1..=TAG_KEY_CHARS_MAX).contains(&name.chars().count())
            && value.chars().count() <= TAG_VALUE_CHARS_MAX
            && !name.to_ascii_lowercase().starts_with("aws:")
    };
    let folded: std::collections::BTreeSet<String> = tags.keys().map(|name| name.to_lowercase()).collect();
    if tags.len() > TAGS_MAX || folded.len() != tags.len() || !tags.iter().all(fits) {
        return Err(error::invalid_identity_token("Session tags in the identity token are not valid"));
    }
    if !transitive.iter().all(|name| folded.contains(&name.to_lowercase())) {
        let text = "The specified transitive tag key must be included in the requested tags.";
        return Err(error::invalid_identity_token(text));
    }
    Ok(())
}

/// Makes the session, if the role's trust policy allows it.
pub(crate) async fn assume(ctx: &Ctx, asked: Asked<'_>, bearer: Bearer) -> Result<Assumed> {
    let account = account_of(asked.role_arn)?;
    check_tags(&bearer.tags, &bearer.transitive)?;
    let role = find(ctx, account, asked.role_arn).await?;
    authorise(ctx, account, &asked, &bearer, role.as_ref())?;
    // A role that does not exist trusts nobody, so whoever comes here found one.
    let role = role.ok_or_else(|| Error::internal("a role that does not exist was allowed to be assumed"))?;
    let duration_s = duration(ctx, &asked, &bearer, &role)?;
    let policies = session_policies::check(ctx, account, asked.policy, asked.policy_arns).await?;
    let principal =
        Principal::assumed_role(PARTITION, account, role.arn(), &role.unique_id, asked.session_name);
    let tags = bearer.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let packed_policy_size = session_policies::packed_size(policies.as_ref(), tags);
    let mut keys = bearer.session_keys;
    keys.insert("aws:FederatedProvider".to_owned(), vec![bearer.provider_arn]);
    let subject = SessionSubject::Role {
        folded: role.folded.clone(),
        unique_id: role.unique_id.clone(),
        session_name: asked.session_name.to_owned(),
        tags: bearer.tags,
        transitive: bearer.transitive,
        source_identity: bearer.source_identity.clone(),
        keys,
    };
    let token_size_bytes = asked.token_size_bytes;
    let wanted = Wanted { account, duration_s, subject, policies, token_size_bytes };
    let credentials = sessions::open(ctx, wanted).await?;
    Ok(Assumed {
        credentials,
        user: AssumedRoleUser { assumed_role_id: principal.user_id, arn: principal.arn },
        packed_policy_size,
        source_identity: bearer.source_identity,
    })
}

async fn find(ctx: &Ctx, account: AccountId, arn: &str) -> Result<Option<Role>> {
    let name = arn.rsplit('/').next().unwrap_or_default();
    let role = ctx.get::<Role>(&home(account), &[&fold(name)]).await?;
    Ok(role.filter(|role| role.arn() == arn))
}

/// The trust policy must allow the action itself, and `sts:TagSession` and `sts:SetSourceIdentity` when the token
/// brings tags or a source identity.
fn authorise(
    ctx: &Ctx,
    account: AccountId,
    asked: &Asked<'_>,
    bearer: &Bearer,
    role: Option<&Role>,
) -> Result<()> {
    let mut principal = Principal::federated(bearer.provider_arn.clone(), bearer.user_id.clone());
    for (key, values) in &bearer.keys {
        match values.as_slice() {
            [value] => principal.keys.put(key.clone(), value.clone()),
            values => principal.keys.put_many(key.clone(), values.iter().cloned()),
        };
    }
    let caller = Arc::new(Caller::new(principal, account));
    let trust = Arc::new(trust(asked.role_arn, role)?);
    let keys = keys(asked, bearer, role);
    let ask = |action: &'static str| ask(ctx, &caller, account, asked, (action, &trust, &keys));
    ask(asked.action)?;
    if !bearer.tags.is_empty() {
        ask("sts:TagSession")?;
    }
    if bearer.source_identity.is_some() {
        ask("sts:SetSourceIdentity")?;
    }
    Ok(())
}

fn ask(
    ctx: &Ctx,
    caller: &Arc<Caller>,
    owner: AccountId,
    asked: &Asked<'_>,
    (action, trust, keys): (&'static str, &Arc<Attached>, &Keys),
) -> Result<()> {
    let mut need = Need::new(action, asked.role_arn.to_owned(), owner).with_policy(Some(trust.clone()));
    need.keys = keys.as_slice().into();
    // AWS: the text names the operation, whichever of the actions was not allowed.
    ctx.authorize_as(caller.clone(), need).map_err(|reason| not_authorized(asked.action).with_source(reason))
}

/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html>
pub(crate) fn not_authorized(action: &str) -> Error {
    error::denied(format!("Not authorized to perform {action}"))
}

fn keys(asked: &Asked<'_>, bearer: &Bearer, role: Option<&Role>) -> Keys {
    let mut keys = key("sts:RoleSessionName", asked.session_name);
    if let Some(source_identity) = &bearer.source_identity {
        keys.extend(key("sts:SourceIdentity", source_identity));
    }
    if !bearer.transitive.is_empty() {
        keys.push(("sts:TransitiveTagKeys".into(), bearer.transitive.clone()));
    }
    keys.extend(request_tags(bearer.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))));
    if let Some(role) = role {
        keys.extend(crate::access::keys_of(role, None));
    }
    keys
}

fn duration(ctx: &Ctx, asked: &Asked<'_>, bearer: &Bearer, role: &Role) -> Result<i32> {
    let asked_s = asked.duration_s.unwrap_or(DEFAULT_S);
    if asked_s > role.max_session_s {
        return Err(error::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    let Some(until) = bearer.until else { return Ok(asked_s) };
    let left_s = until.as_secs() - ctx.now().as_secs();
    match left_s < SHORTEST_S {
        // AWS: no session is shorter than this, so one that must end before it cannot begin.
        true => Err(error::expired_identity("Session duration must be at least 900 seconds")),
        false => Ok(asked_s.min(i32::try_from(left_s).unwrap_or(i32::MAX))),
    }
}

/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html>
pub(crate) const BAD_SOURCE_IDENTITY: &str =
    "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\"";

/// Whether a text can be a source identity.
pub(crate) fn is_source_identity(text: &str) -> bool {
    is_session_name(text) && !text.starts_with("aws:")
}

/// Whether a text can name a session: `[a-zA-Z_0-9+=,.@-]{2,64}`.
pub(crate) fn is_session_name(text: &str) -> bool {
    (2..=64).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || b"_+=,.@-".contains(&c))
}
