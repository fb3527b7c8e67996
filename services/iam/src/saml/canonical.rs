//! Exclusive XML Canonicalization 1.0 (<https://www.w3.org/TR/xml-exc-c14n/>), with and without comments, of one element.
//!
//! The bytes that come out are what a digest or a signature is about. Only whole elements are canonicalised, with at
//! most one child left out (the signature in them): no node sets, no XPath.

use super::xml::{Attribute, Document, Element, Id, Node, XML};
use std::collections::BTreeMap;

/// How an element is canonicalised.
#[derive(Clone, Debug, Default)]
pub(crate) struct Method {
    pub comments: bool,
    /// Prefixes of `InclusiveNamespaces`, which are kept where they are in scope; the default one is empty.
    pub inclusive: Vec<String>,
}

/// The canonical bytes of an element without the child element `left_out`.
pub(crate) fn canonical(document: &Document, id: Id, left_out: Option<Id>, method: &Method) -> String {
    let mut writer = Writer { document, left_out, method, out: String::new() };
    writer.element(id, &BTreeMap::new());
    writer.out
}

struct Writer<'a> {
    document: &'a Document,
    left_out: Option<Id>,
    method: &'a Method,
    out: String,
}

impl<'a> Writer<'a> {
    /// `rendered` holds the declarations of the output's ancestors: prefix → URI. The tree's depth is limited.
    fn element(&mut self, id: Id, rendered: &BTreeMap<&'a str, &'a str>) {
        let element = self.document.get(id);
        let mut rendered = rendered.clone();
        self.out.push('<');
        self.name(&element.prefix, &element.local);
        for (prefix, uri) in self.namespaces(id, element) {
            let before = rendered.get(prefix).copied();
            // An empty default namespace is only said where another one would be in force.
            if before == Some(uri) || (before.is_none() && uri.is_empty()) {
                continue;
            }
            rendered.insert(prefix, uri);
            self.out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            self.out.push_str(prefix);
            self.value(uri);
        }
        for attribute in self.attributes(id, element) {
            self.out.push(' ');
            self.name(&attribute.prefix, &attribute.local);
            self.value(&attribute.value);
        }
        self.out.push('>');
        for node in &element.children {
            self.node(node, &rendered);
        }
        self.out.push_str("</");
        self.name(&element.prefix, &element.local);
        self.out.push('>');
    }

    fn node(&mut self, node: &Node, rendered: &BTreeMap<&'a str, &'a str>) {
        match node {
            Node::Element(child) if Some(*child) == self.left_out => {}
            Node::Element(child) => self.element(*child, rendered),
            Node::Text(text) => self.text(text),
            Node::Comment(comment) if self.method.comments => {
                self.out.push_str("<!--");
                self.out.push_str(comment);
                self.out.push_str("-->");
            }
            Node::Comment(_) => {}
            Node::Instruction(instruction) => self.instruction(instruction),
        }
    }

    /// The namespaces that the element makes visible, and the inclusive ones in scope, in the order of their prefixes.
    fn namespaces(&self, id: Id, element: &'a Element) -> BTreeMap<&'a str, &'a str> {
        let document = self.document;
        let mut found = BTreeMap::new();
        let used =
            element.attributes.iter().map(|one| one.prefix.as_str()).filter(|prefix| !prefix.is_empty());
        for prefix in used.chain([element.prefix.as_str()]).filter(|prefix| *prefix != "xml") {
            found.insert(prefix, document.namespace_at(id, prefix).unwrap_or_default());
        }
        let mut at = Some(id).filter(|_| !self.method.inclusive.is_empty());
        while let Some(ancestor) = at {
            let ancestor = document.get(ancestor);
            for (prefix, uri) in &ancestor.declared {
                if self.method.inclusive.contains(prefix) {
                    found.entry(prefix.as_str()).or_insert(uri.as_str());
                }
            }
            at = ancestor.parent;
        }
        found
    }

