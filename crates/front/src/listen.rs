//! The listener: connections of every protocol become requests for one handler.
//!
//! Invariant: a client can break its own connection only. Whatever it sends, the process and the others live.

use crate::arrival::Arrival;
use crate::body::{Body, Inbound};
use crate::limits::Limits;
use crate::sniff::{Protocol, Rewound, sniff};
use crate::takeover::Takeover;
use crate::tls::Tls;
use http::header::{CONNECTION, EXPECT};
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body as _;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::Mutex;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// What to listen on, and how.
pub struct Config {
    /// The address; port 0 takes a free one.
    pub addr: SocketAddr,
    /// A socket that has the address already.
    pub socket: Option<std::net::TcpListener>,
    /// TLS on the same port; `None` closes connections that begin with a TLS handshake.
    pub tls: Option<Arc<Tls>>,
    /// The limits.
    pub limits: Limits,
}

/// What is spoken on a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Speaks {
    /// TLS and plain HTTP.
    Both,
    /// TLS alone: AWS's port 443.
    Tls,
    /// Plain HTTP alone: AWS's port 80.
    Plain,
}

/// Tells where a connection from this address arrived.
type Arrivals = dyn Fn(SocketAddr) -> Arrival + Send + Sync;

/// Who sent a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// The other end of the connection.
    pub remote: SocketAddr,
    /// Whether the connection is encrypted (`aws:SecureTransport`).
    pub tls: bool,
    /// The version of TLS and the cipher suite that were agreed on, by their IANA names.
    pub cipher: Option<(&'static str, &'static str)>,
    /// Where the connection arrived.
    pub arrival: Arrival,
}

/// A bound socket that does not take connections yet.
pub struct Listener {
    socket: TcpListener,
    local_addr: SocketAddr,
    tls: Option<Arc<Tls>>,
    limits: Limits,
    speaks: Speaks,
    arrivals: Arc<Arrivals>,
}

/// Where a listener stands in its life; connections watch it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Stage {
    Running,
    Stopping,
    Aborting,
}

/// How long the listener rests when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long, and for how many bytes, a client is heard after our last answer.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 1 << 20;

/// How many connections wait to be taken.
const BACKLOG: i32 = 4096;

const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-type: text/plain\r\n\
    content-length: 46\r\nretry-after: 1\r\n\r\nToo many connections; the limit can be raised.";

impl Listener {
    /// Binds the address. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The address is taken, not ours, or not allowed.
    pub fn bind(config: Config) -> io::Result<Listener> {
        let socket = match config.socket {
            Some(bound) => {
                bound.set_nonblocking(true)?;
                // Once more, with as many connections in the queue as beside it.
                rustix::net::listen(&bound, BACKLOG)?;
                TcpListener::from_std(bound)?
            }
            None => {
                let socket = if config.addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
                socket.set_reuseaddr(true)?;
                socket.bind(config.addr)?;
                socket.listen(BACKLOG.unsigned_abs())?
            }
        };
        let local_addr = socket.local_addr()?;
        let arrivals = Arc::new(|_| Arrival::Main);
        let (tls, limits, speaks) = (config.tls, config.limits, Speaks::Both);
        Ok(Listener { socket, local_addr, tls, limits, speaks, arrivals })
    }

    /// Takes a socket that was bound elsewhere: in a network of the cloud. `arrivals` tells where a connection from an
    /// address comes from. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The socket does not listen.
    pub fn adopt(
        socket: std::net::TcpListener,
        tls: Arc<Tls>,
        limits: Limits,
        speaks: Speaks,
        arrivals: impl Fn(SocketAddr) -> Arrival + Send + Sync + 'static,
    ) -> io::Result<Listener> {
        socket.set_nonblocking(true)?;
        let socket = TcpListener::from_std(socket)?;
        let local_addr = socket.local_addr()?;
        Ok(Listener { socket, local_addr, tls: Some(tls), limits, speaks, arrivals: Arc::new(arrivals) })
    }

