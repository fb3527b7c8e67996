//! The names of endpoints, and to which addresses they lead. Pure.
//!
//! Source: <https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html#interface-endpoint-dns-hostnames>

use super::{Kind, VpcEndpoint, service};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Names and the addresses behind them.
pub(crate) type Names = BTreeMap<String, Vec<IpAddr>>;

/// What the names of an endpoint end in; `None` for one that has none.
fn stem(endpoint: &VpcEndpoint) -> Option<String> {
    let (region, found) = (endpoint.home.region, service(&endpoint.service, endpoint.home.region)?);
    let suffix = region.partition().dns_suffix();
    (endpoint.kind == Kind::Interface).then(|| format!("{}.{region}.vpce.{suffix}", found.name))
}

/// AWS: names of S3's endpoints have a part in front that says what of S3 is meant.
fn front(endpoint: &VpcEndpoint) -> &'static str {
    if endpoint.service.ends_with(".s3") { "*." } else { "" }
}

/// The names of an endpoint alone, which anybody can look up: its own, and one for each zone.
pub(crate) fn public_names(endpoint: &VpcEndpoint) -> Names {
    let Some(stem) = stem(endpoint) else { return Names::new() };
    let own = format!("{}{}-{}", front(endpoint), endpoint.id, endpoint.mark);
    let zones = endpoint
        .places
        .iter()
        .map(|place| (format!("{own}-{}.{stem}", place.zone), vec![IpAddr::V4(place.address)]));
    let all = (format!("{own}.{stem}"), addresses(endpoint));
    std::iter::once(all).chain(zones).collect()
}

/// The service's own names as its VPC sees them, when they lead to the endpoint there.
pub(crate) fn private_names(endpoint: &VpcEndpoint) -> Names {
    let region = endpoint.home.region;
    let found = service(&endpoint.service, region).filter(|_| endpoint.private_dns && !endpoint.inbound_only);
    let names = found.map(|found| found.client_names(region)).unwrap_or_default();
    names.into_iter().map(|name| (name, addresses(endpoint))).collect()
}

fn addresses(endpoint: &VpcEndpoint) -> Vec<IpAddr> {
    endpoint.places.iter().map(|place| IpAddr::V4(place.address)).collect()
}

/// The names that the API shows, in its order: the endpoint's own, its zones', the service's.
pub(super) fn shown(endpoint: &VpcEndpoint) -> Vec<String> {
    let Some(stem) = stem(endpoint) else { return Vec::new() };
    let own = format!("{}{}-{}", front(endpoint), endpoint.id, endpoint.mark);
    let zones = endpoint.places.iter().map(|place| format!("{own}-{}.{stem}", place.zone));
    let mut names: Vec<String> = std::iter::once(format!("{own}.{stem}")).chain(zones).collect();
    if endpoint.private_dns {
        let region = endpoint.home.region;
        names.extend(
            service(&endpoint.service, region).into_iter().flat_map(|found| found.client_names(region)),
        );
    }
    names
}
