//! AWS's default quotas.
//!
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>

use crate::error;
use yakumo_aws::Result;

/// VPCs of an account in a region; internet gateways and egress-only ones follow it.
pub(crate) const VPCS: usize = 5;
/// Subnets of a VPC.
pub(crate) const SUBNETS: usize = 200;
/// Blocks of each family of a VPC.
pub(crate) const BLOCKS: usize = 5;
/// Route tables of a VPC.
pub(crate) const ROUTE_TABLES: usize = 200;
/// Routes of a route table, of each family.
/// AWS: raised from 50 to 500 in 2025.
pub(crate) const ROUTES: usize = 500;
/// Network ACLs of a VPC.
pub(crate) const NETWORK_ACLS: usize = 200;
/// Entries of a network ACL in one direction and family.
pub(crate) const ACL_ENTRIES: usize = 20;
/// Security groups of an account in a region.
pub(crate) const SECURITY_GROUPS: usize = 2_500;
/// Rules of a security group in one direction, of each family.
pub(crate) const GROUP_RULES: usize = 60;
/// Prefix lists of an account in a region.
pub(crate) const PREFIX_LISTS: usize = 100;
/// DHCP options sets: AWS publishes no quota any more; this one bounds the list.
pub(crate) const DHCP_OPTIONS: usize = 1_000;

/// Instances of an account in a region. AWS counts processors by the class of their type; here it is a count, which bounds what a host
/// is asked for.
pub(crate) const INSTANCES: usize = 1_000;

/// Placement groups of an account in a region.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/placement-groups.html#limitations-placement-groups>
pub(crate) const PLACEMENT_GROUPS: usize = 500;

/// Launch templates of an account in a region.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/launch-template-restrictions.html>
pub(crate) const LAUNCH_TEMPLATES: usize = 5_000;
/// Versions of a launch template.
pub(crate) const LAUNCH_TEMPLATE_VERSIONS: usize = 10_000;
/// Volumes of an account in a region. AWS counts TiB by type; here it is a count, which bounds what is read at once.
pub(crate) const VOLUMES: usize = 5_000;
/// Snapshots of an account in a region.
pub(crate) const SNAPSHOTS: usize = 10_000;
/// Images of an account in a region.
pub(crate) const IMAGES: usize = 50_000;
/// Key pairs of an account in a region.
/// <https://docs.aws.amazon.com/general/latest/gr/ec2-service.html>
pub(crate) const KEY_PAIRS: usize = 5_000;
/// Flow logs of one resource.
pub(crate) const FLOW_LOGS: usize = 2;

/// Network interfaces of an account in a region.
pub(crate) const NETWORK_INTERFACES: usize = 5_000;
/// Addresses of each family of an interface: as many as the largest instance gives it.
pub(crate) const ADDRESSES_OF_INTERFACE: usize = 50;
/// Security groups of an interface.
pub(crate) const GROUPS_OF_INTERFACE: usize = 5;
/// Elastic IPs of an account in a region.
pub(crate) const ELASTIC_IPS: usize = 5;

/// NAT gateways in an availability zone.
pub(crate) const NAT_GATEWAYS_OF_ZONE: usize = 5;
/// Gateway endpoints of an account in a region.
pub(crate) const GATEWAY_ENDPOINTS: usize = 20;
/// Interface endpoints of a VPC.
pub(crate) const INTERFACE_ENDPOINTS: usize = 50;
/// Active peering connections of a VPC.
pub(crate) const PEERINGS_OF_VPC: usize = 50;
/// Peering requests of a VPC that nobody has answered.
pub(crate) const PEERING_REQUESTS: usize = 25;

/// Transit gateways of an account in a region.
/// <https://docs.aws.amazon.com/vpc/latest/tgw/transit-gateway-quotas.html>
pub(crate) const TRANSIT_GATEWAYS: usize = 5;
/// Route tables of a transit gateway.
pub(crate) const TRANSIT_TABLES: usize = 20;
/// Static routes of a transit gateway.
pub(crate) const TRANSIT_ROUTES: usize = 10_000;
/// Transit gateways that a VPC is attached to.
pub(crate) const TRANSIT_GATEWAYS_OF_VPC: usize = 5;
/// Attachments of a transit gateway.
pub(crate) const TRANSIT_ATTACHMENTS: usize = 5_000;

/// Network Insights: paths of an account in a region.
pub(crate) const NETWORK_INSIGHTS_PATHS: usize = 100;
/// And their analyses.
pub(crate) const NETWORK_INSIGHTS_ANALYSES: usize = 1_000;

/// Whether there may be so many.
pub(crate) fn check(count: usize, max: usize, code: &'static str, what: &str) -> Result<()> {
    match count > max {
        true => Err(error::limit_exceeded(code, what)),
        false => Ok(()),
    }
}
