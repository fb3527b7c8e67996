//! The account's password policy.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html>

use crate::error;
use crate::identities::change;
use crate::state::{PasswordPolicy, home};
use yakumo_api_iam::{
    DeleteAccountPasswordPolicyInput, DeleteAccountPasswordPolicyOutput, GetAccountPasswordPolicyInput,
    GetAccountPasswordPolicyOutput, PasswordPolicy as Shown, UpdateAccountPasswordPolicyInput,
    UpdateAccountPasswordPolicyOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::Ctx;

/// The length when an update does not say.
const MINIMUM_LENGTH: i32 = 6;

fn not_found(ctx: &Ctx) -> Error {
    let account = ctx.account();
    error::no_such_entity(format!("The Password Policy with domain name {account} cannot be found."))
}

pub(crate) async fn get_account_password_policy(
    ctx: Ctx,
    _input: GetAccountPasswordPolicyInput,
) -> Result<GetAccountPasswordPolicyOutput> {
    let policy = ctx.get::<PasswordPolicy>(&home(ctx.account()), &[]).await?;
    let policy = policy.ok_or_else(|| not_found(&ctx))?;
    let password_policy = Shown {
        minimum_password_length: Some(policy.minimum_length),
        require_symbols: Some(policy.symbols),
        require_numbers: Some(policy.numbers),
        require_uppercase_characters: Some(policy.uppercase),
        require_lowercase_characters: Some(policy.lowercase),
        allow_users_to_change_password: Some(policy.users_may_change),
        expire_passwords: Some(policy.max_age_days.is_some()),
        max_password_age: policy.max_age_days,
        password_reuse_prevention: policy.reuse_prevention,
        hard_expiry: policy.hard_expiry,
    };
    Ok(GetAccountPasswordPolicyOutput { password_policy })
}

/// AWS: what is not given gets its default, not what it was before
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccountPasswordPolicy.html>).
pub(crate) async fn update_account_password_policy(
    ctx: Ctx,
    input: UpdateAccountPasswordPolicyInput,
) -> Result<UpdateAccountPasswordPolicyOutput> {
    let policy = PasswordPolicy {
        minimum_length: input.minimum_password_length.unwrap_or(MINIMUM_LENGTH),
        symbols: input.require_symbols.unwrap_or_default(),
        numbers: input.require_numbers.unwrap_or_default(),
        uppercase: input.require_uppercase_characters.unwrap_or_default(),
        lowercase: input.require_lowercase_characters.unwrap_or_default(),
        users_may_change: input.allow_users_to_change_password.unwrap_or_default(),
        max_age_days: input.max_password_age,
        reuse_prevention: input.password_reuse_prevention,
        hard_expiry: input.hard_expiry,
    };
    change(&ctx, |tx| {
        tx.put(&home(ctx.account()), &[], &policy);
        std::future::ready(Ok(()))
    })
    .await?;
    Ok(UpdateAccountPasswordPolicyOutput {})
}

pub(crate) async fn delete_account_password_policy(
    ctx: Ctx,
    _input: DeleteAccountPasswordPolicyInput,
) -> Result<DeleteAccountPasswordPolicyOutput> {
    change(&ctx, |tx| {
        let ctx = &ctx;
        async move {
            let scope = home(ctx.account());
            tx.get::<PasswordPolicy>(&scope, &[]).await?.ok_or_else(|| not_found(ctx))?;
            tx.delete::<PasswordPolicy>(&scope, &[]);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteAccountPasswordPolicyOutput {})
}
