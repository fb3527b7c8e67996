//! A place of its own for a test: a runtime directory, a data directory, and the clouds started there.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// Directories of one test.
pub struct Place {
    directory: TempDir,
}

impl Place {
    pub fn new() -> Place {
        let directory = tempfile::tempdir().unwrap();
        for name in ["run", "data", "home"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        Place { directory }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The command with these arguments and nothing of the surrounding environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yakumo"));
        command.args(arguments).env_clear().stdin(Stdio::null());
        command
            .env("HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("PATH", "/usr/bin:/bin");
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).output().unwrap())
    }

    /// Runs a command that must succeed, with JSON output.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let run = self.run(&[arguments, &["--output", "json"]].concat());
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
        serde_json::from_str(&run.stdout).unwrap()
    }

    /// Starts a cloud on a free port and waits for its ready line.
    pub fn up(&self, arguments: &[&str]) -> Up {
        Up::start(self.command(&[&["up", "--port", "0"], arguments].concat()))
    }
}

/// What a command said.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    fn of(output: Output) -> Run {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

/// A cloud in a process of its own; killed when the test ends.
pub struct Up {
    child: Child,
    stdout: BufReader<std::process::ChildStdout>,
    pub ready_line: String,
}

impl Up {
    pub fn start(mut command: Command) -> Up {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut ready_line = String::new();
        stdout.read_line(&mut ready_line).unwrap();
        let mut up = Up { child, stdout, ready_line };
        if up.ready_line.is_empty() {
            panic!("not ready: {}", up.stderr());
        }
        up
    }

    pub fn endpoint(&self) -> &str {
        self.ready_line.split_whitespace().nth(1).unwrap()
    }

    pub fn address(&self) -> SocketAddr {
        self.endpoint().strip_prefix("http://").unwrap().parse().unwrap()
    }

    pub fn port(&self) -> u16 {
        self.address().port()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal and waits for the end. Gives the exit code, and what else came on stdout and stderr.
    pub fn stop(mut self, signal: &str) -> Run {
        let sent = Command::new("kill").args([signal, &self.pid().to_string()]).status().unwrap();
        assert!(sent.success());
        let mut stdout = String::new();
        self.stdout.read_to_string(&mut stdout).unwrap();
        let stderr = self.stderr();
        Run { code: self.child.wait().unwrap().code().unwrap_or(-1), stdout, stderr }
    }

    /// Everything on stderr until the process ends.
    fn stderr(&mut self) -> String {
        let mut text = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// Sends raw HTTP and gives status and body.
    pub fn http(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.write_all(format!("{request}\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// A control request as the command sends it.
    pub fn control(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let host = format!("127.0.0.1:{}", self.port());
        let (status, text) = self.http(method, path, &[("host", &host), ("x-yakumo-control", "1")], body);
        (status, serde_json::from_str(&text).unwrap())
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
