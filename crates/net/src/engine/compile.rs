//! A topology as the kernel should be. Pure.
//!
//! One namespace is the router of a VPC that has live interfaces; each machine (the live interfaces of an instance, or one
//! that stands alone) and each NAT gateway of such a VPC has a namespace of its own, wired to the routers. Invariant: a VPC without live interfaces costs nothing.

mod filter;
mod gateways;
mod router;
mod rules;
mod transit;

use super::names::{hash, link};
use super::plan::{Namespace, Plan, Ruleset, Wire, WireEnd};
use super::{EngineError, Names};
use crate::Topology;
use crate::topology::{Id, Seat, Subnet};
use rules::Side;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

/// The hardware address of every router's end of an interface's wire.
const ROUTER_MAC: &str = "02:79:6b:00:00:01";
/// The link-local address of every router.
const ROUTER_V6: &str = "fe80::1";

/// What has addresses in a VPC: a live interface or a NAT gateway.
struct Member<'a> {
    /// The id of the interface or the gateway.
    id: &'a str,
    /// Whose namespace it stands in, and as which link.
    seat: Seat<'a>,
    /// The interface that it is: of a NAT gateway its own.
    interface: &'a str,
    /// Its link in the router.
    link: String,
    subnet_id: &'a str,
    subnet: &'a Subnet,
    addresses: Vec<IpAddr>,
    publics: Vec<(Ipv4Addr, Ipv4Addr)>,
    mac: String,
    /// Its security groups; `None` filters nothing.
    groups: Option<&'a BTreeSet<Id>>,
    /// Whether source and destination are checked.
    checked: bool,
    /// Whether it belongs to an interface endpoint.
    endpoint: bool,
}

/// A compilation at work.
struct Compile<'a> {
    topology: &'a Topology,
    names: &'a Names,
    plan: Plan,
    /// The VPCs that have a router, with their members.
    live: BTreeMap<&'a str, Vec<Member<'a>>>,
}

/// Compiles a topology without flaws. `marks` are those of the plan before, which stay.
///
/// # Errors
/// When two ids have the same short name, or a VPC has more subnets than there are marks.
pub fn compile(
    topology: &Topology,
    names: &Names,
    marks: &BTreeMap<String, u16>,
) -> Result<Plan, EngineError> {
    let live = members(topology)?;
    let mut compile = Compile { topology, names, plan: Plan::default(), live };
    compile.plan.marks = next_marks(&compile.subnets(), marks)?;
    let vpcs: Vec<&str> = compile.live.keys().copied().collect();
    for vpc in &vpcs {
        compile.router(vpc)?;
        compile.filter(vpc);
    }
    compile.peerings()?;
    compile.transit_gateways()?;
    compile.gateway_endpoints()?;
    compile.edge()?;
    Ok(compile.plan)
}

/// The chains of those of some groups and ACLs that a router has chains of, and the sets that these name.
pub(super) fn chains(
    topology: &Topology,
    names: &Names,
    vpc: &str,
    ids: &BTreeSet<&Id>,
    present: &Ruleset,
) -> Ruleset {
    let compile = Compile { topology, names, plan: Plan::default(), live: BTreeMap::new() };
    let mut at = Namespace::default();
    for id in ids {
        if topology.acls.contains_key(*id) && present.chains.contains_key(&format!("{id}_out")) {
            compile.acl(&mut at, id);
        }
        for (suffix, side) in [("out", Side::Destination), ("in", Side::Source)] {
            let name = format!("{id}_{suffix}");
            if topology.groups.contains_key(*id) && present.chains.contains_key(&name) {
                compile.group(&mut at, vpc, id, side, &name);
            }
        }
    }
    at.rules
}

fn members(topology: &Topology) -> Result<BTreeMap<&str, Vec<Member<'_>>>, EngineError> {
    let mut live: BTreeMap<&str, Vec<Member<'_>>> = BTreeMap::new();
    let managed: BTreeSet<&Id> =
        topology.endpoints.values().flat_map(|endpoint| &endpoint.interfaces).collect();
    for (id, interface) in topology.interfaces.iter().filter(|(_, interface)| interface.live) {
        let Some((subnet_id, subnet)) = topology.subnets.get_key_value(&interface.subnet) else { continue };
        let publics = interface.addresses.iter().filter_map(|one| Some((one.private, one.public?))).collect();
        live.entry(&subnet.vpc).or_default().push(Member {
            id,
            seat: topology.seat(id),
            interface: id,
            link: link('e', id),
            subnet_id,
            subnet,
            addresses: interface.all_addresses().collect(),
            publics,
            mac: interface.mac.map_or_else(|| mac_of(id), |mac| mac_text(&mac)),
            groups: Some(&interface.groups),
            checked: interface.source_dest_check,
            endpoint: managed.contains(id),
        });
    }
    for vpc in topology.vpcs_behind(|vpc| live.contains_key(vpc)) {
        live.entry(vpc).or_default();
    }
    for (id, gateway) in &topology.nat_gateways {
        let Some((subnet_id, subnet)) = topology.subnets.get_key_value(&gateway.subnet) else { continue };
        let Some(members) = live.get_mut(subnet.vpc.as_str()) else { continue };
        members.push(Member {
            id,
            seat: Seat { host: id, index: 0 },
            interface: &gateway.interface,
            link: link('e', id),
            subnet_id,
            subnet,
            addresses: vec![gateway.private.into()],
            publics: gateway.public.map(|public| (gateway.private, public)).into_iter().collect(),
            mac: mac_of(id),
            groups: None,
            checked: false,
            endpoint: false,
        });
    }
    for members in live.values() {
        let mut seen = BTreeSet::new();
        if let Some(twin) = members.iter().find(|member| !seen.insert(member.link.as_str())) {
            return Err(EngineError::Twins(twin.id.to_owned()));
        }
    }
    Ok(live)
}

