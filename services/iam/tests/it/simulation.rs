//! The policy simulator: decisions, where their statements stand, what is missing; and who may ask.

use crate::people::*;
use anyhow::Result;
use yakumo_testkit::{Client, Failure, TestCloud, element};

/// Parameters of a simulation with numbered lists.
struct Question(Vec<(String, String)>);

impl Question {
    fn custom(policies: &[&str]) -> Question {
        Question(Vec::new()).list("PolicyInputList", policies)
    }

    fn of(arn: &str) -> Question {
        Question(vec![("PolicySourceArn".into(), arn.into())])
    }

    fn list(mut self, name: &str, values: &[&str]) -> Question {
        for (at, value) in values.iter().enumerate() {
            self.0.push((format!("{name}.member.{}", at + 1), value.to_string()));
        }
        self
    }

    fn with(mut self, name: &str, value: &str) -> Question {
        self.0.push((name.into(), value.into()));
        self
    }

    fn key(self, number: usize, name: &str, kind: &str, value: &str) -> Question {
        let at = format!("ContextEntries.member.{number}");
        self.with(&format!("{at}.ContextKeyName"), name)
            .with(&format!("{at}.ContextKeyType"), kind)
            .with(&format!("{at}.ContextKeyValues.member.1"), value)
    }

    async fn ask(&self, client: &Client) -> Result<String, Failure> {
        let principal = self.0.iter().any(|(name, _)| name == "PolicySourceArn");
        let operation = if principal { "SimulatePrincipalPolicy" } else { "SimulateCustomPolicy" };
        let parameters: Vec<(&str, &str)> =
            self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        client.iam(operation, &parameters).await
    }
}

/// All texts of elements of a name, in their order.
fn all(xml: &str, name: &str) -> Vec<String> {
    let open = format!("<{name}>");
    let behind = xml.split(&open).skip(1);
    behind.filter_map(|part| part.split("</").next()).map(str::to_owned).collect()
}

const BUCKET: &str = "arn:aws:s3:::b";

#[tokio::test]
async fn decisions_and_the_places_of_their_statements() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let policy = "{\"Version\":\"2012-10-17\",\"Statement\":[\n\
        {\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"},\n\
        {\"Effect\":\"Deny\",\"Action\":\"s3:Delete*\",\"Resource\":\"arn:aws:s3:::b\"}]}";
    let question = Question::custom(&[policy])
        .list("ActionNames", &["s3:ListBucket", "s3:DeleteBucket", "sqs:SendMessage"])
        .list("ResourceArns", &[BUCKET, "arn:aws:s3:::c"]);
    let xml = question.ask(&root).await?;
    assert_eq!(all(&xml, "EvalDecision"), ["allowed", "explicitDeny", "implicitDeny"]);
    assert!(
        xml.contains("<EvalResourceName>arn:${Partition}:sqs:${Region}:${Account}:${QueueName}<"),
        "{xml}"
    );
    let nothing_given =
        Question::custom(&[policy]).list("ActionNames", &["s3:ListBucket", "s3:ListAllMyBuckets"]);
    let names = all(&nothing_given.ask(&root).await?, "EvalResourceName");
    assert_eq!(names, ["arn:${Partition}:s3:::${BucketName}", "*"]);
    let by_resource = ["allowed", "allowed", "explicitDeny", "allowed", "implicitDeny", "implicitDeny"];
    assert_eq!(all(&xml, "EvalResourceDecision"), by_resource);
    let results: Vec<&str> = xml.split("<EvalActionName>").skip(1).collect();
    let denied = results.get(1).copied().unwrap_or_default();
    let deny = denied.split("<ResourceSpecificResults>").next().unwrap_or_default();
    assert_eq!(all(deny, "SourcePolicyId"), ["PolicyInputList.1"], "{deny}");
    assert_eq!(all(deny, "SourcePolicyType"), ["IAM Policy"]);
    assert_eq!((all(deny, "Line"), all(deny, "Column").len()), (vec!["2".into(), "3".into()], 2), "{deny}");
    // Without ARNs there are no results by resource, and a statement about one bucket says nothing about all.
    let question = Question::custom(&[policy]).list("ActionNames", &["s3:DeleteBucket"]);
    let xml = question.ask(&root).await?;
    assert_eq!(all(&xml, "EvalDecision"), ["allowed"]);
    assert!(!xml.contains("ResourceSpecificResults") && !xml.contains("EvalDecisionDetails"), "{xml}");
    Ok(())
}

