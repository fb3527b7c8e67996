//! `new-service`: makes a room from its model. It compiles, and its first test fails until an operation is real.
//!
//! Invariant: nothing pretends. The new room registers no operation, so all of them go on answering 501.

mod call;
mod edits;

use crate::api::Model;
use crate::coverage;
use crate::source::snake;
use crate::workspace::{Workspace, cargo};
use anyhow::{Context, Result, bail, ensure};

/// How `new-service` is called.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The service's name in `models/`: `sns` for `models/sns.api`.
    pub name: String,
}

/// Every file of a new room: its path and its template.
const FILES: &[(&str, &str)] = &[
    ("apis/{name}/Cargo.toml", include_str!("templates/api.toml.in")),
    ("apis/{name}/build.rs", include_str!("templates/api_build.rs.in")),
    ("apis/{name}/operations.txt", include_str!("templates/api_operations.txt.in")),
    ("apis/{name}/src/lib.rs", include_str!("templates/api_lib.rs.in")),
    ("services/{name}/Cargo.toml", include_str!("templates/room.toml.in")),
    ("services/{name}/README.md", include_str!("templates/room_readme.md.in")),
    ("services/{name}/src/lib.rs", include_str!("templates/room_lib.rs.in")),
    ("services/{name}/src/error.rs", include_str!("templates/room_error.rs.in")),
    ("services/{name}/src/state.rs", include_str!("templates/room_state.rs.in")),
    ("services/{name}/tests/it.rs", include_str!("templates/room_tests.rs.in")),
];

/// Makes the room, writes its table of operations, and says what comes next.
pub fn run(workspace: &Workspace, options: &Options) -> Result<bool> {
    let operation = generate(workspace, &options.name)?;
    coverage::run(workspace, &coverage::Options { check: false })?;
    let formatted = cargo().current_dir(&workspace.root).args(["fmt", "--all"]).status()?;
    ensure!(formatted.success(), "cargo fmt failed");
    println!("{}", next_steps(&options.name, &operation));
    Ok(true)
}

/// Writes all files of a new room and names it where rooms are named. Returns the operation that its test calls.
pub fn generate(workspace: &Workspace, name: &str) -> Result<String> {
    let model_file = format!("models/{name}.api");
    ensure!(
        workspace.path(&model_file).exists(),
        "there is no {model_file}: is the service in models/SOURCE.toml?"
    );
    for folder in ["apis", "services"] {
        if workspace.path(folder).join(name).exists() {
            bail!("{folder}/{name} is already there");
        }
    }
    let text = workspace.read(&model_file)?;
    let model = Model::parse(&text)?;
    let operation = call::first_operation(&text, &model)?;
    let call = call::rust(&text, &operation)?;
    let fill = |template: &str| {
        let filled = template.replace("{name}", name).replace("{id}", &model.id).replace("{call}", &call);
        filled.replace("{snake}", &snake(&operation.name))
    };
    // The files that exist are changed first: if one of them is not as expected, nothing was made.
    edits::announce(workspace, name)?;
    for (path, template) in FILES {
        let path = workspace.path(fill(path));
        let folder = path.parent().context("a file lies in a folder")?;
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        std::fs::write(&path, fill(template)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(operation.name)
}

fn next_steps(name: &str, operation: &str) -> String {
    let handler = snake(operation);
    format!(
        "
services/{name} compiles, and its first test fails, because {operation} answers 501:
  cargo test -p yakumo-{name}

To make {operation} real:
  1. add `{operation}` to apis/{name}/operations.txt: the build makes `{operation}Input` and `{operation}Output`
  2. write `async fn {handler}(ctx: Ctx, input: {operation}Input) -> Result<{operation}Output>` in a file of its noun
  3. register it in services/{name}/src/lib.rs, with what it needs: `.on({operation}, Access::needs([…], …), {handler})`
  4. test it refused as well as allowed; `cargo xtask coverage`; `cargo xtask tidy`
CONTRIBUTING.md has the whole way; services/sqs is the room to copy."
    )
}

#[cfg(test)]
mod tests;
