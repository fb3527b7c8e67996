//! Flow logs: which packets interfaces sent and got, and whether they were let through, as files in buckets.
//!
//! Invariant: what a record says was counted in the kernel (`yakumo_net`); what was counted and not yet written is lost
//! when the cloud stops: at most one interval of aggregation.
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs.html>

mod destination;
mod fields;
mod files;
mod gathering;
mod life;
mod work;

pub(crate) use work::{reconciler, watched};

use crate::access::{self, Asked};
use crate::filters::{Filtered, fact};
use crate::network_interfaces::NetworkInterface;
use crate::noun_record::noun;
use crate::nouns::{ClientToken, Home, Noun};
use crate::subnets::Subnet;
use crate::tags::{self, Tags};
use crate::vpcs::Vpc;
use serde::{Deserialize, Serialize};
use yakumo_api_ec2::{self as api, CreateFlowLogsInput, DeleteFlowLogsInput};
use yakumo_aws::Timestamp;
use yakumo_room::Room;

/// Where the files go: what AWS calls it.
const S3: &str = "s3";

/// A flow log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FlowLog {
    /// `fl-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// `vpc-…`, `subnet-…` or `eni-…`.
    pub resource: String,
    /// `ACCEPT`, `REJECT` or `ALL`.
    pub traffic: String,
    /// The bucket.
    pub bucket: String,
    /// The folder in it, without slashes at its ends.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub folder: String,
    /// The destination as it was given.
    pub destination: String,
    /// The fields of a record: `${version} ${account-id} …`.
    pub format: String,
    /// How long packets are added to one record, in seconds.
    pub interval_s: i32,
    /// How files are laid out, when it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
    /// When it was made.
    pub created: Timestamp,
    /// Why the last file was not delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// The request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<ClientToken>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// How the files of a flow log are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Layout {
    /// Whether folders say what they are: `aws-region=eu-west-1`.
    pub hive: bool,
    /// Whether each hour has a folder.
    pub hourly: bool,
}

noun!(
    FlowLog,
    table: "flow-logs",
    type: "AWS::EC2::FlowLog",
    kind: "vpc-flow-log",
    prefix: "fl-",
    not_found: "InvalidFlowLogId.NotFound",
    malformed: "InvalidFlowLogId.Malformed",
    spoken: "flow log ID",
    keys: |_| Vec::new(),
);

impl Filtered for FlowLog {
    const FILTERS: &'static [&'static str] = &[
        "deliver-log-status",
        "flow-log-id",
        "log-destination-type",
        "log-group-name",
        "resource-id",
        "traffic-type",
    ];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "deliver-log-status" => fact(self.status().to_owned()),
            "log-destination-type" => fact(S3.to_owned()),
            "log-group-name" => Vec::new(),
            "resource-id" => fact(self.resource.clone()),
            "traffic-type" => fact(self.traffic.clone()),
            _ => fact(self.id.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

impl FlowLog {
    fn status(&self) -> &'static str {
        if self.failure.is_some() { "FAILED" } else { "SUCCESS" }
    }

    /// Whether it records what was let through, or what was not.
    fn wants(&self, accepted: bool) -> bool {
        self.traffic == "ALL" || (self.traffic == "ACCEPT") == accepted
    }
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    room.on(
        api::CreateFlowLogs,
        access::needs("ec2:CreateFlowLogs", |input: &CreateFlowLogsInput| {
            let kind = match input.resource_type.as_str() {
                "Subnet" => Subnet::KIND,
                "NetworkInterface" => NetworkInterface::KIND,
                "TransitGateway" => "transit-gateway",
                "TransitGatewayAttachment" => "transit-gateway-attachment",
                "RegionalNatGateway" => "natgateway",
                _ => Vpc::KIND,
            };
            let asked = Asked::any().making::<FlowLog>(input.tag_specifications.as_ref());
            input.resource_ids.iter().fold(asked, |asked, id| asked.and_kind(kind, id))
        }),
        life::create_flow_logs,
    )
    .on(
        api::DeleteFlowLogs,
        access::needs("ec2:DeleteFlowLogs", |input: &DeleteFlowLogsInput| {
            input.flow_log_ids.iter().fold(Asked::any(), |asked, id| asked.and::<FlowLog>(id))
        }),
        life::delete_flow_logs,
    )
    .on(api::DescribeFlowLogs, access::reads("ec2:DescribeFlowLogs"), life::describe_flow_logs)
}

fn shown(log: &FlowLog) -> api::FlowLog {
    let options = log.layout.map(|layout| api::DestinationOptionsResponse {
        file_format: Some(destination::PLAIN.to_owned()),
        hive_compatible_partitions: Some(layout.hive),
        per_hour_partition: Some(layout.hourly),
    });
    api::FlowLog {
        creation_time: Some(log.created),
        deliver_logs_status: Some(log.status().to_owned()),
        deliver_logs_error_message: log.failure.clone(),
        destination_options: options,
        flow_log_id: Some(log.id.clone()),
        flow_log_status: Some("ACTIVE".to_owned()),
        log_destination: Some(log.destination.clone()),
        log_destination_type: Some(S3.to_owned()),
        log_format: Some(log.format.clone()),
        max_aggregation_interval: Some(log.interval_s),
        resource_id: Some(log.resource.clone()),
        tags: tags::shown(&log.tags),
        traffic_type: Some(log.traffic.clone()),
        ..api::FlowLog::default()
    }
}
