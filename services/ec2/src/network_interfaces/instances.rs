//! The interfaces of instances: how they come with them, rest, wake and go.
//!
//! Invariant: a public address that was not allocated by the account belongs to an interface whose instance is not stopped.

use super::life::{Wanted, groups};
use super::{Attachment, NetworkInterface, Places, Progress, in_use_by, too_many};
use crate::elastic_ips::{self, ElasticIp};
use crate::error;
use crate::instance_types;
use crate::nouns::{self, Home, new_id};
use crate::quotas;
use crate::subnets::Subnet;
use crate::tags::Tags;
use yakumo_api_ec2::{CreateNetworkInterfaceInput, InstanceNetworkInterfaceSpecification};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// An interface of a new instance.
pub(crate) struct Launched<'a> {
    /// The instance.
    pub instance: &'a str,
    /// The interface's number.
    pub index: i32,
    /// Whether the instance has no other one.
    pub is_only: bool,
    /// Where it is.
    pub subnet: &'a Subnet,
    /// What the request says of it.
    pub wish: &'a InstanceNetworkInterfaceSpecification,
    /// Its groups; `None` for the VPC's own.
    pub groups: Option<&'a [String]>,
    /// The tags of a new one.
    pub tags: &'a Tags,
}

/// Gives a new instance an interface: the one that is named, or a new one.
///
/// # Errors
/// As CreateNetworkInterface; InvalidNetworkInterface.InUse.
pub(crate) async fn give(tx: &Tx, ctx: &Ctx, launched: Launched<'_>) -> Result<()> {
    let Launched { instance, subnet, wish, tags, .. } = launched;
    let attachment = |delete_on_termination: bool| Attachment {
        id: new_id(ctx, "eni-attach-"),
        instance: Some(instance.to_owned()),
        instance_owner: subnet.home.account.to_string(),
        device_index: launched.index,
        delete_on_termination,
        at: ctx.now(),
        progress: Progress::Attached,
    };
    if let Some(id) = &wish.network_interface_id {
        let before: NetworkInterface = nouns::find(tx, subnet.home, id).await?;
        before.check_own()?;
        if before.attachment.is_some() {
            return Err(in_use_by(id));
        }
        let keeps = wish.delete_on_termination != Some(true);
        let after = NetworkInterface { attachment: Some(attachment(!keeps)), ..before.clone() };
        nouns::put(tx, Some(&before), &after);
        return Ok(());
    }
    let all: Vec<NetworkInterface> = nouns::all(tx, subnet.home).await?;
    let limit = "NetworkInterfaceLimitExceeded";
    quotas::check(all.len() + 1, quotas::NETWORK_INTERFACES, limit, "network interfaces")?;
    let addresses = CreateNetworkInterfaceInput {
        private_ip_address: wish.private_ip_address.clone(),
        private_ip_addresses: wish.private_ip_addresses.clone(),
        secondary_private_ip_address_count: wish.secondary_private_ip_address_count,
        ipv6_addresses: wish.ipv6_addresses.clone(),
        ipv6_address_count: wish.ipv6_address_count,
        ..CreateNetworkInterfaceInput::default()
    };
    let mut interface = NetworkInterface::new(ctx, subnet);
    interface.groups = groups(tx, subnet, launched.groups).await?;
    Wanted::of(&addresses)?.take(ctx, &mut Places::of(subnet, &all), subnet, &mut interface)?;
    interface.description = wish.description.clone().unwrap_or_default();
    interface.tags = tags.clone();
    interface.attachment = Some(attachment(wish.delete_on_termination != Some(false)));
    // AWS: an instance of several interfaces is lent no public address.
    interface.wants_public =
        launched.is_only && wish.associate_public_ip_address.unwrap_or(subnet.maps_public_ip);
    if interface.wants_public {
        interface.public = Some(elastic_ips::lend(tx, ctx, &interface).await?);
    }
    nouns::put(tx, None, &interface);
    Ok(())
}

async fn own(tx: &Tx, home: Home, instance: &str) -> Result<Vec<NetworkInterface>> {
    let mut all: Vec<NetworkInterface> = nouns::all(tx, home).await?;
    all.retain(|interface| interface.instance() == Some(instance));
    Ok(all)
}

