//! Path patterns of the REST protocols. The patterns of a service are prepared once, on its first request.

use super::{DIRECTORY_BUCKETS, Head, decode_text, query_pairs};
use crate::model::{Location, Operation, Service};
use smallvec::SmallVec;
use std::borrow::Cow;

/// A service's prepared patterns.
#[derive(Debug)]
pub(crate) struct RestTable {
    /// The routes of each method.
    methods: Vec<(&'static str, Vec<Route>)>,
}

#[derive(Debug)]
struct Route {
    operation: u16,
    segments: Vec<Segment>,
    /// `?key` and `?key=value` that the pattern itself demands.
    literals: Vec<(&'static str, Option<&'static str>)>,
    /// Required members in query and headers: they tell operations with one pattern apart.
    query: Vec<&'static str>,
    headers: Vec<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Segment {
    Literal(&'static str),
    Label(u16),
    Greedy(u16),
}

/// How well a route fits; the larger wins. In order: literal segments from the left, demanded query keys, presence of all
/// required members and their number, the operation that `x-id` names, an unshadowed name.
pub(crate) type Rank = (Shape, usize, bool, usize, bool);

/// The weights of a pattern's segments (literal 3, label 2, greedy 1) from the left, two bits for each: the larger fits better.
/// There is room for 64 segments, which no pattern has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shape(u128);

impl Shape {
    const EMPTY: Shape = Shape(0);

    fn with(self, at: usize, weight: u8) -> Shape {
        let shift = 126_usize.saturating_sub(at * 2);
        Shape(self.0 | u128::from(weight) << shift)
    }
}

/// A route that fits.
#[derive(Debug)]
pub(crate) struct Found {
    pub operation: u16,
    pub rank: Rank,
    /// Whether all headers are there that the operation demands.
    pub has_headers: bool,
    route: &'static Route,
}

impl RestTable {
    fn new(service: &'static Service) -> RestTable {
        let mut methods: Vec<(&'static str, Vec<Route>)> = Vec::new();
        for operation in service.operations.iter().filter(|operation| !operation.shadowed) {
            let route = route(service, operation);
            match methods.iter_mut().find(|(method, _)| *method == operation.http_method) {
                Some((_, routes)) => routes.push(route),
                None => methods.push((operation.http_method, vec![route])),
            }
        }
        RestTable { methods }
    }
}

fn route(service: &'static Service, operation: &'static Operation) -> Route {
    let (path, query) = operation.uri.split_once('?').unwrap_or((operation.uri, ""));
    let members = &service.shape(operation.input).members;
    let label = |name: &str| {
        let bound = |member: &crate::model::Member| member.location == Location::Uri && member.wire == name;
        members.iter().position(bound).map_or(u16::MAX, |at| at as u16)
    };
    let required = |location| {
        let wanted = members.iter().filter(move |member| member.required() && member.location == location);
        wanted.map(|member| member.wire).collect()
    };
    Route {
        operation: operation.index,
        segments: segments(path)
            .map(|segment| match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
                Some(name) => match name.strip_suffix('+') {
                    Some(name) => Segment::Greedy(label(name)),
                    None => Segment::Label(label(name)),
                },
                None => Segment::Literal(segment),
            })
            .collect(),
        literals: query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').map_or((pair, None), |(key, value)| (key, Some(value))))
            .collect(),
        query: required(Location::Query),
        headers: required(Location::Header),
    }
}

/// Segments of a path; one slash at the end does not count.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').filter(move |_| !path.is_empty())
}

/// What [`segments`] gives, of segments that are cut already.
fn trimmed<'a, 'p>(raw: &'a [&'p str]) -> &'a [&'p str] {
    match raw {
        [""] | ["", ""] => &[],
        [front @ .., ""] => front,
        all => all,
    }
}

