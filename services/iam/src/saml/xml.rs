//! XML as a tree that forgets nothing that a signature covers: prefixes, namespaces, comments, every character.
//!
//! One tree serves both the signature and those who read the document, so the two can never see different documents.
//! No document type is accepted, so there are no entities but XML's own five. Depth and size are limited.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// How deep elements may be nested. Everything that walks the tree may therefore recurse.
const DEPTH_MAX: usize = 64;
/// How many elements a document may have.
const ELEMENTS_MAX: usize = 200_000;
/// How many attributes an element may have, namespace declarations included.
const ATTRIBUTES_MAX: usize = 256;
/// The namespace of the prefix `xml`.
pub(crate) const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Why bytes are not a document that we read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub &'static str);

/// The place of an element in its document.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Id(usize);

/// An attribute that is not a namespace declaration.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub prefix: String,
    pub local: String,
    pub value: String,
}

/// What an element holds.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Element(Id),
    /// Text with its references resolved.
    Text(String),
    Comment(String),
    /// A processing instruction as written between `<?` and `?>`.
    Instruction(String),
}

/// An element.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub parent: Option<Id>,
    pub prefix: String,
    pub local: String,
    /// The namespaces that are declared here: prefix (empty for the default one) and URI.
    pub declared: Vec<(String, String)>,
    pub attributes: Vec<Attribute>,
    pub children: Vec<Node>,
}

/// A document.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    elements: Vec<Element>,
}

impl Document {
    /// Reads a document.
    pub(crate) fn parse(text: &str) -> Result<Document, Malformed> {
        // XML 1.0, 2.11: a line ends with one line feed, however it was written.
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        check_characters(&text)?;
        let mut reader = Reader::from_str(&text);
        reader.config_mut().expand_empty_elements = true;
        reader.config_mut().check_comments = true;
        let mut builder = Builder { elements: Vec::new(), open: Vec::new() };
        loop {
            match reader.read_event().map_err(|_| Malformed("it is not well-formed XML"))? {
                Event::Start(start) => builder.start(&start)?,
                Event::End(_) => {
                    builder.open.pop();
                }
                Event::Text(text) => builder.text(&text)?,
                Event::CData(data) => builder.text(&data)?,
                Event::GeneralRef(name) => builder.text(reference(&name)?.encode_utf8(&mut [0; 4]))?,
                Event::Comment(comment) => builder.node(Node::Comment(comment.to_string())),
                Event::PI(instruction) => builder.node(Node::Instruction(instruction.to_string())),
                Event::Decl(_) if builder.elements.is_empty() => {}
                Event::DocType(_) => return Err(Malformed("a document type is not accepted")),
                Event::Decl(_) | Event::Empty(_) => return Err(Malformed("it is not well-formed XML")),
                Event::Eof => break,
            }
        }
        match builder.open.is_empty() && !builder.elements.is_empty() {
            true => Ok(Document { elements: builder.elements }),
            false => Err(Malformed("an element is not closed")),
        }
    }

    /// The root element.
    pub(crate) fn root(&self) -> Id {
        Id(0)
    }

    pub(crate) fn get(&self, id: Id) -> &Element {
        self.elements.get(id.0).expect("an id is only made for an element of its document")
    }

    /// All elements in document order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Id> {
        (0..self.elements.len()).map(Id)
    }

    /// The URI that a prefix stands for at an element; the empty prefix stands for none unless it is declared.
    pub(crate) fn namespace_at(&self, id: Id, prefix: &str) -> Option<&str> {
        if prefix == "xml" {
            return Some(XML);
        }
        let mut at = Some(id);
        while let Some(id) = at {
            let element = self.get(id);
            if let Some((_, uri)) = element.declared.iter().find(|(declared, _)| declared == prefix) {
                return Some(uri);
            }
            at = element.parent;
        }
        None
    }

    /// Whether an element has this namespace and local name.
    pub(crate) fn is(&self, id: Id, namespace: &str, local: &str) -> bool {
        let element = self.get(id);
        element.local == local && self.namespace_at(id, &element.prefix).unwrap_or_default() == namespace
    }

    /// The child elements of that name.
    pub(crate) fn children<'a>(
        &'a self,
        id: Id,
        namespace: &'a str,
        local: &'a str,
    ) -> impl Iterator<Item = Id> + 'a {
        self.get(id).children.iter().filter_map(move |node| match node {
            Node::Element(child) if self.is(*child, namespace, local) => Some(*child),
            _ => None,
        })
    }

    /// The child of that name when there is exactly one.
    pub(crate) fn only(&self, id: Id, namespace: &str, local: &str) -> Option<Id> {
        let mut found = self.children(id, namespace, local);
        found.next().filter(|_| found.next().is_none())
    }

    /// An attribute without a namespace.
    pub(crate) fn attribute(&self, id: Id, local: &str) -> Option<&str> {
        let attributes = &self.get(id).attributes;
        let found = attributes.iter().find(|one| one.prefix.is_empty() && one.local == local);
        found.map(|attribute| attribute.value.as_str())
    }

    /// The text of an element that holds nothing but text; `None` when it holds elements. Comments do not part it: a
    /// signature without comments covers the text as a whole, and that is what is read.
    pub(crate) fn text(&self, id: Id) -> Option<String> {
        let mut text = String::new();
        for node in &self.get(id).children {
            match node {
                Node::Text(part) => text.push_str(part),
                Node::Comment(_) | Node::Instruction(_) => {}
                Node::Element(_) => return None,
            }
        }
        Some(text)
    }
}

