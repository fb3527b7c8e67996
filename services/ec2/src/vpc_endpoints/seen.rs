//! What the API shows of endpoints, and DescribeVpcEndpoints.

use super::{Kind, State, VpcEndpoint, names, parts, policy};
use crate::filters::{Filtered, fact};
use crate::nouns::{ALL, Home};
use crate::pages::{Wanted, describe};
use crate::route_tables::RouteTable;
use crate::security_groups::SecurityGroup;
use crate::tags::{self, Tags};
use std::collections::BTreeMap;
use yakumo_api_ec2::{
    self as api, DescribeVpcEndpointsInput, DescribeVpcEndpointsOutput, DnsEntry, DnsOptions,
    SecurityGroupIdentifier,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// What stands around the endpoints of an account in a region, as last committed.
pub(super) struct Around {
    tables: Vec<RouteTable>,
    /// Names of groups by id.
    groups: BTreeMap<String, String>,
}

impl Around {
    /// Reads it where the request acts.
    pub(super) async fn read(ctx: &Ctx) -> Result<Around> {
        let scope = Home::of(ctx).scope();
        let groups: Vec<SecurityGroup> = ctx.list(&scope, &[], None, ALL).await?;
        Ok(Around {
            tables: ctx.list(&scope, &[], None, ALL).await?,
            groups: groups.into_iter().map(|group| (group.id, group.name)).collect(),
        })
    }

    /// What the API shows of an endpoint.
    pub(super) fn shown(&self, endpoint: &VpcEndpoint) -> api::VpcEndpoint {
        let is_interface = endpoint.kind == Kind::Interface;
        let tables = parts::tables(&endpoint.id, &self.tables).map(|table| table.id.clone()).collect();
        let group = |id: &String| SecurityGroupIdentifier {
            group_id: Some(id.clone()),
            group_name: self.groups.get(id).cloned(),
        };
        api::VpcEndpoint {
            vpc_endpoint_id: Some(endpoint.id.clone()),
            vpc_endpoint_type: Some(endpoint.kind.name().into()),
            vpc_id: Some(endpoint.vpc.clone()),
            service_name: Some(endpoint.service.clone()),
            state: Some(endpoint.state.name().into()),
            policy_document: Some(policy::of(endpoint).to_owned()),
            route_table_ids: Some(tables),
            subnet_ids: Some(endpoint.places.iter().map(|place| place.subnet.clone()).collect()),
            groups: Some(endpoint.groups.iter().map(group).collect()),
            ip_address_type: is_interface.then(|| "ipv4".into()),
            dns_options: is_interface.then(|| dns_options(endpoint)),
            private_dns_enabled: Some(endpoint.private_dns),
            requester_managed: Some(false),
            network_interface_ids: Some(
                endpoint.places.iter().map(|place| place.interface.clone()).collect(),
            ),
            dns_entries: Some(dns_entries(endpoint)),
            creation_timestamp: Some(endpoint.created),
            tags: tags::shown(&endpoint.tags),
            owner_id: Some(endpoint.home.account.to_string()),
            service_region: is_interface.then(|| endpoint.home.region.to_string()),
            ..api::VpcEndpoint::default()
        }
    }
}

fn dns_options(endpoint: &VpcEndpoint) -> DnsOptions {
    let has_inbound = endpoint.service.ends_with(".s3") && endpoint.private_dns;
    DnsOptions {
        dns_record_ip_type: Some("ipv4".into()),
        private_dns_only_for_inbound_resolver_endpoint: has_inbound.then_some(endpoint.inbound_only),
        ..DnsOptions::default()
    }
}

/// DIFFERS: names of endpoints are in zones of AWS's own, whose ids these are made up in the form of; there is no Route 53
/// here that an alias could lead from.
fn dns_entries(endpoint: &VpcEndpoint) -> Vec<DnsEntry> {
    let zone = |name: &str| {
        let seed = if name.contains(".vpce.") { endpoint.home.region.as_str() } else { &endpoint.id };
        let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = seed.bytes().fold(0xcbf2_9ce4_8422_2325, fold);
        match endpoint.state {
            // AWS: until it is there, the zone is not known.
            State::Pending if !name.contains(".vpce.") => "ZONEIDPENDING".to_owned(),
            _ => format!("Z{hash:016X}"),
        }
    };
    let entry = |name: String| DnsEntry { hosted_zone_id: Some(zone(&name)), dns_name: Some(name) };
    names::shown(endpoint).into_iter().map(entry).collect()
}

struct Seen(VpcEndpoint);

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &[
        "ip-address-type",
        "service-name",
        "service-region",
        "vpc-id",
        "vpc-endpoint-id",
        "vpc-endpoint-state",
        "vpc-endpoint-type",
    ];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "ip-address-type" => fact((self.0.kind == Kind::Interface).then(|| "ipv4".to_owned())),
            "service-name" => fact(self.0.service.clone()),
            "service-region" => fact(self.0.home.region.to_string()),
            "vpc-id" => fact(self.0.vpc.clone()),
            "vpc-endpoint-id" => fact(self.0.id.clone()),
            "vpc-endpoint-state" => fact(self.0.state.name().to_owned()),
            _ => fact(self.0.kind.name().to_owned()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.0.tags)
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpoints.html>
pub(super) async fn describe_vpc_endpoints(
    ctx: Ctx,
    input: DescribeVpcEndpointsInput,
) -> Result<DescribeVpcEndpointsOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let around = Around::read(&ctx).await?;
    let ids = (input.vpc_endpoint_ids.as_ref(), "vpcEndpointIds");
    let page = describe(&ctx, ids, input.filters.as_ref(), wanted, Seen).await?;
    Ok(DescribeVpcEndpointsOutput {
        vpc_endpoints: Some(page.items.iter().map(|Seen(endpoint)| around.shown(endpoint)).collect()),
        next_token: page.next_token,
    })
}
