//! Rules of security groups as resources of their own: ids, tags.
//!
//! Invariant: a rule lives in its group's record; here it is found by its id.

mod authorize;
mod modify;
mod revoke;

use crate::access;
use crate::error;
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::{self, ALL, Home, Keys, Kind, Retag, tag_keys};
use crate::pages::Wanted;
use crate::security_groups::{Peer, Rule, SecurityGroup, of_caller};
use crate::tags::{self, Tags};
use authorize::Old;
use futures_util::future::BoxFuture;
use yakumo_api_ec2::{
    self as api, DescribeSecurityGroupRulesInput, DescribeSecurityGroupRulesOutput, IpPermission,
    ReferencedSecurityGroup, RevokedSecurityGroupRule, SecurityGroupRule,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room, Tx};

/// What ARNs and tags call them.
pub(crate) const KIND: &str = "security-group-rule";
/// What their ids begin with.
pub(crate) const PREFIX: &str = "sgr-";

/// The kind of resource.
pub(crate) struct Rules;

/// There is no such rule.
pub(crate) fn not_found(id: &str) -> Error {
    let text = format!("The security group rule ID '{id}' does not exist");
    Error::sender("InvalidSecurityGroupRuleId.NotFound", text)
}

/// The rule of that id and its group.
pub(crate) async fn look_up(ctx: &Ctx, home: Home, id: &str) -> Result<Option<(SecurityGroup, Rule)>> {
    let groups: Vec<SecurityGroup> = ctx.list(&home.scope(), &[], None, ALL).await?;
    let found = groups.into_iter().find_map(|group| {
        let rule = group.rules.iter().find(|rule| rule.id == id).cloned();
        rule.map(|rule| (group, rule))
    });
    Ok(found)
}

impl Kind for Rules {
    fn prefix(&self) -> &'static str {
        PREFIX
    }

    fn name(&self) -> &'static str {
        KIND
    }

    fn keys<'a>(&'a self, ctx: &'a Ctx, home: Home, id: &'a str) -> BoxFuture<'a, Result<Option<Keys>>> {
        Box::pin(async move { Ok(look_up(ctx, home, id).await?.map(|(_, rule)| tag_keys(&rule.tags))) })
    }

    fn retag<'a>(
        &'a self,
        tx: &'a Tx,
        home: Home,
        id: &'a str,
        change: Retag<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let groups: Vec<SecurityGroup> = nouns::all(tx, home).await?;
            let has = |group: &SecurityGroup| group.rules.iter().any(|rule| rule.id == id);
            let before = groups.into_iter().find(has).ok_or_else(|| not_found(id))?;
            let mut after = before.clone();
            for rule in after.rules.iter_mut().filter(|rule| rule.id == id) {
                change(&mut rule.tags)?;
            }
            nouns::put(tx, Some(&before), &after);
            Ok(())
        })
    }

    fn tagged<'a>(&'a self, ctx: &'a Ctx, home: Home) -> BoxFuture<'a, Result<Vec<(String, Tags)>>> {
        Box::pin(async move {
            let groups: Vec<SecurityGroup> = ctx.list(&home.scope(), &[], None, ALL).await?;
            let rules = groups.into_iter().flat_map(|group| group.rules);
            Ok(rules.map(|rule| (rule.id, rule.tags)).collect())
        })
    }
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    let room = room
        .on(
            api::AuthorizeSecurityGroupIngress,
            access::looked_up("ec2:AuthorizeSecurityGroupIngress", |ctx, input| {
                Box::pin(authorize::ingress_access(ctx, input))
            }),
            authorize::authorize_security_group_ingress,
        )
        .on(
            api::AuthorizeSecurityGroupEgress,
            access::needs("ec2:AuthorizeSecurityGroupEgress", authorize::egress_access),
            authorize::authorize_security_group_egress,
        )
        .on(
            api::RevokeSecurityGroupIngress,
            access::looked_up(
                "ec2:RevokeSecurityGroupIngress",
                |ctx, input: &api::RevokeSecurityGroupIngressInput| {
                    Box::pin(of_caller(ctx, input.group_id.as_deref(), input.group_name.as_deref()))
                },
            ),
            revoke::revoke_security_group_ingress,
        )
        .on(
            api::RevokeSecurityGroupEgress,
            access::needs("ec2:RevokeSecurityGroupEgress", |input: &api::RevokeSecurityGroupEgressInput| {
                access::Asked::on::<SecurityGroup>(&input.group_id)
            }),
            revoke::revoke_security_group_egress,
        );
    room.on(
        api::ModifySecurityGroupRules,
        access::needs("ec2:ModifySecurityGroupRules", modify::access),
        modify::modify_security_group_rules,
    )
    .on(
        api::UpdateSecurityGroupRuleDescriptionsIngress,
        access::looked_up(
            "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
            |ctx, input: &api::UpdateSecurityGroupRuleDescriptionsIngressInput| {
                Box::pin(of_caller(ctx, input.group_id.as_deref(), input.group_name.as_deref()))
            },
        ),
        modify::update_security_group_rule_descriptions_ingress,
    )
    .on(
        api::UpdateSecurityGroupRuleDescriptionsEgress,
        access::looked_up(
            "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
            |ctx, input: &api::UpdateSecurityGroupRuleDescriptionsEgressInput| {
                Box::pin(of_caller(ctx, input.group_id.as_deref(), input.group_name.as_deref()))
            },
        ),
        modify::update_security_group_rule_descriptions_egress,
    )
    .on(
        api::DescribeSecurityGroupRules,
        access::reads("ec2:DescribeSecurityGroupRules"),
        describe_security_group_rules,
    )
}

