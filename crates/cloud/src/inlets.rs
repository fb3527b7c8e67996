//! Where AWS is found inside of the cloud's networks: listeners that the front serves besides its own, in the edge, at
//! gateway endpoints, and at the interfaces of interface endpoints.
//!
//! Invariant: what comes in there is [`Arrival::Inside`], whatever it says of itself; a door stands as long as the place
//! that it was opened in.

mod whence;

use crate::Cloud;
use crate::start::STOP_GRACE;
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use yakumo_front::limits::Limits;
use yakumo_front::tls::Tls;
use yakumo_front::{Arrival, Front, Inside, Listener, Serves, Speaks};
use yakumo_net::topology::{ENDPOINT_PORT, Endpoint, GATEWAY_PORTS};
use yakumo_net::{Network, Place, Standing, Topology};

/// Connections at once at one of these addresses: a program in a VPC takes no place from those of the owner.
const CONNECTIONS_MAX: usize = 2_000;
/// When a door is tried again that could not be opened.
const AGAIN: Duration = Duration::from_secs(1);
/// The services that have addresses of their own.
const APART: &[&str] = &["s3", "dynamodb"];

/// A door inside of a network. It is shut when this is dropped; requests in flight come to their end.
#[derive(Debug)]
pub struct Inlet(#[allow(dead_code, reason = "dropping it shuts the door")] watch::Sender<bool>);

impl Cloud {
    /// Serves a socket that was bound in a network of the cloud. `whence` tells where a connection from an address comes
    /// from. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The socket does not listen.
    pub fn open_inlet(
        &self,
        socket: TcpListener,
        speaks: Speaks,
        whence: impl Fn(SocketAddr) -> Inside + Send + Sync + 'static,
    ) -> io::Result<Inlet> {
        let doors = Doors { front: self.front().clone(), tls: self.tls.clone() };
        doors.open(socket, speaks, whence)
    }
}

/// What every door leads to.
pub(crate) struct Doors {
    /// The front.
    pub front: Arc<Front>,
    /// Its authority.
    pub tls: Arc<Tls>,
}

/// A door that is wanted: where it is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Site {
    place: Place,
    address: Ipv4Addr,
    port: u16,
}

/// What is behind it, and when its place was made.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Behind {
    generation: u64,
    serves: Serves,
    /// The endpoint and its VPC, where the door is one's.
    endpoint: Option<(String, String)>,
}

impl Doors {
    fn open(
        &self,
        socket: TcpListener,
        speaks: Speaks,
        whence: impl Fn(SocketAddr) -> Inside + Send + Sync + 'static,
    ) -> io::Result<Inlet> {
        let limits = Limits { connections: CONNECTIONS_MAX, stop_timeout: STOP_GRACE, ..Limits::default() };
        let arrivals = move |remote| Arrival::Inside(Arc::new(whence(remote)));
        let listener = Listener::adopt(socket, self.tls.clone(), limits, speaks, arrivals)?;
        let (stop, stopping) = watch::channel(false);
        let front = self.front.clone();
        let answer = move |request, peer| yakumo_front::answer(front.clone(), request, peer);
        tokio::spawn(listener.serve(answer, stopping));
        Ok(Inlet(stop))
    }

    /// Keeps the doors open that there must be, until `stop` becomes true.
    pub(crate) async fn keep(self, network: Network, mut stop: watch::Receiver<bool>) {
        let attendant = network.attend();
        let mut standing = network.standing();
        let mut open: BTreeMap<Site, (Behind, Inlet)> = BTreeMap::new();
        loop {
            let now = standing.borrow_and_update().clone();
            let sites = sites(&network, &now, &network.topology());
            open.retain(|site, (behind, _)| sites.get(site) == Some(behind));
            let (mut has_all, mut attended) = (true, (*now).clone());
            for (site, behind) in sites {
                if open.contains_key(&site) {
                    continue;
                }
                match self.enter(&network, &site, &behind).await {
                    Ok(inlet) => drop(open.insert(site, (behind, inlet))),
                    Err(error) => {
                        tracing::warn!(?site, %error, "AWS is not reached there; it is tried again");
                        attended.forget(&site.place);
                        has_all = false;
                    }
                }
            }
            attendant.serves(attended);
            let again = async {
                match has_all {
                    true => std::future::pending().await,
                    false => tokio::time::sleep(AGAIN).await,
                }
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                changed = standing.changed() => if changed.is_err() { return },
                () = again => {}
            }
        }
    }

    async fn enter(&self, network: &Network, site: &Site, behind: &Behind) -> io::Result<Inlet> {
        let address = SocketAddr::new(site.address.into(), site.port);
        let socket = network.listen(site.place.clone(), address).await.map_err(io::Error::other)?;
        // AWS: 443 speaks TLS and 80 does not.
        let speaks = if site.port == ENDPOINT_PORT { Speaks::Tls } else { Speaks::Plain };
        let (network, serves, endpoint) = (network.clone(), behind.serves.clone(), behind.endpoint.clone());
        self.open(socket, speaks, move |remote| {
            whence::inside(&network.topology(), remote.ip(), serves.clone(), endpoint.as_ref())
        })
    }
}

/// Every door that there must be.
fn sites(network: &Network, standing: &Standing, topology: &Topology) -> BTreeMap<Site, Behind> {
    let mut sites = BTreeMap::new();
    let mut add = |place: &Place, address: Ipv4Addr, ports: &[u16], serves: &Serves, endpoint| {
        let Some(generation) = standing.generation(place) else { return };
        let endpoint: Option<(&String, &Endpoint)> = endpoint;
        let endpoint = endpoint.map(|(id, found)| (id.clone(), found.vpc.clone()));
        for port in ports {
            let site = Site { place: place.clone(), address, port: *port };
            let behind = Behind { generation, serves: serves.clone(), endpoint: endpoint.clone() };
            sites.insert(site, behind);
        }
    };
    let ranges = network.ranges();
    let of = |service: &str| match service {
        "s3" => ranges.s3_v4(),
        "dynamodb" => ranges.dynamodb_v4(),
        _ => ranges.api_v4(),
    };
    add(&Place::Edge, ranges.api_v4(), &GATEWAY_PORTS, &Serves::Except(APART), None);
    for service in APART {
        let serves = Serves::Only((*service).to_owned());
        add(&Place::Edge, of(service), &GATEWAY_PORTS, &serves, None);
    }
    for (id, endpoint) in &topology.endpoints {
        let serves = Serves::Only(endpoint.service.clone());
        let found = Some((id, endpoint));
        add(&Place::Endpoint(id.clone()), of(&endpoint.service), &GATEWAY_PORTS, &serves, found);
        for interface in &endpoint.interfaces {
            let own = topology.interfaces.get(interface).and_then(|interface| interface.addresses.first());
            let Some(own) = own else { continue };
            add(&Place::Interface(interface.clone()), own.private, &[ENDPOINT_PORT], &serves, found);
        }
    }
    sites
}
