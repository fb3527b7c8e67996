//! Tag policies: what may be written, what is in effect where, and what is refused where they are enforced.

use crate::client::{MANAGEMENT, OUTSIDER, World, call, refused, text};
use serde_json::{Value, json};

const TAG: &str = "TAG_POLICY";

async fn policy(world: &World, name: &str, tags: Value) -> String {
    let content = json!({ "tags": tags }).to_string();
    let input = json!({ "Content": content, "Description": "", "Name": name, "Type": TAG });
    text(&world.ok("CreatePolicy", input).await["Policy"]["PolicySummary"]["Id"])
}

fn described(answer: &Value) -> Value {
    serde_json::from_str(answer["EffectivePolicy"]["PolicyContent"].as_str().unwrap()).unwrap()
}

async fn effective(world: &World, account: &str) -> Value {
    described(&world.ok("DescribeEffectivePolicy", json!({ "PolicyType": TAG, "TargetId": account })).await)
}

#[tokio::test]
async fn policies_are_inherited_on_the_way_down() {
    let world = World::new().await;
    world.enable(TAG).await;
    let unit = world.unit(&world.root_id, "dev").await;
    let account = world.account("dev").await;
    world.relocate(&account, &world.root_id, &unit).await;
    let ask = json!({ "PolicyType": TAG, "TargetId": account });
    world.refused("DescribeEffectivePolicy", ask.clone(), "EffectivePolicyNotFoundException").await;

    let values =
        json!({ "@@assign": ["dev", "prod"], "@@operators_allowed_for_child_policies": ["@@append"] });
    let top = json!({ "env": { "tag_key": { "@@assign": "Env" }, "tag_value": values } });
    let top = policy(&world, "top", top).await;
    world.attach(&top, &world.root_id).await;
    let more = json!({ "env": { "tag_value": { "@@append": ["test"], "@@remove": ["prod"] } } });
    let more = policy(&world, "more", more).await;
    world.attach(&more, &unit).await;
    let shown = |values: Value| json!({ "tags": { "env": { "tag_key": "Env", "tag_value": values } } });
    assert_eq!(effective(&world, &account).await, shown(json!(["dev", "prod", "test"])));
    assert_eq!(effective(&world, MANAGEMENT).await, shown(json!(["dev", "prod"])));

    // A member sees its own; other accounts and the tree are not its business.
    let member = world.administrator(&account, "ada").await;
    let own = call(&member, "DescribeEffectivePolicy", json!({ "PolicyType": TAG })).await.unwrap();
    assert_eq!(own["EffectivePolicy"]["TargetId"], json!(account));
    assert!(own["EffectivePolicy"]["LastUpdatedTimestamp"].is_number());
    assert_eq!(described(&own), shown(json!(["dev", "prod", "test"])));
    let other = json!({ "PolicyType": TAG, "TargetId": MANAGEMENT });
    refused(call(&member, "DescribeEffectivePolicy", other).await, "AccessDeniedException");
    for target in [&world.root_id, &unit] {
        let input = json!({ "PolicyType": TAG, "TargetId": target });
        world.refused("DescribeEffectivePolicy", input, "InvalidInputException").await;
    }
    let absent = json!({ "PolicyType": TAG, "TargetId": "000000000001" });
    world.refused("DescribeEffectivePolicy", absent, "TargetNotFoundException").await;
    let outsider = world.cloud.root(OUTSIDER);
    let alone = call(&outsider, "DescribeEffectivePolicy", json!({ "PolicyType": TAG })).await;
    refused(alone, "AWSOrganizationsNotInUseException");

    world.ok("DisablePolicyType", json!({ "RootId": world.root_id, "PolicyType": TAG })).await;
    world.refused("DescribeEffectivePolicy", ask, "EffectivePolicyNotFoundException").await;
    world.cloud.stop().await;
}

