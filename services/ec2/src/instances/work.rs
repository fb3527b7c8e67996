//! What makes instances as they are wanted: sandboxes start, stop, and are removed; what ended by itself is noticed.
//!
//! Invariant: one instance is tended by one task at a time, and no task is inside the world while it waits for a sandbox.

use super::{Instance, State, interfaces_of, machine};
use crate::commit::change;
use crate::defaults::Place;
use crate::network;
use crate::network_interfaces::{self, NetworkInterface};
use crate::nouns::{self, ALL, Home};
use crate::volumes;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use yakumo_aws::{Error, Result};
use yakumo_machine::{Disk, Exit, Kind, Reply, Request, Status};
use yakumo_room::store::Range;
use yakumo_room::{Base, Caller, Ctx, Facts, Reconciler, Record, World};

/// The reconciler's name.
pub(crate) const NAME: &str = "ec2.instances";
/// How long it rests when nobody nudges it and no sandbox ends.
const EVERY: Duration = Duration::from_secs(30);
/// How long an instance may take to shut down before it is cut off.
const PATIENCE_MS: u64 = 15_000;
/// AWS: "Terminated instances remain visible after termination (for approximately one hour)."
const KEPT_MS: i64 = 3_600_000;
/// How many sandboxes are started at once.
const STARTS_MAX: usize = 8;

/// How many sandboxes are asked about in one request.
const ASKED_MAX: usize = 1_000;

/// Who is being tended.
struct Tended {
    /// Whether sandboxes of instances that are not there any more have been looked for.
    is_swept: AtomicBool,
    busy: Mutex<HashSet<String, foldhash::fast::FixedState>>,
    starts: Semaphore,
}

/// The work.
pub(crate) fn reconciler() -> Reconciler {
    let tended = Arc::new(Tended {
        is_swept: AtomicBool::new(false),
        busy: Mutex::default(),
        starts: Semaphore::new(STARTS_MAX),
    });
    Reconciler::new(NAME, EVERY, move |world| run(world, Arc::clone(&tended))).follows_sandboxes()
}

async fn run(world: Arc<World>, tended: Arc<Tended>) -> Result<()> {
    let all = everywhere(&world.base).await?;
    if all.iter().any(|instance| instance.state == State::Pending) {
        // What starts needs its interface.
        network::apply(&world.base).await?;
    }
    if !tended.is_swept.load(Ordering::SeqCst) {
        sweep(&world.base, &all).await?;
        tended.is_swept.store(true, Ordering::SeqCst);
    }
    let idle = idle(&world.base, &all).await?;
    for instance in all {
        let is_idle = instance.state == State::Running && !instance.reboots && idle.contains(&instance.id);
        if is_idle || is_done(&world, &instance) || !tended.busy.lock().insert(instance.id.clone()) {
            continue;
        }
        let (base, world, tended) = (&world.base, Arc::clone(&world), Arc::clone(&tended));
        base.errand(async move {
            let outcome = tend(&world, &instance, &tended).await;
            tended.busy.lock().remove(&instance.id);
            match outcome {
                // Somebody may have wanted something else meanwhile.
                Ok(true) => world.base.nudge(NAME),
                Ok(false) => {}
                Err(error) => {
                    let source = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(instance = instance.id, %error, source, "it is tried again");
                }
            }
        });
    }
    Ok(())
}

/// Whether there is nothing to look at.
fn is_done(world: &World, instance: &Instance) -> bool {
    match instance.state {
        State::Stopped => true,
        State::Terminated => {
            let until = instance.ended.unwrap_or(instance.launched).plus_millis(KEPT_MS);
            until.as_millis() > world.base.clock.now().as_millis()
        }
        _ => false,
    }
}

