//! `kill -9` under load, again and again: everything acknowledged is there, nothing is half there.
//!
//! `YAKUMO_KILL_ROUNDS` sets the number of rounds (default 4).

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use yakumo_store::{Batch, Config, Durability, Range, Store, StoreError};

use crate::engines::runtime;

const DIRECTORY: &str = "YAKUMO_TEST_KILL_DIRECTORY";
const FSYNC: &str = "YAKUMO_TEST_KILL_FSYNC";
const WRITERS: u64 = 6;
/// Each writer keeps its last so many records and deletes older ones.
const WINDOW: u64 = 40;

fn config(path: &Path, fsync: bool) -> Config {
    Config::directory(path).durability(if fsync { Durability::Fsync } else { Durability::Process })
}

/// One batch of a writer: two halves of a record, a counter, and the deletion of an old record.
fn step(writer: u64, number: u64) -> Batch {
    let mut batch = Batch::new();
    // The last writer's are large, so that flushing and the change of journals are killed too.
    let len = if writer == WRITERS - 1 { 20_000 } else { 50 + number % 300 };
    batch.put(format!("half/{writer}/{number:09}/a"), vec![number as u8; len as usize]);
    batch.put(format!("counter/{writer}"), number.to_string());
    if let Some(old) = number.checked_sub(WINDOW) {
        batch.delete(format!("half/{writer}/{old:09}/a")).delete(format!("half/{writer}/{old:09}/b"));
    }
    batch.put(format!("half/{writer}/{number:09}/b"), "");
    batch
}

/// The number of a writer's last batch, after making sure that nothing is half there.
async fn check_writer(store: &Store, writer: u64) -> Option<u64> {
    let counter = store.get(format!("counter/{writer}").as_bytes()).await.unwrap();
    let last: Option<u64> = counter.map(|n| std::str::from_utf8(&n).unwrap().parse().unwrap());
    let found = store.scan(Range::prefix(format!("half/{writer}/")), 10_000).await.unwrap();
    let found: Vec<_> = found.into_iter().map(|(key, _)| String::from_utf8(key.to_vec()).unwrap()).collect();
    let expected: Vec<_> = last
        .map(|last| (last + 1).saturating_sub(WINDOW)..=last)
        .into_iter()
        .flatten()
        .flat_map(|number| ["a", "b"].map(|half| format!("half/{writer}/{number:09}/{half}")))
        .collect();
    assert_eq!(found, expected, "writer {writer} counts {last:?}");
    last
}

async fn write_for_ever(store: Store, writer: u64) {
    let mut number = check_writer(&store, writer).await.map_or(0, |last| last + 1);
    loop {
        store.commit(step(writer, number)).await.unwrap();
        let line = format!("ack {writer} {number}\n");
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
        number += 1;
    }
}

/// Not a test: the process that is killed. It writes for ever and says what was acknowledged.
#[test]
#[ignore = "run by the kill tests"]
fn writer_process() {
    let Some(path) = std::env::var_os(DIRECTORY) else { return };
    runtime().block_on(async {
        let store = Store::open(config(Path::new(&path), std::env::var_os(FSYNC).is_some())).await.unwrap();
        let tasks: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let store = store.clone();
                tokio::spawn(write_for_ever(store, writer))
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

fn start_writer(path: &Path, fsync: bool) -> Child {
    start("kill::writer_process", path, fsync)
}

fn start(process: &str, path: &Path, fsync: bool) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", process, "--ignored", "--nocapture"]);
    command.env(DIRECTORY, path).stdout(Stdio::piped()).stderr(Stdio::null());
    if fsync {
        command.env(FSYNC, "1");
    }
    command.spawn().unwrap()
}

/// Lets a writer run for so long after its first acknowledgement, kills it, and answers what it acknowledged.
fn kill_a_writer(path: &Path, fsync: bool, run: Duration) -> HashMap<u64, u64> {
    let mut child = start_writer(path, fsync);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (first, started) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let (mut acknowledged, mut line) = (HashMap::new(), String::new());
        while output.read_line(&mut line).unwrap() > 0 {
            // Without its end a line was cut by the kill. The first one may follow a word of the test harness.
            if let Some(ack) = line.strip_suffix('\n').and_then(|line| line.split_once("ack ")) {
                let (writer, number) = ack.1.split_once(' ').unwrap();
                acknowledged.insert(writer.parse().unwrap(), number.parse().unwrap());
                let _ = first.send(());
            }
            line.clear();
        }
        acknowledged
    });
    let begun = started.recv_timeout(Duration::from_secs(60)).is_ok();
    std::thread::sleep(run);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(begun, "the writer never began");
    reader.join().unwrap()
}

