//! Tags: their rules, tags at creation, and the operations that tag anything.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions>

use crate::access::{self, Asked, CREATE_TAGS, DELETE_TAGS};
use crate::commit::change;
use crate::error;
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::{Home, KINDS, kind_of};
use crate::pages::Wanted;
use std::collections::BTreeMap;
use yakumo_api_ec2::{
    self as api, CreateTagsInput, CreateTagsOutput, DeleteTagsInput, DeleteTagsOutput, DescribeTagsInput,
    DescribeTagsOutput, Tag, TagDescription, TagSpecification,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Access, Ctx, Room};

/// Names and values.
pub(crate) type Tags = BTreeMap<String, String>;

const TAGS_MAX: usize = 50;
const KEY_MAX_CHARS: usize = 127;
const VALUE_MAX_CHARS: usize = 255;
/// AWS: "Up to 1000 resource IDs" (API_CreateTags).
const RESOURCES_MAX: usize = 1_000;

/// Tag policies are enforced on these types: those of AWS's list that are here.
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_supported-resources-enforcement.html>
pub(crate) const TAG_POLICIES: yakumo_room::Tagged = yakumo_room::Tagged {
    types: &[
        "customer-gateway",
        "dhcp-options",
        "elastic-ip",
        "image",
        "instance",
        "internet-gateway",
        "launch-template",
        "natgateway",
        "network-acl",
        "network-interface",
        "route-table",
        "security-group",
        "snapshot",
        "subnet",
        "transit-gateway",
        "transit-gateway-attachment",
        "transit-gateway-route-table",
        "volume",
        "vpc",
        "vpc-endpoint",
        "vpc-endpoint-service",
        "vpc-peering-connection",
        "vpn-gateway",
    ],
    code: "TagPolicyViolation",
};

/// Registers the operations of this file.
pub(crate) fn register(room: Room) -> Room {
    room.on(api::CreateTags, create_tags_access(), create_tags)
        .on(api::DeleteTags, delete_tags_access(), delete_tags)
        .on(api::DescribeTags, access::reads("ec2:DescribeTags"), describe_tags)
}

/// What the API answers for a resource's tags.
pub(crate) fn shown(tags: &Tags) -> Option<Vec<Tag>> {
    let tag = |(key, value): (&String, &String)| Tag { key: Some(key.clone()), value: Some(value.clone()) };
    Some(tags.iter().map(tag).collect())
}

/// The tags that a request wants for what it makes of that kind, unchecked: for access rules.
pub(crate) fn asked(kind: &str, specifications: Option<&Vec<TagSpecification>>) -> Tags {
    let of_kind = specifications
        .into_iter()
        .flatten()
        .filter(|specification| specification.resource_type.as_deref() == Some(kind));
    of_kind.flat_map(|specification| plain(specification.tags.as_deref().unwrap_or_default())).collect()
}

fn plain(tags: &[Tag]) -> impl Iterator<Item = (String, String)> {
    tags.iter().map(|tag| (tag.key.clone().unwrap_or_default(), tag.value.clone().unwrap_or_default()))
}

/// The tags that a request wants for what it makes, which is of `kind` only.
///
/// # Errors
/// For another resource type, a reserved or malformed key, or too many.
pub(crate) fn at_creation(kind: &str, specifications: Option<&Vec<TagSpecification>>) -> Result<Tags> {
    let mut tags = Tags::new();
    for specification in specifications.into_iter().flatten() {
        match specification.resource_type.as_deref() {
            None => {
                return Err(error::invalid_parameter_value(
                    "Tag specification resource type must have a value",
                ));
            }
            Some(wanted) if wanted != kind => {
                let text = format!("'{wanted}' is not a valid taggable resource type for this operation.");
                return Err(error::invalid_parameter_value(text));
            }
            Some(_) => {}
        }
        let given = specification.tags.as_deref().unwrap_or_default();
        if given.is_empty() {
            return Err(error::invalid_parameter_value("Tag specification must have at least one tag"));
        }
        for (key, value) in plain(given) {
            check(&key, &value)?;
            if tags.insert(key.clone(), value).is_some() {
                let text = format!("Duplicate tag key '{key}' specified.");
                return Err(error::invalid_parameter_value(text));
            }
        }
    }
    check_count(&tags)?;
    Ok(tags)
}

