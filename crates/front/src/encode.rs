//! Step 8: output or error becomes bytes, in the words of the client's protocol.

use crate::body::Body;
use crate::record::Trip;
use http::{HeaderValue, Response, StatusCode};
use yakumo_aws::{Error, Result};
use yakumo_wire::{Addressed, Protocol};

/// The answer to a request, whatever became of it.
pub fn response(trip: &mut Trip, outcome: Result<yakumo_wire::Response>) -> Response<Body> {
    match outcome {
        Ok(response) => http_response(response),
        Err(error) => error_response(trip, error),
    }
}

/// What a request gets that comes when the cloud is being stopped.
pub fn stopping() -> Error {
    Error::unavailable("The cloud is stopping. Please try again.")
}

fn error_response(trip: &mut Trip, error: Error) -> Response<Body> {
    if error.status >= 500 && error.status != 501 {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(request_id = &*trip.request_id, %error, source, "a request failed");
    }
    let named = trip.named.or(trip.addressed.as_ref().map(|found| (found.service, found.protocol)));
    let protocol = named.map_or(Protocol::AwsQuery, |(_, protocol)| protocol);
    let service = named.map(|(service, _)| service);
    let spoke_query = service.is_some_and(|service| service.query_compatible);
    let error = in_protocol(error, protocol, spoke_query);
    let operation = trip.addressed.as_ref().map(|addressed| addressed.operation);
    let mut response = yakumo_wire::encode_error(service, protocol, operation, &error, &trip.request_id);
    if spoke_query && let Some(code) = query_code(&error.code) {
        response.headers.insert("x-amzn-query-error", HeaderValue::from_static(code));
    }
    if error.status == 304 {
        // RFC 9111, section 3.2: what stands there replaces what the client has kept, a type of content too.
        response.headers.remove(http::header::CONTENT_TYPE);
    }
    for (name, value) in &error.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers.insert(*name, value);
        }
    }
    trip.error = Some((error.code.into_owned(), error.message));
    http_response(response)
}

/// The common errors have other names and statuses in other protocols.
/// Source: the CommonErrors page of each service's API reference, such as
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/CommonErrors.html>.
fn in_protocol(mut error: Error, protocol: Protocol, spoke_query: bool) -> Error {
    let json = matches!(protocol, Protocol::AwsJson10 | Protocol::AwsJson11 | Protocol::RpcV2Cbor);
    if error.code == "AccessDenied" {
        match protocol {
            Protocol::Ec2Query => error.code = "UnauthorizedOperation".into(),
            Protocol::AwsQuery | Protocol::RestXml => {}
            _ => error.code = "AccessDeniedException".into(),
        }
        error.status = if json { 400 } else { 403 };
    }
    // AWS: services that once spoke query kept its status for refusals; SQS answers 403 where DynamoDB answers 400.
    if spoke_query && json && query_code(&error.code).is_some_and(|code| code != INVALID_ACTION) {
        error.status = 403;
    }
    error
}

const INVALID_ACTION: &str = "InvalidAction;Sender";

/// What services that once spoke the query protocol call the common JSON errors in `x-amzn-query-error`.
/// Source: <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait>
fn query_code(json: &str) -> Option<&'static str> {
    Some(match json {
        "AccessDeniedException" => "AccessDenied;Sender",
        "UnrecognizedClientException" => "InvalidClientTokenId;Sender",
        "MissingAuthenticationTokenException" => "MissingAuthenticationToken;Sender",
        "InvalidSignatureException" => "SignatureDoesNotMatch;Sender",
        "IncompleteSignatureException" => "IncompleteSignature;Sender",
        "ExpiredTokenException" => "ExpiredToken;Sender",
        "UnknownOperationException" => INVALID_ACTION,
        _ => return None,
    })
}

/// The output of a handler, encoded.
pub fn output(
    row: &dyn yakumo_room::Registered,
    addressed: &Addressed,
    output: yakumo_room::Output,
    request_id: &str,
) -> Result<yakumo_wire::Response> {
    row.encode(addressed, output, request_id)
}

fn http_response(response: yakumo_wire::Response) -> Response<Body> {
    let body = match response.body {
        yakumo_wire::Body::Full(bytes) => Body::full(bytes),
        yakumo_wire::Body::Stream(stream) => {
            let length = response.headers.get(http::header::CONTENT_LENGTH);
            let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
            Body::stream(futures_util::StreamExt::map(stream, |piece| piece.map_err(Into::into)), length)
        }
    };
    let mut answer = Response::new(body);
    let status = match response.status {
        // RFC 9110, section 15.3.7: what tells a range of the whole is partial content.
        200 if response.headers.contains_key(http::header::CONTENT_RANGE) => 206,
        status => status,
    };
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *answer.headers_mut() = response.headers;
    answer
}