fn rounds() -> u64 {
    std::env::var("YAKUMO_KILL_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(4)
}

fn survive(fsync: bool) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let mut acknowledged_in_all = 0;
    for round in 0..rounds() {
        let acknowledged = kill_a_writer(&path, fsync, Duration::from_millis(20 + round * 37 % 180));
        runtime().block_on(async {
            let store = Store::open(config(&path, fsync)).await.unwrap();
            for writer in 0..WRITERS {
                let last = check_writer(&store, writer).await;
                assert!(last >= acknowledged.get(&writer).copied(), "writer {writer} lost {last:?}");
                acknowledged_in_all = acknowledged_in_all.max(last.unwrap_or(0));
            }
            store.close().await.unwrap();
        });
    }
    assert!(acknowledged_in_all > 0);
}

#[test]
fn acknowledged_commits_survive_kill_9() {
    survive(false);
}

#[test]
fn acknowledged_commits_survive_kill_9_with_fsync() {
    survive(true);
}

#[test]
fn a_second_process_is_refused_until_the_first_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let mut child = start_writer(&path, false);
    let mut line = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    while !line.contains("ack") {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0);
    }
    let refused = runtime().block_on(Store::open(config(&path, false))).err().unwrap();
    let pid = child.id();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(refused.to_string().contains(&format!("process {pid}")), "{refused}");
    assert!(runtime().block_on(Store::open(config(&path, false))).is_ok());
}

/// A small generator of test numbers; the seed is fixed so that a failure comes again.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

fn journal(path: &Path) -> PathBuf {
    let folder = path.join("generation-1/records");
    let mut journals: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jnl"))
        .collect();
    journals.sort();
    journals.pop().unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What power loss may leave of an unsynced end: nothing after some byte, or zeroes, or a page of zeroes in it.
#[test]
fn a_journal_cut_anywhere_opens_as_a_prefix_of_the_commits() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    let batches = 300_u64;
    runtime().block_on(async {
        let store = Store::open(config(&path, true)).await.unwrap();
        for from in (0..batches).step_by(7) {
            let group = from..batches.min(from + 7);
            let tickets: Vec<_> = group.map(|number| store.enqueue(step(0, number))).collect();
            for ticket in tickets {
                ticket.await.unwrap();
            }
        }
        // The last group is larger than a page.
        let mut batch = step(0, batches);
        batch.put("large", vec![9; 5_000]);
        store.commit(batch).await.unwrap();
    });
    let mut whole = std::fs::read(journal(&path)).unwrap();
    let end = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    // Of the reserved space some is enough.
    whole.truncate(end + 10_000);
    std::fs::write(journal(&path), &whole).unwrap();
    let (mut seed, mut lengths) = (0x5eed_u64, std::collections::BTreeSet::new());
    for round in 0..rounds() * 8 {
        let cut = (random(&mut seed) % end as u64) as usize;
        let mut left = whole.clone();
        match round % 3 {
            0 => left.truncate(cut),
            1 => left[cut..].fill(0),
            // A page of the last commits that did not reach the disk, although later ones did.
            _ => {
                let page = end - cut % 4096;
                left[page..end - (end - page) / 2].fill(0);
            }
        }
        let copied = dir.path().join(format!("cut-{round}"));
        copy(&path, &copied);
        std::fs::write(journal(&copied), left).unwrap();
        runtime().block_on(async {
            let store = Store::open(config(&copied, true)).await.unwrap();
            let last = check_writer(&store, 0).await;
            lengths.insert(last);
            let next = last.map_or(0, |last| last + 1);
            store.commit(step(0, next)).await.unwrap();
            store.close().await.unwrap();
            let again = Store::open(config(&copied, true)).await.unwrap();
            assert_eq!(check_writer(&again, 0).await, Some(next));
        });
        std::fs::remove_dir_all(&copied).unwrap();
    }
    assert!(lengths.len() > 3, "{lengths:?}");
    // Damage before whole commits is no torn end: a sync has covered it.
    for at in end / 2..end / 2 + 40 {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        std::fs::write(journal(&path), damaged).unwrap();
        let refused = runtime().block_on(Store::open(config(&path, true))).err().unwrap();
        assert!(matches!(refused, StoreError::Corrupt { .. }), "{at}: {refused}");
    }
}

