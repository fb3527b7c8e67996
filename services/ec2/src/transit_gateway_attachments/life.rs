//! How VPCs are attached to transit gateways, and how that ends.

use super::{Options, TransitGatewayAttachment, interfaces, of_vpc, seen};
use crate::commit::change;
use crate::nouns::{self, Home, Noun, new_id};
use crate::transit_gateway_route_tables;
use crate::transit_gateways::{State, TransitGateway, alive, is_enabled};
use crate::vpcs::Vpc;
use crate::{quotas, tags, work};
use yakumo_api_ec2::{
    CreateTransitGatewayVpcAttachmentInput, CreateTransitGatewayVpcAttachmentOutput,
    CreateTransitGatewayVpcAttachmentRequestOptions, DeleteTransitGatewayVpcAttachmentInput,
    DeleteTransitGatewayVpcAttachmentOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

impl Options {
    fn asked(wanted: &CreateTransitGatewayVpcAttachmentRequestOptions) -> Options {
        Options {
            dns: is_enabled(wanted.dns_support.as_deref(), true),
            ipv6: is_enabled(wanted.ipv6_support.as_deref(), false),
            appliance: is_enabled(wanted.appliance_mode_support.as_deref(), false),
            groups: is_enabled(wanted.security_group_referencing_support.as_deref(), true),
        }
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTransitGatewayVpcAttachment.html>
pub(super) async fn create_transit_gateway_vpc_attachment(
    ctx: Ctx,
    input: CreateTransitGatewayVpcAttachmentInput,
) -> Result<CreateTransitGatewayVpcAttachmentOutput> {
    let options = Options::asked(&input.options.clone().unwrap_or_default());
    let tags = tags::at_creation(TransitGatewayAttachment::KIND, input.tag_specifications.as_ref())?;
    let attachment = change(&ctx, input.dry_run, |tx| {
        let (ctx, input, options, tags) = (&ctx, &input, options.clone(), tags.clone());
        async move {
            let home = Home::of(ctx);
            let gateway: TransitGateway = alive(&tx, home, &input.transit_gateway_id).await?;
            let vpc: Vpc = nouns::find(&tx, home, &input.vpc_id).await?;
            let subnets = interfaces::subnets(&tx, home, &vpc.id, &input.subnet_ids).await?;
            check(&tx, &gateway, &vpc).await?;
            let attachment = TransitGatewayAttachment {
                id: new_id(ctx, TransitGatewayAttachment::PREFIX),
                home,
                gateway: gateway.id.clone(),
                vpc: vpc.id,
                subnets: input.subnet_ids.clone(),
                options,
                table: gateway.options.association.clone().filter(|_| gateway.options.associates),
                state: State::Available,
                created: ctx.now(),
                ended: None,
                tags,
            };
            for subnet in &subnets {
                interfaces::enter(&tx, ctx, &attachment, subnet).await?;
            }
            if let Some(table) = gateway.options.propagation.filter(|_| gateway.options.propagates) {
                transit_gateway_route_tables::propagate(&tx, home, &table, &attachment.id).await?;
            }
            nouns::put(&tx, None, &attachment);
            Ok(attachment)
        }
    })
    .await?;
    let shown = seen::shown(&attachment, "pending");
    Ok(CreateTransitGatewayVpcAttachmentOutput { transit_gateway_vpc_attachment: Some(shown) })
}

/// Whether there may be one more.
async fn check(tx: &Tx, gateway: &TransitGateway, vpc: &Vpc) -> Result<()> {
    if of_vpc(tx, gateway.home, &gateway.id, &vpc.id).await?.is_some() {
        // AWS: the text as clients report it.
        let text = format!("{} has non-deleted Transit Gateway Attachments with same VPC ID.", gateway.id);
        return Err(Error::sender("DuplicateTransitGatewayAttachment", text));
    }
    let all: Vec<TransitGatewayAttachment> = nouns::all(tx, gateway.home).await?;
    let count = |of: &dyn Fn(&TransitGatewayAttachment) -> bool| {
        all.iter().filter(|found| found.state.is_alive() && of(found)).count()
    };
    let code = "TransitGatewayAttachmentLimitExceeded";
    let (of_vpc, of_gateway) =
        (count(&|found| found.vpc == vpc.id), count(&|found| found.gateway == gateway.id));
    quotas::check(of_vpc + 1, quotas::TRANSIT_GATEWAYS_OF_VPC, code, "transit gateway attachments of a VPC")?;
    quotas::check(of_gateway + 1, quotas::TRANSIT_ATTACHMENTS, code, "attachments of a transit gateway")
}

/// AWS: its association and propagations end with it; static routes to it drop packets from now on.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTransitGatewayVpcAttachment.html>
pub(super) async fn delete_transit_gateway_vpc_attachment(
    ctx: Ctx,
    input: DeleteTransitGatewayVpcAttachmentInput,
) -> Result<DeleteTransitGatewayVpcAttachmentOutput> {
    let attachment = change(&ctx, input.dry_run, |tx| {
        let (ctx, id) = (&ctx, &input.transit_gateway_attachment_id);
        async move {
            let home = Home::of(ctx);
            let before: TransitGatewayAttachment = alive(&tx, home, id).await?;
            interfaces::leave(&tx, &before, |_| true).await?;
            transit_gateway_route_tables::attachment_gone(&tx, &before).await?;
            let after = TransitGatewayAttachment {
                state: State::Deleted,
                ended: Some(ctx.now()),
                table: None,
                ..before.clone()
            };
            nouns::put(&tx, Some(&before), &after);
            work::waits(&tx, home, id);
            Ok(after)
        }
    })
    .await?;
    let shown = seen::shown(&attachment, "deleting");
    Ok(DeleteTransitGatewayVpcAttachmentOutput { transit_gateway_vpc_attachment: Some(shown) })
}
