//! The repository that a task works on: its root, its tracked files, its packages.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A checkout of this repository.
#[derive(Debug)]
pub struct Workspace {
    /// The folder with the root manifest.
    pub root: PathBuf,
}

/// One package of the workspace, as `cargo metadata` tells.
#[derive(Debug)]
pub struct Package {
    /// Its name: `yakumo-sqs`.
    pub name: String,
    /// Its folder, relative to the root: `services/sqs`.
    pub folder: String,
    /// Packages of this workspace that it uses when it is built or run, by name.
    pub uses: Vec<String>,
    /// Packages of this workspace that only its tests use.
    pub tests_use: Vec<String>,
    /// Third-party packages that it uses when it is built or run.
    pub foreign: Vec<String>,
}

impl Workspace {
    /// The checkout that this program was built from.
    pub fn open() -> Result<Workspace> {
        let here = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = here.parent().context("xtask lies in the repository's root")?;
        Ok(Workspace { root: root.to_owned() })
    }

    /// A path below the root.
    pub fn path(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.root.join(relative)
    }

    /// Reads a text file below the root.
    pub fn read(&self, relative: &str) -> Result<String> {
        std::fs::read_to_string(self.path(relative)).with_context(|| format!("cannot read {relative}"))
    }

    /// Files that git tracks or would track, relative to the root, in order.
    pub fn files(&self) -> Result<Vec<String>> {
        let mut git = Command::new("git");
        git.current_dir(&self.root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let text = output(&mut git)?;
        let names = text.split('\0').filter(|name| !name.is_empty() && self.path(name).is_file());
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The folders directly below `parent`, in order.
    pub fn folders(&self, parent: &str) -> Result<Vec<String>> {
        let entries =
            std::fs::read_dir(self.path(parent)).with_context(|| format!("cannot list {parent}"))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.path().join("Cargo.toml").is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// The workspace's packages.
    pub fn packages(&self) -> Result<Vec<Package>> {
        let metadata = self.metadata()?;
        let packages = metadata["packages"].as_array().context("cargo metadata has packages")?;
        let ours: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
        packages.iter().map(|package| self.package(package, &ours)).collect()
    }

    /// Where cargo puts what it builds.
    pub fn target(&self) -> Result<PathBuf> {
        let metadata = self.metadata()?;
        let target = metadata["target_directory"].as_str().context("cargo metadata has target_directory")?;
        Ok(PathBuf::from(target))
    }

    fn metadata(&self) -> Result<Value> {
        let mut cargo = cargo();
        cargo.current_dir(&self.root).args(["metadata", "--format-version", "1", "--no-deps", "--offline"]);
        serde_json::from_str(&output(&mut cargo)?).context("cargo metadata speaks JSON")
    }

    fn package(&self, package: &Value, ours: &[&str]) -> Result<Package> {
        let name = package["name"].as_str().context("a package has a name")?.to_owned();
        let manifest = Path::new(package["manifest_path"].as_str().context("a package has a manifest")?);
        let folder = manifest.parent().and_then(|folder| folder.strip_prefix(&self.root).ok());
        let folder = folder.with_context(|| format!("{name} lies outside of the repository"))?;
        let (mut uses, mut tests_use, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let used = dependency["name"].as_str().unwrap_or_default().to_owned();
            match (ours.contains(&used.as_str()), dependency["kind"].as_str()) {
                (true, Some("dev")) => tests_use.push(used),
                (true, _) => uses.push(used),
                (false, Some("dev")) => {}
                (false, _) => foreign.push(used),
            }
        }
        Ok(Package { name, folder: folder.to_string_lossy().replace('\\', "/"), uses, tests_use, foreign })
    }
}

/// The cargo that runs us.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a command and returns its standard output; its standard error is shown when it fails.
pub fn output(command: &mut Command) -> Result<String> {
    let result = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !result.status.success() {
        bail!("{command:?} failed: {}", String::from_utf8_lossy(&result.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&result.stdout).into_owned())
}
