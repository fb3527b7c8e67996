//! AWS's own prefix lists: where its services are found. They are not kept: they follow from the region and the network.
//!
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/working-with-aws-managed-prefix-lists.html>

use crate::access;
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::Noun;
use crate::pages::Wanted;
use crate::tags::Tags;
use std::net::Ipv4Addr;
use yakumo_api_ec2::{
    self as api, DescribePrefixListsInput, DescribePrefixListsOutput, ManagedPrefixList, PrefixListEntry,
};
use yakumo_aws::{Region, Result};
use yakumo_net::engine::Ranges;
use yakumo_room::{Ctx, Room};

/// The services that have a list: those with a gateway endpoint whose rooms are there.
const SERVICES: &[&str] = &["s3"];

/// AWS: how many entries S3's list counts as, where it is referred to.
pub(super) const WEIGHT: usize = 1;

/// One of AWS's lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Managed {
    /// `pl-…`, the same in every cloud.
    pub id: String,
    /// `com.amazonaws.REGION.s3`.
    pub name: String,
    region: Region,
    address: Ipv4Addr,
}

/// AWS's lists in a region.
pub(crate) fn of(region: Region, ranges: Ranges) -> Vec<Managed> {
    let list = |service: &&str| {
        let name = format!("com.amazonaws.{region}.{service}");
        Managed { id: id(&name), name, region, address: ranges.s3_v4() }
    };
    SERVICES.iter().map(list).collect()
}

/// The list of the service that has this name for endpoints: AWS's are short ids, `pl-63a5400a`.
pub(crate) fn id(service: &str) -> String {
    // Services in China have a `cn.` in front that their lists do not have.
    let service = service.strip_prefix("cn.").unwrap_or(service);
    let fold = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    format!("pl-{:08x}", service.bytes().fold(0x811c_9dc5, fold))
}

/// Whether an id is that of one of AWS's lists in a region.
pub(super) fn is_one(region: Region, list: &str) -> bool {
    SERVICES.iter().any(|service| id(&format!("com.amazonaws.{region}.{service}")) == list)
}

impl Managed {
    /// Its one block.
    pub(crate) fn block(&self) -> String {
        format!("{}/32", self.address)
    }

    /// What the API of managed lists shows.
    pub(super) fn shown(&self) -> ManagedPrefixList {
        let partition = self.region.partition();
        let arn = format!(
            "arn:{}:ec2:{}:aws:{}/{}",
            partition.as_str(),
            self.region,
            super::PrefixList::KIND,
            self.id
        );
        ManagedPrefixList {
            prefix_list_id: Some(self.id.clone()),
            address_family: Some("IPv4".into()),
            state: Some("create-complete".into()),
            prefix_list_arn: Some(arn),
            prefix_list_name: Some(self.name.clone()),
            tags: Some(Vec::new()),
            owner_id: Some("AWS".into()),
            ..ManagedPrefixList::default()
        }
    }

    /// Its entries.
    pub(super) fn entries(&self) -> Vec<PrefixListEntry> {
        vec![PrefixListEntry { cidr: Some(self.block()), description: None }]
    }
}

impl Filtered for Managed {
    const FILTERS: &'static [&'static str] = &["owner-id", "prefix-list-id", "prefix-list-name"];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "owner-id" => fact("AWS".to_owned()),
            "prefix-list-name" => fact(self.name.clone()),
            _ => fact(self.id.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

/// Registers the operation of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(api::DescribePrefixLists, access::reads("ec2:DescribePrefixLists"), describe_prefix_lists)
}

/// AWS's lists alone. <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribePrefixLists.html>
async fn describe_prefix_lists(
    ctx: Ctx,
    input: DescribePrefixListsInput,
) -> Result<DescribePrefixListsOutput> {
    let filters = Filters::of::<Managed>(input.filters.as_ref())?;
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    wanted.without_ids(input.prefix_list_ids.as_ref(), "prefixListIds")?;
    let mut all = of(ctx.region(), ctx.base().network.ranges());
    let ids = input.prefix_list_ids.as_deref().unwrap_or_default();
    for id in ids {
        super::PrefixList::check_id(id)?;
        if !all.iter().any(|list| list.id == *id) {
            return Err(super::PrefixList::not_found(id));
        }
    }
    all.retain(|list| (ids.is_empty() || ids.contains(&list.id)) && filters.pass(list));
    all.sort_by(|one, other| one.id.cmp(&other.id));
    let page = wanted.cut(all, |list| list.id.clone())?;
    let shown = page.items.into_iter().map(|list| api::PrefixList {
        cidrs: Some(vec![list.block()]),
        prefix_list_id: Some(list.id),
        prefix_list_name: Some(list.name),
    });
    Ok(DescribePrefixListsOutput { prefix_lists: Some(shown.collect()), next_token: page.next_token })
}

#[cfg(test)]
mod tests {
    use super::{id, is_one};
    use yakumo_aws::Region;

    #[test]
    fn a_list_has_one_id_in_each_region() {
        let list = id("com.amazonaws.us-east-1.s3");
        assert!(list.starts_with("pl-") && list.len() == 11);
        assert!(is_one(Region::US_EAST_1, &list));
        assert!(!is_one(Region::parse("eu-west-1").unwrap(), &list));
        assert_eq!(id("cn.com.amazonaws.cn-north-1.s3"), id("com.amazonaws.cn-north-1.s3"));
    }
}