#[tokio::test]
async fn only_what_acts_is_taken() {
    let world = World::new().await;
    let make = |policy_type: &str, content: &str| json!({ "Content": content, "Description": "", "Name": "p", "Type": policy_type });
    for content in ["{}", r#"{"tags":{"a":{"tag_key":"a"}}}"#, r#"{"Version":"2012-10-17","Statement":[]}"#] {
        let text =
            world.refused("CreatePolicy", make(TAG, content), "MalformedPolicyDocumentException").await;
        assert!(text.contains("does not meet the requirements of the specified policy type"), "{text}");
    }
    let enforced =
        |kind: &str| json!({ "tags": { "a": { "enforced_for": { "@@assign": [kind] } } } }).to_string();
    // Roles are not enforced by AWS, policies are; services that are not here have nothing to be tagged.
    let report = r#"{"tags":{"a":{"report_required_tag_for":{"@@assign":["sqs:queue"]}}}}"#;
    world.refused("CreatePolicy", make(TAG, report), "NotImplemented").await;
    for kind in ["iam:role", "organizations:*"] {
        world.refused("CreatePolicy", make(TAG, &enforced(kind)), "NotImplemented").await;
    }
    for (name, kind) in [("a", "iam:policy"), ("b", "sqs:ALL_SUPPORTED"), ("c", "redshift:*")] {
        let input = json!({ "Content": enforced(kind), "Description": "", "Name": name, "Type": TAG });
        world.ok("CreatePolicy", input).await;
    }
    let long = format!(r#"{{"tags":{{}}{}}}"#, " ".repeat(10_000));
    world.refused("CreatePolicy", make(TAG, &long), "ConstraintViolationException").await;
    world.refused("CreatePolicy", make("BACKUP_POLICY", "{}"), "NotImplemented").await;
    let enable = json!({ "RootId": world.root_id, "PolicyType": "CHATBOT_POLICY" });
    world.refused("EnablePolicyType", enable, "NotImplemented").await;
    world.cloud.stop().await;
}

#[tokio::test]
async fn an_enforced_policy_refuses_tags_that_do_not_comply() {
    let world = World::new().await;
    world.enable(TAG).await;
    let account = world.account("dev").await;
    let member = world.administrator(&account, "ada").await;
    let queue = |name: &str, key: &str, value: &str| json!({ "QueueName": name, "tags": { key: value } });
    member.sqs("CreateQueue", queue("before", "Env", "wild")).await.unwrap();
    let rule = json!({ "env": { "tag_key": { "@@assign": "Env" }, "tag_value": { "@@assign": ["dev*"] },
        "enforced_for": { "@@assign": ["sqs:queue", "iam:policy"] } } });
    let rule = policy(&world, "env", rule).await;
    world.attach(&rule, &account).await;

    member.sqs("CreateQueue", queue("good", "Env", "dev-1")).await.unwrap();
    member.sqs("CreateQueue", json!({ "QueueName": "untagged" })).await.unwrap();
    member.sqs("CreateQueue", queue("other", "Owner", "wild")).await.unwrap();
    for (key, value) in [("Env", "prod"), ("ENV", "dev-1")] {
        let text = refused(member.sqs("CreateQueue", queue("bad", key, value)).await, "TagPolicyException");
        let wanted =
            format!("The tag policy does not allow the specified value for the following tag key: '{key}'.");
        assert!(text.contains(&wanted), "{text}");
        let url = format!("{}/{account}/before", world.cloud.endpoint());
        let tag = json!({ "QueueUrl": url, "Tags": { key: value } });
        refused(member.sqs("TagQueue", tag).await, "TagPolicyException");
        let tag = json!({ "QueueUrl": url, "Tags": { "Env": "dev" } });
        member.sqs("TagQueue", tag).await.unwrap();
    }
    // Policies are meant, users are not.
    let document = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let document = document.replace("[]", r#"{"Effect":"Allow","Action":"sqs:*","Resource":"*"}"#);
    let make = |name: &'static str, value: &'static str| {
        [("PolicyName", name), ("Tags.member.1.Key", "Env"), ("Tags.member.1.Value", value)]
    };
    let with = |input: [(&'static str, &'static str); 3]| {
        input.into_iter().chain([("PolicyDocument", document.as_str())]).collect::<Vec<_>>()
    };
    let failure = member.iam("CreatePolicy", &with(make("bad", "prod"))).await.unwrap_err();
    assert_eq!(failure.code, "TagPolicyException", "{failure}");
    member.iam("CreatePolicy", &with(make("good", "dev"))).await.unwrap();
    let user = [("UserName", "u"), ("Tags.member.1.Key", "Env"), ("Tags.member.1.Value", "prod")];
    member.iam("CreateUser", &user).await.unwrap();
    // The account next door is not bound, and what is detached does not bind.
    world.root.sqs("CreateQueue", queue("free", "Env", "prod")).await.unwrap();
    world.detach(&rule, &account).await;
    member.sqs("CreateQueue", queue("free", "Env", "prod")).await.unwrap();
    world.cloud.stop().await;
}
