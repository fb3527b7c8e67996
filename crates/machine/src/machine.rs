//! The machine: all sandboxes of one directory. Every function works on what lies there, so that any number of programs, one after
//! another, find what runs.
//!
//! Invariant: what a function says about a sandbox, the lock and the kernel said just before; nothing is remembered here.

use crate::Error;
use crate::channel;
use crate::error::During;
use crate::files::File as PutFile;
use crate::groups::{Groups, Hierarchy};
use crate::images::Images;
use crate::keeper::{self, Help};
use crate::place::{self, Place, Plan};
use crate::program::{self, Program, Streams};
use crate::protocol::Ask;
use crate::requests::{Reply, Request};
use crate::spec::{Command, Image, Spec, Volume, check_id, check_path};
use crate::states::{Cursor, End, State, Status, Usage};
use serde::de::DeserializeOwned;
use std::collections::hash_map::DefaultHasher;
use std::ffi::OsString;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::Mutex;
use std::time::Duration;

/// How long a keeper may take to start a sandbox (making a large disk takes longest).
const STARTED_WITHIN: Duration = Duration::from_secs(120);
/// How long killed processes may take to go.
const KILLED_WITHIN: Duration = Duration::from_secs(30);

/// What a machine is opened with.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The machine's directory; made if it is not there. Only root can enter it.
    pub root: PathBuf,
    /// The cloud's name in the kernel's names: 1 to 40 of `a-z`, `0-9` and `-`.
    pub name: String,
    /// The program and arguments that call [`crate::keeper_main`]; two more arguments are added.
    pub keeper: Vec<OsString>,
    /// The generation of its volumes, as whoever has replaced them knows it: a replacement that an earlier process has begun is brought to
    /// its end. Without it nothing is done about one.
    pub generation: Option<String>,
}

/// All sandboxes of one directory.
#[derive(Debug)]
pub struct Machine {
    configuration: Configuration,
    images: Images,
    /// Keepers that this process has started, until it has waited for them.
    children: Mutex<Vec<Child>>,
    /// The generation of volumes that is to be in place before anything else is done.
    unsettled: Mutex<Option<String>>,
    /// Network namespaces that this process has made.
    networks: Mutex<Vec<PathBuf>>,
}

/// What this host can do, each with the reason when it cannot.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Report {
    /// Run sandboxes at all.
    pub sandboxes: Result<(), String>,
    /// Hold disks to their size (`Disk::Bytes`, `Source::Block`).
    pub disks: Result<(), String>,
    /// The version of control groups: 1 or 2.
    pub groups: Option<u8>,
}

impl Machine {
    /// Opens a machine and clears away what sandboxes without a keeper have left in the kernel.
    pub fn open(mut configuration: Configuration) -> Result<Machine, Error> {
        check_id(&configuration.name)?;
        if configuration.keeper.is_empty() {
            return Err(Error::invalid("keeper: it names no program"));
        }
        Machine::report().sandboxes.map_err(Error::unsupported)?;
        place::make_directory(&configuration.root)?;
        // Its name may be known beforehand, and lie where everybody makes directories.
        place::check_own(&configuration.root)?;
        place::make_directory(&configuration.root.join("sandboxes"))?;
        configuration.root = configuration.root.canonicalize().during(configuration.root.display())?;
        let images = Images::open(configuration.root.join("images"))?;
        let (children, unsettled) = (Mutex::new(Vec::new()), Mutex::new(configuration.generation.clone()));
        let machine = Machine { configuration, images, children, unsettled, networks: Mutex::default() };
        machine.sweep()?;
        machine.sweep_volumes()?;
        machine.be_settled()?;
        Ok(machine)
    }

    /// What this host can do.
    pub fn report() -> Report {
        let hierarchy = Hierarchy::detect();
        let groups =
            hierarchy.as_ref().ok().map(|found| if matches!(found, Hierarchy::One(_)) { 2 } else { 1 });
        let files = |paths: &[&str]| {
            let missing = paths.iter().find(|path| !std::path::Path::new(path).exists());
            missing.map_or(Ok(()), |path| Err(format!("this host has no {path}")))
        };
        let root = rustix::process::geteuid().is_root().then_some(());
        let overlay =
            std::fs::read_to_string("/proc/filesystems").unwrap_or_default().contains("\toverlay\n");
        let sandboxes =
            root.ok_or_else(|| "sandboxes need root".to_owned()).and(files(&["/proc/self/ns/user"]));
        let overlay =
            overlay.then_some(()).ok_or_else(|| "this host's kernel has no overlay file system".to_owned());
        let sandboxes = sandboxes.and(overlay).and(hierarchy.map(drop).map_err(|error| error.message));
        Report { sandboxes, disks: files(&["/dev/loop-control", "/sbin/mkfs.ext4"]), groups }
    }

