//! What no client should send. Each case is followed by a plain request that must be answered.

use crate::serving::serve;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use yakumo_front::limits::Limits;

fn with_head(head: &str) -> Vec<u8> {
    format!("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{head}\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn malformed_requests_get_an_answer_and_the_process_lives() {
    let serving = serve(Limits::default());
    let chunked = |body: &str| {
        format!("POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{body}")
            .into_bytes()
    };
    let cases: [(&str, Vec<u8>, &str); 12] = [
        ("random bytes", (0..255).rev().collect(), "HTTP/1.1 400"),
        ("text", b"hello, is there anybody?\r\n\r\n".to_vec(), "HTTP/1.1 400"),
        ("zero bytes", vec![0; 300], "HTTP/1.1 400"),
        ("a zero byte in a value", with_head("a: b\0c"), "HTTP/1.1 400"),
        ("a zero byte in the target", b"GET /\0 HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(), "HTTP/1.1 400"),
        ("a blank in a name", with_head("a b: c"), "HTTP/1.1 400"),
        ("two lengths", with_head("content-length: 1\r\ncontent-length: 2"), "HTTP/1.1 400"),
        ("a length that is none", with_head("content-length: -1"), "HTTP/1.1 400"),
        ("a length beyond all numbers", with_head("content-length: 99999999999999999999"), "HTTP/1.1 400"),
        ("a chunk size that is none", chunked("zz\r\nabc\r\n0\r\n\r\n"), "HTTP/1.1 400"),
        ("a chunk size beyond all numbers", chunked("fffffffffffffffff\r\nabc\r\n"), "HTTP/1.1 400"),
        ("a chunk without its end", chunked("3\r\nabcde\r\n0\r\n\r\n"), "HTTP/1.1 400"),
    ];
    for (what, bytes, want) in cases {
        let back = serving.raw(&bytes).await;
        assert!(back.starts_with(want), "{what}: {back:?}");
        assert!(!back.starts_with("HTTP/1.1 200"), "{what}: {back:?}");
        serving.assert_alive().await;
    }
}

#[tokio::test]
async fn a_client_that_breaks_off_harms_nobody() {
    let serving = serve(Limits::default());
    let cases: [&[u8]; 6] = [
        b"",
        b"GET / HTTP/1.1\r\nhost: x\r\nab",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage",
        b"\x16\x03\x01\xff\xff\x01garbage",
    ];
    for bytes in cases {
        let back = serving.cut(bytes).await;
        assert!(!back.starts_with("HTTP/1.1 200"), "{back:?}");
        serving.assert_alive().await;
    }
}

#[tokio::test]
async fn a_body_that_stops_coming_ends_in_an_error() {
    let serving = serve(Limits { body_timeout: Duration::from_millis(50), ..Limits::default() });
    let mut stream = serving.connect().await;
    stream.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc").await.unwrap();
    let mut back = [0; 12];
    stream.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"HTTP/1.1 400");
    serving.assert_alive().await;
}

#[tokio::test]
async fn heads_have_limits() {
    let limits = Limits { head_bytes: 16 * 1024, headers: 50, ..Limits::default() };
    let serving = serve(limits);
    let long = |bytes: usize| with_head(&format!("a: {}", "b".repeat(bytes)));
    let many = |count: usize| with_head(&vec!["a: b"; count].join("\r\n"));
    let target = |bytes: usize| {
        let path = "u".repeat(bytes);
        format!("GET /{path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").into_bytes()
    };
    let cases = [
        (long(8_000), "HTTP/1.1 200"),
        (long(40_000), "HTTP/1.1 431"),
        (many(40), "HTTP/1.1 200"),
        (many(60), "HTTP/1.1 431"),
        (target(8_000), "HTTP/1.1 200"),
    ];
    for (bytes, want) in cases {
        let back = serving.raw(&bytes).await;
        assert!(back.starts_with(want), "{want}: {}", back.get(..60).unwrap_or(&back));
    }
    let serving = serve(Limits { head_bytes: 128 * 1024, ..Limits::default() });
    let back = serving.raw(&target(70_000)).await;
    assert!(back.starts_with("HTTP/1.1 414"), "{}", back.get(..60).unwrap_or(&back));
}

#[tokio::test]
async fn a_client_that_never_finishes_its_head_is_cut_off() {
    let serving = serve(Limits { head_timeout: Duration::from_millis(100), ..Limits::default() });
    for beginning in ["GET / HTTP/1.1\r\nhost:", ""] {
        let mut stream = serving.connect().await;
        stream.write_all(beginning.as_bytes()).await.unwrap();
        let mut back = Vec::new();
        // Without the time-out this would wait for ever.
        let _ = stream.read_to_end(&mut back).await;
        assert!(!back.starts_with(b"HTTP/1.1 200"));
    }
    serving.assert_alive().await;
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let serving = serve(Limits { connections: 1, ..Limits::default() });
    let mut first = serving.connect().await;
    first.write_all(b"GET /first HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut back = [0; 12];
    first.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"HTTP/1.1 200");
    let mut second = serving.connect().await;
    let mut back = String::new();
    second.read_to_string(&mut back).await.unwrap();
    let (head, body) = back.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
}
