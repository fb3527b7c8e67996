//! Security groups: the record and what the API shows of it.
//!
//! Invariant: a group's name is unique in its VPC; no two of its rules in one direction are the same.
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html>

mod life;
mod listing;
mod permissions;
mod references;

pub(crate) use life::{check_description, named, of_caller};
pub(crate) use permissions::{Wished, read_permissions, shown_permissions};

use crate::cidr::Cidr;
use crate::noun_record::noun;
use crate::nouns::{Home, Noun, new_id};
use crate::tags::Tags;
use crate::vpcs::Vpc;
use serde::{Deserialize, Serialize};
use yakumo_aws::AccountId;
use yakumo_room::{Ctx, Room};

/// The name of a VPC's own group.
pub(crate) const DEFAULT: &str = "default";

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SecurityGroup {
    /// `sg-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// Its VPC.
    pub vpc: String,
    /// Its name.
    pub name: String,
    /// Its description, which never changes.
    pub description: String,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// A rule of a security group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rule {
    /// `sgr-…`.
    pub id: String,
    /// Whether it speaks of what goes out.
    pub egress: bool,
    /// Which packets.
    pub traffic: Traffic,
    /// From where or to where.
    pub peer: Peer,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// Which packets a rule speaks of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Traffic {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, another protocol's number, or `-1` for all.
    pub protocol: String,
    /// The first port, or ICMP's type; -1 is any type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<i32>,
    /// The last port, or ICMP's code; -1 is any code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<i32>,
}

/// From where or to where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Peer {
    /// A block of IPv4 or IPv6.
    Cidr(Cidr),
    /// A prefix list, `pl-…`.
    PrefixList(String),
    /// The members of a group, perhaps of another account behind a peering connection.
    Group {
        /// Its owner.
        account: AccountId,
        /// `sg-…`.
        id: String,
    },
}

noun!(
    SecurityGroup,
    table: "security-groups",
    type: "AWS::EC2::SecurityGroup",
    kind: "security-group",
    prefix: "sg-",
    not_found: "InvalidGroup.NotFound",
    malformed: "InvalidGroupId.Malformed",
    spoken: "security group",
    keys: |group| vec![
        ("ec2:SecurityGroupID".to_owned(), vec![group.id.clone()]),
        ("ec2:Vpc".to_owned(), vec![group.home.arn(Vpc::KIND, &group.vpc)]),
    ],
);

impl SecurityGroup {
    /// Whether it is its VPC's own group.
    pub(crate) fn is_default(&self) -> bool {
        self.name == DEFAULT
    }
}

impl Traffic {
    /// Everything.
    pub(crate) fn all() -> Traffic {
        Traffic { protocol: "-1".into(), from: None, to: None }
    }
}

/// The rules of a new group: everything may go out.
pub(crate) fn all_out(ctx: &Ctx, vpc: &Vpc) -> Vec<Rule> {
    let mut blocks = vec!["0.0.0.0/0"];
    // AWS: a VPC with an IPv6 block lets it out, too.
    if !vpc.ipv6.is_empty() {
        blocks.push("::/0");
    }
    let rule = |cidr| Rule {
        id: new_id(ctx, "sgr-"),
        egress: true,
        traffic: Traffic::all(),
        peer: Peer::Cidr(cidr),
        description: None,
        tags: Tags::new(),
    };
    blocks.into_iter().filter_map(Cidr::parse).map(rule).collect()
}

/// The group that every VPC has: its members reach each other.
pub(crate) fn default_of(ctx: &Ctx, vpc: &Vpc) -> SecurityGroup {
    let id = new_id(ctx, SecurityGroup::PREFIX);
    let mut rules = all_out(ctx, vpc);
    rules.push(Rule {
        id: new_id(ctx, "sgr-"),
        egress: false,
        traffic: Traffic::all(),
        peer: Peer::Group { account: vpc.home.account, id: id.clone() },
        description: None,
        tags: Tags::new(),
    });
    SecurityGroup {
        id,
        home: vpc.home,
        vpc: vpc.id.clone(),
        name: DEFAULT.into(),
        description: "default VPC security group".into(),
        rules,
        tags: Tags::new(),
    }
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    references::register(listing::register(life::register(room)))
}
