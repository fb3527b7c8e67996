//! What a sandbox is: a plain, typed specification without AWS types.
//!
//! Invariant: a specification that `check` takes can be written into paths, mount options and kernel names as it is.

use crate::Error;
use crate::files::{FILE_BYTES_MAX, File};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The smallest file system.
pub const DISK_BYTES_MIN: u64 = 16 << 20;
/// The most volumes of one sandbox.
pub const VOLUMES_MAX: usize = 64;
/// The most bytes of all arguments and variables of one command.
pub const COMMAND_BYTES_MAX: usize = 64 * 1024;

/// A sandbox: everything that is needed to start it, again and again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Its name: 1 to 40 of `a-z`, `0-9` and `-`. One live sandbox of a machine has it.
    pub id: String,
    /// What its root file system is made of.
    pub image: Image,
    /// Where it writes.
    pub disk: Disk,
    /// What its init starts first, with the console as its input and output.
    pub command: Option<Command>,
    /// When it ends.
    pub lifetime: Lifetime,
    /// Its host name, at most 63 characters of a DNS label.
    pub hostname: String,
    /// What it can reach.
    pub network: Network,
    /// Whether root inside may configure the network (addresses, routes, packet filters). It has an effect only where the
    /// network namespace belongs to the sandbox's user namespace; see [`Network`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub administers_network: bool,
    /// Whether programs inside gain no rights by `exec`: then neither `sudo` nor `su` work.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_new_privileges: bool,
    /// Files that are put in at each start, before the command, with the rights of root inside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
    /// Certificates (PEM) that programs inside trust beside those of the image: added to its bundles at each start, in the place of
    /// those that an earlier start has added.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub authorities: String,
    /// What it may use.
    pub limits: Limits,
    /// What is mounted into it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
}

/// What a root file system is made of. Images are only read; what a sandbox writes goes to its [`Disk`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Image {
    /// The host's `/usr`, as far as every user of the host may read it, with an `/etc` that was made for it.
    Host,
    /// The host's statically linked busybox.
    Busybox,
    /// Directories, the first on top: a root file system, or the layers of one.
    Layers(Vec<PathBuf>),
}

/// Where a sandbox writes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Disk {
    /// Nowhere but `/tmp`, `/run` and `/dev/shm`, which are memory.
    ReadOnly,
    /// A file system in memory of so many bytes, counted in the sandbox's memory; gone when it stops.
    Memory(u64),
    /// A directory on the host that survives stop and start. It has no limit but the host's disk.
    Directory,
    /// A file system of so many bytes in a sparse file on the host (ext4 on a loop device); survives stop and start.
    Bytes(u64),
    /// A volume of the machine's, by its id: it is there before the sandbox and stays when the sandbox is removed.
    Volume(String),
}

/// When a sandbox ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lifetime {
    /// Never: its init stays when the command has ended.
    UntilStopped,
    /// With its command; everything else in it is killed then.
    WithCommand,
}

/// What a sandbox can reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// A network of its own with nothing but loopback. Root inside rules it, as far as `administers_network` says.
    Isolated,
    /// The network namespace at this path (`/run/netns/…`); never the host's. When the namespace belongs to a user namespace
    /// other than the host's, the sandbox lives in that one, and root inside rules the network. Otherwise low ports can be bound
    /// and ICMP echo sockets opened, and nothing else: no raw sockets.
    Namespace(PathBuf),
}

/// A program to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The program, looked up in the variable `PATH`, and its arguments.
    pub arguments: Vec<String>,
    /// Variables beside `PATH`, `HOME`, `USER` and `TERM`, which have defaults.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// The working directory; the user's home without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// A name of `/etc/passwd` inside, or `UID` or `UID:GID`; root without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

impl Command {
    /// A command of root without variables.
    pub fn new<S: Into<String>>(arguments: impl IntoIterator<Item = S>) -> Command {
        Command {
            arguments: arguments.into_iter().map(Into::into).collect(),
            environment: BTreeMap::new(),
            directory: None,
            user: None,
        }
    }
}

/// What a sandbox may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory of all its processes, with page cache, shared memory and the kernel's for them. No swap beside it.
    pub memory_bytes: u64,
    /// Processor time in thousandths of a processor: 500 is half of one. None: no ceiling.
    pub cpu_thousandths: Option<u32>,
    /// Its share when processors are short, 1 to 10000 (100 is normal).
    pub cpu_weight: u32,
    /// Processes and threads.
    pub processes: u32,
    /// Open files of each process.
    pub open_files: u64,
}