/// Each subnet keeps its mark, or gets the lowest that is free in its VPC.
fn next_marks(
    subnets: &BTreeMap<&str, BTreeSet<&str>>,
    before: &BTreeMap<String, u16>,
) -> Result<BTreeMap<String, u16>, EngineError> {
    let mut marks = BTreeMap::new();
    for (vpc, subnets) in subnets {
        let mut used: BTreeSet<u16> = subnets.iter().filter_map(|id| before.get(*id)).copied().collect();
        for subnet in subnets.iter().copied() {
            let mark = match before.get(subnet) {
                Some(mark) => *mark,
                None => (1..crate::topology::LIMITS.subnets_of_vpc)
                    .filter_map(|mark| u16::try_from(mark).ok())
                    .find(|mark| !used.contains(mark))
                    .ok_or_else(|| EngineError::Failed {
                        what: (*vpc).to_owned(),
                        text: "it has more subnets with live interfaces than there are marks".to_owned(),
                    })?,
            };
            used.insert(mark);
            marks.insert(subnet.to_owned(), mark);
        }
    }
    Ok(marks)
}

impl<'a> Compile<'a> {
    /// The subnets of each router that packets come from: those of members, and those of attachments to transit gateways.
    fn subnets(&self) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
        let of = |members: &Vec<Member<'a>>| members.iter().map(|member| member.subnet_id).collect();
        let mut all: BTreeMap<&str, BTreeSet<&str>> =
            self.live.iter().map(|(vpc, members)| (*vpc, of(members))).collect();
        let gateways = self.topology.transit_gateways.values();
        for attachment in gateways.flat_map(|gateway| gateway.attachments.values()) {
            if let Some(known) = all.get_mut(attachment.vpc.as_str()) {
                known.extend(attachment.subnets.values().map(String::as_str));
            }
        }
        all
    }

    /// Adds a wire on which addresses are not resolved: both ends have one hardware address, and whatever is sent into
    /// one end is for whoever is at the other.
    fn unnumbered(&mut self, id: &str, a: (String, String), b: (String, String)) -> Result<(), EngineError> {
        let mac = mac_of(id);
        let end = |(namespace, link), mac: &str| WireEnd { namespace, link, mac: mac.to_owned(), arp: false };
        self.add_wire(id, Wire { a: end(a, &mac), b: end(b, &mac) })
    }

    fn add_wire(&mut self, id: &str, wire: Wire) -> Result<(), EngineError> {
        if self.plan.wire(wire) { Ok(()) } else { Err(EngineError::Twins(id.to_owned())) }
    }

    fn namespace(&self, id: &str) -> String {
        self.names.namespace(id)
    }
}

/// A hardware address of our own for an id.
fn mac_of(id: &str) -> String {
    let [_, _, a, b, c, d, e, f] = hash(id).to_be_bytes();
    mac_text(&[(a & 0xf0) | 0x06, b, c, d, e, f])
}

fn mac_text(mac: &[u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// The length of the prefix of one address.
fn whole(address: &IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The files below `/proc/sys/net` of something that forwards.
fn forwarding(settings: &mut BTreeMap<String, String>) {
    for (path, value) in [
        ("ipv4/ip_forward", "1"),
        ("ipv4/conf/all/rp_filter", "0"),
        ("ipv4/conf/default/rp_filter", "0"),
        ("ipv4/conf/all/send_redirects", "0"),
        ("ipv4/conf/default/send_redirects", "0"),
        ("ipv4/conf/default/accept_redirects", "0"),
        ("ipv6/conf/all/forwarding", "1"),
        ("ipv6/conf/default/forwarding", "1"),
    ] {
        settings.insert(path.to_owned(), value.to_owned());
    }
    quiet(settings);
}

/// No address and no question of its own making.
fn quiet(settings: &mut BTreeMap<String, String>) {
    for (path, value) in [
        // A primary address that goes leaves the secondary ones.
        ("ipv4/conf/all/promote_secondaries", "1"),
        ("ipv6/conf/default/accept_ra", "0"),
        ("ipv6/conf/default/accept_dad", "0"),
        ("ipv6/conf/default/addr_gen_mode", "1"),
    ] {
        settings.insert(path.to_owned(), value.to_owned());
    }
}
