//! What makes volumes and snapshots as they are wanted: files appear, grow, are mounted and unmounted, and go.
//!
//! Invariant: a file that no record has is removed, and only after records were read behind the list of files: a record is always
//! older than its file.

use super::{Attachment, File, Modification, Progress, Volume, of_instance, place};
use crate::commit::change;
use crate::defaults::Place;
use crate::instances::{Instance, State, context};
use crate::nouns::{self, ALL, Home};
use crate::snapshots::Snapshot;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;
use yakumo_aws::{Error, Result};
use yakumo_machine::{Kind, Reply, Request, Source};
use yakumo_room::store::Range;
use yakumo_room::{Base, Reconciler, Record, Scope, Tx, World};

/// The reconciler's name.
pub(crate) const NAME: &str = "ec2.volumes";
/// How long it rests when nobody nudges it.
const EVERY: Duration = Duration::from_secs(5);
/// How long what fails is tried again.
const TRIED_MS: i64 = 60_000;

type Busy = Arc<Mutex<HashSet<String, foldhash::fast::FixedState>>>;

/// That files may be there which no record has any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sweep {
    /// Which wish it is: one that came meanwhile is another one.
    stamp: String,
}

impl Record for Sweep {
    const TABLE: &'static str = "volumes-to-sweep";
}

impl Sweep {
    fn scope() -> Scope {
        Scope { account: None, region: None, service: "ec2" }
    }

    /// Notes that a record of a volume or a snapshot goes; ring [`NAME`] after the commit.
    pub(crate) fn is_due(tx: &Tx, base: &Base) {
        tx.put(&Sweep::scope(), &["all"], &Sweep { stamp: base.ids.uuid() });
    }
}

/// The work.
pub(crate) fn reconciler() -> Reconciler {
    let busy = Busy::default();
    Reconciler::new(NAME, EVERY, move |world| run(world, Arc::clone(&busy)))
}

async fn run(world: Arc<World>, busy: Busy) -> Result<()> {
    for home in homes(&world.base).await? {
        for volume in all::<Volume>(&world.base, home).await? {
            if is_due(&volume) && busy.lock().insert(volume.id.clone()) {
                errand(&world, &busy, volume.id.clone(), |world| async move { tend(&world, &volume).await });
            }
        }
        for snapshot in all::<Snapshot>(&world.base, home).await? {
            if snapshot.file != File::Wanted || waits(&world, &snapshot).await? {
                continue;
            }
            let id = snapshot.id.clone();
            if busy.lock().insert(id.clone()) {
                errand(&world, &busy, id, |world| async move { finish(&world, &snapshot).await });
            }
        }
    }
    sweep(&world).await
}

fn errand<F, R>(world: &Arc<World>, busy: &Busy, id: String, work: F)
where
    F: FnOnce(Arc<World>) -> R + Send + 'static,
    R: Future<Output = Result<bool>> + Send,
{
    let (held, busy) = (Arc::clone(world), Arc::clone(busy));
    world.base.errand(async move {
        let outcome = work(Arc::clone(&held)).await;
        busy.lock().remove(&id);
        match outcome {
            // There may be more to do.
            Ok(true) => held.base.nudge(NAME),
            Ok(false) => {}
            Err(error) => tracing::warn!(id, %error, "it is tried again"),
        }
    });
}

async fn homes(base: &Base) -> Result<Vec<Home>> {
    let places = base.store.scan(Range::prefix(Place::scope().record_key(Place::TABLE, &[])), ALL).await?;
    let home = |bytes: &[u8]| Place::from_bytes(bytes).map(|place| place.home).map_err(Error::internal);
    places.iter().map(|(_, bytes)| home(bytes)).collect()
}

async fn all<R: Record>(base: &Base, home: Home) -> Result<Vec<R>> {
    let rows = base.store.scan(Range::prefix(home.scope().record_key(R::TABLE, &[])), ALL).await?;
    rows.iter().map(|(_, bytes)| R::from_bytes(bytes).map_err(Error::internal)).collect()
}

fn is_open(modification: &Modification) -> bool {
    modification.done.is_none() && modification.failed.is_none()
}

