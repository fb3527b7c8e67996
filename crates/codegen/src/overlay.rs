//! Hand-made corrections of a model: `models/overlays/<service>.toml`. An unknown key is an error, so is a missing source.

use crate::api::{Api, Member};
use anyhow::{Context, Result, bail};
use toml::{Table, Value};

/// Applies one overlay to its model.
pub fn apply(api: &mut Api, text: &str) -> Result<()> {
    let table: Table = text.parse()?;
    for (key, value) in &table {
        apply_key(api, key, value).with_context(|| key.clone())?;
    }
    Ok(())
}

fn apply_key(api: &mut Api, key: &str, value: &Value) -> Result<()> {
    match key {
        "validation" => {
            api.validation = sourced(value, "style")?;
            api.validation_code = value.get("code").map(plain).unwrap_or_default();
        }
        "milliseconds" => {
            sourced(value, "source")?;
            api.milliseconds = true;
        }
        "whole_seconds" => {
            sourced(value, "source")?;
            api.whole_seconds = true;
        }
        "error_namespace" => api.error_namespace = sourced(value, "name")?,
        "xml_namespace" => api.namespace = sourced(value, "uri")?,
        "path_member" => api.path_member = sourced(value, "member")?,
        "host_member" => api.host_member = sourced(value, "member")?,
        "protocol" => api.protocols.push(sourced(value, "add")?),
        "errors" => {
            for (name, error) in value.as_table().context("a table of errors")? {
                apply_error(api, name, error).with_context(|| name.clone())?;
            }
        }
        "operations" => {
            for (name, facts) in value.as_table().context("a table of operations")? {
                sourced(facts, "source")?;
                let operation = api.operations.iter_mut().find(|operation| operation.name == *name);
                let operation = operation.with_context(|| format!("no operation {name}"))?;
                for (fact, value) in
                    facts.as_table().into_iter().flatten().filter(|(fact, _)| *fact != "source")
                {
                    match fact.as_str() {
                        "status" => operation.status = plain(value).parse()?,
                        _ => drop(operation.facts.insert(fact.clone(), plain(value))),
                    }
                }
            }
        }
        "members" => {
            for (name, facts) in value.as_table().context("a table of members")? {
                apply_member(api, name, facts).with_context(|| name.clone())?;
            }
        }
        "shapes" => {
            for (name, facts) in value.as_table().context("a table of shapes")? {
                sourced(facts, "source")?;
                let shape = api.shapes.get_mut(name).with_context(|| format!("no shape {name}"))?;
                for (fact, value) in
                    facts.as_table().into_iter().flatten().filter(|(fact, _)| *fact != "source")
                {
                    match fact.as_str() {
                        "key" | "value" | "item" => drop(shape.facts.insert(fact.clone(), plain(value))),
                        "pattern" => shape.pattern = plain(value),
                        _ => bail!("unknown key {fact}"),
                    }
                }
            }
        }
        _ => bail!("unknown key"),
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn sourced(value: &Value, key: &str) -> Result<String> {
    let table = value.as_table().context("a table")?;
    table.get("source").and_then(Value::as_str).context("every correction names its source")?;
    Ok(table.get(key).and_then(Value::as_str).with_context(|| format!("`{key}` is missing"))?.to_owned())
}

fn apply_error(api: &mut Api, name: &str, value: &Value) -> Result<()> {
    sourced(value, "source")?;
    let shape = api.shapes.get_mut(name).context("no such shape")?;
    for (key, value) in value.as_table().into_iter().flatten() {
        match key.as_str() {
            "source" => {}
            "query_code" | "query_status" | "query_message" | "code" | "error" => {
                shape.facts.insert(key.replace('_', "-"), plain(value));
            }
            _ => bail!("unknown key {key}"),
        }
    }
    Ok(())
}

fn apply_member(api: &mut Api, name: &str, value: &Value) -> Result<()> {
    sourced(value, "source")?;
    let (shape, member) = name.split_once('.').context("Shape.Member")?;
    let shape = api.shapes.get_mut(shape).context("no such shape")?;
    if let Some(target) = value.get("add") {
        anyhow::ensure!(shape.members.iter().all(|found| found.name != member), "there is one already");
        let (name, target) = (member.to_owned(), plain(target));
        shape.members.push(Member { name, target, required: false, facts: Default::default() });
    }
    let member = shape.members.iter_mut().find(|found| found.name == member).context("no such member")?;
    for (key, value) in value.as_table().into_iter().flatten() {
        match key.as_str() {
            "source" | "add" => {}
            "required" => member.required = value.as_bool().context("required is true or false")?,
            "name" | "qname" | "element" | "flat" | "time" | "ns" | "status" => {
                member.facts.insert(key.clone(), plain(value));
            }
            _ => bail!("unknown key {key}"),
        }
    }
    Ok(())
}
