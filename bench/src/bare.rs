//! The physical limit: hyper over HTTP/1.1 reads each request whole and answers the bytes that SQS would, from memory.
//! It does not parse, check, decide, store or record anything.

use std::{convert::Infallible, io::Write, net::SocketAddr};

use anyhow::Result;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

/// Where the bare server listens.
#[derive(clap::Args)]
pub struct Options {
    /// 0 takes a free port; the ready line names it.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Bytes in the body of the message that ReceiveMessage gives.
    #[arg(long, default_value_t = 128)]
    body_bytes: usize,
}

/// The answers, each in the size that yakumo's has.
struct Answers {
    send: Bytes,
    receive: Bytes,
}

/// Serves until it is killed.
pub fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let answers: &'static Answers = Box::leak(Box::new(Answers::new(options.body_bytes)));
    runtime.block_on(async {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], options.port))).await?;
        writeln!(std::io::stdout(), "ready http://{}", listener.local_addr()?)?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let service = service_fn(move |request| answer(answers, request));
            tokio::spawn(
                http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service),
            );
        }
    })
}

impl Answers {
    fn new(body_bytes: usize) -> Self {
        let id = "f81d4fae-7dec-41d0-a765-00a0c91e6bf6";
        let digest = "0123456789abcdef0123456789abcdef";
        let body = "x".repeat(body_bytes);
        let handle = "A".repeat(HANDLE_BYTES);
        Self {
            send: format!(r#"{{"MD5OfMessageBody":"{digest}","MessageId":"{id}"}}"#).into(),
            receive: format!(
                r#"{{"Messages":[{{"Body":"{body}","MD5OfBody":"{digest}","MessageId":"{id}","ReceiptHandle":"{handle}"}}]}}"#
            )
            .into(),
        }
    }
}

/// The length of yakumo's receipt handles.
const HANDLE_BYTES: usize = 44;

async fn answer(
    answers: &'static Answers,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let target = request.headers().get("x-amz-target").map(HeaderValue::as_bytes).unwrap_or_default();
    let body = match target {
        b"AmazonSQS.SendMessage" => answers.send.clone(),
        b"AmazonSQS.ReceiveMessage" => answers.receive.clone(),
        _ => Bytes::from_static(b"{}"),
    };
    let mut incoming = request.into_body();
    while let Some(Ok(_)) = incoming.frame().await {}
    let mut response = Response::new(Full::new(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
    headers.insert("x-amzn-requestid", HeaderValue::from_static("f81d4fae-7dec-41d0-a765-00a0c91e6bf6"));
    Ok(response)
}
