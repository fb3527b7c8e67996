//! `yakumo up`: starts a cloud and stays with it.

use crate::failure::Failure;
use crate::serve;
use crate::settings::Settings;
use clap::builder::FalseyValueParser;
use clap::{ArgMatches, Args, ValueEnum};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Instant;
use yakumo_cloud::ClockStart;

const EXAMPLES: &str = "\
Examples:
  yakumo up                                    on port 4566, kept in the user's data directory
  yakumo up --ephemeral --port 0               in memory, on any free port: one per test
  yakumo up --data-dir ./cloud                 kept in a directory of the project
  yakumo up --clock 2027-01-31T12:00:00Z       a cloud that begins at that time
  yakumo up --store postgres://user@host/db    kept in PostgreSQL
  yakumo up --bodies s3://bucket/prefix        large bodies in a bucket (credentials: AWS_ACCESS_KEY_ID, …)

When it is ready, one line on stdout says where: `ready http://127.0.0.1:4566 in 23 ms`. Then the executable
scripts in ready.d of the data directory, and in --ready-dir, run in the order of their names, with the
endpoint and root credentials in their environment. Ctrl-C stops it gracefully; a second one at once.

Access key `test` with secret `test` is the root user of account 000000000000; a 12-digit access key with
secret `test` is the root user of that account. With another --bind than loopback a root key is generated
and printed instead.";

/// Options of `yakumo up`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// The port; 0 takes a free one [default: 4566]
    #[arg(long, short, env = "YAKUMO_PORT")]
    pub port: Option<u16>,
    /// The address to listen on [default: 127.0.0.1]
    #[arg(long, env = "YAKUMO_BIND", value_name = "ADDRESS")]
    pub bind: Option<IpAddr>,
    /// Where the cloud is kept [default: yakumo in the user's data directory]
    #[arg(long, env = "YAKUMO_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Keep nothing: the cloud lives in memory
    #[arg(long, env = "YAKUMO_EPHEMERAL", value_parser = FalseyValueParser::new())]
    pub ephemeral: bool,
    /// Keep the records in PostgreSQL: postgres://user:password@host/database
    #[arg(long, env = "YAKUMO_STORE", value_name = "URL", hide_env_values = true)]
    pub store: Option<String>,
    /// Keep large bodies in a bucket of an object store: s3://BUCKET/PREFIX. A cloud remembers it
    #[arg(long, env = "YAKUMO_BODIES", value_name = "URL")]
    pub bodies: Option<String>,
    /// Where that object store is, when it is not AWS's [default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL]
    #[arg(long, env = "YAKUMO_BODIES_ENDPOINT", value_name = "URL", requires = "bodies")]
    pub bodies_endpoint: Option<String>,
    /// The region of that bucket [default: AWS_REGION, AWS_DEFAULT_REGION, us-east-1]
    #[arg(long, env = "YAKUMO_BODIES_REGION", value_name = "REGION", requires = "bodies")]
    pub bodies_region: Option<String>,
    /// What an acknowledged change survives: the end of the process, or the loss of power too
    #[arg(long, env = "YAKUMO_DURABILITY", default_value = "process")]
    pub durability: DurabilityOption,
    /// When the cloud's clock begins (RFC 3339), or how fast it runs (x60)
    #[arg(long, env = "YAKUMO_CLOCK", value_name = "RFC3339|xN", value_parser = parse_clock)]
    pub clock: Option<ClockStart>,
    /// Make identifiers repeat from run to run; secrets repeat too, so for tests and on loopback only
    #[arg(long, env = "YAKUMO_SEED", value_name = "N")]
    pub seed: Option<u64>,
    /// A directory of executable scripts to run when the cloud is ready
    #[arg(long, env = "YAKUMO_READY_DIR", value_name = "DIR")]
    pub ready_dir: Option<PathBuf>,
    /// What to log on stderr: error, warn, info, debug, trace, or a filter such as yakumo_front=debug
    #[arg(long, env = "YAKUMO_LOG", default_value = "warn", value_name = "LEVEL")]
    pub log: String,
}

/// What an acknowledged change survives.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum DurabilityOption {
    /// The end of the process, kill -9 included
    Process,
    /// The loss of power too
    Fsync,
}

/// Starts a cloud and serves until it is told to stop.
pub fn run(options: &Options, matches: Option<&ArgMatches>, began: Instant) -> Result<(), Failure> {
    let settings = Settings::resolve(options, matches)?;
    serve::run(settings, began)
}

fn parse_clock(text: &str) -> Result<ClockStart, String> {
    if text.starts_with('x') {
        return crate::moment::parse_rate(text).map(ClockStart::Rate);
    }
    let nanos = crate::moment::parse_time(text)?.unix_timestamp_nanos();
    let millis = i64::try_from(nanos.div_euclid(1_000_000)).map_err(|error| error.to_string())?;
    Ok(ClockStart::At(yakumo_aws::Timestamp::from_millis(millis)))
}

#[cfg(test)]
mod tests {
    use super::parse_clock;
    use yakumo_aws::Timestamp;
    use yakumo_cloud::ClockStart;

    #[test]
    fn a_clock_begins_at_a_time_or_runs_at_a_rate() {
        assert_eq!(parse_clock("x60"), Ok(ClockStart::Rate(60.0)));
        let time = Timestamp::from_secs(1_801_396_800);
        assert_eq!(parse_clock("2027-01-31T12:00:00Z"), Ok(ClockStart::At(time)));
        assert!(parse_clock("60").is_err() && parse_clock("xx").is_err() && parse_clock("").is_err());
    }
}
