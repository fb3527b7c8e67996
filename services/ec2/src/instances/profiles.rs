//! Which instance profile an instance has: associations, and the operations on them.
//!
//! Invariant: an association names a profile by its unique id: a new profile of an old name is another one.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/attach-iam-role.html>

use super::{Instance, State};
use crate::access::{self, Asked};
use crate::commit::change;
use crate::error;
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::{self, ALL, Home, new_id};
use crate::pages::Wanted;
use crate::tags::Tags;
use serde::{Deserialize, Serialize};
use yakumo_api_ec2::{
    self as api, AssociateIamInstanceProfileInput, AssociateIamInstanceProfileOutput,
    DescribeIamInstanceProfileAssociationsInput, DescribeIamInstanceProfileAssociationsOutput,
    DisassociateIamInstanceProfileInput, DisassociateIamInstanceProfileOutput, IamInstanceProfileAssociation,
    IamInstanceProfileSpecification, ReplaceIamInstanceProfileAssociationInput,
    ReplaceIamInstanceProfileAssociationOutput,
};
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::{Ctx, InstanceProfile, Room};

/// That an instance has a profile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Association {
    /// `iip-assoc-…`.
    pub id: String,
    /// The profile's ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its unique id, `AIPA…`.
    pub profile: String,
    /// Since when.
    pub at: Timestamp,
}

impl Association {
    /// A new one.
    pub(super) fn new(ctx: &Ctx, profile: &InstanceProfile) -> Association {
        Association {
            id: new_id(ctx, "iip-assoc-"),
            arn: profile.arn.clone(),
            name: profile.name.clone(),
            profile: profile.id.clone(),
            at: ctx.now(),
        }
    }

    /// The profile as it is now; `None` when it was deleted.
    pub(super) async fn resolve(&self, ctx: &Ctx) -> Result<Option<InstanceProfile>> {
        let found = ctx.world().principals.instance_profile(ctx.account(), &self.name).await?;
        Ok(found.filter(|found| found.id == self.profile))
    }

    /// As instances show it.
    pub(super) fn shown(&self) -> api::IamInstanceProfile {
        api::IamInstanceProfile { arn: Some(self.arn.clone()), id: Some(self.profile.clone()) }
    }

    fn whole(&self, instance: &str, state: &str) -> IamInstanceProfileAssociation {
        IamInstanceProfileAssociation {
            association_id: Some(self.id.clone()),
            iam_instance_profile: Some(self.shown()),
            instance_id: Some(instance.to_owned()),
            state: Some(state.to_owned()),
            timestamp: Some(self.at),
        }
    }
}

/// The profile that a request names, if there is one in the caller's account; for access rules.
pub(super) async fn named(
    ctx: &Ctx,
    wanted: &IamInstanceProfileSpecification,
) -> Result<Option<InstanceProfile>> {
    let name = match (&wanted.name, &wanted.arn) {
        (Some(name), _) => name.as_str(),
        (None, Some(arn)) => arn.rsplit('/').next().unwrap_or_default(),
        (None, None) => return Ok(None),
    };
    let found = ctx.world().principals.instance_profile(ctx.account(), name).await?;
    Ok(found.filter(|found| wanted.arn.as_ref().is_none_or(|arn| found.arn == *arn)))
}

/// The profile that a request names.
///
/// # Errors
/// InvalidParameterValue when there is none such, or it holds no role.
pub(super) async fn wanted(ctx: &Ctx, wanted: &IamInstanceProfileSpecification) -> Result<InstanceProfile> {
    let (value, member, what) = match (&wanted.name, &wanted.arn) {
        (Some(_), Some(_)) => {
            let text = "The parameter 'iamInstanceProfile.name' may not be used in combination with 'iamInstanceProfile.arn'";
            return Err(error::invalid_parameter_combination(text));
        }
        (Some(name), None) => (name, "iamInstanceProfile.name", "name"),
        (None, Some(arn)) => (arn, "iamInstanceProfile.arn", "ARN"),
        (None, None) => return Err(error::missing_parameter("IamInstanceProfile.Name")),
    };
    let found = named(ctx, wanted).await?;
    let found = found.ok_or_else(|| {
        error::invalid_value(value, member, &format!("Invalid IAM Instance Profile {what}"))
    })?;
    if found.role.is_none() {
        let text = format!("IAM Instance Profile \"{}\" has no associated IAM Roles", found.arn);
        return Err(error::invalid_value(value, member, &text));
    }
    Ok(found)
}

