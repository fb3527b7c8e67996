//! How route tables of transit gateways come and go, and DescribeTransitGatewayRouteTables.

use super::{StaticRoute, TransitGatewayRouteTable};
use crate::access::{self, Asked};
use crate::commit::change;
use crate::filters::{Filtered, fact};
use crate::nouns::{self, ALL, Home, Noun};
use crate::pages::{Wanted, describe};
use crate::tags::{self, Tags};
use crate::transit_gateway_attachments::TransitGatewayAttachment;
use crate::transit_gateways::{self, State, TransitGateway, alive, incorrect_state};
use crate::{quotas, work};
use std::collections::BTreeMap;
use yakumo_api_ec2::{
    self as api, CreateTransitGatewayRouteTableInput, CreateTransitGatewayRouteTableOutput,
    DeleteTransitGatewayRouteTableInput, DeleteTransitGatewayRouteTableOutput,
    DescribeTransitGatewayRouteTablesInput, DescribeTransitGatewayRouteTablesOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room, Tx};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::CreateTransitGatewayRouteTable,
        access::needs("ec2:CreateTransitGatewayRouteTable", |input: &CreateTransitGatewayRouteTableInput| {
            Asked::on::<TransitGateway>(&input.transit_gateway_id)
                .making::<TransitGatewayRouteTable>(input.tag_specifications.as_ref())
        }),
        create_transit_gateway_route_table,
    )
    .on(
        api::DeleteTransitGatewayRouteTable,
        access::needs("ec2:DeleteTransitGatewayRouteTable", |input: &DeleteTransitGatewayRouteTableInput| {
            Asked::on::<TransitGatewayRouteTable>(&input.transit_gateway_route_table_id)
        }),
        delete_transit_gateway_route_table,
    )
    .on(
        api::DescribeTransitGatewayRouteTables,
        access::reads("ec2:DescribeTransitGatewayRouteTables"),
        describe_transit_gateway_route_tables,
    )
}

/// A table, and whether it is its gateway's default for associations and for propagations.
struct Seen {
    table: TransitGatewayRouteTable,
    associates: bool,
    propagates: bool,
}

impl Seen {
    fn of(table: TransitGatewayRouteTable, gateway: Option<&TransitGateway>) -> Seen {
        let is = |default: fn(&transit_gateways::Options) -> &Option<String>| {
            gateway.is_some_and(|gateway| default(&gateway.options).as_ref() == Some(&table.id))
        };
        let (associates, propagates) =
            (is(|options| &options.association), is(|options| &options.propagation));
        Seen { table, associates, propagates }
    }

    fn shown(&self, state: &str) -> api::TransitGatewayRouteTable {
        api::TransitGatewayRouteTable {
            transit_gateway_route_table_id: Some(self.table.id.clone()),
            transit_gateway_id: Some(self.table.gateway.clone()),
            state: Some(state.to_owned()),
            default_association_route_table: Some(self.associates),
            default_propagation_route_table: Some(self.propagates),
            creation_time: Some(self.table.created),
            tags: tags::shown(&self.table.tags),
        }
    }
}

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &[
        "default-association-route-table",
        "default-propagation-route-table",
        "state",
        "transit-gateway-id",
        "transit-gateway-route-table-id",
    ];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "default-association-route-table" => fact(self.associates.to_string()),
            "default-propagation-route-table" => fact(self.propagates.to_string()),
            "state" => fact(self.table.state.name().to_owned()),
            "transit-gateway-id" => fact(self.table.gateway.clone()),
            _ => fact(self.table.id.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.table.tags)
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTransitGatewayRouteTable.html>
async fn create_transit_gateway_route_table(
    ctx: Ctx,
    input: CreateTransitGatewayRouteTableInput,
) -> Result<CreateTransitGatewayRouteTableOutput> {
    let tags = tags::at_creation(TransitGatewayRouteTable::KIND, input.tag_specifications.as_ref())?;
    let made =
        TransitGatewayRouteTable { tags, ..TransitGatewayRouteTable::new(&ctx, &input.transit_gateway_id) };
    change(&ctx, input.dry_run, |tx| {
        let made = &made;
        async move {
            let gateway: TransitGateway = alive(&tx, made.home, &made.gateway).await?;
            let all: Vec<TransitGatewayRouteTable> = nouns::all(&tx, made.home).await?;
            let count =
                all.iter().filter(|table| table.gateway == gateway.id && table.state.is_alive()).count();
            let (max, what) = (quotas::TRANSIT_TABLES, "transit gateway route tables");
            quotas::check(count + 1, max, "TransitGatewayRouteTableLimitExceeded", what)?;
            nouns::put(&tx, None, made);
            Ok(())
        }
    })
    .await?;
    let shown = Seen::of(made, None).shown("pending");
    Ok(CreateTransitGatewayRouteTableOutput { transit_gateway_route_table: Some(shown) })
}

