//! The load generator for S3. One phase a call: make and sign every request, read the server's CPU time, start the
//! clock, send over keep-alive connections (one request in flight on each), stop the clock, read the CPU time again.
//! Bodies are a head of their own and a tail that all share, so that gigabytes need no memory.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::Engine;
use md5::{Digest, Md5};
use memchr::memmem;
use time::OffsetDateTime;
use tokio::task::LocalSet;

use crate::connection::Connection;
use crate::measure::{Measured, percentile};
use crate::process;
use crate::signer::{Signer, hex};

/// Requests up to so many bytes are sent in one piece.
const ONE_PIECE_BYTES: usize = 128 * 1024;
/// The bytes at the head of a body that no other has.
const OWN_BYTES: usize = 16;
/// Keys of one list and of one delete.
const KEYS: usize = 1_000;

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
    bucket: String,
    #[arg(long, default_value = "test")]
    access_key: String,
    #[arg(long, default_value = "test")]
    secret: String,
    #[arg(long, default_value = "us-east-1")]
    region: String,
    /// put, get, list (1,000 keys from the middle), delete (1,000 keys), parts (one upload of so many parts).
    #[arg(long)]
    phase: String,
    /// What keys begin with.
    #[arg(long, default_value = "k/")]
    prefix: String,
    /// Bytes of a body, at least 16.
    #[arg(long, default_value_t = 4096)]
    size: usize,
    /// Measured requests; of `parts`, the parts.
    #[arg(long, default_value_t = 10_000)]
    requests: usize,
    /// Requests that are sent first and not measured.
    #[arg(long, default_value_t = 0)]
    warm: usize,
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// The first number used in keys.
    #[arg(long, default_value_t = 0)]
    first: usize,
    /// list: how many keys there are under the prefix.
    #[arg(long, default_value_t = 1_000)]
    keys: usize,
}

/// A request as bytes: what is its own, and what it shares.
struct Ready {
    head: Vec<u8>,
    tail: &'static [u8],
    /// The length of the answer's body that is right, where it is known.
    wanted: Option<usize>,
}

struct Sender<'a> {
    options: &'a Options,
    signer: Signer,
    noise: &'static [u8],
}

/// Runs the phase and prints one JSON object.
pub fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let signer =
        Signer::new(&options.access_key, &options.secret, &options.region, "s3", OffsetDateTime::now_utc())?;
    let noise = noise(options.size.saturating_sub(OWN_BYTES));
    let sender = Sender { options, signer, noise };
    let local = LocalSet::new();
    let measured = if options.phase == "parts" {
        local.block_on(&runtime, sender.parts())?
    } else {
        let requests = sender.prepare()?;
        local.block_on(&runtime, send_all(options, requests))?
    };
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&measured)?)?;
    Ok(())
}

/// Bytes that do not compress and need no generator.
fn noise(size: usize) -> &'static [u8] {
    let mut bytes = Vec::with_capacity(size + 32);
    let mut block = digest(&SHA256, b"noise");
    while bytes.len() < size {
        bytes.extend_from_slice(block.as_ref());
        block = digest(&SHA256, block.as_ref());
    }
    bytes.truncate(size);
    Vec::leak(bytes)
}

