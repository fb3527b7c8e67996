//! Credentials of users for one service: user names and passwords for CodeCommit and Keyspaces, API keys for Bedrock.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateServiceSpecificCredential.html>
//!
//! Invariant: the secret is answered when it is made and never again; only its hash is kept.

use crate::certificates::hex;
use crate::error;
use crate::holders::Holder;
use crate::identities::{find, unique_id};
use crate::paging::Asked;
use crate::ssh_public_keys::{is_active, status};
use crate::state::{ServiceCredential, User, home};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use yakumo_api_iam::{
    CreateServiceSpecificCredentialInput, CreateServiceSpecificCredentialOutput,
    DeleteServiceSpecificCredentialInput, DeleteServiceSpecificCredentialOutput,
    ListServiceSpecificCredentialsInput, ListServiceSpecificCredentialsOutput,
    ResetServiceSpecificCredentialInput, ResetServiceSpecificCredentialOutput,
    ServiceSpecificCredential as Shown, ServiceSpecificCredentialMetadata,
    UpdateServiceSpecificCredentialInput, UpdateServiceSpecificCredentialOutput, status_type,
};
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::{Ctx, Tx};

const BEDROCK: &str = "bedrock.amazonaws.com";
const SERVICES: [&str; 3] = ["codecommit.amazonaws.com", "cassandra.amazonaws.com", BEDROCK];
/// AWS: for each service and user.
const CREDENTIALS_MAX: usize = 2;
const DAY_MS: i64 = 86_400_000;
/// More than a user can have over all services.
const ALL_MAX: usize = 100;

fn not_found(id: &str) -> Error {
    error::no_such_entity(format!("No such credential {id} exists"))
}

fn check_service(name: &str) -> Result<()> {
    if SERVICES.contains(&name) {
        return Ok(());
    }
    let text = format!("No such service {name} is supported for Service Specific Credentials");
    Err(Error::sender("ServiceNotSupportedException", text).with_status(404))
}

/// A new secret and its hash. An API key carries its public part.
fn new_secret(ctx: &Ctx, service: &str, alias: &str) -> (String, String) {
    let mut bytes = [0; 32];
    ctx.base().ids.fill(&mut bytes);
    let random = STANDARD.encode(bytes);
    let secret = match service {
        BEDROCK => format!("ABSK{}", STANDARD.encode(format!("{alias}:{random}"))),
        _ => random,
    };
    let hash = hex(digest(&SHA256, secret.as_bytes()).as_ref());
    (secret, hash)
}

fn state(credential: &ServiceCredential, now: Timestamp) -> String {
    match credential.expires {
        Some(expires) if expires <= now => status_type::EXPIRED.to_owned(),
        _ => status(credential.active),
    }
}

fn shown(ctx: &Ctx, user: &User, credential: &ServiceCredential, secret: String) -> Shown {
    let (alias, secret) = (Some(credential.alias.clone()), Some(secret));
    let is_key = credential.service == BEDROCK;
    Shown {
        create_date: credential.created,
        expiration_date: credential.expires,
        service_name: credential.service.clone(),
        service_user_name: alias.clone().filter(|_| !is_key),
        service_password: secret.clone().filter(|_| !is_key),
        service_credential_alias: alias.filter(|_| is_key),
        service_credential_secret: secret.filter(|_| is_key),
        service_specific_credential_id: credential.id.clone(),
        user_name: user.name.clone(),
        status: state(credential, ctx.now()),
    }
}

/// `alice-at-111122223333`, and for the second one `alice+1-at-111122223333`.
fn free_alias(user: &User, known: &[ServiceCredential]) -> String {
    let (name, account) = (&user.name, user.account);
    let mut names = std::iter::once(format!("{name}-at-{account}"))
        .chain((1..=CREDENTIALS_MAX).map(|number| format!("{name}+{number}-at-{account}")));
    names.find(|name| known.iter().all(|other| other.alias != *name)).unwrap_or_default()
}

pub(crate) async fn create_service_specific_credential(
    ctx: Ctx,
    input: CreateServiceSpecificCredentialInput,
) -> Result<CreateServiceSpecificCredentialOutput> {
    check_service(&input.service_name)?;
    if input.credential_age_days.is_some() && input.service_name != BEDROCK {
        let text = "CredentialAgeDays is only valid for Bedrock API keys.";
        return Err(error::validation(text));
    }
    let id = unique_id(&ctx, "ACCA");
    let created = ctx.now();
    let age_ms = input.credential_age_days.map(|days| i64::from(days) * DAY_MS);
    let shown = ctx
        .transact(|tx| {
            let (ctx, input, id) = (&ctx, &input, &id);
            async move {
                let user: User = find(&tx, ctx.account(), &input.user_name).await?;
                let mut known = all_of(&tx, ctx, &user).await?;
                known.retain(|other| other.service == input.service_name);
                if known.len() >= CREDENTIALS_MAX {
                    return Err(error::quota("ServiceSpecificCredentialsPerUser", CREDENTIALS_MAX));
                }
                let alias = free_alias(&user, &known);
                let (secret, secret_sha256) = new_secret(ctx, &input.service_name, &alias);
                let credential = ServiceCredential {
                    id: id.clone(),
                    service: input.service_name.clone(),
                    alias,
                    secret_sha256,
                    active: true,
                    created,
                    expires: age_ms.map(|age| created.plus_millis(age)),
                };
                tx.put(&home(ctx.account()), &[&user.unique_id, id], &credential);
                Ok(shown(ctx, &user, &credential, secret))
            }
        })
        .await?;
    Ok(CreateServiceSpecificCredentialOutput { service_specific_credential: Some(shown) })
}

