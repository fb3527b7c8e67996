//! DescribeKeyPairs and DeleteKeyPair.

use super::{KeyPair, no_such_id, not_found};
use crate::commit::{change, only_if};
use crate::error;
use crate::filters::{Filtered, Filters, fact};
use crate::nouns::{ALL, Home};
use crate::tags::{self, Tags};
use yakumo_api_ec2::{
    DeleteKeyPairInput, DeleteKeyPairOutput, DescribeKeyPairsInput, DescribeKeyPairsOutput, KeyPairInfo,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Tx};

impl Filtered for KeyPair {
    const FILTERS: &'static [&'static str] = &["key-pair-id", "fingerprint", "key-name"];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "key-pair-id" => fact(self.id.clone()),
            "fingerprint" => fact(self.fingerprint.clone()),
            _ => fact(self.name.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeKeyPairs.html>
pub(super) async fn describe_key_pairs(
    ctx: Ctx,
    input: DescribeKeyPairsInput,
) -> Result<DescribeKeyPairsOutput> {
    let filters = Filters::of::<KeyPair>(input.filters.as_ref())?;
    let (names, ids) = (input.key_names.unwrap_or_default(), input.key_pair_ids.unwrap_or_default());
    only_if(input.dry_run)?;
    let mut all: Vec<KeyPair> = ctx.list(&Home::of(&ctx).scope(), &[], None, ALL).await?;
    if let Some(name) = names.iter().find(|name| !all.iter().any(|pair| pair.name == **name)) {
        return Err(not_found(name));
    }
    if let Some(id) = ids.iter().find(|id| !all.iter().any(|pair| pair.id == **id)) {
        return Err(no_such_id(id));
    }
    all.retain(|pair| {
        let is_meant =
            names.is_empty() && ids.is_empty() || names.contains(&pair.name) || ids.contains(&pair.id);
        is_meant && filters.pass(pair)
    });
    all.sort_by(|one, other| one.name.cmp(&other.name));
    let with_key = input.include_public_key == Some(true);
    let shown = all.into_iter().map(|pair| KeyPairInfo {
        key_pair_id: Some(pair.id.clone()),
        key_type: Some(pair.kind.name().to_owned()),
        tags: tags::shown(&pair.tags),
        public_key: with_key.then(|| pair.line()),
        create_time: Some(pair.created),
        key_name: Some(pair.name),
        key_fingerprint: Some(pair.fingerprint),
    });
    Ok(DescribeKeyPairsOutput { key_pairs: Some(shown.collect()) })
}

/// AWS: what is not there can be deleted as well.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteKeyPair.html>
pub(super) async fn delete_key_pair(ctx: Ctx, input: DeleteKeyPairInput) -> Result<DeleteKeyPairOutput> {
    if input.key_name.is_none() && input.key_pair_id.is_none() {
        return Err(error::missing_parameter("KeyName"));
    }
    let (name, id) = (&input.key_name, &input.key_pair_id);
    let home = Home::of(&ctx);
    let deleted = change(&ctx, input.dry_run, |tx: Tx| async move {
        let all: Vec<KeyPair> = tx.list(&home.scope(), &[], None, ALL).await?;
        let is_meant = |pair: &&KeyPair| {
            name.as_ref().is_none_or(|name| pair.name == *name) && id.as_ref().is_none_or(|id| pair.id == *id)
        };
        let found = all.iter().find(is_meant);
        if let Some(pair) = found {
            tx.delete_resource(&home.scope(), pair);
        }
        Ok(found.map(|pair| pair.id.clone()))
    })
    .await?;
    Ok(DeleteKeyPairOutput { r#return: Some(true), key_pair_id: deleted })
}
