//! Requests that cannot be read or that violate the model, in the words of each service.

use super::iam;
use crate::model::{Protocol, Service, Validation};
use crate::router::Addressed;
use crate::walk::{Malformed, Reason, Violation};
use yakumo_aws::Error;

/// The error for a request that is no instance of its protocol.
pub(crate) fn malformed(addressed: &Addressed, malformed: &Malformed) -> Error {
    let text = match malformed.0.as_ref() {
        // AWS's list of errors ends it with a stop; seen without: <https://github.com/aws/aws-sdk-cpp/issues/733>,
        // <https://github.com/versity/versitygw/issues/820>.
        Reason::Empty if addressed.service.validation == Validation::S3 => {
            return Error::sender("MissingRequestBodyError", "Request Body is empty");
        }
        Reason::Syntax | Reason::Empty => "",
        Reason::Kind(text) => text,
        Reason::Scalar(name, value) => return scalar(addressed, name, value),
    };
    match (addressed.protocol, addressed.service.validation) {
        (Protocol::RestXml, Validation::S3) => Error::sender(
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        ),
        (Protocol::RestXml, _) => Error::sender("MalformedInput", text),
        // Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>
        (Protocol::AwsQuery | Protocol::Ec2Query, _) => {
            Error::sender("MalformedQueryString", "The query string contains a syntax error.")
                .with_status(404)
        }
        _ => Error::sender("SerializationException", text),
    }
}

/// A text that is no number, truth value, time or base64.
fn scalar(addressed: &Addressed, name: &str, value: &str) -> Error {
    match (addressed.protocol, addressed.service.validation) {
        (_, Validation::MissingParameter) => {
            Error::sender("InvalidParameterValue", format!("Invalid value '{value}' for {name}."))
        }
        // Elements of documents begin with a capital letter, as headers do, which have hyphens.
        (_, Validation::S3) if name.starts_with(|c: char| c.is_ascii_uppercase()) && !name.contains('-') => {
            Error::sender(
                "MalformedXML",
                "The XML you provided was not well-formed or did not validate against our published schema",
            )
        }
        // Seen: <https://github.com/bloomreach/s4cmd/issues/238>.
        (_, Validation::S3) => {
            let text = match name {
                "partNumber" => "Part number must be an integer between 1 and 10000, inclusive".to_owned(),
                "max-buckets" | "max-keys" | "max-parts" | "max-uploads" | "part-number-marker" => {
                    format!("Provided {name} not an integer or within integer range")
                }
                _ => format!("Invalid value for {name}"),
            };
            Error::sender("InvalidArgument", text)
                .with_field("ArgumentName", name)
                .with_field("ArgumentValue", value)
        }
        (Protocol::AwsQuery, _) => {
            Error::sender("MalformedInput", format!("Invalid value '{value}' for {name}"))
        }
        _ => Error::sender("SerializationException", format!("Invalid value '{value}' for {name}")),
    }
}

/// The error for violated constraints, all of them in one.
pub(crate) fn refuse(addressed: &Addressed, violations: Vec<Violation>) -> Result<(), Error> {
    if violations.is_empty() {
        return Ok(());
    }
    match addressed.service.validation {
        Validation::Coral => Err(Error::sender(addressed.service.validation_code, coral_text(&violations))),
        Validation::Iam => {
            Err(Error::sender(addressed.service.validation_code, iam::text(violations, coral_text)))
        }
        Validation::MissingParameter => missing_parameter(addressed, &violations),
        Validation::S3 => s3(&violations),
    }
}

/// AWS: "1 validation error detected: Value 'x' at 'queueName' failed to satisfy constraint: Member must …". Values of
/// sensitive shapes are left out.
fn coral_text(violations: &[Violation]) -> String {
    let texts: Vec<String> = violations
        .iter()
        .map(|violation| {
            let value = match &violation.value {
                _ if violation.sensitive => "Value".to_owned(),
                None => "Value null".to_owned(),
                Some(value) => format!("Value '{value}'"),
            };
            format!("{value} at '{}' failed to satisfy constraint: {}", violation.path, violation.constraint)
        })
        .collect();
    let plural = if texts.len() == 1 { "" } else { "s" };
    format!("{} validation error{plural} detected: {}", texts.len(), texts.join("; "))
}

/// EC2 and SQS name the first missing parameter. Their other rules are not in the model and are the room's.
fn missing_parameter(addressed: &Addressed, violations: &[Violation]) -> Result<(), Error> {
    let Some(missing) = violations.iter().find(|violation| violation.value.is_none()) else {
        return if addressed.protocol == Protocol::Ec2Query { ec2_bound(violations) } else { Ok(()) };
    };
    let end = if addressed.protocol == Protocol::Ec2Query { "" } else { "." };
    let text = format!("The request must contain the parameter {}{end}", missing.form_path);
    Err(Error::sender("MissingParameter", text))
}

/// AWS: "Value ( 3 ) for parameter maxResults is invalid. Expecting a value greater than 5." where 5 itself is allowed.
fn ec2_bound(violations: &[Violation]) -> Result<(), Error> {
    let bound = |violation: &Violation| {
        let constraint = &violation.constraint;
        let min = constraint
            .strip_prefix("Member must have value greater than or equal to ")
            .map(|min| ("greater", min));
        let max =
            constraint.strip_prefix("Member must have value less than or equal to ").map(|max| ("less", max));
        let (side, bound) = min.or(max)?;
        let value = violation.value.as_deref()?;
        Some(format!(
            "Value ( {value} ) for parameter {} is invalid. Expecting a value {side} than {bound}.",
            violation.path
        ))
    };
    match violations.iter().find_map(bound) {
        Some(text) => Err(Error::sender("InvalidParameterValue", text)),
        None => Ok(()),
    }
}

/// What S3's XML lacks makes it malformed; everything else has codes of its own and is the room's.
fn s3(violations: &[Violation]) -> Result<(), Error> {
    if violations.iter().all(|violation| violation.value.is_some()) {
        return Ok(());
    }
    Err(Error::sender(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    ))
}

/// What a service answers to an operation that it does not have; an empty name means that the request named none,
/// `version` is that of the API when the request named another than the model's.
/// Source: the services' answers, such as "Could not find operation GetSendStatistics for version 2012-12-01".
pub fn unknown_operation(service: &Service, protocol: Protocol, name: &str, version: Option<&str>) -> Error {
    let missing_parameter = service.validation == Validation::MissingParameter;
    match protocol {
        Protocol::AwsQuery | Protocol::Ec2Query if name.is_empty() => {
            Error::sender("MissingAction", "The request must contain the parameter Action.")
        }
        Protocol::Ec2Query => {
            Error::sender("InvalidAction", format!("The action {name} is not valid for this web service."))
        }
        Protocol::AwsQuery if missing_parameter => {
            Error::sender("InvalidAction", format!("The action {name} is not valid for this endpoint."))
        }
        Protocol::AwsQuery => {
            let version = version.unwrap_or(service.api_version);
            Error::sender("InvalidAction", format!("Could not find operation {name} for version {version}"))
        }
        Protocol::RestXml if service.validation == Validation::S3 => {
            Error::sender("MethodNotAllowed", "The specified method is not allowed against this resource.")
                .with_status(405)
        }
        Protocol::RestJson1 | Protocol::RestXml => Error::sender(
            "UnknownOperationException",
            "Unable to determine service/operation name to be authorized",
        )
        .with_status(404),
        Protocol::AwsJson10 | Protocol::AwsJson11 | Protocol::RpcV2Cbor => {
            Error::sender("UnknownOperationException", "")
        }
    }
}
