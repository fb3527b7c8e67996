//! The control API's client: one connection and one request at a time, over loopback or to a named host.

use crate::arguments::CloudOptions;
use crate::failure::{Exit, Failure};
use crate::state_file::{self, StateFile};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tokio::net::TcpStream;
use yakumo_cloud::control::frames::PROTOCOL;
use yakumo_cloud::control::{CONTROL_HEADER, Refusal};

/// The endpoint when no running cloud of this user is found.
pub const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:4566";
/// The largest answer, in bytes, that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A cloud to talk to.
#[derive(Clone, Debug)]
pub struct Client {
    /// `http://host:port`.
    pub endpoint: String,
    authority: String,
    token: Option<String>,
    /// What the cloud left for the commands of its user, if it is this user's.
    pub state: Option<StateFile>,
}

impl Client {
    /// Finds the cloud: the endpoint that was named, else the running cloud of this user, else the usual port.
    pub fn find(options: &CloudOptions) -> Result<Client, Failure> {
        let running = state_file::running();
        match &options.endpoint {
            Some(endpoint) => {
                let client = Client::new(endpoint)?;
                let state = running.into_iter().find(|state| is_same(&client, state));
                Ok(client.with_state(state))
            }
            None => match only_one(running)? {
                Some(state) => Ok(Client::new(&state.endpoint.clone())?.with_state(Some(state))),
                None => Client::new(DEFAULT_ENDPOINT),
            },
        }
    }

    fn new(endpoint: &str) -> Result<Client, Failure> {
        let wrong = |why: &str| {
            Failure::usage(format!("`{endpoint}` is no endpoint: {why}"))
                .advise("--endpoint http://127.0.0.1:4566")
        };
        let uri: Uri = endpoint.parse().map_err(|_| wrong("it is no URL"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(wrong("the command line speaks http; the same port answers both")),
            _ => return Err(wrong("it does not begin with http://")),
        }
        let host = uri.host().ok_or_else(|| wrong("it names no host"))?;
        let authority = format!("{host}:{}", uri.port_u16().unwrap_or(80));
        let token = std::env::var("YAKUMO_TOKEN").ok().filter(|token| !token.is_empty());
        Ok(Client { endpoint: format!("http://{authority}"), authority, token, state: None })
    }

    fn with_state(mut self, state: Option<StateFile>) -> Client {
        self.token = self.token.or_else(|| state.as_ref().and_then(|state| state.token.clone()));
        self.state = state;
        self
    }

    /// Reads something.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.call(Method::GET, path, Bytes::new()).await
    }

