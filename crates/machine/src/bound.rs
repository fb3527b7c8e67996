//! What an agent does for its front, and what it does not: a front that somebody else has taken over asks for more than its cloud.
//!
//! Invariant: of the host, sandboxes get what their machine keeps for them, the images, and networks of their cloud.

use crate::Error;
use crate::agent::Opening;
use crate::requests::Request;
use crate::spec::{Image, Network, Source, Spec, Volume};
use std::path::{Component, Path};

/// Where `ip` keeps network namespaces.
const NETWORKS: &str = "/run/netns";
/// What a directory is called in which a fork is put together.
const FORK: &str = ".fork.part";

/// Refuses what no front of a cloud asks for.
pub(crate) fn check(bound: &Opening, request: &Request) -> Result<(), Error> {
    let cloud = bound.cloud.as_str();
    match request {
        Request::Start(spec) => of_spec(cloud, spec),
        Request::Attach { volume, .. } => of_volume(volume),
        Request::MakeNetwork { path } => of_network(cloud, path),
        Request::SaveVolumes { to } => of_cloud(bound, to),
        Request::PlaceVolumes { from, to, .. } => {
            from.iter().try_for_each(|from| of_cloud(bound, from))?;
            if is_for_a_fork(to) { Ok(()) } else { of_cloud(bound, to) }
        }
        _ => Ok(()),
    }
}

fn of_spec(cloud: &str, spec: &Spec) -> Result<(), Error> {
    if matches!(spec.image, Image::Layers(_)) {
        return refused("directories of the host as an image");
    }
    spec.volumes.iter().try_for_each(of_volume)?;
    match &spec.network {
        Network::Isolated => Ok(()),
        Network::Namespace(path) => of_network(cloud, path),
    }
}

fn of_volume(volume: &Volume) -> Result<(), Error> {
    match volume.source {
        Source::Volume(_) => Ok(()),
        Source::Directory(_) | Source::Block(_) => refused("files of the host as a volume"),
    }
}

fn of_network(cloud: &str, path: &Path) -> Result<(), Error> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let own = plain && name.starts_with(&format!("yakumo-{cloud}-"));
    if own && path == Path::new(NETWORKS).join(name) { Ok(()) } else { refused("a network of others") }
}

/// What lies in the cloud's directory, or in the machine's where the cloud has none.
fn of_cloud(bound: &Opening, path: &Path) -> Result<(), Error> {
    let own = if bound.keeps { bound.root.parent().unwrap_or(&bound.root) } else { &bound.root };
    if is_plain(path) && path.starts_with(own) { Ok(()) } else { refused("directories of the host") }
}

/// A fork is put together below a directory of a name that nobody else uses.
fn is_for_a_fork(path: &Path) -> bool {
    is_plain(path) && path.iter().any(|part| part == FORK)
}

fn is_plain(path: &Path) -> bool {
    path.is_absolute()
        && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}

fn refused(what: &str) -> Result<(), Error> {
    Err(Error::invalid(format!("{what}: this agent works for one cloud")))
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::agent::Opening;
    use crate::requests::Request;
    use crate::spec::{Disk, Image, Lifetime, Limits, Network, Source, Spec, Volume};

    #[test]
    fn a_front_has_what_is_its_clouds_and_nothing_of_the_host() {
        let bound = Opening {
            root: "/data/machines".into(),
            cloud: "c1".into(),
            run: "/run/yakumo".into(),
            keeps: true,
            generation: None,
        };
        let save = |to: &str| check(&bound, &Request::SaveVolumes { to: to.into() });
        assert!(save("/data/snapshots/.s.part/disks").is_ok());
        assert!(save("/etc/disks").is_err() && save("/data/../etc").is_err());
        let place = |from: &str, to: &str| {
            let (from, to, generation) = (Some(from.into()), to.into(), "g".to_owned());
            check(&bound, &Request::PlaceVolumes { from, to, generation })
        };
        assert!(place("/data/snapshots/s/disks", "/data/machines/next").is_ok());
        assert!(place("/data/snapshots/s/disks", "/srv/fork/.fork.part/machines/volumes").is_ok());
        assert!(place("/home/ann", "/data/machines/next").is_err());
        assert!(place("/data/snapshots/s/disks", "/etc/cron.d").is_err());
        let network = |path: &str| Request::MakeNetwork { path: path.into() };
        assert!(check(&bound, &network("/run/netns/yakumo-c1-eni-1")).is_ok());
        for other in [
            "/run/netns/yakumo-c2-eni-1",
            "/run/netns/yakumo-c1-/../yakumo-c2-eni-1",
            "/run/netns/../netns/yakumo-c1-eni-1",
            "/etc/yakumo-c1-eni-1",
            "/proc/1/ns/net",
        ] {
            assert!(check(&bound, &network(other)).is_err(), "{other}");
        }
        let volume = |source| Volume { source, path: "/mnt".into(), read_only: false };
        let attach = |source| Request::Attach { id: "i".into(), volume: volume(source) };
        assert!(check(&bound, &attach(Source::Volume("v".into()))).is_ok());
        assert!(check(&bound, &attach(Source::Directory("/".into()))).is_err());
        assert!(check(&bound, &attach(Source::Block("/dev/sda".into()))).is_err());
        let spec = Spec {
            id: "i".into(),
            image: Image::Host,
            disk: Disk::ReadOnly,
            command: None,
            lifetime: Lifetime::UntilStopped,
            hostname: "i".into(),
            network: Network::Isolated,
            administers_network: false,
            no_new_privileges: false,
            files: vec![],
            authorities: String::new(),
            limits: Limits::default(),
            volumes: vec![],
        };
        let start = |spec: Spec| check(&bound, &Request::Start(Box::new(spec)));
        assert!(start(spec.clone()).is_ok());
        assert!(start(Spec { image: Image::Layers(vec!["/".into()]), ..spec.clone() }).is_err());
        assert!(
            start(Spec { volumes: vec![volume(Source::Directory("/etc".into()))], ..spec.clone() }).is_err()
        );
        assert!(start(Spec { network: Network::Namespace("/proc/1/ns/net".into()), ..spec }).is_err());
    }
}
