//! A sandbox's life: start, programs, end, start again, removal.

use crate::bench::{Bench, PATIENCE, bench, spec, until};
use std::io::{Read, Write};
use std::time::Duration;
use yakumo_machine::{Command, Disk, Exit, File, Image, Kind, Lifetime, Size, Spec, Status, Streams};

#[test]
fn programs_run_in_the_host_image() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    assert_eq!(bench.may("i-1", "id -u; hostname; pwd"), "0\ni-1.internal\n/root\n");
    let threads = "import threading, ssl, json\nt = threading.Thread(target=print, args=('hello',))\nt.start(); t.join()";
    let python = bench.python("i-1", threads);
    assert_eq!((python.exit, python.output.as_str()), (Exit::Code(0), "hello\n"), "{python:?}");
    assert_eq!(bench.sh("i-1", "exit 7").exit, Exit::Code(7));
    assert_eq!(bench.sh("i-1", "kill -9 $$").exit, Exit::Signal(9));
    let streams = Streams::Terminal(Size { rows: 24, columns: 80 });
    let error = bench.machine.run("i-1", &Command::new(["no-such-program"]), streams, false);
    assert_eq!(error.unwrap_err().kind, Kind::NotStarted);
    if std::path::Path::new("/usr/bin/node").exists() {
        assert_eq!(bench.may("i-1", "node -e 'console.log(6 * 7)'"), "42\n");
    }
    assert!(bench.may("i-1", "cat /etc/os-release").contains("yakumo host image"));
}

#[test]
fn programs_run_in_the_busybox_image() {
    let Some(bench) = bench() else { return };
    let spec = Spec { image: Image::Busybox, ..spec("i-1") };
    match bench.machine.start(&spec) {
        Err(error) if error.kind == Kind::Unsupported => return println!("SKIPPED: {error}"),
        started => started.unwrap(),
    };
    assert_eq!(bench.may("i-1", "ls /; echo $0").lines().last(), Some("sh"));
    assert_eq!(bench.sh("i-1", "python3 -V").exit, Exit::Code(127));
    // Nothing of the host's /usr is there.
    assert_eq!(bench.may("i-1", "ls /usr"), "bin\nsbin\n");
}

#[test]
fn a_directory_is_an_image_and_stays_as_it_is() {
    let Some(bench) = bench() else { return };
    let root = bench.directory.path().join("image");
    std::fs::create_dir_all(root.join("bin")).unwrap();
    if std::fs::copy("/bin/busybox", root.join("bin/sh")).is_err() {
        return println!("SKIPPED: this host has no /bin/busybox");
    }
    std::fs::write(root.join("mine"), "1").unwrap();
    let missing = bench.machine.prepare(&Image::Layers(vec![root.join("missing")]));
    assert_eq!(missing.unwrap_err().kind, Kind::Invalid);
    let image = Image::Layers(vec![root.clone()]);
    bench.machine.prepare(&image).unwrap();
    bench.machine.start(&Spec { image, ..spec("i-1") }).unwrap();
    bench.may("i-1", "echo 2 > /mine; echo 3 > /new");
    assert_eq!(std::fs::read_to_string(root.join("mine")).unwrap(), "1");
    assert!(!root.join("new").exists() && !root.join("proc").exists());
}

#[test]
fn a_disk_survives_stop_and_start_and_not_removal() {
    let Some(bench) = bench() else { return };
    for disk in [Disk::Directory, Disk::Bytes(64 << 20)] {
        if let (Disk::Bytes(_), Err(why)) = (&disk, yakumo_machine::Machine::report().disks) {
            println!("SKIPPED: {why}");
            continue;
        }
        let spec = Spec { disk, ..spec("i-1") };
        bench.machine.start(&spec).unwrap();
        assert_eq!(bench.machine.start(&spec).unwrap_err().kind, Kind::Running);
        bench.may(
            "i-1",
            "echo kept > /root/file; echo kept > /usr/local/bin/tool; rm /usr/bin/yes; echo gone > /run/file",
        );
        bench.may("i-1", "useradd -m ann && su ann -c 'echo hers > ~/file'; sync");
        let end = bench.machine.stop("i-1", Duration::from_secs(20)).unwrap().unwrap();
        assert_eq!(end.init, Exit::Code(0), "its processes ended when they were asked");
        assert!(matches!(bench.machine.status("i-1").unwrap(), Some(Status::Ended(_))));
        let refused = bench.machine.put("i-1", File::new("/x", "x"));
        assert_eq!(refused.unwrap_err().kind, Kind::NotRunning);
        bench.machine.start(&spec).unwrap();
        assert_eq!(
            bench.may("i-1", "cat /root/file /usr/local/bin/tool; stat -c %U ~ann/file"),
            "kept\nkept\nann\n"
        );
        bench.may_not("i-1", "cat /run/file", "No such file");
        bench.may_not("i-1", "ls /usr/bin/yes", "No such file");
        bench.machine.remove("i-1").unwrap();
        assert!(bench.machine.status("i-1").unwrap().is_none());
        bench.machine.start(&spec).unwrap();
        bench.may_not("i-1", "cat /root/file", "No such file");
        bench.machine.remove("i-1").unwrap();
    }
}

