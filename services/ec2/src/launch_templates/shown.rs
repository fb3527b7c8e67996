//! What the API shows of a launch template's data.

use super::data::{Data, Disk, Interface};
use yakumo_api_ec2 as api;

fn tag((key, value): &(String, String)) -> api::Tag {
    api::Tag { key: Some(key.clone()), value: Some(value.clone()) }
}

impl Data {
    /// As the API shows it.
    pub(super) fn shown(&self) -> api::ResponseLaunchTemplateData {
        let tags = |all: &Vec<(String, Vec<(String, String)>)>| {
            let one = |(kind, tags): &(String, Vec<(String, String)>)| api::LaunchTemplateTagSpecification {
                resource_type: Some(kind.clone()),
                tags: Some(tags.iter().map(tag).collect()),
            };
            all.iter().map(one).collect()
        };
        let placement = self.placement.as_ref().map(|own| api::LaunchTemplatePlacement {
            availability_zone: own.zone.clone(),
            availability_zone_id: own.zone_id.clone(),
            group_name: own.group.clone(),
            group_id: own.group_id.clone(),
            partition_number: own.partition,
            tenancy: own.tenancy.clone(),
            ..api::LaunchTemplatePlacement::default()
        });
        let metadata = self.metadata.as_ref().map(|own| api::LaunchTemplateInstanceMetadataOptions {
            http_tokens: own.tokens.clone(),
            http_put_response_hop_limit: own.hop_limit,
            http_endpoint: own.endpoint.clone(),
            http_protocol_ipv6: own.ipv6.clone(),
            instance_metadata_tags: own.tags.clone(),
            ..api::LaunchTemplateInstanceMetadataOptions::default()
        });
        let profile = self.profile.as_ref().map(|own| api::LaunchTemplateIamInstanceProfileSpecification {
            arn: own.arn.clone(),
            name: own.name.clone(),
        });
        api::ResponseLaunchTemplateData {
            image_id: self.image.clone(),
            instance_type: self.kind.clone(),
            key_name: self.key_name.clone(),
            user_data: self.user_data.clone(),
            security_group_ids: self.group_ids.clone(),
            security_groups: self.group_names.clone(),
            ebs_optimized: self.ebs_optimized,
            disable_api_termination: self.keeps_running,
            disable_api_stop: self.never_stops,
            instance_initiated_shutdown_behavior: self.shutdown_behavior.clone(),
            monitoring: self.monitoring.map(|enabled| api::LaunchTemplatesMonitoring {
                enabled: Some(enabled),
                ..api::LaunchTemplatesMonitoring::default()
            }),
            credit_specification: self
                .credits
                .clone()
                .map(|cpu_credits| api::CreditSpecification { cpu_credits: Some(cpu_credits) }),
            hibernation_options: self
                .hibernates
                .map(|configured| api::LaunchTemplateHibernationOptions { configured: Some(configured) }),
            enclave_options: self
                .enclave
                .map(|enabled| api::LaunchTemplateEnclaveOptions { enabled: Some(enabled) }),
            capacity_reservation_specification: self.reservations.clone().map(|preference| {
                api::LaunchTemplateCapacityReservationSpecificationResponse {
                    capacity_reservation_preference: Some(preference),
                    ..api::LaunchTemplateCapacityReservationSpecificationResponse::default()
                }
            }),
            maintenance_options: self.recovery.clone().map(|recovery| {
                api::LaunchTemplateInstanceMaintenanceOptions { auto_recovery: Some(recovery) }
            }),
            iam_instance_profile: profile,
            placement,
            private_dns_name_options: self.names.as_ref().map(|own| {
                api::LaunchTemplatePrivateDnsNameOptions {
                    hostname_type: own.kind.clone(),
                    enable_resource_name_dns_a_record: own.a,
                    enable_resource_name_dns_aaaa_record: own.aaaa,
                }
            }),
            metadata_options: metadata,
            network_interfaces: self.interfaces.as_ref().map(|all| all.iter().map(interface).collect()),
            block_device_mappings: self.disks.as_ref().map(|all| all.iter().map(disk).collect()),
            tag_specifications: self.tags.as_ref().map(tags),
            ..api::ResponseLaunchTemplateData::default()
        }
    }
}

fn interface(own: &Interface) -> api::LaunchTemplateInstanceNetworkInterfaceSpecification {
    let address = |(address, primary): &(String, bool)| api::PrivateIpAddressSpecification {
        primary: Some(*primary),
        private_ip_address: Some(address.clone()),
    };
    let ipv6 = |address: &String| api::InstanceIpv6Address {
        ipv6_address: Some(address.clone()),
        ..api::InstanceIpv6Address::default()
    };
    api::LaunchTemplateInstanceNetworkInterfaceSpecification {
        device_index: own.index,
        network_interface_id: own.id.clone(),
        subnet_id: own.subnet.clone(),
        description: own.description.clone(),
        groups: own.groups.clone(),
        associate_public_ip_address: own.public,
        delete_on_termination: own.goes,
        private_ip_address: own.address.clone(),
        private_ip_addresses: own.addresses.as_ref().map(|all| all.iter().map(address).collect()),
        secondary_private_ip_address_count: own.address_count,
        ipv6_addresses: own.ipv6.as_ref().map(|all| all.iter().map(ipv6).collect()),
        ipv6_address_count: own.ipv6_count,
        network_card_index: own.card,
        ..api::LaunchTemplateInstanceNetworkInterfaceSpecification::default()
    }
}

fn disk(own: &Disk) -> api::LaunchTemplateBlockDeviceMapping {
    let ebs = own.volume.as_ref().map(|volume| api::LaunchTemplateEbsBlockDevice {
        encrypted: volume.encrypted,
        delete_on_termination: volume.goes,
        iops: volume.iops,
        kms_key_id: volume.key.clone(),
        snapshot_id: volume.snapshot.clone(),
        volume_size: volume.size_gib,
        volume_type: volume.kind.clone(),
        throughput: volume.throughput,
        ..api::LaunchTemplateEbsBlockDevice::default()
    });
    api::LaunchTemplateBlockDeviceMapping {
        device_name: own.device.clone(),
        virtual_name: own.virtual_name.clone(),
        no_device: own.none.clone(),
        ebs,
    }
}
