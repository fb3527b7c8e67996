//! DescribeLaunchTemplates and DescribeLaunchTemplateVersions.

use super::{LaunchTemplate, Version, key, named, number_of, shown, version_of, version_shown};
use crate::error;
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::{ALL, Home, Noun};
use crate::pages::Wanted;
use crate::tags::Tags;
use yakumo_api_ec2::{
    self as api, DescribeLaunchTemplateVersionsInput, DescribeLaunchTemplateVersionsOutput,
    DescribeLaunchTemplatesInput, DescribeLaunchTemplatesOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::Ctx;

/// AWS: "between 1 and 200".
const PAGE_MAX: usize = 200;

impl Filtered for LaunchTemplate {
    const FILTERS: &'static [&'static str] = &["create-time", "launch-template-name"];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "create-time" => fact(self.created.to_date_time()),
            _ => fact(self.name.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplates.html>
pub(super) async fn describe_launch_templates(
    ctx: Ctx,
    input: DescribeLaunchTemplatesInput,
) -> Result<DescribeLaunchTemplatesOutput> {
    let filters = Filters::of::<LaunchTemplate>(input.filters.as_ref())?;
    let all: Vec<LaunchTemplate> = ctx.list(&Home::of(&ctx).scope(), &[], None, ALL).await?;
    let ids = input.launch_template_ids.unwrap_or_default();
    let names = input.launch_template_names.unwrap_or_default();
    let text = "At least one of the launch templates specified in the request does not exist.";
    for id in &ids {
        LaunchTemplate::check_id(id)?;
        if !all.iter().any(|template| template.id == *id) {
            return Err(Error::sender("InvalidLaunchTemplateId.NotFound", text));
        }
    }
    if names.iter().any(|name| !all.iter().any(|template| template.name == *name)) {
        return Err(Error::sender("InvalidLaunchTemplateName.NotFoundException", text));
    }
    let is_named = |template: &LaunchTemplate| {
        (ids.is_empty() && names.is_empty()) || ids.contains(&template.id) || names.contains(&template.name)
    };
    let found = all.into_iter().filter(|template| is_named(template) && filters.pass(template)).collect();
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let page = wanted.cut_at(found, |template: &LaunchTemplate| template.id.clone(), PAGE_MAX)?;
    Ok(DescribeLaunchTemplatesOutput {
        launch_templates: Some(page.items.iter().map(shown).collect()),
        next_token: page.next_token,
    })
}

struct Seen(LaunchTemplate, Version);

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &[
        "create-time",
        "ebs-optimized",
        "http-endpoint",
        "http-protocol-ipv4",
        "http-tokens",
        "iam-instance-profile",
        "image-id",
        "instance-type",
        "is-default-version",
        "kernel-id",
        "license-configuration-arn",
        "network-card-index",
        "ram-disk-id",
    ];
    const HAS_TAGS: bool = false;

    fn facts(&self, filter: &str) -> Vec<String> {
        let Seen(template, version) = self;
        let data = &version.data;
        let metadata = data.metadata.clone().unwrap_or_default();
        match filter {
            "create-time" => fact(version.created.to_date_time()),
            "ebs-optimized" => fact(data.ebs_optimized.map(|on| on.to_string())),
            "http-endpoint" | "http-protocol-ipv4" => fact(metadata.endpoint),
            "http-tokens" => fact(metadata.tokens),
            "iam-instance-profile" => fact(data.profile.as_ref().and_then(|own| own.arn.clone())),
            "image-id" => fact(data.image.clone()),
            "instance-type" => fact(data.kind.clone()),
            "is-default-version" => fact((version.number == template.default).to_string()),
            "network-card-index" => {
                let cards = data.interfaces.iter().flatten().filter_map(|own| own.card);
                cards.map(|card| card.to_string()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

/// Every version of a template that the request means.
async fn of_template(
    ctx: &Ctx,
    template: &LaunchTemplate,
    input: &DescribeLaunchTemplateVersionsInput,
) -> Result<Vec<Version>> {
    let bound = |text: &Option<String>| text.as_deref().map(|text| number_of(template, text)).transpose();
    let (least, most) = (bound(&input.min_version)?, bound(&input.max_version)?);
    let named = input.versions.as_deref().unwrap_or_default();
    if named.is_empty() {
        let all: Vec<Version> = ctx.list(&template.home.scope(), &[&template.id], None, ALL).await?;
        let is_within = |version: &Version| {
            least.is_none_or(|least| version.number >= least)
                && most.is_none_or(|most| version.number <= most)
        };
        return Ok(all.into_iter().filter(is_within).collect());
    }
    let mut numbers = std::collections::BTreeSet::new();
    for version in named {
        numbers.insert(number_of(template, version)?);
    }
    let mut found = Vec::new();
    for number in numbers {
        found.push(version_of(ctx, template, number).await?);
    }
    Ok(found)
}

/// AWS: without a template, the latest or default versions of all of them.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplateVersions.html>
pub(super) async fn describe_launch_template_versions(
    ctx: Ctx,
    input: DescribeLaunchTemplateVersionsInput,
) -> Result<DescribeLaunchTemplateVersionsOutput> {
    let filters = Filters::of::<Seen>(input.filters.as_ref())?;
    let home = Home::of(&ctx);
    let (id, name) = (input.launch_template_id.as_deref(), input.launch_template_name.as_deref());
    let named_versions = input.versions.as_deref().unwrap_or_default();
    if !named_versions.is_empty() && (input.min_version.is_some() || input.max_version.is_some()) {
        return Err(error::not_together("LaunchTemplateVersion", "MinVersion"));
    }
    let templates: Vec<LaunchTemplate> = match (id, name) {
        (None, None) => {
            let is_alias = |version: &String| version == "$Latest" || version == "$Default";
            if named_versions.is_empty() || !named_versions.iter().all(is_alias) {
                let text =
                    "Either a launch template ID or a launch template name must be specified in the request.";
                return Err(Error::sender("MissingParameter", text));
            }
            ctx.list(&home.scope(), &[], None, ALL).await?
        }
        _ => vec![named(&ctx, home, id, name).await?],
    };
    let mut found = Vec::new();
    for template in templates {
        for version in of_template(&ctx, &template, &input).await? {
            found.push(Seen(template.clone(), version));
        }
    }
    found.retain(|seen| filters.pass(seen));
    // AWS: the last version comes first.
    let place =
        |Seen(template, version): &Seen| format!("{} {}", template.id, key(i64::MAX - version.number));
    found.sort_by_key(place);
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let page = wanted.cut_at(found, place, PAGE_MAX)?;
    let shown: Vec<api::LaunchTemplateVersion> =
        page.items.iter().map(|Seen(template, version)| version_shown(template, version)).collect();
    Ok(DescribeLaunchTemplateVersionsOutput {
        launch_template_versions: Some(shown),
        next_token: page.next_token,
    })
}
