//! One HTTP/1.1 connection that sends ready-made bytes and reads one answer at a time. It does as little as it can,
//! because it shares the machine with the server that is measured.

use std::io;

use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Keeps its buffer from answer to answer.
pub struct Connection {
    address: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// How much of an answer's body is kept by [`Connection::exchange_large`].
const KEPT_BYTES: usize = 64 * 1024;

/// How a body ends.
enum Length {
    Bytes(usize),
    Chunked,
    UntilClose,
}

impl Connection {
    /// `address` is `host:port`; the connection is opened with the first exchange, and again after the server closes it.
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned(), stream: None, buffer: Vec::with_capacity(8192) }
    }

    /// Sends one request and reads its whole answer. Gives the status and the answer's body as it came (chunk marks included).
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<(u16, &[u8])> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        let Some(stream) = self.stream.as_mut() else { return Err(io::ErrorKind::NotConnected.into()) };
        stream.write_all(request).await?;
        let (status, start, close) = read_answer(stream, &mut self.buffer).await?;
        if close {
            self.stream = None;
        }
        Ok((status, self.buffer.get(start..).unwrap_or_default()))
    }

    /// Sends a request in two pieces and reads its answer, of whose body only the beginning is kept. Gives the status,
    /// what was kept, and how many bytes of body came in all.
    pub async fn exchange_large(&mut self, head: &[u8], tail: &[u8]) -> io::Result<(u16, &[u8], usize)> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        let Some(stream) = self.stream.as_mut() else { return Err(io::ErrorKind::NotConnected.into()) };
        stream.write_all(head).await?;
        if !tail.is_empty() {
            stream.write_all(tail).await?;
        }
        let (status, start, came, close) = read_large(stream, &mut self.buffer).await?;
        if close {
            self.stream = None;
        }
        Ok((status, self.buffer.get(start..).unwrap_or_default(), came))
    }
}

/// As [`read_answer`], but what goes beyond [`KEPT_BYTES`] of the body is counted and forgotten.
async fn read_large(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<(u16, usize, usize, bool)> {
    buffer.clear();
    let start = loop {
        if let Some(end) = memmem::find(buffer, b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(buffer.get(..start).unwrap_or_default()).to_ascii_lowercase();
    let status = head.get(9..12).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let length = body_length(&head);
    let close = head.starts_with("http/1.0")
        || head.contains("connection: close")
        || matches!(length, Length::UntilClose);
    let mut came = buffer.len() - start;
    let mut scratch = Vec::with_capacity(1 << 20);
    let mut last = buffer.get(start..).unwrap_or_default().to_vec();
    loop {
        let ended = match length {
            Length::Bytes(wanted) => came >= wanted,
            Length::Chunked => last.ends_with(b"0\r\n\r\n"),
            Length::UntilClose => false,
        };
        if ended {
            return Ok((status, start, came, close));
        }
        scratch.clear();
        let read = stream.read_buf(&mut scratch).await?;
        if read == 0 {
            let whole = matches!(length, Length::UntilClose);
            return if whole {
                Ok((status, start, came, close))
            } else {
                Err(io::ErrorKind::UnexpectedEof.into())
            };
        }
        came += read;
        if buffer.len() < start + KEPT_BYTES {
            buffer.extend_from_slice(&scratch);
        }
        if matches!(length, Length::Chunked) {
            last.drain(..last.len().saturating_sub(5));
            last.extend_from_slice(scratch.get(scratch.len().saturating_sub(5)..).unwrap_or_default());
        }
    }
}

/// Reads into `buffer`; gives the status, where the body begins, and whether the connection is at its end.
async fn read_answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<(u16, usize, bool)> {
    buffer.clear();
    let start = loop {
        if let Some(end) = memmem::find(buffer, b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(buffer.get(..start).unwrap_or_default()).to_ascii_lowercase();
    let status = head.get(9..12).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let length = body_length(&head);
    let close = head.starts_with("http/1.0")
        || head.contains("connection: close")
        || matches!(length, Length::UntilClose);
    while !is_complete(buffer.get(start..).unwrap_or_default(), &length) {
        if stream.read_buf(buffer).await? == 0 {
            if matches!(length, Length::UntilClose) {
                break;
            }
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok((status, start, close))
}

fn body_length(head: &str) -> Length {
    if head.contains("transfer-encoding: chunked") {
        return Length::Chunked;
    }
    let value = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    value.and_then(|digits| digits.trim().parse().ok()).map_or(Length::UntilClose, Length::Bytes)
}

fn is_complete(body: &[u8], length: &Length) -> bool {
    match length {
        Length::Bytes(wanted) => body.len() >= *wanted,
        Length::Chunked => body.ends_with(b"0\r\n\r\n"),
        Length::UntilClose => false,
    }
}
