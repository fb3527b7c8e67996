//! What the records of all nouns have in common: where they live, and the request that made them. Each noun's own record
//! stands in its folder (`vpcs.rs`, `subnets.rs` …).

use crate::error;
use serde::{Deserialize, Serialize};
use yakumo_aws::{AccountId, Region, Result};
use yakumo_room::{Ctx, Scope};

/// Kinds whose ARNs name no account.
const SHARED: &[&str] = &["image", "snapshot"];

/// Where a resource lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Home {
    /// The account that owns it.
    pub account: AccountId,
    /// Its region.
    pub region: Region,
}

impl Home {
    /// Where the request acts.
    pub(crate) fn of(ctx: &Ctx) -> Home {
        Home { account: ctx.account(), region: ctx.region() }
    }

    /// Where its records are.
    pub(crate) fn scope(self) -> Scope {
        Scope { account: Some(self.account), region: Some(self.region), service: "ec2" }
    }

    /// The ARN of something of EC2: `vpc` and its id.
    pub(crate) fn arn(self, kind: &str, id: &str) -> String {
        let Home { account, region } = self;
        // AWS: images and snapshots can be everybody's: their ARNs name no account.
        let account = if SHARED.contains(&kind) { "" } else { account.as_str() };
        format!("arn:{}:ec2:{region}:{account}:{kind}/{id}", region.partition().as_str())
    }
}

/// An idempotency token and the request that it came with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientToken {
    /// The client's text.
    pub token: String,
    /// The request, to find out whether a second one is the same.
    pub request: String,
}

impl ClientToken {
    /// The token of a request whose parameters are `request`, which is without the token and the dry run.
    pub(crate) fn of(token: Option<&str>, request: &impl std::fmt::Debug) -> Option<ClientToken> {
        let token = token.filter(|token| !token.is_empty())?.to_owned();
        Some(ClientToken { token, request: format!("{request:?}") })
    }

    /// Whether a resource was made by the same request.
    ///
    /// # Errors
    /// IdempotentParameterMismatch when the token is the same and the request is not.
    pub(crate) fn made(wanted: Option<&ClientToken>, had: Option<&ClientToken>) -> Result<bool> {
        match (wanted, had) {
            (Some(wanted), Some(had)) if wanted.token == had.token => match wanted.request == had.request {
                true => Ok(true),
                false => Err(error::idempotent_parameter_mismatch()),
            },
            _ => Ok(false),
        }
    }
}