fn is_due(volume: &Volume) -> bool {
    volume.file == File::Wanted
        || volume.modification.as_ref().is_some_and(is_open)
        || volume.attachment.as_ref().is_some_and(|one| one.state != Progress::Attached)
}

/// Does what is due; whether anything changed.
async fn tend(world: &Arc<World>, seen: &Volume) -> Result<bool> {
    if seen.file == File::Wanted {
        let file = outcome(made(world, seen).await, seen, world)?;
        return commit(world, seen, |before| Volume { file: file.clone(), ..before.clone() }).await;
    }
    if let Some(modification) = seen.modification.as_ref().filter(|one| is_open(one)) {
        return grow(world, seen, modification).await;
    }
    match &seen.attachment {
        Some(attachment) => settle(world, seen, attachment).await,
        None => Ok(false),
    }
}

type Asked = std::result::Result<(), yakumo_machine::Error>;

async fn ask(world: &Arc<World>, request: Request) -> Asked {
    world.base.sandboxes.ask(request).await.map(drop)
}

async fn made(world: &Arc<World>, volume: &Volume) -> Asked {
    let (id, bytes) = (volume.id.clone(), volume.bytes());
    match &volume.from {
        Some(from) => ask(world, Request::CopyVolume { from: from.clone(), to: id, bytes }).await,
        None => ask(world, Request::MakeVolume { id, bytes }).await,
    }
}

/// What has become of a file; what may go better is tried again for a while.
fn outcome(asked: Asked, volume: &Volume, world: &Arc<World>) -> Result<File> {
    match asked {
        Ok(()) => Ok(File::There),
        // Nothing runs on this host, so nothing is ever written either.
        Err(error) if error.kind == Kind::Unsupported => Ok(File::Empty),
        Err(error) => {
            let until = volume.created.plus_millis(TRIED_MS).as_millis();
            match error.kind == Kind::Invalid || world.base.clock.now().as_millis() > until {
                true => Ok(File::Failed(error.message)),
                false => Err(Error::internal(error)),
            }
        }
    }
}

async fn grow(world: &Arc<World>, seen: &Volume, modification: &Modification) -> Result<bool> {
    let wanted = Volume { plan: modification.after.clone(), ..seen.clone() };
    let grows = modification.after.gib > modification.before.gib && seen.file == File::There;
    let failed = match grows {
        true => ask(world, Request::GrowVolume { id: seen.id.clone(), bytes: wanted.bytes() }).await.err(),
        false => None,
    };
    if let Some(error) = failed.as_ref().filter(|error| error.kind == Kind::Gone) {
        // The next agent is asked.
        return Err(Error::internal(error.clone()));
    }
    let now = world.base.clock.now();
    commit(world, seen, |before| {
        let text = failed.as_ref().map(|error| error.message.clone());
        let plan = if text.is_none() { modification.after.clone() } else { before.plan.clone() };
        let done = text.is_none().then_some(now);
        let modification = Some(Modification { done, failed: text, ..modification.clone() });
        Volume { plan, modification, ..before.clone() }
    })
    .await
}

/// Mounts or unmounts a volume as it is wanted.
async fn settle(world: &Arc<World>, seen: &Volume, attachment: &Attachment) -> Result<bool> {
    let Some(ctx) = context(world, seen.home) else { return Ok(false) };
    let instance: Option<Instance> = ctx.get(&seen.home.scope(), &[&attachment.instance]).await?;
    drop(ctx);
    let state = instance.as_ref().map(|instance| instance.state);
    let is_wanted = attachment.state == Progress::Attaching;
    let became = match state {
        Some(State::Running) if is_wanted => mount(world, seen, attachment).await?,
        Some(State::Running) => unmount(world, attachment).await?,
        // What starts or stops is asked when it has.
        Some(State::Pending | State::Stopping | State::ShuttingDown) => return Ok(false),
        Some(State::Stopped) if is_wanted => Some(Progress::Attached),
        Some(State::Stopped | State::Terminated) | None => None,
    };
    let after = became.map(|state| Attachment { state, ..attachment.clone() });
    commit(world, seen, |before| Volume { attachment: after.clone(), ..before.clone() }).await
}

