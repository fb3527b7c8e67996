//! The categories of metadata, each with its truth. What has none here is not in the tree.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-metadata.html#instancedata-data-categories>

use super::tree::{Tree, document};
use crate::dns_names;
use crate::instances::Instance;
use crate::instances::seen::Surroundings;
use yakumo_api_ec2 as api;
use yakumo_aws::Result;
use yakumo_net::Cidr;
use yakumo_room::{Ctx, InstanceProfile};

/// Everything below a version, but the credentials themselves.
pub(super) async fn of(ctx: &Ctx, instance: &Instance, profile: Option<&InstanceProfile>) -> Result<Tree> {
    let shown = Surroundings::read(ctx).await?.shown(instance);
    let mut tree = Tree::default();
    itself(&mut tree, instance, &shown);
    addresses(&mut tree, instance, &shown);
    for interface in shown.network_interfaces.iter().flatten() {
        network(&mut tree, ctx, interface);
    }
    role(&mut tree, instance, profile);
    tree.put("dynamic/instance-identity/document", identity(instance, &shown));
    if instance.user_data.is_some() {
        tree.put("user-data", "");
    }
    if instance.metadata.tags {
        for (key, value) in &instance.tags {
            tree.put(format!("meta-data/tags/instance/{key}"), value);
        }
    }
    Ok(tree)
}

fn itself(tree: &mut Tree, instance: &Instance, shown: &api::Instance) {
    let device = instance.root_device();
    let (region, partition) = (instance.home.region, instance.home.region.partition());
    let groups = shown.security_groups.iter().flatten().filter_map(|group| group.group_name.clone());
    for (name, text) in [
        ("ami-id", instance.image.clone()),
        ("ami-launch-index", instance.launch_index.to_string()),
        ("ami-manifest-path", "(unknown)".to_owned()),
        ("block-device-mapping/ami", device.trim_start_matches("/dev/").to_owned()),
        ("block-device-mapping/root", device.to_owned()),
        ("instance-action", "none".to_owned()),
        ("instance-id", instance.id.clone()),
        ("instance-life-cycle", "on-demand".to_owned()),
        ("instance-type", instance.kind.clone()),
        ("placement/availability-zone", instance.zone.clone()),
        ("placement/availability-zone-id", instance.zone_id.clone()),
        ("placement/region", region.to_string()),
        ("profile", "default-hvm".to_owned()),
        ("reservation-id", instance.reservation.clone()),
        ("services/domain", partition.dns_suffix().to_owned()),
        ("services/partition", partition.as_str().to_owned()),
    ] {
        tree.put(format!("meta-data/{name}"), text);
    }
    if let Some(place) = &instance.place {
        tree.put("meta-data/placement/group-name", place.name.as_str());
        let number = place.partition.map(|number| number.to_string());
        tree.put_some("meta-data/placement/partition-number", number);
    }
    tree.put_all("meta-data/security-groups", groups);
    let names = shown.block_device_mappings.iter().flatten().filter_map(|disk| disk.device_name.as_deref());
    for (index, name) in names.filter(|name| *name != device).enumerate() {
        let at = format!("meta-data/block-device-mapping/ebs{}", index + 1);
        tree.put(at, name.trim_start_matches("/dev/"));
    }
    if let (Some(name), Some(key)) = (&instance.key_name, &instance.key) {
        tree.list("meta-data/public-keys", format!("0={name}"));
        tree.put("meta-data/public-keys/0/openssh-key", key.as_str());
    }
}

fn addresses(tree: &mut Tree, instance: &Instance, shown: &api::Instance) {
    let private = shown.private_ip_address.as_deref().and_then(|address| address.parse().ok());
    let name = match instance.names.by_id {
        true => Some(instance.resource_name()),
        false => private.map(|address| dns_names::private(instance.home.region, address)),
    };
    tree.put_some("meta-data/hostname", name.clone());
    tree.put_some("meta-data/local-hostname", name);
    tree.put_some("meta-data/local-ipv4", shown.private_ip_address.clone());
    tree.put_some("meta-data/ipv6", shown.ipv6_address.clone());
    tree.put_some("meta-data/public-ipv4", shown.public_ip_address.clone());
    tree.put_some("meta-data/public-hostname", shown.public_dns_name.clone());
    let first = shown.network_interfaces.iter().flatten().next();
    tree.put_some("meta-data/mac", first.and_then(|interface| interface.mac_address.clone()));
}

