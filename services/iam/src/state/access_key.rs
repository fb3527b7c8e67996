//! Long-term access keys of users and of the root user.

use serde::{Deserialize, Serialize};
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::{Ids, Record};

/// An access key. Its id is unique across all accounts.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct AccessKey {
    pub id: String,
    pub secret: String,
    pub account: AccountId,
    /// The folded name of its user; `None` for the root user.
    pub user: Option<String>,
    pub active: bool,
    pub created: Timestamp,
}

impl Record for AccessKey {
    const TABLE: &'static str = "access-keys";
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new id of an access key, which names its account: `prefix` (`AKIA`, `ASIA`), then 80 bits in base 32, of which the
/// second to the forty-first are the account's number. AWS's own tools and `sts:GetAccessKeyInfo` read it back.
/// Source: <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html>
pub(crate) fn new_id(prefix: &str, account: AccountId, ids: &Ids) -> String {
    let mut random = [0; 16];
    ids.fill(&mut random);
    let number: u128 = account.as_str().parse().unwrap_or_default();
    let noise = u128::from_be_bytes(random) & ((1 << 39) - 1);
    let bits = (1u128 << 79) | (number << 39) | noise;
    let digits = (0..16).rev().map(|place| {
        let digit = usize::try_from((bits >> (place * 5)) & 31).unwrap_or_default();
        char::from(*BASE32.get(digit).unwrap_or(&b'A'))
    });
    prefix.chars().chain(digits).collect()
}

/// The account that an access key id names; `None` when it has not the form of one.
pub(crate) fn account_of(id: &str) -> Option<AccountId> {
    let digits = id.get(4..).filter(|digits| digits.len() == 16)?;
    let bits = digits.bytes().try_fold(0u128, |bits, digit| {
        let value = BASE32.iter().position(|known| *known == digit)?;
        Some((bits << 5) | u128::try_from(value).ok()?)
    })?;
    let number = (bits >> 39) & ((1 << 40) - 1);
    AccountId::parse(&format!("{number:012}"))
}

/// Forty characters, as AWS's secret access keys have.
pub(crate) fn new_secret(ids: &Ids) -> String {
    random_base64::<30>(ids)
}

/// The longest session token.
/// AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
pub(crate) const TOKEN_BYTES_MAX: usize = 4_096;

/// A session token of at least `size_bytes`: opaque, and long enough to be a secret of its own.
pub(crate) fn new_token(ids: &Ids, size_bytes: usize) -> String {
    let mut token = format!("FwoGZXIvYXdz{}", random_base64::<180>(ids));
    while token.len() < size_bytes.min(TOKEN_BYTES_MAX) {
        token.push('A');
    }
    token
}

fn random_base64<const BYTES: usize>(ids: &Ids) -> String {
    use base64::Engine as _;
    let mut bytes = [0; BYTES];
    ids.fill(&mut bytes);
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::{account_of, new_id, new_secret};
    use yakumo_aws::AccountId;
    use yakumo_room::Ids;

    #[test]
    fn an_id_names_its_account() {
        let ids = Ids::new(None);
        for number in ["000000000000", "111122223333", "999999999999"] {
            let account = AccountId::parse(number).unwrap();
            let id = new_id("AKIA", account, &ids);
            assert_eq!((id.len(), &id[..4]), (20, "AKIA"));
            assert_eq!(account_of(&id), Some(account), "{id}");
        }
        // from: the key and account of AWS's published examples of this encoding.
        assert_eq!(account_of("ASIAQNZGKIQY56JQ7WML").unwrap().as_str(), "029608264753");
        for bad in ["", "AKIA", "AKIAIOSFODNN7EXAMPL1", "AKIAIOSFODNN7EXAMPLE0"] {
            assert_eq!(account_of(bad), None, "{bad}");
        }
        assert_eq!(new_secret(&ids).len(), 40);
    }
}
