//! Users, groups and roles by their ARN, and the texts of the policies that they carry: for operations that read and
//! judge what is there.

use crate::error;
use crate::managed;
use crate::state::{Grants, Group, Identity, Policy, Role, User, fold, home, split_arn};
use yakumo_aws::{AccountId, Error, Result};
use yakumo_room::{Ctx, Record};

/// A user, a group or a role.
pub(crate) enum Entity {
    User(Box<User>),
    Group(Box<Group>),
    Role(Box<Role>),
}

/// Where a policy that somebody carries comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An inline policy by the kind (`user`) and name of its carrier and its own name.
    Inline { kind: &'static str, carrier: String, name: String },
    /// A managed policy by its ARN.
    Managed { arn: String },
}

/// A policy that somebody carries.
#[derive(Clone, Debug)]
pub(crate) struct Carried {
    pub origin: Origin,
    /// The document as stored.
    pub text: String,
}

impl Entity {
    /// The user, group or role of this ARN in the caller's account.
    ///
    /// # Errors
    /// InvalidInput when the ARN names none of these kinds, NoSuchEntity when there is none such.
    pub(crate) async fn find(ctx: &Ctx, arn: &str) -> Result<Entity> {
        let Some((account, kind, name)) = split_arn(arn) else { return Err(error::invalid_entity_arn(arn)) };
        match kind {
            "user" => Ok(Entity::User(Box::new(one(ctx, account, name, arn).await?))),
            "group" => Ok(Entity::Group(Box::new(one(ctx, account, name, arn).await?))),
            "role" => Ok(Entity::Role(Box::new(one(ctx, account, name, arn).await?))),
            _ => Err(error::invalid_entity_arn(arn)),
        }
    }

    /// Its policies inline and attached.
    pub(crate) fn grants(&self) -> &Grants {
        match self {
            Entity::User(user) => &user.grants,
            Entity::Group(group) => &group.grants,
            Entity::Role(role) => &role.grants,
        }
    }

    /// All identity policies that count for it: its own, and for a user those of its groups.
    pub(crate) async fn policies(&self, ctx: &Ctx) -> Result<Vec<Carried>> {
        match self {
            Entity::Role(role) => carried(ctx, &**role).await,
            Entity::Group(group) => carried(ctx, &**group).await,
            Entity::User(user) => {
                let mut all = carried(ctx, &**user).await?;
                for folded in &user.groups {
                    if let Some(group) = ctx.get::<Group>(&home(user.account), &[folded]).await? {
                        all.extend(carried(ctx, &group).await?);
                    }
                }
                Ok(all)
            }
        }
    }
}

async fn one<I: Identity + Record>(ctx: &Ctx, account: AccountId, name: &str, arn: &str) -> Result<I> {
    let found = match account == ctx.account() {
        true => ctx.get::<I>(&home(account), &[&fold(name)]).await?,
        false => None,
    };
    found.filter(|found| found.arn() == arn).ok_or_else(|| error::not_found(I::KIND, name))
}

async fn carried<I: Identity>(ctx: &Ctx, identity: &I) -> Result<Vec<Carried>> {
    let mut all = Vec::new();
    for (name, text) in &identity.grants().inline {
        let (kind, carrier) = (I::KIND, identity.name().to_owned());
        let origin = Origin::Inline { kind, carrier, name: name.clone() };
        all.push(Carried { origin, text: text.clone() });
    }
    for arn in &identity.grants().attached {
        let text = managed_text(ctx, identity.account(), arn).await?;
        all.push(Carried { origin: Origin::Managed { arn: arn.clone() }, text });
    }
    Ok(all)
}

/// The text of the version in force of a managed policy that somebody carries, so that it must be there.
pub(crate) async fn managed_text(ctx: &Ctx, account: AccountId, arn: &str) -> Result<String> {
    if let Some(policy) = managed::find(arn) {
        return Ok(policy.document());
    }
    let name = split_arn(arn).map(|(_, _, name)| fold(name)).unwrap_or_default();
    let policy = ctx.get::<Policy>(&home(account), &[&name]).await?;
    let version = policy.as_ref().and_then(Policy::in_force);
    version
        .map(|version| version.document.clone())
        .ok_or_else(|| Error::internal("a policy that is attached does not exist"))
}
