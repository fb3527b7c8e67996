//! `yakumo map`: a VPC drawn from what is, as text or as SVG.
//!
//! Invariant: drawing is a pure function of the topology, and the order is fixed: two maps differ where the networks do.

#[cfg(test)]
#[path = "../../../net/tests/it/sample.rs"]
#[allow(dead_code, reason = "tests elsewhere use the rest")]
mod sample;
mod shapes;
mod svg;
#[cfg(test)]
mod tests;
mod text;
mod view;
mod words;

use crate::arguments::{CloudOptions, Output};
use crate::client::Client;
use crate::failure::{Exit, Failure};
use crate::terminal::{Terminal, printable};
use clap::{Args, ValueEnum};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::path::PathBuf;
use view::View;
use yakumo_net::Topology;

const EXAMPLES: &str = "\
Examples:
  yakumo map                                     every VPC of the cloud, as text
  yakumo map vpc-0a1b2c                          one
  yakumo map vpc-0a1b2c --file vpc.svg           a picture for a design document
  yakumo map vpc-0a1b2c --output json            the data it is drawn from

Subnets are public (their default route leads to an internet gateway), private (it leads elsewhere) or isolated
(there is none). The order is fixed, so that two maps can be compared.";

/// Options of `yakumo map`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// The VPC (vpc-…) [default: all of the cloud]
    vpc: Option<String>,
    /// How to draw [default: svg for a --file that ends in .svg, else text]
    #[arg(long, value_name = "FORM")]
    output: Option<Form>,
    /// Write to this file, which is replaced
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// The cloud to talk to [default: the running cloud of this user, else http://127.0.0.1:4566]
    #[arg(long, env = "YAKUMO_ENDPOINT", value_name = "URL", help_heading = "Cloud")]
    endpoint: Option<String>,
}

/// The form of a map.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// For a terminal.
    #[value(alias = "table")]
    Text,
    /// A picture.
    Svg,
    /// The topology.
    Json,
}

/// Asks, draws, and shows or writes.
pub async fn run(options: Options) -> Result<(), Failure> {
    let form = form(&options);
    let client = Client::find(&CloudOptions { endpoint: options.endpoint, output: Output::Table })?;
    let query =
        options.vpc.as_ref().map(|vpc| format!("?vpc={}", utf8_percent_encode(vpc, NON_ALPHANUMERIC)));
    let path = format!("/_yakumo/network/topology{}", query.unwrap_or_default());
    let topology: Topology = client.get(&path).await?;
    let vpcs = match options.vpc {
        Some(vpc) => vec![vpc],
        None => topology.vpcs.keys().cloned().collect(),
    };
    let parts: Vec<Topology> = vpcs.iter().filter_map(|vpc| topology.around(vpc)).collect();
    let views: Vec<View<'_>> =
        vpcs.iter().zip(&parts).map(|(vpc, part)| View { vpc, topology: part }).collect();
    let mut out = Terminal::stdout();
    if let Some(file) = &options.file {
        let drawn = match form {
            Form::Text => text::draw(&views).into_iter().map(|(_, line)| printable(&line) + "\n").collect(),
            Form::Svg => svg::draw(&views),
            Form::Json => serde_json::to_string_pretty(&topology).map_err(std::io::Error::from)? + "\n",
        };
        return std::fs::write(file, drawn).map_err(|error| {
            Failure::new(Exit::Failed, format!("cannot write {}: {error}", file.display()))
        });
    }
    match form {
        Form::Text => {
            for (paint, line) in text::draw(&views) {
                out.line(&out.paint(paint, &printable(&line)))?;
            }
        }
        Form::Svg => out.line(svg::draw(&views).trim_end())?,
        Form::Json => out.json(&topology)?,
    }
    Ok(())
}

fn form(options: &Options) -> Form {
    let is_picture = |file: &PathBuf| file.extension().is_some_and(|end| end.eq_ignore_ascii_case("svg"));
    let by_name = if options.file.as_ref().is_some_and(is_picture) { Form::Svg } else { Form::Text };
    options.output.unwrap_or(by_name)
}
