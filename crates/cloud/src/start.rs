//! Starts a cloud and stops it.

use crate::inlets::Doors;
use crate::outside::Internet;
use crate::{ClockStart, Config, Location, RootKey, kept, machines, networks, routers, services};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use yakumo_aws::AccountId;
use yakumo_front::limits::Limits;
use yakumo_front::listen::{self, Listener};
use yakumo_front::tls::{Home, Tls};
use yakumo_front::{Control, Front, Settings};
use yakumo_machine::Sandboxes;
use yakumo_net::Network;
use yakumo_room::{
    Authority, Base, Clock, ClockError, Course, Ids, Secret, World, host_now, root_credentials,
};
use yakumo_store::{Store, StoreError};

/// How long requests in flight may take to end at a stop.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(10);
/// How long a start waits for the owner of a cloud in PostgreSQL to show that it lives: the beat's limit and a little.
const OWNER_PATIENCE: Duration = Duration::from_secs(12);
/// How many bytes the bodies of all requests together may hold.
const BODIES_BYTES_MAX: usize = 256 * 1024 * 1024;
/// The largest body, in bytes, of an operation that does not stream: SQS's 1 MiB of message, escaped at worst.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why a cloud did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store did not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The wanted time cannot be had.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// Ids that repeat are secrets that repeat.
    #[error("a seed makes secrets predictable, so it is only taken on a loopback address, not on {0}")]
    SeedBeyondLoopback(IpAddr),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The operating system's answer.
        source: std::io::Error,
    },
}

/// A running cloud.
pub struct Cloud {
    pub(crate) front: Arc<Front>,
    pub(crate) store: Store,
    pub(crate) config: Config,
    pub(crate) network: Network,
    /// The authority and its certificates, for every listener.
    pub(crate) tls: Arc<Tls>,
    pub(crate) sandboxes: Sandboxes,
    /// Which of the slices its public addresses are.
    pub(crate) slice: u8,
    /// Held while the world is being replaced; holds the background work of the present one.
    pub(crate) reconcilers: Mutex<JoinSet<()>>,
    address: SocketAddr,
    root_key: Option<RootKey>,
    shutdown: watch::Sender<bool>,
    serving: Mutex<Option<tokio::task::JoinHandle<()>>>,
    /// What VPC routers serve.
    routers: tokio::task::JoinHandle<()>,
}

impl Cloud {
    /// Opens the store, builds the rooms, and listens. When this returns, requests are answered.
    pub async fn start(config: Config) -> Result<Arc<Cloud>, StartError> {
        if config.seed.is_some() && !is_loopback(config.bind) {
            return Err(StartError::SeedBeyondLoopback(config.bind));
        }
        let mut store_config =
            yakumo_store::Config::new(config.location.clone()).durability(config.durability);
        store_config.bodies = config.bodies.clone();
        let address = SocketAddr::new(config.bind, config.port);
        let tls = Arc::new(tls(&config));
        let limits = Limits { stop_timeout: STOP_GRACE, ..Limits::default() };
        let failed = |source| StartError::Listen { address, source };
        let socket = config.socket.as_ref().map(|bound| bound.try_clone()).transpose().map_err(failed)?;
        let listen = listen::Config { addr: address, socket, tls: Some(tls.clone()), limits };
        let listener = Listener::bind(listen).map_err(failed)?;
        let store = open_store(store_config).await?;
        let clock = start_clock(&store, config.clock).await?;
        let ids = Ids::new(config.seed);
        let loopback = is_loopback(config.bind);
        let root_key = if loopback { None } else { Some(kept::root_key(&store, &Ids::new(None)).await?) };
        let (network, slice) = networks::open(&store, &config).await?;
        let sandboxes = machines::open(&store, &config, &network).await?;
        let (ways, nets) = (Internet::new(), network.clone());
        let base =
            Base::with_outside(store.clone(), clock, ids, ways, nets, sandboxes.clone(), authority(&tls));
        let world = services::world(base).await?;
        let settings = Settings {
            static_root_keys: loopback,
            root_key: root_key.as_ref().map(|key| {
                let secret = Secret::new(key.secret_access_key.clone());
                Arc::new(root_credentials(AccountId::DEFAULT, &key.access_key_id, secret))
            }),
            body_bytes_max: BODY_BYTES_MAX,
            bodies_bytes_max: BODIES_BYTES_MAX,
        };
        let front = Front::new(world.clone(), services::router(), settings);
        let address = listener.local_addr();
        let (shutdown, stopping) = watch::channel(false);
        let door = front.clone();
        let serve = move |request, peer| yakumo_front::answer(door.clone(), request, peer);
        let serving = tokio::spawn(listener.serve(serve, stopping.clone()));
        if network.not_enforced().is_none() {
            tokio::spawn(Doors { front: front.clone(), tls: tls.clone() }.keep(network.clone(), stopping));
        }
        let routers = tokio::spawn(routers::serve(network.clone(), front.clone()));
        Ok(Arc::new(Cloud {
            front,
            store,
            config,
            network,
            tls,
            sandboxes,
            slice,
            reconcilers: Mutex::new(start_reconcilers(&world)),
            address,
            root_key,
            shutdown,
            serving: Mutex::new(Some(serving)),
            routers,
        }))
    }

