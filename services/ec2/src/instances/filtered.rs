//! By what DescribeInstances can be filtered: all that AWS documents. What no instance here has passes no filter.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>

use super::Instance;
use crate::filters::{Filtered, fact};
use crate::tags::Tags;
use yakumo_api_ec2 as api;
use yakumo_aws::Timestamp;

/// An instance and what the API shows of it and of its interfaces.
pub(super) struct Seen {
    /// The record.
    pub instance: Instance,
    /// What the API shows of it.
    pub shown: api::Instance,
    /// What the API shows of its interfaces.
    pub interfaces: Vec<api::NetworkInterface>,
}

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &[
        "affinity",
        "architecture",
        "availability-zone",
        "availability-zone-id",
        "block-device-mapping.attach-time",
        "block-device-mapping.delete-on-termination",
        "block-device-mapping.device-name",
        "block-device-mapping.status",
        "block-device-mapping.volume-id",
        "boot-mode",
        "capacity-reservation-id",
        "capacity-reservation-specification.capacity-reservation-preference",
        "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id",
        "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn",
        "client-token",
        "current-instance-boot-mode",
        "dns-name",
        "ebs-optimized",
        "ena-support",
        "enclave-options.enabled",
        "hibernation-options.configured",
        "host-id",
        "hypervisor",
        "iam-instance-profile.arn",
        "iam-instance-profile.id",
        "image-id",
        "instance-id",
        "instance-lifecycle",
        "instance-state-code",
        "instance-state-name",
        "instance-type",
        "instance.group-id",
        "instance.group-name",
        "ip-address",
        "ipv6-address",
        "kernel-id",
        "key-name",
        "launch-index",
        "launch-time",
        "maintenance-options.auto-recovery",
        "metadata-options.http-endpoint",
        "metadata-options.http-protocol-ipv4",
        "metadata-options.http-protocol-ipv6",
        "metadata-options.http-put-response-hop-limit",
        "metadata-options.http-tokens",
        "metadata-options.instance-metadata-tags",
        "metadata-options.state",
        "monitoring-state",
        "network-interface.addresses.association.allocation-id",
        "network-interface.addresses.association.association-id",
        "network-interface.addresses.association.carrier-ip",
        "network-interface.addresses.association.customer-owned-ip",
        "network-interface.addresses.association.ip-owner-id",
        "network-interface.addresses.association.public-dns-name",
        "network-interface.addresses.association.public-ip",
        "network-interface.addresses.primary",
        "network-interface.addresses.private-dns-name",
        "network-interface.addresses.private-ip-address",
        "network-interface.association.allocation-id",
        "network-interface.association.association-id",
        "network-interface.association.carrier-ip",
        "network-interface.association.customer-owned-ip",
        "network-interface.association.ip-owner-id",
        "network-interface.association.public-dns-name",
        "network-interface.association.public-ip",
        "network-interface.attachment.attach-time",
        "network-interface.attachment.attachment-id",
        "network-interface.attachment.delete-on-termination",
        "network-interface.attachment.device-index",
        "network-interface.attachment.instance-id",
        "network-interface.attachment.instance-owner-id",
        "network-interface.attachment.network-card-index",
        "network-interface.attachment.status",
        "network-interface.availability-zone",
        "network-interface.deny-all-igw-traffic",
        "network-interface.description",
        "network-interface.group-id",
        "network-interface.group-name",
        "network-interface.ipv4-prefixes.ipv4-prefix",
        "network-interface.ipv6-address",
        "network-interface.ipv6-addresses.ipv6-address",
        "network-interface.ipv6-addresses.is-primary-ipv6",
        "network-interface.ipv6-native",
        "network-interface.ipv6-prefixes.ipv6-prefix",
        "network-interface.mac-address",
        "network-interface.network-interface-id",
        "network-interface.operator.managed",
        "network-interface.operator.principal",
        "network-interface.outpost-arn",
        "network-interface.owner-id",
        "network-interface.private-dns-name",
        "network-interface.private-ip-address",
        "network-interface.public-dns-name",
        "network-interface.requester-id",
        "network-interface.requester-managed",
        "network-interface.source-dest-check",
        "network-interface.status",
        "network-interface.subnet-id",
        "network-interface.tag-key",
        "network-interface.tag-value",
        "network-interface.vpc-id",
        "network-performance-options.bandwidth-weighting",
        "operator.managed",
        "operator.principal",
        "outpost-arn",
        "owner-id",
        "placement-group-name",
        "placement-partition-number",
        "platform",
        "platform-details",
        "private-dns-name",
        "private-dns-name-options.enable-resource-name-dns-a-record",
        "private-dns-name-options.enable-resource-name-dns-aaaa-record",
        "private-dns-name-options.hostname-type",
        "private-ip-address",
        "product-code",
        "product-code.type",
        "ramdisk-id",
        "reason",
        "requester-id",
        "reservation-id",
        "root-device-name",
        "root-device-type",
        "source-dest-check",
        "spot-instance-request-id",
        "state-reason-code",
        "state-reason-message",
        "subnet-id",
        "tenancy",
        "tpm-support",
        "usage-operation",
        "usage-operation-update-time",
        "virtualization-type",
        "vpc-id",
    ];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter.split_once('.') {
            Some(("block-device-mapping", filter)) => {
                let mappings = self.shown.block_device_mappings.iter().flatten();
                mappings.flat_map(|mapping| of_mapping(mapping, filter)).collect()
            }
            Some(("network-interface", filter)) => {
                self.interfaces.iter().flat_map(|own| of_interface(own, filter)).collect()
            }
            Some(("metadata-options", filter)) => self.of_metadata(filter),
            Some(_) => self.of_options(filter),
            None => self.of_itself(filter),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.instance.tags)
    }
}

