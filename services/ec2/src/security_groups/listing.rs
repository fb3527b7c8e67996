//! DescribeSecurityGroups and GetSecurityGroupsForVpc.

use super::life::not_in_default_vpc;
use super::{Peer, Rule, SecurityGroup, shown_permissions};
use crate::access::{self, Asked};
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::{self, ALL, Home};
use crate::pages::{Wanted, by_ids};
use crate::tags::{self, Tags};
use crate::vpcs::Vpc;
use yakumo_api_ec2::{
    self as api, DescribeSecurityGroupsInput, DescribeSecurityGroupsOutput, GetSecurityGroupsForVpcInput,
    GetSecurityGroupsForVpcOutput, SecurityGroupForVpc,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Resource, Room};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::DescribeSecurityGroups,
        access::reads("ec2:DescribeSecurityGroups"),
        describe_security_groups,
    )
    .on(
        api::GetSecurityGroupsForVpc,
        access::needs("ec2:GetSecurityGroupsForVpc", |input: &GetSecurityGroupsForVpcInput| {
            Asked::on::<Vpc>(&input.vpc_id)
        }),
        get_security_groups_for_vpc,
    )
}

fn shown(group: &SecurityGroup) -> api::SecurityGroup {
    api::SecurityGroup {
        ip_permissions_egress: Some(shown_permissions(group.rules.iter().filter(|rule| rule.egress))),
        ip_permissions: Some(shown_permissions(group.rules.iter().filter(|rule| !rule.egress))),
        tags: tags::shown(&group.tags),
        vpc_id: Some(group.vpc.clone()),
        security_group_arn: Some(group.arn()),
        owner_id: Some(group.home.account.to_string()),
        group_name: Some(group.name.clone()),
        description: Some(group.description.clone()),
        group_id: Some(group.id.clone()),
    }
}

