//! How a bucket is shown as a website.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html>

use serde::{Deserialize, Serialize};

/// A website's configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Website {
    /// What stands behind a path that ends in a slash.
    pub index: Option<String>,
    /// The key of the document that is shown for errors.
    pub error: Option<String>,
    /// Host and protocol to which everything is sent.
    pub redirect_all: Option<(String, Option<String>)>,
    pub rules: Vec<RoutingRule>,
}

/// A rule by which requests are sent elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoutingRule {
    /// Whether the rule had a condition at all.
    pub prefix: Option<String>,
    /// The status, in digits, that must have come out.
    pub error_code: Option<String>,
    pub host: Option<String>,
    pub code: Option<String>,
    pub protocol: Option<String>,
    pub replace_prefix: Option<String>,
    pub replace_key: Option<String>,
}

impl RoutingRule {
    /// Whether the rule is for this key, before (`None`) or after something went wrong with this status.
    pub fn is_for(&self, key: &str, error: Option<u16>) -> bool {
        let code = self.error_code.as_deref().and_then(|code| code.parse().ok());
        code == error && self.prefix.as_deref().is_none_or(|prefix| key.starts_with(prefix))
    }

    /// Status and place that a request for a key is sent to; `protocol` and `host` are those it came by. The key stands in
    /// a URL as `encode` writes it.
    pub fn target(
        &self,
        key: &str,
        protocol: &str,
        host: &str,
        encode: impl Fn(&str) -> String,
    ) -> (u16, String) {
        let key = match (&self.replace_key, &self.replace_prefix) {
            (Some(whole), _) => whole.clone(),
            (None, Some(prefix)) => {
                let rest = key.strip_prefix(self.prefix.as_deref().unwrap_or_default()).unwrap_or(key);
                format!("{prefix}{rest}")
            }
            (None, None) => key.to_owned(),
        };
        let protocol = self.protocol.as_deref().unwrap_or(protocol);
        let host = self.host.as_deref().unwrap_or(host);
        let code = self.code.as_deref().and_then(|code| code.parse().ok()).unwrap_or(301);
        (code, format!("{protocol}://{host}/{}", encode(&key)))
    }
}

#[cfg(test)]
mod tests {
    use super::RoutingRule;

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn rules_send_elsewhere() {
        let check = |rule: &RoutingRule, key: &str, expected: (u16, &str)| {
            let (code, place) = rule.target(key, "http", "here:1", |key| key.replace(' ', "%20"));
            assert_eq!((code, place.as_str()), expected, "{rule:?}");
        };
        let rule = RoutingRule {
            prefix: text("docs/"),
            replace_prefix: text("documents/"),
            ..RoutingRule::default()
        };
        assert!(
            rule.is_for("docs/a", None) && !rule.is_for("docs", None) && !rule.is_for("docs/a", Some(404))
        );
        check(&rule, "docs/a b", (301, "http://here:1/documents/a%20b"));
        let rule = RoutingRule {
            error_code: text("404"),
            host: text("api.example"),
            protocol: text("https"),
            code: text("307"),
            replace_prefix: text("resize?key="),
            ..RoutingRule::default()
        };
        assert!(rule.is_for("a", Some(404)) && !rule.is_for("a", Some(403)) && !rule.is_for("a", None));
        check(&rule, "300/a.png", (307, "https://api.example/resize?key=300/a.png"));
        let rule = RoutingRule { replace_key: text("error.html"), ..RoutingRule::default() };
        check(&rule, "any", (301, "http://here:1/error.html"));
    }
}