fn network(tree: &mut Tree, ctx: &Ctx, interface: &api::InstanceNetworkInterface) {
    let Some(mac) = &interface.mac_address else { return };
    let at = |name: &str| format!("meta-data/network/interfaces/macs/{mac}/{name}");
    let attachment = interface.attachment.clone().unwrap_or_default();
    let of_groups = |of: fn(&api::GroupIdentifier) -> Option<String>| {
        interface.groups.iter().flatten().filter_map(of).collect::<Vec<_>>()
    };
    let private = interface.private_ip_address.as_deref().and_then(|address| address.parse().ok());
    for (name, text) in [
        ("mac", Some(mac.clone())),
        ("device-number", attachment.device_index.map(|index| index.to_string())),
        ("network-card-index", attachment.network_card_index.map(|index| index.to_string())),
        ("interface-id", interface.network_interface_id.clone()),
        ("owner-id", interface.owner_id.clone()),
        ("subnet-id", interface.subnet_id.clone()),
        ("vpc-id", interface.vpc_id.clone()),
        ("local-hostname", private.map(|address| dns_names::private(ctx.region(), address))),
    ] {
        tree.put_some(at(name), text);
    }
    tree.put_all(at("security-groups"), of_groups(|group| group.group_name.clone()));
    tree.put_all(at("security-group-ids"), of_groups(|group| group.group_id.clone()));
    let own = || interface.private_ip_addresses.iter().flatten();
    tree.put_all(at("local-ipv4s"), own().filter_map(|one| one.private_ip_address.clone()));
    let v6 = interface.ipv6_addresses.iter().flatten().filter_map(|one| one.ipv6_address.clone());
    tree.put_all(at("ipv6s"), v6);
    let public =
        || own().filter_map(|one| Some((one.association.as_ref()?, one.private_ip_address.clone()?)));
    tree.put_all(at("public-ipv4s"), public().filter_map(|(public, _)| public.public_ip.clone()));
    for (public, private) in public() {
        if let Some(address) = &public.public_ip {
            tree.put(at(&format!("ipv4-associations/{address}")), private);
        }
    }
    let name = interface.association.as_ref().and_then(|public| public.public_dns_name.clone());
    tree.put_some(at("public-hostname"), name);
    blocks(tree, ctx, interface, at);
}

/// The blocks of subnet and VPC, as the network has them.
fn blocks(
    tree: &mut Tree,
    ctx: &Ctx,
    interface: &api::InstanceNetworkInterface,
    at: impl Fn(&str) -> String,
) {
    let topology = ctx.base().network.topology();
    let subnet = interface.subnet_id.as_ref().and_then(|id| topology.subnets.get(id));
    let vpc = interface.vpc_id.as_ref().and_then(|id| topology.vpcs.get(id));
    let split = |cidrs: &[Cidr]| {
        let (v4, v6): (Vec<_>, Vec<_>) = cidrs.iter().partition(|cidr| cidr.is_ipv4());
        let texts = |list: Vec<&Cidr>| list.into_iter().map(ToString::to_string).collect::<Vec<_>>();
        (texts(v4), texts(v6))
    };
    let (v4, v6) = subnet.map(|subnet| split(&subnet.cidrs)).unwrap_or_default();
    tree.put_all(at("subnet-ipv4-cidr-block"), v4);
    tree.put_all(at("subnet-ipv6-cidr-blocks"), v6);
    let (v4, v6) = vpc.map(|vpc| split(&vpc.cidrs)).unwrap_or_default();
    tree.put_some(at("vpc-ipv4-cidr-block"), v4.first().cloned());
    tree.put_all(at("vpc-ipv4-cidr-blocks"), v4);
    tree.put_all(at("vpc-ipv6-cidr-blocks"), v6);
}

/// AWS: `iam` is there as long as a profile is associated.
fn role(tree: &mut Tree, instance: &Instance, profile: Option<&InstanceProfile>) {
    let Some(association) = &instance.profile else { return };
    let code = if profile.is_some() { "Success" } else { "InstanceProfileNotFound" };
    let info = document(&[
        ("Code", Some(code)),
        ("LastUpdated", Some(&association.at.to_date_time())),
        ("InstanceProfileArn", Some(&association.arn)),
        ("InstanceProfileId", Some(&association.profile)),
    ]);
    tree.put("meta-data/iam/info", info);
    if let Some((_, role)) = profile.and_then(|profile| profile.role.as_ref()) {
        tree.put(format!("meta-data/iam/security-credentials/{role}"), "");
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html>. DIFFERS: there is no signature of
/// AWS's, so none is served.
fn identity(instance: &Instance, shown: &api::Instance) -> String {
    document(&[
        ("accountId", Some(instance.home.account.as_str())),
        ("architecture", shown.architecture.as_deref()),
        ("availabilityZone", Some(&instance.zone)),
        ("billingProducts", None),
        ("devpayProductCodes", None),
        ("marketplaceProductCodes", None),
        ("imageId", Some(&instance.image)),
        ("instanceId", Some(&instance.id)),
        ("instanceType", Some(&instance.kind)),
        ("kernelId", None),
        ("pendingTime", Some(&instance.launched.to_date_time())),
        ("privateIp", shown.private_ip_address.as_deref()),
        ("ramdiskId", None),
        ("region", Some(instance.home.region.as_str())),
        ("version", Some("2017-09-30")),
    ])
}
