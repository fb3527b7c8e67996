//! How attachments of VPCs are changed: their subnets and options.

use super::{Options, TransitGatewayAttachment, interfaces, seen};
use crate::commit::change;
use crate::error;
use crate::nouns::{self, Home};
use crate::transit_gateways::{alive, is_enabled};
use yakumo_api_ec2::{
    ModifyTransitGatewayVpcAttachmentInput, ModifyTransitGatewayVpcAttachmentOutput,
    ModifyTransitGatewayVpcAttachmentRequestOptions,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyTransitGatewayVpcAttachment.html>
pub(super) async fn modify_transit_gateway_vpc_attachment(
    ctx: Ctx,
    input: ModifyTransitGatewayVpcAttachmentInput,
) -> Result<ModifyTransitGatewayVpcAttachmentOutput> {
    let wanted = input.options.unwrap_or_default();
    let (added, removed) =
        (input.add_subnet_ids.unwrap_or_default(), input.remove_subnet_ids.unwrap_or_default());
    let attachment = change(&ctx, input.dry_run, |tx| {
        let (ctx, id, wanted) = (&ctx, &input.transit_gateway_attachment_id, &wanted);
        let (added, removed) = (&added, &removed);
        async move {
            let before: TransitGatewayAttachment = alive(&tx, Home::of(ctx), id).await?;
            let subnets = changed(&before.subnets, added, removed)?;
            let found = interfaces::subnets(&tx, before.home, &before.vpc, &subnets).await?;
            interfaces::leave(&tx, &before, |subnet| !subnets.iter().any(|stays| stays == subnet)).await?;
            for subnet in found.iter().filter(|subnet| !before.subnets.contains(&subnet.id)) {
                interfaces::enter(&tx, ctx, &before, subnet).await?;
            }
            let options = before.options.changed(wanted);
            let after = TransitGatewayAttachment { subnets, options, ..before.clone() };
            nouns::put(&tx, Some(&before), &after);
            Ok(after)
        }
    })
    .await?;
    let shown = seen::shown(&attachment, "modifying");
    Ok(ModifyTransitGatewayVpcAttachmentOutput { transit_gateway_vpc_attachment: Some(shown) })
}

/// The subnets after a change: what is removed must be there, what is added must not, and one must remain.
fn changed(had: &[String], added: &[String], removed: &[String]) -> Result<Vec<String>> {
    if let Some(id) = removed.iter().find(|id| !had.contains(id)) {
        return Err(error::invalid_parameter_value(format!("Subnet {id} is not in the attachment.")));
    }
    if let Some(id) = added.iter().find(|id| had.contains(id)) {
        return Err(error::invalid_parameter_value(format!("Subnet {id} is in the attachment already.")));
    }
    let stays = had.iter().filter(|id| !removed.contains(id));
    let after: Vec<String> = stays.chain(added).cloned().collect();
    match after.is_empty() {
        true => Err(error::invalid_parameter_value("An attachment must have at least one subnet.")),
        false => Ok(after),
    }
}

impl Options {
    fn changed(&self, wanted: &ModifyTransitGatewayVpcAttachmentRequestOptions) -> Options {
        Options {
            dns: is_enabled(wanted.dns_support.as_deref(), self.dns),
            ipv6: is_enabled(wanted.ipv6_support.as_deref(), self.ipv6),
            appliance: is_enabled(wanted.appliance_mode_support.as_deref(), self.appliance),
            groups: is_enabled(wanted.security_group_referencing_support.as_deref(), self.groups),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::changed;

    #[test]
    fn subnets_come_and_go_but_one_stays() {
        let ids = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        for (had, added, removed, after) in [
            ("a b", "c", "a", Some("b c")),
            ("a", "b", "a", Some("b")),
            ("a", "", "a", None),
            ("a", "a", "", None),
            ("a", "", "b", None),
        ] {
            let found = changed(&ids(had), &ids(added), &ids(removed)).ok();
            assert_eq!(found, after.map(ids), "{had} +{added} -{removed}");
        }
    }
}
