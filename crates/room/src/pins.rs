//! The users and roles that a resource's policy names, held by the unique ids that they had when it was saved.
//!
//! Invariant: a new user or role with the name of a deleted one is not trusted by policies from before.
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>

use crate::Ctx;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use yakumo_aws::{Error, Result};
use yakumo_policy::Document;

/// ARNs of users and roles with their unique ids (`AIDA…`, `AROA…`); a room keeps them beside the policy's text.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pins(BTreeMap<String, String>);

impl Pins {
    /// Whether the policy names no user or role.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Looks up everybody whom a policy names, to be saved with it.
    ///
    /// AWS: a role session need not exist yet, but its role must; a federated user is known by name only.
    ///
    /// # Errors
    /// What `unknown` makes of the first ARN that is nobody's.
    pub async fn find(
        ctx: &Ctx,
        document: &Document,
        unknown: impl Fn(&str) -> Error + Send,
    ) -> Result<Pins> {
        let mut pins = BTreeMap::new();
        for arn in document.principal_arns() {
            match ctx.world().principals.unique_id(arn).await? {
                Some(id) => drop(pins.insert(arn.to_owned(), id)),
                None if arn.contains(":federated-user/") => {}
                None => return Err(unknown(arn)),
            }
        }
        Ok(Pins(pins))
    }

    /// Puts the unique ids into the compiled policy.
    pub fn hold(&self, document: &mut Document) {
        document.pin_principals(|arn| self.0.get(arn).cloned());
    }

    /// The text of the policy as it is answered: AWS shows the unique id of whoever does not exist any more.
    pub async fn show(&self, ctx: &Ctx, policy: &str) -> Result<String> {
        let mut gone = BTreeMap::new();
        for (arn, id) in &self.0 {
            if ctx.world().principals.unique_id(arn).await?.as_ref() != Some(id) {
                gone.insert(arn.as_str(), id.as_str());
            }
        }
        if gone.is_empty() {
            return Ok(policy.to_owned());
        }
        let mut json = serde_json::from_str(policy).map_err(Error::internal)?;
        replace(&mut json, &gone);
        Ok(json.to_string())
    }
}

/// Replaces principals in all statements of a policy.
fn replace(policy: &mut Value, gone: &BTreeMap<&str, &str>) {
    let statements = match policy.get_mut("Statement") {
        Some(Value::Array(statements)) => statements.as_mut_slice(),
        Some(statement) => std::slice::from_mut(statement),
        None => &mut [],
    };
    for statement in statements {
        for element in ["Principal", "NotPrincipal"] {
            let named = statement.get_mut(element).and_then(|element| element.get_mut("AWS"));
            let names = match named {
                Some(Value::Array(names)) => names.as_mut_slice(),
                Some(name) => std::slice::from_mut(name),
                None => &mut [],
            };
            for name in names {
                if let Some(id) = name.as_str().and_then(|arn| gone.get(arn)) {
                    *name = Value::from(*id);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::replace;
    use serde_json::json;
    use std::collections::BTreeMap;

    #[test]
    fn only_principals_are_replaced() {
        let gone = BTreeMap::from([("arn:aws:iam::111122223333:user/bob", "AIDAEXAMPLEEXAMPLE")]);
        let bob = "arn:aws:iam::111122223333:user/bob";
        let amy = "arn:aws:iam::111122223333:user/amy";
        let mut policy = json!({ "Statement": [
            { "Principal": { "AWS": [bob, amy] }, "Condition": { "ArnEquals": { "aws:PrincipalArn": bob } } },
            { "NotPrincipal": { "AWS": bob } },
            { "Principal": "*" },
        ] });
        replace(&mut policy, &gone);
        let expected = json!({ "Statement": [
            { "Principal": { "AWS": ["AIDAEXAMPLEEXAMPLE", amy] }, "Condition": { "ArnEquals": { "aws:PrincipalArn": bob } } },
            { "NotPrincipal": { "AWS": "AIDAEXAMPLEEXAMPLE" } },
            { "Principal": "*" },
        ] });
        assert_eq!(policy, expected);
        let mut single = json!({ "Statement": { "Principal": { "AWS": bob } } });
        replace(&mut single, &gone);
        assert_eq!(single["Statement"]["Principal"]["AWS"], "AIDAEXAMPLEEXAMPLE");
    }
}
