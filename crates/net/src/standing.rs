//! What of a cloud's networks stands in the kernel, for those of our processes that have sockets in it.
//!
//! Invariant: a namespace that was made anew has another generation than every one of that name before it.

use crate::topology::Id;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The namespaces that stand, each with its generation: who has a socket in one of another generation opens it again.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// The routers of VPCs, by `vpc-…`.
    pub routers: BTreeMap<Id, u64>,
    /// Interfaces that are live, by `eni-…`.
    pub interfaces: BTreeMap<Id, u64>,
    /// Gateway endpoints, by `vpce-…`.
    pub endpoints: BTreeMap<Id, u64>,
    /// The Internet's.
    pub edge: Option<u64>,
}

impl Standing {
    /// The generation of a place; `None` when it does not stand.
    pub fn generation(&self, place: &Place) -> Option<u64> {
        match place {
            Place::Router(id) => self.routers.get(id).copied(),
            Place::Interface(id) => self.interfaces.get(id).copied(),
            Place::Endpoint(id) => self.endpoints.get(id).copied(),
            Place::Edge => self.edge,
        }
    }

    /// Takes a place out.
    pub fn forget(&mut self, place: &Place) {
        match place {
            Place::Router(id) => drop(self.routers.remove(id)),
            Place::Interface(id) => drop(self.interfaces.remove(id)),
            Place::Endpoint(id) => drop(self.endpoints.remove(id)),
            Place::Edge => self.edge = None,
        }
    }
}

/// Where a socket is to be.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In the router of a VPC, `vpc-…`.
    Router(Id),
    /// In the Internet.
    Edge,
    /// At a live interface, `eni-…`.
    Interface(Id),
    /// At a gateway endpoint, `vpce-…`.
    Endpoint(Id),
}

impl Place {
    /// The id that its namespace is named by.
    pub(crate) fn id(&self) -> &str {
        match self {
            Place::Router(id) | Place::Interface(id) | Place::Endpoint(id) => id,
            Place::Edge => "edge",
        }
    }
}

/// Which kind of socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketKind {
    /// One that takes TCP connections.
    Tcp,
    /// One for UDP.
    Udp,
}
