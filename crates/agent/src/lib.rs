//! How an agent is started: a process that acts on the host for a cloud, as the network agent and the sandbox agent do.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Starts an agent whose standard input is a socket, and gives its process. Clones are the same.
#[derive(Clone)]
pub struct Launch {
    start: Arc<Start>,
    name: Arc<Name>,
}

type Start = dyn Fn(OwnedFd) -> io::Result<u32> + Send + Sync;
type Name = dyn Fn(&str) + Send + Sync;

impl Launch {
    /// By somebody else, who waits for its end as well, and is told the cloud's id before anybody is served.
    pub fn new(
        start: impl Fn(OwnedFd) -> io::Result<u32> + Send + Sync + 'static,
        name: impl Fn(&str) + Send + Sync + 'static,
    ) -> Launch {
        Launch { start: Arc::new(start), name: Arc::new(name) }
    }

    /// As a child of this process.
    pub fn program(program: PathBuf, arguments: Vec<String>) -> Launch {
        let start = move |socket: OwnedFd| {
            let mut command = Command::new(&program);
            command.args(&arguments).stdin(socket).stdout(Stdio::null());
            // A group of its own: Ctrl-C is for the front, and the agent ends what it is at when the socket is gone.
            let mut child = command.process_group(0).spawn()?;
            let process = child.id();
            // Somebody must wait for it, so that nothing of it is left.
            std::thread::Builder::new().stack_size(64 * 1024).spawn(move || child.wait())?;
            Ok(process)
        };
        Launch::new(start, |_| {})
    }

    /// Says which cloud it is for.
    pub fn name(&self, cloud: &str) {
        (self.name)(cloud);
    }

    /// Starts one. What it has to say goes to our standard error.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self, socket: OwnedFd) -> io::Result<u32> {
        (self.start)(socket)
    }
}

impl fmt::Debug for Launch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Launch")
    }
}
