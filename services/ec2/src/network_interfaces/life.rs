//! How network interfaces come and go.

use super::seen::Around;
use super::{NetworkInterface, Places};
use crate::commit::{change, refuse};
use crate::elastic_ips;
use crate::nouns::{self, ClientToken, Home, Noun};
use crate::security_groups::{self, SecurityGroup};
use crate::subnets::Subnet;
use crate::{error, quotas, tags};
use yakumo_api_ec2::{
    CreateNetworkInterfaceInput, CreateNetworkInterfaceOutput, DeleteNetworkInterfaceInput,
    DeleteNetworkInterfaceOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// The kinds of interfaces that AWS knows besides `interface`.
const OTHER_TYPES: &[&str] = &["efa", "efa-only", "branch", "trunk", "secondary"];

const DESCRIPTION_MAX_CHARS: usize = 255;

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkInterface.html>
pub(super) async fn create_network_interface(
    ctx: Ctx,
    input: CreateNetworkInterfaceInput,
) -> Result<CreateNetworkInterfaceOutput> {
    refuse(&[
        ("Ipv4Prefix", input.ipv4_prefixes.is_some()),
        ("Ipv4PrefixCount", input.ipv4_prefix_count.is_some()),
        ("Ipv6Prefix", input.ipv6_prefixes.is_some()),
        ("Ipv6PrefixCount", input.ipv6_prefix_count.is_some()),
        ("EnablePrimaryIpv6", input.enable_primary_ipv6 == Some(true)),
        ("ConnectionTrackingSpecification", input.connection_tracking_specification.is_some()),
        ("Operator", input.operator.is_some()),
    ])?;
    check_type(input.interface_type.as_deref())?;
    let wanted = Wanted::of(&input)?;
    let tags = tags::at_creation(NetworkInterface::KIND, input.tag_specifications.as_ref())?;
    let bare = CreateNetworkInterfaceInput { client_token: None, dry_run: None, ..input.clone() };
    let token = ClientToken::of(input.client_token.as_deref(), &bare);
    check_description(input.description.as_deref().unwrap_or_default())?;
    let interface = change(&ctx, input.dry_run, |tx| {
        let (ctx, input, wanted) = (&ctx, &input, &wanted);
        let (tags, token) = (tags.clone(), token.clone());
        async move {
            let home = Home::of(ctx);
            let all: Vec<NetworkInterface> = nouns::all(&tx, home).await?;
            for known in &all {
                if ClientToken::made(token.as_ref(), known.token.as_ref())? {
                    return Ok(known.clone());
                }
            }
            let subnet: Subnet = nouns::find(&tx, home, &input.subnet_id).await?;
            quotas::check(
                all.len() + 1,
                quotas::NETWORK_INTERFACES,
                "NetworkInterfaceLimitExceeded",
                "network interfaces",
            )?;
            let mut interface = NetworkInterface::new(ctx, &subnet);
            interface.groups = groups(&tx, &subnet, input.groups.as_deref()).await?;
            wanted.take(ctx, &mut Places::of(&subnet, &all), &subnet, &mut interface)?;
            interface.description = input.description.clone().unwrap_or_default();
            interface.tags = tags;
            interface.token = token;
            nouns::put(&tx, None, &interface);
            Ok(interface)
        }
    })
    .await?;
    let mut shown = Around::read(&ctx).await?.shown(&interface);
    // AWS: the answer shows the interface on its way; the next Describe finds it available.
    shown.status = Some("pending".into());
    Ok(CreateNetworkInterfaceOutput { network_interface: Some(shown), client_token: input.client_token })
}

/// AWS publishes no limit for descriptions of interfaces; this is the one that its other descriptions have.
pub(super) fn check_description(text: &str) -> Result<()> {
    match text.chars().count() <= DESCRIPTION_MAX_CHARS {
        true => Ok(()),
        false => Err(error::invalid_parameter_value(format!(
            "Invalid value for parameter description. Descriptions have up to {DESCRIPTION_MAX_CHARS} characters."
        ))),
    }
}

fn check_type(wanted: Option<&str>) -> Result<()> {
    match wanted {
        None | Some("interface") => Ok(()),
        Some(other) if OTHER_TYPES.contains(&other) => {
            Err(error::not_implemented(&format!("the interface type {other}")))
        }
        Some(other) => Err(error::invalid_value(other, "interfaceType", "Unknown interface type.")),
    }
}

/// The groups of an interface in a subnet; without any, the VPC's own.
///
/// # Errors
/// InvalidGroup.NotFound; InvalidParameter for a group of another VPC; SecurityGroupsPerInterfaceLimitExceeded.
pub(super) async fn groups(tx: &Tx, subnet: &Subnet, wanted: Option<&[String]>) -> Result<Vec<String>> {
    let wanted = wanted.unwrap_or_default();
    if wanted.is_empty() {
        let groups: Vec<SecurityGroup> = nouns::all(tx, subnet.home).await?;
        let own = groups
            .into_iter()
            .find(|group| group.vpc == subnet.vpc && group.name == security_groups::DEFAULT);
        let own = own.ok_or_else(|| Error::internal("a VPC without its default security group"))?;
        return Ok(vec![own.id]);
    }
    let mut groups: Vec<String> = Vec::new();
    for id in wanted {
        let group: SecurityGroup = nouns::find(tx, subnet.home, id).await?;
        if group.vpc != subnet.vpc {
            let text = format!("Security group {id} and subnet {} belong to different networks.", subnet.id);
            return Err(Error::sender("InvalidParameter", text));
        }
        if !groups.contains(id) {
            groups.push(id.clone());
        }
    }
    quotas::check(
        groups.len(),
        quotas::GROUPS_OF_INTERFACE,
        "SecurityGroupsPerInterfaceLimitExceeded",
        "security groups per interface",
    )?;
    Ok(groups)
}

/// The addresses that a request wants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The primary address; `None` lets it be chosen.
    primary: Option<String>,
    secondary: Vec<String>,
    /// How many more are chosen.
    count: usize,
    ipv6: Vec<String>,
    /// How many of IPv6 are chosen; `None` follows the subnet.
    ipv6_count: Option<usize>,
}

