//! A record that is an AWS resource: what tagging, Config, CloudFormation and `aws:ResourceTag` work from.

use crate::Record;
use std::collections::BTreeMap;

/// A resource as CloudFormation would name it.
pub trait Resource: Record {
    /// The CloudFormation type name, such as `AWS::SQS::Queue`.
    const TYPE: &'static str;

    /// The parts of its key in the room's table.
    fn id(&self) -> Vec<&str>;

    /// Its ARN.
    fn arn(&self) -> String;

    /// Its tags.
    fn tags(&self) -> &BTreeMap<String, String>;

    /// Its resource policy, as stored.
    fn policy(&self) -> Option<&str> {
        None
    }

    /// Condition keys `aws:ResourceTag/…` for access rules.
    fn tag_keys(&self) -> Vec<(String, Vec<String>)> {
        let tags = self.tags().iter();
        tags.map(|(name, value)| (format!("aws:ResourceTag/{name}"), vec![value.clone()])).collect()
    }
}
