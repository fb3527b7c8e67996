//! What a simulation finds for one action on one resource: the engine's decision, and what AWS tells about it.
//!
//! Invariant: the decision is that of [`evaluate`], the same function that judges real requests.

use super::sources::{BOUNDARY_POLICY, IAM_POLICY, RESOURCE_POLICY, Source};
use super::text::Place;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use yakumo_api_iam::policy_evaluation_decision_type::{ALLOWED, EXPLICIT_DENY, IMPLICIT_DENY};
use yakumo_aws::AccountId;
use yakumo_policy::{
    Attached, Context, Document, Effect, Policies, PolicyKind, Principal, Request, Standing, Verdict,
    evaluate,
};

/// Who asks, and every policy that has a say.
pub(crate) struct Scene {
    /// The simulated caller; without one, somebody of the account of whom nothing is known.
    pub principal: Option<Principal>,
    pub account: AccountId,
    pub identity: Vec<Source>,
    pub boundary: Option<Source>,
    pub resource: Option<Source>,
    /// Service control policies by level; `None` outside an organization.
    pub scps: Option<Vec<Vec<Attached>>>,
    /// The owner of resources whose ARN names none.
    pub owner: Option<AccountId>,
    pub context: Context<'static>,
}

/// A statement that matched: where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Match {
    pub id: String,
    pub kind: &'static str,
    pub start: Place,
    pub end: Place,
}

/// What was found for one action on one resource.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub resource: String,
    pub decision: &'static str,
    pub matched: Vec<Match>,
    pub missing: Vec<String>,
    /// Whether the boundary allows; `None` without a boundary.
    pub by_boundary: Option<bool>,
    /// Whether the organization allows; `None` outside an organization.
    pub by_organization: Option<bool>,
    /// What each type of policy says in a simulation across accounts.
    pub details: Option<BTreeMap<String, String>>,
}

static ALLOWS_ALL: LazyLock<Attached> = LazyLock::new(|| {
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let document = Document::parse(text, PolicyKind::Identity).expect("the text above is a policy");
    Attached { id: "all".into(), holder: String::new(), document: Arc::new(document) }
});

