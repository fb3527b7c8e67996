//! Network interfaces: the record and how it is registered.
//!
//! Invariant: an address of a subnet belongs to at most one interface, and never to AWS's five.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-eni.html>

mod addresses;
mod attachments;
mod attributes;
mod instances;
mod life;
mod places;
mod seen;
mod work;

pub(crate) use instances::{
    Launched, check_sources, fit, give, only, regroup, release, rest, wake, without_lent,
};
pub(crate) use places::{Places, in_use};
pub(crate) use seen::Around;
pub(crate) use work::reconciler;

use crate::access::{self, Asked};
use crate::noun_record::noun;
use crate::nouns::{ClientToken, Home, Noun, new_id};
use crate::security_groups::SecurityGroup;
use crate::subnets::Subnet;
use crate::tags::Tags;
use crate::vpcs::Vpc;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, Ipv6Addr};
use yakumo_api_ec2 as api;
use yakumo_aws::{AccountId, Error, Timestamp};
use yakumo_room::{Ctx, Room};

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NetworkInterface {
    /// `eni-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// Its VPC.
    pub vpc: String,
    /// Its subnet.
    pub subnet: String,
    /// The zone's name.
    pub zone: String,
    /// The zone's id.
    pub zone_id: String,
    /// What it is for.
    pub description: String,
    /// `interface`, `nat_gateway` or `vpc_endpoint`.
    pub kind: String,
    /// Its private IPv4 addresses, the primary one first.
    pub addresses: Vec<Ipv4Addr>,
    /// The public address that is lent to its primary one while its instance runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<Ipv4Addr>,
    /// Whether it is lent one whenever its instance starts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wants_public: bool,
    /// Its IPv6 addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ipv6: Vec<Ipv6Addr>,
    /// Its security groups, `sg-…`.
    pub groups: Vec<String>,
    /// Whether packets that are neither from nor for its addresses are dropped.
    pub source_dest_check: bool,
    /// Its hardware address.
    pub mac: [u8; 6],
    /// Which of AWS's services made it and manages it; `None` for the customer's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requester: Option<Requester>,
    /// What it is attached to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attachment: Option<Attachment>,
    /// The request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<ClientToken>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// For whom a managed interface works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Requester {
    /// The account that asked for what needs it.
    pub account: AccountId,
    /// The resource that it belongs to: `nat-…`, `vpce-…`.
    pub resource: String,
}

/// What an interface is attached to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attachment {
    /// `eni-attach-…`, or `ela-attach-…` for those of AWS's services.
    pub id: String,
    /// The instance; `None` for those of AWS's services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The account of the instance, or `amazon-aws`.
    pub instance_owner: String,
    /// Which of the instance's interfaces it is.
    pub device_index: i32,
    /// Whether it goes with the instance.
    pub delete_on_termination: bool,
    /// Since when.
    pub at: Timestamp,
    /// Whether it is there, comes or goes.
    #[serde(default, skip_serializing_if = "Progress::is_attached")]
    pub progress: Progress,
}

/// Where an attachment is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Progress {
    /// It is to come.
    Attaching,
    /// It is there.
    #[default]
    Attached,
    /// It is to go.
    Detaching,
}

impl Progress {
    fn is_attached(&self) -> bool {
        *self == Progress::Attached
    }

    /// AWS's name.
    fn name(self) -> &'static str {
        match self {
            Progress::Attaching => "attaching",
            Progress::Attached => "attached",
            Progress::Detaching => "detaching",
        }
    }
}

