//! The names of condition operators: set prefix, comparison, negation, `IfExists`.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>

/// How the values of a key with several values are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantifier {
    /// No prefix: as `ForAnyValue`, but negation is taken of the whole.
    Plain,
    /// `ForAllValues:`, true when there are no values.
    ForAll,
    /// `ForAnyValue:`, false when there are no values.
    ForAny,
}

/// What is compared, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Text,
    TextIgnoreCase,
    TextLike,
    Number(Order),
    Date(Order),
    Bool,
    Binary,
    Ip,
    Arn,
    Null,
}

/// The order that a number or a date must stand in to the policy's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    /// Whether `found` stands in this order to `wanted`; what cannot be ordered does not.
    pub(crate) fn holds<T: PartialOrd>(self, found: &T, wanted: &T) -> bool {
        match self {
            Order::Equal => found == wanted,
            Order::Less => found < wanted,
            Order::LessOrEqual => found <= wanted,
            Order::Greater => found > wanted,
            Order::GreaterOrEqual => found >= wanted,
        }
    }
}

/// A parsed operator name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operator {
    pub quantifier: Quantifier,
    pub comparison: Comparison,
    pub negated: bool,
    pub if_exists: bool,
}

impl Operator {
    /// Parses `ForAllValues:StringNotLikeIfExists` and the like, without regard to case.
    pub(crate) fn parse(name: &str) -> Option<Operator> {
        let name = name.to_ascii_lowercase();
        let (quantifier, name) = match name.split_once(':') {
            None => (Quantifier::Plain, name.as_str()),
            Some(("forallvalues", name)) => (Quantifier::ForAll, name),
            Some(("foranyvalue", name)) => (Quantifier::ForAny, name),
            Some(_) => return None,
        };
        let (name, if_exists) = match name.strip_suffix("ifexists") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let (comparison, negated) = comparison(name)?;
        // AWS: "You can add IfExists to the end of any condition operator name except the Null condition".
        let allowed = comparison != Comparison::Null || (!if_exists && quantifier == Quantifier::Plain);
        allowed.then_some(Operator { quantifier, comparison, negated, if_exists })
    }
}

fn comparison(name: &str) -> Option<(Comparison, bool)> {
    Some(match name {
        "stringequals" => (Comparison::Text, false),
        "stringnotequals" => (Comparison::Text, true),
        "stringequalsignorecase" => (Comparison::TextIgnoreCase, false),
        "stringnotequalsignorecase" => (Comparison::TextIgnoreCase, true),
        "stringlike" => (Comparison::TextLike, false),
        "stringnotlike" => (Comparison::TextLike, true),
        "bool" => (Comparison::Bool, false),
        "binaryequals" => (Comparison::Binary, false),
        "ipaddress" => (Comparison::Ip, false),
        "notipaddress" => (Comparison::Ip, true),
        "arnequals" | "arnlike" => (Comparison::Arn, false),
        "arnnotequals" | "arnnotlike" => (Comparison::Arn, true),
        "null" => (Comparison::Null, false),
        _ => return ordered(name),
    })
}

fn ordered(name: &str) -> Option<(Comparison, bool)> {
    let (make, order): (fn(Order) -> Comparison, &str) = match name.strip_prefix("numeric") {
        Some(order) => (Comparison::Number, order),
        None => (Comparison::Date, name.strip_prefix("date")?),
    };
    Some(match order {
        "equals" => (make(Order::Equal), false),
        "notequals" => (make(Order::Equal), true),
        "lessthan" => (make(Order::Less), false),
        "lessthanequals" => (make(Order::LessOrEqual), false),
        "greaterthan" => (make(Order::Greater), false),
        "greaterthanequals" => (make(Order::GreaterOrEqual), false),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Comparison, Operator, Order, Quantifier};

    #[test]
    fn names() {
        let operator = Operator::parse("ForAllValues:StringNotLikeIfExists").unwrap();
        assert_eq!(operator.quantifier, Quantifier::ForAll);
        assert_eq!(operator.comparison, Comparison::TextLike);
        assert!(operator.negated && operator.if_exists);
        let operator = Operator::parse("DateGreaterThanEquals").unwrap();
        assert_eq!(operator.comparison, Comparison::Date(Order::GreaterOrEqual));
        for bad in
            ["", "StringEqualz", "NullIfExists", "ForAllValues:Null", "ForSome:Bool", "IfExists", "Date"]
        {
            assert!(Operator::parse(bad).is_none(), "{bad}");
        }
    }
}
