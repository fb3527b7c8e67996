//! How transit gateways are changed.

use super::{TransitGateway, alive, shown};
use crate::commit::change;
use crate::nouns::{self, Home};
use crate::transit_gateway_route_tables::TransitGatewayRouteTable;
use yakumo_api_ec2::{ModifyTransitGatewayInput, ModifyTransitGatewayOutput};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// AWS: what is attached already keeps its association and propagations.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyTransitGateway.html>
pub(super) async fn modify_transit_gateway(
    ctx: Ctx,
    input: ModifyTransitGatewayInput,
) -> Result<ModifyTransitGatewayOutput> {
    let wanted = input.options.unwrap_or_default();
    let gateway = change(&ctx, input.dry_run, |tx| {
        let (home, id, wanted) = (Home::of(&ctx), &input.transit_gateway_id, &wanted);
        let description = input.description.clone();
        async move {
            let before: TransitGateway = alive(&tx, home, id).await?;
            let options = before.options.changed(wanted)?;
            for table in options.association.iter().chain(&options.propagation) {
                alive::<TransitGatewayRouteTable>(&tx, home, table).await?.check_gateway(id)?;
            }
            let description = description.or_else(|| before.description.clone());
            let after = TransitGateway { description, options, ..before.clone() };
            nouns::put(&tx, Some(&before), &after);
            Ok(after)
        }
    })
    .await?;
    Ok(ModifyTransitGatewayOutput { transit_gateway: Some(shown(&gateway, "modifying")) })
}
