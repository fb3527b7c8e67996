//! From records to the network: what the VPCs of the whole cloud are to be, for the network engine.
//!
//! Invariant: the engine is told of everything that was committed; a lost nudge only costs time. Nothing is decided here:
//! each noun is said in the engine's words.

mod endpoints;
mod joints;
mod labels;
mod told;
mod transit;
mod words;

use crate::defaults::Place;
use crate::dhcp_options::DhcpOptions;
use crate::egress_only_internet_gateways::EgressOnlyInternetGateway;
use crate::flow_logs;
use crate::internet_gateways::InternetGateway;
use crate::network_acls::NetworkAcl;
use crate::nouns::{ALL, Home};
use crate::prefix_lists::{self, PrefixList};
use crate::route_tables::{self, RouteTable};
use crate::security_groups::SecurityGroup;
use crate::subnets::Subnet;
use crate::vpcs::Vpc;
use labels::name_of;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use told::Told;
use yakumo_aws::{Error, Result};
use yakumo_machine::{Kind, Request};
use yakumo_net::Topology;
use yakumo_net::topology;
use yakumo_room::store::Range;
use yakumo_room::{Base, Reconciler, Record, Scope, World};

/// The name of the background work that tells the network engine.
pub(crate) const RECONCILER: &str = "ec2.network";
/// How long it rests when nobody nudges it.
const EVERY: Duration = Duration::from_secs(60);
/// Where network namespaces are shown.
const NAMESPACES: &str = "/run/netns";

/// Tells the network engine what is wanted, at the start and after every change.
pub(crate) fn reconciler() -> Reconciler {
    let told: Arc<Mutex<Option<Told>>> = Arc::default();
    Reconciler::new(RECONCILER, EVERY, move |world: Arc<World>| {
        let told = told.clone();
        async move { follow(&world.base, &mut *told.lock().await).await }
    })
}

/// Makes the networks as the records say, from what they were told last where that is enough.
async fn follow(base: &Base, told: &mut Option<Told>) -> Result<()> {
    let known = match told.take() {
        Some(before) => before.follow(base).await?,
        None => None,
    };
    let known = match known {
        Some(known) => known,
        None => Told::read(base).await?,
    };
    make(base, known.topology.clone()).await?;
    *told = Some(known);
    Ok(())
}

/// Makes the networks as the records say. When it returns, packets obey.
pub(crate) async fn apply(base: &Base) -> Result<()> {
    let wanted = wanted(base).await?;
    make(base, wanted).await
}

async fn make(base: &Base, wanted: Topology) -> Result<()> {
    let standing = base.network.standing().borrow().clone();
    let forwards = wanted.interfaces.iter().filter(|(_, one)| one.live && !one.source_dest_check);
    let hosts: BTreeSet<&str> = forwards.map(|(id, _)| wanted.seat(id).host).collect();
    // An instance with an interface that forwards for others rules its network, whose namespace must be made so from the beginning.
    for host in hosts.into_iter().filter(|host| !standing.interfaces.contains_key(*host)) {
        let path = Path::new(NAMESPACES).join(base.network.namespace_of(host));
        match base.sandboxes.ask(Request::MakeNetwork { path }).await {
            Ok(_) => {}
            // What belongs to the host from earlier stays so, and where nothing runs nothing forwards.
            Err(error) if matches!(error.kind, Kind::Invalid | Kind::Unsupported) => {}
            Err(error) => return Err(Error::internal(error)),
        }
    }
    base.network.apply(wanted).await.map_err(Error::internal)
}

/// Where the network namespace of an interface is shown.
pub(crate) fn namespace(base: &Base, interface: &str) -> PathBuf {
    Path::new(NAMESPACES).join(base.network.namespace(interface))
}

/// What the records of all accounts and regions say.
pub(crate) async fn wanted(base: &Base) -> Result<Topology> {
    let mut topology = Topology::default();
    let places: Vec<Place> = all(base, &Place::scope()).await?;
    for place in &places {
        add(base, place.home, &mut topology).await?;
    }
    for place in &places {
        flow_logs::watched(base, place.home, &mut topology).await?;
    }
    endpoints::share_names(&mut topology);
    Ok(topology)
}

