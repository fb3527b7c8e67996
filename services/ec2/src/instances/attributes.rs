//! Attributes of instances, one at a time: DescribeInstanceAttribute, ModifyInstanceAttribute, ResetInstanceAttribute.
//!
//! Invariant: what a sandbox is made of (type, user data) changes only while there is none: when it is stopped.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceAttribute.html>

use super::seen::Surroundings;
use super::{Instance, State, kinds, run};
use crate::access::{self, Asked};
use crate::commit::{change, only_if, refuse};
use crate::network_interfaces;
use crate::nouns::{self, Home};
use crate::security_groups::SecurityGroup;
use crate::{error, instance_types, volumes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use yakumo_api_ec2::{
    self as api, AttributeBooleanValue, AttributeValue, DescribeInstanceAttributeInput,
    DescribeInstanceAttributeOutput, ModifyInstanceAttributeInput, ModifyInstanceAttributeOutput,
    ResetInstanceAttributeInput, ResetInstanceAttributeOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::DescribeInstanceAttribute,
        access::needs("ec2:DescribeInstanceAttribute", |input: &DescribeInstanceAttributeInput| {
            Asked::on::<Instance>(&input.instance_id)
        }),
        describe_instance_attribute,
    )
    .on(
        api::ModifyInstanceAttribute,
        access::needs("ec2:ModifyInstanceAttribute", |input: &ModifyInstanceAttributeInput| {
            let asked = Asked::on::<Instance>(&input.instance_id);
            let asked = input.groups.iter().flatten().fold(asked, |asked, id| asked.and::<SecurityGroup>(id));
            match wishes(input).unwrap_or_default().as_slice() {
                [wish] => wish.asked(asked),
                _ => asked,
            }
        }),
        modify_instance_attribute,
    )
    .on(
        api::ResetInstanceAttribute,
        access::needs("ec2:ResetInstanceAttribute", |input: &ResetInstanceAttributeInput| {
            Asked::on::<Instance>(&input.instance_id)
        }),
        reset_instance_attribute,
    )
}

/// One attribute and its new value.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wish {
    /// Devices, and whether their volumes end with the instance.
    Disks(Vec<(String, bool)>),
    DisableApiStop(bool),
    DisableApiTermination(bool),
    EbsOptimized(bool),
    Groups(Vec<String>),
    InstanceType(String),
    ShutdownBehavior(String),
    SourceDestCheck(bool),
    UserData(Vec<u8>),
}

impl Wish {
    /// The condition keys of the change.
    fn asked(&self, asked: Asked) -> Asked {
        match self {
            Wish::Disks(_) => asked.with("ec2:Attribute", vec!["BlockDeviceMapping".to_owned()]),
            Wish::DisableApiStop(on) => asked.attribute("DisableApiStop", on),
            Wish::DisableApiTermination(on) => asked.attribute("DisableApiTermination", on),
            Wish::EbsOptimized(on) => asked.attribute("EbsOptimized", on),
            Wish::Groups(groups) => asked.attribute("GroupSet", groups.join(",")),
            Wish::InstanceType(kind) => asked.attribute("InstanceType", kind),
            Wish::ShutdownBehavior(text) => asked.attribute("InstanceInitiatedShutdownBehavior", text),
            Wish::SourceDestCheck(on) => asked.attribute("SourceDestCheck", on),
            // AWS: what it says is no key's value.
            Wish::UserData(_) => asked.with("ec2:Attribute", vec!["UserData".to_owned()]),
        }
    }

    /// Whether it can be changed only while the instance is stopped.
    fn wants_rest(&self) -> bool {
        matches!(self, Wish::EbsOptimized(_) | Wish::InstanceType(_) | Wish::UserData(_))
    }
}

/// What a request wants to change.
fn wishes(input: &ModifyInstanceAttributeInput) -> Result<Vec<Wish>> {
    let on = |value: &Option<AttributeBooleanValue>| value.as_ref().and_then(|value| value.value);
    let text = |value: &Option<AttributeValue>| value.as_ref().and_then(|value| value.value.clone());
    let data = input.user_data.as_ref().map(|data| data.value.clone().unwrap_or_default().to_vec());
    let named = input.attribute.as_deref().map(|name| by_name(name, input.value.as_deref())).transpose()?;
    let disks = input.block_device_mappings.as_ref().map(|all| all.iter().map(disk).collect::<Result<_>>());
    let all = [
        named,
        disks.transpose()?.map(Wish::Disks),
        on(&input.disable_api_stop).map(Wish::DisableApiStop),
        on(&input.disable_api_termination).map(Wish::DisableApiTermination),
        on(&input.ebs_optimized).map(Wish::EbsOptimized),
        input.groups.clone().map(Wish::Groups),
        text(&input.instance_type).map(Wish::InstanceType),
        text(&input.instance_initiated_shutdown_behavior).map(Wish::ShutdownBehavior),
        on(&input.source_dest_check).map(Wish::SourceDestCheck),
        data.map(Wish::UserData),
    ];
    Ok(all.into_iter().flatten().collect())
}

