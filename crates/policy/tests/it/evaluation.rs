//! The verdict of every combination that AWS's pages describe.

use crate::cases::*;
use yakumo_policy::PolicyType::{
    Boundary, Identity, Rcp, Resource, RootUser, Scp, Session, Trust, VpcEndpoint,
};
use yakumo_policy::{Context, Principal, Request, Verdict};

fn check(name: &str, case: &Case, principal: &Principal, expected: Verdict) {
    let decision = case.decide(principal);
    assert_eq!(decision.verdict, expected, "{name}, {}", principal.arn);
    assert_eq!(decision.allowed, matches!(expected, Verdict::Allow(_)), "{name}");
}

fn allowing() -> Case {
    Case { identity: says("Allow", "sqs:*"), ..Case::default() }
}

#[test]
fn identity_policies_alone() {
    check("nothing", &Case::default(), &user(), implicit(Identity));
    check("allow", &allowing(), &user(), allow(Identity));
    let other = Case { identity: says("Allow", "s3:*"), ..Case::default() };
    check("another action", &other, &user(), implicit(Identity));
    let both = format!("{},{}", says("Allow", "*"), says("Deny", "SQS:send*"));
    let denied = Case { identity: both, ..Case::default() };
    check("deny wins, whatever the case", &denied, &user(), explicit(Identity));
    let not_action = r#"{"Effect":"Allow","NotAction":"sqs:*","Resource":"*"}"#;
    let excluded = Case { identity: not_action.into(), ..Case::default() };
    check("NotAction", &excluded, &user(), implicit(Identity));
    let not_resource = r#"{"Effect":"Allow","Action":"*","NotResource":"arn:aws:sqs:*:*:other"}"#;
    let elsewhere = Case { identity: not_resource.into(), ..Case::default() };
    check("NotResource", &elsewhere, &user(), allow(Identity));
}

#[test]
fn the_root_user() {
    check("needs no policy", &Case::default(), &root(), allow(RootUser));
    let deny = |principal: &str| Case { resource: Some(names("Deny", principal)), ..Case::default() };
    check("a resource policy denies it", &deny("\"*\""), &root(), explicit(Resource));
    check("or denies somebody else", &deny(&aws(USER)), &root(), allow(RootUser));
    let scp = Case { scps: vec![vec![says("Allow", "s3:*")]], ..Case::default() };
    check("an SCP limits it", &scp, &root(), implicit(Scp));
    let abroad = Case { owner: Some(THERE), ..Case::default() };
    check("abroad it needs the resource's side", &abroad, &root(), implicit(Resource));
    let named = Case { resource: Some(names("Allow", &aws(HERE))), ..abroad };
    check("and gets it", &named, &root(), allow(RootUser));
}

#[test]
fn boundaries_session_policies_and_control_policies_cut() {
    let yes = Some(says("Allow", "sqs:SendMessage"));
    let no = Some(says("Allow", "s3:*"));
    let deny = Some(format!("{},{}", says("Allow", "*"), says("Deny", "sqs:*")));
    for (policy, boundary, session) in [
        (&yes, allow(Identity), allow(Identity)),
        (&no, implicit(Boundary), implicit(Session)),
        (&deny, explicit(Boundary), explicit(Session)),
    ] {
        check("boundary", &Case { boundary: policy.clone(), ..allowing() }, &user(), boundary);
        check("session", &Case { session: policy.clone(), ..allowing() }, &crate::cases::session(), session);
    }
    check(
        "no session policy at all",
        &Case { session: Some(String::new()), ..allowing() },
        &federated(),
        implicit(Session),
    );
    let full = says("Allow", "*");
    for (levels, expected) in [
        (vec![vec![full.clone()], vec![full.clone()]], allow(Identity)),
        (vec![vec![full.clone()], vec![says("Allow", "s3:*")]], implicit(Scp)),
        (vec![vec![says("Allow", "s3:*")], vec![full.clone()]], implicit(Scp)),
        (vec![vec![full.clone()], vec![]], implicit(Scp)),
        (vec![vec![full.clone(), says("Deny", "sqs:*")], vec![full.clone()]], explicit(Scp)),
        (vec![vec![says("Allow", "s3:*"), says("Allow", "sqs:*")], vec![full.clone()]], allow(Identity)),
    ] {
        check("SCP levels", &Case { scps: levels, ..allowing() }, &user(), expected);
    }
    let rcp = |effect: &str| vec![vec![names("Allow", "\"*\""), names(effect, "\"*\"")]];
    check("RCP", &Case { rcps: rcp("Allow"), ..allowing() }, &user(), allow(Identity));
    check("RCP", &Case { rcps: rcp("Deny"), ..allowing() }, &user(), explicit(Rcp));
    check(
        "endpoint",
        &Case { endpoint: Some(names("Allow", &aws(HERE))), ..allowing() },
        &user(),
        allow(Identity),
    );
    check(
        "endpoint",
        &Case { endpoint: Some(names("Allow", &aws(THERE))), ..allowing() },
        &user(),
        implicit(VpcEndpoint),
    );
    check(
        "a boundary alone grants nothing",
        &Case { boundary: yes, ..Case::default() },
        &user(),
        implicit(Identity),
    );
}

