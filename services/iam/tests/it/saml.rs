//! SAML: providers with their metadata, and AssumeRoleWithSAML: a true assertion for AWS, and everything that is not one.

use crate::people::*;
use crate::provider::{Signer, unsigned};
use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use yakumo_testkit::{Client, Failure, TestCloud, element};

const ISSUER: &str = "https://idp.example/saml";
const PROVIDER: &str = "arn:aws:iam::111122223333:saml-provider/Corp";
const ROLE: &str = "arn:aws:iam::111122223333:role/staff";
const SIGN_IN: &str = "https://signin.aws.amazon.com/saml";

/// An assertion in the making: what is said, and when.
#[derive(Clone)]
struct Said {
    issuer: String,
    audience: String,
    recipient: String,
    subject: String,
    attributes: Vec<(String, Vec<String>)>,
    /// Seconds from now.
    issued: i64,
    not_before: i64,
    end: i64,
    session_end: Option<i64>,
}

impl Said {
    fn new() -> Said {
        let attribute = |name: &str, value: String| {
            (format!("https://aws.amazon.com/SAML/Attributes/{name}"), vec![value])
        };
        Said {
            issuer: ISSUER.into(),
            audience: SIGN_IN.into(),
            recipient: SIGN_IN.into(),
            subject: "alice".into(),
            attributes: vec![
                attribute("Role", format!("{ROLE},{PROVIDER}")),
                attribute("RoleSessionName", "alice@corp.example".into()),
            ],
            issued: 0,
            not_before: -5,
            end: 300,
            session_end: None,
        }
    }

    fn with(mut self, name: &str, values: &[&str]) -> Said {
        let name = format!("https://aws.amazon.com/SAML/Attributes/{name}");
        self.attributes.retain(|(known, _)| *known != name);
        self.attributes.push((name, values.iter().map(ToString::to_string).collect()));
        self
    }

    /// The assertion in its canonical form.
    fn assertion(&self, id: &str) -> String {
        let at = |seconds: i64| yakumo_room::host_now().plus_millis(seconds * 1000).to_date_time();
        let Said { issuer, audience, recipient, subject, .. } = self;
        let attributes: String = self
            .attributes
            .iter()
            .map(|(name, values)| {
                let values: String = values
                    .iter()
                    .map(|value| format!("<saml:AttributeValue>{value}</saml:AttributeValue>"))
                    .collect();
                format!("<saml:Attribute Name=\"{name}\">{values}</saml:Attribute>")
            })
            .collect();
        let session =
            self.session_end.map_or(String::new(), |end| format!(" SessionNotOnOrAfter=\"{}\"", at(end)));
        format!(
            "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" IssueInstant=\"{issued}\" Version=\"2.0\"><saml:Issuer>{issuer}</saml:Issuer><saml:Subject><saml:NameID Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:persistent\">{subject}</saml:NameID><saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData NotOnOrAfter=\"{end}\" Recipient=\"{recipient}\"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore=\"{begin}\" NotOnOrAfter=\"{end}\"><saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant=\"{issued}\"{session}><saml:AuthnContext></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>",
            issued = at(self.issued),
            begin = at(self.not_before),
            end = at(self.end)
        )
    }
}

fn response(inner: &str) -> String {
    format!(
        "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"r1\" IssueInstant=\"2026-01-01T00:00:00Z\" Version=\"2.0\"><saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">{ISSUER}</saml:Issuer><samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"></samlp:StatusCode></samlp:Status>{inner}</samlp:Response>"
    )
}

struct Scene {
    cloud: TestCloud,
    root: Client,
    signer: Signer,
}

impl Scene {
    async fn start() -> Result<Scene> {
        let (cloud, signer) = (TestCloud::start().await?, Signer::new());
        let root = cloud.root(ACCOUNT);
        let metadata = signer.metadata(ISSUER);
        root.iam("CreateSAMLProvider", &[("Name", "Corp"), ("SAMLMetadataDocument", &metadata)]).await?;
        role(&root, "staff", &trusts_corp("{}"), &says("Allow", "iam:ListUsers")).await?;
        Ok(Scene { cloud, root, signer })
    }

