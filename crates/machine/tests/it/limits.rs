//! What a sandbox may use, and that it may use no more. What is held is held by control groups, file systems and ulimits.

use crate::bench::{bench, spec, until};
use yakumo_machine::{Command, Disk, Exit, Limits, Machine, Spec};

#[test]
fn a_memory_hog_is_killed_alone() {
    let Some(bench) = bench() else { return };
    let limits = Limits { memory_bytes: 64 << 20, ..Limits::default() };
    bench.machine.start(&Spec { limits, ..spec("i-1") }).unwrap();
    let hog =
        |megabytes: u32| bench.python("i-1", &format!("x = b'x' * ({megabytes} << 20); print(len(x) >> 20)"));
    assert_eq!(hog(32).output, "32\n");
    let killed = hog(128);
    assert_eq!((killed.exit, killed.output.as_str()), (Exit::Signal(9), ""), "{killed:?}");
    // The sandbox lives on, and knows why.
    assert_eq!(bench.may("i-1", "echo on"), "on\n");
    assert!(bench.machine.usage("i-1").unwrap().out_of_memory_kills >= 1);
    // Shared memory is memory.
    let shared = bench.sh("i-1", "head -c 100M /dev/zero > /dev/shm/file");
    assert_ne!(shared.exit, Exit::Code(0), "{shared:?}");
    let end = bench.machine.kill("i-1").unwrap().unwrap();
    assert!(end.out_of_memory_kills >= 1, "{end:?}");
}

#[test]
fn a_fork_bomb_stays_inside() {
    let Some(bench) = bench() else { return };
    let limits = Limits { processes: 40, ..Limits::default() };
    bench.machine.start(&Spec { limits, ..spec("i-1") }).unwrap();
    let bomb = "import os, time\nn = 0\ntry:\n  while True:\n    if os.fork() == 0: time.sleep(1000)\n    n += 1\nexcept OSError as e: print(n, e.errno, flush=True)\nos.killpg(0, 9)";
    let said = bench.python("i-1", bomb);
    let (count, errno) = said.output.trim().split_once(' ').unwrap();
    assert!((20..40).contains(&count.parse::<u32>().unwrap()) && errno == "11", "{said:?}");
    until("it is over", || bench.machine.usage("i-1").unwrap().processes < 5);
    // One that never ends: the sandbox can still be killed, and the host starts others.
    let null = || std::fs::File::options().read(true).write(true).open("/dev/null").unwrap().into();
    let streams = yakumo_machine::Streams::Three { input: null(), output: null(), errors: null() };
    let bomb = Command::new(["bash", "-c", "b() { b | b & }; b; while :; do b; done"]);
    let _bomb = bench.machine.run("i-1", &bomb, streams, true).unwrap();
    until("it is full", || bench.machine.usage("i-1").unwrap().processes >= 38);
    bench.start("i-2").may("i-2", "true");
    bench.machine.kill("i-1").unwrap();
}

#[test]
fn a_disk_filler_fills_its_own_disk() {
    let Some(bench) = bench() else { return };
    if let Err(why) = Machine::report().disks {
        return println!("SKIPPED: {why}");
    }
    let disk = Disk::Bytes(48 << 20);
    bench.machine.start(&Spec { disk, ..spec("i-1") }).unwrap();
    bench.may("i-1", "head -c 20M /dev/zero > /file");
    bench.may_not("i-1", "head -c 60M /dev/zero > /usr/local/large", "No space left");
    bench.may("i-1", "rm /usr/local/large");
    // Names are as limited as bytes.
    let many = bench.python("i-1", "import errno\ntry:\n  for n in range(200000): open('/tmp/%d' % n, 'w').close()\nexcept OSError as e: print(errno.errorcode[e.errno])");
    assert_eq!(many.output, "ENOSPC\n", "{many:?}");
    let file = bench.machine.disk("i-1").unwrap().unwrap();
    assert_eq!(std::fs::metadata(file).unwrap().len(), 48 << 20);
}

#[test]
fn processor_time_has_a_ceiling() {
    let Some(bench) = bench() else { return };
    let limits = Limits { cpu_thousandths: Some(200), ..Limits::default() };
    bench.machine.start(&Spec { limits, ..spec("i-1") }).unwrap();
    // Half a second of work at a fifth of a processor: the kernel counts how often it was held back, whatever else the host does.
    let work = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass";
    assert_eq!(bench.python("i-1", work).exit, Exit::Code(0));
    assert!(bench.machine.usage("i-1").unwrap().cpu_us >= 500_000);
    assert!(bench.machine.usage("i-1").unwrap().held_back >= 10, "{:?}", bench.machine.usage("i-1"));
    bench.start("i-2");
    assert_eq!(bench.python("i-2", work).exit, Exit::Code(0));
    assert_eq!(bench.machine.usage("i-2").unwrap().held_back, 0);
}

#[test]
fn files_and_cores_are_limited() {
    let Some(bench) = bench() else { return };
    let limits = Limits { open_files: 128, ..Limits::default() };
    bench.machine.start(&Spec { limits, ..spec("i-1") }).unwrap();
    assert_eq!(bench.may("i-1", "ulimit -n; ulimit -c"), "128\n0\n");
    bench.may_not("i-1", "ulimit -n 129", "");
    let open = "n = []\ntry:\n  while True: n.append(open('/dev/null'))\nexcept OSError as e: print(e.errno, len(n) < 128)";
    assert_eq!(bench.python("i-1", open).output, "24 True\n");
}

#[test]
fn a_console_that_is_flooded_costs_little() {
    let Some(bench) = bench() else { return };
    let command = Some(Command::new(["sh", "-c", "yes | head -c 3M; echo; echo the end"]));
    bench.machine.start(&Spec { command, ..spec("i-1") }).unwrap();
    until("the end", || bench.machine.console("i-1", 8).unwrap() == b"the end\n");
    let all = bench.machine.console("i-1", usize::MAX).unwrap();
    assert!(all.len() < (2 << 20) + (128 << 10), "{}", all.len());
}

#[test]
fn an_idle_sandbox_uses_no_processor() {
    let Some(bench) = bench() else { return };
    let state = bench.machine.start(&spec("i-1")).unwrap();
    let ticks = |process: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/schedstat")).unwrap();
        stat.split(' ').nth(2).unwrap().trim().parse::<u64>().unwrap()
    };
    bench.may("i-1", "true");
    // How often each was given the processor: once it waits, not again.
    let (keeper, init) = (state.keeper.id, state.init.id);
    let mut last = (0, 0);
    until("both wait", || std::mem::replace(&mut last, (ticks(keeper), ticks(init))) == last);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!((ticks(keeper), ticks(init)), last);
}
