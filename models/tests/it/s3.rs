//! What is special about S3, through a dynamic output: its model has quirks that no other service has.

use crate::Sent;
use yakumo_wire::{Encoder, Error, Shape, Timestamp, encode, encode_error};

/// An output written by hand: S3 has no typed API yet.
struct Written(fn(&mut dyn Encoder));

impl Default for Written {
    fn default() -> Written {
        Written(|_| {})
    }
}

impl Shape for Written {
    fn emit(&self, to: &mut dyn Encoder) {
        (self.0)(to);
    }
}

fn check(path: &str, write: fn(&mut dyn Encoder), body: &str) {
    let addressed = Sent::new("GET", path, "").scope("s3").address().unwrap();
    let response = encode(&addressed, Written(write), "r-1");
    let expected = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{body}");
    assert_eq!(std::str::from_utf8(response.body.bytes().unwrap()).unwrap(), expected);
    assert_eq!(response.headers["x-amz-request-id"], "r-1");
    assert_eq!(response.headers["content-type"], "application/xml");
}

#[test]
fn answers_have_s3_s_roots() {
    let ns = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
    check(
        "/b?location",
        |to| {
            to.member(0);
            to.string("eu-west-1");
        },
        &format!("<LocationConstraint {ns}>eu-west-1</LocationConstraint>"),
    );
    check("/b?location", |_| {}, &format!("<LocationConstraint {ns}/>"));
    check(
        "/",
        |to| {
            to.member(0);
            to.open_list(1);
            to.item();
            to.open_structure();
            to.member(0);
            to.string("a&b");
            to.member(1);
            to.timestamp(Timestamp::from_secs(0));
            to.close();
            to.close();
        },
        &format!(
            "<ListAllMyBucketsResult {ns}><Buckets><Bucket><Name>a&amp;b</Name><CreationDate>1970-01-01T00:00:00.000Z</CreationDate>\
         </Bucket></Buckets></ListAllMyBucketsResult>"
        ),
    );
}

#[test]
fn errors_stand_bare() {
    let addressed = Sent::new("GET", "/b/k", "").scope("s3").address().unwrap();
    let error = Error::sender("NoSuchKey", "The specified key does not exist.").with_field("Key", "k");
    let response = encode_error(Some(addressed.service), addressed.protocol, None, &error, "r-1");
    assert_eq!(response.status, 404);
    assert_eq!(
        std::str::from_utf8(response.body.bytes().unwrap()).unwrap(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message>\
         <Key>k</Key><RequestId>r-1</RequestId></Error>"
    );
}
