//! X.509 signing certificates of users and of the root user.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadSigningCertificate.html>

use crate::certificates::Certificate;
use crate::error;
use crate::holders::Holder;
use crate::paging::Asked;
use crate::ssh_public_keys::{is_active, status};
use crate::state::{SigningCertificate, SigningPrint, home};
use yakumo_api_iam::{
    DeleteSigningCertificateInput, DeleteSigningCertificateOutput, ListSigningCertificatesInput,
    ListSigningCertificatesOutput, SigningCertificate as Shown, UpdateSigningCertificateInput,
    UpdateSigningCertificateOutput, UploadSigningCertificateInput, UploadSigningCertificateOutput,
};
use yakumo_aws::{AccountId, Error, Result};
use yakumo_room::{Ctx, Tx};

/// AWS: a quota that cannot be raised.
const CERTIFICATES_MAX: usize = 2;
const ID_CHARS: usize = 32;

fn not_found(id: &str) -> Error {
    error::no_such_entity(format!("The Certificate with id {id} cannot be found."))
}

/// A text that is no certificate in PEM.
pub(crate) fn malformed() -> Error {
    let text = "Unable to parse certificate. Please ensure the certificate is in PEM format.";
    Error::sender("MalformedCertificateException", text)
}

fn shown(holder: &Holder, certificate: SigningCertificate) -> Shown {
    Shown {
        user_name: holder.name().to_owned(),
        certificate_id: certificate.id,
        certificate_body: certificate.body,
        status: status(certificate.active),
        upload_date: Some(certificate.uploaded),
    }
}

/// The signing certificates of a holder.
pub(crate) async fn all_of(tx: &Tx, account: AccountId, holder: &str) -> Result<Vec<SigningCertificate>> {
    tx.list(&home(account), &[holder], None, CERTIFICATES_MAX).await
}

pub(crate) async fn upload_signing_certificate(
    ctx: Ctx,
    input: UploadSigningCertificateInput,
) -> Result<UploadSigningCertificateOutput> {
    let certificate = Certificate::from_pem(&input.certificate_body).ok_or_else(malformed)?;
    let fresh = SigningCertificate {
        id: ctx.base().ids.base32(ID_CHARS),
        body: input.certificate_body.clone(),
        print: certificate.print(),
        active: true,
        uploaded: ctx.now(),
    };
    let certificate = ctx
        .transact(|tx| {
            let (ctx, input, fresh) = (&ctx, &input, &fresh);
            async move {
                let scope = home(ctx.account());
                let holder = Holder::find(&tx, ctx, input.user_name.as_deref()).await?;
                // AWS: a certificate belongs to one user of an account.
                if tx.get::<SigningPrint>(&scope, &[&fresh.print]).await?.is_some() {
                    let text = "The same certificate is associated with an IAM user in the account.";
                    return Err(Error::sender("DuplicateCertificateException", text).with_status(409));
                }
                if all_of(&tx, ctx.account(), holder.key()).await?.len() >= CERTIFICATES_MAX {
                    return Err(error::quota("CertificatesPerUser", CERTIFICATES_MAX));
                }
                tx.put(&scope, &[&fresh.print], &SigningPrint { holder: holder.key().to_owned() });
                tx.put(&scope, &[holder.key(), &fresh.id], fresh);
                Ok(shown(&holder, fresh.clone()))
            }
        })
        .await?;
    Ok(UploadSigningCertificateOutput { certificate })
}

async fn held(tx: &Tx, ctx: &Ctx, user: Option<&str>, id: &str) -> Result<(Holder, SigningCertificate)> {
    let holder = Holder::find(tx, ctx, user).await?;
    let certificate = tx.get::<SigningCertificate>(&home(ctx.account()), &[holder.key(), id]).await?;
    Ok((holder, certificate.ok_or_else(|| not_found(id))?))
}

pub(crate) async fn list_signing_certificates(
    ctx: Ctx,
    input: ListSigningCertificatesInput,
) -> Result<ListSigningCertificatesOutput> {
    let all = ctx
        .transact(|tx| {
            let (ctx, input) = (&ctx, &input);
            async move {
                let holder = Holder::find(&tx, ctx, input.user_name.as_deref()).await?;
                let all = all_of(&tx, ctx.account(), holder.key()).await?;
                Ok(all.into_iter().map(|certificate| shown(&holder, certificate)).collect())
            }
        })
        .await?;
    let page =
        Asked::new(&input.marker, input.max_items).slice(all, |shown: &Shown| &shown.certificate_id)?;
    let is_truncated = page.is_truncated();
    Ok(ListSigningCertificatesOutput { certificates: page.items, is_truncated, marker: page.marker })
}

pub(crate) async fn update_signing_certificate(
    ctx: Ctx,
    input: UpdateSigningCertificateInput,
) -> Result<UpdateSigningCertificateOutput> {
    let active = is_active(&input.status)?;
    ctx.transact(|tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let id = &input.certificate_id;
            let (holder, certificate) = held(&tx, ctx, input.user_name.as_deref(), id).await?;
            let certificate = SigningCertificate { active, ..certificate };
            tx.put(&home(ctx.account()), &[holder.key(), id], &certificate);
            Ok(())
        }
    })
    .await?;
    Ok(UpdateSigningCertificateOutput {})
}

pub(crate) async fn delete_signing_certificate(
    ctx: Ctx,
    input: DeleteSigningCertificateInput,
) -> Result<DeleteSigningCertificateOutput> {
    ctx.transact(|tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let (scope, id) = (home(ctx.account()), &input.certificate_id);
            let (holder, certificate) = held(&tx, ctx, input.user_name.as_deref(), id).await?;
            tx.delete::<SigningPrint>(&scope, &[&certificate.print]);
            tx.delete::<SigningCertificate>(&scope, &[holder.key(), id]);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteSigningCertificateOutput {})
}
