//! How paths come and go.

use super::seen::shown_path;
use super::{NetworkInsightsAnalysis, NetworkInsightsPath, id_of};
use crate::commit::{change, refuse};
use crate::instances;
use crate::internet_gateways::InternetGateway;
use crate::network_interfaces::NetworkInterface;
use crate::nouns::{self, ClientToken, Home, Noun, new_id};
use crate::{error, quotas, tags};
use std::net::Ipv4Addr;
use yakumo_api_ec2::{
    CreateNetworkInsightsPathInput, CreateNetworkInsightsPathOutput, DeleteNetworkInsightsPathInput,
    DeleteNetworkInsightsPathOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkInsightsPath.html>
pub(super) async fn create_network_insights_path(
    ctx: Ctx,
    input: CreateNetworkInsightsPathInput,
) -> Result<CreateNetworkInsightsPathOutput> {
    refuse(&[
        ("FilterAtSource", input.filter_at_source.is_some()),
        ("FilterAtDestination", input.filter_at_destination.is_some()),
    ])?;
    let tags = tags::at_creation(NetworkInsightsPath::KIND, input.tag_specifications.as_ref())?;
    let bare = CreateNetworkInsightsPathInput { client_token: String::new(), dry_run: None, ..input.clone() };
    let path = NetworkInsightsPath {
        id: new_id(&ctx, NetworkInsightsPath::PREFIX),
        home: Home::of(&ctx),
        source: end(Home::of(&ctx), &input.source)?,
        destination: input.destination.as_deref().map(|text| end(Home::of(&ctx), text)).transpose()?,
        source_ip: address(input.source_ip.as_deref(), "SourceIp")?,
        destination_ip: address(input.destination_ip.as_deref(), "DestinationIp")?,
        protocol: protocol(&input.protocol)?,
        port: input.destination_port.map(port).transpose()?,
        created: ctx.now(),
        token: ClientToken::of(Some(&input.client_token), &bare),
        tags,
    };
    check_ends(&path)?;
    let path = change(&ctx, input.dry_run, |tx| {
        let path = path.clone();
        async move {
            let all: Vec<NetworkInsightsPath> = nouns::all(&tx, path.home).await?;
            for known in &all {
                if ClientToken::made(path.token.as_ref(), known.token.as_ref())? {
                    return Ok(known.clone());
                }
            }
            for end in std::iter::once(&path.source).chain(&path.destination) {
                check_end(&tx, path.home, end).await?;
            }
            let (max, what) = (quotas::NETWORK_INSIGHTS_PATHS, "network insights paths");
            quotas::check(all.len() + 1, max, "NetworkInsightsPathLimitExceeded", what)?;
            nouns::put(&tx, None, &path);
            Ok(path)
        }
    })
    .await?;
    Ok(CreateNetworkInsightsPathOutput { network_insights_path: Some(shown_path(&path)) })
}

fn address(text: Option<&str>, name: &str) -> Result<Option<Ipv4Addr>> {
    let reason = "This is not a valid IPv4 address.";
    text.map(|text| text.parse().map_err(|_| error::invalid_value(text, name, reason))).transpose()
}

fn protocol(text: &str) -> Result<String> {
    match text {
        "tcp" | "udp" => Ok(text.to_owned()),
        other => Err(error::invalid_value(other, "Protocol", "Unknown protocol.")),
    }
}

fn port(port: i32) -> Result<u16> {
    u16::try_from(port).map_err(|_| error::invalid_value(port, "DestinationPort", "This is not a port."))
}

/// AWS considers any address of the Internet; the model follows one packet, so one must be named.
fn check_ends(path: &NetworkInsightsPath) -> Result<()> {
    let is_gateway = |end: &str| end.starts_with("igw-");
    if path.destination.is_none() && path.destination_ip.is_none() {
        return Err(error::missing_parameter("Destination"));
    }
    if is_gateway(&path.source) && path.source_ip.is_none() {
        return Err(error::not_implemented("an internet gateway as Source without SourceIp"));
    }
    if path.destination.as_deref().is_some_and(is_gateway) && path.destination_ip.is_none() {
        return Err(error::not_implemented("an internet gateway as Destination without DestinationIp"));
    }
    Ok(())
}

/// The id in an id or in an ARN of this account and region.
fn end(home: Home, text: &str) -> Result<String> {
    let id = id_of(text);
    let is_own = || nouns::kind_of(id).is_ok_and(|kind| home.arn(kind.name(), id) == text);
    match text {
        _ if text == id || is_own() => Ok(id.to_owned()),
        _ if text.starts_with("arn:") => {
            Err(error::not_implemented("an end of a network insights path in another account or region"))
        }
        _ => Err(error::invalid_value(text, "Source or Destination", "This is no resource that has paths.")),
    }
}

async fn check_end(tx: &Tx, home: Home, id: &str) -> Result<()> {
    match id.split('-').next() {
        Some("eni") => nouns::find::<NetworkInterface>(tx, home, id).await.map(drop),
        Some("igw") => nouns::find::<InternetGateway>(tx, home, id).await.map(drop),
        Some("i") => instances::primary_interface(tx, home, id).await.map(drop),
        Some(kind @ ("pcx" | "tgw" | "vgw" | "vpce")) => {
            Err(error::not_implemented(&format!("{kind}-… as an end of a network insights path")))
        }
        _ => Err(error::invalid_value(id, "Source or Destination", "This is no resource that has paths.")),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInsightsPath.html>
pub(super) async fn delete_network_insights_path(
    ctx: Ctx,
    input: DeleteNetworkInsightsPathInput,
) -> Result<DeleteNetworkInsightsPathOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.network_insights_path_id);
        async move {
            let path: NetworkInsightsPath = nouns::find(&tx, home, id).await?;
            let analyses: Vec<NetworkInsightsAnalysis> = nouns::all(&tx, home).await?;
            if analyses.iter().any(|analysis| analysis.path == *id) {
                let text = format!("The network insights path '{id}' has analyses and cannot be deleted.");
                return Err(Error::sender("AnalysisExistsForNetworkInsightsPath", text));
            }
            nouns::delete(&tx, &path);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteNetworkInsightsPathOutput { network_insights_path_id: Some(input.network_insights_path_id) })
}
