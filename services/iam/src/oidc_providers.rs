//! OpenID Connect providers.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html>

use crate::error;
use crate::identities::change;
use crate::paging::Asked;
use crate::providers::{self, all, edit, look_up};
use crate::state::{OidcProvider, home};
use crate::tags;
use yakumo_api_iam::{
    AddClientIDToOpenIDConnectProviderInput, AddClientIDToOpenIDConnectProviderOutput,
    CreateOpenIDConnectProviderInput, CreateOpenIDConnectProviderOutput, DeleteOpenIDConnectProviderInput,
    DeleteOpenIDConnectProviderOutput, GetOpenIDConnectProviderInput, GetOpenIDConnectProviderOutput,
    ListOpenIDConnectProviderTagsInput, ListOpenIDConnectProviderTagsOutput, ListOpenIDConnectProvidersInput,
    ListOpenIDConnectProvidersOutput, OpenIDConnectProviderListEntry,
    RemoveClientIDFromOpenIDConnectProviderInput, RemoveClientIDFromOpenIDConnectProviderOutput,
    TagOpenIDConnectProviderInput, TagOpenIDConnectProviderOutput, UntagOpenIDConnectProviderInput,
    UntagOpenIDConnectProviderOutput, UpdateOpenIDConnectProviderThumbprintInput,
    UpdateOpenIDConnectProviderThumbprintOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Resource};

/// AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateOpenIDConnectProvider.html>
const CLIENT_IDS_MAX: usize = 100;
const THUMBPRINTS_MAX: usize = 5;

/// The issuer's URL without its scheme.
///
/// AWS: the URL begins with `https://`, may have a path, and has no query. It is kept as given: `https://a` and
/// `https://a/` are two issuers, as their tokens say so.
/// DIFFERS: AWS asks for a URL without a port; here the provider is often on this host, next to others.
fn issuer(url: &str) -> Result<&str> {
    let rest = url.strip_prefix("https://").ok_or_else(error::invalid_provider_url)?;
    let host = rest.split('/').next().unwrap_or_default();
    let plain = rest.bytes().all(|byte| byte.is_ascii_graphic()) && !rest.contains(['?', '#', '@', '\\']);
    match plain && !host.is_empty() && !host.starts_with(':') {
        true => Ok(rest),
        false => Err(error::invalid_provider_url()),
    }
}

fn check_client_ids(ids: &[String]) -> Result<()> {
    match ids.len() > CLIENT_IDS_MAX {
        true => Err(error::quota("ClientIdsPerOpenIdConnectProvider", CLIENT_IDS_MAX)),
        false => Ok(()),
    }
}

fn check_thumbprints(thumbprints: &[String]) -> Result<()> {
    match thumbprints.len() {
        0 => Err(error::invalid_input("Thumbprint list must contain at least one entry.")),
        1..=THUMBPRINTS_MAX => Ok(()),
        _ => Err(error::invalid_input("Thumbprint list must contain fewer than 5 entries.")),
    }
}

