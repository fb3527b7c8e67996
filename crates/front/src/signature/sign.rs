//! The client's side, for those who call others: tests, tools, and rooms that speak to real endpoints.

use super::Head;
use super::canonical;
use super::encode::{encode, hex, push_hex};
use super::instant::basic;
use super::keys::derive;
use super::presented::{Algorithm, PayloadHash};
use super::v4a;
use super::verify::PathRule;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use aws_lc_rs::{digest, hmac};
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderValue, Request, Uri};
use yakumo_aws::{Error, Timestamp};

/// Long-term or temporary credentials.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The access key id.
    pub access_key_id: &'a str,
    /// The secret access key.
    pub secret_access_key: &'a str,
    /// The session token of temporary credentials.
    pub session_token: Option<&'a str>,
}

/// What a signature says about the body.
#[derive(Clone, Copy)]
pub enum SignedPayload<'a> {
    /// The hash of these bytes.
    Bytes(&'a [u8]),
    /// One of the reserved words, such as `UNSIGNED-PAYLOAD`.
    Reserved(PayloadHash),
}

/// Signs requests for one service and region at one point in time.
#[derive(Clone, Copy)]
pub struct Signer<'a> {
    /// Who signs.
    pub credentials: Credentials<'a>,
    /// The region; for SigV4A the region set.
    pub region: &'a str,
    /// The signing name. `s3` gets S3's rules for paths and bodies.
    pub service: &'a str,
    /// The host's time.
    pub now: Timestamp,
    /// The algorithm.
    pub algorithm: Algorithm,
}

impl Signer<'_> {
    /// Adds the date, the token, the payload hash where it is wanted, and the `Authorization` header. Returns the
    /// signature, the seed of chunk signatures. Every header that is present by now is signed.
    ///
    /// # Errors
    /// A header value that HTTP does not allow, or no host in header or URI.
    pub fn sign<B>(&self, request: &mut Request<B>, payload: SignedPayload<'_>) -> Result<String, Error> {
        let timestamp = basic(self.now.as_secs());
        let payload = payload_text(payload);
        self.add_header(request, "x-amz-date", &timestamp)?;
        if let Some(token) = self.credentials.session_token {
            self.add_header(request, "x-amz-security-token", token)?;
        }
        if self.is_s3() || payload.starts_with('U') || payload.starts_with('S') {
            self.add_header(request, "x-amz-content-sha256", &payload)?;
        }
        if self.algorithm == Algorithm::V4a {
            self.add_header(request, "x-amz-region-set", self.region)?;
        }
        self.add_host(request)?;
        let mut names: Vec<&str> = request.headers().keys().map(http::HeaderName::as_str).collect();
        names.retain(|name| !matches!(*name, "authorization" | "user-agent" | "expect" | "connection"));
        names.sort_unstable();
        let signed_headers = names.join(";");
        let signature = self.signature(Head::from(&*request), &timestamp, &signed_headers, &payload)?;
        let authorization = format!(
            "{} Credential={}/{}, SignedHeaders={signed_headers}, Signature={signature}",
            self.algorithm.as_str(),
            self.credentials.access_key_id,
            self.scope(&timestamp)
        );
        self.add_header(request, AUTHORIZATION.as_str(), &authorization)?;
        Ok(signature)
    }

    /// Puts the signature into the query string. Only `host` is signed among the headers.
    ///
    /// # Errors
    /// As [`Signer::sign`], or a URI that does not take a query.
    pub fn presign<B>(
        &self,
        request: &mut Request<B>,
        expires_s: u32,
        payload: SignedPayload<'_>,
    ) -> Result<(), Error> {
        let timestamp = basic(self.now.as_secs());
        self.add_host(request)?;
        let mut query = request.uri().query().unwrap_or_default().to_owned();
        let credential = format!("{}/{}", self.credentials.access_key_id, self.scope(&timestamp));
        append(&mut query, "X-Amz-Algorithm", self.algorithm.as_str());
        append(&mut query, "X-Amz-Credential", &credential);
        append(&mut query, "X-Amz-Date", &timestamp);
        append(&mut query, "X-Amz-Expires", &expires_s.to_string());
        append(&mut query, "X-Amz-SignedHeaders", "host");
        if let Some(token) = self.credentials.session_token {
            append(&mut query, "X-Amz-Security-Token", token);
        }
        if self.algorithm == Algorithm::V4a {
            append(&mut query, "X-Amz-Region-Set", self.region);
        }
        set_query(request, &query)?;
        let signature = self.signature(Head::from(&*request), &timestamp, "host", &payload_text(payload))?;
        append(&mut query, "X-Amz-Signature", &signature);
        set_query(request, &query)
    }

    fn is_s3(&self) -> bool {
        self.service == "s3"
    }

    fn scope(&self, timestamp: &str) -> String {
        let date = timestamp.get(..8).unwrap_or(timestamp);
        match self.algorithm {
            Algorithm::V4 => format!("{date}/{}/{}/aws4_request", self.region, self.service),
            Algorithm::V4a | Algorithm::V2 => format!("{date}/{}/aws4_request", self.service),
        }
    }

    fn add_host<B>(&self, request: &mut Request<B>) -> Result<(), Error> {
        if request.headers().contains_key(HOST) {
            return Ok(());
        }
        let authority = request.uri().authority().map(ToString::to_string);
        let authority =
            authority.ok_or_else(|| Error::sender("IncompleteSignature", "The request names no host"))?;
        self.add_header(request, HOST.as_str(), &authority)
    }

    fn add_header<B>(&self, request: &mut Request<B>, name: &'static str, value: &str) -> Result<(), Error> {
        let value = HeaderValue::from_str(value).map_err(Error::internal)?;
        request.headers_mut().insert(name, value);
        Ok(())
    }

    fn signature(
        &self,
        head: Head<'_>,
        timestamp: &str,
        signed_headers: &str,
        payload: &str,
    ) -> Result<String, Error> {
        let rule = if self.is_s3() { PathRule::Plain } else { PathRule::Normalised };
        let mut canonical = Vec::new();
        canonical::write(&mut canonical, head, rule, signed_headers, payload.as_bytes());
        let mut message = Vec::new();
        for line in [self.algorithm.as_str(), timestamp, &self.scope(timestamp)] {
            message.extend_from_slice(line.as_bytes());
            message.push(b'\n');
        }
        push_hex(&mut message, digest::digest(&digest::SHA256, &canonical).as_ref());
        let Credentials { access_key_id, secret_access_key, .. } = self.credentials;
        match self.algorithm {
            Algorithm::V4 => {
                let date = timestamp.get(..8).unwrap_or(timestamp);
                let key = derive(secret_access_key, date, self.region, self.service);
                Ok(hex(hmac::sign(&key, &message).as_ref()))
            }
            Algorithm::V2 => Err(Error::internal("Signature Version 2 is read, not written")),
            Algorithm::V4a => sign_v4a(access_key_id, secret_access_key, &message).map_err(Error::internal),
        }
    }
}

