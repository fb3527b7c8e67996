//! `PolicyExclusionList`: policies that a simulation leaves out.
//!
//! AWS: what is malformed is an error; what names no attached policy, or resource control policies, is ignored
//! (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>).

use super::sources::Source;
use crate::entities::Origin;
use crate::error;
use crate::managed;
use yakumo_api_iam::PolicyIdentifier;
use yakumo_aws::Result;
use yakumo_policy::Case;

/// What is left out.
#[derive(Default)]
pub(crate) struct Exclusions {
    inline: bool,
    of_aws: bool,
    of_account: bool,
    /// The permissions boundary.
    pub boundary: bool,
    /// The service control policies.
    pub scps: bool,
    arns: Vec<String>,
    /// Kind and name pattern of the carrier, name of the policy.
    named: Vec<(String, String, String)>,
}

impl Exclusions {
    /// Reads the list.
    pub(crate) fn read(list: Option<&[PolicyIdentifier]>) -> Result<Exclusions> {
        let mut all = Exclusions::default();
        for identifier in list.unwrap_or_default() {
            match identifier {
                PolicyIdentifier { policy_type: Some(kind), .. } => all.add_type(kind),
                PolicyIdentifier { policy_arn: Some(arn), .. } => all.arns.push(checked(arn)?.to_owned()),
                PolicyIdentifier { inline_policy_identifier: Some(named), .. } => {
                    if named.attachment_name.matches('*').count() > 1 {
                        return Err(error::invalid_policy_identifier(&named.attachment_name));
                    }
                    let carrier = named.attachment_name.clone();
                    all.named.push((named.attachment_type.clone(), carrier, named.policy_name.clone()));
                }
                _ => return Err(error::invalid_policy_identifier("")),
            }
        }
        Ok(all)
    }

    fn add_type(&mut self, kind: &str) {
        match kind {
            "inline" => self.inline = true,
            "aws-managed" => self.of_aws = true,
            "user-managed" => self.of_account = true,
            "permission-boundary" => self.boundary = true,
            "scp" => self.scps = true,
            _ => {}
        }
    }

    /// Whether a policy that somebody carries stays.
    pub(crate) fn keeps(&self, source: &Source) -> bool {
        let left_out = match &source.origin {
            None => false,
            Some(Origin::Inline { kind, carrier, name }) => {
                let named = |(of, pattern, policy): &(String, String, String)| {
                    of == kind && policy == name && matches(pattern, carrier)
                };
                self.inline || self.named.iter().any(named)
            }
            Some(Origin::Managed { arn }) => {
                let by_type = if managed::is_of_aws(arn) { self.of_aws } else { self.of_account };
                by_type || self.names(arn)
            }
        };
        !left_out
    }

    /// Whether the list names a managed policy by its ARN.
    pub(crate) fn names(&self, arn: &str) -> bool {
        self.arns.iter().any(|pattern| matches(pattern, arn))
    }
}

/// AWS: wildcards may stand in the name only, and `*` once.
fn checked(arn: &str) -> Result<&str> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let well_formed = match parts.as_slice() {
        ["arn", partition, "iam", "", account, resource] => {
            let fixed = ![partition, account].iter().any(|part| part.is_empty() || part.contains(['*', '?']));
            fixed && resource.starts_with("policy/") && resource.matches('*').count() <= 1
        }
        _ => false,
    };
    if well_formed { Ok(arn) } else { Err(error::invalid_policy_identifier(arn)) }
}

fn matches(pattern: &str, text: &str) -> bool {
    yakumo_policy::matches(pattern, text, Case::Sensitive, None)
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn malformed_arns_are_errors() {
        assert!(checked("arn:aws:iam::aws:policy/*ReadOnlyAccess").is_ok());
        assert!(checked("arn:aws:iam::111122223333:policy/team-?").is_ok());
        for bad in
            ["policy/x", "arn:aws:iam::*:policy/x", "arn:aws:iam::aws:policy/**", "arn:aws:iam::aws:role/x"]
        {
            assert!(checked(bad).is_err(), "{bad}");
        }
    }
}
