//! The policy document of a form: until when it holds, and what its fields may say.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::ops::RangeInclusive;
use yakumo_aws::{Error, Result, Timestamp};

/// Fields that no condition needs to name: the proof itself, and what is to be ignored.
const UNNAMED: [&str; 5] = ["policy", "signature", "x-amz-signature", "awsaccesskeyid", "file"];

/// A policy document, read.
pub struct Policy {
    ends_s: i64,
    conditions: Vec<Condition>,
}

enum Condition {
    Equal(String, String),
    StartsWith(String, String),
    Length(RangeInclusive<u64>),
}

fn invalid(text: &str) -> Error {
    Error::sender("InvalidPolicyDocument", format!("Invalid Policy: {text}"))
}

fn denied(text: &str) -> Error {
    Error::sender("AccessDenied", format!("Invalid according to Policy: {text}")).with_status(403)
}

impl Policy {
    /// Reads a policy document in Base64.
    ///
    /// # Errors
    /// What is no policy document.
    pub fn parse(text: &str) -> Result<Policy> {
        let bytes = STANDARD.decode(text).map_err(|_| invalid("Invalid Base64."))?;
        let policy: Value = serde_json::from_slice(&bytes).map_err(|_| invalid("Invalid JSON."))?;
        let object = policy.as_object().ok_or_else(|| invalid("Invalid JSON."))?;
        let find = |wanted: &str| {
            object.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
        };
        let end = find("expiration").ok_or_else(|| invalid("Policy missing expiration."))?;
        let ends_s = end.as_str().and_then(seconds).ok_or_else(|| {
            invalid(&format!("Invalid 'expiration' value: '{}'", end.as_str().unwrap_or_default()))
        })?;
        let conditions = find("conditions").ok_or_else(|| invalid("Policy missing conditions."))?;
        let conditions = conditions.as_array().ok_or_else(|| invalid("Conditions must be a list."))?;
        let mut read = Vec::new();
        for condition in conditions {
            Condition::read(condition, &mut read)?;
        }
        Ok(Policy { ends_s, conditions: read })
    }

    /// Holds the fields of a form against the conditions; gives how many bytes the file may have. The bucket is among
    /// the fields; `bucket_is_implied` says that the form did not name it, so that no condition must either.
    ///
    /// # Errors
    /// AccessDenied, naming the condition that failed.
    pub fn check(
        &self,
        fields: &[(String, String)],
        bucket_is_implied: bool,
        now: Timestamp,
    ) -> Result<RangeInclusive<u64>> {
        if now.as_secs() > self.ends_s {
            return Err(denied("Policy expired."));
        }
        let value = |wanted: &str| {
            let found = fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map_or("", |(_, value)| value.as_str())
        };
        let mut lengths = 0..=u64::MAX;
        for condition in &self.conditions {
            let (holds, shown) = match condition {
                Condition::Equal(name, wanted) => (value(name) == wanted, ("eq", name, wanted)),
                Condition::StartsWith(name, start) => {
                    (starts(name, value(name), start), ("starts-with", name, start))
                }
                Condition::Length(range) => {
                    lengths = *range.start().max(lengths.start())..=*range.end().min(lengths.end());
                    continue;
                }
            };
            if !holds {
                let (operator, name, wanted) = shown;
                return Err(denied(&format!(
                    "Policy Condition failed: [\"{operator}\", \"${name}\", \"{wanted}\"]"
                )));
            }
        }
        let extra: Vec<&str> = fields
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| !(self.names(name) || bucket_is_implied && *name == "bucket"))
            .collect();
        match extra.is_empty() {
            true => Ok(lengths),
            false => Err(denied(&format!("Extra input fields: {}", extra.join(", ")))),
        }
    }

    fn names(&self, field: &str) -> bool {
        let field = field.to_ascii_lowercase();
        UNNAMED.contains(&field.as_str())
            || field.starts_with("x-ignore-")
            || self.conditions.iter().any(|condition| match condition {
                Condition::Equal(name, _) | Condition::StartsWith(name, _) => {
                    name.eq_ignore_ascii_case(&field)
                }
                Condition::Length(_) => false,
            })
    }
}

/// AWS: a content type may be a list, each member of which must begin so.
fn starts(name: &str, value: &str, start: &str) -> bool {
    match name.eq_ignore_ascii_case("content-type") {
        true => value.split(',').all(|one| one.trim_start().starts_with(start)),
        false => value.starts_with(start),
    }
}

