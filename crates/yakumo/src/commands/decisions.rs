//! Decisions for people: what had a say, what each said, and what would have allowed it. `why` and `can` share it.

use crate::terminal::{Paint, Terminal, printable};
use std::collections::BTreeMap;
use yakumo_cloud::control::{
    CallerLine, DecisionLine, LayerLine, NearStatement, RemedyLine, StatementLine, StepLine,
};

/// A named fact on a line of its own.
pub fn fact(to: &Terminal, name: &str, value: &str) -> String {
    format!("  {} {}", to.paint(Paint::Dim, &format!("{name:<9}")), printable(value).replace('\n', " "))
}

/// A line below a fact.
fn more(to: &Terminal, paint: Paint, word: &str, value: &str) -> String {
    format!("            {} {}", to.paint(paint, word), printable(value).replace('\n', " "))
}

/// Who asked: one line, and one for tags and for what the credentials carry when there is something.
pub fn caller_lines(to: &Terminal, caller: &CallerLine) -> Vec<String> {
    let mut who = format!("{} ({})", caller.arn, caller.kind);
    if let Some(of) = &caller.of {
        who = format!("{who} of {of}");
    }
    if let Some(key) = &caller.access_key_id {
        who = format!("{who}, with {key}");
    }
    let mut lines = vec![fact(to, "who", &who)];
    if !caller.tags.is_empty() {
        let tags: Vec<String> = caller.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        lines.push(fact(to, "tags", &tags.join(", ")));
    }
    if !caller.keys.is_empty() {
        let keys: Vec<String> = caller.keys.iter().map(pair).collect();
        lines.push(fact(to, "session", &keys.join(", ")));
    }
    lines
}

fn pair((key, values): (&String, &Vec<String>)) -> String {
    if values.is_empty() { format!("{key} absent") } else { format!("{key} = {}", values.join(", ")) }
}

/// A decision.
pub fn decision_lines(to: &Terminal, decision: &DecisionLine, keys: bool) -> Vec<String> {
    let (mark, paint) = if decision.allowed { ("allowed", Paint::Good) } else { ("denied", Paint::Bad) };
    let head = format!("{} on {}", decision.action, decision.resource);
    let mut lines = vec![
        format!("{}  {}", to.paint(paint, mark), printable(&head)),
        fact(to, "because", &because(decision)),
    ];
    lines.extend(decision.notes.iter().map(|note| fact(to, "note", note)));
    for statement in &decision.statements {
        let paint = if statement.effect == "Deny" { Paint::Bad } else { Paint::Good };
        let effect = to.paint(paint, &format!("{:<9}", statement.effect));
        lines.push(format!("  {effect} {}", printable(&place(statement))));
    }
    lines.extend(layer_lines(to, &decision.layers));
    if decision.outcome == "implicit_deny" {
        lines.push(fact(to, "missing", &format!("an Allow in {}", a(&decision.policy_type))));
    }
    for near in &decision.nearest {
        lines.extend(near_lines(to, "nearest", near));
    }
    lines.extend(remedy_lines(to, decision));
    if keys {
        lines.extend(decision.keys.iter().map(|entry| fact(to, "key", &pair(entry))));
    }
    lines
}

/// The rule that decided, in a short sentence.
fn because(decision: &DecisionLine) -> String {
    let kind = &decision.policy_type;
    let there = decision.layers.iter().any(|layer| layer.policy_type == *kind && layer.count > 0);
    match decision.outcome.as_str() {
        "allow" if decision.policy_type == "root user" => {
            "the root user of an account needs no policy in it".to_owned()
        }
        "allow" => format!("a statement allows it ({kind}), and none denies it"),
        "explicit_deny" => "a statement denies it, and a Deny wins over every Allow".to_owned(),
        _ if there => format!("no statement of any {kind} allows it"),
        _ => format!("there is no {kind} that could allow it"),
    }
}

