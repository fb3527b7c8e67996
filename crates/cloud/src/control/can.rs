//! `POST /_yakumo/can`: may a principal do this? Asked before anybody does it.
//!
//! Invariant: the question goes through the same directory, organizations and resources as a request would, and is
//! decided by the same engine; nothing is recorded and nothing changes.

use super::answer::Answer;
use super::callers::{self, CallerLine};
use super::decisions::{self, DecisionLine};
use super::input;
use crate::Cloud;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use yakumo_aws::{AccountId, Region};
use yakumo_policy::{Principal, PrincipalKind};
use yakumo_room::{Caller, Credentials, Ctx, Facts, Need, Room, Visit, World, static_root_credentials};

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanQuestion {
    /// An ARN, `root`, `user/NAME`, `role/NAME` or `assumed-role/NAME/SESSION` of the account, an access key id, a
    /// service (`sns.amazonaws.com`), or `anonymous`.
    pub principal: String,
    /// The IAM action: `sqs:SendMessage`.
    pub action: String,
    /// The resource's ARN; `*` without one.
    #[serde(default)]
    pub resource: Option<String>,
    /// Condition keys of the request, in place of those that a request from this machine would have. A key without
    /// values is one that it does not have.
    #[serde(default)]
    pub context: BTreeMap<String, Vec<String>>,
    /// The account of a principal without an ARN [default: 000000000000].
    #[serde(default)]
    pub account: Option<String>,
    /// The region that is asked [default: the resource's, else us-east-1].
    #[serde(default)]
    pub region: Option<String>,
}

/// What would come of it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CanAnswer {
    /// Whether it would be allowed.
    pub allowed: bool,
    /// Who was asked about.
    pub caller: CallerLine,
    /// The decision; `None` when it does not come to one.
    pub decision: Option<DecisionLine>,
    /// What else is to be said: why there is no decision, or what the answer leaves out.
    pub notes: Vec<String>,
}

/// Condition keys that a question may bring, and the values of all of them.
const KEYS_MAX: usize = 64;
const VALUES_MAX: usize = 256;

pub(crate) async fn answer(cloud: &Arc<Cloud>, body: &[u8]) -> Result<Answer, Answer> {
    let question: CanQuestion = input::json(body)?;
    check(&question)?;
    let world = cloud.world();
    let visit = world.enter().ok_or_else(Answer::stopping)?;
    let statics = cloud.address().ip().is_loopback();
    let found = principal(&world, &question, statics).await?;
    let answer = decide(visit, &question, found).await?;
    Ok(Answer::json(&answer))
}

fn check(question: &CanQuestion) -> Result<(), Answer> {
    let wrong = |text: String| Err(Answer::bad_request(text));
    let named =
        question.action.split_once(':').filter(|(service, name)| !service.is_empty() && !name.is_empty());
    if named.is_none() || question.action.contains(['*', '?', ' ']) {
        return wrong(format!("`{}` is no action: sqs:SendMessage would be one", question.action));
    }
    let resource = question.resource.as_deref().unwrap_or("*");
    if resource != "*" && !(resource.starts_with("arn:") && resource.splitn(6, ':').count() == 6) {
        return wrong(format!(
            "`{resource}` is no ARN: arn:aws:sqs:us-east-1:000000000000:jobs would be one"
        ));
    }
    let values = question.context.values().map(Vec::len).sum::<usize>();
    if question.context.len() > KEYS_MAX || values > VALUES_MAX {
        return wrong(format!("at most {KEYS_MAX} condition keys with {VALUES_MAX} values can be given"));
    }
    match question.context.keys().find(|key| !key.contains(':')) {
        Some(key) => wrong(format!("`{key}` is no condition key: aws:SourceIp would be one")),
        None => Ok(()),
    }
}

/// A principal and the access key id that named it.
struct Found {
    caller: Arc<Caller>,
    credentials: Option<Arc<Credentials>>,
}

