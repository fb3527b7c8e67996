//! The compact text of a model to an [`Api`]. Every line must be understood: an unknown word is an error.

use crate::api::{Api, Kind, Member, Operation, Shape};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;

/// One service's text.
pub fn parse(text: &str) -> Result<Api> {
    let mut apis = parse_many(text)?;
    match (apis.pop(), apis.is_empty()) {
        (Some(api), true) => Ok(api),
        _ => bail!("the text of one model is expected"),
    }
}

/// Several services in one text; each begins with its `service` line.
pub fn parse_many(text: &str) -> Result<Vec<Api>> {
    let mut apis = Vec::new();
    let mut last = None;
    for (number, line) in text.lines().enumerate() {
        line_of(&mut apis, &mut last, line).with_context(|| format!("line {}: {line}", number + 1))?;
    }
    Ok(apis)
}

fn line_of(apis: &mut Vec<Api>, last: &mut Option<String>, line: &str) -> Result<()> {
    if let Some(name) = line.strip_prefix("service ") {
        apis.push(Api { name: name.to_owned(), ..Api::default() });
        *last = None;
        return Ok(());
    }
    let api = apis.last_mut().context("a model begins with its service line")?;
    if let Some(inner) = line.strip_prefix(' ') {
        let name = last.as_deref().context("an indented line belongs to a shape")?;
        let shape = api.shapes.get_mut(name).context("the shape was just added")?;
        return inner_line(shape, inner);
    }
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    match word {
        "id" => api.id = rest.to_owned(),
        "version" => api.version = rest.to_owned(),
        "protocols" => api.protocols = rest.split(' ').map(str::to_owned).collect(),
        "json" => api.json_version = rest.to_owned(),
        "endpoint" => api.endpoint = rest.to_owned(),
        "signing" => api.signing = rest.to_owned(),
        "target" => api.target = rest.to_owned(),
        "global" => api.global = rest.to_owned(),
        "namespace" => api.namespace = rest.to_owned(),
        "query-compatible" => api.query_compatible = true,
        "h2" => {}
        "op" => api.operations.push(operation(rest)?),
        _ => {
            let shape = shape(word, rest)?;
            *last = Some(shape.name.clone());
            api.shapes.insert(shape.name.clone(), shape);
        }
    }
    Ok(())
}

fn facts<'a>(words: impl Iterator<Item = &'a str>) -> BTreeMap<String, String> {
    words
        .map(|word| {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            (key.to_owned(), value.to_owned())
        })
        .collect()
}

fn operation(rest: &str) -> Result<Operation> {
    let mut words = rest.split(' ');
    let mut next = || words.next().map(str::to_owned).context("name, method and path");
    let (name, method, uri) = (next()?, next()?, next()?);
    let mut facts = facts(words);
    let mut take = |key: &str| facts.remove(key).unwrap_or_default();
    let status = take("status");
    Ok(Operation {
        name,
        method,
        uri,
        status: if status.is_empty() { 200 } else { status.parse()? },
        input: take("in"),
        output: take("out"),
        wrapper: take("wrapper"),
        errors: take("errors").split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect(),
        facts,
    })
}

fn shape(word: &str, rest: &str) -> Result<Shape> {
    let kind = match word {
        "structure" => Kind::Structure,
        "list" => Kind::List,
        "map" => Kind::Map,
        "string" => Kind::String,
        "integer" => Kind::Integer,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "boolean" => Kind::Boolean,
        "timestamp" => Kind::Timestamp,
        "blob" => Kind::Blob,
        _ => bail!("{word} is no kind of shape"),
    };
    let mut words = rest.split(' ');
    let mut next = || words.next().map(str::to_owned).context("a name");
    let name = next()?;
    let key = if kind == Kind::Map { next()? } else { String::new() };
    let element = if matches!(kind, Kind::List | Kind::Map) { next()? } else { String::new() };
    let facts = facts(words);
    Ok(Shape { name, kind, members: vec![], element, key, enums: vec![], pattern: String::new(), facts })
}

fn inner_line(shape: &mut Shape, line: &str) -> Result<()> {
    if shape.kind == Kind::Structure {
        let mut words = line.split(' ');
        let name = words.next().context("a member's name")?;
        let target = words.next().context("a member's target")?.to_owned();
        let required = name.ends_with('!');
        let name = name.trim_end_matches('!').to_owned();
        shape.members.push(Member { name, target, required, facts: facts(words) });
        return Ok(());
    }
    match line.split_once(' ') {
        Some(("pattern", pattern)) => shape.pattern = pattern.to_owned(),
        Some(("enum", values)) => shape.enums = values.split('|').map(str::to_owned).collect(),
        _ => bail!("pattern or enum"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_model_is_read_and_an_unknown_line_is_refused() {
        let text = "service x\nid X\nversion 1\nprotocols json\njson 1.0\nendpoint x\nsigning x\n\
                    op Do POST / in=DoRequest errors=Bad\nstructure DoRequest\n Name! Text name=n\n\
                    string Text min=1\n pattern [a b]+\n enum a|b c\nstructure Bad error=404\n";
        let api = parse(text).unwrap();
        let member = &api.shapes["DoRequest"].members[0];
        assert!(member.required && member.fact("name") == "n" && member.target == "Text");
        assert_eq!(api.shapes["Text"].enums, ["a", "b c"]);
        assert_eq!(api.shapes["Text"].pattern, "[a b]+");
        assert_eq!(
            (api.operations[0].status, api.operations[0].errors.as_slice()),
            (200, &["Bad".to_owned()][..])
        );
        for bad in ["id X", "service x\nwhat X", "service x\nstring S\n what", "service x\n lost"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
