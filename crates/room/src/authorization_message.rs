//! Why a request was denied, as a text that only those can read who may decode it: some services of AWS (EC2 first)
//! put it into their error, and `sts:DecodeAuthorizationMessage` opens it.
//!
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html>

use crate::{Ctx, Decided};
use serde_json::{Value, json};
use yakumo_aws::{AccountId, Error, Result};
use yakumo_policy::{PrincipalKind, Verdict};

/// How many bytes of condition keys a message may hold: an encoded one has at most 10,240 characters.
const CONDITIONS_BYTES_MAX: usize = 4_096;

impl Ctx {
    /// The last denial of this request, encoded. The account of the caller and that of the resource may decode it.
    ///
    /// # Errors
    /// When nothing was denied, which is a fault of the room that asks.
    pub async fn encode_authorization_message(&self) -> Result<String> {
        let (account, text) = {
            let decided = self.decided();
            let denied = decided.iter().rev().find(|decided| !decided.decision.allowed);
            let denied = denied.ok_or_else(|| Error::internal("there is no denial to encode"))?;
            (denied.caller.account, denied.authorization_message().to_string())
        };
        self.world().principals.seal(account, &text).await
    }
}

impl Decided {
    /// The decision in the form that AWS's decoded messages have.
    pub fn authorization_message(&self) -> Value {
        let principal = &self.caller.principal;
        let explicit = matches!(self.decision.verdict, Verdict::ExplicitDeny(_));
        let statements: Vec<Value> = match explicit {
            true => self.explain().matched.into_iter().map(|found| {
                json!({ "statementId": found.sid.unwrap_or_default(), "effect": format!("{:?}", found.effect).to_uppercase() })
            }).collect(),
            false => Vec::new(),
        };
        json!({
            "allowed": self.decision.allowed,
            "explicitDeny": explicit,
            "matchedStatements": { "items": statements },
            "failures": { "items": [] },
            "context": {
                "principal": {
                    "id": principal.user_id,
                    "name": name(&principal.kind, &principal.arn),
                    "arn": principal.arn,
                },
                "action": self.need.action,
                "resource": self.need.resource,
                "conditions": { "items": self.conditions() },
            },
        })
    }

    /// The condition keys of the request, as many as fit.
    fn conditions(&self) -> Vec<Value> {
        let context = self.context();
        let mut left = CONDITIONS_BYTES_MAX;
        let mut items = Vec::new();
        for (key, values) in context.iter() {
            let values: Vec<Value> =
                values.as_slice().iter().map(|value| json!({ "value": value.as_ref() as &str })).collect();
            let item = json!({ "key": key, "values": { "items": values } });
            match left.checked_sub(item.to_string().len()) {
                Some(rest) => left = rest,
                None => continue,
            }
            items.push(item);
        }
        items
    }
}

fn name<'a>(kind: &'a PrincipalKind, arn: &'a str) -> &'a str {
    match kind {
        PrincipalKind::AssumedRole { session_name, .. } => session_name,
        _ => arn.rsplit(['/', ':']).next().unwrap_or_default(),
    }
}

/// For tests and worlds without the iam room.
pub(crate) fn nobody_seals(_account: AccountId) -> Error {
    Error::internal("nobody here seals authorization messages")
}
