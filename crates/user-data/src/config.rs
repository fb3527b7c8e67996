//! `#cloud-config`: the modules that people use, as shell lines in cloud-init's order. Pure.
//!
//! Invariant: a key that nothing is done for is named in a note, so that nobody believes that it was.
//! Source: <https://cloudinit.readthedocs.io/en/latest/reference/modules.html>

use crate::shell::{quoted, words};
use crate::{Steps, users};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

/// Keys that only say how something is done that is done here anyway, or ask for what is so already.
const FREE: &[&str] = &["preserve_hostname", "prefer_fqdn_over_hostname", "package_reboot_if_required"];

/// Reads a document.
pub(crate) fn read(content: &[u8]) -> Result<Map<String, Value>, String> {
    let text = std::str::from_utf8(content).map_err(|_| "it is no UTF-8".to_owned())?;
    let options = serde_saphyr::options! {
        legacy_octal_numbers: true,
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins,
    };
    let value: Value = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| error.to_string().lines().next().unwrap_or("it cannot be read").to_owned())?;
    match value {
        Value::Object(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        _ => Err("it is no mapping".to_owned()),
    }
}

/// Adds the steps of all documents together.
pub(crate) fn steps(steps: &mut Steps, mut config: Map<String, Value>, user: &str) {
    let mut take = |key: &str| config.remove(key).filter(|value| !value.is_null());
    if let Some(value) = take("bootcmd") {
        let lines = commands(steps, "bootcmd", &value);
        let name = steps.file(format!("#!/bin/sh\n{}\n", lines.join("\n")).into_bytes());
        steps.early_always.push(format!("boothook {name} bootcmd"));
    }
    if let Some(value) = take("write_files") {
        write_files(steps, &value);
    }
    hostname(steps, [take("hostname"), take("fqdn"), take("manage_etc_hosts")]);
    users::steps(
        steps,
        user,
        users::Given {
            groups: take("groups"),
            user: take("user"),
            users: take("users"),
            keys: take("ssh_authorized_keys"),
            root: take("disable_root"),
            password: take("password"),
            chpasswd: take("chpasswd"),
        },
    );
    if let Some(zone) = take("timezone").and_then(text) {
        steps.config_once.push(format!("timezone {}", quoted(&zone)));
    }
    packages(steps, [take("package_update"), take("package_upgrade"), take("packages")]);
    if let Some(value) = take("runcmd") {
        let lines = commands(steps, "runcmd", &value);
        let name = steps.file(format!("#!/bin/sh\n{}\n", lines.join("\n")).into_bytes());
        steps.runcmd.push(format!("script {name} runcmd"));
    }
    if let Some(message) = take("final_message").and_then(text) {
        // cloud-init: `$UPTIME` and the like are its template's; the boot script fills in what it knows.
        steps.final_always.push(format!("final_message {}", quoted(&message)));
    }
    if let Some(value) = take("power_state") {
        power_state(steps, &value);
    }
    for key in config.keys().filter(|key| !FREE.contains(&key.as_str())).take(32) {
        steps.note(&format!("cloud-config: {}: it is not done here", shown(key)));
    }
}

/// A key for a note: short, and in one line.
pub(crate) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// A scalar as text.
pub(crate) fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is) => Some(is.to_string()),
        _ => None,
    }
}

/// cloud-init: `yes`, `on` and the like are as good as `true`.
pub(crate) fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(is)) => *is,
        Some(Value::String(text)) => ["true", "yes", "on", "1"].contains(&text.to_ascii_lowercase().as_str()),
        _ => false,
    }
}

/// A scalar, or a list of them.
pub(crate) fn texts(value: Option<Value>) -> Vec<String> {
    match value {
        Some(Value::Array(all)) => all.into_iter().filter_map(text).collect(),
        Some(one) => text(one).into_iter().collect(),
        None => Vec::new(),
    }
}