/// AWS: of a mapping only DeleteOnTermination can be changed.
fn disk(mapping: &api::InstanceBlockDeviceMappingSpecification) -> Result<(String, bool)> {
    refuse(&[
        ("BlockDeviceMapping.NoDevice", mapping.no_device.is_some()),
        ("BlockDeviceMapping.VirtualName", mapping.virtual_name.is_some()),
    ])?;
    let device = mapping.device_name.clone();
    let device = device.ok_or_else(|| error::missing_parameter("BlockDeviceMapping.DeviceName"))?;
    let deletes = mapping.ebs.as_ref().and_then(|ebs| ebs.delete_on_termination);
    let deletes =
        deletes.ok_or_else(|| error::missing_parameter("BlockDeviceMapping.Ebs.DeleteOnTermination"))?;
    Ok((device, deletes))
}

/// The old form of a request: the name of one attribute, and its value as a text.
fn by_name(name: &str, value: Option<&str>) -> Result<Wish> {
    let value = value.ok_or_else(|| error::missing_parameter("value"))?;
    let on = || match value {
        "true" => Ok(true),
        "false" => Ok(false),
        other => Err(error::invalid_value(other, "value", "Expected true or false.")),
    };
    match name {
        "disableApiStop" => Ok(Wish::DisableApiStop(on()?)),
        "disableApiTermination" => Ok(Wish::DisableApiTermination(on()?)),
        "ebsOptimized" => Ok(Wish::EbsOptimized(on()?)),
        "instanceInitiatedShutdownBehavior" => Ok(Wish::ShutdownBehavior(value.to_owned())),
        "instanceType" => Ok(Wish::InstanceType(value.to_owned())),
        "sourceDestCheck" => Ok(Wish::SourceDestCheck(on()?)),
        "userData" => {
            let data = run::user_data(Some(value))?.unwrap_or_default();
            Ok(Wish::UserData(STANDARD.decode(data).map_err(Error::internal)?))
        }
        "enaSupport" | "enclaveOptions" | "kernel" | "ramdisk" | "sriovNetSupport" => {
            Err(error::not_implemented(&format!("changing the attribute {name} of an instance")))
        }
        other => Err(error::invalid_value(other, "attribute", "Unknown attribute.")),
    }
}

async fn modify_instance_attribute(
    ctx: Ctx,
    input: ModifyInstanceAttributeInput,
) -> Result<ModifyInstanceAttributeOutput> {
    refuse(&[
        ("EnaSupport", input.ena_support.is_some()),
        ("EnclaveOptions", input.enclave_options.is_some()),
        ("Kernel", input.kernel.is_some()),
        ("Ramdisk", input.ramdisk.is_some()),
        ("SriovNetSupport", input.sriov_net_support.is_some()),
    ])?;
    let wishes = wishes(&input)?;
    let wish = match wishes.as_slice() {
        [wish] => wish,
        [] => return Err(error::invalid_parameter_combination("No attributes specified.")),
        _ => {
            let text =
                "Fields for multiple attribute types specified. Only one attribute can be modified at a time";
            return Err(error::invalid_parameter_combination(text));
        }
    };
    change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.instance_id);
        async move {
            let before: Instance = nouns::find(&tx, home, id).await?;
            let after = changed(&before, wish)?;
            match wish {
                Wish::Disks(disks) => {
                    for (device, deletes) in disks {
                        volumes::ends_with(&tx, home, id, device, *deletes).await?;
                    }
                }
                Wish::Groups(groups) => network_interfaces::regroup(&tx, home, id, groups).await?,
                Wish::SourceDestCheck(on) => network_interfaces::check_sources(&tx, home, id, *on).await?,
                Wish::InstanceType(kind) => {
                    kinds::check_image(&tx, home, kind, &before.image).await?;
                    network_interfaces::fit(&tx, home, id, kind).await?;
                }
                _ => {}
            }
            if after != before {
                nouns::put(&tx, Some(&before), &after);
            }
            Ok(())
        }
    })
    .await?;
    Ok(ModifyInstanceAttributeOutput {})
}

