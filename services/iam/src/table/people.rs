//! Passwords, MFA devices and what an account keeps of itself: operation → what it needs → handler.

use crate::access::{Keys, Target, making, need, on, tag_keys, with};
use crate::documents::attached;
use crate::state::{PasswordPolicy, home};
use crate::table::{given_tags, new_tags};
use crate::{
    access_key_last_used, account_aliases, account_summary, credential_reports, login_profiles, mfa_devices,
    password_policies, virtual_mfa_devices,
};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use yakumo_api_iam as api;
use yakumo_aws::{Error, Result};
use yakumo_policy::{Document, PolicyKind, PrincipalKind};
use yakumo_room::{Access, Ctx, Need, Room};

/// Adds the rows of this file.
pub(crate) fn people(room: Room) -> Room {
    mfa_operations(account_operations(password_operations(room)))
}

fn password_operations(room: Room) -> Room {
    room.on(
        api::CreateLoginProfile,
        on("iam:CreateLoginProfile", |i: &api::CreateLoginProfileInput| Target::Own(i.user_name.clone())),
        login_profiles::create_login_profile,
    )
    .on(
        api::GetLoginProfile,
        on("iam:GetLoginProfile", |i: &api::GetLoginProfileInput| Target::Own(i.user_name.clone())),
        login_profiles::get_login_profile,
    )
    .on(
        api::UpdateLoginProfile,
        on("iam:UpdateLoginProfile", |i: &api::UpdateLoginProfileInput| Target::User(i.user_name.clone())),
        login_profiles::update_login_profile,
    )
    .on(
        api::DeleteLoginProfile,
        on("iam:DeleteLoginProfile", |i: &api::DeleteLoginProfileInput| Target::Own(i.user_name.clone())),
        login_profiles::delete_login_profile,
    )
    .on(api::ChangePassword, change_password(), login_profiles::change_password)
}

/// AWS: a password policy that lets users change their own password is a permission for each of them. Like every
/// permission it yields to an explicit deny
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_enable-user-change.html>).
fn change_password() -> Access<api::ChangePasswordInput> {
    const ACTION: &str = "iam:ChangePassword";
    Access::needs([ACTION], |ctx: &Ctx, _: &api::ChangePasswordInput| -> BoxFuture<'_, Result<Vec<Need>>> {
        Box::pin(async move {
            let need = need(ctx, ACTION, Target::Own(None), Keys::new()).await?;
            let policy = ctx.get::<PasswordPolicy>(&home(ctx.account()), &[]).await?;
            let lets = policy.is_some_and(|policy| policy.users_may_change);
            if !lets || ctx.caller().principal.kind != PrincipalKind::User {
                return Ok(vec![need]);
            }
            let who = &ctx.caller().principal.arn;
            let text = format!(
                r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{who}"}},"Action":"{ACTION}","Resource":"{who}"}}}}"#
            );
            let document =
                Document::parse(&text, PolicyKind::Resource { service: "iam" }).map_err(Error::internal)?;
            let policy = attached("account password policy", who.clone(), Arc::new(document));
            Ok(vec![need.with_policy(Some(Arc::new(policy)))])
        })
    })
}

