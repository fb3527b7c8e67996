//! Versions of launch templates come and go.

use super::data::Data;
use super::{LaunchTemplate, Version, key, named, no_version, number_of, version_shown};
use crate::commit::change;
use crate::nouns::{self, ALL, ClientToken, Home};
use crate::{error, quotas};
use yakumo_api_ec2::{
    CreateLaunchTemplateVersionInput, CreateLaunchTemplateVersionOutput, DeleteLaunchTemplateVersionsInput,
    DeleteLaunchTemplateVersionsOutput, DeleteLaunchTemplateVersionsResponseErrorItem,
    DeleteLaunchTemplateVersionsResponseSuccessItem, ResponseError,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Tx};

/// AWS: "up to 200" versions in one request.
const DELETED_MAX: usize = 200;

async fn version(tx: &Tx, template: &LaunchTemplate, number: i64) -> Result<Version> {
    let found = tx.get(&template.home.scope(), &[&template.id, &key(number)]).await?;
    found.ok_or_else(|| no_version(template, number))
}

async fn versions(tx: &Tx, template: &LaunchTemplate) -> Result<Vec<Version>> {
    tx.list(&template.home.scope(), &[&template.id], None, ALL).await
}

/// AWS: a new version says what its source says, but for what it says itself.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplateVersion.html>
pub(super) async fn create_launch_template_version(
    ctx: Ctx,
    input: CreateLaunchTemplateVersionInput,
) -> Result<CreateLaunchTemplateVersionOutput> {
    let (id, name) = (input.launch_template_id.as_deref(), input.launch_template_name.as_deref());
    let seen = named(&ctx, Home::of(&ctx), id, name).await?;
    let data = Data::of(&input.launch_template_data)?;
    let bare = CreateLaunchTemplateVersionInput { client_token: None, dry_run: None, ..input.clone() };
    let token = ClientToken::of(input.client_token.as_deref(), &bare);
    let (after, made) = change(&ctx, input.dry_run, |tx| {
        let (ctx, seen, data, token, input) = (&ctx, &seen, &data, &token, &input);
        async move {
            let before: LaunchTemplate = nouns::find(&tx, seen.home, &seen.id).await?;
            let all = versions(&tx, &before).await?;
            for known in &all {
                if ClientToken::made(token.as_ref(), known.token.as_ref())? {
                    return Ok((before, known.clone()));
                }
            }
            let limit = "VersionLimitExceeded";
            quotas::check(all.len() + 1, quotas::LAUNCH_TEMPLATE_VERSIONS, limit, "versions")?;
            let data = match input.source_version.as_deref() {
                None => data.clone(),
                Some(source) => {
                    let source = version(&tx, &before, number_of(&before, source)?).await?;
                    data.clone().over(source.data)
                }
            };
            let number = before.counted + 1;
            let made = Version {
                number,
                description: input.version_description.clone(),
                created: ctx.now(),
                created_by: ctx.caller().principal.arn.clone(),
                data,
                token: token.clone(),
            };
            let after = LaunchTemplate { latest: number, counted: number, ..before.clone() };
            nouns::put(&tx, Some(&before), &after);
            tx.put(&after.home.scope(), &[&after.id, &key(number)], &made);
            Ok((after, made))
        }
    })
    .await?;
    Ok(CreateLaunchTemplateVersionOutput {
        launch_template_version: Some(version_shown(&after, &made)),
        ..CreateLaunchTemplateVersionOutput::default()
    })
}

/// What became of one version that was to be deleted: nothing said is success.
struct Deleted {
    number: i64,
    refused: Option<(&'static str, String)>,
}

/// AWS: what can be deleted is, and the answer tells of the others.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteLaunchTemplateVersions.html>
pub(super) async fn delete_launch_template_versions(
    ctx: Ctx,
    input: DeleteLaunchTemplateVersionsInput,
) -> Result<DeleteLaunchTemplateVersionsOutput> {
    let (id, name) = (input.launch_template_id.as_deref(), input.launch_template_name.as_deref());
    let seen = named(&ctx, Home::of(&ctx), id, name).await?;
    if input.versions.is_empty() {
        return Err(error::missing_parameter("LaunchTemplateVersion"));
    }
    if input.versions.len() > DELETED_MAX {
        let text = format!("A maximum of {DELETED_MAX} versions can be deleted in one request.");
        return Err(error::invalid_parameter_value(text));
    }
    let outcome = change(&ctx, input.dry_run, |tx| {
        let (seen, wanted) = (&seen, &input.versions);
        async move {
            let before: LaunchTemplate = nouns::find(&tx, seen.home, &seen.id).await?;
            let mut left: Vec<i64> =
                versions(&tx, &before).await?.into_iter().map(|version| version.number).collect();
            let mut outcome = Vec::new();
            for wanted in wanted {
                let number = number_of(&before, wanted)?;
                let refused = match left.contains(&number) {
                    false => {
                        let text = no_version(&before, number).message.to_string();
                        Some(("launchTemplateVersionDoesNotExist", text))
                    }
                    true if number == before.default => {
                        let text = "You cannot delete the default version of a launch template.";
                        Some(("unexpectedError", text.to_owned()))
                    }
                    true => {
                        left.retain(|known| *known != number);
                        tx.delete::<Version>(&before.home.scope(), &[&before.id, &key(number)]);
                        None
                    }
                };
                outcome.push(Deleted { number, refused });
            }
            let latest = left.iter().copied().max().unwrap_or(before.default);
            let after = LaunchTemplate { latest, ..before.clone() };
            if after != before {
                nouns::put(&tx, Some(&before), &after);
            }
            Ok(outcome)
        }
    })
    .await?;
    let (mut gone, mut kept) = (Vec::new(), Vec::new());
    for one in outcome {
        let (id, name) = (Some(seen.id.clone()), Some(seen.name.clone()));
        match one.refused {
            None => gone.push(DeleteLaunchTemplateVersionsResponseSuccessItem {
                launch_template_id: id,
                launch_template_name: name,
                version_number: Some(one.number),
            }),
            Some((code, message)) => kept.push(DeleteLaunchTemplateVersionsResponseErrorItem {
                launch_template_id: id,
                launch_template_name: name,
                version_number: Some(one.number),
                response_error: Some(ResponseError { code: Some(code.to_owned()), message: Some(message) }),
            }),
        }
    }
    Ok(DeleteLaunchTemplateVersionsOutput {
        successfully_deleted_launch_template_versions: Some(gone),
        unsuccessfully_deleted_launch_template_versions: Some(kept),
    })
}
