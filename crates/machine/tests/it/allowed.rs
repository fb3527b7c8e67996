//! What root of an instance must be able to do: the twins of the escapes.

use crate::bench::{bench, spec};
use yakumo_machine::{Command, Exit, File, Spec};

#[test]
fn root_rules_the_files_and_users_inside() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    bench.may("i-1", "mkdir -p /srv/www && cp -a /etc/ssl /srv/www && chown -R www-data:www-data /srv/www && chmod 4711 /srv/www");
    assert_eq!(bench.may("i-1", "stat -c '%U %a' /srv/www"), "www-data 4711\n");
    // As a package manager: replaces programs, makes users, changes what belongs to the image.
    bench.may("i-1", "groupadd web && useradd -m -g web ann && cp /usr/bin/true /usr/bin/yes && chown ann /usr/bin/yes && rm -r /usr/share/pam");
    assert_eq!(bench.may("i-1", "su ann -c 'id -un; id -gn; pwd'").lines().next(), Some("ann"));
    assert_eq!(bench.sh_as("i-1", "ann", "id -un; cd; pwd").output, "ann\n/home/ann\n");
    assert_ne!(bench.sh_as("i-1", "ann", "cat /etc/shadow").exit, Exit::Code(0), "users inside are users");
    bench.may("i-1", "chroot / true && mv /usr/share/pam-configs /usr/share/moved && ls /usr/share/moved");
    bench.may("i-1", "setpriv --reuid 33 --clear-groups true");
}

#[test]
fn sudo_works_where_it_is_installed() {
    let Some(bench) = bench() else { return };
    if !std::path::Path::new("/usr/bin/sudo").exists() {
        return println!("SKIPPED: this host has no sudo");
    }
    bench.start("i-1");
    bench.may("i-1", "useradd -G sudo ann && useradd bob");
    assert_eq!(bench.sh_as("i-1", "ann", "sudo -n id -u").output, "0\n");
    assert_ne!(bench.sh_as("i-1", "bob", "sudo -n id -u").exit, Exit::Code(0));
}

#[test]
fn root_binds_low_ports_and_pings_in_its_own_network() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    let web = "import socket\ns = socket.create_server(('127.0.0.1', 80))\nc = socket.create_connection(('127.0.0.1', 80))\nprint('both')";
    assert_eq!(bench.python("i-1", web).output, "both\n");
    let ping = "import socket\ns = socket.socket(socket.AF_INET, socket.{kind}, socket.IPPROTO_ICMP)\ns.settimeout(10)\n\
                s.sendto(b'\\x08\\x00\\xf7\\xff\\x00\\x00\\x00\\x00', ('127.0.0.1', 0))\nprint(len(s.recv(100)) >= 8)";
    for kind in ["SOCK_DGRAM", "SOCK_RAW"] {
        assert_eq!(bench.python("i-1", &ping.replace("{kind}", kind)).output, "True\n", "{kind}");
    }
    // Routes and filters only for those that may.
    if std::path::Path::new("/usr/sbin/ip").exists() || std::path::Path::new("/usr/bin/ip").exists() {
        bench.may_not("i-1", "ip addr add 10.0.0.1/24 dev lo", "not permitted");
        bench.may_not("i-1", "echo 1 > /proc/sys/net/ipv4/ip_forward", "");
        bench.machine.start(&Spec { administers_network: true, ..spec("i-2") }).unwrap();
        bench.may("i-2", "ip addr add 10.0.0.1/24 dev lo && echo 1 > /proc/sys/net/ipv4/ip_forward");
        bench.may_not("i-2", "echo 1 > /proc/sys/kernel/pid_max", "");
    }
}

#[test]
fn commands_have_a_user_a_directory_and_variables() {
    let Some(bench) = bench() else { return };
    let file = File { mode: 0o600, owner: 33, ..File::new("/srv/app/secret", b"text\n") };
    bench.machine.start(&Spec { files: vec![file], ..spec("i-1") }).unwrap();
    let command = Command {
        environment: [("NAME".to_owned(), "va lue".to_owned())].into(),
        directory: Some("/srv/app".to_owned()),
        user: Some("33:100".to_owned()),
        arguments: ["sh", "-c", "echo $NAME; pwd; id -u; id -g; cat secret; echo $HOME"]
            .map(str::to_owned)
            .to_vec(),
    };
    assert_eq!(bench.run("i-1", command).output, "va lue\n/srv/app\n33\n100\ntext\n/var/www\n");
    assert_ne!(bench.sh_as("i-1", "34", "cat /srv/app/secret").exit, Exit::Code(0));
}

#[test]
fn libraries_fall_back_from_what_is_not_there() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    let program = "import threading, subprocess, multiprocessing, asyncio, tempfile, socket, select, os, mmap\n\
        ts = [threading.Thread(target=lambda: subprocess.run(['true'], check=True)) for _ in range(8)]\n\
        [t.start() for t in ts]; [t.join() for t in ts]\n\
        with multiprocessing.Pool(2) as pool: assert pool.map(abs, [-1, -2]) == [1, 2]\n\
        async def f():\n  p = await asyncio.create_subprocess_exec('echo', 'hi', stdout=-1)\n  return (await p.communicate())[0]\n\
        assert asyncio.run(f()) == b'hi\\n'\nselect.epoll(); mmap.mmap(-1, 4096); os.memfd_create('x')\nprint('all')";
    let said = bench.python("i-1", program);
    assert_eq!(said.output, "all\n", "{said:?}");
    if std::path::Path::new("/usr/bin/node").exists() {
        let script = "const fs = require('fs'); fs.promises.readFile('/etc/hosts').then(() => new (require('worker_threads').Worker)('console.log(1)', {eval: true}))";
        assert_eq!(bench.run("i-1", Command::new(["node", "-e", script])).output, "1\n");
    }
}

#[test]
fn added_authorities_are_trusted_and_replaced() {
    let Some(bench) = bench() else { return };
    let with = |authorities: &str| Spec { authorities: authorities.to_owned(), ..spec("i-1") };
    bench.machine.start(&with("one of ours")).unwrap();
    let bundle = "/etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt";
    let text = bench.sh("i-1", &format!("cat {bundle}")).output;
    assert!(text.contains("one of ours"), "{}", text.len());
    bench.machine.kill("i-1").unwrap();
    bench.machine.start(&with("another one")).unwrap();
    let again = bench.sh("i-1", &format!("cat {bundle}")).output;
    assert!(again.contains("another one") && !again.contains("one of ours"), "{}", again.len());
    // Those of the image stay.
    assert_eq!(text.matches("BEGIN CERTIFICATE").count(), again.matches("BEGIN CERTIFICATE").count());
}
