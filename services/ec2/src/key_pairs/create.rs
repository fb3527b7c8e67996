//! CreateKeyPair: the private key goes to whoever asked, once.

use super::{KIND, KeyPair, KeyType, NAME_MAX_CHARS, keys};
use crate::commit::change;
use crate::nouns::{ALL, Home, new_id};
use crate::tags::{self, Tags};
use crate::{error, quotas};
use yakumo_api_ec2::{CreateKeyPairInput, CreateKeyPairOutput};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateKeyPair.html>
pub(super) async fn create_key_pair(ctx: Ctx, input: CreateKeyPairInput) -> Result<CreateKeyPairOutput> {
    let name = check_name(&input.key_name)?;
    let kind = match input.key_type.as_deref() {
        None | Some("rsa") => KeyType::Rsa,
        Some("ed25519") => KeyType::Ed25519,
        Some(other) => return Err(error::invalid_value(other, "keyType", "Expected rsa or ed25519.")),
    };
    match input.key_format.as_deref() {
        None | Some("pem") => {}
        Some("ppk") => return Err(error::not_implemented("the key format ppk")),
        Some(other) => return Err(error::invalid_value(other, "keyFormat", "Expected pem or ppk.")),
    }
    let tags = tags::at_creation(KIND, input.tag_specifications.as_ref())?;
    // A key of 2048 bits takes a fraction of a second of a processor.
    let made = ctx.base().labour(move || keys::make(kind)).await??;
    let pair = pair(&ctx, name, &made.public, made.fingerprint, tags);
    keep(&ctx, input.dry_run, &pair).await?;
    Ok(CreateKeyPairOutput {
        key_pair_id: Some(pair.id),
        tags: tags::shown(&pair.tags),
        key_name: Some(pair.name),
        key_fingerprint: Some(pair.fingerprint),
        key_material: Some(made.pem),
    })
}

/// AWS: "Up to 255 ASCII characters. The name can't include leading or trailing spaces."
pub(super) fn check_name(name: &str) -> Result<String> {
    let wrong = |why: &str| Err(error::invalid_value(name, "keyName", why));
    match name {
        "" => Err(error::missing_parameter("KeyName")),
        _ if name.len() > NAME_MAX_CHARS => wrong("Character sets beyond 255 characters not supported."),
        _ if !name.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') => {
            wrong("Character sets beyond ASCII not supported.")
        }
        _ if name.trim() != name => wrong("Leading and trailing spaces are not supported."),
        _ => Ok(name.to_owned()),
    }
}

/// The record of a key.
pub(super) fn pair(
    ctx: &Ctx,
    name: String,
    public: &keys::Public,
    fingerprint: String,
    tags: Tags,
) -> KeyPair {
    KeyPair {
        id: new_id(ctx, "key-"),
        home: Home::of(ctx),
        name,
        kind: public.kind(),
        fingerprint,
        public_key: public.line(),
        created: ctx.now(),
        tags,
    }
}

/// Keeps a new pair.
///
/// # Errors
/// InvalidKeyPair.Duplicate, KeyPairLimitExceeded.
pub(super) async fn keep(ctx: &Ctx, dry_run: Option<bool>, pair: &KeyPair) -> Result<()> {
    change(ctx, dry_run, |tx: Tx| async move {
        let scope = pair.home.scope();
        let all: Vec<KeyPair> = tx.list(&scope, &[], None, ALL).await?;
        if all.iter().any(|known| known.name == pair.name) {
            return Err(Error::sender("InvalidKeyPair.Duplicate", "The keypair already exists"));
        }
        quotas::check(all.len() + 1, quotas::KEY_PAIRS, "KeyPairLimitExceeded", "key pairs")?;
        tx.put_resource(&scope, None, pair);
        Ok(())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::check_name;

    #[test]
    fn names_are_ascii_without_spaces_around() {
        for name in ["a", "my key", "a_b.c/d", &"x".repeat(255)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", " a", "a ", "schlüssel", "a\nb", &"x".repeat(256)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
