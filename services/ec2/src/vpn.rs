//! What describes VPNs. There are none: what would make one answers 501, so that these lists are empty and every id is
//! unknown. Clients read them before they do something else (CDK's look-up of a VPC, auditing tools).
//!
//! Invariant: nothing here is kept; what is asked is checked as if there were something.

use crate::access;
use crate::commit::only_if;
use crate::filters::{Filtered, Filters};
use crate::tags::Tags;
use yakumo_api_ec2::{
    self as api, DescribeCustomerGatewaysInput, DescribeCustomerGatewaysOutput, DescribeVpnConnectionsInput,
    DescribeVpnConnectionsOutput, DescribeVpnGatewaysInput, DescribeVpnGatewaysOutput, Filter,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(crate) fn register(room: Room) -> Room {
    room.on(api::DescribeVpnGateways, access::reads("ec2:DescribeVpnGateways"), describe_vpn_gateways)
        .on(
            api::DescribeCustomerGateways,
            access::reads("ec2:DescribeCustomerGateways"),
            describe_customer_gateways,
        )
        .on(
            api::DescribeVpnConnections,
            access::reads("ec2:DescribeVpnConnections"),
            describe_vpn_connections,
        )
}

/// A virtual private gateway: nobody has one.
enum VpnGateway {}
/// A customer gateway.
enum CustomerGateway {}
/// A VPN connection.
enum VpnConnection {}

macro_rules! filtered {
    ($noun:ident, $filters:expr) => {
        impl Filtered for $noun {
            const FILTERS: &'static [&'static str] = $filters;

            fn facts(&self, _: &str) -> Vec<String> {
                match *self {}
            }

            fn tags(&self) -> Option<&Tags> {
                match *self {}
            }
        }
    };
}

filtered!(
    VpnGateway,
    &[
        "amazon-side-asn",
        "attachment.state",
        "attachment.vpc-id",
        "availability-zone",
        "state",
        "type",
        "vpn-gateway-id",
    ]
);
filtered!(CustomerGateway, &["bgp-asn", "customer-gateway-id", "ip-address", "state", "type"]);
filtered!(
    VpnConnection,
    &[
        "bgp-asn",
        "customer-gateway-configuration",
        "customer-gateway-id",
        "option.static-routes-only",
        "route.destination-cidr-block",
        "state",
        "transit-gateway-id",
        "type",
        "vpn-connection-id",
        "vpn-gateway-id",
    ]
);

/// Checks a question about things of which there are none.
fn check<T: Filtered>(
    filters: Option<&Vec<Filter>>,
    ids: Option<&Vec<String>>,
    (code, what): (&'static str, &str),
    dry_run: Option<bool>,
) -> Result<()> {
    Filters::of::<T>(filters)?;
    if let Some(id) = ids.and_then(|ids| ids.first()) {
        return Err(Error::sender(code, format!("The {what} ID '{id}' does not exist")));
    }
    only_if(dry_run)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpnGateways.html>
async fn describe_vpn_gateways(
    _ctx: Ctx,
    input: DescribeVpnGatewaysInput,
) -> Result<DescribeVpnGatewaysOutput> {
    let absent = ("InvalidVpnGatewayID.NotFound", "vpnGateway");
    check::<VpnGateway>(input.filters.as_ref(), input.vpn_gateway_ids.as_ref(), absent, input.dry_run)?;
    Ok(DescribeVpnGatewaysOutput { vpn_gateways: Some(Vec::new()) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeCustomerGateways.html>
async fn describe_customer_gateways(
    _ctx: Ctx,
    input: DescribeCustomerGatewaysInput,
) -> Result<DescribeCustomerGatewaysOutput> {
    let absent = ("InvalidCustomerGatewayID.NotFound", "customerGateway");
    let ids = input.customer_gateway_ids.as_ref();
    check::<CustomerGateway>(input.filters.as_ref(), ids, absent, input.dry_run)?;
    Ok(DescribeCustomerGatewaysOutput { customer_gateways: Some(Vec::new()) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpnConnections.html>
async fn describe_vpn_connections(
    _ctx: Ctx,
    input: DescribeVpnConnectionsInput,
) -> Result<DescribeVpnConnectionsOutput> {
    let absent = ("InvalidVpnConnectionID.NotFound", "vpnConnection");
    let ids = input.vpn_connection_ids.as_ref();
    check::<VpnConnection>(input.filters.as_ref(), ids, absent, input.dry_run)?;
    Ok(DescribeVpnConnectionsOutput { vpn_connections: Some(Vec::new()) })
}
