//! Key pairs: public keys that instances let in.
//!
//! Invariant: only public keys are kept. The private key of a pair that is made here goes into one answer and nowhere else.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-key-pairs.html>

mod create;
mod import;
mod keys;
mod seen;
mod wire;

use crate::access::{self, Asked};
use crate::nouns::{self, ALL, Home, Keys, Kind, Retag, tag_keys};
use crate::tags::Tags;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use yakumo_api_ec2 as api;
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::{Ctx, Room, Tx};

/// What ARNs and tags call them.
pub(crate) const KIND: &str = "key-pair";
/// AWS: "Constraints: Up to 255 ASCII characters", without spaces around.
const NAME_MAX_CHARS: usize = 255;

/// A key pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyPair {
    /// `key-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// Its name, which is unique where it lives.
    pub name: String,
    /// What kind of key it is.
    pub kind: KeyType,
    /// Its fingerprint, which AWS computes in three ways.
    pub fingerprint: String,
    /// The public key as `authorized_keys` has it, without a comment: `ssh-rsa AAAA…`.
    pub public_key: String,
    /// When it was made or imported.
    pub created: Timestamp,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

/// What kind of key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyType {
    /// RSA.
    Rsa,
    /// Ed25519.
    Ed25519,
}

impl KeyType {
    /// AWS's name.
    fn name(self) -> &'static str {
        match self {
            KeyType::Rsa => "rsa",
            KeyType::Ed25519 => "ed25519",
        }
    }
}

impl yakumo_room::Record for KeyPair {
    const TABLE: &'static str = "key-pairs";
}

impl yakumo_room::Resource for KeyPair {
    const TYPE: &'static str = "AWS::EC2::KeyPair";

    fn id(&self) -> Vec<&str> {
        vec![&self.id]
    }

    fn arn(&self) -> String {
        // AWS: the ARN of a key pair ends with its name.
        self.home.arn(KIND, &self.name)
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

impl KeyPair {
    /// What the machine's `authorized_keys` says: AWS puts the name behind the key.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.public_key, self.name)
    }

    fn keys(&self) -> Keys {
        let mut keys = vec![
            ("ec2:KeyPairName".to_owned(), vec![self.name.clone()]),
            ("ec2:KeyPairType".to_owned(), vec![self.kind.name().to_owned()]),
        ];
        keys.extend(tag_keys(&self.tags));
        keys
    }
}

/// There is no key pair of that name.
pub(crate) fn not_found(name: &str) -> Error {
    Error::sender("InvalidKeyPair.NotFound", format!("The key pair '{name}' does not exist"))
}

/// There is no key pair of that id.
fn no_such_id(id: &str) -> Error {
    Error::sender("InvalidKeyPair.NotFound", format!("The key pair ID '{id}' does not exist"))
}

/// The key pair of that name.
///
/// # Errors
/// InvalidKeyPair.NotFound.
pub(crate) async fn named(tx: &Tx, home: Home, name: &str) -> Result<KeyPair> {
    let all: Vec<KeyPair> = tx.list(&home.scope(), &[], None, ALL).await?;
    all.into_iter().find(|pair| pair.name == name).ok_or_else(|| not_found(name))
}

/// The kind of resource: it is named by its name in ARNs, and by its id in CreateTags.
pub(crate) struct Pairs;

impl Kind for Pairs {
    fn prefix(&self) -> &'static str {
        "key-"
    }

    fn name(&self) -> &'static str {
        KIND
    }

    fn keys<'a>(&'a self, ctx: &'a Ctx, home: Home, id: &'a str) -> BoxFuture<'a, Result<Option<Keys>>> {
        Box::pin(async move {
            let all: Vec<KeyPair> = ctx.list(&home.scope(), &[], None, ALL).await?;
            Ok(all.into_iter().find(|pair| pair.name == id || pair.id == id).map(|pair| pair.keys()))
        })
    }

    fn retag<'a>(
        &'a self,
        tx: &'a Tx,
        home: Home,
        id: &'a str,
        change: Retag<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let found: Option<KeyPair> =
                if nouns::is_id(id) { tx.get(&home.scope(), &[id]).await? } else { None };
            let before = found.ok_or_else(|| no_such_id(id))?;
            let mut after = before.clone();
            change(&mut after.tags)?;
            tx.put_resource(&home.scope(), Some(&before), &after);
            Ok(())
        })
    }

    fn tagged<'a>(&'a self, ctx: &'a Ctx, home: Home) -> BoxFuture<'a, Result<Vec<(String, Tags)>>> {
        Box::pin(async move {
            let all: Vec<KeyPair> = ctx.list(&home.scope(), &[], None, ALL).await?;
            Ok(all.into_iter().map(|pair| (pair.id, pair.tags)).collect())
        })
    }
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    room.on(
        api::CreateKeyPair,
        access::needs("ec2:CreateKeyPair", |input: &api::CreateKeyPairInput| {
            let kind = input.key_type.clone().unwrap_or_else(|| "rsa".to_owned());
            Asked::any()
                .making_named(KIND, &input.key_name, input.tag_specifications.as_ref())
                .with("ec2:KeyPairType", vec![kind])
        }),
        create::create_key_pair,
    )
    .on(
        api::ImportKeyPair,
        access::needs("ec2:ImportKeyPair", |input: &api::ImportKeyPairInput| {
            Asked::any().making_named(KIND, &input.key_name, input.tag_specifications.as_ref())
        }),
        import::import_key_pair,
    )
    .on(
        api::DeleteKeyPair,
        access::looked_up("ec2:DeleteKeyPair", |ctx, input: &api::DeleteKeyPairInput| {
            Box::pin(to_delete(ctx, input))
        }),
        seen::delete_key_pair,
    )
    .on(api::DescribeKeyPairs, access::reads("ec2:DescribeKeyPairs"), seen::describe_key_pairs)
}

/// A policy names the key pair, a request may have its id.
async fn to_delete(ctx: &Ctx, input: &api::DeleteKeyPairInput) -> Result<Asked> {
    let name = match (&input.key_name, &input.key_pair_id) {
        (Some(name), _) => Some(name.clone()),
        (None, Some(id)) => {
            let all: Vec<KeyPair> = ctx.list(&Home::of(ctx).scope(), &[], None, ALL).await?;
            all.into_iter().find(|pair| pair.id == *id).map(|pair| pair.name)
        }
        (None, None) => None,
    };
    Ok(Asked::any().and_named(KIND, name.as_deref().unwrap_or("*")))
}