    /// Makes an image ready, so that the first start need not: looking through the host's `/usr` takes a second or so, once for each
    /// process. An image that this host has not is an error.
    pub fn prepare(&self, image: &Image) -> Result<(), Error> {
        self.images.trees(image).map(drop)
    }

    /// Starts a sandbox, again with the same disk if it was there before. It runs when this returns, and its first command too.
    pub fn start(&self, spec: &Spec) -> Result<State, Error> {
        spec.check()?;
        self.wait_for_children();
        let place = self.place(&spec.id)?;
        let is_new = !place.is_there();
        place.make()?;
        let _turn = place.turn()?;
        if place.is_live()? {
            return Err(Error::running(&spec.id));
        }
        let started = self.images.trees(&spec.image).and_then(|trees| {
            place.write("plan.json", &Plan { spec: spec.clone(), trees, group: self.group(&spec.id) })?;
            self.start_keeper(&spec.id, &place)
        });
        if started.is_err() && is_new {
            // What is left tells nothing that the error does not.
            place::remove_tree(place.path()).ok();
        }
        started
    }

    /// What is to be in place is: all else waits for that.
    fn be_settled(&self) -> Result<(), Error> {
        let mut due = self.unsettled.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(generation) = &*due {
            self.settle(generation)?;
            *due = None;
        }
        Ok(())
    }

    fn start_keeper(&self, id: &str, place: &Place) -> Result<State, Error> {
        let errors = File::create(place.at("keeper.log")).during("keeper.log")?;
        let (child, outcome) = self.keeper(id, Stdio::null(), errors.into(), STARTED_WITHIN)?;
        match outcome {
            Some(state) => {
                self.children.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(child);
                state
            }
            None => {
                let log = std::fs::read_to_string(place.at("keeper.log")).unwrap_or_default();
                Err(Error::failed("the keeper ended before it was ready", log.trim()))
            }
        }
    }

    /// Starts a keeper's program and waits for its line. One that has failed, or hangs, has ended when this returns.
    fn keeper<T: DeserializeOwned>(
        &self,
        task: &str,
        input: Stdio,
        errors: Stdio,
        within: Duration,
    ) -> Result<(Child, Option<Result<T, Error>>), Error> {
        let [program, arguments @ ..] = &self.configuration.keeper[..] else {
            return Err(Error::invalid("keeper: it names no program"));
        };
        let mut command = std::process::Command::new(program);
        command.args(arguments).arg(&self.configuration.root).arg(task);
        command.env_clear().current_dir("/").stdin(input).stdout(Stdio::piped()).stderr(errors);
        let child = command.spawn().during("cannot start a keeper");
        // What it was given, too, is its own now.
        drop(command);
        let mut child = child?;
        let line = child.stdout.take().map(|output| first_line(output, within));
        let line = line.unwrap_or_else(|| Err(Error::failed("the keeper", "it has no output")));
        let outcome = line.map(|line| serde_json::from_str::<Result<T, Error>>(&line).ok());
        if !matches!(outcome, Ok(Some(Ok(_)))) {
            child.kill().ok();
            child.wait().ok();
        }
        outcome.map(|outcome| (child, outcome))
    }

    pub(crate) fn help(&self, help: &Help, within: Duration) -> Result<(), Error> {
        self.help_with(help, Stdio::null(), within)
    }

    /// Lets a helper do something, with something else than nothing as its input.
    pub(crate) fn help_with(&self, help: &Help, input: Stdio, within: Duration) -> Result<(), Error> {
        let task = serde_json::to_string(help).during("a task")?;
        let helped =
            self.keeper::<()>(&task, input, Stdio::null(), within).and_then(|(mut child, outcome)| {
                child.wait().during("a helper")?;
                outcome.unwrap_or_else(|| Err(Error::failed("a helper", "it ended without a word")))
            });
        if helped.is_err() && matches!(help, Help::Copy { .. } | Help::Save { .. }) {
            // It may have been killed while something stood still; the first error is the one to tell.
            self.thaw_left().ok();
        }
        helped
    }

    /// Mounts a volume into a running sandbox. It is there until the sandbox ends or it is detached; what is to be there at the next
    /// start, too, belongs into the specification.
    pub fn attach(&self, id: &str, volume: &Volume) -> Result<(), Error> {
        check_id(id)?;
        volume.check()?;
        self.help(&Help::Attach { id: id.to_owned(), volume: volume.clone() }, STARTED_WITHIN)
    }

