//! The three spellings of time that signatures meet: ISO 8601 basic, ISO 8601 extended and the HTTP date.
//!
//! Invariant: everything is UTC and whole seconds since the epoch.

use time::format_description::FormatItem;
use time::macros::format_description;
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time};

static HTTP_DATE: &[FormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

/// Reads `YYYYMMDDTHHMMSSZ`.
pub(super) fn parse_basic(text: &str) -> Option<i64> {
    let bytes: &[u8; 16] = text.as_bytes().try_into().ok()?;
    let [y1, y2, y3, y4, mo1, mo2, d1, d2, b'T', h1, h2, mi1, mi2, s1, s2, b'Z'] = *bytes else {
        return None;
    };
    let two = |tens: u8, ones: u8| {
        (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
    };
    let year = i32::from(two(y1, y2)?) * 100 + i32::from(two(y3, y4)?);
    let month = Month::try_from(two(mo1, mo2)?).ok()?;
    let date = Date::from_calendar_date(year, month, two(d1, d2)?).ok()?;
    let time = Time::from_hms(two(h1, h2)?, two(mi1, mi2)?, two(s1, s2)?).ok()?;
    Some(PrimitiveDateTime::new(date, time).assume_utc().unix_timestamp())
}

/// Reads a `Date` header: RFC 9110's form, or the basic form, which AWS takes there too.
pub(super) fn parse_date_header(text: &str) -> Option<i64> {
    let http = || PrimitiveDateTime::parse(text, HTTP_DATE).ok();
    parse_basic(text).or_else(|| Some(http()?.assume_utc().unix_timestamp()))
}

/// Writes `YYYYMMDDTHHMMSSZ`. Times that no calendar holds become the epoch.
pub(super) fn basic(secs: i64) -> String {
    let t = moment(secs);
    let (date, time) = (t.date(), t.time());
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// Writes `YYYY-MM-DDTHH:MM:SSZ`.
pub(super) fn extended(secs: i64) -> String {
    let t = moment(secs);
    let (date, time) = (t.date(), t.time());
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        time.hour(),
        time.minute(),
        time.second()
    )
}

fn moment(secs: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(secs).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::{basic, extended, parse_basic, parse_date_header};

    #[test]
    fn the_spellings_agree() {
        let secs = parse_basic("20130524T000000Z").unwrap();
        assert_eq!(parse_date_header("Fri, 24 May 2013 00:00:00 GMT"), Some(secs));
        assert_eq!(parse_date_header("20130524T000000Z"), Some(secs));
        assert_eq!(
            (basic(secs).as_str(), extended(secs).as_str()),
            ("20130524T000000Z", "2013-05-24T00:00:00Z")
        );
    }

    #[test]
    fn what_no_calendar_knows_is_refused() {
        for bad in
            ["", "20130524", "20130532T000000Z", "20131324T000000Z", "20130524T240000Z", "20130524T0000+1Z"]
        {
            assert!(parse_basic(bad).is_none(), "{bad}");
        }
        assert!(parse_date_header("yesterday").is_none());
    }
}
