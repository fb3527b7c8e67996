//! `/_yakumo/instances`: all instances of the cloud, their consoles, and programs in them.

use super::answer::Answer;
use super::frames::PROTOCOL;
use super::input;
use crate::Cloud;
use http::header::{CONNECTION, UPGRADE};
use http::request::Parts;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::Semaphore;
use yakumo_ec2::InstanceLine;
use yakumo_machine::{Cursor, Kind, Reply, Request, Usage};

/// How many conversations with programs a cloud has at once.
pub(crate) const CONVERSATIONS_MAX: usize = 64;
/// The most bytes of a console in one answer.
const CONSOLE_BYTES_MAX: usize = 64 * 1024;

/// An instance, and what it uses.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct InstanceRow {
    /// The instance.
    #[serde(flatten)]
    pub line: InstanceLine,
    /// How long ago it was launched or started, in seconds of the cloud's clock.
    pub age_s: i64,
    /// What it uses; none when it does not run.
    pub usage: Option<Usage>,
}

/// Text of a console.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ConsoleText {
    /// What was written.
    pub text: String,
    /// Where to go on: `after` of the next question.
    pub next: String,
    /// The instance's state, for who waits for more.
    pub state: String,
}

pub(crate) async fn list(cloud: &Cloud) -> Result<Answer, Answer> {
    let lines = lines(cloud).await?;
    let rows = lines.into_iter().map(|line| row(cloud, line));
    let rows = futures_util::future::join_all(rows).await;
    Ok(Answer::json(&rows))
}

pub(crate) async fn one(cloud: &Cloud, id: &str) -> Result<Answer, Answer> {
    let line = find(cloud, id).await?;
    Ok(Answer::json(&row(cloud, line).await))
}

async fn lines(cloud: &Cloud) -> Result<Vec<InstanceLine>, Answer> {
    yakumo_ec2::instance_lines(&cloud.world()).await.map_err(|error| Answer::failed(&error))
}

async fn find(cloud: &Cloud, id: &str) -> Result<InstanceLine, Answer> {
    let found = lines(cloud).await?.into_iter().find(|line| line.id == id);
    found.ok_or_else(|| {
        Answer::not_found(format!("there is no instance {id}; `yakumo ps` lists those that are there"))
    })
}

async fn row(cloud: &Cloud, line: InstanceLine) -> InstanceRow {
    let world = cloud.world();
    let usage = match line.state.as_str() {
        "running" => world.base.sandboxes.ask(Request::Usage { id: line.id.clone() }).await.ok(),
        _ => None,
    };
    let usage = usage.and_then(|reply| if let Reply::Usage(usage) = reply { Some(usage) } else { None });
    let age_s = (world.base.clock.now().as_millis() - line.launched_ms) / 1000;
    InstanceRow { line, age_s, usage }
}

pub(crate) async fn console(cloud: &Cloud, id: &str, query: &str) -> Result<Answer, Answer> {
    let [after] = input::texts(query, ["after"])?;
    let after: Option<Cursor> = match after.as_deref().filter(|after| !after.is_empty()) {
        Some(text) => {
            let wrong = || Answer::bad_request("after: it is none that an answer said");
            Some(text.parse().map_err(|_| wrong())?)
        }
        None => None,
    };
    let line = find(cloud, id).await?;
    let ask = Request::ConsoleAfter { id: id.to_owned(), after, bytes: CONSOLE_BYTES_MAX };
    let (text, next) = match cloud.world().base.sandboxes.ask(ask).await {
        Ok(Reply::ConsoleAfter(text, next)) => (text, next.to_string()),
        // What never ran has written nothing.
        Err(error) if matches!(error.kind, Kind::Unsupported | Kind::NotRunning) => {
            (Vec::new(), String::new())
        }
        Ok(_) => return Err(Answer::failed(&std::io::Error::other("an answer to another question"))),
        Err(error) => return Err(Answer::failed(&error)),
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok(Answer::json(&ConsoleText { text, next, state: line.state }))
}

/// Starts a program in an instance; the connection becomes the conversation with it.
pub(crate) async fn exec(
    cloud: &Cloud,
    turns: &Arc<Semaphore>,
    id: &str,
    head: &Parts,
    body: &[u8],
) -> Result<Answer, Answer> {
    let says = |name, wanted: &str| {
        let text = head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        text.split(',').any(|word| word.trim().eq_ignore_ascii_case(wanted))
    };
    if head.version != http::Version::HTTP_11 || !says(CONNECTION, "upgrade") || !says(UPGRADE, PROTOCOL) {
        return Err(Answer::upgrade_required());
    }
    let line = find(cloud, id).await?;
    if line.state != "running" {
        return Err(Answer::conflict(format!("{id} does not run: it is {}", line.state)));
    }
    run(cloud, turns, id, body).await
}

#[cfg(target_os = "linux")]
async fn run(cloud: &Cloud, turns: &Arc<Semaphore>, id: &str, body: &[u8]) -> Result<Answer, Answer> {
    let question = input::json(body)?;
    super::conversation::begin(&cloud.world().base.sandboxes, turns, id, question).await
}

#[cfg(not(target_os = "linux"))]
async fn run(_: &Cloud, _: &Arc<Semaphore>, _: &str, _: &[u8]) -> Result<Answer, Answer> {
    Err(Answer::conflict("instances run on Linux alone"))
}
