//! Organizations' errors with their exact texts. Codes are the shapes of the model; `Reason` is a member of two.

use yakumo_aws::Error;

fn constraint(reason: &'static str, message: impl Into<String>) -> Error {
    Error::sender("ConstraintViolationException", message).with_field("Reason", reason)
}

fn handshake_constraint(reason: &'static str, message: impl Into<String>) -> Error {
    Error::sender("HandshakeConstraintViolationException", message).with_field("Reason", reason)
}

/// A value that is wrong in itself; `reason` is one of InvalidInputException's.
pub(crate) fn invalid_input(reason: &'static str, message: impl Into<String>) -> Error {
    Error::sender("InvalidInputException", message).with_field("Reason", reason)
}

/// What is kept only if it acts, and does not act here.
pub(crate) fn not_implemented(what: &str) -> Error {
    Error::sender("NotImplemented", format!("{what} is not implemented by yakumo.")).with_status(501)
}

pub(crate) fn denied() -> Error {
    Error::sender("AccessDeniedException", "You don't have permissions to access this resource.")
}

pub(crate) fn not_in_use() -> Error {
    Error::sender("AWSOrganizationsNotInUseException", "Your account is not a member of an organization.")
}

pub(crate) fn already_in_organization() -> Error {
    let text = "The provided account is already a member of an organization.";
    Error::sender("AlreadyInOrganizationException", text)
}

pub(crate) fn organization_not_empty() -> Error {
    let text = "To delete an organization you must first remove all member accounts (except the master).";
    Error::sender("OrganizationNotEmptyException", text)
}

pub(crate) fn master_cannot_leave() -> Error {
    let text = "You can't remove the management account from the organization. If you want the management account to \
                become a member account in another organization, you must first delete the current organization of \
                the management account.";
    Error::sender("MasterCannotLeaveOrganizationException", text)
}

pub(crate) fn account_not_found() -> Error {
    Error::sender("AccountNotFoundException", "You specified an account that doesn't exist.")
}

pub(crate) fn account_already_closed() -> Error {
    Error::sender("AccountAlreadyClosedException", "You specified an account that is already closed.")
}

pub(crate) fn account_closing() -> Error {
    let text = "The request to close the account is already in progress.";
    Error::sender("ConflictException", text)
}

pub(crate) fn creation_not_found() -> Error {
    let text = "You specified a create account request that doesn't exist.";
    Error::sender("CreateAccountStatusNotFoundException", text)
}

pub(crate) fn root_not_found() -> Error {
    Error::sender("RootNotFoundException", "You specified a root that doesn't exist.")
}

pub(crate) fn parent_not_found() -> Error {
    Error::sender("ParentNotFoundException", "You specified parent that doesn't exist.")
}

pub(crate) fn child_not_found() -> Error {
    Error::sender("ChildNotFoundException", "You specified a child that doesn't exist.")
}

pub(crate) fn source_parent_not_found() -> Error {
    let text = "You specified a source parent that doesn't contain the specified account.";
    Error::sender("SourceParentNotFoundException", text)
}

pub(crate) fn destination_parent_not_found() -> Error {
    let text = "You specified a destination parent that doesn't exist.";
    Error::sender("DestinationParentNotFoundException", text)
}

pub(crate) fn duplicate_account() -> Error {
    let text = "The specified account is already present in the specified destination.";
    Error::sender("DuplicateAccountException", text)
}

pub(crate) fn target_not_found() -> Error {
    Error::sender("TargetNotFoundException", "You specified a target that doesn't exist.")
}

pub(crate) fn unit_not_found() -> Error {
    let text = "You specified an organizational unit that doesn't exist.";
    Error::sender("OrganizationalUnitNotFoundException", text)
}

pub(crate) fn duplicate_unit() -> Error {
    let text = "An OU with the same name already exists.";
    Error::sender("DuplicateOrganizationalUnitException", text)
}

pub(crate) fn unit_not_empty() -> Error {
    let text = "The specified OU is not empty. Move all accounts to another root or to other OUs, remove all child \
                OUs, and try the operation again.";
    Error::sender("OrganizationalUnitNotEmptyException", text)
}

pub(crate) fn unit_too_deep() -> Error {
    constraint(
        "OU_DEPTH_LIMIT_EXCEEDED",
        "You have exceeded the maximum depth of an organizational unit tree.",
    )
}

pub(crate) fn too_many_units() -> Error {
    constraint("OU_NUMBER_LIMIT_EXCEEDED", "You have exceeded the maximum number of organizational units.")
}

