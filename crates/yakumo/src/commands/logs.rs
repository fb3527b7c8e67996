//! `yakumo logs`: the console of an instance.

use crate::arguments::CloudOptions;
use crate::client::Client;
use crate::commands::instance;
use crate::failure::Failure;
use clap::Args;
use std::io::Write;
use std::time::Duration;
use yakumo_cloud::control::ConsoleText;

const EXAMPLES: &str = "\
Examples:
  yakumo logs i-0a1b2c              the last 64 KiB of its console
  yakumo logs i-0a1b2c --follow     and what comes, until it ends or Ctrl-C

What user data writes is also in /var/log/cloud-init-output.log inside.";

/// How often a console is looked at.
const EVERY: Duration = Duration::from_millis(250);

/// Options of `yakumo logs`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// The instance: i-…
    #[arg(value_name = "INSTANCE")]
    id: String,
    /// Go on with what is written from now on
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    cloud: CloudOptions,
}

/// Asks and shows, again and again.
pub async fn run(options: Options) -> Result<(), Failure> {
    let client = Client::find(&options.cloud)?;
    let id = instance(&options.id)?;
    let mut next = String::new();
    loop {
        let console: ConsoleText =
            client.get(&format!("/_yakumo/instances/{id}/console?after={next}")).await?;
        let is_new = !console.text.is_empty();
        let mut out = std::io::stdout().lock();
        out.write_all(plain(&console.text).as_bytes())?;
        out.flush()?;
        let is_over = ["stopped", "terminated"].contains(&console.state.as_str());
        if !options.follow || is_over && !is_new {
            return Ok(());
        }
        next = console.next;
        if !is_new {
            tokio::time::sleep(EVERY).await;
        }
    }
}

/// Without what would rule the terminal of who reads.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect()
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_console_does_not_rule_a_terminal() {
        assert_eq!(plain("a\x1b[2J\tb\r\n"), "a[2J\tb\n");
    }
}
