//! Operation → the IAM action, the resource's ARN and the condition keys that policies judge.
//! Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html>

use crate::error;
use crate::mfa_devices;
use crate::state::{
    Group, InstanceProfile, MfaDevice, Policy, Role, ServerCertificate, User, arn, fold, home, split_arn,
};
use futures_util::future::BoxFuture;
use yakumo_aws::Result;
use yakumo_policy::PrincipalKind;
use yakumo_room::{Access, Ctx, Need, Resource, Shown};

/// What an operation acts on.
#[derive(Clone)]
pub(crate) enum Target {
    User(String),
    /// A user, or the caller itself when none is named.
    Own(Option<String>),
    Group(String),
    Role(String),
    Profile(String),
    /// A managed policy by its ARN.
    Policy(String),
    /// Something that does not exist yet, or a list under a path: kind, path and name.
    At(&'static str, Option<String>, String),
    /// An OIDC or SAML provider by its ARN; `*` for those actions that have no resources.
    Provider(String),
    /// What a user, group or server certificate is to become: kind, name, new path and new name, each of which may stay.
    Renamed(&'static str, String, Option<String>, Option<String>),
    /// The policies under a path: the action has no resources.
    PolicyPath(Option<String>),
    /// A server certificate by its name.
    ServerCertificate(String),
    /// An MFA device by its serial number.
    Mfa(String),
    /// The action has no resources.
    Any,
}

/// Condition keys of a request as they are gathered; [`Need::keys`] takes them over.
pub(crate) type Keys = Vec<(String, Vec<String>)>;

/// The rule of an operation that needs one action on one target.
pub(crate) fn on<I: Sync + 'static>(
    action: &'static str,
    target: impl Fn(&I) -> Target + Send + Sync + 'static,
) -> Access<I> {
    with(action, target, |_| Vec::new())
}

/// The same with condition keys from the input.
pub(crate) fn with<I: Sync + 'static>(
    action: &'static str,
    target: impl Fn(&I) -> Target + Send + Sync + 'static,
    keys: impl Fn(&I) -> Keys + Send + Sync + 'static,
) -> Access<I> {
    Access::needs([action], move |ctx: &Ctx, input: &I| -> BoxFuture<'_, Result<Vec<Need>>> {
        let (target, keys) = (target(input), keys(input));
        Box::pin(async move { Ok(vec![need(ctx, action, target, keys).await?]) })
    })
}

/// The rule of an operation that makes something and may tag it: the action that makes it and the one that tags.
pub(crate) fn making<I: Sync + 'static>(
    actions: [&'static str; 2],
    target: impl Fn(&I) -> Target + Send + Sync + 'static,
    keys: impl Fn(&I) -> Keys + Send + Sync + 'static,
) -> Access<I> {
    Access::needs(actions, move |ctx: &Ctx, input: &I| -> BoxFuture<'_, Result<Vec<Need>>> {
        let (target, keys) = (target(input), keys(input));
        Box::pin(made(ctx, actions, target, keys))
    })
}

