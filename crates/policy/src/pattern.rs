//! Texts with wildcards (`*`, `?`) and policy variables (`${aws:username}`), compiled once and matched without
//! allocating.
//!
//! Matching is never exponential: each run between two `*` is placed once, at its leftmost position.

/// Where the values of policy variables come from.
pub(crate) trait Variables {
    /// The single value of the lower-cased condition key; `None` when it is absent or has several values.
    fn variable(&self, key: &str) -> Option<&str>;
}

/// Which parts of the language a text may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Syntax {
    /// `*` and `?` are wildcards (else they stand for themselves).
    pub wildcards: bool,
    /// `${…}` is a variable: only in policies of version 2012-10-17.
    pub variables: bool,
}

/// Whether letters of different case are the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Case {
    /// They are not.
    Sensitive,
    /// They are, beyond ASCII too.
    Insensitive,
}

/// Whether the whole of `text` has the form of `pattern`, in which `*` is any text, an empty one too, and `?` any one
/// character. Behind `escape`, where there is such a character, the next one stands for itself; at the end it is itself.
///
/// The one matcher of patterns that are no policies' own: actions and names in IAM's and S3's checks, filters of EC2.
pub fn matches(pattern: &str, text: &str, case: Case, escape: Option<char>) -> bool {
    let tokens = tokens(pattern, escape);
    glob(tokens.len(), |index| literal(tokens.get(index)), text, case)
}

fn tokens(pattern: &str, escape: Option<char>) -> Vec<Token> {
    let Some(escape) = escape else { return tokenize(pattern, Syntax { wildcards: true, variables: false }) };
    let (mut tokens, mut text, mut rest) = (Vec::new(), String::new(), pattern.chars());
    while let Some(c) = rest.next() {
        let wildcard = match c {
            '*' => Token::Many,
            '?' => Token::One,
            c => {
                text.push(if c == escape { rest.next().unwrap_or(c) } else { c });
                continue;
            }
        };
        if !text.is_empty() {
            tokens.push(Token::Text(std::mem::take(&mut text).into()));
        }
        tokens.push(wildcard);
    }
    if !text.is_empty() {
        tokens.push(Token::Text(text.into()));
    }
    tokens
}

/// A compiled text of a policy.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    source: Box<str>,
    matcher: Matcher,
}

#[derive(Debug, Clone)]
enum Matcher {
    Any,
    Exact(Box<str>),
    Prefix(Box<str>),
    Tokens { tokens: Box<[Token]>, variables: bool },
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Text(Box<str>),
    One,
    Many,
    Variable { key: Box<str>, default: Option<Box<str>> },
}

/// A token whose variable is replaced by its value.
#[derive(Clone, Copy, PartialEq)]
enum Piece<'a> {
    Text(&'a str),
    One,
    Many,
}

/// How many tokens are resolved on the stack; longer patterns with variables use the heap.
const INLINE_PIECES: usize = 16;

impl Pattern {
    /// Compiles a text. Never fails: what is not a wildcard or a well-formed variable stands for itself.
    pub(crate) fn compile(source: &str, syntax: Syntax) -> Pattern {
        let tokens = tokenize(source, syntax);
        let matcher = match tokens.as_slice() {
            [] => Matcher::Exact("".into()),
            [Token::Many] => Matcher::Any,
            [Token::Text(text)] => Matcher::Exact(text.clone()),
            [Token::Text(text), Token::Many] => Matcher::Prefix(text.clone()),
            _ => {
                let variables = tokens.iter().any(|token| matches!(token, Token::Variable { .. }));
                Matcher::Tokens { tokens: tokens.into(), variables }
            }
        };
        Pattern { source: source.into(), matcher }
    }