/// cloud-init: a text is a line of a shell, a list a program and its arguments.
fn commands(steps: &mut Steps, key: &str, value: &Value) -> Vec<String> {
    let Value::Array(all) = value else {
        steps.note(&format!("cloud-config: {key} is no list: it is not done"));
        return Vec::new();
    };
    let mut lines = Vec::new();
    for one in all {
        match one {
            Value::String(line) => lines.push(line.replace('\0', "")),
            Value::Array(arguments) => {
                let arguments: Vec<String> = arguments.iter().cloned().filter_map(text).collect();
                lines.push(words(arguments.iter().map(String::as_str)));
            }
            Value::Null => {}
            other => match text(other.clone()) {
                Some(line) => lines.push(line),
                None => steps.note(&format!("cloud-config: {key} has what is no command: it is left out")),
            },
        }
    }
    lines
}

fn write_files(steps: &mut Steps, value: &Value) {
    for one in value.as_array().into_iter().flatten() {
        let field = |name: &str| one.get(name).cloned().and_then(text);
        let Some(path) = field("path").filter(|path| path.starts_with('/')) else {
            steps.note("cloud-config: write_files has a file without an absolute path: it is left out");
            continue;
        };
        let encoding = field("encoding").unwrap_or_default().to_ascii_lowercase();
        let Some(content) = content(&field("content").unwrap_or_default(), &encoding) else {
            let name = shown(&path);
            steps.note(&format!(
                "cloud-config: write_files: the content of {name} cannot be decoded: it is left out"
            ));
            continue;
        };
        let mode = match one.get("permissions") {
            // Read as octal already, or as the number that it is.
            Some(Value::Number(number)) => number.as_u64().map(|mode| format!("{:o}", mode & 0o7777)),
            Some(Value::String(mode)) => {
                let digits = mode.trim_start_matches("0o");
                u32::from_str_radix(digits, 8).ok().map(|mode| format!("{:o}", mode & 0o7777))
            }
            _ => None,
        };
        let owner = field("owner").unwrap_or_else(|| "root:root".to_owned());
        let append = if is_true(one.get("append")) { "append" } else { "write" };
        let file = steps.file(content);
        let mode = mode.unwrap_or_else(|| "644".to_owned());
        let line = words([append, &file, &path, &mode, &owner]);
        let deferred = is_true(one.get("defer"));
        if deferred { &mut steps.packages } else { &mut steps.early_once }.push(format!("put {line}"));
    }
}

fn content(text: &str, encoding: &str) -> Option<Vec<u8>> {
    let (mut bytes, has_base64, has_gzip) = match encoding {
        "" | "text/plain" => return Some(text.as_bytes().to_vec()),
        "b64" | "base64" => (Vec::new(), true, false),
        "gz" | "gzip" => (text.as_bytes().to_vec(), false, true),
        "gz+b64" | "gz+base64" | "gzip+b64" | "gzip+base64" => (Vec::new(), true, true),
        _ => return None,
    };
    if has_base64 {
        let plain: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        bytes = STANDARD.decode(plain).ok()?;
    }
    if has_gzip { crate::parts::gunzip(&bytes) } else { Some(bytes) }
}

fn hostname(steps: &mut Steps, [host, full, hosts]: [Option<Value>; 3]) {
    let (host, full) = (host.and_then(text), full.and_then(text));
    let name = |text: &String| {
        let label = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        (1..=253).contains(&text.len()) && text.chars().all(label)
    };
    if host.iter().chain(&full).any(|text| !name(text)) {
        return steps.note("cloud-config: hostname: it is no host name: it is not done");
    }
    let short =
        host.clone().or_else(|| full.as_ref().and_then(|full| full.split('.').next().map(str::to_owned)));
    if let Some(short) = short {
        let full = full.or(host).unwrap_or_else(|| short.clone());
        steps.hostname = Some(short.clone()).filter(|short| short.len() <= 63);
        if is_true(hosts.as_ref()) || hosts == Some(Value::String("localhost".to_owned())) {
            steps.early_always.push(format!("hosts {} {}", quoted(&full), quoted(&short)));
        }
    }
}

