//! DescribeInstanceTypes: AWS's facts of the types, and what of them is true here.
//!
//! DIFFERS: what instances here cannot do no type claims: Spot, dedicated hosts, hibernation, enclaves, EFA, CPU options.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypes.html>

use super::{InstanceType, all, facts, find};
use crate::filters::{Filtered, Filters, fact};
use crate::pages::Wanted;
use crate::tags::Tags;
use yakumo_api_ec2::{
    self as api, DescribeInstanceTypesInput, DescribeInstanceTypesOutput, InstanceTypeInfo,
};
use yakumo_aws::{Error, Result};
use yakumo_room::Ctx;

/// AWS: "the maximum is 100" on one page.
const PAGE_MAX: i32 = 100;

fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

fn one(text: &str) -> Option<Vec<String>> {
    Some(vec![text.to_owned()])
}

/// What the API shows of a type.
pub(super) fn shown(kind: &InstanceType) -> InstanceTypeInfo {
    let (family, name) = (kind.family, kind.name());
    let is_arm = family.architecture == "arm64";
    let boot_modes: &[&str] = match (is_arm, kind.is_nitro()) {
        (true, _) => &["uefi"],
        (false, true) => &["legacy-bios", "uefi"],
        (false, false) => &["legacy-bios"],
    };
    InstanceTypeInfo {
        current_generation: Some(family.name != "m1"),
        free_tier_eligible: Some(facts::FREE_TIER.contains(&name.as_str())),
        instance_type: Some(name),
        supported_usage_classes: one("on-demand"),
        supported_root_device_types: one("ebs"),
        supported_virtualization_types: one("hvm"),
        bare_metal: Some(false),
        hypervisor: Some(family.hypervisor.to_owned()),
        processor_info: Some(api::ProcessorInfo {
            supported_architectures: one(family.architecture),
            sustained_clock_speed_in_ghz: family.ghz,
            manufacturer: Some(family.maker.to_owned()),
            ..api::ProcessorInfo::default()
        }),
        v_cpu_info: Some(api::VCpuInfo {
            default_v_cpus: Some(number(kind.vcpus)),
            default_cores: Some(number((kind.vcpus / family.threads).max(1))),
            default_threads_per_core: Some(number(family.threads)),
            ..api::VCpuInfo::default()
        }),
        memory_info: Some(api::MemoryInfo { size_in_mi_b: Some(i64::from(kind.memory_mib)) }),
        instance_storage_supported: Some(false),
        ebs_info: Some(ebs(kind)),
        network_info: Some(network(kind)),
        // Placement groups are not there; the element is: Terraform's provider looks for it.
        placement_group_info: Some(api::PlacementGroupInfo { supported_strategies: Some(Vec::new()) }),
        hibernation_supported: Some(false),
        burstable_performance_supported: Some(family.name.starts_with('t')),
        dedicated_hosts_supported: Some(false),
        auto_recovery_supported: Some(true),
        supported_boot_modes: Some(boot_modes.iter().map(|mode| (*mode).to_owned()).collect()),
        nitro_enclaves_support: Some("unsupported".to_owned()),
        nitro_tpm_support: Some("unsupported".to_owned()),
        ..InstanceTypeInfo::default()
    }
}

fn ebs(kind: &InstanceType) -> api::EbsInfo {
    let support = match (kind.ebs(), kind.is_nitro()) {
        (None, _) => "unsupported",
        (Some(_), true) => "default",
        (Some(_), false) => "supported",
    };
    let optimized = kind.ebs().map(|ebs| api::EbsOptimizedInfo {
        baseline_bandwidth_in_mbps: Some(number(ebs.mbps.0)),
        baseline_throughput_in_m_bps: Some(f64::from(ebs.mbps.0) / 8.0),
        baseline_iops: Some(number(ebs.iops.0)),
        maximum_bandwidth_in_mbps: Some(number(ebs.mbps.1)),
        maximum_throughput_in_m_bps: Some(f64::from(ebs.mbps.1) / 8.0),
        maximum_iops: Some(number(ebs.iops.1)),
    });
    api::EbsInfo {
        ebs_optimized_support: Some(support.to_owned()),
        encryption_support: Some("supported".to_owned()),
        ebs_optimized_info: optimized,
        nvme_support: Some(if kind.is_nitro() { "required" } else { "unsupported" }.to_owned()),
        ..api::EbsInfo::default()
    }
}

