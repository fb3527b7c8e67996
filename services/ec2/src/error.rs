//! The errors of EC2: code, status and text. What only one noun can answer stands in that noun's folder.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>, and the texts that clients report.

use std::fmt::Display;
use yakumo_aws::Error;

/// An input that names an operation's member which is modelled and not implemented here.
pub(crate) fn not_implemented(what: &str) -> Error {
    let text = format!("yakumo does not implement {what} of EC2.");
    Error::sender("NotImplemented", text).with_status(501)
}

/// The caller has the permission, and asked for no more than that.
/// AWS: status 412 (seen with every client that tests its permissions so).
pub(crate) fn dry_run_operation() -> Error {
    let text = "Request would have succeeded, but DryRun flag is set.";
    Error::sender("DryRunOperation", text).with_status(412)
}

pub(crate) fn missing_parameter(name: &str) -> Error {
    Error::sender("MissingParameter", format!("The request must contain the parameter {name}"))
}

/// A parameter with a value that it cannot have, in AWS's usual words.
pub(crate) fn invalid_value(value: impl Display, name: &str, reason: &str) -> Error {
    invalid_parameter_value(format!("Value ({value}) for parameter {name} is invalid. {reason}"))
}

pub(crate) fn invalid_parameter_value(text: impl Into<String>) -> Error {
    Error::sender("InvalidParameterValue", text)
}

pub(crate) fn invalid_parameter_combination(text: impl Into<String>) -> Error {
    Error::sender("InvalidParameterCombination", text)
}

/// Two parameters that exclude each other.
pub(crate) fn not_together(one: &str, other: &str) -> Error {
    invalid_parameter_combination(format!("The parameter {one} cannot be used with the parameter {other}"))
}

pub(crate) fn invalid_filter(name: &str) -> Error {
    invalid_parameter_value(format!("The filter '{name}' is invalid"))
}

pub(crate) fn too_many_filter_values() -> Error {
    let text = "The maximum number of filter values specified on a single call is 200";
    Error::sender("FilterLimitExceeded", text)
}

pub(crate) fn invalid_pagination_token() -> Error {
    Error::sender("InvalidPaginationToken", "The specified pagination token is not valid or is expired.")
}

/// The same client token with another request.
pub(crate) fn idempotent_parameter_mismatch() -> Error {
    let text = "The specified client token was already used with other request parameters.";
    Error::sender("IdempotentParameterMismatch", text)
}

/// `what` is how AWS names the kind and the thing: `vpc 'vpc-1'`.
pub(crate) fn has_dependencies(what: &str) -> Error {
    dependency_violation(format!("The {what} has dependencies and cannot be deleted."))
}

pub(crate) fn dependency_violation(text: impl Into<String>) -> Error {
    Error::sender("DependencyViolation", text)
}

pub(crate) fn operation_not_permitted(text: impl Into<String>) -> Error {
    Error::sender("OperationNotPermitted", text)
}

/// A quota, with its code and how AWS calls what there is too much of.
pub(crate) fn limit_exceeded(code: &'static str, what: &str) -> Error {
    Error::sender(code, format!("The maximum number of {what} has been reached."))
}
