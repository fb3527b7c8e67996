//! The compact form of a version's record: what nearly every version is, in a fraction of the time that JSON takes to write and
//! read. A version with anything else to it is kept as JSON.
//!
//! Invariant: whatever is written here reads back as it was, and every form ever written is read. Numbers are big-endian, a text
//! stands behind its length. Nothing here panics on damaged bytes.

use crate::state::version::{Checksum, Content, Headers, Piece, Place, Seal};
use crate::state::{Lock, Version};
use std::collections::BTreeMap;
use yakumo_aws::Timestamp;
use yakumo_room::store::BlobId;

/// The first byte of a record in this form; JSON has 1.
pub const FORM: u8 = 2;

/// The record, if it can be said in this form.
pub fn pack(version: &Version) -> Option<Vec<u8>> {
    let Version {
        key,
        order,
        id,
        modified,
        content,
        tags,
        acl: None,
        lock,
        restore: None,
        replication: None,
    } = version
    else {
        return None;
    };
    if *lock != Lock::default() {
        return None;
    }
    let mut out = Out(Vec::with_capacity(512));
    out.0.push(FORM);
    out.text(key);
    out.number(*order);
    out.option(id.as_deref());
    out.number(modified.as_millis().cast_unsigned());
    out.map(tags);
    out.0.push(u8::from(content.is_some()));
    if let Some(content) = content {
        out.content(content)?;
    }
    Some(out.0)
}

/// Reads what stands behind the first byte; `None` when it is damaged.
pub fn unpack(bytes: &[u8]) -> Option<Version> {
    let mut from = In(bytes);
    let version = Version {
        key: from.text()?,
        order: from.number()?,
        id: from.option()?,
        modified: Timestamp::from_millis(from.number()?.cast_signed()),
        tags: from.map()?,
        content: match from.byte()? {
            0 => None,
            1 => Some(from.content()?),
            _ => return None,
        },
        acl: None,
        lock: Lock::default(),
        restore: None,
        replication: None,
    };
    from.0.is_empty().then_some(version)
}

const ROW: u8 = 0;
const BLOB: u8 = 1;
const OPEN: u8 = 0;
const BY_CLOUD: u8 = 1;
const BY_CUSTOMER: u8 = 2;

struct Out(Vec<u8>);

impl Out {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    fn count(&mut self, count: usize) {
        // Nothing in a record is longer: requests are limited to far less.
        self.0.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn option(&mut self, text: Option<&str>) {
        self.0.push(u8::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn map(&mut self, map: &BTreeMap<String, String>) {
        self.count(map.len());
        for (name, value) in map {
            self.text(name);
            self.text(value);
        }
    }

    fn content(&mut self, content: &Content) -> Option<()> {
        let Content {
            size_bytes,
            etag,
            pieces,
            checksum,
            parts,
            headers,
            metadata,
            customer: None,
            upload: None,
        } = content
        else {
            return None;
        };
        if !parts.is_empty() {
            return None;
        }
        self.number(*size_bytes);
        self.text(etag);
        self.count(pieces.len());
        for Piece { size_bytes, place, seal } in pieces {
            self.number(*size_bytes);
            match place {
                Place::Row(id) => {
                    self.0.push(ROW);
                    self.text(id);
                }
                Place::Blob(id) => {
                    self.0.push(BLOB);
                    self.0.extend_from_slice(id.as_bytes());
                }
            }
            match seal {
                None => self.0.push(OPEN),
                Some(Seal { sealed, by_customer }) => {
                    self.0.push(if *by_customer { BY_CUSTOMER } else { BY_CLOUD });
                    self.text(sealed);
                }
            }
        }
        self.0.push(u8::from(checksum.is_some()));
        if let Some(Checksum { algorithm, value, kind }) = checksum {
            for text in [algorithm, value, kind] {
                self.text(text);
            }
        }
        let Headers {
            cache_control,
            content_disposition,
            content_encoding,
            content_language,
            content_type,
            expires,
            redirect,
            storage_class,
        } = headers;
        for header in [
            cache_control,
            content_disposition,
            content_encoding,
            content_language,
            content_type,
            expires,
            redirect,
            storage_class,
        ] {
            self.option(header.as_deref());
        }
        self.map(metadata);
        Some(())
    }
}

struct In<'a>(&'a [u8]);

impl In<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (part, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*part)
    }

    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    fn count(&mut self) -> Option<usize> {
        usize::try_from(u32::from_be_bytes(self.array()?)).ok()
    }

    fn text(&mut self) -> Option<String> {
        let length = self.count()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(str::to_owned)
    }

    fn option(&mut self) -> Option<Option<String>> {
        match self.byte()? {
            0 => Some(None),
            1 => self.text().map(Some),
            _ => None,
        }
    }

    fn map(&mut self) -> Option<BTreeMap<String, String>> {
        (0..self.count()?).map(|_| Some((self.text()?, self.text()?))).collect()
    }

    fn content(&mut self) -> Option<Content> {
        Some(Content {
            size_bytes: self.number()?,
            etag: self.text()?,
            pieces: (0..self.count()?).map(|_| self.piece()).collect::<Option<_>>()?,
            checksum: match self.byte()? {
                0 => None,
                1 => Some(Checksum { algorithm: self.text()?, value: self.text()?, kind: self.text()? }),
                _ => return None,
            },
            parts: Vec::new(),
            headers: Headers {
                cache_control: self.option()?,
                content_disposition: self.option()?,
                content_encoding: self.option()?,
                content_language: self.option()?,
                content_type: self.option()?,
                expires: self.option()?,
                redirect: self.option()?,
                storage_class: self.option()?,
            },
            metadata: self.map()?,
            customer: None,
            upload: None,
        })
    }

