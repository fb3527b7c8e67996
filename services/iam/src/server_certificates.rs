//! Server certificates: uploaded with their private key and chain, which are checked against one another.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_server-certs.html>

use crate::certificates::{Certificate, check_chain, is_key_of, public_half};
use crate::error;
use crate::identities::{under_path, unique_id};
use crate::paging::Asked;
use crate::quotas::{self, Quota};
use crate::signing_certificates::malformed;
use crate::state::{ServerCertificate, ServerKey, fold, home};
use crate::tags;
use yakumo_api_iam::{
    DeleteServerCertificateInput, DeleteServerCertificateOutput, GetServerCertificateInput,
    GetServerCertificateOutput, ListServerCertificateTagsInput, ListServerCertificateTagsOutput,
    ListServerCertificatesInput, ListServerCertificatesOutput, ServerCertificate as Shown,
    ServerCertificateMetadata, TagServerCertificateInput, TagServerCertificateOutput,
    UntagServerCertificateInput, UntagServerCertificateOutput, UpdateServerCertificateInput,
    UpdateServerCertificateOutput, UploadServerCertificateInput, UploadServerCertificateOutput,
};
use yakumo_aws::{AccountId, Error, Result, Timestamp};
use yakumo_room::{Ctx, Resource, Tx};

fn not_found(name: &str) -> Error {
    error::no_such_entity(format!("The Server Certificate with name {name} cannot be found."))
}

fn exists(name: &str) -> Error {
    error::already_exists(format!("The Server Certificate with name {name} already exists."))
}

fn unfit(text: impl Into<String>) -> Error {
    Error::sender("MalformedCertificateException", text)
}

fn metadata(certificate: &ServerCertificate) -> ServerCertificateMetadata {
    ServerCertificateMetadata {
        path: certificate.path.clone(),
        server_certificate_name: certificate.name.clone(),
        server_certificate_id: certificate.unique_id.clone(),
        arn: certificate.arn(),
        upload_date: Some(certificate.uploaded),
        expiration: Some(certificate.expires),
    }
}

/// Checks certificate, key and chain; gives the certificate's end.
fn check(input: &UploadServerCertificateInput, now: Timestamp) -> Result<Timestamp> {
    let certificate = Certificate::from_pem(&input.certificate_body).ok_or_else(malformed)?;
    let public = public_half(&input.private_key).ok_or_else(|| unfit("Invalid Private Key."))?;
    if !is_key_of(&certificate, &public) {
        let text = "The public key certificate and the private key do not match.";
        return Err(Error::sender("KeyPairMismatchException", text));
    }
    // AWS: it must be valid when it is uploaded.
    if !certificate.is_valid_at(now) {
        return Err(unfit("The certificate is not valid yet, or not any more."));
    }
    if let Some(text) = &input.certificate_chain {
        let chain = Certificate::all_from_pem(text);
        let broken = chain.map_or(Err(-1), |chain| check_chain(&certificate, &chain));
        broken.map_err(|index| {
            unfit(format!(
                "Unable to validate certificate chain. The certificate chain must start with the immediate signing \
                 certificate, followed by any intermediaries in order. The index within the chain of the invalid \
                 certificate is: {index}"
            ))
        })?;
    }
    Ok(certificate.not_after())
}

pub(crate) async fn upload_server_certificate(
    ctx: Ctx,
    input: UploadServerCertificateInput,
) -> Result<UploadServerCertificateOutput> {
    let expires = check(&input, ctx.now())?;
    let mut fresh = ServerCertificate {
        account: ctx.account(),
        folded: fold(&input.server_certificate_name),
        name: input.server_certificate_name.clone(),
        path: input.path.clone().unwrap_or_else(|| "/".into()),
        unique_id: unique_id(&ctx, "ASCA"),
        uploaded: ctx.now(),
        expires,
        // AWS: what comes back has no white space around it; Terraform compares it with the trimmed file.
        body: input.certificate_body.trim().to_owned(),
        chain: input.certificate_chain.as_deref().map(|chain| chain.trim().to_owned()),
        tags: Default::default(),
    };
    tags::add(&mut fresh.tags, input.tags.as_deref().unwrap_or_default())?;
    let key = ServerKey { pem: input.private_key };
    ctx.transact(|tx| {
        let (ctx, fresh, key) = (&ctx, &fresh, &key);
        async move {
            let scope = home(ctx.account());
            if tx.get::<ServerCertificate>(&scope, &[&fresh.folded]).await?.is_some() {
                return Err(exists(&fresh.name));
            }
            quotas::admit(ctx, &tx, Quota::ServerCertificates).await?;
            tx.put(&scope, &[&fresh.folded], key);
            tx.put_resource(&scope, None, fresh);
            Ok(())
        }
    })
    .await?;
    Ok(UploadServerCertificateOutput {
        server_certificate_metadata: Some(metadata(&fresh)),
        tags: tags::shown_if_any(&fresh.tags),
    })
}

