//! DescribePlacementGroups.

use super::{PlacementGroup, Strategy, unknown};
use crate::commit::only_if;
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::{ALL, Home};
use crate::tags::{self, Tags};
use yakumo_api_ec2::{self as api, DescribePlacementGroupsInput, DescribePlacementGroupsOutput};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Resource};

/// What the API shows of a group.
pub(super) fn shown(group: &PlacementGroup) -> api::PlacementGroup {
    let partition_count = match group.strategy {
        Strategy::Partition(count) => Some(count),
        Strategy::Cluster | Strategy::Spread => None,
    };
    api::PlacementGroup {
        group_name: Some(group.name.clone()),
        state: Some("available".to_owned()),
        strategy: Some(group.strategy.name().to_owned()),
        partition_count,
        group_id: Some(group.id.clone()),
        tags: tags::shown(&group.tags),
        group_arn: Some(group.arn()),
        spread_level: (group.strategy == Strategy::Spread).then(|| "rack".to_owned()),
        ..api::PlacementGroup::default()
    }
}

impl Filtered for PlacementGroup {
    const FILTERS: &'static [&'static str] =
        &["group-arn", "group-name", "spread-level", "state", "strategy"];

    fn facts(&self, filter: &str) -> Vec<String> {
        let shown = shown(self);
        match filter {
            "group-arn" => fact(shown.group_arn),
            "group-name" => fact(shown.group_name),
            "spread-level" => fact(shown.spread_level),
            "state" => fact(shown.state),
            _ => fact(shown.strategy),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribePlacementGroups.html>
pub(super) async fn describe_placement_groups(
    ctx: Ctx,
    input: DescribePlacementGroupsInput,
) -> Result<DescribePlacementGroupsOutput> {
    let filters = Filters::of::<PlacementGroup>(input.filters.as_ref())?;
    let (names, ids) = (input.group_names.unwrap_or_default(), input.group_ids.unwrap_or_default());
    only_if(input.dry_run)?;
    let mut all: Vec<PlacementGroup> = ctx.list(&Home::of(&ctx).scope(), &[], None, ALL).await?;
    let lacks = |has: &dyn Fn(&PlacementGroup) -> bool| !all.iter().any(has);
    if let Some(name) = names.iter().find(|name| lacks(&|group| group.name == **name)) {
        return Err(unknown(name));
    }
    if let Some(id) = ids.iter().find(|id| lacks(&|group| group.id == **id)) {
        return Err(unknown(id));
    }
    all.retain(|group| {
        let is_meant =
            names.is_empty() && ids.is_empty() || names.contains(&group.name) || ids.contains(&group.id);
        is_meant && filters.pass(group)
    });
    all.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(DescribePlacementGroupsOutput { placement_groups: Some(all.iter().map(shown).collect()) })
}
