//! What users, groups and roles have in common: finding, saving, removing, policies inline and attached, boundaries.
//!
//! Invariant: an attachment row stands in the store exactly when the identity's record names the policy.

use crate::directory::Directory;
use crate::error;
use crate::managed;
use crate::paging::{Asked, Page};
use crate::policies::check_arn;
use crate::service_linked_roles::check_modifiable;
use crate::state::{Attachment, Grants, Identity, Policy, Usage, fold, home, split_arn};
use std::future::Future;
use yakumo_aws::{AccountId, Error, Result};
use yakumo_policy::{Document, PolicyKind};
use yakumo_room::{Ctx, Record, Resource, Tx};

/// AWS: the default quota of managed policies attached to one identity.
const ATTACHED_MAX: usize = 10;

/// A change of an account's identities: committed, then forgotten by the directory, before anybody is answered.
pub(crate) async fn change<T, F, R>(ctx: &Ctx, work: F) -> Result<T>
where
    F: Fn(Tx) -> R,
    R: Future<Output = Result<T>>,
{
    let outcome = ctx.transact(work).await;
    ctx.state::<Directory>().forget(ctx.account());
    outcome
}

/// A new unique id such as `AIDA…`.
pub(crate) fn unique_id(ctx: &Ctx, prefix: &str) -> String {
    format!("{prefix}{}", ctx.base().ids.base32(17))
}

/// The identity of that name within a transaction.
pub(crate) async fn find<I: Identity>(tx: &Tx, account: AccountId, name: &str) -> Result<I> {
    let found = tx.get::<I>(&home(account), &[&fold(name)]).await?;
    found.ok_or_else(|| error::not_found(I::KIND, name))
}

/// The identity of that name as last committed.
pub(crate) async fn look_up<I: Identity>(ctx: &Ctx, name: &str) -> Result<I> {
    let found = ctx.get::<I>(&home(ctx.account()), &[&fold(name)]).await?;
    found.ok_or_else(|| error::not_found(I::KIND, name))
}

/// Reads an identity, lets `edit` change it, and writes it back.
pub(crate) async fn edit<I, F>(ctx: &Ctx, name: &str, edit: F) -> Result<I>
where
    I: Identity,
    F: Fn(&mut I) -> Result<()>,
{
    change(ctx, |tx| {
        let edit = &edit;
        async move {
            let before: I = find(&tx, ctx.account(), name).await?;
            let mut after = before.clone();
            edit(&mut after)?;
            tx.put_resource(&after.scope(), Some(&before), &after);
            Ok(after)
        }
    })
    .await
}

/// AWS: an identity can only be deleted when it carries no policies.
pub(crate) fn check_bare(grants: &Grants) -> Result<()> {
    if !grants.attached.is_empty() {
        return Err(error::must_first("detach all policies first"));
    }
    if !grants.inline.is_empty() {
        return Err(error::must_first("delete policies first"));
    }
    Ok(())
}

/// Puts the attachment rows of an identity under its new name and path.
pub(crate) fn move_attachments<I: Identity>(tx: &Tx, before: &I, after: &I) {
    for arn in &before.grants().attached {
        detach_row(tx, before, arn, Usage::Permissions);
        attach_row(tx, after, arn, Usage::Permissions);
    }
    if let Some(arn) = &before.grants().boundary {
        detach_row(tx, before, arn, Usage::Boundary);
        attach_row(tx, after, arn, Usage::Boundary);
    }
}

/// Says that an identity uses a policy.
pub(crate) fn attach_row<I: Identity>(tx: &Tx, identity: &I, policy_arn: &str, usage: Usage) {
    let row = Attachment {
        policy_arn: policy_arn.to_owned(),
        usage,
        kind: I::KIND.to_owned(),
        folded: fold(identity.name()),
        name: identity.name().to_owned(),
        path: identity.path().to_owned(),
        unique_id: identity.unique_id().to_owned(),
    };
    tx.put(&identity.scope(), &identity.attachment_key(policy_arn, usage), &row);
}

/// Says that an identity uses a policy no more.
pub(crate) fn detach_row<I: Identity>(tx: &Tx, identity: &I, policy_arn: &str, usage: Usage) {
    tx.delete::<Attachment>(&identity.scope(), &identity.attachment_key(policy_arn, usage));
}

/// Puts an inline policy.
pub(crate) async fn put_inline<I: Identity>(ctx: &Ctx, name: &str, policy: &str, text: &str) -> Result<()> {
    Document::parse(text, PolicyKind::Identity).map_err(error::malformed)?;
    edit(ctx, name, |identity: &mut I| {
        check_modifiable(identity)?;
        identity.grants_mut().inline.insert(policy.to_owned(), text.to_owned());
        if identity.grants().inline_chars() > I::INLINE_CHARS_MAX {
            return Err(error::inline_too_large::<I>(identity.name()));
        }
        Ok(())
    })
    .await?;
    Ok(())
}

/// The name of an identity and the text of one of its inline policies.
pub(crate) async fn get_inline<I: Identity>(ctx: &Ctx, name: &str, policy: &str) -> Result<(String, String)> {
    let identity: I = look_up(ctx, name).await?;
    let text = identity.grants().inline.get(policy).cloned();
    let text = text.ok_or_else(|| error::inline_policy_not_found::<I>(policy))?;
    Ok((identity.name().to_owned(), encode_document(&text)))
}

/// Deletes an inline policy.
pub(crate) async fn delete_inline<I: Identity>(ctx: &Ctx, name: &str, policy: &str) -> Result<()> {
    edit(ctx, name, |identity: &mut I| {
        check_modifiable(identity)?;
        let removed = identity.grants_mut().inline.remove(policy);
        removed.map(|_| ()).ok_or_else(|| error::inline_policy_not_found::<I>(policy))
    })
    .await?;
    Ok(())
}