/// Whether the rules of a group are within its quota in both directions.
pub(crate) async fn check_quotas(tx: &Tx, group: &SecurityGroup) -> Result<()> {
    authorize::check_quota(tx, group, false).await?;
    authorize::check_quota(tx, group, true).await
}

/// The permissions of a request in its new or its old form.
fn read_request(permissions: Option<&[IpPermission]>, old: &Old<'_>) -> Result<Vec<IpPermission>> {
    match (permissions.filter(|given| !given.is_empty()), old.permission()) {
        (Some(_), Some(_)) => Err(error::not_together("ipPermissions", "ipProtocol")),
        (Some(given), None) => Ok(given.to_vec()),
        (None, Some(one)) => Ok(vec![one]),
        (None, None) => Err(error::missing_parameter("ipPermissions")),
    }
}

fn cidr_of(peer: &Peer, is_ipv4: bool) -> Option<String> {
    match peer {
        Peer::Cidr(cidr) if cidr.is_v4() == is_ipv4 => Some(cidr.to_string()),
        _ => None,
    }
}

fn list_of(peer: &Peer) -> Option<String> {
    match peer {
        Peer::PrefixList(id) => Some(id.clone()),
        _ => None,
    }
}

/// What the API shows of a rule.
fn shown(group: &SecurityGroup, rule: &Rule) -> SecurityGroupRule {
    // AWS: where there are no ports the answer says -1.
    let port = |port: Option<i32>| Some(port.unwrap_or(-1));
    SecurityGroupRule {
        security_group_rule_id: Some(rule.id.clone()),
        group_id: Some(group.id.clone()),
        group_owner_id: Some(group.home.account.to_string()),
        is_egress: Some(rule.egress),
        ip_protocol: Some(rule.traffic.protocol.clone()),
        from_port: port(rule.traffic.from),
        to_port: port(rule.traffic.to),
        cidr_ipv4: cidr_of(&rule.peer, true),
        cidr_ipv6: cidr_of(&rule.peer, false),
        prefix_list_id: list_of(&rule.peer),
        referenced_group_info: match &rule.peer {
            Peer::Group { account, id } => Some(ReferencedSecurityGroup {
                group_id: Some(id.clone()),
                user_id: Some(account.to_string()),
                ..ReferencedSecurityGroup::default()
            }),
            _ => None,
        },
        description: rule.description.clone(),
        tags: tags::shown(&rule.tags),
        security_group_rule_arn: Some(group.home.arn(KIND, &rule.id)),
    }
}

/// What the API shows of a rule that was taken away.
fn revoked(group: &SecurityGroup, rule: &Rule) -> RevokedSecurityGroupRule {
    let shown = shown(group, rule);
    RevokedSecurityGroupRule {
        security_group_rule_id: shown.security_group_rule_id,
        group_id: shown.group_id,
        is_egress: shown.is_egress,
        ip_protocol: shown.ip_protocol,
        from_port: shown.from_port,
        to_port: shown.to_port,
        cidr_ipv4: shown.cidr_ipv4,
        cidr_ipv6: shown.cidr_ipv6,
        prefix_list_id: shown.prefix_list_id,
        referenced_group_id: shown.referenced_group_info.and_then(|group| group.group_id),
        description: shown.description,
    }
}

struct Seen(SecurityGroupRule, Tags);

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &["group-id", "security-group-rule-id"];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "group-id" => fact(self.0.group_id.clone()),
            _ => fact(self.0.security_group_rule_id.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.1)
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupRules.html>
async fn describe_security_group_rules(
    ctx: Ctx,
    input: DescribeSecurityGroupRulesInput,
) -> Result<DescribeSecurityGroupRulesOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let filters = Filters::of::<Seen>(input.filters.as_ref())?;
    wanted.without_ids(input.security_group_rule_ids.as_ref(), "securityGroupRuleIds")?;
    let groups: Vec<SecurityGroup> = ctx.list(&Home::of(&ctx).scope(), &[], None, ALL).await?;
    let rules = groups
        .iter()
        .flat_map(|group| group.rules.iter().map(move |rule| Seen(shown(group, rule), rule.tags.clone())));
    let id_of = |seen: &Seen| seen.0.security_group_rule_id.clone().unwrap_or_default();
    let mut found: Vec<Seen> = rules.collect();
    if let Some(ids) = input.security_group_rule_ids.filter(|ids| !ids.is_empty()) {
        if let Some(id) = ids.iter().find(|id| !found.iter().any(|seen| id_of(seen) == **id)) {
            return Err(not_found(id));
        }
        found.retain(|seen| ids.contains(&id_of(seen)));
    }
    found.retain(|seen| filters.pass(seen));
    found.sort_by_key(id_of);
    let page = wanted.cut(found, id_of)?;
    Ok(DescribeSecurityGroupRulesOutput {
        security_group_rules: Some(page.items.into_iter().map(|Seen(rule, _)| rule).collect()),
        next_token: page.next_token,
    })
}
