//! Instances: the record, its states, and how it is registered.
//!
//! Invariant: a handler writes what is wanted (`state`), the work in `work.rs` makes it so and is the only one that says
//! `running`, `stopped` and `terminated`.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html>

mod attributes;
mod boot;
mod filtered;
mod interfaces;
mod kinds;
mod lines;
mod machine;
mod metadata;
mod metadata_options;
mod placement;
mod private_names;
mod profiles;
mod reservations;
mod run;
mod seen;
mod status;
mod switch;
mod work;

pub(crate) use interfaces::{check_card, check_index, other_zone};
pub use lines::{InstanceLine, instance_lines};
pub(crate) use metadata::Keeper;
pub(crate) use metadata_options::MetadataOptions;
pub(crate) use private_names::PrivateNames;
pub(crate) use profiles::Association;
pub(crate) use reservations::Preferences;
pub(crate) use run::user_data;
pub(crate) use work::{NAME as WORK, context, places, reconciler};

use crate::access::{self, Asked};
use crate::images::{Image, Root};
use crate::instance_types;
use crate::key_pairs;
use crate::launch_templates::{self, Filled, LaunchTemplate};
use crate::network_interfaces::NetworkInterface;
use crate::noun_record::noun;
use crate::nouns::{self, ALL, ClientToken, Home, Noun};
use crate::placement_groups::{self, Place};
use crate::security_groups::SecurityGroup;
use crate::snapshots::Snapshot;
use crate::subnets::Subnet;
use crate::tags::Tags;
use crate::volumes::Volume;
use crate::vpcs::Vpc;
use serde::{Deserialize, Serialize};
use yakumo_api_ec2 as api;
use yakumo_aws::{Result, Timestamp};
use yakumo_room::{Ctx, Room, Tx};

/// An instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Instance {
    /// `i-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// The request that started it: `r-…`.
    pub reservation: String,
    /// Which one of that request it is.
    pub launch_index: i32,
    /// The image's id.
    pub image: String,
    /// The image's name at the launch, which tells its default user.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image_name: String,
    /// What stands behind the image; it lives on when the image is gone.
    pub root: Root,
    /// `t3.micro`.
    pub kind: String,
    /// The name of its key pair.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_name: Option<String>,
    /// The public key of that pair as it was at the launch: the pair may be deleted, and the instance keeps its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The VPC of its first interface.
    pub vpc: String,
    /// The subnet of its first interface.
    pub subnet: String,
    /// The zone's name.
    pub zone: String,
    /// The zone's id.
    pub zone_id: String,
    /// Where it is in its life.
    pub state: State,
    /// Why its state changed last: code and text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_reason: Option<(String, String)>,
    /// The same in the words of `StateTransitionReason`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub transition: String,
    /// When it was launched or started last.
    pub launched: Timestamp,
    /// When it was terminated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// How often it has been started: what is done at the first start only is done at 1.
    pub boots: u64,
    /// Whether somebody asked for a reboot that has not been made yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reboots: bool,
    /// User data, in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_data: Option<String>,
    /// Whether TerminateInstances is refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_running: bool,
    /// Whether StopInstances is refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub never_stops: bool,
    /// Whether a shutdown from inside terminates it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ends_with_shutdown: bool,
    /// Whether it was asked to have a bandwidth to its disks of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ebs_optimized: bool,
    /// `CapacityReservationPreference`: whether it keeps away from reservations (`none`, not `open`). There are none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shuns_reservations: bool,
    /// Its placement group, and where it stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What it is named after.
    #[serde(default)]
    pub names: PrivateNames,
    /// How its metadata can be read.
    #[serde(default)]
    pub metadata: MetadataOptions,
    /// The instance profile that it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Association>,
    /// The request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<ClientToken>,
    /// The name of the device that it boots from; none of one from before there were volumes, whose disk is its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_device: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// Where an instance is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It is to be started.
    Pending,
    /// It runs.
    Running,
    /// It is to be terminated.
    ShuttingDown,
    /// It is only remembered.
    Terminated,
    /// It is to be stopped.
    Stopping,
    /// It has its disks and its addresses.
    Stopped,
}

