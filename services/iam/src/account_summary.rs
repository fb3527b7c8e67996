//! What an account has and may have, and its preference for session tokens.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html>

use crate::mfa_devices::devices_of;
use crate::quotas::{self, Quota};
use crate::signing_certificates;
use crate::state::{MfaDevice, OidcProvider, Policy, ROOT, RootUser, SamlProvider, TokenPreference, home};
use std::collections::BTreeMap;
use yakumo_api_iam::{
    GetAccountSummaryInput, GetAccountSummaryOutput, SetSecurityTokenServicePreferencesInput,
    SetSecurityTokenServicePreferencesOutput, global_endpoint_token_version, summary_key_type as key,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Record};

/// How many records are read at once.
const BATCH: usize = 500;
const PROVIDER_TABLES: [&str; 2] = [OidcProvider::TABLE, SamlProvider::TABLE];

pub(crate) async fn get_account_summary(
    ctx: Ctx,
    _input: GetAccountSummaryInput,
) -> Result<GetAccountSummaryOutput> {
    let mut map: BTreeMap<String, i32> =
        quotas().into_iter().map(|(key, most)| (key.to_owned(), most)).collect();
    let mut put =
        |key: &str, count: usize| map.insert(key.to_owned(), i32::try_from(count).unwrap_or(i32::MAX));
    for (quota, has, most) in [
        (Quota::Users, key::USERS, Some(key::USERS_QUOTA)),
        (Quota::Groups, key::GROUPS, Some(key::GROUPS_QUOTA)),
        (Quota::Roles, key::ROLES, Some(key::ROLES_QUOTA)),
        (Quota::Policies, key::POLICIES, Some(key::POLICIES_QUOTA)),
        (Quota::InstanceProfiles, key::INSTANCE_PROFILES, Some(key::INSTANCE_PROFILES_QUOTA)),
        (Quota::ServerCertificates, key::SERVER_CERTIFICATES, Some(key::SERVER_CERTIFICATES_QUOTA)),
        (Quota::MfaDevices, key::MFA_DEVICES, None),
    ] {
        put(has, quotas::count(&ctx, quota).await?);
        most.map(|most| put(most, quota.most()));
    }
    put(
        key::MFA_DEVICES_IN_USE,
        sum(&ctx, MfaDevice::place, |device| usize::from(device.enabled.is_some())).await?,
    );
    put(key::POLICY_VERSIONS_IN_USE, sum(&ctx, Policy::place, |policy| policy.versions.len()).await?);
    put(key::PROVIDERS, providers(&ctx).await?);
    let root = ctx.get::<RootUser>(&home(ctx.account()), &[]).await?.unwrap_or_default();
    put(key::ACCOUNT_ACCESS_KEYS_PRESENT, usize::from(!root.access_keys.is_empty()));
    let (devices, certificates) = ctx
        .transact(|tx| {
            let account = ctx.account();
            async move {
                let devices = devices_of(&tx, account, ROOT).await?.len();
                Ok((devices, signing_certificates::all_of(&tx, account, ROOT).await?.len()))
            }
        })
        .await?;
    put(key::ACCOUNT_MFA_ENABLED, usize::from(devices > 0));
    put(key::ACCOUNT_SIGNING_CERTIFICATES_PRESENT, usize::from(certificates > 0));
    // There is no console, so the root user has no password.
    put(key::ACCOUNT_PASSWORD_PRESENT, 0);
    let tokens = ctx.get::<TokenPreference>(&home(ctx.account()), &[]).await?;
    map.insert(key::GLOBAL_ENDPOINT_TOKEN_VERSION.to_owned(), tokens.map_or(1, |tokens| tokens.version));
    Ok(GetAccountSummaryOutput { summary_map: Some(map) })
}

/// The quotas that are enforced where one identity or policy is written.
fn quotas() -> [(&'static str, i32); 14] {
    [
        (key::ACCESS_KEYS_PER_USER_QUOTA, 2),
        (key::ASSUME_ROLE_POLICY_SIZE_QUOTA, 2_048),
        (key::ATTACHED_POLICIES_PER_GROUP_QUOTA, 10),
        (key::ATTACHED_POLICIES_PER_ROLE_QUOTA, 10),
        (key::ATTACHED_POLICIES_PER_USER_QUOTA, 10),
        (key::GROUP_POLICY_SIZE_QUOTA, 5_120),
        (key::GROUPS_PER_USER_QUOTA, 10),
        (key::POLICY_SIZE_QUOTA, 6_144),
        (key::POLICY_VERSIONS_IN_USE_QUOTA, 10_000),
        (key::ROLE_POLICY_SIZE_QUOTA, 10_240),
        (key::SIGNING_CERTIFICATES_PER_USER_QUOTA, 2),
        (key::USER_POLICY_SIZE_QUOTA, 2_048),
        (key::VERSIONS_PER_POLICY_QUOTA, 5),
        (key::SERVER_CERTIFICATES_QUOTA, 20),
    ]
}

impl MfaDevice {
    fn place(&self) -> &str {
        &self.place
    }
}

impl Policy {
    fn place(&self) -> &str {
        &self.folded
    }
}

/// Adds up what `count` says of each record of the account; `place` is a record's key.
async fn sum<R: Record>(ctx: &Ctx, place: fn(&R) -> &str, count: fn(&R) -> usize) -> Result<usize> {
    let (mut total, mut after) = (0, None::<String>);
    loop {
        let key = after.as_deref().map(|place| [place]);
        let batch = ctx.list::<R>(&home(ctx.account()), &[], key.as_ref().map(|key| &key[..]), BATCH).await?;
        total += batch.iter().map(count).sum::<usize>();
        let Some(last) = batch.last().filter(|_| batch.len() == BATCH) else { return Ok(total) };
        after = Some(place(last).to_owned());
    }
}

async fn providers(ctx: &Ctx) -> Result<usize> {
    let mut count = 0;
    for table in PROVIDER_TABLES {
        let rows = yakumo_room::store::Range::prefix(home(ctx.account()).record_key(table, &[]));
        count += ctx.base().store.scan(rows, BATCH).await?.len();
    }
    Ok(count)
}

/// AWS: the API only sets it; GetAccountSummary shows it
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_SetSecurityTokenServicePreferences.html>).
pub(crate) async fn set_security_token_service_preferences(
    ctx: Ctx,
    input: SetSecurityTokenServicePreferencesInput,
) -> Result<SetSecurityTokenServicePreferencesOutput> {
    let second = input.global_endpoint_token_version == global_endpoint_token_version::V2_TOKEN;
    let tokens = TokenPreference { version: if second { 2 } else { 1 } };
    ctx.transact(|tx| {
        tx.put(&home(ctx.account()), &[], &tokens);
        std::future::ready(Ok(()))
    })
    .await?;
    Ok(SetSecurityTokenServicePreferencesOutput {})
}
