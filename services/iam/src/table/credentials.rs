//! SSH keys, service-specific credentials and certificates: operation → what it needs → handler.

use crate::access::{Keys, Target, key, making, need, on, tag_keys, with};
use crate::table::{given_tags, new_tags};
use crate::{server_certificates, service_specific_credentials, signing_certificates, ssh_public_keys};
use futures_util::future::BoxFuture;
use yakumo_api_iam as api;
use yakumo_aws::Result;
use yakumo_room::{Access, Ctx, Need, Room};

/// Adds the rows of this file.
pub(crate) fn credentials(room: Room) -> Room {
    server_operations(signing_operations(service_operations(ssh_operations(room))))
}

fn ssh_operations(room: Room) -> Room {
    room.on(
        api::UploadSSHPublicKey,
        on("iam:UploadSSHPublicKey", |i: &api::UploadSSHPublicKeyInput| Target::User(i.user_name.clone())),
        ssh_public_keys::upload_ssh_public_key,
    )
    .on(
        api::GetSSHPublicKey,
        on("iam:GetSSHPublicKey", |i: &api::GetSSHPublicKeyInput| Target::User(i.user_name.clone())),
        ssh_public_keys::get_ssh_public_key,
    )
    .on(
        api::ListSSHPublicKeys,
        on("iam:ListSSHPublicKeys", |i: &api::ListSSHPublicKeysInput| Target::Own(i.user_name.clone())),
        ssh_public_keys::list_ssh_public_keys,
    )
    .on(
        api::UpdateSSHPublicKey,
        on("iam:UpdateSSHPublicKey", |i: &api::UpdateSSHPublicKeyInput| Target::User(i.user_name.clone())),
        ssh_public_keys::update_ssh_public_key,
    )
    .on(
        api::DeleteSSHPublicKey,
        on("iam:DeleteSSHPublicKey", |i: &api::DeleteSSHPublicKeyInput| Target::User(i.user_name.clone())),
        ssh_public_keys::delete_ssh_public_key,
    )
}

fn service_operations(room: Room) -> Room {
    room.on(
        api::CreateServiceSpecificCredential,
        with(
            "iam:CreateServiceSpecificCredential",
            |i: &api::CreateServiceSpecificCredentialInput| Target::User(i.user_name.clone()),
            service_keys,
        ),
        service_specific_credentials::create_service_specific_credential,
    )
    .on(
        api::ListServiceSpecificCredentials,
        on("iam:ListServiceSpecificCredentials", |i: &api::ListServiceSpecificCredentialsInput| listed(i)),
        service_specific_credentials::list_service_specific_credentials,
    )
    .on(
        api::UpdateServiceSpecificCredential,
        on("iam:UpdateServiceSpecificCredential", |i: &api::UpdateServiceSpecificCredentialInput| {
            Target::Own(i.user_name.clone())
        }),
        service_specific_credentials::update_service_specific_credential,
    )
    .on(
        api::ResetServiceSpecificCredential,
        on("iam:ResetServiceSpecificCredential", |i: &api::ResetServiceSpecificCredentialInput| {
            Target::Own(i.user_name.clone())
        }),
        service_specific_credentials::reset_service_specific_credential,
    )
    .on(
        api::DeleteServiceSpecificCredential,
        on("iam:DeleteServiceSpecificCredential", |i: &api::DeleteServiceSpecificCredentialInput| {
            Target::Own(i.user_name.clone())
        }),
        service_specific_credentials::delete_service_specific_credential,
    )
}

fn service_keys(i: &api::CreateServiceSpecificCredentialInput) -> Keys {
    let service = key("iam:ServiceSpecificCredentialServiceName", &i.service_name);
    let age =
        i.credential_age_days.map(|days| key("iam:ServiceSpecificCredentialAgeDays", &days.to_string()));
    service.into_iter().chain(age.into_iter().flatten()).collect()
}

/// AWS: a list of all users' credentials is about all users.
fn listed(i: &api::ListServiceSpecificCredentialsInput) -> Target {
    match i.all_users {
        Some(true) => Target::At("user", None, "*".to_owned()),
        _ => Target::Own(i.user_name.clone()),
    }
}

