//! Buckets as websites: their configuration.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html>

mod pages;
pub mod serve;

use crate::access::bucket_of;
use crate::error;
use crate::registry::edit;
use crate::state::{RoutingRule, Website};
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result};
use yakumo_room::Ctx;

const RULES_MAX: usize = 50;

pub async fn put_bucket_website(
    ctx: Ctx,
    input: api::PutBucketWebsiteInput,
) -> Result<api::PutBucketWebsiteOutput> {
    let website = read(input.website_configuration)?;
    edit(&ctx, &input.bucket, |bucket| {
        bucket.website = Some(website.clone());
        Ok(())
    })
    .await?;
    Ok(api::PutBucketWebsiteOutput::default())
}

fn read(given: api::WebsiteConfiguration) -> Result<Website> {
    if let Some(all) = given.redirect_all_requests_to {
        if given.index_document.is_some() || given.error_document.is_some() || given.routing_rules.is_some() {
            let text = "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.";
            return Err(error::invalid_request(text));
        }
        check_protocol(all.protocol.as_deref())?;
        return Ok(Website { redirect_all: Some((all.host_name, all.protocol)), ..Website::default() });
    }
    let index = given.index_document.map(|index| index.suffix).ok_or_else(|| {
        let text = "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty";
        error::argument(text, "IndexDocument", "null")
    })?;
    if index.is_empty() || index.contains('/') {
        return Err(error::argument("The IndexDocument Suffix is not well formed", "IndexDocument", &index));
    }
    let error_key = given.error_document.map(|document| document.key);
    if error_key.as_deref() == Some("") {
        return Err(error::argument("The ErrorDocument Key is not well formed", "ErrorDocument", ""));
    }
    let rules = given.routing_rules.unwrap_or_default();
    if rules.len() > RULES_MAX {
        let text = format!(
            "{} routing rules provided, the number of routing rules in a website configuration is limited to \
             {RULES_MAX}.",
            rules.len()
        );
        return Err(error::invalid_request(&text));
    }
    let rules = rules.into_iter().map(rule).collect::<Result<_>>()?;
    Ok(Website { index: Some(index), error: error_key, redirect_all: None, rules })
}

fn check_protocol(protocol: Option<&str>) -> Result<()> {
    match protocol {
        None | Some("http" | "https") => Ok(()),
        Some(_) => {
            let text = "Invalid protocol, protocol can be http or https. If not defined the protocol will be \
                        selected automatically.";
            Err(error::invalid_request(text))
        }
    }
}

fn check_code(code: Option<&str>, good: impl Fn(u16) -> bool, text: impl Fn(&str) -> String) -> Result<()> {
    match code {
        Some(code) if !code.parse().is_ok_and(&good) => Err(error::invalid_request(&text(code))),
        _ => Ok(()),
    }
}

fn rule(given: api::RoutingRule) -> Result<RoutingRule> {
    let (condition, redirect) = (given.condition, given.redirect);
    if let Some(condition) = &condition
        && condition.http_error_code_returned_equals.is_none()
        && condition.key_prefix_equals.is_none()
    {
        let text = "Condition cannot be empty. To redirect all requests without a condition, the condition element \
                    shouldn't be present.";
        return Err(error::invalid_request(text));
    }
    let condition = condition.unwrap_or_default();
    check_code(
        condition.http_error_code_returned_equals.as_deref(),
        |code| (400..600).contains(&code),
        |code| format!("The provided HTTP error code ({code}) is not valid. Valid codes are 4XX or 5XX."),
    )?;
    check_code(
        redirect.http_redirect_code.as_deref(),
        |code| (301..400).contains(&code),
        |code| {
            format!("The provided HTTP redirect code ({code}) is not valid. Valid codes are 3XX except 300.")
        },
    )?;
    check_protocol(redirect.protocol.as_deref())?;
    if redirect.replace_key_prefix_with.is_some() && redirect.replace_key_with.is_some() {
        let text = "You can only define ReplaceKeyPrefix or ReplaceKey but not both.";
        return Err(error::invalid_request(text));
    }
    let rule = RoutingRule {
        prefix: condition.key_prefix_equals,
        error_code: condition.http_error_code_returned_equals,
        host: redirect.host_name,
        code: redirect.http_redirect_code,
        protocol: redirect.protocol,
        replace_prefix: redirect.replace_key_prefix_with,
        replace_key: redirect.replace_key_with,
    };
    let sends = [&rule.host, &rule.code, &rule.protocol, &rule.replace_prefix, &rule.replace_key];
    if sends.into_iter().all(Option::is_none) {
        return Err(error::malformed_xml());
    }
    Ok(rule)
}

fn none(bucket: &str) -> Error {
    let text = "The specified bucket does not have a website configuration";
    error::no_such("NoSuchWebsiteConfiguration", text, bucket)
}

pub async fn get_bucket_website(
    ctx: Ctx,
    input: api::GetBucketWebsiteInput,
) -> Result<api::GetBucketWebsiteOutput> {
    let open = bucket_of(&ctx, &input).await?;
    let website = open.record.website.clone().ok_or_else(|| none(&open.record.name))?;
    let rules: Vec<api::RoutingRule> = website.rules.into_iter().map(shown).collect();
    Ok(api::GetBucketWebsiteOutput {
        redirect_all_requests_to: website
            .redirect_all
            .map(|(host_name, protocol)| api::RedirectAllRequestsTo { host_name, protocol }),
        index_document: website.index.map(|suffix| api::IndexDocument { suffix }),
        error_document: website.error.map(|key| api::ErrorDocument { key }),
        routing_rules: (!rules.is_empty()).then_some(rules),
    })
}

fn shown(rule: RoutingRule) -> api::RoutingRule {
    let has_condition = rule.prefix.is_some() || rule.error_code.is_some();
    api::RoutingRule {
        condition: has_condition.then_some(api::Condition {
            http_error_code_returned_equals: rule.error_code,
            key_prefix_equals: rule.prefix,
        }),
        redirect: api::Redirect {
            host_name: rule.host,
            http_redirect_code: rule.code,
            protocol: rule.protocol,
            replace_key_prefix_with: rule.replace_prefix,
            replace_key_with: rule.replace_key,
        },
    }
}

pub async fn delete_bucket_website(
    ctx: Ctx,
    input: api::DeleteBucketWebsiteInput,
) -> Result<api::DeleteBucketWebsiteOutput> {
    edit(&ctx, &input.bucket, |bucket| {
        bucket.website = None;
        Ok(())
    })
    .await?;
    Ok(api::DeleteBucketWebsiteOutput::default())
}
