//! How peering connections are asked for and ended.

use super::seen::{shown, status};
use super::{Side, State, VpcPeeringConnection, change_all};
use crate::commit::{change, refuse};
use crate::nouns::{self, Home, Noun, new_id};
use crate::tags::Tags;
use crate::vpcs::Vpc;
use crate::{error, quotas, tags, work};
use yakumo_api_ec2::{
    CreateVpcPeeringConnectionInput, CreateVpcPeeringConnectionOutput, DeleteVpcPeeringConnectionInput,
    DeleteVpcPeeringConnectionOutput,
};
use yakumo_aws::{AccountId, Error, Region, Result};
use yakumo_room::{Ctx, Tx};

/// AWS: "A VPC peering connection request expires after 7 days".
const EXPIRES_MS: i64 = 7 * 24 * 3_600_000;

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcPeeringConnection.html>
pub(super) async fn create_vpc_peering_connection(
    ctx: Ctx,
    input: CreateVpcPeeringConnectionInput,
) -> Result<CreateVpcPeeringConnectionOutput> {
    refuse(&[("RequesterPeeringConnectionOptions", input.requester_peering_connection_options.is_some())])?;
    let accepter = accepter(&ctx, &input)?;
    let tags = tags::at_creation(VpcPeeringConnection::KIND, input.tag_specifications.as_ref())?;
    let made = change(&ctx, input.dry_run, |tx| {
        let (ctx, input, accepter, tags) = (&ctx, &input, accepter.clone(), tags.clone());
        async move {
            let home = Home::of(ctx);
            let vpc: Vpc = nouns::find(&tx, home, &input.vpc_id).await?;
            if accepter.vpc == vpc.id {
                let text = "The requester VPC and the accepter VPC must not be the same VPC.";
                return Err(error::invalid_parameter_value(text));
            }
            let all: Vec<VpcPeeringConnection> = nouns::all(&tx, home).await?;
            check(&all, &vpc, &accepter)?;
            let peer: Option<Vpc> = tx.get(&accepter.home.scope(), &[&accepter.vpc]).await?;
            let can_be = peer.is_some_and(|peer| !overlap(&vpc, &peer));
            let made = VpcPeeringConnection {
                id: new_id(ctx, VpcPeeringConnection::PREFIX),
                home,
                requester: Side { home, vpc: vpc.id, shares_names: false },
                accepter,
                state: if can_be { State::PendingAcceptance } else { State::Failed },
                expires: ctx.now().plus_millis(EXPIRES_MS),
                ended: (!can_be).then(|| ctx.now()),
                ended_by: None,
                tags,
            };
            nouns::put(&tx, None, &made);
            if can_be && made.accepter.home != home {
                let theirs =
                    VpcPeeringConnection { home: made.accepter.home, tags: Tags::new(), ..made.clone() };
                nouns::put(&tx, None, &theirs);
            }
            work::waits(&tx, home, &made.id);
            Ok(made)
        }
    })
    .await?;
    let mut answer = shown(&made, &super::seen::Vpcs::read(&ctx, [&made]).await?);
    // AWS: the answer shows the request on its way; the next Describe finds what became of it.
    let text = format!("Initiating Request to {}", made.accepter.home.account);
    answer.status = status("initiating-request", text);
    Ok(CreateVpcPeeringConnectionOutput { vpc_peering_connection: Some(answer) })
}

fn accepter(ctx: &Ctx, input: &CreateVpcPeeringConnectionInput) -> Result<Side> {
    let vpc = input.peer_vpc_id.clone().ok_or_else(|| error::missing_parameter("peerVpcId"))?;
    Vpc::check_id(&vpc)?;
    let own = Home::of(ctx);
    let account = match input.peer_owner_id.as_deref() {
        None => own.account,
        Some(text) => AccountId::parse(text)
            .ok_or_else(|| error::invalid_value(text, "peerOwnerId", "This is not an account ID."))?,
    };
    let region = match input.peer_region.as_deref() {
        None => own.region,
        Some(text) => Region::parse(text)
            .filter(|region| region.partition() == own.region.partition())
            .ok_or_else(|| error::invalid_value(text, "peerRegion", "Unknown region."))?,
    };
    Ok(Side { home: Home { account, region }, vpc, shares_names: false })
}

