//! The cloud's clock: host time until somebody moves it. It never goes backwards.
//!
//! State deadlines (visibility, TTL, token expiry) are cloud time. Signature skew, `Date` headers and long-poll
//! time-outs are host time and do not come here.

use parking_lot::RwLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use yakumo_aws::Timestamp;

/// The fastest that a clock may run: a year in a little more than five minutes.
pub const RATE_MAX: f64 = 100_000.0;

/// How the cloud's time follows the host's.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Course {
    /// Host time, in milliseconds since the epoch, at which this course began.
    pub host_millis: i64,
    /// Cloud time at that moment, in milliseconds since the epoch.
    pub cloud_millis: i64,
    /// Cloud seconds for each host second; 0 while the clock is frozen.
    pub rate: f64,
}

impl Course {
    fn at(&self, host_millis: i64) -> i64 {
        let passed = host_millis.saturating_sub(self.host_millis).max(0);
        self.cloud_millis.saturating_add((passed as f64 * self.rate) as i64)
    }
}

/// Why the clock was not moved.
#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    /// The wanted time lies before the cloud's present.
    #[error("the cloud's clock only moves forward: it is already {now_millis} ms after the epoch")]
    Backwards {
        /// The cloud's present, in milliseconds since the epoch.
        now_millis: i64,
    },
    /// The rate is negative, not a number, or above [`RATE_MAX`].
    #[error("a clock runs at a rate between 0 and {RATE_MAX}")]
    Rate,
}

/// The one clock of a cloud.
pub struct Clock {
    course: RwLock<Course>,
    moved: watch::Sender<Course>,
}

impl Default for Clock {
    fn default() -> Clock {
        let now = host_now().as_millis();
        Clock::with_course(Course { host_millis: now, cloud_millis: now, rate: 1.0 })
    }
}

/// The host's time.
pub fn host_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl Clock {
    /// A clock that goes on with a stored course.
    pub fn with_course(course: Course) -> Clock {
        Clock { course: RwLock::new(course), moved: watch::Sender::new(course) }
    }

    /// The cloud's present.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.course.read().at(host_now().as_millis()))
    }

    /// The present course, to be stored with the cloud.
    pub fn course(&self) -> Course {
        *self.course.read()
    }

    /// A receiver that is told of each change of course.
    pub fn watch(&self) -> watch::Receiver<Course> {
        self.moved.subscribe()
    }

    /// Jumps forward by so much.
    pub fn advance(&self, by: Duration) -> Result<Course, ClockError> {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 4);
        self.change(|now, rate| Ok((now.saturating_add(millis), rate)))
    }

    /// Jumps forward to a point in time.
    pub fn set(&self, to: Timestamp) -> Result<Course, ClockError> {
        self.change(|now, rate| match to.as_millis() {
            earlier if earlier < now => Err(ClockError::Backwards { now_millis: now }),
            later => Ok((later, rate)),
        })
    }

    /// Sets how many cloud seconds pass in a host second; 0 freezes the clock, 1 is real time.
    pub fn run_at(&self, rate: f64) -> Result<Course, ClockError> {
        if !(0.0..=RATE_MAX).contains(&rate) {
            return Err(ClockError::Rate);
        }
        self.change(|now, _| Ok((now, rate)))
    }

    fn change(
        &self,
        to: impl FnOnce(i64, f64) -> Result<(i64, f64), ClockError>,
    ) -> Result<Course, ClockError> {
        let mut course = self.course.write();
        let host = host_now().as_millis();
        let (cloud_millis, rate) = to(course.at(host), course.rate)?;
        *course = Course { host_millis: host, cloud_millis, rate };
        self.moved.send_replace(*course);
        Ok(*course)
    }

    /// Waits until the cloud's clock shows `deadline`, however it gets there.
    pub async fn sleep_until(&self, deadline: Timestamp) {
        let mut moved = self.watch();
        loop {
            let course = *moved.borrow_and_update();
            let left = deadline.as_millis() - self.now().as_millis();
            if left <= 0 {
                return;
            }
            // A frozen clock only wakes when it is moved; otherwise a day is far enough to look again.
            let host_millis =
                if course.rate > 0.0 { (left as f64 / course.rate).ceil() } else { 86_400_000.0 };
            let nap = Duration::from_millis(host_millis.clamp(1.0, 86_400_000.0) as u64);
            tokio::select! {
                () = tokio::time::sleep(nap) => {}
                _ = moved.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, ClockError, Course};
    use std::time::Duration;
    use yakumo_aws::Timestamp;

    #[test]
    fn a_frozen_clock_stands_and_an_advanced_one_jumps() {
        let clock = Clock::with_course(Course { host_millis: 0, cloud_millis: 0, rate: 0.0 });
        assert_eq!(clock.now(), Timestamp::from_millis(0));
        clock.advance(Duration::from_secs(60)).unwrap();
        assert_eq!(clock.now(), Timestamp::from_secs(60));
    }

    #[test]
    fn time_never_goes_back() {
        let clock = Clock::with_course(Course { host_millis: 0, cloud_millis: 5_000, rate: 0.0 });
        let refused = clock.set(Timestamp::from_millis(4_999));
        assert!(matches!(refused, Err(ClockError::Backwards { now_millis: 5_000 })));
        clock.set(Timestamp::from_millis(5_000)).unwrap();
        assert!(clock.run_at(-1.0).is_err() && clock.run_at(f64::NAN).is_err());
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_is_moved() {
        let clock =
            std::sync::Arc::new(Clock::with_course(Course { host_millis: 0, cloud_millis: 0, rate: 0.0 }));
        let sleeper = {
            let clock = clock.clone();
            tokio::spawn(async move { clock.sleep_until(Timestamp::from_secs(3_600)).await })
        };
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        clock.advance(Duration::from_secs(3_600)).unwrap();
        sleeper.await.unwrap();
    }
}
