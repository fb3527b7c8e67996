//! Who am I, and whose is this key: operations that need no permission of the caller's policies.

use crate::error;
use crate::state::access_key;
use yakumo_api_sts::{
    GetAccessKeyInfoInput, GetAccessKeyInfoOutput, GetCallerIdentityInput, GetCallerIdentityOutput,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

pub(crate) async fn get_caller_identity(
    ctx: Ctx,
    _input: GetCallerIdentityInput,
) -> Result<GetCallerIdentityOutput> {
    let principal = &ctx.caller().principal;
    Ok(GetCallerIdentityOutput {
        user_id: Some(principal.user_id.clone()),
        account: Some(ctx.account().to_string()),
        arn: Some(principal.arn.clone()),
    })
}

/// AWS: the account is read from the id itself; whether the key exists is not looked up
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html>).
pub(crate) async fn get_access_key_info(
    _ctx: Ctx,
    input: GetAccessKeyInfoInput,
) -> Result<GetAccessKeyInfoOutput> {
    let account = access_key::account_of(&input.access_key_id)
        .ok_or_else(|| error::validation(format!("Invalid access key id: {}", input.access_key_id)))?;
    Ok(GetAccessKeyInfoOutput { account: Some(account.to_string()) })
}
