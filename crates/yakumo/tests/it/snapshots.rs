//! Snapshots through the command: saved, loaded, listed, removed, and forked into a second cloud.

use crate::place::Place;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::Command;
use yakumo_testkit::Client;

fn root(address: SocketAddr) -> Client {
    Client::new(address, "test", "test", None)
}

async fn make_queue(address: SocketAddr, name: &str) {
    root(address).sqs("CreateQueue", json!({ "QueueName": name })).await.unwrap();
}

/// The names of all queues.
async fn queues(address: SocketAddr) -> Vec<String> {
    let list = root(address).sqs("ListQueues", json!({})).await.unwrap();
    let urls = list["QueueUrls"].as_array().cloned().unwrap_or_default();
    urls.iter().map(|url| url.as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect()
}

fn names(place: &Place) -> Vec<Value> {
    let list = place.json(&["snapshot", "list"]);
    list["snapshots"].as_array().unwrap().iter().map(|snapshot| snapshot["name"].clone()).collect()
}

async fn check_there_and_back(place: &Place, arguments: &[&str]) {
    let up = place.up(arguments);
    make_queue(up.address(), "before").await;
    place.json(&["clock", "set", "2100-01-01T00:00:00Z"]);
    assert!(place.json(&["snapshot", "save", "moment.1"])["size_bytes"].as_u64().unwrap() > 0);
    make_queue(up.address(), "after").await;
    place.json(&["clock", "set", "2200-01-01T00:00:00Z"]);
    place.json(&["snapshot", "load", "moment.1"]);
    assert_eq!(queues(up.address()).await, ["before"]);
    assert!(place.json(&["clock"])["now"].as_str().unwrap().starts_with("2100-01-01T"));
    assert_eq!(names(place), ["moment.1"]);
    // A reset leaves snapshots alone, and a name can be used again.
    place.json(&["reset", "--yes"]);
    assert_eq!(queues(up.address()).await, [] as [&str; 0]);
    place.json(&["snapshot", "load", "moment.1"]);
    assert_eq!(queues(up.address()).await, ["before"]);
    make_queue(up.address(), "later").await;
    place.json(&["snapshot", "save", "moment.1"]);
    place.json(&["reset", "--yes"]);
    place.json(&["snapshot", "load", "moment.1"]);
    assert_eq!(queues(up.address()).await, ["before", "later"]);
    place.json(&["snapshot", "delete", "moment.1"]);
    assert_eq!(names(place), [] as [&str; 0]);
    let gone = place.run(&["snapshot", "load", "moment.1"]);
    assert_eq!(gone.code, 8, "{}", gone.stderr);
}

#[tokio::test]
async fn a_cloud_in_memory_goes_back_to_a_snapshot() {
    check_there_and_back(&Place::new(), &["--ephemeral"]).await;
}

#[tokio::test]
async fn a_cloud_on_disk_goes_back_to_a_snapshot() {
    let place = Place::new();
    let data = place.path("data/cloud");
    check_there_and_back(&place, &["--data-dir", data.to_str().unwrap()]).await;
}

#[tokio::test]
async fn a_fork_is_another_cloud_from_the_same_moment() {
    let place = Place::new();
    let (data, fork) = (place.path("data/one"), place.path("data/two"));
    let up = place.up(&["--data-dir", data.to_str().unwrap()]);
    make_queue(up.address(), "common").await;
    place.json(&["snapshot", "save", "s"]);
    let arguments = ["snapshot", "fork", "s", "--port", "0", "--data-dir", fork.to_str().unwrap()];
    let forked = place.json(&arguments);
    let second = Stop(forked["pid"].as_u64().unwrap());
    assert_ne!(forked["cloud"], place.json(&["status", "--endpoint", up.endpoint()])["cloud"]);
    let theirs = forked["endpoint"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
    make_queue(up.address(), "ours").await;
    make_queue(theirs, "theirs").await;
    assert_eq!(queues(up.address()).await, ["common", "ours"]);
    assert_eq!(queues(theirs).await, ["common", "theirs"]);
    let again = place.run(&[&arguments[..], &["--endpoint", up.endpoint()]].concat());
    assert_eq!(again.code, 8);
    assert!(again.stderr.contains("is not empty"), "{}", again.stderr);
    drop(second);
}

/// Ends a process that is no child of ours.
struct Stop(u64);

impl Drop for Stop {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = Command::new("kill").arg(self.0.to_string()).status();
    }
}
