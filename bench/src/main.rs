//! `yakumo-bench`: a bare server that moves SQS's bytes and does nothing else, and a load generator that sends
//! requests signed in advance. `bench/run.py` drives both. Neither knows anything of yakumo's insides.

mod bare;
mod connection;
mod load;
mod measure;
mod process;
mod request;
mod signer;

use clap::{Parser, Subcommand};

/// Measures a server that speaks SQS.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The limit: a hyper HTTP/1.1 server that reads the same requests and answers the same bytes, and checks nothing.
    Bare(bare::Options),
    /// Sends distinct signed requests, prepared before the clock starts, and prints what was measured as JSON.
    Load(Box<load::Options>),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Bare(options) => bare::run(&options),
        Command::Load(options) => load::run(&options),
    }
}
