//! All volumes at one moment: saved while sandboxes write, put back, and what is cut off.

use crate::bench::{Bench, bench, configuration, spec, until};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use yakumo_machine::{Disk, Error, Kind, Machine, Source, Spec, Volume};

/// Saves, and does something while all stands still.
fn save(bench: &Bench, to: &Path, still: impl FnOnce(&mut UnixStream) -> bool) -> Result<(), Error> {
    std::fs::create_dir(to).unwrap();
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    std::thread::scope(|scope| {
        let saving = scope.spawn(|| bench.machine.save_volumes(to, theirs.into()));
        if matches!(ours.read(&mut [0; 1]), Ok(1)) && still(&mut ours) {
            // Whoever was killed does not hear it.
            ours.write_all(b"g").ok();
        } else {
            drop(ours);
        }
        saving.join().unwrap()
    })
}

fn instance(bench: &Bench) -> bool {
    if let Err(why) = Machine::report().disks {
        println!("SKIPPED: {why}");
        return false;
    }
    for id in ["vol-root", "vol-data", "vol-rest"] {
        bench.machine.make_volume(id, 32 << 20).unwrap();
    }
    start(bench);
    true
}

fn start(bench: &Bench) {
    let path = "/mnt/sdf".to_owned();
    let data = Volume { source: Source::Volume("vol-data".to_owned()), path, read_only: false };
    let disk = Disk::Volume("vol-root".to_owned());
    bench.machine.start(&Spec { volumes: vec![data], disk, ..spec("i-1") }).unwrap();
}

#[test]
fn what_is_saved_comes_back_together() {
    let Some(bench) = bench() else { return };
    if !instance(&bench) {
        return;
    }
    // Numbers go to one disk and then to the other one: at no moment is the second one ahead.
    bench.may("i-1", "echo before >/file; echo before >/mnt/sdf/file; \
        (n=0; while n=$((n+1)); do echo $n >/n; sync /n; echo $n >/mnt/sdf/n; sync /mnt/sdf/n; done) >/dev/null 2>&1 &");
    until("it writes", || bench.may("i-1", "cat /mnt/sdf/n 2>/dev/null || true").trim() > "");
    let saved = bench.directory.path().join("saved");
    save(&bench, &saved, |_| {
        // A volume that goes now is saved all the same.
        bench.machine.remove_volume("vol-rest").unwrap();
        true
    })
    .unwrap();
    let mut names: Vec<_> =
        std::fs::read_dir(&saved).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["vol-data.img", "vol-rest.img", "vol-root.img"]);
    // They go on writing.
    let now = || bench.may("i-1", "cat /mnt/sdf/n").trim().parse::<u64>().unwrap_or(0);
    let number = now();
    until("it writes on", || now() > number);
    bench.may("i-1", "echo after >/file; echo after >/mnt/sdf/file; sync");

    // Ready in its place, and nothing has happened yet.
    let root = bench.directory.path().join("machine");
    Machine::place_volumes(Some(&saved), &root.join("next-g1"), "g1").unwrap();
    assert_eq!(bench.may("i-1", "cat /file"), "after\n");
    // Another one that was never finished goes.
    std::fs::create_dir(root.join("next-g0")).unwrap();
    bench.machine.settle("g1").unwrap();
    assert!(bench.machine.list().unwrap().is_empty());
    assert_eq!(bench.machine.volumes().unwrap(), ["vol-data", "vol-rest", "vol-root"]);
    start(&bench);
    assert_eq!(bench.may("i-1", "cat /file /mnt/sdf/file"), "before\nbefore\n");
    let both = bench.may("i-1", "cat /n /mnt/sdf/n");
    let both: Vec<u64> = both.lines().map(|line| line.parse().unwrap()).collect();
    assert!(both[0] == both[1] || both[0] == both[1] + 1, "{both:?}");
    // Asked again, as by a start that does not know that it is done: what runs is left alone.
    bench.machine.settle("g1").unwrap();
    assert_eq!(bench.may("i-1", "cat /file"), "before\n");
    let left: Vec<_> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("next-")), "{left:?}");
}

#[test]
fn a_replacement_that_was_cut_off_is_finished_or_given_up_at_the_next_start() {
    let Some(bench) = bench() else { return };
    if !instance(&bench) {
        return;
    }
    let root = bench.directory.path().join("machine");
    let open = |generation: Option<&str>| {
        let generation = generation.map(str::to_owned);
        Machine::open(yakumo_machine::Configuration { generation, ..configuration(root.clone()) }).unwrap()
    };
    Machine::place_volumes(None, &root.join("next-g1"), "g1").unwrap();
    // Who does not know which one is right leaves all as it is.
    assert_eq!(open(None).volumes().unwrap().len(), 3);
    assert!(root.join("next-g1").exists());
    // The records are of before: it never was.
    assert_eq!(open(Some("first")).volumes().unwrap().len(), 3);
    assert!(!root.join("next-g1").exists());
    assert_eq!(bench.may("i-1", "echo lives"), "lives\n");
    // The records are of after.
    Machine::place_volumes(None, &root.join("next-g2"), "g2").unwrap();
    let machine = open(Some("g2"));
    assert!(machine.volumes().unwrap().is_empty() && machine.list().unwrap().is_empty());
    assert!(!root.join("next-g2").exists());
}

#[test]
fn what_is_not_saved_goes_on() {
    let Some(bench) = bench() else { return };
    if !instance(&bench) {
        return;
    }
    let writes = || bench.may("i-1", "echo more >>/file && echo more >>/mnt/sdf/file && sync && echo wrote");
    // Nobody waits for it.
    let error = save(&bench, &bench.directory.path().join("a"), |_| false).unwrap_err();
    assert!(error.message.contains("nobody waits"), "{error}");
    assert_eq!(writes(), "wrote\n");
    // The helper is killed while all stands still.
    let to = bench.directory.path().join("b");
    let killed = save(&bench, &to, |_| {
        let path = to.to_str().unwrap();
        let found =
            std::process::Command::new("pgrep").args(["-f", &format!("Save.*{path}")]).output().unwrap();
        let id = String::from_utf8(found.stdout).unwrap();
        let ids: Vec<&str> = id.split_whitespace().collect();
        assert_eq!(ids.len(), 1, "the helper is found: {id:?}");
        std::process::Command::new("kill").arg("-9").args(ids).status().unwrap().success()
    });
    assert_eq!(killed.unwrap_err().kind, Kind::Failed);
    assert_eq!(writes(), "wrote\n");
    // There is no room.
    let small = bench.directory.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let mount = |arguments: &[&str]| std::process::Command::new(arguments[0]).args(&arguments[1..]).status();
    let path = small.to_str().unwrap();
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", path]).is_ok_and(|status| status.success())
    {
        return println!("SKIPPED: a small file system cannot be mounted here");
    }
    let refused = save(&bench, &small.join("c"), |_| panic!("nothing stands still for it"));
    let left = std::fs::read_dir(small.join("c")).unwrap().count();
    mount(&["umount", path]).unwrap();
    assert!(refused.as_ref().unwrap_err().message.starts_with("there is no room for copies"), "{refused:?}");
    assert_eq!((left, writes().as_str()), (0, "wrote\n"));
}
