//! What the routers of VPCs serve: instance metadata, names and time, from sockets in their namespaces.
//!
//! Invariant: every router that stands has its sockets, and a router that is gone has none: they would keep it in the kernel.

mod metadata;
mod names;
mod time;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinSet;
use yakumo_front::Front;
use yakumo_net::topology::{Service, Vpc};
use yakumo_net::{Network, NetworkError, Place};

/// How long is waited before a router is tried again that could not be served.
const AGAIN: Duration = Duration::from_secs(1);
/// How long is waited after a socket failed to receive.
const PAUSE: Duration = Duration::from_millis(50);
/// The largest datagram that is read whole; what is larger is no question.
const DATAGRAM_BYTES: usize = 4096;

/// The services of one router. They end when it is dropped.
struct Served {
    generation: u64,
    _tasks: JoinSet<()>,
}

/// Serves every router that stands, until it is aborted.
pub(crate) async fn serve(network: Network, front: Arc<Front>) {
    let names = Arc::new(names::Names::new(&network));
    let instances = Arc::new(metadata::Instances::new(front.clone()));
    let attendant = network.attend();
    let mut standing = network.standing();
    let mut served: BTreeMap<String, Served> = BTreeMap::new();
    loop {
        let now = standing.borrow_and_update().clone();
        served.retain(|id, one| now.routers.get(id) == Some(&one.generation));
        let mut failed = false;
        for (id, generation) in
            now.routers.iter().filter(|(id, _)| !served.contains_key(*id)).collect::<Vec<_>>()
        {
            match router(&network, &front, (&names, &instances), id).await {
                Ok(tasks) => {
                    served.insert(id.clone(), Served { generation: *generation, _tasks: tasks });
                }
                Err(error) => {
                    tracing::debug!(vpc = id, %error, "a router is not served yet");
                    failed = true;
                }
            }
        }
        let mut attended = (*now).clone();
        attended.routers.retain(|id, _| served.contains_key(id));
        attendant.serves(attended);
        tokio::select! {
            changed = standing.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(AGAIN), if failed => {}
        }
    }
}

/// Opens the sockets of a router.
async fn router(
    network: &Network,
    front: &Arc<Front>,
    (names, instances): (&Arc<names::Names>, &Arc<metadata::Instances>),
    id: &str,
) -> Result<JoinSet<()>, NetworkError> {
    let mut tasks = JoinSet::new();
    let services = network.topology().vpcs.get(id).map(Vpc::services);
    let place = || Place::Router(id.to_owned());
    let unknown = || NetworkError::Refused(format!("{id} is not known yet"));
    for (service, ip) in services.ok_or_else(unknown)? {
        let address = SocketAddr::new(ip, service.port());
        let opened = match service {
            Service::Metadata => {
                let (instances, vpc) = (instances.clone(), Arc::from(id));
                let opened = network.listen(place(), address).await;
                opened
                    .and_then(|socket| {
                        let socket = TcpListener::from_std(socket)?;
                        Ok(tasks.spawn(metadata::serve(socket, instances, vpc)))
                    })
                    .map(drop)
            }
            Service::Time => {
                let front = front.clone();
                let opened = network.bind_udp(place(), address).await;
                opened
                    .and_then(|socket| Ok(tasks.spawn(time::serve(UdpSocket::from_std(socket)?, front))))
                    .map(drop)
            }
            Service::Dns => serve_names(network, names, id, address, &mut tasks).await,
        };
        // A kernel may be without IPv6.
        if let Err(error) = opened
            && ip.is_ipv4()
        {
            return Err(error);
        }
    }
    Ok(tasks)
}

async fn serve_names(
    network: &Network,
    names: &Arc<names::Names>,
    id: &str,
    address: SocketAddr,
    tasks: &mut JoinSet<()>,
) -> Result<(), NetworkError> {
    let (vpc, place): (Arc<str>, Place) = (id.into(), Place::Router(id.to_owned()));
    let udp = UdpSocket::from_std(network.bind_udp(place.clone(), address).await?)?;
    let tcp = TcpListener::from_std(network.listen(place, address).await?)?;
    tasks.spawn(names::datagrams(udp, names.clone(), vpc.clone()));
    tasks.spawn(names::connections(tcp, names.clone(), vpc));
    Ok(())
}

/// Answers datagrams, one after the other: an answer is only looked up.
async fn answered<A: AsRef<[u8]>>(socket: UdpSocket, answer: impl Fn(&[u8]) -> Option<A>) {
    let mut bytes = vec![0; DATAGRAM_BYTES];
    loop {
        let Ok((length, peer)) = socket.recv_from(&mut bytes).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        if let Some(answer) = bytes.get(..length).and_then(&answer) {
            // Who does not get it asks again.
            let _ = socket.send_to(answer.as_ref(), peer).await;
        }
    }
}
