//! Builders that the tables share.

use std::sync::Arc;
use yakumo_aws::AccountId;
use yakumo_policy::{
    Attached, Context, Decision, Document, Explanation, Policies, PolicyKind, PolicyType, Principal, Request,
    Verdict, evaluate, explain,
};

pub const HERE: &str = "111122223333";
pub const THERE: &str = "444455556666";
pub const USER: &str = "arn:aws:iam::111122223333:user/carlos";
pub const ROLE: &str = "arn:aws:iam::111122223333:role/app/reader";
pub const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/reader/s1";
pub const FEDERATED: &str = "arn:aws:sts::111122223333:federated-user/web";
pub const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:q";

pub fn account(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

pub fn user() -> Principal {
    Principal::user(account(HERE), USER, "AIDAEXAMPLEEXAMPLE")
}

pub fn session() -> Principal {
    Principal::assumed_role("aws", account(HERE), ROLE, "AROAEXAMPLEEXAMPLE", "s1")
}

pub fn federated() -> Principal {
    Principal::federated_user("aws", account(HERE), USER, "web")
}

pub fn root() -> Principal {
    Principal::root("aws", account(HERE))
}

pub fn attached(kind: PolicyKind<'_>, statements: &str) -> Attached {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    let document = Document::parse(&text, kind).unwrap_or_else(|error| panic!("{error}: {text}"));
    Attached { id: "p".into(), holder: "h".into(), document: Arc::new(document) }
}

/// A statement of an identity policy over one action and every resource.
pub fn says(effect: &str, action: &str) -> String {
    format!(r#"{{"Effect":"{effect}","Action":"{action}","Resource":"*"}}"#)
}

/// A statement of a resource policy over `sqs:SendMessage` and one principal.
pub fn names(effect: &str, principal: &str) -> String {
    format!(r#"{{"Effect":"{effect}","Action":"sqs:SendMessage","Resource":"*","Principal":{principal}}}"#)
}

pub fn aws(principal: &str) -> String {
    format!(r#"{{"AWS":"{principal}"}}"#)
}

/// The policies of one case as statements; empty text means that there is no such policy.
#[derive(Debug, Clone, Default)]
pub struct Case {
    pub identity: String,
    pub boundary: Option<String>,
    pub session: Option<String>,
    pub resource: Option<String>,
    pub trust: Option<String>,
    pub key: Option<String>,
    pub scps: Vec<Vec<String>>,
    pub rcps: Vec<Vec<String>>,
    pub endpoint: Option<String>,
    pub owner: Option<&'static str>,
}

impl Case {
    pub fn decide(&self, principal: &Principal) -> Decision {
        self.ask(principal, evaluate)
    }

    pub fn explain(&self, principal: &Principal) -> Explanation {
        self.ask(principal, explain)
    }

    fn ask<T>(&self, principal: &Principal, question: impl Fn(&Request<'_>, &Policies<'_>) -> T) -> T {
        let action = if self.trust.is_some() { "sts:AssumeRole" } else { "sqs:SendMessage" };
        let context = Context::new();
        let request = Request {
            principal,
            action,
            resource: QUEUE,
            resource_account: Some(account(self.owner.unwrap_or(HERE))),
            context: &context,
        };
        let list = |kind, text: &str| if text.is_empty() { Vec::new() } else { vec![attached(kind, text)] };
        let identity = list(PolicyKind::Identity, &self.identity);
        let boundary = self.boundary.as_ref().map(|text| attached(PolicyKind::Boundary, text));
        let session = self.session.as_ref().map(|text| list(PolicyKind::Session, text));
        let resource =
            (self.resource.as_ref().map(|text| attached(PolicyKind::Resource { service: "sqs" }, text)))
                .or(self.trust.as_ref().map(|text| attached(PolicyKind::Trust, text)))
                .or(self.key.as_ref().map(|text| attached(PolicyKind::Resource { service: "kms" }, text)));
        let levels = |kind, levels: &[Vec<String>]| -> Vec<Vec<Attached>> {
            levels.iter().map(|level| level.iter().map(|text| attached(kind, text)).collect()).collect()
        };
        // Control policies are evaluated whatever they say; what Organizations accepts is the grammar's business.
        let rcps = levels(PolicyKind::Resource { service: "sqs" }, &self.rcps);
        let scps = levels(PolicyKind::Scp, &self.scps);
        let endpoint = self.endpoint.as_ref().map(|text| attached(PolicyKind::VpcEndpoint, text));
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
        question(&request, &policies)
    }
}

pub fn allow(policy_type: PolicyType) -> Verdict {
    Verdict::Allow(policy_type)
}

pub fn implicit(policy_type: PolicyType) -> Verdict {
    Verdict::ImplicitDeny(policy_type)
}

pub fn explicit(policy_type: PolicyType) -> Verdict {
    Verdict::ExplicitDeny(policy_type)
}