pub(crate) fn too_many_accounts() -> Error {
    constraint("ACCOUNT_NUMBER_LIMIT_EXCEEDED", "You have exceeded the allowed number of AWS accounts.")
}

pub(crate) fn too_many_invited() -> Error {
    let text = "You have exceeded the allowed number of AWS accounts.";
    handshake_constraint("ACCOUNT_NUMBER_LIMIT_EXCEEDED", text)
}

pub(crate) fn wait_period() -> Error {
    let text =
        "This operation requires a wait period. Try again after the account has existed for at least 7 days.";
    constraint("WAIT_PERIOD_ACTIVE", text)
}

pub(crate) fn cannot_close_management() -> Error {
    let text = "You can't close the management account of the organization with this operation.";
    constraint("CANNOT_CLOSE_MANAGEMENT_ACCOUNT", text)
}

pub(crate) fn close_quota() -> Error {
    let text = "You have exceeded close account quota for the past 30 days.";
    constraint("CLOSE_ACCOUNT_QUOTA_EXCEEDED", text)
}

pub(crate) fn not_all_features() -> Error {
    let text = "This operation can be performed only for organizations with all features enabled.";
    constraint("ORGANIZATION_NOT_IN_ALL_FEATURES_MODE", text)
}

pub(crate) fn policy_type_not_available() -> Error {
    let text =
        "This policy type isn't available to the organization. It requires all features to be enabled.";
    Error::sender("PolicyTypeNotAvailableForOrganizationException", text)
}

pub(crate) fn policy_type_enabled() -> Error {
    let text = "The specified policy type is already enabled.";
    Error::sender("PolicyTypeAlreadyEnabledException", text)
}

pub(crate) fn policy_type_not_enabled() -> Error {
    let text = "This operation can be performed only for enabled policy types.";
    Error::sender("PolicyTypeNotEnabledException", text)
}

pub(crate) fn policy_not_found() -> Error {
    Error::sender("PolicyNotFoundException", "You specified a policy that doesn't exist.")
}

pub(crate) fn policy_in_use() -> Error {
    let text =
        "This policy is in use by one or more entities. Detach it from all entities before you delete it.";
    Error::sender("PolicyInUseException", text)
}

pub(crate) fn policy_immutable() -> Error {
    invalid_input("IMMUTABLE_POLICY", "This policy is managed by AWS and can't be modified.")
}

pub(crate) fn policy_not_detachable() -> Error {
    invalid_input("NON_DETACHABLE_POLICY", "You can't detach this policy from the specified target.")
}

pub(crate) fn duplicate_policy() -> Error {
    Error::sender("DuplicatePolicyException", "A policy with the same name already exists.")
}

pub(crate) fn malformed_policy(text: &str) -> Error {
    Error::sender("MalformedPolicyDocumentException", text)
}

/// AWS's text for a management policy that is none.
pub(crate) fn wrong_type() -> Error {
    malformed_policy(
        "The provided policy document does not meet the requirements of the specified policy type.",
    )
}

pub(crate) fn no_effective_policy() -> Error {
    let text = "The effective policy of the specified type doesn't exist for the specified target.";
    Error::sender("EffectivePolicyNotFoundException", text)
}

pub(crate) fn target_not_supported() -> Error {
    invalid_input("TARGET_NOT_SUPPORTED", "You can't perform the specified operation on that target entity.")
}

pub(crate) fn policy_too_large() -> Error {
    constraint("POLICY_CONTENT_LIMIT_EXCEEDED", "You have exceeded the maximum policy size.")
}

pub(crate) fn too_many_policies() -> Error {
    constraint("POLICY_NUMBER_LIMIT_EXCEEDED", "You have exceeded the maximum number of policies.")
}

pub(crate) fn already_attached() -> Error {
    let text = "The specified policy is already attached to the specified target.";
    Error::sender("DuplicatePolicyAttachmentException", text)
}

pub(crate) fn not_attached() -> Error {
    let text = "The specified policy isn't attached to the specified target.";
    Error::sender("PolicyNotAttachedException", text)
}

pub(crate) fn too_many_attached() -> Error {
    let text = "You have attached the maximum number of policies to the specified target.";
    constraint("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", text)
}

pub(crate) fn last_attached() -> Error {
    let text = "You cannot remove the last policy attached to the specified target. You must have at least one \
                attached at all times.";
    constraint("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", text)
}

pub(crate) fn too_many_tags() -> Error {
    let text = "You have exceeded the maximum number of tags allowed on this resource.";
    constraint("MAX_TAG_LIMIT_EXCEEDED", text)
}

