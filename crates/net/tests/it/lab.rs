//! A cloud's networks for one test, and processes' sockets in them.

use crate::sample::Builder;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, SocketFlags, SocketType, bind, connect, ipproto, sendto, socket_with, sockopt,
};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};
use yakumo_net::engine::{Ranges, SLICES, inside};
use yakumo_net::network::claim;
use yakumo_net::trace::{Flow, Query, Source, trace};
use yakumo_net::{Engine, Place, SocketKind};

/// The ports that every interface listens on.
pub const PORTS: [u16; 3] = [80, 443, 5432];
/// The sender's port, which ACLs see in answers.
pub const FROM: u16 = 40_000;
/// How long a packet that is let through may take, on a machine that is busy.
const PATIENCE: Duration = Duration::from_millis(1200);
/// How long is waited for a packet that should not come.
const DOUBT: Duration = Duration::from_millis(250);

static NEXT: AtomicU8 = AtomicU8::new(0);

/// What is asked of the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// A connection to a port.
    Tcp(u16),
    /// A datagram to a port, and one back.
    Udp(u16),
    /// An echo.
    Ping,
}

impl Ask {
    fn flow(self, to: IpAddr) -> Flow {
        match self {
            Ask::Tcp(to) => Flow::Tcp { from: FROM, to },
            Ask::Udp(to) => Flow::Udp { from: FROM, to },
            Ask::Ping => Flow::echo(to),
        }
    }
}

/// Why no network can be made here; `None` when it can. Found out once: tests run beside each other.
pub fn lacking() -> Option<String> {
    static LACKING: OnceLock<Option<String>> = OnceLock::new();
    LACKING.get_or_init(probe).clone()
}

fn probe() -> Option<String> {
    let run = |command: &str, arguments: &[&str]| Command::new(command).args(arguments).output();
    if !rustix::process::geteuid().is_root() {
        return Some("not root".to_owned());
    }
    for command in ["ip", "nft"] {
        if let Err(error) = run(command, &["-V"]) {
            return Some(format!("{command}: {error}"));
        }
    }
    let probe = format!("probe-{}", std::process::id());
    let made = run("ip", &["netns", "add", &probe]).is_ok_and(|output| output.status.success());
    let _ = run("ip", &["netns", "del", &probe]);
    (!made).then(|| "no network namespaces".to_owned())
}

/// Skips a test where there is no privilege, and says so.
#[macro_export]
macro_rules! lab {
    ($name:expr) => {
        match $crate::lab::lacking() {
            None => $crate::lab::Lab::new($name),
            Some(why) => {
                println!("SKIPPED: {why}");
                return;
            }
        }
    };
}

/// A cloud's networks.
pub struct Lab {
    engine: Option<Engine>,
    /// What is wanted.
    pub wanted: Builder,
    directory: tempfile::TempDir,
    cloud: String,
    ranges: Ranges,
    served: Vec<String>,
    end: Arc<AtomicBool>,
    /// Clouds of this host, and tests of other processes, have other public addresses.
    _claimed: std::fs::File,
}

impl Lab {
    /// A new one.
    pub fn new(_name: &str) -> Lab {
        let number = NEXT.fetch_add(1, Ordering::SeqCst);
        let cloud = format!("t{:05x}{:02x}", std::process::id() & 0xf_ffff, number);
        let first = Ranges::preferred(&cloud);
        let choices: Vec<u8> = (0..SLICES).map(|n| (first + n) % SLICES).collect();
        let (slice, claimed) = claim(Path::new("/run/yakumo"), &cloud, &choices).unwrap();
        let ranges = Ranges::new(&cloud, slice);
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::open(&cloud, ranges, directory.path().to_owned()).ok();
        let end = Arc::new(AtomicBool::new(false));
        let (wanted, served) = (Builder::default(), Vec::new());
        Lab { engine, wanted, directory, cloud, ranges, served, end, _claimed: claimed }
    }

    /// The engine dies, and another one takes over.
    pub fn restart(&mut self) {
        self.engine = None;
        self.engine = Engine::open(&self.cloud, self.ranges, self.directory.path().to_owned()).ok();
    }