fn signing_operations(room: Room) -> Room {
    room.on(
        api::UploadSigningCertificate,
        on("iam:UploadSigningCertificate", |i: &api::UploadSigningCertificateInput| {
            Target::Own(i.user_name.clone())
        }),
        signing_certificates::upload_signing_certificate,
    )
    .on(
        api::ListSigningCertificates,
        on("iam:ListSigningCertificates", |i: &api::ListSigningCertificatesInput| {
            Target::Own(i.user_name.clone())
        }),
        signing_certificates::list_signing_certificates,
    )
    .on(
        api::UpdateSigningCertificate,
        on("iam:UpdateSigningCertificate", |i: &api::UpdateSigningCertificateInput| {
            Target::Own(i.user_name.clone())
        }),
        signing_certificates::update_signing_certificate,
    )
    .on(
        api::DeleteSigningCertificate,
        on("iam:DeleteSigningCertificate", |i: &api::DeleteSigningCertificateInput| {
            Target::Own(i.user_name.clone())
        }),
        signing_certificates::delete_signing_certificate,
    )
}

fn server_operations(room: Room) -> Room {
    room.on(
        api::UploadServerCertificate,
        making(
            ["iam:UploadServerCertificate", "iam:TagServerCertificate"],
            |i: &api::UploadServerCertificateInput| {
                Target::At("server-certificate", i.path.clone(), i.server_certificate_name.clone())
            },
            |i| new_tags(&i.tags),
        ),
        server_certificates::upload_server_certificate,
    )
    .on(
        api::GetServerCertificate,
        on("iam:GetServerCertificate", |i: &api::GetServerCertificateInput| {
            Target::ServerCertificate(i.server_certificate_name.clone())
        }),
        server_certificates::get_server_certificate,
    )
    .on(
        api::ListServerCertificates,
        on("iam:ListServerCertificates", |_: &api::ListServerCertificatesInput| Target::Any),
        server_certificates::list_server_certificates,
    )
    .on(
        api::DeleteServerCertificate,
        on("iam:DeleteServerCertificate", |i: &api::DeleteServerCertificateInput| {
            Target::ServerCertificate(i.server_certificate_name.clone())
        }),
        server_certificates::delete_server_certificate,
    )
    .on(
        api::TagServerCertificate,
        with(
            "iam:TagServerCertificate",
            |i: &api::TagServerCertificateInput| Target::ServerCertificate(i.server_certificate_name.clone()),
            |i| given_tags(&i.tags),
        ),
        server_certificates::tag_server_certificate,
    )
    .on(
        api::UntagServerCertificate,
        with(
            "iam:UntagServerCertificate",
            |i: &api::UntagServerCertificateInput| {
                Target::ServerCertificate(i.server_certificate_name.clone())
            },
            |i| tag_keys(&i.tag_keys),
        ),
        server_certificates::untag_server_certificate,
    )
    .on(
        api::ListServerCertificateTags,
        on("iam:ListServerCertificateTags", |i: &api::ListServerCertificateTagsInput| {
            Target::ServerCertificate(i.server_certificate_name.clone())
        }),
        server_certificates::list_server_certificate_tags,
    )
    .on(
        api::UpdateServerCertificate,
        update_server_certificate(),
        server_certificates::update_server_certificate,
    )
}

/// AWS: a new name or path needs the permission on the old and on the new ARN
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateServerCertificate.html>).
fn update_server_certificate() -> Access<api::UpdateServerCertificateInput> {
    const ACTION: &str = "iam:UpdateServerCertificate";
    Access::needs(
        [ACTION],
        |ctx: &Ctx, i: &api::UpdateServerCertificateInput| -> BoxFuture<'_, Result<Vec<Need>>> {
            Box::pin(async move {
                let name = i.server_certificate_name.clone();
                let (new_path, new_name) = (i.new_path.clone(), i.new_server_certificate_name.clone());
                let old = Target::ServerCertificate(name.clone());
                let new = Target::Renamed("server-certificate", name, new_path, new_name);
                Ok(vec![
                    need(ctx, ACTION, old, Keys::new()).await?,
                    need(ctx, ACTION, new, Keys::new()).await?,
                ])
            })
        },
    )
}
