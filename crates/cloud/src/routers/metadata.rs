//! Instance metadata over HTTP: versions, session tokens (IMDSv2), status codes. What there is to read, a room tells.
//!
//! Invariant: an answer is for the instance whose address asks, and a token counts for the instance alone that it was given to.
//! Whoever connects holds a bounded number of connections, and takes none from another address.
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>

mod tokens;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, SERVER};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use tokens::Tokens;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use yakumo_front::Front;
use yakumo_room::Guest;

/// Connections of one address at a time; what comes beyond is shut at once.
const CONNECTIONS_MAX: usize = 64;
/// How long a connection may be without a whole head of a request.
const SILENCE: Duration = Duration::from_secs(10);
/// The most bytes of a request's head.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// How long is waited when no connection can be taken.
const PAUSE: Duration = Duration::from_millis(50);
/// How far answers without a token go, in hops: as far as any packet.
const HOPS: u8 = 64;
/// AWS: "minimum of one second and a maximum of six hours".
const TTL_S: std::ops::RangeInclusive<u32> = 1..=21_600;
const TOKEN: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token");
const TOKEN_TTL: HeaderName = HeaderName::from_static("x-aws-ec2-metadata-token-ttl-seconds");
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Where tokens are given out, below a version.
const TOKENS: &str = "api/token";
const LATEST: &str = "latest";
/// AWS: the versions that every instance lists. DIFFERS: each of them shows what the latest one shows.
const VERSIONS: &[&str] = &[
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
    "2011-01-01",
    "2011-05-01",
    "2012-01-12",
    "2014-02-25",
    "2014-11-05",
    "2015-10-20",
    "2016-04-19",
    "2016-06-30",
    "2016-09-02",
    "2018-03-28",
    "2018-08-17",
    "2018-09-24",
    "2019-10-01",
    "2020-10-27",
    "2021-01-03",
    "2021-03-23",
    "2021-07-15",
    "2022-09-24",
    "2024-04-11",
];

type Answer = Response<Full<Bytes>>;

/// Answers what instances ask about themselves.
pub(super) struct Instances {
    front: Arc<Front>,
    tokens: Tokens,
}

impl Instances {
    /// In the cloud behind this front door. Tokens count as long as this lives.
    pub(super) fn new(front: Arc<Front>) -> Instances {
        let mut key = [0; tokens::KEY_BYTES];
        front.world().base.ids.fill(&mut key);
        Instances { front, tokens: Tokens::new(&key) }
    }

    async fn answer(&self, vpc: &str, source: IpAddr, hops: &Hops, request: &Request<Incoming>) -> Answer {
        let answered = self.answered(vpc, source, hops, request).await;
        let mut answer = answered.unwrap_or_else(page);
        answer.headers_mut().insert(SERVER, HeaderValue::from_static("EC2ws"));
        answer
    }

    async fn answered(
        &self,
        vpc: &str,
        source: IpAddr,
        hops: &Hops,
        request: &Request<Incoming>,
    ) -> Result<Answer, StatusCode> {
        // A world that is being replaced is back soon.
        let world = self.front.world();
        let visit = world.enter().ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
        let metadata = visit.metadata().ok_or(StatusCode::NOT_FOUND)?;
        let guest = metadata.guest(&visit, vpc, source).await.map_err(failed)?;
        let guest = guest.ok_or(StatusCode::NOT_FOUND)?;
        // AWS: 403 says that the instance metadata service is turned off.
        if !guest.enabled || (source.is_ipv6() && !guest.ipv6) {
            return Err(StatusCode::FORBIDDEN);
        }
        let now_ms = visit.base.clock.now().as_millis();
        let path = path(request.uri().path());
        hops.set(if request.method() == Method::PUT { guest.hop_limit } else { HOPS });
        let read = match *request.method() {
            Method::PUT => {
                let mut nonce = [0; tokens::NONCE_BYTES];
                visit.base.ids.fill(&mut nonce);
                return self.give(&guest, now_ms, nonce, request.headers(), path);
            }
            Method::GET | Method::HEAD => path,
            _ => return Err(StatusCode::METHOD_NOT_ALLOWED),
        };
        let left_s = self.check(&guest, now_ms, request.headers())?;
        let body = match read {
            Asked::Versions => {
                let all: Vec<&str> = VERSIONS.iter().copied().chain([LATEST]).collect();
                Some(all.join("\n").into_bytes())
            }
            Asked::Below(TOKENS) => return Err(StatusCode::METHOD_NOT_ALLOWED),
            Asked::Below(rest) => {
                metadata.read(&visit, &guest, rest, left_s.is_some()).await.map_err(failed)?
            }
            Asked::Nothing => None,
        };
        let kind = if read == Asked::Below("user-data") { "application/octet-stream" } else { "text/plain" };
        let mut answer = Response::new(Full::from(body.ok_or(StatusCode::NOT_FOUND)?));
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(left_s) = left_s {
            answer.headers_mut().insert(TOKEN_TTL, HeaderValue::from(left_s));
        }
        Ok(answer)
    }