fn flag(value: Option<bool>) -> Vec<String> {
    fact(value.map(|value| value.to_string()))
}

fn time(value: Option<Timestamp>) -> Vec<String> {
    fact(value.map(|value| value.to_date_time()))
}

impl Seen {
    /// By what has no dot in its name.
    fn of_itself(&self, filter: &str) -> Vec<String> {
        let Seen { instance, shown, .. } = self;
        match filter {
            "architecture" => fact(shown.architecture.clone()),
            "availability-zone" => fact(instance.zone.clone()),
            "availability-zone-id" => fact(instance.zone_id.clone()),
            "boot-mode" => fact(shown.boot_mode.clone()),
            "client-token" => fact(shown.client_token.clone()),
            "dns-name" => fact(shown.public_dns_name.clone()),
            "ebs-optimized" => flag(shown.ebs_optimized),
            "ena-support" => flag(shown.ena_support),
            "hypervisor" => fact(shown.hypervisor.clone()),
            "image-id" => fact(instance.image.clone()),
            "instance-id" => fact(instance.id.clone()),
            "instance-state-code" => fact(instance.state.code().to_string()),
            "instance-state-name" => fact(instance.state.name().to_owned()),
            "instance-type" => fact(instance.kind.clone()),
            "ip-address" => fact(shown.public_ip_address.clone()),
            "ipv6-address" => fact(shown.ipv6_address.clone()),
            "key-name" => fact(instance.key_name.clone()),
            "launch-index" => fact(instance.launch_index.to_string()),
            "launch-time" => fact(instance.launched.to_date_time()),
            "monitoring-state" => fact(shown.monitoring.clone().and_then(|monitoring| monitoring.state)),
            "owner-id" => fact(instance.home.account.to_string()),
            "placement-group-name" => fact(instance.place.as_ref().map(|place| place.name.clone())),
            "placement-partition-number" => fact(
                instance.place.as_ref().and_then(|place| place.partition).map(|number| number.to_string()),
            ),
            "platform-details" => fact(shown.platform_details.clone()),
            "private-dns-name" => fact(shown.private_dns_name.clone()),
            "private-ip-address" => fact(shown.private_ip_address.clone()),
            "reason" => fact(instance.transition.clone()),
            "reservation-id" => fact(instance.reservation.clone()),
            "root-device-name" => fact(shown.root_device_name.clone()),
            "root-device-type" => fact(shown.root_device_type.clone()),
            "source-dest-check" => flag(shown.source_dest_check),
            "state-reason-code" => fact(instance.state_reason.as_ref().map(|(code, _)| code.clone())),
            "state-reason-message" => fact(instance.state_reason.as_ref().map(|(_, text)| text.clone())),
            "subnet-id" => fact(shown.subnet_id.clone()),
            "tenancy" => fact(shown.placement.clone().and_then(|placement| placement.tenancy)),
            "usage-operation" => fact(shown.usage_operation.clone()),
            "usage-operation-update-time" => time(shown.usage_operation_update_time),
            "virtualization-type" => fact(shown.virtualization_type.clone()),
            "vpc-id" => fact(shown.vpc_id.clone()),
            _ => Vec::new(),
        }
    }

