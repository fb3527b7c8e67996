//! Whose a credential is: a user's or the root user's.

use crate::error;
use crate::identities::find;
use crate::state::{
    LoginProfile, MfaLink, ROOT, ServiceCredential, SigningCertificate, SshPublicKey, User, home,
};
use crate::users::own_name;
use yakumo_aws::Result;
use yakumo_policy::PrincipalKind;
use yakumo_room::{Ctx, Tx};

/// Somebody who can hold credentials.
pub(crate) struct Holder {
    /// `None` for the root user.
    pub user: Option<User>,
}

impl Holder {
    /// The user of that name; without a name the caller itself.
    pub(crate) async fn find(tx: &Tx, ctx: &Ctx, name: Option<&str>) -> Result<Holder> {
        let own = match name {
            Some(name) => Some(name.to_owned()),
            None => own_name(ctx)?,
        };
        match own {
            Some(name) => Ok(Holder { user: Some(find(tx, ctx.account(), &name).await?) }),
            None => Ok(Holder { user: None }),
        }
    }

    /// The same for operations that always name somebody.
    /// DIFFERS: AWS's console names the root user `AWS ROOT USER`, which the API's own pattern refuses; here the root
    /// user names itself by the account's number.
    pub(crate) async fn named(tx: &Tx, ctx: &Ctx, name: &str) -> Result<Holder> {
        let is_root = ctx.caller().principal.kind == PrincipalKind::Root;
        if is_root && name == ctx.account().as_str() {
            return Ok(Holder { user: None });
        }
        Holder::find(tx, ctx, Some(name)).await
    }

    /// What the keys of its records begin with.
    pub(crate) fn key(&self) -> &str {
        self.user.as_ref().map_or(ROOT, |user| &user.unique_id)
    }

    /// As answers name it; the root user has no name.
    pub(crate) fn name(&self) -> &str {
        self.user.as_ref().map_or("", |user| &user.name)
    }

    /// The user, where the root user has none of the kind.
    pub(crate) fn into_user(self) -> Result<User> {
        self.user.ok_or_else(error::must_name_user)
    }
}

/// AWS: a user can only be deleted when it holds no credentials any more.
pub(crate) async fn check_none(tx: &Tx, user: &User) -> Result<()> {
    let (scope, key) = (home(user.account), [user.unique_id.as_str()]);
    if tx.get::<LoginProfile>(&scope, &key).await?.is_some() {
        return Err(error::must_first("delete login profile first"));
    }
    if !tx.list::<SigningCertificate>(&scope, &key, None, 1).await?.is_empty() {
        return Err(error::must_first("delete certificates first"));
    }
    if !tx.list::<MfaLink>(&scope, &key, None, 1).await?.is_empty() {
        return Err(error::must_first("delete MFA device first"));
    }
    let ssh = tx.list::<SshPublicKey>(&scope, &key, None, 1).await?.len();
    let service = tx.list::<ServiceCredential>(&scope, &key, None, 1).await?.len();
    if ssh + service > 0 { Err(error::must_first("remove referenced objects first")) } else { Ok(()) }
}
