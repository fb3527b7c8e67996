//! The first call that a new room's test makes: an operation with an empty input, in the service's protocol.

use crate::api::Model;
use anyhow::{Context, Result, bail};

/// The operation that a new room's test calls.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// `ListTopics`.
    pub name: String,
    /// `POST`.
    pub method: String,
    /// `/`.
    pub path: String,
}

/// The read with the shortest name, best one that needs nothing: neither required members nor parts of its path.
pub fn first_operation(text: &str, model: &Model) -> Result<Operation> {
    let mut operations = Vec::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("op ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, method, path, facts @ ..] = &words[..] else {
            bail!("an operation has a method and a path: {line}")
        };
        let input = facts.iter().find_map(|fact| fact.strip_prefix("in="));
        let needs = path.contains('{') || input.is_some_and(|input| has_required(text, input));
        let verb =
            ["List", "Describe", "Get"].iter().position(|verb| name.starts_with(verb)).unwrap_or(usize::MAX);
        let operation = Operation { name: (*name).into(), method: (*method).into(), path: (*path).into() };
        operations.push(((needs, verb, name.len()), operation));
    }
    let best = operations.into_iter().min_by_key(|(order, _)| *order);
    best.map(|(_, operation)| operation).with_context(|| format!("{} has no operations", model.id))
}

fn has_required(text: &str, structure: &str) -> bool {
    let heading = format!("structure {structure}");
    let mut lines =
        text.lines().skip_while(|line| *line != heading && !line.starts_with(&format!("{heading} ")));
    let members = lines.by_ref().skip(1).take_while(|line| line.starts_with(' '));
    members.into_iter().any(|line| line.split_whitespace().next().is_some_and(|member| member.ends_with('!')))
}

/// The call as Rust, in the body of the new room's test.
pub fn rust(text: &str, operation: &Operation) -> Result<String> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let signing = field("signing ").context("a model has a signing name")?;
    let version = field("version ").context("a model has a version")?;
    let protocols: Vec<&str> =
        field("protocols ").context("a model has protocols")?.split_whitespace().collect();
    let Operation { name, method, path } = operation;
    let made = "make it real, and give it what it needs";
    if protocols.contains(&"json") {
        let (target, json) =
            (field("target ").context("a json service has a target")?, field("json ").unwrap_or("1.1"));
        return Ok(format!(
            "    let answer = root.json(\"{signing}\", \"{target}.{name}\", \"{json}\", serde_json::json!({{}})).await;\n    \
             assert!(answer.is_ok(), \"{made}: {{answer:?}}\");\n"
        ));
    }
    if protocols.iter().any(|protocol| matches!(*protocol, "query" | "ec2")) {
        return Ok(format!(
            "    let answer = root.query(\"{signing}\", \"{version}\", \"{name}\", &[]).await;\n    \
             assert!(answer.is_ok(), \"{made}: {{answer:?}}\");\n"
        ));
    }
    Ok(format!(
        "    let request = http::Request::builder().method(\"{method}\").uri(\"{path}\");\n    \
         let reply = root.send(\"{signing}\", request, bytes::Bytes::new()).await.unwrap();\n    \
         assert!(reply.status.is_success(), \"{made}: {{reply:?}}\");\n"
    ))
}
