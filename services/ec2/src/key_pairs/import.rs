//! ImportKeyPair.

use super::create::{check_name, keep, pair};
use super::{KIND, keys};
use crate::tags;
use yakumo_api_ec2::{ImportKeyPairInput, ImportKeyPairOutput};
use yakumo_aws::{Error, Result};
use yakumo_room::Ctx;

/// The most bytes of a public key: a line of 4096 bits of RSA has 750, and a comment may be long.
const MATERIAL_BYTES_MAX: usize = 16 * 1024;

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ImportKeyPair.html>
pub(super) async fn import_key_pair(ctx: Ctx, input: ImportKeyPairInput) -> Result<ImportKeyPairOutput> {
    let name = check_name(&input.key_name)?;
    let tags = tags::at_creation(KIND, input.tag_specifications.as_ref())?;
    let material: &[u8] = &input.public_key_material;
    if material.len() > MATERIAL_BYTES_MAX {
        return Err(Error::sender("InvalidKey.Format", "Key is too long"));
    }
    let public = keys::Public::read(material)
        .ok_or_else(|| Error::sender("InvalidKey.Format", "Key is not in valid OpenSSH public key format"))?;
    let pair = pair(&ctx, name, &public, public.fingerprint(), tags);
    keep(&ctx, input.dry_run, &pair).await?;
    Ok(ImportKeyPairOutput {
        key_fingerprint: Some(pair.fingerprint),
        key_name: Some(pair.name),
        key_pair_id: Some(pair.id),
        tags: tags::shown(&pair.tags),
    })
}