fn check(key: &str, value: &str) -> Result<()> {
    if key.is_empty() {
        return Err(error::invalid_parameter_value("Tag key cannot be empty"));
    }
    if key.chars().count() > KEY_MAX_CHARS {
        let text = format!("Tag key exceeds the maximum length of {KEY_MAX_CHARS} characters");
        return Err(error::invalid_parameter_value(text));
    }
    if value.chars().count() > VALUE_MAX_CHARS {
        let text = format!("Tag value exceeds the maximum length of {VALUE_MAX_CHARS} characters");
        return Err(error::invalid_parameter_value(text));
    }
    check_reserved(key)
}

fn check_reserved(key: &str) -> Result<()> {
    match key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
        true => Err(error::invalid_parameter_value(format!(
            "Value ( {key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"
        ))),
        false => Ok(()),
    }
}

/// Whether a resource may have so many.
pub(crate) fn check_count(tags: &Tags) -> Result<()> {
    // AWS: what AWS itself sets does not count.
    match tags.keys().filter(|key| !key.starts_with("aws:")).count() > TAGS_MAX {
        true => Err(Error::sender(
            "TagLimitExceeded",
            format!("The maximum number of Tags for a resource has been reached: {TAGS_MAX}."),
        )),
        false => Ok(()),
    }
}

/// About what the ids name; an id that no kind has is about everything.
fn targets(ids: &[String]) -> Asked {
    ids.iter().fold(Asked::any(), |asked, id| match kind_of(id) {
        Ok(kind) => asked.and_kind(kind.name(), id),
        Err(_) => asked.and_kind("vpc", "*"),
    })
}

fn create_tags_access() -> Access<CreateTagsInput> {
    access::needs(CREATE_TAGS, |input: &CreateTagsInput| {
        let tags: Tags = plain(&input.tags).collect();
        access::requested(&tags)
            .into_iter()
            .fold(targets(&input.resources), |asked, (key, values)| asked.with(&key, values))
    })
}

