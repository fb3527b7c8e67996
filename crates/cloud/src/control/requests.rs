//! `GET /_yakumo/requests`: the last requests, oldest first, and a wait for the next ones.

use super::answer::Answer;
use super::{input, moment};
use crate::Cloud;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use yakumo_front::{Entry, JOURNAL_ENTRIES_MAX};
use yakumo_policy::PrincipalKind;

/// How many requests an answer holds unless a limit is given.
const LIMIT_DEFAULT: u64 = 100;
/// The longest wait, in seconds.
const WAIT_S_MAX: u64 = 60;

/// Requests, oldest first.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RequestList {
    /// The requests.
    pub requests: Vec<RequestLine>,
    /// Ask with `after` this number for those that come next.
    pub next: u64,
}

/// What the policies said to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything that was asked was allowed.
    Allowed,
    /// Something was denied, or the caller is not who it says it is.
    Denied,
    /// Nothing was asked of the policies: the operation needs no permission, or it did not come to that.
    NotAsked,
}

/// One answered request.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RequestLine {
    /// Its place in the order of answers.
    pub sequence: u64,
    /// The request id that the client was given.
    pub id: String,
    /// When it arrived, by the host's clock, RFC 3339.
    pub time: String,
    /// Microseconds from the first step to the encoded answer.
    pub took_us: u64,
    /// Where it came from.
    pub source_ip: String,
    /// The interface and VPC that it came from and the endpoint that it came through, when it came from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The service, as far as it was found.
    pub service: Option<String>,
    /// The operation, as far as it was found.
    pub operation: Option<String>,
    /// The region that it was signed for.
    pub region: Option<String>,
    /// The caller's account, when the caller is known.
    pub account: Option<String>,
    /// The caller's ARN, when the caller is known.
    pub principal: Option<String>,
    /// The access key id that it was signed with, when the caller is known, or that it names, when not.
    pub access_key_id: Option<String>,
    /// What the policies said.
    pub verdict: Verdict,
    /// The HTTP status.
    pub status: u16,
    /// The error's code.
    pub error: Option<String>,
    /// The error's text for the client.
    pub message: Option<String>,
}

pub(crate) fn line(entry: &Entry) -> RequestLine {
    let (error, message) = entry.error.clone().unzip();
    RequestLine {
        sequence: entry.sequence,
        id: entry.request_id.to_string(),
        time: moment::write(entry.arrived),
        took_us: u64::try_from(entry.took.as_micros()).unwrap_or(u64::MAX),
        source_ip: entry
            .source_ip
            .map_or_else(|| "internal".to_owned(), |address| address.to_canonical().to_string()),
        origin: entry.origin.clone(),
        service: entry.service.map(str::to_owned),
        operation: entry.operation.map(str::to_owned),
        region: entry.region.map(|region| region.as_str().to_owned()),
        account: entry.caller.as_ref().map(|caller| caller.account.as_str().to_owned()),
        principal: entry.caller.as_ref().map(|caller| caller.principal.arn.clone()),
        access_key_id: key(entry).map(str::to_owned),
        verdict: verdict(entry),
        status: entry.status,
        error,
        message,
    }
}

fn verdict(entry: &Entry) -> Verdict {
    if entry.unproved.is_some() || entry.decided.iter().any(|decided| !decided.decision.allowed) {
        Verdict::Denied
    } else if entry.decided.is_empty() {
        Verdict::NotAsked
    } else {
        Verdict::Allowed
    }
}

fn key(entry: &Entry) -> Option<&str> {
    let named = entry.unproved.as_ref().and_then(|unproved| unproved.access_key_id.as_deref());
    entry.access_key_id.as_deref().or(named)
}

/// Which requests are wanted.
struct Filter {
    principal: Option<String>,
    service: Option<String>,
    denied: bool,
}

impl Filter {
    fn wants(&self, entry: &Entry) -> bool {
        let service = self.service.as_deref().is_none_or(|name| entry.service == Some(name));
        let denied = !self.denied || verdict(entry) == Verdict::Denied;
        service && denied && self.principal.as_deref().is_none_or(|name| is_of(entry, name))
    }
}

/// Whether a request is of somebody: by ARN or its end (`user/amy`), as sessions of a role too, or by access key id.
fn is_of(entry: &Entry, name: &str) -> bool {
    let names = |arn: &str| arn == name || arn.splitn(6, ':').nth(5) == Some(name);
    let caller = entry.caller.as_ref().is_some_and(|caller| {
        let role = match &caller.principal.kind {
            PrincipalKind::AssumedRole { role_arn, .. } => names(role_arn),
            _ => false,
        };
        role || names(&caller.principal.arn)
    });
    let owner = entry.unproved.as_ref().and_then(|unproved| unproved.owner.as_deref());
    caller || owner.is_some_and(names) || key(entry) == Some(name)
}

pub(crate) async fn list(cloud: &Arc<Cloud>, query: &str) -> Result<Answer, Answer> {
    let names = ["after", "limit", "wait_s", "principal", "service", "denied"];
    let [after, limit, wait_s, principal, service, denied] = input::texts(query, names)?;
    let after = input::number("after", after.as_deref())?;
    let limit = input::number("limit", limit.as_deref())?;
    let wait_s = input::number("wait_s", wait_s.as_deref())?;
    let denied = match denied.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => return Err(Answer::bad_request(format!("denied: `{other}` is not true or false"))),
    };
    let filter = Filter { principal, service, denied };
    let limit = usize::try_from(limit.unwrap_or(LIMIT_DEFAULT)).unwrap_or(usize::MAX);
    if !(1..=JOURNAL_ENTRIES_MAX).contains(&limit) {
        return Err(Answer::bad_request(format!("limit lies between 1 and {JOURNAL_ENTRIES_MAX}")));
    }
    if let Some(wait_s) = wait_s.filter(|wait_s| *wait_s > 0) {
        let after =
            after.ok_or_else(|| Answer::bad_request("wait_s needs after: the number to wait behind"))?;
        if wait_s > WAIT_S_MAX {
            return Err(Answer::bad_request(format!("wait_s is at most {WAIT_S_MAX}")));
        }
        wait(cloud, after, Duration::from_secs(wait_s)).await;
    }
    let journal = &cloud.front().journal;
    let mut entries = match after {
        Some(after) => journal.after(after, JOURNAL_ENTRIES_MAX),
        None => journal.newest(JOURNAL_ENTRIES_MAX),
    };
    // What was looked at and not wanted is not looked at again.
    let mut next = entries.last().map_or(after.unwrap_or(0), |entry| entry.sequence);
    entries.retain(|entry| filter.wants(entry));
    if entries.len() > limit && after.is_some() {
        entries.truncate(limit);
        next = entries.last().map_or(next, |entry| entry.sequence);
    }
    let shown = entries.iter().skip(entries.len().saturating_sub(limit));
    Ok(Answer::json(&RequestList { requests: shown.map(|entry| line(entry)).collect(), next }))
}

/// Waits for a request behind `after`, for the time to pass, or for the world to end: whatever comes first.
async fn wait(cloud: &Arc<Cloud>, after: u64, longest: Duration) {
    let world = cloud.world();
    tokio::select! {
        () = cloud.front().journal.wait_after(after) => {}
        () = tokio::time::sleep(longest) => {}
        () = world.base.stopped() => {}
    }
}
