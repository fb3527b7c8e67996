//! One compiled condition: an operator, a key, and the policy's values.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html>

use crate::arn_pattern::ArnPattern;
use crate::date;
use crate::network::Cidr;
use crate::operator::{Comparison, Operator, Order, Quantifier};
use crate::pattern::{Case, Pattern, Syntax};
use crate::subject::{Found, Subject};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// The left-over bits of the last character are not looked at, so that a text equals itself whoever encoded it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// One line of a `Condition` block.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    operator: Operator,
    operator_name: Box<str>,
    key: Box<str>,
    key_name: Box<str>,
    wanted: Box<[Box<str>]>,
    operands: Operands,
}

/// The policy's values, parsed. What cannot be parsed for the operator is left out: it matches nothing.
#[derive(Debug, Clone)]
enum Operands {
    Text(Box<[Pattern]>, Case),
    Number(Order, Box<[f64]>),
    Date(Order, Box<[i64]>),
    Binary(Box<[Vec<u8>]>),
    Ip(Box<[Cidr]>),
    Arn(Box<[ArnPattern]>),
    Bool(Box<[Pattern]>),
    Null(Box<[bool]>),
}

impl Condition {
    /// Compiles one condition; `None` when there is no operator of that name.
    pub(crate) fn compile(
        operator_name: &str,
        key: &str,
        wanted: Vec<String>,
        variables: bool,
    ) -> Option<Condition> {
        let operator = Operator::parse(operator_name)?;
        let operands = Operands::compile(operator.comparison, &wanted, variables);
        Some(Condition {
            operator,
            operator_name: operator_name.into(),
            key: key.to_lowercase().into(),
            key_name: key.into(),
            wanted: wanted.into_iter().map(String::into_boxed_str).collect(),
            operands,
        })
    }

    /// The operator as written.
    pub(crate) fn operator_name(&self) -> &str {
        &self.operator_name
    }

    /// The key as written.
    pub(crate) fn key_name(&self) -> &str {
        &self.key_name
    }

    /// The policy's values as written.
    pub(crate) fn wanted(&self) -> Vec<String> {
        self.wanted.iter().map(|value| value.to_string()).collect()
    }

    /// The request's values of this condition's key.
    pub(crate) fn found(&self, subject: &Subject<'_>) -> Vec<String> {
        subject.lookup(&self.key).to_vec()
    }

    /// Whether the condition is true for the request.
    ///
    /// AWS: several values of the policy are joined by OR, under a negated operator by NOR; a missing key is false,
    /// under a negated operator or `IfExists` true, under `ForAllValues` true, under `ForAnyValue` false.
    pub(crate) fn holds(&self, subject: &Subject<'_>) -> bool {
        let found = subject.lookup(&self.key);
        if let Operands::Null(wanted) = &self.operands {
            return wanted.contains(&found.is_absent());
        }
        let Operator { quantifier, negated, if_exists, .. } = self.operator;
        let passes = |value: &str| self.operands.matches(value, subject) != negated;
        match quantifier {
            _ if found.is_absent() && if_exists => true,
            Quantifier::ForAny if found.is_null_set() => false,
            Quantifier::ForAll if found.is_null_set() => true,
            // AWS: a variable without a value makes the statement invalid, under a negated operator too
            // (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>).
            _ if negated && self.has_unresolved(subject) => false,
            Quantifier::Plain if found.is_absent() => negated,
            // A plain operator on a key with several values takes the negation of "one of them matches".
            Quantifier::Plain => found.any(|value| self.operands.matches(value, subject)) != negated,
            Quantifier::ForAny => found.any(passes),
            Quantifier::ForAll => !found.any(|value| !passes(value)),
        }
    }

    fn has_unresolved(&self, subject: &Subject<'_>) -> bool {
        match &self.operands {
            Operands::Text(patterns, _) => {
                patterns.iter().any(|pattern| pattern.unresolved(subject).is_some())
            }
            Operands::Arn(patterns) => patterns.iter().any(|pattern| pattern.unresolved(subject).is_some()),
            _ => false,
        }
    }

