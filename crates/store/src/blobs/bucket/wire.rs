//! HTTP to the object store, on the libraries that the rest of yakumo speaks HTTP and TLS with.
//!
//! Invariants: an exchange ends within a time; an answer is read whole and has a limit, since we ask for nothing larger.

use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpService,
};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);
/// How long an exchange may take, a part of an upload included.
const EXCHANGE: Duration = Duration::from_secs(30);
/// How long a connection waits for the next request: less than servers usually wait.
const IDLE: Duration = Duration::from_secs(4);
/// Connections that wait for the next request.
const IDLE_MAX: usize = 64;
/// The longest answer: a page of a list, or the checksums of the largest body, is less.
const ANSWER_BYTES_MAX: usize = 32 * 1024 * 1024;

/// All requests to all object stores go through one pool of connections.
static WIRE: OnceLock<Result<HttpClient, NoWire>> = OnceLock::new();

/// Makes the library use this module.
#[derive(Debug)]
pub(super) struct Connector;

impl object_store::client::HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(client()?)
    }
}

/// Why there is no TLS.
#[derive(Clone, Debug, thiserror::Error)]
#[error("TLS cannot be set up: {0}")]
pub(super) struct NoWire(String);

/// The client of all object stores.
pub(super) fn client() -> Result<HttpClient, NoWire> {
    WIRE.get_or_init(|| Wire::new().map(HttpClient::new)).clone()
}

#[derive(Debug)]
struct Wire(Client<HttpsConnector<HttpConnector>, HttpRequestBody>);

impl Wire {
    fn new() -> Result<Wire, NoWire> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT));
        http.set_nodelay(true);
        let tls = HttpsConnectorBuilder::new().with_tls_config(tls()?).https_or_http().enable_http1();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_MAX)
            .build(tls.wrap_connector(http));
        Ok(Wire(client))
    }
}

/// Trusts the authorities of this host (`SSL_CERT_FILE` names others) and those in the file `AWS_CA_BUNDLE`.
fn tls() -> Result<rustls::ClientConfig, NoWire> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let mut roots = rustls::RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::debug!(%error, "some of this host's certificate authorities cannot be read");
    }
    roots.add_parsable_certificates(found.certs);
    if let Some(bundle) = std::env::var_os("AWS_CA_BUNDLE").filter(|bundle| !bundle.is_empty()) {
        let unreadable = |error: &dyn std::fmt::Display| NoWire(format!("AWS_CA_BUNDLE: {error}"));
        for certificate in CertificateDer::pem_file_iter(&bundle).map_err(|error| unreadable(&error))? {
            let certificate = certificate.map_err(|error| unreadable(&error))?;
            roots.add(certificate).map_err(|error| unreadable(&error))?;
        }
    }
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| NoWire(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

impl HttpService for Wire {
    fn call<'a, 'async_trait>(
        &'a self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'async_trait>>
    where
        'a: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let exchange = tokio::time::timeout(EXCHANGE, self.exchange(request)).await;
            exchange.unwrap_or_else(|elapsed| Err(HttpError::new(HttpErrorKind::Timeout, elapsed)))
        })
    }
}

impl Wire {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = self.0.request(request).await.map_err(|error| {
            let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Interrupted };
            HttpError::new(kind, error)
        })?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| HttpError::new_boxed(HttpErrorKind::Interrupted, error))?;
        Ok(HttpResponse::from_parts(head, body.to_bytes().into()))
    }
}