/// The best fitting operation.
pub(crate) fn find(service: &'static Service, head: &Head<'_>) -> Option<Found> {
    let table = service.routes.get_or_init(|| RestTable::new(service));
    let path = &*rooted(service, head, head.scope.is_some());
    let raw = cut(path);
    let trimmed = trimmed(&raw);
    let pairs: Vec<_> = query_pairs(head.query).collect();
    let hint = pairs.iter().find(|(key, _)| key == "x-id").map(|(_, value)| value.as_ref());
    // AWS: one request lists the buckets of either kind, and the endpoint decides:
    // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListDirectoryBuckets.html>
    let is_for_directories = head.scope.is_some_and(|(name, _)| name == DIRECTORY_BUCKETS);
    let hint = if is_for_directories { Some("ListDirectoryBuckets") } else { hint };
    let mut best: Option<(&'static Route, Rank)> = None;
    let routes =
        table.methods.iter().find(|(method, _)| head.method == *method).map_or(&[][..], |(_, routes)| routes);
    for route in routes {
        // Most routes of a service like S3 demand a parameter: looking at those first is the cheapest way to be done.
        let demanded = |(key, value): &(&str, Option<&str>)| {
            pairs.iter().any(|(name, given)| name == key && value.is_none_or(|value| given == value))
        };
        if !route.literals.iter().all(demanded) {
            continue;
        }
        let Some(shape) = route.fits(&raw, trimmed) else { continue };
        let queried = |name: &&str| pairs.iter().any(|(key, _)| key == *name);
        let complete = route.query.iter().all(queried)
            && route.headers.iter().all(|name| head.headers.contains_key(*name));
        let needs = route.query.len() + route.headers.len();
        let needs = if complete { needs } else { usize::MAX - needs };
        let named = hint.is_some_and(|hint| service.operations[usize::from(route.operation)].name == hint);
        let rank = (shape, route.literals.len(), complete, needs, named);
        if best.as_ref().is_none_or(|(_, best)| rank > *best) {
            best = Some((route, rank));
        }
    }
    let (route, rank) = best?;
    let has_headers = route.headers.iter().all(|name| head.headers.contains_key(*name));
    Some(Found { operation: route.operation, rank, has_headers, route })
}

/// The segments of a path as they are between its slashes; few paths have more than eight.
fn cut(path: &str) -> SmallVec<[&str; 8]> {
    path.strip_prefix('/').unwrap_or(path).split('/').collect()
}

impl Found {
    /// The labels of the path that it was found for.
    pub(crate) fn labels(&self, service: &'static Service, head: &Head<'_>) -> Vec<(u16, String)> {
        let path = &*rooted(service, head, head.scope.is_some());
        let raw = cut(path);
        self.route.labels(&raw, trimmed(&raw))
    }
}

impl Route {
    fn greedy(&self) -> Option<usize> {
        self.segments.iter().position(|segment| matches!(segment, Segment::Greedy(_)))
    }

    /// The weights of the segments when the path fits.
    fn fits(&self, raw: &[&str], trimmed: &[&str]) -> Option<Shape> {
        let fit = |segment: &Segment, text: &str| match segment {
            Segment::Literal(literal) => {
                let is_it = *literal == text || (text.contains('%') && *literal == decode_text(text, false));
                is_it.then_some(3)
            }
            Segment::Label(_) => (!text.is_empty()).then_some(2),
            Segment::Greedy(_) => Some(1),
        };
        let all = |from: usize, shape: Shape, segments: &[Segment], texts: &[&str]| -> Option<Shape> {
            let mut fitting = segments.iter().zip(texts).enumerate();
            fitting.try_fold(shape, |shape, (at, (segment, text))| {
                Some(shape.with(from + at, fit(segment, text)?))
            })
        };
        let Some(at) = self.greedy() else {
            let is_long_enough = self.segments.len() == trimmed.len();
            return if is_long_enough { all(0, Shape::EMPTY, &self.segments, trimmed) } else { None };
        };
        let behind = self.segments.len() - at - 1;
        let end = raw.len().checked_sub(behind).filter(|end| *end > at)?;
        let whole = raw.get(at..end)?;
        if whole.iter().all(|text| text.is_empty()) && whole.len() == 1 {
            return None;
        }
        let front = all(0, Shape::EMPTY, self.segments.get(..at)?, raw.get(..at)?)?;
        all(at + 1, front.with(at, 1), self.segments.get(at + 1..)?, raw.get(end..)?)
    }

    fn labels(&self, raw: &[&str], trimmed: &[&str]) -> Vec<(u16, String)> {
        let mut labels = Vec::new();
        let texts = if self.greedy().is_some() { raw } else { trimmed };
        let mut at = 0;
        for (index, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Literal(_) => {}
                Segment::Label(member) => {
                    let text = texts.get(at).copied().unwrap_or_default();
                    labels.push((*member, decode_text(text, false).into_owned()));
                }
                Segment::Greedy(member) => {
                    let end = texts.len().saturating_sub(self.segments.len() - index - 1);
                    let text = match texts.get(at..end).unwrap_or_default() {
                        [one] => Cow::Borrowed(*one),
                        several => Cow::Owned(several.join("/")),
                    };
                    labels.push((*member, decode_text(&text, false).into_owned()));
                    at = end.saturating_sub(1);
                }
            }
            at += 1;
        }
        labels
    }
}

