//! The network interfaces of a launch: what a request says of them, checked, and where each goes.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceNetworkInterfaceSpecification.html>

use crate::commit::refuse;
use crate::error;
use crate::instance_types;
use crate::network_interfaces::{NetworkInterface, too_many};
use crate::nouns::{self, Home};
use crate::security_groups::SecurityGroup;
use crate::subnets::Subnet;
use crate::zones;
use std::collections::BTreeSet;
use yakumo_api_ec2::{InstanceNetworkInterfaceSpecification, RunInstancesInput};
use yakumo_aws::{Error, Result};
use yakumo_room::Tx;

/// One interface of a launch and where it goes.
pub(super) struct Interface {
    /// What the request says of it.
    pub wish: InstanceNetworkInterfaceSpecification,
    /// Its number.
    pub index: i32,
    /// Its subnet.
    pub subnet: Subnet,
    /// Its security groups; `None` for the VPC's own.
    pub groups: Option<Vec<String>>,
}

/// The interfaces that a request describes, in the order of their numbers.
///
/// # Errors
/// InvalidParameterCombination; InvalidParameterValue; AttachmentLimitExceeded; NotImplemented for what no interface here has.
pub(super) fn wishes(
    input: &RunInstancesInput,
    kind: &str,
) -> Result<Vec<InstanceNetworkInterfaceSpecification>> {
    let mut listed = input.network_interfaces.clone().unwrap_or_default();
    if listed.is_empty() {
        return Ok(vec![InstanceNetworkInterfaceSpecification {
            delete_on_termination: Some(true),
            device_index: Some(0),
            groups: input.security_group_ids.clone(),
            ipv6_address_count: input.ipv6_address_count,
            ipv6_addresses: input.ipv6_addresses.clone(),
            private_ip_address: input.private_ip_address.clone(),
            subnet_id: input.subnet_id.clone(),
            ..InstanceNetworkInterfaceSpecification::default()
        }]);
    }
    let beside = [
        (input.subnet_id.is_some(), "subnet ID"),
        (input.security_group_ids.is_some() || input.security_groups.is_some(), "security groups"),
        (input.private_ip_address.is_some(), "private IP address"),
    ];
    if let Some((_, what)) = beside.iter().find(|(given, _)| *given) {
        let text = format!(
            "Network interfaces and an instance-level {what} may not be specified on the same request"
        );
        return Err(error::invalid_parameter_combination(text));
    }
    let is_one = listed.len() == 1;
    for one in &mut listed {
        check(one)?;
        if is_one {
            one.device_index.get_or_insert(0);
        }
        let Some(index) = one.device_index else {
            return Err(error::invalid_parameter_value("Each network interface requires a device index."));
        };
        check_index(index)?;
        if one.associate_public_ip_address.is_some() && !is_one {
            let text = "The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces";
            return Err(error::invalid_parameter_combination(text));
        }
    }
    listed.sort_by_key(|one| one.device_index);
    let indexes: BTreeSet<Option<i32>> = listed.iter().map(|one| one.device_index).collect();
    if indexes.len() < listed.len() {
        let text = "Each network interface requires a device index of its own.";
        return Err(error::invalid_parameter_value(text));
    }
    if !indexes.contains(&Some(0)) {
        let text = "When specifying network interfaces, you must include a device at index 0.";
        return Err(error::invalid_parameter_combination(text));
    }
    let most = instance_types::require(kind)?.interfaces();
    match listed.len() > most {
        true => Err(too_many(listed.len(), kind)),
        false => Ok(listed),
    }
}

/// Refuses a device index that no instance has.
pub(crate) fn check_index(index: i32) -> Result<()> {
    match (0..=i32::from(yakumo_net::topology::DEVICES_MAX)).contains(&index) {
        true => Ok(()),
        false => Err(error::invalid_value(index, "deviceIndex", "It is 0 to 255.")),
    }
}

/// Refuses a network card that no instance type here has.
pub(crate) fn check_card(index: Option<i32>) -> Result<()> {
    match index {
        None | Some(0) => Ok(()),
        Some(other) => {
            Err(error::invalid_value(other, "networkCardIndex", "The instance type has one network card."))
        }
    }
}

