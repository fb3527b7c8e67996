//! What an operation needs: no operation can be registered without one of these.

use crate::{Ctx, Keys};
use futures_util::future::BoxFuture;
use std::borrow::Cow;
use std::sync::Arc;
use yakumo_aws::{AccountId, Result};
use yakumo_policy::Attached;

/// One thing to be allowed: an action on a resource.
#[derive(Clone, Debug)]
pub struct Need {
    /// The IAM action, such as `sqs:SendMessage`.
    pub action: Cow<'static, str>,
    /// The resource's ARN, or `*` for actions without resources.
    pub resource: String,
    /// What AccessDenied calls the resource.
    pub shown: Shown,
    /// The account that owns the resource.
    pub owner: AccountId,
    /// The resource's own policy.
    pub policy: Option<Arc<Attached>>,
    /// Condition keys of the service and of the resource (`aws:ResourceTag/…`, `aws:RequestTag/…`).
    pub keys: Keys,
    /// Tags that the action sets, where they are no condition keys of it: tag policies look at them, too.
    pub tags: Vec<(String, String)>,
    /// What must be allowed too, and is asked first: the same action on the access point that the request came through.
    pub also: Option<Box<Need>>,
}

/// What AccessDenied calls a resource.
#[derive(Clone, Debug)]
pub enum Shown {
    /// By its ARN.
    Arn,
    /// By its ARN in quotation marks, as S3 does.
    Quoted,
    /// By another name, where a service does not answer its ARN (IAM: `role reader`).
    As(String),
}

impl Need {
    /// An action on a resource without a policy of its own.
    pub fn new(action: impl Into<Cow<'static, str>>, resource: impl Into<String>, owner: AccountId) -> Need {
        let (action, resource) = (action.into(), resource.into());
        Need {
            action,
            resource,
            shown: Shown::Arn,
            owner,
            policy: None,
            keys: Keys::new(),
            tags: Vec::new(),
            also: None,
        }
    }

    /// With another name for the resource in AccessDenied's text; policies are still asked about the ARN.
    pub fn shown_as(mut self, shown: impl Into<String>) -> Need {
        self.shown = Shown::As(shown.into());
        self
    }

    /// With its ARN in quotation marks in AccessDenied's text.
    pub fn quoted(mut self) -> Need {
        self.shown = Shown::Quoted;
        self
    }

    /// With the policy that is attached to the resource.
    pub fn with_policy(mut self, policy: Option<Arc<Attached>>) -> Need {
        self.policy = policy;
        self
    }

    /// With one more condition key.
    pub fn with_key(mut self, key: impl AsRef<str>, values: Vec<String>) -> Need {
        self.keys.put_all(key.as_ref(), values);
        self
    }
}

/// What is wrong with asking for `need` in an operation whose rule declares `actions`; nothing when all is well. Debug
/// builds also look at what AWS publishes, so that every test holds every rule against it.
pub(crate) fn wrong(model: &str, operation: &str, actions: &Actions, need: &Need) -> Option<String> {
    if !actions.iter().any(|action| action.eq_ignore_ascii_case(&need.action)) {
        return Some(format!("{} is not declared", need.action));
    }
    if !cfg!(debug_assertions) {
        return None;
    }
    let asked = yakumo_reference::Asked { model, operation, action: &need.action, resource: &need.resource };
    let keys = need.keys.iter().map(|(key, _)| key);
    let wrong = yakumo_reference::check(asked, keys).err()?;
    Some(format!("{wrong} (reference/; what is right nevertheless is named in reference/exceptions.txt)"))
}

type Resolve<I> = dyn for<'a> Fn(&'a Ctx, &'a I) -> BoxFuture<'a, Result<Vec<Need>>> + Send + Sync;

/// The IAM actions that an access rule may ask for, such as `sqs:SendMessage`; their case does not matter.
pub type Actions = Arc<[&'static str]>;

/// The access rule of an operation with input `I`: the actions it may ask for, and how it finds out which resources
/// they are about. To ask for an action that was not declared is a fault of ours and answers 500.
pub struct Access<I> {
    actions: Actions,
    rule: Rule<I>,
}

enum Rule<I> {
    Open,
    Inside,
    Needs(Box<Resolve<I>>),
}

impl<I> Access<I> {
    /// Needs no permission at all, as AWS documents for a handful of operations (`sts:GetCallerIdentity`). An
    /// explicit deny does not stop it either. `reason` names AWS's page.
    pub fn open(reason: &'static str) -> Access<I> {
        debug_assert!(!reason.is_empty());
        Access { actions: Arc::default(), rule: Rule::Open }
    }

    /// The handler itself calls [`Ctx::authorize`] for some of `actions`, because the resource is only found there.
    /// `reason` says why.
    pub fn inside(actions: impl Into<Vec<&'static str>>, reason: &'static str) -> Access<I> {
        debug_assert!(!reason.is_empty());
        Access { actions: actions.into().into(), rule: Rule::Inside }
    }

    /// All of what `resolve` returns must be allowed before the handler runs. It must return at least one need, and
    /// only needs of `actions`: all actions that any input may ask for, the one named as the operation first.
    pub fn needs<F>(actions: impl Into<Vec<&'static str>>, resolve: F) -> Access<I>
    where
        F: for<'a> Fn(&'a Ctx, &'a I) -> BoxFuture<'a, Result<Vec<Need>>> + Send + Sync + 'static,
    {
        Access { actions: actions.into().into(), rule: Rule::Needs(Box::new(resolve)) }
    }

    /// What the rule may ask for; nothing for operations that need no permission.
    pub(crate) fn actions(&self) -> &Actions {
        &self.actions
    }

    /// What this input needs; `None` when the rule is decided elsewhere (open, or inside the handler).
    pub(crate) async fn resolve(&self, ctx: &Ctx, input: &I) -> Result<Option<Vec<Need>>> {
        match &self.rule {
            Rule::Open | Rule::Inside => Ok(None),
            Rule::Needs(resolve) => {
                let needs = resolve(ctx, input).await?;
                if needs.is_empty() {
                    return Err(yakumo_aws::Error::internal("an access rule named nothing to be allowed"));
                }
                Ok(Some(needs))
            }
        }
    }

    /// Whether the handler must have asked for itself; the pipeline checks that it did.
    pub(crate) fn is_inside(&self) -> bool {
        matches!(self.rule, Rule::Inside)
    }
}
