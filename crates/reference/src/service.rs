//! A service as the reference describes it. Names are in AWS's case; look-ups take any.

use crate::pattern::Pattern;

/// One service.
#[derive(Debug)]
pub struct Service {
    /// Before the colon of its actions: `sqs`.
    pub prefix: &'static str,
    /// As AWS writes it: `Amazon SQS`.
    pub name: &'static str,
    /// Its actions, by name.
    pub actions: Vec<Action>,
    /// Its resource types, by name.
    pub resource_types: Vec<ResourceType>,
    /// All condition keys that any action or resource type has, by name.
    pub condition_keys: Vec<ConditionKey>,
}

/// What an action can do, as AWS classifies it.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_understand-policy-summary-access-level-summaries.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLevel {
    /// Lists resources.
    List,
    /// Reads contents and attributes.
    Read,
    /// Makes, changes or deletes.
    Write,
    /// Only changes tags.
    Tagging,
    /// Grants or changes permissions.
    Permissions,
}

/// One action.
#[derive(Debug)]
pub struct Action {
    /// Behind the colon: `SendMessage`.
    pub name: &'static str,
    /// What it can do.
    pub level: AccessLevel,
    /// The types of resources that a policy can name for it; none when it only takes `*`.
    pub resources: Vec<ActionResource>,
    /// Condition keys of the action itself; some end in a variable (`aws:RequestTag/${TagKey}`).
    pub keys: Vec<&'static str>,
}

/// A resource type of an action.
#[derive(Debug)]
pub struct ActionResource {
    /// The type's name: `queue`.
    pub name: &'static str,
    /// Whether each request names a resource of that type.
    pub is_required: bool,
    /// Condition keys that the action has for this type only.
    pub keys: Vec<&'static str>,
}

/// A resource type.
#[derive(Debug)]
pub struct ResourceType {
    /// Its name: `queue`. Spaces in AWS's name are hyphens here.
    pub name: &'static str,
    /// What its ARNs look like: `arn:${Partition}:sqs:${Region}:${Account}:${QueueName}`. Mostly one.
    pub arns: Vec<&'static str>,
    /// Condition keys of the resource.
    pub keys: Vec<&'static str>,
}

/// A condition key.
#[derive(Debug)]
pub struct ConditionKey {
    /// Its name, which may hold a variable: `aws:ResourceTag/${TagKey}`.
    pub name: &'static str,
    /// The type of its values: `String`, `ARN`, `Bool`, `Numeric`, `Date`, `IPAddress`, or `ArrayOf…`.
    pub kind: &'static str,
}

impl Service {
    /// The action of that name, without the prefix.
    pub fn action(&self, name: &str) -> Option<&Action> {
        self.actions.iter().find(|action| action.name.eq_ignore_ascii_case(name))
    }

    /// The resource type of that name.
    pub fn resource_type(&self, name: &str) -> Option<&ResourceType> {
        self.resource_types.iter().find(|kind| kind.name == name)
    }

    /// The condition key that covers a key as it stands in a policy or request (`aws:ResourceTag/Team`).
    pub fn condition_key(&self, key: &str) -> Option<&ConditionKey> {
        self.condition_keys.iter().find(|known| Pattern(known.name).covers_key(key))
    }

    /// The resource types of an action that an ARN can belong to.
    pub fn types_of<'a>(
        &'a self,
        action: &'a Action,
        arn: &'a str,
    ) -> impl Iterator<Item = (&'a ActionResource, &'a ResourceType)> {
        let kinds = action.resources.iter();
        let kinds = kinds.filter_map(|resource| Some((resource, self.resource_type(resource.name)?)));
        kinds.filter(move |(_, kind)| kind.covers(arn))
    }
}

impl Action {
    /// Whether the action has this condition key, whatever the resource.
    pub fn has_key(&self, key: &str) -> bool {
        covers(&self.keys, key)
    }

    /// Whether every request of the action names a resource.
    pub fn needs_resource(&self) -> bool {
        self.resources.iter().any(|resource| resource.is_required)
    }
}

impl ActionResource {
    /// Whether the action has this condition key for resources of this type.
    pub fn has_key(&self, key: &str) -> bool {
        covers(&self.keys, key)
    }
}

impl ResourceType {
    /// Whether an ARN has the shape of this type's.
    pub fn covers(&self, arn: &str) -> bool {
        self.arns.iter().any(|pattern| Pattern(pattern).covers_arn(arn))
    }

    /// Whether resources of this type have this condition key.
    pub fn has_key(&self, key: &str) -> bool {
        covers(&self.keys, key)
    }
}

fn covers(known: &[&str], key: &str) -> bool {
    known.iter().any(|name| Pattern(name).covers_key(key))
}