/// Whether there may be one more: no other one between the two, and within the quotas.
fn check(all: &[VpcPeeringConnection], vpc: &Vpc, accepter: &Side) -> Result<()> {
    let alive = |peering: &&VpcPeeringConnection| {
        matches!(peering.state, State::Active | State::PendingAcceptance) && peering.has(&vpc.id)
    };
    if let Some(other) = all.iter().filter(alive).find(|peering| peering.has(&accepter.vpc)) {
        let text = format!("A VPC peering connection between these VPCs already exists: {}", other.id);
        return Err(Error::sender("VpcPeeringConnectionAlreadyExists", text));
    }
    let count = |state| all.iter().filter(alive).filter(|peering| peering.state == state).count();
    quotas::check(
        count(State::Active) + 1,
        quotas::PEERINGS_OF_VPC,
        "ActiveVpcPeeringConnectionPerVpcLimitExceeded",
        "active VPC peering connections",
    )?;
    quotas::check(
        count(State::PendingAcceptance) + 1,
        quotas::PEERING_REQUESTS,
        "OutstandingVpcPeeringConnectionLimitExceeded",
        "outstanding VPC peering connections",
    )
}

/// AWS: VPCs with an IPv4 address in common cannot be peers.
pub(super) fn overlap(one: &Vpc, other: &Vpc) -> bool {
    one.cidrs.iter().any(|block| other.cidrs.iter().any(|its| its.cidr.overlaps(&block.cidr)))
}

/// What cannot become what a request wants.
pub(super) fn invalid_transition(peering: &VpcPeeringConnection, to: &str) -> Error {
    let text = format!(
        "Invalid state transition for {}, attempted to transition from {} to {to}",
        peering.id,
        peering.state.name()
    );
    Error::sender("InvalidStateTransition", text)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpcPeeringConnection.html>
pub(super) async fn delete_vpc_peering_connection(
    ctx: Ctx,
    input: DeleteVpcPeeringConnectionInput,
) -> Result<DeleteVpcPeeringConnectionOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (ctx, id) = (&ctx, &input.vpc_peering_connection_id);
        async move {
            let home = Home::of(ctx);
            let peering: VpcPeeringConnection = nouns::find(&tx, home, id).await?;
            // AWS: either owner ends an active connection, the requester also one that waits.
            let may_end = match peering.state {
                State::Active => true,
                State::PendingAcceptance => home == peering.requester.home,
                _ => false,
            };
            if !may_end {
                return Err(invalid_transition(&peering, "deleted"));
            }
            end(&tx, ctx, &peering, State::Deleted).await
        }
    })
    .await?;
    Ok(DeleteVpcPeeringConnectionOutput { r#return: Some(true) })
}

/// Brings a connection into a state from which it does not come back.
pub(super) async fn end(tx: &Tx, ctx: &Ctx, peering: &VpcPeeringConnection, to: State) -> Result<()> {
    let (now, account) = (ctx.now(), ctx.account());
    change_all(tx, peering, |copy| {
        copy.state = to;
        copy.ended = Some(now);
        copy.ended_by = Some(account);
    })
    .await?;
    work::waits(tx, peering.requester.home, &peering.id);
    Ok(())
}

/// AWS: with a VPC go its peering connections.
pub(crate) async fn vpc_gone(tx: &Tx, ctx: &Ctx, vpc: &Vpc) -> Result<()> {
    for peering in nouns::all::<VpcPeeringConnection>(tx, vpc.home).await? {
        if peering.has(&vpc.id) && matches!(peering.state, State::Active | State::PendingAcceptance) {
            end(tx, ctx, &peering, State::Deleted).await?;
        }
    }
    Ok(())
}

/// Whether two VPCs are joined by an active connection, one of them being at home there.
pub(crate) async fn is_active_between(tx: &Tx, home: Home, one: &str, other: &str) -> Result<bool> {
    let all: Vec<VpcPeeringConnection> = nouns::all(tx, home).await?;
    Ok(all.iter().any(|peering| peering.is_active() && peering.has(one) && peering.has(other)))
}
