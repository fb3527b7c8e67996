//! ListPoliciesGrantingServiceAccess: which policies of an identity let it use a service.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListPoliciesGrantingServiceAccess.html>

use super::services::accessible;
use crate::entities::{Carried, Entity, Origin};
use crate::paging::Asked;
use std::collections::BTreeSet;
use yakumo_api_iam::{
    ListPoliciesGrantingServiceAccessEntry, ListPoliciesGrantingServiceAccessInput,
    ListPoliciesGrantingServiceAccessOutput, PolicyGrantingServiceAccess, policy_type,
};
use yakumo_aws::Result;
use yakumo_room::Ctx;

pub(crate) async fn list_policies_granting_service_access(
    ctx: Ctx,
    input: ListPoliciesGrantingServiceAccessInput,
) -> Result<ListPoliciesGrantingServiceAccessOutput> {
    let entity = Entity::find(&ctx, &input.arn).await?;
    let policies: Vec<(Carried, BTreeSet<&str>)> = entity
        .policies(&ctx)
        .await?
        .into_iter()
        .map(|carried| {
            let services = accessible([carried.text.as_str()].into_iter());
            (carried, services)
        })
        .collect();
    let mut namespaces = input.service_namespaces;
    namespaces.sort();
    namespaces.dedup();
    let page = Asked::new(&input.marker, None).slice(namespaces, String::as_str)?;
    let is_truncated = page.is_truncated();
    let entry = |namespace: String| {
        let granting = policies.iter().filter(|(_, services)| services.contains(namespace.as_str()));
        ListPoliciesGrantingServiceAccessEntry {
            policies: Some(granting.map(|(carried, _)| shown(carried)).collect()),
            service_namespace: Some(namespace),
        }
    };
    Ok(ListPoliciesGrantingServiceAccessOutput {
        policies_granting_service_access: page.items.into_iter().map(entry).collect(),
        is_truncated,
        marker: page.marker,
    })
}

/// AWS: only inline policies say whose they are.
fn shown(carried: &Carried) -> PolicyGrantingServiceAccess {
    match &carried.origin {
        Origin::Inline { kind, carrier, name } => PolicyGrantingServiceAccess {
            policy_name: name.clone(),
            policy_type: policy_type::INLINE.to_owned(),
            policy_arn: None,
            entity_type: Some(kind.to_ascii_uppercase()),
            entity_name: Some(carrier.clone()),
        },
        Origin::Managed { arn } => PolicyGrantingServiceAccess {
            policy_name: arn.rsplit('/').next().unwrap_or_default().to_owned(),
            policy_type: policy_type::MANAGED.to_owned(),
            policy_arn: Some(arn.clone()),
            entity_type: None,
            entity_name: None,
        },
    }
}