async fn mount(world: &Arc<World>, seen: &Volume, attachment: &Attachment) -> Result<Option<Progress>> {
    if seen.file != File::There && made(world, seen).await.is_err() {
        return Ok(Some(Progress::Attaching));
    }
    let volume = yakumo_machine::Volume {
        source: Source::Volume(seen.id.clone()),
        path: place(&attachment.device),
        read_only: false,
    };
    match ask(world, Request::Attach { id: attachment.instance.clone(), volume }).await {
        Ok(()) => Ok(Some(Progress::Attached)),
        Err(error) if error.kind == Kind::NotRunning => Ok(Some(Progress::Attaching)),
        Err(error) => Err(Error::internal(error)),
    }
}

async fn unmount(world: &Arc<World>, attachment: &Attachment) -> Result<Option<Progress>> {
    let Attachment { instance, device, force, .. } = attachment;
    let detach = Request::Detach { id: instance.clone(), path: place(device), force: *force };
    match ask(world, detach).await {
        Ok(()) => Ok(None),
        // It is not mounted there any more.
        Err(error) if matches!(error.kind, Kind::NotRunning | Kind::Invalid) => Ok(None),
        Err(error) if error.message.contains("busy") => Ok(Some(Progress::Busy)),
        Err(error) if error.message.contains("No such file") => Ok(None),
        Err(error) => Err(Error::internal(error)),
    }
}

/// The volumes of an instance that is to start, each with its file.
///
/// # Errors
/// The machine's when a file cannot be had.
pub(crate) async fn ready(
    world: &Arc<World>,
    home: Home,
    instance: &str,
) -> Result<std::result::Result<Vec<Volume>, yakumo_machine::Error>> {
    let every: Vec<Volume> = all(&world.base, home).await?;
    let mut volumes = Vec::new();
    for volume in of_instance(&every, instance) {
        let is_leaving = |one: &Attachment| matches!(one.state, Progress::Detaching | Progress::Busy);
        if volume.attachment.as_ref().is_some_and(is_leaving) {
            continue;
        }
        if volume.file != File::There {
            if let Err(error) = made(world, volume).await {
                return Ok(Err(error));
            }
            commit(world, volume, |before| Volume { file: File::There, ..before.clone() }).await?;
        }
        volumes.push(volume.clone());
    }
    Ok(Ok(volumes))
}

/// Whether the instance that a snapshot waits for is still to be stopped.
async fn waits(world: &Arc<World>, snapshot: &Snapshot) -> Result<bool> {
    let Some(id) = &snapshot.waits_for else { return Ok(false) };
    let key = snapshot.home.scope().record_key(Instance::TABLE, &[id]);
    let Some(bytes) = world.base.store.get(&key).await? else { return Ok(false) };
    let instance = Instance::from_bytes(&bytes).map_err(Error::internal)?;
    Ok(instance.reboots && instance.state == State::Running)
}

/// Makes the files of the snapshots that have waited until an instance is stopped, which it is.
pub(crate) async fn finish_waiting(world: &Arc<World>, home: Home, instance: &str) -> Result<()> {
    let snapshots: Vec<Snapshot> = all(&world.base, home).await?;
    let is_waiting = |snapshot: &&Snapshot| {
        snapshot.file == File::Wanted && snapshot.waits_for.as_deref() == Some(instance)
    };
    for snapshot in snapshots.iter().filter(is_waiting) {
        finish(world, snapshot).await?;
    }
    Ok(())
}

/// Makes the files of snapshots as of one moment, the same for all; [`finish`] tells their records.
pub(crate) async fn copied_together(world: &Arc<World>, snapshots: &[Snapshot]) {
    let copy = |snapshot: &Snapshot| Some((snapshot.from.clone()?, snapshot.id.clone()));
    let copies: Vec<(String, String)> = snapshots.iter().filter_map(copy).collect();
    if let Err(error) = ask(world, Request::CopyVolumes { copies }).await
        && error.kind != Kind::Unsupported
    {
        tracing::warn!(%error, "snapshots of several volumes are made one by one");
    }
}

