//! The pattern of an ARN operator: six fields, each matched alone, so that a `*` does not cross a colon.
//!
//! AWS: "Each of the six colon-delimited components of the ARN is checked separately"
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN>).

use crate::pattern::{Case, Pattern, Syntax, Variables};

/// Six compiled fields, or the lone `*` that stands for every ARN.
#[derive(Debug, Clone)]
pub(crate) enum ArnPattern {
    Any,
    Fields(Box<[Pattern; 6]>),
    /// Not in ARN form: matches nothing.
    Malformed,
}

impl ArnPattern {
    /// Compiles a text; what does not have six fields matches nothing.
    pub(crate) fn compile(source: &str, variables: bool) -> ArnPattern {
        if source == "*" {
            return ArnPattern::Any;
        }
        let syntax = Syntax { wildcards: true, variables };
        let fields =
            fields(source, variables).map(|fields| fields.map(|field| Pattern::compile(field, syntax)));
        fields.map_or(ArnPattern::Malformed, |fields| ArnPattern::Fields(Box::new(fields)))
    }

    /// The first variable of this pattern that has neither a value nor a default.
    pub(crate) fn unresolved<'a>(&'a self, values: &dyn Variables) -> Option<&'a str> {
        match self {
            ArnPattern::Any | ArnPattern::Malformed => None,
            ArnPattern::Fields(patterns) => patterns.iter().find_map(|pattern| pattern.unresolved(values)),
        }
    }

    /// Whether `arn` has six fields and each matches.
    pub(crate) fn matches(&self, arn: &str, values: &dyn Variables) -> bool {
        match self {
            ArnPattern::Any => true,
            ArnPattern::Malformed => false,
            ArnPattern::Fields(patterns) => {
                let mut parts = arn.splitn(6, ':');
                patterns.iter().all(|pattern| {
                    parts.next().is_some_and(|part| pattern.matches(part, Case::Sensitive, values))
                })
            }
        }
    }
}

/// Splits at the first five colons that are not inside a variable such as `${aws:username}`.
fn fields(source: &str, variables: bool) -> Option<[&str; 6]> {
    let mut out = [""; 6];
    let (mut field, mut start, mut inside) = (0, 0, false);
    for (at, c) in source.char_indices() {
        match c {
            '{' if variables && source.get(..at).is_some_and(|before| before.ends_with('$')) => inside = true,
            '}' => inside = false,
            ':' if !inside && field < 5 => {
                *out.get_mut(field)? = source.get(start..at)?;
                field += 1;
                start = at + 1;
            }
            _ => {}
        }
    }
    *out.get_mut(5)? = source.get(start..)?;
    (field == 5).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::ArnPattern;
    use crate::pattern::Variables;

    struct Known;
    impl Variables for Known {
        fn variable(&self, key: &str) -> Option<&str> {
            (key == "aws:username").then_some("alice")
        }
    }

    #[test]
    fn a_star_stays_in_its_field() {
        // from: docs, the ARN operators' example.
        let pattern = ArnPattern::compile("arn:aws:someservice:*:111122223333:finance/*", true);
        assert!(pattern.matches("arn:aws:someservice:us-east-2:111122223333:finance/document.txt", &Known));
        assert!(!pattern.matches(
            "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt",
            &Known
        ));
    }

    #[test]
    fn the_last_field_keeps_its_colons_and_variables() {
        let pattern = ArnPattern::compile("arn:aws:logs:*:*:group:${aws:username}:*", true);
        assert!(pattern.matches("arn:aws:logs:r:1:group:alice:x", &Known));
        assert!(!pattern.matches("arn:aws:logs:r:1:group:bob:x", &Known));
        assert!(!ArnPattern::compile("arn:aws:s3", true).matches("arn:aws:s3:::b", &Known));
        assert!(ArnPattern::compile("*", true).matches("arn:aws:s3:::b", &Known));
    }
}
