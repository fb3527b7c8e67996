//! What can be done with a message that was received: delete it, or change how long it stays invisible.

use super::index::{Index, Lanes, Place, Touched};
use super::outcomes::{Changed, Deleted, VISIBILITY_MAX_MILLIS};

impl Index {
    /// A message that was received and is not past its retention. What is in flight stays until its timeout ends.
    pub(super) fn live(&self, seq: u64, now: i64) -> Option<Touched> {
        let touched = self.touched.get(&seq).copied()?;
        let is_gone = touched.place == Place::Waiting && self.is_expired(touched.sent_at, now);
        (!is_gone).then_some(touched)
    }

    /// Deletes a message by its receipt.
    pub fn delete(&mut self, seq: u64, nonce: u64, now: i64) -> Deleted {
        self.mature(now);
        let Some(touched) = self.live(seq, now) else { return Deleted::Nothing };
        if touched.received.count == 0 || touched.place == Place::Taken {
            return Deleted::Nothing;
        }
        match (&mut self.lanes, touched.place) {
            (Lanes::Fifo(_), Place::InFlight(visible_at)) if touched.received.nonce == nonce => {
                self.in_flight.remove(&(visible_at, seq));
                self.forget(seq, touched);
                Deleted::Now
            }
            // AWS: FIFO-queues-exactly-once-processing: only the one who holds the message may delete it.
            (Lanes::Fifo(_), _) => Deleted::HandleExpired,
            // AWS: API_DeleteMessage: an old handle succeeds in a standard queue, and the message "might not be
            // deleted". Here every handle of a message deletes it, as it nearly always does there.
            (Lanes::Standard(_), Place::InFlight(visible_at)) => {
                self.in_flight.remove(&(visible_at, seq));
                self.forget(seq, touched);
                Deleted::Now
            }
            (Lanes::Standard(lane), _) => {
                lane.returned_is_gone();
                self.touched.remove(&seq);
                Deleted::Now
            }
        }
    }

    /// Sets a new visibility timeout for a message in flight, counted from now.
    pub fn change_visibility(&mut self, seq: u64, nonce: u64, now: i64, visibility: i64) -> Changed {
        self.mature(now);
        let Some(mut touched) = self.live(seq, now) else { return Changed::Gone };
        let Place::InFlight(old) = touched.place else { return Changed::NotInFlight };
        if touched.received.nonce != nonce {
            return Changed::NotInFlight;
        }
        let visible_at = now.saturating_add(visibility);
        if visible_at.saturating_sub(touched.received.last_at) > VISIBILITY_MAX_MILLIS {
            return Changed::TooLong;
        }
        touched.place = Place::InFlight(visible_at);
        self.touched.insert(seq, touched);
        self.in_flight.remove(&(old, seq));
        self.in_flight.insert((visible_at, seq));
        let claim = self.claim_of(seq, touched, visible_at);
        self.mature(now);
        Changed::Now(claim)
    }
}
