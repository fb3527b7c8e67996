//! The physical limit for objects: hyper over HTTP/1.1 writes each body to a file under a temporary name, with the three
//! digests that S3 needs (SHA-256 of the signature, MD5 of the ETag, CRC-64), and reads files back. It does not check,
//! decide, index or record anything, and keeps no block checksums. What is in the files is plain, or with `--encrypt`
//! AES-256 in counter mode, as encryption at rest needs it.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{convert::Infallible, fs::File, net::SocketAddr};

use anyhow::Result;
use aws_lc_rs::cipher::{AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::iv::FixedLength;
use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest as Crc};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use md5::{Digest, Md5};
use tokio::net::TcpListener;

use crate::signer::hex;

/// So much is written and read at a time.
const PIECE_BYTES: usize = 512 * 1024;

/// Where the bare server listens, and where its files are.
#[derive(clap::Args)]
pub struct Options {
    /// 0 takes a free port; the ready line names it.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The folder of the files.
    #[arg(long)]
    folder: PathBuf,
    /// The files are encrypted.
    #[arg(long)]
    encrypt: bool,
}

/// Where bodies go.
#[derive(Clone, Copy)]
struct Shelf {
    folder: &'static Path,
    encrypt: bool,
}

type Body = BoxBody<Bytes, std::io::Error>;

/// Serves until it is killed.
pub fn run(options: &Options) -> Result<()> {
    for number in 0..=255 {
        std::fs::create_dir_all(options.folder.join(format!("{number:02x}")))?;
    }
    let folder: &'static Path = Box::leak(options.folder.clone().into_boxed_path());
    let shelf = Shelf { folder, encrypt: options.encrypt };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], options.port))).await?;
        writeln!(std::io::stdout(), "ready http://{}", listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let service = service_fn(move |request| answer(shelf, request));
            tokio::spawn(
                http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    })
}

async fn answer(shelf: Shelf, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let place = place(shelf.folder, request.uri().path(), request.uri().query().unwrap_or_default());
    let answered = match *request.method() {
        Method::PUT => put(&place, request.into_body(), shelf.encrypt).await,
        Method::GET => get(&place, shelf.encrypt),
        Method::POST => posted(request.into_body()).await,
        _ => Ok(empty(StatusCode::METHOD_NOT_ALLOWED)),
    };
    Ok(answered.unwrap_or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => empty(StatusCode::NOT_FOUND),
        _ => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }))
}

/// A file for each path and query, spread over 256 folders.
fn place(folder: &Path, path: &str, query: &str) -> PathBuf {
    let name = hex(aws_lc_rs::digest::digest(&SHA256, format!("{path}?{query}").as_bytes()).as_ref());
    folder.join(name.get(..2).unwrap_or_default()).join(name)
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Full::default().map_err(|never| match never {}).boxed());
    *response.status_mut() = status;
    response
}

/// The keystream of a file: applied once it hides, applied again it shows. Its key is of no worth here.
struct Keystream {
    key: Option<DecryptingKey>,
    blocks: u128,
}

impl Keystream {
    fn new(encrypt: bool) -> std::io::Result<Keystream> {
        let key = || UnboundCipherKey::new(&AES_256, &[7; 32]).and_then(DecryptingKey::ctr);
        let key = encrypt.then(key).transpose().map_err(std::io::Error::other)?;
        Ok(Keystream { key, blocks: 0 })
    }

    /// The next bytes, which end with a block or with the body.
    fn apply(&mut self, bytes: &mut [u8]) -> std::io::Result<()> {
        let Some(key) = &self.key else { return Ok(()) };
        let context = DecryptionContext::Iv128(FixedLength::from(self.blocks.to_be_bytes()));
        self.blocks += bytes.len() as u128 / 16;
        key.decrypt(bytes, context).map(drop).map_err(std::io::Error::other)
    }
}

async fn put(place: &Path, mut body: Incoming, encrypt: bool) -> std::io::Result<Response<Body>> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let temporary = place.with_extension(number.to_string());
    let mut file = File::create(&temporary)?;
    let (mut sha, mut md5, mut crc) = (Context::new(&SHA256), Md5::new(), Crc::new(CrcAlgorithm::Crc64Nvme));
    let (mut collected, mut keystream) = (Vec::new(), Keystream::new(encrypt)?);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(std::io::Error::other)?.into_data() else { continue };
        sha.update(&data);
        md5.update(&data);
        crc.update(&data);
        collected.extend_from_slice(&data);
        if collected.len() >= PIECE_BYTES {
            let whole = collected.len() / 16 * 16;
            let (blocks, rest) = collected.split_at_mut(whole);
            keystream.apply(blocks)?;
            file.write_all(blocks)?;
            let rest = rest.len();
            collected.copy_within(whole.., 0);
            collected.truncate(rest);
        }
    }
    keystream.apply(&mut collected)?;
    file.write_all(&collected)?;
    std::fs::rename(&temporary, place)?;
    let (md5, crc, sha) = (hex(&md5.finalize()), crc.finalize(), hex(sha.finish().as_ref()));
    let mut response = empty(StatusCode::OK);
    for (name, value) in [
        ("etag", format!("\"{md5}\"")),
        ("x-amz-checksum-crc64nvme", format!("{crc:016x}")),
        ("x-bench-sha256", sha),
        ("x-amz-request-id", "f81d4fae-7dec-41d0-a765-00a0c91e6bf6".to_owned()),
    ] {
        response.headers_mut().insert(name, value.parse().map_err(std::io::Error::other)?);
    }
    Ok(response)
}

fn get(place: &Path, encrypt: bool) -> std::io::Result<Response<Body>> {
    let mut file = File::open(place)?;
    let length = file.metadata()?.len();
    let mut keystream = Keystream::new(encrypt)?;
    let first = piece(&mut file, &mut keystream, length)?;
    let body = if first.len() as u64 == length {
        Full::new(first).map_err(|never| match never {}).boxed()
    } else {
        let left = length - first.len() as u64;
        let rest = futures_util::stream::iter(Pieces { file, keystream, left, first: Some(first) });
        BodyExt::boxed(StreamBody::new(rest))
    };
    let mut response = Response::new(body);
    response.headers_mut().insert("content-length", length.into());
    Ok(response)
}

fn piece(file: &mut File, keystream: &mut Keystream, left: u64) -> std::io::Result<Bytes> {
    let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
    let mut bytes = vec![0; wanted];
    file.read_exact(&mut bytes)?;
    keystream.apply(&mut bytes)?;
    Ok(bytes.into())
}

struct Pieces {
    file: File,
    keystream: Keystream,
    left: u64,
    first: Option<Bytes>,
}

impl Iterator for Pieces {
    type Item = std::io::Result<Frame<Bytes>>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(first) = self.first.take() {
            return Some(Ok(Frame::data(first)));
        }
        if self.left == 0 {
            return None;
        }
        let piece = piece(&mut self.file, &mut self.keystream, self.left);
        self.left -= piece.as_ref().map_or(self.left, |piece| piece.len() as u64);
        Some(piece.map(Frame::data))
    }
}

/// The beginning and the end of an upload in parts.
async fn posted(mut body: Incoming) -> std::io::Result<Response<Body>> {
    while let Some(Ok(_)) = body.frame().await {}
    let text = Bytes::from_static(b"<R><UploadId>bare</UploadId></R>");
    Ok(Response::new(Full::new(text).map_err(|never| match never {}).boxed()))
}
