//! `yakumo completions`: the completion script of a shell.

use crate::arguments::Arguments;
use crate::failure::Failure;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use std::io::Write;

const EXAMPLES: &str = "\
Examples:
  yakumo completions bash > ~/.local/share/bash-completion/completions/yakumo
  yakumo completions zsh > ~/.zfunc/_yakumo        (with ~/.zfunc in $fpath)
  yakumo completions fish > ~/.config/fish/completions/yakumo.fish";

/// Options of `yakumo completions`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub fn run(options: &Options) -> Result<(), Failure> {
    // Written at once: clap_complete panics on a pipe that was closed.
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Arguments::command(), "yakumo", &mut script);
    Ok(std::io::stdout().write_all(&script)?)
}
