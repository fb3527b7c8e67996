//! What networks cost: building and removing many interfaces, a changed rule, and the filtered path beside the same
//! routed pairs without rules. Run by `bench/run.py network`, as root; prints JSON.
//!
//! Invariant: what is compared runs in the same process, in turns.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement fails with a panic and prints its figures"
)]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use yakumo_net::engine::{Ranges, SLICES, inside};
use yakumo_net::network::claim;
use yakumo_net::topology::{
    Acl, AclEntry, Destination, Group, GroupRule, Interface, Peer, Ports, PrivateAddress, Route, RouteTable,
    Subnet, Target, Traffic, Vpc,
};
use yakumo_net::{Cidr, Engine, Topology};

const ROUND: Duration = Duration::from_millis(1500);
const ROUNDS: usize = 5;

fn main() {
    let count: usize = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1000);
    let directory = tempfile::tempdir().unwrap();
    // Public addresses that no cloud of this host has; they are held as long as the file is.
    let open = |cloud: &str| {
        let first = Ranges::preferred(cloud);
        let choices: Vec<u8> = (0..SLICES).map(|n| (first + n) % SLICES).collect();
        let (slice, held) = claim(Path::new("/run/yakumo"), cloud, &choices).unwrap();
        (Engine::open(cloud, Ranges::new(cloud, slice), directory.path().to_owned()).unwrap(), held)
    };
    let (mut engine, _held) = open("benchmrk");
    let mut topology = topology(count);
    if std::env::var_os("YAKUMO_COMPILE_COST").is_some() {
        let began = Instant::now();
        for _ in 0..20 {
            assert!(topology.flaws().is_empty());
        }
        println!("flaws {:.2} ms", began.elapsed().as_secs_f64() * 50.0);
        let began = Instant::now();
        for _ in 0..20 {
            std::hint::black_box(
                yakumo_net::engine::compile(&topology, engine.names(), &Default::default()).unwrap(),
            );
        }
        println!("compile {:.2} ms", began.elapsed().as_secs_f64() * 50.0);
    }
    let before = kernel_kib();
    let began = Instant::now();
    engine.apply(&topology).unwrap();
    let built_ms = began.elapsed().as_secs_f64() * 1e3;
    let kib_each = (kernel_kib() - before) / count as f64;
    let rule_ms = changes(&mut engine, &mut topology);
    let began = Instant::now();
    topology.interfaces.values_mut().for_each(|interface| interface.live = false);
    engine.apply(&topology).unwrap();
    let removed_ms = began.elapsed().as_secs_f64() * 1e3;
    engine.clean().unwrap();

    let small = self::topology(2);
    let ((mut filtered, _held_too), (mut bare, _held_also)) = (open("benchflt"), open("benchbar"));
    filtered.apply(&small).unwrap();
    bare.apply(&small).unwrap();
    let router = bare.names().namespace("vpc-1");
    let flushed =
        Command::new("ip").args(["netns", "exec", &router, "nft", "flush", "ruleset"]).status().unwrap();
    assert!(flushed.success());
    let (mut bytes, mut connections) = ([vec![], vec![]], [vec![], vec![]]);
    let servers = [&filtered, &bare].map(serve);
    for _ in 0..ROUNDS {
        for (at, engine) in [&filtered, &bare].into_iter().enumerate() {
            bytes[at].push(throughput(engine));
            connections[at].push(connects(engine));
        }
    }
    for stop in servers {
        stop.store(true, Ordering::SeqCst);
    }
    filtered.clean().unwrap();
    bare.clean().unwrap();
    let [filtered_bytes, bare_bytes] = bytes.map(median);
    let [filtered_connections, bare_connections] = connections.map(median);
    let (median_ms, worst_ms) = (median(rule_ms.clone()), rule_ms.into_iter().fold(0.0, f64::max));
    println!(
        "{}",
        serde_json::json!({
            "interfaces": count,
            "built_s": built_ms / 1e3,
            "removed_s": removed_ms / 1e3,
            "kernel_kib_each": kib_each,
            "rule_change_ms": { "median": median_ms, "worst": worst_ms },
            "throughput_gbit_s": { "filtered": filtered_bytes * 8e-9, "without_rules": bare_bytes * 8e-9,
                "ratio": filtered_bytes / bare_bytes },
            "connections_s": { "filtered": filtered_connections, "without_rules": bare_connections,
                "ratio": filtered_connections / bare_connections },
        })
    );
}