    /// Sets who answers control requests.
    pub fn set_control(&self, control: Arc<dyn Control>) {
        self.front.set_control(control);
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL to give to clients. An address that stands for all interfaces becomes the loopback one.
    pub fn endpoint(&self) -> String {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
            IpAddr::V6(ip) if ip.is_unspecified() => "[::1]".to_owned(),
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        format!("http://{ip}:{}", self.address.port())
    }

    /// The root key that was generated because other hosts can reach this cloud.
    pub fn root_key(&self) -> Option<&RootKey> {
        self.root_key.as_ref()
    }

    /// What it was started with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The front door: journal, metrics.
    pub fn front(&self) -> &Arc<Front> {
        &self.front
    }

    /// The store, for snapshots.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Its networks.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Its sandboxes.
    pub fn sandboxes(&self) -> &Sandboxes {
        &self.sandboxes
    }

    /// The present world.
    pub fn world(&self) -> Arc<World> {
        self.front.world()
    }

    /// Moves or paces the clock, and keeps the change.
    pub async fn set_clock(
        &self,
        change: impl FnOnce(&Clock) -> Result<Course, ClockError>,
    ) -> Result<Course, StartError> {
        let course = change(&self.world().base.clock)?;
        kept::keep_course(&self.store, course).await?;
        Ok(course)
    }

    /// Stops: no new connections, long polls end, requests in flight finish, the store is closed.
    pub async fn stop(&self) {
        self.shutdown.send_replace(true);
        let world = self.world();
        world.base.stop();
        self.reconcilers.lock().await.shutdown().await;
        if let Some(serving) = self.serving.lock().await.take() {
            // A connection that does not end in time is cut; its request was not acknowledged.
            let _ = tokio::time::timeout(STOP_GRACE, serving).await;
        }
        let _ = tokio::time::timeout(STOP_GRACE, world.emptied()).await;
        self.routers.abort();
        self.sandboxes.close().await;
        networks::close(&self.network, &self.config).await;
        if let Err(error) = self.store.clone().close().await {
            tracing::error!(%error, "the store did not close cleanly; what was acknowledged is kept");
        }
    }
}

fn tls(config: &Config) -> Tls {
    let home =
        config.directory.as_ref().map_or(Home::Memory, |directory| Home::Directory(directory.join("tls")));
    let named = (!config.bind.is_unspecified()).then_some(config.bind);
    Tls::new(home, named)
}

/// Whom sandboxes are to trust. The authority is made when somebody first asks for it.
pub(crate) fn authority(tls: &Arc<Tls>) -> Authority {
    let tls = tls.clone();
    Arc::new(move || {
        let pem = tls.ca_pem();
        pem.inspect_err(|error| tracing::warn!(%error, "sandboxes cannot trust this cloud")).ok()
    })
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.is_loopback()
}

/// Opens the store. The owner of a cloud in PostgreSQL that was killed is only known to be dead when its beat has run
/// out, so a restart waits that long before it gives up.
async fn open_store(config: yakumo_store::Config) -> Result<Store, StoreError> {
    let patience =
        if matches!(config.location, Location::Postgres(_)) { OWNER_PATIENCE } else { Duration::ZERO };
    let end = tokio::time::Instant::now() + patience;
    loop {
        match Store::open(config.clone()).await {
            Err(StoreError::Locked { place, holder }) if tokio::time::Instant::now() < end => {
                tracing::warn!(place, holder, "the cloud has an owner; waiting whether it still lives");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            outcome => return outcome,
        }
    }
}

async fn start_clock(store: &Store, start: ClockStart) -> Result<Clock, StartError> {
    let clock = kept::course(store).await?.map_or_else(Clock::default, Clock::with_course);
    let course = match start {
        ClockStart::Stored => return Ok(clock),
        ClockStart::At(time)
            if time.as_millis() < host_now().as_millis() && kept::course(store).await?.is_none() =>
        {
            // A new cloud may begin in the past: nothing in it is older yet.
            let host_millis = host_now().as_millis();
            let course = Course { host_millis, cloud_millis: time.as_millis(), rate: 1.0 };
            kept::keep_course(store, course).await?;
            return Ok(Clock::with_course(course));
        }
        ClockStart::At(time) => clock.set(time)?,
        ClockStart::Rate(rate) => clock.run_at(rate)?,
    };
    kept::keep_course(store, course).await?;
    Ok(clock)
}

/// Runs each reconciler when it is nudged and periodically, until the world stops.
pub(crate) fn start_reconcilers(world: &Arc<World>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for room in world.rooms() {
        for reconciler in room.reconcilers() {
            let (world, bell) = (world.clone(), world.base.bell(reconciler.name));
            let (name, room) = (reconciler.name, room.name());
            tasks.spawn(async move {
                let mut ends = world.base.sandboxes.changes();
                loop {
                    let found = world.room(room).map(|room| room.reconcilers()).unwrap_or_default();
                    let Some(reconciler) = found.iter().find(|one| one.name == name) else { return };
                    if let Err(error) = reconciler.run(world.clone()).await {
                        let source = std::error::Error::source(&error).map(ToString::to_string);
                        tracing::warn!(reconciler = name, %error, source, "background work failed; it is tried again");
                    }
                    tokio::select! {
                        () = bell.notified() => {}
                        Ok(()) = ends.changed(), if reconciler.follows_sandboxes => {}
                        () = tokio::time::sleep(reconciler.every) => {}
                        () = world.base.stopped() => return,
                    }
                }
            });
        }
    }
    tasks
}