/// What it takes to make something with these condition keys.
/// AWS: with tags in the request, the permission to tag is needed, too: CreateRole without `iam:TagRole` is refused in
/// its name (seen: <https://github.com/openshift/installer/issues/1073>).
pub(crate) async fn made(
    ctx: &Ctx,
    [make, tag]: [&'static str; 2],
    target: Target,
    keys: Keys,
) -> Result<Vec<Need>> {
    let mut tags = keys.clone();
    tags.retain(|(key, _)| key.starts_with("aws:RequestTag/") || key == "aws:TagKeys");
    let mut needs = vec![need(ctx, make, target.clone(), keys).await?];
    if !tags.is_empty() {
        needs.push(need(ctx, tag, target, tags).await?);
    }
    Ok(needs)
}

/// One thing to be allowed, with the tags and the boundary of what it is about.
pub(crate) async fn need(ctx: &Ctx, action: &'static str, target: Target, keys: Keys) -> Result<Need> {
    refuse_session_without_mfa(ctx)?;
    let shown = shown(ctx, action, &target);
    let (resource, found) = resolve(ctx, target).await?;
    let found = documented(action, &resource, found);
    let mut need = Need::new(action, resource, ctx.account());
    need.shown = shown.map_or(Shown::Arn, Shown::As);
    for (key, values) in found.into_iter().chain(keys) {
        need = need.with_key(key, values);
    }
    Ok(need)
}

/// Those keys of a resource that AWS documents for the action: `iam:ResourceTag/…` is for users and roles only, and
/// `iam:PermissionsBoundary` for some of the actions on them.
pub(crate) fn documented(action: &str, resource: &str, mut keys: Keys) -> Keys {
    keys.retain(|(key, _)| yakumo_reference::has_key(action, resource, key));
    keys
}

/// AWS: IAM's AccessDenied names what exists by kind and name (`role reader`, `policy arn:…`), what is made or listed
/// by ARN, and roles that are passed and tags by ARN, too.
fn shown(ctx: &Ctx, action: &str, target: &Target) -> Option<String> {
    if action == "iam:PassRole" || action.starts_with("iam:Tag") || action.starts_with("iam:Untag") {
        return None;
    }
    match target {
        Target::User(name) | Target::Own(Some(name)) => Some(format!("user {name}")),
        Target::Own(None) => match ctx.caller().principal.kind {
            PrincipalKind::User => Some(format!("user {}", ctx.caller().principal.arn.rsplit('/').next()?)),
            _ => None,
        },
        Target::Group(name) => Some(format!("group {name}")),
        Target::Role(name) => Some(format!("role {name}")),
        Target::Profile(name) => Some(format!("instance profile {name}")),
        Target::Policy(arn) => Some(format!("policy {arn}")),
        Target::At("policy", _, name) => Some(format!("policy {name}")),
        Target::PolicyPath(path) => Some(format!("policy path {}", path.as_deref().unwrap_or("/"))),
        Target::ServerCertificate(name) => Some(format!("server certificate {name}")),
        Target::At(..) | Target::Renamed(..) | Target::Provider(_) | Target::Mfa(_) | Target::Any => None,
    }
}

/// AWS: "You cannot call any IAM API operations unless MFA authentication information is included in the request"
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>).
pub(crate) fn refuse_session_without_mfa(ctx: &Ctx) -> Result<()> {
    let principal = &ctx.caller().principal;
    // AWS: sessions of GetFederationToken cannot call IAM at all
    // (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html).
    if matches!(principal.kind, PrincipalKind::FederatedUser { .. }) {
        return Err(error::session_without_mfa());
    }
    let own_session = matches!(principal.kind, PrincipalKind::User | PrincipalKind::Root)
        && principal.keys.get("aws:TokenIssueTime").is_some();
    let with_mfa = principal.keys.get("aws:MultiFactorAuthPresent");
    match with_mfa.is_some_and(|value| value.as_slice().iter().any(|value| value == "true")) {
        false if own_session => Err(error::session_without_mfa()),
        _ => Ok(()),
    }
}

