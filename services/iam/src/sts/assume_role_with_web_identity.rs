//! AssumeRoleWithWebIdentity: a role for the bearer of a token that an OpenID Connect provider of the account has signed.
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>

use crate::access::Keys;
use crate::error;
use crate::jwt::{KeySet, Token, Verified, texts};
use crate::state::{OidcProvider, home};
use crate::sts::federation::{self, Asked, Bearer};
use crate::sts::provider_claims;
use serde_json::Value;
use std::collections::BTreeMap;
use yakumo_api_sts::{AssumeRoleWithWebIdentityInput, AssumeRoleWithWebIdentityOutput};
use yakumo_aws::{AccountId, Error, Result};
use yakumo_room::{Ask, Ctx, OutsideError, Resource, host_now};

/// What it may ask for.
pub(crate) const ACTIONS: [&str; 3] =
    ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"];

/// How far the issuer's clock may be ahead of ours.
const SKEW_S: i64 = 300;

const TAGS: &str = "https://aws.amazon.com/tags";
const SOURCE_IDENTITY: &str = "https://aws.amazon.com/source_identity";

pub(crate) async fn assume_role_with_web_identity(
    ctx: Ctx,
    input: AssumeRoleWithWebIdentityInput,
) -> Result<AssumeRoleWithWebIdentityOutput> {
    if let Some(provider) = &input.provider_id {
        // AWS: a ProviderId is for OAuth 2.0 access tokens of two providers, which only these can verify.
        let text = format!("Access tokens of {provider} are not implemented by this cloud; ID tokens are.");
        return Err(Error::sender("NotImplemented", text).with_status(501));
    }
    let account = federation::account_of(&input.role_arn)?;
    let token = Token::parse(&input.web_identity_token).ok_or_else(|| {
        error::invalid_identity_token(
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        )
    })?;
    let provider = provider(&ctx, account, &token).await?;
    let audience = audience(&token, &provider)?;
    let subject = required(&token, "sub")?.to_owned();
    verify(&ctx, &provider, &token).await?;
    check_times(&token)?;
    let bearer = bearer(&token, &provider, &audience, &subject)?;
    let asked = Asked {
        action: "sts:AssumeRoleWithWebIdentity",
        role_arn: &input.role_arn,
        session_name: &input.role_session_name,
        policy: input.policy.as_deref(),
        policy_arns: input.policy_arns.as_deref(),
        duration_s: input.duration_seconds,
        token_size_bytes: input.minimum_session_token_size,
    };
    let assumed = federation::assume(&ctx, asked, bearer).await?;
    let (session_token_size, session_token_utilization) =
        crate::sts::sessions::token_size(&assumed.credentials);
    Ok(AssumeRoleWithWebIdentityOutput {
        credentials: Some(assumed.credentials),
        subject_from_web_identity_token: Some(subject),
        assumed_role_user: Some(assumed.user),
        packed_policy_size: assumed.packed_policy_size,
        provider: Some(provider.arn()),
        audience: Some(audience),
        source_identity: assumed.source_identity,
        session_token_size,
        session_token_utilization,
    })
}

fn required<'t>(token: &'t Token, claim: &str) -> Result<&'t str> {
    let text = token.text(claim).filter(|text| !text.is_empty());
    text.ok_or_else(|| error::invalid_identity_token(format!("Missing a required claim: {claim}")))
}

/// The provider of the role's account whose URL is exactly the token's issuer.
async fn provider(ctx: &Ctx, account: AccountId, token: &Token) -> Result<OidcProvider> {
    let issuer = required(token, "iss")?;
    let unknown = || {
        let text = format!("No OpenIDConnect provider found in your account for {issuer}");
        error::invalid_identity_token(text)
    };
    let url = issuer.strip_prefix("https://").ok_or_else(unknown)?;
    ctx.get::<OidcProvider>(&home(account), &[url]).await?.ok_or_else(unknown)
}

/// For whom the token was made: `azp` when it is there, else the only `aud`. It must be one of the provider's clients.
fn audience(token: &Token, provider: &OidcProvider) -> Result<String> {
    let audiences = token.texts("aud");
    let audience = match (token.text("azp"), audiences.as_slice()) {
        (Some(party), _) => party,
        (None, []) => {
            return Err(error::invalid_identity_token("Missing a required claim: aud"));
        }
        (None, [audience]) => audience,
        (None, _) => return Err(error::invalid_identity_token("Incorrect token audience")),
    };
    match provider.client_ids.iter().any(|id| id == audience) {
        true => Ok(audience.to_owned()),
        false => Err(error::invalid_identity_token("Incorrect token audience")),
    }
}

/// Verifies the signature with the issuer's keys; they are asked for again when the one that signed is not among them.
async fn verify(ctx: &Ctx, provider: &OidcProvider, token: &Token) -> Result<()> {
    for fresh in [false, true] {
        match token.verify(&keys(ctx, provider, fresh).await?) {
            Verified::Yes => return Ok(()),
            Verified::No => return Err(error::invalid_identity_token("Couldn't verify signed token.")),
            Verified::NoKey => {}
        }
    }
    Err(no_keys())
}

/// AWS: the text has two spaces.
fn no_keys() -> Error {
    error::invalid_identity_token(
        "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity \
         documentation for requirements",
    )
}

