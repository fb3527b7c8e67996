//! What a cloud is started with.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use yakumo_aws::Timestamp;
use yakumo_net::network::Host;
use yakumo_store::{Bucket, Durability, Location};

/// How the cloud's clock begins.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum ClockStart {
    /// Goes on with the stored course; in a new cloud, real time.
    Stored,
    /// Begins at this point, which must not lie before the stored present.
    At(Timestamp),
    /// Runs so many times as fast as the host's clock.
    Rate(f64),
}

/// A root key that was generated for a cloud that other hosts can reach.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct RootKey {
    /// `AKIA…`.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: String,
}

/// Everything that decides how a cloud runs.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address to listen on. Static root keys and the control API without a token exist on loopback only.
    pub bind: IpAddr,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// A socket that listens there already: for who gives up the right to open it.
    pub socket: Option<Arc<TcpListener>>,
    /// Where the cloud is kept.
    pub location: Location,
    /// In which bucket bodies are kept; `None`: where they were, which is with the records in a new cloud.
    pub bodies: Option<Bucket>,
    /// What an acknowledgement survives.
    pub durability: Durability,
    /// How its clock begins.
    pub clock: ClockStart,
    /// Makes identifiers repeat. Never together with anything that must stay secret.
    pub seed: Option<u64>,
    /// Where the CA, snapshots and the generated root key are kept; `None` keeps them in memory or temporary places.
    pub directory: Option<PathBuf>,
    /// Who makes networks on this host.
    pub network: Host,
    /// Who starts sandboxes on this host.
    pub sandboxes: yakumo_machine::Host,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            bind: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 4566,
            socket: None,
            location: Location::Memory,
            bodies: None,
            durability: Durability::Process,
            clock: ClockStart::Stored,
            seed: None,
            directory: None,
            network: Host::Nobody("this cloud was started without a network agent".to_owned()),
            sandboxes: yakumo_machine::Host::Nobody(
                "this cloud was started without a sandbox agent".to_owned(),
            ),
        }
    }
}