/// What was looked at, in AWS's order; nothing when there is only one kind to speak of.
fn layer_lines(to: &Terminal, layers: &[LayerLine]) -> Vec<String> {
    if layers.len() < 2 {
        return Vec::new();
    }
    let mut lines = vec![fact(to, "asked", "in this order:")];
    for layer in layers {
        let (word, paint) = match layer.outcome.as_str() {
            "allows" => ("allows    ", Paint::Good),
            "denies" => ("DENIES    ", Paint::Bad),
            "silent" => ("no Allow  ", Paint::Warn),
            _ => ("passes    ", Paint::Dim),
        };
        let level = match layer.level {
            Some(0) => " of the organization's root".to_owned(),
            Some(level) => format!(" {level} below the organization's root"),
            None => String::new(),
        };
        let names = match layer.count {
            0 => "none".to_owned(),
            count if count > layer.policies.len() => format!("{} …", layer.policies.join(", ")),
            _ => layer.policies.join(", "),
        };
        lines.push(more(to, paint, word, &format!("{}{level}: {names}", layer.policy_type)));
    }
    lines
}

fn near_lines(to: &Terminal, name: &str, near: &NearStatement) -> Vec<String> {
    let mut lines = vec![fact(to, name, &place(&near.statement))];
    lines.extend(near.misses.iter().map(|miss| more(to, Paint::Warn, "but", miss)));
    lines
}

/// What would have allowed it.
fn remedy_lines(to: &Terminal, decision: &DecisionLine) -> Vec<String> {
    let mut lines = Vec::new();
    for keys in &decision.instead {
        let keys: Vec<String> = keys.iter().map(pair).collect();
        lines.push(fact(to, "allowed", &format!("if the request had {}", keys.join(" and "))));
    }
    for (number, remedy) in decision.remedies.iter().enumerate() {
        let name = if number == 0 { "allowed" } else { "or" };
        lines.extend(steps(to, name, remedy));
    }
    lines
}

fn steps(to: &Terminal, name: &str, remedy: &RemedyLine) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, step) in remedy.steps.iter().enumerate() {
        let words = if number == 0 { "if" } else { "and if" };
        let name = if number == 0 { name } else { "" };
        lines.push(fact(to, name, &format!("{words} {}", step.what)));
        lines.extend(step_details(to, step));
    }
    lines
}

fn step_details(to: &Terminal, step: &StepLine) -> Vec<String> {
    let mut lines: Vec<String> =
        step.because.iter().map(|because| more(to, Paint::Warn, "it applies because", because)).collect();
    for near in &step.near {
        let words = format!("{}: {}", place(&near.statement), near.misses.join("; "));
        lines.push(more(to, Paint::Dim, "almost:", &words));
    }
    lines
}

/// With the article in front.
fn a(kind: &str) -> String {
    format!("{} {kind}", if kind.starts_with(['a', 'i']) { "an" } else { "a" })
}

/// Where a statement stands, counted from 1 as people count.
pub fn place(statement: &StatementLine) -> String {
    let number = statement.statement + 1;
    let sid = statement.sid.as_ref().map(|sid| format!(" ({sid})")).unwrap_or_default();
    let holder =
        if statement.holder.is_empty() { String::new() } else { format!(", of {}", statement.holder) };
    format!("statement {number}{sid} of {} {}{holder}", statement.policy_type, statement.policy)
}

/// Condition keys in the form that the control API takes.
pub type Keys = BTreeMap<String, Vec<String>>;

#[cfg(test)]
pub mod tests {
    use super::decision_lines;
    use crate::terminal::Terminal;
    use std::collections::BTreeMap;
    use yakumo_cloud::control::{
        DecisionLine, LayerLine, NearStatement, RemedyLine, StatementLine, StepLine,
    };

    pub fn statement(effect: &str) -> StatementLine {
        StatementLine {
            policy_type: "identity-based policy".into(),
            policy: "readers".into(),
            holder: "group/staff".into(),
            statement: 0,
            sid: Some("Read".into()),
            effect: effect.into(),
        }
    }

