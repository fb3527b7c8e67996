//! Networks as the command makes them: the agent is a process of its own, dies and is replaced; a cloud that is not
//! kept leaves nothing behind.

use std::io::Read;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use yakumo_net::Network;
use yakumo_net::engine::{Ranges, inside};
use yakumo_net::network::{Host, Launch, lacking};
use yakumo_net::topology::{
    Acl, AclEntry, Group, GroupRule, Interface, Peer, PrivateAddress, RouteTable, Subnet,
};
use yakumo_net::topology::{Traffic, Vpc};
use yakumo_net::{Cidr, Place, Topology};

/// How long a connection may take that is let through: a new link may lose the first packet.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long is waited for one that should not come about.
const DOUBT: Duration = Duration::from_millis(400);
/// One at a time: one of them kills all agents of this process.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Two interfaces in one subnet that may talk to each other, when `open`.
fn topology(open: bool) -> Topology {
    let mut topology = Topology::default();
    let cidrs = vec!["10.0.0.0/16".parse().unwrap()];
    topology.vpcs.insert("vpc-1".into(), Vpc { cidrs: cidrs.clone(), ..Vpc::default() });
    topology.route_tables.insert("rtb-1".into(), RouteTable { vpc: "vpc-1".into(), routes: vec![] });
    let all = vec![AclEntry { number: 100, allow: true, traffic: Traffic::All, cidr: Cidr::ALL_V4 }];
    topology.acls.insert("acl-1".into(), Acl { ingress: all.clone(), egress: all });
    let subnet = Subnet {
        vpc: "vpc-1".into(),
        cidrs,
        route_table: "rtb-1".into(),
        acl: "acl-1".into(),
        zone: String::new(),
    };
    topology.subnets.insert("subnet-1".into(), subnet);
    let rule = GroupRule { id: "sgr-1".into(), traffic: Traffic::All, peer: Peer::Cidr(Cidr::ALL_V4) };
    let ingress = if open { vec![rule.clone()] } else { vec![] };
    topology.groups.insert("sg-1".into(), Group { vpc: "vpc-1".into(), ingress, egress: vec![rule] });
    for n in [4, 5] {
        let interface = Interface {
            subnet: "subnet-1".into(),
            addresses: vec![PrivateAddress { private: [10, 0, 0, n].into(), public: None }],
            ipv6: vec![],
            groups: ["sg-1".to_owned()].into(),
            source_dest_check: true,
            mac: None,
            live: true,
        };
        topology.interfaces.insert(format!("eni-{n}"), interface);
    }
    topology
}

struct Lab {
    cloud: String,
    run: tempfile::TempDir,
}

impl Lab {
    fn new(letter: char) -> Lab {
        Lab {
            cloud: format!("y{letter}{:06x}", std::process::id() & 0xff_ffff),
            run: tempfile::tempdir().unwrap(),
        }
    }

    fn network(&self, keeps: bool) -> Network {
        let host = Host::Agent {
            launch: Launch::program(env!("CARGO_BIN_EXE_yakumo").into(), vec!["--network-agent".into()]),
            run: self.run.path().to_owned(),
            apart: false,
        };
        Network::new(&self.cloud, Ranges::new(&self.cloud, 31), host, keeps, None)
    }

