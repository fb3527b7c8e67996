//! What the kernel should be, as text lines by namespace. Lines are arguments of `ip`, elements and rules of `nft`.
//!
//! Invariant: equal plans mean equal kernels, so a difference of lines is a difference of commands.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Everything in the kernel.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Namespaces by name.
    pub namespaces: BTreeMap<String, Namespace>,
    /// Links between two namespaces, by the name of the first end's namespace and link.
    pub wires: BTreeMap<String, Wire>,
    /// The host's link to the edge: lines of `ip`; `None` without an edge.
    pub host: Option<Vec<String>>,
    /// When each namespace was made: a number that no namespace of its name has had before.
    #[serde(default)]
    pub generations: BTreeMap<String, u64>,
    /// The packet mark of each subnet that has live interfaces. Kept from plan to plan.
    pub marks: BTreeMap<String, u16>,
}

/// One namespace.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Namespace {
    /// Files below `/proc/sys/net` that hold before any link exists, and what is written to them.
    pub settings: BTreeMap<String, String>,
    /// Files of a link, written when it is there.
    pub link_settings: BTreeMap<String, String>,
    /// `ADDRESS dev LINK …` of `ip address`.
    pub addresses: BTreeSet<String>,
    /// `ADDRESS lladdr MAC dev LINK …` of `ip neighbour`.
    pub neighbours: BTreeSet<String>,
    /// Routes of `ip route` and `ip -6 route`.
    pub routes: BTreeSet<String>,
    /// Rules of `ip rule` and `ip -6 rule`.
    pub policies: BTreeSet<String>,
    /// The packet filter.
    pub rules: Ruleset,
    /// The links whose flows are counted, with the interfaces that they are for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub watched: BTreeMap<String, String>,
    /// Whether the kernel's filter may be another one, so that it is loaded as a whole.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsure: bool,
}

/// The table `inet vpc` of a namespace.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ruleset {
    /// Sets and maps by name.
    pub sets: BTreeMap<String, Set>,
    /// Chains by name.
    pub chains: BTreeMap<String, Chain>,
}

impl Ruleset {
    /// Whether there is no filter at all.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty() && self.chains.is_empty()
    }
}

/// A set or a map.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Set {
    /// `set` or `map`.
    pub kind: String,
    /// What stands in its braces: `type ipv4_addr;`.
    pub header: String,
    /// Whether its elements are ranges, which are only replaced as a whole.
    pub ranges: bool,
    /// Its elements: `10.0.0.1`, or `10.0.0.1 : 198.18.0.20`.
    pub elements: BTreeSet<String>,
}

/// A chain.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Chain {
    /// What stands in its braces: hook, priority and policy; empty for a chain that is jumped to.
    pub header: String,
    /// Its rules in order.
    pub rules: Vec<String>,
}

/// A pair of links.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Wire {
    /// One end.
    pub a: WireEnd,
    /// The other one.
    pub b: WireEnd,
}

/// One end of a wire.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WireEnd {
    /// Its namespace; empty for the host.
    pub namespace: String,
    /// Its name.
    pub link: String,
    /// Its hardware address.
    pub mac: String,
    /// Whether addresses are resolved on it. Without, both ends have the same hardware address.
    pub arp: bool,
}

impl Wire {
    /// Whether one of its ends is in the namespace.
    pub fn touches(&self, namespace: &str) -> bool {
        self.a.namespace == namespace || self.b.namespace == namespace
    }

    /// Its key in a plan.
    pub fn key(&self) -> String {
        format!("{}/{}", self.a.namespace, self.a.link)
    }
}

impl Plan {
    /// A namespace to write lines into; made when it is not there.
    pub fn at(&mut self, name: &str) -> &mut Namespace {
        if !self.namespaces.contains_key(name) {
            self.namespaces.insert(name.to_owned(), Namespace::default());
        }
        self.namespaces.entry(name.to_owned()).or_default()
    }

    /// Adds a wire. `false` when there is one of that name.
    pub fn wire(&mut self, wire: Wire) -> bool {
        self.wires.insert(wire.key(), wire).is_none()
    }

    /// Says that a namespace is empty: it is there, and nothing in it is what the plan says.
    pub fn empty(&mut self, name: &str) {
        let generation = self.generations.get(name).copied();
        self.forget(name);
        self.namespaces.insert(name.to_owned(), Namespace { unsure: true, ..Namespace::default() });
        self.generations.extend(generation.map(|generation| (name.to_owned(), generation)));
    }

    /// Takes out a namespace that is not in the kernel any more, with all that hung on it. What stood at the other
    /// ends of its wires is gone there as well: lines that name those links.
    pub fn forget(&mut self, name: &str) {
        self.namespaces.remove(name);
        self.generations.remove(name);
        let gone: Vec<Wire> = self.wires.values().filter(|wire| wire.touches(name)).cloned().collect();
        for wire in gone {
            self.wires.remove(&wire.key());
            for end in [&wire.a, &wire.b] {
                if end.namespace.is_empty() {
                    self.host = None;
                }
                if let Some(namespace) = self.namespaces.get_mut(&end.namespace) {
                    namespace.forget_link(&end.link);
                }
            }
        }
    }
}

impl Namespace {
    /// Takes out all lines that went with a link.
    pub fn forget_link(&mut self, link: &str) {
        let names = |line: &String| line.split_whitespace().any(|word| word == link);
        self.addresses.retain(|line| !names(line));
        self.neighbours.retain(|line| !names(line));
        self.routes.retain(|line| !names(line));
        let file = format!("/{link}/");
        self.link_settings.retain(|path, _| !path.contains(&file));
    }

    /// Adds elements to a set, which is made when it is not there.
    pub fn set(&mut self, name: &str, kind: &str, header: &str) -> &mut Set {
        let set = self.rules.sets.entry(name.to_owned()).or_default();
        if set.kind.is_empty() {
            kind.clone_into(&mut set.kind);
            header.clone_into(&mut set.header);
            set.ranges = header.contains("interval");
        }
        set
    }

    /// A chain to add rules to, made when it is not there.
    pub fn chain(&mut self, name: &str, header: &str) -> &mut Chain {
        let chain = self.rules.chains.entry(name.to_owned()).or_default();
        if chain.header.is_empty() {
            header.clone_into(&mut chain.header);
        }
        chain
    }
}