#[tokio::test]
async fn a_user_with_its_groups_and_its_boundary() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    user(&cloud, &root, "alice", &says("Allow", "sqs:*")).await?;
    root.iam("CreateGroup", &[("GroupName", "devs")]).await?;
    let document = says("Allow", "s3:*");
    let put = [("GroupName", "devs"), ("PolicyName", "p"), ("PolicyDocument", document.as_str())];
    root.iam("PutGroupPolicy", &put).await?;
    root.iam("AddUserToGroup", &[("GroupName", "devs"), ("UserName", "alice")]).await?;
    let attach = [("UserName", "alice"), ("PolicyArn", "arn:aws:iam::aws:policy/IAMReadOnlyAccess")];
    root.iam("AttachUserPolicy", &attach).await?;
    let arn = "arn:aws:iam::111122223333:user/alice";
    let ask = || Question::of(arn).list("ActionNames", &["sqs:SendMessage", "s3:ListBucket", "iam:GetUser"]);
    let xml = ask().ask(&root).await?;
    assert_eq!(all(&xml, "EvalDecision"), ["allowed"; 3]);
    assert_eq!(all(&xml, "SourcePolicyId"), ["user_alice_inline", "group_devs_p", "IAMReadOnlyAccess"]);
    assert!(
        !xml.contains("PermissionsBoundaryDecisionDetail") && !xml.contains("OrganizationsDecisionDetail")
    );
    // What is left out does not count; what is given counts beside what is there.
    let xml = ask().with("PolicyExclusionList.member.1.PolicyType", "inline").ask(&root).await?;
    assert_eq!(all(&xml, "EvalDecision"), ["implicitDeny", "implicitDeny", "allowed"]);
    let xml = ask().list("PolicyInputList", &[&says("Deny", "sqs:*")]).ask(&root).await?;
    assert_eq!(all(&xml, "EvalDecision"), ["explicitDeny", "allowed", "allowed"]);
    // Its own boundary, and one that is tried in its place.
    let document = says("Allow", "s3:*");
    root.iam("CreatePolicy", &[("PolicyName", "edge"), ("PolicyDocument", &document)]).await?;
    let edge = "arn:aws:iam::111122223333:policy/edge";
    root.iam("PutUserPermissionsBoundary", &[("UserName", "alice"), ("PermissionsBoundary", edge)]).await?;
    let xml = ask().ask(&root).await?;
    assert_eq!(all(&xml, "EvalDecision"), ["implicitDeny", "allowed", "implicitDeny"]);
    assert_eq!(all(&xml, "AllowedByPermissionsBoundary"), ["false", "true", "false"]);
    let tried =
        ask().list("PermissionsBoundaryPolicyInputList", &[&says("Allow", "sqs:*")]).ask(&root).await?;
    assert_eq!(all(&tried, "EvalDecision"), ["allowed", "implicitDeny", "implicitDeny"]);
    let xml = ask().with("PolicyExclusionList.member.1.PolicyArn", edge).ask(&root).await?;
    assert_eq!(all(&xml, "EvalDecision"), ["allowed"; 3]);
    Ok(())
}

#[tokio::test]
async fn conditions_variables_and_what_is_missing() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b",
         "Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}},
        {"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:username}/*"},
        {"Effect":"Allow","Action":"sqs:*","Resource":"*","Condition":{"StringLike":{"aws:PrincipalTag/x":"*"}}}]}"#;
    let list = || {
        Question::custom(&[policy]).list("ActionNames", &["s3:ListBucket"]).list("ResourceArns", &[BUCKET])
    };
    let xml = list().ask(&root).await?;
    assert_eq!(all(&xml, "EvalDecision"), ["implicitDeny"]);
    let missing = xml.split("<MissingContextValues>").nth(1).unwrap_or_default();
    assert_eq!(element(missing, "member").as_deref(), Some("aws:MultiFactorAuthPresent"), "{xml}");
    let xml = list().key(1, "aws:MultiFactorAuthPresent", "boolean", "true").ask(&root).await?;
    assert_eq!(all(&xml, "EvalDecision"), ["allowed"]);
    assert!(!xml.contains("aws:MultiFactorAuthPresent"), "nothing is missing: {xml}");
    let own = || {
        Question::custom(&[policy])
            .list("ActionNames", &["s3:GetObject"])
            .list("ResourceArns", &["arn:aws:s3:::b/alice/x"])
    };
    assert!(own().ask(&root).await?.contains("<member>aws:username</member>"));
    let alice = "arn:aws:iam::111122223333:user/alice";
    let xml = own().with("CallerArn", alice).ask(&root).await?;
    assert_eq!(all(&xml, "EvalDecision"), ["allowed"]);
    let xml = own().with("CallerArn", "arn:aws:iam::111122223333:user/bob").ask(&root).await?;
    assert_eq!(all(&xml, "EvalDecision"), ["implicitDeny"]);
    let keys = root.iam("GetContextKeysForCustomPolicy", &[("PolicyInputList.member.1", policy)]).await?;
    assert_eq!(
        all(&keys, "member"),
        ["aws:MultiFactorAuthPresent", "aws:username", "aws:PrincipalTag/x"],
        "{keys}"
    );
    user(&cloud, &root, "alice", policy).await?;
    let more = says("Allow", "s3:*").replace("\"*\"}", "\"arn:aws:s3:::${s3:prefix}\"}");
    let parameters = [("PolicySourceArn", alice), ("PolicyInputList.member.1", more.as_str())];
    let keys = root.iam("GetContextKeysForPrincipalPolicy", &parameters).await?;
    assert_eq!(all(&keys, "member").len(), 4, "{keys}");
    Ok(())
}

