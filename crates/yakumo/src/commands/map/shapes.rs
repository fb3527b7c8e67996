//! The few SVG elements that a map is made of.
//!
//! Invariant: every text passes `escaped`, so that no name can end an element, and one element is one line.

use std::fmt::Write;

/// Dark text.
pub const INK: &str = "#1f2937";
/// Secondary text.
pub const SOFT: &str = "#6b7280";

/// A rectangle.
#[derive(Clone, Copy, Debug)]
pub struct Rect {
    /// Its left edge.
    pub x: usize,
    /// Its upper edge.
    pub y: usize,
    /// Its width.
    pub w: usize,
    /// Its height.
    pub h: usize,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub struct Font {
    size: usize,
    mono: bool,
    bold: bool,
    fill: &'static str,
}

impl Font {
    /// For headings.
    pub const HEAD: Font = Font { size: 17, mono: false, bold: true, fill: INK };
    /// For names.
    pub const NAME: Font = Font { size: 12, mono: false, bold: true, fill: INK };
    /// For what is said besides.
    pub const SMALL: Font = Font { size: 10, mono: false, bold: false, fill: SOFT };
    /// For addresses and rules.
    pub const MONO: Font = Font { size: 10, mono: true, bold: false, fill: INK };

    /// The same in another colour.
    pub const fn fill(self, fill: &'static str) -> Font {
        Font { fill, ..self }
    }

    /// About how many characters go into a width: letters differ, so it is on the safe side.
    fn fitting(self, width: usize) -> usize {
        let tenths = if self.mono || self.bold { 61 } else { 55 };
        width * 100 / (self.size * tenths).max(1)
    }
}

/// A picture that grows.
#[derive(Default, Debug)]
pub struct Canvas(String);

impl Canvas {
    /// A rectangle with round corners; `extra` are attributes of our own.
    pub fn rect(&mut self, at: Rect, round: usize, fill: &str, stroke: &str, extra: &str) {
        let Rect { x, y, w, h } = at;
        self.line(&format!(
            r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="{round}" fill="{fill}" stroke="{stroke}"{extra}/>"#
        ));
    }

    /// A text from its baseline, cut to a width.
    pub fn text(&mut self, x: usize, y: usize, width: usize, font: Font, text: &str) {
        let family = if font.mono { r#" class="m""# } else { "" };
        let weight = if font.bold { r#" font-weight="600""# } else { "" };
        let (size, fill, text) = (font.size, font.fill, escaped(&cut(text, font.fitting(width))));
        self.line(&format!(
            r#"<text x="{x}" y="{y}" font-size="{size}" fill="{fill}"{family}{weight}>{text}</text>"#
        ));
    }

    /// A short text that ends where it is put.
    pub fn text_end(&mut self, x: usize, y: usize, font: Font, text: &str) {
        let (size, fill, text) = (font.size, font.fill, escaped(text));
        self.line(&format!(
            r#"<text x="{x}" y="{y}" font-size="{size}" fill="{fill}" text-anchor="end">{text}</text>"#
        ));
    }

    /// A line along a path.
    pub fn path(&mut self, path: &str, stroke: &str, extra: &str) {
        self.line(&format!(r#"<path d="{path}" fill="none" stroke="{stroke}" stroke-width="1.6"{extra}/>"#));
    }

    /// A dot.
    pub fn dot(&mut self, x: usize, y: usize, r: usize, fill: &str) {
        self.line(&format!(r#"<circle cx="{x}" cy="{y}" r="{r}" fill="{fill}"/>"#));
    }

    /// Begins a group, which shows a text where the pointer rests.
    pub fn open(&mut self, id: &str, title: &str) {
        self.line(&format!(r#"<g data-id="{}"><title>{}</title>"#, escaped(id), escaped(title)));
    }

    /// Ends a group.
    pub fn close(&mut self) {
        self.line("</g>");
    }

    /// The whole picture of a size.
    pub fn finish(self, width: usize, height: usize) -> String {
        let mut text = String::new();
        // Writing into a text does not fail.
        let _ = writeln!(
            text,
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="Inter, 'Helvetica Neue', Helvetica, Arial, sans-serif">"#
        );
        text.push_str(
            "<style>.m{font-family:'DejaVu Sans Mono',Menlo,Consolas,monospace;white-space:pre}</style>\n",
        );
        let _ = writeln!(text, r##"<rect width="{width}" height="{height}" fill="#ffffff"/>"##);
        text.push_str(&self.0);
        text.push_str("</svg>\n");
        text
    }

    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }
}

/// The text within a number of characters.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

/// The text as XML takes it, in element and attribute: no markup, and nothing that XML 1.0 forbids.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::{cut, escaped};

    #[test]
    fn no_text_ends_an_element() {
        assert_eq!(
            escaped("</text><a b=\"'\">&\u{1}\n"),
            "&lt;/text&gt;&lt;a b=&quot;&#39;&quot;&gt;&amp;\u{fffd}\u{fffd}"
        );
    }

    #[test]
    fn long_texts_are_cut() {
        for (text, most, wanted) in [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("äöü", 2, "ä…"), ("", 0, "")]
        {
            assert_eq!(cut(text, most), wanted);
        }
    }
}
