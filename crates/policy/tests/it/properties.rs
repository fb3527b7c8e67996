//! Laws that hold for every combination of policies.

use crate::cases::*;
use proptest::prelude::*;
use yakumo_policy::{Decision, Principal};

fn identity_statement() -> impl Strategy<Value = String> {
    let action =
        prop_oneof![Just("sqs:*"), Just("sqs:SendMessage"), Just("s3:*"), Just("*"), Just("sqs:Delete?*")];
    let resource = prop_oneof![
        Just(QUEUE),
        Just("*"),
        Just("arn:aws:sqs:*:*:other"),
        Just("arn:aws:sqs:*:${aws:PrincipalAccount}:q")
    ];
    let condition = prop_oneof![
        Just(""),
        Just(r#","Condition":{"StringEquals":{"aws:username":"carlos"}}"#),
        Just(r#","Condition":{"StringNotEquals":{"aws:PrincipalTag/x":"y"}}"#),
        Just(r#","Condition":{"Null":{"aws:SourceIp":"false"}}"#),
    ];
    let allow_or_deny = prop_oneof![4 => Just("Allow"), 1 => Just("Deny")];
    (allow_or_deny, action, resource, condition).prop_map(|(effect, action, resource, condition)| {
        format!(r#"{{"Effect":"{effect}","Action":"{action}","Resource":"{resource}"{condition}}}"#)
    })
}

fn resource_statement() -> impl Strategy<Value = String> {
    let principal = prop_oneof![Just(HERE), Just(THERE), Just(USER), Just(ROLE), Just(SESSION), Just("*")];
    let allow_or_deny = prop_oneof![4 => Just("Allow"), 1 => Just("Deny")];
    (allow_or_deny, principal).prop_map(|(effect, principal)| names(effect, &aws(principal)))
}

fn joined(statement: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    proptest::collection::vec(statement, 1..4).prop_map(|statements| statements.join(","))
}

fn case() -> impl Strategy<Value = Case> {
    let identity = || joined(identity_statement());
    let maybe = || proptest::option::of(identity());
    let resource = proptest::option::of(joined(resource_statement()));
    let owner = prop_oneof![Just(HERE), Just(THERE)];
    let scps = proptest::collection::vec(proptest::collection::vec(identity(), 1..2), 0..3);
    (identity(), maybe(), maybe(), resource, scps, owner).prop_map(
        |(identity, boundary, session, resource, scps, owner)| Case {
            identity,
            boundary,
            session,
            resource,
            scps,
            owner: Some(owner),
            ..Case::default()
        },
    )
}

fn principal() -> impl Strategy<Value = Principal> {
    prop_oneof![Just(user()), Just(session()), Just(federated()), Just(root()), Just(Principal::anonymous())]
}

/// The case with one more statement that surely applies, at the place that `pick` says.
fn with_statement(case: &Case, pick: u8, effect: &str) -> Case {
    let mut case = case.clone();
    let extra = says(effect, "sqs:SendMessage");
    let append = |text: &mut String, more: &str| *text = format!("{text},{more}");
    match (pick % 4, &mut case) {
        (0, Case { identity, .. }) => append(identity, &extra),
        (1, Case { boundary: Some(text), .. }) | (2, Case { session: Some(text), .. }) => {
            append(text, &extra)
        }
        (3, Case { resource: Some(text), .. }) => append(text, &names(effect, "\"*\"")),
        (_, Case { identity, .. }) => append(identity, &extra),
    }
    case
}

fn more_permissive(before: &Decision, after: &Decision) -> bool {
    !before.allowed || after.allowed
}

proptest! {
    #[test]
    fn an_explicit_deny_always_wins(case in case(), principal in principal(), pick in any::<u8>()) {
        prop_assert!(!with_statement(&case, pick, "Deny").decide(&principal).allowed);
    }

    #[test]
    fn another_allow_never_turns_allowed_into_denied(case in case(), principal in principal(), pick in any::<u8>()) {
        let (before, after) = (case.decide(&principal), with_statement(&case, pick, "Allow").decide(&principal));
        prop_assert!(more_permissive(&before, &after), "{before:?} {after:?}");
    }

    #[test]
    fn another_limit_never_turns_denied_into_allowed(case in case(), principal in principal()) {
        let unlimited = Case { boundary: None, session: None, scps: Vec::new(), ..case.clone() };
        prop_assert!(more_permissive(&case.decide(&principal), &unlimited.decide(&principal)));
    }
}