    /// The first policy variable in the values that the request cannot fill.
    pub(crate) fn unresolved(&self, subject: &Subject<'_>) -> Option<String> {
        let key = match &self.operands {
            Operands::Text(patterns, _) | Operands::Bool(patterns) => {
                patterns.iter().find_map(|pattern| pattern.unresolved(subject))
            }
            Operands::Arn(patterns) => patterns.iter().find_map(|pattern| pattern.unresolved(subject)),
            _ => None,
        };
        key.map(str::to_owned)
    }

    /// Whether the request has the key at all.
    pub(crate) fn key_is_absent(&self, subject: &Subject<'_>) -> bool {
        matches!(subject.lookup(&self.key), Found::Absent | Found::Many([]))
    }
}

impl Operands {
    fn compile(comparison: Comparison, wanted: &[String], variables: bool) -> Operands {
        let texts = |wildcards: bool, case: Case| {
            let syntax = Syntax { wildcards, variables };
            Operands::Text(wanted.iter().map(|text| Pattern::compile(text, syntax)).collect(), case)
        };
        match comparison {
            Comparison::Text => texts(false, Case::Sensitive),
            Comparison::TextLike => texts(true, Case::Sensitive),
            Comparison::TextIgnoreCase => texts(false, Case::Insensitive),
            // AWS: the page on operators lets `Bool` have variables; the one on variables does not.
            Comparison::Bool => {
                let syntax = Syntax { wildcards: false, variables };
                Operands::Bool(wanted.iter().map(|text| Pattern::compile(text, syntax)).collect())
            }
            Comparison::Number(order) => Operands::Number(order, wanted.iter().filter_map(number).collect()),
            Comparison::Date(order) => {
                Operands::Date(order, wanted.iter().filter_map(|text| date::parse(text)).collect())
            }
            Comparison::Binary => {
                Operands::Binary(wanted.iter().filter_map(|text| BASE64.decode(text).ok()).collect())
            }
            Comparison::Ip => Operands::Ip(wanted.iter().filter_map(|text| Cidr::parse(text)).collect()),
            Comparison::Arn => {
                Operands::Arn(wanted.iter().map(|text| ArnPattern::compile(text, variables)).collect())
            }
            Comparison::Null => Operands::Null(wanted.iter().filter_map(boolean).collect()),
        }
    }

    /// Whether one of the policy's values matches this value of the request.
    fn matches(&self, value: &str, subject: &Subject<'_>) -> bool {
        match self {
            Operands::Text(patterns, case) => {
                patterns.iter().any(|pattern| pattern.matches(value, *case, subject))
            }
            Operands::Number(order, wanted) => {
                number(value).is_some_and(|found| wanted.iter().any(|wanted| order.holds(&found, wanted)))
            }
            Operands::Date(order, wanted) => date::parse(value)
                .is_some_and(|found| wanted.iter().any(|wanted| order.holds(&found, wanted))),
            // The request's binary values are in base 64, as in AWS's policy simulator.
            Operands::Binary(wanted) => BASE64.decode(value).is_ok_and(|found| wanted.contains(&found)),
            Operands::Ip(wanted) => {
                value.parse().is_ok_and(|found| wanted.iter().any(|range| range.contains(found)))
            }
            Operands::Arn(wanted) => wanted.iter().any(|pattern| pattern.matches(value, subject)),
            Operands::Bool(patterns) => {
                let equals = |pattern: &Pattern| pattern.matches(value, Case::Insensitive, subject);
                boolean(value).is_some() && patterns.iter().any(equals)
            }
            Operands::Null(_) => false,
        }
    }
}

/// An integer or decimal number: no exponent, no `inf`, no `NaN`, no hexadecimal, no spaces.
fn number(text: impl AsRef<str>) -> Option<f64> {
    let text = text.as_ref();
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = match unsigned.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(unsigned),
    };
    text.parse().ok().filter(|value: &f64| plain && value.is_finite())
}