fn sign_v4a(access_key_id: &str, secret: &str, message: &[u8]) -> Result<String, &'static str> {
    let private = v4a::private_key(access_key_id, secret).ok_or("no key for this secret")?;
    let public = v4a::public_point(&private).ok_or("no public key for this secret")?;
    let pair =
        EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_ASN1_SIGNING, &private, &public)
            .map_err(|_| "the key pair was rejected")?;
    let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| "signing failed")?;
    Ok(hex(signature.as_ref()))
}

fn payload_text(payload: SignedPayload<'_>) -> String {
    match payload {
        SignedPayload::Bytes(bytes) => hex(digest::digest(&digest::SHA256, bytes).as_ref()),
        SignedPayload::Reserved(hash) => hash.name().unwrap_or_default().to_owned(),
    }
}

fn append(query: &mut String, name: &str, value: &str) {
    let mut encoded = Vec::new();
    encode(&mut encoded, value.as_bytes(), None);
    if !query.is_empty() {
        query.push('&');
    }
    query.push_str(name);
    query.push('=');
    query.push_str(&String::from_utf8_lossy(&encoded));
}

fn set_query<B>(request: &mut Request<B>, query: &str) -> Result<(), Error> {
    let mut parts = request.uri().clone().into_parts();
    let target = format!("{}?{query}", request.uri().path());
    parts.path_and_query =
        Some(target.parse().map_err(|_| Error::internal("the query is no part of a URI"))?);
    *request.uri_mut() = Uri::from_parts(parts).map_err(Error::internal)?;
    Ok(())
}
