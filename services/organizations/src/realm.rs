//! All organizations of the cloud: their records in memory, and the one way to change them.
//!
//! Invariant: what is read here is what is stored. Changes run one at a time; each is committed first, shown to all
//! readers then, and acknowledged last.

use crate::places::{Compiled, Places};
use crate::state::{
    Account, Creation, Handshake, Hung, Organization, Policy, PolicyType, Tags, Unit, shared,
};
use crate::tag_policies::effective::Effective;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use yakumo_aws::{AccountId, Error, Result};
use yakumo_policy::Malformed;
use yakumo_room::store::{Range, StoreError};
use yakumo_room::{Base, Ctx, Organizations, Place, Record, Resource, Tx};

/// How many records are read at once when the room opens.
const LOAD_BATCH: usize = 1_000;

/// A table of records by their id.
pub(crate) type Table<R> = BTreeMap<String, Arc<R>>;

/// Every record of the room.
#[derive(Clone, Default)]
pub(crate) struct State {
    pub organizations: Table<Organization>,
    pub accounts: Table<Account>,
    pub units: Table<Unit>,
    pub policies: Table<Policy>,
    pub creations: Table<Creation>,
    pub handshakes: Table<Handshake>,
}

/// A record of this room.
pub(crate) trait Kept: Record {
    fn key(&self) -> &str;
    fn table(state: &mut State) -> &mut Table<Self>;
    fn write(tx: &Tx, before: Option<&Self>, after: Option<&Self>);
}

fn write_resource<R: Resource>(tx: &Tx, before: Option<&R>, after: Option<&R>) {
    match (before, after) {
        (before, Some(after)) => tx.put_resource(&shared(), before, after),
        (Some(before), None) => tx.delete_resource(&shared(), before),
        (None, None) => {}
    }
}

fn write_record<R: Kept>(tx: &Tx, before: Option<&R>, after: Option<&R>) {
    match (before, after) {
        (_, Some(after)) => tx.put(&shared(), &[after.key()], after),
        (Some(before), None) => tx.delete::<R>(&shared(), &[before.key()]),
        (None, None) => {}
    }
}

macro_rules! kept {
    ($record:ty, $table:ident, $write:ident, |$self:ident| $key:expr) => {
        impl Kept for $record {
            fn key(&self) -> &str {
                let $self = self;
                $key
            }

            fn table(state: &mut State) -> &mut Table<Self> {
                &mut state.$table
            }

            fn write(tx: &Tx, before: Option<&Self>, after: Option<&Self>) {
                $write(tx, before, after);
            }
        }
    };
}

kept!(Organization, organizations, write_resource, |record| &record.id);
kept!(Account, accounts, write_resource, |record| record.id.as_str());
kept!(Unit, units, write_resource, |record| &record.id);
kept!(Policy, policies, write_resource, |record| &record.id);
kept!(Creation, creations, write_record, |record| &record.id);
kept!(Handshake, handshakes, write_record, |record| &record.id);

/// The records at one moment, with what follows from them.
pub(crate) struct View {
    pub state: State,
    compiled: Compiled,
    places: Places,
}

/// The room's memory.
pub(crate) struct Realm {
    view: RwLock<Arc<View>>,
    changing: tokio::sync::Mutex<()>,
}

type Write = Box<dyn Fn(&Tx) + Send + Sync>;

/// A change in the making: the records as they are going to be, and the rows to write.
pub(crate) struct Draft {
    pub state: State,
    writes: Vec<Write>,
}

impl Draft {
    /// Writes a record in the place of what has its id.
    pub(crate) fn put<R: Kept>(&mut self, record: R) {
        let after = Arc::new(record);
        let before = R::table(&mut self.state).insert(after.key().to_owned(), after.clone());
        self.writes.push(Box::new(move |tx| R::write(tx, before.as_deref(), Some(&after))));
    }

