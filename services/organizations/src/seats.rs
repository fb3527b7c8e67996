//! Where the caller of a request sits: its organization, in the records as they are.

use crate::error;
use crate::realm::{Draft, Realm, State, View};
use crate::state::{Account, Hung, Organization, PolicyType};
use std::sync::Arc;
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// The caller's organization and the records around it.
pub(crate) struct Seat {
    pub view: Arc<View>,
    pub organization: Arc<Organization>,
}

impl Seat {
    pub(crate) fn state(&self) -> &State {
        &self.view.state
    }
}

/// The caller's organization, for reading.
pub(crate) fn seat(ctx: &Ctx) -> Result<Seat> {
    let view = ctx.state::<Realm>().view();
    let organization = view.state.organization_of(ctx.account()).cloned().ok_or_else(error::not_in_use)?;
    Ok(Seat { view, organization })
}

impl Draft {
    /// The caller's organization, for a change.
    pub(crate) fn organization(&self, ctx: &Ctx) -> Result<Arc<Organization>> {
        self.state.organization_of(ctx.account()).cloned().ok_or_else(error::not_in_use)
    }

    /// A member of the organization.
    pub(crate) fn account(&self, organization: &Organization, id: &str) -> Result<Account> {
        let account = self.state.member(&organization.id, id).ok_or_else(error::account_not_found)?;
        Ok(Account::clone(account))
    }
}

/// What hangs on everything new: AWS's policies of the enabled types.
pub(crate) fn default_policies(organization: &Organization) -> Hung {
    let enabled = organization.enabled.iter();
    enabled.filter_map(|policy_type: &PolicyType| policy_type.full_access()).map(str::to_owned).collect()
}

/// Refuses what only organizations with all features have.
pub(crate) fn need_all_features(organization: &Organization) -> Result<()> {
    if organization.all_features { Ok(()) } else { Err(error::not_all_features()) }
}