impl Condition {
    fn read(condition: &Value, into: &mut Vec<Condition>) -> Result<()> {
        if let Value::Object(simple) = condition {
            let mut members = simple.iter();
            let (Some((name, value)), None) = (members.next(), members.next()) else {
                let text =
                    "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.";
                return Err(invalid(text));
            };
            let value =
                value.as_str().ok_or_else(|| invalid("Invalid Simple-Condition: value must be a string."))?;
            into.push(Condition::Equal(name.clone(), value.to_owned()));
            return Ok(());
        }
        let wrong = || invalid("Invalid Condition: must be of the form [operation, key, value].");
        let [operator, first, second] = condition.as_array().ok_or_else(wrong)?.as_slice() else {
            return Err(wrong());
        };
        let operator = operator.as_str().ok_or_else(wrong)?.to_ascii_lowercase();
        if operator == "content-length-range" {
            let number = |value: &Value| {
                value
                    .as_u64()
                    .or_else(|| value.as_str()?.parse().ok())
                    .ok_or_else(|| invalid("Invalid content-length-range: arguments must be integers."))
            };
            into.push(Condition::Length(number(first)?..=number(second)?));
            return Ok(());
        }
        let name = first.as_str().and_then(|name| name.strip_prefix('$')).ok_or_else(wrong)?.to_owned();
        let value = second.as_str().ok_or_else(wrong)?.to_owned();
        into.push(match operator.as_str() {
            "eq" => Condition::Equal(name, value),
            "starts-with" => Condition::StartsWith(name, value),
            _ => return Err(invalid("Invalid Condition: unknown operation.")),
        });
        Ok(())
    }
}

/// The seconds since the epoch of `2026-01-31T12:00:00Z`, with or without a fraction.
pub fn seconds(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let time = time.split('.').next()?;
    let mut time = time.splitn(3, ':').map(str::parse::<i64>);
    let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
    let fits = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !fits {
        return None;
    }
    // Days since the epoch of a date of the Gregorian calendar, counted in years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 719_469;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::{Policy, seconds};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use yakumo_aws::Timestamp;

    fn check(conditions: &str, fields: &[(&str, &str)], expected: Result<(u64, u64), &str>) {
        let text = format!("{{\"expiration\":\"2026-01-01T00:00:00.000Z\",\"conditions\":{conditions}}}");
        let fields: Vec<_> = fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let now = Timestamp::from_secs(1_767_225_600);
        let outcome =
            Policy::parse(&STANDARD.encode(text)).and_then(|policy| policy.check(&fields, false, now));
        let outcome = outcome.map(|range| (*range.start(), *range.end())).map_err(|error| error.message);
        assert_eq!(outcome.as_ref().map_err(|text| &**text), expected.as_ref().map_err(|text| *text));
    }

    #[test]
    fn conditions() {
        let all = Ok((0, u64::MAX));
        check("[]", &[], all);
        check(r#"[{"acl":"private"}]"#, &[("acl", "private"), ("policy", "x"), ("x-ignore-a", "b")], all);
        check(
            r#"[{"acl":"private"}]"#,
            &[("acl", "public-read")],
            Err("Invalid according to Policy: Policy Condition failed: [\"eq\", \"$acl\", \"private\"]"),
        );
        check(
            r#"[["starts-with","$key","user/"]]"#,
            &[("key", "other/a")],
            Err(
                "Invalid according to Policy: Policy Condition failed: [\"starts-with\", \"$key\", \"user/\"]",
            ),
        );
        check(r#"[["starts-with","$Key","user/"],["eq","$tagging",""]]"#, &[("key", "user/a")], all);
        check(r#"[["starts-with","$Content-Type","image/"]]"#, &[("content-type", "image/a, image/b")], all);
        check(
            r#"[["starts-with","$Content-Type","image/"]]"#,
            &[("content-type", "image/a, text/html")],
            Err("Invalid according to Policy: Policy Condition failed: \
                 [\"starts-with\", \"$Content-Type\", \"image/\"]"),
        );
        check(
            "[]",
            &[("key", "a"), ("acl", "b")],
            Err("Invalid according to Policy: Extra input fields: key, acl"),
        );
        check(r#"[["content-length-range",1,"9"],["content-length-range",0,5]]"#, &[], Ok((1, 5)));
        let text = "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.";
        check(r#"[{"a":"b","c":"d"}]"#, &[], Err(text));
    }

    #[test]
    fn the_end() {
        let policy =
            Policy::parse(&STANDARD.encode(r#"{"expiration":"2026-01-01T00:00:00Z","conditions":[]}"#));
        let policy = policy.unwrap();
        assert!(policy.check(&[], false, Timestamp::from_secs(1_767_225_600)).is_ok());
        let late = policy.check(&[], false, Timestamp::from_secs(1_767_225_601)).unwrap_err();
        assert_eq!(late.message, "Invalid according to Policy: Policy expired.");
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-29T12:30:45.5Z", Some(951_827_445)),
            ("2026-13-01T00:00:00Z", None),
            ("2026-01-01", None),
            ("999999999999999999-01-01T00:00:00Z", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
