//! An identity provider for tests: signs web identity tokens, publishes its keys over HTTPS, signs SAML responses.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a provider is a server outside of the cloud; the bans are for rooms"
)]

use anyhow::Result;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use yakumo_testkit::{Failure, TestCloud, element};

/// The key that tokens and assertions are signed with.
pub struct Signer {
    pair: RsaKeyPair,
    pkcs8: Vec<u8>,
}

impl Signer {
    pub fn new() -> Signer {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("what a test makes is well-formed");
        let pkcs8 = aws_lc_rs::encoding::AsDer::<aws_lc_rs::encoding::Pkcs8V1Der>::as_der(&pair)
            .expect("what a test makes is well-formed")
            .as_ref()
            .to_vec();
        Signer { pair, pkcs8 }
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .expect("what a test makes is well-formed");
        signature
    }

    pub fn jwk(&self, kid: &str) -> Value {
        // RFC 8017, A.1.1: two numbers in a sequence, whose places are fixed for 2,048 bits and the exponent 65,537.
        let der = self.pair.public_key().as_ref();
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": b64(&der[9..265]), "e": b64(&der[267..270])})
    }

    /// A token with this key id and these claims.
    pub fn token(&self, kid: &str, claims: &Value) -> String {
        let b64 = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", b64(&json!({"alg": "RS256", "typ": "JWT", "kid": kid})), b64(claims));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.sign(signed.as_bytes())))
    }

    /// SAML metadata with the certificate of this key.
    pub fn metadata(&self, entity_id: &str) -> String {
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.pkcs8.clone()));
        let key = KeyPair::from_der_and_sign_algo(&der, &PKCS_RSA_SHA256)
            .expect("what a test makes is well-formed");
        let certificate = CertificateParams::new(vec!["idp.example".into()])
            .expect("what a test makes is well-formed")
            .self_signed(&key)
            .expect("what a test makes is well-formed");
        let certificate = STANDARD.encode(certificate.der());
        format!(
            "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{entity_id}\"><md:IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"https://idp.example/sso\"/></md:IDPSSODescriptor></md:EntityDescriptor>"
        )
    }

    /// Puts an enveloped signature into an element that is written in its canonical form: behind `</saml:Issuer>`.
    pub fn enveloped(&self, id: &str, element: &str) -> String {
        let hash = STANDARD.encode(digest(&SHA256, element.as_bytes()));
        let info = format!(
            "<ds:SignedInfo xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></ds:SignatureMethod><ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform><ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod><ds:DigestValue>{hash}</ds:DigestValue></ds:Reference></ds:SignedInfo>"
        );
        let value = STANDARD.encode(self.sign(info.as_bytes()));
        // In its place the signed information inherits the declaration that its canonical form has by itself.
        let info = info.replacen(" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"", "", 1);
        let signature = format!(
            "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">{info}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>"
        );
        element.replacen("</saml:Issuer>", &format!("</saml:Issuer>{signature}"), 1)
    }
}

/// A server on this host that publishes documents over HTTPS with a certificate of its own.
pub struct Server {
    /// `https://localhost:PORT`.
    pub url: String,
    /// The SHA-1 of its certificate.
    pub thumbprint: String,
    documents: Arc<Mutex<HashMap<String, String>>>,
    asked: Arc<AtomicUsize>,
}

impl Server {
    pub async fn start() -> Result<Server> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
        let der = certificate.der().clone();
        let thumbprint = yakumo_room::thumbprint(&der);
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![der], private)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("https://localhost:{}", listener.local_addr()?.port());
        let documents: Arc<Mutex<HashMap<String, String>>> = Arc::default();
        let asked = Arc::new(AtomicUsize::new(0));
        let (known, counter) = (documents.clone(), asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, known, counter) = (acceptor.clone(), known.clone(), counter.clone());
                tokio::spawn(async move {
                    let stream = acceptor.accept(stream).await?;
                    answer(stream, &known, &counter).await
                });
            }
        });
        Ok(Server { url, thumbprint, documents, asked })
    }

    /// Publishes keys with the discovery document that leads to them.
    pub fn publish_keys(&self, keys: &Value) {
        let url = &self.url;
        let discovery = json!({"issuer": url, "jwks_uri": format!("{url}/keys")});
        self.publish("/.well-known/openid-configuration", &discovery.to_string());
        self.publish("/keys", &json!({ "keys": keys }).to_string());
    }

    pub fn publish(&self, path: &str, document: &str) {
        self.documents
            .lock()
            .expect("no test panics while it holds the documents")
            .insert(path.to_owned(), document.to_owned());
    }

    /// How often it was asked.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn answer(
    mut stream: TlsStream<TcpStream>,
    documents: &Mutex<HashMap<String, String>>,
    asked: &AtomicUsize,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    asked.fetch_add(1, Ordering::SeqCst);
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let document = documents.lock().expect("no test panics while it holds the documents").get(path).cloned();
    let reply = match document {
        Some(to) if to.starts_with("https://") => {
            format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        }
        Some(text) => {
            format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}", text.len())
        }
        None => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
    };
    stream.write_all(reply.as_bytes()).await?;
    stream.shutdown().await
}

/// Calls STS without a signature, as the bearers of tokens do.
pub async fn unsigned(
    cloud: &TestCloud,
    action: &str,
    parameters: &[(&str, &str)],
) -> Result<String, Failure> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escape = |text: &str| -> String {
        text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
    };
    let mut form = format!("Action={action}&Version=2011-06-15");
    for (name, value) in parameters {
        form.push_str(&format!("&{name}={}", escape(value)));
    }
    let request = http::Request::post("/")
        .header("host", "sts.us-east-1.amazonaws.com")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.into())
        .expect("what a test makes is well-formed");
    let reply =
        cloud.client("", "", None).send_signed(request).await.expect("what a test makes is well-formed");
    let text = String::from_utf8_lossy(&reply.body).into_owned();
    match reply.status.is_success() {
        true => Ok(text),
        false => Err(Failure {
            status: reply.status.as_u16(),
            code: element(&text, "Code").unwrap_or_default(),
            message: element(&text, "Message").unwrap_or_default(),
        }),
    }
}
