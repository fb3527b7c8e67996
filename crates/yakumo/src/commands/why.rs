//! `yakumo why`: a decision for people: who, what, allowed or denied, and the statements that made it.

use crate::arguments::{CloudOptions, Output};
use crate::client::Client;
use crate::commands::requests::what;
use crate::commands::services::segment;
use crate::failure::{Exit, Failure};
use crate::terminal::{Paint, Terminal, printable};
use clap::Args;
use yakumo_cloud::control::{
    DecisionLine, Explained, NearStatement, RequestLine, RequestList, StatementLine, Verdict,
};

const EXAMPLES: &str = "\
Examples:
  yakumo why                                        the last request that was denied
  yakumo why 5b3f9e0c-8a4e-4a55-9d0a-0a1b2c3d4e5f   the id is in the error that the client got,
                                                    and in `yakumo requests`
  yakumo why --keys                                 with the condition keys of the request";

/// Options of `yakumo why`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct Options {
    /// The request [default: the last one that was denied]
    request_id: Option<String>,
    /// Show the request's condition keys, as the policies saw them
    #[arg(long)]
    keys: bool,
    #[command(flatten)]
    cloud: CloudOptions,
}

/// Explains a request.
pub async fn run(options: Options) -> Result<(), Failure> {
    let client = Client::find(&options.cloud)?;
    let id = match options.request_id {
        Some(id) => id,
        None => last_denied(&client).await?,
    };
    let explained: Explained = client.get(&format!("/_yakumo/requests/{}", segment(&id)?)).await?;
    let mut out = Terminal::stdout();
    if options.cloud.output == Output::Json {
        return out.json(&explained);
    }
    for line in render(&out, &explained, options.keys) {
        out.line(&line)?;
    }
    Ok(())
}

async fn last_denied(client: &Client) -> Result<String, Failure> {
    let list: RequestList = client.get("/_yakumo/requests?limit=4096").await?;
    let denied = list.requests.into_iter().rev().find(|request| request.verdict == Verdict::Denied);
    denied.map(|request| request.id).ok_or_else(|| {
        Failure::new(Exit::Refused, "no remembered request was denied")
            .advise("yakumo why REQUEST-ID, from `yakumo requests`")
    })
}

fn render(to: &Terminal, explained: &Explained, keys: bool) -> Vec<String> {
    let request = &explained.request;
    let (word, paint) = match request.verdict {
        Verdict::Allowed => ("allowed", Paint::Good),
        Verdict::Denied => ("DENIED", Paint::Bad),
        Verdict::NotAsked => ("no policy was asked", Paint::Dim),
    };
    let mut lines = vec![
        format!(
            "{}  {}  {}",
            to.paint(paint, word),
            to.paint(Paint::Strong, &printable(&what(request))),
            status(request)
        ),
        fact(
            to,
            "who",
            request.principal.as_deref().unwrap_or("not known: the request was not authenticated"),
        ),
        fact(to, "from", &request.source_ip),
        fact(to, "when", &request.time),
    ];
    if let Some(message) = &request.message {
        lines.push(fact(to, "told", message));
    }
    for decision in &explained.decisions {
        lines.push(String::new());
        lines.extend(decision_lines(to, decision));
        if keys {
            lines.extend(key_lines(to, decision));
        }
    }
    if explained.decisions.is_empty() {
        lines.push(fact(to, "why", not_asked(request)));
    }
    lines
}

/// The status, and the error's code if there was one.
fn status(request: &RequestLine) -> String {
    let error = request.error.as_deref().unwrap_or_default();
    printable(format!("{} {error}", request.status).trim_end())
}

/// Why there is no decision to show.
fn not_asked(request: &RequestLine) -> &'static str {
    match request.verdict {
        Verdict::Denied => "it did not come to a decision: the caller could not be authenticated",
        _ if request.status >= 400 => "it failed before a policy was asked",
        _ => "the operation needs no permission",
    }
}

fn fact(to: &Terminal, name: &str, value: &str) -> String {
    format!("  {} {}", to.paint(Paint::Dim, &format!("{name:<9}")), printable(value).replace('\n', " "))
}

