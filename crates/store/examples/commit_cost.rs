//! What a commit costs: CPU microseconds and wall time for 1 and 32 writers of two 150-byte values each.
//!
//! Run it with `cargo run --release -p yakumo-store --example commit_cost [directory]`. CPU time is that split into that of the commits
//! and that of the engine's flushing and compacting behind them; it is only read on Linux.

#![expect(clippy::print_stdout, reason = "an example prints what it measured")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use yakumo_store::key::KeyBuilder;
use yakumo_store::{Batch, CloudId, Config, Durability, Location, Store, StoreError};

/// CPU time in microseconds (user and system ticks of 10 ms): of the commits, and of fjall's worker.
fn cpu_us() -> (f64, f64) {
    let of = |path: PathBuf| {
        let stat = std::fs::read_to_string(path.join("stat")).unwrap_or_default();
        let (name, fields) = stat.rsplit_once(')').unwrap_or_default();
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks =
            |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
        (name.contains("fjall"), (ticks(11) + ticks(12)) * 10_000.0)
    };
    let all = of("/proc/self".into()).1;
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let worker = tasks.map(|task| of(task.path())).filter(|(fjall, _)| *fjall).map(|(_, us)| us).sum();
    (all - worker, worker)
}

/// Resident memory in MiB.
fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}

fn message(writer: u64, number: u64) -> Batch {
    let key = |table| KeyBuilder::new("000000000000", "us-east-1", "sqs", table).u64(writer).u64(number);
    let mut batch = Batch::new();
    batch.put(key("messages"), vec![b'm'; 150]).put(key("visible"), vec![b'v'; 150]);
    batch
}

async fn measure(name: &str, config: Config, writers: u64, commits: u64) -> Result<(), StoreError> {
    let opening = Instant::now();
    let store = Store::open(config).await?;
    let opened_ms = opening.elapsed().as_secs_f64() * 1e3;
    let idle_mib = resident_mib();
    let (cpu, wall) = (cpu_us(), Instant::now());
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0..commits / writers {
                    store.commit(message(writer, number)).await?;
                }
                Ok::<(), StoreError>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.map_err(|_| StoreError::Closed)??;
    }
    let wall = wall.elapsed().as_secs_f64() * 1e6;
    let (here, worker) = (cpu_us().0 - cpu.0, cpu_us().1 - cpu.1);
    println!(
        "{name:<28} {writers:>2} writers: {:>6.2} CPU us a commit and {:>5.2} behind it, {:>7.2} us wall; {:>6.0} commits/s; \
         open {opened_ms:.1} ms, {idle_mib:.0} MiB at first, {:.0} MiB at last",
        here / commits as f64,
        worker / commits as f64,
        wall / commits as f64,
        commits as f64 / wall * 1e6,
        resident_mib(),
    );
    let key = KeyBuilder::new("000000000000", "us-east-1", "sqs", "messages").u64(0).u64(7).build();
    let (cpu, reads) = (Instant::now(), 200_000);
    for _ in 0..reads {
        store.get(&key).await?;
    }
    println!("{name:<28} one reader: {:.2} us a get", cpu.elapsed().as_secs_f64() * 1e6 / f64::from(reads));
    drop(store);
    Ok(())
}

/// How long it takes to open a directory again after `kill -9`, with so many messages in it.
async fn measure_recovery(root: &Path, messages: u64) -> Result<(), Box<dyn std::error::Error>> {
    let path = root.join(format!("yakumo-killed-{}", std::process::id()));
    let mut child = Command::new(std::env::current_exe()?)
        .args(["fill", &messages.to_string()])
        .arg(&path)
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().ok_or("no pipe")?).read_line(&mut line)?;
    child.kill()?;
    child.wait()?;
    let (cpu, opening) = (cpu_us(), Instant::now());
    let again = Store::open(Config::directory(&path)).await?;
    let opened_ms = opening.elapsed().as_secs_f64() * 1e3;
    let cpu_ms = (cpu_us().0 - cpu.0) / 1e3;
    let found = messages == 0 || again.get(&filled(messages.saturating_sub(1)).build()).await?.is_some();
    println!(
        "killed with {messages:>7} messages ({}): open {opened_ms:.1} ms, {cpu_ms:.0} ms CPU, {:.0} MiB, last one {}",
        line.trim(),
        resident_mib(),
        if found { "found" } else { "LOST" },
    );
    again.close().await?;
    std::fs::remove_dir_all(&path)?;
    Ok(())
}

fn filled(number: u64) -> KeyBuilder {
    KeyBuilder::new("000000000000", "us-east-1", "sqs", "messages").u64(number)
}

/// The killed one.
async fn fill(path: &str, messages: u64) -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open(Config::directory(path)).await?;
    let (cpu, wall) = (cpu_us(), Instant::now());
    for number in 0..messages {
        let mut batch = Batch::new();
        batch.put(filled(number), vec![b'm'; 150]);
        store.commit(batch).await?;
    }
    let count = messages.max(1) as f64;
    println!("{:.2} CPU us each, {:.0} ms", (cpu_us().0 - cpu.0) / count, wall.elapsed().as_secs_f64() * 1e3);
    std::thread::sleep(Duration::from_secs(60));
    Ok(())
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, verb, messages, path] = arguments.as_slice() {
        assert_eq!(verb, "fill");
        return fill(path, messages.parse()?).await;
    }
    let root: PathBuf = arguments.get(1).map_or_else(std::env::temp_dir, Into::into);
    for messages in [0, 1_000, 250_000, 500_000, 1_000_000] {
        measure_recovery(&root, messages).await?;
    }
    for (name, durability, commits) in [
        ("directory, process", Some(Durability::Process), 400_000),
        ("directory, fsync", Some(Durability::Fsync), 3_200),
        ("memory", None, 400_000),
    ] {
        for writers in [1, 32] {
            let path = root.join(format!("yakumo-commit-cost-{}", std::process::id()));
            let config = match durability {
                Some(durability) => Config::directory(&path).durability(durability),
                None => Config::memory(),
            };
            measure(name, config, writers, commits).await?;
            if path.exists() {
                std::fs::remove_dir_all(&path)?;
            }
        }
    }
    if let Ok(url) = std::env::var("YAKUMO_TEST_POSTGRES") {
        for writers in [1, 32] {
            let config =
                Config { cloud: Some(CloudId::random()?), ..Config::new(Location::Postgres(url.clone())) };
            measure("PostgreSQL", config, writers, 6_400).await?;
        }
    }
    Ok(())
}
