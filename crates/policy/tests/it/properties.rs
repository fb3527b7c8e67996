//! Laws that hold for every combination of policies.

use crate::cases::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use yakumo_policy::{Change, Decision, PolicyType, Principal, Step};

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
    let named = || joined(resource_statement());
    let rcps = proptest::collection::vec(proptest::collection::vec(named(), 1..2), 0..2);
    let endpoint = proptest::option::weighted(0.2, named());
    (identity(), maybe(), maybe(), resource, scps, rcps, endpoint, owner).prop_map(
        |(identity, boundary, session, resource, scps, rcps, endpoint, owner)| Case {
            identity,
            boundary,
            session,
            resource,
            scps,
            rcps,
            endpoint,
            owner: Some(owner),
            ..Case::default()
        },
    )
}

fn principal() -> impl Strategy<Value = Principal> {
    prop_oneof![
        Just(user()),
        Just(session()),
        Just(federated()),
        Just(Principal::federated_user("aws", account(HERE), "arn:aws:iam::111122223333:root", "web")),
        Just(root()),
        Just(Principal::anonymous()),
        Just(Principal::service("sns.amazonaws.com")),
    ]
}

/// The statements of a policy that a case holds as text.
fn statements(text: &str) -> Vec<Value> {
    serde_json::from_str(&format!("[{text}]")).unwrap()
}

fn text(statements: &[Value]) -> String {
    statements.iter().map(Value::to_string).collect::<Vec<_>>().join(",")
}

/// Applies `change` to every policy of the case, one after the other.
fn each_policy(case: &mut Case, mut change: impl FnMut(&mut String)) {
    change(&mut case.identity);
    let Case { boundary, session, resource, endpoint, scps, rcps, .. } = case;
    for text in [boundary, session, resource, endpoint].into_iter().flatten() {
        change(text);
    }
    for text in scps.iter_mut().chain(rcps).flatten() {
        change(text);
    }
}

fn slot<'a>(case: &'a mut Case, step: &Step) -> &'a mut String {
    let level = step.level.unwrap_or(0);
    match step.policy_type {
        PolicyType::Identity => &mut case.identity,
        PolicyType::Boundary => case.boundary.get_or_insert_default(),
        PolicyType::Session => case.session.get_or_insert_default(),
        PolicyType::Resource => case.resource.get_or_insert_default(),
        PolicyType::VpcEndpoint => case.endpoint.get_or_insert_default(),
        PolicyType::Scp => &mut case.scps[level][0],
        PolicyType::Rcp => &mut case.rcps[level][0],
        PolicyType::Trust | PolicyType::Grant | PolicyType::RootUser => {
            panic!("not in these cases: {step:?}")
        }
    }
}

/// Does what the steps of a remedy say: first the new statements, then the denies go, the last one first.
fn apply(case: &Case, steps: &[Step]) -> Case {
    let mut case = case.clone();
    for step in steps {
        if let Change::AddAllow { principal, action, resource, .. } = &step.change {
            let mut statement = json!({"Effect": "Allow", "Action": action, "Resource": resource});
            match principal {
                Some((kind, _)) if kind == "*" => statement["Principal"] = json!("*"),
                Some((kind, name)) => statement["Principal"] = json!({ kind: name }),
                None => {}
            }
            let slot = slot(&mut case, step);
            let mut list = statements(slot);
            list.push(statement);
            *slot = text(&list);
        }
    }
    for step in steps.iter().rev() {
        if let Change::LiftDeny { statement, .. } = &step.change {
            let slot = slot(&mut case, step);
            let mut list = statements(slot);
            list[statement.statement]["Effect"] = json!("Allow");
            list[statement.statement]["Action"] = json!("nothing:Else");
            *slot = text(&list);
        }
    }
    case
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

    #[test]
    fn every_remedy_cures(case in case(), principal in principal()) {
        let decision = case.decide(&principal);
        let explanation = case.explain(&principal);
        prop_assert_eq!(explanation.remedies.is_empty(), decision.allowed);
        for remedy in &explanation.remedies {
            let cured = apply(&case, &remedy.steps);
            prop_assert!(cured.decide(&principal).allowed, "{remedy} does not cure {case:?}: {cured:?}");
            // No step is idle: without one of them the request is still denied.
            for skipped in 0..remedy.steps.len() {
                let mut steps = remedy.steps.clone();
                steps.remove(skipped);
                prop_assert!(!apply(&case, &steps).decide(&principal).allowed, "{remedy}: step {skipped} is idle");
            }
        }
    }

    #[test]
    fn statements_about_something_else_change_nothing(case in case(), principal in principal(), deny in any::<bool>()) {
        let mut more = case.clone();
        each_policy(&mut more, |policy| {
            let mut list = statements(policy);
            let effect = if deny { "Deny" } else { "Allow" };
            let mut other = json!({"Effect": effect, "Action": "s3:GetObject", "Resource": "*"});
            if list.iter().any(|statement| statement.get("Principal").is_some()) {
                other["Principal"] = json!("*");
            }
            list.push(other);
            *policy = text(&list);
        });
        prop_assert_eq!(case.decide(&principal).verdict, more.decide(&principal).verdict);
    }

    #[test]
    fn the_order_of_statements_does_not_matter(case in case(), principal in principal()) {
        let mut turned = case.clone();
        each_policy(&mut turned, |policy| {
            let mut list = statements(policy);
            list.reverse();
            *policy = text(&list);
        });
        prop_assert_eq!(case.decide(&principal).verdict, turned.decide(&principal).verdict);
    }

    #[test]
    fn how_a_policy_is_written_does_not_matter(case in case(), principal in principal()) {
        let mut written = case.clone();
        each_policy(&mut written, |policy| {
            let mut list = statements(policy);
            for member in list.iter_mut().filter_map(Value::as_object_mut).flat_map(|object| object.iter_mut()) {
                if matches!(member.0.as_str(), "Action" | "Resource") {
                    *member.1 = json!([member.1.take()]);
                }
            }
            let pretty = list.iter().map(|statement| serde_json::to_string_pretty(statement).unwrap());
            *policy = pretty.collect::<Vec<_>>().join(",\n");
        });
        prop_assert_eq!(case.decide(&principal).verdict, written.decide(&principal).verdict);
    }
}
