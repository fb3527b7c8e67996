//! What the API shows of instances, and DescribeInstances.
//!
//! Invariant: what an instance has from elsewhere (interfaces, addresses, names) is read, never kept twice.

use super::filtered::Seen;
use super::{Association, Instance, State, interfaces_of};
use crate::access;
use crate::filters::Filters;
use crate::network_interfaces::{Around, NetworkInterface};
use crate::nouns::{ALL, Home};
use crate::pages::{self, Wanted};
use crate::tags;
use crate::volumes::{self, Volume};
use std::collections::BTreeMap;
use yakumo_api_ec2::{
    self as api, DescribeInstancesInput, DescribeInstancesOutput, GroupIdentifier, InstanceNetworkInterface,
    InstanceNetworkInterfaceAssociation, InstanceNetworkInterfaceAttachment, InstancePrivateIpAddress,
    Reservation,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(api::DescribeInstances, access::reads("ec2:DescribeInstances"), describe_instances)
}

/// What stands around the instances of an account in a region, as last committed.
pub(super) struct Surroundings {
    around: Around,
    interfaces: Vec<NetworkInterface>,
    volumes: Vec<Volume>,
}

impl Surroundings {
    /// Reads it where the request acts.
    pub(super) async fn read(ctx: &Ctx) -> Result<Surroundings> {
        let interfaces = ctx.list(&Home::of(ctx).scope(), &[], None, ALL).await?;
        let volumes = ctx.list(&Home::of(ctx).scope(), &[], None, ALL).await?;
        Ok(Surroundings { around: Around::read(ctx).await?, interfaces, volumes })
    }

    /// What the API shows of an instance's interfaces.
    fn interfaces(&self, instance: &Instance) -> Vec<api::NetworkInterface> {
        let own = interfaces_of(&self.interfaces, &instance.id);
        own.iter().map(|own| self.around.shown(own)).collect()
    }

    /// What the API shows of an instance.
    pub(super) fn shown(&self, instance: &Instance) -> api::Instance {
        let own = interfaces_of(&self.interfaces, &instance.id);
        let seen = self.interfaces(instance);
        let primary = seen.first();
        let association = primary.and_then(|primary| primary.association.as_ref());
        let is_gone = instance.state == State::Terminated;
        let groups: Vec<GroupIdentifier> = own.first().map(|own| self.around.groups(own)).unwrap_or_default();
        let kept = |text: &String| Some(text.clone()).filter(|_| !is_gone);
        let (code, text) = instance.state_reason.clone().unzip();
        let place = instance.place.as_ref();
        // AWS: without DNS hostnames of the VPC there is no name.
        let primary_name = primary.and_then(|primary| primary.private_dns_name.clone());
        let mut shown = api::Instance {
            architecture: Some(instance.size().architecture().into()),
            block_device_mappings: Some(volumes::shown_of_instance(&self.volumes, &instance.id)),
            client_token: Some(instance.token.as_ref().map(|token| token.token.clone()).unwrap_or_default()),
            ebs_optimized: Some(instance.ebs_optimized),
            capacity_reservation_specification: Some(api::CapacityReservationSpecificationResponse {
                capacity_reservation_preference: Some(instance.reservation_preference().to_owned()),
                ..api::CapacityReservationSpecificationResponse::default()
            }),
            maintenance_options: Some(api::InstanceMaintenanceOptions {
                auto_recovery: Some("default".to_owned()),
                ..api::InstanceMaintenanceOptions::default()
            }),
            ena_support: Some(instance.size().is_nitro()),
            hypervisor: Some("xen".into()),
            network_interfaces: Some(seen.iter().map(interface).collect()),
            root_device_name: Some(instance.root_device().to_owned()),
            root_device_type: Some("ebs".into()),
            security_groups: Some(groups),
            tags: tags::shown(&instance.tags),
            virtualization_type: Some("hvm".into()),
            boot_mode: Some("uefi-preferred".into()),
            platform_details: Some("Linux/UNIX".into()),
            usage_operation: Some("RunInstances".into()),
            usage_operation_update_time: Some(instance.launched),
            metadata_options: Some(instance.metadata.shown(match instance.state {
                State::Pending => "pending",
                _ => "applied",
            })),
            iam_instance_profile: instance.profile.as_ref().filter(|_| !is_gone).map(Association::shown),
            instance_id: Some(instance.id.clone()),
            image_id: Some(instance.image.clone()),
            state: Some(instance.state.shown()),
            private_dns_name: Some(match instance.names.by_id {
                true => primary_name.map(|_| instance.resource_name()).unwrap_or_default(),
                false => primary_name.unwrap_or_default(),
            }),
            public_dns_name: Some(
                association.and_then(|association| association.public_dns_name.clone()).unwrap_or_default(),
            ),
            state_transition_reason: Some(instance.transition.clone()),
            key_name: instance.key_name.clone(),
            ami_launch_index: Some(instance.launch_index),
            product_codes: Some(Vec::new()),
            instance_type: Some(instance.kind.clone()),
            launch_time: Some(instance.launched),
            placement: Some(api::Placement {
                availability_zone: Some(instance.zone.clone()),
                availability_zone_id: Some(instance.zone_id.clone()),
                group_name: Some(place.map(|place| place.name.clone()).unwrap_or_default()),
                group_id: place.map(|place| place.group.clone()),
                partition_number: place.and_then(|place| place.partition),
                tenancy: Some("default".into()),
                ..api::Placement::default()
            }),
            monitoring: Some(api::Monitoring {
                state: Some("disabled".into()),
                ..api::Monitoring::default()
            }),
            subnet_id: kept(&instance.subnet),
            vpc_id: kept(&instance.vpc),
            private_ip_address: primary.and_then(|primary| primary.private_ip_address.clone()),
            public_ip_address: association.and_then(|association| association.public_ip.clone()),
            ipv6_address: primary.and_then(|primary| primary.ipv6_address.clone()),
            source_dest_check: primary.and_then(|primary| primary.source_dest_check),
            ..api::Instance::default()
        };
        if code.is_some() {
            shown.state_reason = Some(api::StateReason { code, message: text });
        }
        if !is_gone {
            shown.private_dns_name_options = Some(instance.names.shown());
        }
        shown
    }
}

