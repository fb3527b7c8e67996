//! The work behind flow logs: looks at what was counted, makes records of it, and has files written.
//!
//! Invariant: it is the only one who asks the network for flows: what was told is not told again.

use super::fields::{Format, Row, Teller, Told};
use super::gathering::{Flow, Gathering, Sum, Window};
use super::{FlowLog, files};
use crate::defaults::Place;
use crate::network;
use crate::network_interfaces::NetworkInterface;
use crate::nouns::Home;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use yakumo_aws::{Error, Result};
use yakumo_net::topology::{Interface, Target, Watched};
use yakumo_net::{Topology, trace};
use yakumo_room::{Base, Reconciler, World};

/// The reconciler's name.
const NAME: &str = "ec2.flow-logs";
/// How often it is looked, in host time.
const EVERY: Duration = Duration::from_secs(5);

/// The work.
pub(crate) fn reconciler() -> Reconciler {
    let gathering = Arc::new(Mutex::new(Gathering::default()));
    Reconciler::new(NAME, EVERY, move |world| run(world, gathering.clone()))
}

async fn run(world: Arc<World>, gathering: Arc<Mutex<Gathering>>) -> Result<()> {
    let mut gathering = gathering.lock().await;
    let logs = logs(&world.base).await?;
    if logs.is_empty() {
        *gathering = Gathering::default();
        return Ok(());
    }
    let topology = world.base.network.topology();
    let flows = world.base.network.flows().await.map_err(Error::internal)?;
    let now = world.base.clock.now().as_secs();
    let logs: Vec<_> =
        logs.into_iter().map(|log| (scope(&topology, &log.resource), log)).map(|(s, l)| (l, s)).collect();
    let over = gathering.add(&logs, &flows, now);
    drop(gathering);
    for (log, interfaces) in &logs {
        if let Some(window) = over.get(&log.id) {
            let lines = lines(&world, &topology, log, interfaces, window, now).await?;
            files::keep(&world, log, now, &lines).await?;
        }
        files::deliver(&world, log, now).await?;
    }
    Ok(())
}

/// The flow logs of all accounts and regions.
async fn logs(base: &Base) -> Result<Vec<FlowLog>> {
    let mut all = Vec::new();
    for place in network::all::<Place>(base, &Place::scope()).await? {
        all.extend(network::all::<FlowLog>(base, &place.home.scope()).await?);
    }
    Ok(all)
}

/// Says in a topology which interfaces an account's flow logs in a region record.
pub(crate) async fn watched(base: &Base, home: Home, topology: &mut Topology) -> Result<()> {
    for log in network::all::<FlowLog>(base, &home.scope()).await? {
        let interfaces = scope(topology, &log.resource);
        topology.watched.extend(interfaces.into_iter().map(|id| (id, Watched {})));
    }
    Ok(())
}

/// The interfaces that a flow log of a resource records.
fn scope(topology: &Topology, resource: &str) -> BTreeSet<String> {
    let is_in = |id: &str, subnet: &str| {
        id == resource || subnet == resource || topology.vpc_of_subnet(subnet) == Some(resource)
    };
    let own = topology.interfaces.iter().filter(|(id, one)| is_in(id, &one.subnet)).map(|(id, _)| id);
    let gateways = topology.nat_gateways.values().filter(|one| is_in(&one.interface, &one.subnet));
    own.chain(gateways.map(|one| &one.interface)).cloned().collect()
}

/// The records of an interval.
async fn lines(
    world: &World,
    topology: &Topology,
    log: &FlowLog,
    interfaces: &BTreeSet<String>,
    window: &Window,
    now: i64,
) -> Result<Vec<String>> {
    let format = Format::parse(&log.format)?;
    let known: Vec<NetworkInterface> = network::all(&world.base, &log.home.scope()).await?;
    let tellers: BTreeMap<String, Teller> = known
        .iter()
        .filter(|one| interfaces.contains(&one.id))
        .map(|one| (one.id.clone(), teller(one)))
        .collect();
    let mut lines = Vec::new();
    let mut add = |teller: &Teller, flow: Option<&Told>, start: i64, end: i64, status: &'static str| {
        let Home { account, region } = log.home;
        lines.push(format.line(&Row { account, region, teller, flow, start, end, status }));
    };
    let mut silent: BTreeSet<&String> = live(topology, interfaces);
    for (flow, sum) in &window.flows {
        let Some(teller) = tellers.get(&flow.interface) else { continue };
        silent.remove(&flow.interface);
        add(teller, Some(&told(world, topology, teller, flow, sum)), sum.start, sum.end, "OK");
    }
    for id in &window.skipped {
        silent.remove(id);
        if let Some(teller) = tellers.get(id) {
            add(teller, None, window.start, now, "SKIPDATA");
        }
    }
    for teller in silent.into_iter().filter_map(|id| tellers.get(id)) {
        add(teller, None, window.start, now, "NODATA");
    }
    Ok(lines)
}

/// Those where something runs: of the others AWS would not tell either.
fn live<'a>(topology: &Topology, interfaces: &'a BTreeSet<String>) -> BTreeSet<&'a String> {
    let is_live = |id: &&String| topology.interfaces.get(*id).is_none_or(|one: &Interface| one.live);
    interfaces.iter().filter(is_live).collect()
}

fn teller(interface: &NetworkInterface) -> Teller {
    let v4 = interface.addresses.iter().copied().map(IpAddr::V4);
    Teller {
        id: interface.id.clone(),
        vpc: interface.vpc.clone(),
        subnet: interface.subnet.clone(),
        zone_id: interface.zone_id.clone(),
        instance: interface.instance().map(str::to_owned),
        addresses: v4.chain(interface.ipv6.iter().copied().map(IpAddr::V6)).collect(),
    }
}

fn told(world: &World, topology: &Topology, teller: &Teller, flow: &Flow, sum: &Sum) -> Told {
    let service = |address: IpAddr| {
        let ranges = world.base.network.ranges();
        [("AMAZON", ranges.api_v4()), ("S3", ranges.s3_v4()), ("DYNAMODB", ranges.dynamodb_v4())]
            .into_iter()
            .find_map(|(name, own)| (address == IpAddr::V4(own)).then_some(name))
    };
    Told {
        egress: flow.egress,
        accepted: flow.accepted,
        source: flow.source,
        destination: flow.destination,
        protocol: flow.protocol,
        source_port: flow.source_port,
        destination_port: flow.destination_port,
        packets: sum.packets,
        bytes: sum.bytes,
        path: path(topology, teller, flow),
        from_service: service(flow.source),
        to_service: service(flow.destination),
    }
}

/// By what a packet leaves, in AWS's numbers.
/// Source: <https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html#flow-logs-fields>
fn path(topology: &Topology, teller: &Teller, flow: &Flow) -> Option<u8> {
    let subnet = topology.subnets.get(&teller.subnet).filter(|_| flow.egress && flow.accepted)?;
    match trace::choose(topology, subnet, flow.destination)?.target {
        Target::Local | Target::NatGateway(_) | Target::Interface(_) | Target::TransitGateway(_) => Some(1),
        Target::Peering(id) => {
            let peering = topology.peerings.get(&id)?;
            let region = |vpc: &str| topology.vpcs.get(vpc)?.dns.region.clone();
            Some(if region(&peering.requester) == region(&peering.accepter) { 4 } else { 5 })
        }
        Target::GatewayEndpoint(_) => Some(7),
        Target::InternetGateway(_) | Target::EgressOnlyGateway(_) => Some(8),
        Target::Blackhole => None,
    }
}
