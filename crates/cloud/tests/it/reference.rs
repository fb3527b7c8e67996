//! Every access rule against what AWS publishes: which actions an operation may ask for. What is asked of resources and
//! condition keys is held at run time, in every test (`crates/room/src/access.rs`).

use std::collections::BTreeSet;
use yakumo_reference::{Exception, action, exceptions, has_key, of_model};

/// One registered operation: model, name, the actions it declares.
struct Rule {
    model: &'static str,
    operation: &'static str,
    actions: Vec<&'static str>,
}

async fn rules() -> Vec<Rule> {
    let config = yakumo_cloud::Config { port: 0, ..yakumo_cloud::Config::default() };
    let cloud = yakumo_cloud::Cloud::start(config).await.unwrap();
    let world = cloud.world();
    let mut rules = Vec::new();
    for room in world.rooms() {
        for operation in room.operations() {
            let actions = room.operation(operation).unwrap().actions().to_vec();
            rules.push(Rule { model: room.name(), operation, actions });
        }
    }
    drop(world);
    cloud.stop().await;
    rules
}

impl Rule {
    fn declares(&self, action: &str) -> bool {
        self.actions.iter().any(|known| known.eq_ignore_ascii_case(action))
    }

    /// Whether it declares the action that is named as the operation.
    fn declares_its_own(&self) -> bool {
        let prefix = of_model(self.model).unwrap().prefix;
        self.declares(&format!("{prefix}:{}", self.operation))
    }
}

fn is_excepted(name: &str) -> bool {
    exceptions()
        .iter()
        .any(|except| matches!(except, Exception::Action(known) if known.eq_ignore_ascii_case(name)))
}

#[tokio::test]
async fn every_rule_declares_actions_that_aws_knows() {
    let rules = rules().await;
    assert!(rules.len() > 80);
    let mut wrong = Vec::new();
    for rule in &rules {
        for name in rule.actions.iter().filter(|name| action(name).is_none() && !is_excepted(name)) {
            wrong.push(format!("{} {}: AWS knows no action {name}", rule.model, rule.operation));
        }
        let covered = exceptions().iter().any(|except| match except {
            Exception::Operation { model, operation, action } => {
                (*model, *operation) == (rule.model, rule.operation) && rule.declares(action)
            }
            _ => false,
        });
        // Without actions it is one of the few that need no permission, and says why in the room's table.
        if !rule.actions.is_empty() && !rule.declares_its_own() && !covered {
            wrong.push(format!("{} {} declares {:?}", rule.model, rule.operation, rule.actions));
        }
    }
    assert!(
        wrong.is_empty(),
        "\n{}\nreference/exceptions.txt has room for what is right so",
        wrong.join("\n")
    );
}

#[tokio::test]
async fn no_exception_is_stale() {
    let rules = rules().await;
    let rule = |model: &str, operation: &str| {
        rules.iter().find(|rule| (rule.model, rule.operation) == (model, operation))
    };
    let is_asked = |action: &str| rules.iter().any(|rule| rule.declares(action));
    let mut seen = BTreeSet::new();
    for except in exceptions() {
        let needed = match except {
            Exception::Operation { model, operation, action } => {
                rule(model, operation).is_some_and(|rule| rule.declares(action) && !rule.declares_its_own())
            }
            Exception::Action(name) => is_asked(name) && action(name).is_none(),
            Exception::Resource { action: name, arns } => {
                let (service, known) = action(name).unwrap();
                is_asked(name) && arns.iter().all(|arn| service.types_of(known, arn).next().is_none())
            }
            Exception::Given { model, operation } => {
                rule(model, operation).is_some_and(|rule| !rule.actions.is_empty())
            }
            Exception::Key { action, keys } => {
                is_asked(action) && keys.iter().all(|key| !has_key(action, "*", key))
            }
        };
        assert!(needed, "{except:?} is no exception any more");
        assert!(seen.insert(format!("{except:?}")), "{except:?} stands there twice");
    }
}
