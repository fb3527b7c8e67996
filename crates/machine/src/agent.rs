//! The sandbox agent: the privileged process that starts sandboxes for a front. It is the same program, with a socket as its standard
//! input, and ends with the socket.
//!
//! Invariant: what it is asked is typed, and nothing is done but to sandboxes of its machine; a conversation that hangs stops no other.

use crate::Error;
use crate::bound;
use crate::channel;
use crate::error::During;
use crate::machine::{Configuration, Machine, Report};
use crate::place::{make_directory, try_lock};
use crate::requests::{Reply, Request};
use crate::spec::Image;
use crate::states::Status;
use rustix::event::{PollFd, PollFlags};
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// The first message of a front.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The machine's directory.
    pub root: PathBuf,
    /// The cloud's id.
    pub cloud: String,
    /// The directory of notes, such as `/run/yakumo`.
    pub run: PathBuf,
    /// Whether sandboxes live on when the front is gone, for its next start; else they are removed with their disks.
    pub keeps: bool,
    /// The generation of the machine's volumes.
    #[serde(default)]
    pub generation: Option<String>,
}

impl Opening {
    /// Whether another one is of the same machine: generations come and go.
    fn is_of(&self, other: &Opening) -> bool {
        Opening { generation: None, ..self.clone() } == Opening { generation: None, ..other.clone() }
    }
}

/// What the agent says without being asked: that this sandbox has ended.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ended(pub String);

/// What one conversation's question is answered with.
pub type Answer = Result<Reply, Error>;

/// Lets work begin until the end, which waits for what is under way: a sandbox that is just being started could not be found by it.
#[derive(Default)]
struct Gate(RwLock<bool>);

impl Gate {
    /// Does something unless the end has come.
    fn pass<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let is_shut = self.0.read().unwrap_or_else(PoisonError::into_inner);
        (!*is_shut).then(work)
    }

    /// Lets nothing begin any more, and waits until nothing is under way.
    fn shut(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = true;
    }
}

/// Serves a front until it is gone. `keeper` is the program and the arguments that make it a keeper. Bound to an opening, it takes no other,
/// and refuses what would lead out of its cloud.
///
/// # Errors
/// When the socket breaks, or the machine cannot be opened; the front is told so, too.
pub fn serve(socket: OwnedFd, keeper: Vec<OsString>, bound: Option<&Opening>) -> Result<(), Error> {
    let Some((opening, _)) = channel::receive::<Opening>(&socket).during("the front")? else { return Ok(()) };
    let opened = match bound.is_some_and(|bound| !bound.is_of(&opening)) {
        true => Err(Error::invalid("this agent works for another cloud")),
        false => open(&opening, keeper),
    };
    let told: Result<Report, Error> = opened.as_ref().map(|_| Machine::report()).map_err(Clone::clone);
    let heard = channel::send(&socket, &told, &[]).during("the front");
    let (machine, _note) = opened?;
    let (machine, gate) = (Arc::new(machine), Arc::new(Gate::default()));
    let served = heard.and_then(|()| answer(&socket, &machine, &gate, bound));
    if !opening.keeps {
        gate.shut();
        remove_all(&machine, &opening.root)?;
        std::fs::remove_file(note_path(&opening.run, &opening.cloud)).ok();
    }
    served
}

/// Answers until the front is gone, which is no error.
fn answer(
    socket: &OwnedFd,
    machine: &Arc<Machine>,
    gate: &Arc<Gate>,
    bound: Option<&Opening>,
) -> Result<(), Error> {
    let watch = Arc::new(Watch::start(socket.try_clone().during("the front")?)?);
    for (id, status) in machine.list()? {
        if let Status::Running(state) = status {
            watch.add(&id, state.keeper.open());
        }
    }
    let (warm, open) = (Arc::clone(machine), Arc::clone(gate));
    // The first instance need not wait for it; what cannot be made ready says so when it is started.
    let prepare = move || open.pass(|| warm.prepare(&Image::Host).ok()).flatten();
    std::thread::Builder::new().spawn(prepare).during("a thread")?;
    while let Some(((), descriptors)) = channel::receive::<()>(socket).during("the front")? {
        let Some(conversation) = descriptors.into_iter().next() else { continue };
        let (machine, watch, gate) = (Arc::clone(machine), Arc::clone(&watch), Arc::clone(gate));
        let only = bound.cloned();
        // A thread that cannot be had ends the conversation: the front sees it end.
        std::thread::Builder::new()
            .name("conversation".to_owned())
            .stack_size(256 * 1024)
            .spawn(move || converse(&machine, &watch, &gate, &conversation, only.as_ref()))
            .ok();
    }
    Ok(())
}

fn open(opening: &Opening, keeper: Vec<OsString>) -> Result<(Machine, File), Error> {
    let path = note_path(&opening.run, &opening.cloud);
    make_directory(path.parent().unwrap_or(Path::new("/")))?;
    let note = File::options().read(true).write(true).create(true).truncate(false).open(&path);
    let note = note.during(path.display())?;
    // Before anything is there: what a killed agent leaves is found by it.
    let locked = try_lock(note)?.ok_or_else(|| Error::failed("the sandboxes", "another agent has them"))?;
    let text = serde_json::to_vec(opening).during("a note")?;
    locked.set_len(0).and_then(|()| (&locked).write_all(&text)).during(path.display())?;
    let (root, name, generation) = (opening.root.clone(), opening.cloud.clone(), opening.generation.clone());
    let opened = Machine::open(Configuration { root, name, keeper, generation });
    if opened.is_err() && !opening.keeps {
        // There is nothing to find; the first error is the one to tell.
        std::fs::remove_file(&path).ok();
    }
    Ok((opened?, locked))
}

