//! Claims of single OpenID Connect providers that trust policies may name besides `aud`, `sub` and `amr`.
//! AWS: the Service Authorization Reference's keys of sts:AssumeRoleWithWebIdentity (`reference/services/sts.txt`), and
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html>. None of them stays
//! with the session.

use crate::jwt::Token;
use serde_json::Value;

const GITHUB: &[&str] = &[
    "actor",
    "actor_id",
    "enterprise_id",
    "environment",
    "job_workflow_ref",
    "ref",
    "repository",
    "repository_id",
    "repository_owner_id",
    "workflow",
];
const GITLAB: &[&str] = &[
    "namespace_id",
    "pipeline_source",
    "project_id",
    "ref_protected",
    "runner_environment",
    "user_access_level",
    "user_email",
    "user_id",
    "user_login",
];
const BUILDKITE: &[&str] = &[
    "build_branch",
    "cluster_id",
    "cluster_name",
    "organization_id",
    "organization_slug",
    "pipeline_id",
    "pipeline_slug",
];

/// Providers: how the URL (without its scheme) begins, how its host ends, and the claims.
const PROVIDERS: [(&str, &str, &[&str]); 10] = [
    ("token.actions.githubusercontent.com", "", GITHUB),
    ("token.actions.", ".ghe.com", GITHUB),
    ("github.com/enterprises/", "", GITHUB),
    ("gitlab.com", "", GITLAB),
    ("agent.buildkite.com", "", BUILDKITE),
    ("agent.", ".buildkite.dev", BUILDKITE),
    ("agent.", ".buildkite.site", BUILDKITE),
    ("accounts.google.com", "", &["google/organization_number"]),
    ("oidc.circleci.com/org/", "", &["oidc.circleci.com/project-id"]),
    ("idcs-", ".identity.oraclecloud.com", &["rpst_id"]),
];

/// The condition keys (`URL:claim`) that a token of the provider at this URL brings.
pub(crate) fn keys(url: &str, token: &Token) -> Vec<(String, Vec<String>)> {
    let claims =
        PROVIDERS.iter().filter(|(start, end, _)| is_of(url, start, end)).flat_map(|(_, _, claims)| *claims);
    let value = |claim: &str| token.claim(claim).map(values).filter(|values| !values.is_empty());
    claims.filter_map(|claim| Some((format!("{url}:{claim}"), value(claim)?))).collect()
}

fn is_of(url: &str, start: &str, end: &str) -> bool {
    let Some(rest) = url.strip_prefix(start) else { return false };
    match (end, start.ends_with('/')) {
        ("", true) => !rest.is_empty(),
        ("", false) => rest.is_empty() || rest.starts_with('/'),
        // What stands between is one label of the host.
        (end, _) => rest
            .split('/')
            .next()
            .and_then(|host| host.strip_suffix(end))
            .is_some_and(|label| !label.is_empty() && !label.contains('.')),
    }
}

/// Texts as they are; numbers and truth values as they are written.
fn values(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Number(_) | Value::Bool(_) => vec![value.to_string()],
        Value::Array(list) => {
            list.iter().flat_map(|one| if one.is_array() { Vec::new() } else { values(one) }).collect()
        }
        Value::Null | Value::Object(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::is_of;

    #[test]
    fn which_provider_an_url_is() {
        for (url, start, end, expected) in [
            ("gitlab.com", "gitlab.com", "", true),
            ("gitlab.com/x", "gitlab.com", "", true),
            ("gitlab.com.evil.example", "gitlab.com", "", false),
            ("token.actions.corp.ghe.com", "token.actions.", ".ghe.com", true),
            ("token.actions.corp.ghe.com/x", "token.actions.", ".ghe.com", true),
            ("token.actions.evil.example/.ghe.com", "token.actions.", ".ghe.com", false),
            ("token.actions.evil.example.ghe.com", "token.actions.", ".ghe.com", false),
            ("oidc.circleci.com/org/1", "oidc.circleci.com/org/", "", true),
            ("oidc.circleci.com/org/", "oidc.circleci.com/org/", "", false),
        ] {
            assert_eq!(is_of(url, start, end), expected, "{url}");
        }
    }
}