fn boolean(text: impl AsRef<str>) -> Option<bool> {
    let text = text.as_ref();
    match (text.eq_ignore_ascii_case("true"), text.eq_ignore_ascii_case("false")) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Condition;
    use crate::{Context, Principal, Request, subject::Subject};
    use yakumo_aws::AccountId;

    /// `key` is absent (`None`), has one value, or several separated by `|`.
    fn check(operator: &str, wanted: &[&str], found: Option<&str>) -> bool {
        let mut context = Context::new();
        match found {
            Some(values) if values.contains('|') => {
                context.put_many("x:Key", values.split('|').filter(|value| !value.is_empty()));
            }
            Some(value) => {
                context.put("x:Key", value);
            }
            None => {}
        }
        let account = AccountId::DEFAULT;
        let principal = Principal::user(account, "arn:aws:iam::000000000000:user/alice", "AIDAX");
        let request = Request {
            principal: &principal,
            action: "s3:GetObject",
            resource: "*",
            resource_account: None,
            context: &context,
        };
        let wanted = wanted.iter().map(|text| text.to_string()).collect();
        let condition = Condition::compile(operator, "X:key", wanted, true).unwrap();
        condition.holds(&Subject { request: &request, bounded: false })
    }

    #[test]
    fn every_operator_and_its_refusal() {
        for (operator, wanted, yes, no) in [
            ("StringEquals", "a", "a", "A"),
            ("StringEquals", "a*", "a*", "ab"),
            ("StringNotEquals", "a", "b", "a"),
            ("StringEqualsIgnoreCase", "Straße", "STRAßE", "strase"),
            ("StringNotEqualsIgnoreCase", "a", "b", "A"),
            ("StringLike", "a*c", "abc", "ab"),
            ("StringNotLike", "a*c", "ab", "abc"),
            ("StringLike", "home/${aws:username}/*", "home/alice/x", "home/bob/x"),
            ("NumericEquals", "10", "10.0", "11"),
            ("NumericNotEquals", "10", "11", "10"),
            ("NumericLessThan", "10", "9.5", "10"),
            ("NumericLessThanEquals", "10", "10", "10.1"),
            ("NumericGreaterThan", "10", "100", "1e2"),
            ("NumericGreaterThanEquals", "10", "10", "nan"),
            ("DateEquals", "2020-01-01T00:00:00Z", "1577836800", "1577836801"),
            ("DateNotEquals", "2020-01-01", "2020-01-02T00:00:00Z", "2020-01-01T00:00:00Z"),
            ("DateLessThan", "2020-01-02", "2020-01-01T23:59:59Z", "2020-01-02T00:00:00Z"),
            ("DateLessThanEquals", "2020-01-02", "2020-01-02T00:00:00Z", "2020-01-02T00:00:01Z"),
            ("DateGreaterThan", "2020-01-02", "2020-01-02T00:00:01Z", "2020-01-02T00:00:00Z"),
            ("DateGreaterThanEquals", "2020-01-02", "2020-01-02T00:00:00Z", "2020-01-01T00:00:00Z"),
            ("Bool", "true", "TRUE", "false"),
            ("Bool", "False", "false", "0"),
            ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5"),
            ("IpAddress", "203.0.113.0/24", "203.0.113.9", "203.0.114.9"),
            ("NotIpAddress", "2001:db8::/32", "2001:db9::1", "2001:db8::1"),
            ("ArnEquals", "arn:aws:sns:*:1:t*", "arn:aws:sns:r:1:topic", "arn:aws:sns:r:2:topic"),
            ("ArnLike", "arn:aws:sns:*:1:t?", "arn:aws:sns:r:1:tx", "arn:aws:sns:r:x:1:tx"),
            ("ArnNotEquals", "arn:aws:sns:*:1:t", "arn:aws:sns:r:1:x", "arn:aws:sns:r:1:t"),
            ("ArnNotLike", "arn:aws:sns:*:1:t*", "arn:aws:sns:r:1:x", "arn:aws:sns:r:1:tx"),
            ("Null", "false", "anything", "|"),
        ] {
            assert!(check(operator, &[wanted], Some(yes)), "{operator} {wanted} {yes}");
            assert!(!check(operator, &[wanted], Some(no)), "{operator} {wanted} {no}");
        }
    }

    #[test]
    fn a_missing_key() {
        for (operator, expected) in [
            ("StringEquals", false),
            ("StringNotEquals", true),
            ("StringEqualsIfExists", true),
            ("StringNotEqualsIfExists", true),
            ("NumericNotEquals", true),
            ("NotIpAddress", true),
            ("Bool", false),
            ("BoolIfExists", true),
            ("ForAllValues:StringEquals", true),
            ("ForAllValues:StringNotEquals", true),
            ("ForAnyValue:StringEquals", false),
            ("ForAnyValue:StringNotEquals", false),
            ("ForAnyValue:StringEqualsIfExists", true),
        ] {
            assert_eq!(check(operator, &["a"], None), expected, "{operator}");
            assert_eq!(check(operator, &["a"], Some("|")), expected, "{operator} on an empty set");
        }
        assert!(check("Null", &["true"], None));
        assert!(!check("Null", &["false"], None));
    }

    #[test]
    fn several_values_on_both_sides() {
        for (operator, found, expected) in [
            ("StringEquals", "c|a", true),
            ("StringEquals", "c|d", false),
            ("StringNotEquals", "c|a", false),
            ("StringNotEquals", "c|d", true),
            ("ForAllValues:StringEquals", "a|b", true),
            ("ForAllValues:StringEquals", "a|c", false),
            ("ForAnyValue:StringEquals", "a|c", true),
            ("ForAnyValue:StringEquals", "c|d", false),
            ("ForAllValues:StringNotEquals", "c|d", true),
            ("ForAllValues:StringNotEquals", "a|c", false),
            ("ForAnyValue:StringNotEquals", "a|c", true),
            ("ForAnyValue:StringNotEquals", "a|b", false),
        ] {
            assert_eq!(check(operator, &["a", "b"], Some(found)), expected, "{operator} {found}");
        }
        for (operator, expected) in [("ForAllValues:StringEquals", true), ("ForAnyValue:StringEquals", false)]
        {
            assert_eq!(check(operator, &["a", ""], Some("")), expected, "{operator} on an empty text");
        }
        // Under a negated operator the policy's values are joined by NOR.
        assert!(!check("StringNotEquals", &["a", "b"], Some("b")));
    }

    #[test]
    fn what_cannot_be_parsed_matches_nothing() {
        assert!(!check("NumericEquals", &["ten"], Some("ten")));
        assert!(!check("IpAddress", &["1.2.3.4/99"], Some("1.2.3.4")));
        assert!(!check("IpAddress", &["1.2.3.0/24"], Some("1.2.3")));
        assert!(!check("StringEquals", &["${aws:missing}"], Some("${aws:missing}")));
        assert!(check("StringEquals", &["${aws:missing, 'none'}"], Some("none")));
        assert!(!check("StringEquals", &["${aws:missing,'none'}"], Some("none")), "a comma and a space");
        assert!(!check("Bool", &["1"], Some("1")));
        assert!(check("Bool", &["${aws:no, 'true'}"], Some("True")));
        assert!(!check("Bool", &["${aws:username}"], Some("alice")));
        assert!(check("BinaryEquals", &["qq=="], Some("qq==")));
        for operator in ["StringNotEquals", "StringNotLike", "ArnNotLike", "ForAllValues:StringNotEquals"] {
            let value = "arn:aws:s3:::${aws:missing}";
            assert!(!check(operator, &[value], Some("arn:aws:s3:::x")), "{operator}");
            assert!(check(operator, &["arn:aws:s3:::${aws:username}"], Some("arn:aws:s3:::x")), "{operator}");
        }
        assert!(check("StringNotEqualsIfExists", &["${aws:missing}"], None));
        assert!(check("StringEquals", &["${x:Key}"], Some("a")));
        assert!(
            !check("ForAnyValue:StringEquals", &["${x:Key}"], Some("a|")),
            "a key that may have several values"
        );
    }
}
