//! A response with its one assertion: read only after the signature over it was verified, and only from the element
//! that the signature covers.

use super::metadata::Metadata;
use super::signature::{Unsigned, is_signed, verify};
use super::xml::{Document, Id, Malformed};
use super::{ASSERTION, PROTOCOL, time};
use yakumo_aws::Timestamp;

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// Why a response does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Invalid {
    /// It is not a response with one assertion.
    #[error("{0}")]
    Malformed(#[from] Malformed),
    /// Its assertion is encrypted.
    #[error("the assertion is encrypted")]
    Encrypted,
    /// The provider says that it did not authenticate anybody.
    #[error("the status is not success")]
    NotAuthenticated,
    /// Somebody else than the provider has issued it.
    #[error("the issuer is another one")]
    Issuer,
    /// The signature does not hold.
    #[error("{0}")]
    Signature(#[from] Unsigned),
}

/// What a verified assertion says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Assertion {
    pub issuer: String,
    pub issued: Option<Timestamp>,
    /// The name of the subject and its format.
    pub name_id: Option<(String, Option<String>)>,
    pub not_before: Option<Timestamp>,
    pub not_on_or_after: Option<Timestamp>,
    /// Each restriction with its audiences: one of each must be met.
    pub audiences: Vec<Vec<String>>,
    /// Bearer confirmations: recipient, and until when.
    pub confirmations: Vec<Confirmation>,
    pub session_not_on_or_after: Option<Timestamp>,
    /// The `Name` of each attribute with its values.
    pub attributes: Vec<(String, Vec<String>)>,
}

/// A bearer confirmation of the subject.
#[derive(Clone, Debug, Default)]
pub(crate) struct Confirmation {
    pub recipient: String,
    pub not_before: Option<Timestamp>,
    pub not_on_or_after: Option<Timestamp>,
}

impl Assertion {
    /// The values of an attribute; those of several attributes of one name together.
    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.attributes
            .iter()
            .filter(move |(known, _)| known == name)
            .flat_map(|(_, values)| values.iter().map(String::as_str))
    }
}

/// Reads a response that the provider of this metadata has signed, as a whole or its assertion.
pub(crate) fn read(text: &str, metadata: &Metadata) -> Result<Assertion, Invalid> {
    let document = Document::parse(text)?;
    let root = document.root();
    if !document.is(root, PROTOCOL, "Response") {
        return Err(Malformed("the root is no Response").into());
    }
    if let Some(status) = document.only(root, PROTOCOL, "Status") {
        let code = document.only(status, PROTOCOL, "StatusCode");
        if code.and_then(|code| document.attribute(code, "Value")) != Some(SUCCESS) {
            return Err(Invalid::NotAuthenticated);
        }
    }
    if document.children(root, ASSERTION, "EncryptedAssertion").next().is_some() {
        return Err(Invalid::Encrypted);
    }
    let assertion = document.only(root, ASSERTION, "Assertion");
    let assertion = assertion.ok_or(Malformed("there is not exactly one assertion"))?;
    if document.ids().filter(|id| document.is(*id, ASSERTION, "Assertion")).count() != 1 {
        return Err(Malformed("there is another assertion somewhere").into());
    }
    for id in [root, assertion] {
        if let Some(issuer) = document.only(id, ASSERTION, "Issuer")
            && document.text(issuer).as_deref().map(str::trim) != Some(&metadata.entity_id)
        {
            return Err(Invalid::Issuer);
        }
    }
    let signed: Vec<Id> = [root, assertion].into_iter().filter(|id| is_signed(&document, *id)).collect();
    if signed.is_empty() {
        return Err(Unsigned("neither the response nor the assertion is signed").into());
    }
    for id in signed {
        verify(&document, id, &metadata.signing)?;
    }
    Ok(Reader { document: &document }.assertion(assertion)?)
}

struct Reader<'a> {
    document: &'a Document,
}

