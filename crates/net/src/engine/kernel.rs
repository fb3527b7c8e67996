//! The steps, done with `ip` and `nft`: created by the distribution for this kernel, and readable when something fails.
//!
//! Invariant: nothing that was refused is taken for done; only what has gone already may be removed in vain.

use super::diff::{Changes, Inside, command as command_line};
use super::inside::{DIRECTORY, inside};
use super::programs::command;
use super::{EngineError, Names, Namespace, Plan, Wire, WireEnd};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

/// How many namespaces are worked in at the same time. The kernel does most of it under one lock.
const WORKERS: usize = 4;
/// The group that links are put into to be removed together: one by one each waits for the kernel's grace period.
const GOING: &str = "7979";
/// The first link of a machine.
const FIRST_LINK: &str = "eth0";
/// How much of an error is told.
const TEXT_CHARS: usize = 2000;
/// What `nft` says of a transaction that is larger than the kernel takes from who is not root.
const TOO_LONG: &str = "Message too long";
/// How much of a script is loaded at once then. Its messages are about five times as long, and `net.core.wmem_default` is 212,992 bytes.
const PIECE_BYTES: usize = 16 * 1024;
/// What `ip` says about what is not there any more.
const GONE: [&str; 5] = [
    "No such process",
    "Cannot find device",
    "No such file or directory",
    "Cannot assign requested address",
    "No such device",
];
/// What `ip` says about what is there already.
const THERE: [&str; 1] = ["File exists"];

/// The namespaces whose names begin so.
pub fn namespaces(prefix: &str) -> Result<BTreeSet<String>, EngineError> {
    let entries = match fs::read_dir(DIRECTORY) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(EngineError::Io { what: DIRECTORY.to_owned(), error }),
    };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.filter(|name| name.starts_with(prefix)).collect())
}

/// Removes namespaces, and their links even while a process holds one of them.
pub fn remove_namespaces(names: &[String]) -> Result<(), EngineError> {
    let there: Vec<&String> = names.iter().filter(|name| Path::new(DIRECTORY).join(name).exists()).collect();
    for name in &there {
        // A process may hold the namespace: without links nothing it does matters.
        if let Ok(links) = links(name) {
            let wired: Vec<String> = links.into_iter().filter(|link| link != "lo").collect();
            remove_links(name, &wired)?;
        }
    }
    let lines: Vec<String> = there.iter().map(|name| format!("netns del {name}")).collect();
    ip_lines("", "removing namespaces", &lines, &GONE)
}

/// Takes everything of ours out of a namespace in which processes live, and leaves it standing.
pub fn empty_namespace(name: &str, present: Option<&Namespace>) -> Result<(), EngineError> {
    let failed = |error| EngineError::Io { what: format!("links of {name}"), error };
    let wired: Vec<String> = links(name).map_err(failed)?.into_iter().filter(|link| link != "lo").collect();
    remove_links(name, &wired)?;
    let policies = present.into_iter().flat_map(|present| &present.policies);
    let gone: Vec<String> = policies.map(|line| command_line("rule", "del", line)).collect();
    ip_lines(name, "removing rules", &gone, &GONE)?;
    ip_lines(name, "making it ready", &["link set dev lo up".to_owned()], &[])
}

/// The links of a namespace.
fn links(namespace: &str) -> io::Result<Vec<String>> {
    let text = inside(namespace, || fs::read_to_string("/proc/thread-self/net/dev"))?;
    let names = text.lines().skip(2).filter_map(|line| line.split_once(':'));
    Ok(names.map(|(name, _)| name.trim().to_owned()).collect())
}

/// Namespaces that have lost a wire which the plan has. Those named already are not looked into.
pub fn missing_wires(plan: &Plan, gone: &[String]) -> Result<Vec<String>, EngineError> {
    let mut by_namespace: BTreeMap<&str, Vec<&Wire>> = BTreeMap::new();
    for wire in plan.wires.values().filter(|wire| !gone.iter().any(|name| wire.touches(name))) {
        by_namespace.entry(&wire.a.namespace).or_default().push(wire);
    }
    let mut lost = Vec::new();
    for (namespace, wires) in by_namespace {
        let there: BTreeSet<String> = links(namespace).unwrap_or_default().into_iter().collect();
        let missing = wires.into_iter().filter(|wire| !there.contains(&wire.a.link));
        lost.extend(missing.map(|wire| {
            if wire.b.namespace.is_empty() { wire.a.namespace.clone() } else { wire.b.namespace.clone() }
        }));
    }
    Ok(lost)
}

