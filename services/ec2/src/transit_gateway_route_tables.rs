//! Route tables of transit gateways: the record and how it is registered.
//!
//! Invariant: what decides about a packet follows from static routes, propagations and the blocks of attached VPCs
//! (`effective.rs`); propagated routes are not kept. A table is not deleted before its associations end.
//! Source: <https://docs.aws.amazon.com/vpc/latest/tgw/how-transit-gateways-work.html#tgw-routing-overview>

mod associations;
mod effective;
mod life;
mod members;
mod propagations;
mod routes;
mod search;

pub(crate) use effective::{Effective, effective};
pub(crate) use life::end;
pub(crate) use propagations::{attachment_gone, propagate};

use crate::cidr::Cidr;
use crate::error;
use crate::noun_record::noun;
use crate::nouns::{Home, Noun, new_id};
use crate::tags::Tags;
use crate::transit_gateways::{Ending, State};
use serde::{Deserialize, Serialize};
use yakumo_aws::{Result, Timestamp};
use yakumo_room::{Ctx, Record, Room};

/// A route table of a transit gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TransitGatewayRouteTable {
    /// `tgw-rtb-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// Its transit gateway.
    pub gateway: String,
    /// The attachments that propagate to it, in the order in which they began: a block that two of them have is the first one's.
    pub propagations: Vec<String>,
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

/// A static route, kept under its table's id and its block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StaticRoute {
    /// The table.
    pub table: String,
    /// Where to.
    pub cidr: Cidr,
    /// Through which attachment; `None` drops packets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment: Option<String>,
}

impl Record for StaticRoute {
    const TABLE: &'static str = "transit-gateway-routes";
}

noun!(
    TransitGatewayRouteTable,
    table: "transit-gateway-route-tables",
    type: "AWS::EC2::TransitGatewayRouteTable",
    kind: "transit-gateway-route-table",
    prefix: "tgw-rtb-",
    not_found: "InvalidRouteTableID.NotFound",
    malformed: "InvalidRouteTableId.Malformed",
    spoken: "transitGatewayRouteTable ID",
    absent: |id| format!("Transit Gateway Route Table {id} was deleted or does not exist."),
    keys: |table| vec![("ec2:transitGatewayRouteTableId".to_owned(), vec![table.id.clone()])],
);

impl Ending for TransitGatewayRouteTable {
    fn ended(&self) -> Option<Timestamp> {
        self.ended
    }
}

impl TransitGatewayRouteTable {
    /// A new table of a gateway.
    pub(crate) fn new(ctx: &Ctx, gateway: &str) -> TransitGatewayRouteTable {
        TransitGatewayRouteTable {
            id: new_id(ctx, TransitGatewayRouteTable::PREFIX),
            home: Home::of(ctx),
            gateway: gateway.to_owned(),
            propagations: Vec::new(),
            state: State::Available,
            created: ctx.now(),
            ended: None,
            tags: Tags::new(),
        }
    }

    /// Whether it is of that gateway.
    ///
    /// # Errors
    /// InvalidParameterValue when it is another one's.
    pub(crate) fn check_gateway(&self, gateway: &str) -> Result<()> {
        match self.gateway == gateway {
            true => Ok(()),
            false => Err(error::invalid_parameter_value(format!(
                "Transit Gateway Route Table {} does not belong to Transit Gateway {gateway}.",
                self.id
            ))),
        }
    }
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    search::register(routes::register(propagations::register(associations::register(life::register(room)))))
}
