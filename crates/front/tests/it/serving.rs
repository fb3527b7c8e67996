//! A listener in this process with a handler that says what it received.

use http::{Request, Response, StatusCode};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use yakumo_front::body::{Body, Inbound, collect};
use yakumo_front::limits::Limits;
use yakumo_front::listen::{Config, Listener, Peer};
use yakumo_front::tls::{Home, Tls};

/// A listener that serves until it is dropped or stopped.
pub struct Serving {
    pub addr: SocketAddr,
    pub tls: Arc<Tls>,
    pub stop: watch::Sender<bool>,
    pub ended: JoinHandle<()>,
}

/// `echo`, unless the path says otherwise: `/early` answers without reading the body.
pub async fn answer(request: Request<Inbound>, peer: Peer) -> Response<Body> {
    let (parts, body) = request.into_parts();
    if parts.uri.path() == "/early" {
        return Response::builder().status(StatusCode::FORBIDDEN).body(Body::full("early")).unwrap();
    }
    match collect(body, 1 << 20).await {
        Ok(body) => {
            let text = format!("{} {} {:?} tls={} ", parts.method, parts.uri.path(), parts.version, peer.tls);
            Response::new(Body::full([text.as_bytes(), &body].concat()))
        }
        Err(error) => Response::builder().status(400).body(Body::full(error.to_string())).unwrap(),
    }
}

pub fn serve_with<H, F>(limits: Limits, handler: H) -> Serving
where
    H: Fn(Request<Inbound>, Peer) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    let tls = Arc::new(Tls::new(Home::Memory, None));
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener =
        Listener::bind(Config { addr, socket: None, tls: Some(Arc::clone(&tls)), limits }).unwrap();
    let addr = listener.local_addr();
    let (stop, stopping) = watch::channel(false);
    let ended = tokio::spawn(listener.serve(handler, stopping));
    Serving { addr, tls, stop, ended }
}

pub fn serve(limits: Limits) -> Serving {
    serve_with(limits, answer)
}

impl Serving {
    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    /// Sends raw bytes on a connection of its own and returns all that comes back until the server closes it, so a
    /// request that is answered must ask for `connection: close`.
    pub async fn raw(&self, bytes: &[u8]) -> String {
        self.send(bytes, false).await
    }

    /// As [`Serving::raw`], but the client says that nothing more will come.
    pub async fn cut(&self, bytes: &[u8]) -> String {
        self.send(bytes, true).await
    }

    async fn send(&self, bytes: &[u8], cut: bool) -> String {
        let mut stream = self.connect().await;
        // The server may close before everything is sent; what it answered is what counts.
        let _ = stream.write_all(bytes).await;
        if cut {
            let _ = stream.shutdown().await;
        }
        let mut back = Vec::new();
        let _ = stream.read_to_end(&mut back).await;
        String::from_utf8_lossy(&back).into_owned()
    }

    /// The process lives: a plain request is answered.
    pub async fn assert_alive(&self) {
        let back = self.raw(b"GET /alive HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(back.starts_with("HTTP/1.1 200 OK"), "{back}");
    }
}

/// Reads from a stream until what was read ends in `end`.
pub async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut back = Vec::new();
    while !back.ends_with(end.as_bytes()) {
        let count = stream.read_buf(&mut back).await.unwrap();
        assert!(count > 0, "the connection ended early: {}", String::from_utf8_lossy(&back));
    }
    String::from_utf8(back).unwrap()
}