/// Removes sandboxes whose instances are gone: a cloud that was reset, or a snapshot from before them that was loaded.
async fn sweep(base: &Base, all: &[Instance]) -> Result<()> {
    if !base.sandboxes.stand() {
        return Ok(());
    }
    let Reply::List(there) = base.sandboxes.ask(Request::List).await.map_err(Error::internal)? else {
        return Err(Error::internal("an answer to another question"));
    };
    for (id, _) in there {
        let is_wanted = all.iter().any(|instance| instance.id == id && instance.state != State::Terminated);
        if id.starts_with(<Instance as nouns::Noun>::PREFIX) && !is_wanted {
            base.sandboxes.ask(Request::Remove { id }).await.map_err(Error::internal)?;
        }
    }
    Ok(())
}

/// Which of those that are said to run do: nothing is to be done about them.
async fn idle(base: &Base, all: &[Instance]) -> Result<HashSet<String>> {
    let running = all.iter().filter(|instance| instance.state == State::Running);
    let running: Vec<String> = running.map(|instance| instance.id.clone()).collect();
    let mut idle: HashSet<String> = HashSet::new();
    for ids in running.chunks(ASKED_MAX) {
        match base.sandboxes.ask(Request::NotRunning { ids: ids.to_vec() }).await {
            Ok(Reply::NotRunning(others)) => {
                let others: HashSet<&String> = others.iter().map(|(id, _)| id).collect();
                idle.extend(ids.iter().filter(|id| !others.contains(id)).cloned());
            }
            Ok(other) => return Err(Error::internal(format!("an answer to another question: {other:?}"))),
            // Each of them is told why.
            Err(error) if error.kind == Kind::Unsupported => {}
            Err(error) => return Err(Error::internal(error)),
        }
    }
    Ok(idle)
}

/// Every account and region in which there is anything.
pub(crate) async fn places(base: &Base) -> Result<Vec<Home>> {
    let places = base.store.scan(Range::prefix(Place::scope().record_key(Place::TABLE, &[])), ALL).await?;
    let home = |bytes| Place::from_bytes(bytes).map(|place| place.home).map_err(Error::internal);
    places.iter().map(|(_, bytes)| home(bytes)).collect()
}

/// The instances of all accounts and regions.
pub(super) async fn everywhere(base: &Base) -> Result<Vec<Instance>> {
    let mut all = Vec::new();
    for home in places(base).await? {
        let rows = Range::prefix(home.scope().record_key(Instance::TABLE, &[]));
        for (_, bytes) in base.store.scan(rows, ALL).await? {
            all.push(Instance::from_bytes(&bytes).map_err(Error::internal)?);
        }
    }
    Ok(all)
}

/// Does what is due; whether anything changed.
async fn tend(world: &Arc<World>, seen: &Instance, tended: &Tended) -> Result<bool> {
    let sandboxes = &world.base.sandboxes;
    match seen.state {
        State::Pending => {
            let _turn = tended.starts.acquire().await.map_err(Error::internal)?;
            start(world, seen).await
        }
        State::Running if seen.reboots => {
            let stopped =
                sandboxes.ask(Request::Stop { id: seen.id.clone(), patience_ms: PATIENCE_MS }).await;
            stopped.map_err(Error::internal)?;
            // CreateImage waits for this moment.
            volumes::finish_waiting(world, seen.home, &seen.id).await?;
            start(world, seen).await
        }
        State::Running => look(world, seen).await,
        State::Stopping => {
            let stop = Request::Stop { id: seen.id.clone(), patience_ms: PATIENCE_MS };
            settled(sandboxes.ask(stop).await)?;
            commit(world, seen, |before| Instance { state: State::Stopped, ..before.clone() }).await
        }
        State::ShuttingDown => {
            settled(sandboxes.ask(Request::Remove { id: seen.id.clone() }).await)?;
            let now = world.base.clock.now();
            commit(world, seen, |before| Instance {
                state: State::Terminated,
                ended: Some(now),
                ..before.clone()
            })
            .await
        }
        State::Stopped => Ok(false),
        State::Terminated => forget(world, seen).await,
    }
}

