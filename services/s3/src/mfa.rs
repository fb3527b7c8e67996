//! MFA delete: versions go for good, and versioning changes, only by the root user with a code of its device.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMFADelete.html>
//!
//! Invariant: whether the bucket asks for a code is decided in the transaction that acts; a code is used once.

use crate::error;
use crate::state::Bucket;
use yakumo_aws::{Error, Result};
use yakumo_policy::PrincipalKind;
use yakumo_room::Ctx;

/// Whether the request's caller has proved to be the root user of the bucket's account with its device at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proved(bool);

impl Proved {
    /// For what needs no proof.
    pub const NOTHING: Proved = Proved(false);

    /// Tries what the header `x-amz-mfa` presents: a device's serial number, a space and a code.
    ///
    /// # Errors
    /// AccessDenied when there is no header, somebody else asks, or the code is not the device's.
    ///
    /// DIFFERS: AWS takes the header over TLS only. A cloud on one's own machine is asked without, too.
    pub async fn by(ctx: &Ctx, bucket: &Bucket, header: Option<&str>) -> Result<Proved> {
        let principal = &ctx.caller().principal;
        // AWS: "only the root user can permanently delete object versions or change the versioning configuration".
        if principal.kind != PrincipalKind::Root || principal.account != Some(bucket.owner) {
            return Err(error::denied("This operation may only be performed by the bucket owner"));
        }
        let header = header.ok_or_else(missing)?;
        let (serial, code) = header.trim().rsplit_once(' ').ok_or_else(|| {
            let text =
                "Mfa header is invalid -- the header should be formatted as {serialNumber}(space){tokenCode}";
            error::argument(text, "x-amz-mfa", header)
        })?;
        match ctx.world().principals.second_factor(ctx, serial.trim(), code).await? {
            true => Ok(Proved(true)),
            false => Err(missing()),
        }
    }

    /// The same where the bucket asks for it.
    pub async fn if_asked(ctx: &Ctx, bucket: &Bucket, header: Option<&str>) -> Result<Proved> {
        match bucket.mfa_delete {
            Some(true) => Proved::by(ctx, bucket, header).await,
            _ => Ok(Proved::NOTHING),
        }
    }

    /// Whether this is enough for the bucket.
    ///
    /// # Errors
    /// AccessDenied when it is not.
    pub fn check(self, bucket: &Bucket) -> Result<()> {
        match bucket.mfa_delete {
            Some(true) if !self.0 => Err(missing()),
            _ => Ok(()),
        }
    }
}

fn missing() -> Error {
    error::denied("Mfa Authentication must be used for this request")
}

/// Whether a bucket may have these two together.
///
/// AWS: "You cannot use MFA delete with lifecycle configurations":
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/MultiFactorAuthenticationDelete.html>
pub fn check_lifecycle(bucket: &Bucket) -> Result<()> {
    match bucket.mfa_delete == Some(true) && !bucket.lifecycle.rules.is_empty() {
        true => Err(error::invalid_bucket_state("Lifecycle configuration is not supported with MFA delete.")),
        false => Ok(()),
    }
}