fn interface(seen: &api::NetworkInterface) -> InstanceNetworkInterface {
    let association = |of: &Option<api::NetworkInterfaceAssociation>| {
        of.as_ref().map(|of| InstanceNetworkInterfaceAssociation {
            ip_owner_id: of.ip_owner_id.clone(),
            public_dns_name: of.public_dns_name.clone(),
            public_ip: of.public_ip.clone(),
            ..InstanceNetworkInterfaceAssociation::default()
        })
    };
    let attachment = seen.attachment.as_ref().map(|of| InstanceNetworkInterfaceAttachment {
        attach_time: of.attach_time,
        attachment_id: of.attachment_id.clone(),
        delete_on_termination: of.delete_on_termination,
        device_index: of.device_index,
        status: of.status.clone(),
        network_card_index: of.network_card_index,
        ..InstanceNetworkInterfaceAttachment::default()
    });
    let addresses = seen.private_ip_addresses.iter().flatten().map(|of| InstancePrivateIpAddress {
        association: association(&of.association),
        primary: of.primary,
        private_dns_name: of.private_dns_name.clone(),
        private_ip_address: of.private_ip_address.clone(),
    });
    let ipv6 = seen.ipv6_addresses.iter().flatten().map(|of| api::InstanceIpv6Address {
        ipv6_address: of.ipv6_address.clone(),
        is_primary_ipv6: of.is_primary_ipv6,
    });
    InstanceNetworkInterface {
        association: association(&seen.association),
        attachment,
        description: seen.description.clone(),
        groups: seen.groups.clone(),
        ipv6_addresses: Some(ipv6.collect()),
        mac_address: seen.mac_address.clone(),
        network_interface_id: seen.network_interface_id.clone(),
        owner_id: seen.owner_id.clone(),
        private_dns_name: seen.private_dns_name.clone(),
        private_ip_address: seen.private_ip_address.clone(),
        private_ip_addresses: Some(addresses.collect()),
        source_dest_check: seen.source_dest_check,
        status: seen.status.clone(),
        subnet_id: seen.subnet_id.clone(),
        vpc_id: seen.vpc_id.clone(),
        interface_type: seen.interface_type.clone(),
        operator: seen.operator.clone(),
        ..InstanceNetworkInterface::default()
    }
}

/// What RunInstances answers.
pub(super) async fn reservation(ctx: &Ctx, made: &[Instance]) -> Result<Reservation> {
    let around = Surroundings::read(ctx).await?;
    Ok(Reservation {
        reservation_id: made.first().map(|instance| instance.reservation.clone()),
        owner_id: Some(ctx.account().to_string()),
        groups: Some(Vec::new()),
        instances: Some(made.iter().map(|instance| around.shown(instance)).collect()),
        ..Reservation::default()
    })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>
async fn describe_instances(ctx: Ctx, input: DescribeInstancesInput) -> Result<DescribeInstancesOutput> {
    let filters = Filters::of::<Seen>(input.filters.as_ref())?;
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    wanted.without_ids(input.instance_ids.as_ref(), "instancesSet")?;
    let around = Surroundings::read(&ctx).await?;
    let found: Vec<Instance> = pages::by_ids(&ctx, input.instance_ids.as_ref()).await?;
    let seen = found.into_iter().map(|instance| {
        let (shown, interfaces) = (around.shown(&instance), around.interfaces(&instance));
        Seen { instance, shown, interfaces }
    });
    let passed: Vec<Seen> = seen.filter(|seen| filters.pass(seen)).collect();
    let page = wanted.cut(passed, |seen| seen.instance.id.clone())?;
    let mut reservations: BTreeMap<String, Vec<api::Instance>> = BTreeMap::new();
    for Seen { instance, shown, .. } in page.items {
        reservations.entry(instance.reservation).or_default().push(shown);
    }
    let owner = ctx.account().to_string();
    let reservations = reservations.into_iter().map(|(id, mut instances)| {
        instances.sort_by_key(|instance| instance.ami_launch_index);
        Reservation {
            reservation_id: Some(id),
            owner_id: Some(owner.clone()),
            groups: Some(Vec::new()),
            instances: Some(instances),
            ..Reservation::default()
        }
    });
    Ok(DescribeInstancesOutput { reservations: Some(reservations.collect()), next_token: page.next_token })
}
