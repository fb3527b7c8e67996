//! `tidy`: the rules that hold the shape of the project, one file each.
//!
//! A rule takes the workspace and returns what is wrong; sizes are only reported.

mod dependencies;
mod foreign;
mod marks;
mod models;
mod papers;
mod shape;
mod sizes;
mod tested;

use crate::coverage;
use crate::workspace::Workspace;
use anyhow::Result;

/// What a rule found: one line for each thing that is wrong.
pub type Findings = Vec<String>;
/// A rule.
pub type Rule = fn(&Workspace) -> Result<Findings>;

/// All rules that can fail, by name.
pub const RULES: &[(&str, Rule)] = &[
    ("dependencies point one way", dependencies::check),
    ("third-party crates are accounted for", foreign::check),
    ("rooms have one shape", shape::check),
    ("each operation has one handler of its name", shape::handlers),
    ("each operation is tested", tested::check),
    ("papers tell the truth", papers::check),
    ("tables of operations are fresh", fresh_tables),
    ("no marks, no paths of one machine", marks::check),
];

/// Runs all rules and prints what they find; `false` when anything is wrong.
pub fn run(workspace: &Workspace) -> Result<bool> {
    let mut wrong = 0;
    for (name, rule) in RULES {
        let findings = rule(workspace)?;
        println!("{} {name}", if findings.is_empty() { "ok    " } else { "WRONG " });
        for finding in &findings {
            println!("         {finding}");
        }
        wrong += findings.len();
    }
    let models = models::check(workspace)?;
    println!("{models}");
    wrong += usize::from(models.is_wrong());
    for line in sizes::report(workspace)? {
        println!("note   {line}");
    }
    if wrong > 0 {
        println!("{wrong} things are wrong");
    }
    Ok(wrong == 0)
}

fn fresh_tables(workspace: &Workspace) -> Result<Findings> {
    let stale = coverage::stale(workspace)?;
    Ok(stale
        .into_iter()
        .map(|(file, _)| format!("{file} is out of date: run `cargo xtask coverage`"))
        .collect())
}
