//! How placement groups come and go.

use super::{KIND, PlacementGroup, Strategy, named, seen};
use crate::commit::{change, refuse};
use crate::instances::{Instance, State};
use crate::nouns::{self, ALL, Home, new_id};
use crate::{error, quotas, tags};
use yakumo_api_ec2::{
    CreatePlacementGroupInput, CreatePlacementGroupOutput, DeletePlacementGroupInput,
    DeletePlacementGroupOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::Ctx;

/// AWS: "Constraints: Up to 255 ASCII characters".
const NAME_MAX_CHARS: usize = 255;
/// AWS: the partitions of who says nothing.
const PARTITIONS: i32 = 2;
/// AWS: a group has seven partitions in a zone at most.
const PARTITIONS_MAX: i32 = 7;

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreatePlacementGroup.html>
pub(super) async fn create_placement_group(
    ctx: Ctx,
    input: CreatePlacementGroupInput,
) -> Result<CreatePlacementGroupOutput> {
    refuse(&[
        ("LinkedGroupId", input.linked_group_id.is_some()),
        ("ParentGroupId", input.parent_group_id.is_some()),
        ("Operator", input.operator.is_some()),
        // AWS: racks are Amazon's, hosts an Outpost's.
        ("SpreadLevel", input.spread_level.as_deref() == Some("host")),
    ])?;
    let name = input.group_name.clone().ok_or_else(|| error::missing_parameter("groupName"))?;
    check_name(&name)?;
    let strategy = strategy(&input)?;
    let tags = tags::at_creation(KIND, input.tag_specifications.as_ref())?;
    let made = change(&ctx, input.dry_run, |tx| {
        let (ctx, name, tags) = (&ctx, name.clone(), tags.clone());
        async move {
            let home = Home::of(ctx);
            let all: Vec<PlacementGroup> = tx.list(&home.scope(), &[], None, ALL).await?;
            if all.iter().any(|group| group.name == name) {
                let text = format!("The placement group '{name}' already exists.");
                return Err(Error::sender("InvalidPlacementGroup.Duplicate", text));
            }
            let limit = "PlacementGroupLimitExceeded";
            quotas::check(all.len() + 1, quotas::PLACEMENT_GROUPS, limit, "placement groups")?;
            let group = PlacementGroup { id: new_id(ctx, "pg-"), home, name, strategy, tags };
            tx.put_resource(&home.scope(), None, &group);
            Ok(group)
        }
    })
    .await?;
    Ok(CreatePlacementGroupOutput { placement_group: Some(seen::shown(&made)) })
}

fn check_name(name: &str) -> Result<()> {
    let fits = (1..=NAME_MAX_CHARS).contains(&name.len());
    match fits && name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        true => Ok(()),
        false => Err(error::invalid_value(name, "groupName", "It is up to 255 ASCII characters.")),
    }
}

fn strategy(input: &CreatePlacementGroupInput) -> Result<Strategy> {
    let name = input.strategy.as_deref().ok_or_else(|| error::missing_parameter("strategy"))?;
    if input.partition_count.is_some() && name != "partition" {
        let text = "The parameter partitionCount is only supported with the strategy 'partition'.";
        return Err(error::invalid_parameter_combination(text));
    }
    if input.spread_level.is_some() && name != "spread" {
        let text = "The parameter spreadLevel is only supported with the strategy 'spread'.";
        return Err(error::invalid_parameter_combination(text));
    }
    match (name, input.partition_count.unwrap_or(PARTITIONS)) {
        ("cluster", _) => Ok(Strategy::Cluster),
        ("spread", _) => Ok(Strategy::Spread),
        ("partition", count) if (1..=PARTITIONS_MAX).contains(&count) => Ok(Strategy::Partition(count)),
        ("partition", count) => Err(error::invalid_value(count, "partitionCount", "It is between 1 and 7.")),
        (other, _) => Err(error::not_implemented(&format!("the placement strategy {other}"))),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeletePlacementGroup.html>
pub(super) async fn delete_placement_group(
    ctx: Ctx,
    input: DeletePlacementGroupInput,
) -> Result<DeletePlacementGroupOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (home, name) = (Home::of(&ctx), &input.group_name);
        async move {
            let group = named(&tx, home, name).await?;
            let all: Vec<Instance> = nouns::all(&tx, home).await?;
            let is_in = |instance: &Instance| {
                instance.state != State::Terminated
                    && instance.place.as_ref().is_some_and(|place| place.group == group.id)
            };
            if all.iter().any(is_in) {
                let text = format!("The placement group '{name}' is in use and may not be deleted.");
                return Err(Error::sender("InvalidPlacementGroup.InUse", text));
            }
            tx.delete_resource(&home.scope(), &group);
            Ok(())
        }
    })
    .await?;
    Ok(DeletePlacementGroupOutput {})
}

#[cfg(test)]
mod tests {
    use super::{check_name, strategy};
    use crate::placement_groups::Strategy;
    use yakumo_api_ec2::CreatePlacementGroupInput;

    #[test]
    fn strategies_have_rules() {
        let of = |name: Option<&str>, partition_count| {
            strategy(&CreatePlacementGroupInput {
                strategy: name.map(str::to_owned),
                partition_count,
                ..CreatePlacementGroupInput::default()
            })
        };
        for (name, count, wanted) in [
            ("cluster", None, Strategy::Cluster),
            ("spread", None, Strategy::Spread),
            ("partition", None, Strategy::Partition(2)),
            ("partition", Some(7), Strategy::Partition(7)),
        ] {
            assert_eq!(of(Some(name), count).unwrap(), wanted);
        }
        for (name, count, code) in [
            (None, None, "MissingParameter"),
            (Some("cluster"), Some(2), "InvalidParameterCombination"),
            (Some("partition"), Some(0), "InvalidParameterValue"),
            (Some("partition"), Some(8), "InvalidParameterValue"),
            (Some("precision-time"), None, "NotImplemented"),
        ] {
            assert_eq!(of(name, count).unwrap_err().code, code, "{name:?} {count:?}");
        }
    }

    #[test]
    fn names_are_ascii() {
        assert!(check_name("a group: 1").is_ok());
        for bad in ["", "größe", "a\nb", &"a".repeat(256)] {
            assert_eq!(check_name(bad).unwrap_err().code, "InvalidParameterValue", "{bad:?}");
        }
    }
}
