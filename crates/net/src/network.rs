//! The front's handle to the networks of its cloud: it keeps what is wanted, and has an agent make it so.
//!
//! Invariant: an agent is started when the first interface becomes live, or when networks stand from an earlier start;
//! an idle cloud costs nothing. What is not enforced says why, and the model answers all the same.

mod client;
mod privilege;

pub use privilege::{claim, lacking, missing};
pub use yakumo_agent::Launch;

use crate::engine::{Flows, Names, Ranges};
use crate::topology::Id;
use crate::trace::{Query, QueryError, Trace, trace};
use crate::{Place, SocketKind, Standing, Topology};
use client::Client;
use parking_lot::RwLock;
use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};

/// Why networks are not as they are wanted.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The agent could not be started or was lost.
    #[error("the network agent: {0}")]
    Agent(#[from] io::Error),
    /// The agent could not do it.
    #[error("{0}")]
    Refused(String),
}

/// How many agents are tried for one change: one may have died before, and one may die at it.
const AGENTS_MAX: usize = 3;
/// How long [`Network::attended`] waits.
const ATTENDED_WITHIN: Duration = Duration::from_secs(5);

/// Who makes networks.
#[derive(Clone, Debug)]
pub enum Host {
    /// A process of its own.
    Agent {
        /// How it is started.
        launch: Launch,
        /// The directory of notes, such as `/run/yakumo`.
        run: PathBuf,
        /// Whether it works in namespaces of its own, as somebody who is not root must: the host's network is not
        /// touched, and nothing stands without the agent.
        apart: bool,
    },
    /// Nobody, because of this.
    Nobody(String),
}

/// The networks of a cloud. Clones are the same networks.
#[derive(Clone)]
pub struct Network(Arc<Inner>);

struct Inner {
    host: Host,
    names: Names,
    cloud: String,
    keeps: bool,
    wanted: RwLock<Wanted>,
    /// Held while the agent works, so changes come to it in order.
    agent: Mutex<Option<Client>>,
    standing: watch::Sender<Arc<Standing>>,
    /// What each attendant has said that it serves.
    attended: watch::Sender<Vec<Standing>>,
    _claimed: Option<File>,
}

/// Somebody who serves in places that stand: see [`Network::attend`].
pub struct Attendant {
    network: Network,
    number: usize,
}

impl Attendant {
    /// Says that each of these places is served, as far as there is anything to serve.
    pub fn serves(&self, standing: Standing) {
        self.network.0.attended.send_modify(|all| {
            if let Some(own) = all.get_mut(self.number) {
                *own = standing;
            }
        });
    }
}

#[derive(Default)]
struct Wanted {
    /// As it was told.
    told: Arc<Topology>,
    /// The same with what was plugged in.
    topology: Arc<Topology>,
    /// Interfaces that somebody made live by hand.
    plugs: BTreeSet<Id>,
}

impl Network {
    /// The networks of a cloud with this id and these public addresses. `keeps` says whether they outlive it, for its
    /// next start; `claimed` is what [`claim`] gave.
    pub fn new(cloud: &str, ranges: Ranges, host: Host, keeps: bool, claimed: Option<File>) -> Network {
        if let Host::Agent { launch, .. } = &host {
            launch.name(cloud);
        }
        let (wanted, agent) = (RwLock::default(), Mutex::default());
        let (names, cloud) = (Names::new(cloud, ranges), cloud.to_owned());
        let (standing, attended) = (watch::Sender::new(Arc::default()), watch::Sender::default());
        let inner = Inner { host, names, cloud, keeps, wanted, agent, standing, attended, _claimed: claimed };
        Network(Arc::new(inner))
    }

    /// Networks that are a model only.
    pub fn model(reason: &str) -> Network {
        Network::new("model", Ranges::new("model", 0), Host::Nobody(reason.to_owned()), false, None)
    }

