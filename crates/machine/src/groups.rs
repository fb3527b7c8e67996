//! Control groups, of version 1 and 2: what a sandbox may use, and how much it has used.
//!
//! Invariant: a group is made with all its limits before the first process is in it, and a limit that the host cannot hold is an error.

use crate::Error;
use crate::error::During;
use crate::spec::Limits;
use crate::states::Usage;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the kernel may take to end killed processes before a group counts as stuck.
const EMPTY_WITHIN: Duration = Duration::from_secs(10);
/// What a processor's time is divided into, in microseconds.
const PERIOD_US: u64 = 100_000;

/// The controllers that limits need.
const NEEDED: &[&str] = &["cpu", "memory", "pids"];
/// Controllers of version 1 that are used where they are.
const USEFUL: &[&str] = &["cpuacct"];

/// How this host counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hierarchy {
    /// Version 2: one tree.
    One(PathBuf),
    /// Version 1: a tree for each controller, by its name.
    Each(Vec<(String, PathBuf)>),
}

impl Hierarchy {
    /// What the host has mounted. The controllers that limits need are all there.
    pub fn detect() -> Result<Hierarchy, Error> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").during("/proc/self/mountinfo")?;
        Hierarchy::from_mounts(&mounts, |root| {
            fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default()
        })
    }

    fn from_mounts(mounts: &str, controllers: impl Fn(&Path) -> String) -> Result<Hierarchy, Error> {
        let mut each: Vec<(String, PathBuf)> = Vec::new();
        for line in mounts.lines() {
            let Some((before, after)) = line.split_once(" - ") else { continue };
            let Some(point) = before.split(' ').nth(4) else { continue };
            let mut after = after.split(' ');
            match after.next() {
                Some("cgroup2") => {
                    let there = controllers(Path::new(point));
                    if NEEDED.iter().all(|needed| there.split_whitespace().any(|name| name == *needed)) {
                        return Ok(Hierarchy::One(point.into()));
                    }
                }
                Some("cgroup") => {
                    let options = after.nth(1).unwrap_or_default();
                    let names =
                        options.split(',').filter(|name| NEEDED.contains(name) || USEFUL.contains(name));
                    each.extend(names.map(|name| (name.to_owned(), PathBuf::from(point))));
                }
                _ => {}
            }
        }
        let missing = NEEDED.iter().find(|needed| !each.iter().any(|(name, _)| name == *needed));
        match missing {
            None => Ok(Hierarchy::Each(each)),
            Some(name) => Err(Error::unsupported(format!("this host has no control groups for {name}"))),
        }
    }

    /// Makes the groups of a sandbox with its limits, and returns their directories.
    pub fn make(&self, name: &str, limits: &Limits) -> Result<Groups, Error> {
        let groups = self.groups(name);
        groups.remove()?;
        let made = self.fill(&groups, limits);
        if made.is_err() {
            // The first error is the one to tell.
            groups.remove().ok();
        }
        made.map(|()| groups)
    }

    /// The groups of this name, whether they are there or not.
    pub fn groups(&self, name: &str) -> Groups {
        Groups { directories: self.directories(name) }
    }

    fn directories(&self, name: &str) -> Vec<PathBuf> {
        let below = |root: &PathBuf| root.join("yakumo").join(name);
        match self {
            Hierarchy::One(root) => vec![below(root)],
            Hierarchy::Each(each) => {
                let mut all: Vec<PathBuf> = each.iter().map(|(_, root)| below(root)).collect();
                // Controllers that are mounted together have one directory.
                all.sort();
                all.dedup();
                all
            }
        }
    }

    fn fill(&self, groups: &Groups, limits: &Limits) -> Result<(), Error> {
        match self {
            Hierarchy::One(root) => {
                let yakumo = root.join("yakumo");
                fs::create_dir_all(&yakumo).during(yakumo.display())?;
                for above in [root, &yakumo] {
                    write(&above.join("cgroup.subtree_control"), "+cpu +memory +pids")?;
                }
                for directory in &groups.directories {
                    fs::create_dir(directory).during(directory.display())?;
                    apply(directory, &one(limits))?;
                }
            }
            Hierarchy::Each(each) => {
                for directory in &groups.directories {
                    fs::create_dir_all(directory).during(directory.display())?;
                }
                for (controller, root) in each {
                    let Some(name) = groups.name() else { continue };
                    apply(&root.join("yakumo").join(name), &each_of(controller, limits))?;
                }
            }
        }
        Ok(())
    }

    /// Moves this process, a keeper, out of the groups of who started it, so that it does not end with them.
    pub fn keep_here(&self) -> Result<(), Error> {
        for directory in self.directories("keepers") {
            fs::create_dir_all(&directory).during(directory.display())?;
            write(&directory.join("cgroup.procs"), "0")?;
        }
        Ok(())
    }
}

