//! Hostile input: no head, however mangled, makes the signature code panic, and none passes.

use super::{NOW_S, SECRET};
use crate::signature::{BodyHash, Family, Head, Rules, SigningKeys, parse, verify};
use http::{HeaderValue, Request, Uri};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use yakumo_aws::Timestamp;

/// Pieces that signatures are made of, in any order, and noise.
fn mangled() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("AWS4-HMAC-SHA256 ".to_owned()),
        Just("AWS4-ECDSA-P256-SHA256 ".to_owned()),
        Just("Credential=AKID/20260101/us-east-1/sqs/aws4_request".to_owned()),
        Just("Credential=AKID/20260101/sqs/aws4_request".to_owned()),
        Just("SignedHeaders=host;;x-amz-date".to_owned()),
        Just("Signature=00".to_owned()),
        Just(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20260101%2Fr%2Fs3%2Faws4_request"
                .to_owned()
        ),
        Just(
            "X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=%zz&X-Amz-Expires=9"
                .to_owned()
        ),
        Just(", ".to_owned()),
        Just("&".to_owned()),
        Just("%".to_owned()),
        Just("/../".to_owned()),
        "[ -~]{0,12}",
    ];
    prop::collection::vec(pieces, 0..9).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn hostile_heads_never_panic(
        path in "[!-~]{0,24}",
        query in mangled(),
        authorization in mangled(),
        date in prop_oneof![Just("20260101T000000Z".to_owned()), "[ -~]{0,20}"],
        noise in any::<[u8; 32]>(),
    ) {
        let target = format!("/{path}?{query}").replace(['#', ' '], "");
        let Ok(uri) = target.parse::<Uri>() else { return Ok(()) };
        let mut request = Request::get(uri).header("host", "h").body(()).unwrap();
        let pairs = [("authorization", authorization.as_bytes()), ("x-amz-date", date.as_bytes()), ("x-amz-a", &noise)];
        for (name, value) in pairs {
            if let Ok(value) = HeaderValue::from_bytes(value) && !value.is_empty() {
                request.headers_mut().insert(name, value);
            }
        }
        let head = Head::from(&request);
        let families = [Family::Json, Family::Query, Family::Ec2, Family::S3, Family::Rest];
        match parse(head) {
            Err(refusal) => families.iter().for_each(|family| drop(refusal.error(*family))),
            Ok(None) => {}
            Ok(Some(presented)) => for family in families {
                let (keys, now) = (SigningKeys::default(), Timestamp::from_secs(NOW_S));
                let known = BodyHash::Known(noise);
                let result = verify(&presented, head, SECRET, known, now, Rules::of(family), &keys);
                drop(result.expect_err("nobody guesses a signature").error(family));
            },
        }
    }
}
