//! What an instance's type asks of everything else: the image's architecture, EBS optimization, CPU credits.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/burstable-performance-instances.html>

use super::{Instance, State};
use crate::access;
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::Home;
use crate::pages::{self, Wanted};
use crate::tags::Tags;
use crate::{error, images, instance_types};
use yakumo_api_ec2::{
    self as api, DescribeInstanceCreditSpecificationsInput, DescribeInstanceCreditSpecificationsOutput,
    InstanceCreditSpecification,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room, Tx};

/// Registers the operation of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::DescribeInstanceCreditSpecifications,
        access::reads("ec2:DescribeInstanceCreditSpecifications"),
        describe_instance_credit_specifications,
    )
}

/// Whether an image can run on a type.
///
/// # Errors
/// InvalidParameterValue when their architectures are not the same; those of [`images::architecture`].
pub(super) async fn check_image(tx: &Tx, home: Home, kind: &str, image: &str) -> Result<()> {
    let of_image = images::architecture(tx, home, image).await?;
    let of_kind = instance_types::require(kind)?.architecture();
    match of_kind == of_image {
        true => Ok(()),
        false => Err(error::invalid_parameter_value(format!(
            "The architecture '{of_kind}' of the specified instance type does not match the architecture '{of_image}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI."
        ))),
    }
}

/// Whether a type can be EBS-optimized, or is anyway.
///
/// # Errors
/// Unsupported when that is wanted of a type that cannot.
pub(super) fn check_ebs(kind: &str, wanted: bool) -> Result<()> {
    match wanted && !instance_types::require(kind)?.is_ebs_optimized() {
        true => {
            let text = "EBS-optimized instances are not supported for your requested configuration. Please check the documentation for supported configurations.";
            Err(Error::sender("Unsupported", text))
        }
        false => Ok(()),
    }
}

/// What a request says of CPU credits.
/// DIFFERS: nothing counts credits here, so that every burstable instance can always burst: all are `unlimited`, those of
/// T2, too, and `standard` is 501.
///
/// # Errors
/// InvalidParameterValue for another word; NotImplemented.
pub(super) fn check_credits(kind: &str, wanted: Option<&api::CreditSpecificationRequest>) -> Result<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    if !instance_types::is_burstable(kind) {
        let text = format!(
            "The specified instance type {kind} does not use CPU credits for billing; only burstable performance instances use CPU credits for billing."
        );
        return Err(Error::sender("InstanceCreditSpecification.NotSupported", text));
    }
    match wanted.cpu_credits.as_str() {
        "unlimited" => Ok(()),
        "standard" => Err(error::not_implemented("CPU credits of the kind standard")),
        other => Err(error::invalid_value(other, "CpuCredits", "Expected standard or unlimited.")),
    }
}

/// An instance as these operations see it.
struct Seen(Instance);

impl Filtered for Seen {
    const FILTERS: &'static [&'static str] = &["instance-id"];
    const HAS_TAGS: bool = false;

    fn facts(&self, _: &str) -> Vec<String> {
        fact(self.0.id.clone())
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

/// AWS: who names instances must name burstable ones.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceCreditSpecifications.html>
async fn describe_instance_credit_specifications(
    ctx: Ctx,
    input: DescribeInstanceCreditSpecificationsInput,
) -> Result<DescribeInstanceCreditSpecificationsOutput> {
    let filters = Filters::of::<Seen>(input.filters.as_ref())?;
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    wanted.without_ids(input.instance_ids.as_ref(), "instancesSet")?;
    let mut found: Vec<Instance> = pages::by_ids(&ctx, input.instance_ids.as_ref()).await?;
    let is_named = input.instance_ids.as_ref().is_some_and(|ids| !ids.is_empty());
    if let Some(other) = found.iter().find(|instance| !instance_types::is_burstable(&instance.kind))
        && is_named
    {
        let text = format!(
            "The instance '{}' does not use CPU credits for billing; only burstable performance instances use CPU credits for billing.",
            other.id
        );
        return Err(Error::sender("InstanceCreditSpecification.NotSupported", text));
    }
    found.retain(|instance| {
        instance_types::is_burstable(&instance.kind) && instance.state != State::Terminated
    });
    let seen: Vec<Seen> = found.into_iter().map(Seen).filter(|seen| filters.pass(seen)).collect();
    let page = wanted.cut(seen, |Seen(instance)| instance.id.clone())?;
    let shown = page.items.into_iter().map(|Seen(instance)| InstanceCreditSpecification {
        instance_id: Some(instance.id),
        cpu_credits: Some("unlimited".to_owned()),
    });
    Ok(DescribeInstanceCreditSpecificationsOutput {
        instance_credit_specifications: Some(shown.collect()),
        next_token: page.next_token,
    })
}