pub(crate) fn duplicate_tag() -> Error {
    invalid_input("DUPLICATE_TAG_KEY", "Tag keys must be unique among the tags attached to the same entity.")
}

pub(crate) fn system_tag() -> Error {
    let text = "You can't add, edit, or delete system tag keys because they're reserved for AWS use.";
    invalid_input("INVALID_SYSTEM_TAGS_PARAMETER", text)
}

pub(crate) fn invalid_next_token() -> Error {
    let text = "The provided pagination token is not valid.";
    invalid_input("INVALID_NEXT_TOKEN", text)
}

pub(crate) fn unrecognized_service() -> Error {
    invalid_input("UNRECOGNIZED_SERVICE_PRINCIPAL", "You specified an unrecognized service principal.")
}

pub(crate) fn service_access_not_enabled() -> Error {
    let text =
        "You must enable service access before you register a delegated administrator for the service.";
    constraint("SERVICE_ACCESS_NOT_ENABLED", text)
}

pub(crate) fn delegate_exists() -> Error {
    let text =
        "You must deregister all delegated administrators for the service before you disable service access.";
    constraint("DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE", text)
}

pub(crate) fn already_delegate() -> Error {
    let text = "The provided account is already a delegated administrator for your organization.";
    Error::sender("AccountAlreadyRegisteredException", text)
}

pub(crate) fn not_delegate() -> Error {
    let text = "The provided account is not a registered delegated administrator for your organization.";
    Error::sender("AccountNotRegisteredException", text)
}

pub(crate) fn management_as_delegate() -> Error {
    let text =
        "You cannot register management account/yourself as delegated administrator for your organization.";
    constraint("CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR", text)
}

pub(crate) fn suspended_as_delegate() -> Error {
    let text = "You cannot register a suspended account as delegated administrator for your organization.";
    constraint("CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR", text)
}

pub(crate) fn delegate_stays() -> Error {
    let text = "You must first deregister the account as a delegated administrator.";
    constraint("CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG", text)
}

pub(crate) fn no_resource_policy() -> Error {
    let text = "The organization doesn't have a resource policy.";
    Error::sender("ResourcePolicyNotFoundException", text)
}

pub(crate) fn handshake_not_found() -> Error {
    Error::sender("HandshakeNotFoundException", "You specified a handshake that doesn't exist.")
}

pub(crate) fn handshake_in_state() -> Error {
    let text = "The specified handshake is already in the requested state.";
    Error::sender("HandshakeAlreadyInStateException", text)
}

pub(crate) fn handshake_transition() -> Error {
    let text = "You can't perform the operation on the handshake in its current state.";
    Error::sender("InvalidHandshakeTransitionException", text)
}

pub(crate) fn duplicate_handshake() -> Error {
    let text = "A handshake with the same action and target already exists.";
    Error::sender("DuplicateHandshakeException", text)
}

pub(crate) fn invited_is_member() -> Error {
    let text = "The specified account is already a member of an organization.";
    handshake_constraint("ALREADY_IN_AN_ORGANIZATION", text)
}

pub(crate) fn has_all_features() -> Error {
    let text = "The organization already has all features enabled.";
    handshake_constraint("ORGANIZATION_ALREADY_HAS_ALL_FEATURES", text)
}

pub(crate) fn all_features_pending() -> Error {
    let text = "The organization already has a pending request to enable all features.";
    handshake_constraint("ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION", text)
}

pub(crate) fn invitations_closed() -> Error {
    let text = "You can't issue new invitations to join an organization while it's in the process of enabling all \
                features.";
    handshake_constraint("INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES", text)
}

pub(crate) fn closed_stays() -> Error {
    let text = "You can't remove an account that is closed. It leaves the organization when it is closed permanently.";
    constraint("ACCOUNT_CANNOT_LEAVE_ORGANIZATION", text)
}

pub(crate) fn invalid_resource_policy() -> Error {
    let text = "The provided resource policy isn't valid.";
    invalid_input("INVALID_RESOURCE_POLICY_JSON", text)
}

pub(crate) fn invalid_principal() -> Error {
    let text = "The provided resource policy contains an invalid principal.";
    invalid_input("INVALID_PRINCIPAL", text)
}

pub(crate) fn unsupported_delegated_action() -> Error {
    let text = "The provided resource policy contains an action that can't be delegated.";
    invalid_input("UNSUPPORTED_ACTION_IN_RESOURCE_POLICY", text)
}