fn account_operations(room: Room) -> Room {
    room.on(
        api::GetAccountPasswordPolicy,
        on("iam:GetAccountPasswordPolicy", |_: &api::GetAccountPasswordPolicyInput| Target::Any),
        password_policies::get_account_password_policy,
    )
    .on(
        api::UpdateAccountPasswordPolicy,
        on("iam:UpdateAccountPasswordPolicy", |_: &api::UpdateAccountPasswordPolicyInput| Target::Any),
        password_policies::update_account_password_policy,
    )
    .on(
        api::DeleteAccountPasswordPolicy,
        on("iam:DeleteAccountPasswordPolicy", |_: &api::DeleteAccountPasswordPolicyInput| Target::Any),
        password_policies::delete_account_password_policy,
    )
    .on(
        api::CreateAccountAlias,
        on("iam:CreateAccountAlias", |_: &api::CreateAccountAliasInput| Target::Any),
        account_aliases::create_account_alias,
    )
    .on(
        api::DeleteAccountAlias,
        on("iam:DeleteAccountAlias", |_: &api::DeleteAccountAliasInput| Target::Any),
        account_aliases::delete_account_alias,
    )
    .on(
        api::ListAccountAliases,
        on("iam:ListAccountAliases", |_: &api::ListAccountAliasesInput| Target::Any),
        account_aliases::list_account_aliases,
    )
    .on(
        api::GetAccountSummary,
        on("iam:GetAccountSummary", |_: &api::GetAccountSummaryInput| Target::Any),
        account_summary::get_account_summary,
    )
    .on(
        api::SetSecurityTokenServicePreferences,
        on("iam:SetSecurityTokenServicePreferences", |_: &api::SetSecurityTokenServicePreferencesInput| {
            Target::Any
        }),
        account_summary::set_security_token_service_preferences,
    )
    .on(
        api::GenerateCredentialReport,
        on("iam:GenerateCredentialReport", |_: &api::GenerateCredentialReportInput| Target::Any),
        credential_reports::generate_credential_report,
    )
    .on(
        api::GetCredentialReport,
        on("iam:GetCredentialReport", |_: &api::GetCredentialReportInput| Target::Any),
        credential_reports::get_credential_report,
    )
    .on(
        api::GetAccessKeyLastUsed,
        access_key_last_used::rule(),
        access_key_last_used::get_access_key_last_used,
    )
}

fn mfa_operations(room: Room) -> Room {
    room.on(
        api::CreateVirtualMFADevice,
        making(
            ["iam:CreateVirtualMFADevice", "iam:TagMFADevice"],
            |i: &api::CreateVirtualMFADeviceInput| {
                Target::At("mfa", i.path.clone(), i.virtual_mfa_device_name.clone())
            },
            |i| new_tags(&i.tags),
        ),
        virtual_mfa_devices::create_virtual_mfa_device,
    )
    .on(
        api::DeleteVirtualMFADevice,
        on("iam:DeleteVirtualMFADevice", |i: &api::DeleteVirtualMFADeviceInput| {
            Target::Mfa(i.serial_number.clone())
        }),
        virtual_mfa_devices::delete_virtual_mfa_device,
    )
    .on(
        api::ListVirtualMFADevices,
        on("iam:ListVirtualMFADevices", |_: &api::ListVirtualMFADevicesInput| Target::Any),
        virtual_mfa_devices::list_virtual_mfa_devices,
    )
    .on(
        api::EnableMFADevice,
        on("iam:EnableMFADevice", |i: &api::EnableMFADeviceInput| Target::User(i.user_name.clone())),
        mfa_devices::enable_mfa_device,
    )
    .on(
        api::ResyncMFADevice,
        on("iam:ResyncMFADevice", |i: &api::ResyncMFADeviceInput| Target::User(i.user_name.clone())),
        mfa_devices::resync_mfa_device,
    )
    .on(
        api::DeactivateMFADevice,
        on("iam:DeactivateMFADevice", |i: &api::DeactivateMFADeviceInput| Target::Own(i.user_name.clone())),
        mfa_devices::deactivate_mfa_device,
    )
    .on(
        api::ListMFADevices,
        on("iam:ListMFADevices", |i: &api::ListMFADevicesInput| Target::Own(i.user_name.clone())),
        mfa_devices::list_mfa_devices,
    )
    .on(
        api::GetMFADevice,
        on("iam:GetMFADevice", |i: &api::GetMFADeviceInput| Target::Own(i.user_name.clone())),
        mfa_devices::get_mfa_device,
    )
    .on(
        api::TagMFADevice,
        with(
            "iam:TagMFADevice",
            |i: &api::TagMFADeviceInput| Target::Mfa(i.serial_number.clone()),
            |i| given_tags(&i.tags),
        ),
        mfa_devices::tag_mfa_device,
    )
    .on(
        api::UntagMFADevice,
        with(
            "iam:UntagMFADevice",
            |i: &api::UntagMFADeviceInput| Target::Mfa(i.serial_number.clone()),
            |i| tag_keys(&i.tag_keys),
        ),
        mfa_devices::untag_mfa_device,
    )
    .on(
        api::ListMFADeviceTags,
        on("iam:ListMFADeviceTags", |i: &api::ListMFADeviceTagsInput| Target::Mfa(i.serial_number.clone())),
        mfa_devices::list_mfa_device_tags,
    )
}