    /// Lets go of the engine: somebody else is to be it until a restart.
    pub fn release(&mut self) {
        self.engine = None;
    }

    /// The directory of notes of all clouds.
    pub fn run(&self) -> &Path {
        self.directory.path()
    }

    /// What makes them.
    pub fn engine(&mut self) -> &mut Engine {
        self.engine.as_mut().unwrap()
    }

    /// The directory that an engine leaves its notes in.
    pub fn notes(&self) -> std::path::PathBuf {
        self.directory.path().join(&self.cloud)
    }

    /// A public address of this cloud.
    pub fn public(&self, n: u64) -> String {
        self.ranges.v4.nth(16 + n).unwrap().to_string()
    }

    /// A public IPv6 block: the n-th /56.
    pub fn block_v6(&self, n: u16) -> String {
        let IpAddr::V6(first) = self.ranges.v6.first() else { panic!("an IPv6 block") };
        let segments = first.segments();
        let [a, b, c, ..] = segments;
        format!("{a:x}:{b:x}:{c:x}:{:x}::/56", n << 8)
    }

    /// The host as instances see it.
    pub fn host(&self) -> IpAddr {
        self.ranges.host_v4().into()
    }

    /// Its public addresses.
    pub fn ranges(&self) -> Ranges {
        self.ranges
    }

    /// The host in IPv6.
    pub fn host_v6(&self) -> IpAddr {
        self.ranges.host_v6().into()
    }

    /// The namespace of an interface.
    pub fn namespace(&self, id: &str) -> String {
        self.engine.as_ref().unwrap().names().namespace(id)
    }

