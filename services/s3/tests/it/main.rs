//! The room through its front door, in this process. What a client sees of it is told in `stories/s3`.

#![allow(clippy::unwrap_used, reason = "a test may fail with a panic")]
#![allow(clippy::disallowed_methods, reason = "a test may look at the disk")]

use bytes::Bytes;
use http::{Method, Request};
use yakumo_testkit::{Client, Reply, TestCloud};

async fn call(client: &Client, method: Method, path: &str, body: &[u8]) -> Reply {
    let request = Request::builder().method(method).uri(path);
    client.send("s3", request, Bytes::copy_from_slice(body)).await.unwrap()
}

fn code(reply: &Reply) -> String {
    let text = String::from_utf8_lossy(&reply.body);
    yakumo_testkit::element(&text, "Code").unwrap_or_default()
}

#[tokio::test]
async fn an_object_comes_back_and_a_stranger_gets_none() {
    let cloud = TestCloud::start().await.unwrap();
    let (root, other) = (cloud.root("000000000000"), cloud.root("111122223333"));
    assert_eq!(call(&root, Method::PUT, "/bucket", b"").await.status, 200);
    assert_eq!(call(&root, Method::PUT, "/bucket/key", b"body").await.status, 200);
    assert_eq!(call(&root, Method::GET, "/bucket/key", b"").await.body, "body");
    let denied = call(&other, Method::GET, "/bucket/key", b"").await;
    assert_eq!((denied.status.as_u16(), code(&denied).as_str()), (403, "AccessDenied"));
    let absent = call(&root, Method::GET, "/bucket/other", b"").await;
    assert_eq!((absent.status.as_u16(), code(&absent).as_str()), (404, "NoSuchKey"));
}

#[tokio::test]
async fn of_two_who_make_a_key_at_once_one_does() {
    let cloud = TestCloud::start().await.unwrap();
    let root = cloud.root("000000000000");
    call(&root, Method::PUT, "/bucket", b"").await;
    for round in 0..20 {
        let path = format!("/bucket/{round}");
        let put = |body: &'static [u8]| {
            let request = Request::put(&path).header("if-none-match", "*");
            root.send("s3", request, Bytes::from_static(body))
        };
        let (one, two) = tokio::join!(put(b"one"), put(b"two"));
        let mut statuses = [one.unwrap().status.as_u16(), two.unwrap().status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 412]);
    }
}

#[tokio::test]
async fn what_was_replaced_frees_its_space() {
    let directory = tempfile::tempdir().unwrap();
    let cloud = TestCloud::start_in(directory.path()).await.unwrap();
    let root = cloud.root("000000000000");
    call(&root, Method::PUT, "/bucket", b"").await;
    for _ in 0..5 {
        assert_eq!(call(&root, Method::PUT, "/bucket/key", &vec![7; 100_000]).await.status, 200);
    }
    let blobs = || {
        let folders = walk(directory.path());
        folders.into_iter().filter(|path| path.to_string_lossy().contains("/blobs/")).count()
    };
    assert!(blobs() > 0);
    assert_eq!(call(&root, Method::DELETE, "/bucket/key", b"").await.status, 204);
    assert_eq!(call(&root, Method::DELETE, "/bucket", b"").await.status, 204);
    let cloud = cloud.restart().await.unwrap();
    for _ in 0..200 {
        if blobs() == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(blobs(), 0, "bodies of replaced and deleted objects are gone");
    cloud.stop().await;
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.path().is_dir() {
            true => files.extend(walk(&entry.path())),
            false => files.push(entry.path()),
        }
    }
    files
}
