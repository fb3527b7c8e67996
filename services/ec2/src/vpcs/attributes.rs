//! Attributes of VPCs, one at a time, and their tenancy.

use super::Vpc;
use crate::access::{self, Asked};
use crate::commit::{change, only_if};
use crate::error;
use crate::nouns::{self, Home};
use yakumo_api_ec2::{
    self as api, AttributeBooleanValue, DescribeVpcAttributeInput, DescribeVpcAttributeOutput,
    ModifyVpcAttributeInput, ModifyVpcAttributeOutput, ModifyVpcTenancyInput, ModifyVpcTenancyOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::DescribeVpcAttribute,
        access::needs("ec2:DescribeVpcAttribute", |input: &DescribeVpcAttributeInput| {
            Asked::on::<Vpc>(&input.vpc_id)
        }),
        describe_vpc_attribute,
    )
    .on(
        api::ModifyVpcAttribute,
        access::needs("ec2:ModifyVpcAttribute", |input: &ModifyVpcAttributeInput| {
            let asked = Asked::on::<Vpc>(&input.vpc_id);
            match wanted(input).as_slice() {
                [(name, value)] => asked.attribute(name, value),
                _ => asked,
            }
        }),
        modify_vpc_attribute,
    )
    .on(
        api::ModifyVpcTenancy,
        access::needs("ec2:ModifyVpcTenancy", |input: &ModifyVpcTenancyInput| {
            Asked::on::<Vpc>(&input.vpc_id).attribute("InstanceTenancy", &input.instance_tenancy)
        }),
        modify_vpc_tenancy,
    )
}

fn wanted(input: &ModifyVpcAttributeInput) -> Vec<(&'static str, bool)> {
    let given = [
        ("EnableDnsHostnames", &input.enable_dns_hostnames),
        ("EnableDnsSupport", &input.enable_dns_support),
        ("EnableNetworkAddressUsageMetrics", &input.enable_network_address_usage_metrics),
    ];
    let given = given.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?.value?)));
    given.collect()
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcAttribute.html>
async fn describe_vpc_attribute(
    ctx: Ctx,
    input: DescribeVpcAttributeInput,
) -> Result<DescribeVpcAttributeOutput> {
    let vpc: Vpc = nouns::look_up(&ctx, Home::of(&ctx), &input.vpc_id).await?;
    let mut output = DescribeVpcAttributeOutput { vpc_id: Some(vpc.id), ..Default::default() };
    let value = |value| Some(AttributeBooleanValue { value: Some(value) });
    match input.attribute.as_str() {
        "enableDnsHostnames" => output.enable_dns_hostnames = value(vpc.dns_hostnames),
        "enableDnsSupport" => output.enable_dns_support = value(vpc.dns_support),
        // There are no such metrics here, and nobody can switch them on.
        "enableNetworkAddressUsageMetrics" => output.enable_network_address_usage_metrics = value(false),
        other => return Err(error::invalid_value(other, "attribute", "Unknown attribute.")),
    }
    only_if(input.dry_run)?;
    Ok(output)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcAttribute.html>
async fn modify_vpc_attribute(ctx: Ctx, input: ModifyVpcAttributeInput) -> Result<ModifyVpcAttributeOutput> {
    let (name, value) = match wanted(&input).as_slice() {
        [one] => *one,
        [] => return Err(error::missing_parameter("attribute")),
        _ => {
            let text =
                "Fields for multiple attribute types specified. Only one attribute can be modified at a time";
            return Err(error::invalid_parameter_combination(text));
        }
    };
    if name == "EnableNetworkAddressUsageMetrics" && value {
        return Err(error::not_implemented("the parameter EnableNetworkAddressUsageMetrics"));
    }
    change(&ctx, None, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let before: Vpc = nouns::find(&tx, Home::of(ctx), &input.vpc_id).await?;
            let mut after = before.clone();
            match name {
                "EnableDnsHostnames" => after.dns_hostnames = value,
                "EnableDnsSupport" => after.dns_support = value,
                _ => {}
            }
            nouns::put(&tx, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(ModifyVpcAttributeOutput {})
}

/// AWS: "You can only change the instance tenancy attribute value to default."
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcTenancy.html>
async fn modify_vpc_tenancy(ctx: Ctx, input: ModifyVpcTenancyInput) -> Result<ModifyVpcTenancyOutput> {
    if input.instance_tenancy != "default" {
        let reason = "The tenancy of a VPC can only be changed to default.";
        return Err(error::invalid_value(input.instance_tenancy, "instanceTenancy", reason));
    }
    change(&ctx, input.dry_run, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let before: Vpc = nouns::find(&tx, Home::of(ctx), &input.vpc_id).await?;
            let after = Vpc { tenancy: "default".into(), ..before.clone() };
            nouns::put(&tx, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(ModifyVpcTenancyOutput { return_value: Some(true) })
}
