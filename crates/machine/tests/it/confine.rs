//! A process of root's that has given up its rights: what it can, and what it cannot.

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::Command;

#[test]
fn what_is_given_up_is_gone_and_the_rest_works() {
    if !rustix::process::geteuid().is_root() {
        println!("SKIPPED: only root has rights to give up");
        return;
    }
    let (own, others) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in("/var/tmp").unwrap());
    std::fs::write(others.path().join("secret"), "x").unwrap();
    std::fs::create_dir(own.path().join("sealed")).unwrap();
    std::fs::write(own.path().join("sealed/file"), "x").unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let _local = UnixListener::bind(own.path().join("socket")).unwrap();
    let port = tcp.local_addr().unwrap().port().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_yakumo-machine-keeper"));
    command.arg("--confined").args([own.path(), others.path()]).arg(port);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text} {}", String::from_utf8_lossy(&output.stderr));
    if text.contains("no Landlock") {
        println!("SKIPPED: {text}");
        return;
    }
    let of =
        |ending: &str| -> Vec<&str> { text.lines().filter_map(|line| line.strip_suffix(ending)).collect() };
    let may = [
        "write in its own",
        "move in its own",
        "move back",
        "read names",
        "pairs",
        "threads",
        "connect",
        "mode",
        "read what is sealed",
    ];
    let may_not = [
        "set-user-id",
        "made with it",
        "write what is sealed",
        "write of others",
        "read of others",
        "list root's",
        "set the kernel",
        "devices",
        "local sockets",
        "run programs",
        "signals",
    ];
    assert_eq!(of(": yes"), may, "{text}");
    assert_eq!(of(": no"), may_not, "{text}");
    // Beside it: whoever has them, can.
    std::fs::write(own.path().join("sealed/file"), "y").unwrap();
    assert!(
        std::fs::read(others.path().join("secret")).is_ok() && Command::new("/bin/true").status().is_ok()
    );
}
