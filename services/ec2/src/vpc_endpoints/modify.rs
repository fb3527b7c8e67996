//! How endpoints are changed.

use super::life::{check_family, check_private_dns, inbound_only};
use super::{Kind, State, VpcEndpoint, parts, policy, service};
use crate::access::{self, Asked};
use crate::commit::{change, refuse};
use crate::nouns::{self, Home};
use crate::route_tables::RouteTable;
use crate::security_groups::SecurityGroup;
use crate::subnets::Subnet;
use crate::vpcs::Vpc;
use crate::{error, work};
use yakumo_api_ec2::{self as api, ModifyVpcEndpointInput, ModifyVpcEndpointOutput};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room, Tx};

/// Registers the operation of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::ModifyVpcEndpoint,
        access::needs("ec2:ModifyVpcEndpoint", |input: &ModifyVpcEndpointInput| {
            let asked = Asked::on::<VpcEndpoint>(&input.vpc_endpoint_id);
            let tables = input.add_route_table_ids.iter().chain(&input.remove_route_table_ids).flatten();
            let asked = tables.fold(asked, |asked, id| asked.and::<RouteTable>(id));
            let subnets = input.add_subnet_ids.iter().chain(&input.remove_subnet_ids).flatten();
            let asked = subnets.fold(asked, |asked, id| asked.and::<Subnet>(id));
            let groups =
                input.add_security_group_ids.iter().chain(&input.remove_security_group_ids).flatten();
            groups.fold(asked, |asked, id| asked.and::<SecurityGroup>(id))
        }),
        modify_vpc_endpoint,
    )
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcEndpoint.html>
async fn modify_vpc_endpoint(ctx: Ctx, input: ModifyVpcEndpointInput) -> Result<ModifyVpcEndpointOutput> {
    refuse(&[("SubnetConfiguration", input.subnet_configurations.is_some())])?;
    check_family(input.ip_address_type.as_deref(), input.dns_options.as_ref())?;
    let wanted = policy::checked(input.policy_document.as_deref())?;
    if wanted.is_some() && input.reset_policy == Some(true) {
        return Err(error::not_together("PolicyDocument", "ResetPolicy"));
    }
    change(&ctx, input.dry_run, |tx| {
        let (ctx, input, wanted) = (&ctx, &input, wanted.clone());
        async move {
            let before: VpcEndpoint = nouns::find(&tx, Home::of(ctx), &input.vpc_endpoint_id).await?;
            if before.state == State::Deleting {
                let text = format!("The VPC endpoint {} is being deleted.", before.id);
                return Err(Error::sender("IncorrectState", text));
            }
            let mut after = before.clone();
            if wanted.is_some() || input.reset_policy == Some(true) {
                after.policy = wanted;
            }
            match before.kind {
                Kind::Gateway => gateway(&tx, input, &after).await?,
                Kind::Interface => interface(&tx, ctx, input, &mut after).await?,
            }
            nouns::put(&tx, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    ctx.base().nudge(work::NAME);
    Ok(ModifyVpcEndpointOutput { r#return: Some(true) })
}

fn has(list: &Option<Vec<String>>) -> bool {
    list.as_ref().is_some_and(|list| !list.is_empty())
}

async fn gateway(tx: &Tx, input: &ModifyVpcEndpointInput, endpoint: &VpcEndpoint) -> Result<()> {
    parts::only_of(
        "Interface",
        &[
            ("AddSubnetIds", has(&input.add_subnet_ids)),
            ("RemoveSubnetIds", has(&input.remove_subnet_ids)),
            ("AddSecurityGroupIds", has(&input.add_security_group_ids)),
            ("RemoveSecurityGroupIds", has(&input.remove_security_group_ids)),
            ("PrivateDnsEnabled", input.private_dns_enabled == Some(true)),
        ],
    )?;
    for table in input.remove_route_table_ids.iter().flatten() {
        parts::remove_table(tx, endpoint, table).await?;
    }
    for table in input.add_route_table_ids.iter().flatten() {
        parts::add_table(tx, endpoint, table).await?;
    }
    Ok(())
}

async fn interface(
    tx: &Tx,
    ctx: &Ctx,
    input: &ModifyVpcEndpointInput,
    endpoint: &mut VpcEndpoint,
) -> Result<()> {
    let tables = has(&input.add_route_table_ids) || has(&input.remove_route_table_ids);
    parts::only_of("Gateway", &[("RouteTableIds", tables)])?;
    regroup(tx, input, endpoint).await?;
    for subnet in input.remove_subnet_ids.iter().flatten() {
        nouns::find::<Subnet>(tx, endpoint.home, subnet).await?;
        for place in endpoint.places.iter().filter(|place| place.subnet == *subnet) {
            parts::remove(tx, endpoint.home, place).await?;
        }
        endpoint.places.retain(|place| place.subnet != *subnet);
    }
    for subnet in input.add_subnet_ids.iter().flatten() {
        parts::add(tx, ctx, endpoint, subnet).await?;
    }
    parts::regroup(tx, endpoint).await?;
    rename(tx, input, endpoint).await
}

async fn regroup(tx: &Tx, input: &ModifyVpcEndpointInput, endpoint: &mut VpcEndpoint) -> Result<()> {
    if !has(&input.add_security_group_ids) && !has(&input.remove_security_group_ids) {
        return Ok(());
    }
    let removed = input.remove_security_group_ids.as_deref().unwrap_or_default();
    let mut groups = endpoint.groups.clone();
    groups.extend(input.add_security_group_ids.iter().flatten().cloned());
    groups.retain(|group| !removed.contains(group));
    if groups.is_empty() {
        let text = "An interface endpoint must have at least one security group.";
        return Err(Error::sender("InvalidParameter", text));
    }
    endpoint.groups = parts::groups(tx, endpoint.home, &endpoint.vpc, &groups).await?;
    Ok(())
}

/// Changes to which names it answers.
async fn rename(tx: &Tx, input: &ModifyVpcEndpointInput, endpoint: &mut VpcEndpoint) -> Result<()> {
    if input.private_dns_enabled.is_none() && input.dns_options.is_none() {
        return Ok(());
    }
    let found = service(&endpoint.service, endpoint.home.region);
    let found = found.ok_or_else(|| Error::internal("an endpoint whose service is gone"))?;
    let had = endpoint.private_dns.then_some(endpoint.inbound_only);
    endpoint.private_dns = input.private_dns_enabled.unwrap_or(endpoint.private_dns);
    endpoint.inbound_only = inbound_only(found, endpoint.private_dns, input.dns_options.as_ref(), had)?;
    let vpc: Vpc = nouns::find(tx, endpoint.home, &endpoint.vpc).await?;
    let all: Vec<VpcEndpoint> = nouns::all(tx, endpoint.home).await?;
    check_private_dns(&vpc, endpoint, &all)
}
