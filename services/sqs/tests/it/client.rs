//! What the tests share: a cloud with one client, and short ways to call and to compare.

use serde_json::{Value, json};
use std::time::Duration;
use yakumo_testkit::{Client, TestCloud};

pub const ACCOUNT: &str = "000000000000";
pub const OTHER: &str = "111122223333";

/// A cloud and the root user of its default account.
pub struct Sqs {
    pub cloud: TestCloud,
    pub client: Client,
}

impl Sqs {
    pub async fn start() -> Sqs {
        Sqs::over(TestCloud::start_frozen().await.unwrap())
    }

    pub fn over(cloud: TestCloud) -> Sqs {
        let client = cloud.root(ACCOUNT);
        Sqs { cloud, client }
    }

    pub fn url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.cloud.endpoint())
    }

    pub async fn queue(&self, name: &str, attributes: Value) -> String {
        let made = self.ok("CreateQueue", json!({ "QueueName": name, "Attributes": attributes })).await;
        made["QueueUrl"].as_str().unwrap().to_owned()
    }

    pub async fn ok(&self, operation: &str, input: Value) -> Value {
        ok(&self.client, operation, input).await
    }

    /// The code and the text of a refusal.
    pub async fn refused(&self, operation: &str, input: Value) -> (String, String) {
        refused(&self.client, operation, input).await
    }

    pub async fn send(&self, url: &str, body: &str) -> Value {
        self.ok("SendMessage", json!({ "QueueUrl": url, "MessageBody": body })).await
    }

    /// Receives up to ten messages; `extra` adds to the request.
    pub async fn receive(&self, url: &str, extra: Value) -> Vec<Value> {
        let mut input =
            json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "MessageSystemAttributeNames": ["All"] });
        input.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        messages(&self.ok("ReceiveMessage", input).await)
    }

    pub async fn bodies(&self, url: &str) -> Vec<String> {
        texts(&self.receive(url, json!({})).await, "Body")
    }

    pub async fn attribute(&self, url: &str, name: &str) -> String {
        let got = self.ok("GetQueueAttributes", json!({ "QueueUrl": url, "AttributeNames": [name] })).await;
        got["Attributes"][name].as_str().unwrap_or_default().to_owned()
    }

    /// Visible, in flight, delayed.
    pub async fn counts(&self, url: &str) -> [String; 3] {
        let got = self.ok("GetQueueAttributes", json!({ "QueueUrl": url, "AttributeNames": ["All"] })).await;
        ["", "NotVisible", "Delayed"].map(|kind| {
            got["Attributes"][format!("ApproximateNumberOfMessages{kind}")].as_str().unwrap().to_owned()
        })
    }

    pub async fn pass(&self, seconds: u64) {
        self.cloud.advance(Duration::from_secs(seconds)).await.unwrap();
    }
}

pub async fn ok(client: &Client, operation: &str, input: Value) -> Value {
    client.sqs(operation, input.clone()).await.unwrap_or_else(|error| panic!("{operation} {input}: {error}"))
}

pub async fn refused(client: &Client, operation: &str, input: Value) -> (String, String) {
    let failure = client.sqs(operation, input.clone()).await;
    let failure = failure.expect_err(&format!("{operation} {input} must be refused"));
    (failure.code, failure.message)
}

pub fn messages(answer: &Value) -> Vec<Value> {
    answer["Messages"].as_array().cloned().unwrap_or_default()
}

pub fn texts(messages: &[Value], member: &str) -> Vec<String> {
    messages.iter().map(|message| message[member].as_str().unwrap().to_owned()).collect()
}

pub fn pair(code: &str, text: &str) -> (String, String) {
    (code.to_owned(), text.to_owned())
}

pub fn arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:{ACCOUNT}:{name}")
}
