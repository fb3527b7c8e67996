//! What OIDC and SAML providers have in common: their ARNs, finding, saving, tags and counting.

use crate::access::{Keys, keys_of};
use crate::error;
use crate::identities::change;
use crate::state::{OidcProvider, PARTITION, SamlProvider, home};
use yakumo_aws::{AccountId, Error, Result};
use yakumo_room::{Ctx, Resource, Tx};

/// AWS: the quota of providers of either kind in an account.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
const PROVIDERS_MAX: usize = 100;

/// A kind of identity provider.
pub(crate) trait Provider: Resource {
    /// `oidc-provider` or `saml-provider`, as in ARNs.
    const KIND: &'static str;
    /// AWS's name of the quota.
    const QUOTA: &'static str;

    /// AWS's NoSuchEntity for an ARN of this kind.
    fn not_found(arn: &str) -> Error;
}

impl Provider for OidcProvider {
    const KIND: &'static str = "oidc-provider";
    const QUOTA: &'static str = "OpenIdConnectProvidersPerAccount";

    fn not_found(arn: &str) -> Error {
        error::oidc_provider_not_found(arn)
    }
}

impl Provider for SamlProvider {
    const KIND: &'static str = "saml-provider";
    const QUOTA: &'static str = "SAMLProvidersPerAccount";

    fn not_found(arn: &str) -> Error {
        error::saml_provider_not_found(arn)
    }
}

/// Account and key of the provider that an ARN of this kind names.
pub(crate) fn split<P: Provider>(arn: &str) -> Option<(AccountId, &str)> {
    let rest = arn.strip_prefix("arn:")?.strip_prefix(PARTITION)?.strip_prefix(":iam::")?;
    let (account, resource) = rest.split_once(':')?;
    let key = resource.strip_prefix(P::KIND)?.strip_prefix('/')?;
    Some((AccountId::parse(account)?, key)).filter(|_| !key.is_empty())
}

/// The provider with this ARN, whose account must be the caller's, as last committed.
pub(crate) async fn look_up<P: Provider>(ctx: &Ctx, arn: &str) -> Result<P> {
    match split::<P>(arn) {
        Some((account, key)) if account == ctx.account() => {
            ctx.get::<P>(&home(account), &[key]).await?.ok_or_else(|| P::not_found(arn))
        }
        Some(_) => Err(P::not_found(arn)),
        None => Err(error::invalid_arn(arn)),
    }
}

/// The same within a transaction.
pub(crate) async fn find<P: Provider>(tx: &Tx, account: AccountId, arn: &str) -> Result<P> {
    match split::<P>(arn) {
        Some((owner, key)) if owner == account => {
            tx.get::<P>(&home(account), &[key]).await?.ok_or_else(|| P::not_found(arn))
        }
        Some(_) => Err(P::not_found(arn)),
        None => Err(error::invalid_arn(arn)),
    }
}

/// Stores a new provider unless there is one of its key already, or too many.
pub(crate) async fn create<P: Provider>(ctx: &Ctx, provider: &P, taken: impl Fn() -> Error) -> Result<()> {
    let scope = home(ctx.account());
    let (scope, taken) = (&scope, &taken);
    change(ctx, |tx| async move {
        if tx.get::<P>(scope, &provider.id()).await?.is_some() {
            return Err(taken());
        }
        if tx.list::<P>(scope, &[], None, PROVIDERS_MAX).await?.len() >= PROVIDERS_MAX {
            return Err(error::quota(P::QUOTA, PROVIDERS_MAX));
        }
        tx.put_resource(scope, None, provider);
        Ok(())
    })
    .await
}

/// Reads a provider, lets `edit` change it, and writes it back.
pub(crate) async fn edit<P, F>(ctx: &Ctx, arn: &str, edit: F) -> Result<P>
where
    P: Provider,
    F: Fn(&mut P) -> Result<()>,
{
    change(ctx, |tx| {
        let edit = &edit;
        async move {
            let before: P = find(&tx, ctx.account(), arn).await?;
            let mut after = before.clone();
            edit(&mut after)?;
            tx.put_resource(&home(ctx.account()), Some(&before), &after);
            Ok(after)
        }
    })
    .await
}

/// All providers of the account.
pub(crate) async fn all<P: Provider>(ctx: &Ctx) -> Result<Vec<P>> {
    ctx.list::<P>(&home(ctx.account()), &[], None, PROVIDERS_MAX).await
}

/// The tags of the provider with this ARN as condition keys; none when there is no such provider.
pub(crate) async fn keys(ctx: &Ctx, arn: &str) -> Result<Keys> {
    Ok(keys_if_any(ctx, arn).await?.unwrap_or_default())
}

/// The same; `None` when there is no such provider in the account.
pub(crate) async fn keys_if_any(ctx: &Ctx, arn: &str) -> Result<Option<Keys>> {
    let scope = home(ctx.account());
    let own = |(account, _): &(AccountId, &str)| *account == ctx.account();
    if let Some((_, key)) = split::<OidcProvider>(arn).filter(own) {
        let found = ctx.get::<OidcProvider>(&scope, &[key]).await?;
        return Ok(found.map(|provider| keys_of(&provider, None)));
    }
    if let Some((_, key)) = split::<SamlProvider>(arn).filter(own) {
        let found = ctx.get::<SamlProvider>(&scope, &[key]).await?;
        return Ok(found.map(|provider| keys_of(&provider, None)));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::split;
    use crate::state::{OidcProvider, SamlProvider};

    #[test]
    fn an_arn_names_one_kind_of_provider() {
        let oidc = "arn:aws:iam::111122223333:oidc-provider/idp.example:8443/tenant/1";
        let (account, url) = split::<OidcProvider>(oidc).unwrap();
        assert_eq!((account.as_str(), url), ("111122223333", "idp.example:8443/tenant/1"));
        assert!(split::<SamlProvider>(oidc).is_none());
        let saml = "arn:aws:iam::111122223333:saml-provider/Okta";
        assert_eq!(split::<SamlProvider>(saml).unwrap().1, "Okta");
        for bad in [
            "",
            "arn:aws:iam::111122223333:saml-provider/",
            "arn:aws:iam::1:saml-provider/x",
            "saml-provider/x",
        ] {
            assert!(split::<SamlProvider>(bad).is_none(), "{bad}");
        }
    }
}