    /// Unmounts a volume from a running sandbox. While a program inside uses it that fails, unless it is forced: then the volume
    /// disappears at once, and is given up when the last program has closed it.
    pub fn detach(&self, id: &str, path: &str, force: bool) -> Result<(), Error> {
        check_id(id)?;
        check_path("path", path)?;
        self.help(&Help::Detach { id: id.to_owned(), path: path.to_owned(), force }, STARTED_WITHIN)
    }

    /// Makes a network namespace whose network the root of a sandbox in it will rule, and shows it at `path`, as `ip netns add` does. It is
    /// there until `path` is unmounted and no process is in it. One sandbox at a time should live in it.
    pub fn make_network(&self, path: &Path) -> Result<(), Error> {
        self.networks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(path.to_owned());
        self.help(&Help::Network(path.to_owned()), STARTED_WITHIN)
    }

    /// Shows the network namespaces no more that this process has made. They are nobody's when whoever wanted them has gone.
    pub(crate) fn remove_networks(&self) {
        for path in self.networks.lock().unwrap_or_else(std::sync::PoisonError::into_inner).drain(..) {
            // Most have been removed by whoever wanted them.
            if rustix::mount::unmount(&path, rustix::mount::UnmountFlags::DETACH).is_ok() {
                std::fs::remove_file(&path).ok();
            }
        }
    }

    /// Answers a request that was carried, with the descriptors that came along; what it answers may have some, too.
    pub fn perform(
        &self,
        request: Request,
        descriptors: Vec<OwnedFd>,
    ) -> Result<(Reply, Vec<OwnedFd>), Error> {
        if let Request::Settle { generation } = &request {
            *self.unsettled.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
                Some(generation.clone());
        }
        self.be_settled()?;
        let reply = match request {
            Request::Start(spec) => Reply::Started(self.start(&spec)?),
            Request::Run { id, command, terminal, stays } => {
                let streams = Streams::from_parts(terminal, descriptors)?;
                let (conversation, process, terminal) = self.run(&id, &command, streams, stays)?.into_parts();
                let descriptors = std::iter::once(conversation).chain(terminal).collect();
                return Ok((Reply::Runs(process), descriptors));
            }
            Request::Put { id, file } => self.put(&id, file).map(|()| Reply::Done)?,
            Request::Signal { id, number } => self.signal(&id, number).map(|()| Reply::Done)?,
            Request::Stop { id, patience_ms } => {
                Reply::Ended(self.stop(&id, Duration::from_millis(patience_ms))?)
            }
            Request::Kill { id } => Reply::Ended(self.kill(&id)?),
            Request::Wait { id, within_ms } => {
                Reply::IsOver(self.wait(&id, Duration::from_millis(within_ms))?)
            }
            Request::Status { id } => Reply::Status(self.status(&id)?),
            Request::List => Reply::List(self.list()?),
            Request::NotRunning { ids } => Reply::NotRunning(self.not_running(&ids)?),
            Request::Usage { id } => Reply::Usage(self.usage(&id)?),
            Request::Console { id, bytes } => Reply::Console(self.console(&id, bytes)?),
            Request::ConsoleAfter { id, after, bytes } => {
                let (text, next) = self.console_after(&id, after, bytes)?;
                Reply::ConsoleAfter(text, next)
            }
            Request::Attach { id, volume } => self.attach(&id, &volume).map(|()| Reply::Done)?,
            Request::Detach { id, path, force } => self.detach(&id, &path, force).map(|()| Reply::Done)?,
            Request::MakeVolume { id, bytes } => self.make_volume(&id, bytes).map(|()| Reply::Done)?,
            Request::CopyVolume { from, to, bytes } => {
                self.copy_volume(&from, &to, bytes).map(|()| Reply::Done)?
            }
            Request::CopyVolumes { copies } => self.copy_volumes(&copies).map(|()| Reply::Done)?,
            Request::GrowVolume { id, bytes } => self.grow_volume(&id, bytes).map(|()| Reply::Done)?,
            Request::RemoveVolume { id } => self.remove_volume(&id).map(|()| Reply::Done)?,
            Request::ListVolumes => Reply::Volumes(self.volumes()?),
            Request::SaveVolumes { to } => {
                let heard = descriptors.into_iter().next();
                let heard = heard.ok_or_else(|| Error::invalid("there is nobody to hear of it"))?;
                self.save_volumes(&to, heard).map(|()| Reply::Done)?
            }
            Request::PlaceVolumes { from, to, generation } => {
                Machine::place_volumes(from.as_deref(), &to, &generation).map(|()| Reply::Done)?
            }
            // Just now.
            Request::Settle { .. } => Reply::Done,
            Request::MakeNetwork { path } => self.make_network(&path).map(|()| Reply::Done)?,
            Request::Remove { id } => self.remove(&id).map(|()| Reply::Done)?,
        };
        Ok((reply, Vec::new()))
    }

