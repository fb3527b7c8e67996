//! XML text to a tree of elements, depth-limited. No document type, no entities but XML's own five.

use crate::walk::{Decoded, MAX_DEPTH, Malformed};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// An element: local name, attributes, text and children.
#[derive(Debug, Default)]
pub(crate) struct Element {
    pub name: String,
    /// Names as written, with their prefix.
    pub attributes: Vec<(String, String)>,
    pub text: String,
    pub children: Vec<Element>,
}

/// Reads a whole document to its root.
pub(crate) fn parse(bytes: &[u8]) -> Decoded<Element> {
    let text = std::str::from_utf8(bytes).map_err(|_| Malformed::syntax())?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().expand_empty_elements = true;
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|_| Malformed::syntax())? {
            Event::Start(start) => {
                if open.len() > usize::from(MAX_DEPTH) {
                    return Err(Malformed::syntax());
                }
                open.push(element(&start)?);
            }
            Event::End(_) => close(&mut open)?,
            Event::Text(text) => push(&mut open, &text)?,
            Event::CData(data) => push(&mut open, &data)?,
            Event::GeneralRef(name) => push(&mut open, reference(&name)?.encode_utf8(&mut [0; 4]))?,
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::DocType(_) | Event::Empty(_) => return Err(Malformed::syntax()),
            Event::Eof => break,
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(mut document), true) if document.children.len() == 1 => {
            document.children.pop().ok_or_else(Malformed::syntax)
        }
        _ => Err(Malformed::syntax()),
    }
}

fn close(open: &mut Vec<Element>) -> Decoded<()> {
    let done = open.pop().ok_or_else(Malformed::syntax)?;
    open.last_mut().ok_or_else(Malformed::syntax)?.children.push(done);
    Ok(())
}

/// XML 1.0, section 2.2: most control characters are in no document, not as references either.
fn push(open: &mut [Element], text: &str) -> Decoded<()> {
    let is_none =
        |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r') || matches!(c, '\u{fffe}' | '\u{ffff}');
    if text.contains(is_none) {
        return Err(Malformed::syntax());
    }
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
    Ok(())
}

fn element(start: &BytesStart<'_>) -> Decoded<Element> {
    let name = start.local_name();
    let name = name.as_ref().to_owned();
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| Malformed::syntax())?;
        let key = attribute.key.as_ref().to_owned();
        let value = quick_xml::escape::unescape(&attribute.value).map_err(|_| Malformed::syntax())?;
        attributes.push((key, value.into_owned()));
    }
    Ok(Element { name, attributes, ..Element::default() })
}

fn reference(name: &BytesRef<'_>) -> Decoded<char> {
    if let Ok(Some(c)) = name.resolve_char_ref() {
        return Ok(c);
    }
    match name.as_ref() {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(Malformed::syntax()),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_document_is_a_tree() {
        let root = parse(b"<?xml version=\"1.0\"?>\n<s:A x=\"1&amp;2\"><b>&lt;t&#233;<!-- c --><![CDATA[<]]></b><c/></s:A>").unwrap();
        assert_eq!((root.name.as_str(), root.attributes[0].1.as_str()), ("A", "1&2"));
        assert_eq!((root.children[0].text.as_str(), root.children[1].name.as_str()), ("<t\u{e9}<", "c"));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let deep = "<a>".repeat(5_000);
        for bad in [
            "",
            "x",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a>&x;</a>",
            "</a>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
            "<a b></a>",
            "<a>&#x1;</a>",
            "<a>\u{1}</a>",
            "<a>&#xFFFE;</a>",
            &deep,
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
