//! How security groups come and go, and how they are found by name.

use super::{DEFAULT, SecurityGroup, all_out};
use crate::access::{self, Asked};
use crate::commit::change;
use crate::nouns::{self, ALL, Home, Noun, new_id};
use crate::tags;
use crate::vpcs::Vpc;
use crate::{dependents, error, quotas};
use yakumo_api_ec2::{
    self as api, CreateSecurityGroupInput, CreateSecurityGroupOutput, DeleteSecurityGroupInput,
    DeleteSecurityGroupOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Resource, Room, Tx};

const TEXT_MAX_CHARS: usize = 255;

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::CreateSecurityGroup,
        access::looked_up("ec2:CreateSecurityGroup", |ctx, input: &CreateSecurityGroupInput| {
            Box::pin(async move {
                let tags = input.tag_specifications.as_ref();
                let vpc = match &input.vpc_id {
                    Some(id) => Some(id.clone()),
                    None => default_vpc(ctx).await?.map(|vpc| vpc.id),
                };
                Ok(Asked::any().making::<SecurityGroup>(tags).and_maybe::<Vpc>(vpc.as_deref()))
            })
        }),
        create_security_group,
    )
    .on(
        api::DeleteSecurityGroup,
        access::looked_up("ec2:DeleteSecurityGroup", |ctx, input: &DeleteSecurityGroupInput| {
            Box::pin(of_caller(ctx, input.group_id.as_deref(), input.group_name.as_deref()))
        }),
        delete_security_group,
    )
}

async fn default_vpc(ctx: &Ctx) -> Result<Option<Vpc>> {
    let vpcs: Vec<Vpc> = ctx.list(&Home::of(ctx).scope(), &[], None, ALL).await?;
    Ok(vpcs.into_iter().find(|vpc| vpc.is_default))
}

/// What a request asks for that names a group by id, or by name in the default VPC.
pub(crate) async fn of_caller(ctx: &Ctx, id: Option<&str>, name: Option<&str>) -> Result<Asked> {
    if let Some(id) = id {
        return Ok(Asked::on::<SecurityGroup>(id));
    }
    let vpc = default_vpc(ctx).await?;
    let groups: Vec<SecurityGroup> = ctx.list(&Home::of(ctx).scope(), &[], None, ALL).await?;
    let has = |group: &&SecurityGroup| {
        Some(group.name.as_str()) == name && vpc.as_ref().is_some_and(|vpc| vpc.id == group.vpc)
    };
    Ok(Asked::on::<SecurityGroup>(groups.iter().find(has).map_or("", |group| group.id.as_str())))
}

/// The group that a request names by id, or by name in the default VPC.
pub(crate) async fn named(
    tx: &Tx,
    home: Home,
    id: Option<&str>,
    name: Option<&str>,
) -> Result<SecurityGroup> {
    let name = match (id, name) {
        (Some(id), _) => return nouns::find(tx, home, id).await,
        (None, Some(name)) => name,
        (None, None) => return Err(error::missing_parameter("groupName or groupId")),
    };
    let vpcs: Vec<Vpc> = nouns::all(tx, home).await?;
    let vpc = vpcs.iter().find(|vpc| vpc.is_default).ok_or_else(no_default_vpc)?;
    let groups: Vec<SecurityGroup> = nouns::all(tx, home).await?;
    let found = groups.into_iter().find(|group| group.name == name && group.vpc == vpc.id);
    found.ok_or_else(|| not_in_default_vpc(name, &vpc.id))
}

/// A name that no group of the default VPC has.
pub(super) fn not_in_default_vpc(name: &str, vpc: &str) -> Error {
    let text = format!("The security group '{name}' does not exist in default VPC '{vpc}'");
    Error::sender(SecurityGroup::NOT_FOUND, text)
}

fn no_default_vpc() -> Error {
    Error::sender("VPCIdNotSpecified", "No default VPC for this user")
}

/// AWS: "a-z, A-Z, 0-9, spaces, and ._-:/()#,@[]+=&;{}!$*".
fn is_plain(text: &str) -> bool {
    text.chars().count() <= TEXT_MAX_CHARS
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c))
}