#[tokio::test]
async fn resource_policies_within_an_account_and_across() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let mateo = "arn:aws:iam::111122223333:user/mateo";
    let policy = says("Allow", "iam:*");
    let bucket = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"{mateo}"}},"Action":"s3:Put*","Resource":"arn:aws:s3:::b/*"}}}}"#
    );
    let ask = |caller: &str, owner: &str| {
        Question::custom(&[&policy])
            .list("PermissionsBoundaryPolicyInputList", &[&policy])
            .list("ActionNames", &["s3:PutObject"])
            .list("ResourceArns", &["arn:aws:s3:::b/x"])
            .with("CallerArn", caller)
            .with("ResourceOwner", owner)
            .with("ResourcePolicy", &bucket)
    };
    // from: docs API_SimulateCustomPolicy, "Same-Account Simulation".
    let xml = ask(mateo, "arn:aws:iam::111122223333:root").ask(&root).await?;
    assert_eq!(all(&xml, "EvalDecision"), ["allowed"]);
    assert_eq!(all(&xml, "SourcePolicyId"), ["ResourcePolicy"; 2]);
    assert_eq!(all(&xml, "SourcePolicyType"), ["Resource Policy"; 2]);
    assert_eq!(all(&xml, "AllowedByPermissionsBoundary"), ["false"; 2]);
    assert!(
        xml.contains("<EvalDecisionDetails/>") || xml.contains("<EvalDecisionDetails></EvalDecisionDetails>")
    );
    // from: docs API_SimulatePrincipalPolicy, "Cross-Account Simulation".
    let xml = ask(mateo, "arn:aws:iam::444455556666:root").ask(&root).await?;
    assert_eq!(all(&xml, "EvalDecision"), ["implicitDeny"]);
    assert_eq!(all(&xml, "key"), ["IAM Policy", "Permissions Boundary Policy", "Resource Policy"].repeat(2));
    assert_eq!(all(&xml, "value"), ["implicitDeny", "implicitDeny", "allowed"].repeat(2));
    let text = "Invalid caller - Caller must be an IAM user in this context.";
    let role = "arn:aws:iam::111122223333:role/r";
    refused(ask(role, ACCOUNT).ask(&root).await, 400, "InvalidInput", text);
    Ok(())
}

#[tokio::test]
async fn service_control_policies_that_are_given_level_by_level() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let level = |at: usize| {
        format!("OrderedOrganizationPolicyInputList.member.{at}.ServiceControlPolicyInputList.member.1")
    };
    let (allow_all, allow_s3) = (says("Allow", "*"), says("Allow", "s3:*"));
    let ask = |second: &str| {
        Question::custom(&[&says("Allow", "*")])
            .list("ActionNames", &["s3:ListBucket", "sqs:SendMessage"])
            .with(&level(1), &allow_all)
            .with(&level(2), second)
    };
    let xml = ask(&allow_s3).ask(&root).await?;
    assert_eq!(all(&xml, "EvalDecision"), ["allowed", "implicitDeny"]);
    assert_eq!(all(&xml, "AllowedByOrganizations"), ["true", "false"]);
    let xml = ask(&allow_all).ask(&root).await?;
    assert_eq!(all(&xml, "AllowedByOrganizations"), ["true", "true"]);
    Ok(())
}

