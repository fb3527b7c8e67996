//! Is it a foreign web page that asks? The static root keys are known to everybody, so a page that a person happens to
//! look at could sign with them. A browser lets it send requests to loopback, and they would run even though the page
//! may not read the answers.
//!
//! Invariant: what a page cannot write itself decides: `Origin`, `Sec-Fetch-Site`, `Referer` and `Host`.
//! Source: <https://fetch.spec.whatwg.org/#origin-header>, <https://w3c.github.io/webappsec-fetch-metadata/>

use crate::record::host;
use http::header::{HeaderName, ORIGIN, REFERER};
use http::request::Parts;
use std::net::IpAddr;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Names below these are never found in public DNS, or are those by which clients name AWS and local clouds.
const LOCAL_DOMAINS: [&str; 8] = [
    "localhost",
    "local",
    "internal",
    "test",
    "home.arpa",
    "localhost.localstack.cloud",
    "amazonaws.com",
    "amazonaws.com.cn",
];

/// Whether a page from elsewhere sends this: directly, or behind a name of its own that leads here (DNS rebinding).
/// Programs, and pages that this machine serves, are not foreign.
pub fn is_foreign(head: &Parts) -> bool {
    if !is_local(host(head)) {
        return true;
    }
    let text = |name: &HeaderName| head.headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(origin) = text(&ORIGIN) {
        return !is_local(authority(origin));
    }
    // A page can leave its `Referer` away, but cannot put another one there.
    text(&SEC_FETCH_SITE) == Some("cross-site")
        && !text(&REFERER).is_some_and(|page| is_local(authority(page)))
}

/// Host and port of a URL; of anything else (`null`), nothing.
fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Whether a host, with or without a port, is this machine or a name that nobody can register.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    if let Ok(address) = name.parse::<IpAddr>() {
        return address.to_canonical().is_loopback();
    }
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let below =
        |domain: &str| name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !name.is_empty() && (!name.contains('.') || LOCAL_DOMAINS.iter().any(|domain| below(domain)))
}

#[cfg(test)]
mod tests {
    use super::is_foreign;
    use http::Request;

    fn check(headers: &[(&str, &str)], expected: bool) {
        let request =
            headers.iter().fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
        let (head, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(is_foreign(&head), expected, "{headers:?}");
    }

    #[test]
    fn programs_and_local_pages_are_not_foreign() {
        for host in [
            "127.0.0.1:4566",
            "[::1]:4566",
            "localhost:4566",
            "LOCALHOST.:4566",
            "bucket.localhost",
            "sqs.us-east-1.localhost.localstack.cloud:4566",
            "sqs.us-east-1.amazonaws.com",
            "yakumo:4566",
            "cloud.test",
        ] {
            check(&[("host", host)], false);
        }
        let host = ("host", "localhost:4566");
        check(&[host, ("origin", "http://localhost:3000")], false);
        check(&[host, ("sec-fetch-site", "same-site")], false);
        check(&[host, ("sec-fetch-site", "cross-site"), ("referer", "http://127.0.0.1:3000/page")], false);
    }

    #[test]
    fn pages_from_elsewhere_are_foreign() {
        for host in ["evil.example:4566", "127.0.0.1.evil.example", "evillocalhost.example", "10.0.0.1", ""] {
            check(&[("host", host)], true);
        }
        let host = ("host", "localhost:4566");
        for origin in
            ["https://evil.example", "null", "", "https://localhost.evil.example", "http://10.0.0.1"]
        {
            check(&[host, ("origin", origin)], true);
        }
        check(&[host, ("sec-fetch-site", "cross-site")], true);
        check(&[host, ("sec-fetch-site", "cross-site"), ("referer", "https://evil.example/localhost")], true);
    }
}