/// Names of an identity's inline policies.
pub(crate) async fn list_inline<I: Identity>(
    ctx: &Ctx,
    name: &str,
    asked: Asked<'_>,
) -> Result<Page<String>> {
    let identity: I = look_up(ctx, name).await?;
    asked.slice(identity.grants().inline.keys().cloned().collect(), String::as_str)
}

/// Fails unless the ARN names a policy of AWS or of this account that exists and that others than service-linked roles
/// can have.
async fn check_attachable(
    tx: &Tx,
    account: AccountId,
    title: &str,
    arn: &str,
    missing: fn(&str) -> Error,
) -> Result<()> {
    check_arn(arn)?;
    if managed::is_of_aws(arn) {
        let known = managed::find(arn).ok_or_else(|| missing(arn))?;
        return match known.is_service_linked() {
            true => Err(error::service_role_policy(title)),
            false => Ok(()),
        };
    }
    let Some((owner, "policy", name)) = split_arn(arn) else { return Err(error::invalid_arn(arn)) };
    let policy = match owner == account {
        true => tx.get::<Policy>(&home(account), &[&fold(name)]).await?,
        false => None,
    };
    match policy {
        Some(policy) if policy.arn() == arn => Ok(()),
        _ => Err(missing(arn)),
    }
}

/// Attaches a managed policy; attaching it again is no error.
pub(crate) async fn attach<I: Identity>(ctx: &Ctx, name: &str, policy_arn: &str) -> Result<()> {
    change(ctx, |tx| async move {
        let before: I = find(&tx, ctx.account(), name).await?;
        check_modifiable(&before)?;
        check_attachable(&tx, ctx.account(), I::TITLE, policy_arn, error::policy_not_attachable).await?;
        let mut after = before.clone();
        if !after.grants_mut().attached.insert(policy_arn.to_owned()) {
            return Ok(());
        }
        if after.grants().attached.len() > ATTACHED_MAX {
            return Err(error::quota(&format!("PoliciesPer{}", I::TITLE), ATTACHED_MAX));
        }
        attach_row(&tx, &after, policy_arn, Usage::Permissions);
        tx.put_resource(&after.scope(), Some(&before), &after);
        Ok(())
    })
    .await
}

/// Detaches a managed policy.
pub(crate) async fn detach<I: Identity>(ctx: &Ctx, name: &str, policy_arn: &str) -> Result<()> {
    check_arn(policy_arn)?;
    change(ctx, |tx| async move {
        let before: I = find(&tx, ctx.account(), name).await?;
        check_modifiable(&before)?;
        let mut after = before.clone();
        if !after.grants_mut().attached.remove(policy_arn) {
            return Err(error::policy_not_found(policy_arn));
        }
        detach_row(&tx, &after, policy_arn, Usage::Permissions);
        tx.put_resource(&after.scope(), Some(&before), &after);
        Ok(())
    })
    .await
}

/// The managed policies attached to an identity as pairs of name and ARN.
pub(crate) async fn list_attached<I: Identity>(
    ctx: &Ctx,
    name: &str,
    path_prefix: Option<&str>,
    asked: Asked<'_>,
) -> Result<Page<(String, String)>> {
    let identity: I = look_up(ctx, name).await?;
    let prefix = path_prefix.unwrap_or("/");
    let under = |arn: &&String| arn.split_once(":policy").is_some_and(|(_, path)| path.starts_with(prefix));
    let pair = |arn: &String| (arn.rsplit('/').next().unwrap_or_default().to_owned(), arn.clone());
    asked.slice(identity.grants().attached.iter().filter(under).map(pair).collect(), |(_, arn)| arn)
}

/// Sets or removes the permissions boundary of a user or role.
pub(crate) async fn set_boundary<I: Identity>(ctx: &Ctx, name: &str, policy_arn: Option<&str>) -> Result<()> {
    change(ctx, |tx| async move {
        let before: I = find(&tx, ctx.account(), name).await?;
        check_modifiable(&before)?;
        let mut after = before.clone();
        if let Some(old) = &before.grants().boundary {
            detach_row(&tx, &before, old, Usage::Boundary);
        }
        put_boundary(&tx, &mut after, policy_arn).await?;
        tx.put_resource(&after.scope(), Some(&before), &after);
        Ok(())
    })
    .await
}

/// Gives an identity that is being written its boundary.
pub(crate) async fn put_boundary<I: Identity>(
    tx: &Tx,
    identity: &mut I,
    policy_arn: Option<&str>,
) -> Result<()> {
    if let Some(arn) = policy_arn {
        check_attachable(tx, identity.account(), I::TITLE, arn, error::boundary_not_attachable).await?;
        attach_row(tx, identity, arn, Usage::Boundary);
    }
    identity.grants_mut().boundary = policy_arn.map(str::to_owned);
    Ok(())
}

/// Whether anything of `R` has the key already.
pub(crate) async fn exists<R: Record>(tx: &Tx, account: AccountId, name: &str) -> Result<bool> {
    Ok(tx.get::<R>(&home(account), &[&fold(name)]).await?.is_some())
}

/// Whether a path begins with what the client asked for.
pub(crate) fn under_path(prefix: Option<&str>, path: &str) -> bool {
    path.starts_with(prefix.unwrap_or("/"))
}

/// Policies are answered URL-encoded (RFC 3986).
/// AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUserPolicy.html>
pub(crate) fn encode_document(text: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, RESERVED).to_string()
}
