//! The sandbox agent: this program, started by `yakumo up` with a socket as its standard input.
//!
//! Invariant: it reads nothing but the socket; every sandbox has a keeper, which is this program once more.

use std::process::ExitCode;

/// The argument that makes this program the agent. It is no command: nobody but `yakumo up` has the other end.
pub const ARGUMENT: &str = "--machine-agent";

/// Serves until the front is gone.
#[cfg(target_os = "linux")]
pub fn run() -> ExitCode {
    use crate::terminal::Terminal;
    use std::io;
    use std::os::fd::AsFd;

    let served = io::stdin().as_fd().try_clone_to_owned().map_err(|error| error.to_string());
    let served = served.and_then(|socket| {
        yakumo_machine::agent::serve(socket, keeper()?, bound()?.as_ref()).map_err(|error| error.to_string())
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A standard error that is gone leaves nobody to tell.
            let _ = Terminal::stderr().line(&format!("the sandbox agent ends: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// The argument after it that says for what alone: a cloud's id, its machine's directory, that of notes, and whether sandboxes outlive the cloud.
pub const BOUND: &str = "bound";

#[cfg(target_os = "linux")]
fn bound() -> Result<Option<yakumo_machine::agent::Opening>, String> {
    let mut words = std::env::args_os().skip(2);
    if words.next().is_none_or(|word| word != BOUND) {
        return Ok(None);
    }
    let (Some(cloud), Some(root), Some(run), Some(keeps)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err("it is not said for what it is bound".to_owned());
    };
    let (cloud, keeps) = (cloud.to_string_lossy().into_owned(), keeps == crate::network_agent::KEPT);
    Ok(Some(yakumo_machine::agent::Opening {
        root: root.into(),
        cloud,
        run: run.into(),
        keeps,
        generation: None,
    }))
}

/// The program and argument that make a keeper.
///
/// # Errors
/// In words, when this program does not find itself.
#[cfg(target_os = "linux")]
pub fn keeper() -> Result<Vec<std::ffi::OsString>, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    Ok(vec![program.into_os_string(), crate::machine_keeper::ARGUMENT.into()])
}

/// There are no sandboxes on this system.
#[cfg(not(target_os = "linux"))]
pub fn run() -> ExitCode {
    ExitCode::FAILURE
}
