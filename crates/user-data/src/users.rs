//! Users, groups, passwords and keys of `#cloud-config`. Pure.
//!
//! Invariant: a name that could be anything but a name in `/etc/passwd` is refused here, and quoted all the same.
//! Source: <https://cloudinit.readthedocs.io/en/latest/reference/yaml_examples/user_groups.html>

use crate::Steps;
use crate::config::{is_true, shown, text, texts};
use crate::shell::{quoted, words};
use serde_json::Value;

/// What is said about users.
pub(crate) struct Given {
    pub groups: Option<Value>,
    pub user: Option<Value>,
    pub users: Option<Value>,
    pub keys: Option<Value>,
    pub root: Option<Value>,
    pub password: Option<Value>,
    pub chpasswd: Option<Value>,
}

/// Who may log in with the key pair's key.
pub(crate) struct Login {
    /// Whether there is a default user.
    default_user: bool,
    /// The name that stands in its place.
    name: Option<String>,
    /// Whether root may as well.
    root: bool,
    keys: Vec<String>,
    others: Vec<String>,
}

impl Default for Login {
    fn default() -> Login {
        Login { default_user: true, name: None, root: false, keys: Vec::new(), others: Vec::new() }
    }
}

impl Login {
    /// The lines that make the users: the image's first.
    pub fn lines(self, user: &str) -> Vec<String> {
        let mut lines = Vec::new();
        let user = self.name.as_deref().unwrap_or(user);
        let keys = words(self.keys.iter().map(String::as_str));
        if self.default_user {
            lines.push(format!("default_user {} {keys}", quoted(user)));
        }
        lines.push(format!("root_login {} {} {keys}", if self.root { "yes" } else { "no" }, quoted(user)));
        lines.extend(self.others);
        lines
    }
}