impl Default for Limits {
    /// Half a gibibyte, no ceiling of processor time, 1024 processes, 65536 files.
    fn default() -> Limits {
        let memory_bytes = 512 * 1024 * 1024;
        Limits { memory_bytes, cpu_thousandths: None, cpu_weight: 100, processes: 1024, open_files: 65536 }
    }
}

/// What is mounted into a sandbox. Files show the owners inside that they have outside (0 is root inside).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// What it is.
    pub source: Source,
    /// Where it is seen, absolute; made when it is not there.
    pub path: String,
    /// Whether it can only be read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
}

/// What a volume is on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    /// A directory.
    Directory(PathBuf),
    /// A file with an ext4 file system; see [`crate::block::create`].
    Block(PathBuf),
    /// A volume of the machine's, by its id.
    Volume(String),
}

impl Spec {
    /// Refuses what cannot be started, with the member's name.
    pub fn check(&self) -> Result<(), Error> {
        check_id(&self.id)?;
        let label = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        require(
            is_within(&self.hostname, 63) && self.hostname.chars().all(label),
            "hostname",
            "no host name",
        )?;
        self.image.check()?;
        self.limits.check()?;
        if let Disk::Memory(bytes) | Disk::Bytes(bytes) = self.disk {
            let enough = bytes >= DISK_BYTES_MIN;
            require(enough, "disk", "a file system of less than 16 MiB has no room for itself")?;
        }
        if let Disk::Volume(id) = &self.disk {
            check_id(id)?;
        }
        if let Network::Namespace(path) = &self.network {
            require(path.is_absolute(), "network", "the path is not absolute")?;
        }
        if let Some(command) = &self.command {
            command.check()?;
        }
        let no_command = self.lifetime == Lifetime::WithCommand && self.command.is_none();
        require(!no_command, "lifetime", "there is no command to end with")?;
        self.files.iter().try_for_each(File::check)?;
        require(self.authorities.len() <= FILE_BYTES_MAX, "authorities", "they are more than 64 KiB")?;
        require(self.volumes.len() <= VOLUMES_MAX, "volumes", "there are more than 64")?;
        self.volumes.iter().try_for_each(Volume::check)
    }
}

/// Refuses what is no id of a sandbox.
pub fn check_id(id: &str) -> Result<(), Error> {
    let simple = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    require(is_within(id, 40) && id.chars().all(simple), "id", "it is not 1 to 40 of a-z, 0-9 and -")
}

impl Image {
    fn check(&self) -> Result<(), Error> {
        let Image::Layers(layers) = self else { return Ok(()) };
        let some = !layers.is_empty() && layers.len() <= 128;
        require(some, "image", "it has no layer, or more than 128")?;
        let absolute = layers.iter().all(|layer| layer.is_absolute());
        require(absolute, "image", "a layer's path is not absolute")
    }
}

impl Limits {
    fn check(&self) -> Result<(), Error> {
        require(self.memory_bytes >= 8 << 20, "memory_bytes", "nothing runs in less than 8 MiB")?;
        require(self.cpu_thousandths.is_none_or(|c| c >= 10), "cpu_thousandths", "less than 10")?;
        require((1..=10_000).contains(&self.cpu_weight), "cpu_weight", "it is not 1 to 10000")?;
        require(self.processes >= 4, "processes", "less than 4")?;
        require((16..=1 << 20).contains(&self.open_files), "open_files", "it is not 16 to 1048576")
    }
}

impl Command {
    /// Refuses what cannot be started.
    pub fn check(&self) -> Result<(), Error> {
        let first = self.arguments.first().is_some_and(|program| !program.is_empty());
        require(first, "command", "it names no program")?;
        let variables = self.environment.iter().flat_map(|(name, value)| [name, value]);
        let texts: Vec<&String> = self.arguments.iter().chain(variables).collect();
        let bytes: usize = texts.iter().map(|text| text.len() + 1).sum();
        require(bytes <= COMMAND_BYTES_MAX, "command", "arguments and variables are more than 64 KiB")?;
        require(texts.iter().all(|text| !text.contains('\0')), "command", "there is a null character in it")?;
        let names = self.environment.keys().all(|name| !name.is_empty() && !name.contains('='));
        require(names, "command", "a variable's name is empty or has = in it")
    }
}

