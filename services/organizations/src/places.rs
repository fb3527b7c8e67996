//! What follows from the records for every decision: where accounts stand, and the control policies on the way there.
//!
//! Invariant: a policy is compiled once for each of its versions, whatever it hangs on.

use crate::realm::State;
use crate::state::{Account, Hung, Organization, Policy, PolicyType};
use crate::tag_policies::document::TagDocument;
use crate::tag_policies::effective::Effective;
use foldhash::fast::FixedState;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use yakumo_aws::AccountId;
use yakumo_policy::{Attached, Document, Malformed, PolicyKind};
use yakumo_room::{Place, Resource};

/// The place of every member account.
pub(crate) type Places = HashMap<AccountId, Arc<Place>, FixedState>;

/// All policies, compiled, by their ids.
#[derive(Default)]
pub(crate) struct Compiled {
    control: HashMap<String, (Arc<Policy>, Arc<Document>), FixedState>,
    tags: HashMap<String, (Arc<Policy>, Arc<TagDocument>), FixedState>,
}

/// AWS: nothing can be done in a closed account, and nothing in it can be reached
/// (<https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-closing.html>).
/// DIFFERS: AWS turns its credentials away; here they are denied whatever they ask for, which is said where the account
/// closed.
static CLOSED: LazyLock<Arc<Document>> = LazyLock::new(|| {
    let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
    Arc::new(Document::parse(text, PolicyKind::Scp).expect("the text above is an SCP"))
});

impl Compiled {
    /// Compiles what is not known yet.
    pub(crate) fn new(state: &State, known: &Compiled) -> Result<Compiled, Malformed> {
        let mut compiled = Compiled::default();
        for (id, policy) in &state.policies {
            match policy.policy_type.kind() {
                Some(kind) => {
                    let document = match known.control.get(id) {
                        Some((same, document)) if same.content == policy.content => document.clone(),
                        _ => Arc::new(Document::parse(&policy.content, kind)?),
                    };
                    compiled.control.insert(id.clone(), (policy.clone(), document));
                }
                None => {
                    compiled.tags.extend(known.tag_document(policy).map(|document| (id.clone(), document)))
                }
            }
        }
        Ok(compiled)
    }

    /// A tag policy that is stored was read before; one that cannot be read any more has no effect.
    fn tag_document(&self, policy: &Arc<Policy>) -> Option<(Arc<Policy>, Arc<TagDocument>)> {
        let document = match self.tags.get(&policy.id) {
            Some((same, document)) if same.content == policy.content => document.clone(),
            _ => Arc::new(TagDocument::parse(&policy.content)?),
        };
        Some((policy.clone(), document))
    }

    /// The tag policy in effect in an account; `None` when the type is not enabled. The management account is bound as
    /// all others are.
    pub(crate) fn effective_tags(
        &self,
        state: &State,
        organization: &Organization,
        account: &Account,
    ) -> Option<Effective> {
        let membership = account.membership.as_ref()?;
        if !organization.enabled.contains(&PolicyType::Tag) {
            return None;
        }
        let mut nodes = vec![&organization.root_policies];
        nodes.extend(state.way(&membership.parent).into_iter().map(|unit| &unit.policies));
        nodes.push(&membership.policies);
        let level = |hung: &&Hung| -> Vec<Arc<TagDocument>> {
            hung.iter().filter_map(|id| self.tags.get(id)).map(|(_, document)| document.clone()).collect()
        };
        Some(Effective::of(&nodes.iter().map(level).collect::<Vec<_>>()))
    }

    /// The place of every member account, and of those that are closed for good.
    pub(crate) fn places(&self, state: &State) -> Places {
        let place = |account: &Arc<Account>| {
            let place = match state.organization_of(account.id) {
                Some(organization) => self.place(state, organization, account)?,
                None if account.life.is_active() => return None,
                None => nowhere(account),
            };
            Some((account.id, Arc::new(place)))
        };
        state.accounts.values().filter_map(place).collect()
    }

    fn place(&self, state: &State, organization: &Organization, account: &Account) -> Option<Place> {
        let membership = account.membership.as_ref()?;
        let effective = self.effective_tags(state, organization, account);
        let mut place = Place {
            organization: organization.id.clone(),
            management: organization.management,
            path: state.path(organization, &membership.parent),
            scps: Vec::new(),
            rcps: Vec::new(),
            tags: effective.and_then(|effective| effective.enforced()).map(Arc::new),
        };
        // AWS: neither SCPs nor RCPs act on the management account.
        if account.id == organization.management {
            return Some(place);
        }
        let mut nodes = vec![(&organization.root_policies, organization.root_arn())];
        nodes.extend(state.way(&membership.parent).into_iter().map(|unit| (&unit.policies, unit.arn())));
        nodes.push((&membership.policies, account.arn()));
        let levels = |policy_type| -> Vec<Vec<Attached>> {
            if !organization.enabled.contains(&policy_type) {
                return Vec::new();
            }
            nodes.iter().map(|(ids, holder)| self.level(ids, policy_type, holder)).collect()
        };
        place.scps = levels(PolicyType::ServiceControl);
        place.rcps = levels(PolicyType::ResourceControl);
        if !account.life.is_active() {
            shut(&mut place, account);
        }
        Some(place)
    }

    fn level(&self, ids: &Hung, policy_type: PolicyType, holder: &str) -> Vec<Attached> {
        let known = ids.iter().filter_map(|id| self.control.get(id));
        known
            .filter(|(policy, _)| policy.policy_type == policy_type)
            .map(|(policy, document)| Attached {
                id: policy.arn(),
                holder: holder.to_owned(),
                document: document.clone(),
            })
            .collect()
    }
}

/// Denies everything in an account and to it.
fn shut(place: &mut Place, account: &Account) {
    let id = format!("account {} is {}", account.id, account.life.state());
    // First of all, so that it is what a denial names.
    place.scps.insert(0, vec![Attached { id, holder: account.arn(), document: CLOSED.clone() }]);
    // A level at which nothing allows.
    place.rcps.insert(0, Vec::new());
}

/// The place of an account that was closed and has left its organization: it is in none, and stays shut.
fn nowhere(account: &Account) -> Place {
    let (organization, path) = (String::new(), String::new());
    let (scps, rcps) = (Vec::new(), Vec::new());
    let mut place = Place { organization, management: account.id, path, scps, rcps, tags: None };
    shut(&mut place, account);
    place
}

impl PolicyType {
    /// Its dialect of the policy language; `None` for what is written in another one.
    pub(crate) fn kind(self) -> Option<PolicyKind<'static>> {
        match self {
            PolicyType::ServiceControl => Some(PolicyKind::Scp),
            PolicyType::ResourceControl => Some(PolicyKind::Rcp),
            PolicyType::Tag => None,
        }
    }
}
