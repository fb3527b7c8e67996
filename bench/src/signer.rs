//! SigV4 in the Authorization header, as a client computes it
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).
//! Written apart from the server's verifier on purpose: a mistake in one must not be repeated in the other.

use aws_lc_rs::{digest, hmac};
use time::{OffsetDateTime, macros::format_description};

/// Signs for one key, region and day.
pub struct Signer {
    key: hmac::Key,
    access_key: String,
    /// The session token of temporary credentials.
    token: Option<String>,
    scope: String,
    date: String,
}

/// The headers that are signed, in the order SigV4 wants them; temporary credentials add their token.
const SIGNED: &str = "amz-sdk-invocation-id;content-type;host;x-amz-date;x-amz-target;x-amzn-query-mode";
const SIGNED_WITH_TOKEN: &str =
    "amz-sdk-invocation-id;content-type;host;x-amz-date;x-amz-security-token;x-amz-target;x-amzn-query-mode";
/// SQS's JSON protocol.
pub const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

impl Signer {
    /// Derives the signing key for `now`; signatures made with it are valid for 15 minutes.
    pub fn new(
        access_key: &str,
        secret: &str,
        region: &str,
        service: &str,
        now: OffsetDateTime,
    ) -> anyhow::Result<Self> {
        let date = now.format(format_description!("[year][month][day]T[hour][minute][second]Z"))?;
        let day = date.get(..8).unwrap_or_default().to_owned();
        let mut derived = format!("AWS4{secret}").into_bytes();
        for part in [day.as_str(), region, service, "aws4_request"] {
            derived = mac(&hmac::Key::new(hmac::HMAC_SHA256, &derived), part.as_bytes());
        }
        Ok(Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &derived),
            access_key: access_key.to_owned(),
            token: None,
            scope: format!("{day}/{region}/{service}/aws4_request"),
            date,
        })
    }

    /// Signs with temporary credentials: their token goes with every request.
    pub fn with_token(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }

    /// The X-Amz-Security-Token header as a line, or nothing.
    pub fn token_line(&self) -> String {
        self.token.as_ref().map(|token| format!("X-Amz-Security-Token: {token}\r\n")).unwrap_or_default()
    }

    /// The value of X-Amz-Date.
    pub fn date(&self) -> &str {
        &self.date
    }

    /// The value of the Authorization header of a POST to `/`.
    pub fn authorization(&self, host: &str, target: &str, invocation: &str, body: &[u8]) -> String {
        let date = &self.date;
        let (signed, token) = match &self.token {
            Some(token) => (SIGNED_WITH_TOKEN, format!("x-amz-security-token:{token}\n")),
            None => (SIGNED, String::new()),
        };
        let canonical = format!(
            "POST\n/\n\namz-sdk-invocation-id:{invocation}\ncontent-type:{CONTENT_TYPE}\nhost:{host}\nx-amz-date:{date}\n\
             {token}x-amz-target:{target}\nx-amzn-query-mode:true\n\n{signed}\n{}",
            hex(digest::digest(&digest::SHA256, body).as_ref())
        );
        self.credential(&canonical, signed)
    }

    /// The lines `x-amz-content-sha256`, `X-Amz-Date` and `Authorization` of a request to S3. Path and query are given
    /// as SigV4 writes them, `hash` is the SHA-256 of the body in hexadecimal digits.
    pub fn s3_lines(&self, method: &str, host: &str, path: &str, query: &str, hash: &str) -> String {
        let (date, signed) = (&self.date, "host;x-amz-content-sha256;x-amz-date");
        let canonical = format!(
            "{method}\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{hash}\nx-amz-date:{date}\n\n{signed}\n{hash}"
        );
        let authorization = self.credential(&canonical, signed);
        format!("x-amz-content-sha256: {hash}\r\nX-Amz-Date: {date}\r\nAuthorization: {authorization}\r\n")
    }

    fn credential(&self, canonical: &str, signed: &str) -> String {
        let canonical = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{}\n{canonical}", self.date, self.scope);
        let signature = hex(&mac(&self.key, to_sign.as_bytes()));
        format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={signed}, Signature={signature}",
            self.access_key, self.scope
        )
    }
}

fn mac(key: &hmac::Key, data: &[u8]) -> Vec<u8> {
    hmac::sign(key, data).as_ref().to_vec()
}

/// Lower-case hexadecimal digits.
pub fn hex(data: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    data.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// from: botocore 1.43.11's SigV4Auth, given the same request, key and time.
    #[test]
    fn signs_as_botocore_does() {
        let now = time::macros::datetime!(2026-11-22 05:00:00 UTC);
        let signer =
            Signer::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "sqs", now)
                .unwrap();
        let body = br#"{"QueueUrl": "http://127.0.0.1:4566/000000000000/q"}"#;
        let given = signer.authorization("127.0.0.1:4566", "AmazonSQS.ReceiveMessage", "id-1", body);
        let (_, signature) = given.split_once("Signature=").unwrap();
        assert_eq!(signature, "b1cc3681d2041c076a0b6d3df76d037f34d9ebb9728805b1fbf4c30c5c72b8f6");
    }
}
