use crate::{Document, PolicyKind};
use proptest::prelude::*;

fn check(kind: PolicyKind<'_>, text: &str) -> Result<(), String> {
    Document::parse(text, kind).map(|_| ()).map_err(|malformed| malformed.message)
}

/// A managed policy with one statement of these members.
fn statement(members: &str) -> Result<(), String> {
    check(PolicyKind::Managed, &format!(r#"{{"Version":"2012-10-17","Statement":[{{{members}}}]}}"#))
}

fn trust(members: &str) -> Result<(), String> {
    check(PolicyKind::Trust, &format!(r#"{{"Version":"2012-10-17","Statement":{{{members}}}}}"#))
}

const OK: Result<(), String> = Ok(());

fn refused(text: &str) -> Result<(), String> {
    Err(text.to_owned())
}

#[test]
fn identity_policies() {
    let syntax = refused("Syntax errors in policy.");
    let action = r#""Effect":"Allow","Resource":"*""#;
    let resource = r#""Effect":"Allow","Action":"s3:*""#;
    for (members, expected) in [
        (r#""Effect":"Allow","Action":"*","Resource":"*""#.to_owned(), OK),
        (r#""Effect":"allow","Action":"*","Resource":"*""#.to_owned(), syntax.clone()),
        (r#""Action":"*","Resource":"*""#.to_owned(), syntax.clone()),
        (r#""Effect":"Allow","Action":"*","Resource":"*","Foo":1"#.to_owned(), syntax.clone()),
        (format!(r#"{action},"Action":["s3:Get*","sqs:*"]"#), OK),
        (format!(r#"{action},"NotAction":"iam:*""#), OK),
        (action.to_owned(), refused("Policy statement must contain actions.")),
        (format!(r#"{action},"Action":[]"#), refused("Policy statement must contain actions.")),
        (format!(r#"{action},"Action":"s3:*","NotAction":"s3:*""#), syntax.clone()),
        (format!(r#"{action},"Action":{{"Ref":"x"}}"#), syntax.clone()),
        (format!(r#"{action},"Action":"s3:*","Action":"s3:*""#), syntax.clone()),
        (
            format!(r#"{action},"Action":"GetObject""#),
            refused("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        ),
        (format!(r#"{action},"Action":"s3!:Get""#), refused("Vendor s3! is not valid")),
        (format!(r#"{action},"Action":"*:Get*""#), refused("Action vendors must not contain wildcards.")),
        (
            format!(r#"{action},"Action":"arn:aws:s3""#),
            refused("Actions/Condition can contain only one colon."),
        ),
        (resource.to_owned(), refused("Policy statement must contain resources.")),
        (format!(r#"{resource},"Resource":[]"#), refused("Policy statement must contain resources.")),
        (
            format!(r#"{resource},"Resource":"bucket""#),
            refused("Resource bucket must be in ARN format or \"*\"."),
        ),
        (
            format!(r#"{resource},"Resource":"arn:foo:s3:::b""#),
            refused("Partition \"foo\" is not valid for resource \"arn:foo:s3:::b\"."),
        ),
        (
            format!(r#"{resource},"Resource":"arn:aws:s*:::b""#),
            refused("Resource vendor must be fully qualified and cannot contain regexes."),
        ),
        (
            format!(r#"{resource},"Resource":"arn:aws:iam:us-east-1:1:user/x""#),
            refused("IAM resource arn:aws:iam:us-east-1:1:user/x cannot contain region information."),
        ),
        (
            format!(r#"{resource},"Resource":"arn:aws:s3:us-east-1::b""#),
            refused("Resource arn:aws:s3:us-east-1::b can not contain region information."),
        ),
        (format!(r#"{resource},"Resource":"arn:aws:iam::1:user/${{aws:username}}""#), OK),
        (format!(r#"{resource},"Resource":"arn:aws:iam::1:*""#), OK),
        (format!(r#"{resource},"Resource":"arn:aws:rds:*""#), OK),
        (
            format!(r#"{resource},"Resource":"*","Principal":"*""#),
            refused("Policy document should not specify a principal."),
        ),
        (format!(r#"{resource},"Resource":"*","Sid":"Abc1""#), OK),
        (
            format!(r#"{resource},"Resource":"*","Sid":"a b""#),
            refused(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular \
                 expression [0-9A-Za-z]*",
            ),
        ),
        (format!(r#"{resource},"Resource":"*","Condition":{{"Bool":{{"aws:x":true,"aws:y":1}}}}"#), OK),
        (format!(r#"{resource},"Resource":"*","Condition":{{"Boolz":{{"aws:x":"y"}}}}"#), syntax.clone()),
        (format!(r#"{resource},"Resource":"*","Condition":{{"Bool":{{"aws:x":{{}}}}}}"#), syntax.clone()),
        (
            format!(r#"{resource},"Resource":"*","Condition":{{"Bool":{{"x":"y"}}}}"#),
            refused("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        ),
    ] {
        assert_eq!(statement(&members), expected, "{members}");
    }
}

#[test]
fn whole_documents() {
    let one = r#"{"Effect":"Allow","Action":"*","Resource":"*","Sid":"a"}"#;
    let version = refused("Policy document must be version 2012-10-17 or greater.");
    let syntax = refused("Syntax errors in policy.");
    for (kind, text, expected) in [
        (PolicyKind::Managed, format!(r#"{{"Version":"2012-10-17","Statement":{one}}}"#), OK),
        (PolicyKind::Managed, format!(r#"{{"Statement":{one}}}"#), version.clone()),
        (PolicyKind::Managed, format!(r#"{{"Version":"2008-10-17","Statement":{one}}}"#), version),
        (PolicyKind::Identity, format!(r#"{{"Statement":[{one}]}}"#), OK),
        (PolicyKind::Identity, format!(r#"{{"Version":"2020-01-01","Statement":[{one}]}}"#), syntax.clone()),
        (PolicyKind::Identity, r#"{"Version":"2012-10-17","Statement":[]}"#.into(), syntax.clone()),
        (PolicyKind::Identity, r#"{"Version":"2012-10-17"}"#.into(), syntax.clone()),
        (PolicyKind::Identity, "not json".into(), syntax.clone()),
        (PolicyKind::Identity, "[]".into(), syntax),
        (PolicyKind::Identity, " {}".into(), refused("The policy failed legacy parsing")),
        (PolicyKind::Managed, "\n{}".into(), refused("The policy failed legacy parsing")),
        (PolicyKind::Trust, " {}".into(), refused("JSON strings must not have leading spaces")),
        (
            PolicyKind::Managed,
            format!(r#"{{"Statement":{one},"Version":"2012-10-17"}}"#),
            refused("The policy failed legacy parsing"),
        ),
        (PolicyKind::Managed, format!(r#"{{"Statement":[{one}],"Version":"2012-10-17"}}"#), OK),
        (PolicyKind::Session, "x".into(), refused("The policy is not in the valid JSON format.")),
        (PolicyKind::Session, r#"{"Statement":[{}]}"#.into(), refused("Syntax errors in policy.")),
        (
            PolicyKind::Identity,
            format!(r#"{{"Statement":[{one},{one}]}}"#),
            refused("Statement IDs (SID) in a single policy must be unique."),
        ),
    ] {
        assert_eq!(check(kind, &text), expected, "{text}");
    }
}

#[test]
fn trust_policies() {
    let service = r#""Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"}"#;
    for (members, expected) in [
        (format!(r#"{service},"Action":"sts:AssumeRole""#), OK),
        (format!(r#"{service},"Action":["sts:AssumeRole","sts:TagSession"]"#), OK),
        (
            format!(r#"{service},"Action":"s3:GetObject""#),
            refused("AssumeRole policy may only specify STS AssumeRole actions."),
        ),
        (
            format!(r#"{service},"Action":"sts:AssumeRole","Resource":"*""#),
            refused("Has prohibited field Resource"),
        ),
        (r#""Effect":"Allow","Action":"sts:AssumeRole""#.into(), refused("Missing required field Principal")),
        (format!(r#"{service},"Action":"sts:AssumeRole","Foo":1"#), refused("Unknown field Foo")),
        (
            r#""Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"bob"}"#.into(),
            refused("Invalid principal in policy: \"AWS\":\"bob\""),
        ),
        (r#""Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":["111122223333","*"]}"#.into(), OK),
        (
            r#""Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":[]}"#.into(),
            refused(
                "Invalid principal in policy: com.amazon.balsa.error.InvalidPolicyException: The passed in policy has \
                 a statement with no principals!",
            ),
        ),
        (
            r#""Effect":"Allow","Action":"sts:AssumeRole","Principal":{}"#.into(),
            refused("Missing required field Principal cannot be empty!"),
        ),
        (
            r#""Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Who":"x"}"#.into(),
            refused("Invalid principal in policy: \"WHO\":\"x\""),
        ),
        (
            r#""Effect":"Allow","Action":"sts:AssumeRole","NotPrincipal":{"AWS":"111122223333"}"#.into(),
            refused("Allow with NotPrincipal is not allowed."),
        ),
    ] {
        assert_eq!(trust(&members), expected, "{members}");
    }
    assert_eq!(check(PolicyKind::Trust, "{"), refused("This policy contains invalid Json"));
}

#[test]
fn key_policies_name_no_principal_in_their_errors() {
    let kms = PolicyKind::Resource { service: "kms" };
    let policy = |principal: &str| {
        format!(
            r#"{{"Statement":[{{"Effect":"Allow","Action":"kms:*","Resource":"*","Principal":{{"AWS":"{principal}"}}}}]}}"#
        )
    };
    assert_eq!(check(kms, &policy("111122223333")), OK);
    let text = "Policy contains a statement with one or more invalid principals.";
    assert_eq!(check(kms, &policy("nobody")), refused(text));
}

/// The reason why Organizations refuses, behind its one sentence.
fn control(kind: PolicyKind<'_>, members: &str) -> Result<(), String> {
    let text = format!(r#"{{"Version":"2012-10-17","Statement":[{{{members}}}]}}"#);
    Document::parse(&text, kind).map(|_| ()).map_err(|malformed| {
        let sentence =
            "The provided policy document does not meet the requirements of the specified policy type.";
        assert_eq!(malformed.message, sentence);
        malformed.reason
    })
}

#[test]
fn service_control_policies() {
    let condition = r#""Condition":{"StringEquals":{"aws:RequestedRegion":"eu-west-1"}}"#;
    for (members, accepted) in [
        (r#""Effect":"Allow","Action":"*","Resource":"*""#.to_owned(), true),
        (
            r#""Effect":"Allow","Action":"ec2:*Instances","Resource":"arn:aws:ec2:*:*:instance/*""#.into(),
            true,
        ),
        (format!(r#""Effect":"Allow","NotAction":"iam:*","NotResource":"arn:aws:s3:::x",{condition}"#), true),
        (format!(r#""Effect":"Deny","NotAction":["iam:*","sts:*"],"Resource":"*",{condition}"#), true),
        (r#""Effect":"Deny","Action":"s3:*""#.into(), false),
        (r#""Effect":"Deny","Action":"s3:*","Resource":"*","Principal":"*""#.into(), false),
        (r#""Effect":"Deny","Action":"s3","Resource":"*""#.into(), false),
        (r#""Effect":"Deny","Action":"s3:*","Resource":"*","Sid":"a b""#.into(), false),
    ] {
        assert_eq!(control(PolicyKind::Scp, &members).is_ok(), accepted, "{members}");
    }
    let old = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    assert!(check(PolicyKind::Scp, old).is_err());
}

#[test]
fn resource_control_policies() {
    let everyone = r#""Resource":"*","Principal":"*""#;
    let deny = format!(r#""Effect":"Deny",{everyone}"#);
    for (members, expected) in [
        (format!(r#""Effect":"Allow","Action":"*",{everyone}"#), OK),
        (format!(r#"{deny},"Action":"s3:*""#), OK),
        (
            format!(
                r#"{deny},"Action":["sqs:SendMessage","KMS:*"],"Condition":{{"Null":{{"aws:x":"true"}}}}"#
            ),
            OK,
        ),
        (
            format!(r#""Effect":"Allow","Action":"s3:*",{everyone}"#),
            refused("only RCPFullAWSAccess may allow; an RCP of one's own has the effect Deny"),
        ),
        (
            format!(r#""Effect":"Allow","Action":"*",{everyone},"Condition":{{"Null":{{"aws:x":"true"}}}}"#),
            refused("only RCPFullAWSAccess may allow; an RCP of one's own has the effect Deny"),
        ),
        (format!(r#"{deny},"Action":"*""#), refused("RCPs do not support the action *")),
        (format!(r#"{deny},"Action":"ec2:*""#), refused("RCPs do not support the action ec2:*")),
        (format!(r#"{deny},"NotAction":"s3:*""#), refused("an RCP cannot have NotAction")),
        (
            r#""Effect":"Deny","Action":"s3:*","Resource":"*","Principal":{"AWS":"*"}"#.into(),
            refused("the Principal of an RCP is \"*\""),
        ),
        (
            r#""Effect":"Deny","Action":"s3:*","Resource":"*","NotPrincipal":"*""#.into(),
            refused("the Principal of an RCP is \"*\""),
        ),
        (
            r#""Effect":"Deny","Action":"s3:*","Resource":"*""#.into(),
            refused("Missing required field Principal"),
        ),
        (
            r#""Effect":"Deny","Action":"s3:*","Principal":"*""#.into(),
            refused("Policy statement must contain resources."),
        ),
    ] {
        assert_eq!(control(PolicyKind::Rcp, &members), expected, "{members}");
    }
}

#[test]
fn hostile_documents_are_refused_soon() {
    let long = format!(r#"{{"Version":"{}"}}"#, "x".repeat(300_000));
    assert!(check(PolicyKind::Identity, &long).is_err());
    assert!(check(PolicyKind::Identity, &"{\"Statement\":".repeat(20_000)).is_err());
    assert!(check(PolicyKind::Trust, &"[".repeat(100_000)).is_err());
}

/// JSON-like noise made of the words of the language.
fn noise() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just(":".to_owned()),
        Just(",".to_owned()),
        Just(r#""Statement""#.to_owned()),
        Just(r#""Effect":"Allow""#.to_owned()),
        Just(r#""Action":"s3:*""#.to_owned()),
        Just(r#""Resource":"arn:aws:s3:::${aws:username}""#.to_owned()),
        Just(r#""Principal":{"AWS":"*"}"#.to_owned()),
        Just(r#""Condition":{"StringLike":{"aws:x":["a","b"]}}"#.to_owned()),
        any::<String>().prop_map(|text| format!("{text:?}")),
    ];
    proptest::collection::vec(word, 0..30).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn parsing_never_panics(text in any::<String>(), noise in noise()) {
        for kind in [PolicyKind::Identity, PolicyKind::Trust, PolicyKind::Resource { service: "s3" }, PolicyKind::Scp, PolicyKind::Rcp] {
            let _ = Document::parse(&text, kind);
            let _ = Document::parse(&noise, kind);
            let _ = Document::parse(&format!(r#"{{"Statement":[{{{noise}}}]}}"#), kind);
        }
    }
}
