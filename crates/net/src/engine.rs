//! The kernel made equal to a topology.
//!
//! A topology is compiled to a [`plan`] (plain text lines for `ip` and `nft`, by namespace), the difference of two
//! plans to steps, and the steps are done. Invariant: nothing is done but by a difference, and what a failed or
//! interrupted step touched is built anew, so the kernel is never taken for what it is not.

mod compile;
mod diff;
mod flows;
mod inside;
mod kept;
mod kernel;
mod names;
mod plan;
mod programs;
mod ranges;
mod rules_only;

pub use compile::compile;
pub use flows::{FlowCount, Flows};
pub use inside::{enter, inside};
pub use names::Names;
pub use plan::{Chain, Namespace, Plan, Ruleset, Set, Wire, WireEnd};
pub(crate) use programs::program;
pub use ranges::{Ranges, SLICES};

use crate::Topology;
use crate::topology::Flaw;
use crate::{Place, SocketKind, Standing};
use diff::Changes;
use flows::Counters;
use kept::Kept;
pub use kept::stands;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Why the kernel could not be made equal.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The topology makes no sense.
    #[error("the wanted networks make no sense: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Flawed(Vec<Flaw>),
    /// Two ids have the same short name in the kernel.
    #[error("{0} and another one have the same name in the kernel")]
    Twins(String),
    /// A place for a socket where nothing stands.
    #[error("{0} does not stand")]
    Nowhere(String),
    /// A command failed, even on a network that was built anew.
    #[error("{what}: {text}")]
    Failed {
        /// What was tried.
        what: String,
        /// What was answered.
        text: String,
    },
    /// The operating system refused.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// Its answer.
        error: io::Error,
    },
}

/// The engine of one cloud on one host.
#[derive(Debug)]
pub struct Engine {
    names: Names,
    kept: Kept,
    present: Plan,
    /// What the kernel was made equal to; nothing when that failed or is not known.
    applied: Option<Topology>,
    counters: Counters,
}

impl Engine {
    /// Takes up what an earlier engine of this cloud left, removes what it cannot trust, and waits for a topology.
    ///
    /// `cloud` is the cloud's id (lower-case letters and digits, 8 at most), `ranges` its public addresses.
    ///
    /// # Errors
    /// When the kernel's namespaces cannot be listed or removed.
    pub fn open(cloud: &str, ranges: Ranges, run: PathBuf) -> Result<Engine, EngineError> {
        let names = Names::new(cloud, ranges);
        let mut kept = Kept::new(run, cloud);
        kept.lock()?;
        let counters = Counters::default();
        let mut engine = Engine { names, kept, present: Plan::default(), applied: None, counters };
        engine.take_up()?;
        Ok(engine)
    }

    /// Trusts of the kept plan what the kernel still has and nothing was doing when the engine ended.
    fn take_up(&mut self) -> Result<(), EngineError> {
        let (mut plan, broken) = self.kept.read();
        let there = kernel::namespaces(self.names.prefix())?;
        let mut gone: Vec<String> =
            plan.namespaces.keys().filter(|name| !there.contains(*name)).cloned().collect();
        gone.extend(
            broken.into_iter().filter(|name| plan.namespaces.contains_key(name) || there.contains(name)),
        );
        gone.extend(kernel::missing_wires(&plan, &gone)?);
        let host_lost = plan.host.is_some() && !kernel::host_link_is_there(&self.names);
        if host_lost {
            gone.push(self.names.edge());
        }
        let (stays, goes): (Vec<String>, Vec<String>) =
            gone.into_iter().partition(|name| there.contains(name) && self.names.is_interface(name));
        goes.iter().for_each(|name| plan.forget(name));
        for name in &stays {
            self.empty(&mut plan, name)?;
        }
        let unwanted: Vec<String> =
            there.into_iter().filter(|name| !plan.namespaces.contains_key(name)).collect();
        kernel::remove_namespaces(&unwanted)?;
        if plan.host.is_none() {
            kernel::remove_host_link(&self.names)?;
        }
        // The filter of what stays is loaded again as a whole, in one step: connections go on.
        for namespace in plan.namespaces.values_mut() {
            namespace.unsure = !namespace.rules.is_empty();
        }
        // Notes of a version that knew no generations.
        let names: Vec<String> = plan.namespaces.keys().cloned().collect();
        date(&mut plan, names.iter());
        self.present = plan;
        Ok(())
    }