impl State {
    /// AWS's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Running => "running",
            State::ShuttingDown => "shutting-down",
            State::Terminated => "terminated",
            State::Stopping => "stopping",
            State::Stopped => "stopped",
        }
    }

    /// AWS's number.
    pub(crate) fn code(self) -> i32 {
        match self {
            State::Pending => 0,
            State::Running => 16,
            State::ShuttingDown => 32,
            State::Terminated => 48,
            State::Stopping => 64,
            State::Stopped => 80,
        }
    }

    /// Whether its interfaces carry packets.
    pub(crate) fn is_live(self) -> bool {
        matches!(self, State::Pending | State::Running | State::Stopping)
    }

    /// As the API shows it.
    fn shown(self) -> api::InstanceState {
        api::InstanceState { code: Some(self.code()), name: Some(self.name().to_owned()) }
    }
}

noun!(
    Instance,
    table: "instances",
    type: "AWS::EC2::Instance",
    kind: "instance",
    prefix: "i-",
    not_found: "InvalidInstanceID.NotFound",
    malformed: "InvalidInstanceID.Malformed",
    spoken: "instance ID",
    // Seen: <https://github.com/mbailey/bash-my-aws/issues/149>.
    odd: |id| format!("Invalid id: \"{id}\""),
    check: |instance| instance.metadata.check_tags(&instance.tags),
    keys: |instance| {
        let options = instance.metadata.keys().map(|(key, value)| (key.to_owned(), vec![value]));
        let profile = instance.profile.iter().map(|own| ("ec2:InstanceProfile".to_owned(), vec![own.arn.clone()]));
        let group = instance.place.iter().map(|place| {
            let arn = instance.home.arn(crate::placement_groups::KIND, &place.name);
            ("ec2:PlacementGroup".to_owned(), vec![arn])
        });
        let mut keys: crate::nouns::Keys = options.into_iter().chain(profile).chain(group).collect();
        keys.extend([
        ("ec2:InstanceID".to_owned(), vec![instance.id.clone()]),
        ("ec2:InstanceType".to_owned(), vec![instance.kind.clone()]),
        ("ec2:AvailabilityZone".to_owned(), vec![instance.zone.clone()]),
        ("ec2:Tenancy".to_owned(), vec!["default".to_owned()]),
        ("ec2:RootDeviceType".to_owned(), vec!["ebs".to_owned()]),
        ("ec2:EbsOptimized".to_owned(), vec![instance.ebs_optimized.to_string()]),
        ]);
        keys
    },
);

impl Instance {
    /// AWS's name of what it does with capacity reservations.
    fn reservation_preference(&self) -> &'static str {
        if self.shuns_reservations { "none" } else { "open" }
    }

    /// The name of the device that it boots from.
    pub(crate) fn root_device(&self) -> &str {
        self.root_device.as_deref().unwrap_or("/dev/xvda")
    }

    /// How many network interfaces it may have.
    pub(crate) fn interfaces_max(&self) -> usize {
        self.size().interfaces()
    }

    /// Its type; one that is not known any more is the smallest.
    fn size(&self) -> instance_types::InstanceType {
        instance_types::find(&self.kind).unwrap_or_else(instance_types::smallest)
    }
}

/// The interfaces of an instance, in the order of their device indexes.
pub(crate) fn interfaces_of<'a>(all: &'a [NetworkInterface], instance: &str) -> Vec<&'a NetworkInterface> {
    let index = |interface: &&NetworkInterface| {
        interface.attachment.as_ref().map_or(0, |attachment| attachment.device_index)
    };
    let mut own: Vec<&NetworkInterface> =
        all.iter().filter(|interface| interface.instance() == Some(instance)).collect();
    own.sort_by_key(index);
    own
}

/// The first interface of an instance.
///
/// # Errors
/// InvalidInstanceID when there is no such instance or it has been terminated.
pub(crate) async fn primary_interface(tx: &Tx, home: Home, instance: &str) -> Result<NetworkInterface> {
    let found: Instance = nouns::find(tx, home, instance).await?;
    let all: Vec<NetworkInterface> = nouns::all(tx, home).await?;
    let primary = interfaces_of(&all, &found.id).first().map(|interface| (*interface).clone());
    primary.ok_or_else(|| Instance::not_found(instance))
}