/// What a request asks for that gives an instance a profile: whoever does that passes the role.
/// `key` is the condition key that names the profile.
pub(super) async fn passing(
    ctx: &Ctx,
    asked: Asked,
    wanted: Option<&IamInstanceProfileSpecification>,
    key: &str,
) -> Result<Asked> {
    let Some(wanted) = wanted else { return Ok(asked) };
    let Some(profile) = named(ctx, wanted).await? else { return Ok(asked) };
    let asked = asked.of_it(key, profile.arn);
    Ok(match profile.role {
        Some((role, _)) => asked.passing(&role),
        None => asked,
    })
}

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::AssociateIamInstanceProfile,
        access::looked_up(
            "ec2:AssociateIamInstanceProfile",
            |ctx, input: &AssociateIamInstanceProfileInput| {
                let asked = Asked::on::<Instance>(&input.instance_id);
                Box::pin(passing(ctx, asked, Some(&input.iam_instance_profile), "ec2:NewInstanceProfile"))
            },
        ),
        associate_iam_instance_profile,
    )
    .on(
        api::ReplaceIamInstanceProfileAssociation,
        access::looked_up(
            "ec2:ReplaceIamInstanceProfileAssociation",
            |ctx, input: &ReplaceIamInstanceProfileAssociationInput| {
                Box::pin(async move {
                    let asked = holder(ctx, &input.association_id).await?;
                    passing(ctx, asked, Some(&input.iam_instance_profile), "ec2:NewInstanceProfile").await
                })
            },
        ),
        replace_iam_instance_profile_association,
    )
    .on(
        api::DisassociateIamInstanceProfile,
        access::looked_up(
            "ec2:DisassociateIamInstanceProfile",
            |ctx, input: &DisassociateIamInstanceProfileInput| Box::pin(holder(ctx, &input.association_id)),
        ),
        disassociate_iam_instance_profile,
    )
    .on(
        api::DescribeIamInstanceProfileAssociations,
        access::reads("ec2:DescribeIamInstanceProfileAssociations"),
        describe_iam_instance_profile_associations,
    )
}

/// About the instance of an association, or about any when there is none such.
async fn holder(ctx: &Ctx, id: &str) -> Result<Asked> {
    let all: Vec<Instance> = ctx.list(&Home::of(ctx).scope(), &[], None, ALL).await?;
    let found = all.iter().find(|instance| has(instance, id));
    Ok(Asked::on::<Instance>(found.map_or("*", |instance| instance.id.as_str())))
}

fn has(instance: &Instance, id: &str) -> bool {
    instance.profile.as_ref().is_some_and(|association| association.id == id)
}

/// AWS: the profile of an instance that ends is nobody's.
fn is_there(instance: &Instance) -> bool {
    !matches!(instance.state, State::ShuttingDown | State::Terminated)
}

fn no_association(id: &str) -> Error {
    Error::sender("NoSuchAssociation", format!("An invalid association-id of '{id}' was given"))
}

