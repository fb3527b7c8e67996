//! The errors of identity providers and of those whom they vouch for.

use super::{already_exists, invalid_input, no_such_entity, validation};
use yakumo_aws::Error;

pub(crate) fn oidc_provider_exists(url: &str) -> Error {
    already_exists(format!("Provider with url {url} already exists."))
}

pub(crate) fn oidc_provider_not_found(arn: &str) -> Error {
    no_such_entity(format!("OpenIDConnect Provider not found for arn {arn}"))
}

pub(crate) fn invalid_provider_url() -> Error {
    validation("Invalid Open ID Connect Provider URL")
}

/// AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html>
pub(crate) fn provider_unreachable() -> Error {
    let text = "The request failed because IAM cannot connect to the OpenID Connect identity provider URL.";
    Error::sender("OpenIdIdpCommunicationErrorException", text)
}

pub(crate) fn saml_provider_exists(name: &str) -> Error {
    already_exists(format!("Provider with name {name} already exists."))
}

pub(crate) fn saml_provider_not_found(arn: &str) -> Error {
    no_such_entity(format!("Manifest not found for arn {arn}"))
}

/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html>
pub(crate) fn unparsable_metadata() -> Error {
    invalid_input("Could not parse metadata.")
}

/// AWS: the text of every operation that takes session policies.
pub(crate) fn packed_policy_too_large(per_cent: usize) -> Error {
    let text = format!("Packed policy consumes {per_cent}% of allotted space, please use smaller policy.");
    Error::sender("PackedPolicyTooLargeException", text)
}

/// A web identity token or SAML assertion that does not count.
pub(crate) fn invalid_identity_token(message: impl Into<String>) -> Error {
    Error::sender("InvalidIdentityTokenException", message)
}

/// One whose time is over.
pub(crate) fn expired_identity(message: impl Into<String>) -> Error {
    Error::sender("ExpiredTokenException", message)
}

/// The provider itself says no.
pub(crate) fn rejected_claim(message: impl Into<String>) -> Error {
    Error::sender("IDPRejectedClaimException", message).with_status(403)
}

/// The provider cannot be asked.
/// AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>
pub(crate) fn idp_unreachable() -> Error {
    let text = "The request could not be fulfilled because the identity provider (IDP) that was asked to verify the \
                incoming identity token could not be reached.";
    Error::sender("IDPCommunicationErrorException", text)
}

pub(crate) fn invalid_authorization_message() -> Error {
    Error::sender("InvalidAuthorizationMessageException", "Message is not valid.")
}
