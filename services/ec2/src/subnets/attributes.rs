//! Attributes of subnets, one at a time.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySubnetAttribute.html>

use super::Subnet;
use crate::access::{self, Asked};
use crate::commit::{change, refuse};
use crate::error;
use crate::nouns::{self, Home};
use yakumo_api_ec2::{
    self as api, AttributeBooleanValue, ModifySubnetAttributeInput, ModifySubnetAttributeOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

/// Registers the operation of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::ModifySubnetAttribute,
        access::needs("ec2:ModifySubnetAttribute", |input: &ModifySubnetAttributeInput| {
            let asked = Asked::on::<Subnet>(&input.subnet_id);
            match wanted(input).as_slice() {
                [Wish::Flag(name, value)] => asked.attribute(name, value),
                [Wish::HostnameType(value)] => asked.attribute("PrivateDnsHostnameTypeOnLaunch", value),
                _ => asked,
            }
        }),
        modify_subnet_attribute,
    )
}

/// One attribute and its new value.
#[derive(Clone, Debug)]
enum Wish {
    Flag(&'static str, bool),
    HostnameType(String),
}

fn wanted(input: &ModifySubnetAttributeInput) -> Vec<Wish> {
    let flag = |name, value: &Option<AttributeBooleanValue>| Some(Wish::Flag(name, value.as_ref()?.value?));
    let flags = [
        flag("AssignIpv6AddressOnCreation", &input.assign_ipv6_address_on_creation),
        flag("MapPublicIpOnLaunch", &input.map_public_ip_on_launch),
        flag("MapCustomerOwnedIpOnLaunch", &input.map_customer_owned_ip_on_launch),
        flag("EnableDns64", &input.enable_dns64),
        flag("EnableResourceNameDnsARecordOnLaunch", &input.enable_resource_name_dns_a_record_on_launch),
        flag(
            "EnableResourceNameDnsAAAARecordOnLaunch",
            &input.enable_resource_name_dns_aaaa_record_on_launch,
        ),
    ];
    let name = input.private_dns_hostname_type_on_launch.clone().map(Wish::HostnameType);
    flags.into_iter().chain([name]).flatten().collect()
}

async fn modify_subnet_attribute(
    ctx: Ctx,
    input: ModifySubnetAttributeInput,
) -> Result<ModifySubnetAttributeOutput> {
    refuse(&[
        ("CustomerOwnedIpv4Pool", input.customer_owned_ipv4_pool.is_some()),
        ("EnableLniAtDeviceIndex", input.enable_lni_at_device_index.is_some()),
        ("DisableLniAtDeviceIndex", input.disable_lni_at_device_index.is_some()),
    ])?;
    let wishes = wanted(&input);
    let wish = match wishes.as_slice() {
        [wish] => wish,
        [] => return Err(error::missing_parameter("attribute")),
        _ => {
            let text =
                "Fields for multiple attribute types specified. Only one attribute can be modified at a time";
            return Err(error::invalid_parameter_combination(text));
        }
    };
    change(&ctx, None, |tx| {
        let (home, id) = (Home::of(&ctx), &input.subnet_id);
        async move {
            let before: Subnet = nouns::find(&tx, home, id).await?;
            let mut after = before.clone();
            set(&mut after, wish)?;
            nouns::put(&tx, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(ModifySubnetAttributeOutput {})
}

fn set(subnet: &mut Subnet, wish: &Wish) -> Result<()> {
    match wish {
        Wish::Flag("AssignIpv6AddressOnCreation", value) => {
            if *value && subnet.ipv6.is_empty() {
                let text = format!("Subnet {} does not have an IPv6 CIDR block", subnet.id);
                return Err(error::invalid_parameter_value(text));
            }
            subnet.assigns_ipv6 = *value;
        }
        Wish::Flag("MapPublicIpOnLaunch", value) => subnet.maps_public_ip = *value,
        Wish::Flag("EnableResourceNameDnsARecordOnLaunch", value) => subnet.resource_name_a = *value,
        Wish::Flag("EnableResourceNameDnsAAAARecordOnLaunch", value) => subnet.resource_name_aaaa = *value,
        // What cannot be switched on can be switched off.
        Wish::Flag(_, false) => {}
        Wish::Flag(name, true) => return Err(error::not_implemented(&format!("the parameter {name}"))),
        Wish::HostnameType(value) if ["ip-name", "resource-name"].contains(&value.as_str()) => {
            subnet.hostname_type.clone_from(value);
        }
        Wish::HostnameType(value) => {
            return Err(error::invalid_value(
                value,
                "privateDnsHostnameTypeOnLaunch",
                "Unknown hostname type.",
            ));
        }
    }
    Ok(())
}
