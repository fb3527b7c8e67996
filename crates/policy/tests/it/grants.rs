//! Grants of KMS keys beside key policies, and who is exempt from control policies.

use crate::cases::*;
use std::collections::BTreeMap;
use yakumo_policy::PolicyType::{Grant as ByGrant, Identity, RootUser, Scp};
use yakumo_policy::{
    Context, Grant, GrantConstraint, Grants, Policies, PolicyKind, PolicyType, Principal, Request, Verdict,
    evaluate,
};

const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/k";

/// `pairs` is the encryption context; the key policy trusts only another account, or says what `deny` says.
fn check(grant: &Grant, principal: &Principal, action: &str, pairs: &[(&str, &str)], deny: bool) -> Verdict {
    let context = Context::new();
    let request = Request {
        principal,
        action,
        resource: KEY,
        resource_account: Some(account(HERE)),
        context: &context,
    };
    let effect = if deny { "Deny" } else { "Allow" };
    let who = if deny { "\"*\"".to_owned() } else { aws(THERE) };
    let statement = format!(r#"{{"Effect":"{effect}","Action":"kms:*","Resource":"*","Principal":{who}}}"#);
    let policy = attached(PolicyKind::Resource { service: "kms" }, &statement);
    let pairs: Vec<_> = pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    let grants = Grants { list: std::slice::from_ref(grant), encryption_context: &pairs };
    evaluate(&request, &Policies { resource: Some(&policy), grants, ..Policies::default() }).verdict
}

#[test]
fn a_grant_allows_its_grantee_its_operations() {
    let grant = |grantee| Grant::new("g", grantee, ["Decrypt", "DescribeKey"], None).unwrap();
    let allowed = allow(ByGrant);
    let no = implicit(PolicyType::Resource);
    for (grantee, principal, expected) in [
        (USER, user(), allowed),
        (ROLE, session(), allowed),
        (SESSION, session(), allowed),
        (USER, session(), no),
        (HERE, user(), implicit(Identity)),
        (HERE, root(), allow(RootUser)),
        ("sns.amazonaws.com", Principal::service("sns.amazonaws.com"), allowed),
        ("sns.amazonaws.com", user(), no),
    ] {
        assert_eq!(check(&grant(grantee), &principal, "kms:Decrypt", &[], false), expected, "{grantee}");
    }
    assert_eq!(check(&grant(USER), &user(), "kms:Encrypt", &[], false), no);
    assert_eq!(check(&grant(USER), &user(), "kms:Decrypt", &[], true), explicit(PolicyType::Resource));
    assert!(Grant::new("g", "*", ["Decrypt"], None).is_none());
}

#[test]
fn a_grant_on_a_key_abroad_needs_no_identity_policy() {
    let context = Context::new();
    let owner = Some(account(THERE));
    let decide = |grantee: &str, boundary: Option<&str>| {
        let (user, grant) = (user(), Grant::new("g", grantee, ["Decrypt"], None).unwrap());
        let request = Request {
            principal: &user,
            action: "kms:Decrypt",
            resource: KEY,
            resource_account: owner,
            context: &context,
        };
        let boundary = boundary.map(|action| attached(PolicyKind::Boundary, &says("Allow", action)));
        let grants = Grants { list: std::slice::from_ref(&grant), encryption_context: &[] };
        evaluate(&request, &Policies { boundary: boundary.as_ref(), grants, ..Policies::default() }).verdict
    };
    assert_eq!(decide(USER, None), allow(ByGrant));
    assert_eq!(decide(USER, Some("s3:*")), implicit(PolicyType::Boundary));
    assert_eq!(decide(HERE, None), implicit(Identity), "its account is only delegated to");
    assert_eq!(decide(ROLE, None), implicit(PolicyType::Resource));
}

#[test]
fn a_constraint_binds_the_encryption_context() {
    let pair = BTreeMap::from([("Dept".to_owned(), "IT".to_owned())]);
    let allowed = allow(ByGrant);
    let no = implicit(PolicyType::Resource);
    for (pairs, equals, subset) in [
        (&[("Dept", "IT")][..], allowed, allowed),
        (&[("Dept", "IT"), ("x", "y")], no, allowed),
        (&[("dept", "IT")], no, no),
        (&[("Dept", "it")], no, no),
        (&[], no, no),
    ] {
        for (constraint, expected) in
            [(GrantConstraint::Equals(pair.clone()), equals), (GrantConstraint::Subset(pair.clone()), subset)]
        {
            let grant = Grant::new("g", USER, ["Decrypt", "DescribeKey"], Some(constraint)).unwrap();
            assert_eq!(check(&grant, &user(), "kms:Decrypt", pairs, false), expected, "{pairs:?}");
            assert_eq!(check(&grant, &user(), "kms:DescribeKey", pairs, false), allowed, "has no context");
        }
    }
}

#[test]
fn control_policies_leave_service_linked_roles_and_services_alone() {
    let linked = "arn:aws:iam::111122223333:role/aws-service-role/sns.amazonaws.com/AWSServiceRoleForX";
    let linked = Principal::assumed_role("aws", account(HERE), linked, "AROAEXAMPLEEXAMPLE", "s");
    let case = Case {
        identity: says("Allow", "*"),
        scps: vec![vec![says("Allow", "s3:*"), says("Deny", "sqs:*")]],
        rcps: vec![vec![names("Allow", "\"*\""), names("Deny", "\"*\"")]],
        ..Case::default()
    };
    assert_eq!(case.decide(&linked).verdict, allow(Identity));
    assert_eq!(case.decide(&session()).verdict, explicit(Scp));
    let sns = Principal::service("sns.amazonaws.com");
    let named = names("Allow", r#"{"Service":"sns.amazonaws.com"}"#);
    let case = Case { resource: Some(named), ..case };
    assert_eq!(case.decide(&sns).verdict, explicit(PolicyType::Rcp), "an RCP limits services too");
    let case = Case { rcps: Vec::new(), ..case };
    assert_eq!(case.decide(&sns).verdict, allow(PolicyType::Resource), "an SCP does not");
}
