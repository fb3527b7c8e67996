//! `fsck`: a whole store is found whole; damage of each kind is found and named; a repair removes what is nobody's and
//! nothing else.

use bytes::Bytes;
use http::{Method, Request};
use std::path::{Path, PathBuf};
use yakumo_cloud::{Checked, Config, Location, fsck};
use yakumo_store::key::KeyBuilder;
use yakumo_store::{Batch, Range, Store};
use yakumo_testkit::{Client, TestCloud, element};

const LARGE: usize = 300_000;

async fn call(root: &Client, method: Method, path: &str, body: usize) -> String {
    let reply =
        root.send("s3", Request::builder().method(method).uri(path), Bytes::from(vec![7; body])).await;
    let reply = reply.unwrap();
    assert!(reply.status.is_success(), "{path}: {}", String::from_utf8_lossy(&reply.body));
    String::from_utf8_lossy(&reply.body).into_owned()
}

/// A store with an empty, a small and a large object and an upload with a small and a large part.
async fn whole() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let cloud = TestCloud::start_in(directory.path()).await.unwrap();
    let root = cloud.root("000000000000");
    call(&root, Method::PUT, "/bucket", 0).await;
    for (key, size) in [("empty", 0), ("small", 1_000), ("large", LARGE)] {
        call(&root, Method::PUT, &format!("/bucket/{key}"), size).await;
    }
    let upload = call(&root, Method::POST, "/bucket/parts?uploads", 0).await;
    let upload = element(&upload, "UploadId").unwrap();
    for (number, size) in [(1, 2_000), (2, LARGE)] {
        let path = format!("/bucket/parts?partNumber={number}&uploadId={upload}");
        call(&root, Method::PUT, &path, size).await;
    }
    cloud.stop().await;
    directory
}

