//! Which condition keys policies name: what a simulation needs values for.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetContextKeysForPrincipalPolicy.html>

use crate::entities::Entity;
use crate::error;
use crate::simulation::passages;
use yakumo_api_iam::{
    GetContextKeysForCustomPolicyInput, GetContextKeysForCustomPolicyOutput,
    GetContextKeysForPrincipalPolicyInput, GetContextKeysForPrincipalPolicyOutput,
};
use yakumo_aws::Result;
use yakumo_policy::{Document, PolicyKind};
use yakumo_room::Ctx;

pub(crate) async fn get_context_keys_for_custom_policy(
    _ctx: Ctx,
    input: GetContextKeysForCustomPolicyInput,
) -> Result<GetContextKeysForCustomPolicyOutput> {
    check(&input.policy_input_list)?;
    Ok(GetContextKeysForCustomPolicyOutput { context_key_names: Some(keys(&input.policy_input_list)) })
}

pub(crate) async fn get_context_keys_for_principal_policy(
    ctx: Ctx,
    input: GetContextKeysForPrincipalPolicyInput,
) -> Result<GetContextKeysForPrincipalPolicyOutput> {
    let given = input.policy_input_list.unwrap_or_default();
    check(&given)?;
    let entity = Entity::find(&ctx, &input.policy_source_arn).await?;
    let mut texts: Vec<String> =
        entity.policies(&ctx).await?.into_iter().map(|carried| carried.text).collect();
    texts.extend(given);
    Ok(GetContextKeysForPrincipalPolicyOutput { context_key_names: Some(keys(&texts)) })
}

fn check(texts: &[String]) -> Result<()> {
    for (index, text) in texts.iter().enumerate() {
        let name = format!("PolicyInputList.{}", index + 1);
        Document::parse(text, PolicyKind::Identity).map_err(|cause| error::malformed_input(&name, cause))?;
    }
    Ok(())
}

/// The keys of all policies, each once whatever its case.
fn keys(texts: &[String]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for key in texts.iter().flat_map(|text| passages(text)).flat_map(|passage| passage.keys) {
        if !all.iter().any(|known| known.eq_ignore_ascii_case(&key)) {
            all.push(key);
        }
    }
    all
}
