//! Time: the cloud's clock, by SNTP.
//!
//! Invariant: it is the clock of the present world, which a reset replaces.

use super::answered;
use std::sync::Arc;
use tokio::net::UdpSocket;
use yakumo_front::Front;

/// Answers on a socket, until it is aborted.
pub(super) async fn serve(socket: UdpSocket, front: Arc<Front>) {
    answered(socket, |bytes| yakumo_net::ntp::answer(bytes, front.world().base.clock.now().as_millis()))
        .await;
}
