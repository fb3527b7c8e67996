//! What can be said on the command line. The help texts are the manual: each command shows an example.

use crate::commands::{
    can, clock, completions, down, env, exec, fsck, logs, map, ps, requests, reset, services, snapshot, ssh,
    status, trace, unplug, up, why,
};
use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Yellow.on_default().bold())
    .usage(AnsiColor::Yellow.on_default().bold())
    .literal(AnsiColor::Green.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// A whole AWS region on this machine, with the locks on
#[derive(Parser, Debug)]
#[command(name = "yakumo", version, styles = STYLES, max_term_width = 100, after_help = EXAMPLES)]
pub struct Arguments {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
A first minute:
  yakumo up                                        start a cloud (in another terminal, or with &)
  eval \"$(yakumo env)\"                             point the AWS CLI and every SDK at it
  aws sqs create-queue --queue-name jobs           use it
  yakumo requests                                  see who asked for what, and what was denied
  yakumo why                                       see why the last one was denied, and what would allow it
  yakumo can user/amy sqs:SendMessage ARN          ask before somebody does it

Exit codes: 0 fine, 1 failed (can: denied), 2 bad arguments, 3 port or address not free, 4 data directory in use,
5 data directory unusable, 6 written by a newer yakumo, 7 no yakumo answers, 8 the cloud refused.";

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Start a cloud and stay with it until Ctrl-C
    Up(up::Options),
    /// Stop a cloud; remove what it left on this host
    Down(down::Options),
    /// Show what runs: endpoint, data, clock, services
    Status(status::Options),
    /// Print the settings that point AWS tools at the cloud, for your shell to evaluate
    Env(env::Options),
    /// Remove everything in the cloud
    Reset(reset::Options),
    /// Check that records and bodies agree, and remove what belongs to nothing
    Fsck(fsck::Options),
    /// Keep the whole cloud under a name, go back to it, or fork it
    Snapshot(snapshot::Options),
    /// Look at the cloud's clock, and move it
    Clock(clock::Options),
    /// List the last requests: who, what, allowed or denied, how long
    Requests(requests::Options),
    /// Explain a decision: the policy statements that allowed or denied a request
    Why(why::Options),
    /// Ask what a principal may do, before anybody does it
    Can(can::Options),
    /// Follow a packet through the VPCs: which rule lets it pass, or stops it
    Trace(trace::Options),
    /// Draw a VPC as it is: text, or SVG for a design document
    Map(map::Options),
    /// Run a command inside an instance, or on a network interface
    Exec(exec::Options),
    /// Let a network interface rest that `exec` made live
    Unplug(unplug::Options),
    /// List the instances of all accounts and regions
    Ps(ps::Options),
    /// Show the console of an instance
    Logs(logs::Options),
    /// Log in to an instance with the OpenSSH client
    Ssh(ssh::Options),
    /// List services and operations: what is real, what answers 501
    Services(services::Options),
    /// Print the completion script of a shell
    Completions(completions::Options),
}

/// Options of every command that talks to a running cloud.
#[derive(Args, Clone, Debug)]
pub struct CloudOptions {
    /// The cloud to talk to [default: the running cloud of this user, else http://127.0.0.1:4566]
    #[arg(long, env = "YAKUMO_ENDPOINT", value_name = "URL", global = true, help_heading = "Cloud")]
    pub endpoint: Option<String>,
    /// How to answer: a table for people, JSON for programs
    #[arg(long, env = "YAKUMO_OUTPUT", default_value = "table", global = true, help_heading = "Cloud")]
    pub output: Output,
}

/// The form of an answer.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    /// Columns, and colours on a terminal.
    Table,
    /// The control API's JSON.
    Json,
}

impl Arguments {
    /// Reads the command line and the environment; ends the process with help or with an error about them. The
    /// matches tell where a value came from.
    pub fn from_command_line() -> (Arguments, ArgMatches) {
        let matches = Arguments::command().get_matches();
        match Arguments::from_arg_matches(&matches) {
            Ok(arguments) => (arguments, matches),
            Err(error) => error.format(&mut Arguments::command()).exit(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound_and_every_command_shows_an_example() {
        let mut root = Arguments::command();
        root.build();
        root.clone().debug_assert();
        for command in root.get_subcommands().filter(|command| command.get_name() != "help") {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let example = format!("  yakumo {}", command.get_name());
            assert!(help.contains(&example), "{} shows no example", command.get_name());
        }
    }
}
