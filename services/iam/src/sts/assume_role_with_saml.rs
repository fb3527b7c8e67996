//! AssumeRoleWithSAML: a role for whom a SAML provider of the account has signed an assertion.
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html> and
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_saml_assertions.html>

use crate::access::Keys;
use crate::error;
use crate::providers;
use crate::saml::metadata::Metadata;
use crate::saml::response::{self, Assertion, Invalid};
use crate::state::{SamlProvider, home};
use crate::sts::federation::{self, Asked, Bearer, not_authorized};
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use yakumo_api_sts::{AssumeRoleWithSAMLInput, AssumeRoleWithSAMLOutput};
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::{Ctx, Resource, host_now};

/// What it may ask for.
pub(crate) const ACTIONS: [&str; 3] = ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"];
const ACTION: &str = "sts:AssumeRoleWithSAML";

/// AWS: "Token must be redeemed within 5 minutes of issuance".
const REDEEM_S: i64 = 300;
/// How far the provider's clock may be ahead of ours.
const SKEW_S: i64 = 60;
const ATTRIBUTE: &str = "https://aws.amazon.com/SAML/Attributes/";
const FORMAT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:";

/// Attributes that become keys of trust policies.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-saml>
const ATTRIBUTE_KEYS: [(&str, &str); 27] = [
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.1", "saml:edupersonaffiliation"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.2", "saml:edupersonnickname"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.3", "saml:edupersonorgdn"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.4", "saml:edupersonorgunitdn"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.5", "saml:edupersonprimaryaffiliation"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.6", "saml:edupersonprincipalname"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.7", "saml:edupersonentitlement"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.8", "saml:edupersonprimaryorgunitdn"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.9", "saml:edupersonscopedaffiliation"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.10", "saml:edupersontargetedid"),
    ("urn:oid:1.3.6.1.4.1.5923.1.1.1.11", "saml:edupersonassurance"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.2", "saml:eduorghomepageuri"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.3", "saml:eduorgidentityauthnpolicyuri"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.4", "saml:eduorglegalname"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.5", "saml:eduorgsuperioruri"),
    ("urn:oid:1.3.6.1.4.1.5923.1.2.1.6", "saml:eduorgwhitepagesuri"),
    ("urn:oid:2.5.4.3", "saml:cn"),
    ("http://schemas.xmlsoap.org/claims/CommonName", "saml:commonname"),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name", "saml:name"),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/givenname", "saml:givenname"),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/surname", "saml:surname"),
    ("http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress", "saml:mail"),
    ("http://schemas.microsoft.com/ws/2008/06/identity/claims/primarygroupsid", "saml:primarygroupsid"),
    ("urn:oid:0.9.2342.19200300.100.1.3", "saml:mail"),
    ("urn:oid:0.9.2342.19200300.100.1.1", "saml:uid"),
    ("urn:oid:2.5.4.45", "saml:x500uniqueidentifier"),
    ("urn:oid:0.9.2342.19200300.100.1.45", "saml:organizationstatus"),
];

