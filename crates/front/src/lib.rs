//! The front door: listen, address, identify, decode, authorise, dispatch, encode, record.

pub mod body;
pub mod limits;
pub mod listen;
pub mod signature;
mod sniff;
pub mod tls;

pub use listen::{Config, Listener, Peer};
