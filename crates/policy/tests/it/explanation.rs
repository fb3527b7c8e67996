//! `explain` names the policy, the statement and the element that decided.

use crate::cases::*;
use yakumo_policy::{Attached, Context, Miss, Policies, PolicyKind, PolicyType, Request, Verdict, explain};

fn check(identity: &[Attached], resource: Option<&Attached>) -> yakumo_policy::Explanation {
    let mut context = Context::new();
    context.put("aws:SourceIp", "198.51.100.7");
    let user = user();
    let request = Request {
        principal: &user,
        action: "sqs:SendMessage",
        resource: QUEUE,
        resource_account: Some(account(HERE)),
        context: &context,
    };
    explain(&request, &Policies { identity, resource, ..Policies::default() })
}

#[test]
fn the_nearest_statement_comes_first_with_every_miss() {
    let policy = attached(
        PolicyKind::Identity,
        r#"{"Sid":"Far","Effect":"Allow","Action":"s3:*","Resource":"*"},
           {"Sid":"Near","Effect":"Allow","Action":"sqs:*","Resource":"*",
            "Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"},
                         "StringEquals":{"aws:PrincipalTag/team":"${aws:ResourceTag/team}"}}},
           {"Sid":"Other","Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:*:*:${aws:PrincipalTag/queue}"}"#,
    );
    let story = check(&[policy], None);
    assert_eq!(story.verdict, Verdict::ImplicitDeny(PolicyType::Identity));
    let sids: Vec<_> = story.nearest.iter().map(|reason| reason.sid.as_deref().unwrap()).collect();
    assert_eq!(sids, ["Near", "Other", "Far"]);
    assert_eq!(
        story.nearest[0].misses[0],
        Miss::Condition {
            operator: "IpAddress".into(),
            key: "aws:SourceIp".into(),
            wanted: vec!["203.0.113.0/24".into()],
            found: Some(vec!["198.51.100.7".into()]),
            unresolved: None,
        }
    );
    let text = story.to_string();
    for part in [
        "is denied to arn:aws:iam::111122223333:user/carlos: no statement allows it in any identity-based policy",
        "the condition IpAddress aws:SourceIp wants 203.0.113.0/24 and the request has 198.51.100.7",
        "the variable aws:principaltag/queue has no value here",
        "the action sqs:SendMessage does not match Action s3:*",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn an_allow_and_a_deny_name_their_statement() {
    let allow = attached(PolicyKind::Identity, &says("Allow", "sqs:*"));
    let story = check(std::slice::from_ref(&allow), None);
    assert!(story.allowed && story.nearest.is_empty());
    assert!(
        story.summary.contains("is allowed by statement 0 of the identity-based policy p of h"),
        "{}",
        story.summary
    );
    let deny = attached(PolicyKind::Resource { service: "sqs" }, &names("Deny", &aws(USER)));
    let story = check(&[allow], Some(&deny));
    assert_eq!(story.verdict, Verdict::ExplicitDeny(PolicyType::Resource));
    assert_eq!(story.matched.len(), 1);
    assert!(
        story.summary.contains("is denied by statement 0 of the resource-based policy p"),
        "{}",
        story.summary
    );
}