/// Refuses a description that is none.
pub(crate) fn check_description(text: &str) -> Result<()> {
    match is_plain(text) {
        true => Ok(()),
        false => Err(error::invalid_parameter_value(
            "Invalid security group description. Valid descriptions are strings less than 256 characters from the \
             following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*",
        )),
    }
}

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(error::missing_parameter("GroupName"));
    }
    if name.starts_with(SecurityGroup::PREFIX) {
        let reason = "Group names may not be in the format sg-*.";
        return Err(error::invalid_value(name, "GroupName", reason));
    }
    if name == DEFAULT {
        return Err(error::invalid_parameter_value("Cannot use reserved security group name: default"));
    }
    match is_plain(name) {
        true => Ok(()),
        false => Err(error::invalid_value(
            name,
            "GroupName",
            "Valid names are non-empty strings less than 256 characters from the following set:  a-zA-Z0-9. \
             _-:/()#,@[]+=&;{}!$*",
        )),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>
async fn create_security_group(
    ctx: Ctx,
    input: CreateSecurityGroupInput,
) -> Result<CreateSecurityGroupOutput> {
    check_name(&input.group_name)?;
    if input.description.is_empty() {
        return Err(error::missing_parameter("GroupDescription"));
    }
    check_description(&input.description)?;
    let tags = tags::at_creation(SecurityGroup::KIND, input.tag_specifications.as_ref())?;
    let group = change(&ctx, input.dry_run, |tx| {
        let (ctx, input, tags) = (&ctx, &input, tags.clone());
        async move {
            let home = Home::of(ctx);
            let vpc: Vpc = match &input.vpc_id {
                Some(id) => nouns::find(&tx, home, id).await?,
                None => {
                    let vpcs: Vec<Vpc> = nouns::all(&tx, home).await?;
                    vpcs.into_iter().find(|vpc| vpc.is_default).ok_or_else(no_default_vpc)?
                }
            };
            let groups: Vec<SecurityGroup> = nouns::all(&tx, home).await?;
            if groups.iter().any(|group| group.vpc == vpc.id && group.name == input.group_name) {
                let text =
                    format!("The security group '{}' already exists for VPC '{}'", input.group_name, vpc.id);
                return Err(Error::sender("InvalidGroup.Duplicate", text));
            }
            let what = "security groups";
            quotas::check(groups.len() + 1, quotas::SECURITY_GROUPS, "SecurityGroupLimitExceeded", what)?;
            let group = SecurityGroup {
                id: new_id(ctx, SecurityGroup::PREFIX),
                home,
                name: input.group_name.clone(),
                description: input.description.clone(),
                rules: all_out(ctx, &vpc),
                vpc: vpc.id,
                tags,
            };
            nouns::put(&tx, None, &group);
            Ok(group)
        }
    })
    .await?;
    Ok(CreateSecurityGroupOutput {
        security_group_arn: Some(group.arn()),
        tags: tags::shown(&group.tags),
        group_id: Some(group.id),
    })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html>
async fn delete_security_group(
    ctx: Ctx,
    input: DeleteSecurityGroupInput,
) -> Result<DeleteSecurityGroupOutput> {
    let id = change(&ctx, input.dry_run, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let (id, name) = (input.group_id.as_deref(), input.group_name.as_deref());
            let group = named(&tx, Home::of(ctx), id, name).await?;
            if group.is_default() {
                let text = format!(
                    "the specified group: \"{}\" name: \"{DEFAULT}\" cannot be deleted by a user",
                    group.id
                );
                return Err(Error::sender("CannotDelete", text));
            }
            dependents::check_group(&tx, &group).await?;
            nouns::delete(&tx, &group);
            Ok(group.id)
        }
    })
    .await?;
    Ok(DeleteSecurityGroupOutput { r#return: Some(true), group_id: Some(id) })
}

#[cfg(test)]
mod tests {
    use super::{check_description, check_name};

    #[test]
    fn names_and_descriptions_have_an_alphabet() {
        let longest = "n".repeat(255);
        for name in ["web", "My group (v1.0) #1", longest.as_str(), "defaults"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        let too_long = "n".repeat(256);
        for name in ["sg-web", "default", "käse", "a<b", "a\nb", too_long.as_str()] {
            assert_eq!(check_name(name).unwrap_err().code, "InvalidParameterValue", "{name}");
        }
        assert_eq!(check_name("").unwrap_err().code, "MissingParameter");
        assert!(check_description("allows 10.0.0.0/8, {all}").is_ok());
        assert_eq!(check_description("it's").unwrap_err().code, "InvalidParameterValue");
    }
}
