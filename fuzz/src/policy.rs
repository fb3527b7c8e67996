//! Policy documents: parsed as every kind, and evaluated when they parse.

use std::sync::Arc;
use yakumo_aws::AccountId;
use yakumo_policy::{
    Attached, Context, Document, Policies, PolicyKind, Principal, Request, evaluate, explain,
};

/// Documents that get far.
pub const SEEDS: &[&[u8]] = &[
    br#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]}"#,
    br#"{"Version":"2012-10-17","Id":"x","Statement":{"Sid":"a","Effect":"Deny","Principal":{"AWS":["111111111111","*"]},"NotAction":["s?s:Get*"],"Resource":"arn:aws:sqs:*:*:${aws:username}-*","Condition":{"ForAnyValue:StringLike":{"aws:TagKeys":["a*","?b"]},"IpAddress":{"aws:SourceIp":["10.0.0.0/8","::1/128"]},"DateLessThanIfExists":{"aws:CurrentTime":"2026-01-01T00:00:00Z"},"NumericLessThanEquals":{"s3:max-keys":"10"},"Null":{"aws:MultiFactorAuthAge":"true"},"BinaryEquals":{"k":"aGk="}}}}"#,
];

/// Parses; evaluates and explains what parses.
pub fn document(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let kinds = [
        PolicyKind::Identity,
        PolicyKind::Managed,
        PolicyKind::Resource { service: "sqs" },
        PolicyKind::Trust,
        PolicyKind::Scp,
        PolicyKind::Session,
    ];
    for kind in kinds {
        if let Ok(document) = Document::parse(text, kind) {
            judge(Arc::new(document));
        }
    }
}

fn judge(document: Arc<Document>) {
    let user = Principal::user(AccountId::DEFAULT, "arn:aws:iam::000000000000:user/alice", "AIDAEXAMPLE");
    let mut context = Context::new();
    context
        .put("aws:SourceIp", "10.1.2.3")
        .put("aws:CurrentTime", "2026-01-01T00:00:00Z")
        .put("s3:max-keys", "5");
    context.put_many("aws:TagKeys", ["ab", "cb"]);
    let request = Request {
        principal: &user,
        action: "sqs:SendMessage",
        resource: "arn:aws:sqs:us-east-1:000000000000:alice-jobs",
        resource_account: None,
        context: &context,
    };
    let attached = [Attached { id: "p".into(), holder: "h".into(), document }];
    let [own] = &attached;
    let policies = Policies { identity: &attached, resource: Some(own), ..Policies::default() };
    evaluate(&request, &policies);
    explain(&request, &policies);
}
