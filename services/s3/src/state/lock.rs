//! Object lock: what holds a version, for how long, and how that may be changed.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>
//!
//! Invariant: nothing here shortens or removes what COMPLIANCE holds, for nobody.

use serde::{Deserialize, Serialize};
use yakumo_aws::Timestamp;

const DAY_MS: i64 = 86_400_000;
const YEAR_DAYS: i64 = 365;

/// How firmly a retention holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Who has `s3:BypassGovernanceRetention` may pass over it.
    Governance,
    /// Nobody may.
    Compliance,
}

/// Until when a version is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    pub mode: Mode,
    pub until: Timestamp,
}

/// What holds a version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lock {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// `None` when it was never said, which reads differently from "off".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_hold: Option<bool>,
}

/// The object lock of a bucket. Once a bucket has it, it stays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BucketLock {
    /// What new versions get that say nothing themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<DefaultRetention>,
}

/// The retention of new versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DefaultRetention {
    pub mode: Mode,
    pub period: Period,
}

/// For how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Period {
    Days(i32),
    /// Of 365 days.
    Years(i32),
}

/// Whether a request passes over GOVERNANCE. It is decided before whether it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bypass {
    No,
    Governance,
}

impl Bypass {
    /// As the header `x-amz-bypass-governance-retention` says.
    pub fn asked(header: Option<bool>) -> Bypass {
        if header == Some(true) { Bypass::Governance } else { Bypass::No }
    }
}

impl Mode {
    /// As AWS names it.
    pub fn parse(text: &str) -> Option<Mode> {
        match text {
            "GOVERNANCE" => Some(Mode::Governance),
            "COMPLIANCE" => Some(Mode::Compliance),
            _ => None,
        }
    }

    /// AWS's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Governance => "GOVERNANCE",
            Mode::Compliance => "COMPLIANCE",
        }
    }
}

impl DefaultRetention {
    /// What a version gets that is made now.
    pub fn starting(self, now: Timestamp) -> Retention {
        let days = match self.period {
            Period::Days(days) => i64::from(days),
            Period::Years(years) => i64::from(years) * YEAR_DAYS,
        };
        Retention { mode: self.mode, until: now.plus_millis(days.saturating_mul(DAY_MS)) }
    }
}

impl Retention {
    /// Whether its time has not come.
    pub fn is_active(&self, now: Timestamp) -> bool {
        self.until > now
    }

    /// Whether it can be put aside.
    fn yields(&self, now: Timestamp, bypass: Bypass) -> bool {
        !self.is_active(now) || (self.mode == Mode::Governance && bypass == Bypass::Governance)
    }
}

impl Lock {
    /// Whether nothing was ever said.
    pub fn is_unset(&self) -> bool {
        *self == Lock::default()
    }

    /// Whether the version must stay.
    pub fn holds(&self, now: Timestamp, bypass: Bypass) -> bool {
        self.legal_hold == Some(true)
            || self.retention.is_some_and(|retention| !retention.yields(now, bypass))
    }

    /// The lock of a replica when the one of its source became `source`: no shorter than it was.
    pub fn following(self, source: Lock, now: Timestamp) -> Lock {
        let may = self.allows(source.retention, now, Bypass::No);
        Lock {
            retention: if may { source.retention } else { self.retention },
            legal_hold: source.legal_hold.or(self.legal_hold),
        }
    }

    /// Whether the retention may become `wanted` (`None` removes it): what is active may be made longer by everybody who
    /// may set it, and changed otherwise only by who passes over it.
    pub fn allows(&self, wanted: Option<Retention>, now: Timestamp, bypass: Bypass) -> bool {
        let Some(present) = self.retention.filter(|present| !present.yields(now, bypass)) else {
            return true;
        };
        wanted.is_some_and(|wanted| wanted.mode == present.mode && wanted.until >= present.until)
    }
}

#[cfg(test)]
mod tests {
    use super::{Bypass, DefaultRetention, Lock, Mode, Period, Retention};
    use yakumo_aws::Timestamp;

    const NOW_S: i64 = 1000;

    fn until(mode: Mode, secs: i64) -> Option<Retention> {
        Some(Retention { mode, until: Timestamp::from_secs(secs) })
    }

    #[test]
    fn what_holds() {
        let check = |retention, legal_hold, bypass, expected: bool| {
            let lock = Lock { retention, legal_hold };
            assert_eq!(lock.holds(Timestamp::from_secs(NOW_S), bypass), expected, "{lock:?} {bypass:?}");
        };
        for bypass in [Bypass::No, Bypass::Governance] {
            let passes = bypass == Bypass::Governance;
            check(None, None, bypass, false);
            check(None, Some(false), bypass, false);
            check(None, Some(true), bypass, true);
            check(until(Mode::Governance, 1001), None, bypass, !passes);
            check(until(Mode::Governance, 1001), Some(true), bypass, true);
            check(until(Mode::Compliance, 1001), None, bypass, true);
            check(until(Mode::Compliance, 1000), None, bypass, false);
            check(until(Mode::Governance, 1000), None, bypass, false);
        }
    }

    #[test]
    fn what_may_be_changed() {
        use Mode::{Compliance, Governance};
        let check = |present, wanted, without: bool, with: bool| {
            let lock = Lock { retention: present, legal_hold: None };
            let allows = |bypass| lock.allows(wanted, Timestamp::from_secs(NOW_S), bypass);
            assert_eq!(
                (allows(Bypass::No), allows(Bypass::Governance)),
                (without, with),
                "{present:?} {wanted:?}"
            );
        };
        check(None, until(Compliance, 2000), true, true);
        check(until(Governance, 2000), until(Governance, 3000), true, true);
        check(until(Governance, 2000), until(Governance, 1500), false, true);
        check(until(Governance, 2000), until(Compliance, 2000), false, true);
        check(until(Governance, 2000), None, false, true);
        check(until(Compliance, 2000), until(Compliance, 2000), true, true);
        check(until(Compliance, 2000), until(Compliance, 3000), true, true);
        check(until(Compliance, 2000), until(Compliance, 1999), false, false);
        check(until(Compliance, 2000), until(Governance, 3000), false, false);
        check(until(Compliance, 2000), None, false, false);
        check(until(Compliance, 1000), None, true, true);
    }

    #[test]
    fn replicas_follow_what_is_longer() {
        use Mode::Governance;
        let now = Timestamp::from_secs(NOW_S);
        let of = |retention, legal_hold| Lock { retention, legal_hold };
        for (there, source, expected) in [
            (
                of(None, None),
                of(until(Governance, 2000), Some(true)),
                of(until(Governance, 2000), Some(true)),
            ),
            (
                of(until(Governance, 3000), Some(true)),
                of(None, Some(false)),
                of(until(Governance, 3000), Some(false)),
            ),
            (of(until(Governance, 900), Some(true)), of(None, None), of(None, Some(true))),
        ] {
            assert_eq!(there.following(source, now), expected);
        }
    }

    #[test]
    fn periods() {
        for (period, days) in [(Period::Days(1), 1), (Period::Years(2), 730), (Period::Years(100), 36_500)] {
            let retention =
                DefaultRetention { mode: Mode::Governance, period }.starting(Timestamp::from_secs(5));
            assert_eq!(retention.until, Timestamp::from_secs(5 + days * 86_400));
        }
    }
}
