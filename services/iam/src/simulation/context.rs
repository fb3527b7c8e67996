//! `ContextEntries`: the condition keys of a simulation, each checked against its type.

use crate::error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::net::IpAddr;
use yakumo_api_iam::ContextEntry;
use yakumo_aws::Result;
use yakumo_policy::Context;

/// The keys and values that the request gives.
pub(crate) fn context(entries: Option<&[ContextEntry]>) -> Result<Context<'static>> {
    let mut context = Context::new();
    for entry in entries.unwrap_or_default() {
        let name = entry.context_key_name.as_deref().unwrap_or_default();
        let values = entry.context_key_values.as_deref().unwrap_or_default();
        let kind = entry.context_key_type.as_deref().unwrap_or_default();
        if name.is_empty() || kind.is_empty() {
            return Err(error::invalid_context_key(name));
        }
        if context.get(name).is_some() {
            return Err(error::invalid_input(format!("Duplicate context key {name}.")));
        }
        let (single, many) = match kind.strip_suffix("List") {
            Some(single) => (single, true),
            None => (kind, false),
        };
        if let Some(wrong) = values.iter().find(|value| !is_of_type(single, value)) {
            return Err(error::invalid_context_value(name, kind, wrong));
        }
        match (values, many) {
            ([value], false) => context.put(name.to_owned(), value.clone()),
            (_, true) => context.put_many(name.to_owned(), values.iter().cloned()),
            _ => return Err(error::invalid_input(format!("Context key {name} must have one value."))),
        };
    }
    Ok(context)
}

fn is_of_type(kind: &str, value: &str) -> bool {
    match kind {
        "string" => true,
        "numeric" => value.parse::<f64>().is_ok_and(f64::is_finite),
        "boolean" => value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false"),
        "ip" => value.parse::<IpAddr>().is_ok(),
        "binary" => STANDARD.decode(value).is_ok(),
        "date" => is_date(value),
        _ => false,
    }
}

/// A date of ISO 8601 such as `2026-11-22` or `2026-11-22T10:00:00Z`, or seconds since 1970.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_Date>
fn is_date(value: &str) -> bool {
    let epoch = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let day = value.get(..10).unwrap_or_default();
    let dashes = day.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    let rest = value.get(10..).unwrap_or_default();
    epoch || (day.len() == 10 && dashes && (rest.is_empty() || rest.starts_with('T')))
}

#[cfg(test)]
mod tests {
    use super::context;
    use yakumo_api_iam::ContextEntry;

    fn entry(kind: &str, values: &[&str]) -> ContextEntry {
        ContextEntry {
            context_key_name: Some("aws:Key".into()),
            context_key_values: Some(values.iter().map(|value| value.to_string()).collect()),
            context_key_type: Some(kind.into()),
        }
    }

    #[test]
    fn values_are_of_their_type() {
        for (kind, good, bad) in [
            ("numeric", "1.5", "ten"),
            ("boolean", "True", "yes"),
            ("ip", "2001:db8::1", "10.0.0"),
            ("binary", "QmluYXJ5", "*"),
            ("date", "2026-11-22T10:00:00Z", "tomorrow"),
            ("date", "1577836800", "2026-1-1"),
        ] {
            assert!(context(Some(&[entry(kind, &[good])])).is_ok(), "{kind} {good}");
            assert!(context(Some(&[entry(kind, &[bad])])).is_err(), "{kind} {bad}");
            let list = format!("{kind}List");
            assert!(context(Some(&[entry(&list, &[good, good])])).is_ok(), "{list}");
            assert!(context(Some(&[entry(&list, &[good, bad])])).is_err(), "{list}");
        }
    }

    #[test]
    fn one_value_or_a_list_and_each_key_once() {
        assert!(context(Some(&[entry("string", &["a"])])).is_ok());
        assert!(context(Some(&[entry("string", &["a", "b"])])).is_err());
        assert!(context(Some(&[entry("string", &[])])).is_err());
        assert!(context(Some(&[entry("stringList", &[])])).is_ok());
        assert!(context(Some(&[entry("string", &["a"]), entry("string", &["b"])])).is_err());
        assert!(context(Some(&[ContextEntry::default()])).is_err());
    }
}
