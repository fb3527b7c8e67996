//! `yakumo services`: what is real, what answers 501.

use crate::arguments::{CloudOptions, Output};
use crate::client::Client;
use crate::failure::Failure;
use crate::table::{Cell, Table};
use crate::terminal::{Paint, Terminal};
use clap::Args;
use yakumo_cloud::control::{ServiceLine, ServiceList};

const EXAMPLES: &str = "\
Examples:
  yakumo services                  all services, with how many of their operations are real
  yakumo services sqs              the operations of one service
  yakumo services --output json

What is not real is never pretended: it answers 501 NotImplemented and names itself.";

/// Options of `yakumo services`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// A service, as the AWS CLI names it
    name: Option<String>,
    #[command(flatten)]
    cloud: CloudOptions,
}

/// Lists services, or the operations of one.
pub async fn run(options: Options) -> Result<(), Failure> {
    let client = Client::find(&options.cloud)?;
    let mut out = Terminal::stdout();
    let json = options.cloud.output == Output::Json;
    match options.name {
        Some(name) => {
            let service: ServiceLine = client.get(&format!("/_yakumo/services/{}", segment(&name)?)).await?;
            if json { out.json(&service) } else { Ok(operations(&service).write(&mut out)?) }
        }
        None => {
            let list: ServiceList = client.get("/_yakumo/services").await?;
            if json { out.json(&list) } else { Ok(services(list).write(&mut out)?) }
        }
    }
}

/// A name that can stand in a path as it is.
pub fn segment(name: &str) -> Result<&str, Failure> {
    let fine = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if fine {
        Ok(name)
    } else {
        Err(Failure::usage(format!("`{name}` cannot be a name: letters, digits, - _ . only")))
    }
}

fn services(mut list: ServiceList) -> Table {
    // Those that are here first.
    list.services.sort_by_key(|service| (service.real == 0, service.name.clone()));
    let mut table = Table::new(&["SERVICE", "REAL", "OF"]);
    for service in &list.services {
        let paint = if service.real > 0 { Paint::Good } else { Paint::Dim };
        table.row(vec![
            Cell::new(&service.name, paint),
            Cell::new(service.real.to_string(), paint),
            Cell::plain(service.total.to_string()),
        ]);
    }
    table
}

fn operations(service: &ServiceLine) -> Table {
    let mut table = Table::new(&["OPERATION", "STATE"]);
    for operation in &service.operations {
        let (state, paint) = if operation.real { ("real", Paint::Good) } else { ("501", Paint::Dim) };
        table.row(vec![Cell::plain(&operation.name), Cell::new(state, paint)]);
    }
    table
}
