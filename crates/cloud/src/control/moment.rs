//! Points in time as texts, RFC 3339 in UTC with milliseconds.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use yakumo_aws::Timestamp;

/// The last millisecond that RFC 3339 can write: 9999-12-31T23:59:59.999Z.
pub(crate) const LAST_MILLIS: i64 = 253_402_300_799_999;

/// `2027-01-31T12:00:00.000Z`.
pub(crate) fn write(timestamp: Timestamp) -> String {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let nanos = i128::from(timestamp.as_millis()) * 1_000_000;
    let text =
        OffsetDateTime::from_unix_timestamp_nanos(nanos).ok().and_then(|time| time.format(format).ok());
    text.unwrap_or_else(|| format!("{} ms after the epoch", timestamp.as_millis()))
}

/// Reads RFC 3339; `None` when it is something else.
pub(crate) fn read(text: &str) -> Option<Timestamp> {
    let nanos = OffsetDateTime::parse(text, &Rfc3339).ok()?.unix_timestamp_nanos();
    i64::try_from(nanos.div_euclid(1_000_000)).ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use super::{LAST_MILLIS, read, write};
    use yakumo_aws::Timestamp;

    #[test]
    fn what_was_written_is_read() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (LAST_MILLIS, "9999-12-31T23:59:59.999Z"),
        ] {
            let timestamp = Timestamp::from_millis(millis);
            assert_eq!((write(timestamp).as_str(), read(text)), (text, Some(timestamp)));
        }
        assert_eq!(read("2027-01-31T12:00:00+01:00").map(write).as_deref(), Some("2027-01-31T11:00:00.000Z"));
        assert_eq!((read("2027-01-31"), read("")), (None, None));
    }
}
