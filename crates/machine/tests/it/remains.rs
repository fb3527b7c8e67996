//! What survives whom, and that nothing is left after removal.

use crate::bench::{PATIENCE, bench, configuration, spec, until};
use std::collections::BTreeSet;
use std::path::Path;
use yakumo_machine::{Command, Disk, Exit, Launch, Machine, Request, Spec, Status};

/// What of the kernel a sandbox could leave behind.
fn remains(name: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    all.extend(
        mounts.lines().map(str::to_owned).filter(|line| line.contains(name) || line.contains("overlay")),
    );
    // Other tests have sandboxes at the same time; ours are known by the machine's directory or name.
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(name) {
            all.insert(format!("process {}", process.path().display()));
        }
    }
    for controller in std::fs::read_dir("/sys/fs/cgroup").unwrap().flatten() {
        for group in std::fs::read_dir(controller.path().join("yakumo")).into_iter().flatten().flatten() {
            if group.file_name().to_string_lossy().starts_with(name) {
                all.insert(format!("group {}", group.path().display()));
            }
        }
    }
    for device in std::fs::read_dir("/sys/block").into_iter().flatten().flatten() {
        let file = std::fs::read_to_string(device.path().join("loop/backing_file")).unwrap_or_default();
        if file.contains(name) {
            all.insert(format!("loop device of {file}"));
        }
    }
    all
}

fn machine(directory: &Path, name: &str) -> Machine {
    let mut configuration = configuration(directory.join(name));
    configuration.name = name.to_owned();
    Machine::open(configuration).unwrap()
}

fn some_disk() -> Disk {
    if Machine::report().disks.is_ok() { Disk::Bytes(32 << 20) } else { Disk::Directory }
}

#[test]
fn fifty_starts_and_removals_leave_nothing() {
    let Some(bench) = bench() else { return };
    let machine = machine(bench.directory.path(), "leak-test");
    let command = Some(Command::new(["sh", "-c", "sleep 100 & mkdir -p /a/b/c; sleep 100"]));
    for round in 0..50 {
        let disk = if round % 10 == 0 { some_disk() } else { Disk::Directory };
        machine.start(&Spec { command: command.clone(), disk, ..spec("i-1") }).unwrap();
        if round == 0 {
            assert!(remains("leak-test").len() >= 4, "what is there is seen: {:?}", remains("leak-test"));
        }
        match round % 3 {
            // They end when they are asked to: nobody is killed, also when it has just begun.
            0 => assert_eq!(machine.stop("i-1", PATIENCE).unwrap().unwrap().init, Exit::Code(0)),
            1 => drop(machine.kill("i-1").unwrap()),
            _ => {}
        }
        machine.remove("i-1").unwrap();
    }
    until("loop devices are freed", || remains("leak-test").is_empty());
    assert_eq!(std::fs::read_dir(bench.directory.path().join("leak-test/sandboxes")).unwrap().count(), 0);
}

#[test]
fn a_killed_starter_leaves_a_sandbox_that_is_found_again() {
    let Some(bench) = bench() else { return };
    // The starter is this test's program, run again for one test only; see `starter`.
    let root = bench.directory.path().join("adopted");
    let mut starter = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "remains::starter", "--nocapture", "--include-ignored"])
        .env("YAKUMO_MACHINE_STARTER", &root)
        .spawn()
        .unwrap();
    until("it runs", || root.join("sandboxes/i-1/state.json").exists());
    starter.kill().unwrap();
    starter.wait().unwrap();
    let machine = Machine::open(configuration(root.clone())).unwrap();
    let list = machine.list().unwrap();
    assert!(matches!(&list[..], [(id, Status::Running(_))] if id == "i-1"), "{list:?}");
    let adopted = crate::bench::Bench { machine, directory: tempfile::tempdir().unwrap() };
    assert_eq!(adopted.may("i-1", "cat /file"), "from the starter\n");
    assert_eq!(adopted.machine.spec("i-1").unwrap(), Some(starters()));
    let end = adopted.machine.stop("i-1", PATIENCE).unwrap().unwrap();
    assert_eq!(end.init, Exit::Code(0));
    // A machine that is opened anew knows how it ended.
    let again = Machine::open(configuration(root)).unwrap();
    assert!(matches!(again.status("i-1").unwrap(), Some(Status::Ended(found)) if found == end));
}

/// The front of the sandboxes that are gone with it; this test's program, run again for one test only.
#[test]
#[ignore = "no test: run by `a_front_that_is_killed_while_sandboxes_start_leaves_nothing`, which kills it"]
fn front() {
    let Some(root) = std::env::var_os("YAKUMO_MACHINE_FRONT").map(std::path::PathBuf::from) else { return };
    let host = yakumo_machine::Host::Agent {
        launch: Launch::program(
            env!("CARGO_BIN_EXE_yakumo-machine-keeper").into(),
            vec!["--agent".to_owned()],
        ),
        run: root.with_extension("run"),
    };
    let name = root.file_name().unwrap().to_str().unwrap().to_owned();
    let sandboxes = yakumo_machine::Sandboxes::new(&name, root, host, false);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let start = |id: &str, disk: Disk| {
            let command = Some(Command::new(["sh", "-c", "sleep 1000 & sleep 1000"]));
            let spec = Spec { command, disk, ..spec(id) };
            let sandboxes = sandboxes.clone();
            tokio::spawn(async move { sandboxes.ask(Request::Start(Box::new(spec))).await })
        };
        let starts =
            [start("i-1", some_disk()), start("i-2", Disk::Directory), start("i-3", Disk::Directory)];
        for start in starts {
            start.await.unwrap().unwrap();
        }
        println!("all run");
        tokio::time::sleep(PATIENCE).await;
    });
}

