//! A room may hear of the requests that its cloud has answered: for logs of accesses, and for trails of who did what.
//!
//! Invariant: it costs nothing when nobody listens, and what a witness does changes nothing for the client.

use crate::{Caller, World};
use http::{HeaderMap, Method, Version};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use yakumo_aws::{Region, Timestamp};

/// A request that was answered, allowed or not, when the last byte of its answer was sent or given up. Of one whose client
/// left before there was an answer nobody hears.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The id that the client was given.
    pub request_id: Arc<str>,
    /// The service's name in the models.
    pub service: &'static str,
    /// The operation's name in the model; `None` when it was not found, or a side door answered.
    pub operation: Option<&'static str>,
    /// The region that the request was signed for.
    pub region: Option<Region>,
    /// Who asked; `None` when that was not proved.
    pub caller: Option<Arc<Caller>>,
    /// The access key id that it was signed with, once that is verified.
    pub access_key_id: Option<Arc<str>>,
    /// When it came, by the cloud's clock.
    pub at: Timestamp,
    /// Where it came from.
    pub source_ip: IpAddr,
    /// The version of TLS and the cipher suite, by their IANA names.
    pub tls: Option<(&'static str, &'static str)>,
    /// The method.
    pub method: Method,
    /// Path and query as they came.
    pub uri: String,
    /// The path, raw, beginning with what stands in front of the service's name in the host.
    pub path: String,
    /// The version of HTTP.
    pub version: Version,
    /// The host as the client named it, with its port.
    pub host: String,
    /// The headers that came.
    pub headers: HeaderMap,
    /// The status of the answer.
    pub status: u16,
    /// The error's code and message, when it ended in one.
    pub error: Option<(String, String)>,
    /// The headers of the answer.
    pub answer: HeaderMap,
    /// How many bytes of the answer's body were sent.
    pub sent_bytes: u64,
    /// From the first step to the head of the answer.
    pub turn_around: Duration,
    /// From the first step to the end of the answer.
    pub took: Duration,
}

/// Who hears of finished requests. Registered with `Room::witness`.
pub trait Witness: Send + Sync {
    /// Whether it wants to hear of requests to this service now. Asked for each request, so it only looks.
    fn listens(&self, service: &str) -> bool;

    /// Hears of one. Called on the way of the answer, so it only takes a note; what takes longer is for a reconciler.
    fn heard(&self, finished: &Finished);
}

impl World {
    /// Whether anybody wants to hear of requests to this service.
    pub fn is_heard(&self, service: &str) -> bool {
        self.witnesses().iter().any(|witness| witness.listens(service))
    }

    /// Tells those who want to hear it.
    pub fn tell(&self, finished: &Finished) {
        for witness in self.witnesses().iter().filter(|witness| witness.listens(finished.service)) {
            witness.heard(finished);
        }
    }
}
