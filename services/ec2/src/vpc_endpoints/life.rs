//! How endpoints come and go.

use super::seen::Around;
use super::services::{self, Service};
use super::{Kind, State, VpcEndpoint, keeper, parts, policy};
use crate::commit::{change, refuse};
use crate::nouns::{self, ClientToken, Home, Noun, new_id};
use crate::route_tables::RouteTable;
use crate::vpcs::Vpc;
use crate::{error, quotas, tags, work};
use yakumo_api_ec2::{
    CreateVpcEndpointInput, CreateVpcEndpointOutput, DeleteVpcEndpointsInput, DeleteVpcEndpointsOutput,
    DnsOptionsSpecification, UnsuccessfulItem, UnsuccessfulItemError,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html>
pub(super) async fn create_vpc_endpoint(
    ctx: Ctx,
    input: CreateVpcEndpointInput,
) -> Result<CreateVpcEndpointOutput> {
    let region = ctx.region().to_string();
    refuse(&[
        ("SubnetConfiguration", input.subnet_configurations.is_some()),
        ("ServiceNetworkArn", input.service_network_arn.is_some()),
        ("ResourceConfigurationArn", input.resource_configuration_arn.is_some()),
        (
            "ServiceRegion of another region",
            input.service_region.as_ref().is_some_and(|other| *other != region),
        ),
    ])?;
    check_family(input.ip_address_type.as_deref(), input.dns_options.as_ref())?;
    let kind = kind(input.vpc_endpoint_type.as_deref())?;
    let name = input.service_name.as_deref().ok_or_else(|| error::missing_parameter("ServiceName"))?;
    let service = services::wanted(&ctx, name, kind)?;
    check_members(&input, kind)?;
    let mut made = VpcEndpoint {
        id: new_id(&ctx, VpcEndpoint::PREFIX),
        home: Home::of(&ctx),
        vpc: input.vpc_id.clone(),
        service: name.to_owned(),
        kind,
        // AWS: a gateway endpoint is there at once.
        state: if kind == Kind::Gateway { State::Available } else { State::Pending },
        policy: policy::checked(input.policy_document.as_deref())?,
        places: Vec::new(),
        groups: Vec::new(),
        private_dns: kind == Kind::Interface && input.private_dns_enabled.unwrap_or(true),
        inbound_only: false,
        mark: ctx.base().ids.hex(8),
        created: ctx.now(),
        token: None,
        tags: tags::at_creation(VpcEndpoint::KIND, input.tag_specifications.as_ref())?,
    };
    made.inbound_only = inbound_only(service, made.private_dns, input.dns_options.as_ref(), None)?;
    let bare = CreateVpcEndpointInput { client_token: None, dry_run: None, ..input.clone() };
    made.token = ClientToken::of(input.client_token.as_deref(), &bare);
    let endpoint = change(&ctx, input.dry_run, |tx| {
        let (ctx, input, mut made) = (&ctx, &input, made.clone());
        async move {
            let all: Vec<VpcEndpoint> = nouns::all(&tx, made.home).await?;
            for known in &all {
                if ClientToken::made(made.token.as_ref(), known.token.as_ref())? {
                    return Ok(known.clone());
                }
            }
            let vpc: Vpc = nouns::find(&tx, made.home, &made.vpc).await?;
            check_quota(&all, &made)?;
            check_private_dns(&vpc, &made, &all)?;
            match kind {
                Kind::Gateway => {
                    for table in input.route_table_ids.iter().flatten() {
                        parts::add_table(&tx, &made, table).await?;
                    }
                }
                Kind::Interface => {
                    let groups = input.security_group_ids.as_deref().unwrap_or_default();
                    made.groups = parts::groups(&tx, made.home, &made.vpc, groups).await?;
                    for subnet in input.subnet_ids.iter().flatten() {
                        parts::add(&tx, ctx, &mut made, subnet).await?;
                    }
                    work::waits(&tx, made.home, &made.id);
                }
            }
            nouns::put(&tx, None, &made);
            keeper::arrived(&tx, &made);
            Ok(made)
        }
    })
    .await?;
    ctx.base().nudge(work::NAME);
    let shown = Around::read(&ctx).await?.shown(&endpoint);
    Ok(CreateVpcEndpointOutput { vpc_endpoint: Some(shown), client_token: input.client_token })
}

fn kind(wanted: Option<&str>) -> Result<Kind> {
    match wanted.unwrap_or("Gateway") {
        "Gateway" => Ok(Kind::Gateway),
        "Interface" => Ok(Kind::Interface),
        other @ ("GatewayLoadBalancer" | "Resource" | "ServiceNetwork") => {
            Err(error::not_implemented(&format!("the endpoint type {other}")))
        }
        other => Err(error::invalid_value(other, "VpcEndpointType", "Unknown endpoint type.")),
    }
}

/// Endpoints have IPv4 addresses alone here.
pub(super) fn check_family(family: Option<&str>, dns: Option<&DnsOptionsSpecification>) -> Result<()> {
    let records = dns.and_then(|dns| dns.dns_record_ip_type.as_deref());
    refuse(&[
        ("IpAddressType other than ipv4", family.is_some_and(|family| family != "ipv4")),
        (
            "DnsRecordIpType other than ipv4",
            records.is_some_and(|records| !matches!(records, "ipv4" | "service-defined")),
        ),
        ("PrivateDnsPreference", dns.is_some_and(|dns| dns.private_dns_preference.is_some())),
        ("PrivateDnsSpecifiedDomain", dns.is_some_and(|dns| dns.private_dns_specified_domains.is_some())),
    ])
}

fn check_members(input: &CreateVpcEndpointInput, kind: Kind) -> Result<()> {
    let has = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    match kind {
        Kind::Gateway => parts::only_of(
            "Interface",
            &[
                ("SubnetIds", has(&input.subnet_ids)),
                ("SecurityGroupIds", has(&input.security_group_ids)),
                ("PrivateDnsEnabled", input.private_dns_enabled == Some(true)),
            ],
        ),
        Kind::Interface => parts::only_of("Gateway", &[("RouteTableIds", has(&input.route_table_ids))]),
    }
}

/// Whether private names are for inbound resolver endpoints alone; `had` is how it was.
///
/// AWS: only S3 has this, and there it is so unless something else is said.
pub(super) fn inbound_only(
    service: &Service,
    private_dns: bool,
    dns: Option<&DnsOptionsSpecification>,
    had: Option<bool>,
) -> Result<bool> {
    let asked = dns.and_then(|dns| dns.private_dns_only_for_inbound_resolver_endpoint);
    if service.name != "s3" && asked == Some(true) {
        let text = "PrivateDnsOnlyForInboundResolverEndpoint not supported for this service.";
        return Err(Error::sender("InvalidParameter", text));
    }
    Ok(service.name == "s3" && private_dns && asked.or(had).unwrap_or(true))
}

fn check_quota(all: &[VpcEndpoint], made: &VpcEndpoint) -> Result<()> {
    let same = all.iter().filter(|known| known.kind == made.kind);
    let (count, max, what) = match made.kind {
        Kind::Gateway => (same.count(), quotas::GATEWAY_ENDPOINTS, "gateway endpoints"),
        Kind::Interface => {
            let count = same.filter(|known| known.vpc == made.vpc).count();
            (count, quotas::INTERFACE_ENDPOINTS, "interface endpoints per VPC")
        }
    };
    quotas::check(count + 1, max, "VpcEndpointLimitExceeded", what)
}

/// Whether the service's names can lead to this endpoint in its VPC.
pub(super) fn check_private_dns(vpc: &Vpc, endpoint: &VpcEndpoint, all: &[VpcEndpoint]) -> Result<()> {
    if !endpoint.private_dns {
        return Ok(());
    }
    if !(vpc.dns_support && vpc.dns_hostnames) {
        let text = format!(
            "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {}",
            vpc.id
        );
        return Err(Error::sender("InvalidParameter", text));
    }
    let others = || all.iter().filter(|known| known.vpc == vpc.id && known.id != endpoint.id);
    let mut same = others().filter(|known| known.service == endpoint.service);
    if same.any(|known| known.private_dns) {
        let region = endpoint.home.region;
        let names = super::service(&endpoint.service, region).map(|found| found.client_names(region));
        let name = names.and_then(|names| names.into_iter().next()).unwrap_or_default();
        // AWS: <https://github.com/hashicorp/terraform-provider-aws/issues/17535>
        let text = format!(
            "private-dns-enabled cannot be set because there is already a conflicting DNS domain for {name} in the VPC {}",
            vpc.id
        );
        return Err(Error::sender("InvalidParameter", text));
    }
    let is_gateway = |known: &VpcEndpoint| known.kind == Kind::Gateway && known.service == endpoint.service;
    if endpoint.inbound_only && !others().any(is_gateway) {
        // AWS: <https://github.com/terraform-aws-modules/terraform-aws-vpc/issues/982>
        let text = format!(
            "To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC {} must have a Gateway endpoint for the service.",
            vpc.id
        );
        return Err(Error::sender("InvalidParameter", text));
    }
    Ok(())
}

/// Each id has its own answer. <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpcEndpoints.html>
pub(super) async fn delete_vpc_endpoints(
    ctx: Ctx,
    input: DeleteVpcEndpointsInput,
) -> Result<DeleteVpcEndpointsOutput> {
    let unsuccessful = change(&ctx, input.dry_run, |tx| {
        let (home, ids) = (Home::of(&ctx), &input.vpc_endpoint_ids);
        async move {
            let mut unsuccessful = Vec::new();
            for id in ids {
                VpcEndpoint::check_id(id)?;
                match tx.get::<VpcEndpoint>(&home.scope(), &[id]).await? {
                    Some(endpoint) => delete(&tx, &endpoint).await?,
                    None => unsuccessful.push(absent(id)),
                }
            }
            Ok(unsuccessful)
        }
    })
    .await?;
    ctx.base().nudge(work::NAME);
    Ok(DeleteVpcEndpointsOutput { unsuccessful: Some(unsuccessful) })
}

async fn delete(tx: &Tx, before: &VpcEndpoint) -> Result<()> {
    let all: Vec<RouteTable> = nouns::all(tx, before.home).await?;
    for table in parts::tables(&before.id, &all) {
        parts::remove_table(tx, before, &table.id).await?;
    }
    let after = VpcEndpoint { state: State::Deleting, ..before.clone() };
    nouns::put(tx, Some(before), &after);
    work::waits(tx, before.home, &before.id);
    Ok(())
}

fn absent(id: &str) -> UnsuccessfulItem {
    let error = UnsuccessfulItemError {
        // AWS: here the code has no `Id` in its name, unlike everywhere else.
        code: Some("InvalidVpcEndpoint.NotFound".into()),
        message: Some(format!("The Vpc Endpoint Id '{id}' does not exist")),
    };
    UnsuccessfulItem { error: Some(error), resource_id: Some(id.to_owned()) }
}
