//! `yakumo clock`: the cloud's present, and ways to move it.

use crate::arguments::{CloudOptions, Output};
use crate::client::Client;
use crate::commands::status;
use crate::failure::Failure;
use crate::moment::{parse_duration, parse_rate, parse_time};
use crate::terminal::Terminal;
use clap::{Args, Subcommand};
use std::time::Duration;
use yakumo_cloud::control::{ClockAnswer, ClockChange};

const EXAMPLES: &str = "\
Examples:
  yakumo clock                               what time it is in the cloud
  yakumo clock advance 12h                   let visibility timeouts, sessions and retention run out
  yakumo clock set 2027-01-31T12:00:00Z      jump to a moment
  yakumo clock rate x60                      a minute in each second
  yakumo clock freeze                        stand still; `yakumo clock resume` runs in real time again

Deadlines in the cloud follow this clock: visibility, delays, retention, sessions. It only moves forward.
Signatures and long polls keep the host's time, so clients need not know.";

/// Options of `yakumo clock`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    cloud: CloudOptions,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Show the cloud's time (the default)
    Now,
    /// Jump forward by a duration: 90s, 15m, 2h, 1d12h
    Advance {
        /// How far
        #[arg(value_parser = parse_duration)]
        by: Duration,
    },
    /// Jump forward to a point in time, RFC 3339
    Set {
        /// When
        #[arg(value_parser = parse_time)]
        to: time::OffsetDateTime,
    },
    /// Run so many times as fast as the host's clock: x60, x0.5
    Rate {
        /// How fast
        #[arg(value_parser = parse_rate)]
        rate: f64,
    },
    /// Stand still
    Freeze,
    /// Run in real time again, from where the clock stands
    Resume,
}

impl Action {
    fn change(&self) -> Option<ClockChange> {
        Some(match self {
            Action::Now => return None,
            Action::Advance { by } => ClockChange::AdvanceS(by.as_secs_f64()),
            Action::Set { to } => {
                ClockChange::Set(to.format(&time::format_description::well_known::Rfc3339).ok()?)
            }
            Action::Rate { rate } => ClockChange::Rate(*rate),
            Action::Freeze => ClockChange::Rate(0.0),
            Action::Resume => ClockChange::Rate(1.0),
        })
    }
}

/// Shows or moves the clock.
pub async fn run(options: Options) -> Result<(), Failure> {
    let client = Client::find(&options.cloud)?;
    let clock: ClockAnswer = match options.action.as_ref().and_then(Action::change) {
        None => client.get("/_yakumo/clock").await?,
        Some(change) => client.post("/_yakumo/clock", &change).await?,
    };
    let mut out = Terminal::stdout();
    match options.cloud.output {
        Output::Json => out.json(&clock),
        Output::Table => Ok(out.line(&status::clock(&clock))?),
    }
}