fn check(one: &InstanceNetworkInterfaceSpecification) -> Result<()> {
    let is_other = one.interface_type.as_deref().is_some_and(|kind| kind != "interface");
    refuse(&[
        ("NetworkInterface.AssociateCarrierIpAddress", one.associate_carrier_ip_address == Some(true)),
        ("NetworkInterface.InterfaceType", is_other),
        ("NetworkInterface.Ipv4Prefix", one.ipv4_prefixes.is_some()),
        ("NetworkInterface.Ipv4PrefixCount", one.ipv4_prefix_count.is_some()),
        ("NetworkInterface.Ipv6Prefix", one.ipv6_prefixes.is_some()),
        ("NetworkInterface.Ipv6PrefixCount", one.ipv6_prefix_count.is_some()),
        ("NetworkInterface.PrimaryIpv6", one.primary_ipv6 == Some(true)),
        ("NetworkInterface.EnaSrdSpecification", one.ena_srd_specification.is_some()),
        ("NetworkInterface.ConnectionTrackingSpecification", one.connection_tracking_specification.is_some()),
        ("NetworkInterface.EnaQueueCount", one.ena_queue_count.is_some()),
    ])?;
    check_card(one.network_card_index)?;
    // What an interface that is there already has cannot be said again.
    let said = [
        (one.subnet_id.is_some(), "subnetId"),
        (one.groups.is_some(), "groups"),
        (one.private_ip_address.is_some(), "privateIpAddress"),
        (one.private_ip_addresses.is_some(), "privateIpAddresses"),
        (one.secondary_private_ip_address_count.is_some(), "secondaryPrivateIpAddressCount"),
        (one.ipv6_addresses.is_some(), "ipv6Addresses"),
        (one.ipv6_address_count.is_some(), "ipv6AddressCount"),
        (one.associate_public_ip_address.is_some(), "associatePublicIpAddress"),
        (one.description.is_some(), "description"),
    ];
    match said.iter().find(|(given, _)| *given && one.network_interface_id.is_some()) {
        Some((_, what)) => Err(error::not_together("networkInterfaceId", what)),
        None => Ok(()),
    }
}

/// Where the interfaces of a launch go.
///
/// # Errors
/// Those of subnets, groups and interfaces that are not there; MissingInput without a default subnet;
/// InvalidParameterCombination when they are not all in one zone.
pub(super) async fn placed(
    tx: &Tx,
    home: Home,
    input: &RunInstancesInput,
    wishes: &[InstanceNetworkInterfaceSpecification],
    meant: Option<&Subnet>,
) -> Result<Vec<Interface>> {
    let mut placed: Vec<Interface> = Vec::new();
    check_zone(home, input)?;
    for wish in wishes {
        let subnet = subnet(tx, home, wish, meant).await?;
        check_place(input, &subnet)?;
        if placed.first().is_some_and(|first| first.subnet.zone != subnet.zone) {
            return Err(other_zone());
        }
        let groups = groups(tx, home, &subnet, input, wish).await?;
        placed.push(Interface {
            wish: wish.clone(),
            index: wish.device_index.unwrap_or_default(),
            subnet,
            groups,
        });
    }
    Ok(placed)
}

/// Refuses a zone that the region does not have. Terraform names an empty one where it means any.
fn check_zone(home: Home, input: &RunInstancesInput) -> Result<()> {
    let placement = input.placement.as_ref();
    let zones = zones::of(home.region);
    let name = placement.and_then(|placement| placement.availability_zone.as_deref());
    let id = placement.and_then(|placement| placement.availability_zone_id.as_deref());
    if let Some(name) = name.filter(|name| !name.is_empty() && !zones.iter().any(|zone| zone.name == *name)) {
        return Err(error::invalid_parameter_value(format!("Invalid availability zone: [{name}]")));
    }
    match id.filter(|id| !id.is_empty() && !zones.iter().any(|zone| zone.id == *id)) {
        Some(id) => Err(error::invalid_parameter_value(format!("Invalid availability zone-id: [{id}]"))),
        None => Ok(()),
    }
}

/// Refuses a subnet that is not in the zone that the request names.
fn check_place(input: &RunInstancesInput, subnet: &Subnet) -> Result<()> {
    let placement = input.placement.as_ref();
    let name = placement.and_then(|placement| placement.availability_zone.as_deref());
    let id = placement.and_then(|placement| placement.availability_zone_id.as_deref());
    let wanted = [(name, &subnet.zone, "availabilityZone"), (id, &subnet.zone_id, "availabilityZoneId")];
    for (wanted, has, parameter) in wanted {
        if let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty() && *wanted != has.as_str()) {
            let reason = format!("Subnet '{}' is in the availability zone {has}", subnet.id);
            return Err(error::invalid_value(wanted, parameter, &reason));
        }
    }
    Ok(())
}

/// AWS: an instance and its interfaces are in one zone.
pub(crate) fn other_zone() -> Error {
    let text =
        "You may not attach a network interface to an instance if they are not in the same availability zone";
    error::invalid_parameter_combination(text)
}

