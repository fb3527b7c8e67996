//! How instances are: DescribeInstanceStatus, GetConsoleOutput and GetPasswordData.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/monitoring-system-instance-status-check.html>

use super::{Instance, State};
use crate::access::{self, Asked};
use crate::commit::only_if;
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::{self, Home};
use crate::pages::{self, Wanted};
use crate::tags::Tags;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use yakumo_api_ec2::{
    self as api, DescribeInstanceStatusInput, DescribeInstanceStatusOutput, EbsStatusDetails,
    EbsStatusSummary, GetConsoleOutputInput, GetConsoleOutputOutput, GetPasswordDataInput,
    GetPasswordDataOutput, InstanceStatus, InstanceStatusDetails, InstanceStatusSummary,
};
use yakumo_aws::{Error, Result};
use yakumo_machine::{Kind, Reply, Request};
use yakumo_room::{Ctx, Room};

/// AWS: "the most recent 64 KB of posted output".
const CONSOLE_MAX_BYTES: usize = 64 * 1024;

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::DescribeInstanceStatus,
        access::reads("ec2:DescribeInstanceStatus"),
        describe_instance_status,
    )
    .on(
        api::GetPasswordData,
        access::needs("ec2:GetPasswordData", |input: &GetPasswordDataInput| {
            Asked::on::<Instance>(&input.instance_id)
        }),
        get_password_data,
    )
    .on(
        api::GetConsoleOutput,
        access::needs("ec2:GetConsoleOutput", |input: &GetConsoleOutputInput| {
            Asked::on::<Instance>(&input.instance_id)
        }),
        get_console_output,
    )
}

impl Filtered for Instance {
    const FILTERS: &'static [&'static str] = &[
        "attached-ebs-status.status",
        "availability-zone",
        "availability-zone-id",
        "event.code",
        "event.description",
        "event.instance-event-id",
        "event.not-after",
        "event.not-before",
        "event.not-before-deadline",
        "instance-state-code",
        "instance-state-name",
        "instance-status.reachability",
        "instance-status.status",
        "operator.managed",
        "operator.principal",
        "system-status.reachability",
        "system-status.status",
    ];
    const HAS_TAGS: bool = false;

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "availability-zone" => fact(self.zone.clone()),
            "availability-zone-id" => fact(self.zone_id.clone()),
            "instance-state-code" => fact(self.state.code().to_string()),
            "instance-state-name" => fact(self.state.name().to_owned()),
            "instance-status.reachability" | "system-status.reachability" => {
                fact(reachability(self.state).map(str::to_owned))
            }
            "instance-status.status" | "system-status.status" => fact(status(self.state).to_owned()),
            "attached-ebs-status.status" => fact(attached(self).map(str::to_owned)),
            "operator.managed" => fact("false".to_owned()),
            // There are no events.
            _ => Vec::new(),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        None
    }
}

/// AWS: the checks of what does not run are not applicable.
fn status(state: State) -> &'static str {
    match state {
        State::Running => "ok",
        State::Pending => "initializing",
        _ => "not-applicable",
    }
}

fn reachability(state: State) -> Option<&'static str> {
    match state {
        State::Running => Some("passed"),
        State::Pending => Some("initializing"),
        _ => None,
    }
}

fn summary(state: State) -> InstanceStatusSummary {
    let detail = reachability(state).map(|value| {
        vec![InstanceStatusDetails {
            name: Some("reachability".into()),
            status: Some(value.into()),
            ..InstanceStatusDetails::default()
        }]
    });
    InstanceStatusSummary { details: detail, status: Some(status(state).into()) }
}

/// AWS: only instances on Nitro have this check.
fn attached(instance: &Instance) -> Option<&'static str> {
    instance.size().is_nitro().then(|| status(instance.state))
}

fn attached_summary(instance: &Instance) -> Option<EbsStatusSummary> {
    let detail = reachability(instance.state).map(|value| {
        vec![EbsStatusDetails {
            name: Some("reachability".into()),
            status: Some(value.into()),
            ..EbsStatusDetails::default()
        }]
    });
    attached(instance).map(|status| EbsStatusSummary { details: detail, status: Some(status.into()) })
}

/// AWS: without IncludeAllInstances, only those that run.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceStatus.html>
async fn describe_instance_status(
    ctx: Ctx,
    input: DescribeInstanceStatusInput,
) -> Result<DescribeInstanceStatusOutput> {
    let filters = Filters::of::<Instance>(input.filters.as_ref())?;
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    wanted.without_ids(input.instance_ids.as_ref(), "instancesSet")?;
    let mut found: Vec<Instance> = pages::by_ids(&ctx, input.instance_ids.as_ref()).await?;
    let all = input.include_all_instances == Some(true);
    found.retain(|instance| (all || instance.state == State::Running) && filters.pass(instance));
    let page = wanted.cut(found, |instance| instance.id.clone())?;
    let shown = page.items.iter().map(|instance| InstanceStatus {
        availability_zone: Some(instance.zone.clone()),
        availability_zone_id: Some(instance.zone_id.clone()),
        events: Some(Vec::new()),
        instance_id: Some(instance.id.clone()),
        instance_state: Some(instance.state.shown()),
        instance_status: Some(summary(instance.state)),
        system_status: Some(summary(instance.state)),
        attached_ebs_status: attached_summary(instance),
        ..InstanceStatus::default()
    });
    Ok(DescribeInstanceStatusOutput { instance_statuses: Some(shown.collect()), next_token: page.next_token })
}

/// What its first program and its init wrote, and everything else that wrote to `/dev/console`.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html>
async fn get_console_output(ctx: Ctx, input: GetConsoleOutputInput) -> Result<GetConsoleOutputOutput> {
    let instance: Instance = nouns::look_up(&ctx, Home::of(&ctx), &input.instance_id).await?;
    only_if(input.dry_run)?;
    let ask = Request::Console { id: instance.id.clone(), bytes: CONSOLE_MAX_BYTES };
    let bytes = match ctx.base().sandboxes.ask(ask).await {
        Ok(Reply::Console(bytes)) => bytes,
        Ok(other) => return Err(Error::internal(format!("an answer to another question: {other:?}"))),
        // What never ran has written nothing.
        Err(error) if matches!(error.kind, Kind::Unsupported | Kind::NotRunning) => Vec::new(),
        Err(error) => return Err(Error::internal(error)),
    };
    Ok(GetConsoleOutputOutput {
        instance_id: Some(instance.id),
        timestamp: Some(ctx.now()),
        output: Some(STANDARD.encode(bytes)).filter(|output| !output.is_empty()),
    })
}

/// Windows alone has an administrator's password; every instance here is Linux, of which AWS tells an empty one.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetPasswordData.html>
async fn get_password_data(ctx: Ctx, input: GetPasswordDataInput) -> Result<GetPasswordDataOutput> {
    let instance: Instance = nouns::look_up(&ctx, Home::of(&ctx), &input.instance_id).await?;
    only_if(input.dry_run)?;
    Ok(GetPasswordDataOutput {
        instance_id: Some(instance.id),
        timestamp: Some(ctx.now()),
        password_data: Some(String::new()),
    })
}