#[test]
fn a_disk_grows_and_does_not_shrink() {
    let Some(bench) = bench() else { return };
    if let Err(why) = yakumo_machine::Machine::report().disks {
        return println!("SKIPPED: {why}");
    }
    let with = |bytes| Spec { disk: Disk::Bytes(bytes), ..spec("i-1") };
    let size =
        |bench: &Bench| bench.may("i-1", "df -m --output=size / | tail -1").trim().parse::<u64>().unwrap();
    bench.machine.start(&with(64 << 20)).unwrap();
    assert!((40..64).contains(&size(&bench)), "{}", size(&bench));
    bench.may("i-1", "echo kept > /file");
    bench.machine.kill("i-1").unwrap();
    bench.machine.start(&with(256 << 20)).unwrap();
    assert!((180..256).contains(&size(&bench)), "{}", size(&bench));
    assert_eq!(bench.may("i-1", "cat /file"), "kept\n");
    bench.machine.kill("i-1").unwrap();
    assert_eq!(bench.machine.start(&with(64 << 20)).unwrap_err().kind, Kind::Invalid);
}

#[test]
fn the_first_command_speaks_to_the_console_and_may_be_the_end() {
    let Some(bench) = bench() else { return };
    let command = Command::new(["sh", "-c", "echo out; echo err >&2; echo direct > /dev/console; exit 3"]);
    let ends = Spec { command: Some(command), lifetime: Lifetime::WithCommand, ..spec("i-1") };
    bench.machine.start(&ends).unwrap();
    assert!(bench.machine.wait("i-1", PATIENCE).unwrap());
    let Some(Status::Ended(end)) = bench.machine.status("i-1").unwrap() else { panic!("it does not end") };
    assert_eq!((end.command, end.init), (Some(Exit::Code(3)), Exit::Code(3)));
    assert_eq!(bench.machine.console("i-1", 1000).unwrap(), b"out\nerr\ndirect\n");
    assert_eq!(bench.machine.console("i-1", 4).unwrap(), b"ect\n");
    // Another one stays, whatever its command does.
    bench.machine.start(&Spec { lifetime: Lifetime::UntilStopped, ..ends }).unwrap();
    until("the command's end is on the console", || {
        bench.machine.console("i-1", 15).unwrap() == b"out\nerr\ndirect\n"
    });
    bench.may("i-1", "true");
}

#[test]
fn a_command_that_cannot_start_leaves_nothing() {
    let Some(bench) = bench() else { return };
    let command = Some(Command::new(["/no/such/program"]));
    let error = bench.machine.start(&Spec { command, ..spec("i-1") }).unwrap_err();
    assert_eq!(error.kind, Kind::NotStarted, "{error}");
    assert!(bench.machine.status("i-1").unwrap().is_none());
    let unknown = Command { user: Some("nobody-knows".to_owned()), ..Command::new(["true"]) };
    let error = bench.machine.start(&Spec { command: Some(unknown), ..spec("i-1") }).unwrap_err();
    assert!(error.message.contains("nobody-knows"), "{error}");
}

#[test]
fn signals_reach_the_group_of_a_program() {
    let Some(bench) = bench() else { return };
    let script = "trap 'echo heard; exit 5' USR1; echo ready; while :; do sleep 0.01; done";
    let command = Some(Command::new(["sh", "-c", script]));
    bench.machine.start(&Spec { command, ..spec("i-1") }).unwrap();
    until("ready", || bench.machine.console("i-1", 100).unwrap() == b"ready\n");
    bench.machine.signal("i-1", 10).unwrap();
    // A shell may say more about the signal.
    until("heard", || bench.machine.console("i-1", 100).unwrap().ends_with(b"heard\n"));
}

