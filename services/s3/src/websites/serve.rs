//! Answers the requests of browsers to a bucket's website.
//!
//! Invariant: a page is read as nobody in particular: only what everybody may read is shown.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteEndpoints.html>

use super::{none, pages};
use crate::cors;
use crate::door::Door;
use crate::error;
use crate::registry::Open;
use crate::state::Website;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::sync::Arc;
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Region, Result};
use yakumo_room::{Caller, Errand, Reply, http_date};

/// What stays as it is in a place that a browser is sent to; a rule may put a query string there.
const IN_PLACE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b'?')
    .remove(b'=')
    .remove(b'&')
    .remove(b'#');

fn encode(key: &str) -> String {
    utf8_percent_encode(key, IN_PLACE).to_string()
}

/// The bucket that a website's host names, and the region where it does so: `bucket.s3-website-eu-west-1.amazonaws.com`,
/// `bucket.s3-website.eu-central-1.amazonaws.com`, `bucket.s3-website.localhost`.
pub fn named(host: &str) -> Option<(&str, Option<Region>)> {
    let (bucket, rest) = match host.strip_prefix("s3-website") {
        Some(rest) => ("", rest),
        None => host.split_once(".s3-website")?,
    };
    let separated = rest.is_empty() || rest.starts_with(['.', '-']);
    let region = rest.get(1..).and_then(|rest| Region::parse(rest.split('.').next()?));
    separated.then_some((bucket, region))
}