    /// Makes the kernel equal to a topology. Idempotent.
    ///
    /// # Errors
    /// When the topology has flaws (nothing is changed), or when the kernel refuses what was built anew as well.
    pub fn apply(&mut self, topology: &Topology) -> Result<(), EngineError> {
        if self.applied.as_ref() == Some(topology) {
            return Ok(());
        }
        let flaws = topology.flaws();
        if !flaws.is_empty() {
            return Err(EngineError::Flawed(flaws));
        }
        let before = self.applied.take();
        if let Some(mut before) = before.filter(|before| self.change_rules(before, topology)) {
            before.groups.clone_from(&topology.groups);
            before.acls.clone_from(&topology.acls);
            before.labels.clone_from(&topology.labels);
            self.applied = Some(before);
            return Ok(());
        }
        self.make(topology)?;
        self.applied = Some(topology.clone());
        Ok(())
    }

    /// Does what is a change of rules alone. `false` when it is none, or when the kernel refuses: its filters are then as
    /// they were.
    fn change_rules(&mut self, before: &Topology, topology: &Topology) -> bool {
        let Some(ids) = rules_only::changed(before, topology) else { return false };
        let patches = rules_only::patches(&self.present, topology, &self.names, &ids);
        let done = kernel::run(&self.names, &rules_only::changes(&patches)).is_ok();
        if done {
            rules_only::take_in(&mut self.present, patches);
        }
        done
    }

    fn make(&mut self, topology: &Topology) -> Result<(), EngineError> {
        let wanted = compile(topology, &self.names, &self.present.marks)?;
        let first = self.step_to(wanted);
        if first.is_ok() {
            return first;
        }
        // What the failed step touched was forgotten, so this builds it anew.
        let wanted = compile(topology, &self.names, &self.present.marks)?;
        self.step_to(wanted)
    }

    /// Empties a namespace of an interface that is not to be trusted. It stays, for whoever lives in it could not follow
    /// into another one; if it cannot be emptied, it goes.
    fn empty(&self, plan: &mut Plan, name: &str) -> Result<(), EngineError> {
        match kernel::empty_namespace(name, plan.namespaces.get(name)) {
            Ok(()) => plan.empty(name),
            Err(_) => {
                kernel::remove_namespaces(&[name.to_owned()])?;
                plan.forget(name);
            }
        }
        Ok(())
    }

    fn step_to(&mut self, mut wanted: Plan) -> Result<(), EngineError> {
        let changes = Changes::between(&self.present, &wanted);
        if changes.is_empty() {
            self.present.marks = wanted.marks;
            return Ok(());
        }
        wanted.generations.clone_from(&self.present.generations);
        wanted.generations.retain(|name, _| !changes.removed.contains(name));
        date(&mut wanted, changes.made.iter());
        let touched = changes.touched();
        let noted = !changes.is_rules_only();
        self.kept.lock()?;
        if noted {
            self.kept.begin(&touched)?;
        }
        match kernel::run(&self.names, &changes) {
            Ok(()) => {
                let anew = changes.inside.iter().filter(|inside| inside.counts_anew);
                anew.for_each(|inside| self.counters.forget(&inside.namespace));
                self.present = wanted;
                if noted { self.kept.end(&self.present) } else { Ok(()) }
            }
            Err(error) => {
                let mut plan = std::mem::take(&mut self.present);
                let (stays, goes): (Vec<String>, Vec<String>) = touched
                    .into_iter()
                    .partition(|name| plan.namespaces.contains_key(name) && self.names.is_interface(name));
                let removed = kernel::remove_namespaces(&goes);
                goes.iter().for_each(|name| plan.forget(name));
                let emptied: Result<(), EngineError> =
                    stays.iter().try_for_each(|name| self.empty(&mut plan, name));
                self.present = plan;
                removed.and(emptied)?;
                if self.present.host.is_none() {
                    kernel::remove_host_link(&self.names)?;
                }
                self.kept.end(&self.present)?;
                Err(error)
            }
        }
    }

