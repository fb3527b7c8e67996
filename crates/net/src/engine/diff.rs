//! The difference of two plans, as steps. Pure.
//!
//! Invariant: the steps of a namespace's filter are one transaction, so there is no moment between two rules.

use super::{Namespace, Plan, Ruleset, Wire, flows};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// How many elements go into one command.
const ELEMENTS: usize = 500;

/// All that changes.
#[derive(Debug, Default)]
pub struct Changes {
    /// Namespaces to remove.
    pub removed: Vec<String>,
    /// Namespaces to make.
    pub made: Vec<String>,
    /// Wires to remove of which no end goes with its namespace.
    pub cut: Vec<Wire>,
    /// Wires to make.
    pub wired: Vec<Wire>,
    /// What changes inside of namespaces.
    pub inside: Vec<Inside>,
    /// The host's link: made with these lines, or removed.
    pub host: Option<Option<Vec<String>>>,
}

/// What changes inside of one namespace.
#[derive(Debug, Default)]
pub struct Inside {
    /// Which.
    pub namespace: String,
    /// Files and their values, before links come.
    pub settings: Vec<(String, String)>,
    /// Files and their values, when links are there.
    pub link_settings: Vec<(String, String)>,
    /// Lines of `ip -batch`.
    pub ip: Vec<String>,
    /// Lines of `ip -batch` that may fail: removals of what may have gone with its link.
    pub ip_gone: Vec<String>,
    /// A transaction of `nft -f`.
    pub nft: String,
    /// Whether flows are counted from nothing.
    pub counts_anew: bool,
}

impl Inside {
    fn is_empty(&self) -> bool {
        self.settings.is_empty()
            && self.link_settings.is_empty()
            && self.ip.is_empty()
            && self.ip_gone.is_empty()
            && self.nft.is_empty()
    }
}

impl Changes {
    /// What leads from one plan to the other.
    pub fn between(from: &Plan, to: &Plan) -> Changes {
        let removed: Vec<String> =
            from.namespaces.keys().filter(|name| !to.namespaces.contains_key(*name)).cloned().collect();
        let made: Vec<String> =
            to.namespaces.keys().filter(|name| !from.namespaces.contains_key(*name)).cloned().collect();
        let going: Vec<&Wire> = from
            .wires
            .iter()
            .filter(|(key, wire)| to.wires.get(*key) != Some(wire))
            .map(|(_, wire)| wire)
            .collect();
        let wired: Vec<Wire> = to
            .wires
            .iter()
            .filter(|(key, wire)| from.wires.get(*key) != Some(wire))
            .map(|(_, wire)| wire.clone())
            .collect();
        // A wire goes with the namespace that its ends are in only once nobody uses that namespace; a process may.
        let gone = |name: &String| removed.contains(name);
        let cut = going.iter().filter(|wire| !(gone(&wire.a.namespace) && gone(&wire.b.namespace)));
        let cut = cut.map(|wire| (*wire).clone()).collect();
        let (links, up) = (touched_links(&going, &wired), touched_links(&[], &wired));
        let nothing = Namespace::default();
        let same = |name: &String, wanted: &Namespace| {
            from.namespaces.get(name).is_some_and(|present| present == wanted && !present.unsure)
        };
        let other = to
            .namespaces
            .iter()
            .filter(|(name, wanted)| links.contains_key(name.as_str()) || !same(name, wanted));
        let inside = other.map(|(name, wanted)| {
            let mut present = from.namespaces.get(name).unwrap_or(&nothing).clone();
            for link in links.get(name.as_str()).into_iter().flatten() {
                present.forget_link(link);
            }
            inside(name, &present, wanted, &up)
        });
        let inside = inside.filter(|inside| !inside.is_empty()).collect();
        let host = (from.host != to.host).then(|| to.host.clone());
        Changes { removed, made, cut, wired, inside, host }
    }