pub(crate) async fn assume_role_with_saml(
    ctx: Ctx,
    input: AssumeRoleWithSAMLInput,
) -> Result<AssumeRoleWithSAMLOutput> {
    let account = federation::account_of(&input.role_arn)?;
    let provider = provider(&ctx, &input.principal_arn).await?;
    if provider.account != account {
        // AWS: the provider must be one of the account that the role is in.
        return Err(not_authorized(ACTION));
    }
    let metadata = Metadata::parse(&provider.metadata).map_err(Error::internal)?;
    if provider.valid_until <= ctx.now() {
        return Err(error::invalid_identity_token("The metadata of the specified provider has expired"));
    }
    let assertion = read(&input.saml_assertion, &metadata)?;
    check_times(&assertion, host_now())?;
    let recipient = recipient(&assertion, host_now())?;
    check_audience(&assertion)?;
    let session_name = session_name(&assertion)?;
    let (subject, format) = assertion.name_id.clone().ok_or_else(|| not_authorized(ACTION))?;
    check_role(&assertion, &input)?;
    let subject_type = subject_type(format.as_deref());
    let qualifier = name_qualifier(&assertion.issuer, &provider);
    let known = Known {
        recipient: &recipient,
        subject: &subject,
        subject_type: &subject_type,
        qualifier: &qualifier,
    };
    let bearer = bearer(&assertion, &provider, &known)?;
    let asked = Asked {
        action: ACTION,
        role_arn: &input.role_arn,
        session_name: &session_name,
        policy: input.policy.as_deref(),
        policy_arns: input.policy_arns.as_deref(),
        duration_s: match input.duration_seconds {
            Some(duration_s) => Some(duration_s),
            None => session_duration(&assertion)?,
        },
        token_size_bytes: input.minimum_session_token_size,
    };
    let assumed = federation::assume(&ctx, asked, bearer).await?;
    let (session_token_size, session_token_utilization) =
        crate::sts::sessions::token_size(&assumed.credentials);
    Ok(AssumeRoleWithSAMLOutput {
        credentials: Some(assumed.credentials),
        assumed_role_user: Some(assumed.user),
        packed_policy_size: assumed.packed_policy_size,
        subject: Some(subject),
        subject_type: Some(subject_type),
        issuer: Some(assertion.issuer),
        audience: Some(recipient),
        name_qualifier: Some(qualifier),
        source_identity: assumed.source_identity,
        session_token_size,
        session_token_utilization,
    })
}

async fn provider(ctx: &Ctx, arn: &str) -> Result<SamlProvider> {
    let unknown = || error::invalid_identity_token("Specified provider doesn't exist");
    let (account, name) =
        providers::split::<SamlProvider>(arn).ok_or_else(|| error::validation("PrincipalArn is invalid"))?;
    ctx.get::<SamlProvider>(&home(account), &[name]).await?.ok_or_else(unknown)
}

/// Reads and verifies the response.
/// AWS: the texts of <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_saml.html>
fn read(encoded: &str, metadata: &Metadata) -> Result<Assertion> {
    let invalid = |text: &str| error::invalid_identity_token(text);
    let compact: String = encoded.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(compact).map_err(|_| invalid("Invalid base64 SAMLResponse"))?;
    let text = String::from_utf8(bytes).map_err(|_| invalid("Invalid SAML response"))?;
    response::read(&text, metadata).map_err(|reason| {
        let error = match reason {
            Invalid::Malformed(_) => invalid("Invalid SAML response"),
            Invalid::Signature(_) => invalid("Response signature invalid"),
            Invalid::Issuer => invalid("Issuer not present in specified provider"),
            Invalid::Encrypted => invalid("SAML assertion is encrypted and the provider has no private key"),
            Invalid::NotAuthenticated => {
                error::rejected_claim("The identity provider reported that authentication failed")
            }
        };
        error.with_source(reason)
    })
}

/// The provider lives outside, so its times are the host's, not those of the cloud's clock.
fn check_times(assertion: &Assertion, now: Timestamp) -> Result<()> {
    let too_late = || error::expired_identity("Token must be redeemed within 5 minutes of issuance");
    let too_early = || error::invalid_identity_token("SAML assertion is not yet valid");
    let issued = assertion.issued.ok_or_else(|| error::invalid_identity_token("Invalid SAML response"))?;
    if now.as_secs() - issued.as_secs() > REDEEM_S || assertion.not_on_or_after.is_some_and(|end| end <= now)
    {
        return Err(too_late());
    }
    let ahead = Timestamp::from_secs(now.as_secs() + SKEW_S);
    match issued > ahead || assertion.not_before.is_some_and(|begin| begin > ahead) {
        true => Err(too_early()),
        false => Ok(()),
    }
}

