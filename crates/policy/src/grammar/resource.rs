//! The `Resource` and `NotResource` elements.

use super::{Dialect, Malformed, matchers, one_of, texts};
use crate::document::PolicyKind;
use crate::json::Json;
use crate::statement::Matchers;

const PARTITIONS: &[&str] =
    &["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc", "*"];

/// What may stand behind the account in the ARN of an IAM resource.
const IAM_PATHS: &[&str] = &[
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];

pub(super) fn parse(
    members: &[(String, Json)],
    dialect: &Dialect<'_>,
) -> Result<Option<Matchers>, Malformed> {
    let element = one_of(members, "Resource", "NotResource", dialect)?;
    if dialect.is_trust() {
        return match element {
            Some(_) => Err(Malformed::new("Has prohibited field Resource")),
            None => Ok(None),
        };
    }
    let missing = || Malformed::new("Policy statement must contain resources.");
    let Some((negated, json)) = element else {
        // A resource's policy without the element speaks of the resource that carries it.
        return match dialect.kind {
            PolicyKind::Resource { .. } => Ok(None),
            _ => Err(missing()),
        };
    };
    let resources = texts(json, "Resource", dialect)?;
    if resources.is_empty() {
        return Err(missing());
    }
    if !dialect.names_principals() {
        resources.iter().try_for_each(|resource| check(resource))?;
    }
    Ok(Some(matchers(&resources, negated, dialect.variables)))
}

/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html>
fn check(resource: &str) -> Result<(), Malformed> {
    if resource == "*" {
        return Ok(());
    }
    let fail = |text: String| Err(Malformed::new(text));
    // AWS: a truncated ARN is one when its last character is a wildcard (`arn:aws:rds:*` in NeptuneFullAccess).
    let mut fields =
        resource.splitn(6, ':').chain(resource.ends_with('*').then_some("*").into_iter().cycle());
    let mut next = || fields.next().ok_or_else(|| not_an_arn(resource));
    let (prefix, partition, vendor, region, _account, name) =
        (next()?, next()?, next()?, next()?, next()?, next()?);
    if prefix != "arn" {
        return Err(not_an_arn(resource));
    }
    if !PARTITIONS.contains(&partition) {
        return fail(format!("Partition \"{partition}\" is not valid for resource \"{resource}\"."));
    }
    let truncated = resource.matches(':').count() < 3;
    if vendor.contains(['*', '?']) && !truncated {
        return fail("Resource vendor must be fully qualified and cannot contain regexes.".into());
    }
    match vendor {
        "iam" if !matches!(region, "" | "*") => {
            fail(format!("IAM resource {resource} cannot contain region information."))
        }
        "s3" if !matches!(region, "" | "*") && !is_regional_s3(name) => {
            fail(format!("Resource {resource} can not contain region information."))
        }
        "iam" if !(name.starts_with('*') || name == "root" || known_path(name)) => {
            fail(format!("IAM resource path must either be \"*\" or start with {}.", IAM_PATHS.join(", ")))
        }
        _ => Ok(()),
    }
}

fn not_an_arn(resource: &str) -> Malformed {
    Malformed::new(format!("Resource {resource} must be in ARN format or \"*\"."))
}

fn known_path(name: &str) -> bool {
    let fixed = name.split(['*', '?', '$']).next().unwrap_or_default();
    IAM_PATHS
        .iter()
        .any(|path| name.starts_with(path) || (fixed.len() < name.len() && path.starts_with(fixed)))
}

/// Access points, jobs and the like are regional resources of S3; buckets and objects are not.
fn is_regional_s3(name: &str) -> bool {
    ["accesspoint/", "job/", "storage-lens", "async-request/", "access-grants/", "*"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}
