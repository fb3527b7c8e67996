//! The public access block of an account: it holds for all of its buckets, whatever they say themselves.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/configuring-block-public-access-account.html>

use crate::control::{self, account};
use crate::registry::Registry;
use crate::state::{Account, PublicAccess, scope};
use yakumo_api_s3control as api;
use yakumo_aws::{AccountId, Error, Result};
use yakumo_room::Ctx;

async fn set(ctx: &Ctx, account: AccountId, access: Option<PublicAccess>) -> Result<()> {
    let outcome = ctx
        .transact(|tx| async move {
            tx.put(&scope(), &[account.as_str()], &Account { public_access: access });
            Ok(())
        })
        .await;
    ctx.state::<Registry>().forget_all();
    outcome
}

pub async fn put_public_access_block(
    ctx: Ctx,
    input: api::PutPublicAccessBlockInput,
) -> Result<api::PutPublicAccessBlockOutput> {
    let access = control::public_access(&input.public_access_block_configuration);
    set(&ctx, account(&input.account_id)?, Some(access)).await?;
    Ok(api::PutPublicAccessBlockOutput::default())
}

pub async fn get_public_access_block(
    ctx: Ctx,
    input: api::GetPublicAccessBlockInput,
) -> Result<api::GetPublicAccessBlockOutput> {
    let found = ctx.state::<Registry>().account(account(&input.account_id)?).await?;
    let none = || {
        let text = "The public access block configuration was not found";
        Error::sender("NoSuchPublicAccessBlockConfiguration", text)
            .with_status(404)
            .with_field("AccountId", &*input.account_id)
    };
    let access = found.public_access.ok_or_else(none)?;
    Ok(api::GetPublicAccessBlockOutput { public_access_block_configuration: Some(control::shown(access)) })
}

pub async fn delete_public_access_block(
    ctx: Ctx,
    input: api::DeletePublicAccessBlockInput,
) -> Result<api::DeletePublicAccessBlockOutput> {
    set(&ctx, account(&input.account_id)?, None).await?;
    Ok(api::DeletePublicAccessBlockOutput::default())
}
