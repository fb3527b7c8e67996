//! Those who are not invited: web pages with the keys that everybody knows, and clients that leave in the middle.

use crate::{asks, door};
use bytes::Bytes;
use http::{Method, Request};
use std::time::Duration;
use yakumo_api_sqs::{ListQueues, ListQueuesInput, ListQueuesOutput};
use yakumo_cloud::control::{CONTROL_HEADER, CloudControl};
use yakumo_front::Control;
use yakumo_room::{Ctx, Room};
use yakumo_testkit::{Reply, TestCloud};

async fn ask_as(headers: &[(&str, &str)]) -> Reply {
    let room = Room::new("sqs")
        .on(ListQueues, asks(), async |_: Ctx, _: ListQueuesInput| Ok(ListQueuesOutput::default()));
    let door = door(room).await;
    let request = Request::post("/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "AmazonSQS.ListQueues");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    door.root.send("sqs", request, Bytes::from_static(b"{}")).await.unwrap()
}

#[tokio::test]
async fn the_keys_that_everybody_knows_are_none_for_a_web_page_from_elsewhere() {
    assert_eq!(ask_as(&[]).await.status, 200);
    assert_eq!(ask_as(&[("origin", "http://localhost:3000")]).await.status, 200);
    for page in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let refused = ask_as(&[page]).await;
        let text = String::from_utf8_lossy(&refused.body).into_owned();
        assert_eq!(
            (refused.status.as_u16(), text.contains("UnrecognizedClient")),
            (403, true),
            "{page:?} {text}"
        );
    }
}

#[tokio::test]
async fn a_reset_ends_although_its_client_has_gone() {
    let cloud = TestCloud::start().await.unwrap();
    let control = CloudControl::open(cloud.cloud()).unwrap();
    let old = cloud.cloud().world();
    // Somebody is inside, so that the reset has to wait.
    let inside = old.enter().unwrap();
    let host = cloud.cloud().address().to_string();
    let (head, ()) = Request::builder()
        .method(Method::POST)
        .uri("/_yakumo/reset")
        .header("host", host)
        .header(CONTROL_HEADER, "1")
        .body(())
        .unwrap()
        .into_parts();
    let answer = control.handle(head, Bytes::new(), cloud.cloud().address());
    let impatient = tokio::time::timeout(Duration::from_millis(50), answer).await;
    assert!(impatient.is_err() && old.base.is_stopping(), "the reset has begun and is not done");
    drop(inside);
    let done = async {
        while cloud.cloud().world().base.is_stopping() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), done).await.expect("a new world is there");
}
