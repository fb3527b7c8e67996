//! Regions and availability zones, as AWS names them.
//!
//! DIFFERS: three zones a region, and the letter of a zone means the same zone in every account (on AWS each account has
//! its own order); all regions are usable without opting in.
//! Source: <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html>

use crate::commit::only_if;
use crate::filters::{Filtered, Filters, fact};
use crate::tags::Tags;
use crate::{access, error};
use yakumo_api_ec2::{
    self as api, AvailabilityZone, DescribeAvailabilityZonesInput, DescribeAvailabilityZonesOutput,
    DescribeRegionsInput, DescribeRegionsOutput,
};
use yakumo_aws::{Error, Region, Result};
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(crate) fn register(room: Room) -> Room {
    room.on(
        api::DescribeAvailabilityZones,
        access::reads("ec2:DescribeAvailabilityZones"),
        describe_availability_zones,
    )
    .on(api::DescribeRegions, access::reads("ec2:DescribeRegions"), describe_regions)
}

/// One availability zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    /// The region it is in.
    pub region: Region,
    /// `us-east-1a`.
    pub name: String,
    /// `use1-az1`.
    pub id: String,
}

/// How zone ids of a region begin, and letter and number of each zone.
type Known = (&'static str, &'static str, [(char, u8); 3]);

const ABC: [(char, u8); 3] = [('a', 1), ('b', 2), ('c', 3)];

/// AWS: where letters or numbers leave gaps, AWS has closed a zone for new resources or has none of that name.
const ZONES: &[Known] = &[
    ("af-south-1", "afs1", ABC),
    ("ap-east-1", "ape1", ABC),
    ("ap-east-2", "ape2", ABC),
    ("ap-northeast-1", "apne1", [('a', 4), ('c', 1), ('d', 2)]),
    ("ap-northeast-2", "apne2", ABC),
    ("ap-northeast-3", "apne3", [('a', 3), ('b', 1), ('c', 2)]),
    ("ap-south-1", "aps1", [('a', 1), ('b', 3), ('c', 2)]),
    ("ap-south-2", "aps2", ABC),
    ("ap-southeast-1", "apse1", [('a', 2), ('b', 1), ('c', 3)]),
    ("ap-southeast-2", "apse2", [('a', 3), ('b', 1), ('c', 2)]),
    ("ap-southeast-3", "apse3", ABC),
    ("ap-southeast-4", "apse4", ABC),
    ("ap-southeast-5", "apse5", ABC),
    ("ap-southeast-6", "apse6", ABC),
    ("ap-southeast-7", "apse7", ABC),
    ("ca-central-1", "cac1", [('a', 1), ('b', 2), ('d', 4)]),
    ("ca-west-1", "caw1", ABC),
    ("cn-north-1", "cnn1", [('a', 1), ('b', 2), ('d', 4)]),
    ("cn-northwest-1", "cnnw1", ABC),
    ("eu-central-1", "euc1", [('a', 2), ('b', 3), ('c', 1)]),
    ("eu-central-2", "euc2", ABC),
    ("eu-north-1", "eun1", ABC),
    ("eu-south-1", "eus1", ABC),
    ("eu-south-2", "eus2", ABC),
    ("eu-west-1", "euw1", [('a', 3), ('b', 1), ('c', 2)]),
    ("eu-west-2", "euw2", [('a', 2), ('b', 3), ('c', 1)]),
    ("eu-west-3", "euw3", ABC),
    ("il-central-1", "ilc1", ABC),
    ("me-central-1", "mec1", ABC),
    ("me-south-1", "mes1", ABC),
    ("mx-central-1", "mxc1", ABC),
    ("sa-east-1", "sae1", ABC),
    ("us-east-1", "use1", [('a', 1), ('b', 2), ('c', 4)]),
    ("us-east-2", "use2", ABC),
    ("us-gov-east-1", "usge1", ABC),
    ("us-gov-west-1", "usgw1", ABC),
    ("us-west-1", "usw1", [('a', 1), ('b', 3), ('c', 2)]),
    ("us-west-2", "usw2", [('a', 2), ('b', 1), ('c', 3)]),
];