impl Wanted {
    pub(super) fn of(input: &CreateNetworkInterfaceInput) -> Result<Wanted> {
        let mut wanted = Wanted { primary: input.private_ip_address.clone(), ..Wanted::default() };
        let listed = input.private_ip_addresses.as_deref().unwrap_or_default();
        for entry in listed {
            let address = entry
                .private_ip_address
                .clone()
                .ok_or_else(|| error::missing_parameter("privateIpAddress"))?;
            match entry.primary {
                Some(true) if wanted.primary.as_ref().is_some_and(|primary| *primary != address) => {
                    let text = "Only one primary private IP address can be specified.";
                    return Err(error::invalid_parameter_combination(text));
                }
                Some(true) => wanted.primary = Some(address),
                _ => wanted.secondary.push(address),
            }
        }
        if !wanted.secondary.is_empty() && input.secondary_private_ip_address_count.is_some() {
            return Err(error::not_together("privateIpAddresses", "secondaryPrivateIpAddressCount"));
        }
        wanted.count = count(input.secondary_private_ip_address_count, "secondaryPrivateIpAddressCount")?;
        let listed = input.ipv6_addresses.as_deref().unwrap_or_default();
        refuse(&[("IsPrimaryIpv6", listed.iter().any(|entry| entry.is_primary_ipv6 == Some(true)))])?;
        wanted.ipv6 = listed.iter().filter_map(|entry| entry.ipv6_address.clone()).collect();
        if !wanted.ipv6.is_empty() && input.ipv6_address_count.is_some() {
            return Err(error::not_together("ipv6Addresses", "ipv6AddressCount"));
        }
        let ipv6_count = input.ipv6_address_count;
        wanted.ipv6_count = ipv6_count.map(|wanted| count(Some(wanted), "ipv6AddressCount")).transpose()?;
        Ok(wanted)
    }