/// Who is meant.
async fn principal(world: &World, question: &CanQuestion, statics: bool) -> Result<Found, Answer> {
    let account = match question.account.as_deref() {
        None => AccountId::DEFAULT,
        Some(text) => AccountId::parse(text)
            .ok_or_else(|| Answer::bad_request(format!("`{text}` is no account: twelve digits are")))?,
    };
    let name = question.principal.as_str();
    let unknown = || {
        let hint = "an ARN, root, user/NAME, role/NAME, assumed-role/NAME/SESSION, an access key id, a service or \
                    anonymous can be asked about";
        Answer::not_found(format!("there is no principal {name}; {hint}"))
    };
    let known = |caller: Arc<Caller>| Found { caller, credentials: None };
    if name == "anonymous" {
        return Ok(known(Arc::new(Caller::anonymous())));
    }
    let is_service = name.split_once('.').is_some_and(|(first, rest)| !first.is_empty() && !rest.is_empty());
    if is_service && !name.contains([':', '/']) {
        return Ok(known(Arc::new(Caller::new(Principal::service(name), account))));
    }
    let arn = match name.split_once('/') {
        _ if name.starts_with("arn:") => name.to_owned(),
        _ if name == "root" => format!("arn:aws:iam::{account}:root"),
        Some(("user" | "role", _)) => format!("arn:aws:iam::{account}:{name}"),
        Some(("assumed-role" | "federated-user", _)) => format!("arn:aws:sts::{account}:{name}"),
        _ => return by_key(world, name, statics).await?.ok_or_else(unknown),
    };
    let caller = world.principals.caller(&arn).await.map_err(|error| Answer::failed(&error))?;
    caller.map(known).ok_or_else(unknown)
}

async fn by_key(world: &World, id: &str, statics: bool) -> Result<Option<Found>, Answer> {
    let found = match static_root_credentials(id).filter(|_| statics) {
        Some(root) => Some(Arc::new(root)),
        None => world.principals.credentials(id).await.map_err(|error| Answer::failed(&error))?,
    };
    Ok(found.map(|found| Found { caller: found.caller.clone(), credentials: Some(found) }))
}

async fn decide(visit: Visit, question: &CanQuestion, found: Found) -> Result<CanAnswer, Answer> {
    let world = visit.clone();
    let key = found.credentials.as_ref().map(|credentials| credentials.access_key_id.as_str());
    let mut answer = CanAnswer {
        allowed: false,
        caller: callers::line(&found.caller, key),
        decision: None,
        notes: Vec::new(),
    };
    if let Some(note) = found.credentials.as_ref().and_then(|credentials| dead(&world, credentials)) {
        answer.notes.push(note);
        return Ok(answer);
    }
    let resource = question.resource.as_deref().unwrap_or("*");
    if is_open(&world, &question.action) {
        answer.allowed = true;
        answer
            .notes
            .push(format!("{} needs no permission: every caller with credentials may", question.action));
        return Ok(answer);
    }
    if !is_asked_for(&world, &question.action) {
        let text = format!(
            "no operation of this cloud asks for {}; the policies were asked all the same",
            question.action
        );
        answer.notes.push(text);
    }
    let region = region(question, resource)?;
    let room = room_of(&world, &question.action, resource);
    let facts = facts(&world);
    let name = room.map_or("", Room::name);
    let ctx = Ctx::question(visit, name, found.caller.clone(), region, facts);
    let need = match need(room, &ctx, question, resource, &mut answer.notes).await {
        Ok(need) => need,
        Err(error) if error.status < 500 => {
            answer.notes.push(format!("it is refused before a policy is asked: {}", error.message));
            return Ok(answer);
        }
        Err(error) => return Err(Answer::failed(&error)),
    };
    let decided = ctx.ask(with_context(need, &ctx, &question.context));
    answer.allowed = decided.decision.allowed;
    answer.decision = Some(decisions::line(&decided));
    Ok(answer)
}

/// Why a key is of no use to whoever holds it.
fn dead(world: &World, credentials: &Credentials) -> Option<String> {
    let id = &credentials.access_key_id;
    if !credentials.active {
        return Some(format!("the access key {id} is inactive: every request with it is refused"));
    }
    let over = credentials.expires.is_some_and(|end| end <= world.base.clock.now());
    over.then(|| format!("the credentials {id} have expired: every request with them is refused"))
}

/// Whether the action is an operation that AWS lets everybody call.
fn is_open(world: &World, action: &str) -> bool {
    let Some((service, name)) = action.split_once(':') else { return false };
    let row = world.room(service).and_then(|room| room.operation(name));
    row.is_some_and(|row| row.actions().is_empty() && !row.authorises_inside())
}