    fn left(&self) -> Vec<String> {
        let entries =
            |directory: &str| std::fs::read_dir(Path::new(directory)).into_iter().flatten().flatten();
        let names = entries("/run/netns").chain(entries("/sys/class/net"));
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| name.contains(&self.cloud)).collect()
    }

    async fn wait_until_nothing_is_left(&self) {
        let end = Instant::now() + Duration::from_secs(20);
        while !self.left().is_empty() {
            assert!(Instant::now() < end, "left: {:?}", self.left());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn connects(network: &Network, wait: Duration) -> bool {
    let to = SocketAddr::new([10, 0, 0, 5].into(), 80);
    let listener = inside(&network.namespace("eni-5"), || TcpListener::bind(to)).unwrap();
    let found = inside(&network.namespace("eni-4"), || TcpStream::connect_timeout(&to, wait)).is_ok();
    drop(listener);
    found
}

/// Kills the agents that are children of this process.
fn kill_agents() {
    let own = std::process::id().to_string();
    let output = Command::new("ps").args(["-ww", "-o", "pid=,args=", "--ppid", &own]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let agents = text.lines().filter(|line| line.contains("--network-agent"));
    for pid in agents.filter_map(|line| line.split_whitespace().next()) {
        assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
    }
}

#[tokio::test]
async fn an_agent_makes_networks_dies_and_is_replaced() {
    if let Some(why) = lacking() {
        println!("SKIPPED: {why}");
        return;
    }
    let _turn = TURN.lock().await;
    let lab = Lab::new('a');
    let network = lab.network(false);
    let mut idle = topology(true);
    idle.interfaces.values_mut().for_each(|interface| interface.live = false);
    network.apply(idle).await.unwrap();
    assert_eq!(lab.left(), Vec::<String>::new());
    network.apply(topology(true)).await.unwrap();
    assert!(connects(&network, PATIENCE));
    kill_agents();
    assert!(connects(&network, PATIENCE), "networks stand without their agent");
    network.apply(topology(false)).await.unwrap();
    assert!(!connects(&network, DOUBT), "the next agent makes the change");
    // What makes no sense changes nothing.
    let mut flawed = topology(true);
    flawed.subnets.get_mut("subnet-1").unwrap().acl = "acl-9".into();
    assert!(network.apply(flawed).await.is_err());
    assert!(!connects(&network, DOUBT));
    network.apply(topology(true)).await.unwrap();
    assert!(connects(&network, PATIENCE));
    // The front is gone, as after `kill -9`: a cloud that is not kept leaves nothing.
    drop(network);
    lab.wait_until_nothing_is_left().await;
}

/// Opens the metadata address of the VPC's router and has an interface ask: the address that the router sees.
async fn metadata(network: &Network) -> TcpListener {
    let address = "169.254.169.254:80".parse().unwrap();
    network.listen(Place::Router("vpc-1".into()), address).await.unwrap()
}

fn asked(network: &Network, listener: &TcpListener, by: &str) -> IpAddr {
    let to = listener.local_addr().unwrap();
    let mut client = inside(&network.namespace(by), || TcpStream::connect_timeout(&to, PATIENCE)).unwrap();
    let end = Instant::now() + PATIENCE;
    let (stream, peer) = loop {
        match listener.accept() {
            Ok(found) => break found,
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    drop(stream);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    peer.ip()
}

#[tokio::test]
async fn sockets_in_a_network_are_ours_as_long_as_it_stands() {
    if let Some(why) = lacking() {
        println!("SKIPPED: {why}");
        return;
    }
    let _turn = TURN.lock().await;
    let lab = Lab::new('s');
    let network = lab.network(false);
    let mut standing = network.standing();
    let router = Place::Router("vpc-1".into());
    let early = network.listen(router.clone(), "169.254.169.254:80".parse().unwrap()).await;
    assert!(early.is_err() && lab.left().is_empty(), "nothing stands, and nothing is made for it");
    network.apply(topology(false)).await.unwrap();
    assert!(standing.has_changed().unwrap());
    let first = standing.borrow_and_update().clone();
    assert!(first.generation(&router).is_some() && first.generation(&Place::Edge).is_none());
    let listener = metadata(&network).await;
    assert_eq!(asked(&network, &listener, "eni-4").to_string(), "10.0.0.4");
    // An address of nobody, and one that is taken.
    for address in ["10.9.9.9:80", "169.254.169.254:80"] {
        assert!(network.listen(router.clone(), address.parse().unwrap()).await.is_err(), "{address}");
    }
    // A changed rule is no news.
    network.apply(topology(true)).await.unwrap();
    assert!(!standing.has_changed().unwrap());
    // Without its agent the socket serves on; the next agent opens others, and finds all as it was.
    kill_agents();
    assert_eq!(asked(&network, &listener, "eni-5").to_string(), "10.0.0.5");
    let udp = network.bind_udp(router.clone(), "10.0.0.2:53".parse().unwrap()).await.unwrap();
    assert_eq!(udp.local_addr().unwrap().to_string(), "10.0.0.2:53");
    network.apply(topology(false)).await.unwrap();
    assert_eq!(*standing.borrow_and_update().clone(), *first);
    // What was removed stands no more; what is made in its place is another one, where sockets are opened again.
    network.clean().await.unwrap();
    assert_eq!(*standing.borrow_and_update().clone(), yakumo_net::Standing::default());
    network.apply(topology(false)).await.unwrap();
    let second = standing.borrow_and_update().clone();
    assert!(second.generation(&router) > first.generation(&router));
    let eni = Place::Interface("eni-4".into());
    assert!(second.generation(&eni) > first.generation(&eni));
    let listener = metadata(&network).await;
    assert_eq!(asked(&network, &listener, "eni-4").to_string(), "10.0.0.4");
    drop(network);
    lab.wait_until_nothing_is_left().await;
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_confuses_no_other() {
    if let Some(why) = lacking() {
        println!("SKIPPED: {why}");
        return;
    }
    let _turn = TURN.lock().await;
    let lab = Lab::new('q');
    let network = lab.network(false);
    network.apply(topology(false)).await.unwrap();
    // Given up at every moment of its way: unsent, sent, answered, and before its socket came along.
    for n in 0..60 {
        let address = "169.254.169.253:53".parse().unwrap();
        let asked = network.bind_udp(Place::Router("vpc-1".into()), address);
        tokio::time::timeout(Duration::from_micros(n * 50), asked).await.ok();
        let listener = tokio::time::timeout(PATIENCE, metadata(&network)).await.expect("an answer");
        assert_eq!(listener.local_addr().unwrap().port(), 80);
    }
    network.apply(topology(true)).await.unwrap();
    assert!(connects(&network, PATIENCE));
    drop(network);
    lab.wait_until_nothing_is_left().await;
}

#[tokio::test]
async fn networks_of_a_kept_cloud_stand_until_they_are_swept() {
    if let Some(why) = lacking() {
        println!("SKIPPED: {why}");
        return;
    }
    let _turn = TURN.lock().await;
    let lab = Lab::new('b');
    let network = lab.network(true);
    network.apply(topology(true)).await.unwrap();
    let stood = lab.left();
    drop(network);
    let network = lab.network(true);
    assert!(connects(&network, PATIENCE));
    network.apply(topology(false)).await.unwrap();
    assert_eq!(lab.left(), stood);
    assert!(!connects(&network, DOUBT));
    drop(network);
    let end = Instant::now() + Duration::from_secs(20);
    while yakumo_net::engine::sweep(lab.run.path()).unwrap().is_empty() {
        assert!(Instant::now() < end, "the agent does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(lab.left(), Vec::<String>::new());
    assert_eq!(std::fs::read_dir(lab.run.path()).unwrap().count(), 0);
}