async fn subnet(
    tx: &Tx,
    home: Home,
    wish: &InstanceNetworkInterfaceSpecification,
    meant: Option<&Subnet>,
) -> Result<Subnet> {
    if let Some(id) = &wish.network_interface_id {
        let interface: NetworkInterface = nouns::find(tx, home, id).await?;
        return nouns::find(tx, home, &interface.subnet).await;
    }
    match (&wish.subnet_id, meant) {
        (Some(id), _) => nouns::find(tx, home, id).await,
        (None, Some(subnet)) => Ok(subnet.clone()),
        (None, None) => {
            let text = "No default subnet for the requested availability zone. Specify a subnet ID.";
            Err(Error::sender("MissingInput", text))
        }
    }
}

/// The groups of a new interface; `None` for the VPC's own.
async fn groups(
    tx: &Tx,
    home: Home,
    subnet: &Subnet,
    input: &RunInstancesInput,
    wish: &InstanceNetworkInterfaceSpecification,
) -> Result<Option<Vec<String>>> {
    let mut wanted = wish.groups.clone().unwrap_or_default();
    let names = input.security_groups.as_deref().unwrap_or_default();
    if !names.is_empty() && input.subnet_id.is_some() {
        let text = "The parameter groupName cannot be used with the parameter subnet";
        return Err(error::invalid_parameter_combination(text));
    }
    let all: Vec<SecurityGroup> = nouns::all(tx, home).await?;
    for name in names {
        let found = all.iter().find(|group| group.vpc == subnet.vpc && group.name == *name);
        let found = found.ok_or_else(|| {
            let text = format!("The security group '{name}' does not exist in VPC '{}'", subnet.vpc);
            Error::sender("InvalidGroup.NotFound", text)
        })?;
        wanted.push(found.id.clone());
    }
    Ok(Some(wanted).filter(|wanted| !wanted.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::wishes;
    use yakumo_api_ec2::{InstanceNetworkInterfaceSpecification as Wish, RunInstancesInput};

    fn at(index: Option<i32>) -> Wish {
        Wish { device_index: index, ..Wish::default() }
    }

    fn asked(listed: Vec<Wish>) -> RunInstancesInput {
        RunInstancesInput { network_interfaces: Some(listed), ..RunInstancesInput::default() }
    }

    #[test]
    fn interfaces_have_numbers_from_0() {
        let indexes = |listed: &[Option<i32>]| {
            let found = wishes(&asked(listed.iter().copied().map(at).collect()), "t3.large");
            found.map(|found| found.iter().filter_map(|one| one.device_index).collect::<Vec<_>>())
        };
        assert_eq!(indexes(&[]).unwrap(), [0]);
        assert_eq!(indexes(&[None]).unwrap(), [0]);
        assert_eq!(indexes(&[Some(4), Some(0)]).unwrap(), [0, 4]);
        for (bad, code) in [
            (vec![Some(1)], "InvalidParameterCombination"),
            (vec![Some(0), None], "InvalidParameterValue"),
            (vec![Some(0), Some(0)], "InvalidParameterValue"),
            (vec![Some(0), Some(-1)], "InvalidParameterValue"),
            (vec![Some(0), Some(256)], "InvalidParameterValue"),
            (vec![Some(0), Some(1), Some(2), Some(3)], "AttachmentLimitExceeded"),
        ] {
            assert_eq!(indexes(&bad).unwrap_err().code, code, "{bad:?}");
        }
    }

    #[test]
    fn what_excludes_itself_is_refused() {
        let public = |listed: usize| {
            let one = |index| Wish { associate_public_ip_address: Some(false), ..at(Some(index)) };
            wishes(&asked((0..).take(listed).map(one).collect()), "t3.large")
        };
        assert!(public(1).is_ok());
        assert_eq!(public(2).unwrap_err().code, "InvalidParameterCombination");
        let there = Wish { network_interface_id: Some("eni-1".into()), ..at(Some(0)) };
        assert!(wishes(&asked(vec![there.clone()]), "t3.micro").is_ok());
        for bad in [
            Wish { subnet_id: Some("subnet-1".into()), ..there.clone() },
            Wish { groups: Some(vec!["sg-1".into()]), ..there.clone() },
        ] {
            assert_eq!(
                wishes(&asked(vec![bad]), "t3.micro").unwrap_err().code,
                "InvalidParameterCombination"
            );
        }
        let beside = RunInstancesInput { subnet_id: Some("subnet-1".into()), ..asked(vec![there]) };
        let text = wishes(&beside, "t3.micro").unwrap_err().message;
        assert!(text.contains("an instance-level subnet ID may not be"), "{text}");
        let card = Wish { network_card_index: Some(1), ..at(Some(0)) };
        assert_eq!(wishes(&asked(vec![card]), "t3.micro").unwrap_err().code, "InvalidParameterValue");
    }
}
