//! Where a decoder stands in the model, and what it found wrong on the way. All constraints of the models are checked
//! here and nowhere else.

mod pattern;

pub(crate) use pattern::Compiled;

use crate::model::{Kind, Member, Pattern, Service, Shape, ShapeId};
use std::borrow::Cow;
use std::fmt::Write;

/// What a decoding step gives.
pub type Decoded<T> = Result<T, Malformed>;

/// The request is no well-formed instance of its protocol, or a value is of the wrong kind.
#[derive(Debug)]
pub struct Malformed(pub(crate) Box<Reason>);

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// Not JSON, XML, CBOR or form data at all.
    Syntax,
    /// Nothing, where there must be a document.
    Empty,
    /// A value of another kind; the text says which.
    Kind(Cow<'static, str>),
    /// A scalar of a form or header that cannot be read as its kind: (member name, value).
    Scalar(String, String),
}

impl Malformed {
    /// Not well-formed.
    #[cold]
    pub fn syntax() -> Malformed {
        Malformed(Box::new(Reason::Syntax))
    }

    /// Nothing at all.
    #[cold]
    pub fn empty() -> Malformed {
        Malformed(Box::new(Reason::Empty))
    }

    /// A value of another kind than the model's.
    #[cold]
    pub fn kind(text: impl Into<Cow<'static, str>>) -> Malformed {
        Malformed(Box::new(Reason::Kind(text.into())))
    }

    #[cold]
    pub(crate) fn scalar(name: &str, value: &str) -> Malformed {
        Malformed(Box::new(Reason::Scalar(name.to_owned(), value.to_owned())))
    }
}

/// Nesting that no model needs; deeper input is refused. DynamoDB's 32 levels of attribute values are 70 levels here.
pub(crate) const MAX_DEPTH: u16 = 100;

/// One step from the input's root to the value at hand.
#[derive(Clone, Debug)]
pub(crate) enum Step<'a> {
    Member(&'static Member),
    Item(usize),
    Key(Cow<'a, str>),
}

/// One violated constraint.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub path: String,
    /// Path in the names of query requests.
    pub form_path: String,
    /// `None` when the value is absent.
    pub value: Option<String>,
    pub sensitive: bool,
    pub constraint: String,
}

/// A decoder's place in the model.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    pub service: &'static Service,
    pub at: ShapeId,
    path: Vec<Step<'a>>,
    depth: u16,
    pub violations: Vec<Violation>,
}

/// Which members of a structure were present. A structure of any model has fewer than 256 members.
#[derive(Default)]
pub(crate) struct Seen([u128; 2]);

impl Seen {
    #[inline]
    pub fn mark(&mut self, member: usize) {
        if let Some(word) = self.0.get_mut(member >> 7) {
            *word |= 1 << (member & 127);
        }
    }

    #[inline]
    pub fn has(&self, member: usize) -> bool {
        self.0.get(member >> 7).is_some_and(|word| word >> (member & 127) & 1 == 1)
    }
}

/// More violations than this are not listed; AWS's own limit is not documented.
const MAX_VIOLATIONS: usize = 100;

impl<'a> Walk<'a> {
    pub fn new(service: &'static Service, at: ShapeId) -> Walk<'a> {
        Walk { service, at, path: Vec::with_capacity(8), depth: 0, violations: Vec::new() }
    }

    #[inline]
    pub fn shape(&self) -> &'static Shape {
        self.service.shape(self.at)
    }

    #[inline]
    pub fn step(&mut self, step: Step<'a>, target: ShapeId) {
        self.path.push(step);
        self.at = target;
    }

    #[inline]
    pub fn back(&mut self, to: ShapeId) {
        self.path.pop();
        self.at = to;
    }