    /// Makes the kernel equal to what is wanted, and has every live interface listen.
    pub fn apply(&mut self) {
        let topology = self.wanted.topology.clone();
        self.engine().apply(&topology).unwrap();
        let live = self.wanted.topology.interfaces.iter().filter(|(_, interface)| interface.live);
        for id in live.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            if !self.served.contains(&id) {
                self.serve(&self.namespace(&id), &id, &PORTS);
                self.served.push(id);
            }
        }
    }

    /// Listens in a namespace; whoever connects is told the name.
    pub fn serve(&self, namespace: &str, name: &str, ports: &[u16]) {
        for port in ports {
            let any = SocketAddr::new("::".parse().unwrap(), *port);
            self.echo(inside(namespace, || UdpSocket::bind(any)).unwrap());
            let listener = inside(namespace, || {
                TcpListener::bind(SocketAddr::new("::".parse().unwrap(), *port))
                    .or_else(|_| TcpListener::bind(SocketAddr::new("0.0.0.0".parse().unwrap(), *port)))
            });
            self.answer(listener.unwrap(), name);
        }
    }

    /// Listens on the host, for instances that reach the Internet. Gives the port.
    pub fn serve_host(&self) -> u16 {
        let listener = TcpListener::bind(SocketAddr::new("::".parse().unwrap(), 0))
            .or_else(|_| TcpListener::bind(SocketAddr::new("0.0.0.0".parse().unwrap(), 0)))
            .unwrap();
        let port = listener.local_addr().unwrap().port();
        self.answer(listener, "host");
        self.echo(UdpSocket::bind(SocketAddr::new("::".parse().unwrap(), port)).unwrap());
        port
    }

    /// Sends back whatever comes.
    fn echo(&self, socket: UdpSocket) {
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        let end = self.end.clone();
        thread::spawn(move || {
            let mut bytes = [0; 64];
            while !end.load(Ordering::SeqCst) {
                if let Ok((length, peer)) = socket.recv_from(&mut bytes) {
                    let _ = socket.send_to(&bytes[..length], peer);
                }
            }
        });
    }

    /// Listens by a socket that the engine opens, and tells whoever connects the name and who asked.
    pub fn serve_at(&mut self, place: Place, address: &str, port: u16, name: &str) {
        let address = SocketAddr::new(address.parse().unwrap(), port);
        let opened = self.engine().socket(&place, SocketKind::Tcp, address).unwrap();
        self.answer(TcpListener::from(opened), name);
    }

    fn answer(&self, listener: TcpListener, name: &str) {
        listener.set_nonblocking(true).unwrap();
        let (end, name) = (self.end.clone(), name.to_owned());
        thread::spawn(move || {
            while !end.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((mut stream, peer)) => {
                        let _ = stream.write_all(format!("{name} {}", peer.ip()).as_bytes());
                    }
                    Err(_) => thread::sleep(Duration::from_millis(5)),
                }
            }
        });
    }

    /// Whether the kernel lets a connection through, and who answers. `from` is an interface or `host`.
    pub fn connect(&self, from: &str, to: &str, port: u16) -> Option<String> {
        self.connect_as(from, None, to, port, PATIENCE)
    }

    /// The same with a source address that is claimed.
    pub fn connect_as(
        &self,
        from: &str,
        source: Option<&str>,
        to: &str,
        port: u16,
        wait: Duration,
    ) -> Option<String> {
        let namespace = if from == "host" { String::new() } else { self.namespace(from) };
        let to: SocketAddr = SocketAddr::new(to.parse().unwrap(), port);
        let source = source.map(|source| SocketAddr::new(source.parse().unwrap(), 0));
        inside(&namespace, || dial(source, to, wait)).ok()
    }

    /// Asks the model and the kernel, which must agree with each other and with what is expected.
    #[track_caller]
    pub fn check(&self, from: &str, to: &str, port: u16, wanted: bool) {
        let told = self.model(from, to, port);
        let wait = if told && wanted { PATIENCE } else { DOUBT };
        let answered = self.connect_as(from, None, to, port, wait);
        let explain = || self.explain(from, to, Ask::Tcp(port));
        assert_eq!(told, wanted, "the model about {from} to {to}:{port}\n{}", explain());
        assert_eq!(
            answered.is_some(),
            wanted,
            "the kernel about {from} to {to}:{port}: {answered:?}\n{}",
            explain()
        );
    }

    /// What the model says and what the kernel does. Who should answer is asked once more before it counts as silent.
    pub fn both(&self, from: &str, to: &str, ask: Ask) -> (bool, bool) {
        let told = trace(&self.wanted.topology, &self.query(from, to, ask)).is_ok_and(|trace| trace.answered);
        let wait = if told { PATIENCE } else { DOUBT };
        let again = |wait| self.answers(from, to, ask, wait);
        (told, again(wait) || (told && again(PATIENCE * 3)))
    }

    /// Whether somebody answers in the kernel.
    fn answers(&self, from: &str, to: &str, ask: Ask, wait: Duration) -> bool {
        let namespace = if from == "host" { String::new() } else { self.namespace(from) };
        let address: IpAddr = to.parse().unwrap();
        match ask {
            Ask::Tcp(port) => self.connect_as(from, None, to, port, wait).is_some(),
            Ask::Udp(port) => {
                inside(&namespace, || echoed(SocketAddr::new(address, port), wait)).unwrap_or(false)
            }
            Ask::Ping => inside(&namespace, || ping(address, wait)).unwrap_or(false),
        }
    }

    /// The cloud's id.
    pub fn cloud(&self) -> &str {
        &self.cloud
    }

    /// What the model says.
    pub fn model(&self, from: &str, to: &str, port: u16) -> bool {
        let query = self.query(from, to, Ask::Tcp(port));
        trace(&self.wanted.topology, &query).is_ok_and(|trace| trace.answered)
    }

    fn query(&self, from: &str, to: &str, ask: Ask) -> Query {
        let destination: IpAddr = to.parse().unwrap();
        let host = if destination.is_ipv4() { self.host() } else { self.host_v6() };
        let source = match from {
            "host" => Source::Internet(host),
            id => Source::Interface { id: id.to_owned(), address: None },
        };
        Query { source, destination, flow: ask.flow(destination) }
    }

    /// The model's hops.
    pub fn explain(&self, from: &str, to: &str, ask: Ask) -> String {
        match trace(&self.wanted.topology, &self.query(from, to, ask)) {
            Ok(trace) => trace.hops.iter().map(|hop| format!("{hop:?}\n")).collect(),
            Err(error) => error.to_string(),
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.end.store(true, Ordering::SeqCst);
        if thread::panicking() && std::env::var_os("YAKUMO_KEEP_LAB").is_some() {
            return;
        }
        if self.engine.is_none() {
            self.restart();
        }
        self.engine().clean().unwrap();
        if !thread::panicking() {
            assert_eq!(left(&self.cloud), Vec::<String>::new());
        }
    }
}

