//! What user data is made of: gzip, Base64, MIME parts, and what kind of part each is. Pure.
//!
//! Invariant: depth, number and size of parts are bounded before anything is unpacked.

use crate::BYTES_MAX;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How deep parts may be in parts.
const DEPTH_MAX: usize = 4;
/// The most parts.
const PARTS_MAX: usize = 64;

/// What is done with a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `text/x-shellscript`, or what begins with `#!`.
    Script,
    /// `#cloud-config`.
    Config,
    /// `#cloud-boothook`.
    Boothook,
    /// `#include`, `#include-once`.
    Include,
    /// `text/x-shellscript-per-boot`.
    PerBoot,
    /// `text/x-shellscript-per-instance`.
    PerInstance,
    /// `text/x-shellscript-per-once`.
    PerOnce,
}

/// A part.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub kind: Kind,
    pub content: Vec<u8>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub parts: Vec<Part>,
    /// What is not done, in sentences.
    pub notes: Vec<String>,
    bytes: usize,
}

/// Reads user data.
pub(crate) fn read(bytes: &[u8]) -> Found {
    let mut found = Found::default();
    if !bytes.trim_ascii().is_empty() {
        found.take(bytes, None, 0);
    }
    found
}

impl Found {
    fn note(&mut self, text: impl Into<String>) {
        if self.notes.len() < PARTS_MAX {
            self.notes.push(text.into());
        }
    }

    /// Takes one piece. `said` is the content type that it came with.
    fn take(&mut self, bytes: &[u8], said: Option<&str>, depth: usize) {
        if depth > DEPTH_MAX || self.parts.len() >= PARTS_MAX {
            return self.note("user data has too many parts: some are not done");
        }
        if bytes.starts_with(&[0x1f, 0x8b]) {
            return match gunzip(bytes) {
                Some(plain) => self.take(&plain, said, depth + 1),
                None => {
                    self.note("a part in gzip cannot be unpacked, or is more than 64 KiB: it is not done")
                }
            };
        }
        let head = head_of(bytes);
        if said.is_some_and(|said| said.starts_with("multipart/")) || said.is_none() && is_mime(&head) {
            return self.take_mime(bytes, depth);
        }
        let kind = match kind_of(said, &head) {
            Ok(kind) => kind,
            // cloud-init: what is nothing may be something in Base64.
            Err(None) => match unpacked(bytes) {
                Some(plain) if depth == 0 => return self.take(&plain, None, depth + 1),
                _ => {
                    return self
                        .note("user data is neither a script, nor #cloud-config, nor MIME: it is not run");
                }
            },
            Err(Some(why)) => return self.note(why),
        };
        self.bytes = self.bytes.saturating_add(bytes.len());
        if self.bytes > BYTES_MAX {
            return self.note("user data unpacks to more than 64 KiB: the rest is not done");
        }
        // cloud-init: the first line of a boothook is only its mark.
        let content = match (kind, bytes.strip_prefix(b"#cloud-boothook")) {
            (Kind::Boothook, Some(rest)) => rest.trim_ascii_start().to_vec(),
            _ => bytes.to_vec(),
        };
        self.parts.push(Part { kind, content });
    }

    fn take_mime(&mut self, bytes: &[u8], depth: usize) {
        let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
        let (headers, body) = split(&text);
        let said = header(&headers, "content-type").unwrap_or("text/plain").to_owned();
        let kind = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !kind.starts_with("multipart/") {
            return match decoded(&headers, body) {
                Some(content) => self.take(&content, Some(&kind), depth + 1),
                None => self.note("a part has an encoding that is not known: it is not done"),
            };
        }
        let Some(boundary) = boundary_of(&said) else {
            return self.note("user data in MIME names no boundary: it is not done");
        };
        for piece in pieces(body, &boundary) {
            self.take_mime_part(piece, depth + 1);
        }
    }