    /// Removes everything and builds it anew: for whoever doubts the kernel.
    ///
    /// # Errors
    /// As [`Engine::apply`].
    pub fn rebuild(&mut self, topology: &Topology) -> Result<(), EngineError> {
        let marks = std::mem::take(&mut self.present.marks);
        self.clean()?;
        self.present.marks = marks;
        self.apply(topology)
    }

    /// What the kernel is, as far as this engine knows.
    pub fn present(&self) -> &Plan {
        &self.present
    }

    /// What watched interfaces sent and got since this was last asked, or since they are watched.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn flows(&mut self) -> Result<Flows, EngineError> {
        self.counters.look(&self.present)
    }

    /// What stands, for those who have sockets there.
    pub fn standing(&self) -> Standing {
        let mut standing = Standing::default();
        for (name, generation) in &self.present.generations {
            let Some(id) = name.strip_prefix(self.names.prefix()) else { continue };
            match id.split_once('-') {
                Some(("vpc", _)) => {
                    standing.routers.insert(id.to_owned(), *generation);
                }
                Some(("eni", _)) => {
                    standing.interfaces.insert(id.to_owned(), *generation);
                }
                Some(("vpce", _)) => {
                    standing.endpoints.insert(id.to_owned(), *generation);
                }
                None if id == "edge" => standing.edge = Some(*generation),
                _ => {}
            }
        }
        standing
    }

    /// Opens a socket in a place that stands; a TCP one listens. Whoever holds it serves there.
    ///
    /// # Errors
    /// When nothing stands there, or the address is not the place's or is taken.
    pub fn socket(
        &self,
        place: &Place,
        kind: SocketKind,
        address: SocketAddr,
    ) -> Result<OwnedFd, EngineError> {
        let name = self.names.namespace(place.id());
        if !self.present.namespaces.contains_key(&name) {
            return Err(EngineError::Nowhere(place.id().to_owned()));
        }
        let opened = inside(&name, || match kind {
            SocketKind::Tcp => TcpListener::bind(address).map(OwnedFd::from),
            SocketKind::Udp => UdpSocket::bind(address).map(OwnedFd::from),
        });
        opened.map_err(|error| EngineError::Io { what: format!("{address} in {}", place.id()), error })
    }

    /// Its names.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Removes everything and leaves the host as it was.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn clean(&mut self) -> Result<(), EngineError> {
        self.applied = None;
        self.present = Plan::default();
        let there: Vec<String> = kernel::namespaces(self.names.prefix())?.into_iter().collect();
        kernel::remove_namespaces(&there)?;
        kernel::remove_host_link(&self.names)?;
        self.kept.remove()
    }
}

/// Says of namespaces without a generation that they were made now: a number that is larger than all before.
fn date<'a>(plan: &mut Plan, names: impl Iterator<Item = &'a String>) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
    let last = plan.generations.values().max().copied().unwrap_or_default();
    let new = now.max(last.saturating_add(1));
    for name in names {
        plan.generations.entry(name.clone()).or_insert(new);
    }
}

/// Removes everything that clouds left which no engine works for any more. Gives their ids.
///
/// # Errors
/// When the directory of notes cannot be read or the kernel refuses.
pub fn sweep(run: &Path) -> Result<Vec<String>, EngineError> {
    let mut removed = Vec::new();
    for cloud in kept::clouds(run)? {
        // Names need no addresses.
        let names = Names::new(&cloud, Ranges::new(&cloud, 0));
        let mut kept = Kept::new(run.to_owned(), &cloud);
        if kept.try_lock()? {
            let (present, counters) = (Plan::default(), Counters::default());
            Engine { names, kept, present, applied: None, counters }.clean()?;
            removed.push(cloud);
        }
    }
    kept::sweep_slices(run);
    Ok(removed)
}