/// Whether the host's link to the edge is there.
pub fn host_link_is_there(names: &Names) -> bool {
    links("").is_ok_and(|links| links.contains(&names.host_link()))
}

/// Removes the host's link to the edge; its routes go with it.
pub fn remove_host_link(names: &Names) -> Result<(), EngineError> {
    if host_link_is_there(names) { remove_links("", &[names.host_link()]) } else { Ok(()) }
}

/// Does all steps.
pub fn run(names: &Names, changes: &Changes) -> Result<(), EngineError> {
    if changes.host.is_some() {
        remove_host_link(names)?;
    }
    cut(&changes.cut)?;
    let removed: Vec<String> = changes.removed.iter().map(|name| format!("netns del {name}")).collect();
    ip_lines("", "removing namespaces", &removed, &GONE)?;
    // A sandbox that is to rule its network has made the namespace before.
    let is_there = |name: &&String| Path::new(DIRECTORY).join(name).exists();
    let made: Vec<String> =
        changes.made.iter().filter(|name| !is_there(name)).map(|name| format!("netns add {name}")).collect();
    ip_lines("", "making namespaces", &made, &[])?;
    // The filter comes before the links, so nothing ever passes unfiltered.
    each(&changes.inside, |inside| {
        settings(&inside.namespace, &inside.settings)?;
        nft(&inside.namespace, &inside.nft, changes.made.contains(&inside.namespace))
    })?;
    // Who rules the network of a sandbox may have taken the name of a link that is to come.
    for end in changes.wired.iter().map(|wire| &wire.b) {
        if is_further(names, end) && !changes.made.contains(&end.namespace) {
            remove_links(&end.namespace, std::slice::from_ref(&end.link))?;
        }
    }
    let wires: Vec<String> = changes.wired.iter().map(wire_line).collect();
    ip_lines("", "making links", &wires, &[])?;
    each(&changes.inside, |inside| {
        ip_lines(&inside.namespace, "removing lines", &inside.ip_gone, &GONE)?;
        let lines = [link_lines(&inside.link_settings), inside.ip.clone()].concat();
        // The same for addresses, routes and rules.
        let may: &[&str] = if names.is_interface(&inside.namespace) { &THERE } else { &[] };
        ip_lines(&inside.namespace, "adding lines", &lines, may)
    })?;
    match &changes.host {
        Some(Some(lines)) => ip_lines("", "the host's link", &host_lines(lines), &[]),
        _ => Ok(()),
    }
}

/// Settings of links' neighbours as `ip` sets them: many kernels show their files to the host's root alone.
fn link_lines(files: &[(String, String)]) -> Vec<String> {
    let of = |path: &str| {
        let (link, setting) = path.strip_prefix("ipv4/neigh/")?.split_once('/')?;
        Some((link.to_owned(), setting.to_owned()))
    };
    let found = files.iter().filter_map(|(path, value)| of(path).map(|found| (found, value)));
    found
        .map(|((link, setting), value)| format!("ntable change name arp_cache dev {link} {setting} {value}"))
        .collect()
}

/// Whether it is a link that comes to a machine besides its first one.
fn is_further(names: &Names, end: &WireEnd) -> bool {
    names.is_interface(&end.namespace) && end.link != FIRST_LINK
}

/// Without IPv6 on the host, the host's link has IPv4 alone.
fn host_lines(lines: &[String]) -> Vec<String> {
    let six = fs::read_to_string("/proc/sys/net/ipv6/conf/default/disable_ipv6")
        .is_ok_and(|text| text.trim() == "0");
    lines.iter().filter(|line| six || !line.contains(':')).cloned().collect()
}