/// AWS: "You must disassociate the route table from any transit gateway route tables before you can delete it", and a
/// default one stays.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTransitGatewayRouteTable.html>
async fn delete_transit_gateway_route_table(
    ctx: Ctx,
    input: DeleteTransitGatewayRouteTableInput,
) -> Result<DeleteTransitGatewayRouteTableOutput> {
    let seen = change(&ctx, input.dry_run, |tx| {
        let (ctx, id) = (&ctx, &input.transit_gateway_route_table_id);
        async move {
            let home = Home::of(ctx);
            let table: TransitGatewayRouteTable = alive(&tx, home, id).await?;
            let gateway: TransitGateway = nouns::find(&tx, home, &table.gateway).await?;
            let seen = Seen::of(table, Some(&gateway));
            if seen.associates || seen.propagates {
                let text =
                    format!("Transit Gateway Route Table {id} is a default route table of {}.", gateway.id);
                return Err(incorrect_state(text));
            }
            let attachments: Vec<TransitGatewayAttachment> = nouns::all(&tx, home).await?;
            let associated = attachments.iter().find(|attachment| attachment.table.as_ref() == Some(id));
            if let Some(attachment) = associated {
                let text = format!("Transit Gateway Route Table {id} is associated with {}.", attachment.id);
                return Err(incorrect_state(text));
            }
            end(&tx, ctx, &seen.table).await?;
            Ok(seen)
        }
    })
    .await?;
    let shown = seen.shown("deleting");
    Ok(DeleteTransitGatewayRouteTableOutput { transit_gateway_route_table: Some(shown) })
}

/// Ends a table; its routes and propagations go with it.
pub(crate) async fn end(tx: &Tx, ctx: &Ctx, table: &TransitGatewayRouteTable) -> Result<()> {
    let scope = table.home.scope();
    for route in tx.list::<StaticRoute>(&scope, &[&table.id], None, ALL).await? {
        tx.delete::<StaticRoute>(&scope, &[&table.id, &route.cidr.to_string()]);
    }
    let after = TransitGatewayRouteTable {
        state: State::Deleted,
        ended: Some(ctx.now()),
        propagations: Vec::new(),
        ..table.clone()
    };
    nouns::put(tx, Some(table), &after);
    work::waits(tx, table.home, &table.id);
    Ok(())
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTransitGatewayRouteTables.html>
async fn describe_transit_gateway_route_tables(
    ctx: Ctx,
    input: DescribeTransitGatewayRouteTablesInput,
) -> Result<DescribeTransitGatewayRouteTablesOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let gateways: Vec<TransitGateway> = ctx.list(&Home::of(&ctx).scope(), &[], None, ALL).await?;
    let gateways: BTreeMap<&str, &TransitGateway> =
        gateways.iter().map(|gateway| (gateway.id.as_str(), gateway)).collect();
    let see = |table: TransitGatewayRouteTable| {
        let gateway = gateways.get(table.gateway.as_str()).copied();
        Seen::of(table, gateway)
    };
    let ids = (input.transit_gateway_route_table_ids.as_ref(), "transitGatewayRouteTableIds");
    let page = describe(&ctx, ids, input.filters.as_ref(), wanted, see).await?;
    let items = page.items.iter().map(|seen| seen.shown(seen.table.state.name()));
    Ok(DescribeTransitGatewayRouteTablesOutput {
        transit_gateway_route_tables: Some(items.collect()),
        next_token: page.next_token,
    })
}
