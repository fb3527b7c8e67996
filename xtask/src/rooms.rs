//! The rooms as their sources tell: which operations their tables register, and with which handlers.

use crate::api;
use crate::source::{arguments, code, split_tests};
use crate::workspace::{Package, Workspace};
use anyhow::Result;

/// One room in `services/`.
#[derive(Debug)]
pub struct Room {
    /// The folder's name: `sqs`.
    pub name: String,
    /// The APIs it implements, by their folders in `apis/`: `iam` and `sts` for the room `iam`.
    pub apis: Vec<Api>,
    /// The rows of its tables, in the order of the sources.
    pub rows: Vec<Row>,
    /// Its Rust sources, relative to the root, with their text.
    pub sources: Vec<(String, String)>,
}

/// An API that a room implements.
#[derive(Debug)]
pub struct Api {
    /// The folder's name in `apis/`.
    pub name: String,
    /// The operations that are generated as types.
    pub listed: Vec<String>,
}

/// One registered operation.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// `SendMessage`.
    pub operation: String,
    /// The last part of the handler's path: `send_message`.
    pub handler: String,
    /// The file that registers it.
    pub file: String,
}

/// Reads all rooms.
pub fn all(workspace: &Workspace) -> Result<Vec<Room>> {
    let packages = workspace.packages()?;
    let files = workspace.files()?;
    let rooms = packages.iter().filter(|package| package.folder.starts_with("services/"));
    rooms.map(|package| read(workspace, package, &files)).collect()
}

fn read(workspace: &Workspace, package: &Package, files: &[String]) -> Result<Room> {
    let name = package.folder.trim_start_matches("services/").to_owned();
    let folder = format!("{}/src/", package.folder);
    let (mut sources, mut rows, mut tables) = (Vec::new(), Vec::new(), Vec::new());
    for file in files.iter().filter(|file| file.starts_with(&folder) && file.ends_with(".rs")) {
        let text = workspace.read(file)?;
        rows.extend(rows_in(file, &text));
        tables.extend(tables_in(&text));
        sources.push((file.clone(), text));
    }
    let mut apis = Vec::new();
    // A room may use the API of another one to call it; its own are those that it has a table for.
    let used = package.uses.iter().filter_map(|used| used.strip_prefix("yakumo-api-"));
    for used in used.filter(|used| tables.iter().any(|table| table == used)) {
        let listed = if workspace.path(format!("apis/{used}/operations.txt")).exists() {
            api::listed(workspace, used)?
        } else {
            Vec::new()
        };
        apis.push(Api { name: used.to_owned(), listed });
    }
    Ok(Room { name, apis, rows, sources })
}

/// The services that a file makes tables for: `Room::new("sqs")`.
fn tables_in(text: &str) -> Vec<String> {
    let calls = text.split("Room::new(\"").skip(1);
    calls.filter_map(|call| Some(call.split_once('"')?.0.to_owned())).collect()
}

/// The `.on(Operation, access, handler)` calls of one file, tests left out.
pub fn rows_in(file: &str, text: &str) -> Vec<Row> {
    let blank = code(text);
    let (shipped, _) = split_tests(&blank);
    let calls = shipped.match_indices(".on(").map(|(at, call)| arguments(&shipped[at + call.len()..]));
    let last = |path: &str| path.rsplit("::").next().unwrap_or(path).trim().to_owned();
    calls
        .filter_map(|call| match call[..] {
            [operation, _, handler] => {
                Some(Row { operation: last(operation), handler: last(handler), file: file.to_owned() })
            }
            _ => None,
        })
        .filter(|row| row.operation.starts_with(|first: char| first.is_ascii_uppercase()))
        .collect()
}

impl Room {
    /// The API that an operation belongs to.
    pub fn api_of(&self, operation: &str) -> Option<&Api> {
        self.apis.iter().find(|api| api.listed.iter().any(|listed| listed == operation))
    }

    /// The text of the room's sources without comments and literals.
    pub fn code(&self) -> String {
        self.sources.iter().map(|(_, text)| code(text)).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, rows_in};

    #[test]
    fn a_table_is_read_from_its_source() {
        let text = "
            Room::new(\"sqs\")
                // .on(Removed, x, removed)
                .on(api::SendMessage, access::queue(|input: &SendMessageInput| a(b, c)), messages::send_message)
                .on(ListQueues, Access::inside(\"why, not\"), queues::list_queues)
            #[cfg(test)] mod tests { fn f() { r.on(InATest, a, in_a_test) } }";
        let row = |operation: &str, handler: &str| Row {
            operation: operation.to_owned(),
            handler: handler.to_owned(),
            file: "lib.rs".to_owned(),
        };
        assert_eq!(
            rows_in("lib.rs", text),
            [row("SendMessage", "send_message"), row("ListQueues", "list_queues")]
        );
    }
}