    fn signed(&self, said: &Said) -> String {
        response(&self.signer.enveloped("a1", &said.assertion("a1")))
    }

    async fn assume(&self, xml: &str, more: &[(&str, &str)]) -> Result<String, Failure> {
        let encoded = STANDARD.encode(xml);
        let mut parameters = vec![("PrincipalArn", PROVIDER), ("SAMLAssertion", encoded.as_str())];
        parameters.extend_from_slice(more);
        if !more.iter().any(|(name, _)| *name == "RoleArn") {
            parameters.push(("RoleArn", ROLE));
        }
        unsigned(&self.cloud, "AssumeRoleWithSAML", &parameters).await
    }

    async fn say(&self, said: &Said) -> Result<String, Failure> {
        self.assume(&self.signed(said), &[]).await
    }
}

fn trusts_corp(condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":["sts:AssumeRoleWithSAML","sts:TagSession","sts:SetSourceIdentity"],"Principal":{{"Federated":"{PROVIDER}"}},"Condition":{condition}}}}}"#
    )
}

#[tokio::test]
async fn a_true_assertion_becomes_a_session() -> Result<()> {
    let scene = Scene::start().await?;
    let xml = scene.say(&Said::new()).await?;
    let part = |name| element(&xml, name).unwrap_or_default();
    assert_eq!((part("Subject"), part("SubjectType")), ("alice".into(), "persistent".into()));
    assert_eq!((part("Issuer"), part("Audience")), (ISSUER.into(), SIGN_IN.into()));
    let qualifier = aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY,
        b"https://idp.example/saml111122223333/Corp",
    );
    assert_eq!(part("NameQualifier"), STANDARD.encode(qualifier));
    assert_eq!(part("Arn"), "arn:aws:sts::111122223333:assumed-role/staff/alice@corp.example");
    let client = session(&scene.cloud, &xml)?;
    client.iam("ListUsers", &[]).await?;
    failed(client.iam("ListRoles", &[]).await, "AccessDenied");
    // The response as a whole may be signed instead, or both; AWS takes one response as often as it is shown.
    let whole = scene.signer.enveloped("r1", &response(&Said::new().assertion("a1")));
    scene.assume(&whole, &[]).await?;
    let assertion = scene.signer.enveloped("a1", &Said::new().assertion("a1"));
    let both = response(&assertion);
    let both = scene.signer.enveloped("r1", &both);
    scene.assume(&both, &[]).await?;
    scene.assume(&both, &[]).await?;
    let said = Said { audience: "urn:amazon:webservices".into(), ..Said::new() };
    scene.say(&said.with("Role", &[&format!("{PROVIDER}, {ROLE}")])).await?;
    Ok(())
}

