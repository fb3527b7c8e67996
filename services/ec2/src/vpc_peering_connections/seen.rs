//! What the API shows of peering connections, and DescribeVpcPeeringConnections.

use super::{Side, State, VpcPeeringConnection};
use crate::filters::{Filtered, fact};
use crate::nouns::{ALL, Home};
use crate::pages::{Wanted, describe};
use crate::tags::{self, Tags};
use crate::vpcs::Vpc;
use std::collections::BTreeMap;
use yakumo_api_ec2::{
    self as api, CidrBlock, DescribeVpcPeeringConnectionsInput, DescribeVpcPeeringConnectionsOutput,
    Ipv6CidrBlock, VpcPeeringConnectionOptionsDescription, VpcPeeringConnectionStateReason,
    VpcPeeringConnectionVpcInfo,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// The VPCs at the ends of some connections, as last committed.
pub(super) struct Vpcs(BTreeMap<String, Vpc>);

impl Vpcs {
    /// Reads them wherever they live.
    pub(super) async fn read<'a>(
        ctx: &Ctx,
        peerings: impl IntoIterator<Item = &'a VpcPeeringConnection>,
    ) -> Result<Vpcs> {
        let mut found = BTreeMap::new();
        for side in peerings.into_iter().flat_map(|peering| [&peering.requester, &peering.accepter]) {
            if found.contains_key(&side.vpc) {
                continue;
            }
            if let Some(vpc) = ctx.get::<Vpc>(&side.home.scope(), &[&side.vpc]).await? {
                found.insert(side.vpc.clone(), vpc);
            }
        }
        Ok(Vpcs(found))
    }
}

/// A status with its text.
pub(super) fn status(code: &str, text: impl Into<String>) -> Option<VpcPeeringConnectionStateReason> {
    Some(VpcPeeringConnectionStateReason { code: Some(code.to_owned()), message: Some(text.into()) })
}

fn message(peering: &VpcPeeringConnection) -> String {
    let by = peering.ended_by.map(|account| account.to_string()).unwrap_or_default();
    match peering.state {
        State::PendingAcceptance => format!("Pending Acceptance by {}", peering.accepter.home.account),
        State::Active => "Active".into(),
        State::Failed => "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range".into(),
        State::Rejected => format!("Rejected by {by}"),
        State::Expired => "Expired".into(),
        State::Deleted => format!("Deleted by {by}"),
    }
}

/// AWS: of a VPC that has not agreed nothing is shown but whose it is.
fn side(side: &Side, vpcs: &Vpcs, is_open: bool) -> VpcPeeringConnectionVpcInfo {
    let vpc = vpcs.0.get(&side.vpc).filter(|_| is_open);
    let options = VpcPeeringConnectionOptionsDescription {
        allow_dns_resolution_from_remote_vpc: Some(side.shares_names),
        allow_egress_from_local_classic_link_to_remote_vpc: Some(false),
        allow_egress_from_local_vpc_to_remote_classic_link: Some(false),
        ..VpcPeeringConnectionOptionsDescription::default()
    };
    let v4 = |vpc: &Vpc| {
        let blocks = vpc.cidrs.iter();
        blocks.map(|block| CidrBlock { cidr_block: Some(block.cidr.to_string()) }).collect()
    };
    let v6 = |vpc: &Vpc| {
        let blocks = vpc.ipv6.iter();
        blocks.map(|block| Ipv6CidrBlock { ipv6_cidr_block: Some(block.cidr.to_string()) }).collect()
    };
    VpcPeeringConnectionVpcInfo {
        cidr_block: vpc.and_then(Vpc::primary),
        ipv6_cidr_block_set: vpc.filter(|vpc| !vpc.ipv6.is_empty()).map(v6),
        cidr_block_set: vpc.map(v4),
        owner_id: Some(side.home.account.to_string()),
        peering_options: is_open.then_some(options),
        vpc_id: Some(side.vpc.clone()),
        region: Some(side.home.region.to_string()),
    }
}

/// What the API shows of a connection.
pub(super) fn shown(peering: &VpcPeeringConnection, vpcs: &Vpcs) -> api::VpcPeeringConnection {
    let is_waiting = peering.state == State::PendingAcceptance;
    api::VpcPeeringConnection {
        accepter_vpc_info: Some(side(&peering.accepter, vpcs, peering.is_active())),
        expiration_time: is_waiting.then_some(peering.expires),
        requester_vpc_info: Some(side(&peering.requester, vpcs, true)),
        status: status(peering.state.name(), message(peering)),
        tags: tags::shown(&peering.tags),
        vpc_peering_connection_id: Some(peering.id.clone()),
        ..api::VpcPeeringConnection::default()
    }
}

/// A connection and what the API shows of it.
struct Seen(VpcPeeringConnection, api::VpcPeeringConnection);

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &[
        "accepter-vpc-info.cidr-block",
        "accepter-vpc-info.owner-id",
        "accepter-vpc-info.vpc-id",
        "expiration-time",
        "requester-vpc-info.cidr-block",
        "requester-vpc-info.owner-id",
        "requester-vpc-info.vpc-id",
        "status-code",
        "status-message",
        "vpc-peering-connection-id",
    ];

    fn facts(&self, filter: &str) -> Vec<String> {
        let Seen(peering, shown) = self;
        let cidr = |info: &Option<VpcPeeringConnectionVpcInfo>| {
            info.as_ref().and_then(|info| info.cidr_block.clone())
        };
        match filter {
            "accepter-vpc-info.cidr-block" => fact(cidr(&shown.accepter_vpc_info)),
            "accepter-vpc-info.owner-id" => fact(peering.accepter.home.account.to_string()),
            "accepter-vpc-info.vpc-id" => fact(peering.accepter.vpc.clone()),
            "expiration-time" => fact(shown.expiration_time.map(|time| time.to_date_time())),
            "requester-vpc-info.cidr-block" => fact(cidr(&shown.requester_vpc_info)),
            "requester-vpc-info.owner-id" => fact(peering.requester.home.account.to_string()),
            "requester-vpc-info.vpc-id" => fact(peering.requester.vpc.clone()),
            "status-code" => fact(peering.state.name().to_owned()),
            "status-message" => fact(message(peering)),
            _ => fact(peering.id.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.0.tags)
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcPeeringConnections.html>
pub(super) async fn describe_vpc_peering_connections(
    ctx: Ctx,
    input: DescribeVpcPeeringConnectionsInput,
) -> Result<DescribeVpcPeeringConnectionsOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let all: Vec<VpcPeeringConnection> = ctx.list(&Home::of(&ctx).scope(), &[], None, ALL).await?;
    let vpcs = Vpcs::read(&ctx, &all).await?;
    let see = |peering: VpcPeeringConnection| {
        let shown = shown(&peering, &vpcs);
        Seen(peering, shown)
    };
    let ids = (input.vpc_peering_connection_ids.as_ref(), "vpcPeeringConnectionIds");
    let page = describe(&ctx, ids, input.filters.as_ref(), wanted, see).await?;
    Ok(DescribeVpcPeeringConnectionsOutput {
        vpc_peering_connections: Some(page.items.into_iter().map(|Seen(_, shown)| shown).collect()),
        next_token: page.next_token,
    })
}
