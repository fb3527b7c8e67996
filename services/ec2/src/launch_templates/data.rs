//! What a launch template says of instances: the parameters that instances here have, from requests and to answers.
//!
//! Invariant: what a template could not give to an instance is refused by name when the template is made.

use crate::commit::refuse;
use crate::error;
use crate::instances::{Preferences, user_data};
use serde::{Deserialize, Serialize};
use yakumo_api_ec2 as api;
use yakumo_aws::{Error, Result};

/// The parameters of a version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Data {
    pub image: Option<String>,
    pub kind: Option<String>,
    pub key_name: Option<String>,
    pub user_data: Option<String>,
    pub group_ids: Option<Vec<String>>,
    pub group_names: Option<Vec<String>>,
    pub ebs_optimized: Option<bool>,
    pub keeps_running: Option<bool>,
    pub never_stops: Option<bool>,
    pub shutdown_behavior: Option<String>,
    pub monitoring: Option<bool>,
    pub credits: Option<String>,
    pub hibernates: Option<bool>,
    pub enclave: Option<bool>,
    pub reservations: Option<String>,
    pub recovery: Option<String>,
    pub profile: Option<Profile>,
    pub placement: Option<Placement>,
    pub names: Option<Names>,
    pub metadata: Option<Metadata>,
    pub interfaces: Option<Vec<Interface>>,
    pub disks: Option<Vec<Disk>>,
    /// Kinds of resources and the tags that those get.
    pub tags: Option<Vec<(String, Pairs)>>,
}

/// Tags as they were given: keys and values.
type Pairs = Vec<(String, String)>;

/// An instance profile.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub arn: Option<String>,
    pub name: Option<String>,
}

/// Where instances go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Placement {
    pub zone: Option<String>,
    pub zone_id: Option<String>,
    pub group: Option<String>,
    pub group_id: Option<String>,
    pub partition: Option<i32>,
    pub tenancy: Option<String>,
}

/// What they are named after.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Names {
    pub kind: Option<String>,
    pub a: Option<bool>,
    pub aaaa: Option<bool>,
}

/// How their metadata is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Metadata {
    pub tokens: Option<String>,
    pub hop_limit: Option<i32>,
    pub endpoint: Option<String>,
    pub ipv6: Option<String>,
    pub tags: Option<String>,
}

/// An interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Interface {
    pub index: Option<i32>,
    pub id: Option<String>,
    pub subnet: Option<String>,
    pub description: Option<String>,
    pub groups: Option<Vec<String>>,
    pub public: Option<bool>,
    pub goes: Option<bool>,
    pub address: Option<String>,
    pub addresses: Option<Vec<(String, bool)>>,
    pub address_count: Option<i32>,
    pub ipv6: Option<Vec<String>>,
    pub ipv6_count: Option<i32>,
    pub card: Option<i32>,
}

/// A block device mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Disk {
    pub device: Option<String>,
    pub virtual_name: Option<String>,
    pub none: Option<String>,
    pub volume: Option<Volume>,
}

/// A volume of a mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Volume {
    pub encrypted: Option<bool>,
    pub goes: Option<bool>,
    pub iops: Option<i32>,
    pub key: Option<String>,
    pub snapshot: Option<String>,
    pub size_gib: Option<i32>,
    pub kind: Option<String>,
    pub throughput: Option<i32>,
}