impl Volume {
    /// Refuses what cannot be mounted.
    pub fn check(&self) -> Result<(), Error> {
        check_path("volumes", &self.path)?;
        match &self.source {
            Source::Directory(path) | Source::Block(path) => {
                require(path.is_absolute(), "volumes", "the source's path is not absolute")
            }
            Source::Volume(id) => check_id(id),
        }
    }
}

/// Refuses a path inside that is not absolute and plain.
pub(crate) fn check_path(member: &str, path: &str) -> Result<(), Error> {
    let mut parts = path.split('/').skip(1).peekable();
    let some = path.starts_with('/') && parts.peek().is_some_and(|part| !part.is_empty());
    let plain = parts.all(|part| !part.is_empty() && part != "." && part != "..");
    require(
        some && plain && path.len() < 1024 && !path.contains('\0'),
        member,
        "a path is not absolute and plain",
    )
}

fn is_within(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len())
}

fn require(holds: bool, member: &str, why: &str) -> Result<(), Error> {
    if holds { Ok(()) } else { Err(Error::invalid(format!("{member}: {why}"))) }
}

#[cfg(test)]
pub(crate) fn example() -> Spec {
    Spec {
        id: "i-1".to_owned(),
        image: Image::Host,
        disk: Disk::Directory,
        command: None,
        lifetime: Lifetime::UntilStopped,
        hostname: "ip-10-0-0-1".to_owned(),
        network: Network::Isolated,
        administers_network: false,
        no_new_privileges: false,
        files: Vec::new(),
        authorities: String::new(),
        limits: Limits::default(),
        volumes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, Disk, Image, Lifetime, Network, Source, Spec, Volume, example};

    fn check(change: impl FnOnce(&mut Spec), wrong: Option<&str>) {
        let mut spec = example();
        change(&mut spec);
        let said = spec.check().map_err(|error| error.to_string());
        match wrong {
            None => assert_eq!(said, Ok(())),
            Some(member) => assert!(said.clone().unwrap_err().starts_with(member), "{said:?}"),
        }
    }

    #[test]
    fn what_would_break_out_of_a_name_is_refused() {
        check(|_| {}, None);
        for id in ["", "a/b", "..", "a b", "A", &"a".repeat(41)] {
            check(|spec| spec.id = id.to_owned(), Some("id"));
        }
        check(|spec| spec.hostname = "a b".to_owned(), Some("hostname"));
        check(|spec| spec.image = Image::Layers(vec!["relative".into()]), Some("image"));
        check(|spec| spec.image = Image::Layers(vec![]), Some("image"));
        check(|spec| spec.network = Network::Namespace("eni".into()), Some("network"));
    }

    #[test]
    fn volumes_are_mounted_at_plain_paths() {
        let at = |path: &str| Volume {
            source: Source::Directory("/data".into()),
            path: path.to_owned(),
            read_only: false,
        };
        check(|spec| spec.volumes = vec![at("/mnt/data")], None);
        for path in ["", "/", "mnt", "/mnt/../etc", "//mnt", "/mnt/", "/a\0b"] {
            check(|spec| spec.volumes = vec![at(path)], Some("volumes"));
        }
    }

    #[test]
    fn limits_have_limits() {
        check(|spec| spec.limits.memory_bytes = 1, Some("memory_bytes"));
        check(|spec| spec.limits.cpu_weight = 0, Some("cpu_weight"));
        check(|spec| spec.limits.processes = 1, Some("processes"));
        check(|spec| spec.disk = Disk::Bytes(4096), Some("disk"));
        check(|spec| spec.lifetime = Lifetime::WithCommand, Some("lifetime"));
    }

    #[test]
    fn commands_are_bounded_and_free_of_nulls() {
        let with = |arguments: &[&str]| Some(Command::new(arguments.iter().copied()));
        check(|spec| spec.command = with(&["sh", "-c", "true"]), None);
        for arguments in [&[] as &[&str], &[""], &["sh", "a\0b"], &["sh", &"x".repeat(70_000)]] {
            check(|spec| spec.command = with(arguments), Some("command"));
        }
    }

    #[test]
    fn a_specification_is_the_same_after_it_was_carried() {
        let mut spec = example();
        spec.files.push(crate::files::File::new("/etc/x", b"\xff\x00x"));
        let carried: Spec = serde_json::from_str(&serde_json::to_string(&spec).unwrap()).unwrap();
        assert_eq!(carried, spec);
    }
}
