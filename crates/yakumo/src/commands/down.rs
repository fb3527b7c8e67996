//! `yakumo down`: stops a cloud of this user; with `--clean`, removes all instances and networks that stand without one.

use crate::arguments::CloudOptions;
use crate::client::Client;
use crate::failure::{Exit, Failure};
use crate::network_agent::RUN;
use crate::terminal::Terminal;
use clap::Args;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::path::Path;
use std::time::{Duration, Instant};

const EXAMPLES: &str = "\
Examples:
  yakumo down                    stop the running cloud; its networks stand for its next start
  yakumo down --clean            and leave this host as it was: no instance, no namespace, no route

With --clean it is no error when no cloud runs: what stopped clouds have left goes as well. Their next start
makes it again.";

/// How long a cloud may take to stop: it gives requests ten seconds.
const PATIENCE: Duration = Duration::from_secs(40);

/// Options of `yakumo down`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Remove all instances and networks of clouds that do not run
    #[arg(long)]
    clean: bool,
    #[command(flatten)]
    cloud: CloudOptions,
}

/// Stops and removes.
pub fn run(options: &Options) -> Result<(), Failure> {
    let mut out = Terminal::stdout();
    let client = Client::find(&options.cloud)?;
    match client.state {
        Some(state) => {
            let pid = Pid::from_raw(state.pid)
                .ok_or_else(|| Failure::new(Exit::Failed, "its process has no id"))?;
            stop(pid)?;
            out.line(&format!("the cloud at {} has stopped", state.endpoint))?;
        }
        None if options.clean => {}
        None => return Err(Failure::new(Exit::Absent, "no cloud of yours runs")),
    }
    if options.clean && !rules_this_host() {
        out.line("nothing was left: what is made without root ends with its cloud")?;
    } else if options.clean {
        // What runs in a network goes before the network.
        let swept = sweep_instances()?;
        let removed = yakumo_net::engine::sweep(Path::new(RUN)).map_err(|error| {
            Failure::new(Exit::Failed, error.to_string()).advise("run it as root, as the cloud was")
        })?;
        let text = if removed.is_empty() && swept.is_empty() {
            "nothing was left".to_owned()
        } else {
            let some = |what: &str, of: &[String]| {
                (!of.is_empty()).then(|| format!("removed the {what} of {}", of.join(", ")))
            };
            let lines = [some("instances", &swept), some("networks", &removed)];
            lines.into_iter().flatten().collect::<Vec<_>>().join("\n")
        };
        out.line(&text)?;
    }
    Ok(())
}

/// Whether networks of this user's clouds can stand without them.
#[cfg(target_os = "linux")]
fn rules_this_host() -> bool {
    yakumo_machine::apart::is_root()
}

#[cfg(not(target_os = "linux"))]
fn rules_this_host() -> bool {
    true
}

/// Ends what runs of clouds that do not.
#[cfg(target_os = "linux")]
fn sweep_instances() -> Result<Vec<String>, Failure> {
    let keeper = crate::machine_agent::keeper().map_err(|text| Failure::new(Exit::Failed, text))?;
    yakumo_machine::agent::sweep(Path::new(RUN), &keeper).map_err(|error| {
        Failure::new(Exit::Failed, error.to_string()).advise("run it as root, as the cloud was")
    })
}

#[cfg(not(target_os = "linux"))]
fn sweep_instances() -> Result<Vec<String>, Failure> {
    Ok(Vec::new())
}

fn stop(pid: Pid) -> Result<(), Failure> {
    kill_process(pid, Signal::TERM).map_err(std::io::Error::from)?;
    let end = Instant::now() + PATIENCE;
    while test_kill_process(pid).is_ok() {
        if Instant::now() > end {
            return Err(Failure::new(
                Exit::Failed,
                format!("it has not stopped within {} s", PATIENCE.as_secs()),
            ));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