    /// Why packets are not filtered; `None` when they are.
    pub fn not_enforced(&self) -> Option<&str> {
        match &self.0.host {
            Host::Nobody(reason) => Some(reason),
            Host::Agent { .. } => None,
        }
    }

    /// Whether networks are apart from the host's: it has no way to public addresses, and nothing stands without the cloud.
    pub fn is_apart(&self) -> bool {
        matches!(self.0.host, Host::Agent { apart: true, .. })
    }

    /// The process in whose namespaces networks that are apart stand. Where they do not stand yet it is started.
    ///
    /// # Errors
    /// When the agent cannot be started.
    pub async fn holder(&self) -> Result<Option<u32>, NetworkError> {
        if !self.is_apart() {
            return Ok(None);
        }
        let network = self.clone();
        to_its_end(async move {
            let mut agent = network.0.agent.lock().await;
            Ok(network.open(&mut agent).await?.map(|client| client.process()))
        })
        .await
    }

    /// The public addresses of this cloud. The first sixteen of IPv4 and the first /56 of IPv6 are the network's own.
    pub fn ranges(&self) -> Ranges {
        self.0.names.ranges
    }

    /// The namespace that a live interface stands in, as `ip netns` names it: its own, or that of its machine's first one.
    pub fn namespace(&self, interface: &str) -> String {
        self.0.names.namespace(self.topology().seat(interface).host)
    }

    /// The namespace of an interface that stands alone or first.
    pub fn namespace_of(&self, host: &str) -> String {
        self.0.names.namespace(host)
    }

    /// What is wanted at the moment, with interfaces live that somebody plugged in.
    pub fn topology(&self) -> Arc<Topology> {
        self.0.wanted.read().topology.clone()
    }

    /// The interfaces that were plugged in by hand.
    pub fn plugs(&self) -> BTreeSet<Id> {
        self.0.wanted.read().plugs.clone()
    }

    /// What the `/etc/resolv.conf` where an interface stands says, as a DHCP client writes it; empty when there is no such
    /// interface.
    pub fn resolv_conf(&self, interface: &str) -> String {
        let topology = self.topology();
        topology.resolv_conf(topology.seat(interface).host).unwrap_or_default()
    }

    /// Follows a packet through what is wanted.
    ///
    /// # Errors
    /// When the source is not there or has no address of the destination's family.
    pub fn trace(&self, query: &Query) -> Result<Trace, QueryError> {
        trace(&self.topology(), query)
    }

    /// Wants this from now on; the first call of a world takes up what stands of an earlier start, so it comes early,
    /// and with an empty topology as well. When it returns, packets obey. Interfaces that are plugged in are live besides those
    /// that the topology says are.
    ///
    /// # Errors
    /// When the topology has flaws or the kernel refuses. It is wanted all the same: the next call tries again.
    pub async fn apply(&self, topology: Topology) -> Result<(), NetworkError> {
        {
            let mut wanted = self.0.wanted.write();
            wanted.told = Arc::new(topology);
            wanted.topology = Arc::new(plugged((*wanted.told).clone(), &wanted.plugs));
        }
        self.clone().followed().await
    }

    /// Says which interfaces are plugged in, at the start of a world; [`Network::apply`] makes it so.
    pub fn set_plugs(&self, plugs: BTreeSet<Id>) {
        self.0.wanted.write().plugs = plugs;
    }

    /// Makes an interface live and keeps it so. `false` when there is no such interface.
    ///
    /// # Errors
    /// As [`Network::apply`].
    pub async fn plug(&self, interface: &str) -> Result<bool, NetworkError> {
        {
            let mut wanted = self.0.wanted.write();
            // What an endpoint answers at is AWS's: nobody plugs anything in there.
            let is_managed = wanted.topology.endpoint_of(interface).is_some();
            if is_managed || !wanted.topology.interfaces.contains_key(interface) {
                return Ok(false);
            }
            wanted.plugs.insert(interface.to_owned());
            wanted.topology = Arc::new(plugged((*wanted.told).clone(), &wanted.plugs));
        }
        self.clone().followed().await.map(|()| true)
    }

