//! Step 9: every answer is counted and remembered. What a request has shown of itself is gathered here on its way.

use crate::front::Front;
use crate::journal::Entry;
use crate::listen::Peer;
use http::header::{HOST, HeaderMap, HeaderName, REFERER, USER_AGENT};
use http::request::Parts;
use std::sync::Arc;
use std::time::Instant;
use yakumo_aws::{Region, Timestamp};
use yakumo_room::{Caller, Decided, Facts, host_now};
use yakumo_wire::model::Service;
use yakumo_wire::{Addressed, Protocol};

/// What became known of a request on its way through the steps.
pub struct Trip {
    /// The id that the client gets back.
    pub request_id: String,
    /// Service, operation and protocol, once they are found.
    pub addressed: Option<Addressed>,
    /// The service and protocol that were named when the operation was not found.
    pub named: Option<(&'static Service, Protocol)>,
    /// Who asks, once it is verified.
    pub caller: Option<Arc<Caller>>,
    /// The region that was signed for.
    pub region: Option<Region>,
    /// What the policies were asked.
    pub decided: Vec<Decided>,
    /// The error's code and message, when it ended in one.
    pub error: Option<(String, String)>,
    peer: Peer,
    arrived: Timestamp,
    began: Instant,
}

impl Trip {
    /// Begins a trip: gives it its id and its time.
    pub fn begin(front: &Front, peer: Peer) -> Trip {
        Trip {
            request_id: front.request_id(),
            addressed: None,
            named: None,
            caller: None,
            region: None,
            decided: Vec::new(),
            error: None,
            peer,
            arrived: host_now(),
            began: Instant::now(),
        }
    }

    /// What a room may know of the request beyond its input.
    pub fn facts(&self, head: &Parts) -> Facts {
        let scheme = if self.peer.tls { "https" } else { "http" };
        Facts {
            request_id: self.request_id.clone(),
            source_ip: self.peer.remote.ip(),
            secure: self.peer.tls,
            endpoint: format!("{scheme}://{}", host(head)),
            user_agent: text(&head.headers, &USER_AGENT),
            referer: text(&head.headers, &REFERER),
        }
    }
}

/// The host that the client named: `host:port` as it wrote it, from the header or HTTP/2's authority.
pub fn host(head: &Parts) -> &str {
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    let header = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    authority.or(header).unwrap_or("localhost")
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// Counts and remembers an answered request.
pub fn record(front: &Front, trip: Trip, status: u16) {
    let took = trip.began.elapsed();
    let service = trip.addressed.as_ref().map(|addressed| addressed.service.name);
    let operation = trip.addressed.as_ref().map(|addressed| addressed.operation.name);
    front.metrics.count(service, operation, status, took);
    front.journal.push(Entry {
        sequence: 0,
        request_id: trip.request_id,
        arrived: trip.arrived,
        took,
        source_ip: trip.peer.remote.ip(),
        service,
        operation,
        region: trip.region,
        caller: trip.caller,
        decided: trip.decided,
        status,
        error: trip.error,
    });
}
