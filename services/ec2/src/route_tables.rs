//! Route tables: the record and what the API shows of it.
//!
//! Invariant: every VPC has exactly one table with the main association; a subnet is associated with at most one table.
//! The local routes are not kept while they are local: they follow from the VPC's blocks.
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html>

mod associations;
mod life;
mod routes;
pub(crate) mod targets;

use crate::access;
use crate::filters::{Filtered, fact};
use crate::noun_record::noun;
use crate::nouns::{ALL, ClientToken, Home, Noun, new_id};
use crate::pages::{Wanted, describe};
use crate::subnets::Subnet;
use crate::tags::{self, Tags};
use crate::vpcs::Vpc;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use targets::Targets;
use yakumo_api_ec2::{
    self as api, DescribeRouteTablesInput, DescribeRouteTablesOutput, RouteTableAssociation,
    RouteTableAssociationState,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

/// A route table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RouteTable {
    /// `rtb-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// Its VPC.
    pub vpc: String,
    /// Its routes without the local ones, but for those that lead to a middlebox instead.
    pub routes: Vec<Route>,
    /// What it is associated with.
    pub associations: Vec<Association>,
    /// The request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<ClientToken>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Route {
    /// A block of IPv4 or IPv6, or a prefix list (`pl-…`).
    pub destination: String,
    /// Through what.
    pub target: Target,
    /// Who made it.
    pub origin: Origin,
}

/// Through what a route leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Target {
    /// An internet gateway, `igw-…`.
    Gateway(String),
    /// An egress-only internet gateway, `eigw-…`.
    EgressOnly(String),
    /// A NAT gateway, `nat-…`.
    Nat(String),
    /// A network interface, `eni-…`.
    Interface(String),
    /// A peering connection, `pcx-…`.
    Peering(String),
    /// A transit gateway, `tgw-…`.
    Transit(String),
    /// A gateway endpoint, `vpce-…`.
    Endpoint(String),
}

/// Who made a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Origin {
    /// CreateRoute, or the default VPC's beginning.
    CreateRoute,
    /// The route table itself: local routes.
    CreateRouteTable,
}

/// An association.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Association {
    /// `rtbassoc-…`.
    pub id: String,
    /// The subnet; without one it is the main association.
    pub subnet: Option<String>,
}

noun!(
    RouteTable,
    table: "route-tables",
    type: "AWS::EC2::RouteTable",
    kind: "route-table",
    prefix: "rtb-",
    not_found: "InvalidRouteTableID.NotFound",
    malformed: "InvalidRouteTableId.Malformed",
    spoken: "routeTable ID",
    keys: |table| vec![
        ("ec2:RouteTableID".to_owned(), vec![table.id.clone()]),
        ("ec2:Vpc".to_owned(), vec![table.home.arn(Vpc::KIND, &table.vpc)]),
    ],
);

impl RouteTable {
    /// Whether it is its VPC's main table.
    pub(crate) fn is_main(&self) -> bool {
        self.associations.iter().any(|association| association.subnet.is_none())
    }
}

/// The main table of a new VPC.
pub(crate) fn main_of(ctx: &Ctx, vpc: &Vpc) -> RouteTable {
    RouteTable {
        id: new_id(ctx, RouteTable::PREFIX),
        home: vpc.home,
        vpc: vpc.id.clone(),
        routes: Vec::new(),
        associations: vec![Association { id: new_id(ctx, "rtbassoc-"), subnet: None }],
        token: None,
        tags: Tags::new(),
    }
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    let room = routes::register(associations::register(life::register(room)));
    room.on(api::DescribeRouteTables, access::reads("ec2:DescribeRouteTables"), describe_route_tables)
}

/// A route table with what its routes lead to.
struct Seen {
    table: RouteTable,
    routes: Vec<api::Route>,
}

impl Seen {
    fn of(table: RouteTable, vpc: Option<&Vpc>, targets: &Targets) -> Seen {
        let blocks = vpc.into_iter().flat_map(Vpc::blocks).map(|block| block.cidr.to_string());
        let leads_elsewhere = |block: &String| table.routes.iter().any(|route| route.destination == *block);
        let local = blocks.filter(|block| !leads_elsewhere(block)).map(|block| local_route(&block));
        let own = table.routes.iter().map(|route| targets.shown(&table.vpc, route));
        let routes = local.chain(own).collect();
        Seen { table, routes }
    }

    fn shown(self) -> api::RouteTable {
        let Seen { table, routes } = self;
        api::RouteTable {
            associations: Some(
                table.associations.iter().map(|found| shown_association(&table, found)).collect(),
            ),
            propagating_vgws: Some(Vec::new()),
            route_table_id: Some(table.id.clone()),
            routes: Some(routes),
            tags: tags::shown(&table.tags),
            vpc_id: Some(table.vpc.clone()),
            owner_id: Some(table.home.account.to_string()),
        }
    }
}