/// from: docs, "Resource-based policies and implicit denies in other policy types (same account)".
#[test]
fn a_resource_policy_in_the_same_account() {
    let resource =
        |principal: &str| Case { resource: Some(names("Allow", &aws(principal))), ..Case::default() };
    let limited = |principal: &str| Case {
        boundary: Some(says("Allow", "s3:*")),
        session: Some(says("Allow", "s3:*")),
        ..resource(principal)
    };
    check("the user itself", &resource(USER), &user(), allow(Resource));
    check("past its boundary", &limited(USER), &user(), allow(Resource));
    check("another user", &resource("arn:aws:iam::111122223333:user/zhang"), &user(), implicit(Identity));
    check("the session itself", &limited(SESSION), &session(), allow(Resource));
    check("the role", &resource(ROLE), &session(), allow(Resource));
    check("the role, within its boundary", &limited(ROLE), &session(), implicit(Boundary));
    let cut = Case { session: Some(says("Allow", "s3:*")), ..resource(ROLE) };
    check("the role, within the session", &cut, &session(), implicit(Session));
    check("the federated session itself", &limited(FEDERATED), &federated(), allow(Resource));
    check("the user behind it", &limited(USER), &federated(), implicit(Boundary));
    check("everyone", &limited("*"), &user(), allow(Resource));
    check("the account only delegates", &resource(HERE), &user(), implicit(Identity));
    let delegated = Case { resource: resource(HERE).resource, ..allowing() };
    check("and the user's policy decides", &delegated, &user(), allow(Identity));
    let denied = Case { resource: Some(names("Deny", &aws(USER))), ..allowing() };
    check("a deny in it wins", &denied, &user(), explicit(Resource));
    check(
        "an unrelated one does not matter",
        &Case { resource: resource(THERE).resource, ..allowing() },
        &user(),
        allow(Identity),
    );
}

#[test]
fn across_accounts_both_sides_must_allow() {
    let abroad = |principal: &str| Case {
        resource: Some(names("Allow", &aws(principal))),
        owner: Some(THERE),
        ..allowing()
    };
    for principal in [HERE, "arn:aws:iam::111122223333:root", USER, "*"] {
        check("both", &abroad(principal), &user(), allow(Identity));
        let one_side = Case { identity: String::new(), ..abroad(principal) };
        check("only the resource", &one_side, &user(), implicit(Identity));
    }
    check("another account", &abroad("777788889999"), &user(), implicit(Resource));
    check("only the identity", &Case { resource: None, ..abroad(HERE) }, &user(), implicit(Resource));
    let bounded = Case { boundary: Some(says("Allow", "s3:*")), ..abroad(USER) };
    check("a boundary limits even a direct grant", &bounded, &user(), implicit(Boundary));
    let session_policy = Case { session: Some(says("Allow", "s3:*")), ..abroad(SESSION) };
    check("a session policy too", &session_policy, &session(), implicit(Session));
    check("the role abroad", &abroad(ROLE), &session(), allow(Identity));
}