/// One VPC with four subnets; each interface in one of ten groups, which name each other.
fn topology(count: usize) -> Topology {
    let mut topology = Topology::default();
    let cidr = |text: &str| text.parse::<Cidr>().unwrap();
    let vpc =
        Vpc { cidrs: vec![cidr("10.0.0.0/16")], internet_gateway: Some("igw-1".into()), ..Vpc::default() };
    topology.vpcs.insert("vpc-1".into(), vpc);
    let out = Route {
        destination: Destination::Cidr(Cidr::ALL_V4),
        target: Target::InternetGateway("igw-1".into()),
    };
    topology.route_tables.insert("rtb-1".into(), RouteTable { vpc: "vpc-1".into(), routes: vec![out] });
    let open = vec![AclEntry { number: 100, allow: true, traffic: Traffic::All, cidr: Cidr::ALL_V4 }];
    topology.acls.insert("acl-1".into(), Acl { ingress: open.clone(), egress: open });
    for s in 0..4 {
        let cidrs = vec![cidr(&format!("10.0.{}.0/18", s * 64))];
        let subnet = Subnet {
            vpc: "vpc-1".into(),
            cidrs,
            route_table: "rtb-1".into(),
            acl: "acl-1".into(),
            zone: String::new(),
        };
        topology.subnets.insert(format!("subnet-{s}"), subnet);
    }
    for g in 0..10 {
        let rule = |n: usize, port, peer| GroupRule {
            id: format!("sgr-{g}{n}"),
            traffic: Traffic::Tcp(Ports { from: port, to: port + 100 }),
            peer,
        };
        let named = Peer::Group(format!("sg-{}", (g + 1) % 10));
        let ingress = vec![
            rule(0, 22, Peer::Cidr(cidr("10.0.0.0/8"))),
            rule(1, 5000, Peer::Cidr(Cidr::ALL_V4)),
            rule(2, 8000, named),
        ];
        let all =
            GroupRule { id: format!("sgr-{g}9"), traffic: Traffic::All, peer: Peer::Cidr(Cidr::ALL_V4) };
        topology.groups.insert(format!("sg-{g}"), Group { vpc: "vpc-1".into(), ingress, egress: vec![all] });
    }
    for i in 0..count {
        let (s, host) = (i % 4, u32::try_from(i / 4).unwrap() + 10);
        let private =
            Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, u8::try_from(s * 64).unwrap(), 0)) + host);
        let interface = Interface {
            subnet: format!("subnet-{s}"),
            addresses: vec![PrivateAddress { private, public: None }],
            ipv6: vec![],
            groups: [format!("sg-{}", i % 10)].into(),
            source_dest_check: true,
            mac: None,
            live: true,
        };
        topology.interfaces.insert(format!("eni-{i:05}"), interface);
    }
    topology
}

/// A rule that comes and goes in a group that a tenth of the interfaces have: each change until packets obey.
fn changes(engine: &mut Engine, topology: &mut Topology) -> Vec<f64> {
    let rule = GroupRule {
        id: "sgr-new".into(),
        traffic: Traffic::Tcp(Ports::only(443)),
        peer: Peer::Cidr("10.0.0.0/8".parse().unwrap()),
    };
    let mut all = Vec::new();
    for turn in 0..40 {
        let rules = &mut topology.groups.get_mut("sg-3").unwrap().ingress;
        if turn % 2 == 0 {
            rules.push(rule.clone())
        } else {
            drop(rules.pop())
        }
        let began = Instant::now();
        engine.apply(topology).unwrap();
        all.push(began.elapsed().as_secs_f64() * 1e3);
    }
    all
}

/// Answers on two ports of the second interface: one byte for each connection, and swallowing whatever comes.
fn serve(engine: &Engine) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let namespace = engine.names().namespace("eni-00001");
    for port in [5000, 5001] {
        let listener = inside(&namespace, || TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))).unwrap();
        let stop = stop.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                let mut stream = stream.unwrap();
                if port == 5000 {
                    let _ = stream.write_all(b"!");
                } else {
                    thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
                }
            }
        });
    }
    stop
}

fn server(engine: &Engine, port: u16) -> SocketAddr {
    let wire = engine.present().namespaces.get(&engine.names().namespace("eni-00001")).unwrap();
    let address = wire.addresses.first().unwrap().split('/').next().unwrap().parse().unwrap();
    SocketAddr::new(address, port)
}

/// Bytes in a second over one connection.
fn throughput(engine: &Engine) -> f64 {
    let to = server(engine, 5001);
    inside(&engine.names().namespace("eni-00000"), || {
        let mut stream = TcpStream::connect(to)?;
        let (block, began) = (vec![0_u8; 128 * 1024], Instant::now());
        let mut sent = 0_u64;
        while began.elapsed() < ROUND {
            stream.write_all(&block)?;
            sent += block.len() as u64;
        }
        Ok(sent as f64 / began.elapsed().as_secs_f64())
    })
    .unwrap()
}

/// Connections in a second, by two clients one after the other.
fn connects(engine: &Engine) -> f64 {
    let (to, done) = (server(engine, 5000), AtomicU64::new(0));
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                inside(&engine.names().namespace("eni-00000"), || {
                    while began.elapsed() < ROUND {
                        let mut stream = TcpStream::connect(to)?;
                        stream.read_exact(&mut [0])?;
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                })
                .unwrap();
            });
        }
    });
    done.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

/// What the kernel itself uses.
fn kernel_kib() -> f64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap();
    let kinds = ["Slab:", "KernelStack:", "PageTables:", "Percpu:", "VmallocUsed:"];
    let lines = text.lines().filter(|line| kinds.iter().any(|kind| line.starts_with(kind)));
    lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).sum()
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or_default()
}