    /// The address that was bound, with the port that was chosen.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `stop` becomes true or its sender is gone. Then no more connections are taken, idle ones are
    /// closed, requests in flight have [`Limits::stop_timeout`] to end (long polls should watch `stop` too), and what
    /// is left is cut. Returns when no connection is left.
    pub async fn serve<H, F>(self, handler: H, mut stop: watch::Receiver<bool>)
    where
        H: Fn(Request<Inbound>, Peer) -> F + Send + Sync + 'static,
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        let (stage, _) = watch::channel(Stage::Running);
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let server = Arc::new(Server::new(handler, &self));
        let mut stopped = pin!(stop.wait_for(|stop| *stop));
        loop {
            let accepted = tokio::select! {
                biased;
                _ = &mut stopped => break,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, remote)) => match Arc::clone(&places).try_acquire_owned() {
                    Ok(place) => {
                        let arrival = (self.arrivals)(remote);
                        let stage = stage.subscribe();
                        let connection = Connection { remote, arrival, stage, _place: place };
                        tokio::spawn(Arc::clone(&server).connection(stream, connection));
                    }
                    Err(_) => drop(stream.try_write(TOO_MANY)),
                },
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(self.socket);
        stage.send_replace(Stage::Stopping);
        let all = u32::try_from(self.limits.connections).unwrap_or(u32::MAX);
        if timeout(self.limits.stop_timeout, places.acquire_many(all)).await.is_err() {
            stage.send_replace(Stage::Aborting);
            drop(places.acquire_many(all).await);
        }
    }
}

/// One connection's share of the listener's state; dropping it gives the place back.
struct Connection {
    remote: SocketAddr,
    arrival: Arrival,
    stage: watch::Receiver<Stage>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// Its peer, without encryption unless the caller says otherwise.
    fn peer(&self, cipher: Option<(&'static str, &'static str)>) -> Peer {
        Peer { remote: self.remote, tls: false, cipher, arrival: self.arrival.clone() }
    }
}

struct Server<H> {
    handler: H,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    tls: Option<Arc<Tls>>,
    limits: Limits,
    speaks: Speaks,
}

