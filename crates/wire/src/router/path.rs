//! Paths without empty and dot segments, as signatures cover them.
//!
//! Invariant: two paths with one signature lead to one operation with the same labels.

use std::borrow::Cow;

/// The path without empty and dot segments (RFC 3986, section 5.2.4); a slash at its end stays. Escapes stay as they
/// are: `%2F` divides nothing and `%2E%2E` leads nowhere.
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
pub fn normalised(path: &str) -> Cow<'_, str> {
    if path.starts_with('/') && !path.contains("//") && !path.contains("/.") {
        return Cow::Borrowed(path);
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            other => segments.push(other),
        }
    }
    let mut whole = String::with_capacity(path.len() + 1);
    for segment in &segments {
        whole.push('/');
        whole.push_str(segment);
    }
    if segments.is_empty() || path.ends_with('/') {
        whole.push('/');
    }
    Cow::Owned(whole)
}

#[cfg(test)]
mod tests {
    use super::normalised;

    fn check(path: &str, expected: &str) {
        assert_eq!(normalised(path), expected, "{path}");
        assert_eq!(normalised(expected), expected, "{path} twice");
    }

    #[test]
    fn empty_and_dot_segments_go_and_escapes_stay() {
        for (path, expected) in [
            ("", "/"),
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/b/", "/a/b/"),
            ("//a///b", "/a/b"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/b/..", "/a"),
            ("/../../a", "/a"),
            ("/..", "/"),
            ("/a/%2e%2E/b", "/a/%2e%2E/b"),
            ("/a%2Fb", "/a%2Fb"),
            ("/.hidden/...", "/.hidden/..."),
        ] {
            check(path, expected);
        }
    }
}
