//! A machine for a test: sandboxes in a directory that goes away, and short ways to ask what happens inside.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use yakumo_machine::{
    Command, Configuration, Disk, Exit, Image, Lifetime, Limits, Machine, Network, Spec, Streams,
};

/// What a program inside may take before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A machine that removes its sandboxes when the test ends.
pub struct Bench {
    pub machine: Machine,
    pub directory: TempDir,
}

/// What a program said.
#[derive(Debug, PartialEq)]
pub struct Said {
    pub exit: Exit,
    pub output: String,
    pub errors: String,
}

/// A machine, or a line that says why this host has none.
pub fn bench() -> Option<Bench> {
    let report = Machine::report();
    if let Err(why) = report.sandboxes {
        println!("SKIPPED: {why}");
        return None;
    }
    let directory = tempfile::tempdir().unwrap();
    let machine = Machine::open(configuration(directory.path().join("machine"))).unwrap();
    Some(Bench { machine, directory })
}

/// How the machine in a directory is opened.
pub fn configuration(root: PathBuf) -> Configuration {
    let keeper = vec![env!("CARGO_BIN_EXE_yakumo-machine-keeper").into()];
    Configuration { root, name: "test".to_owned(), keeper, generation: None }
}

/// A sandbox of the host image that runs until it is stopped.
pub fn spec(id: &str) -> Spec {
    Spec {
        id: id.to_owned(),
        image: Image::Host,
        disk: Disk::Directory,
        command: None,
        lifetime: Lifetime::UntilStopped,
        hostname: format!("{id}.internal"),
        network: Network::Isolated,
        administers_network: false,
        no_new_privileges: false,
        files: Vec::new(),
        authorities: String::new(),
        limits: Limits::default(),
        volumes: Vec::new(),
    }
}

impl Bench {
    /// Starts a sandbox of the host image.
    pub fn start(&self, id: &str) -> &Bench {
        self.machine.start(&spec(id)).unwrap();
        self
    }

    /// What a shell of root inside says to a script.
    pub fn sh(&self, id: &str, script: &str) -> Said {
        self.run(id, Command::new(["sh", "-c", script]))
    }

    /// What a shell of another user inside says to a script.
    pub fn sh_as(&self, id: &str, user: &str, script: &str) -> Said {
        self.run(id, Command { user: Some(user.to_owned()), ..Command::new(["sh", "-c", script]) })
    }

    /// What Python says to a program.
    pub fn python(&self, id: &str, program: &str) -> Said {
        self.run(id, Command::new(["python3", "-c", program]))
    }

    /// What a command says.
    pub fn run(&self, id: &str, command: Command) -> Said {
        let (input, mut feed) = std::io::pipe().unwrap();
        let (output, out) = std::io::pipe().unwrap();
        let (errors, err) = std::io::pipe().unwrap();
        feed.write_all(b"").unwrap();
        drop(feed);
        let streams =
            Streams::Three { input: input.into(), output: OwnedFd::from(out), errors: OwnedFd::from(err) };
        let program = self.machine.run(id, &command, streams, false).unwrap();
        let read = |mut pipe: std::io::PipeReader| {
            thread::spawn(move || {
                let mut bytes = Vec::new();
                pipe.read_to_end(&mut bytes).unwrap();
                String::from_utf8_lossy(&bytes).into_owned()
            })
        };
        let (output, errors) = (read(output), read(errors));
        let exit = program.wait(PATIENCE).unwrap().unwrap_or_else(|| panic!("{command:?} does not end"));
        Said { exit, output: output.join().unwrap(), errors: errors.join().unwrap() }
    }

    /// Asserts that a script of root inside succeeds, and returns what it said.
    pub fn may(&self, id: &str, script: &str) -> String {
        let said = self.sh(id, script);
        assert_eq!(said.exit, Exit::Code(0), "{script}: {said:?}");
        said.output
    }

    /// Asserts that a script of root inside fails and complains in these words.
    pub fn may_not(&self, id: &str, script: &str, words: &str) {
        let said = self.sh(id, script);
        assert!(said.exit != Exit::Code(0) && said.errors.contains(words), "{script}: {said:?}");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        for (id, _) in self.machine.list().unwrap() {
            self.machine.remove(&id).unwrap();
        }
    }
}

/// Asks again until it is so.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
