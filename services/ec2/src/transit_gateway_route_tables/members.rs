//! Attachments as route tables have them: associated or propagating, with the filters of both lists.

use super::TransitGatewayRouteTable;
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::{self, ALL, Home, Noun};
use crate::pages::{Page, Wanted};
use crate::tags::Tags;
use crate::transit_gateway_attachments::TransitGatewayAttachment;
use crate::transit_gateways::{Ending, alive};
use yakumo_api_ec2::Filter;
use yakumo_aws::Result;
use yakumo_room::{Ctx, Tx};

/// An attachment in a list of a table.
pub(super) struct Member(pub(super) TransitGatewayAttachment);

impl Filtered for Member {
    const FILTERS: &'static [&'static str] =
        &["resource-id", "resource-type", "transit-gateway-attachment-id"];
    const HAS_TAGS: bool = false;

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "resource-id" => fact(self.0.vpc.clone()),
            "resource-type" => fact("vpc".to_owned()),
            _ => fact(self.0.id.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

/// A page of the attachments that a table has in one of both ways.
pub(super) async fn page(
    ctx: &Ctx,
    table: &str,
    filters: Option<&Vec<Filter>>,
    wanted: Wanted<'_>,
    has: impl Fn(&TransitGatewayRouteTable, &TransitGatewayAttachment) -> bool,
) -> Result<Page<Member>> {
    let filters = Filters::of::<Member>(filters)?;
    let home = Home::of(ctx);
    let table: TransitGatewayRouteTable = look_up(ctx, table).await?;
    let all: Vec<TransitGatewayAttachment> = ctx.list(&home.scope(), &[], None, ALL).await?;
    let members = all.into_iter().filter(|attachment| has(&table, attachment)).map(Member);
    wanted.cut(members.filter(|member| filters.pass(member)).collect(), |Member(found)| found.id.clone())
}

/// What was last committed under that id and is not deleted.
pub(super) async fn look_up<N: Ending>(ctx: &Ctx, id: &str) -> Result<N> {
    let found: N = nouns::look_up(ctx, Home::of(ctx), id).await?;
    match found.ended() {
        None => Ok(found),
        Some(_) => Err(<N as Noun>::not_found(id)),
    }
}

/// A table and an attachment of the same gateway.
pub(super) async fn both(
    tx: &Tx,
    home: Home,
    table: &str,
    attachment: &str,
) -> Result<(TransitGatewayRouteTable, TransitGatewayAttachment)> {
    let table: TransitGatewayRouteTable = alive(tx, home, table).await?;
    let attachment: TransitGatewayAttachment = alive(tx, home, attachment).await?;
    table.check_gateway(&attachment.gateway)?;
    Ok((table, attachment))
}