    fn piece(&mut self) -> Option<Piece> {
        let size_bytes = self.number()?;
        let place = match self.byte()? {
            ROW => Place::Row(self.text()?),
            BLOB => Place::Blob(BlobId::from_bytes(self.array()?)),
            _ => return None,
        };
        let seal = match self.byte()? {
            OPEN => None,
            by @ (BY_CLOUD | BY_CUSTOMER) => {
                Some(Seal { sealed: self.text()?, by_customer: by == BY_CUSTOMER })
            }
            _ => return None,
        };
        Some(Piece { size_bytes, place, seal })
    }
}

#[cfg(test)]
mod tests {
    use super::{FORM, pack, unpack};
    use crate::state::version::{Checksum, Content, Headers, PartInfo, Piece, Place, Seal};
    use crate::state::{Acl, Lock, Version};
    use std::collections::BTreeMap;
    use yakumo_aws::{AccountId, Timestamp};
    use yakumo_room::Record;
    use yakumo_room::store::BlobId;

    fn plain() -> Version {
        Version {
            key: "a/ü".into(),
            order: 7,
            id: None,
            modified: Timestamp::from_millis(-5),
            content: None,
            tags: BTreeMap::new(),
            acl: None,
            lock: Lock::default(),
            restore: None,
            replication: None,
        }
    }

    fn full() -> Version {
        let seal = |by_customer| Some(Seal { sealed: "AAAA".into(), by_customer });
        let piece = |place, seal| Piece { size_bytes: 3, place, seal };
        let text = |text: &str| Some(text.to_owned());
        let content = Content {
            size_bytes: 1 << 40,
            etag: "e".into(),
            pieces: vec![
                piece(Place::Row("r".into()), None),
                piece(Place::Blob(BlobId::from_bytes([9; 16])), seal(false)),
                piece(Place::Row(String::new()), seal(true)),
            ],
            checksum: Some(Checksum { algorithm: "SHA1".into(), value: "v".into(), kind: "k".into() }),
            parts: Vec::new(),
            headers: Headers {
                cache_control: text("1"),
                content_disposition: text("2"),
                content_encoding: text("3"),
                content_language: text("4"),
                content_type: text("5"),
                expires: text("6"),
                redirect: text("7"),
                storage_class: text("8"),
            },
            metadata: BTreeMap::from([("m".into(), "1".into()), ("n".into(), String::new())]),
            customer: None,
            upload: None,
        };
        let tags = BTreeMap::from([("t".into(), "u".into())]);
        Version { id: text("v7"), content: Some(content), tags, ..plain() }
    }

    #[test]
    fn what_is_packed_comes_back_and_nothing_of_it_can_be_missing() {
        for version in [plain(), full(), Version { content: None, ..full() }] {
            let bytes = version.to_bytes();
            assert_eq!(bytes[0], FORM);
            assert_eq!(Version::from_bytes(&bytes).unwrap(), version);
            for cut in 0..bytes.len() {
                assert!(Version::from_bytes(&bytes[..cut]).is_err(), "{cut}");
            }
            assert!(Version::from_bytes(&[&bytes, &[0][..]].concat()).is_err());
        }
    }

    #[test]
    fn damaged_bytes_are_refused_or_something_else_but_never_a_panic() {
        let bytes = pack(&full()).unwrap();
        for at in 1..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[at] ^= 1 << bit;
                drop(unpack(&damaged[1..]));
            }
        }
    }

    #[test]
    fn whatever_else_a_version_has_is_kept_as_json() {
        let parts = vec![PartInfo { number: 1, size_bytes: 3, checksum: None }];
        let customer = Some(Seal { sealed: "c".into(), by_customer: true });
        let content = |change: &dyn Fn(&mut Content)| {
            let mut version = full();
            change(version.content.as_mut().unwrap());
            version
        };
        let lock = Lock { legal_hold: Some(false), ..Lock::default() };
        for version in [
            Version { acl: Some(Acl::private(AccountId::parse("000000000000").unwrap())), ..full() },
            Version { lock, ..full() },
            Version { replication: Some(crate::state::replication::Status::Replica), ..full() },
            content(&|content| content.parts.clone_from(&parts)),
            content(&|content| content.customer.clone_from(&customer)),
            content(&|content| content.upload = Some("u".into())),
        ] {
            let bytes = version.to_bytes();
            assert_eq!(bytes[0], 1, "{version:?}");
            assert_eq!(Version::from_bytes(&bytes).unwrap(), version);
        }
    }

    #[test]
    fn both_forms_keep_their_bytes() {
        let json = br#"{"key":"a/\u00fc","order":7,"modified":-5}"#;
        assert_eq!(Version::from_bytes(&[&[1], &json[..]].concat()).unwrap(), plain());
        let packed =
            b"\x02\0\0\0\x04a/\xc3\xbc\0\0\0\0\0\0\0\x07\0\xff\xff\xff\xff\xff\xff\xff\xfb\0\0\0\0\0";
        assert_eq!((plain().to_bytes(), Version::from_bytes(packed).unwrap()), (packed.to_vec(), plain()));
        assert!(Version::from_bytes(b"\x03").is_err());
    }
}