    /// The attributes in the order of their namespaces' URIs (those without one first) and local names.
    fn attributes(&self, id: Id, element: &'a Element) -> Vec<&'a Attribute> {
        let document = self.document;
        let uri = |prefix: &str| match prefix {
            "" => "",
            "xml" => XML,
            prefix => document.namespace_at(id, prefix).unwrap_or_default(),
        };
        let mut attributes: Vec<&Attribute> = element.attributes.iter().collect();
        attributes.sort_by(|one, two| {
            (uri(&one.prefix), one.local.as_str()).cmp(&(uri(&two.prefix), two.local.as_str()))
        });
        attributes
    }

    fn name(&mut self, prefix: &str, local: &str) {
        if !prefix.is_empty() {
            self.out.push_str(prefix);
            self.out.push(':');
        }
        self.out.push_str(local);
    }

    fn value(&mut self, value: &str) {
        self.out.push_str("=\"");
        for c in value.chars() {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '"' => self.out.push_str("&quot;"),
                '\t' => self.out.push_str("&#x9;"),
                '\n' => self.out.push_str("&#xA;"),
                '\r' => self.out.push_str("&#xD;"),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '\r' => self.out.push_str("&#xD;"),
                c => self.out.push(c),
            }
        }
    }

    /// `<?target content?>`, with one space between the two.
    fn instruction(&mut self, instruction: &str) {
        let (target, content) = instruction.split_once([' ', '\t', '\n']).unwrap_or((instruction, ""));
        self.out.push_str("<?");
        self.out.push_str(target);
        let content = content.trim_start_matches([' ', '\t', '\n']);
        if !content.is_empty() {
            self.out.push(' ');
            self.out.push_str(content);
        }
        self.out.push_str("?>");
    }
}

#[cfg(test)]
mod tests {
    use super::{Method, canonical};
    use crate::saml::xml::{Document, Id};

    fn check(text: &str, path: &[usize], method: &Method, expected: &str) {
        let document = Document::parse(text).unwrap();
        let element = path.iter().fold(document.root(), |id, index| {
            let inside = |child: &Id| document.get(*child).parent == Some(id);
            document.ids().filter(inside).nth(*index).unwrap()
        });
        assert_eq!(canonical(&document, element, None, method), expected);
    }

    fn with(comments: bool, inclusive: &[&str]) -> Method {
        Method { comments, inclusive: inclusive.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn the_examples_of_the_recommendation() {
        // from: docs https://www.w3.org/TR/xml-exc-c14n/ section 2.2
        let text = "<n0:local xmlns:n0=\"foo:bar\" xmlns:n3=\"ftp://example.org\"><n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\"><n3:stuff xmlns:n3=\"ftp://example.org\"/></n1:elem2></n0:local>";
        let expected = "<n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\"><n3:stuff xmlns:n3=\"ftp://example.org\"></n3:stuff></n1:elem2>";
        check(text, &[0], &with(false, &[]), expected);
        let expected = "<n1:elem2 xmlns:n1=\"http://example.net\" xmlns:n3=\"ftp://example.org\" xml:lang=\"en\"><n3:stuff></n3:stuff></n1:elem2>";
        check(text, &[0], &with(false, &["n3"]), expected);
    }

    #[test]
    fn order_escapes_comments_and_default_namespaces() {
        // from: docs https://www.w3.org/TR/xml-c14n sections 3.3 and 3.4, in the exclusive form
        let text = "<e5 a:attr=\"out\" b:attr=\"sorted\" attr2=\"all\" attr=\"I'm\" xmlns:b=\"http://www.ietf.org\" xmlns:a=\"http://www.w3.org\" xmlns=\"http://example.org\"/>";
        let expected = "<e5 xmlns=\"http://example.org\" xmlns:a=\"http://www.w3.org\" xmlns:b=\"http://www.ietf.org\" attr=\"I'm\" attr2=\"all\" b:attr=\"sorted\" a:attr=\"out\"></e5>";
        check(text, &[], &with(false, &[]), expected);
        let text =
            "<a b='&quot;&lt;&#9;&#10;&#13;>'>\r\n&lt;&gt;&amp;&#13;<![CDATA[<x>]]><!-- c --><?p  q?></a>";
        let open = "<a b=\"&quot;&lt;&#x9;&#xA;&#xD;>\">\n&lt;&gt;&amp;&#xD;&lt;x&gt;";
        check(text, &[], &with(false, &[]), &format!("{open}<?p q?></a>"));
        check(text, &[], &with(true, &[]), &format!("{open}<!-- c --><?p q?></a>"));
        let text = "<a xmlns='u'><b xmlns=''><c xmlns='u'/></b></a>";
        check(text, &[], &with(false, &[]), "<a xmlns=\"u\"><b xmlns=\"\"><c xmlns=\"u\"></c></b></a>");
        check(text, &[0], &with(false, &[]), "<b><c xmlns=\"u\"></c></b>");
    }
}
