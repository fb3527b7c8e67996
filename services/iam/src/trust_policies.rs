//! Trust policies: what is checked when one is saved, and how it is kept.

use crate::error;
use crate::state::PARTITION;
use crate::state::grants::policy_chars;
use serde_json::Value;
use yakumo_aws::{AccountId, Result};
use yakumo_policy::{Document, PolicyKind};
use yakumo_room::{Ctx, Pins};

/// AWS: the default quota of a trust policy's length.
const CHARS_MAX: usize = 2_048;

/// Checks a trust policy and finds the unique ids of the users and roles that it names.
pub(crate) async fn pins(ctx: &Ctx, trust: &str) -> Result<Pins> {
    let document = Document::parse(trust, PolicyKind::Trust).map_err(error::malformed)?;
    if policy_chars(trust) > CHARS_MAX {
        return Err(error::quota("ACLSizePerRole", CHARS_MAX));
    }
    Pins::find(ctx, &document, error::invalid_principal).await
}

/// The text with accounts named by ARN.
/// AWS: an account that is named by its number alone is kept as the ARN of its root user:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-accounts>
pub(crate) fn with_arns(text: &str) -> String {
    let Ok(mut json) = serde_json::from_str::<Value>(text) else { return text.to_owned() };
    let mut numbers: Vec<String> = Vec::new();
    for principal in principals(&mut json) {
        let Some(number) = principal.as_str().filter(|name| AccountId::parse(name).is_some()) else {
            continue;
        };
        numbers.push(number.to_owned());
        *principal = Value::from(root(number));
    }
    if numbers.is_empty() {
        return text.to_owned();
    }
    // The order of members and the white space stay where each number stands in principals only.
    let mut kept = text.to_owned();
    for number in &numbers {
        let quoted = format!("\"{number}\"");
        let named = numbers.iter().filter(|other| *other == number).count();
        if text.matches(&quoted).count() != named {
            return json.to_string();
        }
        kept = kept.replace(&quoted, &format!("\"{}\"", root(number)));
    }
    kept
}

fn root(number: &str) -> String {
    format!("arn:{PARTITION}:iam::{number}:root")
}

/// Whom the statements of a policy name by `AWS`.
fn principals(policy: &mut Value) -> Vec<&mut Value> {
    let statements = match policy.get_mut("Statement") {
        Some(Value::Array(statements)) => statements.as_mut_slice(),
        Some(statement) => std::slice::from_mut(statement),
        None => &mut [],
    };
    let named = |statement| Value::get_mut(statement, "Principal").and_then(|it| it.get_mut("AWS"));
    let mut all = Vec::new();
    for names in statements.iter_mut().filter_map(named) {
        match names {
            Value::Array(names) => all.extend(names),
            name => all.push(name),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::with_arns;

    #[test]
    fn accounts_are_named_by_arn() {
        let one = r#"{"Version":"2012-10-17", "Statement":{"Principal":{"AWS":"111122223333"}}}"#;
        let arn =
            r#"{"Version":"2012-10-17", "Statement":{"Principal":{"AWS":"arn:aws:iam::111122223333:root"}}}"#;
        assert_eq!(with_arns(one), arn);
        assert_eq!(with_arns(arn), arn);
        let two = r#"{"Statement":[{"Principal":{"AWS":["111122223333","*"]}},{"Principal":{"AWS":"111122223333"}}]}"#;
        assert_eq!(with_arns(two), two.replace("111122223333", "arn:aws:iam::111122223333:root"));
        let elsewhere = r#"{"Statement":{"Principal":{"AWS":"111122223333"},"Condition":{"StringEquals":{"aws:PrincipalAccount":"111122223333"}}}}"#;
        let kept = with_arns(elsewhere);
        assert!(kept.contains(r#""AWS":"arn:aws:iam::111122223333:root""#));
        assert!(kept.contains(r#""aws:PrincipalAccount":"111122223333""#));
        assert_eq!(with_arns(r#"{"Statement":{"Principal":"*"}}"#), r#"{"Statement":{"Principal":"*"}}"#);
    }
}
