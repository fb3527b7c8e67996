//! The attributes of an image: its description, who may launch it, and when it is out of date.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/sharing-amis.html>

use super::{Image, own};
use crate::access::{self, Asked};
use crate::commit::{change, refuse};
use crate::error;
use crate::nouns::{self, Home, Noun};
use crate::snapshots::{Permissions, Who, changes};
use crate::volumes::mappings::Mapping;
use yakumo_api_ec2::{
    self as api, AttributeValue, DescribeImageAttributeInput, DescribeImageAttributeOutput,
    DisableImageDeprecationInput, DisableImageDeprecationOutput, EnableImageDeprecationInput,
    EnableImageDeprecationOutput, LaunchPermission, ModifyImageAttributeInput, ModifyImageAttributeOutput,
    ResetImageAttributeInput, ResetImageAttributeOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::ModifyImageAttribute,
        access::needs("ec2:ModifyImageAttribute", |input: &ModifyImageAttributeInput| {
            Asked::on::<Image>(&input.image_id)
        }),
        modify_image_attribute,
    )
    .on(
        api::DescribeImageAttribute,
        access::needs("ec2:DescribeImageAttribute", |input: &DescribeImageAttributeInput| {
            Asked::on::<Image>(&input.image_id)
        }),
        describe_image_attribute,
    )
    .on(
        api::ResetImageAttribute,
        access::needs("ec2:ResetImageAttribute", |input: &ResetImageAttributeInput| {
            Asked::on::<Image>(&input.image_id)
        }),
        reset_image_attribute,
    )
    .on(
        api::EnableImageDeprecation,
        access::needs("ec2:EnableImageDeprecation", |input: &EnableImageDeprecationInput| {
            Asked::on::<Image>(&input.image_id)
        }),
        enable_image_deprecation,
    )
    .on(
        api::DisableImageDeprecation,
        access::needs("ec2:DisableImageDeprecation", |input: &DisableImageDeprecationInput| {
            Asked::on::<Image>(&input.image_id)
        }),
        disable_image_deprecation,
    )
}

async fn set(
    ctx: &Ctx,
    dry_run: Option<bool>,
    id: &str,
    step: impl Fn(&Image) -> Result<Image> + Sync,
) -> Result<()> {
    change(ctx, dry_run, |tx| {
        let step = &step;
        async move {
            let before = own(&tx, Home::of(ctx), id).await?;
            nouns::put(&tx, Some(&before), &step(&before)?);
            Ok(())
        }
    })
    .await
}