impl Data {
    /// What a request says.
    ///
    /// # Errors
    /// NotImplemented for what no instance here has; InvalidUserData.Malformed; MissingParameter when it says nothing.
    pub(super) fn of(input: &api::RequestLaunchTemplateData) -> Result<Data> {
        refuse_parts(input)?;
        let placement = input.placement.as_ref().map(|from| Placement {
            zone: from.availability_zone.clone(),
            zone_id: from.availability_zone_id.clone(),
            group: from.group_name.clone(),
            group_id: from.group_id.clone(),
            partition: from.partition_number,
            tenancy: from.tenancy.clone(),
        });
        let metadata = input.metadata_options.as_ref().map(|from| Metadata {
            tokens: from.http_tokens.clone(),
            hop_limit: from.http_put_response_hop_limit,
            endpoint: from.http_endpoint.clone(),
            ipv6: from.http_protocol_ipv6.clone(),
            tags: from.instance_metadata_tags.clone(),
        });
        let interfaces = input.network_interfaces.as_ref().map(|all| all.iter().map(interface).collect());
        let disks = input.block_device_mappings.as_ref().map(|all| all.iter().map(disk).collect());
        let profile = input
            .iam_instance_profile
            .as_ref()
            .map(|from| Profile { arn: from.arn.clone(), name: from.name.clone() });
        if let Some(text) = &input.user_data {
            user_data(Some(text)).map_err(|_| {
                Error::sender("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.")
            })?;
        }
        let data = Data {
            image: input.image_id.clone(),
            kind: input.instance_type.clone(),
            key_name: input.key_name.clone(),
            user_data: input.user_data.clone(),
            group_ids: input.security_group_ids.clone(),
            group_names: input.security_groups.clone(),
            ebs_optimized: input.ebs_optimized,
            keeps_running: input.disable_api_termination,
            never_stops: input.disable_api_stop,
            shutdown_behavior: input.instance_initiated_shutdown_behavior.clone(),
            monitoring: input.monitoring.as_ref().and_then(|from| from.enabled),
            credits: input.credit_specification.as_ref().map(|from| from.cpu_credits.clone()),
            hibernates: input.hibernation_options.as_ref().and_then(|from| from.configured),
            enclave: input.enclave_options.as_ref().and_then(|from| from.enabled),
            reservations: input
                .capacity_reservation_specification
                .as_ref()
                .and_then(|from| from.capacity_reservation_preference.clone()),
            recovery: input.maintenance_options.as_ref().and_then(|from| from.auto_recovery.clone()),
            profile,
            placement,
            names: input.private_dns_name_options.as_ref().map(|from| Names {
                kind: from.hostname_type.clone(),
                a: from.enable_resource_name_dns_a_record,
                aaaa: from.enable_resource_name_dns_aaaa_record,
            }),
            metadata,
            interfaces,
            disks,
            tags: input.tag_specifications.as_ref().map(|all| all.iter().map(tags).collect()),
        };
        match data == Data::default() {
            true => Err(error::missing_parameter("LaunchTemplateData")),
            false => Ok(data),
        }
    }

    /// This, and where it says nothing, that.
    pub(super) fn over(self, under: Data) -> Data {
        macro_rules! either {
            ($($field:ident),* $(,)?) => { Data { $($field: self.$field.or(under.$field)),* } };
        }
        either!(
            image,
            kind,
            key_name,
            user_data,
            group_ids,
            group_names,
            ebs_optimized,
            keeps_running,
            never_stops,
            shutdown_behavior,
            monitoring,
            credits,
            hibernates,
            enclave,
            reservations,
            recovery,
            profile,
            placement,
            names,
            metadata,
            interfaces,
            disks,
            tags,
        )
    }
}

fn refuse_parts(input: &api::RequestLaunchTemplateData) -> Result<()> {
    for one in input.network_interfaces.iter().flatten() {
        refuse_interface(one)?;
    }
    let placement = input.placement.clone().unwrap_or_default();
    let reservation = input.capacity_reservation_specification.as_ref();
    let maintenance = input.maintenance_options.as_ref();
    let preferences = Preferences {
        has_target: reservation.is_some_and(|wanted| wanted.capacity_reservation_target.is_some()),
        reservations: reservation.and_then(|wanted| wanted.capacity_reservation_preference.as_deref()),
        recovery: maintenance.and_then(|options| options.auto_recovery.as_deref()),
    };
    preferences.check("LaunchTemplateData.")?;
    refuse(&[
        ("LaunchTemplateData.KernelId", input.kernel_id.is_some()),
        ("LaunchTemplateData.RamDiskId", input.ram_disk_id.is_some()),
        ("LaunchTemplateData.ElasticGpuSpecification", input.elastic_gpu_specifications.is_some()),
        ("LaunchTemplateData.ElasticInferenceAccelerator", input.elastic_inference_accelerators.is_some()),
        ("LaunchTemplateData.InstanceMarketOptions", input.instance_market_options.is_some()),
        ("LaunchTemplateData.CpuOptions", input.cpu_options.is_some()),
        ("LaunchTemplateData.LicenseSpecification", input.license_specifications.is_some()),
        ("LaunchTemplateData.InstanceRequirements", input.instance_requirements.is_some()),
        ("LaunchTemplateData.Operator", input.operator.is_some()),
        ("LaunchTemplateData.NetworkPerformanceOptions", input.network_performance_options.is_some()),
        ("LaunchTemplateData.SecondaryInterface", input.secondary_interfaces.is_some()),
        ("LaunchTemplateData.Placement.Affinity", placement.affinity.is_some()),
        ("LaunchTemplateData.Placement.HostId", placement.host_id.is_some()),
        ("LaunchTemplateData.Placement.HostResourceGroupArn", placement.host_resource_group_arn.is_some()),
        ("LaunchTemplateData.Placement.SpreadDomain", placement.spread_domain.is_some()),
    ])
}

