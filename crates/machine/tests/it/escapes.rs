//! What root inside may not do, and what stops it. Each test names the guard that answers.

use crate::bench::{Bench, bench, spec};
use yakumo_machine::{Exit, File, Kind, Network, Spec};

/// Calls the kernel past every library: the number is x86-64's.
fn call(bench: &Bench, number: i32, arguments: &str) -> String {
    let program = format!(
        "import ctypes, errno\nlibc = ctypes.CDLL(None, use_errno=True)\nr = libc.syscall({number}, {arguments})\n\
         print('done' if r >= 0 else errno.errorcode[ctypes.get_errno()])"
    );
    let said = bench.python("i-1", &program);
    assert_eq!(said.exit, Exit::Code(0), "{said:?}");
    said.output.trim().to_owned()
}

#[test]
fn files_of_the_host_are_not_there() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    // Guard: the root is an overlay of listed directories; the old root is unmounted.
    let secret = bench.directory.path().join("secret");
    std::fs::write(&secret, "secret").unwrap();
    for path in
        [secret.to_str().unwrap(), "/.dockerenv", "/etc/machine-id", "/etc/ssh/ssh_config", "/usr/src"]
    {
        bench.may_not("i-1", &format!("ls -d {path}"), "No such file");
    }
    for path in ["/root", "/home", "/tmp", "/var/log", "/opt", "/srv", "/mnt", "/boot"] {
        assert_eq!(bench.may("i-1", &format!("ls -A {path}")), "", "{path}");
    }
    assert_eq!(bench.may("i-1", "cut -d: -f2 /etc/shadow | sort -u"), "*\n");
    let data = bench.directory.path().to_str().unwrap();
    assert!(
        !bench
            .may("i-1", "cat /proc/self/mountinfo | grep -v ' /sys\\| /proc'")
            .contains(&format!("lowerdir={data}"))
    );
    // Guard: whiteouts above /usr hide what not every user of the host may read.
    let find =
        "find /usr/share /usr/lib -maxdepth 4 -type d ! -perm -005 -o -maxdepth 4 -type f ! -perm -004";
    let closed = std::process::Command::new("sh").args(["-c", find]).output().unwrap();
    for path in String::from_utf8_lossy(&closed.stdout).lines() {
        bench.may_not("i-1", &format!("ls -d {path}"), "No such file");
    }
}

#[test]
fn the_roots_of_other_processes_are_closed() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    // Guard: the init is not dumpable, so that its links in /proc are closed even to root inside.
    for path in ["/proc/1/root/", "/proc/1/cwd/", "/proc/1/fd", "/proc/1/environ", "/proc/1/map_files"] {
        bench.may_not("i-1", &format!("ls -l {path} && cat {path}"), "Permission denied");
    }
    bench.may_not("i-1", "head -c1 /proc/1/mem", "Permission denied");
    // Guard: the process namespace. Outside there are hundreds of processes.
    let processes = bench.may("i-1", "ls /proc | grep -c '^[0-9]'").trim().parse::<u32>().unwrap();
    assert!(processes < 10, "{processes}");
    // The twin: a program's own are open.
    assert!(bench.may("i-1", "ls /proc/self/root/").contains("usr"));
}

#[test]
fn processes_outside_cannot_be_signalled_or_traced() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    let outside = std::process::id();
    // Guard: the process namespace.
    bench.may_not("i-1", &format!("kill -9 {outside}"), "No such process");
    assert_eq!(call(&bench, 101, &format!("16, {outside}, 0, 0")), "ESRCH");
    // Guard: not dumpable, and what it is made of belongs to the host's user namespace.
    assert_eq!(call(&bench, 101, "16, 1, 0, 0"), "EPERM");
    let steal = "import ctypes, errno, os\nlibc = ctypes.CDLL(None, use_errno=True)\nfor n in range(8):\n  \
                 assert libc.syscall(438, os.pidfd_open(1), n, 0) < 0 and ctypes.get_errno() == errno.EPERM";
    assert_eq!(bench.python("i-1", steal).exit, Exit::Code(0), "no descriptor of the init can be had");
    // The twin: debuggers work on what is inside.
    bench.may("i-1", "sleep 100 & python3 -c \"import ctypes; l = ctypes.CDLL(None, use_errno=True); assert l.ptrace(16, $!, 0, 0) == 0\"; kill -9 $!");
}