async fn all_of(tx: &Tx, ctx: &Ctx, user: &User) -> Result<Vec<ServiceCredential>> {
    tx.list(&home(ctx.account()), &[&user.unique_id], None, ALL_MAX).await
}

fn metadata(ctx: &Ctx, user: &User, credential: ServiceCredential) -> ServiceSpecificCredentialMetadata {
    let is_key = credential.service == BEDROCK;
    let (status, alias) = (state(&credential, ctx.now()), Some(credential.alias));
    ServiceSpecificCredentialMetadata {
        user_name: user.name.clone(),
        status,
        service_user_name: alias.clone().filter(|_| !is_key),
        service_credential_alias: alias.filter(|_| is_key),
        create_date: credential.created,
        expiration_date: credential.expires,
        service_specific_credential_id: credential.id,
        service_name: credential.service,
    }
}

/// One user's, or with `AllUsers` those of the whole account; a page of the latter is a page of users.
pub(crate) async fn list_service_specific_credentials(
    ctx: Ctx,
    input: ListServiceSpecificCredentialsInput,
) -> Result<ListServiceSpecificCredentialsOutput> {
    if let Some(service) = &input.service_name {
        check_service(service)?;
    }
    let all_users = input.all_users.unwrap_or_default();
    if all_users && input.user_name.is_some() {
        return Err(error::validation("UserName and AllUsers cannot be given together."));
    }
    let asked = Asked::new(&input.marker, input.max_items);
    let wanted = |credential: &ServiceCredential| {
        input.service_name.as_ref().is_none_or(|service| *service == credential.service)
    };
    if all_users {
        let page = asked
            .records::<User>(&ctx, &home(ctx.account()), &[], yakumo_room::Resource::id, |_| true)
            .await?;
        let mut found = Vec::new();
        for user in &page.items {
            let own: Vec<ServiceCredential> =
                ctx.list(&home(ctx.account()), &[&user.unique_id], None, ALL_MAX).await?;
            found.extend(own.into_iter().filter(wanted).map(|credential| metadata(&ctx, user, credential)));
        }
        let is_truncated = page.is_truncated();
        let service_specific_credentials = Some(found);
        return Ok(ListServiceSpecificCredentialsOutput {
            service_specific_credentials,
            marker: page.marker,
            is_truncated,
        });
    }
    let (user, own) = ctx
        .transact(|tx| {
            let (ctx, input) = (&ctx, &input);
            async move {
                let user = Holder::find(&tx, ctx, input.user_name.as_deref()).await?.into_user()?;
                let own = all_of(&tx, ctx, &user).await?;
                Ok((user, own))
            }
        })
        .await?;
    let all = own.into_iter().filter(wanted).map(|credential| metadata(&ctx, &user, credential)).collect();
    let page = asked.slice(all, |credential| &credential.service_specific_credential_id)?;
    let is_truncated = page.is_truncated();
    Ok(ListServiceSpecificCredentialsOutput {
        service_specific_credentials: Some(page.items),
        marker: page.marker,
        is_truncated,
    })
}

async fn held(tx: &Tx, ctx: &Ctx, user: Option<&str>, id: &str) -> Result<(User, ServiceCredential)> {
    let user = Holder::find(tx, ctx, user).await?.into_user()?;
    let credential = tx.get::<ServiceCredential>(&home(ctx.account()), &[&user.unique_id, id]).await?;
    Ok((user, credential.ok_or_else(|| not_found(id))?))
}

pub(crate) async fn update_service_specific_credential(
    ctx: Ctx,
    input: UpdateServiceSpecificCredentialInput,
) -> Result<UpdateServiceSpecificCredentialOutput> {
    let active = is_active(&input.status)?;
    ctx.transact(|tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let id = &input.service_specific_credential_id;
            let (user, credential) = held(&tx, ctx, input.user_name.as_deref(), id).await?;
            let credential = ServiceCredential { active, ..credential };
            tx.put(&home(ctx.account()), &[&user.unique_id, id], &credential);
            Ok(())
        }
    })
    .await?;
    Ok(UpdateServiceSpecificCredentialOutput {})
}

/// A new secret takes the place of the old one at once.
pub(crate) async fn reset_service_specific_credential(
    ctx: Ctx,
    input: ResetServiceSpecificCredentialInput,
) -> Result<ResetServiceSpecificCredentialOutput> {
    let shown = ctx
        .transact(|tx| {
            let (ctx, input) = (&ctx, &input);
            async move {
                let id = &input.service_specific_credential_id;
                let (user, credential) = held(&tx, ctx, input.user_name.as_deref(), id).await?;
                let (secret, secret_sha256) = new_secret(ctx, &credential.service, &credential.alias);
                let credential = ServiceCredential { secret_sha256, ..credential };
                tx.put(&home(ctx.account()), &[&user.unique_id, id], &credential);
                Ok(shown(ctx, &user, &credential, secret))
            }
        })
        .await?;
    Ok(ResetServiceSpecificCredentialOutput { service_specific_credential: Some(shown) })
}

pub(crate) async fn delete_service_specific_credential(
    ctx: Ctx,
    input: DeleteServiceSpecificCredentialInput,
) -> Result<DeleteServiceSpecificCredentialOutput> {
    ctx.transact(|tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let id = &input.service_specific_credential_id;
            let (user, _) = held(&tx, ctx, input.user_name.as_deref(), id).await?;
            tx.delete::<ServiceCredential>(&home(ctx.account()), &[&user.unique_id, id]);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteServiceSpecificCredentialOutput {})
}
