//! A form in a browser's encoding: its fields, then its file as a stream that ends at the boundary.
//! Source: RFC 7578.

use crate::error;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use memchr::memmem;
use yakumo_aws::{Error, Result};
use yakumo_room::ByteStream;

/// AWS: what stands in front of the file has 20 KB at most:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTForms.html>
const FIELDS_BYTES_MAX: usize = 20 * 1024;
/// How much behind the file is read, so that the connection can be used again.
const REST_BYTES_MAX: usize = 64 * 1024;

/// A form, read up to its file.
pub struct Form {
    /// Names as sent, and values.
    pub fields: Vec<(String, String)>,
    /// The name that the file has on the sender's machine, without its folders.
    pub filename: String,
    /// The file.
    pub file: ByteStream,
}

fn malformed() -> Error {
    Error::sender(
        "MalformedPOSTRequest",
        "The body of your POST request is not well-formed multipart/form-data.",
    )
}

fn without_file() -> Error {
    error::argument("POST requires exactly one file upload per request.", "file", "0")
}

/// The boundary that a content type names.
fn boundary(content_type: &str) -> Option<&str> {
    let value = content_type.split(';').find_map(|part| {
        let (name, value) = part.trim().split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then_some(value)
    })?;
    let value = value.trim().trim_matches('"');
    (!value.is_empty() && value.len() <= 70).then_some(value)
}

/// What is read of the body and not yet taken.
struct Source {
    body: ByteStream,
    buffer: BytesMut,
    read: usize,
}

impl Source {
    /// Reads on; `false` at the end of the body.
    async fn more(&mut self) -> Result<bool> {
        match self.body.next().await {
            Some(piece) => {
                let piece = piece?;
                self.read += piece.len();
                self.buffer.extend_from_slice(&piece);
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Everything up to `end`, which is taken too.
    async fn until(&mut self, end: &[u8]) -> Result<Bytes> {
        let mut seen = 0;
        loop {
            let from = seen.min(self.buffer.len());
            if let Some(at) = memmem::find(self.buffer.get(from..).unwrap_or_default(), end) {
                let taken = self.buffer.split_to(from + at).freeze();
                let _ = self.buffer.split_to(end.len());
                return Ok(taken);
            }
            if self.buffer.len() > FIELDS_BYTES_MAX {
                return Err(too_large());
            }
            seen = self.buffer.len().saturating_sub(end.len());
            if !self.more().await? {
                return Err(malformed());
            }
        }
    }

    /// The next `count` bytes, which stay.
    async fn peek(&mut self, count: usize) -> Result<&[u8]> {
        while self.buffer.len() < count {
            if !self.more().await? {
                return Err(malformed());
            }
        }
        Ok(self.buffer.get(..count).unwrap_or_default())
    }
}

fn too_large() -> Error {
    let text = "Your POST request fields preceding the upload file were too large.";
    Error::sender("MaxPostPreDataLengthExceededError", text)
        .with_field("MaxPostPreDataLength", FIELDS_BYTES_MAX.to_string())
}

/// Reads a form up to its file.
///
/// # Errors
/// What is no form, has no file, or has too much in front of it.
pub async fn read(content_type: &str, body: ByteStream) -> Result<Form> {
    let boundary = boundary(content_type).ok_or_else(malformed)?;
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    // The first boundary may stand at the very beginning.
    let mut source = Source { body, buffer: BytesMut::from(&b"\r\n"[..]), read: 0 };
    source.until(&delimiter).await?;
    let (mut fields, mut bytes) = (Vec::new(), 0);
    loop {
        if source.peek(2).await? == b"--" {
            return Err(without_file());
        }
        source.until(b"\r\n").await?;
        // A part without headers begins with the empty line at once, which no form has.
        let head = source.until(b"\r\n\r\n").await?;
        let part = Part::read(&head).ok_or_else(malformed)?;
        if part.name.eq_ignore_ascii_case("file") {
            let filename = part.filename.unwrap_or_default();
            return Ok(Form { fields, filename, file: file(source, delimiter) });
        }
        let value = source.until(&delimiter).await?;
        bytes += head.len() + value.len();
        if bytes > FIELDS_BYTES_MAX {
            return Err(too_large());
        }
        let value = String::from_utf8(value.to_vec()).map_err(|_| malformed())?;
        fields.push((part.name, value));
    }
}

/// The head of a part.
struct Part {
    name: String,
    filename: Option<String>,
}

impl Part {
    fn read(head: &[u8]) -> Option<Part> {
        let head = String::from_utf8_lossy(head);
        let disposition = head.split("\r\n").find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
        })?;
        let name = parameter(disposition, "name")?;
        // Some browsers send the whole path.
        let filename = parameter(disposition, "filename");
        let filename = filename.map(|path| path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned());
        Some(Part { name, filename })
    }
}

/// A parameter of a header: `name="value"` or `name=value`.
fn parameter(header: &str, wanted: &str) -> Option<String> {
    let mut rest = header;
    while let Some((_, behind)) = rest.split_once(';') {
        let (name, value) = behind.split_once('=')?;
        let (value, tail) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_at(value.find(';').unwrap_or(value.len())),
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value.trim().replace("%22", "\"").replace("%0D", "\r").replace("%0A", "\n"));
        }
        rest = tail;
    }
    None
}

