//! Attributes of network interfaces, one at a time.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyNetworkInterfaceAttribute.html>

use super::seen::{Around, attachment};
use super::{NetworkInterface, life};
use crate::access::{self, Asked};
use crate::commit::{change, only_if, refuse};
use crate::error;
use crate::nouns::{self, Home};
use crate::security_groups::SecurityGroup;
use crate::subnets::Subnet;
use yakumo_api_ec2::{
    self as api, AttributeBooleanValue, AttributeValue, DescribeNetworkInterfaceAttributeInput,
    DescribeNetworkInterfaceAttributeOutput, ModifyNetworkInterfaceAttributeInput,
    ModifyNetworkInterfaceAttributeOutput, ResetNetworkInterfaceAttributeInput,
    ResetNetworkInterfaceAttributeOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::DescribeNetworkInterfaceAttribute,
        access::reads("ec2:DescribeNetworkInterfaceAttribute"),
        describe_network_interface_attribute,
    )
    .on(
        api::ModifyNetworkInterfaceAttribute,
        access::needs(
            "ec2:ModifyNetworkInterfaceAttribute",
            |input: &ModifyNetworkInterfaceAttributeInput| {
                let asked = Asked::on::<NetworkInterface>(&input.network_interface_id);
                match wanted(input).as_slice() {
                    [Wish::Description(text)] => asked.attribute("Description", text),
                    [Wish::SourceDestCheck(value)] => asked.attribute("SourceDestCheck", value),
                    [Wish::Groups(groups)] => groups
                        .iter()
                        .fold(asked, |asked, group| asked.and::<SecurityGroup>(group))
                        .attribute("GroupSet", groups.join(",")),
                    _ => asked,
                }
            },
        ),
        modify_network_interface_attribute,
    )
    .on(
        api::ResetNetworkInterfaceAttribute,
        access::needs("ec2:ResetNetworkInterfaceAttribute", |input: &ResetNetworkInterfaceAttributeInput| {
            Asked::on::<NetworkInterface>(&input.network_interface_id)
        }),
        reset_network_interface_attribute,
    )
}

/// One attribute and its new value.
#[derive(Clone, Debug)]
enum Wish {
    Description(String),
    SourceDestCheck(bool),
    Groups(Vec<String>),
    /// The id of an attachment, and whether the interface goes with the instance.
    Attachment(String, bool),
}

fn wanted(input: &ModifyNetworkInterfaceAttributeInput) -> Vec<Wish> {
    let description = input.description.as_ref().and_then(|text| text.value.clone());
    let check = input.source_dest_check.as_ref().and_then(|check| check.value);
    let attachment = input.attachment.as_ref().and_then(|attachment| {
        Some(Wish::Attachment(attachment.attachment_id.clone()?, attachment.delete_on_termination?))
    });
    [
        description.map(Wish::Description),
        check.map(Wish::SourceDestCheck),
        input.groups.clone().map(Wish::Groups),
        attachment,
    ]
    .into_iter()
    .flatten()
    .collect()
}

async fn modify_network_interface_attribute(
    ctx: Ctx,
    input: ModifyNetworkInterfaceAttributeInput,
) -> Result<ModifyNetworkInterfaceAttributeOutput> {
    let changes = input.attachment.as_ref();
    let queues = changes.is_some_and(|changes| changes.ena_queue_count.is_some());
    let default_queues = changes.is_some_and(|changes| changes.default_ena_queue_count.is_some());
    refuse(&[
        ("EnaSrdSpecification", input.ena_srd_specification.is_some()),
        ("EnablePrimaryIpv6", input.enable_primary_ipv6.is_some()),
        ("ConnectionTrackingSpecification", input.connection_tracking_specification.is_some()),
        ("AssociatePublicIpAddress", input.associate_public_ip_address.is_some()),
        ("AssociatedSubnetId", input.associated_subnet_ids.is_some()),
        ("Attachment.DefaultEnaQueueCount", default_queues),
        ("Attachment.EnaQueueCount", queues),
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
    if let Wish::Description(text) = wish {
        life::check_description(text)?;
    }
    change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.network_interface_id);
        async move {
            let before: NetworkInterface = nouns::find(&tx, home, id).await?;
            before.check_own()?;
            let mut after = before.clone();
            match wish {
                Wish::Description(text) => after.description.clone_from(text),
                Wish::SourceDestCheck(value) => after.source_dest_check = *value,
                Wish::Groups(groups) if groups.is_empty() => {
                    return Err(error::missing_parameter("groupId"));
                }
                Wish::Groups(groups) => {
                    let subnet: Subnet = nouns::find(&tx, home, &before.subnet).await?;
                    after.groups = life::groups(&tx, &subnet, Some(groups)).await?;
                }
                Wish::Attachment(attachment, deletes) => match &mut after.attachment {
                    Some(own) if own.id == *attachment => own.delete_on_termination = *deletes,
                    _ => {
                        let text = format!("The attachment ID '{attachment}' does not exist");
                        return Err(Error::sender("InvalidAttachmentID.NotFound", text));
                    }
                },
            }
            nouns::put(&tx, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(ModifyNetworkInterfaceAttributeOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ResetNetworkInterfaceAttribute.html>
async fn reset_network_interface_attribute(
    ctx: Ctx,
    input: ResetNetworkInterfaceAttributeInput,
) -> Result<ResetNetworkInterfaceAttributeOutput> {
    if input.source_dest_check.is_none() {
        return Err(error::missing_parameter("sourceDestCheck"));
    }
    change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.network_interface_id);
        async move {
            let before: NetworkInterface = nouns::find(&tx, home, id).await?;
            before.check_own()?;
            let after = NetworkInterface { source_dest_check: true, ..before.clone() };
            nouns::put(&tx, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(ResetNetworkInterfaceAttributeOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaceAttribute.html>
async fn describe_network_interface_attribute(
    ctx: Ctx,
    input: DescribeNetworkInterfaceAttributeInput,
) -> Result<DescribeNetworkInterfaceAttributeOutput> {
    let wanted = input.attribute.as_deref().ok_or_else(|| error::missing_parameter("attribute"))?;
    let interface: NetworkInterface =
        nouns::look_up(&ctx, Home::of(&ctx), &input.network_interface_id).await?;
    let mut output = DescribeNetworkInterfaceAttributeOutput {
        network_interface_id: Some(interface.id.clone()),
        ..DescribeNetworkInterfaceAttributeOutput::default()
    };
    match wanted {
        "description" => output.description = Some(AttributeValue { value: Some(interface.description) }),
        "groupSet" => output.groups = Some(Around::read(&ctx).await?.groups(&interface)),
        "sourceDestCheck" => {
            output.source_dest_check =
                Some(AttributeBooleanValue { value: Some(interface.source_dest_check) });
        }
        "attachment" => output.attachment = attachment(&interface),
        // Only an instance's launch gives public addresses by itself.
        "associatePublicIpAddress" => output.associate_public_ip_address = Some(false),
        other => return Err(error::invalid_value(other, "attribute", "Unknown attribute.")),
    }
    only_if(input.dry_run)?;
    Ok(output)
}
