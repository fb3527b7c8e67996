//! Names: the resolver of a VPC, by datagrams and connections.
//!
//! Invariant: whoever connects holds a bounded number of connections, each for a bounded time.

use super::answered;
use crate::services;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use yakumo_net::Network;
use yakumo_net::dns::{Services, Transport, answer, find};

/// Connections to one address at a time.
const CONNECTIONS_MAX: usize = 64;
/// Questions of one connection.
const QUESTIONS_MAX: usize = 100;
/// How long a connection may be silent. RFC 7766, section 6.2.3.
const SILENCE: Duration = Duration::from_secs(10);
/// How long is waited when no connection can be taken.
const PAUSE: Duration = Duration::from_millis(50);

/// What every resolver of the cloud knows.
pub(super) struct Names {
    network: Network,
    services: Services,
}

impl Names {
    /// The services are those that have a model: what they are called is known, whether they are there or not.
    pub(super) fn new(network: &Network) -> Names {
        let services = Services::new(services::prefixes(), network.ranges());
        Names { network: network.clone(), services }
    }

    fn answer(&self, vpc: &str, bytes: &[u8], by: Transport) -> Option<Vec<u8>> {
        let topology = self.network.topology();
        answer(bytes, by, |name| find(&topology, &self.services, vpc, name))
    }
}

/// Answers datagrams, until it is aborted.
pub(super) async fn datagrams(socket: UdpSocket, names: Arc<Names>, vpc: Arc<str>) {
    answered(socket, |bytes| names.answer(&vpc, bytes, Transport::Udp)).await;
}

/// Answers connections, until it is aborted.
pub(super) async fn connections(listener: TcpListener, names: Arc<Names>, vpc: Arc<str>) {
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut all = tokio::task::JoinSet::new();
    // A semaphore that is never closed always gives in the end.
    while let Ok(permit) = free.clone().acquire_owned().await {
        while all.try_join_next().is_some() {}
        let Ok((mut stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let (names, vpc) = (names.clone(), vpc.clone());
        all.spawn(async move {
            let _permit = permit;
            for _ in 0..QUESTIONS_MAX {
                let answered = tokio::time::timeout(SILENCE, answer_one(&mut stream, &names, &vpc));
                if !matches!(answered.await, Ok(Some(()))) {
                    return;
                }
            }
        });
    }
}

/// Answers one question of a connection. `None` when it ends or says what is no question.
async fn answer_one(stream: &mut TcpStream, names: &Names, vpc: &str) -> Option<()> {
    let length = stream.read_u16().await.ok()?;
    let mut bytes = vec![0; length.into()];
    stream.read_exact(&mut bytes).await.ok()?;
    let answer = names.answer(vpc, &bytes, Transport::Tcp)?;
    let mut framed = u16::try_from(answer.len()).ok()?.to_be_bytes().to_vec();
    framed.extend(answer);
    stream.write_all(&framed).await.ok()
}
