//! Step 2: which service, operation and protocol does the request name?

use crate::front::Front;
use crate::identify::Claim;
use crate::reader::Reader;
use crate::record::{Trip, host};
use crate::{beside, decode};
use http::header::HOST;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use yakumo_aws::{Error, Region, Result};
use yakumo_room::World;
use yakumo_wire::{AddressError, Addressed, Head, unknown_operation};

/// Finds what the request asks for. The body is read only when the operation's name is in it.
///
/// # Errors
/// The service's own words for an operation it does not have; for a service that nothing names, the query protocol's.
pub async fn address(
    front: &Front,
    world: &World,
    head: &Parts,
    claim: &Claim,
    body: &mut Reader<'_>,
    trip: &mut Trip,
) -> Result<Addressed> {
    // RFC 9112, section 3.2: more than one Host is a bad request, whatever they say.
    if head.headers.get_all(HOST).iter().nth(1).is_some() {
        return Err(Error::sender("InvalidRequest", "The request has more than one Host header."));
    }
    let mut asked = wire_head(head, claim.scope());
    let mut found = front.router.address(&asked);
    if matches!(found, Err(AddressError::NeedForm)) {
        asked.form = Some(decode::plain(head, body.whole().await?)?);
        found = front.router.address(&asked);
    }
    if let Ok(addressed) = &found
        && let Some(path) = beside::elsewhere(world, &asked, addressed.service)
    {
        found = front.router.address(&Head { path: &path, ..asked });
    }
    match found {
        Ok(addressed) => {
            trip.addressed = Some(addressed.clone());
            // What is no text is nobody's name: names that differ must not become the same one.
            // AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
            match percent_decode_str(head.uri.path()).decode_utf8() {
                Ok(_) => Ok(addressed),
                Err(_) => Err(Error::sender("InvalidURI", "Couldn't parse the specified URI.")),
            }
        }
        Err(AddressError::UnknownOperation { service, protocol, name, version }) => {
            let service = front.router.service(service).ok_or_else(unknown_service)?;
            trip.named = Some((service, protocol));
            let said = beside::unknown(world, &asked, service);
            Err(said.unwrap_or_else(|| unknown_operation(service, protocol, &name, version.as_deref())))
        }
        Err(AddressError::UnknownService | AddressError::NeedForm) => Err(unknown_service()),
    }
}

/// The ends of AWS's names for its services.
const AWS_DOMAINS: [&str; 3] = ["amazonaws.com", "amazonaws.com.cn", "api.aws"];

/// A request's head as the wire sees it.
pub fn wire_head<'a>(head: &'a Parts, scope: Option<(&'a str, &'a str)>) -> Head<'a> {
    let host = host(head);
    // An IPv6 address keeps its brackets and colons; only a port is cut off.
    let port = host.rfind(':').filter(|colon| host.get(colon + 1..).is_some_and(is_digits));
    Head {
        method: &head.method,
        path: head.uri.path(),
        query: head.uri.query().unwrap_or_default(),
        headers: &head.headers,
        host: port.map_or(host, |colon| &host[..colon]),
        scope,
        form: None,
    }
}

/// The region in AWS's name of a host: `eu-west-1` in `bucket.s3.eu-west-1.amazonaws.com`. `None` for global names and
/// for names that are not AWS's.
pub fn host_region(host: &str) -> Option<Region> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name).trim_end_matches('.');
    let labels = AWS_DOMAINS.iter().find_map(|domain| name.strip_suffix(domain)?.strip_suffix('.'))?;
    // What a customer chose (a bucket's name) stands in front of what AWS has chosen.
    labels.rsplit('.').find_map(Region::parse)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

pub fn unknown_service() -> Error {
    let text = "Nothing in the request names an AWS service: sign it, or send X-Amz-Target, or Action and Version. \
                Operations of this cloud: yakumo services; its state: GET /_yakumo/health.";
    Error::sender("UnknownService", text).with_status(404)
}

#[cfg(test)]
mod tests {
    use super::host_region;

    #[test]
    fn the_region_of_a_host_is_the_one_that_aws_put_there() {
        for (host, region) in [
            ("sqs.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("sqs.eu-west-1.amazonaws.com:443", Some("eu-west-1")),
            ("us-east-1.s3.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("bucket.s3.dualstack.us-west-2.amazonaws.com", Some("us-west-2")),
            ("vpce-0a-b.sqs.us-east-1.vpce.amazonaws.com", Some("us-east-1")),
            ("ec2.us-east-1.api.aws", Some("us-east-1")),
            ("iam.amazonaws.com", None),
            ("bucket.s3.amazonaws.com", None),
            ("us-east-1.example.com", None),
            ("localhost:4566", None),
            ("", None),
        ] {
            assert_eq!(host_region(host).map(|region| region.as_str()), region, "{host}");
        }
    }
}
