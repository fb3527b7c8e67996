//! `yakumo exec`: a command inside an instance, on a network interface, or in the Internet of the cloud.

mod inside;

use crate::arguments::CloudOptions;
use crate::client::Client;
use crate::commands::wait;
use crate::failure::{Exit, Failure};
use crate::terminal::Terminal;
use clap::Args;
use serde_json::json;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use yakumo_cloud::control::{InternetAnswer, LiveAnswer};

/// Where programs read whom to ask for names.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// The place of public addresses, where an id of an interface could stand.
const INTERNET: &str = "internet";

/// The link of an interface that stands alone.
const FIRST_LINK: &str = "eth0";

const EXAMPLES: &str = "\
Examples:
  yakumo exec i-0a1b2c -- bash                            a shell inside an instance, as root
  yakumo exec i-0a1b2c --user ec2-user -- tar c . >x.tar  with pipes, when this is no terminal
  yakumo exec eni-0a1b2c -- python3 -m http.server 80     serve on its addresses
  yakumo exec eni-0d4e5f -- curl http://10.0.1.10/        be a client of another one
  yakumo exec eni-0a1b2c -- ip addr                       look around
  yakumo exec internet -- curl http://198.18.16.16/       be a client in the Internet, with root or without

In an instance the command runs with the instance's programs, files and limits; it is hung up when this command
ends. On an interface the command runs on this host, with its files and as you, in the network namespace of the interface: what it
sends obeys security groups, ACLs and routes, and names are those of its VPC: /etc/resolv.conf is the interface's. The interface becomes live and stays so
until `yakumo unplug`. One more interface of an instance that runs is a link beside the first one: what is to leave by it is
bound to its address. `internet` is where the
cloud's public addresses are reached: as root this host itself, else a network of the cloud's own. Where the cloud runs without root,
the command sees itself as root, and has your files. The exit code is the command's.";

/// Options of `yakumo exec`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// The instance, i-…, the network interface, eni-…, or `internet`
    #[arg(value_name = "ID")]
    id: String,
    /// As whom, in an instance [default: root]
    #[arg(long, short, value_name = "NAME")]
    user: Option<String>,
    /// A variable for the command, in an instance
    #[arg(long, short, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// What to run, after `--`
    #[arg(required = true, last = true, value_name = "COMMAND")]
    command: Vec<String>,
    #[command(flatten)]
    cloud: CloudOptions,
}

/// Runs the command where the id says.
pub fn run(options: &Options) -> Result<(), Failure> {
    if options.id.starts_with("i-") {
        return inside::run(options);
    }
    if options.user.is_some() || !options.env.is_empty() {
        return Err(Failure::usage(
            "--user and --env are for instances: on an interface the command runs as you",
        ));
    }
    if options.id == INTERNET {
        in_the_internet(options)?
    } else {
        on_interface(options)?
    }
    let Some((program, arguments)) = options.command.split_first() else {
        return Err(Failure::usage("there is nothing to run"));
    };
    // On success this process is the command.
    let error = Command::new(program).args(arguments).exec();
    Err(Failure::new(Exit::Failed, format!("{program} cannot be run: {error}")))
}

/// Moves to where public addresses of the cloud are reached.
fn in_the_internet(options: &Options) -> Result<(), Failure> {
    let internet: InternetAnswer =
        wait(async { Client::find(&options.cloud)?.post("/_yakumo/network/internet", &json!({})).await })?;
    internet.holder.map_or(Ok(()), |holder| join(holder, None))
}

/// Moves to the namespaces of a cloud that runs without root.
#[cfg(target_os = "linux")]
fn join(holder: u32, network: Option<&str>) -> Result<(), Failure> {
    yakumo_machine::apart::join(holder, network).map_err(|error| {
        Failure::new(Exit::Failed, error.to_string())
            .advise("run it as the user of the cloud, on the machine of the cloud")
    })
}

#[cfg(not(target_os = "linux"))]
fn join(_: u32, _: Option<&str>) -> Result<(), Failure> {
    Err(Failure::new(Exit::Failed, "networks are made of Linux's namespaces"))
}

/// Makes the interface live and enters its namespace.
fn on_interface(options: &Options) -> Result<(), Failure> {
    let id = &options.id;
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(Failure::usage(format!("`{id}` is no instance and no network interface"))
            .advise("yakumo exec i-… -- COMMAND"));
    }
    let live: LiveAnswer = wait(async {
        let client = Client::find(&options.cloud)?;
        client.post(&format!("/_yakumo/network/interfaces/{id}/live"), &json!({})).await
    })?;
    match live.holder {
        Some(holder) => join(holder, Some(&live.namespace))?,
        None => yakumo_net::engine::enter(&live.namespace).map_err(|error| {
            Failure::new(Exit::Failed, format!("{} cannot be entered: {error}", live.namespace))
                .advise("run it as root on the machine of the cloud")
        })?,
    }
    if !matches!(live.link.as_str(), "" | FIRST_LINK) {
        let own: Vec<String> = live.addresses.iter().map(ToString::to_string).collect();
        let text = format!("note: {id} is {} here; packets from {} leave by it", live.link, own.join(", "));
        let _ = Terminal::stderr().line(&text);
    }
    // Without it names are looked up as the host does, which is worth a warning and no failure.
    if let Err(error) = yakumo_machine::cover_file(Path::new(RESOLV_CONF), &live.resolv_conf) {
        let _ = Terminal::stderr().line(&format!("warning: names are not those of the VPC: {error}"));
    }
    Ok(())
}
