//! Where an account stands in an organization, and the control policies that follow from it.
//!
//! `Organizations` is the seam to the organizations room. It answers from memory, since every decision asks, and its
//! answers are never older than the last acknowledged change.

use crate::TagPolicy;
use std::sync::Arc;
use yakumo_aws::AccountId;
use yakumo_policy::Attached;

/// An account's place in its organization.
/// AWS: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html>
#[derive(Debug)]
pub struct Place {
    /// The organization's id, `o-…`: `aws:PrincipalOrgID`, `aws:ResourceOrgID`.
    pub organization: String,
    /// The management account.
    pub management: AccountId,
    /// The way from the organization to the account's parent, with a slash at the end: `o-…/r-…/ou-…/`:
    /// `aws:PrincipalOrgPaths`, `aws:ResourceOrgPaths`.
    pub path: String,
    /// Service control policies, one list for each level from the root down to the account. No levels at all where
    /// they limit nothing: in the management account, and when the policy type is not enabled.
    pub scps: Vec<Vec<Attached>>,
    /// Resource control policies, by level as above.
    pub rcps: Vec<Vec<Attached>>,
    /// The tag policy that is enforced on the account's resources, if any is.
    pub tags: Option<Arc<TagPolicy>>,
}

/// Tells the place of accounts; implemented by the organizations room and injected by `cloud`.
pub trait Organizations: Send + Sync {
    /// The account's place; `None` when it is in no organization.
    fn place(&self, account: AccountId) -> Option<Arc<Place>>;
}

/// A cloud without organizations.
pub struct NoOrganizations;

impl Organizations for NoOrganizations {
    fn place(&self, _account: AccountId) -> Option<Arc<Place>> {
        None
    }
}
