//! Network Insights: paths to ask about, and analyses that the network's model answers.
//!
//! Invariant: what an analysis says is what the model of `yakumo-net` says of the committed state when it began; the
//! kernel agrees with that model.
//! Source: <https://docs.aws.amazon.com/vpc/latest/reachability/how-reachability-analyzer-works.html>

mod analyses;
mod components;
mod paths;
mod question;
mod seen;
mod shapes;

use crate::access::{self, Asked};
use crate::internet_gateways::InternetGateway;
use crate::network_interfaces::NetworkInterface;
use crate::noun_record::noun;
use crate::nouns::{ClientToken, Home};
use crate::tags::Tags;
use components::{Component, Decider};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use yakumo_api_ec2 as api;
use yakumo_aws::Timestamp;
use yakumo_room::Room;

/// A path that can be analysed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NetworkInsightsPath {
    /// `nip-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// `eni-…` or `igw-…`.
    pub source: String,
    /// `eni-…` or `igw-…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// The sender's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_ip: Option<Ipv4Addr>,
    /// The receiver's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination_ip: Option<Ipv4Addr>,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// The receiver's port; `None` is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// When it was made.
    pub created: Timestamp,
    /// The request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<ClientToken>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What was found out about a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NetworkInsightsAnalysis {
    /// `nia-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// `nip-…`.
    pub path: String,
    /// When it began.
    pub started: Timestamp,
    /// Whether there is a way there and back.
    pub found: bool,
    /// What is passed on the way there, in order.
    #[serde(deserialize_with = "components::kept")]
    pub forward: Vec<Component>,
    /// What is passed on the way back.
    #[serde(deserialize_with = "components::kept")]
    pub back: Vec<Component>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<Obstacle>,
    /// The request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<ClientToken>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What stands in the way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Obstacle {
    /// AWS's code: <https://docs.aws.amazon.com/vpc/latest/reachability/explanation-codes.html>.
    pub code: String,
    /// Whose decision: an id.
    pub at: String,
    /// `ingress` or `egress`, where there is a direction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<String>,
    /// The entry or route that stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Decider>,
    /// Its VPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vpc: Option<String>,
    /// Its subnet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subnet: Option<String>,
    /// The security groups none of whose rules allows it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

noun!(
    NetworkInsightsPath,
    table: "network-insights-paths",
    type: "AWS::EC2::NetworkInsightsPath",
    kind: "network-insights-path",
    prefix: "nip-",
    not_found: "InvalidNetworkInsightsPathId.NotFound",
    malformed: "InvalidNetworkInsightsPathId.Malformed",
    spoken: "network insights path ID",
    keys: |_| Vec::new(),
);

noun!(
    NetworkInsightsAnalysis,
    table: "network-insights-analyses",
    type: "AWS::EC2::NetworkInsightsAnalysis",
    kind: "network-insights-analysis",
    prefix: "nia-",
    not_found: "InvalidNetworkInsightsAnalysisId.NotFound",
    malformed: "InvalidNetworkInsightsAnalysisId.Malformed",
    spoken: "network insights analysis ID",
    keys: |_| Vec::new(),
);

/// The id in an id or ARN.
fn id_of(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

fn asked_about(asked: Asked, end: Option<&str>) -> Asked {
    match end.map(id_of) {
        Some(id) if id.starts_with("eni-") => asked.and::<NetworkInterface>(id),
        Some(id) if id.starts_with("igw-") => asked.and::<InternetGateway>(id),
        _ => asked,
    }
}

/// Registers the operations of these nouns.
pub(crate) fn register(room: Room) -> Room {
    room.on(
        api::CreateNetworkInsightsPath,
        access::needs("ec2:CreateNetworkInsightsPath", |input: &api::CreateNetworkInsightsPathInput| {
            let asked = Asked::any().making::<NetworkInsightsPath>(input.tag_specifications.as_ref());
            asked_about(asked_about(asked, Some(&input.source)), input.destination.as_deref())
        }),
        paths::create_network_insights_path,
    )
    .on(
        api::DeleteNetworkInsightsPath,
        access::needs("ec2:DeleteNetworkInsightsPath", |input: &api::DeleteNetworkInsightsPathInput| {
            Asked::on::<NetworkInsightsPath>(&input.network_insights_path_id)
        }),
        paths::delete_network_insights_path,
    )
    .on(
        api::DescribeNetworkInsightsPaths,
        access::reads("ec2:DescribeNetworkInsightsPaths"),
        seen::describe_network_insights_paths,
    )
    .on(
        api::StartNetworkInsightsAnalysis,
        access::needs(
            "ec2:StartNetworkInsightsAnalysis",
            |input: &api::StartNetworkInsightsAnalysisInput| {
                Asked::on::<NetworkInsightsPath>(&input.network_insights_path_id)
                    .making::<NetworkInsightsAnalysis>(input.tag_specifications.as_ref())
            },
        ),
        analyses::start_network_insights_analysis,
    )
    .on(
        api::DeleteNetworkInsightsAnalysis,
        access::needs(
            "ec2:DeleteNetworkInsightsAnalysis",
            |input: &api::DeleteNetworkInsightsAnalysisInput| {
                Asked::on::<NetworkInsightsAnalysis>(&input.network_insights_analysis_id)
            },
        ),
        analyses::delete_network_insights_analysis,
    )
    .on(
        api::DescribeNetworkInsightsAnalyses,
        access::reads("ec2:DescribeNetworkInsightsAnalyses"),
        seen::describe_network_insights_analyses,
    )
}