struct Builder {
    elements: Vec<Element>,
    open: Vec<Id>,
}

impl Builder {
    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), Malformed> {
        if self.open.len() >= DEPTH_MAX || self.elements.len() >= ELEMENTS_MAX {
            return Err(Malformed("it is too deep or too large"));
        }
        let parent = self.open.last().copied();
        if parent.is_none() && !self.elements.is_empty() {
            return Err(Malformed("it has more than one root"));
        }
        let id = Id(self.elements.len());
        let element = element(start, parent)?;
        self.elements.push(element);
        self.node_of(parent, Node::Element(id));
        self.open.push(id);
        self.check_prefixes(id)
    }

    fn node_of(&mut self, parent: Option<Id>, node: Node) {
        if let Some(parent) = parent.and_then(|id| self.elements.get_mut(id.0)) {
            parent.children.push(node);
        }
    }

    fn node(&mut self, node: Node) {
        self.node_of(self.open.last().copied(), node);
    }

    fn text(&mut self, text: &str) -> Result<(), Malformed> {
        let Some(parent) = self.open.last().and_then(|id| self.elements.get_mut(id.0)) else {
            return match text.trim_matches([' ', '\t', '\n']).is_empty() {
                true => Ok(()),
                false => Err(Malformed("there is text outside of the root")),
            };
        };
        match parent.children.last_mut() {
            Some(Node::Text(last)) => last.push_str(text),
            _ => parent.children.push(Node::Text(text.to_owned())),
        }
        Ok(())
    }

    fn uri(&self, prefix: &str) -> Option<&str> {
        if prefix == "xml" {
            return Some(XML);
        }
        let declared =
            |element: &'_ Element| element.declared.iter().position(|(declared, _)| declared == prefix);
        let mut open = self.open.iter().rev().filter_map(|id| self.elements.get(id.0));
        let (element, at) = open.find_map(|element| Some((element, declared(element)?)))?;
        element.declared.get(at).map(|(_, uri)| uri.as_str())
    }

    /// Every prefix must be declared, and no attribute be there twice under two prefixes of one namespace.
    fn check_prefixes(&self, id: Id) -> Result<(), Malformed> {
        let Some(element) = self.elements.get(id.0) else { return Ok(()) };
        let undeclared = |prefix: &str| !prefix.is_empty() && self.uri(prefix).is_none();
        if undeclared(&element.prefix) || element.attributes.iter().any(|one| undeclared(&one.prefix)) {
            return Err(Malformed("a prefix is not declared"));
        }
        let mut seen = Vec::new();
        for attribute in &element.attributes {
            let uri = if attribute.prefix.is_empty() { None } else { self.uri(&attribute.prefix) };
            let name = (uri, attribute.local.as_str());
            if seen.contains(&name) {
                return Err(Malformed("an attribute is there twice"));
            }
            seen.push(name);
        }
        Ok(())
    }
}

fn element(start: &BytesStart<'_>, parent: Option<Id>) -> Result<Element, Malformed> {
    let name = start.name();
    let (prefix, local) = split(name.as_ref())?;
    let (mut declared, mut attributes) = (Vec::new(), Vec::new());
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| Malformed("an attribute is not well-formed"))?;
        if declared.len() + attributes.len() >= ATTRIBUTES_MAX {
            return Err(Malformed("an element has too many attributes"));
        }
        let value = value(&attribute.value)?;
        match split(attribute.key.as_ref())? {
            ("", "xmlns") => declared.push((String::new(), value)),
            // Namespaces in XML 1.0: a prefix cannot be given up, and two of them are XML's own.
            ("xmlns", "xml" | "xmlns") => return Err(Malformed("a prefix is reserved")),
            ("xmlns", _) if value.is_empty() => return Err(Malformed("a prefix stands for nothing")),
            ("xmlns", prefix) => declared.push((prefix.to_owned(), value)),
            (prefix, local) => {
                attributes.push(Attribute { prefix: prefix.to_owned(), local: local.to_owned(), value });
            }
        }
    }
    let (prefix, local) = (prefix.to_owned(), local.to_owned());
    Ok(Element { parent, prefix, local, declared, attributes, children: Vec::new() })
}