/// A scene with what the engine needs put together once.
pub(crate) struct Judge<'a> {
    scene: &'a Scene,
    principal: Principal,
    identity: Vec<Attached>,
    boundary: Option<Attached>,
    resource: Option<Attached>,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(scene: &'a Scene) -> Judge<'a> {
        // A federated user without a name has an account and no key of its own that policies can name.
        let nobody = || Principal::federated_user("aws", scene.account, "", "");
        Judge {
            scene,
            principal: scene.principal.clone().unwrap_or_else(nobody),
            identity: scene.identity.iter().map(Source::attached).collect(),
            boundary: scene.boundary.as_ref().map(Source::attached),
            resource: scene.resource.as_ref().map(Source::attached),
        }
    }

    /// Judges one action on one resource (`*` for all).
    pub(crate) fn judge(&self, action: &str, resource: &str) -> Finding {
        let owner = account_of(resource).or(self.scene.owner).unwrap_or(self.scene.account);
        // AWS: the resource's side has a say only when its policy, or its owner, is part of the simulation.
        let two_sides = self.scene.resource.is_some() || self.scene.owner.is_some();
        let across = two_sides && owner != self.scene.account;
        let request = Request {
            principal: &self.principal,
            action,
            resource,
            resource_account: Some(if across { owner } else { self.scene.account }),
            context: &self.scene.context,
        };
        let policies = Policies {
            identity: &self.identity,
            boundary: self.boundary.as_ref(),
            resource: self.resource.as_ref(),
            ..Policies::default()
        };
        let asked = Asked { request: &request, policies: &policies };
        let resource = resource.to_owned();
        let missing = self.missing(asked);
        let by_boundary = self.scene.boundary.as_ref().map(|boundary| side([boundary], asked) == ALLOWED);
        let by_organization = self.by_organization(&request);
        if let Some(denial) = by_organization.filter(|decision| *decision != ALLOWED) {
            // AWS: when a service control policy denies, the simulation ends there.
            let by_organization = Some(false);
            let matched = Vec::new();
            return Finding {
                resource,
                decision: denial,
                matched,
                missing,
                by_boundary,
                by_organization,
                details: None,
            };
        }
        let decision = decision(evaluate(&request, &policies).verdict);
        Finding {
            decision,
            matched: self.matched(asked, decision),
            missing,
            by_boundary,
            by_organization: by_organization.map(|_| true),
            details: across.then(|| self.details(asked)),
            resource,
        }
    }

    fn by_organization(&self, request: &Request<'_>) -> Option<&'static str> {
        let scps = self.scene.scps.as_deref()?;
        let identity = std::slice::from_ref(&*ALLOWS_ALL);
        let policies = Policies { identity, scps, ..Policies::default() };
        let request = Request { resource_account: None, ..*request };
        Some(decision(evaluate(&request, &policies).verdict))
    }

    /// How many statements each decision looks at.
    pub(crate) fn statements(&self) -> usize {
        self.sources().map(|source| source.passages.len()).sum()
    }

    fn sources(&self) -> impl Iterator<Item = &'a Source> {
        self.scene.identity.iter().chain(&self.scene.resource)
    }

    /// AWS: under an explicit deny, the Deny statements are the only ones told.
    fn matched(&self, asked: Asked<'_>, decision: &str) -> Vec<Match> {
        let wanted = if decision == EXPLICIT_DENY { Effect::Deny } else { Effect::Allow };
        let mut matched = Vec::new();
        for source in self.sources() {
            let standings = asked.standings(source);
            for (standing, passage) in standings.iter().zip(&source.passages) {
                if standing.applies && standing.effect == wanted {
                    let (id, kind) = (source.id.clone(), source.kind);
                    matched.push(Match { id, kind, start: passage.start, end: passage.end });
                }
            }
        }
        matched
    }

    /// Keys that statements about this request ask for and that have no value.
    fn missing(&self, asked: Asked<'_>) -> Vec<String> {
        let mut missing: Vec<String> = Vec::new();
        for source in self.sources() {
            let standings = asked.standings(source);
            let concerned = standings.iter().zip(&source.passages).filter(|(standing, _)| standing.concerns);
            for key in concerned.flat_map(|(_, passage)| &passage.required) {
                let given = match self.scene.principal {
                    Some(_) => asked.request.has_key(key),
                    None => self.scene.context.get(key).is_some(),
                };
                if !given && !missing.iter().any(|known| known.eq_ignore_ascii_case(key)) {
                    missing.push(key.clone());
                }
            }
        }
        missing
    }

    fn details(&self, asked: Asked<'_>) -> BTreeMap<String, String> {
        let mut details = BTreeMap::new();
        let mut tell = |kind: &str, decision: &str| details.insert(kind.to_owned(), decision.to_owned());
        tell(IAM_POLICY, side(&self.scene.identity, asked));
        if let Some(resource) = &self.scene.resource {
            tell(RESOURCE_POLICY, side([resource], asked));
        }
        if let Some(boundary) = &self.scene.boundary {
            tell(BOUNDARY_POLICY, side([boundary], asked));
        }
        details
    }
}

/// One request and the policies that have a say in it.
#[derive(Clone, Copy)]
struct Asked<'r> {
    request: &'r Request<'r>,
    policies: &'r Policies<'r>,
}

impl Asked<'_> {
    fn standings(self, source: &Source) -> Vec<Standing> {
        source.document.standings(self.request, self.policies)
    }
}

/// What policies of one type say by themselves.
fn side<'s>(sources: impl IntoIterator<Item = &'s Source>, asked: Asked<'_>) -> &'static str {
    let applying: Vec<Effect> = sources
        .into_iter()
        .flat_map(|source| asked.standings(source))
        .filter(|standing| standing.applies)
        .map(|standing| standing.effect)
        .collect();
    match (applying.contains(&Effect::Deny), applying.is_empty()) {
        (true, _) => EXPLICIT_DENY,
        (false, true) => IMPLICIT_DENY,
        (false, false) => ALLOWED,
    }
}

fn decision(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow(_) => ALLOWED,
        Verdict::ExplicitDeny(_) => EXPLICIT_DENY,
        Verdict::ImplicitDeny(_) => IMPLICIT_DENY,
    }
}

/// The account that an ARN names.
fn account_of(arn: &str) -> Option<AccountId> {
    arn.split(':').nth(4).and_then(AccountId::parse)
}

/// The more restrictive one of two decisions.
pub(crate) fn stricter(one: &'static str, other: &'static str) -> &'static str {
    let rank = |decision: &str| match decision {
        EXPLICIT_DENY => 2,
        IMPLICIT_DENY => 1,
        _ => 0,
    };
    if rank(one) >= rank(other) { one } else { other }
}