fn is_asked_for(world: &World, action: &str) -> bool {
    let names = |room: &Room| {
        let rows = room.operations().filter_map(|name| room.operation(name));
        rows.flat_map(|row| row.actions().iter().copied()).any(|known| known.eq_ignore_ascii_case(action))
    };
    world.rooms().any(names)
}

/// The room that knows the resource: that of its ARN, else that of the action.
fn room_of<'w>(world: &'w World, action: &str, resource: &str) -> Option<&'w Room> {
    let of_arn = resource.split(':').nth(2);
    let of_action = action.split(':').next();
    of_arn.or(of_action).and_then(|service| world.room(&service.to_ascii_lowercase()))
}

fn region(question: &CanQuestion, resource: &str) -> Result<Region, Answer> {
    match question.region.as_deref() {
        Some(text) => {
            Region::parse(text).ok_or_else(|| Answer::bad_request(format!("`{text}` is no region")))
        }
        None => Ok(resource.split(':').nth(3).and_then(Region::parse).unwrap_or(Region::US_EAST_1)),
    }
}

/// What a request says of itself that comes from this machine over plain HTTP.
fn facts(world: &World) -> Facts {
    Facts {
        request_id: world.base.ids.uuid().into(),
        source_ip: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        through: None,
        secure: false,
        tls: None,
        signed: None,
        endpoint: "http://127.0.0.1:4566".into(),
        user_agent: None,
        referer: None,
        beside: false,
        signing_name: None,
    }
}

/// What the action needs on the resource: from its room, or from the ARN alone.
async fn need(
    room: Option<&Room>,
    ctx: &Ctx,
    question: &CanQuestion,
    resource: &str,
    notes: &mut Vec<String>,
) -> yakumo_aws::Result<Need> {
    if let Some(room) = room
        && let Some(need) = room.need_of(ctx, &question.action, resource).await?
    {
        return Ok(need);
    }
    if resource != "*" {
        notes.push(format!(
            "{resource} is not there, or its service keeps no policy for it: only the caller's side was asked"
        ));
    }
    let owner = resource.split(':').nth(4).and_then(AccountId::parse).unwrap_or_else(|| ctx.account());
    Ok(Need::new(question.action.clone(), resource, owner))
}

/// The question's condition keys over those that a request would have. Sessions that are only supposed have what every
/// session has.
fn with_context(mut need: Need, ctx: &Ctx, context: &BTreeMap<String, Vec<String>>) -> Need {
    let principal = &ctx.caller().principal;
    if matches!(principal.kind, PrincipalKind::AssumedRole { .. }) {
        for (key, value) in [
            ("aws:TokenIssueTime", ctx.now().to_date_time()),
            ("aws:MultiFactorAuthPresent", "false".to_owned()),
        ] {
            if principal.keys.get(key).is_none() {
                need = need.with_key(key, vec![value]);
            }
        }
    }
    context.iter().fold(need, |need, (key, values)| need.with_key(key.clone(), values.clone()))
}

#[cfg(test)]
mod tests {
    use super::{CanQuestion, check};
    use std::collections::BTreeMap;

    fn question(action: &str, resource: Option<&str>, key: &str) -> CanQuestion {
        CanQuestion {
            principal: "root".into(),
            action: action.into(),
            resource: resource.map(str::to_owned),
            context: BTreeMap::from([(key.to_owned(), vec!["x".to_owned()])]),
            account: None,
            region: None,
        }
    }

    #[test]
    fn questions_that_make_no_sense_are_refused() {
        let key = "aws:SourceIp";
        for (action, resource, key, good) in [
            ("sqs:SendMessage", Some("arn:aws:sqs:us-east-1:000000000000:q"), key, true),
            ("sqs:SendMessage", Some("*"), key, true),
            ("sqs:SendMessage", None, key, true),
            ("SendMessage", None, key, false),
            ("sqs:", None, key, false),
            ("sqs:Send*", None, key, false),
            ("sqs:SendMessage", Some("q"), key, false),
            ("sqs:SendMessage", Some(":::::"), key, false),
            ("sqs:SendMessage", None, "SourceIp", false),
        ] {
            assert_eq!(check(&question(action, resource, key)).is_ok(), good, "{action} {resource:?} {key}");
        }
    }
}
