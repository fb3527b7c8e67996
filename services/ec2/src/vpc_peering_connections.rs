//! VPC peering connections: the record and how it is registered.
//!
//! Invariant: each of the two owners has a copy under the same id; both change in one transaction, but tags are each
//! owner's own.
//! Source: <https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html>

mod answer;
mod life;
mod options;
mod seen;
mod work;

pub(crate) use life::{is_active_between, vpc_gone};
pub(crate) use work::tend;

use crate::access::{self, Asked};
use crate::noun_record::noun;
use crate::nouns::{Home, Noun};
use crate::tags::Tags;
use crate::vpcs::Vpc;
use serde::{Deserialize, Serialize};
use yakumo_api_ec2 as api;
use yakumo_aws::{AccountId, Region, Result, Timestamp};
use yakumo_room::{Ctx, Room, Tx};

/// A peering connection, as one of its owners has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VpcPeeringConnection {
    /// `pcx-…`.
    pub id: String,
    /// Whose copy this is.
    pub home: Home,
    /// Who asked.
    pub requester: Side,
    /// Who was asked.
    pub accepter: Side,
    /// Where it is in its life.
    pub state: State,
    /// When the request ends by itself.
    pub expires: Timestamp,
    /// When it came into a state from which it does not come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Who brought it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<AccountId>,
    /// The tags of this copy.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// One end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Side {
    /// The owner and the region.
    pub home: Home,
    /// The VPC.
    pub vpc: String,
    /// Whether its public names lead to private addresses when they are asked for at the other end
    /// (`AllowDnsResolutionFromRemoteVpc`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shares_names: bool,
}

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It waits for its accepter.
    PendingAcceptance,
    /// It carries packets.
    Active,
    /// It could not be.
    Failed,
    /// Its accepter did not want it.
    Rejected,
    /// Its accepter did not answer in seven days.
    Expired,
    /// One of both ended it.
    Deleted,
}

impl State {
    /// AWS's name of it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::PendingAcceptance => "pending-acceptance",
            State::Active => "active",
            State::Failed => "failed",
            State::Rejected => "rejected",
            State::Expired => "expired",
            State::Deleted => "deleted",
        }
    }
}

noun!(
    VpcPeeringConnection,
    table: "vpc-peering-connections",
    type: "AWS::EC2::VPCPeeringConnection",
    kind: "vpc-peering-connection",
    prefix: "pcx-",
    not_found: "InvalidVpcPeeringConnectionID.NotFound",
    malformed: "InvalidVpcPeeringConnectionId.Malformed",
    spoken: "vpcPeeringConnection ID",
    keys: |peering| vec![
        ("ec2:VpcPeeringConnectionID".to_owned(), vec![peering.id.clone()]),
        ("ec2:RequesterVpc".to_owned(), vec![peering.requester.arn()]),
        ("ec2:AccepterVpc".to_owned(), vec![peering.accepter.arn()]),
    ],
);

impl Side {
    fn arn(&self) -> String {
        self.home.arn(Vpc::KIND, &self.vpc)
    }
}

impl VpcPeeringConnection {
    /// Whether a VPC is at one of its ends.
    pub(crate) fn has(&self, vpc: &str) -> bool {
        self.requester.vpc == vpc || self.accepter.vpc == vpc
    }

    /// Whether packets pass.
    pub(crate) fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// Where its copies are.
    fn homes(&self) -> Vec<Home> {
        let mut homes = vec![self.requester.home];
        if self.accepter.home != self.requester.home {
            homes.push(self.accepter.home);
        }
        homes
    }
}

/// Changes all copies of a connection in the same way.
async fn change_all(
    tx: &Tx,
    peering: &VpcPeeringConnection,
    apply: impl Fn(&mut VpcPeeringConnection),
) -> Result<()> {
    for home in peering.homes() {
        if let Some(before) = tx.get::<VpcPeeringConnection>(&home.scope(), &[&peering.id]).await? {
            let mut after = before.clone();
            apply(&mut after);
            crate::nouns::put(tx, Some(&before), &after);
        }
    }
    Ok(())
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    let room = options::register(answer::register(room));
    room.on(
        api::CreateVpcPeeringConnection,
        access::looked_up(
            "ec2:CreateVpcPeeringConnection",
            |ctx, input: &api::CreateVpcPeeringConnectionInput| {
                let asked = asked_to_create(ctx, input);
                Box::pin(async move { Ok(asked) })
            },
        ),
        life::create_vpc_peering_connection,
    )
    .on(
        api::DeleteVpcPeeringConnection,
        access::needs("ec2:DeleteVpcPeeringConnection", |input: &api::DeleteVpcPeeringConnectionInput| {
            Asked::on::<VpcPeeringConnection>(&input.vpc_peering_connection_id)
        }),
        life::delete_vpc_peering_connection,
    )
    .on(
        api::DescribeVpcPeeringConnections,
        access::reads("ec2:DescribeVpcPeeringConnections"),
        seen::describe_vpc_peering_connections,
    )
}

fn asked_to_create(ctx: &Ctx, input: &api::CreateVpcPeeringConnectionInput) -> Asked {
    let own = Home::of(ctx);
    let account = input.peer_owner_id.as_deref().and_then(AccountId::parse);
    let region = input.peer_region.as_deref().and_then(Region::parse);
    let peer = Home { account: account.unwrap_or(own.account), region: region.unwrap_or(own.region) };
    let accepter = peer.arn(Vpc::KIND, input.peer_vpc_id.as_deref().unwrap_or("*"));
    Asked::on::<Vpc>(&input.vpc_id)
        .making::<VpcPeeringConnection>(input.tag_specifications.as_ref())
        .with("ec2:RequesterVpc", vec![own.arn(Vpc::KIND, &input.vpc_id)])
        .with("ec2:AccepterVpc", vec![accepter])
}
