//! From records to the network: what the VPCs of the whole cloud are to be, for the network engine.
//!
//! Invariant: the engine is told of everything that was committed; a lost nudge only costs time.

/// The name of the background work that tells the network engine.
pub(crate) const RECONCILER: &str = "ec2.network";
