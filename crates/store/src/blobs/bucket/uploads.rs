//! Unfinished multipart uploads: found and ended. The library has no call that lists them, so the request is ours.

use std::time::Duration;

use http::Method;
use object_store::client::{HttpError, HttpRequestBody};
use object_store::multipart::MultipartStore;
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};

use super::{Bodies, away, wire};
use crate::StoreError;

/// How long a signature is good for.
const SIGNED_FOR: Duration = Duration::from_secs(60);

/// An unfinished upload.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Upload {
    pub(super) key: String,
    pub(super) id: String,
}

/// One page of a list.
#[derive(Debug, Default, PartialEq, Eq)]
struct Page {
    uploads: Vec<Upload>,
    /// Where the next page begins: the key and the id after which it does.
    next: Option<(String, String)>,
}

impl Bodies {
    /// The unfinished uploads to keys with a prefix.
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>
    pub(super) async fn uploads(&self, prefix: &str) -> Result<Vec<Upload>, StoreError> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self
                .uploads_after(prefix, after)
                .await
                .map_err(|error| self.away("listing uploads", error))?;
            found.extend(page.uploads);
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    async fn uploads_after(
        &self,
        prefix: &str,
        after: Option<(String, String)>,
    ) -> Result<Page, object_store::Error> {
        let Some(s3) = &self.s3 else { return Ok(Page::default()) };
        let mut query = vec![("uploads", String::new()), ("prefix", prefix.to_owned())];
        if let Some((key, id)) = after {
            query.extend([("key-marker", key), ("upload-id-marker", id)]);
        }
        let options = SignedUrlOptions::new().with_query(query);
        let url = s3.signed_url_opts(Method::GET, &Path::default(), SIGNED_FOR, &options).await?;
        let request = http::Request::get(url.as_str()).body(HttpRequestBody::empty()).map_err(generic)?;
        let answer = wire::client()?.execute(request).await.map_err(generic)?;
        let status = answer.status();
        let text = answer.into_body().bytes().await.map_err(generic)?;
        let text = String::from_utf8_lossy(&text);
        if !status.is_success() {
            let source = format!("listing uploads: status code: {status}: {text}").into();
            return Err(match status.as_u16() {
                403 => object_store::Error::PermissionDenied { path: prefix.to_owned(), source },
                404 => object_store::Error::NotFound { path: prefix.to_owned(), source },
                _ => object_store::Error::Generic { store: "S3", source },
            });
        }
        parse(&text).ok_or_else(|| object_store::Error::Generic {
            store: "S3",
            source: format!("no list of uploads: {text}").into(),
        })
    }

    /// Ends an upload; it need not be there.
    pub(super) async fn abort(&self, upload: &Upload) -> Result<(), StoreError> {
        let Some(s3) = &self.s3 else { return Ok(()) };
        match s3.abort_multipart(&Path::from(upload.key.as_str()), &upload.id).await {
            Err(error) if !away::is_missing(&error) => Err(self.away("ending an upload", error)),
            _ => Ok(()),
        }
    }
}

fn generic(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> object_store::Error {
    object_store::Error::Generic { store: "S3", source: error.into() }
}

/// Reads a page of `ListMultipartUploadsResult`; `None` when it is something else.
fn parse(text: &str) -> Option<Page> {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut page, mut open, mut words) = (Page::default(), Vec::new(), String::new());
    let (mut key, mut id, mut next_key, mut next_id) =
        (String::new(), String::new(), String::new(), String::new());
    let mut truncated = false;
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                open.push(start.local_name().as_ref().to_owned());
                words.clear();
            }
            Event::Text(text) => words.push_str(&text),
            Event::GeneralRef(reference) => match reference.resolve_char_ref().ok()? {
                Some(letter) => words.push(letter),
                None => words.push_str(quick_xml::escape::resolve_predefined_entity(&reference)?),
            },
            Event::End(_) => {
                let name = open.pop()?;
                let within = open.last().map(String::as_str);
                match (within, name.as_str()) {
                    (Some("Upload"), "Key") => key = std::mem::take(&mut words),
                    (Some("Upload"), "UploadId") => id = std::mem::take(&mut words),
                    (_, "Upload") => {
                        page.uploads
                            .push(Upload { key: std::mem::take(&mut key), id: std::mem::take(&mut id) });
                    }
                    (_, "IsTruncated") => truncated = words.trim() == "true",
                    (_, "NextKeyMarker") => next_key = std::mem::take(&mut words),
                    (_, "NextUploadIdMarker") => next_id = std::mem::take(&mut words),
                    (None, "ListMultipartUploadsResult") => {
                        page.next = truncated.then_some((next_key, next_id));
                        return Some(page);
                    }
                    _ => {}
                }
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

/// So that `?` works where the library wants its own error.
impl From<wire::NoWire> for object_store::Error {
    fn from(error: wire::NoWire) -> object_store::Error {
        generic(HttpError::new(object_store::client::HttpErrorKind::Unknown, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_uploads_is_read() {
        let text = "<?xml version=\"1.0\"?><ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
            <Bucket>b</Bucket><KeyMarker></KeyMarker><NextKeyMarker>k2</NextKeyMarker><NextUploadIdMarker>u2\
            </NextUploadIdMarker><IsTruncated>true</IsTruncated><Upload><Key>a&amp;b</Key><UploadId>u1</UploadId>\
            <Initiator><ID>i</ID></Initiator></Upload></ListMultipartUploadsResult>";
        let upload = Upload { key: "a&b".into(), id: "u1".into() };
        let next = Some(("k2".to_owned(), "u2".to_owned()));
        assert_eq!(parse(text), Some(Page { uploads: vec![upload], next }));
        let empty =
            "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>";
        assert_eq!(parse(empty), Some(Page::default()));
        for wrong in ["", "<html></html>", "no", "<ListMultipartUploadsResult><Upload>"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
