//! VPCs on this host: the wanted state of all networks of a cloud, a pure model that explains what happens to a
//! packet in it, and the kernel made equal to it.
//!
//! Invariant: `topology` is the only input; the model (`trace`) and the kernel follow from it alone and agree.

pub mod cidr;
#[doc(hidden)]
pub mod sample;
pub mod topology;
pub mod trace;

pub use cidr::Cidr;
pub use topology::Topology;