/// The instances of an account in a region whose interfaces carry packets, as last committed.
pub(crate) async fn live(base: &yakumo_room::Base, home: Home) -> Result<std::collections::BTreeSet<String>> {
    let range = yakumo_room::store::Range::prefix(
        home.scope().record_key(<Instance as yakumo_room::Record>::TABLE, &[]),
    );
    let mut live = std::collections::BTreeSet::new();
    for (_, bytes) in base.store.scan(range, ALL).await? {
        let instance =
            <Instance as yakumo_room::Record>::from_bytes(&bytes).map_err(yakumo_aws::Error::internal)?;
        if instance.state.is_live() {
            live.insert(instance.id);
        }
    }
    Ok(live)
}

/// What an action on some instances is about.
fn all_of(ids: &[String]) -> Asked {
    ids.iter().fold(Asked::any(), |asked, id| asked.and::<Instance>(id))
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    let room = kinds::register(attributes::register(status::register(seen::register(room))));
    let room = private_names::register(room);
    let room = placement::register(metadata_options::register(profiles::register(room)));
    room.on(
        api::RunInstances,
        access::looked_up("ec2:RunInstances", |ctx, input| Box::pin(asked(ctx, input))),
        run::run_instances,
    )
    .on(
        api::StartInstances,
        access::needs("ec2:StartInstances", |input: &api::StartInstancesInput| all_of(&input.instance_ids)),
        switch::start_instances,
    )
    .on(
        api::StopInstances,
        access::needs("ec2:StopInstances", |input: &api::StopInstancesInput| all_of(&input.instance_ids)),
        switch::stop_instances,
    )
    .on(
        api::RebootInstances,
        access::needs("ec2:RebootInstances", |input: &api::RebootInstancesInput| all_of(&input.instance_ids)),
        switch::reboot_instances,
    )
    .on(
        api::TerminateInstances,
        access::needs("ec2:TerminateInstances", |input: &api::TerminateInstancesInput| {
            all_of(&input.instance_ids)
        }),
        switch::terminate_instances,
    )
}

/// AWS: RunInstances is about everything that it uses and everything that it makes, and the launch template.
async fn asked(ctx: &Ctx, input: &api::RunInstancesInput) -> Result<Asked> {
    let plain = asked_of(ctx, input).await?;
    let Some(wanted) = &input.launch_template else { return Ok(plain) };
    // Who may not ask learns nothing: that a template is not there is told later.
    let Ok(Filled { input: filled, template: Some((template, _)) }) =
        launch_templates::fill(ctx, input).await
    else {
        let id = wanted.launch_template_id.as_deref().unwrap_or("*");
        return Ok(plain.and_kind(LaunchTemplate::KIND, id));
    };
    let full = asked_of(ctx, &filled).await?.and::<LaunchTemplate>(&template.id);
    Ok(full.launched_by(&yakumo_room::Resource::arn(&template), &plain))
}

