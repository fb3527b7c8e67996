//! Where AWS is found inside of the cloud's networks: listeners that the front serves besides its own.
//!
//! Invariant: what comes in there is [`Arrival::Inside`], whatever it says of itself.

use crate::Cloud;
use std::io;
use std::net::{SocketAddr, TcpListener};
use tokio::sync::watch;
use yakumo_front::limits::Limits;
use yakumo_front::{Arrival, Inside, Listener, Speaks};

/// Connections at once at one of these addresses: a program in a VPC takes no place from those of the owner.
const CONNECTIONS_MAX: usize = 2_000;

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
        let limits = Limits {
            connections: CONNECTIONS_MAX,
            stop_timeout: crate::start::STOP_GRACE,
            ..Limits::default()
        };
        let arrivals = move |remote| Arrival::Inside(std::sync::Arc::new(whence(remote)));
        let listener = Listener::adopt(socket, self.tls.clone(), limits, speaks, arrivals)?;
        let (stop, stopping) = watch::channel(false);
        let door = self.front().clone();
        tokio::spawn(
            listener.serve(move |request, peer| yakumo_front::answer(door.clone(), request, peer), stopping),
        );
        Ok(Inlet(stop))
    }
}