    /// The text as it was written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Whether the whole of `text` matches. A pattern with an unresolved variable matches nothing.
    pub(crate) fn matches(&self, text: &str, case: Case, values: &dyn Variables) -> bool {
        match &self.matcher {
            Matcher::Any => true,
            Matcher::Exact(exact) => match case {
                Case::Sensitive => text == &**exact,
                Case::Insensitive => strip_front(exact, text, case) == Some(""),
            },
            Matcher::Prefix(prefix) => strip_front(prefix, text, case).is_some(),
            Matcher::Tokens { tokens, variables: false } => {
                glob(tokens.len(), |index| literal(tokens.get(index)), text, case)
            }
            Matcher::Tokens { tokens, variables: true } => matches_resolved(tokens, text, case, values),
        }
    }

    /// The first variable of this pattern that has neither a value nor a default.
    pub(crate) fn unresolved<'a>(&'a self, values: &dyn Variables) -> Option<&'a str> {
        let Matcher::Tokens { tokens, variables: true } = &self.matcher else { return None };
        tokens.iter().find_map(|token| match token {
            Token::Variable { key, default: None } if values.variable(key).is_none() => Some(&**key),
            _ => None,
        })
    }
}

fn literal(token: Option<&Token>) -> Piece<'_> {
    match token {
        Some(Token::Text(text)) => Piece::Text(text),
        Some(Token::One) => Piece::One,
        // A variable cannot occur here: the caller took the branch without variables.
        Some(Token::Many | Token::Variable { .. }) | None => Piece::Many,
    }
}

fn matches_resolved(tokens: &[Token], text: &str, case: Case, values: &dyn Variables) -> bool {
    let mut inline = [Piece::Many; INLINE_PIECES];
    let mut heap = Vec::new();
    let pieces = match inline.get_mut(..tokens.len()) {
        Some(slots) => slots,
        None => {
            heap.resize(tokens.len(), Piece::Many);
            heap.as_mut_slice()
        }
    };
    for (slot, token) in pieces.iter_mut().zip(tokens) {
        *slot = match token {
            Token::Text(text) => Piece::Text(text),
            Token::One => Piece::One,
            Token::Many => Piece::Many,
            // The value's own `*` and `?` stand for themselves.
            Token::Variable { key, default } => match values.variable(key).or(default.as_deref()) {
                Some(value) => Piece::Text(value),
                None => return false,
            },
        };
    }
    let pieces = &*pieces;
    glob(pieces.len(), |index| pieces.get(index).copied().unwrap_or(Piece::Many), text, case)
}

/// Matches the ends first, then places each run between two `*` at its leftmost position.
fn glob<'a>(len: usize, piece: impl Fn(usize) -> Piece<'a>, text: &str, case: Case) -> bool {
    let (mut start, mut end, mut rest) = (0, len, text);
    while start < end && piece(start) != Piece::Many {
        let Some(left) = take_front(piece(start), rest, case) else { return false };
        rest = left;
        start += 1;
    }
    if start == end {
        return rest.is_empty();
    }
    while piece(end - 1) != Piece::Many {
        let Some(left) = take_back(piece(end - 1), rest, case) else { return false };
        rest = left;
        end -= 1;
    }
    while start < end {
        let stop = (start..end).find(|index| piece(*index) == Piece::Many).unwrap_or(end);
        if start < stop {
            match place(start..stop, &piece, rest, case) {
                Some(left) => rest = left,
                None => return false,
            }
        }
        start = stop + 1;
    }
    true
}

/// Finds the leftmost place of a run of pieces without `*`; gives the text behind it.
fn place<'t, 'a>(
    run: std::ops::Range<usize>,
    piece: &impl Fn(usize) -> Piece<'a>,
    text: &'t str,
    case: Case,
) -> Option<&'t str> {
    if let (1, Piece::Text(wanted), Case::Sensitive) = (run.len(), piece(run.start), case) {
        return text.find(wanted).and_then(|at| text.get(at + wanted.len()..));
    }
    let mut from = text;
    loop {
        if let Some(left) = run.clone().try_fold(from, |rest, index| take_front(piece(index), rest, case)) {
            return Some(left);
        }
        let mut chars = from.chars();
        chars.next()?;
        from = chars.as_str();
    }
}