    /// A part with headers, which may have none.
    fn take_mime_part(&mut self, text: &str, depth: usize) {
        if depth > DEPTH_MAX || self.parts.len() >= PARTS_MAX {
            return self.note("user data has too many parts: some are not done");
        }
        let (headers, body) = split(text);
        let said = header(&headers, "content-type").unwrap_or("text/plain");
        if said.trim().to_ascii_lowercase().starts_with("multipart/") {
            return self.take_mime(text.as_bytes(), depth);
        }
        let kind = said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match decoded(&headers, body) {
            Some(content) => self.take(&content, Some(&kind), depth),
            None => self.note("a part has an encoding that is not known: it is not done"),
        }
    }
}

/// The kind of a part; what is known and not done is an error with a sentence, what is unknown one without.
fn kind_of(said: Option<&str>, head: &str) -> Result<Kind, Option<String>> {
    let not_done = |what: &str| Err(Some(format!("a part is {what}: it is not done")));
    match said {
        Some("text/x-shellscript") => return Ok(Kind::Script),
        Some("text/cloud-config") => return Ok(Kind::Config),
        Some("text/cloud-boothook") => return Ok(Kind::Boothook),
        Some("text/x-include-url" | "text/x-include-once-url") => return Ok(Kind::Include),
        Some("text/x-shellscript-per-boot") => return Ok(Kind::PerBoot),
        Some("text/x-shellscript-per-instance") => return Ok(Kind::PerInstance),
        Some("text/x-shellscript-per-once") => return Ok(Kind::PerOnce),
        None | Some("text/plain" | "text/x-not-multipart" | "application/octet-stream") => {}
        Some(other) => return not_done(&format!("of the type {other}")),
    }
    let marks = [
        ("#!", Ok(Kind::Script)),
        ("#cloud-config-archive", not_done("a cloud-config archive")),
        ("#cloud-config-jsonp", not_done("a JSON patch")),
        ("#cloud-config", Ok(Kind::Config)),
        ("#cloud-boothook", Ok(Kind::Boothook)),
        ("#include", Ok(Kind::Include)),
        ("#part-handler", not_done("a part handler")),
        ("#upstart-job", not_done("an upstart job")),
        ("## template: jinja", not_done("a template")),
    ];
    let found = marks.into_iter().find(|(mark, _)| head.starts_with(mark));
    found.map_or(Err(None), |(_, kind)| kind)
}

/// The beginning as text.
fn head_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.get(..bytes.len().min(256)).unwrap_or_default()).into_owned()
}

fn is_mime(head: &str) -> bool {
    let lower = head.trim_start().to_ascii_lowercase();
    ["content-type:", "mime-version:", "from nobody"].iter().any(|mark| lower.starts_with(mark))
}

/// A member of gzip (RFC 1952).
pub(crate) fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let flags = *bytes.get(3)?;
    let mut rest = bytes.get(10..)?;
    if flags & 4 != 0 {
        let (length, after) = rest.split_first_chunk::<2>()?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if flags & 2 != 0 {
        rest = rest.get(2..)?;
    }
    miniz_oxide::inflate::decompress_to_vec_with_limit(rest, BYTES_MAX).ok()
}

/// What is in Base64, if it is.
fn unpacked(bytes: &[u8]) -> Option<Vec<u8>> {
    let plain: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(plain).ok().filter(|plain| !plain.is_empty())
}

type Headers = Vec<(String, String)>;

/// Headers, unfolded, and the body.
fn split(text: &str) -> (Headers, &str) {
    let (mut headers, mut rest): (Headers, &str) = (Vec::new(), text.trim_start_matches('\n'));
    while let Some((line, after)) = rest.split_once('\n').or((!rest.is_empty()).then_some((rest, ""))) {
        if line.trim().is_empty() {
            return (headers, after);
        }
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = headers.last_mut() {
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        } else if !line.starts_with("From ") {
            // No header: the part has none, and this is its first line.
            return (headers, rest);
        }
        rest = after;
    }
    (headers, rest)
}

fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

fn boundary_of(said: &str) -> Option<String> {
    let value = said.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then_some(value)
    })?;
    let value = value.trim().trim_matches('"');
    (!value.is_empty() && value.len() <= 200).then(|| value.to_owned())
}

