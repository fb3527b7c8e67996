//! The services that have a service-linked role: `templates.txt`, one a line: service principal, role name, the AWS
//! managed policy, `+` when the role may have a custom suffix, and the default description where it is known.
//!
//! from: the page "Using service-linked roles" of each service's user guide
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html>).

/// What AWS makes a service-linked role from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Template {
    /// `autoscaling.amazonaws.com`.
    pub service: &'static str,
    /// `AWSServiceRoleForAutoScaling`.
    pub role: &'static str,
    /// The name of the managed policy under `/aws-service-role/`.
    pub policy: &'static str,
    /// Whether a custom suffix may be given.
    pub suffix: bool,
    /// The role's description when the request has none.
    pub description: Option<&'static str>,
}

/// The template of a service principal, whose case matters.
pub(crate) fn find(service: &str) -> Option<Template> {
    all().find(|template| template.service == service)
}

fn all() -> impl Iterator<Item = Template> {
    include_str!("templates.txt").lines().filter_map(|line| {
        let mut parts = line.splitn(5, ' ');
        let (service, role, policy) = (parts.next()?, parts.next()?, parts.next()?);
        let suffix = parts.next()? == "+";
        Some(Template { service, role, policy, suffix, description: parts.next() })
    })
}

#[cfg(test)]
mod tests {
    use super::{all, find};
    use crate::managed;
    use std::collections::HashSet;

    #[test]
    fn every_line_is_a_template_of_its_own() {
        assert_eq!(all().count(), include_str!("templates.txt").lines().count());
        let mut seen = HashSet::new();
        for template in all() {
            assert!(template.service.ends_with(".amazonaws.com"), "{}", template.service);
            assert!(template.role.starts_with("AWSServiceRoleFor") && template.role.len() <= 64);
            let policy = format!("arn:aws:iam::aws:policy/aws-service-role/{}", template.policy);
            assert!(managed::find(&policy).is_some(), "{policy}");
            assert!(seen.insert(template.service) && seen.insert(template.role), "{}", template.service);
        }
        assert!(find("autoscaling.amazonaws.com").is_some_and(|template| template.suffix));
        assert!(find("ec2.amazonaws.com").is_none());
    }
}
