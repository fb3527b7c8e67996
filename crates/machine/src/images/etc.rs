//! The `/etc` of the host image: files that are made for it, and what programs need of the host's.
//!
//! Invariant: of the host only what is listed is copied, only what everybody may read, and no account of a person.

use super::{directory, file, link};
use crate::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What is copied: how programs are found and linked, certificates, names of services, languages, and rules of PAM.
const COPIED: &[&str] = &[
    "alternatives",
    "bash.bashrc",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "login.defs",
    "magic",
    "mime.types",
    "pam.conf",
    "pam.d",
    "perl",
    "pki/ca-trust",
    "pki/tls",
    "protocols",
    "python3",
    "python3.11",
    "python3.12",
    "python3.13",
    "redhat-release",
    "rpc",
    "security",
    "services",
    "ssl",
    "terminfo",
];
/// The most bytes that are copied in all.
const COPIED_BYTES_MAX: usize = 16 << 20;
/// The most files.
const COPIED_FILES_MAX: usize = 10_000;

/// Files that are made, with their modes.
const MADE: &[(&str, u32, &str)] = &[
    ("passwd", 0o644, PASSWD),
    ("group", 0o644, GROUP),
    ("shadow", 0o640, SHADOW),
    ("gshadow", 0o640, ""),
    ("hostname", 0o644, "localhost\n"),
    ("hosts", 0o644, "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"),
    ("resolv.conf", 0o644, ""),
    (
        "nsswitch.conf",
        0o644,
        "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\n",
    ),
    ("host.conf", 0o644, "multi on\n"),
    ("shells", 0o644, "/bin/sh\n/bin/bash\n"),
    ("fstab", 0o644, ""),
    ("environment", 0o644, ""),
    (
        "sudoers",
        0o440,
        "root ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) NOPASSWD: ALL\n@includedir /etc/sudoers.d\n",
    ),
    ("profile", 0o644, PROFILE),
];
const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
bin:x:2:2:bin:/bin:/usr/sbin/nologin
www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
";
const GROUP: &str = "root:x:0:
daemon:x:1:
bin:x:2:
adm:x:4:
tty:x:5:
mail:x:8:
sudo:x:27:
www-data:x:33:
shadow:x:42:
utmp:x:43:
staff:x:50:
users:x:100:
nogroup:x:65534:
";
const SHADOW: &str = "root:*:19000:0:99999:7:::
daemon:*:19000:0:99999:7:::
bin:*:19000:0:99999:7:::
www-data:*:19000:0:99999:7:::
nobody:*:19000:0:99999:7:::
";
const PROFILE: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
for script in /etc/profile.d/*.sh; do [ -r \"$script\" ] && . \"$script\"; done
unset script
";

/// One thing in `/etc`.
#[derive(Debug, Hash)]
pub(super) struct Entry {
    path: PathBuf,
    what: What,
}

#[derive(Debug, Hash)]
enum What {
    Directory,
    Link(String),
    File(Vec<u8>, u32),
}

impl Entry {
    fn new(path: impl Into<PathBuf>, what: What) -> Entry {
        Entry { path: path.into(), what }
    }

    /// Writes it below `etc`.
    pub fn build(&self, etc: &Path) -> Result<(), Error> {
        let path = etc.join(&self.path);
        match &self.what {
            What::Directory => directory(&path, 0o755),
            What::Link(to) => link(to, &path),
            What::File(content, mode) => file(&path, content, *mode),
        }
    }
}

/// All of it.
pub(super) fn entries() -> Result<Vec<Entry>, Error> {
    let mut entries = vec![Entry::new("", What::Directory), Entry::new("sudoers.d", What::Directory)];
    let mut bytes = 0;
    // A stack, the next one last, so that directories come before what is in them.
    let mut open: Vec<PathBuf> = COPIED.iter().rev().map(PathBuf::from).collect();
    while let Some(path) = open.pop() {
        copy(&path, &mut entries, &mut open, &mut bytes);
        if bytes > COPIED_BYTES_MAX || entries.len() > COPIED_FILES_MAX {
            return Err(Error::unsupported("what programs need of this host's /etc is more than 16 MiB"));
        }
    }
    for (name, mode, content) in MADE {
        entries.push(Entry::new(*name, What::File(content.as_bytes().to_vec(), *mode)));
    }
    entries.push(Entry::new("os-release", What::File(os_release().into_bytes(), 0o644)));
    entries.push(Entry::new("mtab", What::Link("/proc/self/mounts".to_owned())));
    if let Ok(zone) = fs::read("/etc/localtime") {
        entries.push(Entry::new("localtime", What::File(zone, 0o644)));
    }
    Ok(entries)
}

/// Adds what is there under a name. What is not there, or not for everybody, is left out.
fn copy(path: &Path, entries: &mut Vec<Entry>, open: &mut Vec<PathBuf>, bytes: &mut usize) {
    let source = Path::new("/etc").join(path);
    let Ok(metadata) = fs::symlink_metadata(&source) else { return };
    let mode = metadata.permissions().mode() & 0o777;
    if metadata.is_symlink() {
        if let Ok(to) = fs::read_link(&source) {
            entries.push(Entry::new(path, What::Link(to.to_string_lossy().into_owned())));
        }
    } else if metadata.is_dir() && mode & 0o5 == 0o5 {
        entries.push(Entry::new(path, What::Directory));
        let names =
            fs::read_dir(&source).into_iter().flatten().flatten().map(|entry| path.join(entry.file_name()));
        let mut names: Vec<PathBuf> = names.collect();
        names.sort_by(|one, other| other.cmp(one));
        open.extend(names);
    } else if metadata.is_file() && mode & 0o4 != 0 {
        // A file that grows meanwhile is cut by what all may have.
        let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        *bytes = bytes.saturating_add(size);
        if *bytes <= COPIED_BYTES_MAX
            && let Ok(content) = fs::read(&source)
        {
            entries.push(Entry::new(path, What::File(content, mode)));
        }
    }
}

fn os_release() -> String {
    let host = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let value = |name: &str| {
        let line = host.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.map_or("linux", |value| value.trim_matches('"')).to_owned()
    };
    format!(
        "PRETTY_NAME=\"yakumo host image on {}\"\nNAME=\"yakumo host image\"\nID=yakumo\nID_LIKE=\"{}\"\nVERSION_ID=\"{}\"\n",
        value("PRETTY_NAME"),
        value("ID"),
        value("VERSION_ID"),
    )
}
