//! `yakumo trace`: what happens to a packet, hop by hop.

use crate::arguments::{CloudOptions, Output};
use crate::client::Client;
use crate::failure::{Exit, Failure};
use crate::terminal::{Paint, Terminal, printable};
use clap::Args;
use yakumo_cloud::control::TraceQuestion;
use yakumo_net::trace::{Hop, Trace};

const EXAMPLES: &str = "\
Examples:
  yakumo trace eni-0a1b2c 10.0.2.10:5432         from an interface to an address
  yakumo trace eni-0a1b2c eni-0d4e5f:53/udp      to another interface
  yakumo trace 203.0.113.7 198.18.0.20:443       from the Internet to an Elastic IP
  yakumo trace eni-0a1b2c 10.0.2.10              a ping

Each line is a decision: routes, network ACLs on the way there and back, security groups, translations. The
exit code is 0 when the connection comes about, 1 when something stops it.";

/// Options of `yakumo trace`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// A network interface (eni-…), or an address of the Internet
    #[arg(value_name = "SOURCE")]
    from: String,
    /// ADDRESS:PORT, eni-…:PORT, with /udp for UDP; without a port a ping
    #[arg(value_name = "DESTINATION")]
    to: String,
    /// The sender's port, which network ACLs see in answers [default: 49152]
    #[arg(long, value_name = "PORT")]
    source_port: Option<u16>,
    #[command(flatten)]
    cloud: CloudOptions,
}

/// Asks and shows.
pub async fn run(options: Options) -> Result<(), Failure> {
    let client = Client::find(&options.cloud)?;
    let (destination, protocol, port) = parse(&options.to)?;
    let protocol = protocol.to_owned();
    let question =
        TraceQuestion { source: options.from, destination, protocol, port, source_port: options.source_port };
    let trace: Trace = client.ask("/_yakumo/network/trace", &question).await?;
    let mut out = Terminal::stdout();
    if options.cloud.output == Output::Json {
        out.json(&trace)?;
    } else {
        for line in render(&out, &trace) {
            out.line(&line)?;
        }
    }
    // The answer is shown; an error message would say it twice.
    if trace.answered { Ok(()) } else { Err(Failure::new(Exit::Failed, "")) }
}

/// A destination: address or interface, protocol, port.
fn parse(text: &str) -> Result<(String, &'static str, Option<u16>), Failure> {
    let (rest, protocol) = match text.rsplit_once('/') {
        Some((rest, "udp")) => (rest, "udp"),
        Some((rest, "tcp")) => (rest, "tcp"),
        Some(_) => return Err(wrong(text)),
        None => (text, "tcp"),
    };
    let bare = rest.parse::<std::net::IpAddr>().is_ok() || !rest.contains(':');
    if bare {
        return if protocol == "udp" { Err(wrong(text)) } else { Ok((rest.to_owned(), "icmp", None)) };
    }
    let (host, port) = rest.rsplit_once(':').ok_or_else(|| wrong(text))?;
    let port = port.parse().map_err(|_| wrong(text))?;
    Ok((host.trim_start_matches('[').trim_end_matches(']').to_owned(), protocol, Some(port)))
}

fn wrong(text: &str) -> Failure {
    Failure::usage(format!("`{text}` is no destination"))
        .advise("10.0.2.10:5432, [fd00::1]:80, eni-0a1b2c:53/udp, or an address alone for a ping")
}

fn render(to: &Terminal, trace: &Trace) -> Vec<String> {
    let (word, paint) = if trace.answered { ("yes", Paint::Good) } else { ("NO", Paint::Bad) };
    let verdict = match trace.stopped() {
        None => "there and back".to_owned(),
        Some(hop) if hop.answer => format!("its answer is stopped by {}", hop.at),
        Some(hop) => format!("stopped by {}", hop.at),
    };
    let verdict =
        if trace.answered || trace.stopped().is_some() { verdict } else { "nobody answers".to_owned() };
    let mut lines = vec![format!("{}  {verdict}", to.paint(paint, word))];
    let mut back = false;
    for hop in &trace.hops {
        if hop.answer && !back {
            back = true;
            lines.push(format!("  {}", to.paint(Paint::Dim, "and back")));
        }
        lines.push(line(to, hop));
    }
    lines
}

fn line(to: &Terminal, hop: &Hop) -> String {
    let mark = if hop.passed { to.paint(Paint::Good, "✓") } else { to.paint(Paint::Bad, "✗") };
    let (step, at) = (hop.step.name(), printable(&hop.at));
    format!("  {mark} {step:<23} {at:<24} {}", printable(&hop.why))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn destinations_are_read() {
        let parsed =
            |text: &str| parse(text).ok().map(|(host, protocol, port)| format!("{host} {protocol} {port:?}"));
        for (text, wanted) in [
            ("10.0.0.1:80", "10.0.0.1 tcp Some(80)"),
            ("10.0.0.1:53/udp", "10.0.0.1 udp Some(53)"),
            ("10.0.0.1", "10.0.0.1 icmp None"),
            ("fd00::1", "fd00::1 icmp None"),
            ("[fd00::1]:80/tcp", "fd00::1 tcp Some(80)"),
            ("eni-1:443", "eni-1 tcp Some(443)"),
            ("eni-1", "eni-1 icmp None"),
        ] {
            assert_eq!(parsed(text).as_deref(), Some(wanted), "{text}");
        }
        for text in ["10.0.0.1:80/sctp", "10.0.0.1/udp", "a:b", "a:70000"] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }
}
