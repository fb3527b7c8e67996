//! The text of a policy: where its statements stand in it, and which condition keys they name.
//!
//! The text has passed the grammar before it comes here, so it is JSON with one `Statement` member.

use serde_json::Value;
use std::collections::BTreeSet;
use yakumo_api_iam::Position;

/// A statement of a policy's text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Passage {
    pub start: Place,
    pub end: Place,
    /// Condition keys and policy variables as written, each once.
    pub keys: Vec<String>,
    /// Those of them that the statement cannot do without: not variables that have a default.
    pub required: BTreeSet<String>,
}

/// Line and column, both from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub line: i32,
    pub column: i32,
}

impl Place {
    /// As answers show it.
    pub(crate) fn shown(self) -> Position {
        Position { line: Some(self.line), column: Some(self.column) }
    }

    fn of(text: &str, at: usize) -> Place {
        let before = text.get(..at).unwrap_or(text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX).saturating_add(1);
        Place { line: number(line), column: number(column) }
    }
}

/// The statements of a policy's text in their order.
///
/// AWS: a statement begins where the token before it ended: behind the `[` or the statement before it; a statement
/// that stands alone begins behind its own brace
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html#API_SimulatePrincipalPolicy_Examples>).
pub(crate) fn passages(text: &str) -> Vec<Passage> {
    let modern = serde_json::from_str::<Value>(text)
        .is_ok_and(|json| json.get("Version").and_then(Value::as_str) == Some("2012-10-17"));
    spans(text)
        .into_iter()
        .map(|span| {
            let mut names = Names { modern, ..Names::default() };
            if let Ok(json) = serde_json::from_str(text.get(span.brace..span.end).unwrap_or_default()) {
                names.read(&json);
            }
            let (start, end) = (Place::of(text, span.start), Place::of(text, span.end));
            Passage { start, end, keys: names.keys, required: names.required }
        })
        .collect()
}

/// Byte offsets of a statement: where it begins by AWS's count, its opening brace, and behind its closing one.
struct Span {
    start: usize,
    brace: usize,
    end: usize,
}

fn spans(text: &str) -> Vec<Span> {
    let bytes = text.as_bytes();
    let mut spans = Vec::new();
    let Some(value) = statement_value(bytes) else { return spans };
    if bytes.get(value) != Some(&b'[') {
        return vec![Span { start: value + 1, brace: value, end: behind_value(bytes, value) }];
    }
    let mut start = value + 1;
    loop {
        let brace = skip(bytes, start, |byte| byte.is_ascii_whitespace() || byte == b',');
        if bytes.get(brace) != Some(&b'{') {
            return spans;
        }
        let end = behind_value(bytes, brace);
        spans.push(Span { start, brace, end });
        start = end;
    }
}

/// Where the value of the outermost `Statement` begins.
fn statement_value(bytes: &[u8]) -> Option<usize> {
    let space = |at| skip(bytes, at, |byte| byte.is_ascii_whitespace());
    let mut at = space(0);
    while matches!(bytes.get(at)?, b'{' | b',') {
        let name = space(at + 1);
        let behind = behind_value(bytes, name);
        let value = space(skip(bytes, behind, |byte| byte.is_ascii_whitespace() || byte == b':'));
        // A name may be written with escapes, which only a reader of JSON knows.
        let name = std::str::from_utf8(bytes.get(name..behind)?).ok()?;
        if serde_json::from_str::<String>(name).is_ok_and(|name| name == "Statement") {
            return Some(value);
        }
        at = space(behind_value(bytes, value));
    }
    None
}

fn skip(bytes: &[u8], from: usize, what: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    from + rest.iter().position(|byte| !what(*byte)).unwrap_or(rest.len())
}

/// The offset behind the JSON value at `from`.
fn behind_value(bytes: &[u8], from: usize) -> usize {
    let (mut depth, mut inside, mut escaped) = (0usize, false, false);
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            _ if inside => continue,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            b',' if depth == 0 => return at,
            _ => continue,
        }
        if depth == 0 && !inside && matches!(byte, b'"' | b'}' | b']') {
            return at + 1;
        }
    }
    bytes.len()
}

#[derive(Default)]
struct Names {
    modern: bool,
    keys: Vec<String>,
    required: BTreeSet<String>,
}

