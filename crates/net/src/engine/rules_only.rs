//! A change of rules alone: the chains of the groups and ACLs that changed, in the routers that have them.
//!
//! Compiling everything takes most of the time of a change. Invariant: what this makes of a plan is what compiling the new
//! topology makes of it; where anything else changed it has nothing to say.

use super::compile::chains;
use super::diff::{Changes, Inside, ruleset};
use super::{Names, Plan, Ruleset};
use crate::Topology;
use crate::topology::Id;
use std::collections::{BTreeMap, BTreeSet};

/// The groups and ACLs whose rules differ; nothing when anything else does.
pub fn changed<'a>(before: &Topology, after: &'a Topology) -> Option<BTreeSet<&'a Id>> {
    // Every field is named, so that a new one is thought of. Nothing depends on labels.
    let Topology {
        vpcs,
        subnets,
        route_tables,
        acls,
        groups,
        prefix_lists,
        interfaces,
        devices,
        nat_gateways,
        peerings,
        transit_gateways,
        endpoints,
        watched,
        labels: _,
    } = before;
    let same = *vpcs == after.vpcs
        && *subnets == after.subnets
        && *route_tables == after.route_tables
        && *prefix_lists == after.prefix_lists
        && *interfaces == after.interfaces
        && *devices == after.devices
        && *nat_gateways == after.nat_gateways
        && *peerings == after.peerings
        && *transit_gateways == after.transit_gateways
        && *endpoints == after.endpoints
        && *watched == after.watched
        && acls.keys().eq(after.acls.keys())
        && groups.keys().eq(after.groups.keys())
        && groups.values().zip(after.groups.values()).all(|(one, other)| one.vpc == other.vpc);
    same.then(|| different(groups, &after.groups).chain(different(acls, &after.acls)).collect())
}

fn different<'a, T: PartialEq>(
    before: &BTreeMap<Id, T>,
    after: &'a BTreeMap<Id, T>,
) -> impl Iterator<Item = &'a Id> {
    let both = before.values().zip(after).map(|(before, (id, after))| (id, before == after));
    both.filter(|(_, same)| !same).map(|(id, _)| id).collect::<Vec<_>>().into_iter()
}

/// What changes in the filter of one router.
pub struct Patch {
    namespace: String,
    from: Ruleset,
    to: Ruleset,
}

/// What changes in the filters of all routers.
pub fn patches(plan: &Plan, topology: &Topology, names: &Names, ids: &BTreeSet<&Id>) -> Vec<Patch> {
    let mut patches = Vec::new();
    for vpc in topology.vpcs.keys() {
        let namespace = names.namespace(vpc);
        let Some(present) = plan.namespaces.get(&namespace) else { continue };
        let to = chains(topology, names, vpc, ids, &present.rules);
        if !to.is_empty() {
            let from = counterpart(&present.rules, &to);
            patches.push(Patch { namespace, from, to });
        }
    }
    patches
}

/// What stands in the place of some chains, with the sets that they or the new ones name. Sets that other chains name stay
/// out, unless the new ones name them as well.
fn counterpart(present: &Ruleset, to: &Ruleset) -> Ruleset {
    let (mine, others): (Vec<_>, Vec<_>) =
        present.chains.iter().partition(|(name, _)| to.chains.contains_key(*name));
    // A rule has a set for each family, also where it has no line for one of them.
    let rules = |chains: &[(&String, &super::Chain)]| -> BTreeSet<String> {
        let rules = chains.iter().flat_map(|(_, chain)| &chain.rules);
        let words = rules.flat_map(|rule| rule.split_whitespace());
        let stems = words.filter_map(|word| word.strip_prefix('@')?.strip_suffix(['4', '6']));
        stems.flat_map(|stem| [format!("{stem}4"), format!("{stem}6")]).collect()
    };
    let (before, elsewhere) = (rules(&mine), rules(&others));
    let is_concerned =
        |name: &String| to.sets.contains_key(name) || (before.contains(name) && !elsewhere.contains(name));
    Ruleset {
        sets: present.sets.iter().filter(|(name, _)| is_concerned(name)).map(owned).collect(),
        chains: mine.into_iter().map(owned).collect(),
    }
}

fn owned<T: Clone>((name, value): (&String, &T)) -> (String, T) {
    (name.clone(), value.clone())
}

/// The steps: one transaction for each router.
pub fn changes(patches: &[Patch]) -> Changes {
    let inside = patches.iter().map(|patch| Inside {
        namespace: patch.namespace.clone(),
        nft: ruleset(&patch.from, &patch.to),
        ..Inside::default()
    });
    Changes { inside: inside.filter(|inside| !inside.nft.is_empty()).collect(), ..Changes::default() }
}

/// Takes the patches into a plan.
pub fn take_in(plan: &mut Plan, patches: Vec<Patch>) {
    for patch in patches {
        let Some(at) = plan.namespaces.get_mut(&patch.namespace) else { continue };
        at.rules.sets.retain(|name, _| !patch.from.sets.contains_key(name));
        at.rules.sets.extend(patch.to.sets);
        at.rules.chains.extend(patch.to.chains);
    }
}
