//! `/_yakumo/clock`: the cloud's present, and ways to move it forward.

use super::answer::Answer;
use super::{input, moment};
use crate::{Cloud, StartError};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use yakumo_aws::Timestamp;
use yakumo_room::{ClockError, host_now};

/// The cloud's clock beside the host's.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClockAnswer {
    /// The cloud's present, RFC 3339.
    pub now: String,
    /// The host's present, RFC 3339.
    pub host: String,
    /// Cloud seconds in a host second: 1 is real time, 0 stands still.
    pub rate: f64,
    /// Milliseconds by which the cloud is ahead of the host; negative when it is behind.
    pub ahead_ms: i64,
}

/// A change of the clock: exactly one of the three.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockChange {
    /// Forward by so many seconds.
    AdvanceS(f64),
    /// Forward to a point in time, RFC 3339.
    Set(String),
    /// So many cloud seconds in a host second.
    Rate(f64),
}

pub(crate) fn read(cloud: &Cloud) -> ClockAnswer {
    let world = cloud.world();
    let (now, host) = (world.base.clock.now(), host_now());
    let ahead_ms = now.as_millis().saturating_sub(host.as_millis());
    ClockAnswer {
        now: moment::write(now),
        host: moment::write(host),
        rate: world.base.clock.course().rate,
        ahead_ms,
    }
}

pub(crate) fn answer(cloud: &Cloud) -> Answer {
    Answer::json(&read(cloud))
}

pub(crate) async fn change(cloud: &Cloud, body: &[u8]) -> Result<Answer, Answer> {
    let outcome = match input::json::<ClockChange>(body)? {
        ClockChange::AdvanceS(seconds) => {
            let by = advance(cloud.world().base.clock.now(), seconds)?;
            cloud.set_clock(|clock| clock.advance(by)).await
        }
        ClockChange::Set(text) => {
            let to = moment::read(&text).filter(|to| to.as_millis() <= moment::LAST_MILLIS);
            let to = to.ok_or_else(|| {
                Answer::bad_request(format!("set: `{text}` is no point in time (RFC 3339)"))
            })?;
            cloud.set_clock(|clock| clock.set(to)).await
        }
        ClockChange::Rate(rate) => cloud.set_clock(|clock| clock.run_at(rate)).await,
    };
    match outcome {
        Ok(_) => Ok(answer(cloud)),
        Err(StartError::Clock(ClockError::Backwards { now_millis })) => {
            let now = moment::write(Timestamp::from_millis(now_millis));
            Err(Answer::bad_request(format!("the cloud's clock only moves forward: it is already {now}")))
        }
        Err(StartError::Clock(refused)) => Err(Answer::bad_request(refused.to_string())),
        Err(error) => Err(Answer::failed(&error)),
    }
}

/// The duration of an advance. It ends within the years that RFC 3339 can write, so that no date ever overflows.
fn advance(now: Timestamp, seconds: f64) -> Result<Duration, Answer> {
    let by = Duration::try_from_secs_f64(seconds).map_err(|_| {
        Answer::bad_request("advance_s is a number of seconds, 0 or more: the clock only moves forward")
    })?;
    let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
    if now.as_millis().saturating_add(millis) > moment::LAST_MILLIS {
        return Err(Answer::bad_request("advance_s leads beyond the year 9999"));
    }
    Ok(by)
}

#[cfg(test)]
mod tests {
    use super::{ClockChange, advance, input};
    use yakumo_aws::Timestamp;

    #[test]
    fn a_change_is_exactly_one_of_three() {
        let change = |text: &str| input::json::<ClockChange>(text.as_bytes()).ok();
        assert_eq!(change(r#"{"advance_s":2.5}"#), Some(ClockChange::AdvanceS(2.5)));
        assert_eq!(change(r#"{"set":"x"}"#), Some(ClockChange::Set("x".into())));
        assert_eq!(change(r#"{"rate":0}"#), Some(ClockChange::Rate(0.0)));
        for bad in ["", "{}", r#"{"rate":1,"advance_s":1}"#, r#"{"advance":1}"#, r#"{"rate":"1"}"#] {
            assert_eq!(change(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_advance_goes_forward_and_stays_in_the_calendar() {
        let now = Timestamp::from_secs(1_800_000_000);
        assert_eq!(advance(now, 0.25).unwrap().as_millis(), 250);
        for bad in [-1.0, 1e12, 1e300, f64::INFINITY] {
            assert!(advance(now, bad).is_err(), "{bad}");
        }
    }
}
