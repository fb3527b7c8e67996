//! RunInstances: what is asked for becomes records; the work starts them.

use super::metadata_options::{MetadataDefaults, MetadataOptions};
use super::{Association, Instance, Preferences, PrivateNames, State, interfaces, kinds, profiles, seen};
use crate::commit::{change, refuse};
use crate::images;
use crate::instance_types;
use crate::key_pairs::{self, KeyPair};
use crate::launch_templates::{self, Filled};
use crate::network_interfaces::{self, Launched, NetworkInterface};
use crate::nouns::{self, ALL, ClientToken, Home, Noun, new_id};
use crate::subnets::Subnet;
use crate::tags::{self, Tags};
use crate::volumes::{self, Volume, mappings};
use crate::{error, placement_groups, quotas};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use yakumo_api_ec2::{InstanceMetadataOptionsRequest, RunInstancesInput, RunInstancesOutput};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// AWS: the type of who names none.
const DEFAULT_TYPE: &str = "m1.small";
/// AWS: "User data is limited to 16 KB, in raw form, before it is base64-encoded."
const USER_DATA_MAX_BYTES: usize = 16 * 1024;

/// The instance type that a request means.
pub(super) fn type_of(input: &RunInstancesInput) -> String {
    input.instance_type.clone().unwrap_or_else(|| DEFAULT_TYPE.to_owned())
}

/// The default subnet that a request without a subnet means: in the zone that it names, or in the first one.
pub(super) async fn default_subnet(ctx: &Ctx, input: &RunInstancesInput) -> Result<Option<Subnet>> {
    let placement = input.placement.as_ref();
    // Terraform names an empty zone where it means any.
    let named = |name: Option<&String>| name.filter(|name| !name.is_empty()).cloned();
    let zone = named(placement.and_then(|placement| placement.availability_zone.as_ref()));
    let zone_id = named(placement.and_then(|placement| placement.availability_zone_id.as_ref()));
    let mut all: Vec<Subnet> = ctx.list(&Home::of(ctx).scope(), &[], None, ALL).await?;
    all.sort_by(|one, other| one.zone.cmp(&other.zone));
    let is_meant = |subnet: &Subnet| {
        subnet.is_default
            && zone.as_ref().is_none_or(|zone| subnet.zone == *zone)
            && zone_id.as_ref().is_none_or(|id| subnet.zone_id == *id)
    };
    Ok(all.into_iter().find(is_meant))
}

/// What the request says, checked as far as it can be without records.
struct Wish {
    kind: String,
    count: (i32, i32),
    user_data: Option<String>,
    metadata: Option<InstanceMetadataOptionsRequest>,
    ends_with_shutdown: bool,
    instance_tags: Tags,
    interface_tags: Tags,
    volume_tags: Tags,
}

impl Wish {
    fn of(input: &RunInstancesInput) -> Result<Wish> {
        refuse_parts(input)?;
        let kind = type_of(input);
        instance_types::require(&kind)?;
        let count = (input.min_count, input.max_count);
        if count.0 < 1 || count.1 < 1 {
            let text = "A value of less than 1 is not valid for the number of instances";
            return Err(error::invalid_parameter_value(text));
        }
        if count.0 > count.1 {
            let text = "You cannot specify a minimum number of instances greater than the maximum.";
            return Err(error::invalid_parameter_value(text));
        }
        kinds::check_ebs(&kind, input.ebs_optimized == Some(true))?;
        kinds::check_credits(&kind, input.credit_specification.as_ref())?;
        let specifications = input.tag_specifications.as_deref().unwrap_or_default();
        let of_kind = |kind: &str| {
            let own: Vec<_> = specifications
                .iter()
                .filter(|one| one.resource_type.as_deref() == Some(kind))
                .cloned()
                .collect();
            tags::at_creation(kind, Some(&own))
        };
        for specification in specifications {
            match specification.resource_type.as_deref() {
                Some("instance" | "network-interface" | "volume") => {}
                Some(other) => {
                    let text = format!("'{other}' is not a valid taggable resource type for this operation.");
                    return Err(error::invalid_parameter_value(text));
                }
                None => {
                    let text = "Tag specification resource type must have a value";
                    return Err(error::invalid_parameter_value(text));
                }
            }
        }
        Ok(Wish {
            kind,
            count,
            user_data: user_data(input.user_data.as_deref())?,
            metadata: input.metadata_options.clone(),
            ends_with_shutdown: ends_with_shutdown(input.instance_initiated_shutdown_behavior.as_deref())?,
            instance_tags: of_kind(Instance::KIND)?,
            interface_tags: of_kind(NetworkInterface::KIND)?,
            volume_tags: of_kind(Volume::KIND)?,
        })
    }
}