    pub(super) fn take(
        &self,
        ctx: &Ctx,
        places: &mut Places<'_>,
        subnet: &Subnet,
        interface: &mut NetworkInterface,
    ) -> Result<()> {
        let named = "privateIpAddress";
        let mut secondary = Vec::new();
        let primary = self.primary.as_ref().map(|text| places.take(text, named)).transpose()?;
        // What is named is taken before anything is chosen.
        for text in &self.secondary {
            secondary.push(places.take(text, named)?);
        }
        let primary = match primary {
            Some(address) => address,
            None => places.next()?,
        };
        for _ in 0..self.count {
            secondary.push(places.next()?);
        }
        interface.addresses = std::iter::once(primary).chain(secondary).collect();
        for text in &self.ipv6 {
            interface.ipv6.push(places.take6(text, "ipv6Address")?);
        }
        // AWS: a subnet that assigns IPv6 addresses gives one to who asks for nothing.
        let follows = usize::from(self.ipv6.is_empty() && subnet.assigns_ipv6);
        for _ in 0..self.ipv6_count.unwrap_or(follows) {
            interface.ipv6.push(places.next6(|| random(ctx))?);
        }
        check_counts(interface)
    }
}

/// The rest of an IPv6 address.
pub(super) fn random(ctx: &Ctx) -> u64 {
    let mut bytes = [0; 8];
    ctx.base().ids.fill(&mut bytes);
    u64::from_be_bytes(bytes)
}

/// A count of a request: not negative, and no more than an interface may have.
pub(super) fn count(wanted: Option<i32>, parameter: &str) -> Result<usize> {
    let Some(wanted) = wanted else { return Ok(0) };
    let reason = "It must not be negative.";
    let count = usize::try_from(wanted).map_err(|_| error::invalid_value(wanted, parameter, reason))?;
    if count > quotas::ADDRESSES_OF_INTERFACE {
        return Err(too_many_addresses());
    }
    Ok(count)
}

fn too_many_addresses() -> Error {
    Error::sender("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.")
}

/// Whether an interface may have as many addresses as it has.
pub(super) fn check_counts(interface: &NetworkInterface) -> Result<()> {
    match interface.addresses.len().max(interface.ipv6.len()) > quotas::ADDRESSES_OF_INTERFACE {
        true => Err(too_many_addresses()),
        false => Ok(()),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInterface.html>
pub(super) async fn delete_network_interface(
    ctx: Ctx,
    input: DeleteNetworkInterfaceInput,
) -> Result<DeleteNetworkInterfaceOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.network_interface_id);
        async move {
            let interface: NetworkInterface = nouns::find(&tx, home, id).await?;
            if interface.attachment.is_some() {
                let text = format!("Network interface '{id}' is currently in use.");
                return Err(error::invalid_parameter_value(text));
            }
            interface.check_own()?;
            // AWS: an Elastic IP that stands for it stays allocated, and stands for nothing.
            elastic_ips::unlink_interface(&tx, &interface).await?;
            nouns::delete(&tx, &interface);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteNetworkInterfaceOutput {})
}

#[cfg(test)]
mod tests {
    use super::{Wanted, count};
    use yakumo_api_ec2::{CreateNetworkInterfaceInput, PrivateIpAddressSpecification};

    fn entry(address: &str, primary: Option<bool>) -> PrivateIpAddressSpecification {
        PrivateIpAddressSpecification { primary, private_ip_address: Some(address.into()) }
    }

    #[test]
    fn one_address_is_primary() {
        let input =
            |primary: Option<&str>, listed: &[PrivateIpAddressSpecification]| CreateNetworkInterfaceInput {
                private_ip_address: primary.map(str::to_owned),
                private_ip_addresses: Some(listed.to_vec()),
                ..CreateNetworkInterfaceInput::default()
            };
        let found = Wanted::of(&input(None, &[entry("a", None), entry("b", Some(true))])).unwrap();
        assert_eq!((found.primary.as_deref(), found.secondary), (Some("b"), vec!["a".to_owned()]));
        let found = Wanted::of(&input(None, &[entry("a", None)])).unwrap();
        assert_eq!((found.primary, found.secondary.len()), (None, 1));
        for bad in [
            input(Some("a"), &[entry("b", Some(true))]),
            input(None, &[entry("a", Some(true)), entry("b", Some(true))]),
        ] {
            assert_eq!(Wanted::of(&bad).unwrap_err().code, "InvalidParameterCombination");
        }
    }

    #[test]
    fn counts_have_bounds() {
        assert_eq!(count(None, "c").unwrap(), 0);
        assert_eq!(count(Some(3), "c").unwrap(), 3);
        assert_eq!(count(Some(-1), "c").unwrap_err().code, "InvalidParameterValue");
        assert_eq!(count(Some(51), "c").unwrap_err().code, "PrivateIpAddressLimitExceeded");
    }
}
