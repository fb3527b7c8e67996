//! ModifyInstancePlacement: another placement group for an instance that rests.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstancePlacement.html>

use super::{Instance, State};
use crate::access::{self, Asked};
use crate::commit::{change, refuse};
use crate::error;
use crate::nouns::{self, Home};
use crate::placement_groups::{self, KIND};
use yakumo_api_ec2::{self as api, ModifyInstancePlacementInput, ModifyInstancePlacementOutput};
use yakumo_aws::{Error, Result};
use yakumo_room::Ctx;
use yakumo_room::Room;

/// Registers the operation of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::ModifyInstancePlacement,
        access::looked_up("ec2:ModifyInstancePlacement", |ctx, input: &ModifyInstancePlacementInput| {
            Box::pin(async move {
                let asked = Asked::on::<Instance>(&input.instance_id);
                let (name, id) = (input.group_name.as_deref(), input.group_id.as_deref());
                Ok(match placement_groups::name_of(ctx, name, id).await? {
                    Some(name) => asked.and_named(KIND, &name),
                    None => asked,
                })
            })
        }),
        modify_instance_placement,
    )
}

async fn modify_instance_placement(
    ctx: Ctx,
    input: ModifyInstancePlacementInput,
) -> Result<ModifyInstancePlacementOutput> {
    refuse(&[
        ("Affinity", input.affinity.is_some()),
        ("HostId", input.host_id.is_some()),
        ("HostResourceGroupArn", input.host_resource_group_arn.is_some()),
        ("Tenancy", input.tenancy.is_some()),
    ])?;
    if input.group_name.is_none() && input.group_id.is_none() && input.partition_number.is_none() {
        return Err(error::missing_parameter("groupName"));
    }
    change(&ctx, None, |tx| {
        let (home, input) = (Home::of(&ctx), &input);
        async move {
            let before: Instance = nouns::find(&tx, home, &input.instance_id).await?;
            if before.state != State::Stopped {
                let text = format!("The instance '{}' is not in the 'stopped' state.", before.id);
                return Err(Error::sender("IncorrectInstanceState", text));
            }
            // A partition alone is one of the group that the instance has.
            let says_group = input.group_name.is_some() || input.group_id.is_some();
            let own = before.place.as_ref().filter(|_| !says_group).map(|place| place.group.as_str());
            let (name, id) = (input.group_name.as_deref(), input.group_id.as_deref().or(own));
            let wanted = placement_groups::wanted(&tx, home, name, id, input.partition_number).await?;
            let mut others: Vec<Instance> = nouns::all(&tx, home).await?;
            others.retain(|other| other.id != before.id);
            let place = match &wanted {
                Some(wanted) => Some(wanted.place(&before.kind, &before.zone, &others)?),
                None => None,
            };
            nouns::put(&tx, Some(&before), &Instance { place, ..before.clone() });
            Ok(())
        }
    })
    .await?;
    Ok(ModifyInstancePlacementOutput { r#return: Some(true) })
}
