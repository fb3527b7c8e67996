//! Launch templates: the records, how a request names one, and how they are registered.
//!
//! Invariant: a template has its default version always; numbers of versions are never given twice.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-launch-templates.html>

mod data;
mod from_instance;
mod launch;
mod life;
mod seen;
mod shown;
mod versions;

pub(crate) use launch::{Filled, fill};

use crate::access::{self, Asked};
use crate::error;
use crate::instances::Instance;
use crate::noun_record::noun;
use crate::nouns::{ALL, ClientToken, Home, Noun};
use crate::tags::{self, Tags};
use data::Data;
use serde::{Deserialize, Serialize};
use yakumo_api_ec2 as api;
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::{Ctx, Record, Room};

/// A launch template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LaunchTemplate {
    /// `lt-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// Its name, unique for the account in the region.
    pub name: String,
    /// When it was made.
    pub created: Timestamp,
    /// The ARN of who made it.
    pub created_by: String,
    /// The number of its default version.
    pub default: i64,
    /// The number of its last version.
    pub latest: i64,
    /// The highest number that a version has had.
    pub counted: i64,
    /// The request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<ClientToken>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

noun!(
    LaunchTemplate,
    table: "launch-templates",
    type: "AWS::EC2::LaunchTemplate",
    kind: "launch-template",
    prefix: "lt-",
    not_found: "InvalidLaunchTemplateId.NotFound",
    malformed: "InvalidLaunchTemplateId.Malformed",
    spoken: "launch template ID",
    absent: |id| format!("The specified launch template, with template ID {id}, does not exist."),
    keys: |_| Vec::new(),
);

/// A version of a launch template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    /// Its number: 1, 2 …
    pub number: i64,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// The ARN of who made it.
    pub created_by: String,
    /// What it says.
    pub data: Data,
    /// The request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<ClientToken>,
}

impl Record for Version {
    const TABLE: &'static str = "launch-template-versions";
}

/// The key of a version, in the order of the numbers.
fn key(number: i64) -> String {
    format!("{number:020}")
}

/// The template that a request names by id or by name.
///
/// # Errors
/// MissingParameter without either, InvalidParameterCombination with both, those of one that is not there.
async fn named(ctx: &Ctx, home: Home, id: Option<&str>, name: Option<&str>) -> Result<LaunchTemplate> {
    match (id, name) {
        (Some(_), Some(_)) => Err(error::invalid_parameter_combination(
            "Only one of launch template ID or launch template name can be specified in the request.",
        )),
        (None, None) => Err(Error::sender(
            "MissingParameter",
            "Either a launch template ID or a launch template name must be specified in the request.",
        )),
        (Some(id), None) => crate::nouns::look_up(ctx, home, id).await,
        (None, Some(name)) => {
            let all: Vec<LaunchTemplate> = ctx.list(&home.scope(), &[], None, ALL).await?;
            all.into_iter().find(|template| template.name == name).ok_or_else(|| {
                let text =
                    format!("The specified launch template, with template name {name}, does not exist.");
                Error::sender("InvalidLaunchTemplateName.NotFoundException", text)
            })
        }
    }
}

/// The number that a text means: `$Latest`, `$Default`, or a number.
fn number_of(template: &LaunchTemplate, version: &str) -> Result<i64> {
    match version {
        "$Latest" => Ok(template.latest),
        "$Default" => Ok(template.default),
        other => other.parse().ok().filter(|number| *number > 0).ok_or_else(|| {
            let text = format!(
                "Invalid launch template version '{other}'. A version is a number, $Latest or $Default."
            );
            Error::sender("InvalidLaunchTemplateId.VersionMalformed", text)
        }),
    }
}

/// The version of that number, as last committed.
///
/// # Errors
/// InvalidLaunchTemplateId.VersionNotFound.
async fn version_of(ctx: &Ctx, template: &LaunchTemplate, number: i64) -> Result<Version> {
    let found = ctx.get(&template.home.scope(), &[&template.id, &key(number)]).await?;
    found.ok_or_else(|| no_version(template, number))
}

fn no_version(template: &LaunchTemplate, number: i64) -> Error {
    let text = format!(
        "Could not find the specified version {number} for the launch template with ID {}.",
        template.id
    );
    Error::sender("InvalidLaunchTemplateId.VersionNotFound", text)
}