    /// Starts a program in a running sandbox. With `stays` it goes on when the returned value is dropped.
    pub fn run(&self, id: &str, command: &Command, streams: Streams, stays: bool) -> Result<Program, Error> {
        Program::start(self.connect(id)?, command, streams, stays)
    }

    /// Puts a file into a running sandbox, with the rights of root inside.
    pub fn put(&self, id: &str, file: PutFile) -> Result<(), Error> {
        file.check()?;
        program::ask(&self.connect(id)?, &Ask::Put(file))
    }

    /// Sends a signal to the process group of a sandbox's first command.
    pub fn signal(&self, id: &str, number: i32) -> Result<(), Error> {
        program::ask(&self.connect(id)?, &Ask::Signal(number))
    }

    /// Asks all processes of a sandbox to end, and kills those that have not after `patience`.
    pub fn stop(&self, id: &str, patience: Duration) -> Result<Option<End>, Error> {
        let asked = self.connect(id).and_then(|socket| program::ask(&socket, &Ask::ShutDown));
        if asked.is_ok() && self.wait(id, patience)? {
            return self.end(id);
        }
        self.kill(id)
    }

    /// Kills all processes of a sandbox; how it ended, if its keeper could tell. What does not run is fine.
    pub fn kill(&self, id: &str) -> Result<Option<End>, Error> {
        let place = self.place(id)?;
        // A keeper that just starts its sandbox has no state yet; it will soon.
        if place.is_live()?
            && let Some(state) = place.read::<State>("state.json")?
            && let Some(init) = state.init.open()
        {
            rustix::process::pidfd_send_signal(&init, rustix::process::Signal::KILL).during("cannot kill")?;
        }
        if !self.wait(id, KILLED_WITHIN)? {
            return Err(Error::failed(format_args!("the sandbox {id}"), "it does not end"));
        }
        self.end(id)
    }

