//! Options of peering connections: whether public names of one end lead to private addresses at the other.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcPeeringConnectionOptions.html>

use super::{Side, VpcPeeringConnection, change_all};
use crate::access::{self, Asked};
use crate::commit::{change, refuse};
use crate::error;
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

/// What is off may be switched off; to switch on what there is not is refused by its name.
fn check(options: &PeeringConnectionOptionsRequest) -> Result<()> {
    refuse(&[
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

/// AWS: each owner changes what is said of its own VPC, in that VPC's region.
fn check_side(side: &Side, name: &str, home: Home) -> Result<()> {
    if side.home.account != home.account {
        let who = home.account;
        let text = format!(
            "User {who} does not have permission to modify the {} side peering options",
            name.to_lowercase()
        );
        return Err(error::operation_not_permitted(text));
    }
    if side.home.region != home.region {
        let text =
            format!("{name}'s VPC Peering connection options cannot be modified for a different region");
        return Err(error::operation_not_permitted(text));
    }
    Ok(())
}

fn shown(side: &Side) -> PeeringConnectionOptions {
    PeeringConnectionOptions {
        allow_dns_resolution_from_remote_vpc: Some(side.shares_names),
        allow_egress_from_local_classic_link_to_remote_vpc: Some(false),
        allow_egress_from_local_vpc_to_remote_classic_link: Some(false),
        ..PeeringConnectionOptions::default()
    }
}

async fn modify_vpc_peering_connection_options(
    ctx: Ctx,
    input: ModifyVpcPeeringConnectionOptionsInput,
) -> Result<ModifyVpcPeeringConnectionOptionsOutput> {
    let requester = input.requester_peering_connection_options.as_ref();
    let accepter = input.accepter_peering_connection_options.as_ref();
    [requester, accepter].into_iter().flatten().try_for_each(check)?;
    if requester.or(accepter).is_none() {
        return Err(error::missing_parameter(
            "RequesterPeeringConnectionOptions or AccepterPeeringConnectionOptions",
        ));
    }
    let peering = change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.vpc_peering_connection_id);
        async move {
            let peering: VpcPeeringConnection = nouns::find(&tx, home, id).await?;
            if !peering.is_active() {
                let text = format!(
                    "Peering {id} is not active. Peering options can be added only to active peerings."
                );
                return Err(error::operation_not_permitted(text));
            }
            requester.map_or(Ok(()), |_| check_side(&peering.requester, "Requester", home))?;
            accepter.map_or(Ok(()), |_| check_side(&peering.accepter, "Accepter", home))?;
            let apply = |copy: &mut VpcPeeringConnection| {
                for (side, wanted) in [(&mut copy.requester, requester), (&mut copy.accepter, accepter)] {
                    let wanted = wanted.and_then(|wanted| wanted.allow_dns_resolution_from_remote_vpc);
                    side.shares_names = wanted.unwrap_or(side.shares_names);
                }
            };
            change_all(&tx, &peering, apply).await?;
            nouns::find::<VpcPeeringConnection>(&tx, home, id).await
        }
    })
    .await?;
    Ok(ModifyVpcPeeringConnectionOptionsOutput {
        requester_peering_connection_options: requester.map(|_| shown(&peering.requester)),
        accepter_peering_connection_options: accepter.map(|_| shown(&peering.accepter)),
    })
}