#[tokio::test]
async fn what_is_not_for_aws_or_not_now() -> Result<()> {
    let scene = Scene::start().await?;
    let (invalid, expired, denied) = ("InvalidIdentityToken", "ExpiredTokenException", "AccessDenied");
    let late = "Token must be redeemed within 5 minutes of issuance";
    let nobody = "Not authorized to perform sts:AssumeRoleWithSAML";
    let name = "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}";
    for (said, code, text) in [
        (
            Said { issuer: "https://other.example".into(), ..Said::new() },
            invalid,
            "Issuer not present in specified provider",
        ),
        (
            Said { audience: "https://other.example".into(), ..Said::new() },
            invalid,
            "Response does not contain the required audience.",
        ),
        (
            Said { recipient: "https://other.example/saml".into(), ..Said::new() },
            invalid,
            "Response does not contain a valid bearer subject confirmation for AWS",
        ),
        (Said { issued: -301, ..Said::new() }, expired, late),
        (Said { issued: -60, end: -1, ..Said::new() }, expired, late),
        (Said { not_before: 200, ..Said::new() }, invalid, "SAML assertion is not yet valid"),
        (Said::new().with("RoleSessionName", &[]), invalid, "RoleSessionName is required in AuthnResponse"),
        (Said::new().with("RoleSessionName", &["a b"]), invalid, name),
        (Said::new().with("RoleSessionName", &["a"]), invalid, name),
        (
            Said::new().with("SourceIdentity", &["a b"]),
            invalid,
            "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\"",
        ),
        (Said::new().with("Role", &[]), denied, nobody),
        (
            Said::new().with("Role", &[&format!("arn:aws:iam::111122223333:role/other,{PROVIDER}")]),
            denied,
            nobody,
        ),
        (
            Said::new().with("SessionDuration", &["60"]),
            invalid,
            "SessionDuration in AuthnResponse must be between 900 and 43200 seconds",
        ),
    ] {
        let failure = scene.say(&said).await.expect_err("refused");
        assert_eq!((failure.code.as_str(), failure.message.as_str()), (code, text));
    }
    scene.say(&Said::new()).await?;
    Ok(())
}

#[tokio::test]
async fn what_is_not_signed_by_the_provider() -> Result<()> {
    let scene = Scene::start().await?;
    let good = scene.signed(&Said::new());
    let signature = "Response signature invalid";
    let invalid = "Invalid SAML response";
    let stranger = response(&Signer::new().enveloped("a1", &Said::new().assertion("a1")));
    let encrypted = response(
        "<saml:EncryptedAssertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"></saml:EncryptedAssertion>",
    );
    for (xml, text) in [
        (response(&Said::new().assertion("a1")), signature),
        (stranger, signature),
        (good.replace(">alice<", ">mallory<"), signature),
        (good.replace("rsa-sha256", "rsa-sha1"), signature),
        (good.replace("xmlenc#sha256", "xmldsig#sha1"), signature),
        (good.replace("URI=\"#a1\"", "URI=\"\""), signature),
        (good.replace("URI=\"#a1\"", "URI=\"#r1\""), signature),
        (good.replace("xml-exc-c14n#\"></ds:Transform>", "xml-c14n11\"></ds:Transform>"), signature),
        (good.replace("<samlp:Response ", "<!DOCTYPE x><samlp:Response "), invalid),
        (good.replace("<samlp:Response ", "<!DOCTYPE x [<!ENTITY a \"b\">]><samlp:Response "), invalid),
        (good.replace("samlp:Response", "samlp:Request"), invalid),
        (encrypted, "SAML assertion is encrypted and the provider has no private key"),
        ("no xml".to_owned(), invalid),
    ] {
        refused(scene.assume(&xml, &[]).await, 400, "InvalidIdentityToken", text);
    }
    let failure = scene.assume(&good.replace("status:Success", "status:Responder"), &[]).await;
    failed(failure, "IDPRejectedClaim");
    // A comment in a signed text neither breaks the signature nor parts the text.
    let xml = scene
        .signed(&Said { subject: "alice.evil".into(), ..Said::new() })
        .replace("alice.evil", "alice<!-- -->.evil");
    let xml = scene.assume(&xml, &[]).await?;
    assert_eq!(element(&xml, "Subject").as_deref(), Some("alice.evil"));
    Ok(())
}

