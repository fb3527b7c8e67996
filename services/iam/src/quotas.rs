//! Quotas of a whole account. AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
//!
//! Nothing is counted while an account is far below a quota: what is known is that there are at most so many, from one
//! count and what was made since. Only near the quota each creation counts, within its transaction, so that two at the
//! same time cannot both take the last place.

use crate::directory::Directory;
use crate::error;
use crate::state::{Group, InstanceProfile, MfaDevice, Policy, Role, ServerCertificate, User, home};
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use std::collections::HashMap;
use yakumo_aws::{AccountId, Result};
use yakumo_room::store::Range;
use yakumo_room::{Ctx, Record, Tx};

/// How near to a quota creations begin to count: more than can be in flight at once.
const MARGIN: usize = 128;

/// What is limited for a whole account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Quota {
    Users,
    Groups,
    Roles,
    Policies,
    InstanceProfiles,
    ServerCertificates,
    MfaDevices,
}

impl Quota {
    /// The most that one account may have: AWS's default.
    pub(crate) fn most(self) -> usize {
        match self {
            Quota::Users | Quota::MfaDevices => 5_000,
            Quota::Groups => 300,
            Quota::Roles | Quota::InstanceProfiles => 1_000,
            Quota::Policies => 1_500,
            Quota::ServerCertificates => 20,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Quota::Users => "UsersPerAccount",
            Quota::Groups => "GroupsPerAccount",
            Quota::Roles => "RolesPerAccount",
            Quota::Policies => "PoliciesPerAccount",
            Quota::InstanceProfiles => "InstanceProfilesPerAccount",
            Quota::ServerCertificates => "ServerCertificatesPerAccount",
            Quota::MfaDevices => "MFADevicesPerAccount",
        }
    }

    fn table(self) -> &'static str {
        match self {
            Quota::Users => User::TABLE,
            Quota::Groups => Group::TABLE,
            Quota::Roles => Role::TABLE,
            Quota::Policies => Policy::TABLE,
            Quota::InstanceProfiles => InstanceProfile::TABLE,
            Quota::ServerCertificates => ServerCertificate::TABLE,
            Quota::MfaDevices => MfaDevice::TABLE,
        }
    }

    fn rows(self, account: AccountId) -> Range {
        Range::prefix(home(account).record_key(self.table(), &[]))
    }
}

/// For each account and quota: that there are no more than so many.
#[derive(Default)]
pub(crate) struct Ceilings {
    known: Mutex<HashMap<(AccountId, Quota), usize, RandomState>>,
}

/// Lets one more be made, or fails with LimitExceeded. Call it once in each transaction that makes one.
pub(crate) async fn admit(ctx: &Ctx, tx: &Tx, quota: Quota) -> Result<()> {
    let key = (ctx.account(), quota);
    let ceilings = &ctx.state::<Directory>().ceilings;
    let known = ceilings.known.lock().get(&key).copied();
    let ceiling = match known {
        Some(ceiling) => ceiling,
        None => ctx.base().store.scan(quota.rows(ctx.account()), quota.most()).await?.len(),
    };
    let ceiling = match ceiling + MARGIN < quota.most() {
        true => ceiling,
        false => tx.raw().scan(quota.rows(ctx.account()), quota.most()).await?.len(),
    };
    if ceiling >= quota.most() {
        return Err(error::quota(quota.name(), quota.most()));
    }
    let mut known = ceilings.known.lock();
    let entry = known.entry(key).or_insert(ceiling);
    // Others may have been let in since it was read; a fresh count brings it down again.
    *entry = if ceiling + MARGIN < quota.most() { (*entry).max(ceiling) + 1 } else { ceiling + 1 };
    Ok(())
}

/// How many there are now.
pub(crate) async fn count(ctx: &Ctx, quota: Quota) -> Result<usize> {
    let mut count = 0;
    let mut rows = quota.rows(ctx.account());
    loop {
        let batch = ctx.base().store.scan(rows.clone(), 1_000).await?;
        count += batch.len();
        let Some((last, _)) = batch.last().filter(|_| batch.len() == 1_000) else { return Ok(count) };
        rows = rows.after(last.clone());
    }
}