fn packages(steps: &mut Steps, [update, upgrade, names]: [Option<Value>; 3]) {
    let mut all = Vec::new();
    for one in names.as_ref().and_then(Value::as_array).into_iter().flatten() {
        match one {
            Value::Array(pair) => {
                let pair: Vec<String> = pair.iter().cloned().filter_map(text).collect();
                all.push(pair.join("="));
            }
            other => all.extend(text(other.clone())),
        }
    }
    // What begins with a dash would be an option of the package manager.
    all.retain(|name| !name.is_empty() && !name.starts_with('-'));
    if is_true(update.as_ref()) || is_true(upgrade.as_ref()) || !all.is_empty() {
        let upgrade = if is_true(upgrade.as_ref()) { "upgrade" } else { "install" };
        steps.packages.push(format!("packages {upgrade} {}", words(all.iter().map(String::as_str))));
    }
}

fn power_state(steps: &mut Steps, value: &Value) {
    let mode = value.get("mode").cloned().and_then(text).unwrap_or_default();
    if !["poweroff", "halt", "reboot"].contains(&mode.as_str()) {
        return steps
            .note("cloud-config: power_state: the mode is none of poweroff, halt, reboot: it is not done");
    }
    let condition = match value.get("condition") {
        None | Some(Value::Null | Value::Bool(true)) => "true".to_owned(),
        Some(Value::Bool(false)) => return,
        Some(Value::Array(all)) => {
            let all: Vec<String> = all.iter().cloned().filter_map(text).collect();
            words(all.iter().map(String::as_str))
        }
        Some(other) => text(other.clone()).unwrap_or_else(|| "true".to_owned()),
    };
    let delay = value.get("delay").cloned().and_then(text).unwrap_or_else(|| "now".to_owned());
    let delay = delay.trim_start_matches('+').trim();
    let minutes = if delay == "now" { Ok(0) } else { delay.parse::<u32>() };
    match minutes {
        Ok(minutes) => steps.power.push(format!("power_state {mode} {minutes} {}", quoted(&condition))),
        Err(_) => steps.note("cloud-config: power_state: the delay is no number of minutes: it is not done"),
    }
}

#[cfg(test)]
mod tests {
    use crate::plan;

    fn script(config: &str) -> String {
        plan(format!("#cloud-config\n{config}").as_bytes(), "ec2-user").script
    }

    #[test]
    fn commands_are_lines_and_lists_are_words() {
        let made = plan(b"#cloud-config\nruncmd:\n- echo $HOME\n- [ls, -l, \"a b\"]\n- [sleep, 1]\n", "u");
        assert_eq!(
            String::from_utf8(made.files[0].1.clone()).unwrap(),
            "#!/bin/sh\necho $HOME\n'ls' '-l' 'a b'\n'sleep' '1'\n"
        );
        assert!(made.script.contains("script part-001 runcmd"));
        assert!(script("bootcmd: [echo]").contains("early_always() {\n:\nboothook part-001 bootcmd"));
    }

    #[test]
    fn files_have_encodings_modes_and_owners() {
        let file = "write_files:\n- path: /a b\n  content: SGk=\n  encoding: b64\n  permissions: '0600'\n  owner: root:adm\n  append: true\n";
        let made = plan(format!("#cloud-config\n{file}").as_bytes(), "u");
        assert_eq!(made.files[0].1, b"Hi");
        assert!(made.script.contains("put 'append' 'part-001' '/a b' '600' 'root:adm'"), "{}", made.script);
        assert!(script("write_files: [{path: /x, permissions: 0755}]").contains("'/x' '755'"));
        assert!(script("write_files: [{path: x}]").contains("left out"));
        assert!(script("write_files: [{path: /x, encoding: b64, content: '!'}]").contains("left out"));
    }

    #[test]
    fn what_is_not_done_is_named() {
        assert!(script("growpart: {mode: auto}").contains("note 'cloud-config: growpart"));
        assert!(script("a: [").contains("it is not done"));
        assert!(script("[1]").contains("it is no mapping"));
        assert!(script("hostname: 'a b'").contains("no host name"));
        assert!(!script("hostname: web\nfqdn: web.example.com").contains("note"));
    }

    #[test]
    fn the_end_may_be_a_reboot() {
        assert!(script("power_state: {mode: reboot, delay: now}").contains("power_state reboot 0 'true'"));
        assert!(script("power_state: {mode: fly}").contains("it is not done"));
    }
}
