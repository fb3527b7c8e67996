//! Rules that name groups across peering connections: who names a group, and which rules name what is gone.
//!
//! Source: <https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-security-groups.html>

use super::permissions::shown_permissions;
use super::{Peer, Rule, SecurityGroup};
use crate::access::{self, Asked};
use crate::commit::only_if;
use crate::nouns::{self, ALL, Home};
use crate::pages::Wanted;
use crate::vpc_peering_connections::{Side, VpcPeeringConnection};
use crate::vpcs::Vpc;
use yakumo_api_ec2::{
    self as api, DescribeSecurityGroupReferencesInput, DescribeSecurityGroupReferencesOutput,
    DescribeStaleSecurityGroupsInput, DescribeStaleSecurityGroupsOutput, IpPermission,
    SecurityGroupReference, StaleIpPermission, StaleSecurityGroup, UserIdGroupPair,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::DescribeSecurityGroupReferences,
        access::needs(
            "ec2:DescribeSecurityGroupReferences",
            |input: &DescribeSecurityGroupReferencesInput| {
                input.group_id.iter().fold(Asked::any(), |asked, id| asked.and::<SecurityGroup>(id))
            },
        ),
        describe_security_group_references,
    )
    .on(
        api::DescribeStaleSecurityGroups,
        access::reads("ec2:DescribeStaleSecurityGroups"),
        describe_stale_security_groups,
    )
}

/// The end of a connection at which a VPC is not.
fn other<'a>(peering: &'a VpcPeeringConnection, vpc: &str) -> Option<&'a Side> {
    match (peering.requester.vpc == vpc, peering.accepter.vpc == vpc) {
        (true, _) => Some(&peering.accepter),
        (false, true) => Some(&peering.requester),
        (false, false) => None,
    }
}

/// AWS: "Describes the VPCs on the other side of a VPC peering … that are referencing the security groups".
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSecurityGroupReferences.html>
async fn describe_security_group_references(
    ctx: Ctx,
    input: DescribeSecurityGroupReferencesInput,
) -> Result<DescribeSecurityGroupReferencesOutput> {
    let home = Home::of(&ctx);
    let peerings: Vec<VpcPeeringConnection> = ctx.list(&home.scope(), &[], None, ALL).await?;
    let mut references = Vec::new();
    for id in &input.group_id {
        let group: SecurityGroup = nouns::look_up(&ctx, home, id).await?;
        for peering in peerings.iter().filter(|peering| peering.is_active()) {
            let Some(side) = other(peering, &group.vpc) else { continue };
            let theirs: Vec<SecurityGroup> = ctx.list(&side.home.scope(), &[], None, ALL).await?;
            let mut rules =
                theirs.iter().filter(|found| found.vpc == side.vpc).flat_map(|found| &found.rules);
            if rules.any(|rule| names(rule, &group)) {
                references.push(SecurityGroupReference {
                    group_id: Some(group.id.clone()),
                    referencing_vpc_id: Some(side.vpc.clone()),
                    vpc_peering_connection_id: Some(peering.id.clone()),
                    ..SecurityGroupReference::default()
                });
            }
        }
    }
    only_if(input.dry_run)?;
    Ok(DescribeSecurityGroupReferencesOutput { security_group_reference_set: Some(references) })
}

fn names(rule: &Rule, group: &SecurityGroup) -> bool {
    matches!(&rule.peer, Peer::Group { account, id } if *account == group.home.account && *id == group.id)
}

/// AWS: a rule is stale when the group that it names was deleted, or is in a VPC to which there is no peering any more.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeStaleSecurityGroups.html>
async fn describe_stale_security_groups(
    ctx: Ctx,
    input: DescribeStaleSecurityGroupsInput,
) -> Result<DescribeStaleSecurityGroupsOutput> {
    let vpc: Vpc = nouns::look_up(&ctx, Home::of(&ctx), &input.vpc_id).await?;
    let peerings: Vec<VpcPeeringConnection> = ctx.list(&vpc.home.scope(), &[], None, ALL).await?;
    let groups: Vec<SecurityGroup> = ctx.list(&vpc.home.scope(), &[], None, ALL).await?;
    let mut stale = Vec::new();
    for group in groups.into_iter().filter(|group| group.vpc == vpc.id) {
        let mut found = [Vec::new(), Vec::new()];
        for rule in &group.rules {
            if let Some(permission) = stale_permission(&ctx, &group, rule, &peerings).await? {
                found[usize::from(rule.egress)].push(permission);
            }
        }
        let [ingress, egress] = found;
        if !ingress.is_empty() || !egress.is_empty() {
            stale.push((group, ingress, egress));
        }
    }
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let page = wanted.cut(stale, |(group, _, _)| group.id.clone())?;
    let shown = page.items.into_iter().map(|(group, ingress, egress)| StaleSecurityGroup {
        description: Some(group.description),
        group_id: Some(group.id),
        group_name: Some(group.name),
        stale_ip_permissions: Some(ingress),
        stale_ip_permissions_egress: Some(egress),
        vpc_id: Some(group.vpc),
    });
    Ok(DescribeStaleSecurityGroupsOutput {
        stale_security_group_set: Some(shown.collect()),
        next_token: page.next_token,
    })
}

async fn stale_permission(
    ctx: &Ctx,
    group: &SecurityGroup,
    rule: &Rule,
    peerings: &[VpcPeeringConnection],
) -> Result<Option<StaleIpPermission>> {
    let Peer::Group { account, id } = &rule.peer else { return Ok(None) };
    let home = Home { account: *account, ..group.home };
    let named: Option<SecurityGroup> = ctx.get(&home.scope(), &[id]).await?;
    let joins = |peering: &&VpcPeeringConnection| {
        let side = other(peering, &group.vpc);
        side.is_some_and(|side| named.as_ref().is_none_or(|named| named.vpc == side.vpc) && side.home == home)
    };
    let is_stale = match &named {
        None => true,
        Some(named) => {
            named.vpc != group.vpc && !peerings.iter().filter(joins).any(VpcPeeringConnection::is_active)
        }
    };
    // AWS shows the connection over which the group was reached, for as long as it is remembered.
    let peering = peerings.iter().filter(joins).max_by_key(|peering| peering.is_active());
    let pair = |pair: UserIdGroupPair| UserIdGroupPair {
        vpc_id: peering.and_then(|peering| other(peering, &group.vpc)).map(|side| side.vpc.clone()),
        vpc_peering_connection_id: peering.map(|peering| peering.id.clone()),
        peering_status: peering.map(|peering| peering.state.name().to_owned()),
        ..pair
    };
    let shown = shown_permissions(std::iter::once(rule)).into_iter().next().filter(|_| is_stale);
    Ok(shown.map(|shown: IpPermission| StaleIpPermission {
        from_port: shown.from_port,
        ip_protocol: shown.ip_protocol,
        to_port: shown.to_port,
        user_id_group_pairs: shown.user_id_group_pairs.map(|pairs| pairs.into_iter().map(pair).collect()),
        ..StaleIpPermission::default()
    }))
}
