//! Message attributes: their names, types and values.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>

use crate::error;
use crate::queue::body::{Attribute, AttributeValue};
use crate::queue::text::invalid_character;
use std::collections::BTreeMap;
use yakumo_api_sqs::MessageAttributeValue;
use yakumo_aws::Result;

const ATTRIBUTES_MAX: usize = 10;
const NAME_MAX_BYTES: usize = 256;

/// Checks the attributes of a message; gives them sorted by name.
pub fn check(given: &BTreeMap<String, MessageAttributeValue>) -> Result<Vec<Attribute<'_>>> {
    if given.len() > ATTRIBUTES_MAX {
        let count = given.len();
        return Err(error::invalid_parameter_text(format!(
            "Number of message attributes [{count}] exceeds the allowed maximum [{ATTRIBUTES_MAX}]."
        )));
    }
    given.iter().map(|(name, value)| attribute(name, value)).collect()
}

fn attribute<'a>(name: &'a str, given: &'a MessageAttributeValue) -> Result<Attribute<'a>> {
    check_name(name)?;
    let data_type = &*given.data_type;
    let has_lists = |list: Option<usize>| list.is_some_and(|length| length > 0);
    if has_lists(given.string_list_values.as_ref().map(Vec::len))
        || has_lists(given.binary_list_values.as_ref().map(Vec::len))
    {
        // AWS: API_MessageAttributeValue.html: "Not implemented. Reserved for future use."
        let text = "Message attribute list values in SendMessage operation are not supported.";
        return Err(error::unsupported_operation(text));
    }
    let base = data_type.split('.').next().unwrap_or_default();
    if !matches!(base, "String" | "Number" | "Binary") || data_type.len() > NAME_MAX_BYTES {
        return Err(error::invalid_parameter_text(format!(
            "The type of message (user) attribute '{name}' is invalid. You must use only the following supported \
             type prefixes: Binary, Number, String."
        )));
    }
    let empty = || {
        let text =
            format!("Message (user) attribute '{name}' must contain a non-empty value of type '{base}'.");
        error::invalid_parameter_text(text)
    };
    let value = if base == "Binary" {
        AttributeValue::Binary(
            given.binary_value.as_deref().filter(|bytes| !bytes.is_empty()).ok_or_else(empty)?,
        )
    } else {
        let text = given.string_value.as_deref().filter(|text| !text.is_empty()).ok_or_else(empty)?;
        if let Some(character) = invalid_character(text) {
            return Err(error::invalid_message_contents(character, &format!("message attribute '{name}'")));
        }
        if base == "Number" && !is_number(text) {
            let text = format!("Can't cast the value of message (user) attribute '{name}' to a number.");
            return Err(error::invalid_parameter_text(text));
        }
        AttributeValue::Text(text)
    };
    Ok(Attribute { name, data_type, value })
}

fn check_name(name: &str) -> Result<()> {
    let refuse = |reason: &str| {
        Err(error::invalid_parameter_text(format!(
            "Message (user) attribute name '{name}' is invalid. {reason}"
        )))
    };
    let has_prefix =
        |prefix: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    if name.is_empty() {
        return Err(error::invalid_parameter_text(
            "The request must contain non-empty message attribute names.",
        ));
    }
    if name.len() > NAME_MAX_BYTES {
        return refuse("It can be up to 256 characters long.");
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')) {
        return refuse(
            "It can contain alphanumeric characters and the underscore (_), hyphen (-), and period (.).",
        );
    }
    if name.starts_with('.') || name.ends_with('.') || name.contains("..") {
        return refuse("It must not start or end with a period (.), or have periods in succession (..).");
    }
    if has_prefix("AWS.") || has_prefix("Amazon.") {
        return refuse("It must not start with the reserved prefixes AWS. or Amazon.");
    }
    Ok(())
}

/// Up to 38 digits, with a sign, a fraction and an exponent: between -10^128 and 10^126.
fn is_number(text: &str) -> bool {
    let is_plain =
        text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E'));
    let digits = text.split(['e', 'E']).next().unwrap_or_default();
    let digits = digits.bytes().filter(u8::is_ascii_digit).count();
    is_plain && digits <= 38 && text.parse::<f64>().is_ok_and(|number| (-1e128..=1e126).contains(&number))
}

#[cfg(test)]
mod tests {
    use super::is_number;
    use std::collections::BTreeMap;
    use yakumo_api_sqs::MessageAttributeValue;

    fn check(name: &str, data_type: &str, value: &str, refused: Option<&str>) {
        let mut given = MessageAttributeValue { data_type: data_type.into(), ..Default::default() };
        if data_type.starts_with("Binary") {
            given.binary_value = Some(value.to_owned().into());
        } else {
            given.string_value = Some(value.to_owned());
        }
        let map = BTreeMap::from([(name.to_owned(), given)]);
        let outcome = super::check(&map).map(|_| ()).map_err(|error| error.message);
        assert_eq!(outcome.err().as_deref(), refused, "{name} {data_type} {value}");
    }

    #[test]
    fn attributes_follow_the_rules() {
        check("a", "String", "x", None);
        check("a.b-c_9", "String.own", "x", None);
        check("a", "Number.int", "-12.50", None);
        check("a", "Binary.png", "\0", None);
        check(
            "a",
            "String",
            "",
            Some("Message (user) attribute 'a' must contain a non-empty value of type 'String'."),
        );
        check(
            "a",
            "Binary",
            "",
            Some("Message (user) attribute 'a' must contain a non-empty value of type 'Binary'."),
        );
        let text = "The type of message (user) attribute 'a' is invalid. You must use only the following supported \
                    type prefixes: Binary, Number, String.";
        for bad in ["string", "Set", "", "Strings"] {
            check("a", bad, "x", Some(text));
        }
        check(
            "a",
            "Number",
            "ten",
            Some("Can't cast the value of message (user) attribute 'a' to a number."),
        );
        let bad = |name: &str| check_refused(name);
        for name in ["", ".a", "a.", "a..b", "aws.x", "AMAZON.x", "a b", "ä", &"x".repeat(257)] {
            bad(name);
        }
    }

    fn check_refused(name: &str) {
        let value = MessageAttributeValue {
            data_type: "String".into(),
            string_value: Some("x".into()),
            ..Default::default()
        };
        let map = BTreeMap::from([(name.to_owned(), value)]);
        assert_eq!(super::check(&map).unwrap_err().code, "InvalidParameterValue", "{name}");
    }

    #[test]
    fn numbers() {
        for good in ["0", "-1", "+1.5", "1e3", ".5", &"9".repeat(38)] {
            assert!(is_number(good), "{good}");
        }
        for bad in ["", "x", "inf", "NaN", "1e127", "-1e129", "0x1", "1 ", &"9".repeat(39)] {
            assert!(!is_number(bad), "{bad}");
        }
    }
}
