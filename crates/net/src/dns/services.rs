//! AWS's own names: which of them lead to which address in the Internet.
//!
//! Invariant: a name is known when its service is, in any region; whether the cloud has the service is the front's to say.
//! Source: <https://docs.aws.amazon.com/general/latest/gr/rande.html>

use crate::engine::Ranges;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use yakumo_aws::Region;

/// The domains of AWS's APIs.
const DOMAINS: [&str; 3] = ["amazonaws.com", "amazonaws.com.cn", "api.aws"];
/// What stands between a service and its region where both families of addresses are served.
const DUALSTACK: &str = "dualstack";

/// The services of AWS.
#[derive(Clone, Debug)]
pub struct Services {
    /// What their names begin with: `sqs`, `api.ecr`.
    prefixes: BTreeSet<String>,
    ranges: Ranges,
}

impl Services {
    /// Knows services by what their names begin with, and where they are for whoever comes by the Internet.
    pub fn new(prefixes: impl IntoIterator<Item = String>, ranges: Ranges) -> Services {
        Services { prefixes: prefixes.into_iter().filter(|prefix| !prefix.is_empty()).collect(), ranges }
    }

    /// The address of a name (`bucket.s3.eu-west-1.amazonaws.com`), in lower case without a dot at its end.
    pub fn address(&self, name: &str) -> Option<Ipv4Addr> {
        let rest = DOMAINS.iter().find_map(|domain| name.strip_suffix(domain)?.strip_suffix('.'))?;
        let mut labels: Vec<&str> = rest.split('.').collect();
        if labels.last().is_some_and(|label| Region::parse(label).is_some()) {
            labels.pop();
        }
        if labels.last() == Some(&DUALSTACK) {
            labels.pop();
        }
        let last = labels.pop()?;
        let last = last.strip_suffix("-fips").unwrap_or(last);
        match last {
            "s3" | "s3-control" | "s3-accesspoint" | "s3-accelerate" | "s3-global" => {
                return Some(self.ranges.s3_v4());
            }
            // AWS: the name of an account's own endpoint is `ACCOUNT.ddb.REGION.amazonaws.com`.
            "dynamodb" | "ddb" => return Some(self.ranges.dynamodb_v4()),
            _ => {}
        }
        // AWS: the oldest form, of buckets made long ago: `s3-eu-west-1.amazonaws.com`; and websites, of both forms.
        let region = last.strip_prefix("s3-website-").or_else(|| last.strip_prefix("s3-"));
        // Directory buckets have names of their zone: `bucket--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com`.
        let is_express = last.starts_with("s3express-");
        if is_express || last == "s3-website" || region.is_some_and(|region| Region::parse(region).is_some())
        {
            return Some(self.ranges.s3_v4());
        }
        // Some names have two labels: `api.ecr`, `runtime.sagemaker`. What stands before a name of one is somebody's own.
        let both = labels.last().map(|before| format!("{before}.{last}"));
        let known = self.prefixes.contains(last) || both.is_some_and(|both| self.prefixes.contains(&both));
        known.then(|| self.ranges.api_v4())
    }

    /// Whether names below this one exist, though it has no address itself: `eu-west-1.amazonaws.com`.
    pub fn is_above(&self, name: &str) -> bool {
        let above = |name: &str| {
            DOMAINS.iter().any(|domain| {
                *domain == name || domain.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
            })
        };
        let region = || name.split_once('.').filter(|(label, _)| Region::parse(label).is_some());
        above(name) || region().is_some_and(|(_, rest)| DOMAINS.contains(&rest))
    }
}

#[cfg(test)]
mod tests {
    use super::Services;
    use crate::engine::Ranges;

    #[test]
    fn names_of_services_have_addresses() {
        let ranges = Ranges::new("abcdefgh", 0);
        let services = Services::new(
            ["sqs", "iam", "api.ecr", "s3", "s3-control", "dynamodb"].map(str::to_owned),
            ranges,
        );
        let (api, s3, dynamodb) = (Some(ranges.api_v4()), Some(ranges.s3_v4()), Some(ranges.dynamodb_v4()));
        for (name, wanted) in [
            ("b.s3-website-us-east-1.amazonaws.com", s3),
            ("b--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com", s3),
            ("s3express-control.us-east-1.amazonaws.com", s3),
            ("b.s3-website.eu-central-1.amazonaws.com", s3),
            ("sqs.eu-west-1.amazonaws.com", api),
            ("sqs.us-east-1.api.aws", api),
            ("sqs-fips.us-east-1.amazonaws.com", api),
            ("sqs.cn-north-1.amazonaws.com.cn", api),
            ("iam.amazonaws.com", api),
            ("api.ecr.eu-west-1.amazonaws.com", api),
            ("s3.amazonaws.com", s3),
            ("s3.eu-west-1.amazonaws.com", s3),
            ("s3-eu-west-1.amazonaws.com", s3),
            ("my.bucket.s3.eu-west-1.amazonaws.com", s3),
            ("sqs.s3.amazonaws.com", s3),
            ("bucket.s3.dualstack.eu-west-1.amazonaws.com", s3),
            ("123456789012.s3-control.eu-west-1.amazonaws.com", s3),
            ("dynamodb.eu-west-1.amazonaws.com", dynamodb),
            ("123456789012.ddb.eu-west-1.amazonaws.com", dynamodb),
            ("ecr.eu-west-1.amazonaws.com", None),
            ("sqs.mars-1.amazonaws.com", None),
            ("nothing.eu-west-1.amazonaws.com", None),
            ("eu-west-1.amazonaws.com", None),
            ("amazonaws.com", None),
            ("evilamazonaws.com", None),
            ("sqs.eu-west-1.amazonaws.com.example.com", None),
            ("", None),
        ] {
            assert_eq!(services.address(name), wanted, "{name}");
        }
        for above in ["com", "aws", "amazonaws.com", "api.aws", "eu-west-1.amazonaws.com"] {
            assert!(services.is_above(above), "{above}");
        }
        for other in ["", "ws", "example.com", "mars-1.amazonaws.com"] {
            assert!(!services.is_above(other), "{other}");
        }
    }
}
