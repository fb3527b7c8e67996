//! Sandboxes in network namespaces that others have made, as the VPCs' interfaces are.

use crate::bench::{Bench, bench, spec};
use yakumo_machine::{Exit, Kind, Network, Spec};

/// A network namespace with a name of its own, gone with the value.
struct Named(String);

impl Drop for Named {
    fn drop(&mut self) {
        ip(&["netns", "del", &self.0]);
    }
}

fn ip(arguments: &[&str]) -> bool {
    std::process::Command::new("ip").args(arguments).status().is_ok_and(|status| status.success())
}

fn start(
    bench: &Bench,
    id: &str,
    name: &str,
    administers_network: bool,
) -> Result<(), yakumo_machine::Error> {
    let network = Network::Namespace(format!("/run/netns/{name}").into());
    bench.machine.start(&Spec { network, administers_network, ..spec(id) }).map(drop)
}

#[test]
fn a_namespace_of_the_hosts_gives_ports_and_echoes_only() {
    let Some(bench) = bench() else { return };
    let name = Named(format!("yakumo-machine-{}", std::process::id()));
    if !ip(&["netns", "add", &name.0]) {
        return println!("SKIPPED: ip cannot make network namespaces here");
    }
    assert!(
        ip(&["-n", &name.0, "link", "set", "lo", "up"])
            && ip(&["-n", &name.0, "addr", "add", "10.9.8.7/32", "dev", "lo"])
    );
    start(&bench, "i-1", &name.0, false).unwrap();
    let web = "import socket\ns = socket.create_server(('10.9.8.7', 80))\nc = socket.create_connection(('10.9.8.7', 80))\nprint('both')";
    assert_eq!(bench.python("i-1", web).output, "both\n");
    let ping = "import socket\ns = socket.socket(socket.AF_INET, socket.{kind}, socket.IPPROTO_ICMP)\ns.settimeout(10)\n\
                s.sendto(b'\\x08\\x00\\xf7\\xff\\x00\\x00\\x00\\x00', ('10.9.8.7', 0))\nprint(len(s.recv(100)) >= 8)";
    assert_eq!(bench.python("i-1", &ping.replace("{kind}", "SOCK_DGRAM")).output, "True\n");
    // Who could open raw sockets or set addresses could pretend to be another interface.
    assert!(bench.python("i-1", &ping.replace("{kind}", "SOCK_RAW")).errors.contains("PermissionError"));
    bench.may_not("i-1", "ip addr add 10.9.8.6/32 dev lo", "not permitted");
    bench.may_not("i-1", "echo 1 > /proc/sys/net/ipv4/ip_forward", "");
    let refused = start(&bench, "i-2", &name.0, true).unwrap_err();
    assert_eq!(refused.kind, Kind::Invalid, "{refused}");
}

#[test]
fn a_namespace_of_the_sandboxs_own_is_ruled_inside_if_it_may() {
    let Some(bench) = bench() else { return };
    let name = Named(format!("yakumo-machine-own-{}", std::process::id()));
    if !ip(&["netns", "add", "yakumo-machine-try"]) {
        return println!("SKIPPED: ip cannot make network namespaces here");
    }
    ip(&["netns", "del", "yakumo-machine-try"]);
    bench.machine.make_network(std::path::Path::new(&format!("/run/netns/{}", name.0))).unwrap();
    start(&bench, "i-1", &name.0, false).unwrap();
    let raw =
        "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)\nprint('raw')";
    assert_eq!(bench.python("i-1", raw).output, "raw\n");
    bench.may_not("i-1", "ip addr add 10.9.8.6/32 dev lo", "not permitted");
    bench.machine.remove("i-1").unwrap();
    start(&bench, "i-1", &name.0, true).unwrap();
    bench.may("i-1", "ip addr add 10.9.8.6/32 dev lo && echo 1 > /proc/sys/net/ipv4/ip_forward && touch /file && chown 33 /file");
    if std::path::Path::new("/usr/sbin/nft").exists() {
        bench.may("i-1", "nft add table ip nat && nft list tables | grep -q nat");
    }
    assert_eq!(bench.sh("i-1", "echo 1 > /proc/sys/kernel/pid_max").exit, Exit::Code(2));
}
