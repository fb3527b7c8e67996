//! Placement groups: where instances stand to each other.
//!
//! Invariant: what a group promises on one host is kept: one zone for `cluster`, seven running instances a zone for
//! `spread`, a number for every instance of `partition`.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/placement-groups.html>

mod life;
mod places;
mod seen;

pub(crate) use places::{Place, check_running, wanted};

use crate::access::{self, Asked};
use crate::nouns::{self, ALL, Home, Keys, Kind, Retag, tag_keys};
use crate::tags::Tags;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use yakumo_api_ec2 as api;
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room, Tx};

/// What ARNs and tags call them.
pub(crate) const KIND: &str = "placement-group";

/// A placement group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlacementGroup {
    /// `pg-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// Its name, which is unique where it lives.
    pub name: String,
    /// How it places instances.
    pub strategy: Strategy,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// How a group places instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Strategy {
    /// Close to each other, in one zone.
    Cluster,
    /// Each on a rack of its own.
    Spread,
    /// In so many partitions that share no racks, 1 to 7.
    Partition(i32),
}

impl Strategy {
    /// AWS's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Strategy::Cluster => "cluster",
            Strategy::Spread => "spread",
            Strategy::Partition(_) => "partition",
        }
    }
}

impl yakumo_room::Record for PlacementGroup {
    const TABLE: &'static str = "placement-groups";
}

impl yakumo_room::Resource for PlacementGroup {
    const TYPE: &'static str = "AWS::EC2::PlacementGroup";

    fn id(&self) -> Vec<&str> {
        vec![&self.id]
    }

    fn arn(&self) -> String {
        // AWS: the ARN of a placement group ends with its name.
        self.home.arn(KIND, &self.name)
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

impl PlacementGroup {
    fn keys(&self) -> Keys {
        let mut keys = vec![
            ("ec2:PlacementGroupName".to_owned(), vec![self.name.clone()]),
            ("ec2:PlacementGroupStrategy".to_owned(), vec![self.strategy.name().to_owned()]),
        ];
        keys.extend(tag_keys(&self.tags));
        keys
    }
}

/// There is no placement group of that name or id.
fn unknown(name: &str) -> Error {
    Error::sender("InvalidPlacementGroup.Unknown", format!("The Placement Group '{name}' is unknown."))
}

/// The group of that name.
///
/// # Errors
/// InvalidPlacementGroup.Unknown.
async fn named(tx: &Tx, home: Home, name: &str) -> Result<PlacementGroup> {
    let all: Vec<PlacementGroup> = tx.list(&home.scope(), &[], None, ALL).await?;
    all.into_iter().find(|group| group.name == name).ok_or_else(|| unknown(name))
}

/// The group of that id.
///
/// # Errors
/// InvalidPlacementGroup.Unknown.
async fn of_id(tx: &Tx, home: Home, id: &str) -> Result<PlacementGroup> {
    let found = if nouns::is_id(id) { tx.get(&home.scope(), &[id]).await? } else { None };
    found.ok_or_else(|| unknown(id))
}

/// The name of the group that a request names by name or by id, for policies; none when it names none.
pub(crate) async fn name_of(ctx: &Ctx, name: Option<&str>, id: Option<&str>) -> Result<Option<String>> {
    match (name.filter(|name| !name.is_empty()), id.filter(|id| !id.is_empty())) {
        (Some(name), _) => Ok(Some(name.to_owned())),
        (None, None) => Ok(None),
        (None, Some(id)) => {
            let all: Vec<PlacementGroup> = ctx.list(&Home::of(ctx).scope(), &[], None, ALL).await?;
            // What is not there is nobody's.
            Ok(Some(all.into_iter().find(|group| group.id == id).map_or("*".to_owned(), |group| group.name)))
        }
    }
}

/// The kind of resource: it is named by its name in ARNs, and by its id in CreateTags.
pub(crate) struct Groups;

impl Kind for Groups {
    fn prefix(&self) -> &'static str {
        "pg-"
    }

    fn name(&self) -> &'static str {
        KIND
    }

    fn keys<'a>(&'a self, ctx: &'a Ctx, home: Home, id: &'a str) -> BoxFuture<'a, Result<Option<Keys>>> {
        Box::pin(async move {
            let all: Vec<PlacementGroup> = ctx.list(&home.scope(), &[], None, ALL).await?;
            Ok(all.into_iter().find(|group| group.name == id || group.id == id).map(|group| group.keys()))
        })
    }

    fn retag<'a>(
        &'a self,
        tx: &'a Tx,
        home: Home,
        id: &'a str,
        change: Retag<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let before = of_id(tx, home, id).await?;
            let mut after = before.clone();
            change(&mut after.tags)?;
            tx.put_resource(&home.scope(), Some(&before), &after);
            Ok(())
        })
    }

    fn tagged<'a>(&'a self, ctx: &'a Ctx, home: Home) -> BoxFuture<'a, Result<Vec<(String, Tags)>>> {
        Box::pin(async move {
            let all: Vec<PlacementGroup> = ctx.list(&home.scope(), &[], None, ALL).await?;
            Ok(all.into_iter().map(|group| (group.id, group.tags)).collect())
        })
    }
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    room.on(
        api::CreatePlacementGroup,
        access::needs("ec2:CreatePlacementGroup", |input: &api::CreatePlacementGroupInput| {
            let name = input.group_name.as_deref().unwrap_or_default();
            let strategy = input.strategy.clone().unwrap_or_else(|| "cluster".to_owned());
            Asked::any()
                .making_named(KIND, name, input.tag_specifications.as_ref())
                .of_it("ec2:PlacementGroupName", name)
                .of_it("ec2:PlacementGroupStrategy", strategy)
        }),
        life::create_placement_group,
    )
    .on(
        api::DeletePlacementGroup,
        access::needs("ec2:DeletePlacementGroup", |input: &api::DeletePlacementGroupInput| {
            Asked::any().and_named(KIND, &input.group_name)
        }),
        life::delete_placement_group,
    )
    .on(
        api::DescribePlacementGroups,
        access::reads("ec2:DescribePlacementGroups"),
        seen::describe_placement_groups,
    )
}
