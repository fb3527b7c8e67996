//! Asks the policies: puts together what the caller, the resource and the request bring, and keeps the decision with
//! all that is needed to explain it later.

use crate::{Caller, Ctx, Facts, Keys, Need, Place, Shown, World, tag_policy};
use std::borrow::Cow;
use std::sync::Arc;
use yakumo_aws::{Error, Region, Result, Timestamp};
use yakumo_policy::{Context, Decision, Explanation, Policies, PrincipalKind, Request, evaluate, explain};

/// A decision together with what it was made from, so that it can be explained later.
#[derive(Clone, Debug)]
pub struct Decided {
    /// What was asked for.
    pub need: Need,
    /// The outcome.
    pub decision: Decision,
    /// Who asked: the request's caller, or another one when a service called on its own behalf.
    pub caller: Arc<Caller>,
    circumstances: Arc<Circumstances>,
    places: Places,
}

/// Where the caller's account and the resource's account stand in organizations.
#[derive(Clone, Debug)]
struct Places {
    caller: Option<Arc<Place>>,
    owner: Option<Arc<Place>>,
    /// Whether the resource is of a service that resource control policies act on.
    resource_control: bool,
}

/// What all condition keys of a request that do not depend on caller or resource are made from.
#[derive(Debug)]
pub(crate) struct Circumstances {
    pub facts: Facts,
    pub region: Region,
    pub via: Vec<String>,
    /// Keys whose values are made for this request.
    made: Keys,
    now: Timestamp,
}

impl Circumstances {
    pub(crate) fn new(
        facts: Facts,
        region: Region,
        now: Timestamp,
        caller: &Caller,
        via: Vec<String>,
    ) -> Arc<Circumstances> {
        let mut made = Keys::with_capacity(4);
        if let Some(address) = facts.source_ip {
            made.put_shown("aws:SourceIp", address.to_canonical());
        }
        if let Some(through) = &facts.through {
            made.put_shown("aws:VpcSourceIp", through.address.to_canonical());
        }
        if let Some(since) = caller.second_factor {
            made.put_shown("aws:MultiFactorAuthAge", now.as_secs().saturating_sub(since.as_secs()).max(0));
        }
        made.put("aws:CurrentTime", &now.to_date_time());
        made.put_shown("aws:EpochTime", now.as_secs());
        Arc::new(Circumstances { facts, region, via, made, now })
    }
}

/// Decides whether the caller of a request may have what it needs.
pub(crate) fn decide(ctx: &Ctx, caller: Arc<Caller>, need: Need) -> Decided {
    let circumstances = ctx.circumstances().clone();
    let places = Places::of(ctx, &caller, &need);
    let context = context(&circumstances, &places, &need);
    let policies = policies(&caller, &circumstances, &places, &need);
    let decision = evaluate(&request(&caller, &need, &context), &policies);
    drop(context);
    Decided { need, decision, caller, circumstances, places }
}

impl Places {
    fn of(ctx: &Ctx, caller: &Caller, need: &Need) -> Places {
        let organizations = &ctx.world().organizations;
        let account = caller.principal.account;
        let caller = account.and_then(|account| organizations.place(account));
        let owner =
            if account == Some(need.owner) { caller.clone() } else { organizations.place(need.owner) };
        let service = need.action.split(':').next().unwrap_or_default();
        let resource_control =
            owner.is_some() && ctx.world().room(service).is_some_and(crate::Room::has_resource_control);
        Places { caller, owner, resource_control }
    }
}

/// AWS: neither SCPs nor RCPs act on service-linked roles.
fn is_service_linked(caller: &Caller) -> bool {
    match &caller.principal.kind {
        PrincipalKind::AssumedRole { role_arn, .. } => role_arn.contains(":role/aws-service-role/"),
        _ => false,
    }
}