/// The same without a template.
async fn asked_of(ctx: &Ctx, input: &api::RunInstancesInput) -> Result<Asked> {
    let home = Home::of(ctx);
    let tags = input.tag_specifications.as_ref();
    let listed = input.network_interfaces.as_deref().unwrap_or_default();
    let named = input.subnet_id.as_deref().or_else(|| listed.iter().find_map(|own| own.subnet_id.as_deref()));
    let subnet: Option<Subnet> = match named {
        Some(id) if nouns::is_id(id) => ctx.get(&home.scope(), &[id]).await?,
        Some(_) => None,
        None => run::default_subnet(ctx, input).await?,
    };
    let mut asked = at_place(Asked::any().making::<Instance>(tags), subnet.as_ref())
        .of_it("ec2:InstanceType", run::type_of(input))
        .of_it("ec2:EbsOptimized", input.ebs_optimized == Some(true))
        .of_it("ec2:Tenancy", "default")
        .of_it("ec2:RootDeviceType", "ebs")
        .of_it("ec2:InstanceMarketType", "on-demand");
    let placement = input.placement.clone().unwrap_or_default();
    let (name, id) = (placement.group_name.as_deref(), placement.group_id.as_deref());
    let group = placement_groups::name_of(ctx, name, id).await?;
    if let Some(group) = &group {
        asked = asked.of_it("ec2:PlacementGroup", home.arn(placement_groups::KIND, group));
    }
    asked = profiles::passing(ctx, asked, input.iam_instance_profile.as_ref(), "ec2:InstanceProfile").await?;
    let defaults = metadata_options::MetadataDefaults::read(ctx).await?;
    // Options that cannot be are refused later, by whoever may ask.
    if let Ok(options) = defaults.launch(input.metadata_options.as_ref()) {
        asked = options.keys().into_iter().fold(asked, |asked, (key, value)| asked.of_it(key, value));
    }
    asked = at_place(asked.making::<Volume>(tags), subnet.as_ref());
    if let Some(group) = &group {
        asked = asked.and_named(placement_groups::KIND, group);
    }
    if let Some(image) = &input.image_id {
        asked = asked.and::<Image>(image);
    }
    for mapping in input.block_device_mappings.iter().flatten() {
        let snapshot = mapping.ebs.as_ref().and_then(|ebs| ebs.snapshot_id.as_deref());
        asked = asked.and_maybe::<Snapshot>(snapshot);
    }
    if let Some(key) = &input.key_name {
        asked = asked.and_named(key_pairs::KIND, key);
    }
    let groups = || listed.iter().flat_map(|own| own.groups.iter().flatten());
    for interface in listed {
        asked = match &interface.network_interface_id {
            Some(id) => asked.and::<NetworkInterface>(id),
            None => {
                let named = interface.subnet_id.as_deref();
                let own: Option<Subnet> = match named {
                    Some(id) if nouns::is_id(id) => ctx.get(&home.scope(), &[id]).await?,
                    Some(_) => None,
                    None => subnet.clone(),
                };
                making_interface(asked, tags, own.as_ref(), interface.associate_public_ip_address)
                    .and_maybe::<Subnet>(named)
            }
        };
    }
    if listed.is_empty() {
        asked = making_interface(asked, tags, subnet.as_ref(), None);
        asked = match (&input.subnet_id, &subnet) {
            (Some(id), _) => asked.and::<Subnet>(id),
            (None, Some(subnet)) => asked.and::<Subnet>(&subnet.id).assumed(),
            (None, None) => asked,
        };
    }
    let wanted: Vec<&String> = groups().chain(input.security_group_ids.iter().flatten()).collect();
    let has_none = wanted.is_empty() && input.security_groups.is_none();
    let comes = !listed.iter().any(|own| own.network_interface_id.is_some());
    asked = wanted.into_iter().fold(asked, |asked, group| asked.and::<SecurityGroup>(group));
    if let Some(subnet) = subnet.filter(|_| comes) {
        // AWS: groups that are named by name, and the VPC's own for who names none, are used, too.
        let names = input.security_groups.as_deref().unwrap_or_default();
        let all: Vec<SecurityGroup> = ctx.list(&home.scope(), &[], None, ALL).await?;
        for group in all.iter().filter(|group| group.vpc == subnet.vpc) {
            if names.contains(&group.name) {
                asked = asked.and::<SecurityGroup>(&group.id);
            } else if has_none && group.is_default() {
                asked = asked.and::<SecurityGroup>(&group.id).assumed();
            }
        }
    }
    Ok(asked)
}

/// What is made last stands where the subnet is.
fn at_place(asked: Asked, subnet: Option<&Subnet>) -> Asked {
    let Some(subnet) = subnet else { return asked };
    asked.of_it("ec2:AvailabilityZone", &subnet.zone).of_it("ec2:AvailabilityZoneId", &subnet.zone_id)
}

fn making_interface(
    asked: Asked,
    tags: Option<&Vec<api::TagSpecification>>,
    subnet: Option<&Subnet>,
    public: Option<bool>,
) -> Asked {
    let mut asked = at_place(asked.making::<NetworkInterface>(tags), subnet);
    if let Some(subnet) = subnet {
        asked = asked
            .of_it("ec2:Subnet", subnet.home.arn(Subnet::KIND, &subnet.id))
            .of_it("ec2:Vpc", subnet.home.arn(Vpc::KIND, &subnet.vpc));
    }
    match public {
        Some(public) => asked.of_it("ec2:AssociatePublicIpAddress", public),
        None => asked,
    }
}
