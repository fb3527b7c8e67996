//! Authorization messages: sealed here for the service that denied, opened by DecodeAuthorizationMessage.
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html>
//!
//! Sealed with AES-256-GCM under a key that never leaves the store; the account is part of what is sealed.

use crate::error;
use crate::state::{AuthorizationKey, shared};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use std::sync::Arc;
use yakumo_api_sts::{DecodeAuthorizationMessageInput, DecodeAuthorizationMessageOutput};
use yakumo_aws::{AccountId, Error, Result};
use yakumo_room::store::Transaction;
use yakumo_room::{Base, Ctx, Record};

/// The first byte of a message: its form.
const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;

pub(crate) async fn decode_authorization_message(
    ctx: Ctx,
    input: DecodeAuthorizationMessageInput,
) -> Result<DecodeAuthorizationMessageOutput> {
    let text = open(ctx.base(), ctx.account(), &input.encoded_message).await?;
    Ok(DecodeAuthorizationMessageOutput { decoded_message: Some(text) })
}

/// Seals a text for an account.
pub(crate) async fn seal(base: &Arc<Base>, account: AccountId, text: &str) -> Result<String> {
    let key = key(base).await?;
    let mut nonce = [0; NONCE_LEN];
    base.ids.fill(&mut nonce);
    let mut sealed = text.as_bytes().to_vec();
    let aad = Aad::from(account.as_str().as_bytes().to_vec());
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed)
        .map_err(|_| Error::internal("an authorization message cannot be sealed"))?;
    Ok(URL_SAFE_NO_PAD.encode([&[VERSION], nonce.as_slice(), &sealed].concat()))
}

async fn open(base: &Arc<Base>, account: AccountId, encoded: &str) -> Result<String> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded.trim()).map_err(|_| error::invalid_authorization_message())?;
    let key = key(base).await?;
    let parts = bytes.strip_prefix(&[VERSION]).and_then(|rest| rest.split_at_checked(NONCE_LEN));
    let (nonce, sealed) = parts.ok_or_else(error::invalid_authorization_message)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(Error::internal)?;
    let aad = Aad::from(account.as_str().as_bytes().to_vec());
    let mut sealed = sealed.to_vec();
    let text =
        key.open_in_place(nonce, aad, &mut sealed).map_err(|_| error::invalid_authorization_message())?;
    String::from_utf8(text.to_vec()).map_err(Error::internal)
}

/// The cloud's key; made by whoever needs it first.
async fn key(base: &Arc<Base>) -> Result<LessSafeKey> {
    let place = shared().record_key(AuthorizationKey::TABLE, &[]);
    let mut fresh = [0; KEY_BYTES];
    base.ids.fill(&mut fresh);
    let fresh = AuthorizationKey { key: STANDARD.encode(fresh) };
    let known = match base.store.get(&place).await? {
        Some(bytes) => AuthorizationKey::from_bytes(&bytes).map_err(Error::internal)?,
        None => {
            let make = |tx: Transaction| {
                let (place, fresh) = (place.clone(), fresh.clone());
                async move {
                    if let Some(bytes) = tx.get(&place).await? {
                        return AuthorizationKey::from_bytes(&bytes).map_err(Error::internal);
                    }
                    tx.put(place, fresh.to_bytes());
                    Ok(fresh)
                }
            };
            base.store.transact(make).await?
        }
    };
    let bytes = STANDARD.decode(known.key).map_err(Error::internal)?;
    let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(Error::internal)?;
    Ok(LessSafeKey::new(key))
}

#[cfg(test)]
mod tests {
    use super::{open, seal};
    use yakumo_aws::AccountId;
    use yakumo_room::{Base, Clock, Ids};
    use yakumo_store::{Config, Store};

    #[tokio::test]
    async fn only_the_account_that_it_is_for_opens_a_message_and_only_unchanged() {
        let store = Store::open(Config::memory()).await.unwrap();
        let base = Base::new(store, Clock::default(), Ids::new(None));
        let account = AccountId::parse("111122223333").unwrap();
        let message = seal(&base, account, "why").await.unwrap();
        assert_eq!(open(&base, account, &message).await.unwrap(), "why");
        assert_ne!(seal(&base, account, "why").await.unwrap(), message);
        let refused = |account, message: String| {
            let base = base.clone();
            async move { open(&base, account, &message).await.unwrap_err().code.into_owned() }
        };
        let code = "InvalidAuthorizationMessageException";
        assert_eq!(refused(AccountId::DEFAULT, message.clone()).await, code);
        let mut changed = message.clone();
        changed.pop();
        assert_eq!(refused(account, changed).await, code);
        for text in ["", "AQ", "AA", "!", "AQAAAAAAAAAAAAAAAA"] {
            assert_eq!(refused(account, text.to_owned()).await, code, "{text}");
        }
    }
}