async fn find(tx: &Tx, account: AccountId, name: &str) -> Result<ServerCertificate> {
    let found = tx.get::<ServerCertificate>(&home(account), &[&fold(name)]).await?;
    found.ok_or_else(|| not_found(name))
}

async fn look_up(ctx: &Ctx, name: &str) -> Result<ServerCertificate> {
    let found = ctx.get::<ServerCertificate>(&home(ctx.account()), &[&fold(name)]).await?;
    found.ok_or_else(|| not_found(name))
}

pub(crate) async fn get_server_certificate(
    ctx: Ctx,
    input: GetServerCertificateInput,
) -> Result<GetServerCertificateOutput> {
    let found = look_up(&ctx, &input.server_certificate_name).await?;
    let server_certificate = Shown {
        server_certificate_metadata: metadata(&found),
        tags: tags::shown_if_any(&found.tags),
        certificate_body: found.body,
        certificate_chain: found.chain,
    };
    Ok(GetServerCertificateOutput { server_certificate })
}

pub(crate) async fn list_server_certificates(
    ctx: Ctx,
    input: ListServerCertificatesInput,
) -> Result<ListServerCertificatesOutput> {
    let keep = |found: &ServerCertificate| under_path(input.path_prefix.as_deref(), &found.path);
    let asked = Asked::new(&input.marker, input.max_items);
    let page = asked.records(&ctx, &home(ctx.account()), &[], ServerCertificate::id, keep).await?;
    let server_certificate_metadata_list = page.items.iter().map(metadata).collect();
    let is_truncated = page.is_truncated();
    Ok(ListServerCertificatesOutput { server_certificate_metadata_list, is_truncated, marker: page.marker })
}

pub(crate) async fn update_server_certificate(
    ctx: Ctx,
    input: UpdateServerCertificateInput,
) -> Result<UpdateServerCertificateOutput> {
    ctx.transact(|tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let (account, scope) = (ctx.account(), home(ctx.account()));
            let before = find(&tx, account, &input.server_certificate_name).await?;
            let mut after = before.clone();
            if let Some(path) = &input.new_path {
                after.path.clone_from(path);
            }
            if let Some(name) = &input.new_server_certificate_name {
                after.name.clone_from(name);
                after.folded = fold(name);
            }
            if after.folded != before.folded {
                if tx.get::<ServerCertificate>(&scope, &[&after.folded]).await?.is_some() {
                    return Err(exists(&after.name));
                }
                let key = tx.get::<ServerKey>(&scope, &[&before.folded]).await?;
                let key = key.ok_or_else(|| Error::internal("a server certificate has no key"))?;
                tx.delete::<ServerKey>(&scope, &[&before.folded]);
                tx.delete::<ServerCertificate>(&scope, &[&before.folded]);
                tx.put(&scope, &[&after.folded], &key);
            }
            tx.put_resource(&scope, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(UpdateServerCertificateOutput {})
}

pub(crate) async fn delete_server_certificate(
    ctx: Ctx,
    input: DeleteServerCertificateInput,
) -> Result<DeleteServerCertificateOutput> {
    ctx.transact(|tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let scope = home(ctx.account());
            let found = find(&tx, ctx.account(), &input.server_certificate_name).await?;
            tx.delete::<ServerKey>(&scope, &[&found.folded]);
            tx.delete_resource(&scope, &found);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteServerCertificateOutput {})
}

/// Reads a certificate, lets `edit` change its tags, and writes it back.
async fn edit(ctx: &Ctx, name: &str, edit: impl Fn(&mut ServerCertificate) -> Result<()>) -> Result<()> {
    ctx.transact(|tx| {
        let edit = &edit;
        async move {
            let before = find(&tx, ctx.account(), name).await?;
            let mut after = before.clone();
            edit(&mut after)?;
            tx.put_resource(&home(ctx.account()), Some(&before), &after);
            Ok(())
        }
    })
    .await
}

pub(crate) async fn tag_server_certificate(
    ctx: Ctx,
    input: TagServerCertificateInput,
) -> Result<TagServerCertificateOutput> {
    edit(&ctx, &input.server_certificate_name, |found| tags::add(&mut found.tags, &input.tags)).await?;
    Ok(TagServerCertificateOutput {})
}

pub(crate) async fn untag_server_certificate(
    ctx: Ctx,
    input: UntagServerCertificateInput,
) -> Result<UntagServerCertificateOutput> {
    let untag = |found: &mut ServerCertificate| {
        tags::remove(&mut found.tags, &input.tag_keys);
        Ok(())
    };
    edit(&ctx, &input.server_certificate_name, untag).await?;
    Ok(UntagServerCertificateOutput {})
}

pub(crate) async fn list_server_certificate_tags(
    ctx: Ctx,
    input: ListServerCertificateTagsInput,
) -> Result<ListServerCertificateTagsOutput> {
    let found = look_up(&ctx, &input.server_certificate_name).await?;
    let page = tags::page(&found, Asked::new(&input.marker, input.max_items))?;
    Ok(ListServerCertificateTagsOutput {
        is_truncated: page.is_truncated(),
        tags: page.items,
        marker: page.marker,
    })
}
