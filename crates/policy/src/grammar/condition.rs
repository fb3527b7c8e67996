//! The `Condition` element.

use super::{Dialect, Malformed, action, member, object};
use crate::condition::Condition;
use crate::json::Json;

pub(super) fn parse(
    members: &[(String, Json)],
    dialect: &Dialect<'_>,
) -> Result<Box<[Condition]>, Malformed> {
    let Some(json) = member(members, "Condition") else { return Ok(Box::default()) };
    let operators = object(json).ok_or_else(|| dialect.error("Condition must be an object"))?;
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        let keys = object(keys).ok_or_else(|| dialect.error("Condition must be an object"))?;
        for (key, values) in keys {
            if !dialect.names_principals() && !key.contains(':') {
                return Err(action::prefaced());
            }
            let wanted =
                values.as_list().iter().map(|value| scalar(value, dialect)).collect::<Result<_, _>>()?;
            let condition = Condition::compile(operator, key, wanted, dialect.variables);
            conditions.push(condition.ok_or_else(|| unknown(operator, dialect))?);
        }
        // An operator without keys is still checked for its name.
        if keys.is_empty() && Condition::compile(operator, "", Vec::new(), false).is_none() {
            return Err(unknown(operator, dialect));
        }
    }
    Ok(conditions.into())
}

fn unknown(operator: &str, dialect: &Dialect<'_>) -> Malformed {
    dialect.error(format!("Invalid Condition type : {operator}"))
}

/// AWS: "Quotation marks are optional for numeric and Boolean values".
fn scalar(json: &Json, dialect: &Dialect<'_>) -> Result<String, Malformed> {
    match json {
        Json::Text(text) | Json::Number(text) => Ok(text.clone()),
        Json::Bool(value) => Ok(value.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => Err(dialect.error("Invalid condition value")),
    }
}