fn refuse_interface(one: &api::LaunchTemplateInstanceNetworkInterfaceSpecificationRequest) -> Result<()> {
    let is_other = one.interface_type.as_deref().is_some_and(|kind| kind != "interface");
    let prefixes = one.ipv4_prefixes.is_some() || one.ipv6_prefixes.is_some();
    let prefix_counts = one.ipv4_prefix_count.is_some() || one.ipv6_prefix_count.is_some();
    refuse(&[
        (
            "LaunchTemplateData.NetworkInterface.AssociateCarrierIpAddress",
            one.associate_carrier_ip_address == Some(true),
        ),
        ("LaunchTemplateData.NetworkInterface.InterfaceType", is_other),
        ("LaunchTemplateData.NetworkInterface.Prefixes", prefixes || prefix_counts),
        ("LaunchTemplateData.NetworkInterface.PrimaryIpv6", one.primary_ipv6 == Some(true)),
        ("LaunchTemplateData.NetworkInterface.EnaSrdSpecification", one.ena_srd_specification.is_some()),
        (
            "LaunchTemplateData.NetworkInterface.ConnectionTrackingSpecification",
            one.connection_tracking_specification.is_some(),
        ),
        ("LaunchTemplateData.NetworkInterface.EnaQueueCount", one.ena_queue_count.is_some()),
    ])
}

fn tags(from: &api::LaunchTemplateTagSpecificationRequest) -> (String, Vec<(String, String)>) {
    let own = from.tags.iter().flatten();
    let tags = own.map(|tag| (tag.key.clone().unwrap_or_default(), tag.value.clone().unwrap_or_default()));
    (from.resource_type.clone().unwrap_or_default(), tags.collect())
}

fn interface(from: &api::LaunchTemplateInstanceNetworkInterfaceSpecificationRequest) -> Interface {
    let addresses = |all: &Vec<api::PrivateIpAddressSpecification>| {
        let one = |one: &api::PrivateIpAddressSpecification| {
            Some((one.private_ip_address.clone()?, one.primary == Some(true)))
        };
        all.iter().filter_map(one).collect()
    };
    let ipv6 = from
        .ipv6_addresses
        .as_ref()
        .map(|all| all.iter().filter_map(|one| one.ipv6_address.clone()).collect());
    Interface {
        index: from.device_index,
        id: from.network_interface_id.clone(),
        subnet: from.subnet_id.clone(),
        description: from.description.clone(),
        groups: from.groups.clone(),
        public: from.associate_public_ip_address,
        goes: from.delete_on_termination,
        address: from.private_ip_address.clone(),
        addresses: from.private_ip_addresses.as_ref().map(addresses),
        address_count: from.secondary_private_ip_address_count,
        ipv6,
        ipv6_count: from.ipv6_address_count,
        card: from.network_card_index,
    }
}

fn disk(from: &api::LaunchTemplateBlockDeviceMappingRequest) -> Disk {
    let volume = from.ebs.as_ref().map(|ebs| Volume {
        encrypted: ebs.encrypted,
        goes: ebs.delete_on_termination,
        iops: ebs.iops,
        key: ebs.kms_key_id.clone(),
        snapshot: ebs.snapshot_id.clone(),
        size_gib: ebs.volume_size,
        kind: ebs.volume_type.clone(),
        throughput: ebs.throughput,
    });
    Disk {
        device: from.device_name.clone(),
        virtual_name: from.virtual_name.clone(),
        none: from.no_device.clone(),
        volume,
    }
}

#[cfg(test)]
mod tests {
    use super::Data;
    use yakumo_api_ec2::RequestLaunchTemplateData;

    #[test]
    fn a_version_inherits_what_it_does_not_say() {
        let under = Data { kind: Some("t3.micro".into()), image: Some("ami-1".into()), ..Data::default() };
        let over = Data { kind: Some("t3.small".into()), ..Data::default() };
        let both = over.over(under);
        assert_eq!((both.kind.as_deref(), both.image.as_deref()), (Some("t3.small"), Some("ami-1")));
    }

    #[test]
    fn data_is_checked() {
        let bare = RequestLaunchTemplateData::default();
        assert_eq!(Data::of(&bare).unwrap_err().code, "MissingParameter");
        let bad = RequestLaunchTemplateData { user_data: Some("#!/bin/sh".into()), ..bare.clone() };
        assert_eq!(Data::of(&bad).unwrap_err().code, "InvalidUserData.Malformed");
        let absent = RequestLaunchTemplateData { kernel_id: Some("aki-1".into()), ..bare.clone() };
        assert_eq!(Data::of(&absent).unwrap_err().code, "NotImplemented");
        let good = RequestLaunchTemplateData { ebs_optimized: Some(false), ..bare };
        assert_eq!(Data::of(&good).unwrap().ebs_optimized, Some(false));
    }
}
