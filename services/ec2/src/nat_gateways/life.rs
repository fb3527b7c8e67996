//! How NAT gateways are asked for and let go; the rest is `work.rs`.

use super::{NatGateway, State, shown};
use crate::commit::{change, refuse};
use crate::elastic_ips::ElasticIp;
use crate::network_interfaces::{NetworkInterface, Places};
use crate::nouns::{self, ClientToken, Home, Noun, new_id};
use crate::subnets::Subnet;
use crate::{error, quotas, tags, work};
use std::net::Ipv4Addr;
use yakumo_api_ec2::{
    CreateNatGatewayInput, CreateNatGatewayOutput, DeleteNatGatewayInput, DeleteNatGatewayOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNatGateway.html>
pub(super) async fn create_nat_gateway(
    ctx: Ctx,
    input: CreateNatGatewayInput,
) -> Result<CreateNatGatewayOutput> {
    refuse(&[
        ("AvailabilityMode", input.availability_mode.as_deref().is_some_and(|mode| mode != "zonal")),
        ("VpcId", input.vpc_id.is_some()),
        ("AvailabilityZoneAddress", input.availability_zone_addresses.is_some()),
        ("SecondaryAllocationId", input.secondary_allocation_ids.is_some()),
        ("SecondaryPrivateIpAddress", input.secondary_private_ip_addresses.is_some()),
        ("SecondaryPrivateIpAddressCount", input.secondary_private_ip_address_count.is_some()),
    ])?;
    let subnet = input.subnet_id.as_deref().ok_or_else(|| error::missing_parameter("SubnetId"))?;
    check_connectivity(&input)?;
    let tags = tags::at_creation(NatGateway::KIND, input.tag_specifications.as_ref())?;
    let bare = CreateNatGatewayInput { client_token: None, dry_run: None, ..input.clone() };
    let token = ClientToken::of(input.client_token.as_deref(), &bare);
    let gateway = change(&ctx, input.dry_run, |tx| {
        let (ctx, input) = (&ctx, &input);
        let (tags, token) = (tags.clone(), token.clone());
        async move {
            let home = Home::of(ctx);
            let all: Vec<NatGateway> = nouns::all(&tx, home).await?;
            for known in &all {
                if ClientToken::made(token.as_ref(), known.token.as_ref())? {
                    return Ok(known.clone());
                }
            }
            let subnet: Subnet = nouns::find(&tx, home, subnet).await?;
            if let Some(allocation) = &input.allocation_id {
                nouns::find::<ElasticIp>(&tx, home, allocation).await?;
            }
            check_quota(&all, &subnet)?;
            let gateway = NatGateway {
                id: new_id(ctx, NatGateway::PREFIX),
                home,
                vpc: subnet.vpc.clone(),
                subnet: subnet.id.clone(),
                zone: subnet.zone.clone(),
                state: State::Pending,
                allocation: input.allocation_id.clone(),
                wanted: wanted(&tx, &subnet, input.private_ip_address.as_deref()).await?,
                address: None,
                created: ctx.now(),
                ended: None,
                failure: None,
                token,
                tags,
            };
            nouns::put(&tx, None, &gateway);
            work::waits(&tx, home, &gateway.id);
            Ok(gateway)
        }
    })
    .await?;
    ctx.base().nudge(work::NAME);
    Ok(CreateNatGatewayOutput { client_token: input.client_token, nat_gateway: Some(shown(&gateway)) })
}

fn check_connectivity(input: &CreateNatGatewayInput) -> Result<()> {
    match (input.connectivity_type.as_deref().unwrap_or("public"), &input.allocation_id) {
        ("public", Some(_)) | ("private", None) => Ok(()),
        ("public", None) => Err(error::missing_parameter("AllocationId")),
        ("private", Some(_)) => {
            let text = "A NAT gateway with private connectivity cannot have an allocation ID";
            Err(error::invalid_parameter_combination(text))
        }
        (other, _) => Err(error::invalid_value(other, "connectivityType", "Unknown connectivity type.")),
    }
}

fn check_quota(all: &[NatGateway], subnet: &Subnet) -> Result<()> {
    let counts = |gateway: &&NatGateway| {
        gateway.zone == subnet.zone && (gateway.state.is_alive() || gateway.state == State::Deleting)
    };
    match all.iter().filter(counts).count() < quotas::NAT_GATEWAYS_OF_ZONE {
        true => Ok(()),
        false => {
            let max = quotas::NAT_GATEWAYS_OF_ZONE;
            let text = format!("Performing this operation would exceed the limit of {max} NAT gateways");
            Err(Error::sender("NatGatewayLimitExceeded", text))
        }
    }
}

/// The private address that a request names, when it is free.
async fn wanted(tx: &Tx, subnet: &Subnet, text: Option<&str>) -> Result<Option<Ipv4Addr>> {
    let Some(text) = text else { return Ok(None) };
    let interfaces: Vec<NetworkInterface> = nouns::all(tx, subnet.home).await?;
    Places::of(subnet, &interfaces).take(text, "privateIpAddress").map(Some)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNatGateway.html>
pub(super) async fn delete_nat_gateway(
    ctx: Ctx,
    input: DeleteNatGatewayInput,
) -> Result<DeleteNatGatewayOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.nat_gateway_id);
        async move {
            let before: NatGateway = nouns::find(&tx, home, id).await?;
            // AWS: what is on its way out may be deleted once more.
            if matches!(before.state, State::Deleting | State::Deleted) {
                return Ok(());
            }
            let after = NatGateway { state: State::Deleting, ..before.clone() };
            nouns::put(&tx, Some(&before), &after);
            work::waits(&tx, home, id);
            Ok(())
        }
    })
    .await?;
    ctx.base().nudge(work::NAME);
    Ok(DeleteNatGatewayOutput { nat_gateway_id: Some(input.nat_gateway_id) })
}
