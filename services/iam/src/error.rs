//! IAM's and STS's errors with their exact texts. Codes are the shapes of the models.

mod federation;

pub(crate) use federation::{
    expired_identity, idp_unreachable, invalid_authorization_message, invalid_identity_token,
    invalid_provider_url, oidc_provider_exists, oidc_provider_not_found, packed_policy_too_large,
    provider_unreachable, rejected_claim, saml_provider_exists, saml_provider_not_found, unparsable_metadata,
};

use crate::state::Identity;
use yakumo_aws::Error;
use yakumo_policy::Malformed;

pub(crate) fn no_such_entity(message: impl Into<String>) -> Error {
    Error::sender("NoSuchEntityException", message).with_status(404)
}

pub(crate) fn already_exists(message: impl Into<String>) -> Error {
    Error::sender("EntityAlreadyExistsException", message).with_status(409)
}

pub(crate) fn delete_conflict(message: impl Into<String>) -> Error {
    Error::sender("DeleteConflictException", message).with_status(409)
}

fn limit(message: impl Into<String>) -> Error {
    Error::sender("LimitExceededException", message).with_status(409)
}

/// A parameter that the model's constraints cannot judge.
pub(crate) fn validation(message: impl Into<String>) -> Error {
    Error::sender("ValidationError", message)
}

pub(crate) fn invalid_input(message: impl Into<String>) -> Error {
    Error::sender("InvalidInputException", message)
}

pub(crate) fn malformed(cause: Malformed) -> Error {
    Error::sender("MalformedPolicyDocumentException", cause.message)
}

/// A session tag whose key only AWS may set, in STS's code.
pub(crate) fn system_session_tag() -> Error {
    invalid_parameter("aws: prefixed tag key names are not allowed for external use.")
}

/// A principal of a trust policy that does not exist.
pub(crate) fn invalid_principal(arn: &str) -> Error {
    let text = format!("Invalid principal in policy: \"AWS\":\"{arn}\"");
    Error::sender("MalformedPolicyDocumentException", text)
}

/// `kind` is `user`, `group`, `role`.
pub(crate) fn not_found(kind: &str, name: &str) -> Error {
    no_such_entity(format!("The {kind} with name {name} cannot be found."))
}

pub(crate) fn identity_exists<I: Identity>(name: &str) -> Error {
    already_exists(format!("{} with name {name} already exists.", I::TITLE))
}

pub(crate) fn inline_policy_not_found<I: Identity>(name: &str) -> Error {
    not_found(&format!("{} policy", I::KIND), name)
}

pub(crate) fn policy_not_found(arn: &str) -> Error {
    no_such_entity(format!("Policy {arn} was not found."))
}

pub(crate) fn policy_not_attachable(arn: &str) -> Error {
    no_such_entity(format!("Policy {arn} does not exist or is not attachable."))
}

/// AWS: the text calls a boundary by its old name, scope, as users of CloudFormation and Terraform see it.
pub(crate) fn boundary_not_attachable(arn: &str) -> Error {
    no_such_entity(format!("Scope ARN: {arn} does not exist or is not attachable."))
}

/// AWS: <https://github.com/pulumi/pulumi-aws-apigateway/issues/347>.
pub(crate) fn invalid_partition() -> Error {
    validation("Invalid ARN partition")
}

/// AWS: policies under `/aws-service-role/` belong to the service-linked role of their service:
/// <https://github.com/aws/aws-cdk/issues/6131> has the text.
pub(crate) fn service_role_policy(title: &str) -> Error {
    let text = format!("Cannot attach a Service Role Policy to a Customer {title}.");
    Error::sender("PolicyNotAttachable", text)
}

pub(crate) fn policy_version_not_found(arn: &str, version_id: &str) -> Error {
    no_such_entity(format!("Policy {arn} version {version_id} does not exist or is not attachable."))
}

pub(crate) fn policy_exists(name: &str) -> Error {
    already_exists(format!("A policy called {name} already exists. Duplicate names are not allowed."))
}

pub(crate) fn invalid_arn(arn: &str) -> Error {
    invalid_input(format!("ARN {arn} is not valid."))
}

pub(crate) fn managed_by_aws(arn: &str) -> Error {
    let text = format!("Cannot perform the operation on the protected policy {arn}.");
    Error::sender("AccessDenied", text).with_status(403)
}

pub(crate) fn access_key_not_found(id: &str) -> Error {
    no_such_entity(format!("The Access Key with id {id} cannot be found."))
}

pub(crate) fn instance_profile_not_found(name: &str) -> Error {
    no_such_entity(format!("Instance Profile {name} cannot be found."))
}

pub(crate) fn instance_profile_exists(name: &str) -> Error {
    already_exists(format!("Instance Profile {name} already exists."))
}

pub(crate) fn role_not_in_profile(role: &str) -> Error {
    no_such_entity(format!("Role {role} cannot be found."))
}

