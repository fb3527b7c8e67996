//! Tags on users, roles and policies: their rules, and the operations of users and roles.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html>

use crate::error;
use crate::identities::{edit, look_up};
use crate::paging::{Asked, Page};
use crate::state::{Role, User};
use std::collections::{BTreeMap, HashSet};
use yakumo_api_iam::{
    ListRoleTagsInput, ListRoleTagsOutput, ListUserTagsInput, ListUserTagsOutput, Tag, TagRoleInput,
    TagRoleOutput, TagUserInput, TagUserOutput, UntagRoleInput, UntagRoleOutput, UntagUserInput,
    UntagUserOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Resource};

/// The most tags that one resource may have.
const TAGS_MAX: usize = 50;

/// Adds tags: a key that is there already, whatever its case, gets the new value.
pub(crate) fn add(tags: &mut BTreeMap<String, String>, new: &[Tag]) -> Result<()> {
    let mut seen = HashSet::new();
    for tag in new {
        // AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_naming>
        if tag.key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            return Err(error::system_tag());
        }
        if !seen.insert(tag.key.to_lowercase()) {
            return Err(error::duplicate_tags());
        }
        let known = tags.keys().find(|key| key.eq_ignore_ascii_case(&tag.key)).cloned();
        tags.insert(known.unwrap_or_else(|| tag.key.clone()), tag.value.clone());
    }
    if tags.len() > TAGS_MAX { Err(error::too_many_tags()) } else { Ok(()) }
}

/// Removes tags; a key that is not there is no error.
pub(crate) fn remove(tags: &mut BTreeMap<String, String>, keys: &[String]) {
    tags.retain(|key, _| !keys.iter().any(|unwanted| unwanted.eq_ignore_ascii_case(key)));
}

/// Tags in the form of answers.
pub(crate) fn shown(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

/// Tags in the form of answers that leave an empty list out.
pub(crate) fn shown_if_any(tags: &BTreeMap<String, String>) -> Option<Vec<Tag>> {
    (!tags.is_empty()).then(|| shown(tags))
}

/// One page of a resource's tags.
pub(crate) fn page(resource: &impl Resource, asked: Asked<'_>) -> Result<Page<Tag>> {
    asked.slice(shown(resource.tags()), |tag| &tag.key)
}

pub(crate) async fn tag_user(ctx: Ctx, input: TagUserInput) -> Result<TagUserOutput> {
    edit(&ctx, &input.user_name, |user: &mut User| add(&mut user.tags, &input.tags)).await?;
    Ok(TagUserOutput {})
}

pub(crate) async fn untag_user(ctx: Ctx, input: UntagUserInput) -> Result<UntagUserOutput> {
    let untag = |user: &mut User| {
        remove(&mut user.tags, &input.tag_keys);
        Ok(())
    };
    edit(&ctx, &input.user_name, untag).await?;
    Ok(UntagUserOutput {})
}

pub(crate) async fn list_user_tags(ctx: Ctx, input: ListUserTagsInput) -> Result<ListUserTagsOutput> {
    let user: User = look_up(&ctx, &input.user_name).await?;
    let page = page(&user, Asked::new(&input.marker, input.max_items))?;
    Ok(ListUserTagsOutput { is_truncated: page.is_truncated(), tags: page.items, marker: page.marker })
}

pub(crate) async fn tag_role(ctx: Ctx, input: TagRoleInput) -> Result<TagRoleOutput> {
    edit(&ctx, &input.role_name, |role: &mut Role| add(&mut role.tags, &input.tags)).await?;
    Ok(TagRoleOutput {})
}

pub(crate) async fn untag_role(ctx: Ctx, input: UntagRoleInput) -> Result<UntagRoleOutput> {
    let untag = |role: &mut Role| {
        remove(&mut role.tags, &input.tag_keys);
        Ok(())
    };
    edit(&ctx, &input.role_name, untag).await?;
    Ok(UntagRoleOutput {})
}

pub(crate) async fn list_role_tags(ctx: Ctx, input: ListRoleTagsInput) -> Result<ListRoleTagsOutput> {
    let role: Role = look_up(&ctx, &input.role_name).await?;
    let page = page(&role, Asked::new(&input.marker, input.max_items))?;
    Ok(ListRoleTagsOutput { is_truncated: page.is_truncated(), tags: page.items, marker: page.marker })
}

#[cfg(test)]
mod tests {
    use super::{TAGS_MAX, add, remove};
    use std::collections::BTreeMap;
    use yakumo_api_iam::Tag;

    fn tag(key: &str, value: &str) -> Tag {
        Tag { key: key.into(), value: value.into() }
    }

    #[test]
    fn keys_have_no_case_and_there_are_fifty_at_most() {
        let mut tags = BTreeMap::new();
        add(&mut tags, &[tag("Team", "blue")]).unwrap();
        add(&mut tags, &[tag("team", "red")]).unwrap();
        assert_eq!(tags, BTreeMap::from([("Team".to_owned(), "red".to_owned())]));
        assert!(add(&mut tags.clone(), &[tag("a", "1"), tag("A", "2")]).is_err());
        assert!(add(&mut tags.clone(), &[tag("AWS:x", "1")]).is_err());
        assert!(add(&mut tags.clone(), &[tag("awsx", "1")]).is_ok());
        let many: Vec<Tag> = (0..TAGS_MAX).map(|n| tag(&format!("k{n}"), "v")).collect();
        assert!(add(&mut tags.clone(), &many[..TAGS_MAX - 1]).is_ok());
        assert!(add(&mut tags.clone(), &many).is_err());
        remove(&mut tags, &["TEAM".to_owned(), "other".to_owned()]);
        assert!(tags.is_empty());
    }
}