    /// A decision without steps.
    pub fn decision(outcome: &str, statements: Vec<StatementLine>) -> DecisionLine {
        DecisionLine {
            principal: "arn:aws:iam::123456789012:user/amy".into(),
            action: "sqs:SendMessage".into(),
            resource: "arn:aws:sqs:us-east-1:123456789012:jobs".into(),
            owner: "123456789012".into(),
            allowed: outcome == "allow",
            outcome: outcome.into(),
            policy_type: "identity-based policy".into(),
            summary: "It is denied.".into(),
            notes: vec![],
            layers: vec![
                LayerLine {
                    policy_type: "service control policy".into(),
                    level: Some(1),
                    policies: vec!["p-1".into()],
                    count: 1,
                    outcome: "allows".into(),
                },
                LayerLine {
                    policy_type: "identity-based policy".into(),
                    level: None,
                    policies: vec!["readers".into()],
                    count: 1,
                    outcome: "silent".into(),
                },
            ],
            statements,
            nearest: vec![],
            remedies: vec![],
            instead: vec![],
            keys: BTreeMap::from([("aws:SourceIp".to_owned(), vec!["127.0.0.1".to_owned()])]),
        }
    }

    fn check(decision: &DecisionLine, keys: bool, parts: &[&str]) -> String {
        let text = decision_lines(&Terminal::stderr(), decision, keys).join("\n");
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        text
    }

    #[test]
    fn a_denial_without_a_deny_says_what_is_missing_and_what_came_near() {
        let near = NearStatement {
            statement: statement("Allow"),
            misses: vec!["the action sqs:SendMessage does not match Action sqs:Get*".into()],
        };
        let step = StepLine {
            policy_type: "identity-based policy".into(),
            what: "an identity-based policy of amy allows sqs:SendMessage on jobs".into(),
            denies: None,
            because: vec![],
            near: vec![],
        };
        let decision = DecisionLine {
            nearest: vec![near],
            remedies: vec![
                RemedyLine { steps: vec![step.clone()] },
                RemedyLine { steps: vec![step.clone(), step] },
            ],
            instead: vec![BTreeMap::from([("aws:MultiFactorAuthPresent".into(), vec!["true".into()])])],
            ..decision("implicit_deny", vec![])
        };
        let parts = [
            "because   no statement of any identity-based policy allows it",
            "missing   an Allow in an identity-based policy",
            "nearest   statement 1 (Read) of identity-based policy readers, of group/staff",
            "but the action sqs:SendMessage does not match",
            "allows     service control policy 1 below the organization's root: p-1",
            "no Allow   identity-based policy: readers",
            "allowed   if the request had aws:MultiFactorAuthPresent = true",
            "allowed   if an identity-based policy of amy allows",
            "or        if an identity-based policy of amy allows",
            "and if an identity-based",
        ];
        let text = check(&decision, false, &parts);
        assert!(!text.contains("aws:SourceIp"));
    }

    #[test]
    fn an_explicit_deny_names_its_statement_and_keys_come_when_asked_for() {
        let step = StepLine {
            policy_type: "identity-based policy".into(),
            what: "statement 1 (Read) does not deny it".into(),
            denies: Some(statement("Deny")),
            because: vec!["aws:SourceIp is 127.0.0.1 (IpAddress 127.0.0.0/8)".into()],
            near: vec![],
        };
        let decision = DecisionLine {
            remedies: vec![RemedyLine { steps: vec![step] }],
            ..decision("explicit_deny", vec![statement("Deny")])
        };
        let parts = [
            "Deny      statement 1 (Read) of",
            "aws:SourceIp = 127.0.0.1",
            "it applies because aws:SourceIp is",
        ];
        let text = check(&decision, true, &parts);
        assert!(!text.contains("missing"));
    }
}
