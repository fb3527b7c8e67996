//! `yakumo exec i-…`: the conversation with a program inside an instance.
//!
//! Invariant: the terminal is as it was when this ends, however it ends.

use super::Options;
use crate::client::Client;
use crate::commands::{instance, wait};
use crate::failure::{Exit, Failure};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use rustix::termios::{OptionalActions, Termios};
use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Read, Write};
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use yakumo_cloud::control::ExecQuestion;
use yakumo_cloud::control::frames::{self, Kind, WINDOW, frame};

/// How much of the input is sent at once.
const PIECE_BYTES: usize = 16 * 1024;

/// Signals that a program without a terminal gets in our place.
const PASSED_ON: &[i32] = &[1, 2, 3, 15];

/// Runs it; on success the process ends with the command's code.
pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let mut environment = BTreeMap::new();
    for pair in &options.env {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("`{pair}` is no variable")).advise("--env NAME=VALUE"))?;
        environment.insert(name.to_owned(), value.to_owned());
    }
    let has_terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
    let question = ExecQuestion {
        command: options.command.clone(),
        user: options.user.clone(),
        environment,
        terminal: has_terminal.then(size),
    };
    let code = wait(async {
        let client = Client::find(&options.cloud)?;
        let path = format!("/_yakumo/instances/{}/exec", instance(&options.id)?);
        let connection = client.upgrade(&path, &question).await?;
        let raw = if has_terminal { Some(Raw::enter()?) } else { None };
        let code = converse(connection, has_terminal).await;
        drop(raw);
        code
    })?;
    // Not by returning: a thread still reads the standard input.
    std::process::exit(code)
}

/// Lines and columns of this terminal.
fn size() -> (u16, u16) {
    let size = rustix::termios::tcgetwinsize(io::stdout()).map(|size| (size.ws_row, size.ws_col));
    // A terminal that does not know its size says 0.
    size.ok().filter(|(rows, columns)| *rows > 0 && *columns > 0).unwrap_or((24, 80))
}

/// A terminal that passes on every key; as it was when this is dropped.
struct Raw(Termios);

impl Raw {
    fn enter() -> Result<Raw, Failure> {
        let before = rustix::termios::tcgetattr(io::stdin()).map_err(io::Error::from)?;
        let mut raw = before.clone();
        raw.make_raw();
        rustix::termios::tcsetattr(io::stdin(), OptionalActions::Now, &raw).map_err(io::Error::from)?;
        Ok(Raw(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone needs no care.
        let _ = rustix::termios::tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

async fn converse(connection: TokioIo<Upgraded>, has_terminal: bool) -> Result<i32, Failure> {
    let (reader, writer) = tokio::io::split(connection);
    let (said, events) = mpsc::channel(4);
    tokio::select! {
        code = hear(reader, said) => code,
        error = speak(writer, events, has_terminal) => Err(error),
    }
}

/// Shows what the program writes, until it ends: its code.
async fn hear(mut reader: ReadHalf<TokioIo<Upgraded>>, taken: mpsc::Sender<usize>) -> Result<i32, Failure> {
    let number = |content: &[u8]| content.try_into().map(u32::from_be_bytes).unwrap_or(0);
    loop {
        match frames::read(&mut reader).await? {
            Some((Kind::Output, content)) => show(&mut io::stdout().lock(), &content)?,
            Some((Kind::Errors, content)) => show(&mut io::stderr().lock(), &content)?,
            Some((Kind::Taken, content)) => {
                // When nobody counts any more, nobody sends.
                taken.send(usize::try_from(number(&content)).unwrap_or(0)).await.ok();
            }
            Some((Kind::Exit, content)) => return Ok(number(&content).cast_signed()),
            Some(_) => {}
            None => {
                let text = "the instance, or its cloud, has gone";
                return Err(Failure::new(Exit::Failed, text));
            }
        }
    }
}

fn show(to: &mut impl Write, content: &[u8]) -> io::Result<()> {
    to.write_all(content)?;
    to.flush()
}

/// Sends input, sizes and signals; never ends well.
async fn speak(
    mut writer: WriteHalf<TokioIo<Upgraded>>,
    mut taken: mpsc::Receiver<usize>,
    has_terminal: bool,
) -> Failure {
    let (send, mut input) = mpsc::channel::<Vec<u8>>(1);
    std::thread::spawn(move || {
        let mut buffer = vec![0; PIECE_BYTES];
        loop {
            let count = io::stdin().lock().read(&mut buffer).unwrap_or(0);
            let piece = buffer.get(..count).unwrap_or_default().to_vec();
            if send.blocking_send(piece).is_err() || count == 0 {
                return;
            }
        }
    });
    let (wake, mut signals) = mpsc::channel(8);
    for number in PASSED_ON.iter().copied().chain([libc_winch()]) {
        let wake = wake.clone();
        let Ok(mut arrivals) = signal(SignalKind::from_raw(number)) else { continue };
        tokio::spawn(
            async move { while arrivals.recv().await.is_some() && wake.send(number).await.is_ok() {} },
        );
    }
    let (mut on_the_way, mut is_open) = (0usize, true);
    loop {
        let message = tokio::select! {
            count = taken.recv() => {
                on_the_way = on_the_way.saturating_sub(count.unwrap_or(0));
                continue;
            }
            Some(number) = signals.recv() => {
                if number == libc_winch() {
                    if !has_terminal {
                        continue;
                    }
                    let (rows, columns) = size();
                    frame(Kind::Size, &[rows.to_be_bytes(), columns.to_be_bytes()].concat())
                } else {
                    frame(Kind::Signal, &[u8::try_from(number).unwrap_or(15)])
                }
            }
            piece = input.recv(), if is_open && on_the_way + PIECE_BYTES <= WINDOW => {
                let piece = piece.unwrap_or_default();
                is_open = !piece.is_empty();
                on_the_way += piece.len();
                frame(Kind::Input, &piece)
            }
        };
        if let Err(error) = writer.write_all(&message).await {
            // What the program said before it ended is still on its way.
            tokio::time::sleep(std::time::Duration::from_secs(2)).await;
            return error.into();
        }
    }
}

/// The number of the signal for a new size.
fn libc_winch() -> i32 {
    SignalKind::window_change().as_raw_value()
}
