//! Rules of security groups as resources of their own: ids, tags.
//!
//! Invariant: a rule lives in its group's record; here it is found by its id.

use crate::nouns::{self, ALL, Home, Keys, Kind, Retag, tag_keys};
use crate::security_groups::{Rule, SecurityGroup};
use crate::tags::Tags;
use futures_util::future::BoxFuture;
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// What ARNs and tags call them.
pub(crate) const KIND: &str = "security-group-rule";
/// What their ids begin with.
pub(crate) const PREFIX: &str = "sgr-";

/// The kind of resource.
pub(crate) struct Rules;

/// There is no such rule.
pub(crate) fn not_found(id: &str) -> Error {
    let text = format!("The security group rule ID '{id}' does not exist");
    Error::sender("InvalidSecurityGroupRuleId.NotFound", text)
}

/// The rule of that id and its group.
pub(crate) async fn look_up(ctx: &Ctx, home: Home, id: &str) -> Result<Option<(SecurityGroup, Rule)>> {
    let groups: Vec<SecurityGroup> = ctx.list(&home.scope(), &[], None, ALL).await?;
    let found = groups.into_iter().find_map(|group| {
        let rule = group.rules.iter().find(|rule| rule.id == id).cloned();
        rule.map(|rule| (group, rule))
    });
    Ok(found)
}

impl Kind for Rules {
    fn prefix(&self) -> &'static str {
        PREFIX
    }

    fn name(&self) -> &'static str {
        KIND
    }

    fn keys<'a>(&'a self, ctx: &'a Ctx, home: Home, id: &'a str) -> BoxFuture<'a, Result<Option<Keys>>> {
        Box::pin(async move { Ok(look_up(ctx, home, id).await?.map(|(_, rule)| tag_keys(&rule.tags))) })
    }

    fn retag<'a>(
        &'a self,
        tx: &'a Tx,
        home: Home,
        id: &'a str,
        change: Retag<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let groups: Vec<SecurityGroup> = nouns::all(tx, home).await?;
            let has = |group: &SecurityGroup| group.rules.iter().any(|rule| rule.id == id);
            let before = groups.into_iter().find(has).ok_or_else(|| not_found(id))?;
            let mut after = before.clone();
            for rule in after.rules.iter_mut().filter(|rule| rule.id == id) {
                change(&mut rule.tags)?;
            }
            nouns::put(tx, Some(&before), &after);
            Ok(())
        })
    }

    fn tagged<'a>(&'a self, ctx: &'a Ctx, home: Home) -> BoxFuture<'a, Result<Vec<(String, Tags)>>> {
        Box::pin(async move {
            let groups: Vec<SecurityGroup> = ctx.list(&home.scope(), &[], None, ALL).await?;
            let rules = groups.into_iter().flat_map(|group| group.rules);
            Ok(rules.map(|rule| (rule.id, rule.tags)).collect())
        })
    }
}
