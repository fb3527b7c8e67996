//! Tags on roots, units, accounts, policies and the resource policy.

use crate::error;
use crate::pages::page;
use crate::realm::{Draft, Realm, State};
use crate::seats::seat;
use crate::state::{Account, Organization, Policy, Tags, Unit};
use std::collections::BTreeSet;
use yakumo_api_organizations::{
    ListTagsForResourceInput, ListTagsForResourceOutput, Tag, TagResourceInput, TagResourceOutput,
    UntagResourceInput, UntagResourceOutput,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// AWS: user tags of one resource
/// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_tagging.html>).
pub(crate) const TAGS_MAX: usize = 50;

/// The tags that a request gives something new.
pub(crate) fn fresh(given: Option<&[Tag]>) -> Result<Tags> {
    let mut tags = Tags::new();
    add(&mut tags, given.unwrap_or_default())?;
    Ok(tags)
}

fn add(tags: &mut Tags, given: &[Tag]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for tag in given {
        if tag.key.to_ascii_lowercase().starts_with("aws:") {
            return Err(error::system_tag());
        }
        if !seen.insert(&tag.key) {
            return Err(error::duplicate_tag());
        }
        tags.insert(tag.key.clone(), tag.value.clone());
    }
    if tags.len() > TAGS_MAX { Err(error::too_many_tags()) } else { Ok(()) }
}

/// The tags of whatever has that id.
fn find<'a>(state: &'a State, organization: &'a Organization, id: &str) -> Option<&'a Tags> {
    if let Some(policy) = state.policy(&organization.id, id) {
        return Some(&policy.tags);
    }
    if let Some(delegation) = organization.delegation.as_ref().filter(|delegation| delegation.id == id) {
        return Some(&delegation.tags);
    }
    state.node(organization, id).map(|node| node.tags)
}

/// Changes the tags of whatever has that id.
fn edit(draft: &mut Draft, ctx: &Ctx, id: &str, change: impl FnOnce(&mut Tags) -> Result<()>) -> Result<()> {
    let organization = draft.organization(ctx)?;
    let mut tags = find(&draft.state, &organization, id).ok_or_else(error::target_not_found)?.clone();
    change(&mut tags)?;
    if let Some(policy) = draft.state.policy(&organization.id, id) {
        if policy.is_of_aws() {
            let text = "You can't tag policies that AWS manages.";
            return Err(error::invalid_input("TARGET_NOT_SUPPORTED", text));
        }
        let policy = Policy { tags, ..Policy::clone(policy) };
        draft.put(policy);
    } else if let Some(unit) = draft.state.unit(&organization.id, id) {
        let unit = Unit { tags, ..Unit::clone(unit) };
        draft.put(unit);
    } else if let Some(account) = draft.state.member(&organization.id, id) {
        let mut account = Account::clone(account);
        if let Some(membership) = &mut account.membership {
            membership.tags = tags;
        }
        draft.put(account);
    } else {
        let mut organization = Organization::clone(&organization);
        match &mut organization.delegation {
            Some(delegation) if delegation.id == id => delegation.tags = tags,
            _ => organization.root_tags = tags,
        }
        draft.put(organization);
    }
    Ok(())
}

pub(crate) async fn tag_resource(ctx: Ctx, input: TagResourceInput) -> Result<TagResourceOutput> {
    let work = |draft: &mut Draft| edit(draft, &ctx, &input.resource_id, |tags| add(tags, &input.tags));
    ctx.state::<Realm>().change(&ctx, work).await?;
    Ok(TagResourceOutput {})
}

pub(crate) async fn untag_resource(ctx: Ctx, input: UntagResourceInput) -> Result<UntagResourceOutput> {
    let work = |draft: &mut Draft| {
        edit(draft, &ctx, &input.resource_id, |tags| {
            tags.retain(|key, _| !input.tag_keys.contains(key));
            Ok(())
        })
    };
    ctx.state::<Realm>().change(&ctx, work).await?;
    Ok(UntagResourceOutput {})
}

pub(crate) async fn list_tags_for_resource(
    ctx: Ctx,
    input: ListTagsForResourceInput,
) -> Result<ListTagsForResourceOutput> {
    let seat = seat(&ctx)?;
    let tags = find(seat.state(), &seat.organization, &input.resource_id);
    let tags = tags.ok_or_else(error::target_not_found)?;
    let (tags, next_token) =
        page(tags.iter().collect(), input.next_token.as_deref(), None, |(key, _)| key.as_str())?;
    let tags = tags.into_iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() });
    Ok(ListTagsForResourceOutput { tags: Some(tags.collect()), next_token })
}