fn decision_lines(to: &Terminal, decision: &DecisionLine) -> Vec<String> {
    let (mark, paint) = if decision.allowed { ("allowed", Paint::Good) } else { ("denied", Paint::Bad) };
    let head = format!("{} on {}", decision.action, decision.resource);
    let mut lines = vec![
        format!("{}  {}", to.paint(paint, mark), printable(&head)),
        fact(to, "because", &because(decision)),
    ];
    for statement in &decision.statements {
        let paint = if statement.effect == "Deny" { Paint::Bad } else { Paint::Good };
        let effect = to.paint(paint, &format!("{:<9}", statement.effect));
        lines.push(format!("  {effect} {}", printable(&place(statement))));
    }
    if decision.outcome == "implicit_deny" {
        let article = if decision.policy_type.starts_with('i') { "an" } else { "a" };
        lines.push(fact(to, "missing", &format!("an Allow in {article} {}", decision.policy_type)));
    }
    for near in &decision.nearest {
        lines.extend(near_lines(to, near));
    }
    lines
}

/// The rule that decided, in a short sentence.
fn because(decision: &DecisionLine) -> String {
    let kind = &decision.policy_type;
    match (decision.outcome.as_str(), decision.nearest.is_empty()) {
        ("allow", _) if decision.statements.is_empty() => {
            "the root user of an account needs no policy in it".to_owned()
        }
        ("allow", _) => format!("a statement allows it ({kind}), and none denies it"),
        ("explicit_deny", _) => "a statement denies it, and a Deny wins over every Allow".to_owned(),
        (_, true) => format!("no {kind} says anything about it"),
        (_, false) => format!("no statement allows it in any {kind}"),
    }
}

fn near_lines(to: &Terminal, near: &NearStatement) -> Vec<String> {
    let mut lines = vec![fact(to, "nearest", &place(&near.statement))];
    let misses = near.misses.iter();
    lines.extend(
        misses.map(|miss| format!("            {} {}", to.paint(Paint::Warn, "but"), printable(miss))),
    );
    lines
}

fn key_lines(to: &Terminal, decision: &DecisionLine) -> Vec<String> {
    decision
        .keys
        .iter()
        .map(|(key, values)| fact(to, "key", &format!("{key} = {}", values.join(", "))))
        .collect()
}

/// Where a statement stands, counted from 1 as people count.
fn place(statement: &StatementLine) -> String {
    let number = statement.statement + 1;
    let sid = statement.sid.as_ref().map(|sid| format!(" ({sid})")).unwrap_or_default();
    let holder =
        if statement.holder.is_empty() { String::new() } else { format!(", of {}", statement.holder) };
    format!("statement {number}{sid} of {} {}{holder}", statement.policy_type, statement.policy)
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::commands::requests::tests::denied;
    use crate::terminal::Terminal;
    use std::collections::BTreeMap;
    use yakumo_cloud::control::{DecisionLine, Explained, NearStatement, StatementLine};

    fn statement(effect: &str) -> StatementLine {
        StatementLine {
            policy_type: "identity-based policy".into(),
            policy: "readers".into(),
            holder: "group/staff".into(),
            statement: 0,
            sid: Some("Read".into()),
            effect: effect.into(),
        }
    }

    fn explained(outcome: &str, statements: Vec<StatementLine>, nearest: Vec<NearStatement>) -> Explained {
        let decision = DecisionLine {
            action: "sqs:SendMessage".into(),
            resource: "arn:aws:sqs:us-east-1:123456789012:jobs".into(),
            owner: "123456789012".into(),
            allowed: false,
            outcome: outcome.into(),
            policy_type: "identity-based policy".into(),
            summary: "It is denied.".into(),
            statements,
            nearest,
            keys: BTreeMap::from([("aws:SourceIp".to_owned(), vec!["127.0.0.1".to_owned()])]),
        };
        Explained { request: denied(), decisions: vec![decision] }
    }

    #[test]
    fn a_denial_without_a_deny_says_what_is_missing_and_what_came_near() {
        let near = NearStatement {
            statement: statement("Allow"),
            misses: vec!["the action sqs:SendMessage does not match Action sqs:Get*".into()],
        };
        let lines = render(&Terminal::stderr(), &explained("implicit_deny", vec![], vec![near]), false);
        let text = lines.join("\n");
        for part in [
            "DENIED  sqs:SendMessage  403 AccessDenied",
            "who       arn:aws:iam::123456789012:user/team/alice",
            "missing   an Allow in an identity-based policy",
            "nearest   statement 1 (Read) of identity-based policy readers, of group/staff",
            "but the action sqs:SendMessage does not match",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        assert!(!text.contains("aws:SourceIp"));
    }

    #[test]
    fn an_explicit_deny_names_its_statement_and_keys_come_when_asked_for() {
        let lines =
            render(&Terminal::stderr(), &explained("explicit_deny", vec![statement("Deny")], vec![]), true);
        let text = lines.join("\n");
        assert!(text.contains("Deny      statement 1 (Read) of"), "{text}");
        assert!(!text.contains("missing") && text.contains("aws:SourceIp = 127.0.0.1"));
    }
}