/// Regions that AWS opened before March 2019: an account has them without asking.
/// Source: <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>
const WITHOUT_OPT_IN: &[&str] = &[
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-west-1",
    "us-west-2",
];

fn opt_in(region: Region) -> &'static str {
    if WITHOUT_OPT_IN.contains(&region.as_str()) { "opt-in-not-required" } else { "opted-in" }
}

/// The zones of a region.
pub(crate) fn of(region: Region) -> Vec<Zone> {
    let known = ZONES.iter().find(|(name, ..)| *name == region.as_str());
    let zones = known.into_iter().flat_map(|(name, prefix, zones)| {
        zones.iter().map(move |(letter, number)| (format!("{name}{letter}"), format!("{prefix}-az{number}")))
    });
    zones.map(|(name, id)| Zone { region, name, id }).collect()
}

/// The zone that a request wants by name or id; the first one when it does not say.
///
/// # Errors
/// InvalidParameterValue in AWS's words, which list the zones that there are.
pub(crate) fn wanted(region: Region, name: Option<&str>, id: Option<&str>) -> Result<Option<Zone>> {
    if name.is_some() && id.is_some() {
        return Err(error::not_together("availabilityZone", "availabilityZoneId"));
    }
    let zones = of(region);
    let (value, parameter) = match (name, id) {
        (Some(name), _) => (name, "availabilityZone"),
        (_, Some(id)) => (id, "availabilityZoneId"),
        _ => return Ok(None),
    };
    let found =
        zones.iter().find(|zone| zone.name == value && id.is_none() || zone.id == value && name.is_none());
    match found {
        Some(zone) => Ok(Some(zone.clone())),
        None => {
            let names: Vec<&str> = zones
                .iter()
                .map(|zone| if id.is_some() { zone.id.as_str() } else { zone.name.as_str() })
                .collect();
            let text = format!(
                "Value ({value}) for parameter {parameter} is invalid. Subnets can currently only be created in the following availability zones: {}.",
                names.join(", ")
            );
            Err(error::invalid_parameter_value(text))
        }
    }
}

impl Filtered for Zone {
    const FILTERS: &'static [&'static str] = &[
        "group-name",
        "group-long-name",
        "message",
        "opt-in-status",
        "parent-zone-id",
        "parent-zone-name",
        "region-name",
        "state",
        "zone-id",
        "zone-type",
        "zone-name",
    ];
    const HAS_TAGS: bool = false;

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "group-name" => fact(format!("{}-zg-1", self.region)),
            "opt-in-status" => fact("opt-in-not-required".to_owned()),
            "region-name" => fact(self.region.to_string()),
            "state" => fact("available".to_owned()),
            "zone-id" => fact(self.id.clone()),
            "zone-type" => fact("availability-zone".to_owned()),
            "zone-name" => fact(self.name.clone()),
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAvailabilityZones.html>
async fn describe_availability_zones(
    ctx: Ctx,
    input: DescribeAvailabilityZonesInput,
) -> Result<DescribeAvailabilityZonesOutput> {
    let filters = Filters::of::<Zone>(input.filters.as_ref())?;
    let zones = of(ctx.region());
    for name in input.zone_names.iter().flatten() {
        if !zones.iter().any(|zone| zone.name == *name) {
            return Err(error::invalid_parameter_value(format!("Invalid availability zone: [{name}]")));
        }
    }
    for id in input.zone_ids.iter().flatten() {
        if !zones.iter().any(|zone| zone.id == *id) {
            return Err(error::invalid_parameter_value(format!("Invalid availability zone-id: [{id}]")));
        }
    }
    only_if(input.dry_run)?;
    let is_named = |zone: &Zone| {
        let names = input.zone_names.as_deref().unwrap_or_default();
        let ids = input.zone_ids.as_deref().unwrap_or_default();
        (names.is_empty() || names.contains(&zone.name)) && (ids.is_empty() || ids.contains(&zone.id))
    };
    let found = zones.into_iter().filter(|zone| is_named(zone) && filters.pass(zone));
    let shown = found.map(|zone| AvailabilityZone {
        opt_in_status: Some("opt-in-not-required".into()),
        messages: Some(Vec::new()),
        region_name: Some(zone.region.to_string()),
        group_name: Some(format!("{}-zg-1", zone.region)),
        network_border_group: Some(zone.region.to_string()),
        zone_name: Some(zone.name),
        zone_id: Some(zone.id),
        zone_type: Some("availability-zone".into()),
        state: Some("available".into()),
        ..AvailabilityZone::default()
    });
    Ok(DescribeAvailabilityZonesOutput { availability_zones: Some(shown.collect()) })
}

