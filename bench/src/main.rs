//! `yakumo-bench`: bare servers that move the bytes of SQS and S3 and do nothing else, and load generators that send
//! requests signed in advance. `bench/run.py` drives them. None knows anything of yakumo's insides.

mod bare;
mod connection;
mod files;
mod load;
mod measure;
mod objects;
mod process;
mod request;
mod signer;

use clap::{Parser, Subcommand};

/// Measures a server that speaks SQS or S3.
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
    /// The limit for objects: hyper again, which writes bodies to files with S3's digests, reads files, and checks nothing.
    Files(files::Options),
    /// As `load`, for S3: one phase of PUT, GET, lists, deletes or one upload in parts.
    Objects(Box<objects::Options>),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Bare(options) => bare::run(&options),
        Command::Load(options) => load::run(&options),
        Command::Files(options) => files::run(&options),
        Command::Objects(options) => objects::run(&options),
    }
}
