//! One port for three protocols: the first bytes tell TLS, HTTP/2 with prior knowledge and HTTP/1.1 apart.
//!
//! Invariant: no byte is lost. What was read to decide is given back to whoever reads next.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What a client speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Protocol {
    /// A TLS record of type "handshake".
    Tls,
    /// HTTP/2's connection preface.
    Http2,
    /// Anything else; the HTTP/1.1 parser refuses what it is not.
    Http1,
}

/// The beginning of RFC 9113's connection preface. No HTTP/1.1 method is a prefix of it.
const PREFACE: &[u8; 16] = b"PRI * HTTP/2.0\r\n";

/// A stream with the bytes in front of it that were read too early.
pub(crate) struct Rewound<I> {
    early: [u8; PREFACE.len()],
    start: usize,
    end: usize,
    io: I,
}

/// Reads just enough to decide. A client that closes at once speaks HTTP/1.1, whose parser ends quietly.
pub(crate) async fn sniff<I: AsyncRead + Unpin>(mut io: I) -> io::Result<(Protocol, Rewound<I>)> {
    let mut early = [0; PREFACE.len()];
    let mut end = 0;
    let protocol = loop {
        let Some(rest) = early.get_mut(end..) else { break Protocol::Http2 };
        let count = io.read(rest).await?;
        end += count;
        let read = early.get(..end).unwrap_or_default();
        if read.first() == Some(&0x16) {
            break Protocol::Tls;
        }
        if count == 0 || !PREFACE.starts_with(read) {
            break Protocol::Http1;
        }
        if end == PREFACE.len() {
            break Protocol::Http2;
        }
    };
    Ok((protocol, Rewound { early, start: 0, end, io }))
}

impl<I: AsyncRead + Unpin> AsyncRead for Rewound<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(early) = this.early.get(this.start..this.end)
            && !early.is_empty()
        {
            let count = early.len().min(buf.remaining());
            buf.put_slice(early.get(..count).unwrap_or_default());
            this.start += count;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.io).poll_read(cx, buf)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Rewound<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::{Protocol, sniff};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Sent in two pieces, cut at every place: the answer is the same and every byte comes back.
    async fn check(bytes: &[u8], want: Protocol) {
        for cut in 0..=bytes.len() {
            let (mut client, server) = tokio::io::duplex(256);
            let (first, second) = bytes.split_at(cut);
            let (first, second) = (first.to_vec(), second.to_vec());
            tokio::spawn(async move {
                client.write_all(&first).await.unwrap();
                tokio::task::yield_now().await;
                client.write_all(&second).await.unwrap();
            });
            let (protocol, mut io) = sniff(server).await.unwrap();
            assert_eq!(protocol, want, "{bytes:?} cut at {cut}");
            let mut back = Vec::new();
            io.read_to_end(&mut back).await.unwrap();
            assert_eq!(back, bytes);
        }
    }

    #[tokio::test]
    async fn the_first_bytes_decide() {
        check(b"\x16\x03\x01\x02\x00", Protocol::Tls).await;
        check(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Protocol::Http2).await;
        check(b"PRI * HTTP/2.0\r\n", Protocol::Http2).await;
        check(b"POST / HTTP/1.1\r\n\r\n", Protocol::Http1).await;
        check(b"PRI * HTTP/1.1\r\n", Protocol::Http1).await;
        check(b"P", Protocol::Http1).await;
        check(b"", Protocol::Http1).await;
        check(b"\0\0\0", Protocol::Http1).await;
    }
}