#[test]
fn nothing_can_be_mounted() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    // Guard: the filter of system calls; behind it, no CAP_SYS_ADMIN, and the mount namespace belongs to the host.
    for script in [
        "mount -t tmpfs none /mnt",
        "mount -t proc none /mnt",
        "mount -t cgroup -o memory none /mnt",
        "mount --bind / /mnt",
        "mount -o remount,rw /sys",
        "umount /proc/sys",
        "umount -l /sys",
    ] {
        assert_ne!(bench.sh("i-1", script).exit, Exit::Code(0), "{script}");
    }
    // mount, umount2, fsopen, open_tree, move_mount, mount_setattr, pivot_root.
    for number in [165, 166, 430, 428, 429, 442, 155] {
        assert_eq!(call(&bench, number, "0, 0, 0, 0, 0"), "EPERM", "{number}");
    }
}

#[test]
fn devices_of_the_host_are_out_of_reach() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    // Guard: no CAP_MKNOD in the host's user namespace.
    bench.may_not("i-1", "mknod /root/disk b 254 0", "Operation not permitted");
    bench.may_not("i-1", "mknod /dev/mem c 1 1", "Operation not permitted");
    assert_eq!(
        bench.may("i-1", "ls /dev"),
        "console\nfd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n"
    );
    // Guard: mounts are nodev. A device file that somebody else left on the disk is only a name.
    let layer = bench.machine.disk("i-1").unwrap().unwrap();
    let node = layer.join("0/upper/root-disk");
    let made = std::process::Command::new("mknod").arg(&node).args(["c", "1", "5"]).status().unwrap();
    assert!(made.success());
    bench.machine.kill("i-1").unwrap();
    bench.machine.start(&spec("i-1")).unwrap();
    bench.may_not("i-1", "head -c1 /root-disk", "Permission denied");
    // The twin: what is there works, and pipes can be made.
    bench.may("i-1", "head -c1 /dev/zero >/dev/null && head -c1 /dev/urandom >/dev/null && mkfifo /root/pipe && ls /dev/fd/0");
}

#[test]
fn the_kernels_settings_are_fixed() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    // Guards: read-only mounts, and owners that are nobody inside.
    for path in [
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/kernel/hostname",
        "/proc/sys/vm/drop_caches",
        "/proc/sys/net/ipv4/ip_forward",
        "/sys/class/net/lo/mtu",
        "/proc/irq/default_smp_affinity",
    ] {
        bench.may_not("i-1", &format!("[ -e {path} ] || echo absent >&2; echo 1 > {path}"), "");
    }
    // Guard: hidden.
    for path in ["/proc/sysrq-trigger", "/proc/kcore", "/proc/keys", "/proc/kallsyms", "/proc/timer_list"] {
        assert_eq!(bench.sh("i-1", &format!("cat {path}")).output, "", "{path}");
    }
    for path in ["/sys/firmware", "/sys/kernel", "/sys/fs", "/sys/module"] {
        assert_eq!(bench.may("i-1", &format!("ls {path}")), "", "{path}");
    }
    bench.may_not("i-1", "hostname other", "");
    assert_eq!(std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim(), hostname());
}

fn hostname() -> String {
    let output = std::process::Command::new("uname").arg("-n").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn control_groups_cannot_be_left() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    // Guard: no control group file system is mounted, and none can be; so there is no release_agent to write.
    assert_eq!(bench.may("i-1", "grep -c cgroup /proc/self/mounts || true"), "0\n");
    // Guard: the group namespace shows the sandbox's own as the root.
    let groups = bench.may("i-1", "cut -d: -f2- /proc/self/cgroup");
    assert!(groups.lines().any(|line| line == "memory:/" || line == ":/"), "{groups}");
    assert!(!groups.contains("test.i-1"), "{groups}");
}