impl Names {
    fn read(&mut self, statement: &Value) {
        for element in ["Resource", "NotResource"] {
            self.variables(statement.get(element));
        }
        let operators = statement.get("Condition").and_then(Value::as_object);
        for conditions in operators.into_iter().flat_map(|operators| operators.values()) {
            for (key, values) in conditions.as_object().into_iter().flatten() {
                self.add(key, true);
                self.variables(Some(values));
            }
        }
    }

    fn add(&mut self, key: &str, required: bool) {
        if !self.keys.iter().any(|known| known.eq_ignore_ascii_case(key)) {
            self.keys.push(key.to_owned());
        }
        if required {
            self.required.insert(key.to_owned());
        }
    }

    /// The variables in a text or in a list of texts.
    fn variables(&mut self, value: Option<&Value>) {
        if !self.modern {
            return;
        }
        let texts = value.into_iter().flat_map(|value| match value {
            Value::Array(items) => items.as_slice(),
            other => std::slice::from_ref(other),
        });
        for text in texts.filter_map(Value::as_str) {
            for part in text.split("${").skip(1) {
                let Some((variable, _)) = part.split_once('}') else { continue };
                let (name, default) = match variable.split_once(',') {
                    Some((name, _)) => (name.trim(), true),
                    None => (variable, false),
                };
                // `${*}`, `${?}` and `${$}` stand for the characters themselves.
                if !matches!(name, "*" | "?" | "$" | "") {
                    self.add(name, !default);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::passages;

    /// Start and end of each statement as `line:column-line:column`.
    fn check(text: &str, expected: &[&str]) {
        let found = passages(text).into_iter().map(|passage| {
            let (start, end) = (passage.start, passage.end);
            format!("{}:{}-{}:{}", start.line, start.column, end.line, end.column)
        });
        assert_eq!(found.collect::<Vec<_>>(), expected, "{text}");
    }

    #[test]
    fn positions_are_those_that_aws_answers() {
        // from: docs API_SimulatePrincipalPolicy, the first example.
        check(
            "{\n  \"Version\":\"2012-10-17\",\n  \"Statement\":{\n    \"Effect\":\"Allow\",\n    \
             \"Action\":\"s3:PutObject\",\n    \"Resource\":\"arn:aws:s3:::my-test-bucket\"\n  }\n}",
            &["3:16-7:4"],
        );
        // from: docs CLI simulate-principal-policy: the list opens on line 3, column 18.
        check(
            "{\n    \"Version\": \"2012-10-17\",\n    \"Statement\": [\n        {\n            \"Effect\": \"Allow\",\n\
             \n            \"Action\": \"codecommit:ListRepositories\",\n            \"Resource\": \"*\"\n        }\n    ]\n}",
            &["3:19-9:10"],
        );
        let one = r#"{"Effect":"Deny","Action":"ssm:*","Resource":"*"}"#;
        let two = format!(r#"{{"Version":"2012-10-17","Statement":[{one},{one}]}}"#);
        check(&two, &["1:38-1:87", "1:87-1:137"]);
    }

    #[test]
    fn the_text_may_be_written_in_any_way() {
        check(r#"{"Statement":[],"Version":"2012-10-17"}"#, &[]);
        check(r#"{ "Id":"x]}\"{[", "\u0053tatement" : [ {"Sid":"a}"} , {} ] }"#, &["1:39-1:52", "1:52-1:57"]);
        check("{\"Version\":\"2012-10-17\"", &[]);
        check("", &[]);
        check("\"Statement\"", &[]);
    }

    #[test]
    fn keys_are_those_of_conditions_and_variables() {
        let statement = r#"{"Effect":"Allow","Action":"s3:*",
            "Resource":["arn:aws:s3:::b/${aws:username}/*","arn:aws:s3:::${*}/${aws:PrincipalTag/t, 'x'}"],
            "Condition":{"StringEquals":{"aws:SourceVpc":["v","${s3:prefix}"]},"Bool":{"AWS:Username":"x"}}}"#;
        let keys = |version: &str| {
            let text = format!(r#"{{"Version":"{version}","Statement":{statement}}}"#);
            let passage = passages(&text).remove(0);
            (passage.keys.join(" "), passage.required.into_iter().collect::<Vec<_>>().join(" "))
        };
        let (all, required) = keys("2012-10-17");
        assert_eq!(all, "aws:username aws:PrincipalTag/t aws:SourceVpc s3:prefix");
        assert_eq!(required, "AWS:Username aws:SourceVpc aws:username s3:prefix");
        assert_eq!(keys("2008-10-17").0, "AWS:Username aws:SourceVpc");
    }
}
