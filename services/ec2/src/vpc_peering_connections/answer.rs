//! What an accepter answers to a request.

use super::life::{end, invalid_transition, overlap};
use super::seen::{Vpcs, shown, status};
use super::{State, VpcPeeringConnection, change_all};
use crate::access::{self, Asked};
use crate::commit::change;
use crate::error;
use crate::nouns::{self, Home};
use crate::vpcs::Vpc;
use crate::work;
use yakumo_api_ec2::{
    self as api, AcceptVpcPeeringConnectionInput, AcceptVpcPeeringConnectionOutput,
    RejectVpcPeeringConnectionInput, RejectVpcPeeringConnectionOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room, Tx};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::AcceptVpcPeeringConnection,
        access::looked_up(
            "ec2:AcceptVpcPeeringConnection",
            |ctx, input: &AcceptVpcPeeringConnectionInput| {
                Box::pin(async move {
                    let id = &input.vpc_peering_connection_id;
                    let found: Option<VpcPeeringConnection> = match nouns::is_id(id) {
                        true => ctx.get(&Home::of(ctx).scope(), &[id]).await?,
                        false => None,
                    };
                    let vpc = found.map(|peering| peering.accepter.vpc).unwrap_or_default();
                    Ok(Asked::on::<VpcPeeringConnection>(id).and::<Vpc>(&vpc))
                })
            },
        ),
        accept_vpc_peering_connection,
    )
    .on(
        api::RejectVpcPeeringConnection,
        access::needs("ec2:RejectVpcPeeringConnection", |input: &RejectVpcPeeringConnectionInput| {
            Asked::on::<VpcPeeringConnection>(&input.vpc_peering_connection_id)
        }),
        reject_vpc_peering_connection,
    )
}

/// The request that waits for an answer from here.
async fn waiting(tx: &Tx, ctx: &Ctx, id: &str, verb: &str, to: &str) -> Result<VpcPeeringConnection> {
    let home = Home::of(ctx);
    let peering: VpcPeeringConnection = nouns::find(tx, home, id).await?;
    if peering.accepter.home != home {
        let text = format!("User {} cannot {verb} peering {id}", home.account);
        return Err(error::operation_not_permitted(text));
    }
    let has_expired = peering.expires.as_millis() <= ctx.now().as_millis();
    if peering.state != State::PendingAcceptance || has_expired {
        return Err(invalid_transition(&peering, to));
    }
    Ok(peering)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AcceptVpcPeeringConnection.html>
async fn accept_vpc_peering_connection(
    ctx: Ctx,
    input: AcceptVpcPeeringConnectionInput,
) -> Result<AcceptVpcPeeringConnectionOutput> {
    let peering = change(&ctx, input.dry_run, |tx| {
        let (ctx, id) = (&ctx, &input.vpc_peering_connection_id);
        async move {
            let peering = waiting(&tx, ctx, id, "accept", State::Active.name()).await?;
            let (requester, accepter) = (&peering.requester, &peering.accepter);
            let one: Option<Vpc> = tx.get(&requester.home.scope(), &[&requester.vpc]).await?;
            let other: Option<Vpc> = tx.get(&accepter.home.scope(), &[&accepter.vpc]).await?;
            // The blocks of both may have changed since the request.
            if one.zip(other).is_none_or(|(one, other)| overlap(&one, &other)) {
                end(&tx, ctx, &peering, State::Failed).await?;
                return Ok(VpcPeeringConnection { state: State::Failed, ..peering });
            }
            change_all(&tx, &peering, |copy| copy.state = State::Active).await?;
            work::is_done(&tx, id);
            Ok(VpcPeeringConnection { state: State::Active, ..peering })
        }
    })
    .await?;
    let mut answer = shown(&peering, &Vpcs::read(&ctx, [&peering]).await?);
    if peering.is_active() {
        // AWS: the answer shows it on its way; the next Describe finds it active.
        answer.status = status("provisioning", "Provisioning");
    }
    Ok(AcceptVpcPeeringConnectionOutput { vpc_peering_connection: Some(answer) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RejectVpcPeeringConnection.html>
async fn reject_vpc_peering_connection(
    ctx: Ctx,
    input: RejectVpcPeeringConnectionInput,
) -> Result<RejectVpcPeeringConnectionOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (ctx, id) = (&ctx, &input.vpc_peering_connection_id);
        async move {
            let peering = waiting(&tx, ctx, id, "reject", State::Rejected.name()).await?;
            end(&tx, ctx, &peering, State::Rejected).await
        }
    })
    .await?;
    Ok(RejectVpcPeeringConnectionOutput { r#return: Some(true) })
}
