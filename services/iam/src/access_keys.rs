//! Access keys of users and of the root user. The secret is answered once, when the key is made.

use crate::error;
use crate::identities::{change, find};
use crate::last_use::forget_key;
use crate::paging::Asked;
use crate::state::{AccessKey, RootUser, User, access_key, home, shared};
use crate::users::own_name;
use yakumo_api_iam::{
    AccessKey as Shown, AccessKeyMetadata, CreateAccessKeyInput, CreateAccessKeyOutput, DeleteAccessKeyInput,
    DeleteAccessKeyOutput, ListAccessKeysInput, ListAccessKeysOutput, UpdateAccessKeyInput,
    UpdateAccessKeyOutput, status_type,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// AWS: a quota that cannot be raised.
const KEYS_MAX: usize = 2;
/// How often a new id is drawn until one is free.
const TRIES: usize = 1_000;

/// Who holds access keys: a user, or the root user of the account.
enum Owner {
    User(Box<User>),
    Root(RootUser),
}

impl Owner {
    /// The user of that name; without a name the caller itself.
    async fn find(tx: &Tx, ctx: &Ctx, name: Option<&str>) -> Result<Owner> {
        let own = match name {
            Some(name) => Some(name.to_owned()),
            None => own_name(ctx)?,
        };
        match own {
            Some(name) => Ok(Owner::User(Box::new(find(tx, ctx.account(), &name).await?))),
            None => Ok(Owner::Root(tx.get(&home(ctx.account()), &[]).await?.unwrap_or_default())),
        }
    }

    fn keys(&mut self) -> &mut Vec<String> {
        match self {
            Owner::User(user) => &mut user.access_keys,
            Owner::Root(root) => &mut root.access_keys,
        }
    }

    fn save(&self, tx: &Tx, ctx: &Ctx) {
        match self {
            Owner::User(user) => tx.put(&home(ctx.account()), &[&user.folded], &**user),
            Owner::Root(root) => tx.put(&home(ctx.account()), &[], root),
        }
    }

    fn folded(&self) -> Option<String> {
        match self {
            Owner::User(user) => Some(user.folded.clone()),
            Owner::Root(_) => None,
        }
    }

    /// As answers name it; the root user has no name.
    fn name(&self) -> &str {
        match self {
            Owner::User(user) => &user.name,
            Owner::Root(_) => "",
        }
    }
}

fn status(active: bool) -> String {
    let status = if active { status_type::ACTIVE } else { status_type::INACTIVE };
    status.to_owned()
}

pub(crate) async fn create_access_key(
    ctx: Ctx,
    input: CreateAccessKeyInput,
) -> Result<CreateAccessKeyOutput> {
    let secret = access_key::new_secret(&ctx.base().ids);
    let created = ctx.now();
    let (name, id) = change(&ctx, |tx| {
        let (ctx, input, secret) = (&ctx, &input, &secret);
        async move {
            let mut owner = Owner::find(&tx, ctx, input.user_name.as_deref()).await?;
            if owner.keys().len() >= KEYS_MAX {
                return Err(error::quota("AccessKeysPerUser", KEYS_MAX));
            }
            let id = fresh_id(&tx, ctx).await?;
            owner.keys().push(id.clone());
            let key = AccessKey {
                id: id.clone(),
                secret: secret.clone(),
                account: ctx.account(),
                user: owner.folded(),
                active: true,
                created,
            };
            tx.put(&shared(), &[&id], &key);
            owner.save(&tx, ctx);
            Ok((owner.name().to_owned(), id))
        }
    })
    .await?;
    let access_key = Shown {
        user_name: name,
        access_key_id: id,
        status: status(true),
        secret_access_key: secret,
        create_date: Some(created),
    };
    Ok(CreateAccessKeyOutput { access_key })
}

/// An id that no account's key has: ids repeat with `--seed`, and 39 random bits do once in a while.
async fn fresh_id(tx: &Tx, ctx: &Ctx) -> Result<String> {
    for _ in 0..TRIES {
        let id = access_key::new_id("AKIA", ctx.account(), &ctx.base().ids);
        if tx.get::<AccessKey>(&shared(), &[&id]).await?.is_none() {
            return Ok(id);
        }
    }
    Err(Error::internal("no access key id was free"))
}

pub(crate) async fn list_access_keys(ctx: Ctx, input: ListAccessKeysInput) -> Result<ListAccessKeysOutput> {
    let asked = Asked::new(&input.marker, input.max_items);
    let all = ctx
        .transact(|tx| {
            let (ctx, input) = (&ctx, &input);
            async move {
                let mut owner = Owner::find(&tx, ctx, input.user_name.as_deref()).await?;
                let ids = owner.keys().clone();
                let mut all = Vec::new();
                for id in ids {
                    let Some(key) = tx.get::<AccessKey>(&shared(), &[&id]).await? else { continue };
                    all.push(AccessKeyMetadata {
                        // AWS: the root user has no name.
                        user_name: owner.folded().map(|_| owner.name().to_owned()),
                        access_key_id: Some(key.id),
                        status: Some(status(key.active)),
                        create_date: Some(key.created),
                    });
                }
                all.sort_by(|one, other| one.access_key_id.cmp(&other.access_key_id));
                Ok(all)
            }
        })
        .await?;
    let page = asked.slice(all, |key| key.access_key_id.as_deref().unwrap_or_default())?;
    let is_truncated = page.is_truncated();
    Ok(ListAccessKeysOutput { access_key_metadata: page.items, is_truncated, marker: page.marker })
}

pub(crate) async fn update_access_key(
    ctx: Ctx,
    input: UpdateAccessKeyInput,
) -> Result<UpdateAccessKeyOutput> {
    let active = match input.status.as_str() {
        status_type::ACTIVE => true,
        status_type::INACTIVE => false,
        // AWS: a key cannot be set to Expired.
        other => return Err(error::invalid_input(format!("Cannot set an access key's status to {other}."))),
    };
    change(&ctx, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let mut owner = Owner::find(&tx, ctx, input.user_name.as_deref()).await?;
            let mut key = held(&tx, &mut owner, &input.access_key_id).await?;
            key.active = active;
            tx.put(&shared(), &[&key.id], &key);
            Ok(())
        }
    })
    .await?;
    Ok(UpdateAccessKeyOutput {})
}

pub(crate) async fn delete_access_key(
    ctx: Ctx,
    input: DeleteAccessKeyInput,
) -> Result<DeleteAccessKeyOutput> {
    change(&ctx, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let mut owner = Owner::find(&tx, ctx, input.user_name.as_deref()).await?;
            let key = held(&tx, &mut owner, &input.access_key_id).await?;
            owner.keys().retain(|id| *id != key.id);
            owner.save(&tx, ctx);
            tx.delete::<AccessKey>(&shared(), &[&key.id]);
            forget_key(&tx, &key.id);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteAccessKeyOutput {})
}

/// The owner's key of that id.
async fn held(tx: &Tx, owner: &mut Owner, id: &str) -> Result<AccessKey> {
    let key = match owner.keys().iter().any(|known| known == id) {
        true => tx.get::<AccessKey>(&shared(), &[id]).await?,
        false => None,
    };
    key.ok_or_else(|| error::access_key_not_found(id))
}