#[test]
fn who_does_not_end_when_asked_is_killed() {
    let Some(bench) = bench() else { return };
    let command =
        Some(Command::new(["sh", "-c", "trap '' TERM HUP; echo deaf; while :; do sleep 100; done"]));
    bench.machine.start(&Spec { command, ..spec("i-1") }).unwrap();
    until("deaf", || bench.machine.console("i-1", 100).unwrap() == b"deaf\n");
    // It forgets that it is to ignore the signal in what it starts, so the shell alone stays.
    let end = bench.machine.stop("i-1", Duration::from_millis(300)).unwrap().unwrap();
    assert_eq!(end.init, Exit::Signal(9));
}

#[test]
fn who_is_inside_can_shut_down_and_reboot_even_beside_the_deaf() {
    let Some(bench) = bench() else { return };
    let deaf = "trap '' TERM HUP; echo deaf; while :; do sleep 100; done";
    for (signal, code) in [("TERM", 0), ("INT", yakumo_machine::REBOOT)] {
        let command = Some(Command::new(["sh", "-c", deaf]));
        bench.machine.start(&Spec { command, ..spec("i-1") }).unwrap();
        until("deaf", || bench.machine.console("i-1", 5).unwrap() == b"deaf\n");
        // It may be ended before it can tell.
        bench.sh("i-1", &format!("kill -{signal} 1"));
        assert!(bench.machine.wait("i-1", PATIENCE).unwrap());
        let Some(Status::Ended(end)) = bench.machine.status("i-1").unwrap() else {
            panic!("it does not end")
        };
        assert_eq!(end.init, Exit::Code(code));
    }
}

#[test]
fn a_program_has_a_terminal_and_is_hung_up() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    let streams = Streams::Terminal(Size { rows: 33, columns: 99 });
    let program = bench.machine.run("i-1", &Command::new(["sh", "-i"]), streams, false).unwrap();
    let mut terminal = program.terminal.as_ref().unwrap().try_clone().unwrap();
    terminal.write_all(b"tty; stty size; echo 'the'' end'\n").unwrap();
    let mut text = String::new();
    until("the end", || {
        let mut buffer = [0; 1024];
        let count = terminal.read(&mut buffer).unwrap();
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        text.contains("the end")
    });
    assert!(text.contains("/dev/pts/") && text.contains("33 99"), "{text}");
    let inside = program.process;
    let there = |bench: &Bench| bench.sh("i-1", &format!("kill -0 {inside}")).exit == Exit::Code(0);
    assert!(there(&bench));
    drop((program, terminal));
    until("it is hung up", || !there(&bench));
    // One that stays is not.
    let (input, _feed) = std::io::pipe().unwrap();
    let null = || std::fs::File::options().write(true).open("/dev/null").unwrap().into();
    let streams = Streams::Three { input: input.into(), output: null(), errors: null() };
    let program = bench.machine.run("i-1", &Command::new(["sleep", "100"]), streams, true).unwrap();
    let stays = program.process;
    drop(program);
    assert_eq!(bench.sh("i-1", &format!("sleep 0.1; kill -0 {stays}")).exit, Exit::Code(0));
}

#[test]
fn orphans_are_waited_for() {
    let Some(bench) = bench() else { return };
    bench.start("i-1");
    bench.may("i-1", "for i in 1 2 3 4 5; do (sleep 0.05 &) ; done");
    until("no zombies", || !bench.may("i-1", "cat /proc/[0-9]*/stat").contains(") Z "));
    assert_eq!(bench.may("i-1", "cat /proc/1/comm"), "yakumo-keeper\n");
}

