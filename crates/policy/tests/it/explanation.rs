//! `explain` names the policy, the statement and the element that decided.

use crate::cases::*;
use yakumo_policy::{
    Attached, Change, Context, Document, MetCondition, Miss, Policies, PolicyKind, PolicyType, Request,
    Verdict, explain,
};

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

#[test]
fn remedies_name_every_missing_permission_and_every_deny() {
    let shown = |case: &Case, principal: &yakumo_policy::Principal| -> Vec<String> {
        case.explain(principal).remedies.iter().map(ToString::to_string).collect()
    };
    let on = "allows sqs:SendMessage on arn:aws:sqs:us-east-1:111122223333:q";
    assert_eq!(shown(&Case::default(), &user()), [format!("an identity-based policy {on}")]);
    let abroad = Case { owner: Some(THERE), boundary: Some(says("Allow", "s3:*")), ..Case::default() };
    assert_eq!(
        shown(&abroad, &session()),
        [format!(
            "a resource-based policy {on} to {ROLE}, and an identity-based policy {on}, and a permissions boundary {on}"
        )]
    );
    let either = Case { resource: Some(names("Allow", &aws(THERE))), ..Case::default() };
    assert_eq!(
        shown(&either, &session()),
        [format!("an identity-based policy {on}"), format!("a resource-based policy {on} to {ROLE}")]
    );
    let denied = Case {
        identity: format!("{},{}", says("Allow", "*"), says("Deny", "sqs:*")),
        scps: vec![vec![says("Allow", "s3:*")]],
        ..Case::default()
    };
    assert_eq!(
        shown(&denied, &user()),
        [format!(
            "statement 1 of the identity-based policy p of h no longer denies it, and a service control policy {on}"
        )]
    );
    assert!(shown(&Case { identity: says("Allow", "*"), ..Case::default() }, &user()).is_empty());
}

#[test]
fn a_condition_that_would_do_is_named_with_its_values() {
    let near = r#"{"Effect":"Allow","Action":"sqs:*","Resource":"*",
                   "Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#;
    let case = Case { identity: format!("{near},{}", says("Allow", "s3:*")), ..Case::default() };
    let remedies = case.explain(&user()).remedies;
    let Change::AddAllow { near, .. } = &remedies[0].steps[0].change else { panic!("{remedies:?}") };
    let condition = Miss::Condition {
        operator: "Bool".into(),
        key: "aws:MultiFactorAuthPresent".into(),
        wanted: vec!["true".into()],
        found: None,
        unresolved: None,
    };
    assert_eq!(near.iter().map(|reason| reason.misses.clone()).collect::<Vec<_>>(), [vec![condition]]);
    let deny =
        r#"{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Null":{"aws:SourceVpce":"true"}}}"#;
    let case = Case { identity: format!("{deny},{}", says("Allow", "*")), ..Case::default() };
    let remedies = case.explain(&user()).remedies;
    let Change::LiftDeny { met, .. } = &remedies[0].steps[0].change else { panic!("{remedies:?}") };
    let expected = MetCondition {
        operator: "Null".into(),
        key: "aws:SourceVpce".into(),
        wanted: vec!["true".into()],
        found: None,
    };
    assert_eq!(met, &[expected]);
}

#[test]
fn a_policy_that_is_held_for_an_earlier_bearer_of_a_name_is_known() {
    const BOB: &str = "arn:aws:iam::111122223333:user/bob";
    let text = r#"{"Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*",
        "Principal":{"AWS":["arn:aws:iam::111122223333:user/bob","999999999999"]}}}"#;
    let mut document = Document::parse(text, PolicyKind::Resource { service: "sqs" }).unwrap();
    assert!(!document.is_held_for_another(BOB, "AIDANEWNEWNEWNEW"), "nothing is held yet");
    document.pin_principals(|arn| (arn == BOB).then(|| "AIDAOLDOLDOLDOLD".to_owned()));
    assert!(document.is_held_for_another(BOB, "AIDANEWNEWNEWNEW"));
    assert!(!document.is_held_for_another(BOB, "AIDAOLDOLDOLDOLD"));
    assert!(!document.is_held_for_another("arn:aws:iam::111122223333:user/amy", "AIDANEWNEWNEWNEW"));
}
