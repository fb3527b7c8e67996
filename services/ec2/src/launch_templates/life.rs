//! Launch templates come, change their default version, and go.

use super::data::Data;
use super::{LaunchTemplate, Version, key, named, no_version, number_of, shown};
use crate::commit::{change, refuse};
use crate::nouns::{self, ALL, ClientToken, Home, Noun, new_id};
use crate::tags;
use crate::{error, quotas};
use yakumo_api_ec2::{
    CreateLaunchTemplateInput, CreateLaunchTemplateOutput, DeleteLaunchTemplateInput,
    DeleteLaunchTemplateOutput, ModifyLaunchTemplateInput, ModifyLaunchTemplateOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::Ctx;

/// AWS's pattern: letters, digits and `().-/_`, 3 to 128 of them.
fn check_name(name: &str) -> Result<()> {
    let is_good = |byte: u8| byte.is_ascii_alphanumeric() || b"().-/_".contains(&byte);
    match (3..=128).contains(&name.len()) && name.bytes().all(is_good) {
        true => Ok(()),
        false => {
            let text = "A launch template name must be between 3 and 128 characters, and may contain letters, numbers, and the following characters: - ( ) . / _.";
            Err(Error::sender("InvalidLaunchTemplateName.MalformedException", text))
        }
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateLaunchTemplate.html>
pub(super) async fn create_launch_template(
    ctx: Ctx,
    input: CreateLaunchTemplateInput,
) -> Result<CreateLaunchTemplateOutput> {
    refuse(&[("Operator", input.operator.is_some())])?;
    check_name(&input.launch_template_name)?;
    let data = Data::of(&input.launch_template_data)?;
    let tags = tags::at_creation(LaunchTemplate::KIND, input.tag_specifications.as_ref())?;
    let bare = CreateLaunchTemplateInput { client_token: None, dry_run: None, ..input.clone() };
    let by = ctx.caller().principal.arn.clone();
    let template = LaunchTemplate {
        id: new_id(&ctx, LaunchTemplate::PREFIX),
        home: Home::of(&ctx),
        name: input.launch_template_name.clone(),
        created: ctx.now(),
        created_by: by.clone(),
        default: 1,
        latest: 1,
        counted: 1,
        token: ClientToken::of(input.client_token.as_deref(), &bare),
        tags,
    };
    let version = Version {
        number: 1,
        description: input.version_description.clone(),
        created: ctx.now(),
        created_by: by,
        data,
        token: None,
    };
    let made = change(&ctx, input.dry_run, |tx| {
        let (template, version) = (&template, &version);
        async move {
            let all: Vec<LaunchTemplate> = nouns::all(&tx, template.home).await?;
            for known in &all {
                if ClientToken::made(template.token.as_ref(), known.token.as_ref())? {
                    return Ok(known.clone());
                }
            }
            if all.iter().any(|known| known.name == template.name) {
                let text = "Launch template name already in use.";
                return Err(Error::sender("InvalidLaunchTemplateName.AlreadyExistsException", text));
            }
            let limit = "LaunchTemplateLimitExceeded";
            quotas::check(all.len() + 1, quotas::LAUNCH_TEMPLATES, limit, "launch templates")?;
            nouns::put(&tx, None, template);
            tx.put(&template.home.scope(), &[&template.id, &key(1)], version);
            Ok(template.clone())
        }
    })
    .await?;
    Ok(CreateLaunchTemplateOutput {
        launch_template: Some(shown(&made)),
        ..CreateLaunchTemplateOutput::default()
    })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyLaunchTemplate.html>
pub(super) async fn modify_launch_template(
    ctx: Ctx,
    input: ModifyLaunchTemplateInput,
) -> Result<ModifyLaunchTemplateOutput> {
    let (id, name) = (input.launch_template_id.as_deref(), input.launch_template_name.as_deref());
    let seen = named(&ctx, Home::of(&ctx), id, name).await?;
    let wanted =
        input.default_version.as_deref().ok_or_else(|| error::missing_parameter("SetDefaultVersion"))?;
    let after = change(&ctx, input.dry_run, |tx| {
        let seen = &seen;
        async move {
            let before: LaunchTemplate = nouns::find(&tx, seen.home, &seen.id).await?;
            let number = number_of(&before, wanted)?;
            let there: Option<Version> = tx.get(&before.home.scope(), &[&before.id, &key(number)]).await?;
            if there.is_none() {
                return Err(no_version(&before, number));
            }
            let after = LaunchTemplate { default: number, ..before.clone() };
            if after != before {
                nouns::put(&tx, Some(&before), &after);
            }
            Ok(after)
        }
    })
    .await?;
    Ok(ModifyLaunchTemplateOutput { launch_template: Some(shown(&after)) })
}

/// AWS: all its versions go with it.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteLaunchTemplate.html>
pub(super) async fn delete_launch_template(
    ctx: Ctx,
    input: DeleteLaunchTemplateInput,
) -> Result<DeleteLaunchTemplateOutput> {
    let (id, name) = (input.launch_template_id.as_deref(), input.launch_template_name.as_deref());
    let seen = named(&ctx, Home::of(&ctx), id, name).await?;
    let gone = change(&ctx, input.dry_run, |tx| {
        let seen = &seen;
        async move {
            let template: LaunchTemplate = nouns::find(&tx, seen.home, &seen.id).await?;
            let versions: Vec<Version> = tx.list(&seen.home.scope(), &[&seen.id], None, ALL).await?;
            for version in versions {
                tx.delete::<Version>(&seen.home.scope(), &[&seen.id, &key(version.number)]);
            }
            nouns::delete(&tx, &template);
            Ok(template)
        }
    })
    .await?;
    Ok(DeleteLaunchTemplateOutput { launch_template: Some(shown(&gone)) })
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn names_have_a_pattern() {
        assert!(["web", "a.b/c_d-(1)", &"x".repeat(128)].iter().all(|name| check_name(name).is_ok()));
        for bad in ["ab", "a b c", &"x".repeat(129), "naïve"] {
            let code = check_name(bad).unwrap_err().code;
            assert_eq!(code, "InvalidLaunchTemplateName.MalformedException", "{bad}");
        }
    }
}
