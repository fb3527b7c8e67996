//! Whom a command runs as: names of `/etc/passwd` and `/etc/group` inside.
//!
//! Invariant: both files are written by whoever is inside. They are read with a limit, and never waited for.

use crate::Error;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

/// The most bytes that are read of either file.
const BYTES_MAX: u64 = 1 << 20;

/// A user with everything that a program gets from one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub groups: Vec<u32>,
    pub home: String,
}

/// Finds `NAME`, `UID` or `UID:GID`.
pub(super) fn find(wanted: Option<&str>) -> Result<User, Error> {
    let text = |path| read(path, BYTES_MAX).unwrap_or_default();
    from(wanted.unwrap_or("root"), &text("/etc/passwd"), &text("/etc/group"))
}

fn from(wanted: &str, passwd: &str, group: &str) -> Result<User, Error> {
    let unknown = || Error::not_started(format!("there is no user {wanted} in /etc/passwd"));
    let number = |text: &str| text.parse::<u32>().ok().filter(|id| *id < crate::namespaces::USERS - 1);
    let (left, right) = wanted.split_once(':').map_or((wanted, None), |(left, right)| (left, Some(right)));
    let known = passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, uid, gid, _, home, ..] = fields[..] else { return None };
        (name == left || uid == left).then_some((name, number(uid)?, number(gid)?, home))
    });
    let (name, uid, gid, home) = match known {
        Some(known) => known,
        // The files of an image may know nobody; root is root all the same.
        None if left == "root" => ("root", 0, 0, "/root"),
        None => (left, number(left).ok_or_else(unknown)?, 0, "/"),
    };
    let gid = match right {
        Some(text) => {
            number(text).ok_or_else(|| Error::not_started(format!("{text} is no group's number")))?
        }
        None => gid,
    };
    let groups = group.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [_, _, id, members] = fields[..] else { return None };
        members.split(',').any(|member| member == name).then(|| number(id)).flatten()
    });
    let home = if home.starts_with('/') { home.to_owned() } else { "/".to_owned() };
    Ok(User { name: name.to_owned(), uid, gid, groups: groups.take(64).collect(), home })
}

/// What is in a plain file, at most so much of it; `None` when there is none.
pub(super) fn read(path: &str, most: u64) -> Option<String> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = File::options().read(true).custom_flags(flags).open(path).ok()?;
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::from;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:www:/var/www:/bin/sh\nevil:x:4294967295:0::/:/bin/sh\n";
    const GROUP: &str = "adm:x:4:web,ann\nsudo:x:27:ann\n";

    #[test]
    fn users_are_found_by_name_and_number() {
        for (wanted, uid, gid, home) in [
            ("root", 0, 0, "/root"),
            ("web", 33, 34, "/var/www"),
            ("33", 33, 34, "/var/www"),
            ("33:7", 33, 7, "/var/www"),
            ("1000", 1000, 0, "/"),
        ] {
            let user = from(wanted, PASSWD, GROUP).unwrap();
            assert_eq!((user.uid, user.gid, user.home.as_str()), (uid, gid, home), "{wanted}");
        }
        assert_eq!(from("web", PASSWD, GROUP).unwrap().groups, [4]);
        assert_eq!(from("root", "", "").unwrap().uid, 0);
    }

    #[test]
    fn who_is_nobody_is_refused() {
        for wanted in ["ann", "", "-1", "99999999", "evil", "33:x", "65535"] {
            assert!(from(wanted, PASSWD, GROUP).is_err(), "{wanted}");
        }
    }
}
