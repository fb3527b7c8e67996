//! The front door: listen, address, identify, decode, authorise, dispatch, encode, record.
//!
//! `pipeline` shows the steps of a request in order; each step is a file. Invariant: nothing here knows a service.

mod address;
mod arrival;
mod authorise;
mod beside;
pub mod body;
pub mod chunked;
mod control;
mod decode;
mod digests;
mod dispatch;
mod encode;
mod front;
mod hoisted;
mod identify;
mod journal;
mod known;
pub mod limits;
pub mod listen;
mod metrics;
mod overheard;
mod page;
mod pipeline;
mod reader;
mod record;
pub mod signature;
mod sniff;
mod stream;
mod takeover;
pub mod tls;
mod unproved;

pub use arrival::{Arrival, Inside, Serves};
pub use front::{Control, Front, Settings};
pub use journal::{Entry, JOURNAL_ENTRIES_MAX, Journal};
pub use listen::{Config, Listener, Peer, Speaks};
pub use metrics::Metrics;
pub use pipeline::answer;
pub use takeover::{Duplex, Takeover};
pub use unproved::{Cause, Unproved};
