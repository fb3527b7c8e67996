//! SAML 2.0 as a service provider reads it: metadata of an identity provider, and its signed responses.
//! Free of AWS's nouns; what they mean to STS is in `sts/assume_role_with_saml.rs`.

pub(crate) mod canonical;
pub(crate) mod metadata;
pub(crate) mod response;
pub(crate) mod signature;
pub(crate) mod xml;

use yakumo_aws::Timestamp;

/// The namespace of assertions.
pub(crate) const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// The namespace of responses.
pub(crate) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// The namespace of metadata.
pub(crate) const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
/// The namespace of signatures.
pub(crate) const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";

/// An `xs:dateTime` in UTC, as SAML Core 1.3.3 asks for; fractions of a second are dropped.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    let (date, clock) = text.trim().strip_suffix('Z')?.split_once('T')?;
    let clock = clock.split_once('.').map_or(clock, |(clock, _)| clock);
    let number = |part: &str, digits: usize| -> Option<i64> {
        (part.len() == digits && part.bytes().all(|c| c.is_ascii_digit())).then(|| part.parse().ok())?
    };
    let mut date = date.split('-');
    let (year, month, day) = (number(date.next()?, 4)?, number(date.next()?, 2)?, number(date.next()?, 2)?);
    let mut clock = clock.split(':');
    let (hour, minute, second) =
        (number(clock.next()?, 2)?, number(clock.next()?, 2)?, number(clock.next()?, 2)?);
    let fits =
        (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 61;
    if !fits || date.next().is_some() || clock.next().is_some() {
        return None;
    }
    // Days from the civil calendar: https://howardhinnant.github.io/date_algorithms.html
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days =
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    Some(Timestamp::from_secs(((days * 24 + hour) * 60 + minute) * 60 + second))
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_are_utc() {
        for (text, secs) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2024-02-29T12:34:56.789Z", 1_709_210_096),
            ("2000-03-01T00:00:00Z", 951_868_800),
            ("1969-12-31T23:59:59Z", -1),
        ] {
            assert_eq!(time(text).map(yakumo_aws::Timestamp::as_secs), Some(secs), "{text}");
        }
        for text in [
            "",
            "2024-02-29",
            "2024-02-29T12:34:56",
            "2024-02-29T12:34:56+01:00",
            "2024-13-01T00:00:00Z",
            "2024-1-1T0:0:0Z",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
    }
}