/// Signature wrapping: a truly signed assertion is somewhere in the document, and another one is where it is read.
#[tokio::test]
async fn a_signed_assertion_vouches_for_no_other() -> Result<()> {
    let scene = Scene::start().await?;
    let signed = scene.signer.enveloped("a1", &Said::new().assertion("a1"));
    let start = signed.find("<ds:Signature ").unwrap_or_default();
    let end = signed.find("</ds:Signature>").unwrap_or_default() + "</ds:Signature>".len();
    let signature = signed[start..end].to_owned();
    let bare = Said::new().assertion("a1");
    let evil = |id: &str| Said { subject: "mallory".into(), ..Said::new() }.assertion(id);
    let into = |evil: &str, what: &str| evil.replacen("</saml:Issuer>", &format!("</saml:Issuer>{what}"), 1);
    let object = |inner: &str| {
        signature.replace("</ds:Signature>", &format!("<ds:Object>{inner}</ds:Object></ds:Signature>"))
    };
    for xml in [
        // The evil one beside the signed one, in either order.
        response(&format!("{}{signed}", evil("a2"))),
        response(&format!("{signed}{}", evil("a2"))),
        // The evil one takes the signature, the signed one hides in it, with the same id or another one.
        response(&into(&evil("a2"), &object(&bare))),
        response(&into(&evil("a1"), &object(&bare))),
        // The signed one inside of the evil one, or in the response's extensions.
        response(&into(&evil("a2"), &signed)),
        response(&format!("<samlp:Extensions>{signed}</samlp:Extensions>{}", evil("a2"))),
        response(&format!("<samlp:Extensions>{bare}</samlp:Extensions>{}", into(&evil("a1"), &signature))),
        // The signed response inside of an evil one.
        response(&format!("{}{}", evil("a2"), scene.signer.enveloped("r1", &response(&bare)))),
        // Two signatures, of which one is true.
        response(&into(&evil("a1"), &format!("{signature}{signature}"))),
    ] {
        failed(scene.assume(&xml, &[]).await, "InvalidIdentityToken");
    }
    scene.assume(&response(&signed), &[]).await?;
    Ok(())
}

#[tokio::test]
async fn tags_keys_and_the_end_of_the_session() -> Result<()> {
    let scene = Scene::start().await?;
    let policy = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"blue"}}},
        {"Effect":"Allow","Action":"iam:ListRoles","Resource":"*","Condition":{"StringEquals":{"saml:sub":"alice","saml:sub_type":"persistent"}}},
        {"Effect":"Allow","Action":"iam:ListGroups","Resource":"*","Condition":{"StringEquals":{"aws:SourceIdentity":"alice"}}},
        {"Effect":"Allow","Action":"iam:ListPolicies","Resource":"*","Condition":{"StringEquals":{"saml:iss":"https://idp.example/saml"}}}]}"#;
    let condition = format!(
        r#"{{"StringEquals":{{"saml:aud":"{SIGN_IN}","saml:iss":"{ISSUER}","saml:doc":"111122223333/Corp"}},"ForAnyValue:StringEquals":{{"saml:edupersonaffiliation":"staff"}}}}"#
    );
    let arn = role(&scene.root, "tagged", &trusts_corp(&condition), policy).await?;
    let mut said = Said::new()
        .with("Role", &[&format!("{arn},{PROVIDER}")])
        .with("PrincipalTag:team", &["blue"])
        .with("TransitiveTagKeys", &["team"])
        .with("SourceIdentity", &["alice"]);
    let here = [("RoleArn", arn.as_str())];
    failed(scene.assume(&scene.signed(&said), &here).await, "AccessDenied");
    said.attributes.push(("urn:oid:1.3.6.1.4.1.5923.1.1.1.1".into(), vec!["guest".into(), "staff".into()]));
    let xml = scene.assume(&scene.signed(&said), &here).await?;
    let client = session(&scene.cloud, &xml)?;
    for action in ["ListUsers", "ListRoles", "ListGroups"] {
        client.iam(action, &[]).await?;
    }
    failed(client.iam("ListPolicies", &[]).await, "AccessDenied");
    let short = Said { session_end: Some(1_000), ..said.clone() };
    let xml = scene.assume(&scene.signed(&short), &here).await?;
    scene.cloud.advance(std::time::Duration::from_secs(1_001)).await?;
    failed(session(&scene.cloud, &xml)?.iam("ListUsers", &[]).await, "ExpiredToken");
    let long = [here[0], ("DurationSeconds", "3601")];
    failed(scene.assume(&scene.signed(&said), &long).await, "ValidationError");
    Ok(())
}

