//! A conversation with a program in an instance: started for an HTTP request, carried over its connection.
//!
//! Invariant: what was started is hung up when the connection ends, and nothing grows with what either side sends.

use super::answer::Answer;
use super::frames::{self, Kind, WINDOW, frame};
use super::instances::CONVERSATIONS_MAX;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncWriteExt, ReadHalf};
use tokio::sync::{Semaphore, mpsc, watch};
use yakumo_front::{Duplex, Takeover};
use yakumo_machine::{Command, Program, Reply, Request, Sandboxes, Size};

/// How much is read of a program at once.
const READ_BYTES: usize = 32 * 1024;
/// How long what a terminal still has is waited for when its program has ended.
const LAST_WORDS: Duration = Duration::from_millis(250);

/// What is to be run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecQuestion {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// As whom: a name, root without one.
    #[serde(default)]
    pub user: Option<String>,
    /// Variables beside the usual ones.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Lines and columns of its terminal; without one it has pipes.
    #[serde(default)]
    pub terminal: Option<(u16, u16)>,
}

/// A program that runs, and our ends of what it reads and writes.
struct Started {
    program: Program,
    input: AsyncFd<OwnedFd>,
    outputs: Vec<(Kind, AsyncFd<OwnedFd>)>,
    has_terminal: bool,
}

/// Starts the program; the answer hands the connection over.
pub(crate) async fn begin(
    sandboxes: &Sandboxes,
    turns: &Arc<Semaphore>,
    id: &str,
    question: ExecQuestion,
) -> Result<Answer, Answer> {
    let turn = Arc::clone(turns).try_acquire_owned();
    let turn = turn
        .map_err(|_| Answer::conflict(format!("{CONVERSATIONS_MAX} conversations are going on already")))?;
    let started = start(sandboxes, id, question).await?;
    Ok(Answer::takeover(Takeover::new(move |connection| async move {
        converse(connection, started).await;
        drop(turn);
    })))
}

async fn start(sandboxes: &Sandboxes, id: &str, question: ExecQuestion) -> Result<Started, Answer> {
    let broken = |error: io::Error| Answer::failed(&error);
    let mut command = Command::new(question.command);
    (command.user, command.environment) = (question.user, question.environment);
    command.check().map_err(|error| Answer::bad_request(error.to_string()))?;
    let size = question.terminal.map(|(rows, columns)| Size { rows, columns });
    let mut theirs: Vec<OwnedFd> = Vec::new();
    let mut ours: Vec<OwnedFd> = Vec::new();
    if size.is_none() {
        let (input, output, errors) =
            (io::pipe().map_err(broken)?, io::pipe().map_err(broken)?, io::pipe().map_err(broken)?);
        theirs = vec![input.0.into(), output.1.into(), errors.1.into()];
        ours = vec![input.1.into(), output.0.into(), errors.0.into()];
    }
    let run = Request::Run { id: id.to_owned(), command, terminal: size, stays: false };
    let (reply, descriptors) = sandboxes.ask_with(run, theirs).await.map_err(|error| refused(id, &error))?;
    let Reply::Runs(process) = reply else {
        return Err(Answer::failed(&io::Error::other("an answer to another question")));
    };
    let program = Program::from_descriptors(process, descriptors).map_err(|error| Answer::failed(&error))?;
    if let Some(terminal) = &program.terminal {
        let copy = || terminal.as_fd().try_clone_to_owned().map_err(broken);
        ours = vec![copy()?, copy()?];
    }
    let mut ours = ours.into_iter().map(|one| waiting(one).map_err(broken));
    let mut next = || ours.next().unwrap_or_else(|| Err(broken(io::Error::other("a descriptor is missing"))));
    let (input, mut outputs) = (next()?, vec![(Kind::Output, next()?)]);
    if size.is_none() {
        outputs.push((Kind::Errors, next()?));
    }
    Ok(Started { program, input, outputs, has_terminal: size.is_some() })
}

/// Why a program was not started, for people.
pub(crate) fn refused(id: &str, error: &yakumo_machine::Error) -> Answer {
    match error.kind {
        yakumo_machine::Kind::NotRunning => Answer::conflict(format!("{id} does not run")),
        yakumo_machine::Kind::Failed | yakumo_machine::Kind::Gone => Answer::failed(error),
        _ => Answer::bad_request(error.to_string()),
    }
}

fn waiting(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    let flags = rustix::fs::fcntl_getfl(&descriptor)?;
    rustix::fs::fcntl_setfl(&descriptor, flags | rustix::fs::OFlags::NONBLOCK)?;
    registered(descriptor)
}

/// Tells tokio of a descriptor.
#[allow(
    deprecated,
    reason = "what is said against it are descriptors that are closed meanwhile; an owned one is not"
)]
fn registered(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(descriptor)
}