    /// Takes back what [`Network::plug`] did. `false` when the interface was not plugged in. It stays live where something
    /// else has it live; otherwise it goes from the kernel, also from under processes that are still there.
    ///
    /// # Errors
    /// As [`Network::apply`]. It is not wanted any more all the same.
    pub async fn unplug(&self, interface: &str) -> Result<bool, NetworkError> {
        {
            let mut wanted = self.0.wanted.write();
            if !wanted.plugs.remove(interface) {
                return Ok(false);
            }
            let told = (*wanted.told).clone();
            wanted.topology = Arc::new(plugged(told, &wanted.plugs));
        }
        self.clone().followed().await.map(|()| true)
    }

    /// Removes everything from the kernel. What is wanted stays wanted.
    ///
    /// # Errors
    /// When the agent fails.
    pub async fn clean(&self) -> Result<(), NetworkError> {
        let network = self.clone();
        to_its_end(async move {
            let mut agent = network.0.agent.lock().await;
            if agent.is_none() && !network.stands() {
                return Ok(());
            }
            match network.open(&mut agent).await? {
                Some(client) => client.clean().await,
                None => Ok(()),
            }
        })
        .await
    }

    /// What stands in the kernel now, as far as the agent has said: it changes before [`Network::apply`], [`Network::plug`]
    /// and [`Network::clean`] return. Empty where networks are not enforced.
    pub fn standing(&self) -> watch::Receiver<Arc<Standing>> {
        self.0.standing.subscribe()
    }

    /// Takes on somebody who serves in places that stand, for [`Network::attended`] to wait for.
    pub fn attend(&self) -> Attendant {
        let mut number = 0;
        self.0.attended.send_modify(|all| {
            number = all.len();
            all.push(Standing::default());
        });
        Attendant { network: self.clone(), number }
    }

    /// Waits until an interface finds what AWS serves around it (names, metadata, endpoints), so that its first program
    /// does not come too early. `false` when it was not so after five seconds: the program may start all the same.
    pub async fn attended(&self, interface: &str) -> bool {
        let places = self.around(interface);
        let mut attended = self.0.attended.subscribe();
        let all = attended.wait_for(|attended| self.is_attended(&places, attended));
        matches!(tokio::time::timeout(ATTENDED_WITHIN, all).await, Ok(Ok(_)))
    }

    fn is_attended(&self, places: &[Place], attended: &[Standing]) -> bool {
        let standing = self.0.standing.borrow();
        let serves =
            |own: &Standing| places.iter().all(|place| own.generation(place) == standing.generation(place));
        attended.iter().all(serves)
    }

    /// The places that an interface meets AWS in.
    fn around(&self, interface: &str) -> Vec<Place> {
        let topology = self.topology();
        let vpc = topology.interfaces.get(interface).and_then(|own| topology.vpc_of(own));
        let mut places = vec![Place::Edge];
        places.extend(vpc.map(|vpc| Place::Router(vpc.to_owned())));
        for (id, endpoint) in topology.endpoints.iter().filter(|(_, own)| Some(own.vpc.as_str()) == vpc) {
            places.push(Place::Endpoint(id.clone()));
            places.extend(endpoint.interfaces.iter().cloned().map(Place::Interface));
        }
        places
    }

    /// Listens for TCP connections in a place that stands, at an address of its own. The listener does not block; it
    /// works as long as the generation of the place is the same (see [`Network::standing`]).
    ///
    /// # Errors
    /// When nothing stands there, the address is not the place's or is taken, or networks are not enforced.
    pub async fn listen(&self, place: Place, address: SocketAddr) -> Result<TcpListener, NetworkError> {
        let network = self.clone();
        let opened = async move { network.socket(place, SocketKind::Tcp, address).await };
        to_its_end(opened).await.map(TcpListener::from)
    }

