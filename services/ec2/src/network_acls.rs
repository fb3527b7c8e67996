//! Network ACLs: the record and what the API shows of it.
//!
//! Invariant: every VPC has one default ACL; every subnet is associated with exactly one ACL of its VPC.
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html>

mod entries;
mod life;

use crate::access;
use crate::cidr::Cidr;
use crate::filters::{Filtered, fact};
use crate::noun_record::noun;
use crate::nouns::{ClientToken, Home, Noun, new_id};
use crate::pages::{Wanted, describe};
use crate::tags::{self, Tags};
use crate::vpcs::Vpc;
use serde::{Deserialize, Serialize};
use yakumo_api_ec2::{
    self as api, DescribeNetworkAclsInput, DescribeNetworkAclsOutput, IcmpTypeCode, NetworkAclAssociation,
    NetworkAclEntry, PortRange,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

/// The number of the last entry, which the API shows and nobody can change: it denies.
const LAST: i32 = 32_767;
/// The same for IPv6.
const LAST_IPV6: i32 = 32_768;

/// A network ACL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NetworkAcl {
    /// `acl-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// Its VPC.
    pub vpc: String,
    /// Whether it is the VPC's default one.
    pub is_default: bool,
    /// Its entries in any order, without the last ones (`*`), which every ACL has.
    pub entries: Vec<Entry>,
    /// The subnets it acts on.
    pub associations: Vec<Association>,
    /// The request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<ClientToken>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// An entry of a network ACL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// 1 to 32766.
    pub number: u16,
    /// Whether it speaks of packets that leave the subnet.
    pub egress: bool,
    /// Whether it allows.
    pub allow: bool,
    /// The protocol's number; -1 is all of them.
    pub protocol: i16,
    /// From where or to where.
    pub cidr: Cidr,
    /// Ports of TCP and UDP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ports: Option<(u16, u16)>,
    /// Type and code of ICMP; -1 is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icmp: Option<(i16, i16)>,
}

/// A subnet's association.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Association {
    /// `aclassoc-…`.
    pub id: String,
    /// The subnet.
    pub subnet: String,
}

noun!(
    NetworkAcl,
    table: "network-acls",
    type: "AWS::EC2::NetworkAcl",
    kind: "network-acl",
    prefix: "acl-",
    not_found: "InvalidNetworkAclID.NotFound",
    malformed: "InvalidNetworkAclId.Malformed",
    spoken: "networkAcl ID",
    keys: |acl| vec![
        ("ec2:NetworkAclID".to_owned(), vec![acl.id.clone()]),
        ("ec2:Vpc".to_owned(), vec![acl.home.arn(Vpc::KIND, &acl.vpc)]),
    ],
);

impl NetworkAcl {
    /// Associates a subnet that has no association.
    pub(crate) fn admit(&mut self, ctx: &Ctx, subnet: &str) -> String {
        let id = new_id(ctx, "aclassoc-");
        self.associations.push(Association { id: id.clone(), subnet: subnet.to_owned() });
        id
    }
}

/// The default ACL of a new VPC: it allows everything in both directions.
pub(crate) fn default_of(ctx: &Ctx, vpc: &Vpc) -> NetworkAcl {
    let mut entries = Vec::new();
    let mut allow = |number, cidr: &str| {
        let Some(cidr) = Cidr::parse(cidr) else { return };
        for egress in [true, false] {
            entries.push(Entry { number, egress, allow: true, protocol: -1, cidr, ports: None, icmp: None });
        }
    };
    allow(100, "0.0.0.0/0");
    // AWS: a VPC that has an IPv6 block from its beginning gets the rules for it, too.
    if !vpc.ipv6.is_empty() {
        allow(101, "::/0");
    }
    NetworkAcl {
        id: new_id(ctx, NetworkAcl::PREFIX),
        home: vpc.home,
        vpc: vpc.id.clone(),
        is_default: true,
        entries,
        associations: Vec::new(),
        token: None,
        tags: Tags::new(),
    }
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    let room = entries::register(life::register(room));
    room.on(api::DescribeNetworkAcls, access::reads("ec2:DescribeNetworkAcls"), describe_network_acls)
}

impl NetworkAcl {
    /// All entries as the API shows them: egress first, by number, with the last ones.
    fn shown_entries(&self) -> Vec<NetworkAclEntry> {
        let mut all: Vec<NetworkAclEntry> = self.entries.iter().map(shown_entry).collect();
        // AWS: an ACL has the last rule for IPv6 when its VPC has an IPv6 block; here, when it has any rule for it.
        let has_ipv6 = self.entries.iter().any(|entry| !entry.cidr.is_v4());
        for egress in [true, false] {
            all.push(last(egress, LAST, Some("0.0.0.0/0"), None));
            if has_ipv6 {
                all.push(last(egress, LAST_IPV6, None, Some("::/0")));
            }
        }
        all.sort_by_key(|entry| (entry.egress == Some(false), entry.rule_number));
        all
    }
}