    fn of_options(&self, filter: &str) -> Vec<String> {
        let Seen { instance, shown, .. } = self;
        let groups = || shown.security_groups.iter().flatten();
        let names = shown.private_dns_name_options.clone().unwrap_or_default();
        match filter {
            "capacity-reservation-specification.capacity-reservation-preference" => {
                let own = shown.capacity_reservation_specification.clone();
                fact(own.and_then(|own| own.capacity_reservation_preference))
            }
            // Neither has any instance, and AWS says so for each.
            "enclave-options.enabled" | "hibernation-options.configured" | "operator.managed" => {
                fact("false".to_owned())
            }
            "iam-instance-profile.arn" => fact(instance.profile.as_ref().map(|own| own.arn.clone())),
            "iam-instance-profile.id" => fact(instance.profile.as_ref().map(|own| own.profile.clone())),
            "instance.group-id" => groups().filter_map(|group| group.group_id.clone()).collect(),
            "instance.group-name" => groups().filter_map(|group| group.group_name.clone()).collect(),
            "maintenance-options.auto-recovery" => {
                fact(shown.maintenance_options.clone().and_then(|options| options.auto_recovery))
            }
            "private-dns-name-options.enable-resource-name-dns-a-record" => {
                flag(names.enable_resource_name_dns_a_record)
            }
            "private-dns-name-options.enable-resource-name-dns-aaaa-record" => {
                flag(names.enable_resource_name_dns_aaaa_record)
            }
            "private-dns-name-options.hostname-type" => fact(names.hostname_type),
            _ => Vec::new(),
        }
    }

    fn of_metadata(&self, filter: &str) -> Vec<String> {
        let options = self.shown.metadata_options.clone().unwrap_or_default();
        match filter {
            "http-endpoint" => fact(options.http_endpoint),
            // AWS: there is no way to switch it off.
            "http-protocol-ipv4" => fact("enabled".to_owned()),
            "http-protocol-ipv6" => fact(options.http_protocol_ipv6),
            "http-put-response-hop-limit" => fact(self.instance.metadata.hop_limit.to_string()),
            "http-tokens" => fact(options.http_tokens),
            "instance-metadata-tags" => fact(options.instance_metadata_tags),
            "state" => fact(options.state),
            _ => Vec::new(),
        }
    }
}

fn of_mapping(mapping: &api::InstanceBlockDeviceMapping, filter: &str) -> Vec<String> {
    let ebs = mapping.ebs.clone().unwrap_or_default();
    match filter {
        "attach-time" => time(ebs.attach_time),
        "delete-on-termination" => flag(ebs.delete_on_termination),
        "device-name" => fact(mapping.device_name.clone()),
        "status" => fact(ebs.status),
        _ => fact(ebs.volume_id),
    }
}