fn take_front<'t>(piece: Piece<'_>, text: &'t str, case: Case) -> Option<&'t str> {
    match piece {
        Piece::Text(wanted) => strip_front(wanted, text, case),
        Piece::One => {
            let mut chars = text.chars();
            chars.next().map(|_| chars.as_str())
        }
        Piece::Many => Some(text),
    }
}

fn take_back<'t>(piece: Piece<'_>, text: &'t str, case: Case) -> Option<&'t str> {
    match piece {
        Piece::Text(wanted) if case == Case::Sensitive => text.strip_suffix(wanted),
        Piece::Text(wanted) => {
            let mut chars = text.chars();
            wanted
                .chars()
                .rev()
                .all(|want| chars.next_back().is_some_and(|c| same(want, c)))
                .then_some(chars.as_str())
        }
        Piece::One => {
            let mut chars = text.chars();
            chars.next_back().map(|_| chars.as_str())
        }
        Piece::Many => Some(text),
    }
}

fn strip_front<'t>(wanted: &str, text: &'t str, case: Case) -> Option<&'t str> {
    if case == Case::Sensitive {
        return text.strip_prefix(wanted);
    }
    // Actions are ASCII and are looked at most often; a difference beyond ASCII takes the slow way.
    let mut bytes = wanted.bytes().zip(text.bytes());
    match bytes.find(|(want, got)| !want.eq_ignore_ascii_case(got)) {
        Some((want, got)) if want.is_ascii() && got.is_ascii() => return None,
        Some(_) => {}
        None => return text.get(wanted.len()..),
    }
    let mut chars = text.chars();
    wanted.chars().all(|want| chars.next().is_some_and(|c| same(want, c))).then_some(chars.as_str())
}

fn same(a: char, b: char) -> bool {
    if a.is_ascii() && b.is_ascii() {
        a.eq_ignore_ascii_case(&b)
    } else {
        a == b || a.to_lowercase().eq(b.to_lowercase())
    }
}

fn tokenize(source: &str, syntax: Syntax) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut text = String::new();
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let special = match c {
            '$' if syntax.variables => variable(rest),
            '*' if syntax.wildcards => Some((Token::Many, 1)),
            '?' if syntax.wildcards => Some((Token::One, 1)),
            _ => None,
        };
        let used = match special {
            Some((Token::Text(literal), used)) => {
                text.push_str(&literal);
                used
            }
            Some((token, used)) => {
                if !text.is_empty() {
                    tokens.push(Token::Text(std::mem::take(&mut text).into()));
                }
                // Two `*` in a row mean the same as one.
                if token != Token::Many || tokens.last() != Some(&Token::Many) {
                    tokens.push(token);
                }
                used
            }
            None => {
                text.push(c);
                c.len_utf8()
            }
        };
        rest = rest.get(used..).unwrap_or("");
    }
    if !text.is_empty() {
        tokens.push(Token::Text(text.into()));
    }
    tokens
}

/// Reads `${key}`, `${key, 'default'}` or one of the literals `${*}`, `${?}`, `${$}` at the start of `text`;
/// gives the token and its length in bytes.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>
fn variable(text: &str) -> Option<(Token, usize)> {
    let body = text.strip_prefix("${")?;
    let end = closing_brace(body)?;
    let inner = body.get(..end)?;
    let used = end + 3;
    if matches!(inner, "*" | "?" | "$") {
        return Some((Token::Text(inner.into()), used));
    }
    // AWS: the variable and its default are separated by "a comma and space"; else it is one name without a value.
    let (key, default) = match inner.split_once(", ") {
        None => (inner, None),
        Some((key, default)) => {
            let default = default.trim().strip_prefix('\'')?.strip_suffix('\'')?;
            (key, Some(default.into()))
        }
    };
    let key = key.trim();
    if key.is_empty() || key.contains(['$', '{', '}']) {
        return None;
    }
    Some((Token::Variable { key: key.to_lowercase().into(), default }, used))
}

