//! The keeper: one process outside for each sandbox, started by the library and independent of it.
//!
//! Invariant: the sandbox lives as long as its keeper, and the keeper holds the lock as long as anything of the sandbox lives.

mod console;
pub(crate) use console::{after, last};
mod helper;
mod watch;
pub(crate) use helper::{Help, private_mounts};

use crate::channel;
use crate::error::During;
use crate::groups::{Groups, Hierarchy};
use crate::init::{self, Setup};
use crate::namespaces;
use crate::place::{Place, Plan};
use crate::protocol::{Exit, Tell};
use crate::spec::Disk;
use crate::states::{End, Process, State};
use crate::sys::{self, Forked};
use crate::{Error, block};
use serde::Serialize;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// What a keeper's program does with the two arguments that [`crate::Machine`] adds: it is the keeper of a sandbox until its end, or
/// helps for a moment. The program has done nothing before: it has one thread and no descriptors but the first three; the second is
/// where the library waits for one line.
pub fn main(root: &OsStr, task: &OsStr) -> ExitCode {
    let (root, task) = (Path::new(root), task.to_string_lossy());
    // An id begins with a letter, a digit or a dash.
    let outcome = settle().and_then(|()| match task.starts_with('{') {
        true => {
            let help: Help = serde_json::from_str(&task).during("a task")?;
            helper::help(root, &help).map(|()| {
                report(&Ok(()));
                None
            })
        }
        false => keep(&Place::of(root, &task)),
    });
    match outcome {
        Ok(Some(code)) => sys::exit_now(code),
        Ok(None) => ExitCode::SUCCESS,
        Err(error) => {
            report::<()>(&Err(error));
            ExitCode::FAILURE
        }
    }
}

/// A process for itself: no descriptors, directory or terminal of who started it.
fn settle() -> Result<(), Error> {
    sys::close_from(3).during("cannot close descriptors")?;
    rustix::process::setsid().during("cannot begin a session")?;
    std::env::set_current_dir("/").during("/")?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    rustix::thread::set_name(c"yakumo-keeper").during("a name")
}

/// Tells the library how it went, and lets go of it.
fn report<T: Serialize>(outcome: &Result<T, Error>) {
    let line = serde_json::to_string(outcome).unwrap_or_default();
    // A library that has gone finds the sandbox by its state.
    writeln!(std::io::stdout(), "{line}").ok();
    if let Ok(null) = File::options().write(true).open("/dev/null") {
        rustix::stdio::dup2_stdout(&null).ok();
    }
}

/// Starts the sandbox and stays until its end. In the init it returns the exit code instead.
fn keep(place: &Place) -> Result<Option<i32>, Error> {
    let lock = place.lock()?.ok_or_else(|| Error::running(&place.path().to_string_lossy()))?;
    let plan: Plan = place.read("plan.json")?.ok_or_else(|| Error::invalid("there is no plan"))?;
    for old in ["state.json", "end.json", "control.sock"] {
        // What was not there need not go.
        std::fs::remove_file(place.at(old)).ok();
    }
    prepare(place, &plan)?;
    let hierarchy = Hierarchy::detect()?;
    hierarchy.keep_here()?;
    let namespaces = namespaces::make(&plan.spec.id, &plan.spec.network)?;
    if plan.spec.administers_network && !namespaces.rules_network {
        return Err(Error::invalid(
            "administers_network: the network namespace does not belong to the sandbox",
        ));
    }
    let root_uid = namespaces.root;
    let groups = hierarchy.make(&plan.group, &plan.spec.limits)?;
    let (ours, theirs) = channel::pair().during("a channel")?;
    let directory = File::open(place.path()).during(place.path().display())?;
    let listener = channel::listen(&directory, "control.sock").during("control.sock")?;
    drop(directory);
    sys::unshare(libc::CLONE_NEWPID).during("cannot make a process namespace")?;
    let init = match sys::fork().during("cannot start the init")? {
        Forked::Child => {
            drop(ours);
            close_report();
            return Ok(Some(init::run(Setup { plan: &plan, place, namespaces, keeper: theirs, listener })));
        }
        Forked::Parent(init) => init,
    };
    // Namespaces live through the init; the claim of its users through both.
    drop((theirs, listener, namespaces.user, namespaces.network));
    let outcome = groups.add(init).and_then(|()| ready(&ours));
    let (command, console) = match outcome {
        Ok(ready) => ready,
        Err(error) => {
            sys::signal(init, libc::SIGKILL).ok();
            watch::reap(init);
            groups.remove()?;
            return Err(error);
        }
    };
    let state = state(init, root_uid, &groups)?;
    place.write("state.json", &state)?;
    report(&Ok(state));
    let (init, command) = watch::until_end(init, &ours, console, command, &place.console())?;
    finish(place, &groups, init, command)?;
    drop((lock, namespaces.claim));
    Ok(None)
}

/// The init keeps neither the line to the library nor the keeper's errors.
fn close_report() {
    if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
        rustix::stdio::dup2_stdout(&null).ok();
        rustix::stdio::dup2_stderr(&null).ok();
    }
}

fn prepare(place: &Place, plan: &Plan) -> Result<(), Error> {
    crate::place::make_directory(&place.at("stage"))?;
    match &plan.spec.disk {
        Disk::Directory => {
            std::fs::create_dir_all(place.at("layer")).during("layer")?;
        }
        Disk::Bytes(bytes) => {
            let path = place.at("disk.img");
            if path.exists() { block::grow(&path, *bytes)? } else { block::create(&path, *bytes)? }
        }
        Disk::ReadOnly | Disk::Memory(_) | Disk::Volume(_) => {}
    }
    Ok(())
}

/// Lets the init go and waits until it is ready: how its command ended, if it did already, and the console.
fn ready(channel: &OwnedFd) -> Result<(Option<Exit>, OwnedFd), Error> {
    channel::send(channel, &(), &[]).during("the init")?;
    match channel::receive::<Tell>(channel).during("the init")? {
        Some((Tell::Ready, descriptors)) => {
            let console = descriptors.into_iter().next();
            Ok((None, console.ok_or_else(|| Error::failed("the init", "it sent no console"))?))
        }
        Some((Tell::Failed(error), _)) => Err(error),
        Some((Tell::Ended(_), _)) => Err(Error::failed("the init", "it spoke out of turn")),
        None => Err(Error::failed("the init", "it ended before it was ready; is there enough memory?")),
    }
}

fn state(init: i32, root_uid: u32, groups: &Groups) -> Result<State, Error> {
    let process = |id| Process::of(id).ok_or_else(|| Error::failed("a process", "it has gone"));
    let keeper = i32::try_from(std::process::id()).during("a process id")?;
    let started_at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let groups = groups.directories.clone();
    Ok(State { keeper: process(keeper)?, init: process(init)?, root_uid, groups, started_at })
}

fn finish(place: &Place, groups: &Groups, init: Exit, command: Option<Exit>) -> Result<(), Error> {
    let out_of_memory_kills = groups.usage().out_of_memory_kills;
    groups.remove()?;
    std::fs::remove_file(place.at("control.sock")).ok();
    place.write("end.json", &End { init, command, out_of_memory_kills })
}
