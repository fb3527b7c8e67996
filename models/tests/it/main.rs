//! The embedded models with the router and the codecs: what a real request of a real service becomes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod iam;
mod patterns;
mod routing;
mod s3;
mod sqs;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::sync::LazyLock;
use yakumo_wire::router::{AddressError, Addressed, Head, Router};
use yakumo_wire::{Body, Bytes, Request};

static ROUTER: LazyLock<Router> = LazyLock::new(|| Router::new(yakumo_models::services()));

/// A request as a test writes it down.
pub struct Sent {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub host: String,
    pub headers: HeaderMap,
    pub scope: Option<&'static str>,
    pub body: Bytes,
}

impl Sent {
    pub fn new(method: &str, path: &str, body: &str) -> Sent {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        Sent {
            method: method.parse().unwrap(),
            path: path.to_owned(),
            query: query.to_owned(),
            host: "localhost".to_owned(),
            headers: HeaderMap::new(),
            scope: None,
            body: Bytes::copy_from_slice(body.as_bytes()),
        }
    }

    pub fn json(target: &str, body: &str) -> Sent {
        Sent::new("POST", "/", body)
            .header("x-amz-target", target)
            .header("content-type", "application/x-amz-json-1.0")
    }

    pub fn form(path: &str, body: &str) -> Sent {
        Sent::new("POST", path, body)
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
    }

    pub fn header(mut self, name: &str, value: &str) -> Sent {
        self.headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
        self
    }

    pub fn scope(mut self, name: &'static str) -> Sent {
        self.scope = Some(name);
        self
    }

    pub fn head(&self) -> Head<'_> {
        Head {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &self.headers,
            host: &self.host,
            scope: self.scope.map(|name| (name, "us-east-1")),
            form: Some(&self.body),
        }
    }

    pub fn request(&self) -> Request<'_> {
        Request { head: self.head(), body: Body::Full(self.body.clone()) }
    }

    pub fn address(&self) -> Result<Addressed, AddressError> {
        ROUTER.address(&self.head())
    }
}