async fn resolve(ctx: &Ctx, target: Target) -> Result<(String, Keys)> {
    let (account, scope) = (ctx.account(), home(ctx.account()));
    let plain = |kind: &str, name: &str| (arn(account, kind, "/", name), Keys::new());
    Ok(match target {
        Target::User(name) => match ctx.get::<User>(&scope, &[&fold(&name)]).await? {
            Some(user) => (user.arn(), keys_of(&user, user.grants.boundary.as_deref())),
            None => plain("user", &name),
        },
        Target::Own(Some(name)) => return Box::pin(resolve(ctx, Target::User(name))).await,
        Target::Own(None) => (ctx.caller().principal.arn.clone(), Keys::new()),
        Target::Group(name) => match ctx.get::<Group>(&scope, &[&fold(&name)]).await? {
            Some(group) => (group.arn(), Keys::new()),
            None => plain("group", &name),
        },
        Target::Role(name) => match ctx.get::<Role>(&scope, &[&fold(&name)]).await? {
            Some(role) => (role.arn(), keys_of(&role, role.grants.boundary.as_deref())),
            None => plain("role", &name),
        },
        Target::Profile(name) => match ctx.get::<InstanceProfile>(&scope, &[&fold(&name)]).await? {
            Some(profile) => (profile.arn(), keys_of(&profile, None)),
            None => plain("instance-profile", &name),
        },
        Target::Policy(arn) => {
            let name = split_arn(&arn).filter(|(owner, kind, _)| *owner == account && *kind == "policy");
            let policy = match name {
                Some((_, _, name)) => ctx.get::<Policy>(&scope, &[&fold(name)]).await?,
                None => None,
            };
            let keys = policy.map(|policy| keys_of(&policy, None)).unwrap_or_default();
            (arn, keys)
        }
        Target::Provider(arn) => {
            let keys = crate::providers::keys(ctx, &arn).await?;
            (arn, keys)
        }
        Target::PolicyPath(_) | Target::Any => ("*".to_owned(), Keys::new()),
        Target::ServerCertificate(name) => {
            match ctx.get::<ServerCertificate>(&scope, &[&fold(&name)]).await? {
                Some(certificate) => (certificate.arn(), keys_of(&certificate, None)),
                None => plain("server-certificate", &name),
            }
        }
        Target::Mfa(serial) => {
            let place = mfa_devices::place_of(&serial).filter(|(owner, _)| *owner == account);
            let device = match &place {
                Some((_, place)) => ctx.get::<MfaDevice>(&scope, &[place]).await?,
                None => None,
            };
            match device {
                Some(device) => (device.arn(), keys_of(&device, None)),
                None if place.is_some() => (serial, Keys::new()),
                // A hardware device's serial number is no ARN; there are none here.
                None => plain("mfa", &serial),
            }
        }
        Target::Renamed(kind, name, new_path, new_name) => {
            let (old_path, old_name) = match kind {
                "user" => ctx.get::<User>(&scope, &[&fold(&name)]).await?.map(|user| (user.path, user.name)),
                "server-certificate" => {
                    let old = ctx.get::<ServerCertificate>(&scope, &[&fold(&name)]).await?;
                    old.map(|certificate| (certificate.path, certificate.name))
                }
                _ => ctx.get::<Group>(&scope, &[&fold(&name)]).await?.map(|group| (group.path, group.name)),
            }
            .unwrap_or_else(|| ("/".to_owned(), name));
            let (path, name) = (new_path.unwrap_or(old_path), new_name.unwrap_or(old_name));
            (arn(account, kind, &path, &name), Keys::new())
        }
        Target::At(kind, path, name) => {
            (arn(account, kind, path.as_deref().unwrap_or("/"), &name), Keys::new())
        }
    })
}

/// The tags of a resource under both names that policies use, and its boundary; [`documented`] chooses among them.
pub(crate) fn keys_of<R: Resource>(resource: &R, boundary: Option<&str>) -> Keys {
    let own =
        resource.tags().iter().map(|(key, value)| (format!("iam:ResourceTag/{key}"), vec![value.clone()]));
    let boundary = boundary.map(|arn| ("iam:PermissionsBoundary".to_owned(), vec![arn.to_owned()]));
    resource.tag_keys().into_iter().chain(own).chain(boundary).collect()
}

/// `aws:RequestTag/…` and `aws:TagKeys` of tags in a request.
pub(crate) fn request_tags<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Keys {
    let mut keys = Keys::new();
    let mut names = Vec::new();
    for (name, value) in tags {
        keys.push((format!("aws:RequestTag/{name}"), vec![value.to_owned()]));
        names.push(name.to_owned());
    }
    if !names.is_empty() {
        keys.push(("aws:TagKeys".to_owned(), names));
    }
    keys
}

/// `aws:TagKeys` of an untag request.
pub(crate) fn tag_keys(names: &[String]) -> Keys {
    vec![("aws:TagKeys".to_owned(), names.to_vec())]
}

/// One key with one value.
pub(crate) fn key(name: &str, value: &str) -> Keys {
    vec![(name.to_owned(), vec![value.to_owned()])]
}
