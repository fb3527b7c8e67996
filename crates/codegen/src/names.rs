//! Rust names for AWS names.

/// `QueueUrl` -> `queue_url`, `KMSKeyId` -> `kms_key_id`; keywords become raw identifiers.
pub fn field(name: &str) -> String {
    let snake = snake(name);
    match snake.as_str() {
        "self" | "crate" | "super" => format!("{snake}_"),
        _ if KEYWORDS.contains(&snake.as_str()) => format!("r#{snake}"),
        _ => snake,
    }
}

/// Words split where case changes; what is no letter, digit or underscore becomes an underscore.
pub fn snake(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 8);
    for (at, &c) in chars.iter().enumerate() {
        if c.is_ascii_uppercase() && at > 0 {
            let before = chars[at - 1];
            let after = chars.get(at + 1).copied().unwrap_or('_');
            let ends_acronym = before.is_ascii_uppercase() && after.is_ascii_lowercase();
            // `ARNs`, `IPs`: the plural of an acronym is one word.
            let plural =
                ends_acronym && after == 's' && chars.get(at + 2).is_none_or(|c| !c.is_ascii_lowercase());
            if before.is_ascii_lowercase() || before.is_ascii_digit() || (ends_acronym && !plural) {
                out.push('_');
            }
        }
        out.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    }
    let mut out = out.trim_matches('_').replace("__", "_");
    if out.is_empty() || out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    out
}

/// `__listOfThing` -> `ListOfThing`.
pub fn type_name(name: &str) -> String {
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let mut chars = name.chars();
    match chars.next() {
        Some(first) => first.to_ascii_uppercase().to_string() + chars.as_str(),
        None => "Unnamed".to_owned(),
    }
}

/// `approximate-first` -> `APPROXIMATE_FIRST`.
pub fn constant(value: &str) -> String {
    let name = snake(value).to_ascii_uppercase();
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c != '_' || !out.ends_with('_') {
            out.push(c);
        }
    }
    if out == "_" { "EMPTY".to_owned() } else { out }
}

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

#[cfg(test)]
mod tests {
    use super::{constant, field, type_name};

    #[test]
    fn names_are_rusts() {
        for (aws, rust) in [
            ("QueueUrl", "queue_url"),
            ("KMSKeyId", "kms_key_id"),
            ("MD5OfMessageBody", "md5_of_message_body"),
            ("AWSAccountIds", "aws_account_ids"),
            ("TopicARNs", "topic_arns"),
            ("Type", "r#type"),
            ("Self", "self_"),
            ("x-amz-id", "x_amz_id"),
            ("S", "s"),
            ("NS", "ns"),
            ("2fa", "_2fa"),
        ] {
            assert_eq!(field(aws), rust);
        }
        assert_eq!(type_name("__listOfThing"), "ListOfThing");
        assert_eq!(constant("m4.10xlarge"), "M4_10XLARGE");
        assert_eq!(constant("All"), "ALL");
    }
}
