//! DescribeAccountAttributes: what is true of an account in a region.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAccountAttributes.html>

use crate::commit::only_if;
use crate::nouns::{ALL, Home};
use crate::vpcs::Vpc;
use crate::{access, error};
use yakumo_api_ec2::{
    self as api, AccountAttribute, AccountAttributeValue, DescribeAccountAttributesInput,
    DescribeAccountAttributesOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

/// Registers the operation of this file.
pub(crate) fn register(room: Room) -> Room {
    let access = access::reads("ec2:DescribeAccountAttributes");
    room.on(api::DescribeAccountAttributes, access, describe_account_attributes)
}

async fn describe_account_attributes(
    ctx: Ctx,
    input: DescribeAccountAttributesInput,
) -> Result<DescribeAccountAttributesOutput> {
    let vpcs: Vec<Vpc> = ctx.list(&Home::of(&ctx).scope(), &[], None, ALL).await?;
    let default = vpcs.iter().find(|vpc| vpc.is_default).map_or("none", |vpc| vpc.id.as_str());
    // AWS: an account of the new kind has its default VPC and no EC2-Classic; the limits are the defaults of each
    // account, for EC2-Classic's addresses and groups, too, which stayed in the answer.
    let all: [(&str, &str); 6] = [
        ("supported-platforms", "VPC"),
        ("vpc-max-security-groups-per-interface", "5"),
        ("max-elastic-ips", "5"),
        ("max-instances", "20"),
        ("vpc-max-elastic-ips", "5"),
        ("default-vpc", default),
    ];
    let names = input.attribute_names.unwrap_or_default();
    if let Some(name) = names.iter().find(|name| !all.iter().any(|(known, _)| known == name)) {
        return Err(error::invalid_value(name, "attributeName", "Unknown attribute."));
    }
    only_if(input.dry_run)?;
    let wanted = all.iter().filter(|(name, _)| names.is_empty() || names.iter().any(|asked| asked == name));
    let shown = wanted.map(|(name, value)| AccountAttribute {
        attribute_name: Some((*name).to_owned()),
        attribute_values: Some(vec![AccountAttributeValue { attribute_value: Some((*value).to_owned()) }]),
    });
    Ok(DescribeAccountAttributesOutput { account_attributes: Some(shown.collect()) })
}