fn wire_line(wire: &Wire) -> String {
    let end = |end: &WireEnd| {
        let namespace =
            if end.namespace.is_empty() { String::new() } else { format!(" netns {}", end.namespace) };
        let arp = if end.arp { "" } else { " arp off" };
        format!("{}{namespace} address {}{arp}", end.link, end.mac)
    };
    format!("link add {} type veth peer name {}", end(&wire.a), end(&wire.b))
}

fn cut(wires: &[Wire]) -> Result<(), EngineError> {
    let mut by_namespace: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for wire in wires {
        by_namespace.entry(&wire.a.namespace).or_default().push(wire.a.link.clone());
    }
    by_namespace.into_iter().try_for_each(|(namespace, links)| remove_links(namespace, &links))
}

fn remove_links(namespace: &str, links: &[String]) -> Result<(), EngineError> {
    if links.is_empty() || !(namespace.is_empty() || Path::new(DIRECTORY).join(namespace).exists()) {
        return Ok(());
    }
    if let [link] = links {
        return ip_lines(namespace, "removing a link", &[format!("link del {link}")], &GONE);
    }
    let lines: Vec<String> = links.iter().map(|link| format!("link set {link} group {GOING}")).collect();
    ip_lines(namespace, "removing links", &lines, &GONE)?;
    ip_lines(namespace, "removing links", &[format!("link del group {GOING}")], &GONE)
}

/// Does `work` for each, a few at the same time. The first failure is the answer.
fn each(all: &[Inside], work: impl Fn(&Inside) -> Result<(), EngineError> + Sync) -> Result<(), EngineError> {
    if let [one] = all {
        return work(one);
    }
    let queue = Mutex::new(all.iter());
    let next = || queue.lock().map(|mut queue| queue.next()).unwrap_or_default();
    let outcomes: Vec<Result<(), EngineError>> = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS.min(all.len()))
            .map(|_| scope.spawn(|| std::iter::from_fn(next).try_for_each(&work)))
            .collect();
        let panicked = || EngineError::Failed { what: "a worker".into(), text: "it panicked".into() };
        workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err(panicked()))).collect()
    });
    outcomes.into_iter().collect()
}

fn settings(namespace: &str, files: &[(String, String)]) -> Result<(), EngineError> {
    if files.is_empty() {
        return Ok(());
    }
    let failed = |error| EngineError::Io { what: format!("settings of {namespace}"), error };
    inside(namespace, || {
        for (path, value) in files {
            match fs::write(Path::new("/proc/sys/net").join(path), value) {
                // A kernel without IPv6 has nothing to set there.
                Err(error) if error.kind() == io::ErrorKind::NotFound && path.starts_with("ipv6/") => {}
                other => other?,
            }
        }
        Ok(())
    })
    .map_err(failed)
}

/// Loads a filter in one transaction. Who is not the host's root may not send large ones: in a namespace that is new, and so has no link yet, it
/// is loaded in pieces then.
fn nft(namespace: &str, script: &str, is_new: bool) -> Result<(), EngineError> {
    if script.is_empty() {
        return Ok(());
    }
    let what = || format!("the packet filter of {namespace}");
    let failed = |error| EngineError::Io { what: what(), error };
    let load = |script: &str| inside(namespace, || pipe(command("nft").args(["-f", "-"]), script));
    let mut answer = load(script).map_err(failed)?;
    if is_new && answer.as_ref().is_some_and(|text| text.contains(TOO_LONG)) {
        answer = None;
        for piece in pieces(script) {
            answer = load(&piece).map_err(failed)?;
            if answer.is_some() {
                break;
            }
        }
    }
    match answer {
        None => Ok(()),
        Some(text) => {
            Err(EngineError::Failed { what: what(), text: text.chars().take(TEXT_CHARS).collect() })
        }
    }
}

/// A script in parts of whole lines, each of which is a command.
fn pieces(script: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    for line in script.lines() {
        match pieces.last_mut().filter(|last| last.len() + line.len() < PIECE_BYTES) {
            Some(last) => last.push_str(line),
            None => pieces.push(line.to_owned()),
        }
        pieces.iter_mut().last().into_iter().for_each(|last| last.push('\n'));
    }
    pieces
}

