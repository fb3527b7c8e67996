//! Asks the policies: puts together what the caller, the resource and the request bring, and keeps the decision with
//! all that is needed to explain it later.

use crate::{Caller, Ctx, Need};
use yakumo_aws::{Error, Result};
use yakumo_policy::{Context, Decision, Explanation, Policies, PrincipalKind, Request, evaluate, explain};

/// A decision together with what it was made from.
#[derive(Clone, Debug)]
pub struct Decided {
    /// What was asked for.
    pub need: Need,
    /// The condition keys of the request and of the resource.
    pub context: Context<'static>,
    /// The outcome.
    pub decision: Decision,
}

/// Decides whether the caller of a request may have what it needs.
pub(crate) fn decide(ctx: &Ctx, need: Need) -> Decided {
    let context = context(ctx, &need);
    let caller = ctx.caller();
    let decision = evaluate(&request(caller, &need, &context), &policies(caller, &need));
    Decided { need, context, decision }
}

impl Decided {
    /// `Ok` when it was allowed, else AccessDenied with AWS's text.
    pub(crate) fn outcome(&self, caller: &Caller, endpoint: &str) -> Result<()> {
        if self.decision.allowed {
            return Ok(());
        }
        let request = request(caller, &self.need, &self.context);
        let shown = self.need.shown.as_deref().unwrap_or(request.resource);
        let text = match caller.principal.kind {
            // AWS: somebody without a name is told of the endpoint only:
            // <https://repost.aws/knowledge-center/sqs-accessdenied-errors>
            PrincipalKind::Anonymous => format!("Access to the resource {endpoint}/ is denied."),
            _ => self.decision.message(&Request { resource: shown, ..request }),
        };
        // The code is the common one; each protocol has its own name for it, which the front door knows.
        Err(Error::sender("AccessDenied", text).with_status(403))
    }

    /// Why it was decided so: every policy that was looked at, statement by statement.
    pub fn explain(&self, caller: &Caller) -> Explanation {
        explain(&request(caller, &self.need, &self.context), &policies(caller, &self.need))
    }
}

fn request<'a>(caller: &'a Caller, need: &'a Need, context: &'a Context<'a>) -> Request<'a> {
    Request {
        principal: &caller.principal,
        action: &need.action,
        resource: &need.resource,
        resource_account: Some(need.owner),
        context,
    }
}

fn policies<'a>(caller: &'a Caller, need: &'a Need) -> Policies<'a> {
    Policies {
        identity: &caller.identity,
        boundary: caller.boundary.as_ref(),
        session: caller.session.as_deref(),
        resource: need.policy.as_deref(),
        ..Policies::default()
    }
}

/// The global condition keys that every request has, and those that the need brings.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
fn context(ctx: &Ctx, need: &Need) -> Context<'static> {
    let facts = ctx.facts();
    let now = ctx.now();
    let mut context = Context::new();
    context.put("aws:SourceIp", facts.source_ip.to_canonical().to_string());
    context.put("aws:SecureTransport", if facts.secure { "true" } else { "false" });
    context.put("aws:CurrentTime", now.to_date_time());
    context.put("aws:EpochTime", now.as_secs().to_string());
    context.put("aws:RequestedRegion", ctx.region().as_str());
    context.put("aws:ResourceAccount", need.owner.as_str().to_owned());
    context.put("aws:ViaAWSService", "false");
    if let Some(user_agent) = &facts.user_agent {
        context.put("aws:UserAgent", user_agent.clone());
    }
    if let Some(referer) = &facts.referer {
        context.put("aws:Referer", referer.clone());
    }
    for (key, values) in &need.keys {
        match values.as_slice() {
            [value] => context.put(key.clone(), value.clone()),
            values => context.put_many(key.clone(), values.to_vec()),
        };
    }
    context
}
