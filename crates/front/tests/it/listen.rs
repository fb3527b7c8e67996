//! What well-behaved clients do: keep-alive, pipelining, 100-continue, HTTP/2 with prior knowledge.

use crate::serving::{read_until, serve};
use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use yakumo_front::limits::Limits;

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let serving = serve(Limits::default());
    let mut stream = serving.connect().await;
    for path in ["/a", "/b"] {
        let request = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\nxyz");
        stream.write_all(request.as_bytes()).await.unwrap();
        let back = read_until(&mut stream, "xyz").await;
        assert!(back.contains(&format!("POST {path} HTTP/1.1 tls=false xyz")), "{back}");
        assert!(back.contains("\r\ndate: ") && back.contains("\r\ncontent-length: "), "{back}");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let serving = serve(Limits::default());
    let one = |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n{more}\r\n");
    let all = one("/1", "") + &one("/2", "") + &one("/3", "connection: close\r\n");
    let back = serving.raw(all.as_bytes()).await;
    let at = |path: &str| back.find(path).unwrap_or_else(|| panic!("{path} is missing in {back}"));
    assert!(at("GET /1") < at("GET /2") && at("GET /2") < at("GET /3"));
}

#[tokio::test]
async fn chunked_bodies_arrive_whole() {
    let serving = serve(Limits::default());
    let back = serving
        .raw(b"PUT / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
        .await;
    assert!(back.ends_with("tls=false abcde"), "{back}");
}

/// Sends only the head of an upload that waits for permission, and returns the first answer.
async fn expecting(path: &str) -> String {
    let serving = serve(Limits::default());
    let mut stream = serving.connect().await;
    let head = format!("PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut back = vec![0; 12];
    stream.read_exact(&mut back).await.unwrap();
    String::from_utf8(back).unwrap()
}

#[tokio::test]
async fn permission_to_continue_is_given_when_the_body_is_wanted_and_not_before() {
    assert_eq!(expecting("/wanted").await, "HTTP/1.1 100");
    assert_eq!(expecting("/early").await, "HTTP/1.1 403");
}

#[tokio::test]
async fn who_is_refused_before_the_body_is_told_that_the_connection_ends() {
    let serving = serve(Limits::default());
    let head = |path: &str, expect: &str| {
        format!("PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n{expect}\r\n")
    };
    let mut stream = serving.connect().await;
    stream.write_all(head("/early", "expect: 100-continue\r\n").as_bytes()).await.unwrap();
    let mut back = String::new();
    stream.read_to_string(&mut back).await.unwrap();
    assert!(back.contains("\r\nconnection: close\r\n") && back.ends_with("early"), "{back}");
    // Who sends the body unasked, or got the permission, keeps the connection.
    let mut stream = serving.connect().await;
    for (head, answer) in [
        (head("/early", ""), "early"),
        (head("/wanted", "expect: 100-continue\r\n"), "xyz"),
        (head("/wanted", ""), "xyz"),
    ] {
        stream.write_all(format!("{head}xyz").as_bytes()).await.unwrap();
        let back = read_until(&mut stream, answer).await;
        assert!(!back.contains("connection: close"), "{back}");
    }
}

#[tokio::test]
async fn http2_with_prior_knowledge_shares_the_port() {
    let serving = serve(Limits::default());
    let io = TokioIo::new(serving.connect().await);
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let uri = format!("http://{}/h2", serving.addr);
    let request =
        Request::post(uri).version(Version::HTTP_2).body(Full::new(Bytes::from_static(b"abc"))).unwrap();
    let back = client.send_request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(back, "POST /h2 HTTP/2.0 tls=false abc");
    serving.assert_alive().await;
}
