//! Where the instances of a group stand: pure rules, and what a request means.

use super::{PlacementGroup, Strategy, named, of_id};
use crate::error;
use crate::instance_types;
use crate::instances::{Instance, State};
use crate::nouns::{ALL, Home};
use serde::{Deserialize, Serialize};
use yakumo_aws::{Error, Result};
use yakumo_room::Tx;

/// AWS: "a maximum of seven running instances per Availability Zone per group".
const RUNNING_MAX: usize = 7;

/// The place of an instance in a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The group, `pg-…`.
    pub group: String,
    /// Its name.
    pub name: String,
    /// The number of the partition, from 1, in a group that has some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
}

/// The group that a request wants, with the partition.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    group: PlacementGroup,
    partition: Option<i32>,
}

/// What a request means by name, id and partition; none when it names no group.
///
/// # Errors
/// InvalidPlacementGroup.Unknown; InvalidParameterCombination; InvalidParameterValue for a partition that the group has not.
pub(crate) async fn wanted(
    tx: &Tx,
    home: Home,
    name: Option<&str>,
    id: Option<&str>,
    partition: Option<i32>,
) -> Result<Option<Wanted>> {
    let (name, id) = (name.filter(|name| !name.is_empty()), id.filter(|id| !id.is_empty()));
    let group = match (name, id) {
        (Some(_), Some(_)) => return Err(error::not_together("groupName", "groupId")),
        (Some(name), None) => named(tx, home, name).await?,
        (None, Some(id)) => of_id(tx, home, id).await?,
        (None, None) if partition.is_some() => return Err(no_partitions()),
        (None, None) => return Ok(None),
    };
    match (group.strategy, partition) {
        (Strategy::Partition(count), Some(number)) if !(1..=count).contains(&number) => {
            let text = format!("The placement group '{}' has {count} partitions.", group.name);
            Err(error::invalid_value(number, "partitionNumber", &text))
        }
        (Strategy::Cluster | Strategy::Spread, Some(_)) => Err(no_partitions()),
        _ => Ok(Some(Wanted { group, partition })),
    }
}

fn no_partitions() -> Error {
    let text =
        "The parameter partitionNumber is only supported in a placement group with the strategy 'partition'.";
    error::invalid_parameter_combination(text)
}

impl Wanted {
    /// The place of one more instance of that type in a zone, beside the others of the group.
    ///
    /// # Errors
    /// InvalidParameterCombination for a type that no group of its kind takes; InvalidPlacementGroup.InUse when a cluster is in
    /// another zone; those of [`check_running`] are found later.
    pub(crate) fn place(&self, kind: &str, zone: &str, others: &[Instance]) -> Result<Place> {
        let group = &self.group;
        let of_group = |instance: &&Instance| is_in(instance, &group.id);
        let partition = match group.strategy {
            Strategy::Cluster => {
                if instance_types::is_burstable(kind) || kind.starts_with("m1.") {
                    let text = format!("Placement groups may not be used with instances of type '{kind}'.");
                    return Err(error::invalid_parameter_combination(text));
                }
                if let Some(other) = others.iter().filter(of_group).find(|other| other.zone != zone) {
                    let text = format!(
                        "The placement group '{}' is in use in another availability zone: {}",
                        group.name, other.zone
                    );
                    return Err(Error::sender("InvalidPlacementGroup.InUse", text));
                }
                None
            }
            Strategy::Spread => None,
            Strategy::Partition(count) => Some(self.partition.unwrap_or_else(|| {
                let taken: Vec<i32> = others
                    .iter()
                    .filter(of_group)
                    .filter(|other| other.zone == zone)
                    .filter_map(|other| other.place.as_ref()?.partition)
                    .collect();
                emptiest(count, &taken)
            })),
        };
        Ok(Place { group: group.id.clone(), name: group.name.clone(), partition })
    }

    /// How many more instances may run in a zone.
    pub(crate) fn room(&self, zone: &str, others: &[Instance]) -> usize {
        match self.group.strategy {
            Strategy::Spread => RUNNING_MAX.saturating_sub(running(others, &self.group.id, zone)),
            Strategy::Cluster | Strategy::Partition(_) => usize::MAX,
        }
    }

    /// What there is too much of.
    pub(crate) fn no_room(&self) -> Error {
        no_room(&self.group.name)
    }
}

/// Whether an instance that has not ended is in a group.
fn is_in(instance: &Instance, group: &str) -> bool {
    instance.state != State::Terminated && instance.place.as_ref().is_some_and(|place| place.group == group)
}

fn running(all: &[Instance], group: &str, zone: &str) -> usize {
    let runs = |state: State| matches!(state, State::Pending | State::Running | State::Stopping);
    all.iter().filter(|one| is_in(one, group) && one.zone == zone && runs(one.state)).count()
}

/// AWS: instances are distributed evenly; here the lowest of the partitions that have fewest.
fn emptiest(count: i32, taken: &[i32]) -> i32 {
    let held = |number: &i32| taken.iter().filter(|one| *one == number).count();
    (1..=count).min_by_key(held).unwrap_or(1)
}

/// DIFFERS: AWS publishes no text for the eighth instance of a zone; the code is that of hardware which is not there.
fn no_room(name: &str) -> Error {
    let text = format!(
        "The spread placement group '{name}' has a maximum of {RUNNING_MAX} running instances per Availability Zone."
    );
    Error::sender("InsufficientInstanceCapacity", text)
}

/// Whether as many instances run in spread groups as may: for who has just started some of them.
///
/// # Errors
/// InsufficientInstanceCapacity.
pub(crate) async fn check_running(tx: &Tx, home: Home, all: &[Instance], started: &Instance) -> Result<()> {
    let Some(place) = &started.place else { return Ok(()) };
    let groups: Vec<PlacementGroup> = tx.list(&home.scope(), &[], None, ALL).await?;
    let spreads = groups.iter().any(|group| group.id == place.group && group.strategy == Strategy::Spread);
    match spreads && running(all, &place.group, &started.zone) > RUNNING_MAX {
        true => Err(no_room(&place.name)),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::emptiest;

    #[test]
    fn partitions_are_filled_evenly() {
        for (count, taken, wanted) in [
            (3, vec![], 1),
            (3, vec![1], 2),
            (3, vec![1, 2], 3),
            (3, vec![1, 2, 3], 1),
            (2, vec![1, 1, 2], 2),
            (1, vec![1, 1], 1),
        ] {
            assert_eq!(emptiest(count, &taken), wanted, "{taken:?} of {count}");
        }
    }
}
