//! Images: the directories that a root file system is made of.
//!
//! Invariant: what an image of ours is made of does not change while a sandbox may use it: what changes gets another directory.

mod busybox;
mod etc;
mod host;
mod masks;

use crate::Error;
use crate::error::During;
use crate::place::{Tree, make_directory};
use crate::spec::Image;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Directories that every root has, under whatever the image has, with their permission bits.
const SKELETON: &[(&str, u32)] = &[
    ("boot", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("media", 0o755),
    ("mnt", 0o755),
    ("opt", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("srv", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr", 0o755),
    ("var", 0o755),
    ("var/cache", 0o755),
    ("var/lib", 0o755),
    ("var/log", 0o755),
    ("var/spool", 0o755),
    ("var/tmp", 0o1777),
];

/// The images of a machine.
#[derive(Debug)]
pub(crate) struct Images {
    root: PathBuf,
    /// Held while one is built: two threads would build in the same place.
    building: Mutex<()>,
}

/// What the host showed when a host image was first asked for. Looking through `/usr` takes a second or so.
static HOST: Mutex<Option<host::Host>> = Mutex::new(None);

impl Images {
    /// Those in a directory of the machine's.
    pub fn open(root: PathBuf) -> Result<Images, Error> {
        make_directory(&root)?;
        Ok(Images { root, building: Mutex::new(()) })
    }

    /// What an image is made of, the root first.
    pub fn trees(&self, image: &Image) -> Result<Vec<Tree>, Error> {
        let skeleton = self.built("skeleton", &1, skeleton)?;
        let mut trees = match image {
            Image::Host => self.host()?,
            Image::Busybox => {
                let program = busybox::find()?;
                let layer = self.built("busybox", &program, |path| busybox::build(path, &program))?;
                vec![Tree { at: String::new(), layers: vec![layer] }]
            }
            Image::Layers(layers) => {
                if let Some(layer) = layers.iter().find(|layer| !layer.is_dir()) {
                    return Err(Error::invalid(format!("image: {} is no directory", layer.display())));
                }
                vec![Tree { at: String::new(), layers: layers.clone() }]
            }
        };
        if let Some(root) = trees.first_mut() {
            root.layers.push(skeleton);
        }
        Ok(trees)
    }

    fn host(&self) -> Result<Vec<Tree>, Error> {
        let mut known = HOST.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let host = match known.take() {
            Some(host) => known.insert(host),
            None => known.insert(host::Host::look()?),
        };
        let base = self.built("host", &host.base, |path| host.base.build(path))?;
        let masks = self.built("masks", &host.masks, |path| host.masks.build(path))?;
        Ok(vec![
            Tree { at: String::new(), layers: vec![base] },
            Tree { at: "usr".to_owned(), layers: vec![masks, PathBuf::from("/usr")] },
        ])
    }

    /// A directory that is named after what is in it, built if it is not there.
    fn built(
        &self,
        kind: &str,
        content: &impl Hash,
        build: impl FnOnce(&Path) -> Result<(), Error>,
    ) -> Result<PathBuf, Error> {
        let mut hasher = DefaultHasher::new();
        content.hash(&mut hasher);
        let path = self.root.join(format!("{kind}-{:016x}", hasher.finish()));
        let _turn = self.building.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if path.is_dir() {
            return Ok(path);
        }
        let fresh = self.root.join(format!(".{kind}-{}", std::process::id()));
        crate::place::remove_tree(&fresh)?;
        fs::create_dir(&fresh).during(fresh.display())?;
        set_mode(&fresh, 0o755)?;
        build(&fresh)?;
        match fs::rename(&fresh, &path) {
            // Another process was faster, with the same.
            Err(_) if path.is_dir() => crate::place::remove_tree(&fresh)?,
            other => other.during(path.display())?,
        }
        Ok(path)
    }

    /// Removes what none of these trees uses.
    pub fn sweep(&self, used: &[Tree]) -> Result<(), Error> {
        for entry in fs::read_dir(&self.root).during(self.root.display())? {
            let path = entry.during(self.root.display())?.path();
            if !used.iter().any(|tree| tree.layers.contains(&path)) {
                crate::place::remove_tree(&path)?;
            }
        }
        Ok(())
    }
}

fn skeleton(path: &Path) -> Result<(), Error> {
    SKELETON.iter().try_for_each(|(name, mode)| directory(&path.join(name), *mode))?;
    link("/run", &path.join("var/run"))?;
    link("/run/lock", &path.join("var/lock"))
}

fn directory(path: &Path, mode: u32) -> Result<(), Error> {
    fs::create_dir_all(path).during(path.display())?;
    set_mode(path, mode)
}

fn set_mode(path: &Path, mode: u32) -> Result<(), Error> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).during(path.display())
}

fn link(to: &str, path: &Path) -> Result<(), Error> {
    symlink(to, path).during(path.display())
}

fn file(path: &Path, content: &[u8], mode: u32) -> Result<(), Error> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).during(parent.display())?;
    }
    fs::write(path, content).during(path.display())?;
    set_mode(path, mode)
}
