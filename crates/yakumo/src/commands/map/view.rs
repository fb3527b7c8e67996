//! What a map shows of a VPC: its gateways, how far its subnets reach, everything in a fixed order.

use super::words;
use std::net::IpAddr;
use yakumo_net::Topology;
use yakumo_net::topology::{Destination, Group, Id, Interface, Route, RouteTable, Subnet, Target, Vpc};

/// A VPC and the topology around it.
pub struct View<'a> {
    /// The VPC's id.
    pub vpc: &'a str,
    /// What [`Topology::around`] gave.
    pub topology: &'a Topology,
}

/// How far packets of a subnet get by its default route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// To an internet gateway.
    Public,
    /// To something else.
    Private,
    /// There is no default route, or it leads nowhere.
    Isolated,
}

impl Reach {
    /// As people say it.
    pub fn name(self) -> &'static str {
        match self {
            Reach::Public => "public",
            Reach::Private => "private",
            Reach::Isolated => "isolated",
        }
    }
}

/// What a gateway is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// An internet gateway.
    Internet,
    /// An egress-only internet gateway.
    EgressOnly,
    /// A NAT gateway.
    Nat,
    /// A peering connection.
    Peering,
    /// A transit gateway.
    Transit,
    /// A gateway endpoint.
    Endpoint,
}

impl Kind {
    /// As AWS says it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Internet => "internet gateway",
            Kind::EgressOnly => "egress-only gateway",
            Kind::Nat => "NAT gateway",
            Kind::Peering => "peering",
            Kind::Transit => "transit gateway",
            Kind::Endpoint => "gateway endpoint",
        }
    }
}

/// A way out of subnets.
pub struct Gateway {
    /// Its id.
    pub id: Id,
    /// What it is.
    pub kind: Kind,
    /// What else is to be said; may be empty.
    pub note: String,
}