/// All records of a kind in an account and region.
pub(crate) async fn all<R: Record>(base: &Base, scope: &Scope) -> Result<Vec<R>> {
    let rows = base.store.scan(Range::prefix(scope.record_key(R::TABLE, &[])), ALL).await?;
    rows.iter().map(|(_, bytes)| R::from_bytes(bytes).map_err(Error::internal)).collect()
}

/// Adds an account's VPCs in a region.
async fn add(base: &Base, home: Home, topology: &mut Topology) -> Result<()> {
    let scope = home.scope();
    add_vpcs(base, home, topology).await?;
    let tables: Vec<RouteTable> = all(base, &scope).await?;
    let acls: Vec<NetworkAcl> = all(base, &scope).await?;
    for subnet in all::<Subnet>(base, &scope).await? {
        let table = route_tables::of_subnet(&tables, &subnet);
        let acl = acls.iter().find(|acl| acl.associations.iter().any(|found| found.subnet == subnet.id));
        // Both are there always: a subnet comes and goes with its associations.
        let (Some(table), Some(acl)) = (table, acl) else { continue };
        let said = topology::Subnet {
            vpc: subnet.vpc.clone(),
            cidrs: subnet.blocks().filter_map(words::cidr).collect(),
            route_table: table.id.clone(),
            acl: acl.id.clone(),
            zone: subnet.zone.clone(),
        };
        topology.subnets.insert(subnet.id, said);
    }
    topology.route_tables.extend(tables.iter().map(|table| (table.id.clone(), words::route_table(table))));
    topology.acls.extend(acls.iter().map(|acl| (acl.id.clone(), words::acl(acl))));
    let groups: Vec<SecurityGroup> = all(base, &scope).await?;
    topology.groups.extend(groups.iter().map(|group| (group.id.clone(), words::group(group))));
    for list in prefix_lists::managed(home.region, base.network.ranges()) {
        let entries = list.block().parse().into_iter().collect();
        topology.prefix_lists.insert(list.id, topology::PrefixList { entries });
    }
    for list in all::<PrefixList>(base, &scope).await? {
        let entries = list.entries().iter().filter_map(|entry| words::cidr(&entry.cidr)).collect();
        topology.prefix_lists.insert(list.id, topology::PrefixList { entries });
    }
    joints::add(base, home, topology).await?;
    transit::add(base, home, topology).await?;
    endpoints::add(base, home, topology).await?;
    labels::add(base, home, topology).await
}

async fn add_vpcs(base: &Base, home: Home, topology: &mut Topology) -> Result<()> {
    let scope = home.scope();
    let gateways: Vec<InternetGateway> = all(base, &scope).await?;
    let egress_only: Vec<EgressOnlyInternetGateway> = all(base, &scope).await?;
    let options: Vec<DhcpOptions> = all(base, &scope).await?;
    let options: BTreeMap<String, DhcpOptions> =
        options.into_iter().map(|options| (options.id.clone(), options)).collect();
    for vpc in all::<Vpc>(base, &scope).await? {
        let gateway = gateways.iter().find(|gateway| gateway.vpc.as_ref() == Some(&vpc.id));
        let egress_only = egress_only.iter().filter(|gateway| gateway.vpc == vpc.id);
        let options = vpc.dhcp_options.as_ref().and_then(|id| options.get(id));
        let said = topology::Vpc {
            cidrs: vpc.blocks().filter_map(|block| words::cidr(&block.cidr)).collect(),
            internet_gateway: gateway.map(|gateway| gateway.id.clone()),
            egress_only_gateways: egress_only.map(|gateway| gateway.id.clone()).collect(),
            dns: topology::Dns {
                support: vpc.dns_support,
                hostnames: vpc.dns_hostnames,
                domain: words::domain(options),
                region: Some(home.region.to_string()),
                servers: words::name_servers(options),
            },
            ..topology::Vpc::default()
        };
        topology.vpcs.insert(vpc.id, said);
    }
    Ok(())
}
