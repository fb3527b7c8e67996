//! The compact API models of every service that is routed, embedded.
//!
//! Invariant: nothing is unpacked before it is asked for. Services of `routes.txt` have operations but no shapes: they can
//! be named in an answer, not called.

use std::sync::OnceLock;
use yakumo_wire::model::{Embedded, Protocol, Service};

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// Every service, those with a whole model first, each group by name.
pub fn services() -> &'static [Embedded] {
    &SERVICES
}

/// The model of that name (`sqs`), unpacked on first use.
pub fn service(name: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.name == name).map(Embedded::service)
}
