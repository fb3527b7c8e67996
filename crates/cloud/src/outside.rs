//! The way out of the cloud: GET over HTTPS, for the documents of identity providers that an account has registered.
//!
//! Invariants: only HTTPS; no redirect is followed; nothing of the answer reaches a client; time, size, number at once
//! and what is remembered are limited. Whoever may register a provider chooses the host, as in AWS, and learns no more
//! than whether it answers: docs/security.md.

mod trust;
mod url;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{ACCEPT, HOST, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use trust::Trust;
use url::Place;
use yakumo_room::{Ask, Outside, OutsideError, thumbprint};

/// How long one document may take, from the name's resolution to its last byte.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest document.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
/// How many documents are asked for at once; others wait.
const AT_ONCE_MAX: usize = 16;
/// How many documents are remembered.
const KEPT_MAX: usize = 256;
/// How long a document is remembered.
const KEPT_FOR: Duration = Duration::from_secs(300);
/// A document is not asked for again within this time, whatever it lacks: tokens with made-up key ids must not become
/// a flood of requests to their issuer.
const FRESH_FOR: Duration = Duration::from_secs(1);

/// The real way out.
pub(crate) struct Internet {
    places: Semaphore,
    kept: Mutex<HashMap<(String, Vec<String>), Kept>>,
}

struct Kept {
    since: Instant,
    document: Bytes,
}

impl Internet {
    pub(crate) fn new() -> Arc<Internet> {
        Arc::new(Internet { places: Semaphore::new(AT_ONCE_MAX), kept: Mutex::default() })
    }

    fn remembered(&self, key: &(String, Vec<String>), fresh: bool) -> Option<Bytes> {
        let longest = if fresh { FRESH_FOR } else { KEPT_FOR };
        self.kept
            .lock()
            .get(key)
            .filter(|kept| kept.since.elapsed() < longest)
            .map(|kept| kept.document.clone())
    }

    fn remember(&self, key: (String, Vec<String>), document: &Bytes) {
        let mut kept = self.kept.lock();
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(key, Kept { since: Instant::now(), document: document.clone() });
    }

    async fn limited<T>(
        &self,
        url: &str,
        work: impl Future<Output = Result<T, OutsideError>>,
    ) -> Result<T, OutsideError> {
        let _place = self.places.acquire().await.map_err(|error| unreachable(url, error))?;
        tokio::time::timeout(TIMEOUT, work)
            .await
            .unwrap_or_else(|_| Err(unreachable(url, format!("no answer within {} s", TIMEOUT.as_secs()))))
    }
}

impl Outside for Internet {
    fn document<'a>(&'a self, ask: Ask<'a>) -> BoxFuture<'a, Result<Bytes, OutsideError>> {
        Box::pin(async move {
            let key = (ask.url.to_owned(), ask.thumbprints.to_vec());
            if let Some(document) = self.remembered(&key, ask.fresh) {
                return Ok(document);
            }
            let document = self.limited(ask.url, get(ask)).await?;
            self.remember(key, &document);
            Ok(document)
        })
    }

    fn thumbprint<'a>(&'a self, url: &'a str) -> BoxFuture<'a, Result<String, OutsideError>> {
        Box::pin(self.limited(url, async move {
            let place = Place::parse(url).ok_or_else(|| refused(url, "it is no https URL"))?;
            let trust = Trust::anything();
            let _stream = connect(url, &place, &trust).await?;
            trust.topmost().map(|der| thumbprint(&der)).ok_or_else(|| unreachable(url, "no certificate"))
        }))
    }
}

async fn get(ask: Ask<'_>) -> Result<Bytes, OutsideError> {
    let url = ask.url;
    let place = Place::parse(url).ok_or_else(|| refused(url, "it is no https URL"))?;
    let trust = Trust::new(ask.thumbprints);
    let stream = connect(url, &place, &trust).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| unreachable(url, error))?;
    let request = Request::get(place.path)
        .header(HOST, place.authority)
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("yakumo/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|error| refused(url, error))?;
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(|error| unreachable(url, error))?;
        if answer.status() != StatusCode::OK {
            return Err(refused(url, format!("status {}", answer.status().as_u16())));
        }
        let body = Limited::new(answer.into_body(), DOCUMENT_BYTES_MAX).collect().await;
        body.map(http_body_util::Collected::to_bytes).map_err(|error| refused(url, error))
    };
    // The connection lives only as long as the exchange; whichever ends first ends both.
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        outcome = &mut exchange => outcome,
        broken = connection => match broken {
            Ok(()) => exchange.await,
            Err(error) => Err(unreachable(url, error)),
        },
    }
}

async fn connect(
    url: &str,
    place: &Place<'_>,
    trust: &Arc<Trust>,
) -> Result<TlsStream<TcpStream>, OutsideError> {
    let name = place.server_name().ok_or_else(|| refused(url, "its host is no name and no address"))?;
    let stream =
        TcpStream::connect((place.host, place.port)).await.map_err(|error| unreachable(url, error))?;
    let config = trust.clone().config().map_err(|error| unreachable(url, error))?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| {
        match trust.was_refused() {
            true => OutsideError::Untrusted { url: url.to_owned(), reason: error.to_string() },
            false => unreachable(url, error),
        }
    })
}

fn unreachable(url: &str, reason: impl ToString) -> OutsideError {
    OutsideError::Unreachable { url: url.to_owned(), reason: reason.to_string() }
}

fn refused(url: &str, reason: impl ToString) -> OutsideError {
    OutsideError::Refused { url: url.to_owned(), reason: reason.to_string() }
}