/// A region, to be filtered.
struct Listed(Region);

impl Listed {
    fn endpoint(&self) -> String {
        format!("ec2.{}.{}", self.0, self.0.partition().dns_suffix())
    }
}

impl Filtered for Listed {
    const FILTERS: &'static [&'static str] = &["endpoint", "opt-in-status", "region-name"];
    const HAS_TAGS: bool = false;

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "endpoint" => fact(self.endpoint()),
            "opt-in-status" => fact(opt_in(self.0).to_owned()),
            _ => fact(self.0.to_string()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html>
async fn describe_regions(ctx: Ctx, input: DescribeRegionsInput) -> Result<DescribeRegionsOutput> {
    let filters = Filters::of::<Listed>(input.filters.as_ref())?;
    let partition = ctx.region().partition();
    let names = input.region_names.unwrap_or_default();
    for name in &names {
        if Region::parse(name).is_none_or(|region| region.partition() != partition) {
            let text = format!("Invalid region names are specified: {name}");
            return Err(Error::sender("InvalidParameterValue", text));
        }
    }
    only_if(input.dry_run)?;
    let all = Region::all().filter(|region| region.partition() == partition).map(Listed);
    let found = all.filter(|region| names.is_empty() || names.iter().any(|name| name == region.0.as_str()));
    let shown = found.filter(|region| filters.pass(region)).map(|region| api::Region {
        opt_in_status: Some(opt_in(region.0).to_owned()),
        region_name: Some(region.0.to_string()),
        endpoint: Some(region.endpoint()),
        ..api::Region::default()
    });
    Ok(DescribeRegionsOutput { regions: Some(shown.collect()) })
}

#[cfg(test)]
mod tests {
    use super::{WITHOUT_OPT_IN, of, wanted};
    use std::collections::BTreeSet;
    use yakumo_aws::Region;

    #[test]
    fn every_region_has_three_zones_and_no_id_is_twice() {
        let zones: Vec<_> = Region::all().flat_map(of).collect();
        assert_eq!(zones.len(), 3 * Region::all().count());
        let ids: BTreeSet<_> = zones.iter().map(|zone| &zone.id).collect();
        assert_eq!(ids.len(), zones.len());
        assert!(WITHOUT_OPT_IN.iter().all(|name| Region::parse(name).is_some()));
    }

    #[test]
    fn zones_are_found_by_name_or_id() {
        let find = |name, id| wanted(Region::US_EAST_1, name, id);
        assert_eq!(find(Some("us-east-1a"), None).unwrap().unwrap().id, "use1-az1");
        assert_eq!(find(None, Some("use1-az2")).unwrap().unwrap().name, "us-east-1b");
        assert_eq!(find(None, None).unwrap(), None);
        for (name, id) in [(Some("us-west-2a"), None), (Some("use1-az1"), None), (None, Some("us-east-1a"))] {
            assert_eq!(find(name, id).unwrap_err().code, "InvalidParameterValue");
        }
        assert_eq!(
            find(Some("us-east-1a"), Some("use1-az1")).unwrap_err().code,
            "InvalidParameterCombination"
        );
    }
}
