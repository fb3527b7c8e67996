//! A small AWS client for tests: signs, sends, and gives the answer as JSON or as an AWS error.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::fmt;
use std::net::SocketAddr;
use yakumo_front::signature::{Algorithm, Credentials, SignedPayload, Signer};

/// An answer as it came.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// An AWS error.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// The HTTP status.
    pub status: u16,
    /// The code, without a namespace.
    pub code: String,
    /// The message.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.message)
    }
}

impl std::error::Error for Failure {}

/// Credentials with the address of a cloud.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    access_key_id: String,
    secret: String,
    token: Option<String>,
    region: String,
}

impl Client {
    /// A client of the cloud at an address, in us-east-1.
    pub fn new(address: SocketAddr, access_key_id: &str, secret: &str, token: Option<&str>) -> Client {
        Client {
            address,
            access_key_id: access_key_id.to_owned(),
            secret: secret.to_owned(),
            token: token.map(str::to_owned),
            region: "us-east-1".to_owned(),
        }
    }

    /// The same credentials in another region.
    pub fn region(&self, region: &str) -> Client {
        Client { region: region.to_owned(), ..self.clone() }
    }

    /// Calls SQS in JSON.
    pub async fn sqs(&self, operation: &str, input: Value) -> Result<Value, Failure> {
        self.json("sqs", &format!("AmazonSQS.{operation}"), "1.0", input).await
    }

    /// Calls an awsJson service: `target` is the `X-Amz-Target`.
    pub async fn json(
        &self,
        service: &str,
        target: &str,
        version: &str,
        input: Value,
    ) -> Result<Value, Failure> {
        let request = Request::post("/")
            .header(header::CONTENT_TYPE, format!("application/x-amz-json-{version}"))
            .header("x-amz-target", target);
        let body = Bytes::from(input.to_string());
        let reply = self.send(service, request, body).await.map_err(broken)?;
        let answer: Value = if reply.body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&reply.body).map_err(|error| broken(error.into()))?
        };
        if reply.status.is_success() {
            return Ok(answer);
        }
        let text = |names: [&str; 2]| {
            names.iter().find_map(|name| answer.get(name)?.as_str()).unwrap_or_default().to_owned()
        };
        let code = text(["__type", "code"]);
        let code = code.rsplit('#').next().unwrap_or_default().to_owned();
        Err(Failure { status: reply.status.as_u16(), code, message: text(["message", "Message"]) })
    }

    /// Calls a query service (IAM, STS …) and gives its XML.
    pub async fn query(
        &self,
        service: &str,
        version: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Result<String, Failure> {
        let mut form = format!("Action={action}&Version={version}");
        for (name, value) in parameters {
            form.push_str(&format!("&{name}={}", percent(value)));
        }
        let request = Request::post("/").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let reply = self.send(service, request, form.into()).await.map_err(broken)?;
        let text = String::from_utf8_lossy(&reply.body).into_owned();
        if reply.status.is_success() {
            return Ok(text);
        }
        let (code, message) = (element(&text, "Code"), element(&text, "Message"));
        Err(Failure {
            status: reply.status.as_u16(),
            code: code.unwrap_or_default(),
            message: message.unwrap_or_default(),
        })
    }

    /// Calls IAM.
    pub async fn iam(&self, action: &str, parameters: &[(&str, &str)]) -> Result<String, Failure> {
        self.query("iam", "2010-05-08", action, parameters).await
    }

    /// Calls STS.
    pub async fn sts(&self, action: &str, parameters: &[(&str, &str)]) -> Result<String, Failure> {
        self.query("sts", "2011-06-15", action, parameters).await
    }

    /// Signs and sends a request of any form.
    pub async fn send(&self, service: &str, request: http::request::Builder, body: Bytes) -> Result<Reply> {
        let mut request = request.header(header::HOST, self.address.to_string()).body(body.clone())?;
        let credentials = Credentials {
            access_key_id: &self.access_key_id,
            secret_access_key: &self.secret,
            session_token: self.token.as_deref(),
        };
        let now = yakumo_room::host_now();
        let signer = Signer { credentials, region: &self.region, service, now, algorithm: Algorithm::V4 };
        signer.sign(&mut request, SignedPayload::Bytes(&body))?;
        // hyper says nothing of a body that is empty; S3 takes no upload without a length.
        if matches!(*request.method(), Method::PUT | Method::POST) {
            request.headers_mut().entry(header::CONTENT_LENGTH).or_insert_with(|| body.len().into());
        }
        self.send_signed(request).await
    }

    /// Sends a request as it is.
    pub async fn send_signed(&self, request: Request<Bytes>) -> Result<Reply> {
        let stream = tokio::net::TcpStream::connect(self.address).await.context("connecting to the cloud")?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request.map(Full::new)).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        drop(sender);
        if let Err(error) = connection.await? {
            bail!("the connection broke: {error}");
        }
        Ok(Reply { status: head.status, headers: head.headers, body })
    }
}

/// The text of the first element of that name.
pub fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(
        text.replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&apos;", "'")
            .replace("&amp;", "&"),
    )
}

fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { (byte as char).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn broken(error: anyhow::Error) -> Failure {
    Failure { status: 0, code: "BrokenExchange".into(), message: format!("{error:#}") }
}
