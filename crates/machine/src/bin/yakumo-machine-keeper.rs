//! A keeper, and an agent, as a program of its own, for tests; `yakumo` runs as them itself when it is called so. With `--confined` it gives
//! up its rights and tells what it still can.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    match &arguments[..] {
        [keeper, agent] if agent == "--agent" => {
            let socket = std::os::fd::AsFd::as_fd(&std::io::stdin()).try_clone_to_owned();
            let served = socket.map_err(|error| error.to_string()).and_then(|socket| {
                let served = yakumo_machine::agent::serve(socket, vec![keeper.clone()], None);
                served.map_err(|error| error.to_string())
            });
            if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        [_, word, own, others, port] if word == "--confined" => {
            confined::tell(own.as_ref(), others.as_ref(), &port.to_string_lossy())
        }
        [_, root, id] => yakumo_machine::keeper_main(root, id),
        _ => ExitCode::FAILURE,
    }
}

#[cfg(target_os = "linux")]
mod confined {
    use std::fs::{self, File, OpenOptions, Permissions};
    use std::io::{self, Write};
    use std::net::TcpStream;
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    use std::os::unix::net::UnixStream;
    use std::path::Path;
    use std::process::{Command, ExitCode};
    use yakumo_machine::confine::{Bounds, confine};

    /// Tries things after the rights are gone: a line for each, with whether it worked.
    pub fn tell(own: &Path, others: &Path, port: &str) -> ExitCode {
        let sealed = vec![own.join("sealed")];
        let bounds = Bounds { own: vec![own.to_owned()], sealed, local_sockets: false };
        let notes = match confine(&bounds) {
            Ok(notes) => notes,
            Err(error) => vec![error.to_string()],
        };
        let writes = |path: &Path| OpenOptions::new().append(true).create(true).open(path).map(drop);
        let file = own.join("file");
        let mode = |mode| fs::set_permissions(&file, Permissions::from_mode(mode));
        let tried: [(&str, io::Result<()>); 20] = [
            ("write in its own", writes(&file)),
            (
                "move in its own",
                fs::create_dir(own.join("d")).and_then(|()| fs::rename(&file, own.join("d/file"))),
            ),
            ("move back", fs::rename(own.join("d/file"), &file)),
            ("read names", fs::read("/etc/passwd").map(drop)),
            ("pairs", UnixStream::pair().map(drop)),
            ("threads", std::thread::spawn(|| ()).join().map_err(|_| io::Error::other("panicked"))),
            ("connect", TcpStream::connect(format!("127.0.0.1:{port}")).map(drop)),
            ("mode", mode(0o640)),
            ("set-user-id", mode(0o4755)),
            (
                "made with it",
                OpenOptions::new().write(true).create_new(true).mode(0o4755).open(own.join("s")).map(drop),
            ),
            ("read what is sealed", fs::read(own.join("sealed/file")).map(drop)),
            ("write what is sealed", writes(&own.join("sealed/file"))),
            ("write of others", writes(&others.join("file"))),
            ("read of others", File::open(others.join("secret")).map(drop)),
            ("list root's", fs::read_dir("/root").map(drop)),
            (
                "set the kernel",
                OpenOptions::new().write(true).open("/proc/sys/kernel/core_pattern").map(drop),
            ),
            ("devices", File::open("/dev/kmsg").map(drop)),
            ("local sockets", UnixStream::connect(own.join("socket")).map(drop)),
            ("run programs", Command::new("/bin/true").status().map(drop)),
            ("signals", signal_parent()),
        ];
        let mut out = io::stdout().lock();
        for note in notes {
            let _ = writeln!(out, "note: {note}");
        }
        for (what, outcome) in tried {
            let _ = writeln!(out, "{what}: {}", if outcome.is_ok() { "yes" } else { "no" });
        }
        ExitCode::SUCCESS
    }

    fn signal_parent() -> io::Result<()> {
        let parent = rustix::process::getppid().ok_or_else(|| io::Error::other("no parent"))?;
        rustix::process::test_kill_process(parent).map_err(Into::into)
    }
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::FAILURE
}