impl Filtered for SecurityGroup {
    const FILTERS: &'static [&'static str] = &[
        "description",
        "egress.ip-permission.cidr",
        "egress.ip-permission.from-port",
        "egress.ip-permission.group-id",
        "egress.ip-permission.group-name",
        "egress.ip-permission.ipv6-cidr",
        "egress.ip-permission.prefix-list-id",
        "egress.ip-permission.protocol",
        "egress.ip-permission.to-port",
        "egress.ip-permission.user-id",
        "group-id",
        "group-name",
        "ip-permission.cidr",
        "ip-permission.from-port",
        "ip-permission.group-id",
        "ip-permission.group-name",
        "ip-permission.ipv6-cidr",
        "ip-permission.prefix-list-id",
        "ip-permission.protocol",
        "ip-permission.to-port",
        "ip-permission.user-id",
        "owner-id",
        "vpc-id",
    ];

    fn facts(&self, filter: &str) -> Vec<String> {
        if let Some(field) = filter.strip_prefix("egress.ip-permission.") {
            return self
                .rules
                .iter()
                .filter(|rule| rule.egress)
                .filter_map(|rule| of_rule(rule, field))
                .collect();
        }
        if let Some(field) = filter.strip_prefix("ip-permission.") {
            return self
                .rules
                .iter()
                .filter(|rule| !rule.egress)
                .filter_map(|rule| of_rule(rule, field))
                .collect();
        }
        match filter {
            "description" => fact(self.description.clone()),
            "group-id" => fact(self.id.clone()),
            "group-name" => fact(self.name.clone()),
            "owner-id" => fact(self.home.account.to_string()),
            _ => fact(self.vpc.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

fn of_rule(rule: &Rule, field: &str) -> Option<String> {
    match (field, &rule.peer) {
        ("from-port", _) => rule.traffic.from.map(|port| port.to_string()),
        ("to-port", _) => rule.traffic.to.map(|port| port.to_string()),
        ("protocol", _) => Some(rule.traffic.protocol.clone()),
        ("cidr", Peer::Cidr(cidr)) if cidr.is_v4() => Some(cidr.to_string()),
        ("ipv6-cidr", Peer::Cidr(cidr)) if !cidr.is_v4() => Some(cidr.to_string()),
        ("prefix-list-id", Peer::PrefixList(id)) => Some(id.clone()),
        ("group-id", Peer::Group { id, .. }) => Some(id.clone()),
        ("user-id", Peer::Group { account, .. }) => Some(account.to_string()),
        // AWS: rules of VPCs' groups name groups by id, so that the filter by name finds none of them.
        _ => None,
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroups.html>
async fn describe_security_groups(
    ctx: Ctx,
    input: DescribeSecurityGroupsInput,
) -> Result<DescribeSecurityGroupsOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let filters = Filters::of::<SecurityGroup>(input.filters.as_ref())?;
    wanted.without_ids(input.group_ids.as_ref(), "groupIds")?;
    let names = input.group_names.unwrap_or_default();
    let mut found = match (&input.group_ids, names.is_empty()) {
        (ids, true) => by_ids::<SecurityGroup>(&ctx, ids.as_ref()).await?,
        (Some(ids), false) if !ids.is_empty() => by_ids::<SecurityGroup>(&ctx, Some(ids)).await?,
        _ => Vec::new(),
    };
    for group in by_names(&ctx, &names).await? {
        if found.iter().all(|known| known.id != group.id) {
            found.push(group);
        }
    }
    found.retain(|group| filters.pass(group));
    found.sort_by(|one, other| one.id.cmp(&other.id));
    let page = wanted.cut(found, |group| group.id.clone())?;
    Ok(DescribeSecurityGroupsOutput {
        security_groups: Some(page.items.iter().map(shown).collect()),
        next_token: page.next_token,
    })
}

/// The groups of the default VPC with these names.
async fn by_names(ctx: &Ctx, names: &[String]) -> Result<Vec<SecurityGroup>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let scope = Home::of(ctx).scope();
    let vpcs: Vec<Vpc> = ctx.list(&scope, &[], None, ALL).await?;
    let vpc = vpcs.iter().find(|vpc| vpc.is_default).map_or("", |vpc| vpc.id.as_str());
    let groups: Vec<SecurityGroup> = ctx.list(&scope, &[], None, ALL).await?;
    let find = |name: &String| {
        let found = groups.iter().find(|group| group.vpc == vpc && group.name == *name);
        found.cloned().ok_or_else(|| not_in_default_vpc(name, vpc))
    };
    names.iter().map(find).collect()
}

/// A group, as GetSecurityGroupsForVpc filters it.
struct OfVpc(SecurityGroup);

impl Filtered for OfVpc {
    const FILTERS: &'static [&'static str] =
        &["group-id", "description", "group-name", "owner-id", "primary-vpc-id"];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "primary-vpc-id" => fact(self.0.vpc.clone()),
            other => self.0.facts(other),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.0.tags)
    }
}

/// The groups that interfaces in a VPC can have: its own; groups of other VPCs are not shared here.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetSecurityGroupsForVpc.html>
async fn get_security_groups_for_vpc(
    ctx: Ctx,
    input: GetSecurityGroupsForVpcInput,
) -> Result<GetSecurityGroupsForVpcOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let filters = Filters::of::<OfVpc>(input.filters.as_ref())?;
    let vpc: Vpc = nouns::look_up(&ctx, Home::of(&ctx), &input.vpc_id).await?;
    let groups: Vec<SecurityGroup> = ctx.list(&vpc.home.scope(), &[], None, ALL).await?;
    let found = groups.into_iter().filter(|group| group.vpc == vpc.id).map(OfVpc);
    let found = found.filter(|group| filters.pass(group)).collect();
    let page = wanted.cut(found, |OfVpc(group)| group.id.clone())?;
    let shown = page.items.into_iter().map(|OfVpc(group)| SecurityGroupForVpc {
        tags: tags::shown(&group.tags),
        owner_id: Some(group.home.account.to_string()),
        description: Some(group.description),
        group_name: Some(group.name),
        group_id: Some(group.id),
        primary_vpc_id: Some(group.vpc),
    });
    Ok(GetSecurityGroupsForVpcOutput {
        security_group_for_vpcs: Some(shown.collect()),
        next_token: page.next_token,
    })
}