/// The file: what comes before the next delimiter. It is an error when none comes.
fn file(source: Source, delimiter: Vec<u8>) -> ByteStream {
    let pieces = futures_util::stream::try_unfold(Some((source, delimiter)), |state| async move {
        let Some((mut source, delimiter)) = state else { return Ok(None) };
        loop {
            if let Some(at) = memmem::find(&source.buffer, &delimiter) {
                let last = source.buffer.split_to(at).freeze();
                let until = source.read + REST_BYTES_MAX;
                while source.read < until && source.more().await? {
                    source.buffer.clear();
                }
                return Ok(Some((last, None)));
            }
            let sure = source.buffer.len().saturating_sub(delimiter.len() - 1);
            if sure > 0 {
                let piece = source.buffer.split_to(sure).freeze();
                return Ok(Some((piece, Some((source, delimiter)))));
            }
            if !source.more().await? {
                return Err(malformed());
            }
        }
    });
    ByteStream::new(pieces)
}

#[cfg(test)]
mod tests {
    use super::{boundary, parameter, read};
    use bytes::Bytes;
    use futures_util::stream;
    use yakumo_room::ByteStream;

    const TYPE: &str = "multipart/form-data; boundary=XX";

    /// The same text in pieces of every size must read the same.
    type Found<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);

    async fn check(text: &str, expected: Result<Found<'_>, &str>) {
        for size in [1, 2, 3, 7, 1000] {
            let pieces: Vec<_> =
                text.as_bytes().chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
            let body = ByteStream::new(stream::iter(pieces));
            let outcome = async {
                let form = read(TYPE, body).await?;
                Ok((form.fields, form.filename, form.file.collect(1000).await?))
            };
            match (outcome.await, &expected) {
                (Ok((fields, filename, file)), Ok((wanted, name, content))) => {
                    let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                    assert_eq!((fields.as_slice(), filename.as_str()), (*wanted, *name));
                    assert_eq!(file, content.as_bytes());
                }
                (Err(error), Err(code)) => {
                    let error: yakumo_aws::Error = error;
                    assert_eq!(error.code, *code, "{text:?}");
                }
                (outcome, _) => panic!("{text:?}: {outcome:?}"),
            }
        }
    }

    #[tokio::test]
    async fn forms() {
        let field = "--XX\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\na\r\nb\r\n";
        let file = "--XX\r\ncontent-disposition: form-data; filename=\"C:\\x\\p.png\"; name=\"file\"\r\n\
                    Content-Type: image/png\r\n\r\nbytes\r\n-XX\r\n--X";
        check(
            &format!("{field}{file}\r\n--XX--\r\n"),
            Ok((&[("key", "a\r\nb")], "p.png", "bytes\r\n-XX\r\n--X")),
        )
        .await;
        check(&format!("{file}\r\n--XX\r\nmore"), Ok((&[], "p.png", "bytes\r\n-XX\r\n--X"))).await;
        check(&format!("{field}--XX--\r\n"), Err("InvalidArgument")).await;
        check(&format!("{field}{file}"), Err("MalformedPOSTRequest")).await;
        check("nothing", Err("MalformedPOSTRequest")).await;
        check("--XX\r\nno head\r\n\r\nx\r\n--XX--", Err("MalformedPOSTRequest")).await;
        let long = format!("{}{field}", field.replace("a\r\nb", &"x".repeat(21_000)));
        check(&long, Err("MaxPostPreDataLengthExceededError")).await;
    }

    #[test]
    fn parameters() {
        assert_eq!(boundary("multipart/form-data; boundary=\"a b\""), Some("a b"));
        assert_eq!(boundary("multipart/form-data"), None);
        assert_eq!(parameter("form-data; name=\"a;b\"; filename=c", "filename").as_deref(), Some("c"));
        assert_eq!(parameter("form-data; name=\"a", "name"), None);
    }
}
