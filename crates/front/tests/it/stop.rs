//! Stopping: requests in flight end, idle connections close, new ones are refused, and patience has an end.

use crate::serving::{read_until, serve, serve_with};
use http::{Request, Response};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use yakumo_front::body::{Body, Inbound};
use yakumo_front::limits::Limits;
use yakumo_front::listen::Peer;

#[tokio::test]
async fn an_idle_connection_is_closed_and_a_new_one_refused() {
    let serving = serve(Limits::default());
    let mut idle = serving.connect().await;
    idle.write_all(b"GET /x HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    read_until(&mut idle, "tls=false ").await;
    let mut silent = serving.connect().await;
    serving.stop.send_replace(true);
    serving.ended.await.unwrap();
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap(), 0);
    assert_eq!(silent.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert!(TcpStream::connect(serving.addr).await.is_err());
}

/// A handler that says when it began and then waits for a word.
async fn in_flight(stop_timeout: Duration, word: bool) -> String {
    let (began, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (began, go) = (Arc::clone(&began), Arc::clone(&go));
        move |_: Request<Inbound>, _: Peer| {
            let (began, go) = (Arc::clone(&began), Arc::clone(&go));
            async move {
                began.notify_one();
                go.notified().await;
                Response::new(Body::full("done"))
            }
        }
    };
    let serving = serve_with(Limits { stop_timeout, ..Limits::default() }, handler);
    let mut stream = serving.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    began.notified().await;
    serving.stop.send_replace(true);
    if word {
        go.notify_one();
    }
    let mut back = String::new();
    let _ = stream.read_to_string(&mut back).await;
    serving.ended.await.unwrap();
    back
}

#[tokio::test]
async fn a_request_whose_client_went_away_is_dropped() {
    struct Dropped(Arc<Notify>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let (began, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (began, dropped) = (Arc::clone(&began), Arc::clone(&dropped));
        move |_: Request<Inbound>, _: Peer| {
            let (began, guard) = (Arc::clone(&began), Dropped(Arc::clone(&dropped)));
            async move {
                let _guard = guard;
                began.notify_one();
                std::future::pending().await
            }
        }
    };
    let serving = serve_with(Limits::default(), handler);
    let mut stream = serving.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    began.notified().await;
    drop(stream);
    // Would wait for ever if a long poll outlived its client.
    dropped.notified().await;
}

#[tokio::test]
async fn a_request_in_flight_ends_unless_it_takes_too_long() {
    let back = in_flight(Duration::from_secs(60), true).await;
    assert!(back.ends_with("done"), "{back}");
    assert_eq!(in_flight(Duration::from_millis(50), false).await, "");
}
