//! Stored records of Organizations and the pure rules on them. One file per record.
//!
//! All of them live in the scope that all accounts share: an organization spans accounts, and an account is found by
//! its number alone.

pub(crate) mod account;
mod creation;
#[cfg(test)]
mod golden;
pub(crate) mod handshake;
mod hung;
mod organization;
mod policy;
mod unit;

pub(crate) use account::{Account, Joined, Life, Membership};
pub(crate) use creation::{Creation, Progress};
pub(crate) use handshake::{Handshake, HandshakeState, Kind};
pub(crate) use hung::Hung;
pub(crate) use organization::{Delegation, Organization};
pub(crate) use policy::{Policy, PolicyType};
pub(crate) use unit::Unit;

use std::collections::BTreeMap;
use yakumo_aws::AccountId;
use yakumo_room::{Ids, Scope};

/// The partition of every ARN here.
pub(crate) const PARTITION: &str = "aws";

/// Tags, by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// Where everything lives.
pub(crate) fn shared() -> Scope {
    Scope { account: None, region: None, service: "organizations" }
}

/// The ARN of something of an organization: `kind` is `root`, `ou`, `account`, `handshake/invite` …
/// AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html>
pub(crate) fn arn(management: AccountId, kind: &str, organization: &str, id: &str) -> String {
    match kind.split_once('/') {
        None => format!("arn:{PARTITION}:organizations::{management}:{kind}/{organization}/{id}"),
        Some((kind, below)) => {
            format!("arn:{PARTITION}:organizations::{management}:{kind}/{organization}/{below}/{id}")
        }
    }
}

/// A new id: so many characters of `a-z2-7` behind a prefix, as in `ou-…` and `h-…`.
pub(crate) fn fresh_id(ids: &Ids, prefix: &str, length: usize) -> String {
    format!("{prefix}{}", ids.base32(length).to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::arn;
    use yakumo_aws::AccountId;

    #[test]
    fn arns_have_awss_form() {
        let management = AccountId::parse("111122223333").unwrap();
        for (kind, id, wanted) in [
            ("root", "r-abcd", "arn:aws:organizations::111122223333:root/o-example123/r-abcd"),
            (
                "handshake/invite",
                "h-12345678",
                "arn:aws:organizations::111122223333:handshake/o-example123/invite/h-12345678",
            ),
        ] {
            assert_eq!(arn(management, kind, "o-example123", id), wanted);
        }
    }
}
