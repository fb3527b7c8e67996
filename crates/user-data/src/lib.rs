//! User data as cloud-init reads it: parts become files and one shell script, so that an instance needs nothing but `sh`.
//!
//! Invariant: whatever the bytes are, there is a plan: what cannot be done is one of its notes, and never stops the rest.
//! Source: <https://cloudinit.readthedocs.io/en/latest/explanation/format.html>

mod config;
mod parts;
mod shell;
mod users;

use parts::Kind;
use serde_json::Map;

/// The most bytes that user data may unpack to, and that a plan has.
pub const BYTES_MAX: usize = 64 * 1024;

/// What is to be done at boot.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Files for a directory that only root can enter: names and contents.
    pub files: Vec<(String, Vec<u8>)>,
    /// Shell functions that the boot script calls, each of them present: `early_always`, `early_once`, `config_once`, `per_boot`,
    /// `final_once`, `final_always`, `power`. They use the functions of the boot script and find the files in `$data`.
    pub script: String,
    /// The host name that is asked for.
    pub hostname: Option<String>,
}

/// Steps of the boot, each a list of shell lines.
#[derive(Default)]
struct Steps {
    early_always: Vec<String>,
    early_once: Vec<String>,
    config_once: Vec<String>,
    per_boot: Vec<String>,
    packages: Vec<String>,
    final_once: Vec<String>,
    runcmd: Vec<String>,
    final_always: Vec<String>,
    power: Vec<String>,
    files: Vec<(String, Vec<u8>)>,
    hostname: Option<String>,
    /// Whether the default user and root are as the image has them, or `#cloud-config` has said.
    login: users::Login,
}

impl Steps {
    fn note(&mut self, text: &str) {
        self.early_once.push(format!("note {}", shell::quoted(text)));
    }

    /// Keeps bytes as a file; its name.
    fn file(&mut self, content: Vec<u8>) -> String {
        let name = format!("part-{:03}", self.files.len() + 1);
        self.files.push((name.clone(), content));
        name
    }
}

/// Makes the plan. `user` is the image's default user.
pub fn plan(bytes: &[u8], user: &str) -> Plan {
    let mut steps = Steps::default();
    let found = parts::read(bytes);
    let mut config = Map::new();
    for note in &found.notes {
        steps.note(note);
    }
    for part in found.parts {
        match part.kind {
            Kind::Config => match config::read(&part.content) {
                // cloud-init: of the same key in two parts, the later one counts.
                Ok(map) => config.extend(map),
                Err(why) => steps.note(&format!("cloud-config: {why}: it is not done")),
            },
            kind => script(&mut steps, kind, part.content),
        }
    }
    config::steps(&mut steps, config, user);
    let login = std::mem::take(&mut steps.login).lines(user);
    steps.early_once.extend(login);
    finish(steps)
}

/// A part that is run.
fn script(steps: &mut Steps, kind: Kind, content: Vec<u8>) {
    if kind == Kind::Include {
        let text = String::from_utf8_lossy(&content).into_owned();
        let urls = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        for url in urls.take(16) {
            steps.final_once.push(format!("include {}", shell::quoted(url)));
        }
        return;
    }
    let name = steps.file(content);
    let line = |step: &str| format!("{step} {name}");
    match kind {
        Kind::Script => steps.final_once.push(line("script")),
        // cloud-init: a boothook is run at every boot, before everything else.
        Kind::Boothook => steps.early_always.push(line("boothook")),
        Kind::PerBoot => steps.per_boot.push(line("script")),
        Kind::PerInstance | Kind::PerOnce => steps.final_once.insert(0, line("script")),
        Kind::Config | Kind::Include => {}
    }
}

fn finish(steps: Steps) -> Plan {
    let mut final_once = steps.packages;
    final_once.extend(steps.final_once);
    final_once.extend(steps.runcmd);
    let functions = [
        ("early_always", steps.early_always),
        ("early_once", steps.early_once),
        ("config_once", steps.config_once),
        ("per_boot", steps.per_boot),
        ("final_once", final_once),
        ("final_always", steps.final_always),
        ("power", steps.power),
    ];
    let script: String =
        functions.iter().map(|(name, lines)| format!("{name}() {{\n:\n{}\n}}\n", lines.join("\n"))).collect();
    let bytes = script.len() + steps.files.iter().map(|(_, content)| content.len()).sum::<usize>();
    if bytes > BYTES_MAX {
        let mut without = Steps::default();
        without.note("user data unpacks to more than 64 KiB: none of it is done");
        return finish(without);
    }
    Plan { files: steps.files, script, hostname: steps.hostname }
}

#[cfg(test)]
mod tests {
    use super::plan;

    fn script(data: &[u8]) -> String {
        plan(data, "ec2-user").script
    }

    #[test]
    fn a_script_runs_once_and_a_boothook_always() {
        let plan_of_script = plan(b"#!/bin/sh\necho hi\n", "ec2-user");
        assert_eq!(plan_of_script.files, [("part-001".to_owned(), b"#!/bin/sh\necho hi\n".to_vec())]);
        assert!(plan_of_script.script.contains("final_once() {\n:\nscript part-001\n}"));
        assert!(
            script(b"#cloud-boothook\n#!/bin/sh\n").contains("early_always() {\n:\nboothook part-001\n}")
        );
    }

    #[test]
    fn what_is_nothing_is_named() {
        assert!(script(b"hello").contains("note 'user data is neither"));
        assert!(!script(b"").contains("note"));
    }

    #[test]
    fn a_plan_is_bounded() {
        let many = format!("#cloud-config\nruncmd: [{}]\n", "\"''''''''''''''''''''''\", ".repeat(600));
        assert!(script(many.as_bytes()).len() < super::BYTES_MAX);
    }
}