/// The limits as files of version 2, and whether a file must be there.
fn one(limits: &Limits) -> Vec<(&'static str, String, bool)> {
    let quota = limits.cpu_thousandths.map(|part| u64::from(part) * PERIOD_US / 1000);
    let quota = quota.map_or("max".to_owned(), |quota| quota.to_string());
    vec![
        ("memory.max", limits.memory_bytes.to_string(), true),
        // Hosts without swap may lack the file, and need it not.
        ("memory.swap.max", "0".to_owned(), false),
        ("cpu.weight", limits.cpu_weight.to_string(), true),
        ("cpu.max", format!("{quota} {PERIOD_US}"), true),
        ("pids.max", limits.processes.to_string(), true),
    ]
}

/// The limits as files of one controller of version 1.
fn each_of(controller: &str, limits: &Limits) -> Vec<(&'static str, String, bool)> {
    match controller {
        "memory" => vec![
            ("memory.limit_in_bytes", limits.memory_bytes.to_string(), true),
            // Hosts that do not count swap lack it; without swapping, what is in memory is all there is.
            ("memory.memsw.limit_in_bytes", limits.memory_bytes.to_string(), false),
            ("memory.swappiness", "0".to_owned(), false),
        ],
        "cpu" => {
            let mut files =
                vec![("cpu.shares", (u64::from(limits.cpu_weight) * 1024 / 100).max(2).to_string(), true)];
            if let Some(part) = limits.cpu_thousandths {
                files.push(("cpu.cfs_period_us", PERIOD_US.to_string(), true));
                files.push(("cpu.cfs_quota_us", (u64::from(part) * PERIOD_US / 1000).to_string(), true));
            }
            files
        }
        "pids" => vec![("pids.max", limits.processes.to_string(), true)],
        _ => Vec::new(),
    }
}

