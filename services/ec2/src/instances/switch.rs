//! Starting, stopping, rebooting and terminating: what is wanted from now on.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Stop_Start.html>

use super::{Instance, State};
use crate::commit::{change, refuse};
use crate::error;
use crate::nouns::{self, Home};
use crate::placement_groups;
use std::collections::BTreeSet;
use yakumo_api_ec2::{
    InstanceStateChange, RebootInstancesInput, RebootInstancesOutput, StartInstancesInput,
    StartInstancesOutput, StopInstancesInput, StopInstancesOutput, TerminateInstancesInput,
    TerminateInstancesOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// Changes all these instances or none.
async fn each<F>(
    ctx: &Ctx,
    dry_run: Option<bool>,
    ids: &[String],
    step: F,
) -> Result<Vec<InstanceStateChange>>
where
    F: Fn(&Instance) -> Result<Instance> + Sync,
{
    if ids.is_empty() {
        return Err(error::missing_parameter("InstanceId"));
    }
    let ids: BTreeSet<&String> = ids.iter().collect();
    let changes = change(ctx, dry_run, |tx| {
        let (ids, step) = (&ids, &step);
        async move {
            let mut changes = Vec::new();
            for before in find_all(&tx, Home::of(ctx), ids).await? {
                let after = step(&before)?;
                if after != before {
                    nouns::put(&tx, Some(&before), &after);
                }
                if after.state == State::Pending && before.state != State::Pending {
                    let all: Vec<Instance> = nouns::all(&tx, after.home).await?;
                    placement_groups::check_running(&tx, after.home, &all, &after).await?;
                }
                changes.push(InstanceStateChange {
                    instance_id: Some(before.id),
                    current_state: Some(after.state.shown()),
                    previous_state: Some(before.state.shown()),
                });
            }
            Ok(changes)
        }
    })
    .await?;
    ctx.base().nudge(super::WORK);
    Ok(changes)
}

/// AWS names all that are missing at once.
async fn find_all(tx: &Tx, home: Home, ids: &BTreeSet<&String>) -> Result<Vec<Instance>> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for id in ids {
        match nouns::find::<Instance>(tx, home, id).await {
            Ok(instance) => found.push(instance),
            Err(error) if error.code == "InvalidInstanceID.NotFound" => missing.push(id.as_str()),
            Err(error) => return Err(error),
        }
    }
    match missing.as_slice() {
        [] => Ok(found),
        missing => Err(<Instance as nouns::Noun>::none_found(missing)),
    }
}

fn not_from(instance: &Instance, what: &str) -> Error {
    let text = format!("The instance '{}' is not in a state from which it can be {what}.", instance.id);
    Error::sender("IncorrectInstanceState", text)
}

fn by_user(instance: &Instance, state: State, now: yakumo_aws::Timestamp) -> Instance {
    let reason = ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown");
    // AWS: "User initiated (2026-01-01 00:00:00 GMT)".
    let time = now.to_date_time().replace('T', " ");
    let time = time.split(['.', 'Z']).next().unwrap_or_default().to_owned();
    Instance {
        state,
        state_reason: Some((reason.0.into(), reason.1.into())),
        transition: format!("User initiated ({time} GMT)"),
        reboots: false,
        ..instance.clone()
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StartInstances.html>
pub(super) async fn start_instances(ctx: Ctx, input: StartInstancesInput) -> Result<StartInstancesOutput> {
    refuse(&[("AdditionalInfo", input.additional_info.is_some())])?;
    let now = ctx.now();
    let changes = each(&ctx, input.dry_run, &input.instance_ids, |before| match before.state {
        State::Pending | State::Running => Ok(before.clone()),
        State::Stopped => Ok(Instance {
            state: State::Pending,
            state_reason: None,
            transition: String::new(),
            launched: now,
            boots: before.boots + 1,
            ..before.clone()
        }),
        State::Stopping | State::ShuttingDown | State::Terminated => Err(not_from(before, "started")),
    })
    .await?;
    Ok(StartInstancesOutput { starting_instances: Some(changes) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StopInstances.html>
pub(super) async fn stop_instances(ctx: Ctx, input: StopInstancesInput) -> Result<StopInstancesOutput> {
    if input.hibernate == Some(true) {
        let text = "The instance is not configured for hibernation.";
        return Err(Error::sender("UnsupportedHibernationConfiguration", text));
    }
    refuse(&[("SkipOsShutdown", input.skip_os_shutdown == Some(true))])?;
    let now = ctx.now();
    let changes = each(&ctx, input.dry_run, &input.instance_ids, |before| match before.state {
        State::Stopping | State::Stopped => Ok(before.clone()),
        State::ShuttingDown | State::Terminated => Err(not_from(before, "stopped")),
        State::Pending | State::Running if before.never_stops => {
            let text = format!(
                "The instance '{}' may not be stopped. Modify its 'disableApiStop' instance attribute and try again.",
                before.id
            );
            Err(error::operation_not_permitted(text))
        }
        State::Pending | State::Running => Ok(by_user(before, State::Stopping, now)),
    })
    .await?;
    Ok(StopInstancesOutput { stopping_instances: Some(changes) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RebootInstances.html>
pub(super) async fn reboot_instances(ctx: Ctx, input: RebootInstancesInput) -> Result<RebootInstancesOutput> {
    each(&ctx, input.dry_run, &input.instance_ids, |before| match before.state {
        State::Running => Ok(Instance { reboots: true, ..before.clone() }),
        State::Pending => Ok(before.clone()),
        _ => Err(not_from(before, "rebooted")),
    })
    .await?;
    Ok(RebootInstancesOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateInstances.html>
pub(super) async fn terminate_instances(
    ctx: Ctx,
    input: TerminateInstancesInput,
) -> Result<TerminateInstancesOutput> {
    refuse(&[
        ("SkipOsShutdown", input.skip_os_shutdown == Some(true)),
        ("Force", input.force == Some(true)),
    ])?;
    let now = ctx.now();
    let changes = each(&ctx, input.dry_run, &input.instance_ids, |before| match before.state {
        State::ShuttingDown | State::Terminated => Ok(before.clone()),
        _ if before.keeps_running => {
            let text = format!(
                "The instance '{}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.",
                before.id
            );
            Err(error::operation_not_permitted(text))
        }
        _ => Ok(by_user(before, State::ShuttingDown, now)),
    })
    .await?;
    Ok(TerminateInstancesOutput { terminating_instances: Some(changes) })
}
