//! Which shapes a list of operations reaches, and in which direction.

use crate::api::{Api, Kind, Shape};
use anyhow::Result;
use std::collections::BTreeSet;

/// Adds every shape that can be reached from `name`.
pub fn reach(api: &Api, name: &str, seen: &mut BTreeSet<String>) -> Result<()> {
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        if name.is_empty() || !seen.insert(name.clone()) {
            continue;
        }
        open.extend(targets(api.shape(&name)?).map(str::to_owned));
    }
    Ok(())
}

fn targets(shape: &Shape) -> impl Iterator<Item = &str> {
    shape
        .members
        .iter()
        .map(|member| member.target.as_str())
        .chain([shape.element.as_str(), shape.key.as_str()])
}

/// Whether a member of `from` that points to `to` would make the structure contain itself.
/// Lists and maps already are an indirection.
pub fn recursive(api: &Api, from: &str, to: &str) -> Result<bool> {
    let (mut open, mut seen) = (vec![to.to_owned()], BTreeSet::new());
    while let Some(name) = open.pop() {
        if name == from {
            return Ok(true);
        }
        let shape = api.shape(&name)?;
        if shape.kind != Kind::Structure || shape.is("document") || !seen.insert(name.clone()) {
            continue;
        }
        open.extend(shape.members.iter().map(|member| member.target.clone()));
    }
    Ok(false)
}
