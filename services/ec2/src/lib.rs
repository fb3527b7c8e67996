//! Amazon EC2: VPCs and instances. Each noun registers its own operations.
//!
//! Invariant: an operation stands in its noun's `register` with the access that it needs, or it answers 501.

mod access;
mod account_attributes;
mod cidr;
mod commit;
mod defaults;
mod dependents;
mod dhcp_options;
mod dns_names;
mod egress_only_internet_gateways;
mod elastic_ips;
mod error;
mod filters;
mod flow_logs;
mod images;
mod instance_types;
mod instances;
mod internet_gateways;
mod ipv6_pool;
mod key_pairs;
mod launch_templates;
mod nat_gateways;
mod network;
mod network_acls;
mod network_insights;
mod network_interfaces;
mod noun_record;
mod nouns;
mod pages;
mod placement_groups;
mod prefix_lists;
mod quotas;
mod renumber;
mod route_tables;
mod security_group_rules;
mod security_groups;
mod shared;
mod snapshots;
mod state;
mod subnets;
mod tags;
mod transit_gateway_attachments;
mod transit_gateway_route_tables;
mod transit_gateways;
mod volumes;
mod vpc_endpoints;
mod vpc_peering_connections;
mod vpcs;
mod vpn;
mod work;
mod zones;

pub use instances::{InstanceLine, instance_lines};
pub use renumber::renumber;

use std::sync::Arc;
use yakumo_room::{Base, Room};

/// The room of EC2 over a cloud's ground.
pub fn room(base: &Arc<Base>) -> Room {
    let room = Room::new("ec2")
        .state(Arc::new(defaults::Known::default()))
        .resources(|ctx, action, arn| Box::pin(access::need_of(ctx, action, arn)))
        .endpoints(Arc::new(vpc_endpoints::Keeper::new(base.clone())))
        .tag_policies(tags::TAG_POLICIES)
        .metadata(Arc::new(instances::Keeper::default()))
        .reconciler(network::reconciler())
        .reconciler(flow_logs::reconciler())
        .reconciler(work::reconciler())
        .reconciler(instances::reconciler())
        .reconciler(network_interfaces::reconciler())
        .reconciler(volumes::reconciler())
        .refusal(|ctx, operation, reason| Box::pin(access::refusal(ctx, operation, reason)));
    let nouns: &[fn(Room) -> Room] = &[
        account_attributes::register,
        defaults::register,
        dhcp_options::register,
        egress_only_internet_gateways::register,
        elastic_ips::register,
        flow_logs::register,
        images::register,
        instance_types::register,
        instances::register,
        internet_gateways::register,
        launch_templates::register,
        key_pairs::register,
        nat_gateways::register,
        network_acls::register,
        network_insights::register,
        network_interfaces::register,
        route_tables::register,
        placement_groups::register,
        prefix_lists::register,
        security_group_rules::register,
        security_groups::register,
        snapshots::register,
        subnets::register,
        tags::register,
        transit_gateway_attachments::register,
        transit_gateway_route_tables::register,
        transit_gateways::register,
        volumes::register,
        vpc_endpoints::register,
        vpc_peering_connections::register,
        vpcs::register,
        vpn::register,
        zones::register,
    ];
    nouns.iter().fold(room, |room, register| register(room))
}