fn network(kind: &InstanceType) -> api::NetworkInfo {
    let size = kind.size;
    let card = api::NetworkCardInfo {
        network_card_index: Some(0),
        network_performance: Some(size.network.to_owned()),
        maximum_network_interfaces: Some(number(size.interfaces)),
        ..api::NetworkCardInfo::default()
    };
    let has_ipv6 = kind.family.name != "m1";
    api::NetworkInfo {
        network_performance: Some(size.network.to_owned()),
        maximum_network_interfaces: Some(number(size.interfaces)),
        maximum_network_cards: Some(1),
        default_network_card_index: Some(0),
        network_cards: Some(vec![card]),
        ipv4_addresses_per_interface: Some(number(size.addresses)),
        ipv6_addresses_per_interface: Some(if has_ipv6 { number(size.addresses) } else { 0 }),
        ipv6_supported: Some(has_ipv6),
        ena_support: Some(if kind.is_nitro() { "required" } else { "unsupported" }.to_owned()),
        efa_supported: Some(false),
        ..api::NetworkInfo::default()
    }
}

struct Seen(InstanceTypeInfo);

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &[
        "auto-recovery-supported",
        "bare-metal",
        "burstable-performance-supported",
        "current-generation",
        "dedicated-hosts-supported",
        "ebs-info.attachment-limit-type",
        "ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps",
        "ebs-info.ebs-optimized-info.baseline-iops",
        "ebs-info.ebs-optimized-info.baseline-throughput-in-mbps",
        "ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps",
        "ebs-info.ebs-optimized-info.maximum-iops",
        "ebs-info.ebs-optimized-info.maximum-throughput-in-mbps",
        "ebs-info.ebs-optimized-support",
        "ebs-info.encryption-support",
        "ebs-info.maximum-ebs-attachments",
        "ebs-info.nvme-support",
        "free-tier-eligible",
        "hibernation-supported",
        "hypervisor",
        "instance-storage-info.disk.count",
        "instance-storage-info.disk.size-in-gb",
        "instance-storage-info.disk.type",
        "instance-storage-info.encryption-support",
        "instance-storage-info.nvme-support",
        "instance-storage-info.total-size-in-gb",
        "instance-storage-supported",
        "instance-type",
        "memory-info.size-in-mib",
        "network-info.bandwidth-weightings",
        "network-info.efa-info.maximum-efa-interfaces",
        "network-info.efa-supported",
        "network-info.ena-support",
        "network-info.encryption-in-transit-supported",
        "network-info.flexible-ena-queues-support",
        "network-info.ipv4-addresses-per-interface",
        "network-info.ipv6-addresses-per-interface",
        "network-info.ipv6-supported",
        "network-info.maximum-network-cards",
        "network-info.maximum-network-interfaces",
        "network-info.network-performance",
        "nitro-enclaves-support",
        "nitro-tpm-info.supported-versions",
        "nitro-tpm-support",
        "processor-info.supported-architecture",
        "processor-info.supported-features",
        "processor-info.sustained-clock-speed-in-ghz",
        "reboot-migration-support",
        "supported-boot-mode",
        "supported-root-device-type",
        "supported-usage-class",
        "supported-virtualization-type",
        "vcpu-info.default-cores",
        "vcpu-info.default-threads-per-core",
        "vcpu-info.default-vcpus",
        "vcpu-info.valid-cores",
        "vcpu-info.valid-threads-per-core",
    ];
    const HAS_TAGS: bool = false;

    fn facts(&self, filter: &str) -> Vec<String> {
        let Seen(info) = self;
        let on = |value: Option<bool>| fact(value.map(|value| value.to_string()));
        let (part, name) = filter.split_once('.').unwrap_or(("", filter));
        match part {
            "ebs-info" => of_ebs(info, name),
            "network-info" => of_network(info, name),
            "processor-info" | "vcpu-info" | "memory-info" => of_processor(info, name),
            // What no type here has.
            "instance-storage-info" | "nitro-tpm-info" => Vec::new(),
            _ => match name {
                "auto-recovery-supported" => on(info.auto_recovery_supported),
                "bare-metal" => on(info.bare_metal),
                "burstable-performance-supported" => on(info.burstable_performance_supported),
                "current-generation" => on(info.current_generation),
                "dedicated-hosts-supported" => on(info.dedicated_hosts_supported),
                "free-tier-eligible" => on(info.free_tier_eligible),
                "hibernation-supported" => on(info.hibernation_supported),
                "hypervisor" => fact(info.hypervisor.clone()),
                "instance-storage-supported" => on(info.instance_storage_supported),
                "instance-type" => fact(info.instance_type.clone()),
                "nitro-enclaves-support" => fact(info.nitro_enclaves_support.clone()),
                "nitro-tpm-support" => fact(info.nitro_tpm_support.clone()),
                "reboot-migration-support" => fact(info.reboot_migration_support.clone()),
                "supported-boot-mode" => info.supported_boot_modes.clone().unwrap_or_default(),
                "supported-root-device-type" => info.supported_root_device_types.clone().unwrap_or_default(),
                "supported-usage-class" => info.supported_usage_classes.clone().unwrap_or_default(),
                _ => info.supported_virtualization_types.clone().unwrap_or_default(),
            },
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

fn of_ebs(info: &InstanceTypeInfo, name: &str) -> Vec<String> {
    let ebs = info.ebs_info.clone().unwrap_or_default();
    let optimized = ebs.ebs_optimized_info.unwrap_or_default();
    let whole = |value: Option<i32>| fact(value.map(|value| value.to_string()));
    match name {
        "ebs-optimized-info.baseline-bandwidth-in-mbps" => whole(optimized.baseline_bandwidth_in_mbps),
        "ebs-optimized-info.baseline-iops" => whole(optimized.baseline_iops),
        "ebs-optimized-info.baseline-throughput-in-mbps" => {
            fact(optimized.baseline_throughput_in_m_bps.map(|value| value.to_string()))
        }
        "ebs-optimized-info.maximum-bandwidth-in-mbps" => whole(optimized.maximum_bandwidth_in_mbps),
        "ebs-optimized-info.maximum-iops" => whole(optimized.maximum_iops),
        "ebs-optimized-info.maximum-throughput-in-mbps" => {
            fact(optimized.maximum_throughput_in_m_bps.map(|value| value.to_string()))
        }
        "ebs-optimized-support" => fact(ebs.ebs_optimized_support),
        "encryption-support" => fact(ebs.encryption_support),
        "nvme-support" => fact(ebs.nvme_support),
        _ => Vec::new(),
    }
}

fn of_network(info: &InstanceTypeInfo, name: &str) -> Vec<String> {
    let network = info.network_info.clone().unwrap_or_default();
    let whole = |value: Option<i32>| fact(value.map(|value| value.to_string()));
    match name {
        "efa-supported" => fact(network.efa_supported.map(|value| value.to_string())),
        "ena-support" => fact(network.ena_support),
        "ipv4-addresses-per-interface" => whole(network.ipv4_addresses_per_interface),
        "ipv6-addresses-per-interface" => whole(network.ipv6_addresses_per_interface),
        "ipv6-supported" => fact(network.ipv6_supported.map(|value| value.to_string())),
        "maximum-network-cards" => whole(network.maximum_network_cards),
        "maximum-network-interfaces" => whole(network.maximum_network_interfaces),
        "network-performance" => fact(network.network_performance),
        _ => Vec::new(),
    }
}

fn of_processor(info: &InstanceTypeInfo, name: &str) -> Vec<String> {
    let processor = info.processor_info.clone().unwrap_or_default();
    let vcpus = info.v_cpu_info.clone().unwrap_or_default();
    let whole = |value: Option<i32>| fact(value.map(|value| value.to_string()));
    match name {
        "size-in-mib" => {
            fact(info.memory_info.as_ref().and_then(|memory| memory.size_in_mi_b).map(|mib| mib.to_string()))
        }
        "supported-architecture" => processor.supported_architectures.unwrap_or_default(),
        "sustained-clock-speed-in-ghz" => {
            fact(processor.sustained_clock_speed_in_ghz.map(|value| value.to_string()))
        }
        "default-cores" => whole(vcpus.default_cores),
        "default-threads-per-core" => whole(vcpus.default_threads_per_core),
        "default-vcpus" => whole(vcpus.default_v_cpus),
        _ => Vec::new(),
    }
}

pub(super) async fn describe_instance_types(
    _ctx: Ctx,
    input: DescribeInstanceTypesInput,
) -> Result<DescribeInstanceTypesOutput> {
    let filters = Filters::of::<Seen>(input.filters.as_ref())?;
    let names = input.instance_types.unwrap_or_default();
    let unknown: Vec<&str> = names.iter().filter(|name| find(name).is_none()).map(String::as_str).collect();
    if !unknown.is_empty() {
        let text = format!("The following supplied instance types do not exist: [{}]", unknown.join(", "));
        return Err(Error::sender("InvalidInstanceType", text));
    }
    let wanted = Wanted {
        max_results: input.max_results.or(Some(PAGE_MAX)),
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let is_named = |kind: &InstanceType| names.is_empty() || names.contains(&kind.name());
    let mut found: Vec<Seen> =
        all().filter(is_named).map(|kind| Seen(shown(&kind))).filter(|seen| filters.pass(seen)).collect();
    let key = |Seen(info): &Seen| info.instance_type.clone().unwrap_or_default();
    found.sort_by_key(key);
    let page = wanted.cut(found, key)?;
    Ok(DescribeInstanceTypesOutput {
        instance_types: Some(page.items.into_iter().map(|Seen(info)| info).collect()),
        next_token: page.next_token,
    })
}
