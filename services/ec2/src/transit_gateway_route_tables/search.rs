//! SearchTransitGatewayRoutes: the routes of a table, static and propagated, through filters that know blocks.

use super::members::look_up;
use super::{Effective, StaticRoute, TransitGatewayRouteTable, effective};
use crate::access::{self, Asked};
use crate::cidr::Cidr;
use crate::error;
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::ALL;
use crate::pages::Wanted;
use crate::tags::Tags;
use crate::transit_gateway_attachments::TransitGatewayAttachment;
use crate::transit_gateways::missing;
use crate::vpcs::Vpc;
use std::net::IpAddr;
use yakumo_api_ec2::{
    self as api, Filter, SearchTransitGatewayRoutesInput, SearchTransitGatewayRoutesOutput,
    TransitGatewayRoute, TransitGatewayRouteAttachment,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

/// Registers the operation of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::SearchTransitGatewayRoutes,
        access::needs("ec2:SearchTransitGatewayRoutes", |input: &SearchTransitGatewayRoutesInput| {
            Asked::on::<TransitGatewayRouteTable>(&input.transit_gateway_route_table_id)
        }),
        search_transit_gateway_routes,
    )
}

/// What the API shows of a route; `state` when a request brings it into one.
pub(super) fn shown(
    cidr: &Cidr,
    route: &Effective,
    attachment: Option<&TransitGatewayAttachment>,
    state: Option<&str>,
) -> TransitGatewayRoute {
    let leads = route.attachment.as_ref().map(|id| TransitGatewayRouteAttachment {
        resource_id: attachment.map(|attachment| attachment.vpc.clone()),
        transit_gateway_attachment_id: Some(id.clone()),
        resource_type: Some("vpc".into()),
    });
    let state = state.unwrap_or(if route.is_active { "active" } else { "blackhole" });
    TransitGatewayRoute {
        destination_cidr_block: Some(cidr.to_string()),
        transit_gateway_attachments: leads.map(|leads| vec![leads]),
        r#type: Some(if route.is_static { "static" } else { "propagated" }.into()),
        state: Some(state.to_owned()),
        ..TransitGatewayRoute::default()
    }
}

/// A route that was found.
struct Found(Cidr, TransitGatewayRoute);

impl Found {
    fn attachments(&self, what: fn(&TransitGatewayRouteAttachment) -> &Option<String>) -> Vec<String> {
        let all = self.1.transit_gateway_attachments.iter().flatten();
        all.filter_map(|attachment| what(attachment).clone()).collect()
    }
}

impl Filtered for Found {
    const FILTERS: &'static [&'static str] = &[
        "attachment.transit-gateway-attachment-id",
        "attachment.resource-id",
        "attachment.resource-type",
        "prefix-list-id",
        "state",
        "type",
    ];
    const HAS_TAGS: bool = false;

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "attachment.transit-gateway-attachment-id" => {
                self.attachments(|found| &found.transit_gateway_attachment_id)
            }
            "attachment.resource-id" => self.attachments(|found| &found.resource_id),
            "attachment.resource-type" => self.attachments(|found| &found.resource_type),
            "state" => fact(self.1.state.clone()),
            "type" => fact(self.1.r#type.clone()),
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

/// How the block of a route must lie to one that a filter names.
enum Lies {
    Exactly,
    Longest,
    Within,
    Around,
}

/// A filter that knows blocks, with its values.
struct Search(Lies, Vec<Cidr>);

impl Search {
    /// Reads a filter if it is one of these.
    fn of(filter: &Filter) -> Result<Option<Search>> {
        let lies = match filter.name.as_deref() {
            Some("route-search.exact-match") => Lies::Exactly,
            Some("route-search.longest-prefix-match") => Lies::Longest,
            Some("route-search.subnet-of-match") => Lies::Within,
            Some("route-search.supernet-of-match") => Lies::Around,
            _ => return Ok(None),
        };
        let values = filter.values.iter().flatten().map(|text| block(text));
        Ok(Some(Search(lies, values.collect::<Result<_>>()?)))
    }

    fn keep(&self, routes: &mut Vec<Found>) {
        let Search(lies, values) = self;
        let longest: Vec<Cidr> = values
            .iter()
            .filter_map(|value| {
                let around = routes.iter().map(|found| found.0).filter(|cidr| cidr.contains(value));
                around.max_by_key(Cidr::prefix)
            })
            .collect();
        routes.retain(|Found(cidr, _)| match lies {
            Lies::Exactly => values.contains(cidr),
            Lies::Longest => longest.contains(cidr),
            Lies::Within => values.iter().any(|value| value.contains(cidr)),
            Lies::Around => values.iter().any(|value| cidr.contains(value)),
        });
    }
}

/// A block, or an address, which is a block of one.
fn block(text: &str) -> Result<Cidr> {
    let alone = |address: IpAddr| Cidr::new(address, if address.is_ipv4() { 32 } else { 128 });
    let cidr = Cidr::parse(text).or_else(|| text.parse().ok().and_then(alone));
    cidr.ok_or_else(|| error::invalid_value(text, "filter", "This is not a valid CIDR block."))
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_SearchTransitGatewayRoutes.html>
async fn search_transit_gateway_routes(
    ctx: Ctx,
    input: SearchTransitGatewayRoutesInput,
) -> Result<SearchTransitGatewayRoutesOutput> {
    if input.filters.is_empty() {
        return Err(missing("Filters"));
    }
    let (mut searches, mut rest) = (Vec::new(), Vec::new());
    for filter in &input.filters {
        match Search::of(filter)? {
            Some(search) => searches.push(search),
            None => rest.push(filter.clone()),
        }
    }
    let filters = Filters::of::<Found>(Some(&rest))?;
    let mut routes = routes(&ctx, &input.transit_gateway_route_table_id).await?;
    searches.iter().for_each(|search| search.keep(&mut routes));
    routes.retain(|route| filters.pass(route));
    routes.sort_by_key(|Found(cidr, _)| cidr.to_string());
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let page = wanted.cut(routes, |Found(cidr, _)| cidr.to_string())?;
    Ok(SearchTransitGatewayRoutesOutput {
        routes: Some(page.items.into_iter().map(|Found(_, shown)| shown).collect()),
        additional_routes_available: Some(page.next_token.is_some()),
        next_token: page.next_token,
    })
}

/// All routes of a table.
async fn routes(ctx: &Ctx, table: &str) -> Result<Vec<Found>> {
    let table: TransitGatewayRouteTable = look_up(ctx, table).await?;
    let scope = table.home.scope();
    let statics: Vec<StaticRoute> = ctx.list(&scope, &[&table.id], None, ALL).await?;
    let attachments: Vec<TransitGatewayAttachment> = ctx.list(&scope, &[], None, ALL).await?;
    let vpcs: Vec<Vpc> = ctx.list(&scope, &[], None, ALL).await?;
    let all = effective(&table, &statics, &attachments, &vpcs).into_iter().map(|(cidr, route)| {
        let attachment = attachments.iter().find(|found| Some(&found.id) == route.attachment.as_ref());
        let shown = shown(&cidr, &route, attachment, None);
        Found(cidr, shown)
    });
    Ok(all.collect())
}
