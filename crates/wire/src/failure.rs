//! Errors on the wire: what a service calls them, and how each protocol writes them.

mod fields;
mod iam;
mod json;
mod refuse;
mod xml;

pub use refuse::unknown_operation;
pub(crate) use refuse::{malformed, refuse};

use crate::body::Response;
use crate::exchange::response;
use crate::model::{ErrorFacts, Operation, Protocol, Service, Shape, Validation};
use http::{HeaderName, HeaderValue};
use yakumo_aws::{Error, Fault};

/// An error with what the model knows of it.
pub(crate) struct Named<'e> {
    pub error: &'e Error,
    pub shape: Option<&'static Shape>,
    pub facts: Option<ErrorFacts>,
    pub service: Option<&'static Service>,
    pub request_id: &'e str,
}

impl Named<'_> {
    /// The code in JSON, CBOR and REST answers.
    fn code(&self) -> &str {
        self.shape.map_or(self.error.code.as_ref(), |shape| shape.name)
    }

    /// The code in query answers.
    fn query_code(&self) -> &str {
        self.facts.map_or(self.error.code.as_ref(), |facts| facts.query_code)
    }

    fn status(&self, protocol: Protocol) -> u16 {
        match (self.facts, protocol) {
            (Some(facts), Protocol::AwsQuery | Protocol::Ec2Query) => facts.query_status,
            (Some(facts), _) => facts.status,
            (None, _) => self.error.status,
        }
    }

    fn sender(&self) -> bool {
        self.error.fault == Fault::Sender
    }
}

/// Writes an error as the protocol has it: status, code, headers and body. The model's status wins over the error's, and
/// a modelled code is written as the protocol names it (SQS's `QueueDoesNotExist` is
/// `AWS.SimpleQueueService.NonExistentQueue` to query clients).
pub fn encode_error(
    service: Option<&'static Service>,
    protocol: Protocol,
    _operation: Option<&'static Operation>,
    error: &Error,
    request_id: &str,
) -> Response {
    let found = service.and_then(|service| service.error(&error.code));
    let named = Named {
        error,
        shape: found.map(|(shape, _)| shape),
        facts: found.map(|(_, facts)| facts),
        service,
        request_id,
    };
    let bare = service.is_some_and(|service| service.validation == Validation::S3);
    let body = match protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 | Protocol::RestJson1 | Protocol::RpcV2Cbor => {
            json::body(&named, protocol)
        }
        Protocol::AwsQuery => xml::query(&named),
        Protocol::Ec2Query => xml::ec2(&named),
        Protocol::RestXml => xml::rest(&named, bare),
    };
    let mut response = response(protocol, named.status(protocol), body, request_id);
    for (name, value) in fields::headers(&named) {
        header(&mut response, name, value);
    }
    if protocol == Protocol::RestJson1 {
        header(&mut response, "x-amzn-errortype", named.code());
    }
    if bare {
        response.headers.remove("x-amzn-requestid");
        header(&mut response, "x-amz-request-id", request_id);
    }
    // AWS: services that once spoke query tell the code of those days in a header.
    // <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait>
    let json = matches!(protocol, Protocol::AwsJson10 | Protocol::AwsJson11 | Protocol::RpcV2Cbor);
    if json && service.is_some_and(|service| service.query_compatible) {
        let fault = if named.sender() { "Sender" } else { "Receiver" };
        header(&mut response, "x-amzn-query-error", &format!("{};{fault}", named.query_code()));
    }
    response
}

fn header(response: &mut Response, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_str(value)) {
        response.headers.insert(name, value);
    }
}