/// The instance with that attribute; those of its interface are not its own.
fn changed(before: &Instance, wish: &Wish) -> Result<Instance> {
    if matches!(before.state, State::ShuttingDown | State::Terminated) {
        let text = format!("The instance '{}' is not in a state from which it can be modified.", before.id);
        return Err(Error::sender("IncorrectInstanceState", text));
    }
    if wish.wants_rest() && before.state != State::Stopped {
        let text = format!("The instance '{}' is not in the 'stopped' state.", before.id);
        return Err(Error::sender("IncorrectInstanceState", text));
    }
    let mut after = before.clone();
    match wish {
        Wish::DisableApiStop(on) => after.never_stops = *on,
        Wish::DisableApiTermination(on) => after.keeps_running = *on,
        Wish::EbsOptimized(on) => {
            kinds::check_ebs(&before.kind, *on)?;
            after.ebs_optimized = *on;
        }
        Wish::InstanceType(kind) => {
            instance_types::require(kind)?;
            kinds::check_ebs(kind, before.ebs_optimized)?;
            after.kind.clone_from(kind);
        }
        Wish::ShutdownBehavior(text) => after.ends_with_shutdown = run::ends_with_shutdown(Some(text))?,
        Wish::UserData(data) => after.user_data = run::user_data(Some(&STANDARD.encode(data)))?,
        Wish::Disks(_) | Wish::Groups(_) | Wish::SourceDestCheck(_) => {}
    }
    Ok(after)
}

/// AWS: only kernel, ramdisk and sourceDestCheck have a value that they go back to.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ResetInstanceAttribute.html>
async fn reset_instance_attribute(
    ctx: Ctx,
    input: ResetInstanceAttributeInput,
) -> Result<ResetInstanceAttributeOutput> {
    match input.attribute.as_str() {
        "sourceDestCheck" => {}
        "kernel" | "ramdisk" => {
            return Err(error::not_implemented(&format!("resetting the attribute {}", input.attribute)));
        }
        other => return Err(error::invalid_value(other, "attribute", "It cannot be reset.")),
    }
    change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.instance_id);
        async move {
            changed(&nouns::find(&tx, home, id).await?, &Wish::SourceDestCheck(true))?;
            network_interfaces::check_sources(&tx, home, id, true).await
        }
    })
    .await?;
    Ok(ResetInstanceAttributeOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceAttribute.html>
async fn describe_instance_attribute(
    ctx: Ctx,
    input: DescribeInstanceAttributeInput,
) -> Result<DescribeInstanceAttributeOutput> {
    let instance: Instance = nouns::look_up(&ctx, Home::of(&ctx), &input.instance_id).await?;
    let shown = Surroundings::read(&ctx).await?.shown(&instance);
    only_if(input.dry_run)?;
    let on = |value: bool| Some(AttributeBooleanValue { value: Some(value) });
    let text = |value: Option<String>| Some(AttributeValue { value });
    let mut output = DescribeInstanceAttributeOutput {
        instance_id: Some(instance.id.clone()),
        ..DescribeInstanceAttributeOutput::default()
    };
    match input.attribute.as_str() {
        "blockDeviceMapping" => output.block_device_mappings = shown.block_device_mappings,
        "disableApiStop" => output.disable_api_stop = on(instance.never_stops),
        "disableApiTermination" => output.disable_api_termination = on(instance.keeps_running),
        "ebsOptimized" => output.ebs_optimized = on(instance.ebs_optimized),
        "enaSupport" => output.ena_support = on(shown.ena_support == Some(true)),
        "enclaveOptions" => output.enclave_options = Some(api::EnclaveOptions { enabled: Some(false) }),
        "groupSet" => output.groups = shown.security_groups,
        "instanceInitiatedShutdownBehavior" => {
            let behavior = if instance.ends_with_shutdown { "terminate" } else { "stop" };
            output.instance_initiated_shutdown_behavior = text(Some(behavior.to_owned()));
        }
        "instanceType" => output.instance_type = text(Some(instance.kind)),
        // AWS: what starts from a disk has neither; their elements come empty.
        "kernel" => output.kernel_id = text(None),
        "ramdisk" => output.ramdisk_id = text(None),
        "sriovNetSupport" => output.sriov_net_support = text(None),
        "productCodes" => output.product_codes = Some(Vec::new()),
        "rootDeviceName" => output.root_device_name = text(shown.root_device_name),
        "sourceDestCheck" => output.source_dest_check = shown.source_dest_check.and_then(on),
        "userData" => output.user_data = text(instance.user_data),
        other => return Err(error::invalid_value(other, "attribute", "Unknown attribute.")),
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::{Wish, by_name};

    #[test]
    fn attributes_have_names_and_values() {
        for (name, value, expected) in [
            ("disableApiTermination", "true", Some(Wish::DisableApiTermination(true))),
            ("instanceType", "t3.small", Some(Wish::InstanceType("t3.small".into()))),
            ("userData", "eA==", Some(Wish::UserData(b"x".to_vec()))),
            ("disableApiTermination", "yes", None),
            ("userData", "#!", None),
            ("kernel", "aki-1", None),
            ("colour", "red", None),
        ] {
            assert_eq!(by_name(name, Some(value)).ok(), expected, "{name}={value}");
        }
        assert_eq!(by_name("instanceType", None).unwrap_err().code, "MissingParameter");
    }
}