async fn converse(connection: Box<dyn Duplex>, started: Started) {
    let Started { program, input, outputs, has_terminal } = started;
    let (reader, mut writer) = tokio::io::split(connection);
    let (frames, mut to_send) = mpsc::channel::<Vec<u8>>(8);
    let (over, _) = watch::channel(false);
    let send = async {
        while let Some(frame) = to_send.recv().await {
            if writer.write_all(&frame).await.is_err() {
                return;
            }
        }
        writer.shutdown().await.ok();
    };
    let work = async {
        let (inputs, to_write) = mpsc::unbounded_channel();
        let on_the_way = AtomicUsize::new(0);
        let tell = async {
            let pumps = outputs
                .into_iter()
                .map(|(kind, source)| pump(source, kind, frames.clone(), over.subscribe(), has_terminal));
            let pumps = futures_util::future::join_all(pumps);
            let end = async {
                let code = ended(&program).await;
                over.send_replace(true);
                code
            };
            let (_, code) = futures_util::future::join(pumps, end).await;
            frames.send(frame(Kind::Exit, &code.to_be_bytes())).await.ok();
        };
        tokio::select! {
            () = tell => {}
            // A client that went away has nobody who waits for the program.
            () = listen(reader, &program, inputs, &on_the_way) => {}
            () = feed(input, to_write, frames.clone(), &on_the_way, has_terminal) => {}
        }
        drop(frames);
    };
    futures_util::future::join(send, work).await;
}

/// Passes on what a program writes, until it writes no more.
async fn pump(
    source: AsyncFd<OwnedFd>,
    kind: Kind,
    frames: mpsc::Sender<Vec<u8>>,
    mut over: watch::Receiver<bool>,
    is_terminal: bool,
) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let is_over = *over.borrow_and_update();
        let readable = async {
            if is_over && !is_terminal {
                // All that it wrote is in the pipe; what it left behind may hold the pipe open for long.
                return Some(rustix::io::read(source.get_ref(), &mut buffer).map_err(io::Error::from));
            }
            let mut guard = source.readable().await.ok()?;
            let read = guard.try_io(|inner| Ok(rustix::io::read(inner.get_ref(), &mut buffer)?));
            Some(read.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into())))
        };
        let read = tokio::select! {
            biased;
            read = readable => read,
            _ = over.changed(), if !is_over => continue,
            () = tokio::time::sleep(LAST_WORDS), if is_over => return,
        };
        match read {
            // A terminal's other side is closed: that is EIO.
            None | Some(Ok(0)) => return,
            Some(Ok(count)) => {
                let content = buffer.get(..count).unwrap_or_default();
                if frames.send(frame(kind, content)).await.is_err() {
                    return;
                }
            }
            Some(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Some(Err(_)) => return,
        }
    }
}

/// Waits for the program's end: the code that a shell would tell.
async fn ended(program: &Program) -> i32 {
    let watched = program.as_fd().try_clone_to_owned().and_then(registered);
    let Ok(watched) = watched else { return 255 };
    loop {
        let Ok(mut guard) = watched.readable().await else { return 255 };
        match program.wait(Duration::ZERO) {
            Ok(Some(exit)) => return exit.code(),
            Ok(None) => guard.clear_ready(),
            Err(_) => return 255,
        }
    }
}

/// What a piece of input counts while it is on its way: an empty one is no present either.
fn weight(content: &[u8]) -> usize {
    content.len().max(1)
}

/// Takes what the client sends; ends with it.
async fn listen(
    mut reader: ReadHalf<Box<dyn Duplex>>,
    program: &Program,
    inputs: mpsc::UnboundedSender<Vec<u8>>,
    on_the_way: &AtomicUsize,
) {
    while let Ok(Some((kind, content))) = frames::read(&mut reader).await {
        let is_fine = match (kind, content.as_slice()) {
            (Kind::Input, content) => {
                let before = on_the_way.fetch_add(weight(content), Ordering::Relaxed);
                // Who sends more than was asked for is cut off.
                before <= WINDOW && inputs.send(content.to_vec()).is_ok()
            }
            (Kind::Size, [a, b, c, d]) => {
                let size = Size { rows: u16::from_be_bytes([*a, *b]), columns: u16::from_be_bytes([*c, *d]) };
                // A program without a terminal has no size.
                program.resize(size).ok();
                true
            }
            (Kind::Signal, [number @ 1..=31]) => program.signal(i32::from(*number)).is_ok(),
            _ => false,
        };
        if !is_fine {
            return;
        }
    }
}

/// Writes input to the program, and says how much it took. It never ends by itself.
async fn feed(
    target: AsyncFd<OwnedFd>,
    mut inputs: mpsc::UnboundedReceiver<Vec<u8>>,
    frames: mpsc::Sender<Vec<u8>>,
    on_the_way: &AtomicUsize,
    is_terminal: bool,
) {
    let mut target = Some(target);
    while let Some(mut content) = inputs.recv().await {
        let is_end = content.is_empty();
        let count = u32::try_from(content.len()).unwrap_or(u32::MAX);
        if is_end && is_terminal {
            // What Ctrl-D is.
            content.push(4);
        }
        if let Some(open) = &target
            && write(open, &content).await.is_err()
        {
            // It reads no more; that is no reason to end.
            target = None;
        }
        if is_end && !is_terminal {
            target = None;
        }
        on_the_way.fetch_sub(weight(&content).min(on_the_way.load(Ordering::Relaxed)), Ordering::Relaxed);
        if frames.send(frame(Kind::Taken, &count.to_be_bytes())).await.is_err() {
            break;
        }
    }
    std::future::pending::<()>().await;
}

async fn write(target: &AsyncFd<OwnedFd>, mut content: &[u8]) -> io::Result<()> {
    while !content.is_empty() {
        let mut guard = target.writable().await?;
        match guard.try_io(|inner| Ok(rustix::io::write(inner.get_ref(), content)?)) {
            Ok(Ok(count)) => content = content.get(count..).unwrap_or_default(),
            Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(())
}