/// Prefix and local name. Names of ASCII letters, digits and `_-.` are enough for SAML.
fn split(name: &str) -> Result<(&str, &str), Malformed> {
    let (prefix, local) = name.split_once(':').unwrap_or(("", name));
    let plain = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.bytes().all(|c| c.is_ascii_alphanumeric() || b"_-.".contains(&c))
    };
    let prefix_is_plain = if prefix.is_empty() { !name.starts_with(':') } else { plain(prefix) };
    match plain(local) && prefix_is_plain {
        true => Ok((prefix, local)),
        false => Err(Malformed("a name is not well-formed")),
    }
}

/// An attribute's value: white space that is written becomes a space, that of references stays (XML 1.0, 3.3.3).
fn value(raw: &str) -> Result<String, Malformed> {
    if raw.contains('<') {
        return Err(Malformed("an attribute is not well-formed"));
    }
    let spaced = raw.replace(['\t', '\n'], " ");
    let value = quick_xml::escape::unescape(&spaced).map_err(|_| Malformed("an entity is not known"))?;
    check_characters(&value)?;
    Ok(value.into_owned())
}

fn reference(name: &BytesRef<'_>) -> Result<char, Malformed> {
    let c = match name.resolve_char_ref() {
        Ok(Some(c)) => c,
        Ok(None) => match name.as_ref() {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => return Err(Malformed("an entity is not known")),
        },
        Err(_) => return Err(Malformed("a character reference is not well-formed")),
    };
    check_characters(c.encode_utf8(&mut [0; 4]))?;
    Ok(c)
}

/// XML 1.0, 2.2: control characters other than tab and line ends are not characters of XML.
fn check_characters(text: &str) -> Result<(), Malformed> {
    let bad = |c: char| (c < ' ' && !"\t\n\r".contains(c)) || c == '\u{fffe}' || c == '\u{ffff}';
    match text.chars().any(bad) {
        true => Err(Malformed("a character is not one of XML")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::Document;

    #[test]
    fn what_is_not_read() {
        for text in [
            "",
            "x",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "<!DOCTYPE a><a/>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            "<a>&b;</a>",
            "<a b='&c;'/>",
            "<b:a/>",
            "<a b:c=''/>",
            "<a b='1' b='2'/>",
            "<a xmlns:x='u' xmlns:y='u' x:b='1' y:b='2'/>",
            "<a xmlns:x=''/>",
            "<a b='<'/>",
            "<a>&#0;</a>",
            "<a>\u{1}</a>",
            "<a xmlns:xml='u'/>",
            "<a><?xml version='1.0'?></a>",
            "<1/>",
            "<a:/>",
            "<:a/>",
            "\u{feff}<a/>x",
        ] {
            assert!(Document::parse(text).is_err(), "{text}");
        }
        let deep = format!("{}{}", "<a>".repeat(65), "</a>".repeat(65));
        assert!(Document::parse(&deep).is_err());
        let wide = format!("<a {}/>", (0..300).map(|n| format!("b{n}=''")).collect::<Vec<_>>().join(" "));
        assert!(Document::parse(&wide).is_err());
    }

    #[test]
    fn namespaces_texts_and_attributes() {
        let text = "<?xml version='1.0'?>\n<a xmlns='u' xmlns:p='v' b='x\ny&#10;z'>one<!-- c -->&amp;two<p:c/><c xmlns=''/></a>\n";
        let document = Document::parse(text).unwrap();
        let root = document.root();
        assert!(document.is(root, "u", "a") && !document.is(root, "v", "a"));
        assert_eq!(document.attribute(root, "b"), Some("x y\nz"));
        assert_eq!(document.text(root), None);
        assert_eq!(document.children(root, "v", "c").count(), 1);
        assert_eq!(document.children(root, "", "c").count(), 1);
        let document = Document::parse("<a>admin@a.example<!-- -->.evil.example</a>").unwrap();
        assert_eq!(document.text(document.root()).as_deref(), Some("admin@a.example.evil.example"));
    }
}