    /// The member at hand, for bindings that depend on it.
    pub fn member(&self) -> Option<&'static Member> {
        match self.path.last() {
            Some(Step::Member(member)) => Some(member),
            _ => None,
        }
    }

    /// Enters a structure, list or map; refuses nesting without end.
    pub fn deeper(&mut self) -> Decoded<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(Malformed::syntax()) } else { Ok(()) }
    }

    pub fn shallower(&mut self) {
        self.depth -= 1;
    }

    #[inline]
    pub fn check_text(&mut self, value: &str) {
        let shape = self.shape();
        if shape.min.is_some() || shape.max.is_some() || shape.pattern.is_some() || !shape.enums.is_empty() {
            self.constrained_text(shape, value);
        }
    }

    fn constrained_text(&mut self, shape: &'static Shape, value: &str) {
        let length = value.chars().count() as f64;
        let allowed = shape.enums.is_empty() || shape.enums.contains(&value);
        let matches = shape.pattern.as_ref().is_none_or(|pattern| pattern.matches(value));
        if within(shape, length) && allowed && matches {
            return;
        }
        self.refuse(shape, value, |text| {
            bounds(shape, length, "length", text);
            if !matches {
                text.extend(shape.pattern.as_ref().map(pattern_text));
            }
            if !allowed {
                text.push(enum_text(shape));
            }
        });
    }

    #[inline]
    pub fn check_number(&mut self, value: f64) {
        let shape = self.shape();
        if !within(shape, value) {
            let text = number_text(value);
            self.refuse(shape, &text, |texts| bounds(shape, value, "value", texts));
        }
    }

    #[inline]
    pub fn check_blob(&mut self, length: usize) {
        let shape = self.shape();
        if !within(shape, length as f64) {
            let text = format!("java.nio.HeapByteBuffer[pos=0 lim={length} cap={length}]");
            self.refuse(shape, &text, |texts| bounds(shape, length as f64, "length", texts));
        }
    }

    /// Whether the item or entry of that index is worth keeping: beyond the largest size the request is refused anyway,
    /// and must not cost memory.
    #[inline]
    pub fn keeps(&self, index: usize) -> bool {
        self.shape().max.is_none_or(|max| index as f64 <= max)
    }

    /// After the items of a list or map; `describe` gives AWS's text of the whole value.
    pub fn check_size(&mut self, length: usize, before: usize, describe: impl FnOnce() -> String) {
        let shape = self.shape();
        let fits = within(shape, length as f64);
        if fits && self.violations.len() == before {
            return;
        }
        let path = self.path_text();
        let pending =
            |violation: &Violation| violation.path == path && violation.value.as_deref() == Some("");
        if fits && !self.violations[before..].iter().any(pending) {
            return;
        }
        let text = describe();
        for violation in self.violations.iter_mut().skip(before).filter(|violation| pending(violation)) {
            violation.value = Some(text.clone());
        }
        if !fits {
            self.refuse_here(shape, &text, |texts| bounds(shape, length as f64, "length", texts));
        }
    }

    /// A map's key, which has a shape of its own.
    pub fn check_key(&mut self, key: &str) {
        let map = self.shape();
        let shape = self.service.shape(map.key);
        let unconstrained = shape.min.is_none() && shape.max.is_none() && shape.pattern.is_none();
        if unconstrained && shape.enums.is_empty() {
            return;
        }
        let length = key.chars().count() as f64;
        let allowed = shape.enums.is_empty() || shape.enums.contains(&key);
        if !within(shape, length) || !allowed || !shape.pattern.as_ref().is_none_or(|it| it.matches(key)) {
            self.refuse_element(map, format!("Map keys must satisfy constraint: [{}]", all_texts(shape)));
        }
    }

    /// Reports required members that were not there.
    #[inline]
    pub fn require(&mut self, shape: &'static Shape, seen: &Seen) {
        let complete = |(at, member): (usize, &Member)| !member.required() || seen.has(at);
        if !shape.members.iter().enumerate().all(complete) {
            self.missing(shape, seen);
        }
    }

    #[cold]
    fn missing(&mut self, shape: &'static Shape, seen: &Seen) {
        for (at, member) in shape.members.iter().enumerate() {
            if member.required() && !seen.has(at) {
                let here = self.at;
                self.step(Step::Member(member), member.target);
                self.push(None, false, "Member must not be null".to_owned());
                self.back(here);
            }
        }
    }

    /// A violated scalar: at its own path, or at the list's or map's when it is an element of one.
    /// AWS: elements are reported with the whole collection as the value and all their constraints in brackets.
    #[cold]
    fn refuse(&mut self, shape: &'static Shape, value: &str, texts: impl FnOnce(&mut Vec<String>)) {
        match self.path.last() {
            Some(Step::Item(_)) => {
                self.parent(|walk| {
                    walk.refuse_element(
                        shape,
                        format!("Member must satisfy constraint: [{}]", all_texts(shape)),
                    );
                });
            }
            Some(Step::Key(_)) => {
                self.parent(|walk| {
                    walk.refuse_element(
                        shape,
                        format!("Map value must satisfy constraint: [{}]", all_texts(shape)),
                    );
                });
            }
            _ => self.refuse_here(shape, value, texts),
        }
    }

    fn parent(&mut self, act: impl FnOnce(&mut Walk<'a>)) {
        let step = self.path.pop();
        act(self);
        self.path.extend(step);
    }

    fn refuse_here(&mut self, shape: &'static Shape, value: &str, texts: impl FnOnce(&mut Vec<String>)) {
        let mut list = Vec::new();
        texts(&mut list);
        for text in list {
            self.push(Some(value.to_owned()), shape.sensitive(), text);
        }
    }

    fn refuse_element(&mut self, shape: &'static Shape, constraint: String) {
        let path = self.path_text();
        let known = |violation: &Violation| violation.path == path && violation.constraint == constraint;
        if !self.violations.iter().any(known) {
            // The value is filled in by `check_size`, when the whole collection was read.
            self.push(Some(String::new()), shape.sensitive(), constraint);
        }
    }

    fn push(&mut self, value: Option<String>, sensitive: bool, constraint: String) {
        if self.violations.len() < MAX_VIOLATIONS {
            let (path, form_path) = (self.path_text(), self.form_path());
            self.violations.push(Violation { path, form_path, value, sensitive, constraint });
        }
    }

    fn path_text(&self) -> String {
        let mut text = String::new();
        for step in &self.path {
            if !text.is_empty() {
                text.push('.');
            }
            match step {
                Step::Member(member) => {
                    let mut chars = member.name.chars();
                    text.extend(chars.next().map(|first| first.to_ascii_lowercase()));
                    text.push_str(chars.as_str());
                }
                Step::Item(index) => {
                    let _ = write!(text, "{}.member", index + 1);
                }
                Step::Key(key) => {
                    let _ = write!(text, "{key}.member");
                }
            }
        }
        text
    }

    fn form_path(&self) -> String {
        let mut text = String::new();
        for step in &self.path {
            if !text.is_empty() {
                text.push('.');
            }
            let _ = match step {
                Step::Member(member) => write!(text, "{}", member.form),
                Step::Item(index) => write!(text, "{}", index + 1),
                Step::Key(key) => write!(text, "{key}"),
            };
        }
        text
    }
}

