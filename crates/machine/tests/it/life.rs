//! A sandbox's life: start, programs, end, start again, removal.

use crate::bench::{PATIENCE, bench, spec, until};
use std::time::Duration;
use yakumo_machine::{Command, Disk, Exit, File, Image, Kind, Lifetime, Status};

#[test]
fn programs_run_in_the_host_image() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    assert_eq!(bench.may("i-1", "echo $$ >/dev/null; id -u; hostname; pwd"), "0\ni-1.internal\n/root\n");
    let python = bench.python("i-1", "import threading, ssl, json\nt = threading.Thread(target=print, args=('hello',))\nt.start(); t.join()");
    assert_eq!((python.exit, python.output.as_str()), (Exit::Code(0), "hello\n"), "{python:?}");
    assert_eq!(bench.sh("i-1", "exit 7").exit, Exit::Code(7));
    assert_eq!(bench.sh("i-1", "kill -9 $$").exit, Exit::Signal(9));
    let error = bench.machine.run(
        "i-1",
        &Command::new(["no-such-program"]),
        yakumo_machine::Streams::Terminal(yakumo_machine::Size { rows: 24, columns: 80 }),
        false,
    );
    assert_eq!(error.unwrap_err().kind, Kind::NotStarted);
}