/// The path as patterns see it: what stands in front of the service in the host's name is its first segment. `addressed`
/// says that the request is for this service even where only `localhost` follows.
pub fn rooted<'h>(service: &Service, head: &Head<'h>, addressed: bool) -> Cow<'h, str> {
    match host_label(service, head.host, addressed) {
        Some(label) => Cow::Owned(format!("/{label}{}", head.path)),
        None => Cow::Borrowed(head.path),
    }
}

/// The bucket in `bucket.s3.amazonaws.com`, `bucket.s3.eu-west-1.amazonaws.com`, `bucket.s3.localhost`, `bucket.localhost`,
/// `bucket--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com`.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html>
fn host_label<'h>(service: &Service, host: &'h str, signed: bool) -> Option<&'h str> {
    if service.host_member.is_empty() {
        return None;
    }
    let prefix = service.endpoint_prefix;
    let mut from = 0;
    while let Some(found) = host.get(from..)?.find(prefix).map(|at| at + from) {
        let behind = host.get(found + prefix.len()..)?;
        let behind = behind.strip_prefix("express").unwrap_or(behind);
        let starts = found > 0 && host.as_bytes().get(found - 1) == Some(&b'.');
        if starts && (behind.starts_with(['.', '-']) || behind.is_empty()) {
            let label = host.get(..found - 1)?;
            return if behind.contains(".vpce.") { endpoint_label(label) } else { Some(label) };
        }
        if found == 0 && behind.starts_with(['.', '-']) {
            return None;
        }
        from = found + 1;
    }
    host.strip_suffix(".localhost").filter(|label| signed && !label.is_empty())
}

/// The bucket in `bucket.vpce-1a2b.s3.us-east-1.vpce.amazonaws.com` is none: this `bucket` says which names follow, and a
/// bucket's own name stands in front of it; so it is with `accesspoint` and `NAME-ACCOUNT`.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/privatelink-interface-endpoints.html>
fn endpoint_label(label: &str) -> Option<&str> {
    let (front, _endpoint) = label.rsplit_once('.')?;
    let name = front.strip_suffix(".bucket").or_else(|| front.strip_suffix(".accesspoint"))?;
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Shape, endpoint_label, segments, trimmed};

    #[test]
    fn shapes_compare_from_the_left() {
        let shape = |weights: &[u8]| {
            weights.iter().enumerate().fold(Shape::EMPTY, |shape, (at, weight)| shape.with(at, *weight))
        };
        let from_worst: [&[u8]; 6] = [&[], &[1], &[2, 1], &[2, 1, 3], &[2, 3], &[3, 1]];
        assert!(from_worst.map(shape).is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn buckets_stand_in_front_of_the_word_bucket() {
        for (label, bucket) in [
            ("vpce-1a2b", None),
            ("bucket.vpce-1a2b", None),
            ("mine.bucket.vpce-1a2b", Some("mine")),
            ("my.own.bucket.vpce-1a2b-us-east-1a", Some("my.own")),
            ("accesspoint.vpce-1a2b", None),
            (".accesspoint.vpce-1a2b", None),
            ("point-1.accesspoint.vpce-1a2b", Some("point-1")),
        ] {
            assert_eq!(endpoint_label(label), bucket, "{label}");
        }
    }

    #[test]
    fn a_slash_at_the_end_does_not_count() {
        let check = |path: &str, expected: &[&str]| {
            assert_eq!(segments(path).collect::<Vec<_>>(), expected, "{path}");
            let raw: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
            assert_eq!(trimmed(&raw), expected, "{path}");
        };
        check("", &[]);
        check("//", &[]);
        check("///", &["", ""]);
        check("/", &[]);
        check("/a/b/", &["a", "b"]);
        check("/a//b", &["a", "", "b"]);
    }
}
