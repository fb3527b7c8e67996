//! SAML providers and their metadata documents.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml.html>

use crate::error;
use crate::identities::{change, unique_id};
use crate::paging::Asked;
use crate::providers::{self, all, edit, find, look_up};
use crate::saml::metadata::Metadata;
use crate::state::{SamlProvider, home};
use crate::tags;
use yakumo_api_iam::{
    CreateSAMLProviderInput, CreateSAMLProviderOutput, DeleteSAMLProviderInput, DeleteSAMLProviderOutput,
    GetSAMLProviderInput, GetSAMLProviderOutput, ListSAMLProviderTagsInput, ListSAMLProviderTagsOutput,
    ListSAMLProvidersInput, ListSAMLProvidersOutput, SAMLProviderListEntry, TagSAMLProviderInput,
    TagSAMLProviderOutput, UntagSAMLProviderInput, UntagSAMLProviderOutput, UpdateSAMLProviderInput,
    UpdateSAMLProviderOutput,
};
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::{Ctx, Resource};

/// AWS: how long a provider is valid whose metadata names no end.
const VALID_YEARS: i64 = 100;
const YEAR_S: i64 = 31_557_600;

/// DIFFERS: AWS takes ten million characters; a record of ours holds eight MiB, with what JSON escapes.
const METADATA_BYTES_MAX: usize = 4_000_000;

/// DIFFERS: a private key to decrypt assertions with is not taken.
fn check_encryption(mode: Option<&str>, key: Option<&str>) -> Result<()> {
    if key.is_some() {
        let text =
            "AddPrivateKey is not implemented by this cloud: assertions are signed, but not encrypted.";
        return Err(Error::sender("NotImplemented", text).with_status(501));
    }
    match mode {
        Some("Required") => Err(error::invalid_input(
            "Unable to set assertion encryption mode to Required because no private key is provided.",
        )),
        _ => Ok(()),
    }
}

fn valid_until(metadata: &str, now: Timestamp) -> Result<Timestamp> {
    if metadata.len() > METADATA_BYTES_MAX {
        return Err(error::quota("SAMLMetadataDocument", METADATA_BYTES_MAX));
    }
    let parsed =
        Metadata::parse(metadata).map_err(|reason| error::unparsable_metadata().with_source(reason))?;
    let by_default = Timestamp::from_secs(now.as_secs().saturating_add(VALID_YEARS * YEAR_S));
    Ok(parsed.valid_until.unwrap_or(by_default))
}

pub(crate) async fn create_saml_provider(
    ctx: Ctx,
    input: CreateSAMLProviderInput,
) -> Result<CreateSAMLProviderOutput> {
    check_encryption(input.assertion_encryption_mode.as_deref(), input.add_private_key.as_deref())?;
    let now = ctx.now();
    let mut provider = SamlProvider {
        account: ctx.account(),
        unique_id: unique_id(&ctx, "SAMLSP"),
        created: now,
        valid_until: valid_until(&input.saml_metadata_document, now)?,
        name: input.name,
        metadata: input.saml_metadata_document,
        encryption: input.assertion_encryption_mode,
        tags: Default::default(),
    };
    tags::add(&mut provider.tags, input.tags.as_deref().unwrap_or_default())?;
    providers::create(&ctx, &provider, || error::saml_provider_exists(&provider.name)).await?;
    Ok(CreateSAMLProviderOutput {
        saml_provider_arn: Some(provider.arn()),
        tags: tags::shown_if_any(&provider.tags),
    })
}

