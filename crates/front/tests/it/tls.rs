//! TLS on the same port, verified by a client that trusts our authority and nobody else.

use crate::serving::{Serving, serve};
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use std::io;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use yakumo_front::limits::Limits;

async fn connect(serving: &Serving, name: &str, alpn: &[u8]) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    let pem = serving.tls.ca_pem().unwrap();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.to_vec()];
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, serving.connect().await).await
}

fn request(path: &str) -> Request<Full<Bytes>> {
    Request::get(path).header("host", "x").body(Full::default()).unwrap()
}

#[tokio::test]
async fn every_name_of_ours_is_vouched_for_and_no_other() {
    let serving = serve(Limits::default());
    let ours = [
        "localhost",
        "127.0.0.1",
        "::1",
        "bucket.localhost",
        "sqs.eu-west-1.amazonaws.com",
        "a.b.localhost.localstack.cloud",
    ];
    for name in ours {
        let io = connect(&serving, name, b"http/1.1").await.unwrap_or_else(|error| panic!("{name}: {error}"));
        let (mut client, connection) = hyper::client::conn::http1::handshake(TokioIo::new(io)).await.unwrap();
        tokio::spawn(connection);
        let back = client.send_request(request("/s")).await.unwrap().into_body().collect().await.unwrap();
        assert_eq!(back.to_bytes(), "GET /s HTTP/1.1 tls=true ");
    }
    for other in ["example.com", "evilamazonaws.com", "192.0.2.1"] {
        assert!(connect(&serving, other, b"http/1.1").await.is_err(), "{other}");
    }
    serving.assert_alive().await;
}

#[tokio::test]
async fn http2_is_agreed_upon_within_tls() {
    let serving = serve(Limits::default());
    let io = TokioIo::new(connect(&serving, "localhost", b"h2").await.unwrap());
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get("https://localhost/h2").body(Full::<Bytes>::default()).unwrap();
    let back = client.send_request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(back, "GET /h2 HTTP/2.0 tls=true ");
}