    /// Waits until nothing of a sandbox lives; whether that came in time.
    pub fn wait(&self, id: &str, within: Duration) -> Result<bool, Error> {
        let place = self.place(id)?;
        if place.is_live()?
            && let Some(state) = place.read::<State>("state.json")?
            && let Some(keeper) = state.keeper.open()
            && !program::wait_for(&keeper, within)?
        {
            return Ok(false);
        }
        self.wait_for_children();
        // A keeper that was killed takes its init along, which needs a moment; one that starts its sandbox, too.
        let until = std::time::Instant::now() + within.min(KILLED_WITHIN);
        while place.is_live()? {
            if std::time::Instant::now() > until {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(true)
    }

    /// How a sandbox is; `None` when there is none.
    pub fn status(&self, id: &str) -> Result<Option<Status>, Error> {
        self.wait_for_children();
        let place = self.place(id)?;
        if !place.is_there() {
            return Ok(None);
        }
        let is_live = place.is_live()?;
        let status = match (is_live, self.end(id)?) {
            (true, None) => place.read("state.json")?.map_or(Status::Changing, Status::Running),
            (true, Some(_)) => Status::Changing,
            (false, Some(end)) => Status::Ended(end),
            (false, None) => Status::Lost,
        };
        Ok(Some(status))
    }

    /// All sandboxes, with how they are.
    pub fn list(&self) -> Result<Vec<(String, Status)>, Error> {
        let mut all = Vec::new();
        for id in self.ids()? {
            if let Some(status) = self.status(&id)? {
                all.push((id, status));
            }
        }
        Ok(all)
    }

    /// How those of these sandboxes are that do not run.
    pub fn not_running(&self, ids: &[String]) -> Result<Vec<(String, Option<Status>)>, Error> {
        let mut found = Vec::new();
        for id in ids {
            let status = self.status(id)?;
            if !matches!(status, Some(Status::Running(_) | Status::Changing)) {
                found.push((id.clone(), status));
            }
        }
        Ok(found)
    }

    /// The specification that a sandbox was last started with.
    pub fn spec(&self, id: &str) -> Result<Option<Spec>, Error> {
        Ok(self.place(id)?.read::<Plan>("plan.json")?.map(|plan| plan.spec))
    }

    /// What a running sandbox has used.
    pub fn usage(&self, id: &str) -> Result<Usage, Error> {
        let place = self.place(id)?;
        let state = if place.is_live()? { place.read::<State>("state.json")? } else { None };
        let state = state.ok_or_else(|| Error::not_running(id))?;
        Ok(Groups { directories: state.groups }.usage())
    }

    /// The last `most` bytes of a sandbox's console, over all its starts.
    pub fn console(&self, id: &str, most: usize) -> Result<Vec<u8>, Error> {
        keeper::last(&self.place(id)?.console(), most)
    }

    /// At most `most` bytes of a sandbox's console after a place, and the next place. Without a place, or when what stood there is gone,
    /// its last bytes.
    pub fn console_after(
        &self,
        id: &str,
        after: Option<Cursor>,
        most: usize,
    ) -> Result<(Vec<u8>, Cursor), Error> {
        keeper::after(&self.place(id)?.console(), after, most)
    }

    /// Kills a sandbox and removes it with its disk. What is not there is fine.
    pub fn remove(&self, id: &str) -> Result<(), Error> {
        let place = self.place(id)?;
        if !place.is_there() {
            return Ok(());
        }
        self.kill(id)?;
        self.clear_groups(id)?;
        place::remove_tree(place.path())
    }

    /// Where a sandbox's disk lies: the directory of `Disk::Directory`, or the file of `Disk::Bytes`.
    pub fn disk(&self, id: &str) -> Result<Option<PathBuf>, Error> {
        let place = self.place(id)?;
        Ok(["disk.img", "layer"].iter().map(|name| place.at(name)).find(|path| path.exists()))
    }

    /// Gives a sandbox that has never run a copy of a disk (`Disk::Bytes`), as of another one of the same image: it begins with what is on
    /// it, and its root's size is at least the copy's.
    pub fn give_disk(&self, id: &str, from: &Path) -> Result<(), Error> {
        let place = self.place(id)?;
        place.make()?;
        crate::block::copy(from, &place.at("disk.img"))
    }

    pub(crate) fn root(&self) -> &Path {
        &self.configuration.root
    }

    fn end(&self, id: &str) -> Result<Option<End>, Error> {
        self.place(id)?.read("end.json")
    }

    fn place(&self, id: &str) -> Result<Place, Error> {
        check_id(id)?;
        Ok(Place::of(&self.configuration.root, id))
    }

    /// The name of a sandbox's control groups: no other machine of this host has it, whatever its name.
    fn group(&self, id: &str) -> String {
        let mut hasher = DefaultHasher::new();
        self.configuration.root.hash(&mut hasher);
        format!("{}.{:08x}.{id}", self.configuration.name, hasher.finish() >> 32)
    }

    fn ids(&self) -> Result<Vec<String>, Error> {
        let root = self.configuration.root.join("sandboxes");
        let mut ids = Vec::new();
        for entry in std::fs::read_dir(&root).during(root.display())? {
            let name = entry.during(root.display())?.file_name();
            ids.extend(name.to_str().filter(|name| check_id(name).is_ok()).map(str::to_owned));
        }
        ids.sort();
        Ok(ids)
    }

    fn connect(&self, id: &str) -> Result<OwnedFd, Error> {
        let place = self.place(id)?;
        let directory = File::open(place.path()).map_err(|_| Error::not_running(id))?;
        channel::connect(&directory, "control.sock").map_err(|_| Error::not_running(id))
    }

    /// Removes the groups of sandboxes that have ended without their keeper, and images that none uses.
    fn sweep(&self) -> Result<(), Error> {
        let mut used = Vec::new();
        for id in self.ids()? {
            let place = self.place(&id)?;
            if place.is_live()? {
                used.extend(place.read::<Plan>("plan.json")?.into_iter().flat_map(|plan| plan.trees));
            } else {
                self.clear_groups(&id)?;
            }
        }
        self.images.sweep(&used)
    }

    fn clear_groups(&self, id: &str) -> Result<(), Error> {
        Hierarchy::detect()?.groups(&self.group(id)).remove()
    }

    /// Keepers that have ended are waited for, so that they are no zombies.
    fn wait_for_children(&self) {
        let mut children = self.children.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        children.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    }
}

/// The line that a keeper says, in time.
fn first_line(output: ChildStdout, within: Duration) -> Result<String, Error> {
    if !program::wait_for(&output, within)? {
        return Err(Error::failed("the keeper", "it takes too long"));
    }
    let mut line = String::new();
    BufReader::new(output.take(64 * 1024)).read_line(&mut line).during("the keeper")?;
    Ok(line)
}
