//! What the API shows of attachments, and the two operations that describe them.

use super::TransitGatewayAttachment;
use crate::filters::{Filtered, fact};
use crate::pages::{Wanted, describe};
use crate::tags::{self, Tags};
use crate::transit_gateways::enabled;
use yakumo_api_ec2::{
    self as api, DescribeTransitGatewayAttachmentsInput, DescribeTransitGatewayAttachmentsOutput,
    DescribeTransitGatewayVpcAttachmentsInput, DescribeTransitGatewayVpcAttachmentsOutput,
    TransitGatewayAttachmentAssociation, TransitGatewayVpcAttachment, TransitGatewayVpcAttachmentOptions,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// The kind of resource that is attached: there are no others than VPCs.
pub(crate) const RESOURCE_TYPE: &str = "vpc";

/// What the API shows of an attachment of a VPC, in the state that a request brings it into.
pub(super) fn shown(attachment: &TransitGatewayAttachment, state: &str) -> TransitGatewayVpcAttachment {
    let options = &attachment.options;
    TransitGatewayVpcAttachment {
        transit_gateway_attachment_id: Some(attachment.id.clone()),
        transit_gateway_id: Some(attachment.gateway.clone()),
        vpc_id: Some(attachment.vpc.clone()),
        vpc_owner_id: Some(attachment.home.account.to_string()),
        state: Some(state.to_owned()),
        subnet_ids: Some(attachment.subnets.clone()),
        creation_time: Some(attachment.created),
        options: Some(TransitGatewayVpcAttachmentOptions {
            dns_support: enabled(options.dns),
            security_group_referencing_support: enabled(options.groups),
            ipv6_support: enabled(options.ipv6),
            appliance_mode_support: enabled(options.appliance),
        }),
        tags: tags::shown(&attachment.tags),
    }
}

fn shown_as_any(attachment: &TransitGatewayAttachment) -> api::TransitGatewayAttachment {
    let owner = attachment.home.account.to_string();
    let association = |table: &String| TransitGatewayAttachmentAssociation {
        transit_gateway_route_table_id: Some(table.clone()),
        state: Some("associated".into()),
        ..TransitGatewayAttachmentAssociation::default()
    };
    api::TransitGatewayAttachment {
        transit_gateway_attachment_id: Some(attachment.id.clone()),
        transit_gateway_id: Some(attachment.gateway.clone()),
        transit_gateway_owner_id: Some(owner.clone()),
        resource_owner_id: Some(owner),
        resource_type: Some(RESOURCE_TYPE.into()),
        resource_id: Some(attachment.vpc.clone()),
        state: Some(attachment.state.name().into()),
        association: attachment.table.as_ref().map(association),
        creation_time: Some(attachment.created),
        tags: tags::shown(&attachment.tags),
        ..api::TransitGatewayAttachment::default()
    }
}

/// An attachment as one of a VPC.
struct OfVpc(TransitGatewayAttachment);

impl Filtered for OfVpc {
    const FILTERS: &'static [&'static str] =
        &["state", "transit-gateway-attachment-id", "transit-gateway-id", "vpc-id"];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "state" => fact(self.0.state.name().to_owned()),
            "transit-gateway-attachment-id" => fact(self.0.id.clone()),
            "transit-gateway-id" => fact(self.0.gateway.clone()),
            _ => fact(self.0.vpc.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.0.tags)
    }
}

/// An attachment as one of any resource.
struct OfAny(TransitGatewayAttachment);

impl Filtered for OfAny {
    const FILTERS: &'static [&'static str] = &[
        "association.state",
        "association.transit-gateway-route-table-id",
        "resource-id",
        "resource-owner-id",
        "resource-type",
        "state",
        "transit-gateway-attachment-id",
        "transit-gateway-id",
        "transit-gateway-owner-id",
    ];

    fn facts(&self, filter: &str) -> Vec<String> {
        let found = &self.0;
        match filter {
            "association.state" => fact(found.table.as_ref().map(|_| "associated".to_owned())),
            "association.transit-gateway-route-table-id" => fact(found.table.clone()),
            "resource-id" => fact(found.vpc.clone()),
            "resource-owner-id" | "transit-gateway-owner-id" => fact(found.home.account.to_string()),
            "resource-type" => fact(RESOURCE_TYPE.to_owned()),
            "state" => fact(found.state.name().to_owned()),
            "transit-gateway-attachment-id" => fact(found.id.clone()),
            _ => fact(found.gateway.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.0.tags)
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTransitGatewayVpcAttachments.html>
pub(super) async fn describe_transit_gateway_vpc_attachments(
    ctx: Ctx,
    input: DescribeTransitGatewayVpcAttachmentsInput,
) -> Result<DescribeTransitGatewayVpcAttachmentsOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let ids = (input.transit_gateway_attachment_ids.as_ref(), "transitGatewayAttachmentIds");
    let page = describe(&ctx, ids, input.filters.as_ref(), wanted, OfVpc).await?;
    let items = page.items.iter().map(|OfVpc(found)| shown(found, found.state.name()));
    Ok(DescribeTransitGatewayVpcAttachmentsOutput {
        transit_gateway_vpc_attachments: Some(items.collect()),
        next_token: page.next_token,
    })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTransitGatewayAttachments.html>
pub(super) async fn describe_transit_gateway_attachments(
    ctx: Ctx,
    input: DescribeTransitGatewayAttachmentsInput,
) -> Result<DescribeTransitGatewayAttachmentsOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let ids = (input.transit_gateway_attachment_ids.as_ref(), "transitGatewayAttachmentIds");
    let page = describe(&ctx, ids, input.filters.as_ref(), wanted, OfAny).await?;
    Ok(DescribeTransitGatewayAttachmentsOutput {
        transit_gateway_attachments: Some(
            page.items.iter().map(|OfAny(found)| shown_as_any(found)).collect(),
        ),
        next_token: page.next_token,
    })
}
