//! Requests as bytes, made before the clock starts. No two are the same: bodies differ, and each carries its own
//! signed invocation id.

use serde_json::json;

use crate::signer::{CONTENT_TYPE, Signer};

/// Where requests go and who sends them.
pub struct Sender<'a> {
    pub signer: &'a Signer,
    /// The Host header, `127.0.0.1:PORT`.
    pub host: &'a str,
    pub queue_url: &'a str,
}

impl Sender<'_> {
    /// SendMessage number `n`, with a body of `size_bytes` that no other number has.
    pub fn send(&self, n: usize, size_bytes: usize) -> Vec<u8> {
        let mut text = format!("message {n:09} ");
        while text.len() < size_bytes {
            text.push(char::from(b'a' + (text.len() % 26) as u8));
        }
        self.request("SendMessage", n, &json!({"QueueUrl": self.queue_url, "MessageBody": text}))
    }

    /// SendMessageBatch of ten, for filling a queue.
    pub fn send_ten(&self, n: usize, size_bytes: usize) -> Vec<u8> {
        let entry = |i: usize| json!({"Id": format!("e{i}"), "MessageBody": format!("fill {n:09} {i} {:1$}", "", size_bytes.saturating_sub(18))});
        let entries: Vec<_> = (0..10).map(entry).collect();
        self.request("SendMessageBatch", n, &json!({"QueueUrl": self.queue_url, "Entries": entries}))
    }

    /// ReceiveMessage of one message.
    pub fn receive(&self, n: usize) -> Vec<u8> {
        self.request("ReceiveMessage", n, &json!({"QueueUrl": self.queue_url}))
    }

    /// DeleteMessage with a receipt handle that the server gave.
    pub fn delete(&self, n: usize, handle: &str) -> Vec<u8> {
        self.request("DeleteMessage", n, &json!({"QueueUrl": self.queue_url, "ReceiptHandle": handle}))
    }

    /// GetQueueUrl of the queue: all checks, and next to no work behind them.
    pub fn url(&self, n: usize) -> Vec<u8> {
        let name = self.queue_url.rsplit('/').next().unwrap_or_default();
        self.request("GetQueueUrl", n, &json!({"QueueName": name}))
    }

    fn request(&self, operation: &str, n: usize, body: &serde_json::Value) -> Vec<u8> {
        let body = body.to_string();
        let target = format!("AmazonSQS.{operation}");
        let invocation = format!("5d3c7e1a-0000-4000-8000-{n:012}");
        let authorization = self.signer.authorization(self.host, &target, &invocation, body.as_bytes());
        format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nAccept-Encoding: identity\r\nX-Amz-Target: {target}\r\nContent-Type: {CONTENT_TYPE}\r\n\
             x-amzn-query-mode: true\r\nUser-Agent: yakumo-bench/1 lang/rust os/linux\r\nX-Amz-Date: {}\r\n{}\
             Authorization: {authorization}\r\namz-sdk-invocation-id: {invocation}\r\nContent-Length: {}\r\n\r\n{body}",
            self.host,
            self.signer.date(),
            self.signer.token_line(),
            body.len()
        )
        .into_bytes()
    }
}
