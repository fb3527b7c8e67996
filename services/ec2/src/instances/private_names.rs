//! What an instance is named after: its address or its id; and which of its names lead to it.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-naming.html>

use super::{Instance, State};
use crate::access::{self, Asked};
use crate::commit::change;
use crate::error;
use crate::nouns::{self, Home};
use crate::subnets::Subnet;
use serde::{Deserialize, Serialize};
use yakumo_api_ec2::{
    self as api, ModifyPrivateDnsNameOptionsInput, ModifyPrivateDnsNameOptionsOutput,
    PrivateDnsNameOptionsRequest,
};
use yakumo_aws::{Error, Result, hostnames};
use yakumo_room::{Ctx, Room};

/// The names of an instance in its VPC. One that says nothing is named after its address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct PrivateNames {
    /// Whether its host name is its id.
    pub by_id: bool,
    /// Whether the name of its id leads to its IPv4 address.
    pub a: bool,
    /// Whether it leads to its IPv6 address.
    pub aaaa: bool,
}

impl PrivateNames {
    /// What a launch says, else what the subnet says.
    ///
    /// # Errors
    /// InvalidParameterValue for an unknown type of host names.
    pub(super) fn launch(
        wanted: Option<&PrivateDnsNameOptionsRequest>,
        subnet: &Subnet,
    ) -> Result<PrivateNames> {
        let wanted = wanted.cloned().unwrap_or_default();
        Ok(PrivateNames {
            by_id: by_id(wanted.hostname_type.as_deref().unwrap_or(&subnet.hostname_type))?,
            a: wanted.enable_resource_name_dns_a_record.unwrap_or(subnet.resource_name_a),
            aaaa: wanted.enable_resource_name_dns_aaaa_record.unwrap_or(subnet.resource_name_aaaa),
        })
    }

    /// AWS's name of the type of host names.
    pub(crate) fn kind(self) -> &'static str {
        if self.by_id { RESOURCE_NAME } else { IP_NAME }
    }

    /// As the API shows them.
    pub(super) fn shown(self) -> api::PrivateDnsNameOptionsResponse {
        api::PrivateDnsNameOptionsResponse {
            hostname_type: Some(self.kind().to_owned()),
            enable_resource_name_dns_a_record: Some(self.a),
            enable_resource_name_dns_aaaa_record: Some(self.aaaa),
        }
    }
}

const IP_NAME: &str = "ip-name";
const RESOURCE_NAME: &str = "resource-name";

fn by_id(kind: &str) -> Result<bool> {
    match kind {
        IP_NAME => Ok(false),
        RESOURCE_NAME => Ok(true),
        other => Err(error::invalid_value(other, "hostnameType", "Unknown hostname type.")),
    }
}

impl Instance {
    /// The name after its id: `i-….ec2.internal`.
    pub(crate) fn resource_name(&self) -> String {
        format!("{}.{}", self.id, hostnames::private_domain(self.home.region))
    }
}

/// Registers the operation of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::ModifyPrivateDnsNameOptions,
        access::needs("ec2:ModifyPrivateDnsNameOptions", |input: &ModifyPrivateDnsNameOptionsInput| {
            Asked::on::<Instance>(&input.instance_id)
        }),
        modify_private_dns_name_options,
    )
}

/// AWS: what an instance is named after is changed while it is stopped.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyPrivateDnsNameOptions.html>
async fn modify_private_dns_name_options(
    ctx: Ctx,
    input: ModifyPrivateDnsNameOptionsInput,
) -> Result<ModifyPrivateDnsNameOptionsOutput> {
    let kind = input.private_dns_hostname_type.as_deref().map(by_id).transpose()?;
    let (a, aaaa) = (input.enable_resource_name_dns_a_record, input.enable_resource_name_dns_aaaa_record);
    if kind.is_none() && a.is_none() && aaaa.is_none() {
        return Err(error::missing_parameter("privateDnsHostnameType"));
    }
    change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.instance_id);
        async move {
            let before: Instance = nouns::find(&tx, home, id).await?;
            let had = before.names;
            let names = PrivateNames {
                by_id: kind.unwrap_or(had.by_id),
                a: a.unwrap_or(had.a),
                aaaa: aaaa.unwrap_or(had.aaaa),
            };
            let ends = matches!(before.state, State::ShuttingDown | State::Terminated);
            if ends || names.by_id != had.by_id && before.state != State::Stopped {
                let text = format!("The instance '{id}' is not in the 'stopped' state.");
                return Err(Error::sender("IncorrectInstanceState", text));
            }
            nouns::put(&tx, Some(&before), &Instance { names, ..before.clone() });
            Ok(())
        }
    })
    .await?;
    Ok(ModifyPrivateDnsNameOptionsOutput { r#return: Some(true) })
}
