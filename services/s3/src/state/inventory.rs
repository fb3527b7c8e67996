//! Inventory configurations of buckets: one row for each, under bucket and id.

use crate::state::version::scope;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::Record;

const DAY_S: i64 = 86_400;
const WEEK_DAYS: i64 = 7;
/// The first Sunday, in days since the epoch, which was a Thursday.
const SUNDAY: i64 = 3;

/// What a bucket lists of itself, where to, and how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    pub id: String,
    /// The name of the bucket that it is of, and the bucket's own id.
    pub bucket: String,
    pub bucket_id: String,
    pub enabled: bool,
    /// The name of the bucket that the lists go to.
    pub destination: String,
    /// Whose that bucket must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// In front of the keys of the lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Whether it was said that the lists are to be encrypted. They are in any case.
    #[serde(default)]
    pub encrypted: bool,
    /// Which keys are listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    pub all_versions: bool,
    pub fields: Vec<String>,
    pub weekly: bool,
    pub made: Timestamp,
    /// The last day, since the epoch, on which it was delivered or refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered: Option<i64>,
}

impl Record for Inventory {
    const TABLE: &'static str = "inventories";
}

impl Inventory {
    /// Its row.
    pub fn row(&self) -> Bytes {
        scope().record_key(Inventory::TABLE, &[&self.bucket_id, &self.id])
    }

    /// Whether a list is due: at the first midnight after it was configured, then every day, or every Sunday.
    ///
    /// AWS: "the initial report is delivered within 48 hours", weekly ones on Sundays (UTC):
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/configure-inventory.html>
    pub fn is_due(&self, now: Timestamp) -> bool {
        let today = now.as_secs().div_euclid(DAY_S);
        match self.delivered {
            _ if !self.enabled => false,
            None => today > self.made.as_secs().div_euclid(DAY_S),
            Some(last) if self.weekly => sundays(today) > sundays(last),
            Some(last) => today > last,
        }
    }
}

/// How many Sundays there were up to a day.
fn sundays(day: i64) -> i64 {
    (day - SUNDAY).div_euclid(WEEK_DAYS)
}

/// A day's number.
pub fn day_of(now: Timestamp) -> i64 {
    now.as_secs().div_euclid(DAY_S)
}

#[cfg(test)]
mod tests {
    use super::Inventory;
    use yakumo_aws::Timestamp;

    #[test]
    fn when_a_list_is_due() {
        let mut inventory = Inventory {
            id: String::new(),
            bucket: String::new(),
            bucket_id: String::new(),
            enabled: true,
            destination: String::new(),
            account: None,
            place: None,
            encrypted: false,
            prefix: None,
            all_versions: false,
            fields: Vec::new(),
            weekly: true,
            made: Timestamp::from_secs(86_400 * 4 + 5),
            delivered: None,
        };
        let at = |day: i64| Timestamp::from_secs(86_400 * day + 9);
        assert!(!inventory.is_due(at(4)));
        assert!(inventory.is_due(at(5)));
        inventory.delivered = Some(5);
        // Day 10 is the first Sunday after day 5, a Tuesday.
        assert!(!inventory.is_due(at(9)));
        assert!(inventory.is_due(at(10)));
        inventory.weekly = false;
        assert!(inventory.is_due(at(6)));
        assert!(!inventory.is_due(at(5)));
        inventory.enabled = false;
        assert!(!inventory.is_due(at(20)));
    }
}