/// What the API shows of a template.
fn shown(template: &LaunchTemplate) -> api::LaunchTemplate {
    api::LaunchTemplate {
        launch_template_id: Some(template.id.clone()),
        launch_template_name: Some(template.name.clone()),
        create_time: Some(template.created),
        created_by: Some(template.created_by.clone()),
        default_version_number: Some(template.default),
        latest_version_number: Some(template.latest),
        tags: tags::shown(&template.tags),
        ..api::LaunchTemplate::default()
    }
}

/// What the API shows of a version.
fn version_shown(template: &LaunchTemplate, version: &Version) -> api::LaunchTemplateVersion {
    api::LaunchTemplateVersion {
        launch_template_id: Some(template.id.clone()),
        launch_template_name: Some(template.name.clone()),
        version_number: Some(version.number),
        version_description: version.description.clone(),
        create_time: Some(version.created),
        created_by: Some(version.created_by.clone()),
        default_version: Some(version.number == template.default),
        launch_template_data: Some(version.data.shown()),
        ..api::LaunchTemplateVersion::default()
    }
}

/// About the template that a request names.
async fn about(ctx: &Ctx, id: Option<&str>, name: Option<&str>) -> Result<Asked> {
    let id = match (id, name) {
        (Some(id), _) => Some(id.to_owned()),
        (None, Some(_)) => named(ctx, Home::of(ctx), None, name).await.ok().map(|template| template.id),
        (None, None) => None,
    };
    // What is not there is nobody's: whether the caller may do this to all of them.
    Ok(Asked::any().and_kind(LaunchTemplate::KIND, id.as_deref().unwrap_or("*")))
}

/// The rule of an operation on the template that its input names.
macro_rules! on_named {
    ($action:literal, $input:ident) => {
        access::looked_up($action, |ctx, input: &api::$input| {
            Box::pin(about(ctx, input.launch_template_id.as_deref(), input.launch_template_name.as_deref()))
        })
    };
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    room.on(
        api::CreateLaunchTemplate,
        access::needs("ec2:CreateLaunchTemplate", |input: &api::CreateLaunchTemplateInput| {
            Asked::any().making::<LaunchTemplate>(input.tag_specifications.as_ref())
        }),
        life::create_launch_template,
    )
    .on(
        api::CreateLaunchTemplateVersion,
        on_named!("ec2:CreateLaunchTemplateVersion", CreateLaunchTemplateVersionInput),
        versions::create_launch_template_version,
    )
    .on(
        api::DeleteLaunchTemplate,
        on_named!("ec2:DeleteLaunchTemplate", DeleteLaunchTemplateInput),
        life::delete_launch_template,
    )
    .on(
        api::DeleteLaunchTemplateVersions,
        on_named!("ec2:DeleteLaunchTemplateVersions", DeleteLaunchTemplateVersionsInput),
        versions::delete_launch_template_versions,
    )
    .on(
        api::DescribeLaunchTemplates,
        access::reads("ec2:DescribeLaunchTemplates"),
        seen::describe_launch_templates,
    )
    .on(
        api::DescribeLaunchTemplateVersions,
        access::reads("ec2:DescribeLaunchTemplateVersions"),
        seen::describe_launch_template_versions,
    )
    .on(
        api::GetLaunchTemplateData,
        access::needs("ec2:GetLaunchTemplateData", |input: &api::GetLaunchTemplateDataInput| {
            Asked::on::<Instance>(&input.instance_id)
        }),
        from_instance::get_launch_template_data,
    )
    .on(
        api::ModifyLaunchTemplate,
        access::looked_up("ec2:ModifyLaunchTemplate", |ctx, input: &api::ModifyLaunchTemplateInput| {
            Box::pin(async move {
                let (id, name) = (input.launch_template_id.as_deref(), input.launch_template_name.as_deref());
                let asked = about(ctx, id, name).await?;
                Ok(match &input.default_version {
                    Some(version) => asked.attribute("SetDefaultVersion", version),
                    None => asked,
                })
            })
        }),
        life::modify_launch_template,
    )
}