fn is_name(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && text.len() <= 32 && characters.all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// A line of `authorized_keys`, or of `sudoers`: one line.
fn is_line(text: &str) -> bool {
    !text.trim().is_empty() && !text.chars().any(char::is_control)
}

fn keys_of(value: Option<Value>) -> Vec<String> {
    texts(value).into_iter().map(|key| key.trim().to_owned()).filter(|line| is_line(line)).collect()
}

/// Adds the steps.
pub(crate) fn steps(steps: &mut Steps, user: &str, given: Given) {
    steps.login.keys = keys_of(given.keys);
    steps.login.root = given.root.is_some() && !is_true(given.root.as_ref());
    groups(steps, given.groups);
    if let Some(name) = given.user.and_then(|user| text(user.get("name").cloned().unwrap_or(user))) {
        if is_name(&name) {
            steps.login.name = Some(name);
        } else {
            steps.note(&format!("cloud-config: user {}: it is no name", shown(&name)));
        }
    }
    if let Some(Value::Array(all)) = given.users {
        // cloud-init: who lists users without `default` gets no default user.
        steps.login.default_user = all.iter().any(|one| one == "default");
        for one in all.into_iter().filter(|one| one != "default") {
            one_user(steps, one);
        }
    }
    passwords(steps, user, given.password, given.chpasswd);
}

fn groups(steps: &mut Steps, value: Option<Value>) {
    let pairs: Vec<(String, Vec<String>)> = match value {
        Some(Value::Object(map)) => {
            map.into_iter().map(|(name, members)| (name, texts(Some(members)))).collect()
        }
        Some(Value::Array(all)) => all
            .into_iter()
            .flat_map(|one| match one {
                Value::Object(map) => {
                    map.into_iter().map(|(name, members)| (name, texts(Some(members)))).collect()
                }
                other => text(other).map(|name| (name, Vec::new())).into_iter().collect::<Vec<_>>(),
            })
            .collect(),
        Some(Value::String(names)) => {
            names.split(',').map(|name| (name.trim().to_owned(), Vec::new())).collect()
        }
        _ => Vec::new(),
    };
    for (name, members) in pairs {
        if !is_name(&name) || !members.iter().all(|member| is_name(member)) {
            steps.note(&format!("cloud-config: groups: {} is no name, or has such a member", shown(&name)));
            continue;
        }
        steps.early_once.push(format!("group {}", quoted(&name)));
        // Users are made after the groups.
        let joins = members.iter().map(|member| format!("join {} {}", quoted(member), quoted(&name)));
        steps.login.others.extend(joins);
    }
}

fn one_user(steps: &mut Steps, one: Value) {
    let (name, one) = match one {
        Value::String(name) => (Some(name), Value::Null),
        other => (other.get("name").cloned().and_then(text), other),
    };
    let Some(name) = name.filter(|name| is_name(name)) else {
        return steps.note("cloud-config: users: somebody has no name, or what is no name: left out");
    };
    let field =
        |key: &str| one.get(key).cloned().and_then(text).filter(|line| is_line(line)).unwrap_or_default();
    let plain = |key: &str| Some(field(key)).filter(|text| !text.contains(':')).unwrap_or_default();
    let home = if is_true(one.get("no_create_home")) || is_true(one.get("system")) { "none" } else { "make" };
    let line = words([
        name.as_str(),
        &Some(plain("uid")).filter(|uid| uid.parse::<u16>().is_ok()).unwrap_or_default(),
        &plain("gecos"),
        &plain("homedir"),
        &plain("shell"),
        &Some(plain("primary_group")).filter(|group| is_name(group)).unwrap_or_default(),
        home,
    ]);
    let others = &mut steps.login.others;
    others.push(format!("user {line}"));
    let mut joined = texts(one.get("groups").cloned());
    joined = joined.iter().flat_map(|group| group.split(',')).map(|group| group.trim().to_owned()).collect();
    for group in joined.iter().filter(|group| is_name(group)) {
        others.push(format!("join {} {}", quoted(&name), quoted(group)));
    }
    let rules: Vec<String> = match one.get("sudo") {
        Some(Value::Bool(_) | Value::Null) | None => Vec::new(),
        other => texts(other.cloned()).into_iter().filter(|line| is_line(line)).collect(),
    };
    for rule in rules {
        others.push(format!("sudo_rule {}", quoted(&format!("{name} {rule}"))));
    }
    let keys = ["ssh_authorized_keys", "ssh-authorized-keys"];
    for key in keys.into_iter().flat_map(|key| keys_of(one.get(key).cloned())) {
        others.push(format!("authorize {} {}", quoted(&name), quoted(&key)));
    }
    for (key, form) in [("plain_text_passwd", "plain"), ("hashed_passwd", "hash"), ("passwd", "hash")] {
        let password = field(key);
        if !password.is_empty() && !password.contains(':') {
            others.push(format!("password {} {form} {}", quoted(&name), quoted(&password)));
        }
    }
    if is_true(one.get("lock_passwd")) || one.get("lock_passwd").is_none() {
        // cloud-init: a password is locked unless `lock_passwd` is false.
        others.push(format!("lock {}", quoted(&name)));
    }
    for key in ["ssh_import_id", "snapuser", "expiredate", "inactive", "doas", "selinux_user"] {
        if one.get(key).is_some() {
            steps.note(&format!("cloud-config: users: {key}: it is not done here"));
        }
    }
}

fn passwords(steps: &mut Steps, user: &str, password: Option<Value>, chpasswd: Option<Value>) {
    let mut all: Vec<(String, String, bool)> = Vec::new();
    if let Some(password) = password.and_then(text) {
        let name = steps.login.name.clone().unwrap_or_else(|| user.to_owned());
        all.push((name, password, false));
    }
    let chpasswd = chpasswd.unwrap_or_default();
    for one in chpasswd.get("users").and_then(Value::as_array).into_iter().flatten() {
        let field = |key: &str| one.get(key).cloned().and_then(text);
        match (field("name"), field("password")) {
            (Some(name), Some(password)) => {
                all.push((name, password, field("type").as_deref() != Some("text")))
            }
            _ => steps.note("cloud-config: chpasswd: random passwords are not made here"),
        }
    }
    let lines = match chpasswd.get("list") {
        Some(Value::String(text)) => text.lines().map(str::to_owned).collect(),
        other => texts(other.cloned()),
    };
    for line in lines.iter().filter_map(|line| line.trim().split_once(':')) {
        let is_hash = line.1.starts_with('$');
        all.push((line.0.to_owned(), line.1.to_owned(), is_hash));
    }
    for (name, password, is_hash) in all {
        if !is_name(&name) || !is_line(&password) || password.contains(':') {
            steps.note("cloud-config: chpasswd: what is no name or no password is left out");
            continue;
        }
        let form = if is_hash { "hash" } else { "plain" };
        steps.login.others.push(format!("password {} {form} {}", quoted(&name), quoted(&password)));
    }
}

#[cfg(test)]
mod tests {
    use crate::plan;

    fn script(config: &str) -> String {
        plan(format!("#cloud-config\n{config}").as_bytes(), "ec2-user").script
    }

    #[test]
    fn the_default_user_is_there_unless_others_are_listed() {
        assert!(plan(b"", "ubuntu").script.contains("default_user 'ubuntu'"));
        let listed = script(
            "users:\n- name: ann\n  groups: [adm, docker]\n  sudo: ALL=(ALL) NOPASSWD:ALL\n  ssh_authorized_keys: [ssh-ed25519 AAAA]\n",
        );
        assert!(!listed.contains("default_user"));
        for line in [
            "user 'ann' '' '' '' '' '' 'make'",
            "join 'ann' 'docker'",
            "sudo_rule 'ann ALL=(ALL) NOPASSWD:ALL'",
            "authorize 'ann' 'ssh-ed25519 AAAA'",
            "lock 'ann'",
        ] {
            assert!(listed.contains(line), "{line} in {listed}");
        }
        assert!(script("users: [default, ann]").contains("default_user 'ec2-user'"));
        assert!(script("ssh_authorized_keys: [k1]").contains("default_user 'ec2-user' 'k1'"));
    }

    #[test]
    fn what_could_be_another_line_of_a_file_is_refused() {
        let evil = script(
            "users:\n- name: \"ann:x\"\n- name: bob\n  homedir: \"/x:/bin/sh\"\n  ssh_authorized_keys: [\"a\\nb\"]\n",
        );
        assert!(evil.contains("left out") && !evil.contains("ann:x") && !evil.contains("authorize"));
        assert!(evil.contains("user 'bob' '' '' '' ''"));
        assert!(script("chpasswd: {list: \"ann:a\\nb c:d\"}").contains("password 'ann' plain 'a'"));
    }

    #[test]
    fn passwords_come_in_three_ways() {
        assert!(script("password: x").contains("password 'ec2-user' plain 'x'"));
        let listed = script(
            "chpasswd: {users: [{name: ann, password: $6$x, type: hash}, {name: bob, password: p, type: text}]}",
        );
        assert!(listed.contains("password 'ann' hash '$6$x'") && listed.contains("password 'bob' plain 'p'"));
    }
}
