//! Shortcuts that the tests share: an organization with members, and how to look into it.

use serde_json::{Value, json};
use std::time::Duration;
use yakumo_testkit::{Client, Failure, TestCloud, element};

pub const MANAGEMENT: &str = "111122223333";
pub const OUTSIDER: &str = "999988887777";
pub const SCP: &str = "SERVICE_CONTROL_POLICY";
pub const RCP: &str = "RESOURCE_CONTROL_POLICY";

/// Calls Organizations.
pub async fn call(client: &Client, operation: &str, input: Value) -> Result<Value, Failure> {
    let target = format!("AWSOrganizationsV20161128.{operation}");
    client.json("organizations", &target, "1.1", input).await
}

/// A cloud with one organization.
pub struct World {
    pub cloud: TestCloud,
    /// The root user of the management account.
    pub root: Client,
    /// `r-…`.
    pub root_id: String,
    pub organization: String,
}

impl World {
    /// An organization with all features in a new cloud.
    pub async fn new() -> World {
        World::with(TestCloud::start().await.unwrap(), "ALL").await
    }

    pub async fn with(cloud: TestCloud, features: &str) -> World {
        let root = cloud.root(MANAGEMENT);
        let made = call(&root, "CreateOrganization", json!({ "FeatureSet": features })).await.unwrap();
        World::over(cloud, text(&made["Organization"]["Id"])).await
    }

    /// The organization that is already in a cloud.
    pub async fn over(cloud: TestCloud, organization: String) -> World {
        let root = cloud.root(MANAGEMENT);
        let roots = call(&root, "ListRoots", json!({})).await.unwrap();
        let root_id = text(&roots["Roots"][0]["Id"]);
        World { cloud, root, root_id, organization }
    }

    /// Calls as the management account's root user.
    pub async fn ok(&self, operation: &str, input: Value) -> Value {
        call(&self.root, operation, input).await.unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// Calls as the management account's root user, to be refused; gives the text.
    pub async fn refused(&self, operation: &str, input: Value, code: &str) -> String {
        refused(call(&self.root, operation, input).await, code)
    }

    /// Makes an account and waits until it is there; gives its number.
    pub async fn account(&self, name: &str) -> String {
        let input = json!({ "AccountName": name, "Email": format!("{name}@yakumo.test") });
        let made = self.ok("CreateAccount", input).await;
        assert_eq!(made["CreateAccountStatus"]["State"], "IN_PROGRESS");
        let status = self.created(&text(&made["CreateAccountStatus"]["Id"])).await;
        assert_eq!(status["State"], "SUCCEEDED", "{status}");
        text(&status["AccountId"])
    }

    /// Waits until a request to create an account has ended.
    pub async fn created(&self, id: &str) -> Value {
        for _ in 0..600 {
            let input = json!({ "CreateAccountRequestId": id });
            let status = self.ok("DescribeCreateAccountStatus", input).await["CreateAccountStatus"].clone();
            if status["State"] != "IN_PROGRESS" {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the account is not made");
    }

    /// A unit; gives its id.
    pub async fn unit(&self, parent: &str, name: &str) -> String {
        let made = self.ok("CreateOrganizationalUnit", json!({ "ParentId": parent, "Name": name })).await;
        text(&made["OrganizationalUnit"]["Id"])
    }

    /// A policy; gives its id.
    pub async fn policy(&self, policy_type: &str, name: &str, statement: Value) -> String {
        let content = document(statement);
        let input = json!({ "Content": content, "Description": "", "Name": name, "Type": policy_type });
        text(&self.ok("CreatePolicy", input).await["Policy"]["PolicySummary"]["Id"])
    }

    pub async fn enable(&self, policy_type: &str) {
        self.ok("EnablePolicyType", json!({ "RootId": self.root_id, "PolicyType": policy_type })).await;
    }

    pub async fn attach(&self, policy: &str, target: &str) {
        self.ok("AttachPolicy", json!({ "PolicyId": policy, "TargetId": target })).await;
    }

    pub async fn detach(&self, policy: &str, target: &str) {
        self.ok("DetachPolicy", json!({ "PolicyId": policy, "TargetId": target })).await;
    }

    pub async fn relocate(&self, account: &str, from: &str, to: &str) {
        let input = json!({ "AccountId": account, "SourceParentId": from, "DestinationParentId": to });
        self.ok("MoveAccount", input).await;
    }

    /// An administrator of an account.
    pub async fn administrator(&self, account: &str, name: &str) -> Client {
        self.user(account, name, &says("Allow", "*")).await
    }

    /// A user of an account with an inline policy.
    pub async fn user(&self, account: &str, name: &str, policy: &str) -> Client {
        let root = self.cloud.root(account);
        root.iam("CreateUser", &[("UserName", name)]).await.unwrap();
        let put = [("UserName", name), ("PolicyName", "inline"), ("PolicyDocument", policy)];
        root.iam("PutUserPolicy", &put).await.unwrap();
        let key = root.iam("CreateAccessKey", &[("UserName", name)]).await.unwrap();
        let part = |name| element(&key, name).unwrap();
        self.cloud.client(&part("AccessKeyId"), &part("SecretAccessKey"), None)
    }

    /// A session of the role that every new account has.
    pub async fn session_in(&self, who: &Client, account: &str) -> Result<Client, Failure> {
        self.assume(who, &format!("arn:aws:iam::{account}:role/OrganizationAccountAccessRole")).await
    }

    /// A session of a role.
    pub async fn assume(&self, who: &Client, arn: &str) -> Result<Client, Failure> {
        let xml = who.sts("AssumeRole", &[("RoleArn", arn), ("RoleSessionName", "s1")]).await?;
        let part = |name| element(&xml, name).unwrap();
        Ok(self.cloud.client(&part("AccessKeyId"), &part("SecretAccessKey"), Some(&part("SessionToken"))))
    }

    /// A queue with a policy of one statement list; gives its URL.
    pub async fn queue(&self, owner: &Client, statement: Value) -> Value {
        let made = owner.sqs("CreateQueue", json!({ "QueueName": "jobs" })).await.unwrap();
        let policy = document(statement);
        let input = json!({ "QueueUrl": made["QueueUrl"], "Attributes": { "Policy": policy } });
        owner.sqs("SetQueueAttributes", input).await.unwrap();
        made["QueueUrl"].clone()
    }
}

/// A policy with one statement over every resource.
pub fn says(effect: &str, action: &str) -> String {
    document(json!({ "Effect": effect, "Action": action, "Resource": "*" }))
}

/// A policy of one statement or of several.
pub fn document(statement: Value) -> String {
    let statements = if statement.is_array() { statement } else { json!([statement]) };
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// A statement that denies.
pub fn deny(action: &str) -> Value {
    json!({ "Effect": "Deny", "Action": action, "Resource": "*" })
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// The texts of one member of all items of a list.
pub fn texts(list: &Value, member: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| text(&item[member])).collect()
}

/// Checks that a call failed with this code; gives its text.
pub fn refused<T: std::fmt::Debug>(outcome: Result<T, Failure>, code: &str) -> String {
    match outcome {
        Err(failure) => {
            assert_eq!(failure.code, code, "{failure}");
            failure.message
        }
        Ok(answer) => panic!("wanted {code}, got {answer:?}"),
    }
}
