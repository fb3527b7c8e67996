//! VPCs: the record, what the API shows of it, Describe.
//!
//! Invariant: a VPC always has its main route table, its default network ACL and its default security group; they come
//! and go with it (`vpcs/life.rs`).

mod attributes;
mod cidr_blocks;
mod life;

pub(crate) use life::{Furnished, NewVpc, furnish};

use crate::access::{self, Asked};
use crate::cidr::Cidr;
use crate::filters::{Filtered, fact};
use crate::noun_record::noun;
use crate::nouns::Home;
use crate::pages::{Wanted, describe};
use crate::tags::{self, Tags};
use serde::{Deserialize, Serialize};
use yakumo_api_ec2::{
    self as api, DescribeVpcsInput, DescribeVpcsOutput, VpcCidrBlockAssociation, VpcCidrBlockState,
    VpcIpv6CidrBlockAssociation,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

/// A VPC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Vpc {
    /// `vpc-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// Its IPv4 blocks, the primary one first.
    pub cidrs: Vec<CidrBlock>,
    /// Its IPv6 blocks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ipv6: Vec<CidrBlock>,
    /// Its DHCP options set; `None` is `default`, none at all.
    pub dhcp_options: Option<String>,
    /// `default` or `dedicated`.
    pub tenancy: String,
    /// Whether it is the default VPC.
    pub is_default: bool,
    /// `enableDnsSupport`.
    pub dns_support: bool,
    /// `enableDnsHostnames`.
    pub dns_hostnames: bool,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// A block of addresses that is associated with a VPC or subnet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CidrBlock {
    /// `vpc-cidr-assoc-…` or `subnet-cidr-assoc-…`.
    pub association: String,
    /// The block.
    pub cidr: Cidr,
}

noun!(
    Vpc,
    table: "vpcs",
    type: "AWS::EC2::VPC",
    kind: "vpc",
    prefix: "vpc-",
    not_found: "InvalidVpcID.NotFound",
    malformed: "InvalidVpcID.Malformed",
    spoken: "vpc ID",
    keys: |vpc| vec![
        ("ec2:VpcID".to_owned(), vec![vpc.id.clone()]),
        ("ec2:Tenancy".to_owned(), vec![vpc.tenancy.clone()]),
    ],
);

impl Vpc {
    /// All its blocks of both families.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &CidrBlock> {
        self.cidrs.iter().chain(&self.ipv6)
    }

    /// Its primary IPv4 block as text.
    pub(crate) fn primary(&self) -> Option<String> {
        self.cidrs.first().map(|block| block.cidr.to_string())
    }
}

