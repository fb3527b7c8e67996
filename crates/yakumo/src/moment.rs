//! Durations and points in time as people write them: `2h`, `1d12h`, `250ms`, `2027-01-31T12:00:00Z`.

use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Units, longest spelling first where one is the beginning of another.
const UNITS_MILLIS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

/// Parses whole numbers with units, one behind the other: `90s`, `1d12h`. A number needs its unit.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no duration; write 90s, 15m, 2h, 1d12h or 1w");
    let mut rest = text.trim();
    let mut millis: u64 = 0;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = rest.split_at(digits);
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let (unit, scale) =
            UNITS_MILLIS.iter().find(|(unit, _)| behind.starts_with(unit)).ok_or_else(wrong)?;
        let part = number.checked_mul(*scale).ok_or_else(wrong)?;
        millis = millis.checked_add(part).ok_or_else(wrong)?;
        rest = behind.strip_prefix(unit).unwrap_or_default();
    }
    Ok(Duration::from_millis(millis))
}

/// Parses a point in time, RFC 3339.
pub fn parse_time(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text.trim(), &Rfc3339)
        .map_err(|_| format!("`{text}` is no point in time; write it like 2027-01-31T12:00:00Z (RFC 3339)"))
}

/// Parses `x10` or `10`: how many cloud seconds pass in a second.
pub fn parse_rate(text: &str) -> Result<f64, String> {
    let number = text.strip_prefix('x').unwrap_or(text);
    let rate = number.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate >= 0.0);
    rate.ok_or_else(|| {
        format!("`{text}` is no rate; write x60 for a minute in each second, x0 to stand still")
    })
}

/// The largest two units of a duration: `3 h 12 min`, `45 s`.
pub fn spoken(duration: Duration) -> String {
    let s = duration.as_secs();
    match s {
        0..60 => format!("{s} s"),
        60..3_600 => format!("{} min {} s", s / 60, s % 60),
        3_600..86_400 => format!("{} h {} min", s / 3_600, s % 3_600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::{parse_duration, parse_rate, parse_time, spoken};
    use std::time::Duration;

    #[test]
    fn durations_are_numbers_with_units() {
        for (text, millis) in [
            ("90s", 90_000),
            ("1d12h", 129_600_000),
            ("250ms", 250),
            ("1m500ms", 60_500),
            ("2w", 1_209_600_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in
            ["", "90", "h", "2 h", "-1s", "1.5h", "1y", "99999999999999999999s", "18446744073709551615w"]
        {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_and_rates() {
        assert_eq!(parse_time("2027-01-31T12:00:00+01:00").unwrap().unix_timestamp(), 1_801_393_200);
        assert!(parse_time("tomorrow").is_err() && parse_time("2027-02-30T00:00:00Z").is_err());
        assert_eq!((parse_rate("x60"), parse_rate("0.5")), (Ok(60.0), Ok(0.5)));
        assert!(parse_rate("x-1").is_err() && parse_rate("xNaN").is_err() && parse_rate("").is_err());
        assert_eq!(spoken(Duration::from_secs(3_725)), "1 h 2 min");
    }
}
