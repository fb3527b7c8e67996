//! Queue policies: their grammar and their quotas.

use crate::attributes::Attributes;
use crate::error;
use serde_json::Value;
use yakumo_aws::{Error, Result};
use yakumo_policy::{Document, PolicyKind};
use yakumo_room::{Ctx, Pins};

/// The largest policy, in bytes, and its parts.
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-policies.html>
const POLICY_MAX_BYTES: usize = 8_192;
const POLICY_MAX_STATEMENTS: usize = 20;
const POLICY_MAX_ACTIONS: usize = 7;

/// Checks a queue's policy; the empty text removes it.
pub fn check(text: &str) -> Result<Option<String>> {
    if text.is_empty() {
        return Ok(None);
    }
    let kind = PolicyKind::Resource { service: "sqs" };
    if text.len() > POLICY_MAX_BYTES || Document::parse(text, kind).is_err() {
        return Err(error::invalid_attribute_value("Policy"));
    }
    check_quotas(text)?;
    Ok(Some(text.to_owned()))
}

/// The users and roles that a checked policy names. AWS refuses one that names somebody who does not exist.
pub async fn pins(ctx: &Ctx, text: Option<&str>) -> Result<Pins> {
    let Some(text) = text else { return Ok(Pins::default()) };
    Pins::find(ctx, &compile(text)?, |_| error::invalid_attribute_value("Policy")).await
}

/// The policy that counts: a stored one, with the unique ids of those it names.
pub fn in_force(attributes: &Attributes) -> Result<Option<Document>> {
    let Some(text) = &attributes.policy else { return Ok(None) };
    let mut document = compile(text)?;
    attributes.pins.hold(&mut document);
    Ok(Some(document))
}

fn compile(text: &str) -> Result<Document> {
    let document = Document::parse(text, PolicyKind::Resource { service: "sqs" });
    document.map_err(|error| Error::internal(format!("{error:?}")))
}

fn check_quotas(text: &str) -> Result<()> {
    let json: Value = serde_json::from_str(text).map_err(|_| error::invalid_attribute_value("Policy"))?;
    let statements = match json.get("Statement") {
        Some(Value::Array(statements)) => statements.as_slice(),
        Some(statement) => std::slice::from_ref(statement),
        None => &[],
    };
    if statements.len() > POLICY_MAX_STATEMENTS {
        let count = statements.len();
        return Err(error::over_limit(format!(
            "{count} statements were found in the submitted policy, max allowed is {POLICY_MAX_STATEMENTS}"
        )));
    }
    let actions = |statement: &Value| statement.get("Action").and_then(Value::as_array).map_or(1, Vec::len);
    match statements.iter().map(actions).find(|count| *count > POLICY_MAX_ACTIONS) {
        Some(count) => Err(error::over_limit(format!(
            "{count} actions were found in a statement from the submitted policy, max allowed is {POLICY_MAX_ACTIONS}"
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn policies_are_checked() {
        let good = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}]}"#;
        assert_eq!(check(good).unwrap().as_deref(), Some(good));
        assert_eq!(check("").unwrap(), None);
        for bad in
            ["{", "[]", r#"{"Statement":[{"Effect":"Maybe"}]}"#, &format!("{good}{}", " ".repeat(8_192))]
        {
            let error = check(bad).unwrap_err();
            let expected = ("InvalidAttributeValue", "Invalid value for the parameter Policy.");
            assert_eq!((&*error.code, &*error.message), expected, "{bad}");
        }
    }

    #[test]
    fn quotas_are_kept() {
        let statement = |actions: usize| {
            let actions = vec!["sqs:SendMessage"; actions];
            serde_json::json!({ "Effect": "Allow", "Principal": "*", "Action": actions, "Resource": "*" })
        };
        let policy = |statements: Vec<serde_json::Value>| {
            serde_json::json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
        };
        assert!(check(&policy(vec![statement(7); 20])).is_ok());
        let error = check(&policy(vec![statement(8)])).unwrap_err();
        let text = "8 actions were found in a statement from the submitted policy, max allowed is 7";
        assert_eq!((&*error.code, &*error.message), ("OverLimit", text));
        assert_eq!(check(&policy(vec![statement(1); 21])).unwrap_err().code, "OverLimit");
    }
}
