//! Form-encoded requests: awsQuery and ec2Query.
//!
//! The pairs are sorted by key, segment by segment and numbers by value, so that every structure, list and map of the
//! input is one contiguous run of them: no tree, no quadratic search, whatever the client sends.
//! Source: <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>

mod decode;

pub(crate) use decode::body;

use crate::router::query_pairs;
use std::borrow::Cow;
use std::cmp::Ordering;

pub(crate) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// All pairs of the query string and of the body, sorted.
pub(crate) fn sorted<'a>(query: &'a str, body: &'a str) -> Vec<Pair<'a>> {
    let mut pairs: Vec<Pair<'a>> = query_pairs(query).chain(query_pairs(body)).collect();
    pairs.sort_by(|a, b| compare(&a.0, &b.0));
    pairs
}

fn number(segment: &str) -> Option<&str> {
    let digits = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| segment.trim_start_matches('0'))
}

fn compare(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => match (number(a), number(b)) {
                (Some(x), Some(y)) => x.len().cmp(&y.len()).then_with(|| x.cmp(y)).then_with(|| a.cmp(b)),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sorted;

    #[test]
    fn numbers_sort_by_value_and_runs_are_contiguous() {
        let pairs = sorted("L.10=j&L.2.x=1&L.9=i", "L.2=b&A=1&L.2.a=2&L.02=z");
        let keys: Vec<&str> = pairs.iter().map(|(key, _)| key.as_ref()).collect();
        assert_eq!(keys, ["A", "L.02", "L.2", "L.2.a", "L.2.x", "L.9", "L.10"]);
    }
}
