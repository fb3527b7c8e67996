//! What the process that answers requests keeps of root's rights: none. A starter, which nobody outside talks to, keeps them and starts agents and scripts.
//!
//! Invariant: it is done before the first connection is taken and before there is a second thread.

use crate::failure::{Exit, Failure};
use crate::hooks::Runner;
use crate::serve::listen_failure;
use crate::{directories, hooks, machine_agent, network_agent};
use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use yakumo_cloud::{Config, Host, Location};
use yakumo_machine::confine::{Bounds, confine};
use yakumo_machine::starter::{self, CLOUD, Errand, Kind, Starter};

/// The argument that makes this program a starter. It is no command: nobody but `yakumo up` has the other end.
pub const ARGUMENT: &str = "--starter";
/// Where the agents stand among the errands; scripts come after them.
const NETWORK: usize = 0;
const MACHINE: usize = 1;
const SCRIPTS: usize = 2;

/// Serves a front until it is gone.
pub fn run() -> ExitCode {
    let served = std::io::stdin().as_fd().try_clone_to_owned().map_err(|error| error.to_string());
    match served.and_then(|socket| starter::serve(&socket).map_err(|error| error.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A standard error that is gone leaves nobody to tell.
            let _ = crate::terminal::Terminal::stderr().line(&format!("the starter ends: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Gives up root's rights, if this process has them: opens what needs them first, and has agents and scripts started by a starter. What this host
/// cannot hold back is added to the notes.
///
/// # Errors
/// When the address cannot be had, or the kernel refuses.
pub fn give_up(config: &mut Config, scripts: &[PathBuf], notes: &mut Vec<String>) -> Result<Runner, Failure> {
    if !yakumo_machine::apart::is_root() {
        return Ok(Runner::Here);
    }
    let address = SocketAddr::new(config.bind, config.port);
    let socket = TcpListener::bind(address).map_err(|error| listen_failure(&address.to_string(), &error))?;
    let program = std::env::current_exe()?;
    let mut command = Command::new(&program);
    command.arg(ARGUMENT);
    let failed = |error: yakumo_machine::Error| Failure::new(Exit::Failed, error.to_string());
    let starter = Starter::begin(command, &errands(&program, config, scripts)).map_err(failed)?;
    if let Host::Agent { launch, .. } = &mut config.network {
        *launch = yakumo_cloud::Launch::new(agent(&starter, NETWORK), name(&starter));
    }
    if let yakumo_machine::Host::Agent { launch, .. } = &mut config.sandboxes {
        *launch = yakumo_machine::Launch::new(agent(&starter, MACHINE), name(&starter));
    }
    config.socket = Some(Arc::new(socket));
    let slices = Path::new(network_agent::RUN).join("slices");
    // Where it cannot be made the claim of addresses will say so.
    let _ = std::fs::create_dir_all(&slices);
    let mut own = vec![slices, std::env::temp_dir()];
    own.extend(config.directory.clone());
    // The sandbox agent works there as root: what it finds must be what it has left.
    let sealed: Vec<PathBuf> = config
        .directory
        .iter()
        .map(|directory| yakumo_cloud::machines_directory(Some(directory), CLOUD))
        .filter(|path| std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).is_ok())
        .collect();
    if config.directory.is_none() {
        // Snapshots of a cloud that is kept nowhere lie beside its disks.
        own.push(PathBuf::from(yakumo_cloud::TEMPORARY));
    }
    own.extend(directories::runtime().ok());
    let local_sockets = match &config.location {
        Location::Postgres(url) => url.contains("%2F") || url.contains("%2f") || url.contains("host=/"),
        _ => false,
    };
    let kept = confine(&Bounds { own, sealed, local_sockets }).map_err(failed)?;
    notes.extend(kept.into_iter().map(|note| format!("not all rights of root are given up: {note}")));
    Ok(Runner::Starter { starter, first: SCRIPTS })
}

/// Everything that may be started.
fn errands(program: &Path, config: &Config, scripts: &[PathBuf]) -> Vec<Errand> {
    let kept = if config.location == Location::Memory { "gone" } else { network_agent::KEPT };
    let words = |words: &[&str]| words.iter().map(OsString::from).collect::<Vec<_>>();
    let run = network_agent::RUN;
    let network = words(&[network_agent::ARGUMENT, network_agent::BOUND, CLOUD, run, kept]);
    let root = yakumo_cloud::machines_directory(config.directory.as_deref(), CLOUD);
    let mut machine = words(&[machine_agent::ARGUMENT, machine_agent::BOUND, CLOUD]);
    machine.push(root.into_os_string());
    machine.extend(words(&[run, kept]));
    let agents = [network, machine].map(|arguments| Errand {
        program: program.to_owned(),
        arguments,
        kind: Kind::Agent,
    });
    let scripts = scripts.iter().map(|script| Errand {
        program: script.clone(),
        arguments: Vec::new(),
        kind: Kind::Script {
            variables: hooks::VARIABLES.map(str::to_owned).to_vec(),
            without: hooks::WITHOUT.map(str::to_owned).to_vec(),
        },
    });
    agents.into_iter().chain(scripts).collect()
}

fn agent(
    starter: &Starter,
    errand: usize,
) -> impl Fn(std::os::fd::OwnedFd) -> std::io::Result<u32> + Send + Sync + 'static {
    let starter = starter.clone();
    move |socket| {
        let running = starter.run(errand, Vec::new(), Some(socket)).map_err(std::io::Error::other)?;
        Ok(running.process)
    }
}

fn name(starter: &Starter) -> impl Fn(&str) + Send + Sync + 'static {
    let starter = starter.clone();
    // A starter that has gone says so when it is asked for something.
    move |cloud| drop(starter.name(cloud))
}
