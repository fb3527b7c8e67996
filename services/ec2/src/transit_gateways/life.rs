//! How transit gateways come and go.

use super::options::Options;
use super::{State, TransitGateway, alive, incorrect_state, shown};
use crate::commit::change;
use crate::nouns::{self, Home, Noun, new_id};
use crate::transit_gateway_attachments::TransitGatewayAttachment;
use crate::transit_gateway_route_tables::{self, TransitGatewayRouteTable};
use crate::{quotas, tags, work};
use yakumo_api_ec2::{
    CreateTransitGatewayInput, CreateTransitGatewayOutput, DeleteTransitGatewayInput,
    DeleteTransitGatewayOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Tx};

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTransitGateway.html>
pub(super) async fn create_transit_gateway(
    ctx: Ctx,
    input: CreateTransitGatewayInput,
) -> Result<CreateTransitGatewayOutput> {
    let options = Options::asked(&input.options.unwrap_or_default())?;
    let tags = tags::at_creation(TransitGateway::KIND, input.tag_specifications.as_ref())?;
    let (home, id) = (Home::of(&ctx), new_id(&ctx, TransitGateway::PREFIX));
    let gateway = TransitGateway {
        id,
        home,
        description: input.description,
        options,
        state: State::Available,
        created: ctx.now(),
        ended: None,
        tags,
    };
    let gateway = change(&ctx, input.dry_run, |tx| {
        let (ctx, mut gateway) = (&ctx, gateway.clone());
        async move {
            let all: Vec<TransitGateway> = nouns::all(&tx, home).await?;
            let count = all.iter().filter(|gateway| gateway.state.is_alive()).count();
            let (max, what) = (quotas::TRANSIT_GATEWAYS, "transit gateways");
            quotas::check(count + 1, max, "TransitGatewayLimitExceeded", what)?;
            let options = &mut gateway.options;
            // AWS: one table is the default of both.
            if options.associates || options.propagates {
                let table = TransitGatewayRouteTable::new(ctx, &gateway.id);
                options.association = options.associates.then(|| table.id.clone());
                options.propagation = options.propagates.then(|| table.id.clone());
                nouns::put(&tx, None, &table);
            }
            nouns::put(&tx, None, &gateway);
            Ok(gateway)
        }
    })
    .await?;
    Ok(CreateTransitGatewayOutput { transit_gateway: Some(shown(&gateway, "pending")) })
}

/// AWS: a gateway goes after its attachments, and its route tables go with it.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTransitGateway.html>
pub(super) async fn delete_transit_gateway(
    ctx: Ctx,
    input: DeleteTransitGatewayInput,
) -> Result<DeleteTransitGatewayOutput> {
    let gateway = change(&ctx, input.dry_run, |tx| {
        let (ctx, id) = (&ctx, &input.transit_gateway_id);
        async move {
            let before: TransitGateway = alive(&tx, Home::of(ctx), id).await?;
            check_attachments(&tx, &before).await?;
            for table in nouns::all::<TransitGatewayRouteTable>(&tx, before.home).await? {
                if table.gateway == before.id && table.state.is_alive() {
                    transit_gateway_route_tables::end(&tx, ctx, &table).await?;
                }
            }
            let after = TransitGateway { state: State::Deleted, ended: Some(ctx.now()), ..before.clone() };
            nouns::put(&tx, Some(&before), &after);
            work::waits(&tx, after.home, &after.id);
            Ok(after)
        }
    })
    .await?;
    Ok(DeleteTransitGatewayOutput { transit_gateway: Some(shown(&gateway, "deleting")) })
}

async fn check_attachments(tx: &Tx, gateway: &TransitGateway) -> Result<()> {
    let mut all: Vec<TransitGatewayAttachment> = nouns::all(tx, gateway.home).await?;
    all.retain(|attachment| attachment.gateway == gateway.id && attachment.state.is_alive());
    let ids: Vec<&str> = all.iter().map(|attachment| attachment.id.as_str()).collect();
    match ids.is_empty() {
        true => Ok(()),
        // AWS: the text as clients report it.
        false => Err(incorrect_state(format!(
            "{} has non-deleted Transit Gateway Attachments: {}.",
            gateway.id,
            ids.join(", ")
        ))),
    }
}
