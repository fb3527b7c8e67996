//! Metadata of an identity provider (SAML Metadata 2.0): who it is, and which keys it signs with.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml.html>

use super::xml::{Document, Id, Malformed};
use super::{METADATA, SIGNATURE, time};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use yakumo_aws::Timestamp;
use yakumo_room::{Certificate, KeyKind};

const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// AWS: a certificate's key has at least so many bits
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html>).
const RSA_BITS_MIN: usize = 1024;
/// How many signing certificates are taken.
const CERTIFICATES_MAX: usize = 20;

/// What a provider's metadata says.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub entity_id: String,
    /// The certificates that it signs with. Their own validity does not matter: metadata vouches for the keys.
    pub signing: Vec<Certificate>,
    pub valid_until: Option<Timestamp>,
}

impl Metadata {
    /// Reads a document whose root is an `EntityDescriptor` with an `IDPSSODescriptor` of SAML 2.0.
    pub(crate) fn parse(text: &str) -> Result<Metadata, Malformed> {
        let document = Document::parse(text)?;
        let root = document.root();
        if !document.is(root, METADATA, "EntityDescriptor") {
            return Err(Malformed("the root is no EntityDescriptor"));
        }
        let entity_id = document.attribute(root, "entityID").filter(|id| !id.is_empty() && id.len() <= 1024);
        let entity_id = entity_id.ok_or(Malformed("there is no entityID"))?.to_owned();
        let idp = document.only(root, METADATA, "IDPSSODescriptor");
        let idp = idp.ok_or(Malformed("there is not exactly one IDPSSODescriptor"))?;
        let supported = document.attribute(idp, "protocolSupportEnumeration").unwrap_or_default();
        if !supported.split_ascii_whitespace().any(|protocol| protocol == PROTOCOL) {
            return Err(Malformed("the IDPSSODescriptor does not support SAML 2.0"));
        }
        if document.children(idp, METADATA, "SingleSignOnService").next().is_none() {
            return Err(Malformed("there is no SingleSignOnService"));
        }
        let signing = certificates(&document, idp)?;
        let valid_until = match document.attribute(root, "validUntil") {
            Some(text) => Some(time(text).ok_or(Malformed("validUntil is no time in UTC"))?),
            None => None,
        };
        Ok(Metadata { entity_id, signing, valid_until })
    }
}

fn certificates(document: &Document, idp: Id) -> Result<Vec<Certificate>, Malformed> {
    let mut found = Vec::new();
    for descriptor in document.children(idp, METADATA, "KeyDescriptor") {
        // Without a use, a key is for both signing and encryption.
        if !matches!(document.attribute(descriptor, "use"), None | Some("signing")) {
            continue;
        }
        let infos = document.children(descriptor, SIGNATURE, "KeyInfo");
        let data = infos.flat_map(|info| document.children(info, SIGNATURE, "X509Data"));
        for element in data.flat_map(|data| document.children(data, SIGNATURE, "X509Certificate")) {
            found.push(certificate(document, element)?);
        }
    }
    match found.len() {
        0 => Err(Malformed("there is no X.509 certificate to sign with")),
        1..=CERTIFICATES_MAX => Ok(found),
        _ => Err(Malformed("there are too many certificates")),
    }
}

fn certificate(document: &Document, element: Id) -> Result<Certificate, Malformed> {
    let malformed = Malformed("an X.509 certificate cannot be read");
    let text: String =
        document.text(element).ok_or(malformed)?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let der = STANDARD.decode(text).map_err(|_| malformed)?;
    let certificate = Certificate::parse(&der).ok_or(malformed)?;
    match certificate.kind {
        KeyKind::Rsa(bits) if bits < RSA_BITS_MIN => Err(Malformed("a certificate's key is too short")),
        KeyKind::Other => Err(Malformed("a certificate's key is neither RSA nor ECDSA on P-256 or P-384")),
        KeyKind::Rsa(_) | KeyKind::P256 | KeyKind::P384 => Ok(certificate),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Metadata;
    use base64::Engine as _;
    use rcgen::{CertificateParams, KeyPair};

    /// Metadata of a provider with one signing certificate.
    pub(crate) fn metadata(entity_id: &str, key: &KeyPair) -> String {
        let certificate =
            CertificateParams::new(vec!["idp.example".to_owned()]).unwrap().self_signed(key).unwrap();
        let certificate = base64::engine::general_purpose::STANDARD.encode(certificate.der());
        format!(
            r#"<?xml version="1.0"?><md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity_id}"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>
{certificate}
</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>"#
        )
    }

    #[test]
    fn what_metadata_says_and_what_is_none() {
        let text = metadata("https://idp.example/saml", &KeyPair::generate().unwrap());
        let parsed = Metadata::parse(&text).unwrap();
        assert_eq!((parsed.entity_id.as_str(), parsed.signing.len()), ("https://idp.example/saml", 1));
        assert_eq!(parsed.valid_until, None);
        let dated = text.replace("entityID", "validUntil=\"2030-01-01T00:00:00Z\" entityID");
        assert_eq!(Metadata::parse(&dated).unwrap().valid_until.unwrap().as_secs(), 1_893_456_000);
        for (from, to) in [
            ("entityID=\"https://idp.example/saml\"", ""),
            ("md:IDPSSODescriptor", "md:SPSSODescriptor"),
            ("SAML:2.0:protocol\"", "SAML:1.1:protocol\""),
            ("use=\"signing\"", "use=\"encryption\""),
            ("md:SingleSignOnService", "md:Other"),
            ("<ds:X509Certificate>\n", "<ds:X509Certificate>AAAA"),
            ("<?xml version=\"1.0\"?>", "<!DOCTYPE x>"),
            ("urn:oasis:names:tc:SAML:2.0:metadata", "urn:x"),
        ] {
            assert!(Metadata::parse(&text.replace(from, to)).is_err(), "{from}");
        }
    }
}