fn of_interface(own: &api::NetworkInterface, filter: &str) -> Vec<String> {
    if let Some(filter) = filter.strip_prefix("attachment.") {
        return own.attachment.iter().flat_map(|own| of_attachment(own, filter)).collect();
    }
    if let Some(filter) = filter.strip_prefix("association.") {
        return own.association.iter().flat_map(|own| of_association(own, filter)).collect();
    }
    if let Some(filter) = filter.strip_prefix("addresses.") {
        return own.private_ip_addresses.iter().flatten().flat_map(|own| of_address(own, filter)).collect();
    }
    let groups = || own.groups.iter().flatten();
    let ipv6 = || own.ipv6_addresses.iter().flatten();
    let tags = || own.tag_set.iter().flatten();
    match filter {
        "availability-zone" => fact(own.availability_zone.clone()),
        "description" => fact(own.description.clone()),
        "group-id" => groups().filter_map(|group| group.group_id.clone()).collect(),
        "group-name" => groups().filter_map(|group| group.group_name.clone()).collect(),
        "ipv6-address" | "ipv6-addresses.ipv6-address" => {
            ipv6().filter_map(|own| own.ipv6_address.clone()).collect()
        }
        "ipv6-addresses.is-primary-ipv6" => ipv6().flat_map(|own| flag(own.is_primary_ipv6)).collect(),
        "mac-address" => fact(own.mac_address.clone()),
        "network-interface-id" => fact(own.network_interface_id.clone()),
        "deny-all-igw-traffic" | "ipv6-native" | "operator.managed" => fact("false".to_owned()),
        "owner-id" => fact(own.owner_id.clone()),
        "private-dns-name" => fact(own.private_dns_name.clone()),
        "private-ip-address" => fact(own.private_ip_address.clone()),
        "public-dns-name" => fact(own.association.clone().and_then(|own| own.public_dns_name)),
        "requester-id" => fact(own.requester_id.clone()),
        "requester-managed" => flag(own.requester_managed),
        "source-dest-check" => flag(own.source_dest_check),
        "status" => fact(own.status.clone()),
        "subnet-id" => fact(own.subnet_id.clone()),
        "tag-key" => tags().filter_map(|tag| tag.key.clone()).collect(),
        "tag-value" => tags().filter_map(|tag| tag.value.clone()).collect(),
        "vpc-id" => fact(own.vpc_id.clone()),
        _ => Vec::new(),
    }
}

fn of_attachment(own: &api::NetworkInterfaceAttachment, filter: &str) -> Vec<String> {
    match filter {
        "attach-time" => time(own.attach_time),
        "attachment-id" => fact(own.attachment_id.clone()),
        "delete-on-termination" => flag(own.delete_on_termination),
        "device-index" => fact(own.device_index.map(|index| index.to_string())),
        "instance-id" => fact(own.instance_id.clone()),
        "instance-owner-id" => fact(own.instance_owner_id.clone()),
        "network-card-index" => fact(own.network_card_index.map(|index| index.to_string())),
        "status" => fact(own.status.clone()),
        _ => Vec::new(),
    }
}

fn of_address(own: &api::NetworkInterfacePrivateIpAddress, filter: &str) -> Vec<String> {
    match filter {
        "primary" => flag(own.primary),
        "private-dns-name" => fact(own.private_dns_name.clone()),
        "private-ip-address" => fact(own.private_ip_address.clone()),
        _ => {
            let filter = filter.trim_start_matches("association.");
            own.association.iter().flat_map(|own| of_association(own, filter)).collect()
        }
    }
}

fn of_association(own: &api::NetworkInterfaceAssociation, filter: &str) -> Vec<String> {
    match filter {
        "allocation-id" => fact(own.allocation_id.clone()),
        "association-id" => fact(own.association_id.clone()),
        "ip-owner-id" => fact(own.ip_owner_id.clone()),
        "public-dns-name" => fact(own.public_dns_name.clone()),
        "public-ip" => fact(own.public_ip.clone()),
        _ => Vec::new(),
    }
}
