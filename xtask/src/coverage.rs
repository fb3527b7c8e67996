//! `coverage`: the table of operations in a room's README, made from the room's table and its model.

use crate::api::Model;
use crate::rooms::{self, Room};
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::fmt::Write;

/// The generated part of a README begins behind this line …
pub const BEGIN: &str = "<!-- operations:begin -->";
/// … and ends before this one.
pub const END: &str = "<!-- operations:end -->";
const WIDTH: usize = 118;

/// How `coverage` is called.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Write nothing; fail when a table is out of date.
    #[arg(long)]
    pub check: bool,
}

/// Writes all tables, or checks them.
pub fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let stale = stale(workspace)?;
    for (file, fresh) in &stale {
        if options.check {
            println!("{file} is out of date");
        } else {
            std::fs::write(workspace.path(file), fresh).with_context(|| format!("cannot write {file}"))?;
            println!("{file} written");
        }
    }
    Ok(!options.check || stale.is_empty())
}

/// The READMEs whose table is not what it should be, with the text that they should have.
pub fn stale(workspace: &Workspace) -> Result<Vec<(String, String)>> {
    let mut stale = Vec::new();
    for room in rooms::all(workspace)? {
        let file = format!("services/{}/README.md", room.name);
        let Ok(text) = workspace.read(&file) else { continue };
        let tables =
            room.apis.iter().map(|api| Ok(table(&Model::load(workspace, &api.name)?, &room, &api.listed)));
        let tables = tables.collect::<Result<Vec<_>>>()?.join("\n");
        match replaced(&text, &tables) {
            Some(fresh) if fresh != text => stale.push((file, fresh)),
            Some(_) => {}
            None => {
                stale.push((file, format!("{}\n\n## Operations\n{BEGIN}\n{tables}{END}\n", text.trim_end())))
            }
        }
    }
    Ok(stale)
}

/// What one API of a room can do: real, or 501. Two APIs of a room may have operations of one name (S3 and S3 Control
/// do), so that only those count that are `listed` for this one.
pub fn table(model: &Model, room: &Room, listed: &[String]) -> String {
    let is_real = |operation: &&String| {
        listed.contains(operation) && room.rows.iter().any(|row| row.operation == **operation)
    };
    let (real, absent): (Vec<&String>, Vec<&String>) = model.operations.iter().partition(is_real);
    let mut out =
        format!("**{}**: {} of {} operations are real.\n", model.id, real.len(), model.operations.len());
    for (title, names) in [("Real", real), ("501 `NotImplemented`", absent)] {
        if !names.is_empty() {
            let _ = write!(out, "\n{title}:\n{}", wrapped(&names));
        }
    }
    out
}

fn wrapped(names: &[&String]) -> String {
    let (mut out, mut line) = (String::new(), String::new());
    for (at, name) in names.iter().enumerate() {
        let end = if at + 1 == names.len() { "." } else { "," };
        if !line.is_empty() && line.len() + name.len() + 4 > WIDTH {
            out.push_str(&line);
            out.push('\n');
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(name);
        line.push_str(end);
    }
    format!("{out}{line}\n")
}

fn replaced(text: &str, tables: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{tables}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{replaced, table};
    use crate::api::Model;
    use crate::rooms::{Room, Row};

    #[test]
    fn a_table_tells_real_from_absent() {
        let model = Model::parse("service x\nid X\nop Get POST /\nop Put POST /\n").unwrap();
        let row =
            |name: &str| Row { operation: name.into(), handler: name.to_lowercase(), file: "lib.rs".into() };
        let rows = vec![row("Put"), row("Get")];
        let room = Room { name: "x".into(), apis: Vec::new(), rows, sources: Vec::new() };
        let text = "**X**: 1 of 2 operations are real.\n\nReal:\nPut.\n\n501 `NotImplemented`:\nGet.\n";
        assert_eq!(table(&model, &room, &["Put".to_owned()]), text);
    }

    #[test]
    fn only_the_marked_part_changes() {
        let text = "# X\n<!-- operations:begin -->\nold\n<!-- operations:end -->\nend\n";
        let fresh = "# X\n<!-- operations:begin -->\nnew\n<!-- operations:end -->\nend\n";
        assert_eq!(replaced(text, "new\n").as_deref(), Some(fresh));
        assert_eq!(replaced("no marks", "new"), None);
    }
}
