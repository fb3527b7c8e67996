//! What a trace consists of.

use super::Packet;
use crate::Cidr;
use crate::topology::{AclEntry, GroupRule, Id, Target};
use serde::{Deserialize, Serialize};

/// A whole way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Trace {
    /// Each decision, in order; the last one is the one that stopped it, when it was stopped.
    pub hops: Vec<Hop>,
    /// Where the first packet ended.
    pub end: End,
    /// Whether its answer came back, so that a connection comes about.
    pub answered: bool,
}

impl Trace {
    /// The decision that stopped it.
    pub fn stopped(&self) -> Option<&Hop> {
        self.hops.iter().find(|hop| !hop.passed)
    }
}

/// Where a packet ends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// At an interface.
    Interface(Id),
    /// At a host of the Internet.
    Internet,
    /// At a service, through a gateway endpoint.
    Endpoint(Id),
    /// At a service of a VPC's router: name resolution, instance metadata, time.
    Router(Id),
    /// It was dropped.
    Dropped,
}

/// One decision.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hop {
    /// Whose decision: an id, or `internet`.
    pub at: Id,
    /// Of which kind.
    pub step: Step,
    /// The rule, entry or route that decided, and why, for people.
    pub why: String,
    /// The same for programs, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Rule>,
    /// The packet as it was when this was decided; where it was translated, as it became.
    pub packet: Packet,
    /// Whether the packet went on.
    pub passed: bool,
    /// Whether the packet is the answer.
    pub answer: bool,
}

/// What decided: one rule, entry or route.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A rule of a security group, which allows.
    Group {
        /// `sg-…`.
        group: Id,
        /// Whether it speaks of what goes out.
        egress: bool,
        /// The rule.
        rule: GroupRule,
    },
    /// An entry of a network ACL.
    Acl {
        /// Whether it speaks of what leaves the subnet.
        egress: bool,
        /// The entry; without one it is the last of all, which denies.
        entry: Option<AclEntry>,
    },
    /// A route of a VPC's route table.
    Route {
        /// Its block, or the one of the prefix list's that the packet matches.
        cidr: Cidr,
        /// The prefix list that has the block, `pl-…`.
        list: Option<Id>,
        /// Through what.
        target: Target,
        /// Whether the target is there.
        active: bool,
    },
    /// A route of a transit gateway's route table.
    Transit {
        /// Its block.
        cidr: Cidr,
        /// Where it leads, `tgw-attach-…`; without one it is a blackhole.
        attachment: Option<Id>,
        /// Whether nobody wrote it: an attachment told it.
        propagated: bool,
    },
}

/// The kinds of decisions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The source/destination check of the sender.
    SourceCheck,
    /// The source/destination check of the receiver.
    DestinationCheck,
    /// The security groups of the sender.
    GroupEgress,
    /// The route table.
    Route,
    /// The network ACL of the subnet that is left.
    AclEgress,
    /// The network ACL of the subnet that is entered.
    AclIngress,
    /// The security groups of the receiver.
    GroupIngress,
    /// An address translated by an internet gateway or a NAT gateway.
    Translation,
    /// A VPC entered from outside: only what is local there is reached.
    Entry,
    /// A VPC left by an attachment to a transit gateway, which is in certain zones.
    Attachment,
    /// A transit gateway's route table.
    Transit,
    /// The end of the way.
    Arrival,
}

impl Step {
    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Step::SourceCheck => "source check",
            Step::DestinationCheck => "destination check",
            Step::GroupEgress => "security group, egress",
            Step::Route => "route",
            Step::AclEgress => "network ACL, egress",
            Step::AclIngress => "network ACL, ingress",
            Step::GroupIngress => "security group, ingress",
            Step::Translation => "translation",
            Step::Entry => "entry",
            Step::Attachment => "attachment",
            Step::Transit => "transit gateway",
            Step::Arrival => "arrival",
        }
    }
}
