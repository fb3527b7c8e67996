//! Policies and their types: only those that act here.

use crate::state::{PARTITION, Tags, arn};
use serde::{Deserialize, Serialize};
use yakumo_aws::AccountId;
use yakumo_room::{Record, Resource};

/// A type of policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum PolicyType {
    ServiceControl,
    ResourceControl,
    Tag,
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Policy {
    /// `p-…`.
    pub id: String,
    /// Empty for the policies of AWS.
    pub organization: String,
    /// `None` for the policies of AWS.
    pub management: Option<AccountId>,
    pub policy_type: PolicyType,
    pub name: String,
    pub description: String,
    pub content: String,
    pub tags: Tags,
}

impl PolicyType {
    pub(crate) const ALL: [PolicyType; 3] =
        [PolicyType::ServiceControl, PolicyType::ResourceControl, PolicyType::Tag];

    /// Its name in the API.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            PolicyType::ServiceControl => "SERVICE_CONTROL_POLICY",
            PolicyType::ResourceControl => "RESOURCE_CONTROL_POLICY",
            PolicyType::Tag => "TAG_POLICY",
        }
    }

    /// The type of that name; `None` for the types that do not act here.
    pub(crate) fn parse(text: &str) -> Option<PolicyType> {
        PolicyType::ALL.into_iter().find(|known| known.as_str() == text)
    }

    /// The id of AWS's policy that lets everything through, attached everywhere when the type is enabled; types that
    /// allow nothing have none.
    pub(crate) fn full_access(self) -> Option<&'static str> {
        match self {
            PolicyType::ServiceControl => Some("p-FullAWSAccess"),
            PolicyType::ResourceControl => Some("p-RCPFullAWSAccess"),
            PolicyType::Tag => None,
        }
    }

    /// AWS: how many policies of a type an organization may have
    /// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>).
    pub(crate) fn count_max(self) -> usize {
        match self {
            PolicyType::ServiceControl => 10_000,
            PolicyType::ResourceControl | PolicyType::Tag => 1_000,
        }
    }

    /// AWS: how many policies of the type hang on one target, AWS's own included (the same page).
    pub(crate) fn attached_max(self) -> usize {
        match self {
            PolicyType::ServiceControl | PolicyType::ResourceControl => 5,
            PolicyType::Tag => 10,
        }
    }
}

impl Policy {
    /// AWS's own policy of a type, if there is one.
    pub(crate) fn of_aws(policy_type: PolicyType) -> Option<Policy> {
        let id = policy_type.full_access()?.to_owned();
        let (name, description, principal) = match policy_type {
            PolicyType::ServiceControl => ("FullAWSAccess", "Allows access to every operation", ""),
            PolicyType::ResourceControl | PolicyType::Tag => {
                ("RCPFullAWSAccess", "Allows access to every resource", "\n      \"Principal\": \"*\",")
            }
        };
        let content = format!(
            "{{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {{\n      \"Effect\": \"Allow\",{principal}\n      \
             \"Action\": \"*\",\n      \"Resource\": \"*\"\n    }}\n  ]\n}}"
        );
        Some(Policy {
            id,
            organization: String::new(),
            management: None,
            policy_type,
            name: name.to_owned(),
            description: description.to_owned(),
            content,
            tags: Tags::new(),
        })
    }

    pub(crate) fn is_of_aws(&self) -> bool {
        self.management.is_none()
    }
}

impl Record for Policy {
    const TABLE: &'static str = "policies";
}

impl Resource for Policy {
    const TYPE: &'static str = "AWS::Organizations::Policy";

    fn id(&self) -> Vec<&str> {
        vec![&self.id]
    }

    fn arn(&self) -> String {
        let segment = self.policy_type.as_str().to_ascii_lowercase();
        match self.management {
            Some(management) => arn(management, &format!("policy/{segment}"), &self.organization, &self.id),
            None => format!("arn:{PARTITION}:organizations::aws:policy/{segment}/{}", self.id),
        }
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }
}

#[cfg(test)]
mod tests {
    use super::{Policy, PolicyType};
    use yakumo_policy::{Document, PolicyKind};
    use yakumo_room::Resource;

    #[test]
    fn awss_policies_are_policies_of_their_kind() {
        for (policy_type, kind, arn) in [
            (
                PolicyType::ServiceControl,
                PolicyKind::Scp,
                "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess",
            ),
            (
                PolicyType::ResourceControl,
                PolicyKind::Rcp,
                "arn:aws:organizations::aws:policy/resource_control_policy/p-RCPFullAWSAccess",
            ),
        ] {
            let policy = Policy::of_aws(policy_type).unwrap();
            Document::parse(&policy.content, kind).unwrap();
            assert_eq!((policy.arn().as_str(), policy.is_of_aws()), (arn, true));
            assert_eq!(PolicyType::parse(policy_type.as_str()), Some(policy_type));
        }
        assert!(Policy::of_aws(PolicyType::Tag).is_none());
        assert_eq!(PolicyType::parse("TAG_POLICY"), Some(PolicyType::Tag));
        assert_eq!(PolicyType::parse("BACKUP_POLICY"), None);
    }
}
