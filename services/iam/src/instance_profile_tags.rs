//! Tags of instance profiles.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_TagInstanceProfile.html>

use crate::error;
use crate::identities::change;
use crate::instance_profiles::find_profile;
use crate::paging::Asked;
use crate::state::{InstanceProfile, fold, home};
use crate::tags;
use yakumo_api_iam::{
    ListInstanceProfileTagsInput, ListInstanceProfileTagsOutput, TagInstanceProfileInput,
    TagInstanceProfileOutput, UntagInstanceProfileInput, UntagInstanceProfileOutput,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

async fn edit<F>(ctx: &Ctx, name: &str, edit: F) -> Result<()>
where
    F: Fn(&mut InstanceProfile) -> Result<()>,
{
    change(ctx, |tx| {
        let edit = &edit;
        async move {
            let before = find_profile(&tx, ctx.account(), name).await?;
            let mut after = before.clone();
            edit(&mut after)?;
            tx.put_resource(&home(ctx.account()), Some(&before), &after);
            Ok(())
        }
    })
    .await
}

pub(crate) async fn tag_instance_profile(
    ctx: Ctx,
    input: TagInstanceProfileInput,
) -> Result<TagInstanceProfileOutput> {
    edit(&ctx, &input.instance_profile_name, |profile| tags::add(&mut profile.tags, &input.tags)).await?;
    Ok(TagInstanceProfileOutput {})
}

pub(crate) async fn untag_instance_profile(
    ctx: Ctx,
    input: UntagInstanceProfileInput,
) -> Result<UntagInstanceProfileOutput> {
    let untag = |profile: &mut InstanceProfile| {
        tags::remove(&mut profile.tags, &input.tag_keys);
        Ok(())
    };
    edit(&ctx, &input.instance_profile_name, untag).await?;
    Ok(UntagInstanceProfileOutput {})
}

pub(crate) async fn list_instance_profile_tags(
    ctx: Ctx,
    input: ListInstanceProfileTagsInput,
) -> Result<ListInstanceProfileTagsOutput> {
    let name = &input.instance_profile_name;
    let profile = ctx.get::<InstanceProfile>(&home(ctx.account()), &[&fold(name)]).await?;
    let profile = profile.ok_or_else(|| error::instance_profile_not_found(name))?;
    let page = tags::page(&profile, Asked::new(&input.marker, input.max_items))?;
    Ok(ListInstanceProfileTagsOutput {
        is_truncated: page.is_truncated(),
        tags: page.items,
        marker: page.marker,
    })
}
