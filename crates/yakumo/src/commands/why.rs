//! `yakumo why`: a request for people: who, what, allowed or denied, what made it so, and what would have allowed it.

use crate::arguments::{CloudOptions, Output};
use crate::client::Client;
use crate::commands::decisions::{caller_lines, decision_lines, fact};
use crate::commands::requests::what;
use crate::commands::services::segment;
use crate::failure::{Exit, Failure};
use crate::terminal::{Paint, Terminal, printable};
use clap::Args;
use yakumo_cloud::control::{Explained, RequestLine, RequestList, UnprovedLine, Verdict};

const EXAMPLES: &str = "\
Examples:
  yakumo why                                        the last request that was denied
  yakumo why 5b3f9e0c-8a4e-4a55-9d0a-0a1b2c3d4e5f   the id is in the error that the client got,
                                                    and in `yakumo requests`
  yakumo why --keys                                 with the condition keys of the request
  yakumo can user/amy sqs:SendMessage ARN           the same, before anybody asks";

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
    let list: RequestList = client.get("/_yakumo/requests?limit=1&denied=true").await?;
    list.requests.into_iter().next_back().map(|request| request.id).ok_or_else(|| {
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
    let title = to.paint(Paint::Strong, &printable(&what(request)));
    let mut lines = vec![format!("{}  {title}  {}", to.paint(paint, word), status(request))];
    match (&explained.caller, &explained.unproved) {
        (Some(caller), _) => lines.extend(caller_lines(to, caller)),
        (None, Some(unproved)) => lines.push(fact(to, "who", &claimed(unproved))),
        (None, None) => lines.push(fact(to, "who", "not known: it was not asked who")),
    }
    lines.push(fact(to, "from", &from(request)));
    lines.push(fact(to, "when", &request.time));
    if let Some(message) = &request.message {
        lines.push(fact(to, "told", message));
    }
    if let Some(unproved) = &explained.unproved {
        lines.push(fact(to, "why", &unproved.what));
        lines.push(fact(to, "do", &unproved.remedy));
        return lines;
    }
    let main = explained.caller.as_ref().map(|caller| caller.arn.as_str());
    for decision in &explained.decisions {
        lines.push(String::new());
        lines.extend(decision_lines(to, decision, keys));
        if main.is_some_and(|main| main != decision.principal) {
            lines.push(fact(to, "as", &decision.principal));
        }
    }
    if explained.decisions.is_empty() {
        lines.push(fact(to, "why", not_asked(request)));
    }
    lines
}

/// Where a request came from.
fn from(request: &RequestLine) -> String {
    match &request.origin {
        Some(origin) => format!("{}: {origin}", request.source_ip),
        None => request.source_ip.clone(),
    }
}

/// Whom a request claims to come from.
fn claimed(unproved: &UnprovedLine) -> String {
    match (&unproved.access_key_id, &unproved.owner) {
        (Some(key), Some(owner)) => format!("not proved: it names the key {key} of {owner}"),
        (Some(key), None) => format!("not known: it names the key {key}"),
        (None, _) => "not known: it names no key".to_owned(),
    }
}

/// The status, and the error's code if there was one.
fn status(request: &RequestLine) -> String {
    let error = request.error.as_deref().unwrap_or_default();
    printable(format!("{} {error}", request.status).trim_end())
}

/// Why there is no decision to show.
fn not_asked(request: &RequestLine) -> &'static str {
    match request.status {
        400.. => "it failed before a policy was asked",
        _ => "the operation needs no permission",
    }
}

#[cfg(test)]
mod tests {
    use super::render;
    use crate::commands::decisions::tests::decision;
    use crate::commands::requests::tests::denied;
    use crate::terminal::Terminal;
    use std::collections::BTreeMap;
    use yakumo_cloud::control::{CallerLine, Explained, UnprovedLine};

    fn check(explained: &Explained, parts: &[&str]) -> String {
        let text = render(&Terminal::stderr(), explained, false).join("\n");
        for part in parts {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
        text
    }

    #[test]
    fn who_asked_is_told_with_session_and_tags() {
        let caller = CallerLine {
            arn: "arn:aws:sts::123456789012:assumed-role/reader/s1".into(),
            kind: "role session".into(),
            account: Some("123456789012".into()),
            user_id: "AROAX:s1".into(),
            of: Some("arn:aws:iam::123456789012:role/reader".into()),
            access_key_id: Some("ASIAX".into()),
            tags: BTreeMap::from([("team".into(), "blue".into())]),
            keys: BTreeMap::from([("aws:MultiFactorAuthPresent".into(), vec!["false".into()])]),
        };
        let decisions = vec![decision("implicit_deny", vec![])];
        let explained = Explained { request: denied(), caller: Some(caller), unproved: None, decisions };
        let parts = [
            "DENIED  sqs:SendMessage  403 AccessDenied",
            "assumed-role/reader/s1 (role session) of arn:aws:iam::123456789012:role/reader, with ASIAX",
            "tags      team=blue",
            "session   aws:MultiFactorAuthPresent = false",
            "as        arn:aws:iam::123456789012:user/amy",
        ];
        check(&explained, &parts);
    }

    #[test]
    fn a_refusal_before_policies_says_why_and_what_to_do() {
        let unproved = UnprovedLine {
            access_key_id: Some("AKIAX".into()),
            owner: None,
            cause: "unknown_key".into(),
            what: "there is no access key AKIAX".into(),
            remedy: "use another".into(),
        };
        let explained =
            Explained { request: denied(), caller: None, unproved: Some(unproved), decisions: vec![] };
        let text = check(
            &explained,
            &["not known: it names the key AKIAX", "why       there is no access key", "do        use"],
        );
        assert!(!text.contains("needs no permission"));
    }
}
