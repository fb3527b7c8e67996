//! `GET /_yakumo/requests`: the last requests, oldest first, and a wait for the next ones.

use super::answer::Answer;
use super::{input, moment};
use crate::Cloud;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use yakumo_front::{Entry, JOURNAL_ENTRIES_MAX};

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
        id: entry.request_id.clone(),
        time: moment::write(entry.arrived),
        took_us: u64::try_from(entry.took.as_micros()).unwrap_or(u64::MAX),
        source_ip: entry.source_ip.to_canonical().to_string(),
        service: entry.service.map(str::to_owned),
        operation: entry.operation.map(str::to_owned),
        region: entry.region.map(|region| region.as_str().to_owned()),
        account: entry.caller.as_ref().map(|caller| caller.account.as_str().to_owned()),
        principal: entry.caller.as_ref().map(|caller| caller.principal.arn.clone()),
        verdict: verdict(entry),
        status: entry.status,
        error,
        message,
    }
}

fn verdict(entry: &Entry) -> Verdict {
    // AWS: many services answer 400 to a missing or unknown key. Behind a known operation, without a known caller,
    // one of these statuses means that the caller was not who it said.
    let refused =
        entry.operation.is_some() && entry.caller.is_none() && matches!(entry.status, 400 | 401 | 403);
    if refused || entry.decided.iter().any(|decided| !decided.decision.allowed) {
        Verdict::Denied
    } else if entry.decided.is_empty() {
        Verdict::NotAsked
    } else {
        Verdict::Allowed
    }
}

pub(crate) async fn list(cloud: &Arc<Cloud>, query: &str) -> Result<Answer, Answer> {
    let [after, limit, wait_s] = input::numbers(query, ["after", "limit", "wait_s"])?;
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
    let entries = match after {
        Some(after) => journal.after(after, limit),
        None => journal.newest(limit),
    };
    let next = entries.last().map_or(after.unwrap_or(0), |entry| entry.sequence);
    Ok(Answer::json(&RequestList { requests: entries.iter().map(|entry| line(entry)).collect(), next }))
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