    /// Asks for a change.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).map_err(std::io::Error::from)?;
        self.call(Method::POST, path, body.into()).await
    }

    /// Asks a question that was put together from the command line: one that makes no sense is the user's.
    pub async fn ask<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).map_err(std::io::Error::from)?;
        let (status, bytes) = self.send(self.request(Method::POST, path, body.into())?).await?;
        match status {
            StatusCode::BAD_REQUEST => Err(Failure { exit: Exit::Usage, ..self.refused(status, &bytes) }),
            status if !status.is_success() => Err(self.refused(status, &bytes)),
            _ => self.parsed(&bytes),
        }
    }

    /// Removes something.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.call(Method::DELETE, path, Bytes::new()).await
    }

    async fn call<T: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<T, Failure> {
        let (status, bytes) = self.send(self.request(method, path, body)?).await?;
        if !status.is_success() {
            return Err(self.refused(status, &bytes));
        }
        self.parsed(&bytes)
    }

    /// Asks for a conversation: a connection that goes on without HTTP.
    pub async fn upgrade(&self, path: &str, body: &impl Serialize) -> Result<TokioIo<Upgraded>, Failure> {
        let body = serde_json::to_vec(body).map_err(std::io::Error::from)?;
        let mut request = self.request(Method::POST, path, body.into())?;
        request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        request.headers_mut().insert(header::UPGRADE, HeaderValue::from_static(PROTOCOL));
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(&self.authority)).await;
        let stream = stream.map_err(|_| self.absent())?.map_err(|_| self.absent())?;
        // Keys that are pressed are small and must not wait for each other.
        stream.set_nodelay(true)?;
        let broken = |error: hyper::Error| self.strange(&format!("the connection broke: {error}"));
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        tokio::spawn(connection.with_upgrades());
        let answer = sender.send_request(request).await.map_err(broken)?;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            return hyper::upgrade::on(answer).await.map(TokioIo::new).map_err(broken);
        }
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| self.strange(&format!("the connection broke: {error}")))?;
        Err(self.refused(status, &body.to_bytes()))
    }

    fn parsed<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(bytes)
            .map_err(|error| self.strange(&format!("it answered what no yakumo says: {error}")))
    }

    fn request(&self, method: Method, path: &str, body: Bytes) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, &self.authority);
        request = request.header(HeaderName::from_static(CONTROL_HEADER), HeaderValue::from_static("1"));
        request = request.header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        request
            .body(Full::new(body))
            .map_err(|error| Failure::usage(format!("cannot ask for {path}: {error}")))
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), Failure> {
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(&self.authority)).await;
        let stream = stream.map_err(|_| self.absent())?.map_err(|_| self.absent())?;
        let broken = |error: hyper::Error| self.strange(&format!("the connection broke: {error}"));
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // It ends with the sender; its errors come out of the request.
        tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| self.strange(&format!("the connection broke: {error}")))?;
        Ok((status, body.to_bytes()))
    }

    fn absent(&self) -> Failure {
        Failure::new(Exit::Absent, format!("no yakumo answers at {}", self.endpoint))
            .advise("start one with `yakumo up`, or name another with --endpoint URL")
    }

    fn strange(&self, why: &str) -> Failure {
        Failure::new(Exit::Absent, format!("{} does not answer as yakumo does: {why}", self.endpoint))
            .advise("see what listens there, or name another cloud with --endpoint URL")
    }

    fn refused(&self, status: StatusCode, bytes: &[u8]) -> Failure {
        match serde_json::from_slice::<Refusal>(bytes) {
            Ok(refusal) => Failure::new(Exit::Refused, refusal.error.message),
            Err(_) => self.strange(&format!("it answered {status}")),
        }
    }
}

fn is_same(client: &Client, state: &StateFile) -> bool {
    state.endpoint == client.endpoint || client.authority == format!("localhost:{}", state.port)
}

/// The cloud that is meant when none is named: the only one, or of several the one at the usual port.
fn only_one(running: Vec<StateFile>) -> Result<Option<StateFile>, Failure> {
    let usual = running.iter().position(|state| state.endpoint == DEFAULT_ENDPOINT).unwrap_or(0);
    if running.len() > 1 && running.get(usual).is_none_or(|state| state.endpoint != DEFAULT_ENDPOINT) {
        let endpoints: Vec<&str> = running.iter().map(|state| state.endpoint.as_str()).collect();
        return Err(Failure::usage(format!("several clouds are running: {}", endpoints.join(", ")))
            .advise("name one with --endpoint URL or YAKUMO_ENDPOINT"));
    }
    Ok(running.into_iter().nth(usual))
}

#[cfg(test)]
mod tests {
    use super::{Client, only_one};
    use crate::state_file::StateFile;

    #[test]
    fn endpoints_are_urls_with_a_host() {
        for (given, endpoint) in [
            ("http://127.0.0.1:4566", "http://127.0.0.1:4566"),
            ("http://localhost:1/", "http://localhost:1"),
            ("http://[::1]:4566", "http://[::1]:4566"),
            ("http://cloud.example", "http://cloud.example:80"),
        ] {
            assert_eq!(Client::new(given).unwrap().endpoint, endpoint);
        }
        for bad in ["", "4566", "127.0.0.1:4566", "https://localhost:4566", "ftp://x", "http://"] {
            assert!(Client::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn of_several_clouds_only_the_one_at_the_usual_port_is_meant_without_a_name() {
        let state = |port: u16| StateFile {
            pid: 1,
            began: None,
            endpoint: format!("http://127.0.0.1:{port}"),
            port,
            cloud: String::new(),
            data_dir: None,
            token: None,
            root_key: None,
        };
        let port = |running: &[u16]| {
            let found = only_one(running.iter().copied().map(state).collect()).ok()?;
            Some(found.map(|state| state.port))
        };
        assert_eq!(port(&[]), Some(None));
        assert_eq!(port(&[5000]), Some(Some(5000)));
        assert_eq!(port(&[4000, 4566]), Some(Some(4566)));
        assert_eq!(port(&[4000, 5000]), None);
    }
}
