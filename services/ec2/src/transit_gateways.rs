//! Transit gateways: the record, what the API shows of it, Describe.
//!
//! Invariant: a gateway that is not deleted carries packets; with it go its route tables, and it does not go before its
//! attachments. Attachments and route tables are nouns of their own (`transit_gateway_attachments.rs`,
//! `transit_gateway_route_tables.rs`).
//! Source: <https://docs.aws.amazon.com/vpc/latest/tgw/what-is-transit-gateway.html>

mod life;
mod modify;
mod options;
mod work;

pub(crate) use options::{Options, enabled, is_enabled};
pub(crate) use work::{Ending, tend};

use crate::access::{self, Asked};
use crate::filters::{Filtered, fact};
use crate::noun_record::noun;
use crate::nouns::Home;
use crate::pages::{Wanted, describe};
use crate::tags::{self, Tags};
use crate::transit_gateway_route_tables::TransitGatewayRouteTable;
use serde::{Deserialize, Serialize};
use yakumo_api_ec2::{self as api, DescribeTransitGatewaysInput, DescribeTransitGatewaysOutput};
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::{Ctx, Room, Tx};

/// A transit gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TransitGateway {
    /// `tgw-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// How it is set up.
    pub options: Options,
    /// Where it is in its life.
    pub state: State,
    /// When it was made.
    pub created: Timestamp,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// Where a transit gateway, an attachment or a route table of one is in its life. What lies between (`pending`,
/// `deleting`) is shown by the answer of the request that brings it about, and over when the answer arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It carries packets.
    Available,
    /// It is only remembered.
    Deleted,
}

impl State {
    /// AWS's name of it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Available => "available",
            State::Deleted => "deleted",
        }
    }

    /// Whether it counts.
    pub(crate) fn is_alive(self) -> bool {
        self == State::Available
    }
}

noun!(
    TransitGateway,
    table: "transit-gateways",
    type: "AWS::EC2::TransitGateway",
    kind: "transit-gateway",
    prefix: "tgw-",
    not_found: "InvalidTransitGatewayID.NotFound",
    malformed: "InvalidTransitGatewayID.Malformed",
    spoken: "transitGateway ID",
    absent: |id| format!("Transit Gateway {id} was deleted or does not exist."),
    keys: |gateway| vec![("ec2:transitGatewayId".to_owned(), vec![gateway.id.clone()])],
);

impl Filtered for TransitGateway {
    const FILTERS: &'static [&'static str] = &[
        "options.propagation-default-route-table-id",
        "options.amazon-side-asn",
        "options.association-default-route-table-id",
        "options.auto-accept-shared-attachments",
        "options.default-route-table-association",
        "options.default-route-table-propagation",
        "options.dns-support",
        "options.vpn-ecmp-support",
        "owner-id",
        "state",
        "transit-gateway-id",
    ];

    fn facts(&self, filter: &str) -> Vec<String> {
        let shown = self.options.shown();
        match filter {
            "options.propagation-default-route-table-id" => fact(shown.propagation_default_route_table_id),
            "options.amazon-side-asn" => fact(self.options.asn.to_string()),
            "options.association-default-route-table-id" => fact(shown.association_default_route_table_id),
            "options.auto-accept-shared-attachments" => fact(shown.auto_accept_shared_attachments),
            "options.default-route-table-association" => fact(shown.default_route_table_association),
            "options.default-route-table-propagation" => fact(shown.default_route_table_propagation),
            "options.dns-support" => fact(shown.dns_support),
            "options.vpn-ecmp-support" => fact(shown.vpn_ecmp_support),
            "owner-id" => fact(self.home.account.to_string()),
            "state" => fact(self.state.name().to_owned()),
            _ => fact(self.id.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    room.on(
        api::CreateTransitGateway,
        access::needs("ec2:CreateTransitGateway", |input: &api::CreateTransitGatewayInput| {
            Asked::any().making::<TransitGateway>(input.tag_specifications.as_ref())
        }),
        life::create_transit_gateway,
    )
    .on(
        api::DeleteTransitGateway,
        access::needs("ec2:DeleteTransitGateway", |input: &api::DeleteTransitGatewayInput| {
            Asked::on::<TransitGateway>(&input.transit_gateway_id)
        }),
        life::delete_transit_gateway,
    )
    .on(api::DescribeTransitGateways, access::reads("ec2:DescribeTransitGateways"), describe_transit_gateways)
    .on(
        api::ModifyTransitGateway,
        access::needs("ec2:ModifyTransitGateway", |input: &api::ModifyTransitGatewayInput| {
            let options = input.options.as_ref();
            let table = |id: fn(&api::ModifyTransitGatewayOptions) -> &Option<String>| {
                options.and_then(|options| id(options).as_deref())
            };
            Asked::on::<TransitGateway>(&input.transit_gateway_id)
                .and_maybe::<TransitGatewayRouteTable>(table(|o| &o.association_default_route_table_id))
                .and_maybe::<TransitGatewayRouteTable>(table(|o| &o.propagation_default_route_table_id))
        }),
        modify::modify_transit_gateway,
    )
}

/// What the API shows of a gateway, in the state that a request brings it into.
fn shown(gateway: &TransitGateway, state: &str) -> api::TransitGateway {
    api::TransitGateway {
        transit_gateway_id: Some(gateway.id.clone()),
        transit_gateway_arn: Some(gateway.home.arn("transit-gateway", &gateway.id)),
        state: Some(state.to_owned()),
        owner_id: Some(gateway.home.account.to_string()),
        description: gateway.description.clone(),
        creation_time: Some(gateway.created),
        options: Some(gateway.options.shown()),
        tags: tags::shown(&gateway.tags),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTransitGateways.html>
async fn describe_transit_gateways(
    ctx: Ctx,
    input: DescribeTransitGatewaysInput,
) -> Result<DescribeTransitGatewaysOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let ids = (input.transit_gateway_ids.as_ref(), "transitGatewayIds");
    let see = std::convert::identity::<TransitGateway>;
    let page = describe(&ctx, ids, input.filters.as_ref(), wanted, see).await?;
    Ok(DescribeTransitGatewaysOutput {
        transit_gateways: Some(
            page.items.iter().map(|gateway| shown(gateway, gateway.state.name())).collect(),
        ),
        next_token: page.next_token,
    })
}

/// The noun of that id that is not deleted.
///
/// # Errors
/// In the words of its kind: AWS says the same of what was deleted and of what never was.
pub(crate) async fn alive<N: Ending>(tx: &Tx, home: Home, id: &str) -> Result<N> {
    let found: N = crate::nouns::find(tx, home, id).await?;
    match found.ended() {
        None => Ok(found),
        Some(_) => Err(N::not_found(id)),
    }
}

/// What cannot be done as things are. AWS: IncorrectState.
pub(crate) fn incorrect_state(text: impl Into<String>) -> Error {
    Error::sender("IncorrectState", text)
}

/// AWS's words about transit gateways for a member that must be there.
pub(crate) fn missing(name: &str) -> Error {
    Error::sender("MissingParameter", format!("Missing required parameter in request: {name}."))
}
