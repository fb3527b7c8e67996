//! What a simulation is asked: actions and resources, checked.

use crate::error;
use yakumo_aws::{AccountId, Result};

/// The actions and resources of a simulation.
pub(crate) struct Questions<'a> {
    pub actions: &'a [String],
    /// The ARNs, or `*` alone.
    pub resources: Vec<&'a str>,
    /// Whether no ARN was given.
    pub all_resources: bool,
}

/// What each scenario of EC2 needs, by the kind in the resource's ARN.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>
const SCENARIOS: &[(&str, &[&str])] = &[
    ("EC2-VPC-InstanceStore", &["instance", "image", "security-group", "network-interface"]),
    ("EC2-VPC-InstanceStore-Subnet", &["instance", "image", "security-group", "network-interface", "subnet"]),
    ("EC2-VPC-EBS", &["instance", "image", "security-group", "network-interface", "volume"]),
    ("EC2-VPC-EBS-Subnet", &["instance", "image", "security-group", "network-interface", "subnet", "volume"]),
];

impl<'a> Questions<'a> {
    /// Checks the actions, the ARNs, and what the scenario needs of them.
    pub(crate) fn read(
        actions: &'a [String],
        arns: Option<&'a [String]>,
        scenario: Option<&str>,
    ) -> Result<Questions<'a>> {
        if let Some(wrong) = actions.iter().find(|action| !is_action(action)) {
            return Err(error::invalid_input(format!("Invalid Input Action: {wrong}")));
        }
        let arns = arns.unwrap_or_default();
        if let Some(wrong) = arns.iter().find(|arn| *arn != "*" && !is_arn(arn)) {
            return Err(error::invalid_input(format!("Invalid Resource ARN: {wrong}")));
        }
        let mut resources: Vec<&str> = Vec::new();
        for arn in arns {
            if !resources.contains(&arn.as_str()) || arns.len() > DISTINCT_MAX {
                resources.push(arn);
            }
        }
        let all_resources = matches!(resources.as_slice(), [] | ["*"]);
        if resources.is_empty() {
            resources.push("*");
        }
        check_scenario(scenario, &resources)?;
        Ok(Questions { actions, resources, all_resources })
    }

    /// The service of the resources, by which a resource policy is read.
    pub(crate) fn service(&self) -> &'a str {
        let of_arn = self.resources.first().and_then(|arn| arn.split(':').nth(2));
        let of_action = self.actions.first().and_then(|action| action.split(':').next());
        of_arn.or(of_action).unwrap_or_default()
    }
}

/// Above so many ARNs, repeated ones are answered as often as they are asked: to look for them would cost too much.
const DISTINCT_MAX: usize = 1_000;

/// AWS: "Each operation must include the service identifier", and wildcards are not supported.
fn is_action(action: &str) -> bool {
    let parts = action.split_once(':');
    parts.is_some_and(|(service, name)| {
        !service.is_empty() && !name.is_empty() && !action.contains(['*', '?', ' ']) && !name.contains(':')
    })
}

fn is_arn(text: &str) -> bool {
    text.starts_with("arn:") && text.splitn(6, ':').count() == 6
}

fn check_scenario(scenario: Option<&str>, resources: &[&str]) -> Result<()> {
    let Some(name) = scenario else { return Ok(()) };
    let Some((_, kinds)) = SCENARIOS.iter().find(|(known, _)| *known == name) else {
        return Err(error::invalid_input(format!("Invalid ResourceHandlingOption: {name}")));
    };
    let has = |kind: &str| {
        let of_kind = |arn: &&str| {
            let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
            arn.split(':').nth(2) == Some("ec2") && resource.split('/').next() == Some(kind)
        };
        resources.iter().any(of_kind)
    };
    match kinds.iter().find(|kind| !has(kind)) {
        Some(kind) => Err(error::invalid_input(format!(
            "ResourceHandlingOption {name} requires a resource of type {kind}."
        ))),
        None => Ok(()),
    }
}

/// `ResourceOwner`: an account's root ARN or its number.
pub(crate) fn owner(text: Option<&str>) -> Result<Option<AccountId>> {
    let Some(text) = text else { return Ok(None) };
    let root = text.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root"));
    let account = AccountId::parse(root.unwrap_or(text));
    account.map(Some).ok_or_else(|| error::invalid_input(format!("Invalid Resource Owner: {text}")))
}

#[cfg(test)]
mod tests {
    use super::{Questions, owner};

    fn check(actions: &[&str], arns: &[&str], scenario: Option<&str>) -> Result<Vec<String>, String> {
        let texts = |list: &[&str]| list.iter().map(|text| text.to_string()).collect::<Vec<_>>();
        let (actions, arns) = (texts(actions), texts(arns));
        let questions =
            Questions::read(&actions, Some(&arns), scenario).map_err(|error| error.to_string())?;
        Ok(questions.resources.iter().map(|arn| arn.to_string()).collect())
    }

    #[test]
    fn actions_and_resources_are_checked() {
        assert_eq!(check(&["s3:GetObject"], &[], None).unwrap(), ["*"]);
        assert_eq!(check(&["s3:GetObject"], &["arn:aws:s3:::b", "arn:aws:s3:::b"], None).unwrap().len(), 1);
        for bad in ["s3", "s3:", ":x", "s3:*", "s3:Get?bject", "a:b:c", ""] {
            assert!(check(&[bad], &[], None).is_err(), "{bad}");
        }
        for bad in ["b", "arn:aws:s3", "aws:x:y:z:a:b"] {
            assert!(check(&["s3:GetObject"], &[bad], None).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_scenario_needs_its_resources() {
        let arn = |kind: &str| format!("arn:aws:ec2:us-east-1:111122223333:{kind}/x");
        let all = ["instance", "image", "security-group", "network-interface", "volume"].map(arn);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert!(check(&["ec2:RunInstances"], &all, Some("EC2-VPC-EBS")).is_ok());
        assert!(check(&["ec2:RunInstances"], &all, Some("EC2-VPC-EBS-Subnet")).is_err());
        assert!(check(&["ec2:RunInstances"], &all[1..], Some("EC2-VPC-EBS")).is_err());
        assert!(check(&["ec2:RunInstances"], &all, Some("EC2-Classic")).is_err());
    }

    #[test]
    fn owners() {
        assert!(owner(Some("111122223333")).unwrap().is_some());
        assert!(owner(Some("arn:aws:iam::111122223333:root")).unwrap().is_some());
        assert!(owner(Some("arn:aws:iam::111122223333:user/x")).is_err());
        assert!(owner(None).unwrap().is_none());
    }
}
