//! RevokeSecurityGroupIngress and RevokeSecurityGroupEgress: by rule ids, or by what the rules say.

use super::authorize::{Old, old, refuse_old_egress};
use super::{not_found, read_request, revoked};
use crate::commit::change;
use crate::error;
use crate::nouns::{self, Home};
use crate::security_groups::{Rule, SecurityGroup, named, read_permissions, shown_permissions};
use crate::tags::Tags;
use crate::vpcs::Vpc;
use yakumo_api_ec2::{
    IpPermission, RevokeSecurityGroupEgressInput, RevokeSecurityGroupEgressOutput,
    RevokeSecurityGroupIngressInput, RevokeSecurityGroupIngressOutput, RevokedSecurityGroupRule,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// What was taken away, and what was not there to be taken.
struct Outcome {
    revoked: Vec<RevokedSecurityGroupRule>,
    unknown: Vec<IpPermission>,
}

/// Which rules a request wants to be gone.
enum Unwanted {
    Ids(Vec<String>),
    Permissions(Vec<IpPermission>),
}

fn unwanted(
    ids: Option<&Vec<String>>,
    permissions: Option<&[IpPermission]>,
    old: &Old<'_>,
) -> Result<Unwanted> {
    match ids.filter(|ids| !ids.is_empty()) {
        Some(_) if permissions.is_some_and(|given| !given.is_empty()) || old.permission().is_some() => {
            Err(error::not_together("securityGroupRuleIds", "ipPermissions"))
        }
        Some(ids) => Ok(Unwanted::Ids(ids.clone())),
        None => Ok(Unwanted::Permissions(read_request(permissions, old)?)),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html>
pub(super) async fn revoke_security_group_ingress(
    ctx: Ctx,
    input: RevokeSecurityGroupIngressInput,
) -> Result<RevokeSecurityGroupIngressOutput> {
    let old = old!(input);
    let unwanted = unwanted(input.security_group_rule_ids.as_ref(), input.ip_permissions.as_deref(), &old)?;
    let outcome = change(&ctx, input.dry_run, |tx| {
        let (home, input, unwanted) = (Home::of(&ctx), &input, &unwanted);
        async move {
            let group = named(&tx, home, input.group_id.as_deref(), input.group_name.as_deref()).await?;
            remove(&tx, group, unwanted, false).await
        }
    })
    .await?;
    Ok(RevokeSecurityGroupIngressOutput {
        r#return: Some(true),
        unknown_ip_permissions: Some(outcome.unknown),
        revoked_security_group_rules: Some(outcome.revoked),
    })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupEgress.html>
pub(super) async fn revoke_security_group_egress(
    ctx: Ctx,
    input: RevokeSecurityGroupEgressInput,
) -> Result<RevokeSecurityGroupEgressOutput> {
    let old = old!(input);
    refuse_old_egress(&old)?;
    let unwanted = unwanted(input.security_group_rule_ids.as_ref(), input.ip_permissions.as_deref(), &old)?;
    let outcome = change(&ctx, input.dry_run, |tx| {
        let (home, input, unwanted) = (Home::of(&ctx), &input, &unwanted);
        async move {
            let group: SecurityGroup = nouns::find(&tx, home, &input.group_id).await?;
            remove(&tx, group, unwanted, true).await
        }
    })
    .await?;
    Ok(RevokeSecurityGroupEgressOutput {
        r#return: Some(true),
        unknown_ip_permissions: Some(outcome.unknown),
        revoked_security_group_rules: Some(outcome.revoked),
    })
}

async fn remove(tx: &Tx, before: SecurityGroup, unwanted: &Unwanted, egress: bool) -> Result<Outcome> {
    let (gone, unknown) = match unwanted {
        Unwanted::Ids(ids) => (by_ids(&before, ids, egress)?, Vec::new()),
        Unwanted::Permissions(permissions) => {
            let (gone, unknown) = by_permissions(tx, &before, permissions, egress).await?;
            if !unknown.is_empty() && !is_of_default_vpc(tx, &before).await? {
                let text = "The specified rule does not exist in this security group.";
                return Err(Error::sender("InvalidPermission.NotFound", text));
            }
            (gone, unknown)
        }
    };
    let mut after = before.clone();
    after.rules.retain(|rule| gone.iter().all(|gone| gone.id != rule.id));
    nouns::put(tx, Some(&before), &after);
    Ok(Outcome {
        revoked: gone.iter().map(|rule| revoked(&before, rule)).collect(),
        unknown: shown_permissions(unknown.iter()),
    })
}

/// AWS: in a default VPC what is not there is no error, but is told.
async fn is_of_default_vpc(tx: &Tx, group: &SecurityGroup) -> Result<bool> {
    Ok(nouns::find::<Vpc>(tx, group.home, &group.vpc).await?.is_default)
}

fn by_ids(group: &SecurityGroup, ids: &[String], egress: bool) -> Result<Vec<Rule>> {
    let find = |id: &String| {
        let found = group.rules.iter().find(|rule| rule.id == *id && rule.egress == egress);
        found.cloned().ok_or_else(|| not_found(id))
    };
    ids.iter().map(find).collect()
}

async fn by_permissions(
    tx: &Tx,
    group: &SecurityGroup,
    permissions: &[IpPermission],
    egress: bool,
) -> Result<(Vec<Rule>, Vec<Rule>)> {
    let (mut gone, mut unknown) = (Vec::new(), Vec::new());
    for wished in read_permissions(tx, group, permissions).await? {
        match group.rules.iter().find(|rule| rule.egress == egress && wished.is(rule)) {
            Some(rule) => gone.push(rule.clone()),
            None => unknown.push(Rule {
                id: String::new(),
                egress,
                traffic: wished.traffic,
                peer: wished.peer,
                description: wished.description,
                tags: Tags::new(),
            }),
        }
    }
    Ok((gone, unknown))
}
