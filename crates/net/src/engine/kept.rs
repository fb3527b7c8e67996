//! What an engine leaves for the next one: the plan that holds, and the namespaces at which it was working.
//!
//! Invariant: a namespace whose change has begun and not ended is named, so nobody trusts it. Both are below `/run`,
//! which does not survive the kernel that they speak of.

use super::{EngineError, Plan};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The largest file that is read.
const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The two files of a cloud.
#[derive(Debug)]
pub struct Kept {
    directory: PathBuf,
    /// Held while there is an engine: an agent that still ends its work is waited for. The programs that it runs hold it, too:
    /// they may outlive an agent that is killed.
    lock: Option<fs::File>,
}

impl Kept {
    /// Below a directory such as `/run/yakumo`.
    pub fn new(run: PathBuf, cloud: &str) -> Kept {
        Kept { directory: run.join(cloud), lock: None }
    }

    fn plan(&self) -> PathBuf {
        self.directory.join("network.json")
    }

    fn at_work(&self) -> PathBuf {
        self.directory.join("network.at-work")
    }

    /// Waits until no other engine of the cloud is at work, and keeps others away from now on.
    pub fn lock(&mut self) -> Result<(), EngineError> {
        if self.lock.is_none() {
            let file = self.lock_file()?;
            file.lock().map_err(|error| self.failed(error))?;
            self.lock = Some(file);
        }
        Ok(())
    }

    /// The same without waiting: `false` when another engine is there.
    pub fn try_lock(&mut self) -> Result<bool, EngineError> {
        let file = self.lock_file()?;
        let free = file.try_lock().is_ok();
        self.lock = free.then_some(file);
        Ok(free)
    }

    fn lock_file(&self) -> Result<fs::File, EngineError> {
        let open = || {
            fs::create_dir_all(&self.directory)?;
            let file = fs::File::create(self.directory.join("network.lock"))?;
            rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty())?;
            Ok(file)
        };
        open().map_err(|error| self.failed(error))
    }

    /// The plan that held, and what was being changed. A plan that cannot be read is none: all is built anew.
    pub fn read(&self) -> (Plan, Vec<String>) {
        let small = |path: &PathBuf| fs::metadata(path).is_ok_and(|meta| meta.len() <= BYTES_MAX);
        let plan = Some(self.plan()).filter(small).and_then(|path| fs::read(path).ok());
        let plan = plan.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let at_work = fs::read_to_string(self.at_work()).unwrap_or_default();
        (plan, at_work.lines().map(str::to_owned).collect())
    }

    /// Says what is about to be changed.
    pub fn begin(&self, namespaces: &[String]) -> Result<(), EngineError> {
        let write = || {
            fs::create_dir_all(&self.directory)?;
            fs::write(self.at_work(), namespaces.join("\n"))
        };
        write().map_err(|error| self.failed(error))
    }

    /// Says that the change is done, and what holds now.
    pub fn end(&self, plan: &Plan) -> Result<(), EngineError> {
        let write = || {
            let part = self.directory.join("network.part");
            fs::write(&part, serde_json::to_vec(plan)?)?;
            fs::rename(part, self.plan())?;
            match fs::remove_file(self.at_work()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        };
        write().map_err(|error| self.failed(error))
    }

    /// Removes the files, and the directory when nothing else is in it.
    pub fn remove(&mut self) -> Result<(), EngineError> {
        for path in [self.plan(), self.at_work(), self.directory.join("network.lock")] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(self.failed(error)),
                _ => {}
            }
        }
        self.lock = None;
        // Others may keep theirs beside it.
        let _ = fs::remove_dir(&self.directory);
        Ok(())
    }

    fn failed(&self, error: io::Error) -> EngineError {
        EngineError::Io { what: self.directory.display().to_string(), error }
    }
}

/// Whether the notes of a cloud speak of anything that stands in the kernel. Notes that cannot be read may.
pub fn stands(run: &Path, cloud: &str) -> bool {
    let kept = Kept::new(run.to_owned(), cloud);
    if fs::read(kept.at_work()).is_ok_and(|names| !names.is_empty()) {
        return true;
    }
    match fs::read(kept.plan()) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_or(true, |plan: Plan| !plan.namespaces.is_empty() || plan.host.is_some()),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// The clouds that have left notes.
pub fn clouds(run: &Path) -> Result<Vec<String>, EngineError> {
    let entries = match fs::read_dir(run) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(EngineError::Io { what: run.display().to_string(), error }),
    };
    let noted = entries.flatten().filter(|entry| entry.path().join("network.lock").exists());
    Ok(noted.filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// Removes the marks of slices that no running cloud holds, and their directory when none is left.
pub fn sweep_slices(run: &Path) {
    let directory = run.join("slices");
    for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
        let free = fs::File::open(entry.path()).is_ok_and(|file| file.try_lock().is_ok());
        if free {
            // A mark that stays costs nothing: whoever takes its lock has the slice.
            let _ = fs::remove_file(entry.path());
        }
    }
    let _ = fs::remove_dir(directory);
}