pub(crate) async fn update_saml_provider(
    ctx: Ctx,
    input: UpdateSAMLProviderInput,
) -> Result<UpdateSAMLProviderOutput> {
    check_encryption(input.assertion_encryption_mode.as_deref(), input.add_private_key.as_deref())?;
    if input.remove_private_key.is_some() {
        return Err(error::invalid_input(
            "Failed to remove private key because the Key ID does not match a private key.",
        ));
    }
    if input.saml_metadata_document.is_none() && input.assertion_encryption_mode.is_none() {
        return Err(error::invalid_input(
            "Unable to update identity provider. No updates are defined for metadata or encryption assertion.",
        ));
    }
    let end = match &input.saml_metadata_document {
        Some(metadata) => Some(valid_until(metadata, ctx.now())?),
        None => None,
    };
    let provider = edit(&ctx, &input.saml_provider_arn, |provider: &mut SamlProvider| {
        if let (Some(metadata), Some(end)) = (&input.saml_metadata_document, end) {
            provider.metadata.clone_from(metadata);
            provider.valid_until = end;
        }
        if input.assertion_encryption_mode.is_some() {
            provider.encryption.clone_from(&input.assertion_encryption_mode);
        }
        Ok(())
    })
    .await?;
    Ok(UpdateSAMLProviderOutput { saml_provider_arn: Some(provider.arn()) })
}

pub(crate) async fn get_saml_provider(
    ctx: Ctx,
    input: GetSAMLProviderInput,
) -> Result<GetSAMLProviderOutput> {
    let provider: SamlProvider = look_up(&ctx, &input.saml_provider_arn).await?;
    Ok(GetSAMLProviderOutput {
        tags: Some(tags::shown(&provider.tags)),
        saml_provider_uuid: Some(provider.unique_id),
        saml_metadata_document: Some(provider.metadata),
        create_date: Some(provider.created),
        valid_until: Some(provider.valid_until),
        assertion_encryption_mode: provider.encryption,
        private_key_list: None,
    })
}

pub(crate) async fn list_saml_providers(
    ctx: Ctx,
    _input: ListSAMLProvidersInput,
) -> Result<ListSAMLProvidersOutput> {
    let entry = |provider: &SamlProvider| SAMLProviderListEntry {
        arn: Some(provider.arn()),
        valid_until: Some(provider.valid_until),
        create_date: Some(provider.created),
    };
    let list = all(&ctx).await?.iter().map(entry).collect();
    Ok(ListSAMLProvidersOutput { saml_provider_list: Some(list) })
}

/// AWS: roles that trust the provider stay as they are; whoever would assume them fails.
pub(crate) async fn delete_saml_provider(
    ctx: Ctx,
    input: DeleteSAMLProviderInput,
) -> Result<DeleteSAMLProviderOutput> {
    change(&ctx, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let provider: SamlProvider = find(&tx, ctx.account(), &input.saml_provider_arn).await?;
            tx.delete_resource(&home(ctx.account()), &provider);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteSAMLProviderOutput {})
}

pub(crate) async fn tag_saml_provider(
    ctx: Ctx,
    input: TagSAMLProviderInput,
) -> Result<TagSAMLProviderOutput> {
    edit(&ctx, &input.saml_provider_arn, |provider: &mut SamlProvider| {
        tags::add(&mut provider.tags, &input.tags)
    })
    .await?;
    Ok(TagSAMLProviderOutput {})
}

pub(crate) async fn untag_saml_provider(
    ctx: Ctx,
    input: UntagSAMLProviderInput,
) -> Result<UntagSAMLProviderOutput> {
    edit(&ctx, &input.saml_provider_arn, |provider: &mut SamlProvider| {
        tags::remove(&mut provider.tags, &input.tag_keys);
        Ok(())
    })
    .await?;
    Ok(UntagSAMLProviderOutput {})
}

pub(crate) async fn list_saml_provider_tags(
    ctx: Ctx,
    input: ListSAMLProviderTagsInput,
) -> Result<ListSAMLProviderTagsOutput> {
    let provider: SamlProvider = look_up(&ctx, &input.saml_provider_arn).await?;
    let page = tags::page(&provider, Asked::new(&input.marker, input.max_items))?;
    Ok(ListSAMLProviderTagsOutput {
        is_truncated: page.is_truncated(),
        tags: page.items,
        marker: page.marker,
    })
}
