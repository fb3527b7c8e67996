//! What the API shows of paths and analyses, and their Describe operations.

use super::shapes::Names;
use super::{NetworkInsightsAnalysis, NetworkInsightsPath};
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::{Home, kind_of};
use crate::pages::{self, Wanted, describe};
use crate::tags::{self, Tags};
use yakumo_api_ec2::{
    self as api, DescribeNetworkInsightsAnalysesInput, DescribeNetworkInsightsAnalysesOutput,
    DescribeNetworkInsightsPathsInput, DescribeNetworkInsightsPathsOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Resource};

impl Filtered for NetworkInsightsPath {
    const FILTERS: &'static [&'static str] = &["destination", "protocol", "source"];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "destination" => fact(self.destination.clone()),
            "protocol" => fact(self.protocol.clone()),
            _ => fact(self.source.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

impl Filtered for NetworkInsightsAnalysis {
    const FILTERS: &'static [&'static str] = &["path-found", "status"];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "path-found" => fact(self.found.to_string()),
            _ => fact("succeeded".to_owned()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

fn arn_of(home: Home, id: &str) -> Option<String> {
    kind_of(id).ok().map(|kind| home.arn(kind.name(), id))
}

/// What the API shows of a path.
pub(super) fn shown_path(path: &NetworkInsightsPath) -> api::NetworkInsightsPath {
    let destination = path.destination.as_deref();
    api::NetworkInsightsPath {
        network_insights_path_id: Some(path.id.clone()),
        network_insights_path_arn: Some(path.arn()),
        created_date: Some(path.created),
        source: Some(path.source.clone()),
        destination: path.destination.clone(),
        source_arn: arn_of(path.home, &path.source),
        destination_arn: destination.and_then(|id| arn_of(path.home, id)),
        source_ip: path.source_ip.map(|address| address.to_string()),
        destination_ip: path.destination_ip.map(|address| address.to_string()),
        protocol: Some(path.protocol.clone()),
        destination_port: path.port.map(i32::from),
        tags: tags::shown(&path.tags),
        ..api::NetworkInsightsPath::default()
    }
}

/// What the API shows of an analysis.
pub(super) fn shown_analysis(
    analysis: &NetworkInsightsAnalysis,
    names: &Names,
) -> api::NetworkInsightsAnalysis {
    let explanations = analysis.obstacle.iter().map(|obstacle| names.explanation(obstacle)).collect();
    api::NetworkInsightsAnalysis {
        network_insights_analysis_id: Some(analysis.id.clone()),
        network_insights_analysis_arn: Some(analysis.arn()),
        network_insights_path_id: Some(analysis.path.clone()),
        start_date: Some(analysis.started),
        status: Some("succeeded".into()),
        network_path_found: Some(analysis.found),
        forward_path_components: Some(names.components(&analysis.forward)),
        return_path_components: Some(names.components(&analysis.back)),
        explanations: Some(explanations),
        tags: tags::shown(&analysis.tags),
        ..api::NetworkInsightsAnalysis::default()
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInsightsPaths.html>
pub(super) async fn describe_network_insights_paths(
    ctx: Ctx,
    input: DescribeNetworkInsightsPathsInput,
) -> Result<DescribeNetworkInsightsPathsOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let ids = (input.network_insights_path_ids.as_ref(), "networkInsightsPathIds");
    let see = std::convert::identity::<NetworkInsightsPath>;
    let page = describe(&ctx, ids, input.filters.as_ref(), wanted, see).await?;
    Ok(DescribeNetworkInsightsPathsOutput {
        network_insights_paths: Some(page.items.iter().map(shown_path).collect()),
        next_token: page.next_token,
    })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInsightsAnalyses.html>
pub(super) async fn describe_network_insights_analyses(
    ctx: Ctx,
    input: DescribeNetworkInsightsAnalysesInput,
) -> Result<DescribeNetworkInsightsAnalysesOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let filters = Filters::of::<NetworkInsightsAnalysis>(input.filters.as_ref())?;
    let ids = input.network_insights_analysis_ids.as_ref();
    wanted.without_ids(ids, "networkInsightsAnalysisIds")?;
    let mut found: Vec<NetworkInsightsAnalysis> = pages::by_ids(&ctx, ids).await?;
    found.retain(|analysis| {
        let started = analysis.started.as_millis();
        filters.pass(analysis)
            && input.network_insights_path_id.as_ref().is_none_or(|path| analysis.path == *path)
            && input.analysis_start_time.is_none_or(|from| from.as_millis() <= started)
            && input.analysis_end_time.is_none_or(|to| started <= to.as_millis())
    });
    let page = wanted.cut(found, |analysis| analysis.id.clone())?;
    let names = Names::read(&ctx, &page.items).await?;
    let shown = page.items.iter().map(|analysis| shown_analysis(analysis, &names));
    Ok(DescribeNetworkInsightsAnalysesOutput {
        network_insights_analyses: Some(shown.collect()),
        next_token: page.next_token,
    })
}