    /// Opens a UDP socket likewise.
    ///
    /// # Errors
    /// As [`Network::listen`].
    pub async fn bind_udp(&self, place: Place, address: SocketAddr) -> Result<UdpSocket, NetworkError> {
        let network = self.clone();
        let opened = async move { network.socket(place, SocketKind::Udp, address).await };
        to_its_end(opened).await.map(UdpSocket::from)
    }

    /// What watched interfaces sent and got since this was last asked, or since they are watched. One asks for all: what
    /// was told is not told again. Nothing where networks are not enforced or do not stand.
    ///
    /// # Errors
    /// When the agent fails.
    pub async fn flows(&self) -> Result<Flows, NetworkError> {
        let network = self.clone();
        to_its_end(async move {
            let mut agent = network.0.agent.lock().await;
            let Some(client) = agent.as_mut() else {
                drop(agent);
                // With the next agent, if there is to be one, counting begins.
                return network.follow().await.map(|()| Flows::default());
            };
            let outcome = client.flows().await;
            if matches!(outcome, Err(NetworkError::Agent(_))) {
                // It is gone, with what it had counted.
                *agent = None;
            }
            outcome
        })
        .await
    }

    async fn socket(
        &self,
        place: Place,
        kind: SocketKind,
        address: SocketAddr,
    ) -> Result<OwnedFd, NetworkError> {
        let mut agent = self.0.agent.lock().await;
        if agent.is_none() && !self.stands() {
            let why = self.not_enforced().unwrap_or("nothing stands");
            return Err(NetworkError::Refused(why.to_owned()));
        }
        let nobody = || NetworkError::Refused("networks are not enforced".to_owned());
        let client = self.open(&mut agent).await?.ok_or_else(nobody)?;
        let outcome = client.socket(place.clone(), kind, address).await;
        if matches!(outcome, Err(NetworkError::Agent(_))) {
            *agent = None;
            let client = self.open(&mut agent).await?.ok_or_else(nobody)?;
            return client.socket(place, kind, address).await;
        }
        outcome
    }

    fn stands(&self) -> bool {
        match &self.0.host {
            Host::Agent { run, apart: false, .. } => run.join(&self.0.cloud).exists(),
            Host::Agent { .. } | Host::Nobody(_) => false,
        }
    }

    async fn followed(self) -> Result<(), NetworkError> {
        to_its_end(async move { self.follow().await }).await
    }

    /// Has the agent make what is wanted now.
    async fn follow(&self) -> Result<(), NetworkError> {
        let mut agent = self.0.agent.lock().await;
        let topology = self.topology();
        let live = topology.interfaces.values().any(|interface| interface.live);
        if agent.is_none() && !live && !self.stands() {
            return Ok(());
        }
        let mut outcome = self.follow_with(&mut agent, &topology).await;
        for _ in 1..AGENTS_MAX {
            if !matches!(outcome, Err(NetworkError::Agent(_))) {
                break;
            }
            // It is gone; the next one takes up what stands.
            *agent = None;
            outcome = self.follow_with(&mut agent, &topology).await;
        }
        outcome
    }

    async fn follow_with(&self, agent: &mut Option<Client>, topology: &Topology) -> Result<(), NetworkError> {
        match self.open(agent).await? {
            Some(client) => client.apply(topology).await,
            None => Ok(()),
        }
    }

    /// The agent, started when it is not there.
    async fn open<'a>(&self, agent: &'a mut Option<Client>) -> Result<Option<&'a mut Client>, NetworkError> {
        let Host::Agent { launch, run, apart } = &self.0.host else { return Ok(None) };
        if agent.is_none() {
            let mut client = Client::start(launch, self.0.standing.clone())?;
            client.open(&self.0.cloud, self.ranges(), run, self.0.keeps && !apart).await?;
            *agent = Some(client);
        }
        Ok(agent.as_mut())
    }
}

