//! What endpoints can lead to: AWS's services, those of them that this cloud has.
//!
//! Invariant: a service is offered when its room is there, and not before.
//! Source: <https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-privatelink-support.html>

use super::Kind;
use crate::access;
use crate::commit::refuse;
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::Keys;
use crate::pages::Wanted;
use crate::tags::Tags;
use crate::zones;
use yakumo_api_ec2::{
    self as api, DescribeVpcEndpointServicesInput, DescribeVpcEndpointServicesOutput, PrivateDnsDetails,
    ServiceDetail, ServiceTypeDetail,
};
use yakumo_aws::{Error, Region, Result};
use yakumo_room::{Ctx, Room, World};

/// A service that endpoints lead to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Service {
    /// The end of its name: `com.amazonaws.REGION.sqs`.
    pub name: &'static str,
    /// Its room, by the models' name.
    pub room: &'static str,
    /// Its name in signatures.
    pub signing: &'static str,
    /// What endpoints for it are made of.
    pub kinds: &'static [Kind],
}

const fn interface(name: &'static str, room: &'static str, signing: &'static str) -> Service {
    Service { name, room, signing, kinds: &[Kind::Interface] }
}

/// AWS's services that endpoints lead to, of those that have a model here.
const SERVICES: &[Service] = &[
    Service {
        name: "dynamodb",
        room: "dynamodb",
        signing: "dynamodb",
        kinds: &[Kind::Gateway, Kind::Interface],
    },
    interface("ec2", "ec2", "ec2"),
    interface("events", "events", "events"),
    interface("kms", "kms", "kms"),
    interface("lambda", "lambda", "lambda"),
    interface("logs", "logs", "logs"),
    interface("monitoring", "cloudwatch", "monitoring"),
    Service { name: "s3", room: "s3", signing: "s3", kinds: &[Kind::Gateway, Kind::Interface] },
    interface("secretsmanager", "secretsmanager", "secretsmanager"),
    interface("sns", "sns", "sns"),
    interface("sqs", "sqs", "sqs"),
    interface("ssm", "ssm", "ssm"),
    interface("states", "stepfunctions", "states"),
    interface("sts", "sts", "sts"),
];

/// AWS's services that this cloud has.
fn offered(world: &World) -> impl Iterator<Item = &'static Service> {
    SERVICES.iter().filter(|service| world.room(service.room).is_some())
}

/// The service of a full name in a region.
pub(crate) fn service(name: &str, region: Region) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.full_name(region) == name)
}

/// The service that an endpoint is to lead to.
///
/// # Errors
/// InvalidServiceName when there is none such; InvalidParameter when endpoints for it are of other kinds.
pub(super) fn wanted(ctx: &Ctx, name: &str, kind: Kind) -> Result<&'static Service> {
    let found = offered(ctx.world()).find(|service| service.full_name(ctx.region()) == name);
    let found = found.ok_or_else(|| absent(name))?;
    if found.kinds.contains(&kind) {
        return Ok(found);
    }
    let kinds: Vec<&str> = found.kinds.iter().map(|kind| kind.name()).collect();
    // AWS: seen with Terraform when `vpc_endpoint_type` is forgotten.
    let text = format!(
        "Endpoint type ({}) does not match available service types ([{}]).",
        kind.name(),
        kinds.join(", ")
    );
    Err(Error::sender("InvalidParameter", text))
}

fn absent(name: &str) -> Error {
    // AWS: <https://github.com/awslabs/landing-zone-accelerator-on-aws/issues/1010>
    Error::sender("InvalidServiceName", format!("The Vpc Endpoint Service '{name}' does not exist"))
}

/// Condition keys about an endpoint's service.
pub(super) fn keys(service: &str, region: Region) -> Keys {
    vec![
        ("ec2:VpceServiceName".to_owned(), vec![service.to_owned()]),
        ("ec2:VpceServiceOwner".to_owned(), vec!["amazon".to_owned()]),
        ("ec2:VpceServiceRegion".to_owned(), vec![region.to_string()]),
    ]
}

impl Service {
    /// Its name in a region.
    pub(crate) fn full_name(&self, region: Region) -> String {
        let partition = if region.partition().as_str() == "aws-cn" { "cn.com" } else { "com" };
        format!("{partition}.amazonaws.{region}.{}", self.name)
    }

    /// The names by which clients call it in a region.
    /// AWS: S3's are <https://docs.aws.amazon.com/AmazonS3/latest/userguide/privatelink-interface-endpoints.html>.
    pub(crate) fn client_names(&self, region: Region) -> Vec<String> {
        let suffix = region.partition().dns_suffix();
        match self.name {
            "s3" => ["s3", "*.s3", "*.s3-accesspoint", "*.s3-control"]
                .map(|name| format!("{name}.{region}.{suffix}"))
                .to_vec(),
            name => vec![format!("{name}.{region}.{suffix}")],
        }
    }