fn apply(directory: &Path, files: &[(&'static str, String, bool)]) -> Result<(), Error> {
    for (file, value, needed) in files {
        let path = directory.join(file);
        if *needed || path.exists() {
            write(&path, value)?;
        }
    }
    Ok(())
}

fn write(path: &Path, value: &str) -> Result<(), Error> {
    fs::write(path, value).during(format_args!("cannot write {value} to {}", path.display()))
}

/// The groups of one sandbox.
#[derive(Debug, Clone)]
pub struct Groups {
    /// Their directories.
    pub directories: Vec<PathBuf>,
}

impl Groups {
    fn name(&self) -> Option<&std::ffi::OsStr> {
        self.directories.first()?.file_name()
    }

    /// Puts a process in.
    pub fn add(&self, process: i32) -> Result<(), Error> {
        self.directories
            .iter()
            .try_for_each(|directory| write(&directory.join("cgroup.procs"), &process.to_string()))
    }

    /// What has been used; zero for what this host does not count.
    pub fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for directory in &self.directories {
            let number =
                |file: &str| fs::read_to_string(directory.join(file)).ok()?.trim().parse::<u64>().ok();
            let field = |file: &str, name: &str| field(&fs::read_to_string(directory.join(file)).ok()?, name);
            let memory = number("memory.current").or_else(|| number("memory.usage_in_bytes"));
            let cpu = field("cpu.stat", "usage_usec").or_else(|| Some(number("cpuacct.usage")? / 1000));
            let kills =
                field("memory.events", "oom_kill").or_else(|| field("memory.oom_control", "oom_kill"));
            usage.held_back = usage.held_back.max(field("cpu.stat", "nr_throttled").unwrap_or(0));
            usage.memory_bytes = usage.memory_bytes.max(memory.unwrap_or(0));
            usage.cpu_us = usage.cpu_us.max(cpu.unwrap_or(0));
            usage.processes = usage.processes.max(number("pids.current").unwrap_or(0));
            usage.out_of_memory_kills = usage.out_of_memory_kills.max(kills.unwrap_or(0));
        }
        usage
    }

    /// Kills whoever is in them and removes them. What is not there is fine.
    pub fn remove(&self) -> Result<(), Error> {
        let until = Instant::now() + EMPTY_WITHIN;
        for directory in &self.directories {
            loop {
                match fs::remove_dir(directory) {
                    Ok(()) => break,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                    Err(error) if Instant::now() > until => {
                        return Err(Error::failed(directory.display(), error));
                    }
                    Err(_) => {
                        self.kill();
                        std::thread::sleep(Duration::from_millis(1));
                    }
                }
            }
        }
        Ok(())
    }

    /// Sends SIGKILL to whoever is in them.
    fn kill(&self) {
        for directory in &self.directories {
            if fs::write(directory.join("cgroup.kill"), "1").is_ok() {
                continue;
            }
            let list = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
            for process in
                list.lines().filter_map(|line| line.parse::<i32>().ok()).filter(|process| *process > 1)
            {
                // Who has gone meanwhile needs no signal.
                crate::sys::signal(process, libc::SIGKILL).ok();
            }
        }
    }
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::{Hierarchy, each_of, field, one};
    use crate::spec::Limits;

    const SEPARATE: &str = "\
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime shared:9 - cgroup cgroup rw,pids
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";

    #[test]
    fn both_versions_are_found() {
        let found = Hierarchy::from_mounts(SEPARATE, |_| String::new()).unwrap();
        assert_eq!(found.directories("a-i-1").len(), 3, "{found:?}");
        let unified = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
        let found = Hierarchy::from_mounts(unified, |_| "cpuset cpu io memory pids\n".to_owned()).unwrap();
        assert_eq!(found, Hierarchy::One("/sys/fs/cgroup".into()));
        let without = Hierarchy::from_mounts(unified, |_| "cpu memory".to_owned());
        assert!(without.unwrap_err().message.ends_with("control groups for cpu"));
        let without = Hierarchy::from_mounts(&SEPARATE.replace("pids", "rdma"), |_| String::new());
        assert!(without.unwrap_err().message.ends_with("control groups for pids"));
    }

    #[test]
    fn limits_are_written_in_each_versions_words() {
        let limits = Limits { cpu_thousandths: Some(1500), cpu_weight: 50, ..Limits::default() };
        let find = |files: Vec<(&'static str, String, bool)>, name: &str| {
            files.into_iter().find(|(file, ..)| *file == name).map(|(_, value, _)| value)
        };
        assert_eq!(find(one(&limits), "cpu.max").unwrap(), "150000 100000");
        assert_eq!(find(each_of("cpu", &limits), "cpu.cfs_quota_us").unwrap(), "150000");
        assert_eq!(find(each_of("cpu", &limits), "cpu.shares").unwrap(), "512");
        assert_eq!(find(each_of("memory", &limits), "memory.limit_in_bytes").unwrap(), "536870912");
        let limits = Limits { cpu_thousandths: None, ..limits };
        assert_eq!(find(one(&limits), "cpu.max").unwrap(), "max 100000");
        assert_eq!(find(each_of("cpu", &limits), "cpu.cfs_quota_us"), None);
    }

    /// A directory in the place of the kernel's file system: what is written where, and what is read from where.
    #[test]
    fn version_2_is_one_tree_with_controllers_switched_on_from_above() {
        let root = tempfile::tempdir().unwrap();
        let tree = Hierarchy::One(root.path().to_owned());
        let limits = Limits { memory_bytes: 64 << 20, cpu_thousandths: Some(500), ..Limits::default() };
        // Hosts that cannot switch controllers on make no group.
        std::fs::create_dir(root.path().join("cgroup.subtree_control")).unwrap();
        let refused = tree.make("cloud.i-1", &limits).unwrap_err();
        assert!(refused.message.starts_with("cannot write +cpu +memory +pids to"), "{refused}");
        assert!(!root.path().join("yakumo/cloud.i-1").exists());
        std::fs::remove_dir(root.path().join("cgroup.subtree_control")).unwrap();

        let groups = tree.make("cloud.i-1", &limits).unwrap();
        groups.add(4711).unwrap();
        let at = |file: &str| root.path().join("yakumo/cloud.i-1").join(file);
        let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        for above in [root.path().to_owned(), root.path().join("yakumo")] {
            assert_eq!(read(above.join("cgroup.subtree_control")), "+cpu +memory +pids");
        }
        for (file, value) in [
            ("memory.max", "67108864"),
            ("cpu.max", "50000 100000"),
            ("cpu.weight", "100"),
            ("pids.max", "1024"),
            ("cgroup.procs", "4711"),
            // Where the host does not count swap there is no such file, and none is needed.
            ("memory.swap.max", ""),
        ] {
            assert_eq!(read(at(file)), value, "{file}");
        }
        for (file, text) in [
            ("memory.current", "4096\n"),
            ("cpu.stat", "usage_usec 1500\nuser_usec 1000\nnr_throttled 3\n"),
            ("memory.events", "low 0\noom 2\noom_kill 1\noom_group_kill 0\n"),
            ("pids.current", "7\n"),
        ] {
            std::fs::write(at(file), text).unwrap();
        }
        let usage = groups.usage();
        assert_eq!((usage.memory_bytes, usage.cpu_us, usage.processes), (4096, 1500, 7));
        assert_eq!((usage.out_of_memory_kills, usage.held_back), (1, 3));
        groups.kill();
        assert_eq!(read(at("cgroup.kill")), "1");
        // The kernel lets a group go with its files; a directory does not.
        std::fs::remove_dir_all(at("")).unwrap();
        groups.remove().unwrap();
        tree.keep_here().unwrap();
        assert_eq!(read(root.path().join("yakumo/keepers/cgroup.procs")), "0");
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        assert_eq!(field("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "oom_kill"), Some(3));
        assert_eq!(field("oom_kill_disable 0\n", "oom_kill"), None);
    }
}
