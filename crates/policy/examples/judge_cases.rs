//! Reads authorisation cases as JSON lines and prints one decision a line: our side of the differential test.
//!
//! Run by `crates/policy/differential/run.sh`, which compares the answers with an independent simulator's.

#![allow(clippy::print_stdout, reason = "its answers are for the program that runs it")]

use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::BufRead;
use std::sync::Arc;
use yakumo_aws::AccountId;
use yakumo_policy::{
    Attached, Context, Document, Policies, PolicyKind, Principal, Request, Verdict, evaluate,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    id: u64,
    family: String,
    principal: Who,
    action: String,
    resource: String,
    owner: String,
    context: BTreeMap<String, OneOrMany>,
    tags: BTreeMap<String, String>,
    identity: Vec<Value>,
    boundary: Option<Value>,
    session: Option<Value>,
    resource_policy: Option<Value>,
    scps: Vec<Vec<Value>>,
    rcps: Vec<Vec<Value>>,
    endpoint: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Who {
    kind: String,
    arn: String,
    id: String,
    account: Option<String>,
    role_arn: Option<String>,
    user_arn: Option<String>,
    session_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

type Outcome<T> = Result<T, Box<dyn Error>>;

impl Who {
    fn principal(&self) -> Outcome<Principal> {
        let account = self.account.as_deref().and_then(AccountId::parse);
        let own = || account.ok_or("the caller needs an account");
        let text = |field: &Option<String>| field.clone().ok_or("a member of the caller is missing");
        Ok(match self.kind.as_str() {
            "root" => Principal::root("aws", own()?),
            "user" => Principal::user(own()?, self.arn.as_str(), self.id.as_str()),
            "role" => Principal::assumed_role(
                "aws",
                own()?,
                text(&self.role_arn)?,
                &self.id,
                &text(&self.session_name)?,
            ),
            "federated-user" => {
                let name = self.arn.rsplit('/').next().unwrap_or_default();
                Principal::federated_user("aws", own()?, text(&self.user_arn)?, name)
            }
            "service" => Principal::service(self.arn.as_str()),
            "anonymous" => Principal::anonymous(),
            other => return Err(format!("no such caller: {other}").into()),
        })
    }
}

fn attach(policy: &Value, kind: PolicyKind<'_>) -> Outcome<Attached> {
    let document =
        Document::parse(&policy.to_string(), kind).map_err(|error| format!("{kind:?}: {error}"))?;
    Ok(Attached { id: "policy".into(), holder: "holder".into(), document: Arc::new(document) })
}

fn attach_all(policies: &[Value], kind: PolicyKind<'_>) -> Outcome<Vec<Attached>> {
    policies.iter().map(|policy| attach(policy, kind)).collect()
}

fn judge(case: &Case) -> Outcome<&'static str> {
    let mut principal = case.principal.principal()?;
    principal.tags = case.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut context = Context::new();
    for (key, values) in &case.context {
        match values {
            OneOrMany::One(value) => context.put(key.as_str(), value.as_str()),
            OneOrMany::Many(values) => context.put_many(key.as_str(), values.iter().map(String::as_str)),
        };
    }
    let service = case.action.split(':').next().unwrap_or_default();
    let kind = if case.family == "trust" { PolicyKind::Trust } else { PolicyKind::Resource { service } };
    let identity = attach_all(&case.identity, PolicyKind::Identity)?;
    let one = |policy: &Option<Value>, kind| policy.as_ref().map(|policy| attach(policy, kind)).transpose();
    let boundary = one(&case.boundary, PolicyKind::Boundary)?;
    let session = one(&case.session, PolicyKind::Session)?.map(|policy| vec![policy]);
    let resource = one(&case.resource_policy, kind)?;
    let endpoint = one(&case.endpoint, PolicyKind::VpcEndpoint)?;
    let scps = case.scps.iter().map(|list| attach_all(list, PolicyKind::Scp)).collect::<Outcome<Vec<_>>>()?;
    let mut rcps =
        case.rcps.iter().map(|list| attach_all(list, PolicyKind::Rcp)).collect::<Outcome<Vec<_>>>()?;
    for level in &mut rcps {
        level.push(full_access()?);
    }
    let request = Request {
        principal: &principal,
        action: &case.action,
        resource: &case.resource,
        resource_account: AccountId::parse(&case.owner),
        context: &context,
    };
    let policies = Policies {
        identity: &identity,
        boundary: boundary.as_ref(),
        session: session.as_deref(),
        resource: resource.as_ref(),
        scps: &scps,
        rcps: &rcps,
        endpoint: endpoint.as_ref(),
        ..Policies::default()
    };
    Ok(match evaluate(&request, &policies).verdict {
        Verdict::Allow(_) => "Allowed",
        Verdict::ExplicitDeny(_) => "ExplicitlyDenied",
        Verdict::ImplicitDeny(_) => "ImplicitlyDenied",
    })
}

/// `RCPFullAWSAccess`, which hangs everywhere.
fn full_access() -> Outcome<Attached> {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]
    });
    attach(&policy, PolicyKind::Rcp)
}

fn main() -> Outcome<()> {
    for line in std::io::stdin().lock().lines() {
        let case: Case = serde_json::from_str(&line?)?;
        let answer = match judge(&case) {
            Ok(outcome) => json!({"id": case.id, "outcome": outcome}),
            Err(error) => json!({"id": case.id, "outcome": "Error", "error": error.to_string()}),
        };
        println!("{answer}");
    }
    Ok(())
}
