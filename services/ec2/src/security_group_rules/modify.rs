//! ModifySecurityGroupRules, and the descriptions of rules.

use super::authorize::check_new;
use super::{check_quotas, not_found};
use crate::access::Asked;
use crate::commit::change;
use crate::error;
use crate::nouns::{self, Home};
use crate::security_groups::{Rule, SecurityGroup, named, read_permissions};
use yakumo_api_ec2::{
    IpPermission, IpRange, Ipv6Range, ModifySecurityGroupRulesInput, ModifySecurityGroupRulesOutput,
    PrefixListId, SecurityGroupRuleDescription, SecurityGroupRuleRequest,
    UpdateSecurityGroupRuleDescriptionsEgressInput, UpdateSecurityGroupRuleDescriptionsEgressOutput,
    UpdateSecurityGroupRuleDescriptionsIngressInput, UpdateSecurityGroupRuleDescriptionsIngressOutput,
    UserIdGroupPair,
};
use yakumo_aws::{AccountId, Error, Result};
use yakumo_room::{Ctx, Tx};

pub(super) fn access(input: &ModifySecurityGroupRulesInput) -> Asked {
    let asked = Asked::on::<SecurityGroup>(&input.group_id);
    input
        .security_group_rules
        .iter()
        .fold(asked, |asked, update| asked.and_kind(super::KIND, &update.security_group_rule_id))
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySecurityGroupRules.html>
pub(super) async fn modify_security_group_rules(
    ctx: Ctx,
    input: ModifySecurityGroupRulesInput,
) -> Result<ModifySecurityGroupRulesOutput> {
    if input.security_group_rules.is_empty() {
        return Err(error::missing_parameter("securityGroupRule"));
    }
    change(&ctx, input.dry_run, |tx| {
        let (home, input) = (Home::of(&ctx), &input);
        async move {
            let before: SecurityGroup = nouns::find(&tx, home, &input.group_id).await?;
            let mut after = before.clone();
            for update in &input.security_group_rules {
                let wanted = update.security_group_rule.as_ref();
                let wanted = wanted.ok_or_else(|| error::missing_parameter("securityGroupRule"))?;
                rewrite(&tx, &mut after, &update.security_group_rule_id, wanted).await?;
            }
            check_quotas(&tx, &after).await?;
            nouns::put(&tx, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(ModifySecurityGroupRulesOutput { r#return: Some(true) })
}

/// Another content for a rule; its id, direction and tags stay.
async fn rewrite(
    tx: &Tx,
    group: &mut SecurityGroup,
    id: &str,
    wanted: &SecurityGroupRuleRequest,
) -> Result<()> {
    let old = group.rules.iter().find(|rule| rule.id == id).cloned().ok_or_else(|| not_found(id))?;
    let wished = read_permissions(tx, group, &[permission(wanted)]).await?;
    let [wished] = <[_; 1]>::try_from(wished).map_err(|_| {
        error::invalid_parameter_combination(
            "Exactly one of CidrIpv4, CidrIpv6, PrefixListId and ReferencedGroupId must be specified",
        )
    })?;
    let rule = Rule { traffic: wished.traffic, peer: wished.peer, description: wished.description, ..old };
    check_new(group, &rule)?;
    for known in group.rules.iter_mut().filter(|known| known.id == rule.id) {
        *known = rule.clone();
    }
    Ok(())
}

fn permission(wanted: &SecurityGroupRuleRequest) -> IpPermission {
    let description = &wanted.description;
    let group = wanted.referenced_group_id.as_deref().map(|text| {
        // AWS: a group of another account is written with its owner: `111122223333/sg-1`.
        let (owner, id) = match text.split_once('/') {
            Some((owner, id)) if AccountId::parse(owner).is_some() => (Some(owner.to_owned()), id),
            _ => (None, text),
        };
        let (group_id, user_id, description) = (Some(id.to_owned()), owner, description.clone());
        UserIdGroupPair { group_id, user_id, description, ..UserIdGroupPair::default() }
    });
    let ipv4 = wanted.cidr_ipv4.clone();
    let ipv6 = wanted.cidr_ipv6.clone();
    let list = wanted.prefix_list_id.clone();
    let range = |cidr| IpRange { cidr_ip: Some(cidr), description: description.clone() };
    let range6 = |cidr| Ipv6Range { cidr_ipv6: Some(cidr), description: description.clone() };
    let list_of = |id| PrefixListId { prefix_list_id: Some(id), description: description.clone() };
    IpPermission {
        ip_protocol: wanted.ip_protocol.clone(),
        from_port: wanted.from_port,
        to_port: wanted.to_port,
        ip_ranges: Some(ipv4.map(range).into_iter().collect()),
        ipv6_ranges: Some(ipv6.map(range6).into_iter().collect()),
        prefix_list_ids: Some(list.map(list_of).into_iter().collect()),
        user_id_group_pairs: Some(group.into_iter().collect()),
    }
}

/// New descriptions: by what the rules say, or by their ids.
struct Descriptions<'a> {
    permissions: &'a [IpPermission],
    by_id: &'a [SecurityGroupRuleDescription],
    egress: bool,
}

impl Descriptions<'_> {
    fn check(&self) -> Result<()> {
        match (self.permissions.is_empty(), self.by_id.is_empty()) {
            (true, true) => Err(error::missing_parameter("ipPermissions or securityGroupRuleDescriptions")),
            (false, false) => Err(error::not_together("ipPermissions", "securityGroupRuleDescriptions")),
            _ => Ok(()),
        }
    }

    async fn apply(&self, tx: &Tx, before: SecurityGroup) -> Result<()> {
        let mut after = before.clone();
        for wished in read_permissions(tx, &before, self.permissions).await? {
            let is_meant = |rule: &&mut Rule| rule.egress == self.egress && wished.is(rule);
            let rule = after.rules.iter_mut().find(is_meant).ok_or_else(|| {
                let text = "The specified rule does not exist in this security group.";
                Error::sender("InvalidPermission.NotFound", text)
            })?;
            rule.description.clone_from(&wished.description);
        }
        for named in self.by_id {
            let id = named.security_group_rule_id.as_deref().unwrap_or_default();
            let is_meant = |rule: &&mut Rule| rule.egress == self.egress && rule.id == id;
            let rule = after.rules.iter_mut().find(is_meant).ok_or_else(|| not_found(id))?;
            let text = named.description.clone().filter(|text| !text.is_empty());
            if let Some(text) = &text {
                crate::security_groups::check_description(text)?;
            }
            rule.description = text;
        }
        nouns::put(tx, Some(&before), &after);
        Ok(())
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UpdateSecurityGroupRuleDescriptionsIngress.html>
pub(super) async fn update_security_group_rule_descriptions_ingress(
    ctx: Ctx,
    input: UpdateSecurityGroupRuleDescriptionsIngressInput,
) -> Result<UpdateSecurityGroupRuleDescriptionsIngressOutput> {
    let descriptions = Descriptions {
        permissions: input.ip_permissions.as_deref().unwrap_or_default(),
        by_id: input.security_group_rule_descriptions.as_deref().unwrap_or_default(),
        egress: false,
    };
    let (id, name) = (input.group_id.as_deref(), input.group_name.as_deref());
    describe(&ctx, input.dry_run, id, name, &descriptions).await?;
    Ok(UpdateSecurityGroupRuleDescriptionsIngressOutput { r#return: Some(true) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_UpdateSecurityGroupRuleDescriptionsEgress.html>
pub(super) async fn update_security_group_rule_descriptions_egress(
    ctx: Ctx,
    input: UpdateSecurityGroupRuleDescriptionsEgressInput,
) -> Result<UpdateSecurityGroupRuleDescriptionsEgressOutput> {
    let descriptions = Descriptions {
        permissions: input.ip_permissions.as_deref().unwrap_or_default(),
        by_id: input.security_group_rule_descriptions.as_deref().unwrap_or_default(),
        egress: true,
    };
    let (id, name) = (input.group_id.as_deref(), input.group_name.as_deref());
    describe(&ctx, input.dry_run, id, name, &descriptions).await?;
    Ok(UpdateSecurityGroupRuleDescriptionsEgressOutput { r#return: Some(true) })
}

async fn describe(
    ctx: &Ctx,
    dry_run: Option<bool>,
    id: Option<&str>,
    name: Option<&str>,
    descriptions: &Descriptions<'_>,
) -> Result<()> {
    descriptions.check()?;
    change(ctx, dry_run, |tx| async move {
        let group = named(&tx, Home::of(ctx), id, name).await?;
        descriptions.apply(&tx, group).await
    })
    .await
}
