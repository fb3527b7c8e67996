//! How route tables come and go.

use super::{RouteTable, Seen};
use crate::access::{self, Asked};
use crate::commit::change;
use crate::nouns::{self, ClientToken, Home, Noun, new_id};
use crate::route_tables::targets::Targets;
use crate::tags;
use crate::vpcs::Vpc;
use crate::{error, quotas};
use yakumo_api_ec2::{
    self as api, CreateRouteTableInput, CreateRouteTableOutput, DeleteRouteTableInput, DeleteRouteTableOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::CreateRouteTable,
        access::needs("ec2:CreateRouteTable", |input: &CreateRouteTableInput| {
            Asked::on::<Vpc>(&input.vpc_id).making::<RouteTable>(input.tag_specifications.as_ref())
        }),
        create_route_table,
    )
    .on(
        api::DeleteRouteTable,
        access::needs("ec2:DeleteRouteTable", |input: &DeleteRouteTableInput| {
            Asked::on::<RouteTable>(&input.route_table_id)
        }),
        delete_route_table,
    )
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRouteTable.html>
async fn create_route_table(ctx: Ctx, input: CreateRouteTableInput) -> Result<CreateRouteTableOutput> {
    let tags = tags::at_creation(RouteTable::KIND, input.tag_specifications.as_ref())?;
    let token = ClientToken::of(input.client_token.as_deref(), &(&input.vpc_id, &tags));
    let made = RouteTable {
        id: new_id(&ctx, RouteTable::PREFIX),
        home: Home::of(&ctx),
        vpc: input.vpc_id,
        routes: Vec::new(),
        associations: Vec::new(),
        token,
        tags,
    };
    let (vpc, made) = change(&ctx, input.dry_run, |tx| {
        let made = made.clone();
        async move {
            let vpc: Vpc = nouns::find(&tx, made.home, &made.vpc).await?;
            let all: Vec<RouteTable> = nouns::all(&tx, made.home).await?;
            for known in &all {
                if ClientToken::made(made.token.as_ref(), known.token.as_ref())? {
                    return Ok((vpc, known.clone()));
                }
            }
            let count = all.iter().filter(|table| table.vpc == vpc.id).count();
            quotas::check(count + 1, quotas::ROUTE_TABLES, "RouteTableLimitExceeded", "route tables")?;
            nouns::put(&tx, None, &made);
            Ok((vpc, made))
        }
    })
    .await?;
    let targets = Targets::read(&ctx, made.home).await?;
    let shown = Seen::of(made, Some(&vpc), &targets).shown();
    Ok(CreateRouteTableOutput { route_table: Some(shown), client_token: input.client_token })
}

/// AWS: "You must disassociate the route table from any subnets before you can delete it. You can't delete the main
/// route table." <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteRouteTable.html>
async fn delete_route_table(ctx: Ctx, input: DeleteRouteTableInput) -> Result<DeleteRouteTableOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.route_table_id);
        async move {
            let table: RouteTable = nouns::find(&tx, home, id).await?;
            if !table.associations.is_empty() {
                return Err(error::has_dependencies(&format!("routeTable '{id}'")));
            }
            nouns::delete(&tx, &table);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteRouteTableOutput {})
}
