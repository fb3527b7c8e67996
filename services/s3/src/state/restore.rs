//! Archived objects and the copies that are restored of them for some days.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html>
//!
//! Invariant: whether a copy can be read is a question of the time alone; nothing has to run for it to come or to end.

use crate::state::Version;
use crate::state::lifecycle::after;
use serde::{Deserialize, Serialize};
use yakumo_aws::Timestamp;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// A storage class whose objects must be restored before they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Archive {
    /// `GLACIER`: S3 Glacier Flexible Retrieval.
    Flexible,
    /// `DEEP_ARCHIVE`.
    Deep,
}

/// How fast a copy comes: the slower first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Tier {
    Bulk,
    Standard,
    Expedited,
}

/// A copy that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restore {
    pub tier: Tier,
    /// For how many days it was asked.
    pub days: i32,
    /// When the copy is there.
    pub ready: Timestamp,
    /// When it goes.
    pub expires: Timestamp,
}

/// How it stands with the copy of an archived object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is none: it was never asked for, or has gone.
    Absent,
    /// It is on its way.
    Ongoing(Restore),
    /// It can be read until it expires.
    Here(Restore),
}

impl Tier {
    /// As AWS names it.
    pub fn parse(text: &str) -> Option<Tier> {
        match text {
            "Bulk" => Some(Tier::Bulk),
            "Standard" => Some(Tier::Standard),
            "Expedited" => Some(Tier::Expedited),
            _ => None,
        }
    }

    /// How long a copy takes; `None` where there is no such tier. Of what AWS calls typical, the longest.
    ///
    /// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects-retrieval-options.html>
    fn takes_ms(self, archive: Archive) -> Option<i64> {
        match (archive, self) {
            (Archive::Flexible, Tier::Expedited) => Some(5 * MINUTE_MS),
            (Archive::Flexible, Tier::Standard) => Some(5 * HOUR_MS),
            (Archive::Flexible, Tier::Bulk) | (Archive::Deep, Tier::Standard) => Some(12 * HOUR_MS),
            (Archive::Deep, Tier::Bulk) => Some(48 * HOUR_MS),
            (Archive::Deep, Tier::Expedited) => None,
        }
    }
}

impl Restore {
    /// A copy that is asked for now; `None` where there is no such tier.
    pub fn begin(archive: Archive, tier: Tier, days: i32, now: Timestamp) -> Option<Restore> {
        let ready = now.plus_millis(tier.takes_ms(archive)?);
        Some(Restore { tier, days, ready, expires: after(ready, days) })
    }

    /// The same copy with its days counted from now.
    pub fn prolonged(self, days: i32, now: Timestamp) -> Restore {
        Restore { days, expires: after(now, days), ..self }
    }
}

impl Version {
    /// The class that keeps it from being read at once.
    pub fn archive(&self) -> Option<Archive> {
        match self.content.as_ref()?.headers.storage_class.as_deref()? {
            "GLACIER" => Some(Archive::Flexible),
            "DEEP_ARCHIVE" => Some(Archive::Deep),
            _ => None,
        }
    }

    /// How it stands with its restored copy.
    pub fn standing(&self, now: Timestamp) -> Standing {
        match self.restore {
            Some(restore) if now < restore.ready => Standing::Ongoing(restore),
            Some(restore) if now < restore.expires => Standing::Here(restore),
            _ => Standing::Absent,
        }
    }

    /// Whether its content can be read.
    pub fn is_at_hand(&self, now: Timestamp) -> bool {
        self.archive().is_none() || matches!(self.standing(now), Standing::Here(_))
    }
}

#[cfg(test)]
mod tests {
    use super::{Archive, Restore, Tier};
    use yakumo_aws::Timestamp;

    #[test]
    fn copies_come_and_go() {
        let check = |archive, tier, ready_s: i64, expires_s: i64| {
            let restore = Restore::begin(archive, tier, 3, Timestamp::from_secs(0)).unwrap();
            assert_eq!((restore.ready.as_secs(), restore.expires.as_secs()), (ready_s, expires_s));
        };
        // AWS: days end at the midnight after them.
        check(Archive::Flexible, Tier::Expedited, 300, 4 * 86_400);
        check(Archive::Flexible, Tier::Standard, 5 * 3600, 4 * 86_400);
        check(Archive::Flexible, Tier::Bulk, 12 * 3600, 4 * 86_400);
        check(Archive::Deep, Tier::Standard, 12 * 3600, 4 * 86_400);
        check(Archive::Deep, Tier::Bulk, 48 * 3600, 5 * 86_400);
        assert_eq!(Restore::begin(Archive::Deep, Tier::Expedited, 3, Timestamp::from_secs(0)), None);
    }
}
