//! What a trace consists of.

use crate::topology::Id;
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
    /// Whether the packet went on.
    pub passed: bool,
    /// Whether the packet is the answer.
    pub answer: bool,
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
            Step::Transit => "transit gateway",
            Step::Arrival => "arrival",
        }
    }
}
