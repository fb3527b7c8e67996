//! What a task needs to know of a model in `models/*.api`: its service and the names of its operations.

use crate::workspace::Workspace;
use anyhow::{Context, Result};

/// A service as its model names it.
#[derive(Debug)]
pub struct Model {
    /// `sqs`.
    pub service: String,
    /// `SQS`.
    pub id: String,
    /// Operation names, in the model's order.
    pub operations: Vec<String>,
}

impl Model {
    /// Reads `models/<service>.api`.
    pub fn load(workspace: &Workspace, service: &str) -> Result<Model> {
        Model::parse(&workspace.read(&format!("models/{service}.api"))?)
    }

    /// Reads the first lines of a model's text; shapes are skipped.
    pub fn parse(text: &str) -> Result<Model> {
        let field = |name: &str| {
            text.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_owned())
        };
        let service = field("service ").context("a model begins with its service")?;
        let id = field("id ").unwrap_or_else(|| service.clone());
        let operations = text.lines().filter_map(|line| line.strip_prefix("op ")?.split_whitespace().next());
        Ok(Model { service, id, operations: operations.map(str::to_owned).collect() })
    }
}

/// The operations that `apis/<name>/operations.txt` lists.
pub fn listed(workspace: &Workspace, name: &str) -> Result<Vec<String>> {
    let text = workspace.read(&format!("apis/{name}/operations.txt"))?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    // `both-ways` is an instruction to the generator, not an operation.
    Ok(lines.filter(|line| !line.is_empty() && *line != "both-ways").map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::Model;

    #[test]
    fn a_model_says_its_operations() {
        let text =
            "service sqs\nid SQS\nop SendMessage POST / in=A\nop Other POST /\nstructure A\n op! String\n";
        let model = Model::parse(text).unwrap();
        assert_eq!((model.service.as_str(), model.id.as_str()), ("sqs", "SQS"));
        assert_eq!(model.operations, ["SendMessage", "Other"]);
        assert!(Model::parse("structure A\n").is_err());
    }
}
