//! A keeper, and an agent, as a program of its own, for tests; `yakumo` runs as them itself when it is called so.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    match &arguments[..] {
        [keeper, agent] if agent == "--agent" => {
            let socket = std::os::fd::AsFd::as_fd(&std::io::stdin()).try_clone_to_owned();
            let served = socket.map_err(|error| error.to_string()).and_then(|socket| {
                let served = yakumo_machine::agent::serve(socket, vec![keeper.clone()]);
                served.map_err(|error| error.to_string())
            });
            if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        [_, root, id] => yakumo_machine::keeper_main(root, id),
        _ => ExitCode::FAILURE,
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::FAILURE
}
