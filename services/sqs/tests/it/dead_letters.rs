//! Dead-letter queues and message move tasks.

use super::client::{Sqs, arn, texts};
use serde_json::{Value, json};
use std::time::Duration;
use yakumo_testkit::TestCloud;

async fn pair_of_queues(sqs: &Sqs) -> (String, String) {
    let dead = sqs.queue("dead", json!({})).await;
    let redrive = json!({ "deadLetterTargetArn": arn("dead"), "maxReceiveCount": 2 }).to_string();
    (sqs.queue("source", json!({ "RedrivePolicy": redrive })).await, dead)
}

/// Sends messages and receives each twice; the third receive moves them.
async fn spoil(sqs: &Sqs, source: &str, bodies: &[&str]) {
    for body in bodies {
        sqs.send(source, body).await;
    }
    for _ in 0..2 {
        assert_eq!(sqs.receive(source, json!({ "VisibilityTimeout": 0 })).await.len(), bodies.len());
    }
    assert!(sqs.bodies(source).await.is_empty());
}

/// Asks for the newest task of the dead-letter queue until it has ended.
async fn ended(sqs: &Sqs) -> Value {
    for _ in 0..600 {
        let list = sqs.ok("ListMessageMoveTasks", json!({ "SourceArn": arn("dead") })).await;
        let task = list["Results"][0].clone();
        if !matches!(task["Status"].as_str(), Some("RUNNING" | "CANCELLING")) {
            return task;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the task never ended");
}

#[tokio::test]
async fn a_message_that_is_received_too_often_moves() {
    let sqs = Sqs::start().await;
    let (source, dead) = pair_of_queues(&sqs).await;
    let sent = sqs.send(&source, "poison").await;
    let mut times = Vec::new();
    for _ in 0..2 {
        let got = sqs.receive(&source, json!({ "VisibilityTimeout": 0 })).await;
        times.push(got[0]["Attributes"]["SentTimestamp"].clone());
    }
    sqs.pass(3).await;
    assert!(sqs.bodies(&source).await.is_empty());
    assert_eq!(sqs.counts(&source).await, ["0", "0", "0"]);
    let got = sqs.receive(&dead, json!({})).await;
    assert_eq!((&got[0]["Body"], &got[0]["MessageId"]), (&json!("poison"), &sent["MessageId"]));
    let attributes = &got[0]["Attributes"];
    assert_eq!(attributes["DeadLetterQueueSourceArn"], json!(arn("source")));
    assert_eq!(
        (&attributes["ApproximateReceiveCount"], &attributes["SentTimestamp"]),
        (&json!("3"), &times[0])
    );
    let sources = sqs.ok("ListDeadLetterSourceQueues", json!({ "QueueUrl": dead })).await;
    assert_eq!(sources["queueUrls"], json!([source]));
}

#[tokio::test]
async fn without_its_target_a_message_stays() {
    let sqs = Sqs::start().await;
    let (source, dead) = pair_of_queues(&sqs).await;
    sqs.send(&source, "x").await;
    sqs.ok("DeleteQueue", json!({ "QueueUrl": dead })).await;
    for _ in 0..4 {
        assert_eq!(sqs.receive(&source, json!({ "VisibilityTimeout": 0 })).await.len(), 1);
    }
}

#[tokio::test]
async fn a_target_must_exist_fit_and_agree() {
    let sqs = Sqs::start().await;
    let source = sqs.queue("source", json!({})).await;
    sqs.queue("dead.fifo", json!({ "FifoQueue": "true" })).await;
    sqs.queue("closed", json!({ "RedriveAllowPolicy": "{\"redrivePermission\":\"denyAll\"}" })).await;
    let allow = json!({ "redrivePermission": "byQueue", "sourceQueueArns": [arn("source")] }).to_string();
    sqs.queue("open", json!({ "RedriveAllowPolicy": allow })).await;
    let set = |target: &str| {
        let redrive = json!({ "deadLetterTargetArn": target, "maxReceiveCount": 2 }).to_string();
        json!({ "QueueUrl": source, "Attributes": { "RedrivePolicy": redrive } })
    };
    for (target, reason) in [
        (arn("absent"), "Dead letter target does not exist."),
        (arn("dead.fifo"), "Dead-letter queue must be same type of queue as the source."),
        (
            arn("closed"),
            "Dead letter target does not allow this queue as a source by its RedriveAllowPolicy.",
        ),
        (
            arn("open").replace(":000000000000:", ":111122223333:"),
            "Dead letter target owner should be same as the source.",
        ),
        (
            arn("open").replace("us-east-1", "eu-west-1"),
            "Dead-letter target should be in the same region as the source.",
        ),
    ] {
        let (_, text) = sqs.refused("SetQueueAttributes", set(&target)).await;
        assert!(text.ends_with(reason), "{text}");
    }
    sqs.ok("SetQueueAttributes", set(&arn("open"))).await;
}

#[tokio::test]
async fn messages_go_back_to_where_they_came_from() {
    let sqs = Sqs::start().await;
    let (source, dead) = pair_of_queues(&sqs).await;
    spoil(&sqs, &source, &["a", "b", "c"]).await;
    sqs.ok("StartMessageMoveTask", json!({ "SourceArn": arn("dead") })).await;
    let task = ended(&sqs).await;
    assert_eq!(
        (&task["Status"], &task["ApproximateNumberOfMessagesMoved"]),
        (&json!("COMPLETED"), &json!(3))
    );
    let got = sqs.receive(&source, json!({})).await;
    let mut bodies = texts(&got, "Body");
    bodies.sort();
    assert_eq!(bodies, ["a", "b", "c"]);
    assert_eq!(got[0]["Attributes"]["ApproximateReceiveCount"], json!("1"));
    assert!(got[0]["Attributes"].get("DeadLetterQueueSourceArn").is_none());
    assert_eq!(sqs.counts(&dead).await, ["0", "0", "0"]);
}

#[tokio::test]
async fn a_task_keeps_its_rate_and_can_be_cancelled() {
    let sqs = Sqs::start().await;
    let (source, dead) = pair_of_queues(&sqs).await;
    spoil(&sqs, &source, &["a", "b", "c"]).await;
    let other = sqs.queue("other", json!({})).await;
    let start = json!({
        "SourceArn": arn("dead"), "DestinationArn": arn("other"), "MaxNumberOfMessagesPerSecond": 1,
    });
    let handle = sqs.ok("StartMessageMoveTask", start.clone()).await["TaskHandle"].clone();
    let text = "There is already a task running. Only one active task is allowed for a source queue arn at a given time.";
    assert_eq!(sqs.refused("StartMessageMoveTask", start).await.1, text);
    // The clock stands still, so the rate of one a second lets only the first message go.
    sqs.ok("CancelMessageMoveTask", json!({ "TaskHandle": handle })).await;
    let task = ended(&sqs).await;
    assert_eq!(task["Status"], json!("CANCELLED"));
    let count = |counts: [String; 3]| counts[0].parse::<u32>().unwrap();
    let (left, moved) = (count(sqs.counts(&dead).await), count(sqs.counts(&other).await));
    assert!(left + moved == 3 && moved <= 1, "{left} and {moved}");
    assert_eq!(
        sqs.refused("CancelMessageMoveTask", json!({ "TaskHandle": handle })).await.0,
        "UnsupportedOperation"
    );
}

#[tokio::test]
async fn tasks_that_cannot_start() {
    let sqs = Sqs::start().await;
    sqs.queue("plain", json!({})).await;
    let start = |name: &str| json!({ "SourceArn": arn(name) });
    let text = "Source queue must be configured as a Dead Letter Queue.";
    assert_eq!(sqs.refused("StartMessageMoveTask", start("plain")).await.1, text);
    let text = "The resource that you specified for the SourceArn parameter doesn't exist.";
    assert_eq!(sqs.refused("StartMessageMoveTask", start("absent")).await.1, text);
    let cancel = json!({ "TaskHandle": "bm9uc2Vuc2U=" });
    assert_eq!(sqs.refused("CancelMessageMoveTask", cancel).await.0, "ResourceNotFoundException");
}

#[tokio::test]
async fn a_message_without_a_source_ends_the_task_and_stays() {
    let sqs = Sqs::start().await;
    let (_, dead) = pair_of_queues(&sqs).await;
    sqs.send(&dead, "sent here directly").await;
    sqs.ok("StartMessageMoveTask", json!({ "SourceArn": arn("dead") })).await;
    let task = ended(&sqs).await;
    assert_eq!(task["Status"], json!("FAILED"));
    assert_eq!(task["FailureReason"], json!("CouldNotDetermineMessageSource"));
    assert!(task.get("TaskHandle").is_none());
    assert_eq!(sqs.bodies(&dead).await, ["sent here directly"]);
}

#[tokio::test]
async fn a_task_goes_on_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let sqs = Sqs::over(TestCloud::start_in(directory.path()).await.unwrap());
    let (source, _) = pair_of_queues(&sqs).await;
    spoil(&sqs, &source, &["a", "b", "c"]).await;
    let start = json!({ "SourceArn": arn("dead"), "MaxNumberOfMessagesPerSecond": 1 });
    sqs.ok("StartMessageMoveTask", start).await;
    let sqs = Sqs::over(sqs.cloud.restart().await.unwrap());
    sqs.pass(60).await;
    let task = ended(&sqs).await;
    assert_eq!(
        (&task["Status"], &task["ApproximateNumberOfMessagesMoved"]),
        (&json!("COMPLETED"), &json!(3))
    );
    assert_eq!(sqs.counts(&sqs.url("source")).await, ["3", "0", "0"]);
    sqs.cloud.stop().await;
}

#[tokio::test]
async fn a_fifo_queue_hands_its_dead_letters_on_in_order() {
    let sqs = Sqs::start().await;
    let fifo = json!({ "FifoQueue": "true", "ContentBasedDeduplication": "true" });
    let dead = sqs.queue("dead.fifo", fifo.clone()).await;
    let mut attributes = fifo;
    attributes["RedrivePolicy"] =
        json!({ "deadLetterTargetArn": arn("dead.fifo"), "maxReceiveCount": 1 }).to_string().into();
    let source = sqs.queue("source.fifo", attributes).await;
    for body in ["1", "2", "3"] {
        sqs.ok("SendMessage", json!({ "QueueUrl": source, "MessageBody": body, "MessageGroupId": "g" }))
            .await;
    }
    assert_eq!(
        sqs.receive(&source, json!({ "VisibilityTimeout": 0, "MaxNumberOfMessages": 2 })).await.len(),
        2
    );
    assert_eq!(sqs.bodies(&source).await, ["3"], "what follows a dead letter is not held back by it");
    let got = sqs.receive(&dead, json!({})).await;
    assert_eq!(texts(&got, "Body"), ["1", "2"]);
    assert_eq!(got[0]["Attributes"]["MessageGroupId"], json!("g"));
}
