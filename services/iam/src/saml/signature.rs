//! Enveloped XML signatures, in the one form that SAML Core 5.4 allows: a single reference to the element that holds
//! the signature, by its id.
//!
//! Invariant: [`verify`] says yes only when the digest covers the whole given element but its signature, and the
//! signature was made with one of the given keys. `KeyInfo` is never looked at. Who reads on reads that very element,
//! so an element that was signed somewhere else in the document (signature wrapping) is of no use to anybody.

use super::SIGNATURE;
use super::canonical::{Method, canonical};
use super::xml::{Document, Id};
use aws_lc_rs::digest::{self, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA384, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use yakumo_room::{Certificate, KeyKind};

const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const EXCLUSIVE_WITH_COMMENTS: &str = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";

/// Why a signature does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unsigned(pub &'static str);

/// Whether an element carries a signature of its own.
pub(crate) fn is_signed(document: &Document, element: Id) -> bool {
    document.children(element, SIGNATURE, "Signature").next().is_some()
}

/// Verifies the signature that an element carries over itself.
pub(crate) fn verify(document: &Document, element: Id, keys: &[Certificate]) -> Result<(), Unsigned> {
    let one = |parent: Id, local: &'static str| {
        document
            .only(parent, SIGNATURE, local)
            .ok_or(Unsigned("a part of the signature is missing or there twice"))
    };
    let signature = one(element, "Signature")?;
    let info = one(signature, "SignedInfo")?;
    let reference = one(info, "Reference")?;
    check_reference(document, element, reference)?;
    let method = transforms(document, reference)?;
    let content = canonical(document, element, Some(signature), &method);
    let wanted = bytes(document, one(reference, "DigestValue")?)?;
    let found = digest(digest_of(document, one(reference, "DigestMethod")?)?, content.as_bytes());
    if found.as_ref() != wanted.as_slice() {
        return Err(Unsigned("the digest is another one"));
    }
    let method = canonicalisation(document, one(info, "CanonicalizationMethod")?)?;
    let signed = canonical(document, info, None, &method);
    let value = bytes(document, one(signature, "SignatureValue")?)?;
    let algorithm = document.attribute(one(info, "SignatureMethod")?, "Algorithm").unwrap_or_default();
    let by = |key: &Certificate| {
        let algorithm = algorithm_for(algorithm, key.kind)?;
        UnparsedPublicKey::new(algorithm, &key.key).verify(signed.as_bytes(), &value).ok()
    };
    match keys.iter().any(|key| by(key).is_some()) {
        true => Ok(()),
        false => Err(Unsigned("none of the provider's keys made the signature")),
    }
}

/// The reference must name the element by an id that nothing else in the document has, in whatever spelling.
fn check_reference(document: &Document, element: Id, reference: Id) -> Result<(), Unsigned> {
    let id =
        document.attribute(element, "ID").filter(|id| !id.is_empty()).ok_or(Unsigned("there is no id"))?;
    let uri = document.attribute(reference, "URI").unwrap_or_default();
    if uri.strip_prefix('#') != Some(id) {
        return Err(Unsigned("it is about another element"));
    }
    let attributes = document.ids().flat_map(|id| &document.get(id).attributes);
    let same =
        attributes.filter(|one| one.local.to_ascii_lowercase().ends_with("id") && one.value == id).count();
    match same {
        1 => Ok(()),
        _ => Err(Unsigned("its id is not unique")),
    }
}

/// Enveloped first, then an exclusive canonicalisation; nothing else, and both are needed: without the second one the
/// inclusive kind would be meant, whose bytes depend on what surrounds the element.
fn transforms(document: &Document, reference: Id) -> Result<Method, Unsigned> {
    let other = Unsigned("its transforms are others than enveloped-signature and xml-exc-c14n");
    let list = document.only(reference, SIGNATURE, "Transforms").ok_or(other)?;
    let mut list = document.children(list, SIGNATURE, "Transform");
    let (first, second) = (list.next().ok_or(other)?, list.next().ok_or(other)?);
    if list.next().is_some() || document.attribute(first, "Algorithm") != Some(ENVELOPED) {
        return Err(other);
    }
    canonicalisation(document, second)
}

fn canonicalisation(document: &Document, element: Id) -> Result<Method, Unsigned> {
    let comments = match document.attribute(element, "Algorithm") {
        Some(EXCLUSIVE) => false,
        Some(EXCLUSIVE_WITH_COMMENTS) => true,
        _ => return Err(Unsigned("its canonicalisation is another one than xml-exc-c14n")),
    };
    let namespaces = document.only(element, EXCLUSIVE, "InclusiveNamespaces");
    let list = namespaces.and_then(|element| document.attribute(element, "PrefixList")).unwrap_or_default();
    let prefix = |name: &str| if name == "#default" { String::new() } else { name.to_owned() };
    Ok(Method { comments, inclusive: list.split_ascii_whitespace().map(prefix).collect() })
}

fn digest_of(document: &Document, element: Id) -> Result<&'static digest::Algorithm, Unsigned> {
    match document.attribute(element, "Algorithm") {
        Some("http://www.w3.org/2001/04/xmlenc#sha256") => Ok(&digest::SHA256),
        Some("http://www.w3.org/2001/04/xmldsig-more#sha384") => Ok(&digest::SHA384),
        Some("http://www.w3.org/2001/04/xmlenc#sha512") => Ok(&digest::SHA512),
        // DIFFERS: SHA-1 can be forged by now; whether AWS still takes it is not documented.
        _ => Err(Unsigned("its digest is none of SHA-256, SHA-384 and SHA-512")),
    }
}

/// RFC 9231's names. A key only serves the algorithms of its own kind.
fn algorithm_for(name: &str, kind: KeyKind) -> Option<&'static dyn VerificationAlgorithm> {
    let name = name.strip_prefix("http://www.w3.org/2001/04/xmldsig-more#")?;
    match (name, kind) {
        // AWS: keys of 1,024 bits are taken.
        ("rsa-sha256", KeyKind::Rsa(_)) => Some(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY),
        ("rsa-sha384", KeyKind::Rsa(_)) => Some(&RSA_PKCS1_2048_8192_SHA384),
        ("rsa-sha512", KeyKind::Rsa(_)) => Some(&RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY),
        ("ecdsa-sha256", KeyKind::P256) => Some(&ECDSA_P256_SHA256_FIXED),
        ("ecdsa-sha384", KeyKind::P384) => Some(&ECDSA_P384_SHA384_FIXED),
        _ => None,
    }
}

fn bytes(document: &Document, element: Id) -> Result<Vec<u8>, Unsigned> {
    let text = document.text(element).unwrap_or_default();
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(text).map_err(|_| Unsigned("a value is not in base 64"))
}
