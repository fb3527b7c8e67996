//! `yakumo ssh`: the OpenSSH client with an instance's address and user.

use crate::arguments::CloudOptions;
use crate::client::Client;
use crate::commands::{instance, wait};
use crate::failure::{Exit, Failure};
use clap::Args;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use yakumo_cloud::control::InstanceRow;

const EXAMPLES: &str = "\
Examples:
  yakumo ssh -i key.pem i-0a1b2c                    log in as the image's user, at the public address
  yakumo ssh -i key.pem i-0a1b2c -- uptime          run a command
  yakumo ssh -i key.pem i-0a1b2c --user ann         as somebody else

Security groups and routes act as for anybody: port 22 must be open to this host. Host keys of instances come and go,
so they are neither asked for nor kept. `yakumo exec` needs no key and no network.";

/// Options of `yakumo ssh`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// The instance: i-…
    #[arg(value_name = "INSTANCE")]
    id: String,
    /// The private key of its key pair
    #[arg(short, long, value_name = "FILE")]
    identity: PathBuf,
    /// As whom [default: ec2-user, admin or ubuntu, as the image has it]
    #[arg(short, long, value_name = "NAME")]
    user: Option<String>,
    /// What to run, after `--`
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
    #[command(flatten)]
    cloud: CloudOptions,
}

/// Finds the address and becomes the client.
pub fn run(options: &Options) -> Result<(), Failure> {
    let id = instance(&options.id)?;
    let row: InstanceRow =
        wait(async { Client::find(&options.cloud)?.get(&format!("/_yakumo/instances/{id}")).await })?;
    if row.line.state != "running" {
        return Err(Failure::new(
            Exit::Refused,
            format!("{} does not run: it is {}", options.id, row.line.state),
        ));
    }
    let address = row.line.public_address.ok_or_else(|| {
        Failure::new(Exit::Refused, format!("{} has no public address", options.id))
            .advise("an Elastic IP, or `yakumo exec`, which needs none")
    })?;
    if !options.identity.is_file() {
        return Err(Failure::usage(format!("there is no key at {}", options.identity.display())));
    }
    let user = options.user.as_deref().unwrap_or(&row.line.user);
    let mut ssh = Command::new("ssh");
    ssh.arg("-i").arg(&options.identity);
    for option in [
        "IdentitiesOnly=yes",
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "LogLevel=ERROR",
        "ConnectTimeout=10",
    ] {
        ssh.args(["-o", option]);
    }
    ssh.arg("-l").arg(user).arg("--").arg(address).args(&options.command);
    // On success this process is the client.
    let error = ssh.exec();
    Err(Failure::new(Exit::Failed, format!("ssh cannot be run: {error}"))
        .advise("install the OpenSSH client"))
}