fn config(directory: &Path) -> Config {
    Config { location: Location::Directory(directory.join("store")), ..Config::default() }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn blobs(directory: &Path) -> Vec<PathBuf> {
    files(&directory.join("store/generation-1/blobs"))
}

fn table(name: &str) -> Range {
    Range::prefix(KeyBuilder::new("*", "global", "s3", name).build())
}

/// Changes the rows of a table whose key or value contains `text`.
async fn change(directory: &Path, of: &str, text: &str, value: Option<&'static [u8]>) {
    let store = Store::open(yakumo_store::Config::directory(directory.join("store"))).await.unwrap();
    let has = |bytes: &[u8]| text.is_empty() || bytes.windows(text.len()).any(|part| part == text.as_bytes());
    let rows = store.scan(table(of), 100).await.unwrap();
    let mut batch = Batch::new();
    for (key, _) in rows.into_iter().filter(|(key, value)| has(key) || has(value)) {
        match value {
            Some(value) => batch.put(key, value),
            None => batch.delete(key),
        };
    }
    assert!(!batch.is_empty(), "nothing in {of} has {text}");
    store.commit(batch).await.unwrap();
    store.close().await.unwrap();
}

/// What is wrong after a damage, and what of it is left after a repair.
async fn check(whole: &Path, damage: impl AsyncFnOnce(&Path), found: &[&str], left: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    copy(whole, directory.path());
    damage(directory.path()).await;
    let config = config(directory.path());
    let compare = |checked: &Checked, wanted: &[&str]| {
        let lines: Vec<_> = checked.findings.iter().map(|finding| finding.what.as_str()).collect();
        assert_eq!(lines.len(), wanted.len(), "{lines:#?}");
        for wanted in wanted {
            assert!(lines.iter().any(|line| line.contains(wanted)), "{wanted} is not in {lines:#?}");
        }
        assert_eq!(checked.whole, wanted.is_empty());
    };
    // Looking changes nothing: it finds the same twice.
    compare(&fsck(&config, false).await.unwrap(), found);
    compare(&fsck(&config, false).await.unwrap(), found);
    let repaired = fsck(&config, true).await.unwrap();
    compare(&repaired, left);
    assert_eq!(repaired.repaired.len(), found.len() - left.len());
    compare(&fsck(&config, false).await.unwrap(), left);
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_of_files_is_found() {
    let whole = whole().await;
    let whole = whole.path();
    check(whole, async |_| {}, &[], &[]).await;
    let missing = &["is missing"];
    let remove = async |directory: &Path| std::fs::remove_file(&blobs(directory)[0]).unwrap();
    check(whole, remove, missing, missing).await;
    let flip = async |directory: &Path| {
        let path = &blobs(directory)[0];
        let mut bytes = std::fs::read(path).unwrap();
        bytes[LARGE / 2] ^= 1;
        std::fs::write(path, bytes).unwrap();
    };
    check(whole, flip, &["is damaged"], &["is damaged"]).await;
    let cut = async |directory: &Path| {
        let file = std::fs::File::options().write(true).open(&blobs(directory)[0]).unwrap();
        file.set_len(LARGE as u64 / 2).unwrap();
    };
    check(whole, cut, &["is damaged"], &["is damaged"]).await;
    let nobodys = async |directory: &Path| {
        let folder = directory.join("store/generation-1");
        std::fs::create_dir_all(folder.join("blobs/ab")).unwrap();
        let id = format!("ab{}", "0".repeat(30));
        std::fs::copy(&blobs(directory)[0], folder.join("blobs/ab").join(id)).unwrap();
        std::fs::write(folder.join("uploads").join("c".repeat(32)), "half").unwrap();
    };
    let neither = "which is neither kept nor pending nor garbage";
    check(whole, nobodys, &[neither, neither], &[]).await;
    let strange = async |directory: &Path| {
        std::fs::write(directory.join("store/generation-1/blobs/notes.txt"), "mine").unwrap();
    };
    check(whole, strange, &["notes.txt lies among the blobs"], &["notes.txt"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_of_records_is_found() {
    let whole = whole().await;
    let whole = whole.path();
    let body = async |directory: &Path| change(directory, "bodies", "", Some(b"abc")).await;
    check(whole, body, &["has 3 bytes and not 1000", "has 3 bytes and not 2000"], &["1000", "2000"]).await;
    let gone = ["small in bucket bucket: its body", "part 1 of upload"];
    check(whole, async |directory| change(directory, "bodies", "", None).await, &gone, &gone).await;
    let small = async |directory: &Path| change(directory, "versions", "small", None).await;
    check(whole, small, &["no record refers to the body"], &[]).await;
    let large = async |directory: &Path| change(directory, "versions", "large", None).await;
    check(whole, large, &["is kept, and no record refers to it"], &[]).await;
    let upload = async |directory: &Path| change(directory, "uploads", "", None).await;
    let found =
        ["part 1 of upload", "part 2 of upload", "no record refers to the body", "is kept, and no record"];
    check(whole, upload, &found, &[]).await;
    let bucket = async |directory: &Path| change(directory, "buckets", "", None).await;
    let found =
        ["empty in bucket", "small in bucket", "large in bucket", "of parts: the bucket is not there"];
    check(whole, bucket, &found, &found).await;
    let garbled = async |directory: &Path| change(directory, "versions", "empty", Some(b"\x01{")).await;
    check(whole, garbled, &["cannot be read"], &["cannot be read"]).await;
    let moved = async |directory: &Path| {
        let store = Store::open(yakumo_store::Config::directory(directory.join("store"))).await.unwrap();
        let rows = store.scan(table("versions"), 100).await.unwrap();
        let mut batch = Batch::new();
        batch.put(rows[1].0.clone(), rows[0].1.clone());
        store.commit(batch).await.unwrap();
        store.close().await.unwrap();
    };
    let found = ["it is not in its place", "is kept, and no record refers to it"];
    check(whole, moved, &found, &found[..1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_cloud_is_asked_and_nothing_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let absent = config(directory.path());
    assert!(fsck(&absent, false).await.err().unwrap().to_string().contains("no cloud is kept in"));
    assert!(!directory.path().join("store").exists(), "looking makes no store");
    let cloud = TestCloud::start_in(directory.path()).await.unwrap();
    let locked = fsck(&absent, true).await.err().unwrap();
    assert!(matches!(locked, yakumo_store::StoreError::Locked { .. }), "{locked}");
    cloud.stop().await;
    assert!(fsck(&absent, false).await.unwrap().whole);
}