    /// Gives out a token.
    fn give(
        &self,
        guest: &Guest,
        now_ms: i64,
        nonce: [u8; tokens::NONCE_BYTES],
        headers: &HeaderMap,
        asked: Asked<'_>,
    ) -> Result<Answer, StatusCode> {
        if asked != Asked::Below(TOKENS) {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        // AWS: a request that a proxy has passed on gets no token.
        if headers.contains_key(FORWARDED) {
            return Err(StatusCode::FORBIDDEN);
        }
        let asked_s = headers.get(TOKEN_TTL).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let ttl_s = asked_s.filter(|ttl_s| TTL_S.contains(ttl_s)).ok_or(StatusCode::BAD_REQUEST)?;
        let token = self.tokens.give(&guest.instance, now_ms, ttl_s, nonce);
        let mut answer = Response::new(Full::from(token));
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        answer.headers_mut().insert(TOKEN_TTL, HeaderValue::from(ttl_s));
        Ok(answer)
    }

    /// For how many seconds the token of a request counts; `None` when it has none and needs none.
    fn check(&self, guest: &Guest, now_ms: i64, headers: &HeaderMap) -> Result<Option<u64>, StatusCode> {
        match headers.get(TOKEN) {
            Some(token) => {
                let left_s = self.tokens.left_s(&guest.instance, now_ms, token.as_bytes());
                Ok(Some(left_s.ok_or(StatusCode::UNAUTHORIZED)?))
            }
            None if guest.tokens_required => Err(StatusCode::UNAUTHORIZED),
            None => Ok(None),
        }
    }
}

/// What a path means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Asked<'a> {
    /// The list of versions.
    Versions,
    /// Something below a version, without slashes around it.
    Below(&'a str),
    /// Nothing that there could be.
    Nothing,
}

fn path(path: &str) -> Asked<'_> {
    let path = path.trim_matches('/');
    let (version, rest) = path.split_once('/').unwrap_or((path, ""));
    match version {
        "" => Asked::Versions,
        known if known == LATEST || VERSIONS.contains(&known) => Asked::Below(rest),
        _ => Asked::Nothing,
    }
}

fn failed(error: yakumo_aws::Error) -> StatusCode {
    tracing::warn!(%error, "instance metadata could not be read");
    StatusCode::INTERNAL_SERVER_ERROR
}

/// The page of an error.
fn page(status: StatusCode) -> Answer {
    let title = format!("{} - {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<html xmlns=\"http://www.w3.org/1999/xhtml\">\n\
         <head><title>{title}</title></head>\n<body><h1>{title}</h1></body>\n</html>\n"
    );
    let mut answer = Response::new(Full::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD, PUT"));
    }
    answer
}

/// How far packets of a connection go.
struct Hops {
    socket: OwnedFd,
    is_ipv4: bool,
}

impl Hops {
    fn of(stream: &TcpStream, peer: IpAddr) -> std::io::Result<Hops> {
        Ok(Hops { socket: stream.as_fd().try_clone_to_owned()?, is_ipv4: peer.is_ipv4() })
    }

    fn set(&self, hops: u8) {
        let set = match self.is_ipv4 {
            true => rustix::net::sockopt::set_ip_ttl(&self.socket, hops.into()),
            false => rustix::net::sockopt::set_ipv6_unicast_hops(&self.socket, Some(hops)),
        };
        if let Err(error) = set {
            tracing::debug!(%error, "a connection is gone");
        }
    }
}

/// How many connections each address has.
type Held = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// The place of one connection.
struct Seat {
    held: Held,
    address: IpAddr,
}

impl Seat {
    fn take(held: &Held, address: IpAddr) -> Option<Seat> {
        let mut all = held.lock();
        let count = all.entry(address).or_default();
        (*count < CONNECTIONS_MAX).then(|| {
            *count += 1;
            Seat { held: held.clone(), address }
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.held.lock();
        if let Some(count) = all.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                all.remove(&self.address);
            }
        }
    }
}

/// Answers the connections of a VPC, until it is aborted.
pub(super) async fn serve(listener: TcpListener, instances: Arc<Instances>, vpc: Arc<str>) {
    let held = Held::default();
    let mut all = JoinSet::new();
    loop {
        while all.try_join_next().is_some() {}
        let Ok((stream, peer)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        if let Some(seat) = Seat::take(&held, peer.ip()) {
            all.spawn(connection(stream, seat, instances.clone(), vpc.clone()));
        }
    }
}

async fn connection(stream: TcpStream, seat: Seat, instances: Arc<Instances>, vpc: Arc<str>) {
    let source = seat.address;
    let Ok(hops) = Hops::of(&stream, source) else { return };
    let answer = service_fn(|request: Request<Incoming>| {
        let (instances, vpc, hops) = (&instances, &vpc, &hops);
        async move { Ok::<_, Infallible>(instances.answer(vpc, source, hops, &request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(SILENCE)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection for instance metadata ended");
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, CONNECTIONS_MAX, Held, Seat, path};
    use std::net::IpAddr;

    #[test]
    fn paths_have_a_known_version() {
        for (text, asked) in [
            ("/", Asked::Versions),
            ("/latest", Asked::Below("")),
            ("/latest/meta-data/", Asked::Below("meta-data")),
            ("/2021-07-15/meta-data/ami-id", Asked::Below("meta-data/ami-id")),
            ("/2021-07-16/meta-data/ami-id", Asked::Nothing),
            ("/meta-data", Asked::Nothing),
        ] {
            assert_eq!(path(text), asked, "{text}");
        }
    }

    #[test]
    fn an_address_takes_no_place_from_another() {
        let (held, one, other): (_, IpAddr, IpAddr) =
            (Held::default(), [10, 0, 0, 4].into(), [10, 0, 0, 5].into());
        let mut seats: Vec<Seat> = (0..CONNECTIONS_MAX).map(|_| Seat::take(&held, one).unwrap()).collect();
        assert!(Seat::take(&held, one).is_none());
        assert!(Seat::take(&held, other).is_some());
        seats.pop();
        assert!(Seat::take(&held, one).is_some());
        drop(seats);
        assert!(held.lock().is_empty());
    }
}