impl Filtered for Vpc {
    const FILTERS: &'static [&'static str] = &[
        "cidr",
        "cidr-block",
        "cidrBlock",
        "cidr-block-association.cidr-block",
        "cidr-block-association.association-id",
        "cidr-block-association.state",
        "dhcp-options-id",
        "ipv6-cidr-block-association.ipv6-cidr-block",
        "ipv6-cidr-block-association.ipv6-pool",
        "ipv6-cidr-block-association.association-id",
        "ipv6-cidr-block-association.state",
        "is-default",
        "isDefault",
        "owner-id",
        "state",
        "vpc-id",
    ];

    fn facts(&self, filter: &str) -> Vec<String> {
        let cidrs = |blocks: &[CidrBlock]| blocks.iter().map(|block| block.cidr.to_string()).collect();
        let ids = |blocks: &[CidrBlock]| blocks.iter().map(|block| block.association.clone()).collect();
        let each = |blocks: &[CidrBlock], text: &str| blocks.iter().map(|_| text.to_owned()).collect();
        match filter {
            "cidr" | "cidr-block" | "cidrBlock" => fact(self.primary()),
            "cidr-block-association.cidr-block" => cidrs(&self.cidrs),
            "cidr-block-association.association-id" => ids(&self.cidrs),
            "cidr-block-association.state" => each(&self.cidrs, "associated"),
            "dhcp-options-id" => fact(self.dhcp_options.clone().unwrap_or_else(|| "default".into())),
            "ipv6-cidr-block-association.ipv6-cidr-block" => cidrs(&self.ipv6),
            "ipv6-cidr-block-association.ipv6-pool" => each(&self.ipv6, "Amazon"),
            "ipv6-cidr-block-association.association-id" => ids(&self.ipv6),
            "ipv6-cidr-block-association.state" => each(&self.ipv6, "associated"),
            "is-default" | "isDefault" => fact(self.is_default.to_string()),
            "owner-id" => fact(self.home.account.to_string()),
            "state" => fact("available".to_owned()),
            _ => fact(self.id.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    let room = attributes::register(cidr_blocks::register(room));
    room.on(
        api::CreateVpc,
        access::needs("ec2:CreateVpc", |input: &api::CreateVpcInput| {
            Asked::any().making::<Vpc>(input.tag_specifications.as_ref())
        }),
        life::create_vpc,
    )
    .on(
        api::DeleteVpc,
        access::needs("ec2:DeleteVpc", |input: &api::DeleteVpcInput| Asked::on::<Vpc>(&input.vpc_id)),
        life::delete_vpc,
    )
    .on(api::DescribeVpcs, access::reads("ec2:DescribeVpcs"), describe_vpcs)
}

/// What the API shows of a VPC.
pub(crate) fn shown(vpc: &Vpc) -> api::Vpc {
    api::Vpc {
        owner_id: Some(vpc.home.account.to_string()),
        instance_tenancy: Some(vpc.tenancy.clone()),
        ipv6_cidr_block_association_set: Some(
            vpc.ipv6.iter().map(|block| shown_ipv6(vpc.home, block, "associated")).collect(),
        ),
        cidr_block_association_set: Some(
            vpc.cidrs.iter().map(|block| shown_ipv4(block, "associated")).collect(),
        ),
        is_default: Some(vpc.is_default),
        // AWS: "off" is what a VPC says that nobody has told otherwise; ModifyVpcBlockPublicAccessOptions is 501.
        block_public_access_states: Some(api::BlockPublicAccessStates {
            internet_gateway_block_mode: Some("off".into()),
        }),
        tags: tags::shown(&vpc.tags),
        vpc_id: Some(vpc.id.clone()),
        state: Some("available".into()),
        cidr_block: vpc.primary(),
        dhcp_options_id: Some(vpc.dhcp_options.clone().unwrap_or_else(|| "default".into())),
        ..api::Vpc::default()
    }
}

fn block_state(state: &str) -> Option<VpcCidrBlockState> {
    Some(VpcCidrBlockState { state: Some(state.to_owned()), status_message: None })
}

fn shown_ipv4(block: &CidrBlock, state: &str) -> VpcCidrBlockAssociation {
    VpcCidrBlockAssociation {
        association_id: Some(block.association.clone()),
        cidr_block: Some(block.cidr.to_string()),
        cidr_block_state: block_state(state),
    }
}

fn shown_ipv6(home: Home, block: &CidrBlock, state: &str) -> VpcIpv6CidrBlockAssociation {
    VpcIpv6CidrBlockAssociation {
        association_id: Some(block.association.clone()),
        ipv6_cidr_block: Some(block.cidr.to_string()),
        ipv6_cidr_block_state: block_state(state),
        network_border_group: Some(home.region.to_string()),
        ipv6_pool: Some("Amazon".into()),
        ipv6_address_attribute: Some("public".into()),
        ip_source: Some("amazon".into()),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html>
async fn describe_vpcs(ctx: Ctx, input: DescribeVpcsInput) -> Result<DescribeVpcsOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let page = describe(
        &ctx,
        (input.vpc_ids.as_ref(), "vpcIds"),
        input.filters.as_ref(),
        wanted,
        std::convert::identity::<Vpc>,
    )
    .await?;
    Ok(DescribeVpcsOutput { vpcs: Some(page.items.iter().map(shown).collect()), next_token: page.next_token })
}