/// The pieces between the lines with the boundary.
fn pieces<'a>(body: &'a str, boundary: &str) -> Vec<&'a str> {
    let (mark, end) = (format!("--{boundary}"), format!("--{boundary}--"));
    let (mut pieces, mut from, mut at) = (Vec::new(), None, 0);
    for line in body.split_inclusive('\n') {
        let plain = line.trim_end();
        if plain == mark || plain == end {
            let piece = from.and_then(|from: usize| body.get(from..at));
            // The line break before a boundary belongs to the boundary.
            pieces.extend(piece.map(|piece| piece.strip_suffix('\n').unwrap_or(piece)));
            from = (plain == mark).then_some(at + line.len());
            if plain == end || pieces.len() > PARTS_MAX {
                return pieces;
            }
        }
        at += line.len();
    }
    pieces.extend(from.and_then(|from| body.get(from..)));
    pieces
}

fn decoded(headers: &Headers, body: &str) -> Option<Vec<u8>> {
    let encoding = header(headers, "content-transfer-encoding").unwrap_or("7bit").trim().to_ascii_lowercase();
    match encoding.as_str() {
        "7bit" | "8bit" | "binary" => Some(body.as_bytes().to_vec()),
        "base64" => unpacked(body.as_bytes()),
        "quoted-printable" => Some(unquoted(body)),
        _ => None,
    }
}

/// Quoted-printable (RFC 2045, 6.7).
fn unquoted(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'=' {
            out.push(*byte);
            continue;
        }
        if let Some(after) = rest.strip_prefix(b"\n") {
            rest = after;
            continue;
        }
        let code = rest.get(..2).and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        match code {
            Some(code) => {
                out.push(code);
                rest = rest.get(2..).unwrap_or_default();
            }
            None => out.push(b'='),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Kind, read};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    const MIME: &str = "Content-Type: multipart/mixed; boundary=\"==B==\"\r\nMIME-Version: 1.0\r\n\r\n--==B==\r\n\
        Content-Type: text/cloud-config; charset=\"us-ascii\"\r\n\r\n#cloud-config\r\nruncmd: [a]\r\n--==B==\r\n\
        Content-Type: text/x-shellscript\r\nContent-Transfer-Encoding: base64\r\n\r\nIyEvYmluL3NoCg==\r\n--==B==\r\n\
        Content-Type: text/x-shellscript-per-boot\r\n\r\n#!/bin/sh\r\necho boot\r\n--==B==--\r\n";

    fn kinds(bytes: &[u8]) -> Vec<Kind> {
        read(bytes).parts.iter().map(|part| part.kind).collect()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
        out.extend(miniz_oxide::deflate::compress_to_vec(bytes, 6));
        out.extend([0; 8]);
        out
    }

    #[test]
    fn parts_are_found_in_mime_gzip_and_base64() {
        let all = [Kind::Config, Kind::Script, Kind::PerBoot];
        assert_eq!(kinds(MIME.as_bytes()), all);
        assert_eq!(kinds(&gzip(MIME.as_bytes())), all);
        assert_eq!(kinds(STANDARD.encode(MIME).as_bytes()), all);
        assert_eq!(read(MIME.as_bytes()).parts[1].content, b"#!/bin/sh\n");
        assert_eq!(read(MIME.as_bytes()).parts[2].content, b"#!/bin/sh\necho boot");
    }

    #[test]
    fn marks_tell_the_kind() {
        for (text, kind) in [
            ("#!/bin/sh", Kind::Script),
            ("#cloud-config\na: 1", Kind::Config),
            ("#cloud-boothook\necho", Kind::Boothook),
            ("#include\nhttp://x/", Kind::Include),
            ("#include-once\nhttp://x/", Kind::Include),
        ] {
            assert_eq!(kinds(text.as_bytes()), [kind], "{text}");
        }
        for text in ["#part-handler", "#upstart-job", "## template: jinja\n#cloud-config", "hello"] {
            let found = read(text.as_bytes());
            assert!(found.parts.is_empty() && found.notes.len() == 1, "{text}");
        }
    }

    #[test]
    fn bombs_are_named() {
        let found = read(&gzip(&vec![b'#'; 1 << 20]));
        assert!(found.parts.is_empty() && found.notes.len() == 1);
        let mut deep = b"#!/bin/sh\n".to_vec();
        for _ in 0..8 {
            deep = gzip(&deep);
        }
        assert!(read(&deep).parts.is_empty());
    }
}
