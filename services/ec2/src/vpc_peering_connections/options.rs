//! Options of peering connections: all of them are off, and none can be switched on yet.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcPeeringConnectionOptions.html>

use super::VpcPeeringConnection;
use super::life::invalid_transition;
use crate::access::{self, Asked};
use crate::commit::{only_if, refuse};
use crate::nouns::{self, Home};
use yakumo_api_ec2::{
    self as api, ModifyVpcPeeringConnectionOptionsInput, ModifyVpcPeeringConnectionOptionsOutput,
    PeeringConnectionOptions, PeeringConnectionOptionsRequest,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

/// Registers the operation of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::ModifyVpcPeeringConnectionOptions,
        access::needs(
            "ec2:ModifyVpcPeeringConnectionOptions",
            |input: &ModifyVpcPeeringConnectionOptionsInput| {
                Asked::on::<VpcPeeringConnection>(&input.vpc_peering_connection_id)
            },
        ),
        modify_vpc_peering_connection_options,
    )
}

/// What is off may be switched off; to switch something on is refused by its name.
fn check(options: &PeeringConnectionOptionsRequest) -> Result<()> {
    refuse(&[
        ("AllowDnsResolutionFromRemoteVpc", options.allow_dns_resolution_from_remote_vpc == Some(true)),
        (
            "AllowEgressFromLocalClassicLinkToRemoteVpc",
            options.allow_egress_from_local_classic_link_to_remote_vpc == Some(true),
        ),
        (
            "AllowEgressFromLocalVpcToRemoteClassicLink",
            options.allow_egress_from_local_vpc_to_remote_classic_link == Some(true),
        ),
        ("AllowMultipathResilience", options.allow_multipath_resilience == Some(true)),
        ("MultipathResilienceMode", options.multipath_resilience_mode.is_some()),
    ])
}

fn off() -> PeeringConnectionOptions {
    PeeringConnectionOptions {
        allow_dns_resolution_from_remote_vpc: Some(false),
        allow_egress_from_local_classic_link_to_remote_vpc: Some(false),
        allow_egress_from_local_vpc_to_remote_classic_link: Some(false),
        ..PeeringConnectionOptions::default()
    }
}

async fn modify_vpc_peering_connection_options(
    ctx: Ctx,
    input: ModifyVpcPeeringConnectionOptionsInput,
) -> Result<ModifyVpcPeeringConnectionOptionsOutput> {
    let given = [&input.requester_peering_connection_options, &input.accepter_peering_connection_options];
    given.into_iter().flatten().try_for_each(check)?;
    let peering: VpcPeeringConnection =
        nouns::look_up(&ctx, Home::of(&ctx), &input.vpc_peering_connection_id).await?;
    if !peering.is_active() {
        return Err(invalid_transition(&peering, "active"));
    }
    only_if(input.dry_run)?;
    Ok(ModifyVpcPeeringConnectionOptionsOutput {
        requester_peering_connection_options: input.requester_peering_connection_options.map(|_| off()),
        accepter_peering_connection_options: input.accepter_peering_connection_options.map(|_| off()),
    })
}
