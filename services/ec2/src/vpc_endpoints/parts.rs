//! What endpoints are made of: routes of route tables, interfaces in subnets.

use super::{Place, VpcEndpoint};
use crate::network_interfaces::{Attachment, NetworkInterface, Places, Progress, Requester};
use crate::nouns::{self, Home, new_id};
use crate::prefix_lists;
use crate::quotas;
use crate::route_tables::{Origin, Route, RouteTable, Target};
use crate::security_groups::SecurityGroup;
use crate::subnets::Subnet;
use std::collections::BTreeSet;
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// The route tables whose routes lead to an endpoint.
pub(super) fn tables<'a>(id: &'a str, all: &'a [RouteTable]) -> impl Iterator<Item = &'a RouteTable> {
    all.iter().filter(move |table| table.routes.iter().any(|route| leads(route, id)))
}

fn leads(route: &Route, id: &str) -> bool {
    matches!(&route.target, Target::Endpoint(endpoint) if endpoint == id)
}

/// Has a route table lead to a gateway endpoint.
///
/// # Errors
/// RouteAlreadyExists; InvalidParameter for a table of another VPC.
pub(super) async fn add_table(tx: &Tx, endpoint: &VpcEndpoint, id: &str) -> Result<()> {
    let home = endpoint.home;
    let before: RouteTable = nouns::find(tx, home, id).await?;
    if before.vpc != endpoint.vpc {
        let text = format!("Route table {id} and VPC {} belong to different networks.", endpoint.vpc);
        return Err(Error::sender("InvalidParameter", text));
    }
    let list = prefix_lists::managed_id(&endpoint.service);
    if before.routes.iter().any(|route| route.destination == list) {
        // AWS: what clients see when two endpoints for one service want the same table.
        let text = format!("route table {id} already has a route with destination-prefix-list-id {list}");
        return Err(Error::sender("RouteAlreadyExists", text));
    }
    let target = Target::Endpoint(endpoint.id.clone());
    let mut after = before.clone();
    after.routes.push(Route { destination: list, target, origin: Origin::CreateRoute });
    nouns::put(tx, Some(&before), &after);
    Ok(())
}

/// Has a route table lead there no more; one that does not is left as it is.
pub(super) async fn remove_table(tx: &Tx, endpoint: &VpcEndpoint, id: &str) -> Result<()> {
    let before: RouteTable = nouns::find(tx, endpoint.home, id).await?;
    let mut after = before.clone();
    after.routes.retain(|route| !leads(route, &endpoint.id));
    if after != before {
        nouns::put(tx, Some(&before), &after);
    }
    Ok(())
}

/// The subnet of an endpoint's new interface.
///
/// # Errors
/// InvalidParameter for a subnet of another VPC; DuplicateSubnetsInSameZone.
async fn subnet(tx: &Tx, endpoint: &VpcEndpoint, id: &str) -> Result<Subnet> {
    let subnet: Subnet = nouns::find(tx, endpoint.home, id).await?;
    if subnet.vpc != endpoint.vpc {
        let text = format!("Subnet {id} and VPC {} belong to different networks.", endpoint.vpc);
        return Err(Error::sender("InvalidParameter", text));
    }
    if endpoint.places.iter().any(|place| place.zone == subnet.zone) {
        let text = format!(
            "Found another VPC endpoint subnet in the availability zone of {id}. VPC endpoint subnets should be in \
             different availability zones supported by the VPC endpoint service."
        );
        return Err(Error::sender("DuplicateSubnetsInSameZone", text));
    }
    Ok(subnet)
}

/// Gives an endpoint an interface in a subnet.
pub(super) async fn add(tx: &Tx, ctx: &Ctx, endpoint: &mut VpcEndpoint, id: &str) -> Result<()> {
    let subnet = subnet(tx, endpoint, id).await?;
    let interfaces: Vec<NetworkInterface> = nouns::all(tx, endpoint.home).await?;
    let address = Places::of(&subnet, &interfaces).next()?;
    let interface = NetworkInterface {
        description: format!("VPC Endpoint Interface {}", endpoint.id),
        kind: "vpc_endpoint".into(),
        addresses: vec![address],
        groups: endpoint.groups.clone(),
        requester: Some(Requester { account: endpoint.home.account, resource: endpoint.id.clone() }),
        attachment: Some(Attachment {
            id: new_id(ctx, "ela-attach-"),
            instance: None,
            instance_owner: "amazon-aws".into(),
            device_index: 1,
            delete_on_termination: false,
            at: ctx.now(),
            progress: Progress::Attached,
        }),
        ..NetworkInterface::new(ctx, &subnet)
    };
    nouns::put(tx, None, &interface);
    let place = Place { subnet: subnet.id, zone: subnet.zone, interface: interface.id, address };
    endpoint.places.push(place);
    Ok(())
}

/// Takes an interface away.
pub(super) async fn remove(tx: &Tx, home: Home, place: &Place) -> Result<()> {
    let interface: Option<NetworkInterface> = tx.get(&home.scope(), &[&place.interface]).await?;
    interface.iter().for_each(|interface| nouns::delete(tx, interface));
    Ok(())
}

/// Gives all interfaces of an endpoint the groups that it has now.
pub(super) async fn regroup(tx: &Tx, endpoint: &VpcEndpoint) -> Result<()> {
    for place in &endpoint.places {
        let found: Option<NetworkInterface> = tx.get(&endpoint.home.scope(), &[&place.interface]).await?;
        let Some(before) = found.filter(|interface| interface.groups != endpoint.groups) else { continue };
        let after = NetworkInterface { groups: endpoint.groups.clone(), ..before.clone() };
        nouns::put(tx, Some(&before), &after);
    }
    Ok(())
}

/// The groups of an endpoint's interfaces; without any, the VPC's own.
///
/// # Errors
/// InvalidGroup.NotFound; InvalidParameter for a group of another VPC; SecurityGroupsPerInterfaceLimitExceeded.
pub(super) async fn groups(tx: &Tx, home: Home, vpc: &str, wanted: &[String]) -> Result<Vec<String>> {
    if wanted.is_empty() {
        let all: Vec<SecurityGroup> = nouns::all(tx, home).await?;
        let own = all.into_iter().find(|group| group.vpc == vpc && group.is_default());
        let own = own.ok_or_else(|| Error::internal("a VPC without its default security group"))?;
        return Ok(vec![own.id]);
    }
    let mut seen = BTreeSet::new();
    let mut groups = Vec::new();
    for id in wanted.iter().filter(|id| seen.insert(id.as_str())) {
        let group: SecurityGroup = nouns::find(tx, home, id).await?;
        if group.vpc != vpc {
            let text = format!("Security group {id} and VPC {vpc} belong to different networks.");
            return Err(Error::sender("InvalidParameter", text));
        }
        groups.push(group.id);
    }
    let (max, code) = (quotas::GROUPS_OF_INTERFACE, "SecurityGroupsPerInterfaceLimitExceeded");
    quotas::check(groups.len(), max, code, "security groups per interface")?;
    Ok(groups)
}

/// Refuses what only endpoints of the other kind have.
pub(super) fn only_of(kind: &str, members: &[(&str, bool)]) -> Result<()> {
    match members.iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) => {
            let text = format!("The parameter {name} is only supported for {kind} endpoints.");
            Err(Error::sender("InvalidParameter", text))
        }
        None => Ok(()),
    }
}