/// What is modelled and does not act yet.
fn refuse_parts(input: &RunInstancesInput) -> Result<()> {
    let placement = input.placement.clone().unwrap_or_default();
    let tenancy = placement.tenancy.as_deref().is_some_and(|tenancy| tenancy != "default");
    let hibernates = input.hibernation_options.as_ref().and_then(|options| options.configured) == Some(true);
    let reservation = input.capacity_reservation_specification.as_ref();
    let maintenance = input.maintenance_options.as_ref();
    let preferences = Preferences {
        has_target: reservation.is_some_and(|wanted| wanted.capacity_reservation_target.is_some()),
        reservations: reservation.and_then(|wanted| wanted.capacity_reservation_preference.as_deref()),
        recovery: maintenance.and_then(|options| options.auto_recovery.as_deref()),
    };
    preferences.check("")?;
    let enclave = input.enclave_options.as_ref().and_then(|options| options.enabled) == Some(true);
    refuse(&[
        ("KernelId", input.kernel_id.is_some()),
        ("RamdiskId", input.ramdisk_id.is_some()),
        ("Placement.Affinity", placement.affinity.is_some()),
        ("Placement.HostId", placement.host_id.is_some()),
        ("Placement.HostResourceGroupArn", placement.host_resource_group_arn.is_some()),
        ("Placement.SpreadDomain", placement.spread_domain.is_some()),
        ("Placement.Tenancy", tenancy),
        ("ElasticGpuSpecification", input.elastic_gpu_specification.is_some()),
        ("ElasticInferenceAccelerator", input.elastic_inference_accelerators.is_some()),
        ("InstanceMarketOptions", input.instance_market_options.is_some()),
        ("CpuOptions", input.cpu_options.is_some()),
        ("HibernationOptions", hibernates),
        ("LicenseSpecification", input.license_specifications.is_some()),
        ("EnclaveOptions", enclave),
        ("EnablePrimaryIpv6", input.enable_primary_ipv6 == Some(true)),
        ("NetworkPerformanceOptions", input.network_performance_options.is_some()),
        ("Operator", input.operator.is_some()),
        ("SecondaryInterface", input.secondary_interfaces.is_some()),
        ("AdditionalInfo", input.additional_info.is_some()),
        ("Monitoring", input.monitoring.as_ref().is_some_and(|monitoring| monitoring.enabled)),
    ])
}

/// Whether the instances keep away from capacity reservations.
fn shuns_reservations(input: &RunInstancesInput) -> bool {
    let wanted = input.capacity_reservation_specification.as_ref();
    wanted.and_then(|wanted| wanted.capacity_reservation_preference.as_deref()) == Some("none")
}

/// Whether the behavior of that name ends an instance that shuts itself down.
pub(super) fn ends_with_shutdown(behavior: Option<&str>) -> Result<bool> {
    match behavior {
        None | Some("stop") => Ok(false),
        Some("terminate") => Ok(true),
        Some(other) => {
            Err(error::invalid_value(other, "instanceInitiatedShutdownBehavior", "Unknown behavior."))
        }
    }
}

