//! Queue URLs, in every form in which clients write them.
//!
//! The path names the queue; the host may be ours, AWS's or another local cloud's, because programs keep URLs from
//! other places. A host or path that names another region than the request's does not lead here.
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-message-identifiers.html>

use crate::error;
use yakumo_aws::{AccountId, Region, Result};

/// The queue that a URL names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Address<'a> {
    /// Its owner; `None` in old URLs that leave it out, which stands for the caller.
    pub account: Option<AccountId>,
    /// Its name.
    pub name: &'a str,
}

impl<'a> Address<'a> {
    /// Reads a URL in a request that was signed for `region`.
    pub fn parse(url: &'a str, region: Region) -> Result<Address<'a>> {
        let invalid = || error::invalid_address(url);
        let (host, path) = split(url).ok_or_else(invalid)?;
        if region_of_host(host).is_some_and(|named| named != region.as_str()) {
            return Err(invalid());
        }
        let path = path.trim_matches('/');
        let mut parts = path.split('/');
        let parts = (parts.next(), parts.next(), parts.next(), parts.next(), parts.next());
        match parts {
            (Some("queue"), Some(named), Some(account), Some(name), None) if named == region.as_str() => {
                Ok(Address { account: Some(AccountId::parse(account).ok_or_else(invalid)?), name })
            }
            (Some("queue"), Some(name), None, ..) => Ok(Address { account: None, name }),
            (Some(account), Some(name), None, ..) if !name.is_empty() => {
                Ok(Address { account: Some(AccountId::parse(account).ok_or_else(invalid)?), name })
            }
            _ => Err(invalid()),
        }
    }
}

/// Host and path; a text without a host must begin with a slash.
fn split(url: &str) -> Option<(&str, &str)> {
    let Some((_, rest)) = url.split_once("://") else {
        return url.starts_with('/').then_some(("", url));
    };
    rest.find('/').map(|slash| rest.split_at(slash))
}

/// The region that a host names, if it names one.
fn region_of_host(host: &str) -> Option<&str> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if matches!(name, "queue.amazonaws.com") {
        return Some("us-east-1");
    }
    let (first, rest) = name.split_once('.')?;
    let (second, rest) = rest.split_once('.')?;
    let is_ours =
        |domain: &str| matches!(domain, "amazonaws.com" | "amazonaws.com.cn" | "localhost.localstack.cloud");
    match (first, second) {
        ("sqs", region) if is_ours(rest) => Some(region),
        (region, "queue") if is_ours(rest) => Some(region),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Address;
    use yakumo_aws::Region;

    /// What a URL names in us-east-1: account and name.
    fn check(url: &str, expected: Option<(Option<&str>, &str)>) {
        let address = Address::parse(url, Region::US_EAST_1);
        let found = address.as_ref().ok();
        let found =
            found.map(|address| (address.account.as_ref().map(|account| account.as_str()), address.name));
        assert_eq!(found, expected, "{url}");
        if let Err(error) = address {
            let text = format!("The address {url} is not valid for this endpoint.");
            assert_eq!((&*error.code, error.message), ("InvalidAddress", text));
        }
    }

    #[test]
    fn every_form_names_the_queue() {
        let queue = Some((Some("123456789012"), "q.fifo"));
        for url in [
            "http://127.0.0.1:4566/123456789012/q.fifo",
            "http://localhost:4566/123456789012/q.fifo/",
            "https://sqs.us-east-1.amazonaws.com/123456789012/q.fifo",
            "https://us-east-1.queue.amazonaws.com/123456789012/q.fifo",
            "https://queue.amazonaws.com/123456789012/q.fifo",
            "http://sqs.us-east-1.localhost.localstack.cloud:4566/123456789012/q.fifo",
            "http://localhost:4566/queue/us-east-1/123456789012/q.fifo",
            "http://[::1]:4566/123456789012/q.fifo",
            "/123456789012/q.fifo",
        ] {
            check(url, queue);
        }
        check("http://localhost:4566/queue/q", Some((None, "q")));
    }

    #[test]
    fn other_regions_and_other_texts_do_not() {
        for url in [
            "",
            "q",
            "http://localhost:4566",
            "http://localhost:4566/",
            "http://localhost:4566/q",
            "http://localhost:4566/123/q",
            "http://localhost:4566/123456789012/",
            "http://localhost:4566/123456789012/q/x",
            "https://sqs.eu-west-1.amazonaws.com/123456789012/q",
            "https://eu-west-1.queue.amazonaws.com/123456789012/q",
            "http://localhost:4566/queue/eu-west-1/123456789012/q",
        ] {
            check(url, None);
        }
    }
}