impl Reader<'_> {
    fn assertion(&self, id: Id) -> Result<Assertion, Malformed> {
        let document = self.document;
        let issuer = document.only(id, ASSERTION, "Issuer").and_then(|issuer| document.text(issuer));
        let mut assertion = Assertion {
            issuer: issuer.ok_or(Malformed("the assertion has no issuer"))?.trim().to_owned(),
            issued: self.time(id, "IssueInstant")?,
            ..Assertion::default()
        };
        if let Some(subject) = document.only(id, ASSERTION, "Subject") {
            self.subject(subject, &mut assertion)?;
        }
        if let Some(conditions) = document.only(id, ASSERTION, "Conditions") {
            self.conditions(conditions, &mut assertion)?;
        }
        for statement in document.children(id, ASSERTION, "AuthnStatement") {
            let end = self.time(statement, "SessionNotOnOrAfter")?;
            assertion.session_not_on_or_after = match (assertion.session_not_on_or_after, end) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            };
        }
        for statement in document.children(id, ASSERTION, "AttributeStatement") {
            for attribute in document.children(statement, ASSERTION, "Attribute") {
                let name = document.attribute(attribute, "Name").unwrap_or_default().to_owned();
                let values = document.children(attribute, ASSERTION, "AttributeValue");
                let values = values.filter_map(|value| Some(document.text(value)?.trim().to_owned()));
                assertion.attributes.push((name, values.collect()));
            }
        }
        Ok(assertion)
    }

    fn subject(&self, subject: Id, assertion: &mut Assertion) -> Result<(), Malformed> {
        let document = self.document;
        if let Some(id) = document.only(subject, ASSERTION, "NameID") {
            let name = document.text(id).ok_or(Malformed("the NameID holds elements"))?;
            let format = document.attribute(id, "Format").map(str::to_owned);
            assertion.name_id = Some((name.trim().to_owned(), format));
        }
        for confirmation in document.children(subject, ASSERTION, "SubjectConfirmation") {
            let data = document.only(confirmation, ASSERTION, "SubjectConfirmationData");
            let (Some(BEARER), Some(data)) = (document.attribute(confirmation, "Method"), data) else {
                continue;
            };
            assertion.confirmations.push(Confirmation {
                recipient: document.attribute(data, "Recipient").unwrap_or_default().to_owned(),
                not_before: self.time(data, "NotBefore")?,
                not_on_or_after: self.time(data, "NotOnOrAfter")?,
            });
        }
        Ok(())
    }

    fn conditions(&self, conditions: Id, assertion: &mut Assertion) -> Result<(), Malformed> {
        let document = self.document;
        assertion.not_before = self.time(conditions, "NotBefore")?;
        assertion.not_on_or_after = self.time(conditions, "NotOnOrAfter")?;
        for restriction in document.children(conditions, ASSERTION, "AudienceRestriction") {
            let audiences = document.children(restriction, ASSERTION, "Audience");
            let audiences = audiences.filter_map(|audience| Some(document.text(audience)?.trim().to_owned()));
            assertion.audiences.push(audiences.collect());
        }
        Ok(())
    }

    fn time(&self, id: Id, attribute: &str) -> Result<Option<Timestamp>, Malformed> {
        match self.document.attribute(id, attribute) {
            Some(text) => time(text).map(Some).ok_or(Malformed("a time is not one in UTC")),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::saml::metadata::Metadata;
    use crate::saml::metadata::tests::metadata;
    use rcgen::KeyPair;

    /// A response that is complete but for a true signature: nothing that is done to its bytes may be taken.
    #[test]
    fn no_changed_bytes_panic_or_are_taken() {
        let metadata =
            Metadata::parse(&metadata("https://idp.example/saml", &KeyPair::generate().unwrap())).unwrap();
        let text = r##"<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion" ID="r"><a:Assertion ID="a" IssueInstant="2026-01-01T00:00:00Z"><a:Issuer>https://idp.example/saml</a:Issuer><d:Signature xmlns:d="http://www.w3.org/2000/09/xmldsig#"><d:SignedInfo><d:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/><d:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"/><d:Reference URI="#a"><d:Transforms><d:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><d:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></d:Transforms><d:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><d:DigestValue>AAAA</d:DigestValue></d:Reference></d:SignedInfo><d:SignatureValue>AAAA</d:SignatureValue></d:Signature><a:Subject><a:NameID>alice</a:NameID></a:Subject></a:Assertion></p:Response>"##;
        assert_eq!(read(text, &metadata).unwrap_err().to_string(), "the digest is another one");
        for (at, _) in text.char_indices() {
            let (before, after) = text.split_at(at);
            for changed in [
                before.to_owned(),
                format!("{before}<{after}"),
                format!("{before}&{after}"),
                format!("{before}\"{after}"),
                format!("{before}{}", after.get(1..).unwrap_or_default()),
                format!("{before}<!--{after}"),
            ] {
                assert!(read(&changed, &metadata).is_err());
            }
        }
    }
}
