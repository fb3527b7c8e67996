//! The load generator. For each phase: make and sign every request, read the server's CPU time, start the clock, send
//! over keep-alive connections (one request in flight on each), stop the clock, read the CPU time again.

use std::{
    cell::{Cell, RefCell},
    fs,
    io::Write,
    path::PathBuf,
    rc::Rc,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use memchr::memmem;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use tokio::task::LocalSet;

use crate::{
    connection::Connection,
    measure::{Measured, percentile},
    process,
    request::Sender,
    signer::Signer,
};

/// How the load is made.
#[derive(clap::Args)]
pub struct Options {
    /// The server, `host:port`.
    #[arg(long)]
    address: String,
    /// The server's process, whose CPU time is read.
    #[arg(long)]
    pid: u32,
    #[arg(long)]
    queue_url: String,
    #[arg(long, default_value = "test")]
    access_key: String,
    #[arg(long, default_value = "test")]
    secret: String,
    /// The session token, when the key is a temporary one.
    #[arg(long)]
    token: Option<String>,
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// Measured requests in each phase.
    #[arg(long, default_value_t = 100_000)]
    requests: usize,
    /// Requests in each phase that are sent first and not measured.
    #[arg(long, default_value_t = 2_000)]
    warm: usize,
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Bytes in a message's body.
    #[arg(long, default_value_t = 128)]
    body_bytes: usize,
    /// Phases in their order: fill (SendMessageBatch of ten), url (GetQueueUrl), send, receive, delete (what receive got).
    #[arg(long, value_delimiter = ',', default_value = "send,receive,delete")]
    phases: Vec<String>,
    /// A file that keeps receipt handles from one call to the next, so that phases can be run one by one.
    #[arg(long)]
    handles: Option<PathBuf>,
    /// The first number used in message bodies, so that several runs stay distinct.
    #[arg(long, default_value_t = 0)]
    first: usize,
}

/// Runs the phases and prints one JSON object with an entry for each.
pub fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut report = Map::new();
    let mut handles: Vec<String> = match &options.handles {
        Some(file) if file.exists() => serde_json::from_slice(&fs::read(file)?)?,
        _ => Vec::new(),
    };
    for phase in &options.phases {
        let requests = prepare(options, phase, &handles)?;
        let local = LocalSet::new();
        let outcome = local.block_on(&runtime, send_all(options, requests, phase == "receive"))?;
        if phase == "receive" {
            handles = outcome.handles;
        }
        report.insert(phase.clone(), serde_json::to_value(outcome.measured)?);
    }
    if let Some(file) = &options.handles {
        fs::write(file, serde_json::to_vec(&handles)?)?;
    }
    writeln!(std::io::stdout(), "{}", Value::Object(report))?;
    Ok(())
}

fn prepare(options: &Options, phase: &str, handles: &[String]) -> Result<Vec<Vec<u8>>> {
    let signer =
        Signer::new(&options.access_key, &options.secret, &options.region, "sqs", OffsetDateTime::now_utc())?
            .with_token(options.token.clone());
    let sender = Sender { signer: &signer, host: &options.address, queue_url: &options.queue_url };
    let numbers = options.first..options.first + options.requests + options.warm;
    Ok(match phase {
        "fill" => numbers.map(|n| sender.send_ten(n, options.body_bytes)).collect(),
        "url" => numbers.map(|n| sender.url(n)).collect(),
        "send" => numbers.map(|n| sender.send(n, options.body_bytes)).collect(),
        "receive" => numbers.map(|n| sender.receive(n)).collect(),
        "delete" => handles.iter().enumerate().map(|(n, handle)| sender.delete(n, handle)).collect(),
        other => bail!("there is no phase {other}: fill, url, send, receive or delete"),
    })
}

struct Outcome {
    measured: Measured,
    handles: Vec<String>,
}

/// What the connections of one phase share; all on one thread.
struct Phase {
    requests: Vec<Vec<u8>>,
    next: Cell<usize>,
    end: Cell<usize>,
    keep_handles: bool,
    handles: RefCell<Vec<String>>,
    latencies_us: RefCell<Vec<u32>>,
    errors: Cell<usize>,
    empty: Cell<usize>,
    first_error: RefCell<Option<String>>,
}