const LOADED_KEYS: usize = 2_000;

/// Not a test: the process that is killed. It loads two snapshot files in turn, with a reset now and then.
#[test]
#[ignore = "run by the kill tests"]
fn loader_process() {
    let Some(path) = std::env::var_os(DIRECTORY) else { return };
    let path = Path::new(&path);
    runtime().block_on(async {
        let store = Store::open(config(&path.join("data"), std::env::var_os(FSYNC).is_some())).await.unwrap();
        for round in 0.. {
            if round % 5 == 4 {
                store.reset().await.unwrap();
            } else {
                store.load(&path.join(if round % 2 == 0 { "a" } else { "b" })).await.unwrap();
            }
            std::io::stdout().lock().write_all(format!("ack 0 {round}\n").as_bytes()).unwrap();
        }
    });
}

/// A snapshot file in which every value, and the body of the one blob, is the same letter.
async fn make_snapshot(file: &Path, letter: u8) {
    let store = Store::open(Config::memory()).await.unwrap();
    let mut writer = store.blobs().create().await.unwrap();
    writer.write(vec![letter; 300_000].into()).await.unwrap();
    let blob = writer.finish().await.unwrap();
    let mut batch = Batch::new();
    batch.keep_blob(&blob).put("blob", blob.id().to_string());
    for number in 0..LOADED_KEYS {
        batch.put(format!("key/{number}"), vec![letter; 100]);
    }
    store.commit(batch).await.unwrap();
    store.save(file).await.unwrap();
}

/// Nothing, or all of one snapshot.
async fn check_loaded(store: &Store) {
    let found = store.scan(Range::prefix("key/"), 10_000).await.unwrap();
    let Some((_, value)) = found.first() else {
        assert!(store.scan(Range::all(), 1).await.unwrap().is_empty());
        return;
    };
    assert_eq!(found.len(), LOADED_KEYS);
    assert!(found.iter().all(|(_, other)| other == value));
    let id = store.get(b"blob").await.unwrap().unwrap();
    let id = yakumo_store::BlobId::parse(std::str::from_utf8(&id).unwrap()).unwrap();
    let body = store.blobs().open(id).await.unwrap().bytes().await.unwrap();
    assert!(body.len() == 300_000 && body.iter().all(|byte| *byte == value[0]));
}

#[test]
fn a_killed_load_leaves_the_old_or_the_new() {
    let dir = tempfile::tempdir().unwrap();
    runtime().block_on(async {
        make_snapshot(&dir.path().join("a"), b'a').await;
        make_snapshot(&dir.path().join("b"), b'b').await;
    });
    for round in 0..rounds() {
        let mut child = start("kill::loader_process", dir.path(), round % 2 == 1);
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("ack") {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0);
        }
        std::thread::sleep(Duration::from_millis(5 + round * 29 % 150));
        child.kill().unwrap();
        child.wait().unwrap();
        runtime().block_on(async {
            let store = Store::open(config(&dir.path().join("data"), false)).await.unwrap();
            check_loaded(&store).await;
            store.close().await.unwrap();
        });
        let data = std::fs::read_dir(dir.path().join("data")).unwrap();
        let generations = data
            .filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with("generation-"));
        assert_eq!(generations.count(), 1, "what was not finished is removed");
    }
}
