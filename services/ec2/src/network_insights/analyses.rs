//! How analyses are made and removed.

use super::seen::shown_analysis;
use super::shapes::Names;
use super::{NetworkInsightsAnalysis, NetworkInsightsPath, question};
use crate::commit::{change, refuse};
use crate::network_interfaces::NetworkInterface;
use crate::nouns::{self, ALL, ClientToken, Home, Noun, new_id};
use crate::{instances, network};
use crate::{quotas, tags};
use yakumo_api_ec2::{
    DeleteNetworkInsightsAnalysisInput, DeleteNetworkInsightsAnalysisOutput,
    StartNetworkInsightsAnalysisInput, StartNetworkInsightsAnalysisOutput,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StartNetworkInsightsAnalysis.html>
pub(super) async fn start_network_insights_analysis(
    ctx: Ctx,
    input: StartNetworkInsightsAnalysisInput,
) -> Result<StartNetworkInsightsAnalysisOutput> {
    refuse(&[
        ("AdditionalAccount", input.additional_accounts.is_some()),
        ("FilterInArn", input.filter_in_arns.is_some()),
        ("FilterOutArn", input.filter_out_arns.is_some()),
    ])?;
    let tags = tags::at_creation(NetworkInsightsAnalysis::KIND, input.tag_specifications.as_ref())?;
    let bare =
        StartNetworkInsightsAnalysisInput { client_token: String::new(), dry_run: None, ..input.clone() };
    let home = Home::of(&ctx);
    let path: NetworkInsightsPath = nouns::look_up(&ctx, home, &input.network_insights_path_id).await?;
    let topology = network::wanted(ctx.base()).await?;
    // An instance is where its first interface is.
    let interfaces: Vec<NetworkInterface> = ctx.list(&home.scope(), &[], None, ALL).await?;
    let meant = |end: &String| {
        let own = instances::interfaces_of(&interfaces, end);
        own.first().map_or_else(|| end.clone(), |own| own.id.clone())
    };
    let attached = interfaces.iter().filter_map(|one| Some((one.id.clone(), one.instance()?.to_owned())));
    let question = question::Question {
        source: meant(&path.source),
        destination: path.destination.as_ref().map(meant),
        attached: attached.collect(),
        path: path.clone(),
    };
    let finding = ctx.base().labour(move || question::analyse(&topology, &question)).await?;
    let analysis = NetworkInsightsAnalysis {
        id: new_id(&ctx, NetworkInsightsAnalysis::PREFIX),
        home,
        path: path.id,
        started: ctx.now(),
        found: finding.found,
        forward: finding.forward,
        back: finding.back,
        obstacle: finding.obstacle,
        token: ClientToken::of(Some(&input.client_token), &bare),
        tags,
    };
    let analysis = change(&ctx, input.dry_run, |tx| {
        let analysis = analysis.clone();
        async move {
            let all: Vec<NetworkInsightsAnalysis> = nouns::all(&tx, home).await?;
            for known in &all {
                if ClientToken::made(analysis.token.as_ref(), known.token.as_ref())? {
                    return Ok(known.clone());
                }
            }
            nouns::find::<NetworkInsightsPath>(&tx, home, &analysis.path).await?;
            let (max, what) = (quotas::NETWORK_INSIGHTS_ANALYSES, "network insights analyses");
            quotas::check(all.len() + 1, max, "NetworkInsightsAnalysisLimitExceeded", what)?;
            nouns::put(&tx, None, &analysis);
            Ok(analysis)
        }
    })
    .await?;
    let names = Names::read(&ctx, [&analysis]).await?;
    let mut shown = shown_analysis(&analysis, &names);
    // AWS: the answer shows the analysis at work; the next Describe finds what it found.
    shown.status = Some("running".into());
    shown.network_path_found = None;
    shown.forward_path_components = None;
    shown.return_path_components = None;
    shown.explanations = None;
    Ok(StartNetworkInsightsAnalysisOutput { network_insights_analysis: Some(shown) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkInsightsAnalysis.html>
pub(super) async fn delete_network_insights_analysis(
    ctx: Ctx,
    input: DeleteNetworkInsightsAnalysisInput,
) -> Result<DeleteNetworkInsightsAnalysisOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.network_insights_analysis_id);
        async move {
            let analysis: NetworkInsightsAnalysis = nouns::find(&tx, home, id).await?;
            nouns::delete(&tx, &analysis);
            Ok(())
        }
    })
    .await?;
    let id = Some(input.network_insights_analysis_id);
    Ok(DeleteNetworkInsightsAnalysisOutput { network_insights_analysis_id: id })
}
