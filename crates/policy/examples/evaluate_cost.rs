//! Prints what one decision costs: for ten policies of five statements (the goal is less than 5 µs), and for ten managed
//! policies of fifty statements; each allowed by the very last statement, and denied after all were looked at.
//!
//! Run with `cargo run --release -p yakumo-policy --example evaluate_cost`.

#![allow(clippy::print_stdout, reason = "a measurement for the terminal")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;
use yakumo_aws::AccountId;
use yakumo_policy::{
    Attached, Context, Document, Malformed, Policies, PolicyKind, Principal, Request, evaluate,
};

/// How long one measurement takes about, in nanoseconds.
const BUDGET_NS: u128 = 300_000_000;
/// The best of so many runs counts: what disturbs a run only makes it longer.
const RUNS: usize = 5;

const POLICIES: usize = 10;

fn policy(index: usize, statements: usize) -> Result<Attached, Malformed> {
    let texts: Vec<String> = (0..statements)
        .map(|statement| {
            let last = index == POLICIES - 1 && statement == statements - 1;
            let action = if last { "sqs:Send*" } else { "sqs:Delete*" };
            format!(
                r#"{{"Effect":"Allow","Action":["s3:Get*","dynamodb:Query","{action}"],
                    "Resource":["arn:aws:s3:::bucket-{statement}/*","arn:aws:sqs:*:*:${{aws:username}}-*"],
                    "Condition":{{"Bool":{{"aws:SecureTransport":"false"}},
                                  "StringLike":{{"aws:PrincipalTag/team":"blue*"}}}}}}"#
            )
        })
        .collect();
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, texts.join(","));
    let document = Arc::new(Document::parse(&text, PolicyKind::Managed)?);
    Ok(Attached { id: format!("policy-{index}"), holder: String::new(), document })
}

/// Nanoseconds of one evaluation: the best of some runs.
fn measure(request: &Request<'_>, policies: &Policies<'_>, allowed: bool) -> u128 {
    let run = |rounds: u128| {
        let begin = Instant::now();
        for _ in 0..rounds {
            assert_eq!(evaluate(black_box(request), black_box(policies)).allowed, allowed);
        }
        begin.elapsed().as_nanos() / rounds
    };
    let rounds = BUDGET_NS / RUNS as u128 / run(1_000).max(1);
    (0..RUNS).map(|_| run(rounds.max(1))).min().unwrap_or_default()
}

fn main() -> Result<(), Malformed> {
    let mut principal =
        Principal::user(AccountId::DEFAULT, "arn:aws:iam::000000000000:user/alice", "AIDAEXAMPLE");
    principal.tags.push(("team".into(), "blue-1".into()));
    let mut context = Context::new();
    for index in 0..15 {
        context.put(format!("aws:Key{index}"), "value");
    }
    context.put("aws:SecureTransport", "false").put("aws:SourceIp", "127.0.0.1");
    let allowed = Request {
        principal: &principal,
        action: "sqs:SendMessage",
        resource: "arn:aws:sqs:us-east-1:000000000000:alice-jobs",
        resource_account: None,
        context: &context,
    };
    let denied = Request { resource: "arn:aws:sqs:us-east-1:000000000000:bob-jobs", ..allowed };
    for statements in [5, 50] {
        let identity = (0..POLICIES).map(|index| policy(index, statements)).collect::<Result<Vec<_>, _>>()?;
        let policies = Policies { identity: &identity, ..Policies::default() };
        for (request, allows) in [(&allowed, true), (&denied, false)] {
            let ns = measure(request, &policies, allows);
            let outcome = if allows { "allowed by the last" } else { "denied" };
            println!("{ns:>7} ns  {POLICIES} policies of {statements} statements, {outcome}");
        }
    }
    Ok(())
}
