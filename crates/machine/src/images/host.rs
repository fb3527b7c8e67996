//! The host image: the host's `/usr` below, an `/etc` made for it, and nothing else of the host.
//!
//! Invariant: what is shown is what every user of the host may read, from a list of places; see `masks` for the rest of `/usr`.

use super::{etc, link, masks::Masks};
use crate::Error;
use crate::error::During;
use std::fs;
use std::path::Path;

/// Links of the root into `/usr`, where they are the host's.
const LINKS: &[&str] = &["bin", "lib", "lib32", "lib64", "libx32", "sbin"];
/// The directories of `/usr` that are shown.
const SHOWN: &[&str] =
    &["bin", "games", "include", "lib", "lib32", "lib64", "libexec", "libx32", "local", "sbin", "share"];

/// What the host image is made of.
#[derive(Debug)]
pub(super) struct Host {
    /// The root but `/usr`.
    pub base: Base,
    /// What of `/usr` is hidden.
    pub masks: Masks,
}

/// The root but `/usr`.
#[derive(Debug, Hash)]
pub(super) struct Base {
    links: Vec<(String, String)>,
    etc: Vec<etc::Entry>,
}

impl Host {
    /// Looks at the host as it is now.
    pub fn look() -> Result<Host, Error> {
        let mut links = Vec::new();
        for name in LINKS {
            let path = Path::new("/").join(name);
            match fs::read_link(&path) {
                Ok(to) => {
                    let to = to.to_string_lossy().trim_start_matches('/').to_owned();
                    links.push(((*name).to_owned(), to));
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(_) => {
                    let why = format!("/{name} of this host is no link into /usr, so there is no host image");
                    return Err(Error::unsupported(why));
                }
            }
        }
        Ok(Host { base: Base { links, etc: etc::entries()? }, masks: Masks::look(Path::new("/usr"), SHOWN)? })
    }
}

impl Base {
    /// Writes it.
    pub fn build(&self, path: &Path) -> Result<(), Error> {
        for (name, to) in &self.links {
            link(to, &path.join(name))?;
        }
        fs::create_dir(path.join("usr")).during("usr")?;
        self.etc.iter().try_for_each(|entry| entry.build(&path.join("etc")))
    }
}