/// Answers a request.
pub async fn answer(door: &Door, errand: &Errand<'_>) -> Result<Reply> {
    let Some((bucket, region)) = named(errand.head.host) else {
        return Err(Error::internal("a website was asked for by a host that is none"));
    };
    if bucket.is_empty() {
        return Ok(sent(301, "https://aws.amazon.com/s3/".to_owned(), &errand.facts.request_id));
    }
    let open = door.bucket(bucket).await?;
    let mut reply = match site(errand, open.as_deref(), bucket, region).await {
        Ok(reply) => reply,
        Err(error) => pages::page(&error, None, &errand.facts.request_id),
    };
    if let Some(open) = &open {
        let added = cors::headers(&errand.head, &open.record.cors);
        reply.headers.extend(added.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    Ok(reply)
}

fn sent(status: u16, place: String, request_id: &str) -> Reply {
    let headers = vec![
        ("location".to_owned(), place),
        ("content-length".to_owned(), "0".to_owned()),
        ("x-amz-request-id".to_owned(), request_id.to_owned()),
    ];
    Reply { status, headers, ..Reply::default() }
}

async fn site(
    errand: &Errand<'_>,
    open: Option<&Open>,
    bucket: &str,
    region: Option<Region>,
) -> Result<Reply> {
    let head = &errand.head;
    let open = open.ok_or_else(|| error::no_such_bucket(bucket))?;
    if region.is_some_and(|region| region != open.record.region) {
        let text = "The specified bucket exists in another region. Please direct requests to the specified endpoint.";
        let endpoint = format!("{bucket}.s3-website.{}.amazonaws.com", open.record.region);
        return Err(Error::sender("IncorrectEndpoint", text).with_field("Endpoint", endpoint));
    }
    if head.method == "OPTIONS" {
        return cors::preflight(head, Some(&open.record.cors));
    }
    let website = open.record.website.as_ref().ok_or_else(|| none(bucket))?;
    if head.method != "GET" && head.method != "HEAD" {
        let text = "The specified method is not allowed against this resource.";
        return Err(Error::sender("MethodNotAllowed", text)
            .with_status(405)
            .with_field("Method", head.method.as_str())
            .with_field("ResourceType", "OBJECT"));
    }
    Visit { errand, open, website }.show().await
}

/// One look at a website.
struct Visit<'a> {
    errand: &'a Errand<'a>,
    open: &'a Open,
    website: &'a Website,
}

impl Visit<'_> {
    async fn show(&self) -> Result<Reply> {
        let path = self.errand.head.path.strip_prefix('/').unwrap_or(self.errand.head.path);
        let key = percent_decode_str(path).decode_utf8_lossy().into_owned();
        let (protocol, host) = self.came_by();
        if let Some((to, by)) = &self.website.redirect_all {
            let place = format!("{}://{to}/{}", by.as_deref().unwrap_or(protocol), encode(&key));
            return Ok(self.sent(301, place));
        }
        if let Some(rule) = self.website.rules.iter().find(|rule| rule.is_for(&key, None)) {
            let (status, place) = rule.target(&key, protocol, host, encode);
            return Ok(self.sent(status, place));
        }
        let index = self.website.index.as_deref().unwrap_or_default();
        let is_folder = key.is_empty() || key.ends_with('/');
        let asked = if is_folder { format!("{key}{index}") } else { key.clone() };
        let error = match self.read(&asked, true).await {
            Ok(output) => return Ok(self.document(output, 200)),
            Err(error) => error,
        };
        if error.status == 304 {
            let told = error.headers.into_iter().filter(|(name, _)| *name != "x-amz-version-id");
            let headers = told.map(|(name, value)| (name.to_owned(), value)).collect();
            return Ok(Reply { status: 304, headers, ..Reply::default() });
        }
        // AWS: a path without its slash is sent to the one with it when there is an index document behind.
        if !is_folder && matches!(error.status, 403 | 404) {
            let folder = self.read(&format!("{key}/{index}"), false).await;
            if folder.is_ok() {
                return Ok(self.sent(302, format!("/{}/", encode(&key))));
            }
        }
        let rule = self.website.rules.iter().find(|rule| rule.is_for(&key, Some(error.status)));
        if let Some(rule) = rule {
            let (status, place) = rule.target(&key, protocol, host, encode);
            return Ok(self.sent(status, place));
        }
        self.failed(error).await
    }

    /// The error document of the owner, else a plain page.
    async fn failed(&self, error: Error) -> Result<Reply> {
        let id = &self.errand.facts.request_id;
        // AWS: a visitor is told nothing of policies.
        let error = match error.status {
            403 => error::access_denied(),
            _ => error,
        };
        let Some(key) = &self.website.error else { return Ok(pages::page(&error, None, id)) };
        match self.read(key, false).await {
            Ok(output) => {
                let mut reply = self.document(output, error.status);
                reply.headers.extend(pages::told(&error, id));
                Ok(reply)
            }
            Err(other) => {
                let other = if other.status == 403 { error::access_denied() } else { other };
                Ok(pages::page(&error, Some(&other), id))
            }
        }
    }

    async fn read(&self, key: &str, is_asked: bool) -> Result<api::GetObjectOutput> {
        let header = |name| self.errand.head.header(name).filter(|_| is_asked).map(str::to_owned);
        let input = api::GetObjectInput {
            bucket: self.open.record.name.clone(),
            key: key.to_owned(),
            range: header("range"),
            if_match: header("if-match"),
            if_none_match: header("if-none-match"),
            ..Default::default()
        };
        let nobody = Arc::new(Caller::anonymous());
        self.errand.call(api::GetObject, nobody, self.open.record.region, None, input).await
    }

    fn document(&self, output: api::GetObjectOutput, status: u16) -> Reply {
        if let Some(place) = output.website_redirect_location.filter(|_| status == 200) {
            return self.sent(301, place);
        }
        let status = if output.content_range.is_some() && status == 200 { 206 } else { status };
        let named = [
            ("content-type", output.content_type),
            ("content-length", output.content_length.map(|length| length.to_string())),
            ("content-range", output.content_range),
            ("content-encoding", output.content_encoding),
            ("content-language", output.content_language),
            ("content-disposition", output.content_disposition),
            ("cache-control", output.cache_control),
            ("expires", output.expires),
            ("etag", output.e_tag),
            ("last-modified", output.last_modified.map(http_date)),
            ("x-amz-version-id", output.version_id),
            ("x-amz-request-id", Some(self.errand.facts.request_id.to_string())),
        ];
        let named = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        let metadata = output.metadata.unwrap_or_default();
        let metadata = metadata.into_iter().map(|(name, value)| (format!("x-amz-meta-{name}"), value));
        Reply { status, headers: named.chain(metadata).collect(), body: output.body }
    }

    /// Protocol and host, with its port, by which the visitor came.
    fn came_by(&self) -> (&str, &str) {
        self.errand.facts.endpoint.split_once("://").unwrap_or(("http", self.errand.head.host))
    }

    fn sent(&self, status: u16, place: String) -> Reply {
        sent(status, place, &self.errand.facts.request_id)
    }
}

#[cfg(test)]
mod tests {
    use super::named;
    use yakumo_aws::Region;

    #[test]
    fn hosts_of_websites() {
        let region = Region::parse("eu-west-1");
        for (host, expected) in [
            ("b.s3-website-eu-west-1.amazonaws.com", Some(("b", region))),
            ("my.site.s3-website.eu-west-1.amazonaws.com", Some(("my.site", region))),
            ("b.s3-website.localhost", Some(("b", None))),
            ("b.s3-website.eu-west-1.localhost", Some(("b", region))),
            ("b.s3-website", Some(("b", None))),
            ("s3-website-eu-west-1.amazonaws.com", Some(("", region))),
            ("b.s3-websites.localhost", None),
            ("b.s3.localhost", None),
            ("localhost", None),
        ] {
            assert_eq!(named(host), expected, "{host}");
        }
    }
}