/// User data as it is kept: the Base64 of a request without its white space.
pub(crate) fn user_data(text: Option<&str>) -> Result<Option<String>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let plain: String = text.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    let bytes = STANDARD
        .decode(&plain)
        .map_err(|_| error::invalid_parameter_value("Invalid BASE64 encoding of user data."))?;
    match bytes.len() > USER_DATA_MAX_BYTES {
        true => Err(error::invalid_parameter_value("User data is limited to 16384 bytes")),
        false => Ok(Some(plain)),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RunInstances.html>
pub(super) async fn run_instances(ctx: Ctx, input: RunInstancesInput) -> Result<RunInstancesOutput> {
    let bare = RunInstancesInput { client_token: None, dry_run: None, ..input.clone() };
    let Filled { input, template } = launch_templates::fill(&ctx, &input).await?;
    let mut wish = Wish::of(&input)?;
    if let Some((template, number)) = template {
        // AWS: what a template launched is tagged with it.
        wish.instance_tags.insert("aws:ec2launchtemplate:id".to_owned(), template.id);
        wish.instance_tags.insert("aws:ec2launchtemplate:version".to_owned(), number.to_string());
    }
    let wanted_interfaces = interfaces::wishes(&input, &wish.kind)?;
    let image = input.image_id.as_deref().ok_or_else(|| error::missing_parameter("ImageId"))?;
    let token = ClientToken::of(input.client_token.as_deref(), &bare);
    let meant = default_subnet(&ctx, &input).await?;
    let profile = match &input.iam_instance_profile {
        Some(named) => Some(profiles::wanted(&ctx, named).await?),
        None => None,
    };
    let made = change(&ctx, input.dry_run, |tx| {
        let (ctx, input, wish, wishes) = (&ctx, &input, &wish, &wanted_interfaces);
        let (token, meant, profile) = (token.clone(), meant.clone(), profile.as_ref());
        async move {
            let home = Home::of(ctx);
            let all: Vec<Instance> = nouns::all(&tx, home).await?;
            let mut known = Vec::new();
            for instance in &all {
                if ClientToken::made(token.as_ref(), instance.token.as_ref())? {
                    known.push(instance.clone());
                }
            }
            if !known.is_empty() {
                return Ok(known);
            }
            let options = options(&tx, home, wish).await?;
            let image_of = images::launch(&tx, home, image).await?;
            let wanted = input.block_device_mappings.as_ref();
            let mappings = mappings::merged(&image_of.mappings, wanted, &image_of.root_device)?;
            kinds::check_image(&tx, home, &wish.kind, image).await?;
            let interfaces = interfaces::placed(&tx, home, input, wishes, meant.as_ref()).await?;
            let first = interfaces.first().ok_or_else(|| Error::internal("a launch without interfaces"))?;
            let subnet = &first.subnet;
            let key = match input.key_name.as_deref().filter(|name| !name.is_empty()) {
                Some(name) => Some(key_pairs::named(&tx, home, name).await?),
                None => None,
            };
            let placement = input.placement.clone().unwrap_or_default();
            let group = placement_groups::wanted(
                &tx,
                home,
                placement.group_name.as_deref(),
                placement.group_id.as_deref(),
                placement.partition_number,
            )
            .await?;
            let mut count = room_for(&all, wish)?;
            if let Some(group) = &group {
                let room = group.room(&subnet.zone, &all);
                count = count.min(i32::try_from(room).unwrap_or(i32::MAX));
                if count < wish.count.0 {
                    return Err(group.no_room());
                }
            }
            let names = PrivateNames::launch(input.private_dns_name_options.as_ref(), subnet)?;
            let mut others = all.clone();
            let reservation = new_id(ctx, "r-");
            let mut made = Vec::new();
            for launch_index in 0..count {
                let place = match &group {
                    Some(group) => Some(group.place(&wish.kind, &subnet.zone, &others)?),
                    None => None,
                };
                let instance = Instance {
                    place,
                    names,
                    id: new_id(ctx, Instance::PREFIX),
                    home,
                    reservation: reservation.clone(),
                    launch_index,
                    image: image.to_owned(),
                    image_name: images::name(home, image),
                    root: image_of.root.clone(),
                    kind: wish.kind.clone(),
                    key_name: key.as_ref().map(|key| key.name.clone()),
                    key: key.as_ref().map(KeyPair::line),
                    vpc: subnet.vpc.clone(),
                    subnet: subnet.id.clone(),
                    zone: subnet.zone.clone(),
                    zone_id: subnet.zone_id.clone(),
                    state: State::Pending,
                    state_reason: None,
                    transition: String::new(),
                    launched: ctx.now(),
                    ended: None,
                    boots: 1,
                    reboots: false,
                    user_data: wish.user_data.clone(),
                    keeps_running: input.disable_api_termination == Some(true),
                    never_stops: input.disable_api_stop == Some(true),
                    ends_with_shutdown: wish.ends_with_shutdown,
                    ebs_optimized: input.ebs_optimized == Some(true),
                    shuns_reservations: shuns_reservations(input),
                    metadata: options.clone(),
                    profile: profile.map(|profile| Association::new(ctx, profile)),
                    token: token.clone(),
                    root_device: Some(image_of.root_device.clone()),
                    tags: wish.instance_tags.clone(),
                };
                for own in &interfaces {
                    let launched = Launched {
                        instance: &instance.id,
                        index: own.index,
                        is_only: interfaces.len() == 1,
                        subnet: &own.subnet,
                        wish: &own.wish,
                        groups: own.groups.as_deref(),
                        tags: &wish.interface_tags,
                    };
                    network_interfaces::give(&tx, ctx, launched).await?;
                }
                volumes::give(&tx, ctx, &instance, &mappings, &wish.volume_tags).await?;
                nouns::put(&tx, None, &instance);
                others.push(instance.clone());
                made.push(instance);
            }
            Ok(made)
        }
    })
    .await?;
    ctx.base().nudge(super::WORK);
    seen::reservation(&ctx, &made).await
}

/// How the metadata of the new instances can be read.
async fn options(tx: &Tx, home: Home, wish: &Wish) -> Result<MetadataOptions> {
    let defaults = MetadataDefaults::find(tx, home).await?;
    let options = defaults.launch(wish.metadata.as_ref())?;
    defaults.check(&options)?;
    options.check_tags(&wish.instance_tags)?;
    Ok(options)
}

/// How many can be started of those that are wanted.
fn room_for(all: &[Instance], wish: &Wish) -> Result<i32> {
    let alive = all.iter().filter(|instance| instance.state != State::Terminated).count();
    let left = i32::try_from(quotas::INSTANCES.saturating_sub(alive)).unwrap_or(i32::MAX);
    let (least, most) = wish.count;
    if left < least {
        let text = format!(
            "You have requested more instances ({}) than your current instance limit of {} allows for the specified instance type. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
            alive.saturating_add(usize::try_from(least).unwrap_or(usize::MAX)),
            quotas::INSTANCES
        );
        return Err(Error::sender("InstanceLimitExceeded", text));
    }
    Ok(most.min(left))
}

#[cfg(test)]
mod tests {
    use super::user_data;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn user_data_is_base64_of_at_most_16_kilobytes() {
        let encoded = |bytes: usize| STANDARD.encode(vec![b'x'; bytes]);
        assert_eq!(user_data(None).unwrap(), None);
        assert_eq!(user_data(Some("")).unwrap(), None);
        assert!(user_data(Some(&encoded(16_384))).unwrap().is_some());
        assert_eq!(user_data(Some("eA\n==")).unwrap().as_deref(), Some("eA=="));
        for bad in [encoded(16_385), "#!/bin/sh".to_owned()] {
            assert_eq!(user_data(Some(&bad)).unwrap_err().code, "InvalidParameterValue");
        }
    }
}