/// The issuer's keys, by its discovery document (OpenID Connect Discovery 1.0, 4).
async fn keys(ctx: &Ctx, provider: &OidcProvider, fresh: bool) -> Result<KeySet> {
    let base = format!("https://{}", provider.url);
    let discovery = format!("{}/.well-known/openid-configuration", base.trim_end_matches('/'));
    let document: Value =
        serde_json::from_slice(&fetch(ctx, provider, &discovery, fresh).await?).map_err(|_| no_keys())?;
    let names_itself = document.get("issuer").and_then(Value::as_str) == Some(&base);
    let place =
        document.get("jwks_uri").and_then(Value::as_str).filter(|_| names_itself).ok_or_else(no_keys)?;
    KeySet::parse(&fetch(ctx, provider, place, fresh).await?).ok_or_else(no_keys)
}

async fn fetch(ctx: &Ctx, provider: &OidcProvider, url: &str, fresh: bool) -> Result<bytes::Bytes> {
    let ask = Ask { url, thumbprints: &provider.thumbprints, fresh };
    ctx.base().outside.document(ask).await.map_err(|reason| {
        let error = match reason {
            OutsideError::Untrusted { .. } => error::invalid_identity_token(
                "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
            ),
            OutsideError::Unreachable { .. } => error::idp_unreachable(),
            OutsideError::Refused { .. } => no_keys(),
        };
        error.with_source(reason)
    })
}

/// The issuer lives outside, so its times are the host's, not those of the cloud's clock.
fn check_times(token: &Token) -> Result<()> {
    let now = host_now().as_secs();
    let missing = |claim: &str| error::invalid_identity_token(format!("Missing a required claim: {claim}"));
    let expires = token.seconds("exp").ok_or_else(|| missing("exp"))?;
    let issued = token.seconds("iat").ok_or_else(|| missing("iat"))?;
    if now >= expires {
        // AWS: there is no space before the second number.
        return Err(error::expired_identity(format!(
            "Token expired: current date/time {now} must be before the expiration date/time{expires}"
        )));
    }
    let begins = token.seconds("nbf").unwrap_or(issued).max(issued);
    match begins > now.saturating_add(SKEW_S) {
        true => Err(error::invalid_identity_token(format!(
            "Token is not yet valid: current date/time {now} must not be before {begins}"
        ))),
        false => Ok(()),
    }
}

fn bearer(token: &Token, provider: &OidcProvider, audience: &str, subject: &str) -> Result<Bearer> {
    let url = &provider.url;
    let mut keys = BTreeMap::new();
    let mut put = |name: &str, values: Vec<&str>| {
        if !values.is_empty() {
            keys.insert(format!("{url}:{name}"), values.into_iter().map(str::to_owned).collect::<Vec<_>>());
        }
    };
    put("aud", vec![audience]);
    put("sub", vec![subject]);
    put("amr", token.texts("amr"));
    put("email", token.text("email").into_iter().collect());
    if token.text("azp").is_some() {
        // AWS: with an authorised party, `aud` means it, and `oaud` is what the token has as its audience.
        put("oaud", token.texts("aud"));
    }
    let mut trust_keys: Keys = keys.iter().map(|(key, values)| (key.clone(), values.clone())).collect();
    trust_keys.extend(provider_claims::keys(url, token));
    let (tags, transitive) = tags(token)?;
    Ok(Bearer {
        provider_arn: provider.arn(),
        user_id: format!("{url}:{audience}:{subject}"),
        keys: trust_keys,
        session_keys: keys,
        tags,
        transitive,
        source_identity: source_identity(token)?,
        until: None,
    })
}

/// Session tags, nested under one claim or flat with a claim each.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp>
fn tags(token: &Token) -> Result<(BTreeMap<String, String>, Vec<String>)> {
    let invalid = || error::invalid_identity_token("Session tags in the identity token are not valid");
    let one = |value: &Value| match texts(value).as_slice() {
        [text] => Ok((*text).to_owned()),
        _ => Err(invalid()),
    };
    let mut tags = BTreeMap::new();
    let mut transitive = Vec::new();
    if let Some(nested) = token.claim(TAGS) {
        let nested = nested.as_object().ok_or_else(invalid)?;
        for (name, value) in nested.get("principal_tags").and_then(Value::as_object).into_iter().flatten() {
            tags.insert(name.clone(), one(value)?);
        }
        transitive.extend(nested.get("transitive_tag_keys").map(texts).unwrap_or_default());
    }
    let flat = format!("{TAGS}/principal_tags/");
    for (claim, value) in token.claims() {
        if let Some(name) = claim.strip_prefix(&flat) {
            tags.insert(name.to_owned(), one(value)?);
        }
    }
    let flat = token.claim("https://aws.amazon.com/tags/transitive_tag_keys");
    transitive.extend(flat.map(texts).unwrap_or_default());
    Ok((tags, transitive.into_iter().map(str::to_owned).collect()))
}

fn source_identity(token: &Token) -> Result<Option<String>> {
    let Some(value) = token.claim(SOURCE_IDENTITY) else { return Ok(None) };
    let text = value.as_str().unwrap_or_default();
    match federation::is_source_identity(text) {
        true => Ok(Some(text.to_owned())),
        false => Err(error::invalid_identity_token(federation::BAD_SOURCE_IDENTITY)),
    }
}
