//! `GET /_yakumo/requests/ID`: one request with every decision that was made for it, and what made it.

use super::answer::Answer;
use super::callers::{self, CallerLine};
use super::decisions::{self, DecisionLine};
use super::requests::{self, RequestLine};
use super::unproved::{self, UnprovedLine};
use serde::{Deserialize, Serialize};
use yakumo_front::{Entry, Front};

/// A request and the decisions that were made for it, in order.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Explained {
    /// The request.
    pub request: RequestLine,
    /// Who asked, once that is known.
    pub caller: Option<CallerLine>,
    /// Why its sender was not believed; then there are no decisions.
    pub unproved: Option<UnprovedLine>,
    /// The decisions, those of other services on its way included. Empty when nothing was asked of the policies.
    pub decisions: Vec<DecisionLine>,
}

pub(crate) fn answer(front: &Front, id: &str) -> Result<Answer, Answer> {
    let entry = front.journal.find(id).ok_or_else(|| {
        Answer::not_found(format!(
            "no request {id} is remembered; the last {} are",
            yakumo_front::JOURNAL_ENTRIES_MAX
        ))
    })?;
    Ok(Answer::json(&explained(&entry)))
}

fn explained(entry: &Entry) -> Explained {
    Explained {
        request: requests::line(entry),
        caller: entry.caller.as_ref().map(|caller| callers::line(caller, entry.access_key_id.as_deref())),
        unproved: entry.unproved.as_ref().map(unproved::line),
        decisions: entry.decided.iter().map(decisions::line).collect(),
    }
}
