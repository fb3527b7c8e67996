//! VPCs on this host: the wanted state of all networks of a cloud, a pure model that explains what happens to a
//! packet in it, and the kernel made equal to it.
//!
//! Invariant: `topology` is the only input; the model (`trace`) and the kernel follow from it alone and agree.

pub mod agent;
mod change;
pub mod cidr;
pub mod dns;
pub mod engine;
pub mod network;
pub mod ntp;
mod standing;
pub mod topology;
pub mod trace;

pub use cidr::Cidr;
pub use engine::{Engine, EngineError};
pub use network::{Attendant, Network, NetworkError};
pub use standing::{Place, SocketKind, Standing};
pub use topology::Topology;

// Tests beside the code and those in `tests/` build topologies with the same words.
#[cfg(test)]
extern crate self as yakumo_net;
#[cfg(test)]
#[path = "../tests/it/sample.rs"]
#[allow(dead_code, reason = "the tests in `tests/` use the rest")]
mod sample;
