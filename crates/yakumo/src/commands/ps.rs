//! `yakumo ps`: the instances of all accounts and regions.

use crate::arguments::{CloudOptions, Output};
use crate::client::Client;
use crate::failure::Failure;
use crate::table::{Cell, Table};
use crate::terminal::{Paint, Terminal};
use clap::Args;
use yakumo_cloud::control::InstanceRow;

const EXAMPLES: &str = "\
Examples:
  yakumo ps                 all instances that are not terminated
  yakumo ps --all           those that are only remembered as well
  yakumo ps --json          for programs";

/// Options of `yakumo ps`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// Terminated ones as well
    #[arg(long, short)]
    all: bool,
    /// Answer in JSON, as `--output json`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    cloud: CloudOptions,
}

/// Asks and shows.
pub async fn run(options: Options) -> Result<(), Failure> {
    let client = Client::find(&options.cloud)?;
    let mut rows: Vec<InstanceRow> = client.get("/_yakumo/instances").await?;
    rows.retain(|row| options.all || row.line.state != "terminated");
    let mut out = Terminal::stdout();
    if options.json || options.cloud.output == Output::Json {
        return out.json(&rows);
    }
    let headings = [
        "INSTANCE", "NAME", "ACCOUNT", "REGION", "STATE", "TYPE", "PRIVATE", "PUBLIC", "MEMORY", "CPU", "AGE",
    ];
    let mut table = Table::new(&headings);
    for row in &rows {
        let line = &row.line;
        let text = |text: &Option<String>| Cell::plain(text.as_deref().unwrap_or("-"));
        let paint = match line.state.as_str() {
            "running" => Paint::Good,
            "stopped" | "terminated" => Paint::Dim,
            _ => Paint::Warn,
        };
        let memory = row.usage.map(|usage| format!("{} MiB", usage.memory_bytes >> 20));
        let cpu = row
            .usage
            .map(|usage| format!("{}.{:01} s", usage.cpu_us / 1_000_000, usage.cpu_us / 100_000 % 10));
        table.row(vec![
            Cell::new(&line.id, Paint::Strong),
            text(&line.name),
            Cell::plain(&line.account),
            Cell::plain(&line.region),
            Cell::new(&line.state, paint),
            Cell::plain(&line.kind),
            text(&line.private_address),
            text(&line.public_address),
            text(&memory),
            text(&cpu),
            Cell::plain(age(row.age_s)),
        ]);
    }
    Ok(table.write(&mut out)?)
}

/// In the largest unit of which there is one.
fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{} s", seconds.max(0)),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn ages_have_one_unit() {
        for (seconds, text) in [(-5, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (200_000, "2 d")] {
            assert_eq!(age(seconds), text);
        }
    }
}