    /// Removes a record; removing what is not there is no change.
    pub(crate) fn remove<R: Kept>(&mut self, id: &str) {
        if let Some(before) = R::table(&mut self.state).remove(id) {
            self.writes.push(Box::new(move |tx| R::write(tx, Some(&before), None)));
        }
    }
}

impl Realm {
    /// Reads all records.
    pub(crate) async fn open(base: &Base) -> Result<Realm, StoreError> {
        let mut state = State::default();
        load::<Organization>(base, &mut state).await?;
        load::<Account>(base, &mut state).await?;
        load::<Unit>(base, &mut state).await?;
        load::<Policy>(base, &mut state).await?;
        load::<Creation>(base, &mut state).await?;
        load::<Handshake>(base, &mut state).await?;
        for policy_type in PolicyType::ALL {
            if let Some(policy) = Policy::of_aws(policy_type) {
                state.policies.insert(policy.id.clone(), Arc::new(policy));
            }
        }
        let view = View::new(state, &Compiled::default()).map_err(damaged)?;
        Ok(Realm { view: RwLock::new(Arc::new(view)), changing: tokio::sync::Mutex::new(()) })
    }

    /// The records as last committed.
    pub(crate) fn view(&self) -> Arc<View> {
        self.view.read().clone()
    }

    /// Makes a change: `work` turns the records into what they are going to be. An error of `work` leaves no trace.
    pub(crate) async fn change<T>(&self, ctx: &Ctx, work: impl FnOnce(&mut Draft) -> Result<T>) -> Result<T> {
        let _turn = self.changing.lock().await;
        let old = self.view();
        let mut draft = Draft { state: old.state.clone(), writes: Vec::new() };
        let outcome = work(&mut draft)?;
        if draft.writes.is_empty() {
            return Ok(outcome);
        }
        // Made before the commit: a policy that does not compile must not be stored.
        let view = View::new(draft.state, &old.compiled).map_err(Error::internal)?;
        let view = Arc::new(view);
        let writes = &draft.writes;
        ctx.transact(|tx| {
            writes.iter().for_each(|write| write(&tx));
            std::future::ready(Ok(()))
        })
        .await?;
        *self.view.write() = view;
        Ok(outcome)
    }
}

impl Organizations for Realm {
    fn place(&self, account: AccountId) -> Option<Arc<Place>> {
        self.view.read().places.get(&account).cloned()
    }
}

impl View {
    fn new(state: State, known: &Compiled) -> Result<View, Malformed> {
        let compiled = Compiled::new(&state, known)?;
        let places = compiled.places(&state);
        Ok(View { state, compiled, places })
    }

    /// The tag policy in effect in an account; `None` when the type is not enabled.
    pub(crate) fn effective_tags(&self, organization: &Organization, account: &Account) -> Option<Effective> {
        self.compiled.effective_tags(&self.state, organization, account)
    }
}

fn damaged(cause: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt { what: format!("a record of organizations: {cause}") }
}

async fn load<R: Kept>(base: &Base, state: &mut State) -> Result<(), StoreError> {
    let prefix = || Range::prefix(shared().record_key(R::TABLE, &[]));
    let mut range = prefix();
    loop {
        let rows = base.store.scan(range, LOAD_BATCH).await?;
        for (_, bytes) in &rows {
            let record = R::from_bytes(bytes).map_err(damaged)?;
            R::table(state).insert(record.key().to_owned(), Arc::new(record));
        }
        match rows.last() {
            Some((last, _)) if rows.len() == LOAD_BATCH => range = prefix().after(last.clone()),
            _ => return Ok(()),
        }
    }
}

/// Where an id stands in the tree of an organization, with what hangs there.
pub(crate) struct Node<'a> {
    pub name: &'a str,
    pub arn: String,
    pub target_type: &'static str,
    pub policies: &'a Hung,
    pub tags: &'a Tags,
}

impl State {
    /// The organization that an account is in.
    pub(crate) fn organization_of(&self, account: AccountId) -> Option<&Arc<Organization>> {
        let membership = self.accounts.get(account.as_str())?.membership.as_ref()?;
        self.organizations.get(&membership.organization)
    }