/// Where the variable's `}` is: behind a default in quotes, which may hold a brace itself.
fn closing_brace(body: &str) -> Option<usize> {
    let mut quoted = false;
    for (at, c) in body.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '}' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Case, Pattern, Syntax, Variables, matches};
    use proptest::prelude::*;

    struct Known;
    impl Variables for Known {
        fn variable(&self, key: &str) -> Option<&str> {
            match key {
                "aws:username" => Some("al*ce"),
                "aws:principaltag/team" => Some("blue"),
                _ => None,
            }
        }
    }

    fn check(pattern: &str, text: &str) -> bool {
        Pattern::compile(pattern, Syntax { wildcards: true, variables: true }).matches(
            text,
            Case::Sensitive,
            &Known,
        )
    }

    #[test]
    fn wildcards() {
        for (pattern, yes, no) in [
            ("*", "anything:at/all", "\u{0}never"),
            ("abc", "abc", "abcd"),
            ("abc*", "abc:d/e", "ab"),
            ("*abc", "xxabc", "abcx"),
            ("a*b*c", "a--b--c", "acb"),
            ("a?c", "aéc", "ac"),
            ("a?c", "abc", "abbc"),
            ("*a*a", "aa", "a"),
            ("a*a", "aa", "a"),
            ("arn:aws:s3:::*/x/?", "arn:aws:s3:::b/c/x/1", "arn:aws:s3:::b/x/"),
        ] {
            assert!(check(pattern, yes), "{pattern} {yes}");
            assert!(pattern == "*" || !check(pattern, no), "{pattern} {no}");
        }
    }

    #[test]
    fn patterns_without_a_policy() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("Get*", "GetObject", true),
            ("get*", "GetObject", false),
            ("a*c*e", "abcde", true),
            ("a*c*e", "abcd", false),
            ("a?c", "ac", false),
            ("?", "é", true),
            ("*ab", "aaab", true),
            ("**a", "bba", true),
            ("ab*ba", "aba", false),
            ("${aws:username}", "${aws:username}", true),
            ("a\\*", "a\\bc", true),
        ] {
            assert_eq!(matches(pattern, text, Case::Sensitive, None), expected, "{pattern} {text}");
        }
        for (pattern, text, expected) in [
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("a\\?*", "a?b", true),
            ("a\\?*", "abb", false),
            ("\\\\*", "\\x", true),
            ("a\\", "a\\", true),
            ("**\\a", "bba", true),
            ("A*", "ab", false),
        ] {
            assert_eq!(matches(pattern, text, Case::Sensitive, Some('\\')), expected, "{pattern} {text}");
        }
        for (pattern, text, expected) in [
            ("G?tO*t", "getobject", true),
            ("s*:l*t", "sqs:List", true),
            ("É*", "éa", true),
            ("a*b", "aBx", false),
        ] {
            assert_eq!(matches(pattern, text, Case::Insensitive, None), expected, "{pattern} {text}");
        }
        assert!(!matches(&"*a".repeat(60), &"b".repeat(4_000), Case::Sensitive, None));
    }

    #[test]
    fn variables() {
        for (pattern, yes, no) in [
            ("home/${aws:username}/*", "home/al*ce/x", "home/alice/x"),
            ("${AWS:UserName}", "al*ce", "${AWS:UserName}"),
            ("${aws:PrincipalTag/team}-${aws:x, 'n/a'}", "blue-n/a", "blue-"),
            ("${aws:x, 'a}b'}", "a}b", "a"),
            ("a${*}b${?}c${$}", "a*b?c$", "axbxcx"),
            ("$x${}", "$x${}", "x"),
        ] {
            assert!(check(pattern, yes), "{pattern} {yes}");
            assert!(!check(pattern, no), "{pattern} {no}");
        }
        let literal = Pattern::compile("${aws:username}", Syntax { wildcards: true, variables: false });
        assert!(literal.matches("${aws:username}", Case::Sensitive, &Known));
    }

    #[test]
    fn case_folds_across_the_border_of_ascii() {
        let syntax = Syntax { wildcards: true, variables: false };
        for (pattern, text) in
            [("\u{212a}", "k"), ("k*", "\u{212a}x"), ("*É", "xé"), ("S3:Get*", "s3:GETOBJECT")]
        {
            assert!(
                Pattern::compile(pattern, syntax).matches(text, Case::Insensitive, &Known),
                "{pattern} {text}"
            );
            assert!(
                !Pattern::compile(pattern, syntax).matches(text, Case::Sensitive, &Known),
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn an_unresolved_variable_matches_nothing() {
        assert!(!check("x${aws:missing}", "x"));
        assert!(!check("*${aws:missing}*", "x${aws:missing}"));
        let pattern = Pattern::compile("x${aws:Missing}", Syntax { wildcards: true, variables: true });
        assert_eq!(pattern.unresolved(&Known), Some("aws:missing"));
    }

    #[test]
    fn hostile_patterns_end_soon() {
        let pattern = "*a".repeat(3_000) + "b";
        assert!(!check(&pattern, &"a".repeat(6_000)));
        let pattern = "*".to_owned() + &"a?".repeat(1_500) + "b*";
        assert!(!check(&pattern, &"a".repeat(3_000)));
    }

    fn slow(pattern: &[char], text: &[char]) -> bool {
        slow_with(pattern, text, |want, got| want == got)
    }

    fn slow_with(pattern: &[char], text: &[char], same: fn(char, char) -> bool) -> bool {
        let slow = |pattern: &[char], text: &[char]| slow_with(pattern, text, same);
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some(('*', more)), _) => {
                slow(more, text) || text.split_first().is_some_and(|(_, left)| slow(pattern, left))
            }
            (Some(('?', more)), Some((_, left))) => slow(more, left),
            (Some((want, more)), Some((got, left))) => same(*want, *got) && slow(more, left),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn the_matcher_equals_a_slow_reference(pattern in "[ab?*é]{0,9}", text in "[abé]{0,12}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(check(&pattern, &text), slow(&p, &t));
            let upper = Pattern::compile(&pattern, Syntax { wildcards: true, variables: false });
            prop_assert_eq!(upper.matches(&text.to_uppercase(), Case::Insensitive, &Known), slow(&p, &t));
        }

        #[test]
        fn letters_have_no_case_beyond_ascii_either(pattern in "[aK?*éß\u{212a}]{0,7}", text in "[AkÉß\u{212a}]{0,9}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            let compiled = Pattern::compile(&pattern, Syntax { wildcards: true, variables: false });
            let same = |a: char, b: char| a.to_lowercase().eq(b.to_lowercase());
            prop_assert_eq!(compiled.matches(&text, Case::Insensitive, &Known), slow_with(&p, &t, same));
        }

        #[test]
        fn variables_match_as_their_values_would(before in "[ab*?]{0,4}", after in "[ab*?]{0,4}", text in "[ab]{0,3}(blue|al\\*ce|x)[ab]{0,3}") {
            for (variable, value) in [("${aws:PrincipalTag/team}", "blue"), ("${AWS:username}", "al*ce"), ("${a:b, 'x'}", "x")] {
                let quoted: Vec<char> = value.chars().map(|c| if c == '*' { '\u{1}' } else { c }).collect();
                let pattern: Vec<char> = before.chars().chain(quoted).chain(after.chars()).collect();
                let plain: Vec<char> = text.replace('*', "\u{1}").chars().collect();
                let expected = slow(&pattern, &plain);
                prop_assert_eq!(check(&format!("{before}{variable}{after}"), &text), expected);
            }
        }

        #[test]
        fn compiling_never_panics(pattern in any::<String>(), text in any::<String>()) {
            check(&pattern, &text);
            check(&format!("${{{pattern}"), &text);
            check(&format!("*${{{pattern}}}?"), &text);
        }
    }
}
