//! Transit gateways: a router each, with a wire to every subnet of an attachment.
//!
//! A wire is a zone's: what is sent in a zone leaves by the subnet of that zone, and the gateway hands it on by the wire of
//! the same zone where the other attachment has one. Invariant: this chooses as `TransitAttachment::entry` does.

use super::super::names::link;
use super::{Compile, EngineError, forwarding};
use crate::topology::{Id, Subnet, TransitAttachment, TransitGateway};
use std::collections::BTreeSet;

/// What the numbers of a gateway's tables begin at: a table for each of its route tables and zones.
const TABLES: usize = 1000;

/// The gateway's end of the wire to a subnet of an attachment.
fn far(attachment: &str, subnet: &str) -> String {
    link('a', &format!("{attachment} {subnet}"))
}

/// The router's end of it.
pub(super) fn near(attachment: &str, subnet: &str) -> String {
    link('t', &format!("{attachment} {subnet}"))
}

impl Compile<'_> {
    /// All transit gateways that join VPCs with routers.
    pub(super) fn transit_gateways(&mut self) -> Result<(), EngineError> {
        let topology = self.topology;
        for (id, gateway) in &topology.transit_gateways {
            let is_live = |one: &TransitAttachment| self.live.contains_key(one.vpc.as_str());
            let attached: Vec<_> = gateway.attachments.iter().filter(|(_, one)| is_live(one)).collect();
            if !attached.is_empty() {
                self.transit_gateway(&self.namespace(id), gateway, &attached)?;
            }
        }
        Ok(())
    }

    fn transit_gateway(
        &mut self,
        name: &str,
        gateway: &TransitGateway,
        attached: &[(&Id, &TransitAttachment)],
    ) -> Result<(), EngineError> {
        let zones: BTreeSet<&String> = attached.iter().flat_map(|(_, one)| one.subnets.keys()).collect();
        let zones: Vec<&String> = zones.into_iter().collect();
        forwarding(&mut self.plan.at(name).settings);
        self.plan.at(name).routes.extend(["blackhole 0.0.0.0/0".into(), "blackhole ::/0".into()]);
        for (attachment, found) in attached {
            let table = found.route_table.as_ref();
            let table = table.and_then(|table| gateway.route_tables.keys().position(|id| id == table));
            for (zone, subnet) in &found.subnets {
                let (far, near) = (far(attachment, subnet), near(attachment, subnet));
                let ends = ((name.to_owned(), far.clone()), (self.namespace(&found.vpc), near.clone()));
                self.unnumbered(&format!("{attachment} {subnet}"), ends.0, ends.1)?;
                self.edge_link(&found.vpc, &near);
                self.transit_subnet(&found.vpc, subnet, &near);
                let zone = zones.iter().position(|known| *known == zone);
                let number = table.zip(zone).map(|(table, zone)| TABLES + table * zones.len() + zone);
                let policies = number.into_iter().flat_map(|number| {
                    ["", "-6 "].map(|family| format!("{family}iif {far} lookup {number} pref {number}"))
                });
                self.plan.at(name).policies.extend(policies);
            }
        }
        for (position, table) in gateway.route_tables.values().enumerate() {
            for (at, zone) in zones.iter().enumerate() {
                let number = TABLES + position * zones.len() + at;
                let lines = table.routes.iter().map(|route| {
                    let to = attached.iter().find(|(id, _)| Some(*id) == route.attachment.as_ref());
                    let by = to.and_then(|(id, found)| Some(far(id, found.entry(zone)?)));
                    match by {
                        Some(by) => format!("{} dev {by} table {number}", route.cidr),
                        None => format!("blackhole {} table {number}", route.cidr),
                    }
                });
                self.plan.at(name).routes.extend(lines);
            }
        }
        Ok(())
    }

    /// What comes from a gateway is routed by the table of the attachment's subnet and asks its ACL when it goes on into
    /// another one; what goes to the gateway asks that ACL in any case.
    fn transit_subnet(&mut self, vpc: &str, id: &str, near: &str) {
        let Some(Subnet { acl, .. }) = self.topology.subnets.get(id) else { return };
        let mark = self.plan.marks.get(id).copied().unwrap_or_default();
        let router = self.names.namespace(vpc);
        let mut at = std::mem::take(self.plan.at(&router));
        self.acl(&mut at, acl);
        for (map, element) in [
            ("subnet_of", format!("\"{near}\" : 0x{mark:08x}")),
            ("acl_out", format!("0x{mark:08x} : jump {acl}_out")),
            ("acl_in", format!("\"{near}\" : jump {acl}_in")),
        ] {
            at.set(map, "map", "").elements.insert(element);
        }
        self.plan.namespaces.insert(router, at);
    }
}