fn last(egress: bool, number: i32, ipv4: Option<&str>, ipv6: Option<&str>) -> NetworkAclEntry {
    NetworkAclEntry {
        cidr_block: ipv4.map(str::to_owned),
        ipv6_cidr_block: ipv6.map(str::to_owned),
        egress: Some(egress),
        protocol: Some("-1".into()),
        rule_action: Some("deny".into()),
        rule_number: Some(number),
        ..NetworkAclEntry::default()
    }
}

fn shown_entry(entry: &Entry) -> NetworkAclEntry {
    let cidr = entry.cidr.to_string();
    NetworkAclEntry {
        cidr_block: entry.cidr.is_v4().then(|| cidr.clone()),
        ipv6_cidr_block: (!entry.cidr.is_v4()).then_some(cidr),
        egress: Some(entry.egress),
        icmp_type_code: entry
            .icmp
            .map(|(kind, code)| IcmpTypeCode { code: Some(code.into()), r#type: Some(kind.into()) }),
        port_range: entry.ports.map(|(from, to)| PortRange { from: Some(from.into()), to: Some(to.into()) }),
        protocol: Some(entry.protocol.to_string()),
        rule_action: Some(if entry.allow { "allow".into() } else { "deny".into() }),
        rule_number: Some(entry.number.into()),
    }
}

/// What the API shows of a network ACL.
fn shown(acl: &NetworkAcl) -> api::NetworkAcl {
    let association = |found: &Association| NetworkAclAssociation {
        network_acl_association_id: Some(found.id.clone()),
        network_acl_id: Some(acl.id.clone()),
        subnet_id: Some(found.subnet.clone()),
    };
    api::NetworkAcl {
        associations: Some(acl.associations.iter().map(association).collect()),
        entries: Some(acl.shown_entries()),
        is_default: Some(acl.is_default),
        network_acl_id: Some(acl.id.clone()),
        tags: tags::shown(&acl.tags),
        vpc_id: Some(acl.vpc.clone()),
        owner_id: Some(acl.home.account.to_string()),
    }
}

impl Filtered for NetworkAcl {
    const FILTERS: &'static [&'static str] = &[
        "association.association-id",
        "association.network-acl-id",
        "association.subnet-id",
        "default",
        "entry.cidr",
        "entry.icmp.code",
        "entry.icmp.type",
        "entry.ipv6-cidr",
        "entry.port-range.from",
        "entry.port-range.to",
        "entry.protocol",
        "entry.rule-action",
        "entry.egress",
        "entry.rule-number",
        "network-acl-id",
        "owner-id",
        "vpc-id",
    ];

    fn facts(&self, filter: &str) -> Vec<String> {
        let associations = self.associations.iter();
        let of_entries = |fact: fn(&NetworkAclEntry) -> Option<String>| {
            self.shown_entries().iter().filter_map(fact).collect()
        };
        match filter {
            "association.association-id" => associations.map(|found| found.id.clone()).collect(),
            "association.network-acl-id" => associations.map(|_| self.id.clone()).collect(),
            "association.subnet-id" => associations.map(|found| found.subnet.clone()).collect(),
            "default" => fact(self.is_default.to_string()),
            "entry.cidr" => of_entries(|entry| entry.cidr_block.clone()),
            "entry.ipv6-cidr" => of_entries(|entry| entry.ipv6_cidr_block.clone()),
            "entry.icmp.code" => of_entries(|entry| Some(entry.icmp_type_code.as_ref()?.code?.to_string())),
            "entry.icmp.type" => of_entries(|entry| Some(entry.icmp_type_code.as_ref()?.r#type?.to_string())),
            "entry.port-range.from" => of_entries(|entry| Some(entry.port_range.as_ref()?.from?.to_string())),
            "entry.port-range.to" => of_entries(|entry| Some(entry.port_range.as_ref()?.to?.to_string())),
            "entry.protocol" => of_entries(|entry| entry.protocol.clone()),
            "entry.rule-action" => of_entries(|entry| entry.rule_action.clone()),
            "entry.egress" => of_entries(|entry| Some(entry.egress?.to_string())),
            "entry.rule-number" => of_entries(|entry| Some(entry.rule_number?.to_string())),
            "network-acl-id" => fact(self.id.clone()),
            "owner-id" => fact(self.home.account.to_string()),
            "vpc-id" => fact(self.vpc.clone()),
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkAcls.html>
async fn describe_network_acls(
    ctx: Ctx,
    input: DescribeNetworkAclsInput,
) -> Result<DescribeNetworkAclsOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let ids = (input.network_acl_ids.as_ref(), "networkAclIds");
    let page =
        describe(&ctx, ids, input.filters.as_ref(), wanted, std::convert::identity::<NetworkAcl>).await?;
    Ok(DescribeNetworkAclsOutput {
        network_acls: Some(page.items.iter().map(shown).collect()),
        next_token: page.next_token,
    })
}
