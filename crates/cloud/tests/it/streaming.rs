//! Bodies that stream: what arrives is what was signed, nothing is held whole, and a broken one ends in an error.

use crate::{Door, door};
use bytes::Bytes;
use futures_util::StreamExt;
use http::Request;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use yakumo_api_s3::{GetObject, GetObjectInput, GetObjectOutput, PutObject, PutObjectInput, PutObjectOutput};
use yakumo_front::signature::{Algorithm, Credentials, PayloadHash, SignedPayload, Signer};
use yakumo_room::{Access, Ctx, Need, Room, host_now};
use yakumo_testkit::Reply;
use yakumo_wire::ByteStream;

/// Counts what a PutObject brings to its end, and gives as many zeros back.
async fn bucket() -> (Door, Arc<AtomicU64>) {
    let published = Arc::new(AtomicU64::new(0));
    let put = {
        let published = published.clone();
        move |_: Ctx, input: PutObjectInput| {
            let published = published.clone();
            async move {
                let mut body: ByteStream = input.body;
                let mut length = 0;
                while let Some(piece) = body.next().await {
                    length += piece?.len() as u64;
                }
                // The length that the model has is that of the body as it arrives here, chunks' framing left out.
                let announced = input.content_length.map(|bytes| u64::try_from(bytes).unwrap());
                assert_eq!(announced, Some(length));
                published.store(length, Ordering::SeqCst);
                Ok(PutObjectOutput::default())
            }
        }
    };
    let get = |_: Ctx, _: GetObjectInput| async {
        let pieces = futures_util::stream::iter((0..64).map(|_| Ok(Bytes::from_static(&[0; 16_384]))));
        Ok(GetObjectOutput { body: ByteStream::new(pieces), ..Default::default() })
    };
    let room =
        Room::new("s3").on(PutObject, rule("s3:PutObject"), put).on(GetObject, rule("s3:GetObject"), get);
    (door(room).await, published)
}

fn rule<I: Sync>(action: &'static str) -> Access<I> {
    Access::needs([action], move |ctx: &Ctx, _: &I| {
        Box::pin(async move { Ok(vec![Need::new(action, "arn:aws:s3:::bucket/key", ctx.account())]) })
    })
}

fn signer() -> Signer<'static> {
    let credentials = Credentials { access_key_id: "test", secret_access_key: "test", session_token: None };
    Signer { credentials, region: "us-east-1", service: "s3", now: host_now(), algorithm: Algorithm::V4 }
}

async fn put(door: &Door, signed: SignedPayload<'_>, sent: &'static [u8], more: &[(&str, &str)]) -> Reply {
    let mut request = Request::put("/bucket/key").header("host", door.address.to_string());
    for (name, value) in more {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Bytes::from_static(sent)).unwrap();
    signer().sign(&mut request, signed).unwrap();
    door.root.send_signed(request).await.unwrap()
}

fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(&reply.body).into_owned()
}

#[tokio::test]
async fn a_body_is_held_against_its_signed_hash_while_it_lands() {
    let (door, published) = bucket().await;
    assert_eq!(put(&door, SignedPayload::Bytes(b"hello"), b"hello", &[]).await.status, 200);
    assert_eq!(published.swap(0, Ordering::SeqCst), 5);
    let tampered = put(&door, SignedPayload::Bytes(b"hello"), b"hullo", &[]).await;
    assert_eq!(tampered.status, 400, "{}", text(&tampered));
    assert!(text(&tampered).contains("<Code>XAmzContentSHA256Mismatch</Code>"), "{}", text(&tampered));
    assert_eq!(published.load(Ordering::SeqCst), 0, "what was not signed is not published");
}

#[tokio::test]
async fn a_chunked_body_arrives_without_its_framing() {
    let (door, published) = bucket().await;
    let signed = SignedPayload::Reserved(PayloadHash::StreamingUnsignedTrailer);
    let head = [
        ("x-amz-decoded-content-length", "5"),
        ("content-encoding", "aws-chunked"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
    ];
    let good = put(&door, signed, b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", &head).await;
    assert_eq!((good.status.as_u16(), published.swap(0, Ordering::SeqCst)), (200, 5), "{}", text(&good));
    let bad = put(&door, signed, b"5\r\nhullo\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", &head).await;
    assert_eq!((bad.status.as_u16(), published.load(Ordering::SeqCst)), (400, 0), "{}", text(&bad));
}

#[tokio::test]
async fn an_answer_streams_out_and_a_stranger_gets_none() {
    let (door, _) = bucket().await;
    let get = |secret: &'static str| {
        let mut request =
            Request::get("/bucket/key").header("host", door.address.to_string()).body(Bytes::new()).unwrap();
        let credentials =
            Credentials { access_key_id: "test", secret_access_key: secret, session_token: None };
        Signer { credentials, ..signer() }.sign(&mut request, SignedPayload::Bytes(b"")).unwrap();
        door.root.send_signed(request)
    };
    let reply = get("test").await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.body.len()), (200, 64 * 16_384));
    let refused = get("other").await.unwrap();
    assert_eq!(refused.status, 403);
    assert!(text(&refused).contains("<Code>SignatureDoesNotMatch</Code>"), "{}", text(&refused));
}
