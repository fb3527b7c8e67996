//! Dates of the `Date` operators: the W3C profile of ISO 8601, or seconds since the epoch.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Date>

use time::{Date, Month, UtcOffset};

/// Milliseconds since 1970-01-01T00:00:00Z; `None` for what is not a date.
///
/// Takes `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, `YYYY-MM-DDThh:mm[:ss[.fff]]` with `Z` or `±hh:mm`, and whole or decimal
/// seconds since the epoch. Exactly four digits are a year.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let is_year = |end: usize| text.get(..end).is_some_and(|year| year.bytes().all(|b| b.is_ascii_digit()));
    if !(is_year(4) && (bytes.len() == 4 || bytes.get(4) == Some(&b'-'))) {
        return epoch_millis(text);
    }
    let (date, clock) = match text.split_once(['T', 't']) {
        Some((date, clock)) => (date, Some(clock)),
        None => (text, None),
    };
    let mut fields = date.split('-');
    let year = digits(fields.next()?, 4)?;
    let month = fields.next().map_or(Some(1), |month| digits(month, 2))?;
    let day = fields.next().map_or(Some(1), |day| digits(day, 2))?;
    if fields.next().is_some() || (clock.is_some() && date.len() != 10) {
        return None;
    }
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
    let midnight = date.midnight().assume_utc().unix_timestamp().checked_mul(1_000)?;
    match clock {
        Some(clock) => midnight.checked_add(clock_millis(clock)?),
        None => Some(midnight),
    }
}

fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

fn epoch_millis(text: &str) -> Option<i64> {
    let digits_only = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(unsigned) => (-1, unsigned),
        None => (1, text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    if !digits_only(whole) || !digits_only(fraction) {
        return None;
    }
    let millis = whole.parse::<i64>().ok()?.checked_mul(1_000)?.checked_add(fraction_millis(fraction))?;
    Some(sign * millis)
}

/// The first three digits behind the point, as milliseconds.
fn fraction_millis(fraction: &str) -> i64 {
    fraction.bytes().chain(*b"000").take(3).fold(0, |millis, digit| millis * 10 + i64::from(digit - b'0'))
}

/// `hh:mm[:ss[.fff]]` with its zone, as milliseconds from midnight UTC (may be negative or above a day).
fn clock_millis(clock: &str) -> Option<i64> {
    let zone_at = clock.find(['Z', 'z', '+', '-'])?;
    let (clock, zone) = clock.split_at_checked(zone_at)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut fields = clock.split(':');
    let (hour, minute) = (digits(fields.next()?, 2)?, digits(fields.next()?, 2)?);
    let second = fields.next().map_or(Some(0), |second| digits(second, 2))?;
    let whole = fields.next().is_none()
        && hour < 24
        && minute < 60
        && second < 61
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let offset_s = i64::from(zone_offset(zone)?.whole_seconds());
    whole.then(|| (hour * 3_600 + minute * 60 + second - offset_s) * 1_000 + fraction_millis(fraction))
}

fn zone_offset(zone: &str) -> Option<UtcOffset> {
    if matches!(zone, "Z" | "z") {
        return Some(UtcOffset::UTC);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes) = (i8::try_from(digits(hours, 2)?).ok()?, i8::try_from(digits(minutes, 2)?).ok()?);
    UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn every_w3c_form_and_the_epoch() {
        for (text, millis) in [
            ("1970", 0),
            ("1970-01", 0),
            ("1970-01-02", 86_400_000),
            ("2020-01-01T00:00:01Z", 1_577_836_801_000),
            ("2020-01-01T01:00:01+01:00", 1_577_836_801_000),
            ("2019-12-31T19:00-05:00", 1_577_836_800_000),
            ("2020-01-01T00:00:01.25Z", 1_577_836_801_250),
            ("1577836801", 1_577_836_801_000),
            ("-1.5", -1_500),
        ] {
            assert_eq!(parse(text), Some(millis), "{text}");
        }
    }

    #[test]
    fn what_is_no_date() {
        for bad in [
            "",
            "x",
            "2020-13",
            "2020-02-30",
            "2020-01T00:00Z",
            "2020-01-01T00:00:00",
            "2020-01-01T24:00Z",
            "2020-01-01T00Z",
            "99999999999999999999",
            "2020-01-01-01",
            "1e5",
            "2020-01-01T00:00é",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
