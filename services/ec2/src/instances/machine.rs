//! From an instance to its sandbox: image, size, network, and what is done at boot. Pure.

use super::{Instance, boot};
use crate::dns_names;
use crate::images::Root;
use crate::network_interfaces::NetworkInterface;
use crate::volumes::{self, Volume};
use std::collections::BTreeMap;
use std::path::PathBuf;
use yakumo_machine::{Command, Disk, File, Image, Lifetime, Limits, Network, Source, Spec};

/// The size of the disk of an instance from before there were volumes, in bytes.
const ROOT_BYTES: u64 = 8 << 30;
/// Processes of an instance for each MiB of its memory, as a kernel of its own would bound them.
const PROCESSES_PER_MIB: u32 = 8;

/// Where all that programs trust is found in one file, the cloud's authority included.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";
/// What tells programs which bring a bundle of their own (botocore, requests, Node.js) of that file, and those that
/// look for one elsewhere.
const TRUSTING: [&str; 5] =
    ["AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"];

/// What an instance finds around it when it boots.
pub(super) struct Around {
    /// The network namespace of its interface.
    pub namespace: PathBuf,
    /// Whether that is its own, so that it may route and translate.
    pub rules_network: bool,
    /// What its `/etc/resolv.conf` says.
    pub resolv_conf: String,
    /// The certificate of the cloud's authority.
    pub authority: Option<String>,
}

/// The variables that every program of an instance should have, as `/etc/environment` has them.
pub(super) fn environment() -> BTreeMap<String, String> {
    TRUSTING.iter().map(|name| ((*name).to_owned(), BUNDLE.to_owned())).collect()
}

/// The sandbox of an instance. The volumes are its own.
pub(super) fn spec(
    instance: &Instance,
    interface: &NetworkInterface,
    around: Around,
    volumes: &[Volume],
) -> Spec {
    let size = instance.size();
    let boot = boot::of(instance);
    let name = boot.hostname.unwrap_or_else(|| hostname(instance, interface));
    let hosts = format!("127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {name}\n");
    let environment = around.authority.is_some().then(environment).unwrap_or_default();
    let variables: String = environment.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
    let mut files = vec![
        File::new("/etc/environment", variables),
        File::new("/etc/resolv.conf", around.resolv_conf),
        File::new("/etc/hostname", format!("{name}\n")),
        File::new("/etc/hosts", hosts),
    ];
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
        command: Some(Command { environment, ..Command::new(["/bin/sh", boot::PATH, &instance.id]) }),
        lifetime: Lifetime::UntilStopped,
        hostname: name,
        network: Network::Namespace(around.namespace),
        administers_network: around.rules_network,
        no_new_privileges: false,
        files,
        authorities: around.authority.unwrap_or_default(),
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

/// What the instance calls itself: the first label of its private name, which is its id or says its address.
pub(super) fn hostname(instance: &Instance, interface: &NetworkInterface) -> String {
    if instance.names.by_id {
        return instance.id.clone();
    }
    let name = interface.primary().map(|address| dns_names::private(instance.home.region, address));
    name.as_deref().and_then(|name| name.split('.').next()).unwrap_or(&instance.id).to_owned()
}