impl<H, F> Server<H>
where
    H: Fn(Request<Inbound>, Peer) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    fn new(handler: H, listener: &Listener) -> Server<H> {
        let limits = listener.limits;
        // No `half_close`: with it, hyper does not see a client that goes away while its long poll waits.
        // Not `pipeline_flush`: with it, hyper does not send its 400 while unread bytes are in its buffer.
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_timeout)
            .max_headers(limits.headers)
            .max_buf_size(limits.head_bytes.max(8192));
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .keep_alive_interval(limits.head_timeout)
            .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(limits.streams)
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20);
        Server { handler, http1, http2, tls: listener.tls.clone(), limits, speaks: listener.speaks }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, mut connection: Connection) {
        // Answers are small and complete: waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let sniffed = tokio::select! {
            biased;
            _ = connection.stage.wait_for(|stage| *stage != Stage::Running) => return,
            sniffed = timeout(self.limits.head_timeout, sniff(stream)) => sniffed,
        };
        let Ok(Ok((protocol, io))) = sniffed else { return };
        match (protocol, self.speaks) {
            (Protocol::Tls, Speaks::Both | Speaks::Tls) => self.encrypted(io, connection).await,
            (Protocol::Http2, Speaks::Both | Speaks::Plain) => {
                self.http2(io, connection.peer(None), connection).await;
            }
            (Protocol::Http1, Speaks::Both | Speaks::Plain) => {
                self.http1(io, connection.peer(None), connection).await;
            }
            _ => {}
        }
    }

    async fn encrypted(&self, io: Rewound<TcpStream>, connection: Connection) {
        let Some(tls) = &self.tls else { return };
        let config = match tls.config() {
            Ok(config) => config,
            Err(error) => return tracing::error!(%error, "TLS is not available"),
        };
        let handshake = TlsAcceptor::from(config).accept(io);
        let stream = match timeout(self.limits.handshake_timeout, handshake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => return,
        };
        let session = stream.get_ref().1;
        let version = session.protocol_version().and_then(|version| version.as_str());
        let suite = session.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str());
        let peer = Peer { tls: true, ..connection.peer(version.zip(suite)) };
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            self.http2(stream, peer, connection).await;
        } else {
            self.http1(stream, peer, connection).await;
        }
    }

    async fn http1<I>(&self, mut io: I, peer: Peer, mut connection: Connection)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let takeover: Mutex<Option<Takeover>> = Mutex::new(None);
        let service = service_fn(|request: Request<hyper::body::Incoming>| {
            let answer = self.answer(request, peer.clone());
            let takeover = &takeover;
            async move {
                let answer = answer.await;
                if let Ok(answer) = &answer
                    && answer.status() == StatusCode::SWITCHING_PROTOCOLS
                {
                    *takeover.lock() = answer.extensions().get::<Takeover>().cloned();
                }
                answer
            }
        });
        let served = self.http1.serve_connection(TokioIo::new(&mut io), service);
        drive(served, |served| served.graceful_shutdown(), &mut connection).await;
        let go = takeover.lock().take().and_then(|takeover| takeover.take());
        if let Some(go) = go {
            tokio::select! {
                biased;
                () = go(Box::new(io)) => {}
                _ = connection.stage.wait_for(|stage| *stage != Stage::Running) => {}
            }
        } else if *connection.stage.borrow() == Stage::Running {
            linger(io).await;
        }
    }

    async fn http2<I>(&self, io: I, peer: Peer, mut connection: Connection)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service =
            service_fn(|request: Request<hyper::body::Incoming>| self.answer(request, peer.clone()));
        let served = self.http2.serve_connection(TokioIo::new(io), service);
        drive(served, |served| served.graceful_shutdown(), &mut connection).await;
    }

    fn answer(
        &self,
        request: Request<hyper::body::Incoming>,
        peer: Peer,
    ) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send + 'static + use<H, F> {
        let patience = self.limits.body_timeout;
        // A body of nothing is never asked for. boto3 takes the answer that comes instead of `100 Continue`, and does not
        // understand the one to its next call on the same connection: it waits until that ends.
        let expects = waits_for_permission(&request);
        let is_never_asked = expects && request.body().is_end_stream();
        let begun = Arc::new(AtomicBool::new(!expects || is_never_asked));
        let inbound = |body| Inbound::wire(body, patience).telling(begun.clone());
        // Thousands of bytes of state: moved once to where they stay, and not by each layer above.
        let answer = Box::pin((self.handler)(request.map(inbound), peer));
        async move {
            let mut answer = answer.await;
            // RFC 9110, 10.1.1: who is refused without permission to send the body is told that the connection ends.
            // hyper ends it without a word, and boto3 would try its next call on it.
            if is_never_asked || !begun.load(Ordering::Relaxed) {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(answer)
        }
    }
}

/// Whether a client holds its body back until it is asked for (HTTP/1.1's `Expect: 100-continue`).
fn waits_for_permission(request: &Request<hyper::body::Incoming>) -> bool {
    let expects = request.headers().get(EXPECT);
    request.version() == Version::HTTP_11
        && expects.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Reads what a client still sends after our last answer. A socket that is closed with unread bytes is reset, and a
/// reset can overtake the answer: the client would see no 400 or 431 but a broken connection.
async fn linger<I: AsyncRead + AsyncWrite + Unpin>(mut io: I) {
    let drain = async {
        io.shutdown().await?;
        tokio::io::copy(&mut io.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    drop(timeout(LINGER, drain).await);
}

/// Runs a connection to its end; tells it when the listener stops and drops it when the listener's patience ends.
async fn drive<C>(served: C, begin_stop: impl FnOnce(Pin<&mut C>), connection: &mut Connection)
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut served = pin!(served);
    let ended = tokio::select! {
        biased;
        ended = served.as_mut() => Some(ended),
        _ = connection.stage.wait_for(|stage| *stage != Stage::Running) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            begin_stop(served.as_mut());
            tokio::select! {
                biased;
                ended = served.as_mut() => ended,
                _ = connection.stage.wait_for(|stage| *stage == Stage::Aborting) => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, remote = %connection.remote, "connection ended");
    }
}
