//! Points in time as texts: RFC 3339, HTTP dates, epoch seconds.
//! Source: <https://smithy.io/2.0/spec/protocol-traits.html#timestampformat-trait>

use crate::model::TimeFormat;
use ::time::format_description::well_known::{Rfc2822, Rfc3339};
use ::time::{OffsetDateTime, Weekday};
use yakumo_aws::Timestamp;

/// Reads a point in time in any of the three formats; AWS's services accept each where another is the default.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let first = text.bytes().next()?;
    if first.is_ascii_alphabetic() {
        return parse_http_date(text);
    }
    if text.get(1..).is_some_and(|rest| rest.contains('-')) && !text.contains(['e', 'E']) {
        return parse_date_time(text);
    }
    from_seconds(text.parse().ok()?)
}

/// From epoch seconds with a fraction; `None` for what is no number or beyond the year 9999.
pub(crate) fn from_seconds(seconds: f64) -> Option<Timestamp> {
    let millis = (seconds * 1000.0).round();
    (millis.abs() < 253_402_300_800_000.0).then(|| Timestamp::from_millis(millis as i64))
}

fn parse_date_time(text: &str) -> Option<Timestamp> {
    // `2020-01-01` and a time without a zone are taken as UTC, as AWS does.
    let parsed = OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{text}Z"), &Rfc3339))
        .or_else(|_| OffsetDateTime::parse(&format!("{text}T00:00:00Z"), &Rfc3339));
    parsed.ok().map(millis)
}

pub(crate) fn parse_http_date(text: &str) -> Option<Timestamp> {
    // A fraction of a second is not in RFC 7231, but Smithy allows it.
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, rest)) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let millis: f64 = format!("0.{}", rest.get(..digits)?).parse().ok()?;
            (format!("{whole}{}", rest.get(digits..)?), (millis * 1000.0).round() as i64)
        }
        None => (text.to_owned(), 0),
    };
    let parsed = OffsetDateTime::parse(&whole, &Rfc2822).ok()?;
    Some(millis(parsed).plus_millis(fraction))
}

fn millis(time: OffsetDateTime) -> Timestamp {
    Timestamp::from_millis((time.unix_timestamp_nanos() / 1_000_000) as i64)
}

fn civil(time: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(time.as_secs()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Writes a point in time. Milliseconds appear only where there are any.
pub(crate) fn format(time: Timestamp, format: TimeFormat) -> String {
    match format {
        TimeFormat::DateTime => date_time(time),
        TimeFormat::EpochSeconds => epoch_seconds(time),
        TimeFormat::HttpDate => http_date(time),
    }
}

fn date_time(time: Timestamp) -> String {
    let at = civil(time);
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second) = (at.hour(), at.minute(), at.second());
    let millis = time.as_millis().rem_euclid(1000);
    let fraction = if millis == 0 { String::new() } else { format!(".{millis:03}") };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
}

/// `1515531081.123`; no fraction when it is zero.
pub(crate) fn epoch_seconds(time: Timestamp) -> String {
    let (seconds, millis) = (time.as_secs(), time.as_millis().rem_euclid(1000));
    match (millis, seconds < 0) {
        (0, _) => seconds.to_string(),
        (_, false) => format!("{seconds}.{millis:03}").trim_end_matches('0').to_owned(),
        (_, true) => (time.as_millis() as f64 / 1000.0).to_string(),
    }
}

/// `Tue, 29 Apr 2014 18:30:38 GMT` (RFC 9110, section 5.6.7).
pub fn http_date(time: Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let at = civil(time);
    let weekday = match at.weekday() {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    };
    let month = MONTHS[usize::from(u8::from(at.month())) - 1];
    let (day, year, hour, minute, second) = (at.day(), at.year(), at.hour(), at.minute(), at.second());
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

#[cfg(test)]
mod tests {
    use super::{format, parse};
    use crate::model::TimeFormat;
    use yakumo_aws::Timestamp;

    #[test]
    fn texts_are_read_and_written() {
        let at = Timestamp::from_millis(1_398_796_238_123);
        for text in [
            "2014-04-29T18:30:38.123Z",
            "2014-04-29T19:30:38.123+01:00",
            "1398796238.123",
            "Tue, 29 Apr 2014 18:30:38.123 GMT",
        ] {
            assert_eq!(parse(text), Some(at), "{text}");
        }
        assert_eq!(parse("2014-04-29"), Some(Timestamp::from_secs(1_398_729_600)));
        for bad in ["", "x", "2014-13-01T00:00:00Z", "NaN", "1e300", "Tue, 29 Apr", "."] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(format(at, TimeFormat::DateTime), "2014-04-29T18:30:38.123Z");
        assert_eq!(format(at, TimeFormat::EpochSeconds), "1398796238.123");
        assert_eq!(format(at, TimeFormat::HttpDate), "Tue, 29 Apr 2014 18:30:38 GMT");
        assert_eq!(format(Timestamp::from_secs(-1), TimeFormat::DateTime), "1969-12-31T23:59:59Z");
        assert_eq!(format(Timestamp::from_millis(-500), TimeFormat::EpochSeconds), "-0.5");
    }
}
