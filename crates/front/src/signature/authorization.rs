//! The `Authorization` header: `ALGORITHM Credential=…, SignedHeaders=…, Signature=…`.

use super::Head;
use super::instant::{basic, parse_basic, parse_date_header};
use super::presented::{Algorithm, Carrier, PayloadHash, Presented, Span};
use super::refusal::Refusal;

/// The three parts, and a date to go with them.
struct Parts<'a> {
    credential: Option<&'a str>,
    signed_headers: Option<&'a str>,
    signature: Option<&'a str>,
}

/// Reads an `Authorization` header. The session token and the payload hash come from their own headers.
pub(super) fn parse(authorization: &str, head: Head<'_>) -> Result<Presented, Refusal> {
    let (scheme, rest) = authorization.split_once([' ', '\t']).unwrap_or((authorization, ""));
    let algorithm = algorithm(scheme, authorization)?;
    let parts = split(rest, authorization)?;
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let date = header("x-amz-date").or_else(|| header("date"));
    let (Some(credential), Some(signed_headers), Some(signature), Some(date)) =
        (parts.credential, parts.signed_headers, parts.signature, date)
    else {
        return Err(incomplete(&parts, date, authorization));
    };
    let signed_at_s = match header("x-amz-date") {
        Some(date) => parse_basic(date),
        None => parse_date_header(date),
    };
    let signed_at_s =
        signed_at_s.ok_or_else(|| Refusal::DateMalformed { date: date.to_owned(), presigned: false })?;
    // AWS: the string to sign has the basic form even where the request carries an HTTP date.
    let rewritten;
    let timestamp = if date.len() == 16 {
        date
    } else {
        rewritten = basic(signed_at_s);
        &rewritten
    };
    let token = header("x-amz-security-token").or_else(|| header("x-amz-s3session-token"));
    let fields = Fields {
        algorithm,
        credential,
        signed_headers,
        signature,
        timestamp,
        token,
        region_set: header("x-amz-region-set"),
        payload: payload(head),
        carrier: Carrier::Header,
        signed_at_s,
    };
    fields.presented()
}

fn algorithm(scheme: &str, authorization: &str) -> Result<Algorithm, Refusal> {
    if let Some(algorithm) = Algorithm::parse(scheme) {
        Ok(algorithm)
    } else if scheme == "AWS" || scheme == "AWS3-HTTPS" {
        Err(Refusal::SignatureV2)
    } else if scheme.starts_with("AWS4-") {
        Err(Refusal::UnsupportedAlgorithm { algorithm: scheme.to_owned(), presigned: false })
    } else {
        Err(Refusal::UnsupportedScheme(authorization.to_owned()))
    }
}

fn split<'a>(rest: &'a str, authorization: &str) -> Result<Parts<'a>, Refusal> {
    let mut parts = Parts { credential: None, signed_headers: None, signature: None };
    for part in rest.split([',', ' ', '\t']).filter(|part| !part.is_empty()) {
        let Some((name, value)) = part.split_once('=') else {
            let (part, authorization) = (part.to_owned(), authorization.to_owned());
            return Err(Refusal::NotKeyValue { part, authorization });
        };
        match name {
            "Credential" => parts.credential = Some(value),
            "SignedHeaders" => parts.signed_headers = Some(value),
            "Signature" => parts.signature = Some(value),
            _ => {}
        }
    }
    Ok(parts)
}

fn incomplete(parts: &Parts<'_>, date: Option<&str>, authorization: &str) -> Refusal {
    let named = [
        ("Credential", parts.credential),
        ("Signature", parts.signature),
        ("SignedHeaders", parts.signed_headers),
    ];
    Refusal::HeaderIncomplete {
        missing: named.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect(),
        date_missing: date.is_none(),
        authorization: authorization.to_owned(),
    }
}

/// What the `x-amz-content-sha256` header declares.
pub(super) fn payload(head: Head<'_>) -> PayloadHash {
    let value = head.headers.get("x-amz-content-sha256");
    value.map_or(PayloadHash::Absent, |value| PayloadHash::parse(value.as_bytes()))
}

/// The pieces of a signature from either carrier, before they are put into one text.
pub(super) struct Fields<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) credential: &'a str,
    pub(super) signed_headers: &'a str,
    pub(super) signature: &'a str,
    pub(super) timestamp: &'a str,
    pub(super) token: Option<&'a str>,
    pub(super) region_set: Option<&'a str>,
    pub(super) payload: PayloadHash,
    pub(super) carrier: Carrier,
    pub(super) signed_at_s: i64,
}

impl Fields<'_> {
    /// Puts the pieces together; refuses a credential that does not have its parts.
    pub(super) fn presented(&self) -> Result<Presented, Refusal> {
        let presigned = matches!(self.carrier, Carrier::Query { .. });
        let [access_key_id, date, region, service, terminator] =
            self.credential_parts().ok_or_else(|| Refusal::CredentialMalformed {
                credential: self.credential.to_owned(),
                presigned,
            })?;
        if access_key_id.start == access_key_id.end {
            return Err(Refusal::AccessKeyEmpty { presigned });
        }
        let token_len = self.token.map_or(0, str::len) + self.region_set.map_or(0, str::len);
        let length =
            self.credential.len() + self.signed_headers.len() + self.signature.len() + 16 + token_len;
        let mut text = String::with_capacity(length);
        text.push_str(self.credential);
        let signed_headers = Span::append(&mut text, self.signed_headers);
        let signature = Span::append(&mut text, self.signature);
        let timestamp = Span::append(&mut text, self.timestamp);
        let session_token = self.token.map(|token| Span::append(&mut text, token));
        let region_set = self.region_set.map(|set| Span::append(&mut text, set));
        let presented = Presented {
            access_key_id,
            date,
            region,
            service,
            terminator,
            signed_headers,
            signature,
            timestamp,
            session_token,
            region_set,
            algorithm: self.algorithm,
            payload: self.payload,
            carrier: self.carrier,
            signed_at_s: self.signed_at_s,
            text,
        };
        check_scope_form(&presented)?;
        Ok(presented)
    }

    /// Key id, date, region, service, terminator; SigV4A has no region, so its span is empty.
    fn credential_parts(&self) -> Option<[Span; 5]> {
        let mut start = 0;
        let mut spans = [Span::default(); 5];
        let mut pieces = self.credential.split('/');
        for (index, slot) in spans.iter_mut().enumerate() {
            if index == 2 && self.algorithm == Algorithm::V4a {
                *slot = Span { start, end: start };
                continue;
            }
            let end = start + pieces.next()?.len();
            *slot = Span { start, end };
            start = end + 1;
        }
        pieces.next().is_none().then_some(spans)
    }
}

fn check_scope_form(presented: &Presented) -> Result<(), Refusal> {
    let presigned = presented.is_presigned();
    if presented.terminator() != "aws4_request" {
        return Err(Refusal::WrongTerminator { terminator: presented.terminator().to_owned(), presigned });
    }
    if presented.timestamp().get(..8) != Some(presented.date()) {
        return Err(Refusal::WrongDate {
            scope: presented.date().to_owned(),
            timestamp: presented.timestamp().to_owned(),
            presigned,
        });
    }
    Ok(())
}
