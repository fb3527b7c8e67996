//! Policies that are passed to cut a session's rights, and how much of their room they use.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session>

use crate::directory::Directory;
use crate::error;
use crate::state::SessionPolicies;
use yakumo_api_sts::PolicyDescriptorType;
use yakumo_aws::{AccountId, Result};
use yakumo_policy::{Document, PolicyKind};
use yakumo_room::Ctx;

/// AWS: the most that session policies may hold together, in characters.
const CHARS_MAX: usize = 2_048;
/// AWS: the most managed policies that may be passed.
const ARNS_MAX: usize = 10;

/// Checks what is passed: the document's grammar, and that each ARN names a policy of AWS or of the account that the
/// session is for. Nothing when nothing is passed.
pub(crate) async fn check(
    ctx: &Ctx,
    account: AccountId,
    policy: Option<&str>,
    arns: Option<&[PolicyDescriptorType]>,
) -> Result<Option<SessionPolicies>> {
    let arns: Vec<String> = arns.unwrap_or_default().iter().filter_map(|policy| policy.arn.clone()).collect();
    if policy.is_none() && arns.is_empty() {
        return Ok(None);
    }
    if let Some(text) = policy {
        Document::parse(text, PolicyKind::Session).map_err(error::malformed)?;
    }
    let chars = policy.map_or(0, |text| text.chars().count());
    let chars = chars + arns.iter().map(String::len).sum::<usize>();
    if chars > CHARS_MAX || arns.len() > ARNS_MAX {
        let per_cent = (chars * 100).div_ceil(CHARS_MAX).max(arns.len() * 100 / ARNS_MAX);
        return Err(error::packed_policy_too_large(per_cent));
    }
    let directory = ctx.state::<Directory>();
    for arn in &arns {
        if directory.managed(account, arn, "").await?.is_none() {
            return Err(error::invalid_parameter(format!("Specified policy {arn} does not exist.")));
        }
    }
    Ok(Some(SessionPolicies { inline: policy.map(str::to_owned), arns }))
}

/// How much of the room for session policies and tags is used, in per cent; nothing when none were passed.
/// DIFFERS: AWS packs them in a way it does not document; ours is the share of the longest plain text.
pub(crate) fn packed_size<'a>(
    policies: Option<&SessionPolicies>,
    tags: impl Iterator<Item = (&'a str, &'a str)>,
) -> Option<i32> {
    let tags = tags.map(|(key, value)| key.len() + value.len()).sum::<usize>();
    let inline = policies.and_then(|policies| policies.inline.as_ref()).map_or(0, String::len);
    let arns = policies.iter().flat_map(|policies| &policies.arns).map(String::len).sum::<usize>();
    let used = tags + inline + arns;
    let per_cent = i32::try_from(used * 100 / CHARS_MAX).unwrap_or(100).clamp(1, 100);
    (used > 0).then_some(per_cent)
}