/// Whether a URL is one that AWS takes responses at: `https://signin.aws.amazon.com/saml`, a region's, or a provider's.
fn is_sign_in(url: &str) -> bool {
    let Some((host, path)) = url.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let region = host.strip_suffix("signin.aws.amazon.com");
    let region_fits = region.is_some_and(|region| {
        region.is_empty()
            || region.strip_suffix('.').is_some_and(|region| {
                !region.is_empty() && region.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
            })
    });
    region_fits && (path == "saml" || path.starts_with("saml/acs/"))
}

/// The recipient of a bearer confirmation that is for AWS and still holds: the value of `saml:aud`.
fn recipient(assertion: &Assertion, now: Timestamp) -> Result<String> {
    let ahead = Timestamp::from_secs(now.as_secs() + SKEW_S);
    let holds = assertion.confirmations.iter().find(|confirmation| {
        is_sign_in(&confirmation.recipient)
            && confirmation.not_on_or_after.is_some_and(|end| end > now)
            && confirmation.not_before.is_none_or(|begin| begin <= ahead)
    });
    holds.map(|confirmation| confirmation.recipient.clone()).ok_or_else(|| {
        error::invalid_identity_token("Response does not contain a valid bearer subject confirmation for AWS")
    })
}

/// AWS: an assertion names AWS as its audience; each restriction must.
fn check_audience(assertion: &Assertion) -> Result<()> {
    let is_aws = |audience: &String| audience == "urn:amazon:webservices" || is_sign_in(audience);
    let all = assertion.audiences.iter().all(|audiences| audiences.iter().any(is_aws));
    match all && !assertion.audiences.is_empty() {
        true => Ok(()),
        false => Err(error::invalid_identity_token("Response does not contain the required audience.")),
    }
}

fn session_name(assertion: &Assertion) -> Result<String> {
    let name = format!("{ATTRIBUTE}RoleSessionName");
    let mut values = assertion.values(&name);
    match (values.next(), values.next()) {
        (Some(name), None) if federation::is_session_name(name) => Ok(name.to_owned()),
        (Some(_), _) => Err(error::invalid_identity_token(
            "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}",
        )),
        (None, _) => Err(error::invalid_identity_token("RoleSessionName is required in AuthnResponse")),
    }
}

/// The assertion must offer this role by this provider: a pair of their ARNs in either order.
fn check_role(assertion: &Assertion, input: &AssumeRoleWithSAMLInput) -> Result<()> {
    let name = format!("{ATTRIBUTE}Role");
    let offered = assertion.values(&name).any(|value| {
        let pair = value.split_once(',').map(|(one, other)| (one.trim(), other.trim()));
        let (role, provider) = (input.role_arn.as_str(), input.principal_arn.as_str());
        pair == Some((role, provider)) || pair == Some((provider, role))
    });
    match offered {
        true => Ok(()),
        false => Err(not_authorized(ACTION)),
    }
}

/// AWS: `SessionDuration`, in seconds from fifteen minutes to twelve hours.
fn session_duration(assertion: &Assertion) -> Result<Option<i32>> {
    let name = format!("{ATTRIBUTE}SessionDuration");
    let Some(value) = assertion.values(&name).next() else { return Ok(None) };
    let seconds = value.parse::<i32>().ok().filter(|seconds| (900..=43_200).contains(seconds));
    seconds.map(Some).ok_or_else(|| {
        error::invalid_identity_token(
            "SessionDuration in AuthnResponse must be between 900 and 43200 seconds",
        )
    })
}

/// AWS: the common prefix of formats is left out; without a format, SAML's default is `unspecified`.
fn subject_type(format: Option<&str>) -> String {
    let format = format.unwrap_or("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified");
    format.strip_prefix(FORMAT).unwrap_or(format).to_owned()
}

/// AWS: `BASE64 ( SHA1 ( "https://example.com/saml" + "123456789012" + "/MySAMLIdP" ) )`.
fn name_qualifier(issuer: &str, provider: &SamlProvider) -> String {
    let text = format!("{issuer}{}/{}", provider.account, provider.name);
    STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
}

