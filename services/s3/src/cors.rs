//! Cross-origin requests: the rules of buckets, preflights, and the headers of answers to pages.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html>

use crate::access::bucket_of;
use crate::error;
use crate::registry::edit;
use crate::state::CorsRule;
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Head, Reply};

const RULES_MAX: usize = 100;
const ID_CHARS_MAX: usize = 255;
const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];

pub async fn put_bucket_cors(ctx: Ctx, input: api::PutBucketCorsInput) -> Result<api::PutBucketCorsOutput> {
    let rules: Vec<CorsRule> =
        input.cors_configuration.cors_rules.into_iter().map(rule).collect::<Result<_>>()?;
    if rules.is_empty() {
        return Err(error::malformed_xml());
    }
    if rules.len() > RULES_MAX {
        let text = format!("The number of CORS rules should not exceed allowed limit of {RULES_MAX} rules.");
        return Err(error::invalid_request(&text));
    }
    edit(&ctx, &input.bucket, |bucket| {
        bucket.cors.clone_from(&rules);
        Ok(())
    })
    .await?;
    Ok(api::PutBucketCorsOutput::default())
}

fn rule(given: api::CORSRule) -> Result<CorsRule> {
    if given.allowed_methods.is_empty() || given.allowed_origins.is_empty() {
        return Err(error::malformed_xml());
    }
    if given.id.as_deref().is_some_and(|id| id.chars().count() > ID_CHARS_MAX) {
        return Err(error::malformed_xml());
    }
    if let Some(method) = given.allowed_methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
        let text = format!("Found unsupported HTTP method in CORS config. Unsupported method is {method}");
        return Err(error::invalid_request(&text));
    }
    let (headers, exposed) =
        (given.allowed_headers.unwrap_or_default(), given.expose_headers.unwrap_or_default());
    for (element, patterns) in [("AllowedOrigin", &given.allowed_origins), ("AllowedHeader", &headers)] {
        if let Some(pattern) = patterns.iter().find(|pattern| pattern.matches('*').count() > 1) {
            let text = format!("{element} \"{pattern}\" can not have more than one wildcard.");
            return Err(error::invalid_request(&text));
        }
    }
    if let Some(name) = exposed.iter().find(|name| name.contains('*')) {
        let text = format!(
            "ExposeHeader \"{name}\" contains wildcard. We currently do not support wildcard for ExposeHeader."
        );
        return Err(error::invalid_request(&text));
    }
    Ok(CorsRule {
        id: given.id,
        origins: given.allowed_origins,
        methods: given.allowed_methods,
        headers,
        exposed,
        max_age_s: given.max_age_seconds,
    })
}

pub async fn get_bucket_cors(ctx: Ctx, input: api::GetBucketCorsInput) -> Result<api::GetBucketCorsOutput> {
    let open = bucket_of(&ctx, &input).await?;
    if open.record.cors.is_empty() {
        let text = "The CORS configuration does not exist";
        return Err(error::no_such("NoSuchCORSConfiguration", text, &open.record.name));
    }
    let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    let shown = open.record.cors.iter().map(|rule| api::CORSRule {
        id: rule.id.clone(),
        allowed_headers: some(&rule.headers),
        allowed_methods: rule.methods.clone(),
        allowed_origins: rule.origins.clone(),
        expose_headers: some(&rule.exposed),
        max_age_seconds: rule.max_age_s,
    });
    Ok(api::GetBucketCorsOutput { cors_rules: Some(shown.collect()) })
}

pub async fn delete_bucket_cors(
    ctx: Ctx,
    input: api::DeleteBucketCorsInput,
) -> Result<api::DeleteBucketCorsOutput> {
    edit(&ctx, &input.bucket, |bucket| {
        bucket.cors.clear();
        Ok(())
    })
    .await?;
    Ok(api::DeleteBucketCorsOutput::default())
}

fn forbidden(text: &str, method: &str, is_object: bool) -> Error {
    Error::sender("AccessForbidden", format!("CORSResponse: {text}"))
        .with_status(403)
        .with_field("Method", method)
        .with_field("ResourceType", if is_object { "OBJECT" } else { "BUCKET" })
}

fn bad(text: impl Into<String>) -> Error {
    Error::sender("BadRequest", text)
}

/// Answers a preflight. `rules` are the bucket's; `None` when there is no such bucket.
pub fn preflight(head: &Head<'_>, rules: Option<&[CorsRule]>) -> Result<Reply> {
    let origin = head.header("origin");
    let origin = origin.ok_or_else(|| bad("Insufficient information. Origin request header needed."))?;
    let method = head.header("access-control-request-method");
    let method = method
        .filter(|method| METHODS.contains(method))
        .ok_or_else(|| bad(format!("Invalid Access-Control-Request-Method: {}", method.unwrap_or("null"))))?;
    let is_object = head.path.trim_matches('/').contains('/');
    let rules = rules.ok_or_else(|| forbidden("Bucket not found", method, is_object))?;
    if rules.is_empty() {
        return Err(forbidden("CORS is not enabled for this bucket.", method, is_object));
    }
    let headers = asked_headers(head);
    let rule = rules.iter().find(|rule| rule.is_for(origin, method, &headers));
    let rule = rule.ok_or_else(|| {
        // AWS: its own spelling.
        let text = "This CORS request is not allowed. This is usually because the evalution of Origin, request \
                    method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by \
                    the resource's CORS spec.";
        forbidden(text, method, is_object)
    })?;
    let mut answer = shown(rule, origin);
    if !headers.is_empty() {
        answer.push(("access-control-allow-headers", headers.join(", ")));
    }
    answer.push(("content-length", "0".to_owned()));
    let headers = answer.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(Reply { status: 200, headers, ..Reply::default() })
}

/// The headers that a page in the browser asks to send, in lower case.
fn asked_headers(head: &Head<'_>) -> Vec<String> {
    let asked = head.header("access-control-request-headers").unwrap_or_default();
    asked.split(',').map(|name| name.trim().to_ascii_lowercase()).filter(|name| !name.is_empty()).collect()
}

/// The headers that the answer to a page has beyond others.
pub fn headers(head: &Head<'_>, rules: &[CorsRule]) -> Vec<(&'static str, String)> {
    let Some(origin) = head.header("origin").filter(|_| !rules.is_empty()) else { return Vec::new() };
    let rule = rules.iter().find(|rule| rule.is_for(origin, head.method.as_str(), &asked_headers(head)));
    match rule {
        Some(rule) => shown(rule, origin),
        None => vec![("vary", VARY.to_owned())],
    }
}

const VARY: &str = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

fn shown(rule: &CorsRule, origin: &str) -> Vec<(&'static str, String)> {
    let allowed = rule.allowed_origin(origin);
    let mut headers = vec![
        ("access-control-allow-origin", allowed.to_owned()),
        ("access-control-allow-methods", rule.methods.join(", ")),
    ];
    if !rule.exposed.is_empty() {
        headers.push(("access-control-expose-headers", rule.exposed.join(", ")));
    }
    if let Some(age) = rule.max_age_s {
        headers.push(("access-control-max-age", age.to_string()));
    }
    if allowed != "*" {
        headers.push(("access-control-allow-credentials", "true".to_owned()));
    }
    headers.push(("vary", VARY.to_owned()));
    headers
}