    /// Whether all that changes is filters of namespaces that stay. Each is one transaction, and the next engine loads
    /// filters as a whole, so nothing needs to be noted.
    pub fn is_rules_only(&self) -> bool {
        let bare =
            self.removed.is_empty() && self.made.is_empty() && self.cut.is_empty() && self.wired.is_empty();
        bare && self.host.is_none()
            && self.inside.iter().all(|inside| {
                inside.settings.is_empty()
                    && inside.link_settings.is_empty()
                    && inside.ip.is_empty()
                    && inside.ip_gone.is_empty()
            })
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty()
            && self.made.is_empty()
            && self.cut.is_empty()
            && self.wired.is_empty()
            && self.inside.is_empty()
            && self.host.is_none()
    }

    /// The namespaces that are not to be trusted if this is interrupted.
    pub fn touched(&self) -> Vec<String> {
        let ends = |wires: &'_ [Wire]| -> Vec<String> {
            wires.iter().flat_map(|wire| [wire.a.namespace.clone(), wire.b.namespace.clone()]).collect()
        };
        let mut touched: BTreeSet<String> = self.removed.iter().chain(&self.made).cloned().collect();
        touched.extend(ends(&self.cut).into_iter().chain(ends(&self.wired)));
        touched.extend(self.inside.iter().map(|inside| inside.namespace.clone()));
        touched.remove("");
        touched.into_iter().collect()
    }
}

/// The links that go or come, by namespace.
fn touched_links<'a>(going: &[&'a Wire], wired: &'a [Wire]) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut links: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for wire in going.iter().copied().chain(wired) {
        for end in [&wire.a, &wire.b] {
            links.entry(&end.namespace).or_default().insert(&end.link);
        }
    }
    links
}

fn inside(name: &str, from: &Namespace, to: &Namespace, up: &BTreeMap<&str, BTreeSet<&str>>) -> Inside {
    let changed = |from: &BTreeMap<String, String>, to: &BTreeMap<String, String>| {
        let new = to.iter().filter(|(path, value)| from.get(*path) != Some(value));
        new.map(|(path, value)| (path.clone(), value.clone())).collect()
    };
    let ups = up.get(name).into_iter().flatten();
    let mut ip: Vec<String> = ups.map(|link| format!("link set dev {link} up")).collect();
    if *from == Namespace::default() {
        ip.push("link set dev lo up".to_owned());
    }
    // In this order nothing goes by itself with what it stands on.
    let ip_gone = [
        gone("route", &from.routes, &to.routes),
        gone("rule", &from.policies, &to.policies),
        gone("neighbour", &from.neighbours, &to.neighbours),
        gone("address", &from.addresses, &to.addresses),
    ]
    .concat();
    let new = |object: &str, verb: &str, from: &BTreeSet<String>, to: &BTreeSet<String>| -> Vec<String> {
        to.difference(from).map(|line| command(object, verb, line)).collect()
    };
    ip.extend(new("address", "add", &from.addresses, &to.addresses));
    ip.extend(new("neighbour", "replace", &from.neighbours, &to.neighbours));
    ip.extend(new("rule", "add", &from.policies, &to.policies));
    ip.extend(new("route", "add", &from.routes, &to.routes));
    let whole = to.unsure || from.unsure;
    let mut nft = if whole { full(&to.rules) } else { ruleset(&from.rules, &to.rules) };
    nft.push_str(&flows::commands(&from.watched, &to.watched, whole));
    Inside {
        namespace: name.to_owned(),
        settings: changed(&from.settings, &to.settings),
        link_settings: changed(&from.link_settings, &to.link_settings),
        ip,
        ip_gone,
        nft,
        counts_anew: whole || from.watched.is_empty(),
    }
}

/// Lines that say nothing of their family and are IPv6's begin with `-6`.
pub fn command(object: &str, verb: &str, line: &str) -> String {
    match line.strip_prefix("-6 ") {
        Some(line) => format!("-6 {object} {verb} {line}"),
        None => format!("{object} {verb} {line}"),
    }
}

/// The removals of what is not wanted any more. A neighbour is removed by address and link.
fn gone(object: &str, from: &BTreeSet<String>, to: &BTreeSet<String>) -> Vec<String> {
    let short = |line: &String| match (object, line.split_once(" lladdr ")) {
        ("neighbour", Some((address, rest))) => {
            let link = rest.split_once(" dev ").map(|(_, link)| link.split(' ').next().unwrap_or_default());
            format!("{address} dev {}", link.unwrap_or_default())
        }
        _ => line.clone(),
    };
    from.difference(to).map(|line| command(object, "del", &short(line))).collect()
}

