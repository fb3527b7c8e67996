//! What an action on a user, group, role, policy or instance profile needs, for whoever asks before acting.

use crate::access::{Keys, documented, keys_of, refuse_session_without_mfa};
use crate::state::{Group, InstanceProfile, Policy, Role, User, fold, home, split_arn};
use crate::sts::assume_role::{refuse_root, trust};
use std::sync::Arc;
use yakumo_aws::{AccountId, Result};
use yakumo_room::{Ctx, Need, Resource};

/// What an action on the resource of this ARN needs, as the access rules of its operations would say; `None` when there
/// is no such resource. The actions of STS are asked of the role's trust policy.
pub(crate) async fn need_of(ctx: &Ctx, action: &str, arn: &str) -> Result<Option<Need>> {
    let action = action.to_owned();
    let assumes = action.to_ascii_lowercase().starts_with("sts:");
    if !assumes {
        refuse_session_without_mfa(ctx)?;
    }
    let Some((account, kind, name)) = split_arn(arn) else { return Ok(None) };
    if assumes && kind == "role" {
        if action.eq_ignore_ascii_case("sts:AssumeRole") {
            refuse_root(ctx)?;
        }
        let Some(role) = find::<Role>(ctx, account, name, arn).await? else { return Ok(None) };
        let mut need = Need::new(action, arn, account).with_policy(Some(Arc::new(trust(arn, Some(&role))?)));
        need.keys = keys_of(&role, None).as_slice().into();
        return Ok(Some(need));
    }
    let keys = match kind {
        "user" => find::<User>(ctx, account, name, arn)
            .await?
            .map(|user| keys_of(&user, user.grants.boundary.as_deref())),
        "role" => find::<Role>(ctx, account, name, arn)
            .await?
            .map(|role| keys_of(&role, role.grants.boundary.as_deref())),
        "group" => find::<Group>(ctx, account, name, arn).await?.map(|_| Keys::new()),
        "policy" => find::<Policy>(ctx, account, name, arn).await?.map(|policy| keys_of(&policy, None)),
        "instance-profile" => {
            find::<InstanceProfile>(ctx, account, name, arn).await?.map(|profile| keys_of(&profile, None))
        }
        "oidc-provider" | "saml-provider" => crate::providers::keys_if_any(ctx, arn).await?,
        _ => None,
    };
    Ok(keys.map(|keys| Need {
        keys: documented(&action, arn, keys).as_slice().into(),
        ..Need::new(action, arn, account)
    }))
}

async fn find<R: Resource>(ctx: &Ctx, account: AccountId, name: &str, arn: &str) -> Result<Option<R>> {
    let found = ctx.get::<R>(&home(account), &[&fold(name)]).await?;
    Ok(found.filter(|found| found.arn() == arn))
}