#[test]
fn volumes_are_seen_where_they_belong() {
    use yakumo_machine::{Source, Volume};
    let Some(bench) = bench() else { return };
    let data = bench.directory.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("file"), "data").unwrap();
    let at = |path: &str, read_only| Volume {
        source: Source::Directory(data.clone()),
        path: path.to_owned(),
        read_only,
    };
    let mut volumes = vec![at("/mnt/data", false), at("/mnt/fixed", true)];
    if yakumo_machine::Machine::report().disks.is_ok() {
        let file = bench.directory.path().join("volume");
        yakumo_machine::block::create(&file, 32 << 20).unwrap();
        volumes.push(Volume {
            source: Source::Block(file),
            path: "/data/block".to_owned(),
            read_only: false,
        });
    }
    let blocks = volumes.len() == 3;
    let spec = Spec { volumes, ..spec("i-1") };
    bench.machine.start(&spec).unwrap();
    bench.may("i-1", "cat /mnt/data/file && echo more > /mnt/data/more && chown 7 /mnt/data/more");
    bench.may_not("i-1", "echo x > /mnt/fixed/file", "Read-only");
    use std::os::unix::fs::MetadataExt;
    assert_eq!(
        std::fs::metadata(data.join("more")).unwrap().uid(),
        7,
        "as inside, for whoever gets the volume next"
    );
    if blocks {
        bench.may("i-1", "echo kept > /data/block/file");
        bench.machine.kill("i-1").unwrap();
        bench.machine.start(&spec).unwrap();
        assert_eq!(bench.may("i-1", "cat /data/block/file"), "kept\n");
    }
}

#[test]
fn the_root_can_be_read_only_or_memory() {
    let Some(bench) = bench() else { return };
    bench.machine.start(&Spec { disk: Disk::ReadOnly, ..spec("i-1") }).unwrap();
    bench.may_not("i-1", "touch /file", "Read-only");
    bench.may_not("i-1", "touch /usr/file", "Read-only");
    bench.may("i-1", "touch /tmp/file /run/file /dev/shm/file");
    bench.machine.remove("i-1").unwrap();
    let memory = Spec { disk: Disk::Memory(16 << 20), ..spec("i-1") };
    bench.machine.start(&memory).unwrap();
    bench.may("i-1", "touch /file /usr/file");
    bench.may_not("i-1", "head -c 20M /dev/zero > /large", "No space left");
    bench.machine.kill("i-1").unwrap();
    bench.machine.start(&memory).unwrap();
    bench.may_not("i-1", "ls /file", "No such file");
}

#[test]
fn volumes_come_and_go_while_it_runs() {
    use yakumo_machine::{Source, Volume, block};
    let Some(bench) = bench() else { return };
    if let Err(why) = yakumo_machine::Machine::report().disks {
        return println!("SKIPPED: {why}");
    }
    bench.start("i-1").start("i-2");
    let file = bench.directory.path().join("volume");
    block::create(&file, 32 << 20).unwrap();
    let volume =
        Volume { source: Source::Block(file.clone()), path: "/mnt/vol".to_owned(), read_only: false };
    bench.machine.attach("i-1", &volume).unwrap();
    bench.may("i-1", "echo kept > /mnt/vol/file && chown 33 /mnt/vol/file && df /mnt/vol | grep -q /mnt/vol");
    // In use it stays, unless it is forced; and only volumes can be taken away.
    let null = || std::fs::File::options().read(true).write(true).open("/dev/null").unwrap().into();
    let streams = Streams::Three { input: null(), output: null(), errors: null() };
    let user = Command { directory: Some("/mnt/vol".to_owned()), ..Command::new(["sleep", "100"]) };
    let user = bench.machine.run("i-1", &user, streams, false).unwrap();
    let busy = bench.machine.detach("i-1", "/mnt/vol", false).unwrap_err();
    assert!(busy.message.contains("busy"), "{busy}");
    user.signal(9).unwrap();
    assert_eq!(user.wait(PATIENCE).unwrap(), Some(Exit::Signal(9)));
    bench.may("i-1", "ln -s /proc/sys /mnt/trap; ln -s / /mnt/up");
    for path in ["/mnt/trap", "/mnt/up", "/proc/sys", "/proc", "/sys", "/dev", "/etc"] {
        assert_eq!(bench.machine.detach("i-1", path, true).unwrap_err().kind, Kind::Invalid, "{path}");
    }
    bench.machine.detach("i-1", "/mnt/vol", false).unwrap();
    assert_eq!(bench.may("i-1", "ls /mnt/vol"), "");
    // What it was before it is elsewhere, with the owners that it had.
    bench.machine.attach("i-2", &volume).unwrap();
    assert_eq!(bench.may("i-2", "cat /mnt/vol/file; stat -c %U /mnt/vol/file"), "kept\nwww-data\n");
    bench.machine.detach("i-2", "/mnt/vol", true).unwrap();
    let none = bench.machine.attach("i-3", &volume).unwrap_err();
    assert_eq!(none.kind, Kind::NotRunning);
    // Copies are what the volume was.
    let copy = bench.directory.path().join("copy");
    block::copy(&file, &copy).unwrap();
    use std::os::unix::fs::MetadataExt;
    assert!(std::fs::metadata(&copy).unwrap().blocks() * 512 < 16 << 20, "holes are holes");
    let volume = Volume { source: Source::Block(copy), path: "/mnt/copy".to_owned(), read_only: true };
    bench.machine.attach("i-2", &volume).unwrap();
    assert_eq!(bench.may("i-2", "cat /mnt/copy/file"), "kept\n");
    bench.may_not("i-2", "rm /mnt/copy/file", "Read-only");
}