noun!(
    NetworkInterface,
    table: "network-interfaces",
    type: "AWS::EC2::NetworkInterface",
    kind: "network-interface",
    prefix: "eni-",
    not_found: "InvalidNetworkInterfaceID.NotFound",
    malformed: "InvalidNetworkInterfaceId.Malformed",
    spoken: "networkInterface ID",
    keys: |interface| vec![
        ("ec2:NetworkInterfaceID".to_owned(), vec![interface.id.clone()]),
        ("ec2:AvailabilityZone".to_owned(), vec![interface.zone.clone()]),
        ("ec2:Subnet".to_owned(), vec![interface.home.arn(Subnet::KIND, &interface.subnet)]),
        ("ec2:Vpc".to_owned(), vec![interface.home.arn(Vpc::KIND, &interface.vpc)]),
    ],
);

impl NetworkInterface {
    /// An interface without addresses, as it is when nothing else is said.
    pub(crate) fn new(ctx: &Ctx, subnet: &Subnet) -> NetworkInterface {
        let mut mac = [0x06; 6];
        if let Some(random) = mac.get_mut(1..) {
            ctx.base().ids.fill(random);
        }
        NetworkInterface {
            id: new_id(ctx, NetworkInterface::PREFIX),
            home: subnet.home,
            vpc: subnet.vpc.clone(),
            subnet: subnet.id.clone(),
            zone: subnet.zone.clone(),
            zone_id: subnet.zone_id.clone(),
            description: String::new(),
            kind: "interface".into(),
            addresses: Vec::new(),
            public: None,
            wants_public: false,
            ipv6: Vec::new(),
            groups: Vec::new(),
            source_dest_check: true,
            mac,
            requester: None,
            attachment: None,
            token: None,
            tags: Tags::new(),
        }
    }

    /// Its primary private address. Every interface has one from the moment it is written.
    pub(crate) fn primary(&self) -> Option<Ipv4Addr> {
        self.addresses.first().copied()
    }

    /// The instance that it is attached to.
    pub(crate) fn instance(&self) -> Option<&str> {
        self.attachment.as_ref()?.instance.as_deref()
    }

    /// Whether its attachment comes or goes; that of a free one is settled, too.
    pub(crate) fn progress(&self) -> Progress {
        self.attachment.as_ref().map(|attachment| attachment.progress).unwrap_or_default()
    }

    /// Who may not manage it: an interface that one of AWS's services made is that service's.
    /// AWS: the text of AuthFailure for what belongs to a service.
    pub(crate) fn check_own(&self) -> Result<(), Error> {
        match self.requester {
            None => Ok(()),
            Some(_) => {
                let text = "You do not have permission to access the specified resource.";
                Err(Error::sender("AuthFailure", text))
            }
        }
    }
}

/// An interface that is to be attached and is attached already.
/// AWS: the text of <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>'s InvalidNetworkInterface.InUse
/// as clients report it.
fn in_use_by(id: &str) -> Error {
    Error::sender("InvalidNetworkInterface.InUse", format!("Interface: [{id}] in use."))
}

/// More interfaces than an instance of that type has.
pub(crate) fn too_many(count: usize, kind: &str) -> Error {
    let text = format!("Interface count {count} exceeds the limit for {kind}");
    Error::sender("AttachmentLimitExceeded", text)
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    let room = attributes::register(addresses::register(attachments::register(room)));
    room.on(
        api::CreateNetworkInterface,
        access::needs("ec2:CreateNetworkInterface", |input: &api::CreateNetworkInterfaceInput| {
            let asked = Asked::on::<Subnet>(&input.subnet_id)
                .making::<NetworkInterface>(input.tag_specifications.as_ref());
            input.groups.iter().flatten().fold(asked, |asked, group| asked.and::<SecurityGroup>(group))
        }),
        life::create_network_interface,
    )
    .on(
        api::DeleteNetworkInterface,
        access::needs("ec2:DeleteNetworkInterface", |input: &api::DeleteNetworkInterfaceInput| {
            Asked::on::<NetworkInterface>(&input.network_interface_id)
        }),
        life::delete_network_interface,
    )
    .on(
        api::DescribeNetworkInterfaces,
        access::reads("ec2:DescribeNetworkInterfaces"),
        seen::describe_network_interfaces,
    )
}