fn who(list: Option<&Vec<LaunchPermission>>) -> Result<Vec<Who>> {
    let mut all = Vec::new();
    for one in list.into_iter().flatten() {
        refuse(&[
            ("LaunchPermission.OrganizationArn", one.organization_arn.is_some()),
            ("LaunchPermission.OrganizationalUnitArn", one.organizational_unit_arn.is_some()),
        ])?;
        all.extend(one.group.clone().map(Who::Group).or_else(|| one.user_id.clone().map(Who::Account)));
    }
    Ok(all)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyImageAttribute.html>
async fn modify_image_attribute(
    ctx: Ctx,
    input: ModifyImageAttributeInput,
) -> Result<ModifyImageAttributeOutput> {
    refuse(&[
        ("ProductCode", input.product_codes.is_some()),
        ("OrganizationArn", input.organization_arns.is_some()),
        ("OrganizationalUnitArn", input.organizational_unit_arns.is_some()),
        ("ImdsSupport", input.imds_support.is_some()),
    ])?;
    let named = input.attribute.as_deref();
    let description = match (&input.description, named) {
        (Some(description), _) => Some(description.value.clone().unwrap_or_default()),
        (None, Some("description")) => Some(input.value.clone().unwrap_or_default()),
        _ => None,
    };
    if let Some(description) = description {
        let step = |before: &Image| Ok(Image { description: description.clone(), ..before.clone() });
        set(&ctx, input.dry_run, &input.image_id, step).await?;
        return Ok(ModifyImageAttributeOutput {});
    }
    match named {
        None | Some("launchPermission") => {}
        Some("imdsSupport" | "productCodes") => {
            return Err(error::not_implemented("this attribute of images"));
        }
        Some(other) => return Err(error::invalid_value(other, "attribute", "Unknown attribute.")),
    }
    let lists = match &input.launch_permission {
        Some(lists) => Some((who(lists.add.as_ref())?, who(lists.remove.as_ref())?)),
        None => None,
    };
    let operation = input.operation_type.as_deref();
    let (add, remove) = changes(lists, operation, input.user_groups.as_ref(), input.user_ids.as_ref())?;
    let step = |before: &Image| {
        Ok(Image { permissions: before.permissions.changed(&add, &remove)?, ..before.clone() })
    };
    set(&ctx, input.dry_run, &input.image_id, step).await?;
    Ok(ModifyImageAttributeOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImageAttribute.html>
async fn describe_image_attribute(
    ctx: Ctx,
    input: DescribeImageAttributeInput,
) -> Result<DescribeImageAttributeOutput> {
    let id = &input.image_id;
    let image = change(&ctx, input.dry_run, |tx| {
        let ctx = &ctx;
        async move { own(&tx, Home::of(ctx), id).await }
    })
    .await?;
    let value = |value: &str| Some(AttributeValue { value: Some(value.to_owned()) });
    let mut output = DescribeImageAttributeOutput {
        image_id: Some(Noun::id(&image).to_owned()),
        ..DescribeImageAttributeOutput::default()
    };
    match input.attribute.as_str() {
        "description" => output.description = value(&image.description),
        "launchPermission" => {
            let Permissions { all, accounts } = image.permissions;
            let group = all.then(|| LaunchPermission { group: Some("all".into()), ..Default::default() });
            let users = accounts
                .into_iter()
                .map(|id| LaunchPermission { user_id: Some(id), ..LaunchPermission::default() });
            output.launch_permissions = Some(group.into_iter().chain(users).collect());
        }
        "blockDeviceMapping" => {
            output.block_device_mappings = Some(image.mappings.iter().map(Mapping::shown).collect());
        }
        "productCodes" => output.product_codes = Some(Vec::new()),
        "bootMode" => output.boot_mode = value("uefi-preferred"),
        "sriovNetSupport" => output.sriov_net_support = value("simple"),
        "deregistrationProtection" => output.deregistration_protection = value("disabled"),
        // No image has one of these.
        "kernel" | "ramdisk" | "tpmSupport" | "imdsSupport" | "lastLaunchedTime" | "uefiData" => {}
        other => return Err(error::invalid_value(other, "attribute", "Unknown attribute.")),
    }
    Ok(output)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ResetImageAttribute.html>
async fn reset_image_attribute(
    ctx: Ctx,
    input: ResetImageAttributeInput,
) -> Result<ResetImageAttributeOutput> {
    if input.attribute != "launchPermission" {
        return Err(error::invalid_value(
            &input.attribute,
            "attribute",
            "Only launchPermission can be reset.",
        ));
    }
    let step = |before: &Image| Ok(Image { permissions: Permissions::default(), ..before.clone() });
    set(&ctx, input.dry_run, &input.image_id, step).await?;
    Ok(ResetImageAttributeOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableImageDeprecation.html>
async fn enable_image_deprecation(
    ctx: Ctx,
    input: EnableImageDeprecationInput,
) -> Result<EnableImageDeprecationOutput> {
    let at = input.deprecate_at;
    if at.as_millis() <= ctx.now().as_millis() {
        let text = "The deprecation date must be in the future.";
        return Err(error::invalid_parameter_value(text));
    }
    let step = |before: &Image| Ok(Image { deprecated: Some(at), ..before.clone() });
    set(&ctx, input.dry_run, &input.image_id, step).await?;
    Ok(EnableImageDeprecationOutput { r#return: Some(true) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisableImageDeprecation.html>
async fn disable_image_deprecation(
    ctx: Ctx,
    input: DisableImageDeprecationInput,
) -> Result<DisableImageDeprecationOutput> {
    let step = |before: &Image| Ok(Image { deprecated: None, ..before.clone() });
    set(&ctx, input.dry_run, &input.image_id, step).await?;
    Ok(DisableImageDeprecationOutput { r#return: Some(true) })
}