#[test]
fn namespaces_cannot_be_made_or_joined() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    // Guard: the filter of system calls.
    for script in
        ["unshare -U true", "unshare -Ur true", "unshare -m true", "unshare -n true", "nsenter -t 1 -m true"]
    {
        assert_ne!(bench.sh("i-1", script).exit, Exit::Code(0), "{script}");
    }
    for flag in ["0x10000000", "0x00020000", "0x40000000", "0x20000000"] {
        assert_eq!(call(&bench, 272, flag), "EPERM", "unshare {flag}");
        assert_eq!(call(&bench, 56, &format!("{flag} | 17, 0, 0, 0, 0")), "EPERM", "clone {flag}");
    }
    assert_eq!(call(&bench, 308, "0, 0"), "EPERM");
    // clone3, whose flags no filter sees, is not there; libraries fall back.
    assert_eq!(call(&bench, 435, "0, 0"), "ENOSYS");
    // The twin.
    assert_eq!(call(&bench, 272, "0x400"), "done");
}

#[test]
fn deep_parts_of_the_kernel_are_closed() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    for (number, what, answer) in [
        (321, "bpf", "EPERM"),
        (298, "perf_event_open", "EPERM"),
        (323, "userfaultfd", "EPERM"),
        (248, "add_key", "EPERM"),
        (249, "request_key", "EPERM"),
        (250, "keyctl", "EPERM"),
        (304, "open_by_handle_at", "EPERM"),
        (175, "init_module", "EPERM"),
        (246, "kexec_load", "EPERM"),
        (169, "reboot", "EPERM"),
        (103, "syslog", "EPERM"),
        (425, "io_uring_setup", "ENOSYS"),
        (0x4000_0027, "getpid of x32", "ENOSYS"),
    ] {
        assert_eq!(call(&bench, number, "0, 0, 0, 0, 0"), answer, "{what}");
    }
    for (family, answer) in [(38, "ENOSYS"), (40, "ENOSYS"), (44, "ENOSYS"), (2, "done"), (1, "done")] {
        assert_eq!(call(&bench, 41, &format!("{family}, 2, 0")), answer, "socket family {family}");
    }
}

#[test]
fn nobody_types_into_a_terminal() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    let steal = |request: &str| {
        format!(
            "import os, fcntl, pty\nm, s = pty.openpty()\nos.setsid() if os.getpid() != os.getsid(0) else None\n\
             try:\n  fcntl.ioctl(s, {request}, b'x')\n  print('done')\nexcept OSError as e: print(e.errno)"
        )
    };
    // Guard: the filter; TIOCSTI, TIOCLINUX, and the twin TIOCGWINSZ.
    assert_eq!(bench.python("i-1", &steal("0x5412")).output, "1\n");
    assert_eq!(bench.python("i-1", &steal("0x541c")).output, "1\n");
    // The upper half of the request is not looked at by the kernel, and does not help.
    assert_eq!(bench.python("i-1", &steal("0x5413")).output, "done\n");
    assert_eq!(call(&bench, 16, "ctypes.c_ulong(0), ctypes.c_ulong(0x100005412), b'x'"), "EPERM");
}

#[test]
fn set_user_id_programs_gain_nothing_outside() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    bench.may("i-1", "cp /bin/sh /shell && chmod 4755 /shell && useradd ann");
    assert_eq!(bench.sh_as("i-1", "ann", "/shell -p -c 'id -u'").output, "0\n", "inside it works");
    // Guard: on the host's disk the file belongs to root, but its directory is closed to all but root.
    let layer = bench.machine.disk("i-1").unwrap().unwrap();
    let shell = layer.join("0/upper/shell");
    assert!(shell.exists());
    let tried =
        std::process::Command::new("su").args(["nobody", "-s", "/bin/sh", "-c"]).arg(shell).output().unwrap();
    assert!(
        !tried.status.success() && String::from_utf8_lossy(&tried.stderr).contains("Permission denied"),
        "{tried:?}"
    );
    // Guard: no-new-privileges, for those that ask for it.
    bench.machine.start(&Spec { no_new_privileges: true, ..spec("i-2") }).unwrap();
    bench.may("i-2", "cp /bin/sh /shell && chmod 4755 /shell");
    assert_eq!(bench.sh_as("i-2", "33", "/shell -p -c 'id -u'").output, "33\n");
}