/// Makes a snapshot's file; whether anything changed.
pub(crate) async fn finish(world: &Arc<World>, seen: &Snapshot) -> Result<bool> {
    let file = match &seen.from {
        None => File::Empty,
        Some(from) => {
            let copy = Request::CopyVolume { from: from.clone(), to: seen.id.clone(), bytes: 0 };
            match ask(world, copy).await {
                Ok(()) => File::There,
                // It waits for a host that can, or for the next agent.
                Err(error) if matches!(error.kind, Kind::Unsupported | Kind::Gone) => return Ok(false),
                Err(error) => File::Failed(error.message),
            }
        }
    };
    let Some(ctx) = context(world, seen.home) else { return Ok(false) };
    let now = ctx.now();
    let is_there = change(&ctx, None, |tx| {
        let file = &file;
        async move {
            let Some(before) = tx.get::<Snapshot>(&seen.home.scope(), &[&seen.id]).await? else {
                return Ok(false);
            };
            if before.file == File::Wanted {
                let after = Snapshot { file: file.clone(), done: Some(now), ..before.clone() };
                nouns::put(&tx, Some(&before), &after);
            }
            Ok(true)
        }
    })
    .await?;
    unless(world, seen.home, is_there).await?;
    Ok(false)
}

/// Writes what became of a volume, unless somebody has wanted something else since it was seen; whether it changed.
async fn commit(world: &Arc<World>, seen: &Volume, step: impl Fn(&Volume) -> Volume + Sync) -> Result<bool> {
    let Some(ctx) = context(world, seen.home) else { return Ok(false) };
    let (is_there, has_changed) = change(&ctx, None, |tx| {
        let step = &step;
        async move {
            let Some(before) = tx.get::<Volume>(&seen.home.scope(), &[&seen.id]).await? else {
                return Ok((false, false));
            };
            let is_as_seen = before.attachment == seen.attachment && before.modification == seen.modification;
            let after = if is_as_seen { step(&before) } else { before.clone() };
            if after == before {
                return Ok((true, !is_as_seen));
            }
            nouns::put(&tx, Some(&before), &after);
            Ok((true, true))
        }
    })
    .await?;
    unless(world, seen.home, is_there).await?;
    Ok(has_changed)
}

/// A file whose record went while it was made goes, too.
async fn unless(world: &Arc<World>, home: Home, is_there: bool) -> Result<()> {
    if is_there {
        return Ok(());
    }
    let Some(ctx) = context(world, home) else { return Ok(()) };
    change(&ctx, None, |tx| {
        let base = ctx.base();
        async move {
            Sweep::is_due(&tx, base);
            Ok(())
        }
    })
    .await?;
    world.base.nudge(NAME);
    Ok(())
}

/// Removes files that no record has.
async fn sweep(world: &Arc<World>) -> Result<()> {
    let key = Sweep::scope().record_key(Sweep::TABLE, &["all"]);
    let Some(bytes) = world.base.store.get(&key).await? else { return Ok(()) };
    let due = Sweep::from_bytes(&bytes).map_err(Error::internal)?;
    let files = match world.base.sandboxes.ask(Request::ListVolumes).await {
        Ok(Reply::Volumes(files)) => files,
        Ok(_) => Vec::new(),
        Err(error) if error.kind == Kind::Unsupported => Vec::new(),
        Err(error) => return Err(Error::internal(error)),
    };
    let mut kept = BTreeSet::new();
    for home in homes(&world.base).await? {
        for volume in all::<Volume>(&world.base, home).await? {
            kept.extend(volume.from.filter(|_| volume.file != File::There));
            kept.insert(volume.id);
        }
        for snapshot in all::<Snapshot>(&world.base, home).await? {
            kept.extend(snapshot.from.filter(|_| snapshot.file == File::Wanted));
            kept.insert(snapshot.id);
        }
    }
    for id in files.into_iter().filter(|id| !kept.contains(id)) {
        ask(world, Request::RemoveVolume { id }).await.map_err(Error::internal)?;
    }
    let Some(ctx) = homes(&world.base).await?.first().and_then(|home| context(world, *home)) else {
        return Ok(());
    };
    change(&ctx, None, |tx| {
        let due = &due;
        async move {
            if tx.get::<Sweep>(&Sweep::scope(), &["all"]).await?.as_ref() == Some(due) {
                tx.delete::<Sweep>(&Sweep::scope(), &["all"]);
            }
            Ok(())
        }
    })
    .await
}
