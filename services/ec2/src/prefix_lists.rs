//! Managed prefix lists: the record and what the API shows of it.
//!
//! Invariant: every version of a list is kept as it was: the one in force with the list, each earlier one as a record of its own.
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/managed-prefix-lists.html>

mod entries;
mod life;
mod managed;
mod references;
mod versions;

pub(crate) use managed::{Managed, id as managed_id, of as managed};

use crate::access;
use crate::cidr::Cidr;
use crate::filters::{Filtered, Filters, fact};
use crate::noun_record::noun;
use crate::nouns::{self, ClientToken, Home};
use crate::pages::{Wanted, by_ids};
use crate::tags::{self, Tags};
use serde::{Deserialize, Serialize};
use yakumo_api_ec2::{
    self as api, DescribeManagedPrefixListsInput, DescribeManagedPrefixListsOutput, ManagedPrefixList,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Resource, Room, Tx};

/// A customer's prefix list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PrefixList {
    /// `pl-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// Its name.
    pub name: String,
    /// Whether its entries are of IPv6.
    pub is_ipv6: bool,
    /// How many entries it may have.
    pub max_entries: usize,
    /// The entries in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
    /// The number of the version in force; 0 in a record from when all versions were kept in it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub version: i64,
    /// All versions, the first one first, in a record from when they were kept in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<Vec<Entry>>,
    /// What was done last: `create`, `modify` or `restore`.
    pub last: String,
    /// The request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<ClientToken>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// An entry of a prefix list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The block.
    pub cidr: Cidr,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

noun!(
    PrefixList,
    table: "prefix-lists",
    type: "AWS::EC2::PrefixList",
    kind: "prefix-list",
    prefix: "pl-",
    not_found: "InvalidPrefixListID.NotFound",
    malformed: "InvalidPrefixListId.Malformed",
    spoken: "prefix list ID",
    keys: |_| Vec::new(),
);

impl PrefixList {
    /// The entries in force.
    pub(crate) fn entries(&self) -> &[Entry] {
        self.versions.last().unwrap_or(&self.entries)
    }

    /// The number of the version in force.
    fn number(&self) -> i64 {
        match self.version {
            0 => i64::try_from(self.versions.len()).unwrap_or(i64::MAX),
            number => number,
        }
    }
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    let room = managed::register(references::register(entries::register(life::register(room))));
    room.on(
        api::DescribeManagedPrefixLists,
        access::reads("ec2:DescribeManagedPrefixLists"),
        describe_managed_prefix_lists,
    )
}

/// Refuses a prefix list that is neither the account's nor one of AWS's.
pub(crate) async fn check(tx: &Tx, home: Home, id: &str) -> Result<()> {
    if managed::is_one(home.region, id) {
        return Ok(());
    }
    nouns::find::<PrefixList>(tx, home, id).await.map(drop)
}

/// AWS: where a prefix list is referred to, it counts as many entries as it may have.
pub(crate) async fn weight(tx: &Tx, home: Home, id: &str) -> Result<usize> {
    if managed::is_one(home.region, id) {
        return Ok(managed::WEIGHT);
    }
    let list: Option<PrefixList> = tx.get(&home.scope(), &[id]).await?;
    Ok(list.map_or(0, |list| list.max_entries))
}

/// What the API shows of a prefix list; `state` is `complete` or, in the answer to what changes it, `in-progress`.
fn shown(list: &PrefixList, state: &str) -> ManagedPrefixList {
    ManagedPrefixList {
        prefix_list_id: Some(list.id.clone()),
        address_family: Some(if list.is_ipv6 { "IPv6".into() } else { "IPv4".into() }),
        state: Some(format!("{}-{state}", list.last)),
        prefix_list_arn: Some(list.arn()),
        prefix_list_name: Some(list.name.clone()),
        max_entries: i32::try_from(list.max_entries).ok(),
        version: Some(list.number()),
        tags: tags::shown(&list.tags),
        owner_id: Some(list.home.account.to_string()),
        ..ManagedPrefixList::default()
    }
}

/// A list of either owner.
enum Listed {
    Own(PrefixList),
    Amazons(Managed),
}

impl Listed {
    fn id(&self) -> &str {
        match self {
            Listed::Own(list) => &list.id,
            Listed::Amazons(list) => &list.id,
        }
    }

    fn shown(&self) -> ManagedPrefixList {
        match self {
            Listed::Own(list) => shown(list, "complete"),
            Listed::Amazons(list) => list.shown(),
        }
    }
}

impl Filtered for Listed {
    const FILTERS: &'static [&'static str] = PrefixList::FILTERS;

    fn facts(&self, filter: &str) -> Vec<String> {
        match self {
            Listed::Own(list) => list.facts(filter),
            Listed::Amazons(list) => list.facts(filter),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        match self {
            Listed::Own(list) => Filtered::tags(list),
            Listed::Amazons(list) => list.tags(),
        }
    }
}

impl Filtered for PrefixList {
    const FILTERS: &'static [&'static str] = &["owner-id", "prefix-list-id", "prefix-list-name"];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "owner-id" => fact(self.home.account.to_string()),
            "prefix-list-name" => fact(self.name.clone()),
            _ => fact(self.id.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeManagedPrefixLists.html>
async fn describe_managed_prefix_lists(
    ctx: Ctx,
    input: DescribeManagedPrefixListsInput,
) -> Result<DescribeManagedPrefixListsOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let filters = Filters::of::<Listed>(input.filters.as_ref())?;
    wanted.without_ids(input.prefix_list_ids.as_ref(), "prefixListIds")?;
    let ids = input.prefix_list_ids.as_deref().unwrap_or_default();
    let (amazons, own): (Vec<String>, Vec<String>) =
        ids.iter().cloned().partition(|id| managed::is_one(ctx.region(), id));
    let mut all = Vec::new();
    if ids.is_empty() || !own.is_empty() {
        all.extend(by_ids::<PrefixList>(&ctx, Some(&own)).await?.into_iter().map(Listed::Own));
    }
    let amazons = managed(ctx.region(), ctx.base().network.ranges())
        .into_iter()
        .filter(|list| ids.is_empty() || amazons.contains(&list.id));
    all.extend(amazons.map(Listed::Amazons));
    all.retain(|list| filters.pass(list));
    all.sort_by(|one, other| one.id().cmp(other.id()));
    let page = wanted.cut(all, |list| list.id().to_owned())?;
    Ok(DescribeManagedPrefixListsOutput {
        prefix_lists: Some(page.items.iter().map(Listed::shown).collect()),
        next_token: page.next_token,
    })
}
