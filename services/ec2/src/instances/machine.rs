//! From an instance to its sandbox: image, size, network, and what is done at boot. Pure.

use super::{Instance, boot};
use crate::dns_names;
use crate::images::Root;
use crate::network_interfaces::NetworkInterface;
use crate::volumes::{self, Volume};
use std::path::PathBuf;
use yakumo_machine::{Command, Disk, File, Image, Lifetime, Limits, Network, Source, Spec};

/// The size of the disk of an instance from before there were volumes, in bytes.
const ROOT_BYTES: u64 = 8 << 30;
/// Processes of an instance for each MiB of its memory, as a kernel of its own would bound them.
const PROCESSES_PER_MIB: u32 = 8;

/// The sandbox of an instance in the network namespace of its interface. `rules_network` says whether that is its own, so that it may
/// route and translate; the volumes are its own.
pub(super) fn spec(
    instance: &Instance,
    interface: &NetworkInterface,
    namespace: PathBuf,
    rules_network: bool,
    volumes: &[Volume],
) -> Spec {
    let size = instance.size();
    let boot = boot::of(instance);
    let name = boot.hostname.unwrap_or_else(|| hostname(instance, interface));
    let hosts = format!("127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {name}\n");
    let mut files = vec![File::new("/etc/hostname", format!("{name}\n")), File::new("/etc/hosts", hosts)];
    files.extend(boot.files);
    Spec {
        id: instance.id.clone(),
        image: match instance.root {
            Root::Host => Image::Host,
            Root::Busybox => Image::Busybox,
        },
        disk: match volumes.iter().find(|volume| device(volume) == instance.root_device()) {
            Some(root) => Disk::Volume(root.id.clone()),
            None => Disk::Bytes(ROOT_BYTES),
        },
        command: Some(Command::new(["/bin/sh", boot::PATH, &instance.id])),
        lifetime: Lifetime::UntilStopped,
        hostname: name,
        network: Network::Namespace(namespace),
        administers_network: rules_network,
        no_new_privileges: false,
        files,
        authorities: String::new(),
        limits: Limits {
            memory_bytes: u64::from(size.memory_mib) << 20,
            cpu_thousandths: Some(size.vcpus * 1000),
            cpu_weight: (size.vcpus * 100).min(10_000),
            processes: size.memory_mib.saturating_mul(PROCESSES_PER_MIB),
            open_files: 1 << 20,
        },
        volumes: volumes
            .iter()
            .filter(|volume| device(volume) != instance.root_device())
            .map(|volume| yakumo_machine::Volume {
                source: Source::Volume(volume.id.clone()),
                path: volumes::place(device(volume)),
                read_only: false,
            })
            .collect(),
    }
}

fn device(volume: &Volume) -> &str {
    volume.attachment.as_ref().map_or("", |attachment| &attachment.device)
}

/// What the instance calls itself: the first label of its private name.
pub(super) fn hostname(instance: &Instance, interface: &NetworkInterface) -> String {
    let name = interface.primary().map(|address| dns_names::private(instance.home.region, address));
    name.as_deref().and_then(|name| name.split('.').next()).unwrap_or(&instance.id).to_owned()
}