/// `must` is the part behind "must", such as `detach all policies first`.
pub(crate) fn must_first(must: &str) -> Error {
    delete_conflict(format!("Cannot delete entity, must {must}."))
}

pub(crate) fn policy_attached() -> Error {
    delete_conflict("Cannot delete a policy attached to entities.")
}

pub(crate) fn policy_has_versions() -> Error {
    delete_conflict(
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. \
         The default version is deleted with the policy.",
    )
}

pub(crate) fn default_version() -> Error {
    delete_conflict("Cannot delete the default version of a policy.")
}

/// `quota` is AWS's name of it, such as `AccessKeysPerUser`.
pub(crate) fn quota(quota: &str, most: usize) -> Error {
    limit(format!("Cannot exceed quota for {quota}: {most}"))
}

pub(crate) fn inline_too_large<I: Identity>(name: &str) -> Error {
    let (most, kind) = (I::INLINE_CHARS_MAX, I::KIND);
    limit(format!("Maximum policy size of {most} bytes exceeded for {kind} {name}"))
}

pub(crate) fn too_many_versions(most: usize) -> Error {
    limit(format!(
        "A managed policy can have up to {most} versions. Before you create a new version, you must delete an \
         existing version."
    ))
}

pub(crate) fn too_many_tags() -> Error {
    limit("The number of tags has reached the maximum limit.")
}

pub(crate) fn duplicate_tags() -> Error {
    invalid_input("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
}

pub(crate) fn invalid_marker() -> Error {
    validation("Invalid Marker.")
}

/// Asked without a user name by somebody who is none.
pub(crate) fn must_name_user() -> Error {
    validation("Must specify userName when calling with non-User credentials")
}

/// AWS: temporary credentials of GetSessionToken without MFA cannot call IAM
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>).
pub(crate) fn session_without_mfa() -> Error {
    Error::sender("InvalidClientTokenId", "The security token included in the request is invalid")
        .with_status(403)
}

/// STS's AccessDenied.
pub(crate) fn denied(message: impl Into<String>) -> Error {
    Error::sender("AccessDenied", message).with_status(403)
}

/// STS's word for a parameter that is wrong in itself.
pub(crate) fn invalid_parameter(message: impl Into<String>) -> Error {
    Error::sender("InvalidParameterValue", message)
}

/// A text that is no ARN of a user, group or role (or policy, where one may be given).
pub(crate) fn invalid_entity_arn(arn: &str) -> Error {
    invalid_input(format!("Invalid Entity Arn: {arn} does not clearly define entity type and name."))
}

/// A policy of a simulation that the grammar refuses; `id` is its place in the request.
pub(crate) fn malformed_input(id: &str, cause: Malformed) -> Error {
    invalid_input(format!("Invalid Input Policy: {id}: {}", cause.message))
}

/// A simulation with a resource policy for somebody who is no user.
pub(crate) fn caller_must_be_user() -> Error {
    invalid_input("Invalid caller - Caller must be an IAM user in this context.")
}

pub(crate) fn invalid_context_key(name: &str) -> Error {
    invalid_input(format!("Invalid context key name: {name}"))
}

pub(crate) fn invalid_context_value(name: &str, kind: &str, value: &str) -> Error {
    invalid_input(format!("Invalid value {value} for context key {name} of type {kind}."))
}

pub(crate) fn invalid_policy_identifier(text: &str) -> Error {
    invalid_input(format!("Invalid policy identifier: {text}"))
}

/// A change of a role that only its service may make.
pub(crate) fn protected_role(name: &str) -> Error {
    let text = format!(
        "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
    );
    Error::sender("UnmodifiableEntityException", text)
}

/// A service principal without a service-linked role.
pub(crate) fn no_role_template(service: &str) -> Error {
    denied(format!("Cannot find Service Linked Role template for {service}"))
}

pub(crate) fn no_suffix_allowed(service: &str) -> Error {
    invalid_input(format!("Custom suffix is not allowed for {service}"))
}

pub(crate) fn role_name_taken(name: &str) -> Error {
    invalid_input(format!(
        "Service role name {name} has been taken in this account, please try a different suffix."
    ))
}

pub(crate) fn deletion_task_not_found(id: &str) -> Error {
    no_such_entity(format!("Deletion task {id} was not found."))
}

/// A path that only service-linked roles have.
pub(crate) fn reserved_path(path: &str) -> Error {
    invalid_input(format!("The path {path} is reserved for service-linked roles."))
}

/// A tag whose key only AWS may set.
pub(crate) fn system_tag() -> Error {
    invalid_input("aws: prefixed tag key names are not allowed for external use.")
}

pub(crate) fn report_not_found(id: &str) -> Error {
    no_such_entity(format!("The job with id {id} cannot be found."))
}

/// A parameter that the model lets be left out and the operation does not.
pub(crate) fn null(parameter: &str) -> Error {
    validation(format!(
        "1 validation error detected: Value null at '{parameter}' failed to satisfy constraint: Member must not be null"
    ))
}
