//! Trusted access: AWS services that may act in the whole organization.

use crate::error;
use crate::pages::page;
use crate::realm::Realm;
use crate::seats::{need_all_features, seat};
use crate::state::Organization;
use yakumo_api_organizations::{
    DisableAWSServiceAccessInput, DisableAWSServiceAccessOutput, EnableAWSServiceAccessInput,
    EnableAWSServiceAccessOutput, EnabledServicePrincipal, ListAWSServiceAccessForOrganizationInput,
    ListAWSServiceAccessForOrganizationOutput,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// The services that work with Organizations, by their principals.
/// AWS: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_integrate_services_list.html>
const SERVICES: [&str; 58] = [
    "access-analyzer.amazonaws.com",
    "account.amazonaws.com",
    "agents.application-insights.amazonaws.com",
    "application-signals.cloudwatch.amazonaws.com",
    "apprunner.amazonaws.com",
    "auditmanager.amazonaws.com",
    "aws-artifact-account-sync.amazonaws.com",
    "backup.amazonaws.com",
    "billing-cost-management.amazonaws.com",
    "cloudtrail.amazonaws.com",
    "compute-optimizer.amazonaws.com",
    "config-multiaccountsetup.amazonaws.com",
    "config.amazonaws.com",
    "controltower.amazonaws.com",
    "cost-optimization-hub.bcm.amazonaws.com",
    "deployment.codedeploy.amazonaws.com",
    "detective.amazonaws.com",
    "devops-guru.amazonaws.com",
    "ds.amazonaws.com",
    "ec2.amazonaws.com",
    "fms.amazonaws.com",
    "guardduty.amazonaws.com",
    "health.amazonaws.com",
    "iam.amazonaws.com",
    "inspector2.amazonaws.com",
    "internetmonitor.amazonaws.com",
    "ipam.amazonaws.com",
    "license-manager-linux-subscriptions.amazonaws.com",
    "license-manager.amazonaws.com",
    "license-manager.member-account.amazonaws.com",
    "license-management.marketplace.amazonaws.com",
    "macie.amazonaws.com",
    "malware-protection.guardduty.amazonaws.com",
    "managedservices.amazonaws.com",
    "member.org.stacksets.cloudformation.amazonaws.com",
    "networkmanager.amazonaws.com",
    "notifications.amazon.com",
    "observabilityadmin.amazonaws.com",
    "opsdatasync.ssm.amazonaws.com",
    "private-networks.amazonaws.com",
    "procurement.marketplace.amazonaws.com",
    "ram.amazonaws.com",
    "reachabilityanalyzer.networkinsights.amazonaws.com",
    "reporting.trustedadvisor.amazonaws.com",
    "resource-explorer-2.amazonaws.com",
    "s3.amazonaws.com",
    "securityhub.amazonaws.com",
    "securitylake.amazonaws.com",
    "servicecatalog.amazonaws.com",
    "servicequotas.amazonaws.com",
    "sso.amazonaws.com",
    "ssm.amazonaws.com",
    "ssm-incidents.amazonaws.com",
    "storage-lens.s3.amazonaws.com",
    "tagpolicies.tag.amazonaws.com",
    "vpc-lattice.amazonaws.com",
    "wellarchitected.amazonaws.com",
    "workmail.amazonaws.com",
];

/// Refuses principals of services that do not work with Organizations.
pub(crate) fn need_known(principal: &str) -> Result<()> {
    if SERVICES.contains(&principal) { Ok(()) } else { Err(error::unrecognized_service()) }
}

pub(crate) async fn enable_aws_service_access(
    ctx: Ctx,
    input: EnableAWSServiceAccessInput,
) -> Result<EnableAWSServiceAccessOutput> {
    let now = ctx.now();
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        need_all_features(&organization)?;
        need_known(&input.service_principal)?;
        let mut organization = Organization::clone(&organization);
        if !organization.services.contains_key(&input.service_principal) {
            organization.services.insert(input.service_principal.clone(), now);
            draft.put(organization);
        }
        Ok(())
    });
    work.await?;
    Ok(EnableAWSServiceAccessOutput {})
}

pub(crate) async fn disable_aws_service_access(
    ctx: Ctx,
    input: DisableAWSServiceAccessInput,
) -> Result<DisableAWSServiceAccessOutput> {
    let work = ctx.state::<Realm>().change(&ctx, |draft| {
        let organization = draft.organization(&ctx)?;
        need_all_features(&organization)?;
        need_known(&input.service_principal)?;
        let is_delegate = draft.state.members(&organization.id).any(|account| {
            let membership = account.membership.as_ref();
            membership.is_some_and(|known| known.delegated.contains_key(&input.service_principal))
        });
        if is_delegate {
            return Err(error::delegate_exists());
        }
        let mut organization = Organization::clone(&organization);
        if organization.services.remove(&input.service_principal).is_some() {
            draft.put(organization);
        }
        Ok(())
    });
    work.await?;
    Ok(DisableAWSServiceAccessOutput {})
}

pub(crate) async fn list_aws_service_access_for_organization(
    ctx: Ctx,
    input: ListAWSServiceAccessForOrganizationInput,
) -> Result<ListAWSServiceAccessForOrganizationOutput> {
    let seat = seat(&ctx)?;
    let services = seat.organization.services.iter().collect();
    let (services, next_token) =
        page(services, input.next_token.as_deref(), input.max_results, |(name, _)| name.as_str())?;
    let enabled = services.into_iter().map(|(name, since)| EnabledServicePrincipal {
        service_principal: Some(name.clone()),
        date_enabled: Some(*since),
    });
    let enabled_service_principals = Some(enabled.collect());
    Ok(ListAWSServiceAccessForOrganizationOutput { enabled_service_principals, next_token })
}