#[test]
fn a_disk_can_be_copied_for_another_sandbox() {
    let Some(bench) = bench() else { return };
    if let Err(why) = yakumo_machine::Machine::report().disks {
        return println!("SKIPPED: {why}");
    }
    let with = |id: &str| Spec { disk: Disk::Bytes(64 << 20), ..spec(id) };
    bench.machine.start(&with("i-1")).unwrap();
    bench.may("i-1", "echo kept > /file; rm /usr/bin/yes");
    bench.machine.stop("i-1", PATIENCE).unwrap();
    let disk = bench.machine.disk("i-1").unwrap().unwrap();
    bench.machine.give_disk("i-2", &disk).unwrap();
    bench.machine.give_disk("i-2", &disk).unwrap_err();
    bench.machine.start(&with("i-2")).unwrap();
    assert_eq!(bench.may("i-2", "cat /file"), "kept\n");
    bench.may_not("i-2", "ls /usr/bin/yes", "No such file");
}

#[test]
fn volumes_with_ids_are_copied_and_grown_while_they_are_in_use() {
    use yakumo_machine::{Source, Volume};
    let Some(bench) = bench() else { return };
    if let Err(why) = yakumo_machine::Machine::report().disks {
        return println!("SKIPPED: {why}");
    }
    let machine = &bench.machine;
    for id in ["vol-root", "vol-data"] {
        machine.make_volume(id, 32 << 20).unwrap();
    }
    let data = |id: &str| Volume {
        source: Source::Volume(id.to_owned()),
        path: "/mnt/sdf".to_owned(),
        read_only: false,
    };
    let with = |id: &str, disk: &str| Spec { disk: Disk::Volume(disk.to_owned()), ..spec(id) };
    machine.start(&Spec { volumes: vec![data("vol-data")], ..with("i-1", "vol-root") }).unwrap();
    bench.may("i-1", "echo kept > /mnt/sdf/file; echo root > /file");
    // It is there already: asking again changes nothing.
    machine.attach("i-1", &data("vol-data")).unwrap();
    machine.make_volume("vol-data", 64 << 20).unwrap();
    assert_eq!(bench.may("i-1", "cat /mnt/sdf/file; grep -c sdf /proc/mounts"), "kept\n1\n");
    // Copies of what is mounted, of one moment, and larger ones.
    machine.copy_volume("vol-data", "snap-1", 0).unwrap();
    machine.copy_volume("vol-root", "vol-root-2", 64 << 20).unwrap();
    // Of several at once, as of one moment: whoever writes to one after the other is never seen the other way round.
    let write = "for n in $(seq 1 100000); do echo $n > /new && mv /new /n; echo $n > /mnt/sdf/new && mv /mnt/sdf/new /mnt/sdf/n; done";
    bench.may("i-1", &format!("({write}) > /dev/null 2>&1 & echo $! > /writer"));
    bench.may("i-1", "while ! test -e /mnt/sdf/n; do sleep 0.01; done");
    let both = |to: &str| {
        [("vol-root".to_owned(), format!("root-{to}")), ("vol-data".to_owned(), format!("data-{to}"))]
    };
    machine.copy_volumes(&both("a")).unwrap();
    machine.copy_volumes(&both("a")).unwrap();
    bench.may("i-1", "kill $(cat /writer)");
    let absent = [("vol-root".to_owned(), "root-b".to_owned()), ("vol-none".to_owned(), "data-b".to_owned())];
    assert_eq!(machine.copy_volumes(&absent).unwrap_err().kind, Kind::Invalid);
    assert!(!machine.volumes().unwrap().contains(&"root-b".to_owned()));
    machine.start(&Spec { volumes: vec![data("data-a")], ..with("i-4", "root-a") }).unwrap();
    bench.may("i-4", "n=$(cat /n) && m=$(cat /mnt/sdf/n) && test $((n - m)) -ge 0 && test $((n - m)) -le 1");
    machine.remove("i-4").unwrap();
    for id in ["root-a", "data-a"] {
        machine.remove_volume(id).unwrap();
    }
    bench.may("i-1", "echo later > /mnt/sdf/file; sync");
    machine.grow_volume("vol-data", 128 << 20).unwrap();
    machine.grow_volume("vol-data", 128 << 20).unwrap();
    assert_eq!(bench.may("i-1", "cat /mnt/sdf/file"), "later\n");
    assert_eq!(machine.grow_volume("vol-data", 32 << 20).unwrap_err().kind, Kind::Invalid);
    machine.start(&Spec { volumes: vec![data("snap-1")], ..with("i-2", "vol-root-2") }).unwrap();
    assert_eq!(bench.may("i-2", "cat /mnt/sdf/file /file"), "kept\nroot\n");
    // They outlive their sandboxes.
    machine.remove("i-1").unwrap();
    assert_eq!(machine.volumes().unwrap(), ["snap-1", "vol-data", "vol-root", "vol-root-2"]);
    machine.start(&Spec { volumes: vec![data("vol-data")], ..with("i-3", "vol-root") }).unwrap();
    let large = "test $(df -m /mnt/sdf | tail -1 | awk '{print $2}') -gt 100 && cat /mnt/sdf/file /file";
    assert_eq!(bench.may("i-3", large), "later\nroot\n");
    for id in ["snap-1", "vol-data", "vol-data", "vol-root", "vol-root-2"] {
        machine.remove_volume(id).unwrap();
    }
    assert!(machine.volumes().unwrap().is_empty());
    assert_eq!(machine.copy_volume("snap-1", "vol-2", 0).unwrap_err().kind, Kind::Invalid);
    machine.remove_volume("../x").unwrap_err();
}

