//! Puts a cloud together: configuration, THE list of services, start and stop.
//!
//! Invariant: this is the only crate that knows all rooms, and the only one that opens the store.

mod config;
pub mod control;
mod fsck;
mod inlets;
mod kept;
mod machines;
mod networks;
mod outside;
mod replace;
mod routers;
mod services;
mod start;

pub use config::{ClockStart, Config, RootKey};
pub use fsck::{Checked, FindingLine, fsck};
pub use machines::{TEMPORARY, directory as machines_directory};
pub use start::{Cloud, StartError};
pub use yakumo_net::network::{Host, Launch};
pub use yakumo_store::{Bucket, Durability, Location, StoreError};
