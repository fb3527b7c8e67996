//! Attachments of VPCs to transit gateways: the record and how it is registered.
//!
//! Invariant: an attachment that is not deleted has one interface in each of its subnets, which are in different zones of
//! one VPC; a VPC has at most one such attachment to a gateway, and an attachment at most one associated route table.
//! Source: <https://docs.aws.amazon.com/vpc/latest/tgw/tgw-vpc-attachments.html>

mod interfaces;
mod life;
mod modify;
mod seen;

use crate::access::{self, Asked};
use crate::noun_record::noun;
use crate::nouns::{self, Home};
use crate::subnets::Subnet;
use crate::tags::Tags;
use crate::transit_gateways::{Ending, State, TransitGateway};
use crate::vpcs::Vpc;
use serde::{Deserialize, Serialize};
use yakumo_api_ec2 as api;
use yakumo_aws::{Result, Timestamp};
use yakumo_room::{Room, Tx};

/// An attachment of a VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TransitGatewayAttachment {
    /// `tgw-attach-…`.
    pub id: String,
    /// Owner and region, those of the gateway and of the VPC.
    pub home: Home,
    /// The transit gateway.
    pub gateway: String,
    /// The VPC.
    pub vpc: String,
    /// Its subnets, one in each of its zones.
    pub subnets: Vec<String>,
    /// How it is set up.
    pub options: Options,
    /// The associated route table, `tgw-rtb-…`: it decides about packets from the VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
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

/// How an attachment is set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Options {
    /// `DnsSupport`.
    pub dns: bool,
    /// `Ipv6Support`: whether IPv6 blocks of the VPC are propagated.
    pub ipv6: bool,
    /// `ApplianceModeSupport`: packets enter by one zone, whatever zones they come from.
    pub appliance: bool,
    /// `SecurityGroupReferencingSupport`: it acts when the gateway has it, too.
    pub groups: bool,
}

noun!(
    TransitGatewayAttachment,
    table: "transit-gateway-attachments",
    type: "AWS::EC2::TransitGatewayAttachment",
    kind: "transit-gateway-attachment",
    prefix: "tgw-attach-",
    not_found: "InvalidTransitGatewayAttachmentID.NotFound",
    malformed: "InvalidTransitGatewayAttachmentID.Malformed",
    spoken: "transitGatewayAttachment ID",
    absent: |id| format!("Transit Gateway Attachment {id} was deleted or does not exist."),
    keys: |attachment| vec![("ec2:transitGatewayAttachmentId".to_owned(), vec![attachment.id.clone()])],
);

impl Ending for TransitGatewayAttachment {
    fn ended(&self) -> Option<Timestamp> {
        self.ended
    }
}

/// The attachment of a VPC to a gateway.
pub(crate) async fn of_vpc(
    tx: &Tx,
    home: Home,
    gateway: &str,
    vpc: &str,
) -> Result<Option<TransitGatewayAttachment>> {
    let mut all = nouns::all::<TransitGatewayAttachment>(tx, home).await?.into_iter();
    Ok(all.find(|found| found.state.is_alive() && found.gateway == gateway && found.vpc == vpc))
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    let with_subnets = |asked: Asked, ids: Option<&Vec<String>>| {
        ids.into_iter().flatten().fold(asked, |asked, id| asked.and::<Subnet>(id))
    };
    room.on(
        api::CreateTransitGatewayVpcAttachment,
        access::needs(
            "ec2:CreateTransitGatewayVpcAttachment",
            move |input: &api::CreateTransitGatewayVpcAttachmentInput| {
                let asked = Asked::on::<TransitGateway>(&input.transit_gateway_id)
                    .and::<Vpc>(&input.vpc_id)
                    .making::<TransitGatewayAttachment>(input.tag_specifications.as_ref());
                with_subnets(asked, Some(&input.subnet_ids))
            },
        ),
        life::create_transit_gateway_vpc_attachment,
    )
    .on(
        api::DeleteTransitGatewayVpcAttachment,
        access::needs(
            "ec2:DeleteTransitGatewayVpcAttachment",
            |input: &api::DeleteTransitGatewayVpcAttachmentInput| {
                Asked::on::<TransitGatewayAttachment>(&input.transit_gateway_attachment_id)
            },
        ),
        life::delete_transit_gateway_vpc_attachment,
    )
    .on(
        api::ModifyTransitGatewayVpcAttachment,
        access::needs(
            "ec2:ModifyTransitGatewayVpcAttachment",
            move |input: &api::ModifyTransitGatewayVpcAttachmentInput| {
                let asked = Asked::on::<TransitGatewayAttachment>(&input.transit_gateway_attachment_id);
                let asked = with_subnets(asked, input.add_subnet_ids.as_ref());
                with_subnets(asked, input.remove_subnet_ids.as_ref())
            },
        ),
        modify::modify_transit_gateway_vpc_attachment,
    )
    .on(
        api::DescribeTransitGatewayVpcAttachments,
        access::reads("ec2:DescribeTransitGatewayVpcAttachments"),
        seen::describe_transit_gateway_vpc_attachments,
    )
    .on(
        api::DescribeTransitGatewayAttachments,
        access::reads("ec2:DescribeTransitGatewayAttachments"),
        seen::describe_transit_gateway_attachments,
    )
}
