//! Credentials of an instance's role, as STS gives them out to EC2.
//!
//! Invariant: an instance is given credentials of the role that its profile holds now, and new ones before those end.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html>

use super::tree::document;
use crate::instances::{Instance, interfaces_of};
use crate::network_interfaces::NetworkInterface;
use crate::nouns::{ALL, Noun};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use yakumo_api_sts as sts;
use yakumo_aws::{Result, Timestamp};
use yakumo_room::{Caller, Ctx, InstanceProfile, World};

/// How long they last.
const LIFE_S: i32 = 21_600;
/// AWS: "We make new credentials available at least five minutes before the expiration of the old credentials."
const AHEAD_MS: i64 = 15 * 60 * 1_000;
/// How many are remembered at once.
const KEPT_MAX: usize = 10_000;

/// Credentials that were given out.
#[derive(Default)]
pub(super) struct Delivered(Mutex<HashMap<(String, bool), Kept>>);

#[derive(Clone)]
struct Kept {
    profile: InstanceProfile,
    issued: Timestamp,
    credentials: sts::Credentials,
}

impl Kept {
    fn is_good(&self, profile: &InstanceProfile, now: Timestamp) -> bool {
        let ends = self.credentials.expiration.as_millis();
        // A clock that was set back does not make them younger than they are.
        let begun = self.issued.as_millis() <= now.as_millis();
        self.profile == *profile && begun && ends.saturating_sub(now.as_millis()) > AHEAD_MS
    }

    fn document(&self) -> String {
        document(&[
            ("Code", Some("Success")),
            ("LastUpdated", Some(&self.issued.to_date_time())),
            ("Type", Some("AWS-HMAC")),
            ("AccessKeyId", Some(&self.credentials.access_key_id)),
            ("SecretAccessKey", Some(&self.credentials.secret_access_key)),
            ("Token", Some(&self.credentials.session_token)),
            ("Expiration", Some(&self.credentials.expiration.to_date_time())),
        ])
    }
}

impl Delivered {
    /// What an instance reads for the role of that name; `None` when it is not the one that its profile holds.
    pub(super) async fn told(
        &self,
        world: &Arc<World>,
        ctx: &Ctx,
        instance: &Instance,
        profile: &InstanceProfile,
        role: &str,
        with_token: bool,
    ) -> Result<Option<String>> {
        let Some((arn, _)) = profile.role.as_ref().filter(|(_, name)| name == role) else { return Ok(None) };
        let (key, now) = ((instance.id.clone(), with_token), world.base.clock.now());
        let known = self.0.lock().get(&key).filter(|known| known.is_good(profile, now)).cloned();
        if let Some(known) = known {
            return Ok(Some(known.document()));
        }
        let caller = Arc::new(caller(ctx, instance, with_token).await?);
        let wanted = sts::AssumeRoleInput {
            role_arn: arn.clone(),
            // AWS: the session is named after the instance.
            role_session_name: instance.id.clone(),
            duration_seconds: Some(LIFE_S),
            ..sts::AssumeRoleInput::default()
        };
        let assumed = match world.call(sts::AssumeRole, caller, instance.home.region, wanted).await {
            Ok(assumed) => assumed,
            Err(error) if error.status >= 500 => return Err(error),
            Err(_) => return Ok(Some(refused(role, now))),
        };
        let Some(credentials) = assumed.credentials else { return Ok(None) };
        let kept = Kept { profile: profile.clone(), issued: now, credentials };
        let text = kept.document();
        let mut all = self.0.lock();
        if all.len() >= KEPT_MAX {
            all.retain(|_, kept| kept.credentials.expiration.as_millis() > now.as_millis());
        }
        if all.len() < KEPT_MAX {
            all.insert(key, kept);
        }
        Ok(Some(text))
    }
}

/// EC2 as it assumes a role for an instance, with what the session will tell of that.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
async fn caller(ctx: &Ctx, instance: &Instance, with_token: bool) -> Result<Caller> {
    let all: Vec<NetworkInterface> = ctx.list(&instance.home.scope(), &[], None, ALL).await?;
    let address = interfaces_of(&all, &instance.id).first().and_then(|interface| interface.primary());
    let arn = instance.home.arn(Instance::KIND, &instance.id);
    let mut caller = Caller::service("ec2.amazonaws.com", &arn, instance.home.account);
    let keys = &mut caller.principal.keys;
    keys.put("ec2:SourceInstanceARN", arn);
    keys.put("ec2:RoleDelivery", if with_token { "2.0" } else { "1.0" });
    keys.put("aws:Ec2InstanceSourceVpc", instance.vpc.clone());
    if let Some(address) = address {
        keys.put("aws:Ec2InstanceSourcePrivateIPv4", address.to_string());
    }
    Ok(caller)
}

/// AWS: what is read when the role's trust policy does not let EC2 in.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html>
fn refused(role: &str, now: Timestamp) -> String {
    let text = format!(
        "EC2 cannot assume the role {role}. Please see documentation at \
         https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html#troubleshoot_iam-ec2_errors-info-doc."
    );
    document(&[
        ("Code", Some("AssumeRoleUnauthorizedAccess")),
        ("Message", Some(&text)),
        ("LastUpdated", Some(&now.to_date_time())),
    ])
}