/// The whole filter in one transaction.
fn full(to: &Ruleset) -> String {
    let mut text = String::from("add table inet vpc\ndelete table inet vpc\n");
    text.push_str(&ruleset(&Ruleset::default(), to));
    text
}

/// What leads from one filter to the other, or from a part of one to the same part of the other.
pub fn ruleset(from: &Ruleset, to: &Ruleset) -> String {
    if from == to {
        return String::new();
    }
    let other =
        |(name, set): &(&String, &super::Set)| to.sets.get(*name).is_some_and(|new| new.header != set.header);
    let other_chain = |(name, chain): &(&String, &super::Chain)| {
        to.chains.get(*name).is_some_and(|new| new.header != chain.header)
    };
    if !from.is_empty()
        && (from.sets.iter().any(|set| other(&set)) || from.chains.iter().any(|chain| other_chain(&chain)))
    {
        return full(to);
    }
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write_ruleset(&mut text, from, to);
    text
}

fn write_ruleset(text: &mut String, from: &Ruleset, to: &Ruleset) -> std::fmt::Result {
    if from.is_empty() {
        writeln!(text, "add table inet vpc")?;
    }
    for (name, set) in to.sets.iter().filter(|(name, _)| !from.sets.contains_key(*name)) {
        writeln!(text, "add {} inet vpc {name} {{ {} }}", set.kind, set.header)?;
    }
    for (name, chain) in to.chains.iter().filter(|(name, _)| !from.chains.contains_key(*name)) {
        match chain.header.as_str() {
            "" => writeln!(text, "add chain inet vpc {name}")?,
            header => writeln!(text, "add chain inet vpc {name} {{ {header} }}")?,
        }
    }
    for (name, set) in &to.sets {
        write_elements(text, name, from.sets.get(name), set)?;
    }
    for (name, chain) in &to.chains {
        let before = from.chains.get(name).map(|chain| chain.rules.as_slice());
        if before.is_some_and(|before| before == chain.rules.as_slice()) {
            continue;
        }
        // Rules that only come at the end need no new ones before them.
        let kept = before.filter(|before| chain.rules.starts_with(before)).map_or(0, <[String]>::len);
        if kept == 0 && before.is_some_and(|before| !before.is_empty()) {
            writeln!(text, "flush chain inet vpc {name}")?;
        }
        for rule in chain.rules.iter().skip(kept) {
            writeln!(text, "add rule inet vpc {name} {rule}")?;
        }
    }
    let gone_chains: Vec<&String> =
        from.chains.keys().filter(|name| !to.chains.contains_key(*name)).collect();
    let gone_sets: Vec<&String> = from.sets.keys().filter(|name| !to.sets.contains_key(*name)).collect();
    for name in &gone_chains {
        writeln!(text, "flush chain inet vpc {name}")?;
    }
    for name in &gone_sets {
        writeln!(text, "delete {} inet vpc {name}", from.sets.get(*name).map_or("set", |set| &set.kind))?;
    }
    for name in &gone_chains {
        writeln!(text, "delete chain inet vpc {name}")?;
    }
    Ok(())
}

fn write_elements(
    text: &mut String,
    name: &str,
    from: Option<&super::Set>,
    to: &super::Set,
) -> std::fmt::Result {
    let none = BTreeSet::new();
    let before = from.map_or(&none, |set| &set.elements);
    if *before == to.elements {
        return Ok(());
    }
    let (gone, new): (Vec<&String>, Vec<&String>) = if to.ranges {
        if !before.is_empty() {
            writeln!(text, "flush set inet vpc {name}")?;
        }
        (Vec::new(), to.elements.iter().collect())
    } else {
        (before.difference(&to.elements).collect(), to.elements.difference(before).collect())
    };
    for part in gone.chunks(ELEMENTS) {
        writeln!(text, "delete element inet vpc {name} {{ {} }}", join(part))?;
    }
    for part in new.chunks(ELEMENTS) {
        writeln!(text, "add element inet vpc {name} {{ {} }}", join(part))?;
    }
    Ok(())
}

fn join(elements: &[&String]) -> String {
    elements.iter().map(|element| element.as_str()).collect::<Vec<_>>().join(", ")
}