/// What is counted of flows in a namespace, as `nft` says it in JSON.
pub fn list_flows(namespace: &str) -> Result<serde_json::Value, EngineError> {
    let failed = |error| EngineError::Io { what: format!("flows in {namespace}"), error };
    let mut nft = command("nft");
    nft.args(["-j", "-nn", "list", "table", "inet", "flows"]).env("LC_ALL", "C").stdin(Stdio::null());
    let output = inside(namespace, || nft.output()).map_err(failed)?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).chars().take(TEXT_CHARS).collect();
        return Err(EngineError::Failed { what: format!("flows in {namespace}"), text });
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed(error.into()))
}

/// Runs lines of `ip -batch`, those of IPv6 that say so in a second run.
fn ip_lines(namespace: &str, what: &str, lines: &[String], may: &[&str]) -> Result<(), EngineError> {
    let (six, rest): (Vec<&String>, Vec<&String>) = lines.iter().partition(|line| line.starts_with("-6 "));
    for (option, lines) in [(None, rest), (Some("-6"), six)] {
        let script: String =
            lines.iter().map(|line| format!("{}\n", line.trim_start_matches("-6 "))).collect();
        if script.is_empty() {
            continue;
        }
        let mut ip = command("ip");
        ip.args(option).args((!may.is_empty()).then_some("-force")).args(["-batch", "-"]);
        let failed = |error| EngineError::Io { what: format!("{what} in {namespace}"), error };
        let answer = inside(namespace, || pipe(&mut ip, &script)).map_err(failed)?;
        let refused = answer.filter(|text| !is_harmless(text, may));
        if let Some(text) = refused {
            let text = with_line(&text, &script).chars().take(TEXT_CHARS).collect();
            return Err(EngineError::Failed { what: format!("{what} in {namespace}"), text });
        }
    }
    Ok(())
}

/// `ip` names the line it failed at by its number.
fn with_line(text: &str, script: &str) -> String {
    let number = text.lines().find_map(|line| line.strip_prefix("Command failed -:")?.parse::<usize>().ok());
    let line = number.and_then(|number| script.lines().nth(number.checked_sub(1)?));
    line.map_or_else(|| text.to_owned(), |line| format!("{text}: {line}"))
}

/// Whether all that failed were removals of what had gone already. After some failures `ip` ends at once and leaves out
/// the rest, without saying that a command failed.
fn is_harmless(text: &str, may: &[&str]) -> bool {
    let gone = |line: &str| line.starts_with("Command failed") || may.iter().any(|gone| line.contains(gone));
    !may.is_empty()
        && text.lines().all(gone)
        && text.lines().last().is_some_and(|last| last.starts_with("Command failed"))
}

/// Runs a command with a text as its input. `None` when it succeeds, else what it said.
fn pipe(command: &mut Command, input: &str) -> io::Result<Option<String>> {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).env("LC_ALL", "C");
    let mut child = command.spawn()?;
    let mut stdin = child.stdin.take();
    thread::scope(|scope| {
        // A thread of its own: a command that complains before it has read everything must not block us.
        let writer =
            scope.spawn(move || stdin.as_mut().map_or(Ok(()), |stdin| stdin.write_all(input.as_bytes())));
        let output = child.wait_with_output()?;
        let written = writer.join().unwrap_or_else(|_| Err(io::Error::other("the writer panicked")));
        if output.status.success() {
            return written.map(|()| None);
        }
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Ok(Some(if text.is_empty() { output.status.to_string() } else { text }))
    })
}

#[cfg(test)]
mod tests {
    use super::{PIECE_BYTES, pieces};

    #[test]
    fn pieces_are_whole_lines_and_together_the_script() {
        assert!(pieces("").is_empty());
        assert_eq!(pieces("one\ntwo\n"), ["one\ntwo\n"]);
        let long = "x".repeat(PIECE_BYTES * 2);
        let script = format!("add a\n{}{long}\nadd b\n", "add rule\n".repeat(4000));
        let parts = pieces(&script);
        assert_eq!(parts.concat(), script);
        assert!(
            parts.len() > 3 && parts.iter().all(|part| part.len() <= PIECE_BYTES || part.trim_end() == long)
        );
    }
}