impl<'a> View<'a> {
    /// The VPC itself.
    pub fn itself(&self) -> Option<&'a Vpc> {
        self.topology.vpcs.get(self.vpc)
    }

    /// Its gateways: by kind, then by name and id.
    pub fn gateways(&self) -> Vec<Gateway> {
        let mut found = Vec::new();
        let mut add = |id: &Id, kind, note| found.push(Gateway { id: id.clone(), kind, note });
        if let Some(vpc) = self.itself() {
            vpc.internet_gateway.iter().for_each(|id| add(id, Kind::Internet, String::new()));
            vpc.egress_only_gateways.iter().for_each(|id| add(id, Kind::EgressOnly, "IPv6".into()));
            vpc.gateway_endpoints.iter().for_each(|id| add(id, Kind::Endpoint, String::new()));
        }
        for (id, nat) in &self.topology.nat_gateways {
            let public = nat.public.map(|public| format!(" as {public}")).unwrap_or_default();
            add(id, Kind::Nat, format!("{}{public}", nat.private));
        }
        for (id, peering) in &self.topology.peerings {
            let other = peering.other(self.vpc).map(String::as_str).unwrap_or_default();
            let blocks = self.topology.vpcs.get(other).map(|vpc| words::list(&vpc.cidrs)).unwrap_or_default();
            add(id, Kind::Peering, format!("{} {blocks}", self.label(other)).trim_end().to_owned());
        }
        self.topology.transit_gateways.keys().for_each(|id| add(id, Kind::Transit, String::new()));
        found.sort_by_cached_key(|gateway| (gateway.kind, self.order(&gateway.id)));
        found
    }

    /// Its zones with their subnets, by zone and block. Subnets of an unknown zone come first, under an empty name.
    pub fn zones(&self) -> Vec<(&'a str, Vec<(&'a Id, &'a Subnet)>)> {
        let zone = |id: &str| {
            let label = self.topology.labels.get(id);
            label.and_then(|label| label.zone.as_deref()).unwrap_or_default()
        };
        let mut subnets: Vec<_> = self.topology.subnets.iter().collect();
        subnets.sort_by_key(|(id, subnet)| (zone(id), subnet.cidrs.first().map(|cidr| cidr.first()), *id));
        let mut zones: Vec<(&str, Vec<_>)> = Vec::new();
        for (id, subnet) in subnets {
            match zones.last_mut() {
                Some((last, list)) if *last == zone(id) => list.push((id, subnet)),
                _ => zones.push((zone(id), vec![(id, subnet)])),
            }
        }
        zones
    }

    /// The interfaces of a subnet, by address.
    pub fn interfaces(&self, subnet: &str) -> Vec<(&'a Id, &'a Interface)> {
        let mut found: Vec<_> =
            self.topology.interfaces.iter().filter(|(_, interface)| interface.subnet == subnet).collect();
        found.sort_by_key(|(id, interface)| (interface.all_addresses().next(), *id));
        found
    }

    /// The VPC's security groups, by name.
    pub fn groups(&self) -> Vec<(&'a Id, &'a Group)> {
        let mut found: Vec<_> = self.topology.groups.iter().collect();
        found.sort_by_cached_key(|(id, _)| self.order(id));
        found
    }

    /// The VPC's route tables, by name.
    pub fn tables(&self) -> Vec<(&'a Id, &'a RouteTable)> {
        let mut found: Vec<_> = self.topology.route_tables.iter().collect();
        found.sort_by_cached_key(|(id, _)| self.order(id));
        found
    }

    /// The routes of a table, local ones of the VPC's blocks included: local ones first, then by destination.
    pub fn routes(&self, table: &RouteTable) -> Vec<Route> {
        let blocks =
            self.itself().into_iter().flat_map(|vpc| &vpc.cidrs).map(|cidr| Destination::Cidr(*cidr));
        let implied = blocks.filter(|block| !table.routes.iter().any(|route| route.destination == *block));
        let mut routes: Vec<Route> =
            implied.map(|destination| Route { destination, target: Target::Local }).collect();
        routes.extend(table.routes.iter().cloned());
        routes.sort_by_cached_key(|route| {
            let first: Option<(IpAddr, u8)> = match &route.destination {
                Destination::Cidr(cidr) => Some((cidr.first(), cidr.prefix())),
                Destination::PrefixList(_) => None,
            };
            (route.target != Target::Local, is_default(route), first, route.target.id().to_owned())
        });
        routes
    }

    /// How far a subnet reaches.
    pub fn reach(&self, subnet: &Subnet) -> Reach {
        let routes = self.topology.route_tables.get(&subnet.route_table).map(|table| &table.routes);
        let defaults = routes.into_iter().flatten().filter(|route| is_default(route));
        let targets: Vec<&Target> =
            defaults.map(|route| &route.target).filter(|target| self.leads(target)).collect();
        if targets.iter().any(|target| matches!(target, Target::InternetGateway(_))) {
            return Reach::Public;
        }
        if targets.is_empty() { Reach::Isolated } else { Reach::Private }
    }

    /// Whether a route's target is there.
    pub fn leads(&self, target: &Target) -> bool {
        self.topology.has_target(self.vpc, target)
    }

    /// What people call a thing, else its id.
    pub fn label(&self, id: &str) -> String {
        self.name(id).unwrap_or(id).to_owned()
    }

    /// Its name and its id.
    pub fn full(&self, id: &str) -> String {
        self.name(id).map_or_else(|| id.to_owned(), |name| format!("{name} ({id})"))
    }

    fn name(&self, id: &str) -> Option<&'a str> {
        self.topology.labels.get(id)?.name.as_deref()
    }

    fn order(&self, id: &str) -> (String, Id) {
        (self.name(id).unwrap_or_default().to_owned(), id.to_owned())
    }
}

/// Whether a route is for everything that no other is for.
pub fn is_default(route: &Route) -> bool {
    matches!(&route.destination, Destination::Cidr(cidr) if cidr.prefix() == 0)
}