#[inline]
fn within(shape: &Shape, value: f64) -> bool {
    shape.min.is_none_or(|min| value >= min) && shape.max.is_none_or(|max| value <= max)
}

fn bounds(shape: &Shape, value: f64, what: &str, texts: &mut Vec<String>) {
    if let Some(max) = shape.max.filter(|max| value > *max) {
        texts.push(max_text(what, max));
    }
    if let Some(min) = shape.min.filter(|min| value < *min) {
        texts.push(min_text(what, min));
    }
}

fn max_text(what: &str, max: f64) -> String {
    format!("Member must have {what} less than or equal to {}", number_text(max))
}

fn min_text(what: &str, min: f64) -> String {
    format!("Member must have {what} greater than or equal to {}", number_text(min))
}

fn pattern_text(pattern: &Pattern) -> String {
    format!("Member must satisfy regular expression pattern: {}", pattern.text)
}

fn enum_text(shape: &Shape) -> String {
    format!("Member must satisfy enum value set: [{}]", shape.enums.join(", "))
}

fn number_text(value: f64) -> String {
    if value.fract() == 0.0 { format!("{}", value as i64) } else { value.to_string() }
}

/// Every constraint of a scalar shape, in AWS's order.
fn all_texts(shape: &Shape) -> String {
    let numeric = matches!(shape.kind, Kind::Integer | Kind::Long | Kind::Float | Kind::Double);
    let what = if numeric { "value" } else { "length" };
    let mut texts = Vec::new();
    texts.extend(shape.max.map(|max| max_text(what, max)));
    texts.extend(shape.min.map(|min| min_text(what, min)));
    texts.extend(shape.pattern.as_ref().map(pattern_text));
    if !shape.enums.is_empty() {
        texts.push(enum_text(shape));
    }
    texts.join(", ")
}
