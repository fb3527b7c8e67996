//! `yakumo status`: what runs.

use crate::arguments::{CloudOptions, Output};
use crate::client::Client;
use crate::failure::Failure;
use crate::moment;
use crate::table::{Cell, Table};
use crate::terminal::{Paint, Terminal};
use clap::Args;
use std::time::Duration;
use yakumo_cloud::control::{ClockAnswer, Status};

const EXAMPLES: &str = "\
Examples:
  yakumo status
  yakumo status --output json | jq .clock.now";

/// Options of `yakumo status`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    #[command(flatten)]
    cloud: CloudOptions,
}

/// Shows the status.
pub async fn run(options: Options) -> Result<(), Failure> {
    let client = Client::find(&options.cloud)?;
    let status: Status = client.get("/_yakumo/status").await?;
    let mut out = Terminal::stdout();
    if options.cloud.output == Output::Json {
        return out.json(&status);
    }
    Ok(table(&status).write(&mut out)?)
}

fn table(status: &Status) -> Table {
    let mut table = Table::facts();
    let paint = if status.status == "ready" { Paint::Good } else { Paint::Warn };
    let uptime = moment::spoken(Duration::from_secs(status.uptime_s));
    table.row(vec![
        Cell::new("status", Paint::Dim),
        Cell::new(format!("{} for {uptime}, process {}", status.status, status.pid), paint),
    ]);
    table.fact("endpoint", &status.endpoint);
    table.fact("cloud", format!("{} (yakumo {})", status.cloud, status.version));
    table.fact("store", format!("{}, durability {}", status.store, status.durability));
    if let Some(bucket) = &status.bodies {
        table.fact("bodies", bucket);
    }
    if let Some(directory) = &status.data_dir {
        table.fact("data", directory.to_string_lossy());
    }
    if let Some(seed) = status.seed {
        table.fact("seed", format!("{seed}: ids repeat, secrets too"));
    }
    table.fact("clock", clock(&status.clock));
    table.fact("requests", status.requests.to_string());
    for room in &status.services {
        table.fact("service", format!("{}, {} operations", room.name, room.real));
    }
    for text in &status.unavailable {
        table.row(vec![Cell::new("not here", Paint::Dim), Cell::new(text, Paint::Warn)]);
    }
    table
}

/// A clock in a line: its present, and how it differs from the host's.
pub fn clock(clock: &ClockAnswer) -> String {
    let ahead = Duration::from_millis(clock.ahead_ms.unsigned_abs());
    let against = match clock.ahead_ms {
        -999..=999 => "as the host's".to_owned(),
        ahead_ms if ahead_ms > 0 => format!("{} ahead of the host", moment::spoken(ahead)),
        _ => format!("{} behind the host", moment::spoken(ahead)),
    };
    let rate = match clock.rate {
        0.0 => ", frozen".to_owned(),
        1.0 => String::new(),
        rate => format!(", runs x{rate}"),
    };
    format!("{} ({against}{rate})", clock.now)
}

#[cfg(test)]
mod tests {
    use super::clock;
    use yakumo_cloud::control::ClockAnswer;

    #[test]
    fn a_clock_says_how_it_differs() {
        let line = |rate, ahead_ms| clock(&ClockAnswer { now: "N".into(), host: "H".into(), rate, ahead_ms });
        assert_eq!(line(1.0, 3), "N (as the host's)");
        assert_eq!(line(0.0, 7_200_000), "N (2 h 0 min ahead of the host, frozen)");
        assert_eq!(line(60.0, -5_000), "N (5 s behind the host, runs x60)");
    }
}
