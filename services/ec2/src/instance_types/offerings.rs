//! DescribeInstanceTypeOfferings: where types are offered. Here every zone has all of them.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html>

use super::all;
use crate::error;
use crate::filters::{Filtered, Filters, fact};
use crate::pages::Wanted;
use crate::tags::Tags;
use crate::zones;
use yakumo_api_ec2::{
    DescribeInstanceTypeOfferingsInput, DescribeInstanceTypeOfferingsOutput, InstanceTypeOffering,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// A type at a place.
struct Seen {
    kind: String,
    place: String,
}

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &["instance-type", "location"];
    const HAS_TAGS: bool = false;

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "instance-type" => fact(self.kind.clone()),
            _ => fact(self.place.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

pub(super) async fn describe_instance_type_offerings(
    ctx: Ctx,
    input: DescribeInstanceTypeOfferingsInput,
) -> Result<DescribeInstanceTypeOfferingsOutput> {
    let filters = Filters::of::<Seen>(input.filters.as_ref())?;
    let by = input.location_type.as_deref().unwrap_or("region");
    let region = ctx.region();
    let places: Vec<String> = match by {
        "region" => vec![region.to_string()],
        "availability-zone" => zones::of(region).into_iter().map(|zone| zone.name).collect(),
        "availability-zone-id" => zones::of(region).into_iter().map(|zone| zone.id).collect(),
        // There is none.
        "outpost" => Vec::new(),
        other => return Err(error::invalid_value(other, "LocationType", "Unknown location type.")),
    };
    let offered = all().flat_map(|kind| {
        places.iter().map(move |place| Seen { kind: kind.name(), place: place.clone() }).collect::<Vec<_>>()
    });
    let key = |seen: &Seen| format!("{} {}", seen.kind, seen.place);
    let mut found: Vec<Seen> = offered.filter(|seen| filters.pass(seen)).collect();
    found.sort_by_key(key);
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let page = wanted.cut(found, key)?;
    let shown = page.items.into_iter().map(|seen| InstanceTypeOffering {
        instance_type: Some(seen.kind),
        location_type: Some(by.to_owned()),
        location: Some(seen.place),
    });
    Ok(DescribeInstanceTypeOfferingsOutput {
        instance_type_offerings: Some(shown.collect()),
        next_token: page.next_token,
    })
}
