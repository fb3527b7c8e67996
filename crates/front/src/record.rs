//! Step 9: every answer is counted and remembered. What a request has shown of itself is gathered here on its way.

use crate::arrival::Inside;
use crate::front::Front;
use crate::journal::Entry;
use crate::known::shared;
use crate::listen::Peer;
use crate::unproved::Unproved;
use http::header::{HOST, HeaderMap, HeaderName, REFERER, USER_AGENT};
use http::request::Parts;
use std::sync::Arc;
use std::time::Instant;
use yakumo_aws::{Region, Timestamp};
use yakumo_room::{Caller, Ctx, Decided, Facts, Signed, Through, host_now};
use yakumo_wire::model::Service;
use yakumo_wire::{Addressed, Protocol};

/// The status of a request whose client went away before its answer. What it began may still come to its end.
const CLIENT_GONE: u16 = 499;

/// What became known of a request on its way through the steps. Dropping it records the request.
pub struct Trip {
    /// The id that the client gets back.
    pub request_id: Arc<str>,
    /// Service, operation and protocol, once they are found.
    pub addressed: Option<Addressed>,
    /// The service and protocol that were named when the operation was not found.
    pub named: Option<(&'static Service, Protocol)>,
    /// Who asks, once it is verified.
    pub caller: Option<Arc<Caller>>,
    /// The access key id that it was signed with, once that is verified.
    pub access_key_id: Option<Arc<str>>,
    /// The name that it was signed with, when that is not the service's own.
    pub signing_name: Option<&'static str>,
    /// How it proved who sent it.
    pub signed: Option<Signed>,
    /// Why its sender was not believed.
    pub unproved: Option<Unproved>,
    /// The region that was signed for.
    pub region: Option<Region>,
    /// The VPC endpoint that it came through.
    pub through: Option<Arc<Through>>,
    /// What the policies were asked.
    pub decided: Vec<Decided>,
    /// The request as its room sees it, from the first decision until the handler has ended.
    pub ctx: Option<Ctx>,
    /// The status of the answer.
    pub status: u16,
    front: Arc<Front>,
    /// The error's code and message, when it ended in one.
    pub error: Option<(String, String)>,
    peer: Peer,
    arrived: Timestamp,
    began: Instant,
}

impl Trip {
    /// Begins a trip: gives it its id and its time.
    pub fn begin(front: &Arc<Front>, peer: Peer) -> Trip {
        Trip {
            request_id: front.request_id(),
            addressed: None,
            named: None,
            caller: None,
            access_key_id: None,
            signing_name: None,
            signed: None,
            unproved: None,
            region: None,
            through: None,
            decided: Vec::new(),
            ctx: None,
            status: CLIENT_GONE,
            front: front.clone(),
            error: None,
            peer,
            arrived: host_now(),
            began: Instant::now(),
        }
    }

    /// Takes what the policies were asked out of the request, and leaves its world.
    pub fn settle(&mut self) {
        if let Some(ctx) = self.ctx.take() {
            self.decided = ctx.take_decided();
        }
    }

    /// The connection that it came over.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// When it began, by the host's steady clock.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// What a room may know of the request beyond its input.
    pub fn facts(&self, head: &Parts) -> Facts {
        let scheme = if self.peer.tls { "https" } else { "http" };
        Facts {
            request_id: self.request_id.clone(),
            // AWS: who comes through an endpoint has no public address, and `aws:SourceIp` is absent.
            // <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
            source_ip: Some(self.peer.remote.ip()).filter(|_| self.through.is_none()),
            through: self.through.clone(),
            secure: self.peer.tls,
            tls: self.peer.cipher.map(|(version, _)| version),
            signed: self.signed.clone(),
            endpoint: shared(&format!("{scheme}://{}", host(head))),
            user_agent: text(&head.headers, &USER_AGENT),
            referer: text(&head.headers, &REFERER),
            beside: false,
            signing_name: self.signing_name,
        }
    }
}

/// The host that the client named: `host:port` as it wrote it, from the header or HTTP/2's authority. The header goes
/// first: it is what a signature covers, and a request line that says otherwise must not lead anywhere else.
pub fn host(head: &Parts) -> &str {
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    let header = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    header.or(authority).unwrap_or("localhost")
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<Arc<str>> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(shared)
}

impl Drop for Trip {
    /// Counts and remembers the request, whether it was answered or its client went away before.
    fn drop(&mut self) {
        self.settle();
        let took = self.began.elapsed();
        let service = self.addressed.as_ref().map(|addressed| addressed.service.name);
        let operation = self.addressed.as_ref().map(|addressed| addressed.operation.name);
        self.front.metrics.count(service, operation, self.status, took);
        self.front.journal.push(Entry {
            sequence: 0,
            request_id: self.request_id.clone(),
            arrived: self.arrived,
            took,
            source_ip: Some(self.peer.remote.ip()),
            origin: self.peer.arrival.inside().map(Inside::words),
            service,
            operation,
            region: self.region,
            caller: self.caller.take(),
            access_key_id: self.access_key_id.take(),
            unproved: self.unproved.take(),
            decided: std::mem::take(&mut self.decided),
            status: self.status,
            error: self.error.take(),
        });
    }
}