#[test]
fn links_lead_nowhere_from_outside() {
    let Some(bench) = bench() else { return };
    let victim = bench.directory.path().join("victim");
    std::fs::create_dir(&victim).unwrap();
    std::fs::write(victim.join("file"), "untouched").unwrap();
    let victim_path = victim.to_str().unwrap();
    bench.start("i-1");
    bench.may("i-1", &format!("mkdir -p {victim_path}; ln -s {victim_path}/file /etc/trap; ln -s {victim_path} /linked; ln -s /proc/1/root{victim_path} /deep; mkfifo /etc/pipe; ln -s ../../../../../.. /up"));
    // Guard: files are put in by the init, with the rights and the root of the sandbox.
    for path in ["/etc/trap", "/linked/file", &format!("/up{victim_path}/file"), "/etc/pipe"] {
        bench.machine.put("i-1", File::new(path, "put")).unwrap();
        assert_eq!(bench.may("i-1", &format!("cat {path}")), "put", "{path}");
    }
    // Through the init's own links it leads back inside.
    bench.machine.put("i-1", File::new("/deep/file", "put")).unwrap();
    assert_eq!(bench.may("i-1", &format!("cat {victim_path}/file")), "put");
    // Guard: volumes are put where their path leads within the root.
    bench.machine.kill("i-1").unwrap();
    let volumes = vec![yakumo_machine::Volume {
        source: yakumo_machine::Source::Directory(victim.clone()),
        path: "/linked/inner".to_owned(),
        read_only: true,
    }];
    bench
        .machine
        .start(&Spec { files: vec![File::new("/linked/other", "put")], volumes, ..spec("i-1") })
        .unwrap();
    assert_eq!(bench.may("i-1", "cat /linked/inner/file"), "untouched");
    let left: Vec<_> = std::fs::read_dir(&victim).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["file"]);
    assert_eq!(std::fs::read_to_string(victim.join("file")).unwrap(), "untouched");
}

#[test]
fn what_must_be_a_directory_is_no_link() {
    let Some(bench) = bench() else { return };
    let image = bench.directory.path().join("image");
    std::fs::create_dir(&image).unwrap();
    let target = bench.directory.path().join("target");
    std::fs::create_dir(&target).unwrap();
    std::os::unix::fs::symlink(&target, image.join("proc")).unwrap();
    let image = yakumo_machine::Image::Layers(vec![image]);
    // Guard: no link is followed to where /proc, /sys and /dev are mounted.
    let error = bench.machine.start(&Spec { image, ..spec("i-1") }).unwrap_err();
    assert!(error.message.contains("/proc of the image"), "{error}");
}

#[test]
fn the_hosts_network_is_not_there() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = port.local_addr().unwrap().port();
    let name = format!("yakumo-machine-{}", std::process::id());
    let address =
        <std::os::unix::net::SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(&name)
            .unwrap();
    let _abstract = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
    std::os::unix::net::UnixStream::connect_addr(&address).unwrap();
    // Guard: the network namespace holds its own loopback and its own abstract names.
    let tcp = format!("import socket; socket.create_connection(('127.0.0.1', {port}), 5)");
    assert!(bench.python("i-1", &tcp).errors.contains("ConnectionRefusedError"));
    let local = format!("import socket; socket.socket(socket.AF_UNIX).connect('\\0{name}')");
    assert!(bench.python("i-1", &local).errors.contains("ConnectionRefusedError"));
    assert_eq!(bench.may("i-1", "ls /sys/class/net"), "lo\n");
    // Guard: the host's network cannot be asked for.
    for path in ["/proc/self/ns/net", "/proc/1/ns/net"] {
        let network = Network::Namespace(path.into());
        let error = bench.machine.start(&Spec { network, ..spec("i-2") }).unwrap_err();
        // Some hosts do not even let root look at their first process.
        assert!(
            error.kind == Kind::Invalid || error.message.contains("Permission denied"),
            "{path}: {error}"
        );
    }
    let network = Network::Namespace("/proc/self/ns/mnt".into());
    bench.machine.start(&Spec { network, ..spec("i-2") }).unwrap_err();
}