/// Each value once, in the order of their first appearance.
fn distinct(values: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for value in values {
        if !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}

pub(crate) async fn create_open_id_connect_provider(
    ctx: Ctx,
    input: CreateOpenIDConnectProviderInput,
) -> Result<CreateOpenIDConnectProviderOutput> {
    let url = issuer(&input.url)?;
    let client_ids = distinct(input.client_id_list.unwrap_or_default());
    check_client_ids(&client_ids)?;
    let given = distinct(input.thumbprint_list.unwrap_or_default());
    let thumbprints = match given.is_empty() {
        false => given,
        // AWS: without a list, IAM takes the top certificate that the provider's server presents.
        true => vec![
            ctx.base()
                .outside
                .thumbprint(&input.url)
                .await
                .map_err(|reason| error::provider_unreachable().with_source(reason))?,
        ],
    };
    check_thumbprints(&thumbprints)?;
    let mut provider = OidcProvider {
        account: ctx.account(),
        url: url.to_owned(),
        created: ctx.now(),
        client_ids,
        thumbprints,
        tags: Default::default(),
    };
    tags::add(&mut provider.tags, input.tags.as_deref().unwrap_or_default())?;
    providers::create(&ctx, &provider, || error::oidc_provider_exists(&input.url)).await?;
    Ok(CreateOpenIDConnectProviderOutput {
        open_id_connect_provider_arn: Some(provider.arn()),
        tags: tags::shown_if_any(&provider.tags),
    })
}

pub(crate) async fn get_open_id_connect_provider(
    ctx: Ctx,
    input: GetOpenIDConnectProviderInput,
) -> Result<GetOpenIDConnectProviderOutput> {
    let provider: OidcProvider = look_up(&ctx, &input.open_id_connect_provider_arn).await?;
    Ok(GetOpenIDConnectProviderOutput {
        tags: Some(tags::shown(&provider.tags)),
        url: Some(provider.url),
        client_id_list: Some(provider.client_ids),
        thumbprint_list: Some(provider.thumbprints),
        create_date: Some(provider.created),
    })
}

pub(crate) async fn list_open_id_connect_providers(
    ctx: Ctx,
    _input: ListOpenIDConnectProvidersInput,
) -> Result<ListOpenIDConnectProvidersOutput> {
    let entry = |provider: &OidcProvider| OpenIDConnectProviderListEntry { arn: Some(provider.arn()) };
    let list = all(&ctx).await?.iter().map(entry).collect();
    Ok(ListOpenIDConnectProvidersOutput { open_id_connect_provider_list: Some(list) })
}

/// AWS: deleting a provider that does not exist is no error; roles that trust it stay as they are and fail.
pub(crate) async fn delete_open_id_connect_provider(
    ctx: Ctx,
    input: DeleteOpenIDConnectProviderInput,
) -> Result<DeleteOpenIDConnectProviderOutput> {
    let arn = &input.open_id_connect_provider_arn;
    let (account, url) = providers::split::<OidcProvider>(arn).ok_or_else(|| error::invalid_arn(arn))?;
    change(&ctx, |tx| {
        let ctx = &ctx;
        async move {
            let scope = home(ctx.account());
            if account == ctx.account()
                && let Some(provider) = tx.get::<OidcProvider>(&scope, &[url]).await?
            {
                tx.delete_resource(&scope, &provider);
            }
            Ok(())
        }
    })
    .await?;
    Ok(DeleteOpenIDConnectProviderOutput {})
}

pub(crate) async fn update_open_id_connect_provider_thumbprint(
    ctx: Ctx,
    input: UpdateOpenIDConnectProviderThumbprintInput,
) -> Result<UpdateOpenIDConnectProviderThumbprintOutput> {
    let thumbprints = distinct(input.thumbprint_list);
    check_thumbprints(&thumbprints)?;
    edit(&ctx, &input.open_id_connect_provider_arn, |provider: &mut OidcProvider| {
        provider.thumbprints.clone_from(&thumbprints);
        Ok(())
    })
    .await?;
    Ok(UpdateOpenIDConnectProviderThumbprintOutput {})
}

/// AWS: adding an id that is there already is no error.
pub(crate) async fn add_client_id_to_open_id_connect_provider(
    ctx: Ctx,
    input: AddClientIDToOpenIDConnectProviderInput,
) -> Result<AddClientIDToOpenIDConnectProviderOutput> {
    edit(&ctx, &input.open_id_connect_provider_arn, |provider: &mut OidcProvider| {
        if !provider.client_ids.contains(&input.client_id) {
            provider.client_ids.push(input.client_id.clone());
        }
        check_client_ids(&provider.client_ids)
    })
    .await?;
    Ok(AddClientIDToOpenIDConnectProviderOutput {})
}

/// AWS: removing an id that is not there is no error.
pub(crate) async fn remove_client_id_from_open_id_connect_provider(
    ctx: Ctx,
    input: RemoveClientIDFromOpenIDConnectProviderInput,
) -> Result<RemoveClientIDFromOpenIDConnectProviderOutput> {
    edit(&ctx, &input.open_id_connect_provider_arn, |provider: &mut OidcProvider| {
        provider.client_ids.retain(|id| *id != input.client_id);
        Ok(())
    })
    .await?;
    Ok(RemoveClientIDFromOpenIDConnectProviderOutput {})
}

pub(crate) async fn tag_open_id_connect_provider(
    ctx: Ctx,
    input: TagOpenIDConnectProviderInput,
) -> Result<TagOpenIDConnectProviderOutput> {
    edit(&ctx, &input.open_id_connect_provider_arn, |provider: &mut OidcProvider| {
        tags::add(&mut provider.tags, &input.tags)
    })
    .await?;
    Ok(TagOpenIDConnectProviderOutput {})
}

pub(crate) async fn untag_open_id_connect_provider(
    ctx: Ctx,
    input: UntagOpenIDConnectProviderInput,
) -> Result<UntagOpenIDConnectProviderOutput> {
    edit(&ctx, &input.open_id_connect_provider_arn, |provider: &mut OidcProvider| {
        tags::remove(&mut provider.tags, &input.tag_keys);
        Ok(())
    })
    .await?;
    Ok(UntagOpenIDConnectProviderOutput {})
}

pub(crate) async fn list_open_id_connect_provider_tags(
    ctx: Ctx,
    input: ListOpenIDConnectProviderTagsInput,
) -> Result<ListOpenIDConnectProviderTagsOutput> {
    let provider: OidcProvider = look_up(&ctx, &input.open_id_connect_provider_arn).await?;
    let page = tags::page(&provider, Asked::new(&input.marker, input.max_items))?;
    Ok(ListOpenIDConnectProviderTagsOutput {
        is_truncated: page.is_truncated(),
        tags: page.items,
        marker: page.marker,
    })
}

#[cfg(test)]
mod tests {
    use super::issuer;

    #[test]
    fn which_urls_can_be_issuers() {
        for (url, kept) in [
            ("https://idp.example", "idp.example"),
            ("https://idp.example/", "idp.example/"),
            ("https://localhost:8443/realms/main", "localhost:8443/realms/main"),
        ] {
            assert_eq!(issuer(url).unwrap(), kept);
        }
        for url in [
            "idp.example",
            "http://idp.example",
            "https://",
            "https:///x",
            "https://:443",
            "https://a?b=c",
            "https://a#b",
            "https://user@a",
            "https://a b",
            "https://a\u{e9}",
        ] {
            assert!(issuer(url).is_err(), "{url}");
        }
    }
}