/// What a cloud has left in the kernel.
pub fn left(cloud: &str) -> Vec<String> {
    let names = |directory: &str| -> Vec<String> {
        let entries = std::fs::read_dir(Path::new(directory)).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    };
    let mut all = names("/run/netns");
    all.extend(names("/sys/class/net"));
    all.retain(|name| name.contains(cloud));
    all
}

/// Sends a datagram and waits for the same one back.
fn echoed(to: SocketAddr, wait: Duration) -> io::Result<bool> {
    let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.set_read_timeout(Some(wait))?;
    socket.connect(to)?;
    socket.send(b"echo")?;
    let mut bytes = [0; 16];
    Ok(socket.recv(&mut bytes).is_ok_and(|length| bytes.get(..length) == Some(&b"echo"[..])))
}

/// Sends an echo request and waits for its answer, which must be from whom was asked.
fn ping(to: IpAddr, wait: Duration) -> io::Result<bool> {
    static ECHOES: AtomicU16 = AtomicU16::new(1);
    let number = ECHOES.fetch_add(1, Ordering::SeqCst).to_be_bytes();
    let (family, protocol, request, reply) = match to {
        IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP, 8, 0),
        IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6, 128, 129),
    };
    let socket = socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, Some(protocol))?;
    let mut packet = [request, 0, 0, 0, 0x79, 0x6b, number[0], number[1]];
    if to.is_ipv4() {
        // The kernel writes the checksum of ICMPv6 alone.
        let sum: u32 = packet.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
        let sum = u16::try_from((sum & 0xffff) + (sum >> 16)).unwrap();
        packet[2..4].copy_from_slice(&(!sum).to_be_bytes());
    }
    sendto(&socket, &packet, SendFlags::empty(), &SocketAddr::new(to, 0))?;
    let socket = UdpSocket::from(socket);
    let end = Instant::now() + wait;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(false);
        }
        socket.set_read_timeout(Some(left))?;
        let mut bytes = [0; 256];
        let Ok((length, from)) = socket.recv_from(&mut bytes) else { return Ok(false) };
        let header = if to.is_ipv4() { usize::from(bytes[0] & 0x0f) * 4 } else { 0 };
        let found = bytes.get(header..length).unwrap_or_default();
        if found.first() == Some(&reply) && found.get(4..8) == packet.get(4..8) && from.ip() == to {
            return Ok(true);
        }
    }
}

fn dial(source: Option<SocketAddr>, to: SocketAddr, wait: Duration) -> io::Result<String> {
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if let Some(source) = source {
        bind(&socket, &source)?;
    }
    let end = Instant::now() + wait;
    match connect(&socket, &to) {
        Ok(()) | Err(Errno::INPROGRESS) => {}
        Err(error) => return Err(error.into()),
    }
    let mut polled = [PollFd::new(&socket, PollFlags::OUT)];
    let timeout = Timespec { tv_sec: 0, tv_nsec: 0 };
    let left = end.saturating_duration_since(Instant::now());
    let timeout = Timespec {
        tv_sec: i64::try_from(left.as_secs()).unwrap_or(timeout.tv_sec),
        tv_nsec: left.subsec_nanos().into(),
    };
    if poll(&mut polled, Some(&timeout))? == 0 {
        return Err(io::ErrorKind::TimedOut.into());
    }
    sockopt::socket_error(&socket)??;
    let mut stream = TcpStream::from(socket);
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    if text.is_empty() { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(text) }
}