#[tokio::test]
async fn a_provider_from_its_creation_to_its_end() -> Result<()> {
    let scene = Scene::start().await?;
    let (root, metadata) = (&scene.root, scene.signer.metadata(ISSUER));
    let document = ("SAMLMetadataDocument", metadata.as_str());
    let text = "Provider with name Corp already exists.";
    refused(
        root.iam("CreateSAMLProvider", &[("Name", "Corp"), document]).await,
        409,
        "EntityAlreadyExists",
        text,
    );
    let padded = format!("<a>{}</a>", "x".repeat(1_000));
    let outcome = root.iam("CreateSAMLProvider", &[("Name", "Bad"), ("SAMLMetadataDocument", &padded)]).await;
    refused(outcome, 400, "InvalidInput", "Could not parse metadata.");
    let short = root.iam("CreateSAMLProvider", &[("Name", "Bad"), ("SAMLMetadataDocument", "<a/>")]).await;
    failed(short, "ValidationError");
    let huge = metadata.replace(
        "</md:EntityDescriptor>",
        &format!("<!--{}--></md:EntityDescriptor>", "\"".repeat(4_000_000)),
    );
    let huge = root.iam("CreateSAMLProvider", &[("Name", "Bad"), ("SAMLMetadataDocument", &huge)]).await;
    failed(huge, "LimitExceeded");
    let large = metadata.replace(
        "</md:EntityDescriptor>",
        &format!("<!--{}--></md:EntityDescriptor>", "\"".repeat(3_990_000)),
    );
    root.iam("CreateSAMLProvider", &[("Name", "Large"), ("SAMLMetadataDocument", &large)]).await?;
    let required = [("Name", "Bad"), document, ("AssertionEncryptionMode", "Required")];
    failed(root.iam("CreateSAMLProvider", &required).await, "InvalidInput");
    let key = [("Name", "Bad"), document, ("AddPrivateKey", "key")];
    failed(root.iam("CreateSAMLProvider", &key).await, "NotImplemented");
    let arn = ("SAMLProviderArn", PROVIDER);
    let xml = root.iam("GetSAMLProvider", &[arn]).await?;
    assert!(element(&xml, "SAMLProviderUUID").is_some_and(|id| id.starts_with("SAMLSP")), "{xml}");
    assert!(element(&xml, "SAMLMetadataDocument").is_some_and(|text| text == metadata), "{xml}");
    assert!(element(&xml, "ValidUntil").is_some() && element(&xml, "CreateDate").is_some());
    assert!(root.iam("ListSAMLProviders", &[]).await?.contains(PROVIDER));
    root.iam("TagSAMLProvider", &[arn, ("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b")]).await?;
    assert!(root.iam("ListSAMLProviderTags", &[arn]).await?.contains("<Key>a</Key>"));
    root.iam("UntagSAMLProvider", &[arn, ("TagKeys.member.1", "a")]).await?;
    failed(root.iam("UpdateSAMLProvider", &[arn]).await, "InvalidInput");
    // New metadata with another key: what the old one signed counts no more.
    let old = scene.signed(&Said::new());
    scene.assume(&old, &[]).await?;
    let other = Signer::new().metadata(ISSUER);
    root.iam("UpdateSAMLProvider", &[arn, ("SAMLMetadataDocument", &other)]).await?;
    failed(scene.assume(&old, &[]).await, "InvalidIdentityToken");
    root.iam("UpdateSAMLProvider", &[arn, document]).await?;
    scene.assume(&old, &[]).await?;
    root.iam("DeleteSAMLProvider", &[arn]).await?;
    let text = format!("Manifest not found for arn {PROVIDER}");
    refused(root.iam("DeleteSAMLProvider", &[arn]).await, 404, "NoSuchEntity", &text);
    refused(scene.assume(&old, &[]).await, 400, "InvalidIdentityToken", "Specified provider doesn't exist");
    Ok(())
}