#[test]
fn a_front_that_is_killed_while_sandboxes_start_leaves_nothing() {
    use std::io::{BufRead, BufReader};
    let Some(bench) = bench() else { return };
    let mut began = 0;
    for round in 0..24u64 {
        let name = format!("killed-{}-{round}", std::process::id());
        let root = bench.directory.path().join(&name);
        let mut front = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "remains::front", "--nocapture", "--include-ignored"])
            .env("YAKUMO_MACHINE_FRONT", &root)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let note = root.with_extension("run").join("machines").join(&name);
        if round == 0 {
            // Once when all run, so that what is looked for can be seen.
            let lines = BufReader::new(front.stdout.take().unwrap()).lines();
            assert!(lines.map_while(Result::ok).any(|line| line.ends_with("all run")));
            assert!(remains(&name).len() >= 3, "{:?}", remains(&name));
        } else {
            until("the agent has its note", || note.exists());
            // Anywhere between the agent's start and the last sandbox's.
            std::thread::sleep(std::time::Duration::from_millis(round * round * 3 % 400));
            began += usize::from(root.join("sandboxes/i-1").exists());
        }
        front.kill().unwrap();
        front.wait().unwrap();
        // The agent's last act.
        until("the agent has ended", || !note.exists());
        assert!(!root.exists(), "round {round}: {:?}", std::fs::read_dir(&root).map(Iterator::count));
        until("loop devices are freed", || remains(&name).is_empty());
    }
    assert!(began > 0, "no sandbox was ever about to start: nothing is proved");
}

fn starters() -> Spec {
    Spec {
        command: Some(Command::new(["sh", "-c", "echo from the starter > /file; sleep 1000"])),
        ..spec("i-1")
    }
}

#[test]
#[ignore = "no test: run by `a_killed_starter_leaves_a_sandbox_that_is_found_again`, which kills it"]
fn starter() {
    let Some(root) = std::env::var_os("YAKUMO_MACHINE_STARTER") else { return };
    let machine = Machine::open(configuration(root.into())).unwrap();
    machine.start(&starters()).unwrap();
    std::thread::sleep(PATIENCE);
}

#[test]
fn a_killed_keeper_takes_its_sandbox_along_and_the_rest_is_swept() {
    let Some(bench) = bench() else { return };
    let machine = machine(bench.directory.path(), "keeper-test");
    let disk = some_disk();
    let state = machine.start(&Spec { disk: disk.clone(), ..spec("i-1") }).unwrap();
    std::process::Command::new("kill").args(["-9", &state.keeper.id.to_string()]).status().unwrap();
    until("the init has gone", || !Path::new(&format!("/proc/{}", state.init.id)).exists());
    until("it is lost", || matches!(machine.status("i-1").unwrap(), Some(Status::Lost)));
    let groups = |name: &str| remains(name).iter().any(|line| line.starts_with("group"));
    assert!(groups("keeper-test"), "nobody has removed its groups");
    drop(machine);
    let machine = self::machine(bench.directory.path(), "keeper-test");
    assert!(!groups("keeper-test"));
    // It can be started again.
    machine.start(&Spec { disk, ..spec("i-1") }).unwrap();
    machine.remove("i-1").unwrap();
    until("nothing is left", || remains("keeper-test").is_empty());
}

#[test]
fn a_deep_disk_is_removed_too() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    let deep = "import os\nfor n in range(3000):\n  os.mkdir('d' * 50); os.chdir('d' * 50)\n  if n % 100 == 0: open('f', 'w').close()";
    let said = bench.python("i-1", deep);
    assert_eq!(said.exit, Exit::Code(0), "{said:?}");
    bench.machine.remove("i-1").unwrap();
    assert!(bench.machine.status("i-1").unwrap().is_none());
}

#[test]
fn two_machines_of_one_name_do_not_meet() {
    let Some(bench) = bench() else { return };
    let name = configuration(bench.directory.path().join("twin"));
    let twin = Machine::open(name).unwrap();
    bench.start("i-1");
    twin.start(&spec("i-1")).unwrap();
    twin.remove("i-1").unwrap();
    assert_eq!(bench.may("i-1", "echo lives"), "lives\n");
}

#[test]
#[ignore = "a measurement: run it with `cargo test -p yakumo-machine --test it how_fast -- --ignored --nocapture`"]
fn how_fast_a_command_starts() {
    let Some(bench) = bench() else { return };
    let spec = Spec { command: Some(Command::new(["true"])), ..spec("i-1") };
    bench.machine.start(&spec).unwrap();
    bench.machine.remove("i-1").unwrap();
    let mut times: Vec<_> = (0..20)
        .map(|_| {
            let began = std::time::Instant::now();
            bench.machine.start(&spec).unwrap();
            let took = began.elapsed();
            bench.machine.remove("i-1").unwrap();
            took
        })
        .collect();
    times.sort();
    println!(
        "start to a running command, of 20: fastest {:?}, median {:?}, slowest {:?}",
        times[0], times[10], times[19]
    );
}
