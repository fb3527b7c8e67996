//! From a launch template to RunInstances: what the request says stands over what the template says.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/launch-instances-from-launch-template.html>

use super::data::{Data, Disk, Interface};
use super::{LaunchTemplate, Version, named, number_of, version_of};
use crate::nouns::Home;
use std::collections::BTreeMap;
use yakumo_api_ec2::{
    self as api, BlockDeviceMapping, EbsBlockDevice, InstanceNetworkInterfaceSpecification,
    RunInstancesInput, TagSpecification,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// A request with what its launch template says.
pub(crate) struct Filled {
    /// The request as if it had said everything itself.
    pub input: RunInstancesInput,
    /// The template and the number of its version.
    pub template: Option<(LaunchTemplate, i64)>,
}

/// Fills a request from its launch template.
///
/// # Errors
/// Those of a template or a version that is not there.
pub(crate) async fn fill(ctx: &Ctx, input: &RunInstancesInput) -> Result<Filled> {
    let Some(wanted) = &input.launch_template else {
        return Ok(Filled { input: input.clone(), template: None });
    };
    let home = Home::of(ctx);
    let (id, name) = (wanted.launch_template_id.as_deref(), wanted.launch_template_name.as_deref());
    let template: LaunchTemplate = named(ctx, home, id, name).await?;
    // AWS: without a version, the default one.
    let number = number_of(&template, wanted.version.as_deref().unwrap_or("$Default"))?;
    let version: Version = version_of(ctx, &template, number).await?;
    let filled = over(input, version.data);
    Ok(Filled { input: filled, template: Some((template, number)) })
}

/// The request over the data.
fn over(input: &RunInstancesInput, data: Data) -> RunInstancesInput {
    let mut made = input.clone();
    made.launch_template = None;
    macro_rules! take {
        ($($field:ident: $from:expr),* $(,)?) => { $(made.$field = made.$field.or($from);)* };
    }
    let enclave = data.enclave.map(|enabled| api::EnclaveOptionsRequest { enabled: Some(enabled) });
    let hibernation =
        data.hibernates.map(|configured| api::HibernationOptionsRequest { configured: Some(configured) });
    let reservations = data.reservations.map(|preference| api::CapacityReservationSpecification {
        capacity_reservation_preference: Some(preference),
        ..Default::default()
    });
    let recovery = data
        .recovery
        .map(|recovery| api::InstanceMaintenanceOptionsRequest { auto_recovery: Some(recovery) });
    let monitoring =
        data.monitoring.map(|enabled| api::RunInstancesMonitoringEnabled { enabled, ..Default::default() });
    let profile = data
        .profile
        .map(|profile| api::IamInstanceProfileSpecification { arn: profile.arn, name: profile.name });
    // AWS: groups by id and by name are one parameter.
    let has_groups = input.security_group_ids.is_some() || input.security_groups.is_some();
    let groups = |groups: Option<Vec<String>>| groups.filter(|_| !has_groups);
    take!(
        image_id: data.image,
        instance_type: data.kind,
        key_name: data.key_name,
        user_data: data.user_data,
        security_group_ids: groups(data.group_ids),
        security_groups: groups(data.group_names),
        ebs_optimized: data.ebs_optimized,
        disable_api_termination: data.keeps_running,
        disable_api_stop: data.never_stops,
        instance_initiated_shutdown_behavior: data.shutdown_behavior,
        monitoring: monitoring,
        credit_specification: data.credits.map(|cpu_credits| api::CreditSpecificationRequest { cpu_credits }),
        enclave_options: enclave,
        hibernation_options: hibernation,
        capacity_reservation_specification: reservations,
        maintenance_options: recovery,
        iam_instance_profile: profile,
        network_interfaces: data.interfaces.map(|all| all.into_iter().map(interface).collect()),
    );
    if let Some(under) = data.placement {
        let mut placement = made.placement.unwrap_or_default();
        let zone = placement.availability_zone.filter(|zone| !zone.is_empty());
        placement.availability_zone = zone.or(under.zone);
        placement.availability_zone_id = placement.availability_zone_id.or(under.zone_id);
        placement.group_name = placement.group_name.or(under.group);
        placement.group_id = placement.group_id.or(under.group_id);
        placement.partition_number = placement.partition_number.or(under.partition);
        placement.tenancy = placement.tenancy.or(under.tenancy);
        made.placement = Some(placement);
    }
    if let Some(under) = data.names {
        let mut names = made.private_dns_name_options.unwrap_or_default();
        names.hostname_type = names.hostname_type.or(under.kind);
        names.enable_resource_name_dns_a_record = names.enable_resource_name_dns_a_record.or(under.a);
        names.enable_resource_name_dns_aaaa_record =
            names.enable_resource_name_dns_aaaa_record.or(under.aaaa);
        made.private_dns_name_options = Some(names);
    }
    if let Some(under) = data.metadata {
        let mut options = made.metadata_options.unwrap_or_default();
        options.http_tokens = options.http_tokens.or(under.tokens);
        options.http_put_response_hop_limit = options.http_put_response_hop_limit.or(under.hop_limit);
        options.http_endpoint = options.http_endpoint.or(under.endpoint);
        options.http_protocol_ipv6 = options.http_protocol_ipv6.or(under.ipv6);
        options.instance_metadata_tags = options.instance_metadata_tags.or(under.tags);
        made.metadata_options = Some(options);
    }
    if let Some(under) = data.disks {
        let mut disks = made.block_device_mappings.unwrap_or_default();
        let own: Vec<Option<String>> = disks.iter().map(|disk| disk.device_name.clone()).collect();
        disks.extend(under.into_iter().filter(|disk| !own.contains(&disk.device)).map(mapping));
        made.block_device_mappings = Some(disks);
    }
    if let Some(under) = data.tags {
        made.tag_specifications = Some(tags(made.tag_specifications.unwrap_or_default(), under));
    }
    made
}

/// Tags of both, kind by kind; those of the request win.
fn tags(over: Vec<TagSpecification>, under: Vec<(String, Vec<(String, String)>)>) -> Vec<TagSpecification> {
    let mut merged = Vec::new();
    for (kind, tags) in under {
        let is_own = |one: &&TagSpecification| one.resource_type.as_ref() == Some(&kind);
        let mut all: BTreeMap<String, api::Tag> = BTreeMap::new();
        for (key, value) in tags {
            all.insert(key.clone(), api::Tag { key: Some(key), value: Some(value) });
        }
        for tag in over.iter().filter(is_own).flat_map(|one| one.tags.iter().flatten()) {
            all.insert(tag.key.clone().unwrap_or_default(), tag.clone());
        }
        merged.push(TagSpecification { resource_type: Some(kind), tags: Some(all.into_values().collect()) });
    }
    let known: Vec<Option<String>> = merged.iter().map(|one| one.resource_type.clone()).collect();
    merged.extend(over.into_iter().filter(|one| !known.contains(&one.resource_type)));
    merged
}

fn interface(own: Interface) -> InstanceNetworkInterfaceSpecification {
    let address = |(address, primary): (String, bool)| api::PrivateIpAddressSpecification {
        primary: Some(primary),
        private_ip_address: Some(address),
    };
    let ipv6 = |address: String| api::InstanceIpv6Address {
        ipv6_address: Some(address),
        ..api::InstanceIpv6Address::default()
    };
    InstanceNetworkInterfaceSpecification {
        device_index: own.index,
        network_interface_id: own.id,
        subnet_id: own.subnet,
        description: own.description,
        groups: own.groups,
        associate_public_ip_address: own.public,
        delete_on_termination: own.goes,
        private_ip_address: own.address,
        private_ip_addresses: own.addresses.map(|all| all.into_iter().map(address).collect()),
        secondary_private_ip_address_count: own.address_count,
        ipv6_addresses: own.ipv6.map(|all| all.into_iter().map(ipv6).collect()),
        ipv6_address_count: own.ipv6_count,
        network_card_index: own.card,
        ..InstanceNetworkInterfaceSpecification::default()
    }
}

fn mapping(own: Disk) -> BlockDeviceMapping {
    let ebs = own.volume.map(|volume| EbsBlockDevice {
        encrypted: volume.encrypted,
        delete_on_termination: volume.goes,
        iops: volume.iops,
        kms_key_id: volume.key,
        snapshot_id: volume.snapshot,
        volume_size: volume.size_gib,
        volume_type: volume.kind,
        throughput: volume.throughput,
        ..EbsBlockDevice::default()
    });
    BlockDeviceMapping { device_name: own.device, virtual_name: own.virtual_name, no_device: own.none, ebs }
}

#[cfg(test)]
mod tests {
    use super::{Data, over};
    use yakumo_api_ec2::{RunInstancesInput, Tag, TagSpecification};

    #[test]
    fn the_request_stands_over_the_template() {
        let tag = |key: &str, value: &str| Tag { key: Some(key.into()), value: Some(value.into()) };
        let input = RunInstancesInput {
            instance_type: Some("t3.small".into()),
            security_groups: Some(vec!["web".into()]),
            tag_specifications: Some(vec![TagSpecification {
                resource_type: Some("instance".into()),
                tags: Some(vec![tag("a", "request")]),
            }]),
            ..RunInstancesInput::default()
        };
        let pair = |key: &str| (key.to_owned(), "template".to_owned());
        let data = Data {
            image: Some("ami-1".into()),
            kind: Some("t3.micro".into()),
            group_ids: Some(vec!["sg-1".into()]),
            tags: Some(vec![("instance".into(), vec![pair("a"), pair("b")])]),
            ..Data::default()
        };
        let made = over(&input, data);
        assert_eq!(made.instance_type.as_deref(), Some("t3.small"));
        assert_eq!(made.image_id.as_deref(), Some("ami-1"));
        assert_eq!((made.security_group_ids, made.security_groups.is_some()), (None, true));
        let tags = made.tag_specifications.unwrap().remove(0).tags.unwrap();
        assert_eq!(tags, [tag("a", "request"), tag("b", "template")]);
    }
}