impl Decided {
    /// `Ok` when it was allowed, else AccessDenied with AWS's text.
    pub(crate) fn outcome(&self, endpoint: &str) -> Result<()> {
        if self.decision.allowed {
            return Ok(());
        }
        let context = self.context();
        let request = request(&self.caller, &self.need, &context);
        let shown: Cow<'_, str> = match &self.need.shown {
            Shown::Arn => request.resource.into(),
            Shown::Quoted => format!("\"{}\"", request.resource).into(),
            Shown::As(name) => name.as_str().into(),
        };
        let text = match self.caller.principal.kind {
            // AWS: somebody without a name is told of the endpoint only:
            // <https://repost.aws/knowledge-center/sqs-accessdenied-errors>
            PrincipalKind::Anonymous => format!("Access to the resource {endpoint}/ is denied."),
            _ => self.decision.message(&Request { resource: &shown, ..request }),
        };
        // The code is the common one; each protocol has its own name for it, which the front door knows.
        Err(Error::sender("AccessDenied", text).with_status(403))
    }

    /// Refuses what an enforced tag policy of the resource's account forbids.
    pub(crate) fn tagging(&self, world: &World) -> Result<()> {
        let Some(policy) = self.places.owner.as_ref().and_then(|place| place.tags.as_ref()) else {
            return Ok(());
        };
        let service = self.need.action.split(':').next().unwrap_or_default();
        tag_policy::check(policy, world.room(service), &self.need)
    }

    /// How many bytes of it the client had a hand in, so that whoever keeps decisions can bound them.
    pub fn weight_bytes(&self) -> usize {
        let Facts { user_agent, referer, .. } = &self.circumstances.facts;
        let head = [user_agent, referer].into_iter().flatten().map(|text| text.len()).sum::<usize>();
        let tags = self.need.tags.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        self.need.resource.len() + self.need.keys.weight_bytes() + tags + head
    }

    /// Why it was decided so: every policy that was looked at, statement by statement.
    pub fn explain(&self) -> Explanation {
        explain(&request(&self.caller, &self.need, &self.context()), &self.policies())
    }

    /// The decision, made again from what is kept.
    pub(crate) fn judge(&self) -> Decision {
        evaluate(&request(&self.caller, &self.need, &self.context()), &self.policies())
    }

    /// Every policy that had a say.
    pub(crate) fn policies(&self) -> Policies<'_> {
        policies(&self.caller, &self.circumstances, &self.places, &self.need)
    }

    /// The condition keys of the request and of the resource.
    pub fn context(&self) -> Context<'_> {
        context(&self.circumstances, &self.places, &self.need)
    }

    /// The cloud's time at which it was decided.
    pub fn decided_at(&self) -> Timestamp {
        self.circumstances.now
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

fn policies<'a>(
    caller: &'a Caller,
    circumstances: &'a Circumstances,
    places: &'a Places,
    need: &'a Need,
) -> Policies<'a> {
    let limited = !is_service_linked(caller);
    let scps = places.caller.as_ref().filter(|_| limited).map_or(&[][..], |place| &place.scps);
    let owner = places.owner.as_ref().filter(|_| limited && places.resource_control);
    Policies {
        scps,
        rcps: owner.map_or(&[][..], |place| &place.rcps),
        identity: &caller.identity,
        boundary: caller.boundary.as_ref(),
        session: caller.session.as_deref(),
        resource: need.policy.as_deref(),
        endpoint: circumstances.facts.through.as_ref().map(|through| &through.endpoint.policy),
        ..Policies::default()
    }
}

/// The global condition keys that every request has, and those that the need brings.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
fn context<'a>(circumstances: &'a Circumstances, places: &'a Places, need: &'a Need) -> Context<'a> {
    let facts = &circumstances.facts;
    let mut context = Context::with_capacity(24);
    put(&mut context, &circumstances.made);
    if let Some(through) = &facts.through {
        context.put("aws:SourceVpce", through.endpoint.id.as_str());
        context.put("aws:SourceVpc", through.endpoint.vpc.as_str());
    }
    if let Some(place) = &places.caller {
        context.put("aws:PrincipalOrgID", place.organization.as_str());
        context.put_many("aws:PrincipalOrgPaths", [place.path.as_str()]);
    }
    if let Some(place) = &places.owner {
        context.put("aws:ResourceOrgID", place.organization.as_str());
        context.put_many("aws:ResourceOrgPaths", [place.path.as_str()]);
    }
    context.put("aws:SecureTransport", if facts.secure { "true" } else { "false" });
    context.put("aws:RequestedRegion", circumstances.region.as_str());
    context.put("aws:ResourceAccount", need.owner.as_str());
    context.put("aws:ViaAWSService", if circumstances.via.is_empty() { "false" } else { "true" });
    if let (Some(first), Some(last)) = (circumstances.via.first(), circumstances.via.last()) {
        context.put("aws:CalledViaFirst", first.as_str()).put("aws:CalledViaLast", last.as_str());
        context.put_many("aws:CalledVia", circumstances.via.iter().map(String::as_str));
    }
    if let Some(user_agent) = &facts.user_agent {
        context.put("aws:UserAgent", &**user_agent);
    }
    if let Some(referer) = &facts.referer {
        context.put("aws:Referer", &**referer);
    }
    put(&mut context, &need.keys);
    context
}

fn put<'a>(context: &mut Context<'a>, keys: &'a Keys) {
    for (key, mut values) in keys.iter() {
        match (values.len(), values.next()) {
            (1, Some(value)) => context.put(key, value),
            (_, first) => context.put_many(key, first.into_iter().chain(values)),
        };
    }
}