/// The interface that is meant by an instance: the only one that it has.
///
/// # Errors
/// InvalidInstanceID when it has several.
pub(crate) async fn only(tx: &Tx, home: Home, instance: &str) -> Result<NetworkInterface> {
    let own = own(tx, home, instance).await?;
    if own.len() > 1 {
        let text = format!(
            "There are multiple interfaces attached to instance '{instance}'. Please specify an interface ID for the operation instead."
        );
        return Err(Error::sender("InvalidInstanceID", text));
    }
    let first = own.into_iter().next();
    first.ok_or_else(|| Error::internal(format!("{instance} has no interface")))
}

/// Whether an instance's interfaces fit a type.
///
/// # Errors
/// AttachmentLimitExceeded.
pub(crate) async fn fit(tx: &Tx, home: Home, instance: &str, kind: &str) -> Result<()> {
    let count = own(tx, home, instance).await?.len();
    match count > instance_types::require(kind)?.interfaces() {
        true => Err(too_many(count, kind)),
        false => Ok(()),
    }
}

/// Other security groups for an instance: those of its primary interface.
///
/// # Errors
/// MissingParameter without any; InvalidInstanceID when it has several interfaces; as ModifyNetworkInterfaceAttribute.
pub(crate) async fn regroup(tx: &Tx, home: Home, instance: &str, wanted: &[String]) -> Result<()> {
    if wanted.is_empty() {
        return Err(error::missing_parameter("groupId"));
    }
    let before = only(tx, home, instance).await?;
    let subnet: Subnet = nouns::find(tx, home, &before.subnet).await?;
    let groups = groups(tx, &subnet, Some(wanted)).await?;
    nouns::put(tx, Some(&before), &NetworkInterface { groups, ..before.clone() });
    Ok(())
}

/// Whether packets that are neither from nor for an instance are dropped: at its only interface.
///
/// # Errors
/// InvalidInstanceID when it has several.
pub(crate) async fn check_sources(tx: &Tx, home: Home, instance: &str, on: bool) -> Result<()> {
    let before = only(tx, home, instance).await?;
    nouns::put(tx, Some(&before), &NetworkInterface { source_dest_check: on, ..before.clone() });
    Ok(())
}

/// AWS: a stopped instance loses its public address, but no Elastic IP.
pub(crate) async fn rest(tx: &Tx, home: Home, instance: &str) -> Result<()> {
    for before in own(tx, home, instance).await? {
        if let Some(address) = before.public {
            elastic_ips::give_back(tx, address);
            nouns::put(tx, Some(&before), &NetworkInterface { public: None, ..before.clone() });
        }
    }
    Ok(())
}

/// AWS: it gets another one when it starts, unless an Elastic IP stands for its primary address or it has got a second
/// interface meanwhile.
pub(crate) async fn wake(tx: &Tx, ctx: &Ctx, home: Home, instance: &str) -> Result<()> {
    let addresses: Vec<ElasticIp> = nouns::all(tx, home).await?;
    let own = own(tx, home, instance).await?;
    if own.len() > 1 {
        return Ok(());
    }
    for before in own {
        let has_one =
            before.primary().is_some_and(|primary| elastic_ips::of(&addresses, &before, primary).is_some());
        if before.wants_public && before.public.is_none() && !has_one {
            let public = Some(elastic_ips::lend(tx, ctx, &before).await?);
            nouns::put(tx, Some(&before), &NetworkInterface { public, ..before.clone() });
        }
    }
    Ok(())
}

/// What a terminated instance had: interfaces that go with it go, the others are free.
pub(crate) async fn release(tx: &Tx, home: Home, instance: &str) -> Result<()> {
    for before in own(tx, home, instance).await? {
        if let Some(address) = before.public {
            elastic_ips::give_back(tx, address);
        }
        if before.attachment.as_ref().is_some_and(|attachment| attachment.delete_on_termination) {
            elastic_ips::unlink_interface(tx, &before).await?;
            nouns::delete(tx, &before);
        } else {
            let after =
                NetworkInterface { attachment: None, public: None, wants_public: false, ..before.clone() };
            nouns::put(tx, Some(&before), &after);
        }
    }
    Ok(())
}

/// AWS: an Elastic IP takes the place of the address that was lent.
pub(crate) fn without_lent(tx: &Tx, before: &NetworkInterface) {
    if let Some(address) = before.public {
        elastic_ips::give_back(tx, address);
        nouns::put(tx, Some(before), &NetworkInterface { public: None, ..before.clone() });
    }
}
