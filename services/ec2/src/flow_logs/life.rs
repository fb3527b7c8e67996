//! How flow logs come, are shown, and go.
//!
//! Invariant: a flow log is made only when its files can be delivered.

use super::fields::{DEFAULT, Format};
use super::files::Lines;
use super::{FlowLog, S3, destination, shown};
use crate::commit::{change, only_if, refuse};
use crate::network_interfaces::NetworkInterface;
use crate::nouns::{self, ALL, ClientToken, Home, Noun, new_id};
use crate::pages::{Wanted, describe};
use crate::subnets::Subnet;
use crate::tags::{self, Tags};
use crate::vpcs::Vpc;
use crate::{error, quotas};
use yakumo_api_ec2::{
    CreateFlowLogsInput, CreateFlowLogsOutput, DeleteFlowLogsInput, DeleteFlowLogsOutput,
    DescribeFlowLogsInput, DescribeFlowLogsOutput, UnsuccessfulItem, UnsuccessfulItemError,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// The intervals of aggregation that there are, in seconds.
const INTERVALS_S: [i32; 2] = [60, 600];
/// How many resources one request may name.
const RESOURCES_MAX: usize = 1000;

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFlowLogs.html>
pub(super) async fn create_flow_logs(ctx: Ctx, input: CreateFlowLogsInput) -> Result<CreateFlowLogsOutput> {
    let tags = tags::at_creation(FlowLog::KIND, input.tag_specifications.as_ref())?;
    let asked = (&input.resource_ids, &input.traffic_type, &input.log_destination, &input.log_format, &tags);
    let token = ClientToken::of(input.client_token.as_deref(), &asked);
    let wanted = wanted(&ctx, &input, tags, token)?;
    for log in &wanted {
        exists(&ctx, &input.resource_type, &log.resource).await?;
    }
    only_if(input.dry_run)?;
    let refused = match wanted.first() {
        Some(log) => destination::open(&ctx, log).await?,
        None => None,
    };
    let (mut made, mut unsuccessful) = (Vec::new(), Vec::new());
    for log in wanted {
        let outcome = match &refused {
            Some(item) => Err(item.clone()),
            None => make(&ctx, &log).await?,
        };
        match outcome {
            Ok(id) => made.push(id),
            Err(item) => {
                unsuccessful.push(UnsuccessfulItem { error: Some(item), resource_id: Some(log.resource) })
            }
        }
    }
    Ok(CreateFlowLogsOutput {
        client_token: input.client_token,
        flow_log_ids: Some(made),
        unsuccessful: Some(unsuccessful),
    })
}

/// The flow logs that a request asks for.
fn wanted(
    ctx: &Ctx,
    input: &CreateFlowLogsInput,
    tags: Tags,
    token: Option<ClientToken>,
) -> Result<Vec<FlowLog>> {
    refuse(&[
        ("DeliverCrossAccountRole", input.deliver_cross_account_role.is_some()),
        ("TagFieldSpecification", input.tag_field_specifications.is_some()),
    ])?;
    match input.log_destination_type.as_deref() {
        Some(S3) => {}
        Some("kinesis-data-firehose") => return Err(error::not_implemented("flow logs to Firehose")),
        _ => return Err(error::not_implemented("flow logs to CloudWatch Logs")),
    }
    for (name, given) in [
        ("DeliverLogsPermissionArn", input.deliver_logs_permission_arn.is_some()),
        ("LogGroupName", input.log_group_name.is_some()),
    ] {
        if given {
            return Err(Error::sender(
                "InvalidParameter",
                format!("{name} is not applicable for s3 delivery"),
            ));
        }
    }
    if !["VPC", "Subnet", "NetworkInterface"].contains(&input.resource_type.as_str()) {
        return Err(error::not_implemented(&format!("flow logs of the type {}", input.resource_type)));
    }
    if input.resource_ids.is_empty() || input.resource_ids.len() > RESOURCES_MAX {
        return Err(error::invalid_parameter_value("The number of resource ids must be between 1 and 1000"));
    }
    let traffic = input.traffic_type.clone().ok_or_else(|| error::missing_parameter("TrafficType"))?;
    let (bucket, folder) = destination::parse(input.log_destination.as_deref())?;
    let interval_s = input.max_aggregation_interval.unwrap_or(INTERVALS_S[1]);
    if !INTERVALS_S.contains(&interval_s) {
        return Err(error::invalid_value(interval_s, "MaxAggregationInterval", "It must be 60 or 600."));
    }
    let format = input.log_format.clone().unwrap_or_else(|| DEFAULT.to_owned());
    Format::parse(&format)?;
    let layout = destination::layout(input.destination_options.as_ref())?;
    let log = |resource: &String| FlowLog {
        id: new_id(ctx, FlowLog::PREFIX),
        home: Home::of(ctx),
        resource: resource.clone(),
        traffic: traffic.clone(),
        bucket: bucket.clone(),
        folder: folder.clone(),
        destination: input.log_destination.clone().unwrap_or_default(),
        format: format.clone(),
        interval_s,
        layout,
        created: ctx.now(),
        failure: None,
        token: token.clone(),
        tags: tags.clone(),
    };
    Ok(input.resource_ids.iter().map(log).collect())
}

async fn exists(ctx: &Ctx, kind: &str, id: &str) -> Result<()> {
    let home = Home::of(ctx);
    match kind {
        "VPC" => nouns::look_up::<Vpc>(ctx, home, id).await.map(drop),
        "Subnet" => nouns::look_up::<Subnet>(ctx, home, id).await.map(drop),
        _ => nouns::look_up::<NetworkInterface>(ctx, home, id).await.map(drop),
    }
}

/// Makes one, or finds the one that the same request made.
async fn make(ctx: &Ctx, log: &FlowLog) -> Result<std::result::Result<String, UnsuccessfulItemError>> {
    change(ctx, None, |tx: Tx| {
        let log = log.clone();
        async move {
            let all: Vec<FlowLog> = nouns::all(&tx, log.home).await?;
            let here: Vec<&FlowLog> = all.iter().filter(|known| known.resource == log.resource).collect();
            for known in &here {
                if ClientToken::made(log.token.as_ref(), known.token.as_ref())? {
                    return Ok(Ok(known.id.clone()));
                }
            }
            let item = |code: &str, text: &str| UnsuccessfulItemError {
                code: Some(code.to_owned()),
                message: Some(text.to_owned()),
            };
            if here.iter().any(|known| is_same(known, &log)) {
                let text =
                    "Error. There is an existing Flow Log with the same configuration and log destination.";
                return Ok(Err(item("FlowLogAlreadyExists", text)));
            }
            if here.len() >= quotas::FLOW_LOGS {
                let text = "The maximum number of flow logs of this resource has been reached.";
                return Ok(Err(item("FlowLogsLimitExceeded", text)));
            }
            nouns::put(&tx, None, &log);
            Ok(Ok(log.id))
        }
    })
    .await
}

/// Whether one would write the same as the other.
fn is_same(one: &FlowLog, other: &FlowLog) -> bool {
    let of = |log: &FlowLog| {
        (
            log.traffic.clone(),
            log.bucket.clone(),
            log.folder.clone(),
            log.format.clone(),
            log.interval_s,
            log.layout,
        )
    };
    of(one) == of(other)
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteFlowLogs.html>
pub(super) async fn delete_flow_logs(ctx: Ctx, input: DeleteFlowLogsInput) -> Result<DeleteFlowLogsOutput> {
    for id in &input.flow_log_ids {
        FlowLog::check_id(id)?;
    }
    change(&ctx, input.dry_run, |tx| {
        let (home, ids) = (Home::of(&ctx), &input.flow_log_ids);
        async move {
            let all: Vec<FlowLog> = nouns::all(&tx, home).await?;
            let absent: Vec<&str> =
                ids.iter().filter(|id| !all.iter().any(|log| log.id == **id)).map(String::as_str).collect();
            if !absent.is_empty() {
                // The text that clients report of AWS.
                let text = format!(
                    "These flow log ids in the input list are not found: [TotalCount: {}] {}",
                    absent.len(),
                    absent.join(" ")
                );
                return Err(Error::sender(FlowLog::NOT_FOUND, text));
            }
            for log in all.iter().filter(|log| ids.contains(&log.id)) {
                nouns::delete(&tx, log);
                for lines in tx.list::<Lines>(&home.scope(), &[&log.id], None, ALL).await? {
                    tx.delete::<Lines>(&home.scope(), &[&lines.log, &lines.place]);
                }
            }
            Ok(())
        }
    })
    .await?;
    Ok(DeleteFlowLogsOutput { unsuccessful: Some(Vec::new()) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeFlowLogs.html>
pub(super) async fn describe_flow_logs(
    ctx: Ctx,
    input: DescribeFlowLogsInput,
) -> Result<DescribeFlowLogsOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let ids = (input.flow_log_ids.as_ref(), "flowLogIds");
    let page = describe(&ctx, ids, input.filter.as_ref(), wanted, std::convert::identity::<FlowLog>).await?;
    Ok(DescribeFlowLogsOutput {
        flow_logs: Some(page.items.iter().map(shown).collect()),
        next_token: page.next_token,
    })
}