#[test]
fn callers_without_an_account() {
    let sns = Principal::service("sns.amazonaws.com");
    let service = |name: &str| Case {
        resource: Some(names("Allow", &format!(r#"{{"Service":"{name}"}}"#))),
        scps: vec![vec![says("Allow", "s3:*")]],
        ..Case::default()
    };
    check("its service", &service("sns.amazonaws.com"), &sns, allow(Resource));
    check("another service", &service("events.amazonaws.com"), &sns, implicit(Resource));
    check("no policy", &Case::default(), &sns, implicit(Resource));
    let public = |principal: &str| Case { resource: Some(names("Allow", principal)), ..Case::default() };
    check("public", &public("\"*\""), &Principal::anonymous(), allow(Resource));
    check("public, spelled out", &public(&aws("*")), &Principal::anonymous(), allow(Resource));
    check("for an account", &public(&aws(HERE)), &Principal::anonymous(), implicit(Resource));
}

#[test]
fn trust_and_key_policies_must_allow_themselves() {
    let trust = |principal: &str| Case {
        identity: says("Allow", "sts:*"),
        trust: Some(format!(r#"{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{principal}}}"#)),
        ..Case::default()
    };
    check("the account is trusted", &trust(&aws(HERE)), &user(), allow(Identity));
    let alone = Case { identity: String::new(), ..trust(&aws(HERE)) };
    check("but its user has no policy", &alone, &user(), implicit(Identity));
    check(
        "the user is trusted",
        &Case { identity: String::new(), ..trust(&aws(USER)) },
        &user(),
        allow(Trust),
    );
    check("nobody here is", &trust(&aws(THERE)), &user(), implicit(Trust));
    let ec2 = r#"{"Service":"ec2.amazonaws.com"}"#;
    check("a service is", &trust(ec2), &Principal::service("ec2.amazonaws.com"), allow(Trust));
    check("a service is, the user not", &trust(ec2), &user(), implicit(Trust));
    let google = r#"{"Federated":"accounts.google.com"}"#;
    check("a web identity", &trust(google), &Principal::federated("accounts.google.com", "u"), allow(Trust));
    check(
        "another web identity",
        &trust(google),
        &Principal::federated("graph.facebook.com", "u"),
        implicit(Trust),
    );
    let key = |principal: &str| Case { key: Some(names("Allow", &aws(principal))), ..allowing() };
    check("a key delegates", &key(HERE), &user(), allow(Identity));
    check("a key keeps out", &key(THERE), &user(), implicit(Resource));
    check("its own root user too", &key(THERE), &root(), implicit(Resource));
}

#[test]
fn messages() {
    let context = Context::new();
    let user = user();
    let request = Request {
        principal: &user,
        action: "sqs:SendMessage",
        resource: QUEUE,
        resource_account: None,
        context: &context,
    };
    let who = "User: arn:aws:iam::111122223333:user/carlos is not authorized to perform: sqs:SendMessage on \
               resource: arn:aws:sqs:us-east-1:111122223333:q ";
    let allows = "allows the sqs:SendMessage action";
    let deny = || says("Deny", "*");
    for (case, reason) in [
        (Case::default(), format!("because no identity-based policy {allows}")),
        (Case { identity: deny(), ..allowing() }, "with an explicit deny in an identity-based policy".into()),
        (Case { owner: Some(THERE), ..allowing() }, format!("because no resource-based policy {allows}")),
        (
            Case { resource: Some(names("Deny", "\"*\"")), ..allowing() },
            "with an explicit deny in a resource-based policy".into(),
        ),
        (
            Case { boundary: Some(says("Allow", "s3:*")), ..allowing() },
            format!("because no permissions boundary {allows}"),
        ),
        (
            Case { boundary: Some(deny()), ..allowing() },
            "with an explicit deny in a permissions boundary".into(),
        ),
        (Case { session: Some(String::new()), ..allowing() }, format!("because no session policy {allows}")),
        (Case { session: Some(deny()), ..allowing() }, "with an explicit deny in a session policy".into()),
        (Case { scps: vec![vec![]], ..allowing() }, format!("because no service control policy {allows}")),
        (
            Case { scps: vec![vec![deny()]], ..allowing() },
            "with an explicit deny in a service control policy".into(),
        ),
        (
            Case { rcps: vec![vec![names("Deny", "\"*\"")]], ..allowing() },
            "with an explicit deny in a resource control policy".into(),
        ),
        (
            Case { endpoint: Some(names("Allow", &aws(THERE))), ..allowing() },
            format!("because no VPC endpoint policy {allows}"),
        ),
    ] {
        assert_eq!(case.decide(&user).message(&request), format!("{who}{reason}"));
    }
    let list = Request { action: "sqs:ListQueues", resource: "*", ..request };
    let text = "User: arn:aws:iam::111122223333:user/carlos is not authorized to perform: sqs:ListQueues because no \
                identity-based policy allows the sqs:ListQueues action";
    assert_eq!(Case::default().decide(&user).message(&list), text);
}

#[test]
fn a_deny_with_not_principal() {
    let deny = |list: &str| {
        format!(r#"{{"Effect":"Deny","Action":"*","Resource":"*","NotPrincipal":{{"AWS":{list}}}}}"#)
    };
    let exempt = Case { resource: Some(deny(&format!(r#"["{USER}","{HERE}"]"#))), ..allowing() };
    check("exempt", &exempt, &user(), allow(Identity));
    let alone = Case { resource: Some(deny(&format!(r#""{HERE}""#))), ..allowing() };
    check("its account alone does not exempt it", &alone, &user(), explicit(Resource));
    let bounded = Case { boundary: Some(says("Allow", "*")), ..exempt };
    check("with a boundary nobody is exempt", &bounded, &user(), explicit(Resource));
}

#[test]
fn a_variable_without_a_value_matches_nothing_even_negated() {
    let statement = |effect: &str, element: &str| {
        let variable = "${aws:PrincipalTag/team}";
        format!(r#"{{"Effect":"{effect}","Action":"*","{element}":"arn:aws:sqs:*:*:{variable}-*"}}"#)
    };
    for element in ["Resource", "NotResource"] {
        let case = Case { identity: statement("Allow", element), ..Case::default() };
        check(element, &case, &user(), implicit(Identity));
    }
    let mut tagged = user();
    tagged.tags.push(("team".into(), "blue".into()));
    let case = Case { identity: statement("Allow", "NotResource"), ..Case::default() };
    check("with the tag", &case, &tagged, allow(Identity));
}

#[test]
fn sessions_that_the_root_user_federated() {
    let by_root = Principal::federated_user("aws", account(HERE), "arn:aws:iam::111122223333:root", "web");
    let session = |action: &str| Case { session: Some(says("Allow", action)), ..Case::default() };
    check("only their session policies limit them", &session("sqs:*"), &by_root, allow(Session));
    check("and they do", &session("s3:*"), &by_root, implicit(Session));
    check("a user's need the user's policies", &session("sqs:*"), &federated(), implicit(Identity));
}