#[tokio::test]
async fn pages_and_wrong_questions() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let policy = says("Allow", "*");
    let actions: Vec<String> = (0..7).map(|number| format!("s3:Action{number}")).collect();
    let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
    let ask = || Question::custom(&[&policy]).list("ActionNames", &actions).with("MaxItems", "3");
    let first = ask().ask(&root).await?;
    assert_eq!(all(&first, "EvalActionName"), actions[..3]);
    let marker = element(&first, "Marker").unwrap_or_default();
    let second = ask().with("Marker", &marker).ask(&root).await?;
    assert_eq!(all(&second, "EvalActionName"), actions[3..6]);
    assert_eq!(element(&second, "IsTruncated").as_deref(), Some("true"));
    let one = || Question::custom(&[&policy]);
    for wrong in [
        one().list("ActionNames", &["s3:*"]),
        one().list("ActionNames", &["s3-list"]),
        one().list("ActionNames", &["s3:x"]).list("ResourceArns", &["bucket"]),
        one().list("ActionNames", &["s3:x"]).with("ResourceHandlingOption", "EC2-Classic"),
        one().list("ActionNames", &["s3:x"]).with("CallerArn", "arn:aws:sts::111122223333:assumed-role/r/s"),
        one().list("ActionNames", &["s3:x"]).with("ResourceOwner", "nobody"),
        one().list("ActionNames", &["s3:x"]).key(1, "aws:SourceIp", "ip", "here"),
        Question::custom(&["{"]).list("ActionNames", &["s3:x"]),
    ] {
        failed(wrong.ask(&root).await, "InvalidInput");
    }
    let statement = r#"{"Effect":"Allow","Action":"s3:x","Resource":"*"}"#;
    let long = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, [statement; 1_000].join(","));
    let arns: Vec<String> = (0..2_600).map(|number| format!("arn:aws:s3:::{number}")).collect();
    let arns: Vec<&str> = arns.iter().map(String::as_str).collect();
    let large = |policy: &str| {
        Question::custom(&[policy]).list("ActionNames", &["s3:x", "s3:y"]).list("ResourceArns", &arns)
    };
    failed(large(&long).ask(&root).await, "InvalidInput");
    let xml = large(&policy).ask(&root).await?;
    assert_eq!(all(&xml, "EvalActionName"), ["s3:x"], "a page holds what can be done at once");
    assert!(element(&xml, "Marker").is_some());
    let ghost = Question::of("arn:aws:iam::111122223333:user/ghost").list("ActionNames", &["s3:x"]);
    refused(ghost.ask(&root).await, 404, "NoSuchEntity", "The user with name ghost cannot be found.");
    let session = "arn:aws:sts::111122223333:assumed-role/r/s";
    let text = format!("Invalid Entity Arn: {session} does not clearly define entity type and name.");
    let session = Question::of(session).list("ActionNames", &["s3:x"]);
    refused(session.ask(&root).await, 400, "InvalidInput", &text);
    Ok(())
}

#[tokio::test]
async fn who_may_simulate() -> Result<()> {
    let cloud = TestCloud::start().await?;
    let root = cloud.root(ACCOUNT);
    let arn = "arn:aws:iam::111122223333:user/alice";
    let own = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:SimulatePrincipalPolicy",
        "Resource":"arn:aws:iam::*:user/${aws:username}"}}"#;
    let alice = user(&cloud, &root, "alice", own).await?;
    let ask = |arn: &str| Question::of(arn).list("ActionNames", &["s3:ListBucket"]);
    ask(arn).ask(&alice).await?;
    let text = "User: arn:aws:iam::111122223333:user/alice is not authorized to perform: iam:SimulatePrincipalPolicy on \
                resource: arn:aws:iam::111122223333:user/bob because no identity-based policy allows the \
                iam:SimulatePrincipalPolicy action";
    let bob = ask("arn:aws:iam::111122223333:user/bob").ask(&alice).await;
    refused(bob, 403, "AccessDenied", text);
    let custom = Question::custom(&[own]).list("ActionNames", &["s3:ListBucket"]);
    failed(custom.ask(&alice).await, "AccessDenied");
    // A user of another account is not found, whoever asks, and nothing of it is told.
    failed(ask(arn).ask(&cloud.root(OTHER)).await, "NoSuchEntity");
    Ok(())
}