fn delete_tags_access() -> Access<DeleteTagsInput> {
    access::needs(DELETE_TAGS, |input: &DeleteTagsInput| {
        let tags: Tags = plain(input.tags.as_deref().unwrap_or_default()).collect();
        access::requested(&tags)
            .into_iter()
            .fold(targets(&input.resources), |asked, (key, values)| asked.with(&key, values))
    })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>
async fn create_tags(ctx: Ctx, input: CreateTagsInput) -> Result<CreateTagsOutput> {
    let tags: Tags = plain(&input.tags).collect();
    for (key, value) in &tags {
        check(key, value)?;
    }
    let add = |had: &mut Tags| {
        had.extend(tags.clone());
        check_count(had)
    };
    retag(&ctx, input.dry_run, &input.resources, &add).await?;
    Ok(CreateTagsOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html>
async fn delete_tags(ctx: Ctx, input: DeleteTagsInput) -> Result<DeleteTagsOutput> {
    let unwanted = input.tags.unwrap_or_default();
    for tag in &unwanted {
        check_reserved(tag.key.as_deref().unwrap_or_default())?;
    }
    let remove = |had: &mut Tags| {
        // AWS: without tags, all are removed but those of AWS itself; with a value, only a tag that has it.
        had.retain(|key, value| match unwanted.is_empty() {
            true => key.starts_with("aws:"),
            false => !unwanted.iter().any(|tag| {
                tag.key.as_ref() == Some(key) && tag.value.as_ref().is_none_or(|wanted| wanted == value)
            }),
        });
        Ok(())
    };
    retag(&ctx, input.dry_run, &input.resources, &remove).await?;
    Ok(DeleteTagsOutput {})
}

async fn retag(
    ctx: &Ctx,
    dry_run: Option<bool>,
    ids: &[String],
    work: &(dyn Fn(&mut Tags) -> Result<()> + Send + Sync),
) -> Result<()> {
    if ids.is_empty() {
        return Err(error::missing_parameter("resourceIdSet"));
    }
    if ids.len() > RESOURCES_MAX {
        let text = format!("The maximum number of resources in a request is {RESOURCES_MAX}.");
        return Err(error::invalid_parameter_value(text));
    }
    change(ctx, dry_run, |tx| async move {
        for id in ids {
            kind_of(id)?.retag(&tx, Home::of(ctx), id, work).await?;
        }
        Ok(())
    })
    .await
}

/// One tag of one resource.
struct Tagged {
    resource: String,
    kind: &'static str,
    /// This one tag.
    tags: Tags,
}

impl Filtered for Tagged {
    const FILTERS: &'static [&'static str] = &["key", "resource-id", "resource-type", "value"];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "key" => self.tags.keys().cloned().collect(),
            "resource-id" => fact(self.resource.clone()),
            "resource-type" => fact(self.kind.to_owned()),
            _ => self.tags.values().cloned().collect(),
        }
    }

    /// `tag:KEY` is a filter of this operation, too: on the tag itself.
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html>
async fn describe_tags(ctx: Ctx, input: DescribeTagsInput) -> Result<DescribeTagsOutput> {
    let filters = Filters::of::<Tagged>(input.filters.as_ref())?;
    let mut found = Vec::new();
    for kind in KINDS {
        for (resource, tags) in kind.tagged(&ctx, Home::of(&ctx)).await? {
            found.extend(tags.into_iter().map(|(key, value)| Tagged {
                resource: resource.clone(),
                kind: kind.name(),
                tags: Tags::from([(key, value)]),
            }));
        }
    }
    found.retain(|tagged| filters.pass(tagged));
    let key = |tagged: &Tagged| tagged.tags.keys().next().cloned();
    let place = |tagged: &Tagged| format!("{}\0{}", tagged.resource, key(tagged).unwrap_or_default());
    found.sort_by_key(place);
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let page = wanted.cut(found, place)?;
    let tags = page.items.into_iter().map(|tagged| TagDescription {
        key: tagged.tags.keys().next().cloned(),
        value: tagged.tags.values().next().cloned(),
        resource_id: Some(tagged.resource),
        resource_type: Some(tagged.kind.to_owned()),
    });
    Ok(DescribeTagsOutput { tags: Some(tags.collect()), next_token: page.next_token })
}

#[cfg(test)]
mod tests {
    use super::{Tags, at_creation, check, check_count};
    use yakumo_api_ec2::{Tag, TagSpecification};

    fn specification(kind: Option<&str>, keys: &[&str]) -> Vec<TagSpecification> {
        let tag = |key: &&str| Tag { key: Some((*key).to_owned()), value: None };
        let tags = Some(keys.iter().map(tag).collect());
        vec![TagSpecification { resource_type: kind.map(str::to_owned), tags }]
    }

    #[test]
    fn tags_have_rules() {
        let longest = ("k".repeat(127), "é".repeat(255));
        assert!(check(&longest.0, &longest.1).is_ok());
        for (key, value) in
            [("", ""), (&*"k".repeat(128), ""), ("aws:x", ""), ("AWS:x", ""), ("k", &*"v".repeat(256))]
        {
            assert_eq!(check(key, value).unwrap_err().code, "InvalidParameterValue", "{key}={value}");
        }
        let many = |count: usize| (0..count).map(|n| (n.to_string(), String::new())).collect::<Tags>();
        assert!(check_count(&many(50)).is_ok());
        assert_eq!(check_count(&many(51)).unwrap_err().code, "TagLimitExceeded");
    }

    #[test]
    fn what_is_made_is_tagged_as_what_it_is() {
        let good = specification(Some("vpc"), &["a", "b"]);
        assert_eq!(at_creation("vpc", Some(&good)).unwrap().len(), 2);
        for bad in [
            specification(None, &["a"]),
            specification(Some("subnet"), &["a"]),
            specification(Some("vpc"), &["a", "a"]),
            specification(Some("vpc"), &[]),
            specification(Some("vpc"), &["aws:a"]),
        ] {
            assert_eq!(at_creation("vpc", Some(&bad)).unwrap_err().code, "InvalidParameterValue", "{bad:?}");
        }
    }
}
