//! GetLaunchTemplateData: an instance as a launch template would say it.

use super::data::{Data, Interface, Metadata, Names, Placement};
use crate::commit::only_if;
use crate::instance_types;
use crate::instances::{Instance, interfaces_of};
use crate::network_interfaces::NetworkInterface;
use crate::nouns::{self, ALL, Home};
use yakumo_api_ec2::{GetLaunchTemplateDataInput, GetLaunchTemplateDataOutput};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// AWS: addresses are left out, for another instance could not have them.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetLaunchTemplateData.html>
pub(super) async fn get_launch_template_data(
    ctx: Ctx,
    input: GetLaunchTemplateDataInput,
) -> Result<GetLaunchTemplateDataOutput> {
    let home = Home::of(&ctx);
    let instance: Instance = nouns::look_up(&ctx, home, &input.instance_id).await?;
    let all: Vec<NetworkInterface> = ctx.list(&home.scope(), &[], None, ALL).await?;
    only_if(input.dry_run)?;
    let own = interfaces_of(&all, &instance.id);
    let is_only = own.len() == 1;
    let interfaces = own.into_iter().map(|own| Interface {
        index: own.attachment.as_ref().map(|attachment| attachment.device_index),
        subnet: Some(own.subnet.clone()),
        description: Some(own.description.clone()),
        groups: Some(own.groups.clone()),
        public: is_only.then_some(own.wants_public),
        goes: own.attachment.as_ref().map(|attachment| attachment.delete_on_termination),
        ..Interface::default()
    });
    let switched = |on: bool| Some(if on { "enabled" } else { "disabled" }.to_owned());
    let metadata = &instance.metadata;
    let tags: Vec<(String, String)> = instance
        .tags
        .iter()
        .filter(|(key, _)| !key.starts_with("aws:"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let data = Data {
        image: Some(instance.image.clone()),
        kind: Some(instance.kind.clone()),
        key_name: instance.key_name.clone(),
        user_data: instance.user_data.clone(),
        ebs_optimized: Some(instance.ebs_optimized),
        keeps_running: Some(instance.keeps_running),
        never_stops: Some(instance.never_stops),
        shutdown_behavior: Some(if instance.ends_with_shutdown { "terminate" } else { "stop" }.to_owned()),
        monitoring: Some(false),
        credits: instance_types::is_burstable(&instance.kind).then(|| "unlimited".to_owned()),
        hibernates: Some(false),
        enclave: Some(false),
        placement: Some(Placement {
            zone: Some(instance.zone.clone()),
            tenancy: Some("default".to_owned()),
            group: instance.place.as_ref().map(|place| place.name.clone()),
            partition: instance.place.as_ref().and_then(|place| place.partition),
            ..Placement::default()
        }),
        names: Some(Names {
            kind: Some(instance.names.kind().to_owned()),
            a: Some(instance.names.a),
            aaaa: Some(instance.names.aaaa),
        }),
        metadata: Some(Metadata {
            tokens: Some(if metadata.tokens_required { "required" } else { "optional" }.to_owned()),
            hop_limit: Some(metadata.hop_limit),
            endpoint: switched(metadata.enabled),
            ipv6: switched(metadata.ipv6),
            tags: switched(metadata.tags),
        }),
        interfaces: Some(interfaces.collect()),
        tags: Some(vec![("instance".to_owned(), tags)]).filter(|_| !instance.tags.is_empty()),
        ..Data::default()
    };
    Ok(GetLaunchTemplateDataOutput { launch_template_data: Some(data.shown()) })
}