/// Does what talks with the agent to its end, also when nobody waits for it any more: half an answer would be taken for a part of the next.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, NetworkError>> + Send + 'static,
) -> Result<T, NetworkError> {
    tokio::spawn(work).await.map_err(io::Error::other)?
}

fn plugged(mut topology: Topology, plugs: &BTreeSet<Id>) -> Topology {
    for id in plugs {
        if let Some(interface) = topology.interfaces.get_mut(id) {
            interface.live = true;
        }
    }
    topology.wake_endpoints();
    topology
}

#[cfg(test)]
mod tests {
    use super::Network;
    use crate::sample::{Builder, ip};
    use crate::trace::{Flow, Query, Source};
    use crate::{Place, Standing};
    use std::sync::Arc;

    #[tokio::test]
    async fn an_interface_waits_for_those_who_serve_around_it() {
        let network = Network::model("a test");
        let mut b = Builder::default();
        b.vpc("vpc-1", "10.0.0.0/16").subnet("subnet-1", "vpc-1", "10.0.1.0/24").group("sg-1", "vpc-1");
        b.interface("eni-1", "subnet-1", "10.0.1.4", "sg-1");
        network.apply(b.topology).await.unwrap();
        assert!(network.attended("eni-1").await, "nobody serves");
        let (names, doors) = (network.attend(), network.attend());
        let standing = |generation| {
            let routers = [("vpc-1".to_owned(), generation), ("vpc-2".to_owned(), 9)].into();
            Standing { routers, edge: Some(1), ..Standing::default() }
        };
        let is_attended = || network.is_attended(&network.around("eni-1"), &network.0.attended.borrow());
        network.0.standing.send_replace(Arc::new(standing(1)));
        assert!(!is_attended(), "nobody has said so");
        names.serves(standing(1));
        assert!(!is_attended(), "one has not");
        let (waits, ()) = tokio::join!(network.attended("eni-1"), async { doors.serves(standing(1)) });
        assert!(waits);
        network.0.standing.send_replace(Arc::new(standing(2)));
        assert!(!is_attended(), "it was made anew");
        let mut others = standing(2);
        others.forget(&Place::Router("vpc-2".to_owned()));
        names.serves(standing(2));
        doors.serves(others.clone());
        assert!(is_attended(), "another VPC is nothing to it");
        others.forget(&Place::Edge);
        doors.serves(others);
        assert!(!is_attended());
    }

    #[tokio::test]
    async fn without_privilege_the_model_answers_and_plugs_are_kept() {
        let network = Network::model("a test");
        assert_eq!(network.not_enforced(), Some("a test"));
        let mut b = Builder::default();
        b.vpc("vpc-1", "10.0.0.0/16").subnet("subnet-1", "vpc-1", "10.0.1.0/24").group("sg-1", "vpc-1");
        b.interface("eni-1", "subnet-1", "10.0.1.4", "sg-1")
            .interface("eni-2", "subnet-1", "10.0.1.5", "sg-1");
        b.topology.interfaces.values_mut().for_each(|interface| interface.live = false);
        network.apply(b.topology.clone()).await.unwrap();
        assert!(!network.plug("eni-9").await.unwrap() && network.plug("eni-1").await.unwrap());
        network.apply(b.topology).await.unwrap();
        assert!(network.topology().interfaces["eni-1"].live && !network.topology().interfaces["eni-2"].live);
        assert!(!network.unplug("eni-2").await.unwrap() && network.topology().interfaces["eni-1"].live);
        assert!(network.unplug("eni-1").await.unwrap() && !network.unplug("eni-1").await.unwrap());
        assert!(!network.topology().interfaces["eni-1"].live && network.plugs().is_empty());
        assert!(network.plug("eni-1").await.unwrap());
        let source = Source::Interface { id: "eni-1".into(), address: None };
        let query = Query { source, destination: ip("10.0.1.5"), flow: Flow::Tcp { from: 40_000, to: 80 } };
        assert!(!network.trace(&query).unwrap().answered);
    }
}