    /// A member of an organization.
    pub(crate) fn member(&self, organization: &str, account: &str) -> Option<&Arc<Account>> {
        self.accounts.get(account).filter(|account| account.is_in(organization))
    }

    /// All members of an organization.
    pub(crate) fn members<'a>(&'a self, organization: &'a str) -> impl Iterator<Item = &'a Arc<Account>> {
        self.accounts.values().filter(move |account| account.is_in(organization))
    }

    /// An organizational unit of an organization.
    pub(crate) fn unit(&self, organization: &str, id: &str) -> Option<&Arc<Unit>> {
        self.units.get(id).filter(|unit| unit.organization == organization)
    }

    /// The units right below a parent.
    pub(crate) fn units_below<'a>(&'a self, parent: &'a str) -> impl Iterator<Item = &'a Arc<Unit>> {
        self.units.values().filter(move |unit| unit.parent == parent)
    }

    /// The accounts right below a parent.
    pub(crate) fn accounts_below<'a>(&'a self, parent: &'a str) -> impl Iterator<Item = &'a Arc<Account>> {
        let is_below = move |account: &&Arc<Account>| {
            account.membership.as_ref().is_some_and(|membership| membership.parent == parent)
        };
        self.accounts.values().filter(is_below)
    }

    /// Whether an id names the root or a unit of an organization.
    pub(crate) fn is_parent(&self, organization: &Organization, id: &str) -> bool {
        organization.root == id || self.unit(&organization.id, id).is_some()
    }

    /// The units from the root down to a parent, the parent last; empty for the root.
    pub(crate) fn way(&self, parent: &str) -> Vec<&Arc<Unit>> {
        let mut way = Vec::new();
        let mut next = self.units.get(parent);
        // Units cannot be moved, so there is no circle; the limit is for records that are not ours.
        while let Some(unit) = next.filter(|_| way.len() < 64) {
            way.push(unit);
            next = self.units.get(&unit.parent);
        }
        way.reverse();
        way
    }

    /// `o-…/r-…/ou-…/`: the form of `aws:PrincipalOrgPaths`.
    pub(crate) fn path(&self, organization: &Organization, parent: &str) -> String {
        let mut path = format!("{}/{}/", organization.id, organization.root);
        for unit in self.way(parent) {
            path.push_str(&unit.id);
            path.push('/');
        }
        path
    }

    /// A policy that an organization may use: its own or AWS's.
    pub(crate) fn policy(&self, organization: &str, id: &str) -> Option<&Arc<Policy>> {
        self.policies.get(id).filter(|policy| policy.is_of_aws() || policy.organization == organization)
    }

    /// The root, unit or account of that id.
    pub(crate) fn node<'a>(&'a self, organization: &'a Organization, id: &str) -> Option<Node<'a>> {
        if organization.root == id {
            return Some(Node {
                name: "Root",
                arn: organization.root_arn(),
                target_type: "ROOT",
                policies: &organization.root_policies,
                tags: &organization.root_tags,
            });
        }
        if let Some(unit) = self.unit(&organization.id, id) {
            return Some(Node {
                name: &unit.name,
                arn: unit.arn(),
                target_type: "ORGANIZATIONAL_UNIT",
                policies: &unit.policies,
                tags: &unit.tags,
            });
        }
        let account = self.member(&organization.id, id)?;
        let membership = account.membership.as_ref()?;
        Some(Node {
            name: &account.name,
            arn: account.arn(),
            target_type: "ACCOUNT",
            policies: &membership.policies,
            tags: &membership.tags,
        })
    }

    /// The ids of everything that policies can be attached to.
    pub(crate) fn nodes(&self, organization: &Organization) -> Vec<String> {
        let units = self.units.values().filter(|unit| unit.organization == organization.id);
        let units = units.map(|unit| unit.id.clone());
        let accounts = self.members(&organization.id).map(|account| account.id.to_string());
        std::iter::once(organization.root.clone()).chain(units).chain(accounts).collect()
    }
}
