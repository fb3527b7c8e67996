//! Room shape: the files that every room has, and one handler for each operation, named as the operation.

use super::Findings;
use crate::rooms::{self, Room};
use crate::source::{has_word, snake};
use crate::workspace::Workspace;
use anyhow::Result;

const FILES: &[&str] = &["README.md", "src/lib.rs", "src/error.rs", "src/state.rs"];

/// Finds rooms without one of the files, without tests, or with an API that has no list of operations.
pub fn check(workspace: &Workspace) -> Result<Findings> {
    let mut found = Vec::new();
    for room in rooms::all(workspace)? {
        let folder = format!("services/{}", room.name);
        for file in FILES {
            // A module may be a file or a folder.
            let as_folder = file.trim_end_matches(".rs").to_owned() + "/mod.rs";
            if !workspace.path(format!("{folder}/{file}")).exists()
                && !workspace.path(format!("{folder}/{as_folder}")).exists()
            {
                found.push(format!("{folder} has no {file}"));
            }
        }
        if !workspace.path(format!("{folder}/tests")).is_dir() {
            found.push(format!("{folder} has no tests/"));
        }
        for api in &room.apis {
            if !workspace.path(format!("apis/{}/operations.txt", api.name)).exists() {
                found.push(format!("apis/{} has no operations.txt", api.name));
            }
        }
    }
    Ok(found)
}

/// Finds operations that are registered but not listed, listed but not registered, or handled under another name.
pub fn handlers(workspace: &Workspace) -> Result<Findings> {
    Ok(rooms::all(workspace)?.iter().flat_map(room_findings).collect())
}

fn room_findings(room: &Room) -> Findings {
    let (mut found, code) = (Vec::new(), room.code());
    for row in &room.rows {
        let wanted = snake(&row.operation);
        // Two APIs of a room may have an operation of one name: S3 and S3 Control do.
        let rows = room.rows.iter().filter(|other| other.operation == row.operation).count();
        if row.handler != wanted {
            found.push(format!(
                "{}: {} is handled by `{}`, not by `{wanted}`",
                row.file, row.operation, row.handler
            ));
        } else if has_count(&code, &wanted) != rows {
            let count = has_count(&code, &wanted);
            found.push(format!(
                "services/{}: there are {count} functions `async fn {wanted}`, not {rows}",
                room.name
            ));
        }
        if room.api_of(&row.operation).is_none() {
            found.push(format!("{}: {} is in no operations.txt of the room's APIs", row.file, row.operation));
        }
    }
    for api in &room.apis {
        let unregistered =
            api.listed.iter().filter(|listed| !room.rows.iter().any(|row| row.operation == **listed));
        found.extend(
            unregistered.map(|name| {
                format!("apis/{}/operations.txt lists {name}, which no room registers", api.name)
            }),
        );
    }
    found
}

/// How many functions of this name there are.
fn has_count(code: &str, function: &str) -> usize {
    code.match_indices("async fn ")
        .filter(|(at, word)| {
            let rest = code[at + word.len()..].split(['(', '<']).next().unwrap_or_default();
            rest.trim() == function && has_word(rest, function)
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::room_findings;
    use crate::rooms::{Api, Room, Row};

    fn check(rows: &[(&str, &str)], listed: &[&str], source: &str, wrong: &[&str]) {
        let row = |(operation, handler): &(&str, &str)| Row {
            operation: (*operation).to_owned(),
            handler: (*handler).to_owned(),
            file: "lib.rs".to_owned(),
        };
        let listed = listed.iter().map(|name| (*name).to_owned()).collect();
        let room = Room {
            name: "x".to_owned(),
            apis: vec![Api { name: "x".to_owned(), listed }],
            rows: rows.iter().map(row).collect(),
            sources: vec![("lib.rs".to_owned(), source.to_owned())],
        };
        assert_eq!(room_findings(&room), wrong);
    }

    #[test]
    fn one_handler_of_the_operations_name() {
        let source = "pub async fn get_lamp(ctx: Ctx) {} // async fn get_lamp()";
        check(&[("GetLamp", "get_lamp")], &["GetLamp"], source, &[]);
        check(
            &[("GetLamp", "lamp")],
            &["GetLamp"],
            source,
            &["lib.rs: GetLamp is handled by `lamp`, not by `get_lamp`"],
        );
        let none = "services/x: there are 0 functions `async fn get_lamp`, not 1";
        check(&[("GetLamp", "get_lamp")], &["GetLamp"], "async fn get_lamps() {}", &[none]);
    }

    #[test]
    fn listed_is_registered() {
        let source = "async fn get_lamp() {}";
        check(
            &[("GetLamp", "get_lamp")],
            &[],
            source,
            &["lib.rs: GetLamp is in no operations.txt of the room's APIs"],
        );
        check(&[], &["GetLamp"], source, &["apis/x/operations.txt lists GetLamp, which no room registers"]);
    }
}
