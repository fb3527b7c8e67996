//! The rows of OpenID Connect and SAML providers.

use super::{given_tags, new_tags};
use crate::access::{Target, made, on, tag_keys, with};
use crate::state::{OidcProvider, SamlProvider};
use crate::{oidc_providers, saml_providers};
use futures_util::future::BoxFuture;
use yakumo_api_iam as api;
use yakumo_aws::Result;
use yakumo_room::{Access, Ctx, Need, Room};

pub(crate) fn providers(room: Room) -> Room {
    saml(oidc_tags(oidc(room)))
}

fn at(arn: &str) -> Target {
    Target::Provider(arn.to_owned())
}

fn everything<I>(_: &I) -> Target {
    Target::Provider("*".to_owned())
}

fn create_oidc() -> Access<api::CreateOpenIDConnectProviderInput> {
    const ACTIONS: [&str; 2] = ["iam:CreateOpenIDConnectProvider", "iam:TagOpenIDConnectProvider"];
    Access::needs(
        ACTIONS,
        |ctx: &Ctx, i: &api::CreateOpenIDConnectProviderInput| -> BoxFuture<'_, Result<Vec<Need>>> {
            let arn = OidcProvider::arn_of(ctx.account(), i.url.trim_start_matches("https://"));
            let keys = new_tags(&i.tags);
            Box::pin(made(ctx, ACTIONS, Target::Provider(arn), keys))
        },
    )
}

fn create_saml() -> Access<api::CreateSAMLProviderInput> {
    const ACTIONS: [&str; 2] = ["iam:CreateSAMLProvider", "iam:TagSAMLProvider"];
    Access::needs(
        ACTIONS,
        |ctx: &Ctx, i: &api::CreateSAMLProviderInput| -> BoxFuture<'_, Result<Vec<Need>>> {
            let arn = SamlProvider::arn_of(ctx.account(), &i.name);
            let keys = new_tags(&i.tags);
            Box::pin(made(ctx, ACTIONS, Target::Provider(arn), keys))
        },
    )
}

fn oidc(room: Room) -> Room {
    room.on(api::CreateOpenIDConnectProvider, create_oidc(), oidc_providers::create_open_id_connect_provider)
        .on(
            api::GetOpenIDConnectProvider,
            on("iam:GetOpenIDConnectProvider", |i: &api::GetOpenIDConnectProviderInput| {
                at(&i.open_id_connect_provider_arn)
            }),
            oidc_providers::get_open_id_connect_provider,
        )
        .on(
            api::ListOpenIDConnectProviders,
            on("iam:ListOpenIDConnectProviders", everything::<api::ListOpenIDConnectProvidersInput>),
            oidc_providers::list_open_id_connect_providers,
        )
        .on(
            api::DeleteOpenIDConnectProvider,
            on("iam:DeleteOpenIDConnectProvider", |i: &api::DeleteOpenIDConnectProviderInput| {
                at(&i.open_id_connect_provider_arn)
            }),
            oidc_providers::delete_open_id_connect_provider,
        )
        .on(
            api::UpdateOpenIDConnectProviderThumbprint,
            on(
                "iam:UpdateOpenIDConnectProviderThumbprint",
                |i: &api::UpdateOpenIDConnectProviderThumbprintInput| at(&i.open_id_connect_provider_arn),
            ),
            oidc_providers::update_open_id_connect_provider_thumbprint,
        )
        .on(
            api::AddClientIDToOpenIDConnectProvider,
            on(
                "iam:AddClientIDToOpenIDConnectProvider",
                |i: &api::AddClientIDToOpenIDConnectProviderInput| at(&i.open_id_connect_provider_arn),
            ),
            oidc_providers::add_client_id_to_open_id_connect_provider,
        )
        .on(
            api::RemoveClientIDFromOpenIDConnectProvider,
            on(
                "iam:RemoveClientIDFromOpenIDConnectProvider",
                |i: &api::RemoveClientIDFromOpenIDConnectProviderInput| at(&i.open_id_connect_provider_arn),
            ),
            oidc_providers::remove_client_id_from_open_id_connect_provider,
        )
}

fn oidc_tags(room: Room) -> Room {
    room.on(
        api::TagOpenIDConnectProvider,
        with(
            "iam:TagOpenIDConnectProvider",
            |i: &api::TagOpenIDConnectProviderInput| at(&i.open_id_connect_provider_arn),
            |i| given_tags(&i.tags),
        ),
        oidc_providers::tag_open_id_connect_provider,
    )
    .on(
        api::UntagOpenIDConnectProvider,
        with(
            "iam:UntagOpenIDConnectProvider",
            |i: &api::UntagOpenIDConnectProviderInput| at(&i.open_id_connect_provider_arn),
            |i| tag_keys(&i.tag_keys),
        ),
        oidc_providers::untag_open_id_connect_provider,
    )
    .on(
        api::ListOpenIDConnectProviderTags,
        on("iam:ListOpenIDConnectProviderTags", |i: &api::ListOpenIDConnectProviderTagsInput| {
            at(&i.open_id_connect_provider_arn)
        }),
        oidc_providers::list_open_id_connect_provider_tags,
    )
}

fn saml(room: Room) -> Room {
    room.on(api::CreateSAMLProvider, create_saml(), saml_providers::create_saml_provider)
        .on(
            api::GetSAMLProvider,
            on("iam:GetSAMLProvider", |i: &api::GetSAMLProviderInput| at(&i.saml_provider_arn)),
            saml_providers::get_saml_provider,
        )
        .on(
            api::ListSAMLProviders,
            on("iam:ListSAMLProviders", everything::<api::ListSAMLProvidersInput>),
            saml_providers::list_saml_providers,
        )
        .on(
            api::UpdateSAMLProvider,
            on("iam:UpdateSAMLProvider", |i: &api::UpdateSAMLProviderInput| at(&i.saml_provider_arn)),
            saml_providers::update_saml_provider,
        )
        .on(
            api::DeleteSAMLProvider,
            on("iam:DeleteSAMLProvider", |i: &api::DeleteSAMLProviderInput| at(&i.saml_provider_arn)),
            saml_providers::delete_saml_provider,
        )
        .on(
            api::TagSAMLProvider,
            with(
                "iam:TagSAMLProvider",
                |i: &api::TagSAMLProviderInput| at(&i.saml_provider_arn),
                |i| given_tags(&i.tags),
            ),
            saml_providers::tag_saml_provider,
        )
        .on(
            api::UntagSAMLProvider,
            with(
                "iam:UntagSAMLProvider",
                |i: &api::UntagSAMLProviderInput| at(&i.saml_provider_arn),
                |i| tag_keys(&i.tag_keys),
            ),
            saml_providers::untag_saml_provider,
        )
        .on(
            api::ListSAMLProviderTags,
            on("iam:ListSAMLProviderTags", |i: &api::ListSAMLProviderTagsInput| at(&i.saml_provider_arn)),
            saml_providers::list_saml_provider_tags,
        )
}
