//! The text of `reference/services/*.txt` → [`Service`]. `reference/README.md` describes it.

use crate::service::{AccessLevel, Action, ActionResource, ConditionKey, ResourceType, Service};

/// Reads one service; the error names the line.
pub(crate) fn parse(text: &'static str) -> Result<Service, String> {
    let mut service = Service {
        prefix: "",
        name: "",
        actions: Vec::new(),
        resource_types: Vec::new(),
        condition_keys: Vec::new(),
    };
    for line in text.lines() {
        fact(&mut service, line).ok_or_else(|| format!("not a fact: {line}"))?;
    }
    Ok(service)
}

fn fact(service: &mut Service, line: &'static str) -> Option<()> {
    let (kind, rest) = line.split_once(' ')?;
    let mut words = rest.split(' ');
    match kind {
        "service" => (service.prefix, service.name) = rest.split_once(' ')?,
        "models" => {}
        "key" => service.condition_keys.push(ConditionKey { name: words.next()?, kind: words.next()? }),
        "type" => service.resource_types.push(ResourceType {
            name: words.next()?,
            arns: words.next()?.split(',').collect(),
            keys: words.collect(),
        }),
        "action" => {
            let (name, level) = (words.next()?, level(words.next()?)?);
            let (mut resources, mut keys) = (Vec::new(), Vec::new());
            for word in words {
                // The name of a resource type has no colon; the keys in its brackets have.
                match word.split('(').next()?.contains(':') {
                    true => keys.push(word),
                    false => resources.push(resource(word)?),
                }
            }
            service.actions.push(Action { name, level, resources, keys });
        }
        _ => return None,
    }
    Some(())
}

/// `queue*`, or `volume*(ec2:Encrypted,ec2:VolumeSize)`.
fn resource(word: &'static str) -> Option<ActionResource> {
    let (name, keys) = match word.split_once('(') {
        Some((name, keys)) => (name, keys.strip_suffix(')')?.split(',').collect()),
        None => (word, Vec::new()),
    };
    let is_required = name.ends_with('*');
    Some(ActionResource { name: name.trim_end_matches('*'), is_required, keys })
}

fn level(word: &str) -> Option<AccessLevel> {
    Some(match word {
        "list" => AccessLevel::List,
        "read" => AccessLevel::Read,
        "write" => AccessLevel::Write,
        "tagging" => AccessLevel::Tagging,
        "permissions" => AccessLevel::Permissions,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn lines_are_facts_or_refused() {
        let text = "service a A and B\nmodels a\nkey a:K/${N} String\ntype t arn:1,arn:2 a:T\n\
                    action Act tagging t*(a:X,a:Y) u a:K/${N}";
        let service = parse(text).unwrap();
        assert_eq!((service.prefix, service.name), ("a", "A and B"));
        assert_eq!(service.resource_types[0].arns, ["arn:1", "arn:2"]);
        let action = &service.actions[0];
        assert_eq!(action.resources[0].keys, ["a:X", "a:Y"]);
        assert!(action.resources[0].is_required && !action.resources[1].is_required);
        assert_eq!(action.keys, ["a:K/${N}"]);
        for wrong in ["action", "action Act reads", "action Act read t(a", "thing a b", "key a"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
