//! Rules by which a bucket lets the pages of other origins read its answers, and the pure matching of requests to them.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html>

use serde::{Deserialize, Serialize};

/// One rule; the first that fits a request decides.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CorsRule {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    pub origins: Vec<String>,
    pub methods: Vec<String>,
    #[serde(default)]
    pub headers: Vec<String>,
    #[serde(default)]
    pub exposed: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age_s: Option<i32>,
}

/// Whether `text` is what `pattern`, with one `*` at most, stands for.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, end)) => {
            text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
        }
    }
}

impl CorsRule {
    /// Whether the rule is for a request of this origin and method with these headers, in lower case.
    pub fn is_for(&self, origin: &str, method: &str, headers: &[String]) -> bool {
        let allowed =
            |header: &String| self.headers.iter().any(|pattern| fits(&pattern.to_ascii_lowercase(), header));
        self.methods.iter().any(|one| one == method)
            && self.origins.iter().any(|pattern| fits(pattern, origin))
            && headers.iter().all(allowed)
    }

    /// What `Access-Control-Allow-Origin` says to an origin that fits: `*` only where the rule says no more.
    pub fn allowed_origin<'a>(&'a self, origin: &'a str) -> &'a str {
        let first = self.origins.iter().find(|pattern| fits(pattern, origin));
        if first.is_some_and(|pattern| pattern == "*") { "*" } else { origin }
    }
}

#[cfg(test)]
mod tests {
    use super::CorsRule;

    #[test]
    fn the_first_rule_that_fits_decides() {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let check = |origins: &[&str], headers: &[&str], origin, method, asked: &[&str], expected: bool| {
            let rule = CorsRule {
                origins: list(origins),
                methods: list(&["GET", "PUT"]),
                headers: list(headers),
                ..CorsRule::default()
            };
            assert_eq!(rule.is_for(origin, method, &list(asked)), expected, "{origins:?} {origin} {asked:?}");
        };
        check(&["http://a.example"], &[], "http://a.example", "GET", &[], true);
        check(&["http://a.example"], &[], "http://b.example", "GET", &[], false);
        check(&["http://a.example"], &[], "http://a.example", "DELETE", &[], false);
        check(&["http://*.example"], &[], "http://a.example", "PUT", &[], true);
        check(&["http://*.example"], &[], "https://a.example", "PUT", &[], false);
        check(&["*"], &["X-Amz-*"], "null", "PUT", &["x-amz-date"], true);
        check(&["*"], &["X-Amz-*"], "null", "PUT", &["x-amz-date", "authorization"], false);
        check(&["*"], &["*"], "null", "PUT", &["anything"], true);
        check(&["http://ab*ba"], &[], "http://aba", "GET", &[], false);
    }
}
