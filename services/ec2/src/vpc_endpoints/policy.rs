//! Endpoint policies as customers write them.
//!
//! Source: <https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html>

use super::{Kind, VpcEndpoint};
use yakumo_aws::{Error, Result};
use yakumo_policy::{Document, PolicyKind};

/// AWS: "The size of an endpoint policy cannot exceed 20,480 characters (including white space)."
const POLICY_MAX_CHARS: usize = 20_480;

/// What a gateway endpoint allows when nothing else is said.
const FULL_ACCESS_OF_GATEWAY: &str = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
/// The same of an interface endpoint.
const FULL_ACCESS: &str = "{\n  \"Statement\": [\n    {\n      \"Action\": \"*\", \n      \"Effect\": \"Allow\", \n      \
                           \"Principal\": \"*\", \n      \"Resource\": \"*\"\n    }\n  ]\n}";

/// Checks a policy that a request brings; an empty one is none.
///
/// # Errors
/// InvalidPolicyDocument when it is too long or no policy.
pub(super) fn checked(text: Option<&str>) -> Result<Option<String>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let fits = text.chars().count() <= POLICY_MAX_CHARS;
    match fits && Document::parse(text, PolicyKind::VpcEndpoint).is_ok() {
        true => Ok(Some(text.to_owned())),
        false => {
            let text = "The specified policy document is not a valid JSON policy document.";
            Err(Error::sender("InvalidPolicyDocument", text))
        }
    }
}

/// The policy of an endpoint as the API shows it and as it acts.
pub(super) fn of(endpoint: &VpcEndpoint) -> &str {
    match (&endpoint.policy, endpoint.kind) {
        (Some(policy), _) => policy,
        (None, Kind::Gateway) => FULL_ACCESS_OF_GATEWAY,
        (None, Kind::Interface) => FULL_ACCESS,
    }
}

#[cfg(test)]
mod tests {
    use super::{FULL_ACCESS, FULL_ACCESS_OF_GATEWAY, POLICY_MAX_CHARS, checked};

    #[test]
    fn what_is_no_policy_is_refused() {
        for text in [FULL_ACCESS, FULL_ACCESS_OF_GATEWAY] {
            assert_eq!(checked(Some(text)).unwrap().as_deref(), Some(text));
        }
        assert_eq!(checked(Some("")).unwrap(), None);
        let long = format!("{FULL_ACCESS}{}", " ".repeat(POLICY_MAX_CHARS));
        for text in ["{", "[]", r#"{"Statement":[{"Effect":"Maybe"}]}"#, &long] {
            assert_eq!(checked(Some(text)).unwrap_err().code, "InvalidPolicyDocument");
        }
    }
}
