//! Interfaces of one machine: they stand in one namespace, each as a link of its own.
//!
//! Invariant: an interface stands in exactly one place, and only beside one that is live and stands alone.

use super::{Flaw, Id, Topology};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The highest number of a further link of a machine.
pub const DEVICES_MAX: u16 = 255;

/// That an interface is a further link of the machine at another interface.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Device {
    /// The machine's first interface, in whose namespace it stands.
    pub host: Id,
    /// Its number there, 1 to [`DEVICES_MAX`]: the link is `ethN`.
    pub index: u16,
}

/// Where an interface stands when it is live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seat<'a> {
    /// The interface whose namespace it is.
    pub host: &'a str,
    /// The number of its link: 0 in its own namespace.
    pub index: u16,
}

impl Seat<'_> {
    /// The name of its link.
    pub fn link(&self) -> String {
        format!("eth{}", self.index)
    }
}

impl Topology {
    /// Where an interface stands. One whose machine is not there stands alone, as the first one does.
    pub fn seat<'a>(&'a self, interface: &'a str) -> Seat<'a> {
        let alone = Seat { host: interface, index: 0 };
        let Some(device) = self.devices.get(interface) else { return alone };
        let is_there = self.interfaces.get(&device.host).is_some_and(|host| host.live);
        match is_there && !self.devices.contains_key(&device.host) {
            true => Seat { host: &device.host, index: device.index },
            false => alone,
        }
    }

    /// Who would stand in another one's place.
    pub(super) fn check_devices(&self, flaws: &mut Vec<Flaw>) {
        let mut taken: BTreeMap<(&Id, u16), &Id> = BTreeMap::new();
        let hosts: BTreeSet<&Id> = self.devices.values().map(|device| &device.host).collect();
        taken.extend(hosts.into_iter().map(|host| ((host, 0), host)));
        for (id, device) in &self.devices {
            if device.index > DEVICES_MAX {
                flaws.push(Flaw::TooMuch(device.host.clone()));
            }
            if let Some(first) = taken.insert((&device.host, device.index), id) {
                let address = format!("eth{} of {}", device.index, device.host);
                flaws.push(Flaw::Shared { address, first: first.clone(), second: id.clone() });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Device, Seat};
    use crate::sample::Builder;

    fn machine() -> Builder {
        let mut b = Builder::default();
        b.vpc("vpc-1", "10.0.0.0/16").subnet("subnet-1", "vpc-1", "10.0.1.0/24").group("sg-1", "vpc-1");
        for (id, address) in [("eni-1", "10.0.1.4"), ("eni-2", "10.0.1.5"), ("eni-3", "10.0.1.6")] {
            b.interface(id, "subnet-1", address, "sg-1");
        }
        b.topology.devices.insert("eni-2".into(), Device { host: "eni-1".into(), index: 1 });
        b
    }

    #[test]
    fn a_further_interface_stands_beside_the_first_while_that_one_is_live() {
        let mut b = machine();
        assert_eq!(b.topology.flaws(), []);
        assert_eq!(b.topology.seat("eni-1"), Seat { host: "eni-1", index: 0 });
        assert_eq!(b.topology.seat("eni-2"), Seat { host: "eni-1", index: 1 });
        assert_eq!(b.topology.seat("eni-2").link(), "eth1");
        b.topology.interfaces.get_mut("eni-1").unwrap().live = false;
        assert_eq!(b.topology.seat("eni-2"), Seat { host: "eni-2", index: 0 });
        b.topology.devices.insert("eni-2".into(), Device { host: "eni-9".into(), index: 1 });
        assert_eq!(b.topology.seat("eni-2"), Seat { host: "eni-2", index: 0 });
    }

    #[test]
    fn two_interfaces_never_have_one_place() {
        for (index, flaws) in [(2, 0), (1, 1), (0, 1), (256, 1)] {
            let mut b = machine();
            b.topology.devices.insert("eni-3".into(), Device { host: "eni-1".into(), index });
            assert_eq!(b.topology.flaws().len(), flaws, "{index}");
        }
        let mut b = machine();
        b.topology.devices.insert("eni-3".into(), Device { host: "eni-1; reboot".into(), index: 3 });
        assert_eq!(b.topology.flaws().len(), 1);
    }
}