    fn shown(&self, region: Region, kind: Kind) -> ServiceDetail {
        let zones = zones::of(region);
        let suffix = region.partition().dns_suffix();
        let has_private = kind == Kind::Interface;
        let private = self.client_names(region).into_iter().filter(|_| has_private);
        let private: Vec<PrivateDnsDetails> =
            private.map(|name| PrivateDnsDetails { private_dns_name: Some(name) }).collect();
        let base = match kind {
            Kind::Gateway => format!("{}.{region}.{suffix}", self.name),
            Kind::Interface => format!("{}.{region}.vpce.{suffix}", self.name),
        };
        ServiceDetail {
            service_name: Some(self.full_name(region)),
            service_id: Some(service_id(&self.full_name(region), kind)),
            service_type: Some(vec![ServiceTypeDetail { service_type: Some(kind.name().into()) }]),
            service_region: Some(region.to_string()),
            availability_zone_ids: Some(zones.iter().map(|zone| zone.id.clone()).collect()),
            availability_zones: Some(zones.into_iter().map(|zone| zone.name).collect()),
            owner: Some("amazon".into()),
            base_endpoint_dns_names: Some(vec![base]),
            private_dns_name: private.first().and_then(|details| details.private_dns_name.clone()),
            private_dns_names: has_private.then_some(private),
            vpc_endpoint_policy_supported: Some(true),
            acceptance_required: Some(false),
            manages_vpc_endpoints: Some(false),
            tags: Some(Vec::new()),
            private_dns_name_verification_state: has_private.then(|| "verified".into()),
            supported_ip_address_types: Some(vec!["ipv4".into()]),
            ..ServiceDetail::default()
        }
    }
}

/// The id of one of AWS's services: the same in every cloud.
fn service_id(name: &str, kind: Kind) -> String {
    let text = format!("{name} {}", kind.name());
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, fold);
    format!("vpce-svc-0{hash:016x}")
}

/// Registers the operation of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::DescribeVpcEndpointServices,
        access::reads("ec2:DescribeVpcEndpointServices"),
        describe_vpc_endpoint_services,
    )
}

struct Seen(ServiceDetail);

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] =
        &["owner", "service-name", "service-region", "service-type", "supported-ip-address-types"];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "owner" => fact(self.0.owner.clone()),
            "service-name" => fact(self.0.service_name.clone()),
            "service-region" => fact(self.0.service_region.clone()),
            "supported-ip-address-types" => vec!["ipv4".to_owned()],
            _ => {
                let types = self.0.service_type.iter().flatten();
                types.filter_map(|detail| detail.service_type.clone()).map(|kind| kind.to_string()).collect()
            }
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcEndpointServices.html>
async fn describe_vpc_endpoint_services(
    ctx: Ctx,
    input: DescribeVpcEndpointServicesInput,
) -> Result<DescribeVpcEndpointServicesOutput> {
    let region = ctx.region();
    let elsewhere = input.service_regions.iter().flatten().any(|other| other != region.as_str());
    refuse(&[("ServiceRegion of another region", elsewhere)])?;
    let filters = Filters::of::<Seen>(input.filters.as_ref())?;
    let offered: Vec<&Service> = offered(ctx.world()).collect();
    for name in input.service_names.iter().flatten() {
        if !offered.iter().any(|service| service.full_name(region) == *name) {
            return Err(absent(name));
        }
    }
    let is_named = |service: &&Service| {
        let names = input.service_names.as_deref().unwrap_or_default();
        names.is_empty() || names.contains(&service.full_name(region))
    };
    let named = offered.into_iter().filter(is_named);
    let all = named.flat_map(|service| service.kinds.iter().map(move |kind| service.shown(region, *kind)));
    let passed: Vec<Seen> = all.map(Seen).filter(|seen| filters.pass(seen)).collect();
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let key = |Seen(detail): &Seen| {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        format!("{} {}", text(&detail.service_name), text(&detail.service_id))
    };
    let mut sorted = passed;
    sorted.sort_by_key(key);
    let page = wanted.cut(sorted, key)?;
    let mut names: Vec<String> =
        page.items.iter().filter_map(|Seen(detail)| detail.service_name.clone()).collect();
    names.dedup();
    Ok(DescribeVpcEndpointServicesOutput {
        service_names: Some(names),
        service_details: Some(page.items.into_iter().map(|Seen(detail)| detail).collect()),
        next_token: page.next_token,
    })
}

#[cfg(test)]
mod tests {
    use super::service;
    use yakumo_aws::Region;

    #[test]
    fn services_have_a_name_in_each_region() {
        let region = |name| Region::parse(name).unwrap();
        let found = service("com.amazonaws.eu-west-1.s3", region("eu-west-1")).unwrap();
        assert_eq!(found.client_names(region("eu-west-1"))[1], "*.s3.eu-west-1.amazonaws.com");
        assert_eq!(service("com.amazonaws.eu-west-1.s3", region("us-east-1")), None);
        assert_eq!(service("com.amazonaws.us-east-1.nothing", region("us-east-1")), None);
        assert_eq!(service("cn.com.amazonaws.cn-north-1.sqs", region("cn-north-1")).unwrap().signing, "sqs");
    }
}
