//! What happens to a packet: hop by hop, with the rule that let it pass or stopped it, there and back again.
//!
//! A pure model of a [`Topology`]. Invariant: it says what the kernel does; `tests/` send packets through both.

mod filter;
mod hop;
mod packet;
mod route;
mod walk;

pub use hop::{End, Hop, Rule, Step, Trace};
pub use packet::{Flow, Packet};
pub use route::{Chosen, choose};

use crate::Topology;
use crate::topology::Id;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use walk::{Node, Walk};

/// Who sends.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An interface, with an address that it claims; `None` is its own of the destination's family.
    Interface {
        /// `eni-…`.
        id: Id,
        /// The packet's source address.
        address: Option<IpAddr>,
    },
    /// A host in the Internet.
    Internet(IpAddr),
}

/// A question: does this connection come about?
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Query {
    /// Who sends.
    pub source: Source,
    /// The address that is sent to.
    pub destination: IpAddr,
    /// Protocol and ports.
    pub flow: Flow,
}

/// A question that makes no sense.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum QueryError {
    /// Nobody has that id.
    #[error("there is no interface {0}")]
    NoInterface(Id),
    /// It cannot send there.
    #[error("{0} has no address of the family of {1}")]
    NoAddress(Id, IpAddr),
    /// The topology has flaws.
    #[error("{0} lies in no subnet of a VPC")]
    Nowhere(Id),
}

/// Follows the first packet to its end, and then its answer back.
///
/// # Errors
/// When the source is not there or has no address of the destination's family.
pub fn trace(topology: &Topology, query: &Query) -> Result<Trace, QueryError> {
    let mut walk = Walk::new(topology);
    let (forward, packet) = match &query.source {
        Source::Internet(address) => {
            let packet = Packet { source: *address, destination: query.destination, flow: query.flow };
            walk.internet(packet, "the Internet")
        }
        Source::Interface { id, address } => {
            let interface = topology.interfaces.get(id).ok_or_else(|| QueryError::NoInterface(id.clone()))?;
            let family = query.destination.is_ipv4();
            let own = || interface.all_addresses().find(|own| own.is_ipv4() == family);
            let source =
                address.or_else(own).ok_or_else(|| QueryError::NoAddress(id.clone(), query.destination))?;
            let node = Node::interface(topology, id).ok_or_else(|| QueryError::Nowhere(id.clone()))?;
            walk.leave(node, Packet { source, destination: query.destination, flow: query.flow })
        }
    }
    .map_or((End::Dropped, None), |(end, packet)| (end, Some(packet)));
    let back = packet.and_then(|packet| walk.turn(&forward, packet.reply()));
    // An answer from or to another address than was asked belongs to no connection.
    let from = back.as_ref().and_then(|back| back.as_ref().ok()).map(|(_, packet)| packet.source);
    let answered = from == Some(query.destination)
        && match (&back, &query.source) {
            (Some(Ok((End::Interface(end), _))), Source::Interface { id, .. }) => end == id,
            (Some(Ok((End::Internet, packet))), Source::Internet(source)) => packet.destination == *source,
            _ => false,
        };
    Ok(Trace { hops: walk.hops, end: forward, answered })
}

#[cfg(test)]
mod tests;
