//! GetFederationToken: a session under a name of its own with a part of its maker's rights.
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html>

use crate::access::request_tags;
use crate::error;
use crate::state::{PARTITION, SessionPolicies, SessionSubject, fold};
use crate::sts::federation::check_tags;
use crate::sts::session_policies;
use crate::sts::sessions::{self, Wanted};
use futures_util::future::BoxFuture;
use std::collections::BTreeMap;
use yakumo_api_sts::{FederatedUser, GetFederationTokenInput, GetFederationTokenOutput};
use yakumo_aws::Result;
use yakumo_policy::{Principal, PrincipalKind};
use yakumo_room::{Access, Ctx, Need};

/// Twelve hours.
const DEFAULT_S: i32 = 43_200;
/// AWS: sessions that the root user makes end after an hour, whatever is asked.
const ROOT_MAX_S: i32 = 3_600;

/// AWS: both actions are about the federated user that is made.
pub(crate) fn access() -> Access<GetFederationTokenInput> {
    const ACTIONS: [&str; 2] = ["sts:GetFederationToken", "sts:TagSession"];
    Access::needs(ACTIONS, |ctx: &Ctx, i: &GetFederationTokenInput| -> BoxFuture<'_, Result<Vec<Need>>> {
        let arn = format!("arn:{PARTITION}:sts::{}:federated-user/{}", ctx.account(), i.name);
        let given = i.tags.iter().flatten().map(|tag| (tag.key.as_str(), tag.value.as_str()));
        let keys = request_tags(given);
        let wanted = ACTIONS.iter().take(if keys.is_empty() { 1 } else { 2 });
        let needs = wanted.map(|action| {
            let mut need = Need::new(*action, arn.clone(), ctx.account());
            need.keys = keys.as_slice().into();
            need
        });
        let needs = refuse_sessions(ctx, "GetFederationToken").map(|()| needs.collect());
        Box::pin(std::future::ready(needs))
    })
}

/// AWS: an operation that takes long-term credentials only.
fn refuse_sessions(ctx: &Ctx, operation: &str) -> Result<()> {
    let principal = &ctx.caller().principal;
    let own = matches!(principal.kind, PrincipalKind::User | PrincipalKind::Root);
    match own && principal.keys.get("aws:TokenIssueTime").is_none() {
        true => Ok(()),
        false => Err(error::denied(format!("Cannot call {operation} with session credentials"))),
    }
}

pub(crate) async fn get_federation_token(
    ctx: Ctx,
    input: GetFederationTokenInput,
) -> Result<GetFederationTokenOutput> {
    let caller = &ctx.caller().principal;
    let asked_s = input.duration_seconds.unwrap_or(DEFAULT_S);
    let (user, duration_s) = match caller.kind {
        PrincipalKind::Root => (None, asked_s.min(ROOT_MAX_S)),
        _ => {
            let name = caller.arn.rsplit('/').next().unwrap_or_default();
            (Some((fold(name), caller.user_id.clone())), asked_s)
        }
    };
    let mut tags = BTreeMap::new();
    for tag in input.tags.iter().flatten() {
        if tags.keys().any(|known: &String| known.eq_ignore_ascii_case(&tag.key)) {
            let text = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
            return Err(error::invalid_parameter(text));
        }
        tags.insert(tag.key.clone(), tag.value.clone());
    }
    check_tags(&tags, &[]).map_err(|_| error::invalid_parameter("The session tags are not valid."))?;
    let (account, policy) = (ctx.account(), input.policy.as_deref());
    let policies = session_policies::check(&ctx, account, policy, input.policy_arns.as_deref()).await?;
    let given = tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let packed_policy_size = session_policies::packed_size(policies.as_ref(), given);
    let principal = Principal::federated_user(PARTITION, account, caller.arn.clone(), &input.name);
    let wanted = Wanted {
        account,
        duration_s,
        subject: SessionSubject::Federated { name: input.name, user, tags },
        // AWS: without session policies the session may do nothing but what resource policies allow it.
        policies: Some(policies.unwrap_or_else(SessionPolicies::default)),
        token_size_bytes: input.minimum_session_token_size,
    };
    let credentials = sessions::open(&ctx, wanted).await?;
    let (session_token_size, session_token_utilization) = sessions::token_size(&credentials);
    Ok(GetFederationTokenOutput {
        credentials: Some(credentials),
        federated_user: Some(FederatedUser { federated_user_id: principal.user_id, arn: principal.arn }),
        packed_policy_size,
        session_token_size,
        session_token_utilization,
    })
}