/// Where no sandbox can be, none has to be stopped.
fn settled(outcome: std::result::Result<Reply, yakumo_machine::Error>) -> Result<()> {
    match outcome {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind, Kind::Unsupported | Kind::NotRunning) => Ok(()),
        Err(error) => Err(Error::internal(error)),
    }
}

/// Starts an instance's sandbox and says that it runs, or why not.
async fn start(world: &Arc<World>, seen: &Instance) -> Result<bool> {
    let interfaces = interfaces(world, seen).await?;
    let Some(interface) = interfaces.first() else {
        return Err(Error::internal(format!("{} has no interface", seen.id)));
    };
    let authority = (world.base.authority)();
    let namespace = network::namespace(&world.base, &interface.id);
    let forwards = interfaces.iter().any(|own| !own.source_dest_check);
    let rules_network = forwards && rules(&world.base, &namespace).await?;
    let resolv_conf = world.base.network.resolv_conf(&interface.id);
    // What its first program asks for is there.
    world.base.network.attended(&interface.id).await;
    let around = machine::Around { namespace, rules_network, resolv_conf, authority };
    let started = match volumes::ready(world, seen.home, &seen.id).await? {
        Ok(own) => {
            let spec = machine::spec(seen, interface, around, &own);
            match spec.disk {
                Disk::Bytes(_) if seen.root_device.is_some() => Err(without_root(seen)),
                _ => world.base.sandboxes.ask(Request::Start(Box::new(spec))).await,
            }
        }
        Err(error) => Err(error),
    };
    match started {
        Ok(_) => running(world, seen).await,
        Err(error) if error.kind == Kind::Running => running(world, seen).await,
        // It waits for a host that can.
        Err(error) if error.kind == Kind::Unsupported => {
            let text =
                format!("Server.InsufficientInstanceCapacity: Instances do not run here: {}", error.message);
            let reason = Some(("Server.InsufficientInstanceCapacity".to_owned(), text));
            commit(world, seen, |before| Instance { state_reason: reason.clone(), ..before.clone() }).await?;
            Ok(false)
        }
        // Nobody knows how far it came: the next agent does it.
        Err(error) if error.kind == Kind::Gone => Err(Error::internal(error)),
        Err(error) => {
            tracing::warn!(instance = seen.id, %error, "it could not be started");
            let text = format!("Server.InternalError: Internal error on launch: {}", error.message);
            let reason = Some(("Server.InternalError".to_owned(), text));
            // AWS: what fails at its launch is terminated, what fails later is stopped.
            let state = if seen.boots == 1 && !seen.reboots { State::ShuttingDown } else { State::Stopping };
            commit(world, seen, |before| Instance {
                state,
                state_reason: reason.clone(),
                transition: "Server.InternalError".to_owned(),
                reboots: false,
                ..before.clone()
            })
            .await
        }
    }
}

fn without_root(seen: &Instance) -> yakumo_machine::Error {
    let text = format!("Instance does not have a volume attached at root ({})", seen.root_device());
    yakumo_machine::Error { kind: Kind::Invalid, message: text }
}

async fn running(world: &Arc<World>, seen: &Instance) -> Result<bool> {
    commit(world, seen, |before| Instance {
        state: State::Running,
        state_reason: None,
        reboots: false,
        ..before.clone()
    })
    .await
}