/// Changes the association of that id; whose it was, and what it was.
async fn step(ctx: &Ctx, id: &str, after: Option<&Association>) -> Result<(String, Association)> {
    change(ctx, None, |tx| async move {
        let all: Vec<Instance> = nouns::all(&tx, Home::of(ctx)).await?;
        let before = all.iter().find(|instance| is_there(instance) && has(instance, id));
        let (before, old) = before
            .and_then(|before| Some((before, before.profile.clone()?)))
            .ok_or_else(|| no_association(id))?;
        nouns::put(&tx, Some(before), &Instance { profile: after.cloned(), ..before.clone() });
        Ok((before.id.clone(), old))
    })
    .await
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateIamInstanceProfile.html>
async fn associate_iam_instance_profile(
    ctx: Ctx,
    input: AssociateIamInstanceProfileInput,
) -> Result<AssociateIamInstanceProfileOutput> {
    let profile = wanted(&ctx, &input.iam_instance_profile).await?;
    let new = Association::new(&ctx, &profile);
    change(&ctx, None, |tx| {
        let (id, home, new) = (&input.instance_id, Home::of(&ctx), &new);
        async move {
            let before: Instance = nouns::find(&tx, home, id).await?;
            if !is_there(&before) {
                let text = format!("The instance '{id}' is not in the 'running' or 'stopped' states.");
                return Err(Error::sender("IncorrectInstanceState", text));
            }
            if before.profile.is_some() {
                let text = format!("There is an existing association for instance {id}");
                return Err(Error::sender("IncorrectState", text));
            }
            nouns::put(&tx, Some(&before), &Instance { profile: Some(new.clone()), ..before.clone() });
            Ok(())
        }
    })
    .await?;
    let shown = new.whole(&input.instance_id, "associating");
    Ok(AssociateIamInstanceProfileOutput { iam_instance_profile_association: Some(shown) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceIamInstanceProfileAssociation.html>
async fn replace_iam_instance_profile_association(
    ctx: Ctx,
    input: ReplaceIamInstanceProfileAssociationInput,
) -> Result<ReplaceIamInstanceProfileAssociationOutput> {
    let profile = wanted(&ctx, &input.iam_instance_profile).await?;
    let new = Association::new(&ctx, &profile);
    let (instance, _) = step(&ctx, &input.association_id, Some(&new)).await?;
    let shown = new.whole(&instance, "associating");
    Ok(ReplaceIamInstanceProfileAssociationOutput { iam_instance_profile_association: Some(shown) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DisassociateIamInstanceProfile.html>
async fn disassociate_iam_instance_profile(
    ctx: Ctx,
    input: DisassociateIamInstanceProfileInput,
) -> Result<DisassociateIamInstanceProfileOutput> {
    let (instance, old) = step(&ctx, &input.association_id, None).await?;
    let shown = old.whole(&instance, "disassociating");
    Ok(DisassociateIamInstanceProfileOutput { iam_instance_profile_association: Some(shown) })
}

/// An association as filters see it.
struct Seen(IamInstanceProfileAssociation);

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &["instance-id", "state"];
    const HAS_TAGS: bool = false;

    fn facts(&self, filter: &str) -> Vec<String> {
        let Seen(shown) = self;
        match filter {
            "instance-id" => fact(shown.instance_id.clone()),
            _ => fact(shown.state.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeIamInstanceProfileAssociations.html>
async fn describe_iam_instance_profile_associations(
    ctx: Ctx,
    input: DescribeIamInstanceProfileAssociationsInput,
) -> Result<DescribeIamInstanceProfileAssociationsOutput> {
    let filters = Filters::of::<Seen>(input.filters.as_ref())?;
    let page =
        Wanted { max_results: input.max_results, next_token: input.next_token.as_deref(), dry_run: None };
    let all: Vec<Instance> = ctx.list(&Home::of(&ctx).scope(), &[], None, ALL).await?;
    let ids = input.association_ids.unwrap_or_default();
    if let Some(absent) =
        ids.iter().find(|id| !all.iter().any(|instance| is_there(instance) && has(instance, id)))
    {
        return Err(no_association(absent));
    }
    let all = all.iter().filter(|instance| is_there(instance));
    let whole = |instance: &Instance| {
        let association = instance.profile.as_ref()?;
        let is_wanted = ids.is_empty() || ids.contains(&association.id);
        is_wanted.then(|| Seen(association.whole(&instance.id, "associated")))
    };
    let mut found: Vec<Seen> = all.filter_map(whole).filter(|seen| filters.pass(seen)).collect();
    let key = |Seen(shown): &Seen| shown.association_id.clone().unwrap_or_default();
    found.sort_by_key(key);
    let page = page.cut(found, key)?;
    Ok(DescribeIamInstanceProfileAssociationsOutput {
        iam_instance_profile_associations: Some(page.items.into_iter().map(|Seen(shown)| shown).collect()),
        next_token: page.next_token,
    })
}