fn converse(machine: &Machine, watch: &Watch, gate: &Gate, conversation: &OwnedFd, only: Option<&Opening>) {
    while let Ok(Some((request, descriptors))) = channel::receive::<Request>(conversation) {
        let started = if let Request::Start(spec) = &request { Some(spec.id.clone()) } else { None };
        let allowed = only.map_or(Ok(()), |bound| bound::check(bound, &request));
        let performed = gate.pass(|| allowed.and_then(|()| machine.perform(request, descriptors)));
        let (answer, descriptors): (Answer, Vec<OwnedFd>) = match performed {
            Some(Ok((reply, descriptors))) => (Ok(reply), descriptors),
            Some(Err(error)) => (Err(error), Vec::new()),
            None => return,
        };
        if let (Some(id), Ok(Reply::Started(state))) = (started, &answer) {
            watch.add(&id, state.keeper.open());
        }
        let borrowed: Vec<BorrowedFd<'_>> = descriptors.iter().map(AsFd::as_fd).collect();
        if channel::send(conversation, &answer, &borrowed).is_err() {
            return;
        }
    }
}

/// Who tells the front of ends.
struct Watch {
    fresh: Arc<Mutex<Vec<(String, OwnedFd)>>>,
    wake: Mutex<std::io::PipeWriter>,
    front: OwnedFd,
}

impl Watch {
    fn start(front: OwnedFd) -> Result<Watch, Error> {
        let (mut reader, writer) = std::io::pipe().during("a pipe")?;
        let fresh: Arc<Mutex<Vec<(String, OwnedFd)>>> = Arc::default();
        let (theirs, told) = (Arc::clone(&fresh), front.try_clone().during("the front")?);
        let watch = move || {
            let mut watched: Vec<(String, OwnedFd)> = Vec::new();
            loop {
                let mut all: Vec<PollFd<'_>> =
                    watched.iter().map(|(_, keeper)| PollFd::new(keeper, PollFlags::IN)).collect();
                all.push(PollFd::new(&reader, PollFlags::IN));
                match rustix::event::poll(&mut all, None) {
                    Ok(_) | Err(rustix::io::Errno::INTR) => {}
                    Err(_) => return,
                }
                let ended: Vec<bool> = all.iter().map(|one| !one.revents().is_empty()).collect();
                drop(all);
                if ended.last() == Some(&true) && !matches!(reader.read(&mut [0; 64]), Ok(1..)) {
                    return;
                }
                let mut ended = ended.into_iter();
                watched.retain(|(id, _)| {
                    let has_ended = ended.next() == Some(true);
                    // A front that does not hear it looks by itself, later.
                    has_ended.then(|| channel::send(&told, &Ended(id.clone()), &[]).ok());
                    !has_ended
                });
                watched.append(&mut theirs.lock().unwrap_or_else(PoisonError::into_inner));
            }
        };
        std::thread::Builder::new().name("watch".to_owned()).spawn(watch).during("a thread")?;
        Ok(Watch { fresh, wake: Mutex::new(writer), front })
    }

    /// Watches a keeper; without one, the sandbox has ended.
    fn add(&self, id: &str, keeper: Option<OwnedFd>) {
        let Some(keeper) = keeper else {
            channel::send(&self.front, &Ended(id.to_owned()), &[]).ok();
            return;
        };
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner).push((id.to_owned(), keeper));
        // The pipe is full when the other side is to wake up anyway.
        self.wake.lock().unwrap_or_else(PoisonError::into_inner).write_all(b"w").ok();
    }
}

fn note_path(run: &Path, cloud: &str) -> PathBuf {
    run.join("machines").join(cloud)
}

/// Removes everything of a machine. One sandbox that does not end keeps no other one.
fn remove_all(machine: &Machine, root: &Path) -> Result<(), Error> {
    let removed: Vec<Result<(), Error>> = machine.list()?.iter().map(|(id, _)| machine.remove(id)).collect();
    machine.remove_networks();
    removed.into_iter().collect::<Result<(), Error>>()?;
    crate::place::remove_tree(root)
}

/// Ends all sandboxes of clouds that do not run; those of a cloud that is not kept go with their disks. The ids of the clouds.
///
/// # Errors
/// When a sandbox does not end.
pub fn sweep(run: &Path, keeper: &[OsString]) -> Result<Vec<String>, Error> {
    let mut swept = Vec::new();
    let Ok(notes) = std::fs::read_dir(run.join("machines")) else { return Ok(swept) };
    for path in notes.flatten().map(|entry| entry.path()) {
        let Ok(mut note) = File::options().read(true).write(true).open(&path) else { continue };
        let mut text = String::new();
        note.read_to_string(&mut text).during(path.display())?;
        let Some(_locked) = try_lock(note)? else { continue };
        if let Ok(opening) = serde_json::from_str::<Opening>(&text)
            && opening.root.is_dir()
        {
            let (root, name) = (opening.root.clone(), opening.cloud.clone());
            let keeper = keeper.to_vec();
            let machine = Machine::open(Configuration { root, name, keeper, generation: None })?;
            if opening.keeps {
                machine.list()?.iter().try_for_each(|(id, _)| machine.kill(id).map(drop))?;
            } else {
                remove_all(&machine, &opening.root)?;
            }
            swept.push(opening.cloud);
        }
        std::fs::remove_file(&path).during(path.display())?;
    }
    Ok(swept)
}

/// How long a front waits for an agent that opens its machine.
pub(crate) const OPENS_WITHIN: Duration = Duration::from_secs(60);