/// Looks whether an instance that is said to run does.
async fn look(world: &Arc<World>, seen: &Instance) -> Result<bool> {
    let status = world.base.sandboxes.ask(Request::Status { id: seen.id.clone() }).await;
    let status = match status {
        Ok(Reply::Status(status)) => status,
        // A host that cannot run it any more: it waits, and says so.
        Err(error) if error.kind == Kind::Unsupported => {
            return commit(world, seen, |before| Instance { state: State::Pending, ..before.clone() }).await;
        }
        Ok(other) => return Err(Error::internal(format!("an answer to another question: {other:?}"))),
        Err(error) => return Err(Error::internal(error)),
    };
    match status {
        Some(Status::Running(_) | Status::Changing) => Ok(false),
        // It shut itself down.
        Some(Status::Ended(end)) if end.init == Exit::Code(0) => {
            let reason = "Client.InstanceInitiatedShutdown";
            let text = format!("{reason}: Instance initiated shutdown");
            commit(world, seen, |before| Instance {
                state: if before.ends_with_shutdown { State::ShuttingDown } else { State::Stopping },
                state_reason: Some((reason.to_owned(), text.clone())),
                transition: String::new(),
                ..before.clone()
            })
            .await
        }
        // The host went down, or somebody killed it: it boots again, as after a recovery.
        Some(Status::Ended(_) | Status::Lost) | None => {
            network::apply(&world.base).await?;
            start(world, seen).await
        }
    }
}

/// Whether a network namespace, which stands, is a sandbox's to rule.
async fn rules(base: &Base, namespace: &Path) -> Result<bool> {
    match base.sandboxes.ask(Request::MakeNetwork { path: namespace.to_owned() }).await {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind, Kind::Invalid | Kind::Unsupported) => Ok(false),
        Err(error) => Err(Error::internal(error)),
    }
}

/// A context of the service itself in an account and region; none when the cloud stops.
pub(crate) fn context(world: &Arc<World>, home: Home) -> Option<Ctx> {
    let visit = world.enter()?;
    let caller = Caller::service("ec2.amazonaws.com", &home.arn("instance", "*"), home.account);
    let facts = Facts::internal(world.base.ids.uuid());
    Some(Ctx::question(visit, "ec2", Arc::new(caller), home.region, facts))
}

async fn interfaces(world: &Arc<World>, seen: &Instance) -> Result<Vec<NetworkInterface>> {
    let ctx = context(world, seen.home).ok_or_else(|| Error::internal("the cloud stops"))?;
    let all: Vec<NetworkInterface> = ctx.list(&seen.home.scope(), &[], None, ALL).await?;
    Ok(interfaces_of(&all, &seen.id).into_iter().cloned().collect())
}

/// Writes what became of an instance, unless somebody has wanted something else since it was seen; whether it did.
async fn commit(
    world: &Arc<World>,
    seen: &Instance,
    step: impl Fn(&Instance) -> Instance + Sync,
) -> Result<bool> {
    let Some(ctx) = context(world, seen.home) else { return Ok(false) };
    change(&ctx, None, |tx| {
        let (step, id, home, ctx) = (&step, &seen.id, seen.home, &ctx);
        async move {
            let Some(before) = tx.get::<Instance>(&home.scope(), &[id]).await? else { return Ok(true) };
            if before.state != seen.state {
                return Ok(true);
            }
            let after = step(&before);
            if after == before {
                return Ok(false);
            }
            match after.state {
                State::Stopped => network_interfaces::rest(&tx, home, id).await?,
                State::Terminated => {
                    network_interfaces::release(&tx, home, id).await?;
                    volumes::rest(&tx, ctx, home, id).await?;
                }
                State::Running if before.state == State::Pending => {
                    volumes::settle(&tx, home, id).await?;
                    network_interfaces::wake(&tx, ctx, home, id).await?;
                }
                _ => {}
            }
            nouns::put(&tx, Some(&before), &after);
            Ok(true)
        }
    })
    .await
    .inspect(|_| world.base.nudge(volumes::WORK))
}

async fn forget(world: &Arc<World>, seen: &Instance) -> Result<bool> {
    let Some(ctx) = context(world, seen.home) else { return Ok(false) };
    change(&ctx, None, |tx| async move {
        if let Some(before) = tx.get::<Instance>(&seen.home.scope(), &[&seen.id]).await? {
            nouns::delete(&tx, &before);
        }
        Ok(true)
    })
    .await
}