#[test]
fn sandboxes_do_not_meet() {
    let Some(bench) = bench() else { return };
    let one = bench.machine.start(&spec("i-1")).unwrap();
    let two = bench.machine.start(&spec("i-2")).unwrap();
    // Guard: each has users of its own.
    assert!(one.root_uid.abs_diff(two.root_uid) >= 65_536, "{one:?} {two:?}");
    let maps = std::fs::read_to_string(format!("/proc/{}/uid_map", one.init.id)).unwrap();
    let maps: Vec<u32> = maps.split_whitespace().map(|number| number.parse().unwrap()).collect();
    assert_eq!(maps, [0, one.root_uid, 65_536]);
    // Guard: namespaces of System V messages, and of POSIX queues.
    bench.may("i-1", "ipcmk -M 4096");
    assert!(!bench.may("i-2", "ipcs -m").contains("0x"));
}

#[test]
fn capabilities_are_those_that_are_listed() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    // CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_RAW SYS_CHROOT SYS_PTRACE
    // AUDIT_WRITE SETFCAP
    let kept: u64 = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 13, 18, 19, 29, 31].iter().map(|bit| 1u64 << bit).sum();
    for set in ["CapBnd", "CapEff", "CapPrm"] {
        let line = bench.may("i-1", &format!("grep {set} /proc/self/status"));
        assert_eq!(line.trim(), format!("{set}:\t{kept:016x}"));
    }
    assert!(bench.may("i-1", "grep CapInh /proc/self/status").contains("0000000000000000"));
    assert!(bench.may("i-1", "grep Seccomp: /proc/self/status").contains('2'));
    assert!(bench.sh_as("i-1", "33", "grep CapEff /proc/self/status").output.contains("0000000000000000"));
}

#[test]
fn links_on_a_disk_lead_nowhere_when_it_is_somebodys_root() {
    use yakumo_machine::{Disk, Source, Volume};
    let Some(bench) = bench() else { return };
    if let Err(why) = yakumo_machine::Machine::report().disks {
        return println!("SKIPPED: {why}");
    }
    // Two directories of the host, of one file system, as an overlay wants them.
    let host = bench.directory.path().join("host");
    for name in ["upper", "work", "other"] {
        std::fs::create_dir_all(host.join(name)).unwrap();
    }
    std::fs::write(host.join("upper/secret"), "secret").unwrap();
    let entries = || {
        let list = std::process::Command::new("find").arg(&host).output().unwrap();
        String::from_utf8(list.stdout).unwrap()
    };
    let before = entries();
    bench.machine.make_volume("vol-root", 32 << 20).unwrap();
    let owner = Spec { disk: Disk::Volume("vol-root".to_owned()), ..spec("i-1") };
    let source = Source::Volume("vol-root".to_owned());
    let guest =
        Spec { volumes: vec![Volume { source, path: "/mnt/v".to_owned(), read_only: false }], ..spec("i-2") };
    let here = host.display();
    let link = |to: &str, name: &str| format!("rm -r {name} && ln -s {to} {name}");
    // Guard: what is on a disk is opened from its root, and no link is followed.
    for change in [
        format!(
            "{} && {}",
            link(&format!("{here}/upper"), "0/upper"),
            link(&format!("{here}/work"), "0/work")
        ),
        link(&format!("{here}/upper"), "0/upper"),
        link(&format!("../../../../../../../../..{here}/work"), "0/work"),
        link(&format!("{here}/other"), "0"),
        link(&format!("{here}/absent"), "0"),
        "rm -r 0 && touch 0".to_owned(),
    ] {
        // The twin: a disk on which nothing was put in the way.
        bench.machine.start(&owner).unwrap();
        bench.machine.remove("i-1").unwrap();
        bench.machine.start(&guest).unwrap();
        bench.may("i-2", &format!("cd /mnt/v && {change}"));
        bench.machine.remove("i-2").unwrap();
        bench.machine.start(&owner).unwrap_err();
        bench.machine.remove("i-1").unwrap();
        assert_eq!(entries(), before, "{change}");
        bench.machine.start(&guest).unwrap();
        bench.may("i-2", "rm -r /mnt/v/*");
        bench.machine.remove("i-2").unwrap();
    }
}