struct Known<'a> {
    recipient: &'a str,
    subject: &'a str,
    subject_type: &'a str,
    qualifier: &'a str,
}

fn bearer(assertion: &Assertion, provider: &SamlProvider, known: &Known<'_>) -> Result<Bearer> {
    let one = |name: &str, value: &str| (name.to_owned(), vec![value.to_owned()]);
    // AWS: these three are also keys of the session; the others are only for trust policies.
    let session_keys = BTreeMap::from([
        one("saml:namequalifier", known.qualifier),
        one("saml:sub", known.subject),
        one("saml:sub_type", known.subject_type),
    ]);
    let mut keys: Keys = session_keys.iter().map(|(key, values)| (key.clone(), values.clone())).collect();
    keys.push(one("saml:aud", known.recipient));
    keys.push(one("saml:iss", &assertion.issuer));
    keys.push(one("saml:doc", &format!("{}/{}", provider.account, provider.name)));
    keys.extend(attribute_keys(assertion));
    let (tags, transitive) = tags(assertion)?;
    Ok(Bearer {
        provider_arn: provider.arn(),
        user_id: format!("{}:{}", known.qualifier, known.subject),
        keys,
        session_keys,
        tags,
        transitive,
        source_identity: source_identity(assertion)?,
        until: assertion.session_not_on_or_after,
    })
}

fn attribute_keys(assertion: &Assertion) -> Keys {
    let mut keys: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (attribute, key) in ATTRIBUTE_KEYS {
        let values = assertion.values(attribute).map(str::to_owned).collect::<Vec<_>>();
        if !values.is_empty() {
            keys.entry(key).or_default().extend(values);
        }
    }
    keys.into_iter().map(|(key, values)| (key.to_owned(), values)).collect()
}

/// AWS: `PrincipalTag:KEY` has one value; `TransitiveTagKeys` has a value for each key.
fn tags(assertion: &Assertion) -> Result<(BTreeMap<String, String>, Vec<String>)> {
    let prefix = format!("{ATTRIBUTE}PrincipalTag:");
    let mut tags = BTreeMap::new();
    for (name, values) in &assertion.attributes {
        let Some(key) = name.strip_prefix(&prefix) else { continue };
        let [value] = values.as_slice() else {
            return Err(error::invalid_identity_token("Session tags in the identity token are not valid"));
        };
        tags.insert(key.to_owned(), value.clone());
    }
    let transitive = format!("{ATTRIBUTE}TransitiveTagKeys");
    Ok((tags, assertion.values(&transitive).map(str::to_owned).collect()))
}

fn source_identity(assertion: &Assertion) -> Result<Option<String>> {
    let name = format!("{ATTRIBUTE}SourceIdentity");
    let mut values = assertion.values(&name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(text), None) if federation::is_source_identity(text) => Ok(Some(text.to_owned())),
        (Some(_), _) => Err(error::invalid_identity_token(federation::BAD_SOURCE_IDENTITY)),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_sign_in, subject_type};

    #[test]
    fn where_aws_takes_responses() {
        for url in [
            "https://signin.aws.amazon.com/saml",
            "https://eu-west-1.signin.aws.amazon.com/saml",
            "https://eu-west-1.signin.aws.amazon.com/saml/acs/SAMLSP123",
        ] {
            assert!(is_sign_in(url), "{url}");
        }
        for url in [
            "",
            "http://signin.aws.amazon.com/saml",
            "https://signin.aws.amazon.com/saml2",
            "https://signin.aws.amazon.com.evil.example/saml",
            "https://evilsignin.aws.amazon.com/saml",
            "https://a.b.signin.aws.amazon.com/saml",
            "https://evil.example/.signin.aws.amazon.com/saml",
        ] {
            assert!(!is_sign_in(url), "{url}");
        }
        assert_eq!(subject_type(Some("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent")), "persistent");
        assert_eq!(subject_type(Some("urn:x")), "urn:x");
    }
}