impl Sender<'_> {
    fn prepare(&self) -> Result<Vec<Ready>> {
        let options = self.options;
        let numbers = options.first..options.first + options.requests + options.warm;
        Ok(match options.phase.as_str() {
            "put" => numbers.map(|n| self.put(&self.key(n), "", n)).collect(),
            "get" => numbers.map(|n| self.get(n)).collect(),
            "list" => numbers.map(|n| self.list(n)).collect(),
            "delete" => numbers.map(|n| self.delete(n)).collect(),
            other => bail!("there is no phase {other}: put, get, list, delete or parts"),
        })
    }

    fn key(&self, n: usize) -> String {
        format!("/{}/{}{n:08}", self.options.bucket, self.options.prefix)
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        query: &str,
        more: &str,
        hash: &str,
        length: usize,
    ) -> Vec<u8> {
        let host = &self.options.address;
        let lines = self.signer.s3_lines(method, host, path, query, hash);
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{lines}{more}Content-Length: {length}\r\n\r\n")
            .into_bytes()
    }

    fn put(&self, path: &str, query: &str, n: usize) -> Ready {
        let own = format!("{n:0OWN_BYTES$}");
        let mut hash = Context::new(&SHA256);
        hash.update(own.as_bytes());
        hash.update(self.noise);
        let (hash, length) = (hex(hash.finish().as_ref()), own.len() + self.noise.len());
        let mut head = self.request("PUT", path, query, "", &hash, length);
        head.extend_from_slice(own.as_bytes());
        let mut tail = self.noise;
        if length <= ONE_PIECE_BYTES {
            head.extend_from_slice(tail);
            tail = &[];
        }
        Ready { head, tail, wanted: None }
    }

    fn plain(&self, method: &str, path: &str, query: &str, body: &str) -> Ready {
        let md5 = base64::engine::general_purpose::STANDARD.encode(Md5::digest(body));
        let more = if body.is_empty() { String::new() } else { format!("Content-MD5: {md5}\r\n") };
        let hash = hex(digest(&SHA256, body.as_bytes()).as_ref());
        let mut head = self.request(method, path, query, &more, &hash, body.len());
        head.extend_from_slice(body.as_bytes());
        Ready { head, tail: &[], wanted: None }
    }

    fn get(&self, n: usize) -> Ready {
        Ready { wanted: Some(self.options.size.max(OWN_BYTES)), ..self.plain("GET", &self.key(n), "", "") }
    }

    /// 1,000 keys behind one in the middle, each time another.
    fn list(&self, n: usize) -> Ready {
        let options = self.options;
        let places = options.keys.saturating_sub(KEYS).max(1);
        let after = format!("{}{:08}", options.prefix, n * 7_919 % places).replace('/', "%2F");
        let prefix = options.prefix.replace('/', "%2F");
        let query = format!("list-type=2&prefix={prefix}&start-after={after}");
        self.plain("GET", &format!("/{}", options.bucket), &query, "")
    }

    fn delete(&self, n: usize) -> Ready {
        let keys = (n * KEYS..(n + 1) * KEYS)
            .map(|n| format!("<Object><Key>{}{n:08}</Key></Object>", self.options.prefix));
        let body = format!("<Delete>{}</Delete>", keys.collect::<String>());
        self.plain("POST", &format!("/{}", self.options.bucket), "delete=", &body)
    }

    /// One upload in parts: begun, all parts over all connections, completed.
    async fn parts(&self) -> Result<Measured> {
        let options = self.options;
        let path = self.key(options.first);
        // Hashing the parts is the client's work, not the server's: each part is signed before the clock starts, for
        // the upload that is begun before it, too.
        let mut connection = Connection::new(&options.address);
        let begin = self.plain("POST", &path, "uploads=", "");
        let (status, body, _) = connection.exchange_large(&begin.head, begin.tail).await?;
        let upload = between(body, "<UploadId>", "</UploadId>");
        let upload = upload.with_context(|| format!("{status} {}", String::from_utf8_lossy(body)))?;
        let query = |n: usize| format!("partNumber={n}&uploadId={upload}");
        let parts: Vec<Ready> = (1..=options.requests).map(|n| self.put(&path, &query(n), n)).collect();
        let etags = parts.iter().enumerate().map(|(n, part)| {
            let at = memmem::find(&part.head, b"\r\n\r\n").map_or(0, |at| at + 4);
            let mut md5 = Md5::new();
            md5.update(part.head.get(at..).unwrap_or_default());
            md5.update(part.tail);
            format!(
                "<Part><PartNumber>{}</PartNumber><ETag>\"{}\"</ETag></Part>",
                n + 1,
                hex(&md5.finalize())
            )
        });
        let list =
            format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", etags.collect::<String>());
        let end = self.plain("POST", &path, &format!("uploadId={upload}"), &list);
        let cpu_before = process::cpu_us(options.pid)?;
        let started = Instant::now();
        let mut measured = send_all(options, parts).await?;
        let (status, body, _) = connection.exchange_large(&end.head, end.tail).await?;
        if status != 200 || memmem::find(body, b"<Error>").is_some() {
            bail!("the upload was not completed: {status} {}", String::from_utf8_lossy(body));
        }
        measured.seconds = started.elapsed().as_secs_f64();
        measured.per_second = measured.requests as f64 / measured.seconds;
        measured.server_cpu_us =
            (process::cpu_us(options.pid)? - cpu_before) as f64 / measured.requests as f64;
        Ok(measured)
    }
}

fn between(text: &[u8], start: &str, end: &str) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(found, _)| found.to_owned())
}

/// What the connections of a phase share; all on one thread.
struct Phase {
    requests: Vec<Ready>,
    next: Cell<usize>,
    end: Cell<usize>,
    latencies_us: RefCell<Vec<u32>>,
    errors: Cell<usize>,
    first_error: RefCell<Option<String>>,
}

async fn send_all(options: &Options, requests: Vec<Ready>) -> Result<Measured> {
    let total = requests.len();
    let warm = options.warm.min(total / 2);
    let phase = Rc::new(Phase {
        requests,
        next: Cell::new(0),
        end: Cell::new(warm),
        latencies_us: RefCell::new(Vec::with_capacity(total)),
        errors: Cell::new(0),
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
    let mut sorted = phase.latencies_us.take();
    sorted.sort_unstable();
    let requests = total - warm;
    Ok(Measured {
        requests,
        errors: phase.errors.get(),
        first_error: phase.first_error.take(),
        empty: None,
        seconds,
        per_second: requests as f64 / seconds,
        server_cpu_us: cpu_us as f64 / requests as f64,
        p50_us: percentile(&sorted, 0.50),
        p95_us: percentile(&sorted, 0.95),
        p99_us: percentile(&sorted, 0.99),
        max_us: percentile(&sorted, 1.0),
    })
}

async fn drive(phase: &Rc<Phase>, connections: Vec<Connection>) -> Result<Vec<Connection>> {
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|mut connection| {
            let phase = Rc::clone(phase);
            tokio::task::spawn_local(async move {
                while let Some(request) = phase.take() {
                    let started = Instant::now();
                    let answer = connection.exchange_large(&request.head, request.tail).await;
                    phase.note(started, request.wanted, answer);
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
    fn take(&self) -> Option<&Ready> {
        let n = self.next.get();
        if n >= self.end.get() {
            return None;
        }
        self.next.set(n + 1);
        self.requests.get(n)
    }

    fn note(&self, started: Instant, wanted: Option<usize>, answer: std::io::Result<(u16, &[u8], usize)>) {
        let took = u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX);
        self.latencies_us.borrow_mut().push(took);
        match answer {
            Ok((200, _, came)) if wanted.is_none_or(|wanted| wanted == came) => {}
            Ok((200, _, came)) => self.fail(format!("an answer of {came} bytes")),
            Ok((status, body, _)) => self.fail(format!("{status} {}", String::from_utf8_lossy(body))),
            Err(error) => self.fail(error.to_string()),
        }
    }

    fn fail(&self, text: String) {
        self.errors.set(self.errors.get() + 1);
        self.first_error.borrow_mut().get_or_insert(text);
    }
}
