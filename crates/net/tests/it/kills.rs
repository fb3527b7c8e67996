//! Agents and fronts that are killed at any moment: the next one ends where a fresh build does.

use crate::lab;
use crate::lab::Lab;
use crate::random::{cases, differ, mix, seed, settled, topology};
use rustix::process::{Pid, Signal, kill_process};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::Duration;
use tokio::runtime::Runtime;
use yakumo_net::Network;
use yakumo_net::network::{Host, Launch};

/// What makes this program an agent: it runs one test, the one below.
const AGENT: [&str; 3] = ["--exact", "kills::an_agent", "--ignored"];

#[test]
#[ignore = "it is the agent of the other test, which starts it with a socket as its standard input"]
fn an_agent() {
    let mut socket = std::io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from).unwrap();
    if socket.peer_addr().is_ok() {
        // A front that dies breaks the pipe.
        drop(yakumo_net::agent::serve(&mut socket, None));
    }
}

/// A front: a runtime, and the networks that it has an agent for.
struct Front {
    runtime: Runtime,
    network: Network,
}

impl Front {
    fn new(lab: &Lab) -> Front {
        let program = std::env::current_exe().unwrap();
        let arguments = AGENT.map(str::to_owned).into();
        let launch = Launch::program(program, arguments);
        let host = Host::Agent { launch, run: lab.run().to_owned(), apart: false };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Front { runtime, network: Network::new(lab.cloud(), lab.ranges(), host, true, None) }
    }

    /// Dies in the middle of whatever it does: the agent hears of it by its socket.
    fn die(self) {
        drop(self.network);
        self.runtime.shutdown_background();
    }
}

/// The agents of this process.
fn agents() -> Vec<Pid> {
    let own = std::process::id().to_string();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let agent = |path: &Path| {
        let stat = std::fs::read_to_string(path.join("stat")).ok()?;
        let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?;
        let arguments = std::fs::read_to_string(path.join("cmdline")).ok()?;
        let found = parent == own && arguments.contains(AGENT[1]);
        found.then(|| Pid::from_raw(path.file_name()?.to_str()?.parse().ok()?)).flatten()
    };
    entries.filter_map(|entry| agent(&entry.path())).collect()
}

#[test]
fn kills_at_any_moment_leave_what_is_wanted() {
    for case in 0..cases("YAKUMO_NET_KILLS", 3) {
        let mut lab = lab!("kills");
        let mut dice = seed(5000 + case);
        lab.release();
        let mut front = Front::new(&lab);
        for step in 0..6 {
            let next = topology(&lab, &mut dice);
            mix(&mut lab.wanted, next, &mut dice);
            let (wanted, network) = (lab.wanted.topology.clone(), front.network.clone());
            let (killed, delay) =
                (dice.roll(3), Duration::from_millis(u64::try_from(dice.roll(120)).unwrap()));
            let applied = front.runtime.spawn(async move { network.apply(wanted).await });
            match killed {
                // The agent dies, at work or done; the front has another one do it.
                0 => {
                    thread::sleep(delay);
                    for agent in agents() {
                        let _ = kill_process(agent, Signal::KILL);
                    }
                    front.runtime.block_on(applied).unwrap().unwrap();
                }
                // The front dies; the next one finds what its agent made of it, which may be at work still.
                1 => {
                    thread::sleep(delay);
                    front.die();
                    front = Front::new(&lab);
                }
                _ => {
                    let outcome = front.runtime.block_on(applied).unwrap();
                    assert!(outcome.is_ok(), "case {case}, step {step}: {outcome:?}");
                }
            }
        }
        let wanted = lab.wanted.topology.clone();
        front.runtime.block_on(front.network.apply(wanted.clone())).unwrap();
        let changed = settled(&lab);
        front.die();
        lab.restart();
        lab.engine().rebuild(&wanted).unwrap();
        differ(&lab, &changed, case);
    }
}
