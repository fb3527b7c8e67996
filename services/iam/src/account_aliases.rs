//! The account's alias: one name, unique across all accounts.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/console-account-alias.html>

use crate::error;
use crate::paging::Asked;
use crate::state::{AccountAlias, AliasOwner, home, shared};
use yakumo_api_iam::{
    CreateAccountAliasInput, CreateAccountAliasOutput, DeleteAccountAliasInput, DeleteAccountAliasOutput,
    ListAccountAliasesInput, ListAccountAliasesOutput,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// AWS: an account has one alias; a new one takes the place of the old one.
pub(crate) async fn create_account_alias(
    ctx: Ctx,
    input: CreateAccountAliasInput,
) -> Result<CreateAccountAliasOutput> {
    ctx.transact(|tx| {
        let (account, alias) = (ctx.account(), &input.account_alias);
        async move {
            if tx.get::<AliasOwner>(&shared(), &[alias]).await?.is_some() {
                return Err(error::already_exists(format!("The account alias {alias} already exists.")));
            }
            if let Some(old) = tx.get::<AccountAlias>(&home(account), &[]).await? {
                tx.delete::<AliasOwner>(&shared(), &[&old.alias]);
            }
            tx.put(&shared(), &[alias], &AliasOwner { account });
            tx.put(&home(account), &[], &AccountAlias { alias: alias.clone() });
            Ok(())
        }
    })
    .await?;
    Ok(CreateAccountAliasOutput {})
}

pub(crate) async fn delete_account_alias(
    ctx: Ctx,
    input: DeleteAccountAliasInput,
) -> Result<DeleteAccountAliasOutput> {
    ctx.transact(|tx| {
        let (account, alias) = (ctx.account(), &input.account_alias);
        async move {
            let own = tx.get::<AccountAlias>(&home(account), &[]).await?;
            if own.is_none_or(|own| own.alias != *alias) {
                let text = format!("The account alias with name {alias} cannot be found.");
                return Err(error::no_such_entity(text));
            }
            tx.delete::<AliasOwner>(&shared(), &[alias]);
            tx.delete::<AccountAlias>(&home(account), &[]);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteAccountAliasOutput {})
}

pub(crate) async fn list_account_aliases(
    ctx: Ctx,
    input: ListAccountAliasesInput,
) -> Result<ListAccountAliasesOutput> {
    let own = ctx.get::<AccountAlias>(&home(ctx.account()), &[]).await?;
    let all = own.into_iter().map(|own| own.alias).collect();
    let page = Asked::new(&input.marker, input.max_items).slice(all, String::as_str)?;
    let is_truncated = page.is_truncated();
    Ok(ListAccountAliasesOutput { account_aliases: page.items, is_truncated, marker: page.marker })
}
