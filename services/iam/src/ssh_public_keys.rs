//! SSH public keys of users, for CodeCommit. Only RSA keys of at least 2,048 bits, as AWS asks.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_UploadSSHPublicKey.html>

use crate::certificates::{rsa_from_pem, rsa_to_pem};
use crate::error;
use crate::identities::{find, unique_id};
use crate::paging::Asked;
use crate::state::{SshPublicKey, User, home};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use yakumo_api_iam::{
    DeleteSSHPublicKeyInput, DeleteSSHPublicKeyOutput, GetSSHPublicKeyInput, GetSSHPublicKeyOutput,
    ListSSHPublicKeysInput, ListSSHPublicKeysOutput, SSHPublicKey as Shown, SSHPublicKeyMetadata,
    UpdateSSHPublicKeyInput, UpdateSSHPublicKeyOutput, UploadSSHPublicKeyInput, UploadSSHPublicKeyOutput,
    encoding_type, status_type,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// AWS: a quota that cannot be raised.
const KEYS_MAX: usize = 5;
const BITS: std::ops::RangeInclusive<usize> = 2_048..=16_384;
const ALGORITHM: &[u8] = b"ssh-rsa";

fn not_found(id: &str) -> Error {
    error::no_such_entity(format!("The SSH Public Key with id {id} cannot be found."))
}

fn unrecognized() -> Error {
    let text = "The public key encoding format is unsupported or unrecognized.";
    Error::sender("UnrecognizedPublicKeyEncodingException", text)
}

fn invalid() -> Error {
    Error::sender("InvalidPublicKeyException", "The public key is malformed or otherwise invalid.")
}

/// `Active` or `Inactive` as a flag. AWS: nothing can be set to `Expired`.
pub(crate) fn is_active(status: &str) -> Result<bool> {
    match status {
        status_type::ACTIVE => Ok(true),
        status_type::INACTIVE => Ok(false),
        other => Err(error::invalid_input(format!("Cannot set the status to {other}."))),
    }
}

/// The flag as answers show it.
pub(crate) fn status(active: bool) -> String {
    if active { status_type::ACTIVE.to_owned() } else { status_type::INACTIVE.to_owned() }
}

/// Modulus and exponent of an RSA key, big-endian and without a sign.
struct Rsa {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// One field of SSH's wire form (RFC 4251 section 5): a length in four bytes, then so many.
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn positive(number: &[u8]) -> Option<Vec<u8>> {
    // A number with its first bit set is negative there.
    let negative = number.first().is_none_or(|byte| byte & 0x80 != 0);
    (!negative).then(|| number.iter().copied().skip_while(|byte| *byte == 0).collect())
}

impl Rsa {
    /// `ssh-rsa AAAA… comment`, or a PEM text.
    fn read(text: &str) -> Result<Rsa> {
        let text = text.trim();
        let key = if text.starts_with("-----BEGIN") {
            rsa_from_pem(text).map(|(modulus, exponent)| Rsa { modulus, exponent })
        } else {
            let mut words = text.split_ascii_whitespace();
            if words.next() != Some("ssh-rsa") {
                return Err(unrecognized());
            }
            words.next().and_then(Rsa::from_wire)
        };
        key.filter(|key| BITS.contains(&(key.modulus.len() * 8))).ok_or_else(invalid)
    }

    fn from_wire(base64: &str) -> Option<Rsa> {
        let bytes = STANDARD.decode(base64).ok()?;
        let (algorithm, rest) = field(&bytes)?;
        let (exponent, rest) = field(rest)?;
        let (modulus, rest) = field(rest)?;
        let whole = algorithm == ALGORITHM && rest.is_empty();
        whole.then_some(Rsa { modulus: positive(modulus)?, exponent: positive(exponent)? })
    }

    fn to_wire(&self) -> Vec<u8> {
        let mut wire = Vec::new();
        let mut put = |sign: bool, bytes: &[u8]| {
            let length = u32::try_from(bytes.len()).unwrap_or_default() + u32::from(sign);
            wire.extend(length.to_be_bytes());
            wire.extend(sign.then_some(0));
            wire.extend(bytes);
        };
        let signed = |bytes: &[u8]| bytes.first().is_some_and(|byte| byte & 0x80 != 0);
        put(false, ALGORITHM);
        put(signed(&self.exponent), &self.exponent);
        put(signed(&self.modulus), &self.modulus);
        wire
    }
}

/// MD5 with colons, as AWS shows it.
fn fingerprint(wire: &[u8]) -> String {
    let pairs: Vec<String> = Md5::digest(wire).iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(":")
}

fn shown(user: &User, key: &SshPublicKey, encoding: &str) -> Result<Shown> {
    let body = match encoding {
        encoding_type::PEM => {
            let key = Rsa::from_wire(&key.blob).ok_or_else(|| Error::internal("a stored key is no key"))?;
            rsa_to_pem(&key.modulus, &key.exponent)
        }
        _ => format!("ssh-rsa {}", key.blob),
    };
    Ok(Shown {
        user_name: user.name.clone(),
        ssh_public_key_id: key.id.clone(),
        fingerprint: key.fingerprint.clone(),
        ssh_public_key_body: body,
        status: status(key.active),
        upload_date: Some(key.uploaded),
    })
}

pub(crate) async fn upload_ssh_public_key(
    ctx: Ctx,
    input: UploadSSHPublicKeyInput,
) -> Result<UploadSSHPublicKeyOutput> {
    let wire = Rsa::read(&input.ssh_public_key_body)?.to_wire();
    let fresh = SshPublicKey {
        id: unique_id(&ctx, "APKA"),
        blob: STANDARD.encode(&wire),
        fingerprint: fingerprint(&wire),
        active: true,
        uploaded: ctx.now(),
    };
    let shown = ctx
        .transact(|tx| {
            let (ctx, input, fresh) = (&ctx, &input, &fresh);
            async move {
                let user: User = find(&tx, ctx.account(), &input.user_name).await?;
                let all = all_of(&tx, ctx, &user).await?;
                if all.iter().any(|key| key.blob == fresh.blob) {
                    let text = "The SSH public key is already associated with the specified IAM user.";
                    return Err(Error::sender("DuplicateSSHPublicKeyException", text));
                }
                if all.len() >= KEYS_MAX {
                    return Err(error::quota("SSHPublicKeysPerUser", KEYS_MAX));
                }
                tx.put(&home(ctx.account()), &[&user.unique_id, &fresh.id], fresh);
                shown(&user, fresh, encoding_type::SSH)
            }
        })
        .await?;
    Ok(UploadSSHPublicKeyOutput { ssh_public_key: Some(shown) })
}

async fn all_of(tx: &Tx, ctx: &Ctx, user: &User) -> Result<Vec<SshPublicKey>> {
    tx.list(&home(ctx.account()), &[&user.unique_id], None, KEYS_MAX).await
}

async fn held(tx: &Tx, ctx: &Ctx, user: &str, id: &str) -> Result<(User, SshPublicKey)> {
    let user: User = find(tx, ctx.account(), user).await?;
    let key = tx.get::<SshPublicKey>(&home(ctx.account()), &[&user.unique_id, id]).await?;
    Ok((user, key.ok_or_else(|| not_found(id))?))
}

pub(crate) async fn get_ssh_public_key(
    ctx: Ctx,
    input: GetSSHPublicKeyInput,
) -> Result<GetSSHPublicKeyOutput> {
    let (user, key) = ctx
        .transact(|tx| {
            let (ctx, input) = (&ctx, &input);
            async move { held(&tx, ctx, &input.user_name, &input.ssh_public_key_id).await }
        })
        .await?;
    Ok(GetSSHPublicKeyOutput { ssh_public_key: Some(shown(&user, &key, &input.encoding)?) })
}

pub(crate) async fn list_ssh_public_keys(
    ctx: Ctx,
    input: ListSSHPublicKeysInput,
) -> Result<ListSSHPublicKeysOutput> {
    let all = ctx
        .transact(|tx| {
            let (ctx, input) = (&ctx, &input);
            async move {
                let holder = crate::holders::Holder::find(&tx, ctx, input.user_name.as_deref()).await?;
                let user = holder.into_user()?;
                let show = |key: SshPublicKey| SSHPublicKeyMetadata {
                    user_name: user.name.clone(),
                    ssh_public_key_id: key.id,
                    status: status(key.active),
                    upload_date: key.uploaded,
                };
                Ok(all_of(&tx, ctx, &user).await?.into_iter().map(show).collect())
            }
        })
        .await?;
    let page = Asked::new(&input.marker, input.max_items).slice(all, |key| &key.ssh_public_key_id)?;
    let is_truncated = page.is_truncated();
    Ok(ListSSHPublicKeysOutput { ssh_public_keys: Some(page.items), is_truncated, marker: page.marker })
}

pub(crate) async fn update_ssh_public_key(
    ctx: Ctx,
    input: UpdateSSHPublicKeyInput,
) -> Result<UpdateSSHPublicKeyOutput> {
    let active = is_active(&input.status)?;
    ctx.transact(|tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let (user, key) = held(&tx, ctx, &input.user_name, &input.ssh_public_key_id).await?;
            let key = SshPublicKey { active, ..key };
            tx.put(&home(ctx.account()), &[&user.unique_id, &key.id], &key);
            Ok(())
        }
    })
    .await?;
    Ok(UpdateSSHPublicKeyOutput {})
}

