//! Texts with variables, as AWS writes ARNs and condition keys: `arn:${Partition}:iam::${Account}:role/${RoleName}`,
//! `s3:RequestObjectTag/<key>`.

/// A text with variables.
pub(crate) struct Pattern<'a>(pub(crate) &'a str);

impl Pattern<'_> {
    /// Whether an ARN fits: fields one by one, so that no variable of partition, region or account takes more than its
    /// own. A `*` in AWS's pattern and a variable stand for at least one character.
    pub(crate) fn covers_arn(&self, arn: &str) -> bool {
        let mut wanted = self.0.splitn(6, ':');
        let mut given = arn.splitn(6, ':');
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return true,
                (Some(wanted), Some(given)) if covers(wanted, given) => {}
                _ => return false,
            }
        }
    }

    /// Whether a condition key fits, in any case.
    pub(crate) fn covers_key(&self, key: &str) -> bool {
        covers(&self.0.to_ascii_lowercase(), &key.to_ascii_lowercase())
    }
}

/// A piece of a pattern: fixed text, or a variable by its name.
enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

/// The first piece of a pattern, and the rest.
fn first(pattern: &str) -> Option<(Piece<'_>, &str)> {
    for (open, close) in [("${", '}'), ("<", '>'), ("*", '*')] {
        let Some(rest) = pattern.strip_prefix(open) else { continue };
        // A lone star is a variable without a name.
        let (name, rest) = if open == "*" { ("", rest) } else { rest.split_once(close)? };
        return Some((Piece::Variable(name), rest));
    }
    let end = ["${", "<", "*"].iter().filter_map(|open| pattern.find(open)).min().unwrap_or(pattern.len());
    let (text, rest) = pattern.split_at_checked(end)?;
    (!text.is_empty()).then_some((Piece::Text(text), rest))
}

/// Fixed texts are found at their leftmost place, which is enough where variables take anything: one pass.
fn covers(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    while let Some((piece, rest)) = first(pattern) {
        let left = match (piece, first(rest)) {
            (Piece::Text(fixed), _) => text.strip_prefix(fixed),
            // A bucket's name has no slash: what has one is an object.
            (Piece::Variable("BucketName"), None) => return !text.is_empty() && !text.contains('/'),
            (Piece::Variable(_), None) => return !text.is_empty(),
            (Piece::Variable(_), Some((Piece::Text(last), ""))) => {
                return text.strip_suffix(last).is_some_and(|head| !head.is_empty());
            }
            (Piece::Variable(_), Some((Piece::Text(fixed), _))) => {
                after_one(text).and_then(|text| text.find(fixed).and_then(|at| text.get(at..)))
            }
            (Piece::Variable(_), Some((Piece::Variable(_), _))) => after_one(text),
        };
        match left {
            Some(left) => (pattern, text) = (rest, left),
            None => return false,
        }
    }
    pattern.is_empty() && text.is_empty()
}

/// A text without its first character.
fn after_one(text: &str) -> Option<&str> {
    let mut characters = text.chars();
    characters.next().map(|_| characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn check(pattern: &str, text: &str, covered: bool) {
        assert_eq!(Pattern(pattern).covers_arn(text), covered, "{pattern} {text}");
    }

    #[test]
    fn arns() {
        const ROLE: &str = "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}";
        check(ROLE, "arn:aws:iam::111122223333:role/a/b", true);
        for other in [
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:user/a",
            "arn:aws:iam:us-east-1:111122223333:role/a",
            "arn:aws:iam:::role/a",
            "role/a",
            "*",
            "",
        ] {
            check(ROLE, other, false);
        }
        const BUCKET: &str = "arn:${Partition}:s3:::${BucketName}";
        check(BUCKET, "arn:aws:s3:::b", true);
        check(BUCKET, "arn:aws:s3:::b/k", false);
        check("arn:${Partition}:s3:::${BucketName}/${ObjectName}", "arn:aws:s3:::b/k/l:m", true);
        check(
            "arn:${Partition}:logs:${Region}:${Account}:log-group:${Name}:log-stream:${Stream}",
            "arn:aws:logs:eu-west-1:111122223333:log-group:/a/b:log-stream:é",
            true,
        );
    }

    #[test]
    fn keys() {
        for (pattern, key, covered) in [
            ("aws:RequestTag/${TagKey}", "aws:requesttag/Team", true),
            ("aws:RequestTag/${TagKey}", "aws:RequestTag/", false),
            ("s3:RequestObjectTag/<key>", "s3:RequestObjectTag/a/b", true),
            ("aws:TagKeys", "AWS:tagkeys", true),
            ("aws:TagKeys", "aws:TagKeysX", false),
        ] {
            assert_eq!(Pattern(pattern).covers_key(key), covered, "{pattern} {key}");
        }
    }
}