#[test]
fn requests_that_were_carried_mean_the_same() {
    use std::os::fd::OwnedFd;
    use yakumo_machine::{Program, Reply, Request};
    let Some(bench) = bench() else { return };
    let ask = |request: Request, descriptors: Vec<OwnedFd>| {
        let carried = serde_json::from_str(&serde_json::to_string(&request).unwrap()).unwrap();
        bench.machine.perform(carried, descriptors)
    };
    let id = || "i-1".to_owned();
    let (started, _) = ask(Request::Start(Box::new(spec("i-1"))), vec![]).unwrap();
    assert!(matches!(started, Reply::Started(_)));
    let (mut output, write) = std::io::pipe().unwrap();
    let null =
        || -> OwnedFd { std::fs::File::options().read(true).write(true).open("/dev/null").unwrap().into() };
    let command = Command::new(["echo", "carried"]);
    let run = || Request::Run { id: id(), command: command.clone(), terminal: None, stays: false };
    assert_eq!(ask(run(), vec![null()]).unwrap_err().kind, Kind::Invalid);
    let (Reply::Runs(process), descriptors) = ask(run(), vec![null(), write.into(), null()]).unwrap() else {
        panic!()
    };
    let program = Program::from_descriptors(process, descriptors).unwrap();
    assert_eq!(program.wait(PATIENCE).unwrap(), Some(Exit::Code(0)));
    let mut text = String::new();
    output.read_to_string(&mut text).unwrap();
    assert_eq!(text, "carried\n");
    let (Reply::List(list), _) = ask(Request::List, vec![]).unwrap() else { panic!() };
    assert_eq!(list.len(), 1);
    let (Reply::Ended(Some(_)), _) = ask(Request::Stop { id: id(), patience_ms: 20_000 }, vec![]).unwrap()
    else {
        panic!()
    };
    ask(Request::Remove { id: id() }, vec![]).unwrap();
    assert!(matches!(ask(Request::Status { id: id() }, vec![]).unwrap().0, Reply::Status(None)));
    assert_eq!(ask(Request::Signal { id: id(), number: 9 }, vec![]).unwrap_err().kind, Kind::NotRunning);
}