async fn send_all(options: &Options, requests: Vec<Vec<u8>>, keep_handles: bool) -> Result<Outcome> {
    let total = requests.len();
    let warm = options.warm.min(total / 2);
    let phase = Rc::new(Phase {
        requests,
        next: Cell::new(0),
        end: Cell::new(warm),
        keep_handles,
        handles: RefCell::new(Vec::with_capacity(total)),
        latencies_us: RefCell::new(Vec::with_capacity(total)),
        errors: Cell::new(0),
        empty: Cell::new(0),
        first_error: RefCell::new(None),
    });
    let mut connections: Vec<Connection> =
        (0..options.connections).map(|_| Connection::new(&options.address)).collect();
    connections = drive(&phase, connections).await?;
    phase.latencies_us.borrow_mut().clear();
    phase.end.set(total);
    let cpu_before = process::cpu_us(options.pid).context("the server's process is gone")?;
    let started = Instant::now();
    drive(&phase, connections).await?;
    let seconds = started.elapsed().as_secs_f64();
    let cpu_us = process::cpu_us(options.pid).context("the server's process is gone")? - cpu_before;
    Ok(phase.outcome(total - warm, seconds, cpu_us))
}

/// Lets every connection take requests until `end` is reached.
async fn drive(phase: &Rc<Phase>, connections: Vec<Connection>) -> Result<Vec<Connection>> {
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let phase = Rc::clone(phase);
            tokio::task::spawn_local(async move {
                while let Some(request) = phase.take() {
                    let started = Instant::now();
                    let answer = connection.exchange(request).await;
                    phase.note(started, answer);
                }
                connection
            })
        })
        .collect();
    let mut back = Vec::with_capacity(tasks.len());
    for task in tasks {
        back.push(task.await?);
    }
    Ok(back)
}

impl Phase {
    fn take(&self) -> Option<&[u8]> {
        let n = self.next.get();
        if n >= self.end.get() {
            return None;
        }
        self.next.set(n + 1);
        self.requests.get(n).map(Vec::as_slice)
    }

    fn note(&self, started: Instant, answer: std::io::Result<(u16, &[u8])>) {
        let took = u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX);
        self.latencies_us.borrow_mut().push(took);
        match answer {
            Ok((200, body)) if self.keep_handles => match receipt_handle(body) {
                Some(handle) => self.handles.borrow_mut().push(handle),
                None => self.empty.set(self.empty.get() + 1),
            },
            Ok((200, _)) => {}
            Ok((status, body)) => self.fail(format!("{status} {}", String::from_utf8_lossy(body))),
            Err(error) => self.fail(error.to_string()),
        }
    }

    fn fail(&self, text: String) {
        self.errors.set(self.errors.get() + 1);
        self.first_error.borrow_mut().get_or_insert(text);
    }

    fn outcome(&self, requests: usize, seconds: f64, cpu_us: u64) -> Outcome {
        let mut sorted = self.latencies_us.take();
        sorted.sort_unstable();
        let measured = Measured {
            requests,
            errors: self.errors.get(),
            first_error: self.first_error.take(),
            empty: self.keep_handles.then(|| self.empty.get()),
            seconds,
            per_second: requests as f64 / seconds,
            server_cpu_us: cpu_us as f64 / requests as f64,
            p50_us: percentile(&sorted, 0.50),
            p95_us: percentile(&sorted, 0.95),
            p99_us: percentile(&sorted, 0.99),
            max_us: percentile(&sorted, 1.0),
        };
        Outcome { measured, handles: self.handles.take() }
    }
}

/// The receipt handle in a ReceiveMessage answer. Handles hold nothing that JSON must escape.
fn receipt_handle(body: &[u8]) -> Option<String> {
    const KEY: &[u8] = b"\"ReceiptHandle\":";
    let after = body.get(memmem::find(body, KEY)? + KEY.len()..)?;
    let start = memchr::memchr(b'"', after)? + 1;
    let value = after.get(start..)?;
    Some(String::from_utf8_lossy(value.get(..memchr::memchr(b'"', value)?)?).into_owned())
}

#[cfg(test)]
mod tests {
    use super::receipt_handle;

    #[test]
    fn finds_the_receipt_handle() {
        let check =
            |body: &str, wanted: Option<&str>| assert_eq!(receipt_handle(body.as_bytes()).as_deref(), wanted);
        check(r#"{"Messages":[{"ReceiptHandle":"AQEB+/=","Body":"x"}]}"#, Some("AQEB+/="));
        check(r#"{"Messages": [{"ReceiptHandle": "h"}]}"#, Some("h"));
        check("{}", None);
    }
}
