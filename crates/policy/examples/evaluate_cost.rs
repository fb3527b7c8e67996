//! Prints what one evaluation costs: ten policies of five statements, the allowing one last, with conditions.
//!
//! Run with `cargo run --release -p yakumo-policy --example evaluate_cost`.

#![allow(clippy::print_stdout, reason = "a measurement for the terminal")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;
use yakumo_aws::AccountId;
use yakumo_policy::{Attached, Context, Document, Policies, PolicyKind, Principal, Request, evaluate};

const ROUNDS: u32 = 200_000;

fn policy(index: usize) -> Result<Attached, yakumo_policy::Malformed> {
    let statements: Vec<String> = (0..5)
        .map(|statement| {
            let last = index == 9 && statement == 4;
            let action = if last { "sqs:Send*" } else { "sqs:Delete*" };
            format!(
                r#"{{"Effect":"Allow","Action":["s3:Get*","dynamodb:Query","{action}"],
                    "Resource":["arn:aws:s3:::bucket-{statement}/*","arn:aws:sqs:*:*:${{aws:username}}-*"],
                    "Condition":{{"Bool":{{"aws:SecureTransport":"false"}},
                                  "StringLike":{{"aws:PrincipalTag/team":"blue*"}}}}}}"#
            )
        })
        .collect();
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
    let document = Arc::new(Document::parse(&text, PolicyKind::Managed)?);
    Ok(Attached { id: format!("policy-{index}"), holder: String::new(), document })
}

fn main() -> Result<(), yakumo_policy::Malformed> {
    let identity = (0..10).map(policy).collect::<Result<Vec<_>, _>>()?;
    let mut principal =
        Principal::user(AccountId::DEFAULT, "arn:aws:iam::000000000000:user/alice", "AIDAEXAMPLE");
    principal.tags.push(("team".into(), "blue-1".into()));
    let mut context = Context::new();
    for index in 0..15 {
        context.put(format!("aws:Key{index}"), "value");
    }
    context.put("aws:SecureTransport", "false").put("aws:SourceIp", "127.0.0.1");
    let request = Request {
        principal: &principal,
        action: "sqs:SendMessage",
        resource: "arn:aws:sqs:us-east-1:000000000000:alice-jobs",
        resource_account: None,
        context: &context,
    };
    let policies = Policies { identity: &identity, ..Policies::default() };
    let begin = Instant::now();
    let mut allowed = 0u32;
    for _ in 0..ROUNDS {
        allowed += u32::from(evaluate(black_box(&request), black_box(&policies)).allowed);
    }
    let ns = begin.elapsed().as_nanos() / u128::from(ROUNDS);
    println!("{ns} ns per evaluation (10 policies of 5 statements), {allowed} of {ROUNDS} allowed");
    Ok(())
}