fn local_route(block: &str) -> api::Route {
    let is_ipv6 = block.contains(':');
    api::Route {
        destination_cidr_block: (!is_ipv6).then(|| block.to_owned()),
        destination_ipv6_cidr_block: is_ipv6.then(|| block.to_owned()),
        gateway_id: Some("local".into()),
        origin: Some("CreateRouteTable".into()),
        state: Some("active".into()),
        ..api::Route::default()
    }
}

/// The state of an association: there is none that is not made at once.
pub(crate) fn associated() -> Option<RouteTableAssociationState> {
    Some(RouteTableAssociationState { state: Some("associated".into()), status_message: None })
}

fn shown_association(table: &RouteTable, association: &Association) -> RouteTableAssociation {
    RouteTableAssociation {
        main: Some(association.subnet.is_none()),
        route_table_association_id: Some(association.id.clone()),
        route_table_id: Some(table.id.clone()),
        subnet_id: association.subnet.clone(),
        association_state: associated(),
        ..RouteTableAssociation::default()
    }
}

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &[
        "association.gateway-id",
        "association.route-table-association-id",
        "association.route-table-id",
        "association.subnet-id",
        "association.main",
        "owner-id",
        "route-table-id",
        "route.destination-cidr-block",
        "route.destination-ipv6-cidr-block",
        "route.destination-prefix-list-id",
        "route.egress-only-internet-gateway-id",
        "route.gateway-id",
        "route.instance-id",
        "route.nat-gateway-id",
        "route.transit-gateway-id",
        "route.origin",
        "route.state",
        "route.vpc-peering-connection-id",
        "vpc-id",
    ];

    fn facts(&self, filter: &str) -> Vec<String> {
        let associations = self.table.associations.iter();
        let of_routes = |fact: fn(&api::Route) -> &Option<String>| {
            self.routes.iter().filter_map(|route| fact(route).clone()).collect()
        };
        match filter {
            "association.route-table-association-id" => associations.map(|found| found.id.clone()).collect(),
            "association.route-table-id" => associations.map(|_| self.table.id.clone()).collect(),
            "association.subnet-id" => associations.filter_map(|found| found.subnet.clone()).collect(),
            "association.main" => associations.map(|found| found.subnet.is_none().to_string()).collect(),
            "owner-id" => fact(self.table.home.account.to_string()),
            "route-table-id" => fact(self.table.id.clone()),
            "route.destination-cidr-block" => of_routes(|route| &route.destination_cidr_block),
            "route.destination-ipv6-cidr-block" => of_routes(|route| &route.destination_ipv6_cidr_block),
            "route.destination-prefix-list-id" => of_routes(|route| &route.destination_prefix_list_id),
            "route.egress-only-internet-gateway-id" => {
                of_routes(|route| &route.egress_only_internet_gateway_id)
            }
            "route.gateway-id" => of_routes(|route| &route.gateway_id),
            "route.instance-id" => of_routes(|route| &route.instance_id),
            "route.nat-gateway-id" => of_routes(|route| &route.nat_gateway_id),
            "route.transit-gateway-id" => of_routes(|route| &route.transit_gateway_id),
            "route.origin" => of_routes(|route| &route.origin),
            "route.state" => of_routes(|route| &route.state),
            "route.vpc-peering-connection-id" => of_routes(|route| &route.vpc_peering_connection_id),
            "vpc-id" => fact(self.table.vpc.clone()),
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.table.tags)
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html>
async fn describe_route_tables(
    ctx: Ctx,
    input: DescribeRouteTablesInput,
) -> Result<DescribeRouteTablesOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let home = Home::of(&ctx);
    let vpcs: Vec<Vpc> = ctx.list(&home.scope(), &[], None, ALL).await?;
    let vpcs: BTreeMap<&str, &Vpc> = vpcs.iter().map(|vpc| (vpc.id.as_str(), vpc)).collect();
    let targets = Targets::read(&ctx, home).await?;
    let see = |table: RouteTable| {
        let vpc = vpcs.get(table.vpc.as_str()).copied();
        Seen::of(table, vpc, &targets)
    };
    let ids = (input.route_table_ids.as_ref(), "routeTableIds");
    let page = describe(&ctx, ids, input.filters.as_ref(), wanted, see).await?;
    Ok(DescribeRouteTablesOutput {
        route_tables: Some(page.items.into_iter().map(Seen::shown).collect()),
        next_token: page.next_token,
    })
}

/// The table that decides about packets from a subnet: its own or its VPC's main one.
pub(crate) fn of_subnet<'a>(tables: &'a [RouteTable], subnet: &Subnet) -> Option<&'a RouteTable> {
    let own = |table: &&RouteTable| {
        table.associations.iter().any(|association| association.subnet.as_ref() == Some(&subnet.id))
    };
    let main = || tables.iter().find(|table| table.vpc == subnet.vpc && table.is_main());
    tables.iter().find(own).or_else(main)
}