pub(crate) async fn delete_ssh_public_key(
    ctx: Ctx,
    input: DeleteSSHPublicKeyInput,
) -> Result<DeleteSSHPublicKeyOutput> {
    ctx.transact(|tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let (user, key) = held(&tx, ctx, &input.user_name, &input.ssh_public_key_id).await?;
            tx.delete::<SshPublicKey>(&home(ctx.account()), &[&user.unique_id, &key.id]);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteSSHPublicKeyOutput {})
}

#[cfg(test)]
mod tests {
    use super::{Rsa, fingerprint};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn a_key_is_read_in_both_forms_and_short_or_other_ones_are_refused() {
        let key = |bytes: usize| Rsa {
            modulus: [&[0xa1_u8][..], &vec![3; bytes - 1]].concat(),
            exponent: vec![1, 0, 1],
        };
        let line = |key: &Rsa| format!("ssh-rsa {} alice@example", STANDARD.encode(key.to_wire()));
        let read = Rsa::read(&line(&key(256))).unwrap();
        assert_eq!(read.to_wire(), key(256).to_wire());
        let pem = super::rsa_to_pem(&read.modulus, &read.exponent);
        assert_eq!(Rsa::read(&pem).unwrap().to_wire(), read.to_wire());
        assert_eq!(fingerprint(&read.to_wire()).len(), 47);
        for (bad, code) in [
            (line(&key(128)), "InvalidPublicKeyException"),
            ("ssh-rsa".into(), "InvalidPublicKeyException"),
            ("ssh-rsa AAAA".into(), "InvalidPublicKeyException"),
            (
                "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----".into(),
                "InvalidPublicKeyException",
            ),
            ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA".into(), "UnrecognizedPublicKeyEncodingException"),
        ] {
            assert_eq!(Rsa::read(&bad).map(|_| ()).unwrap_err().code, code, "{bad}");
        }
    }
}
