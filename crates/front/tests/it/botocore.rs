//! botocore signs, we verify. Skipped, loudly, where python3 has no botocore.

use http::{HeaderName, HeaderValue, Request, Uri};
use serde_json::Value;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use yakumo_aws::Timestamp;
use yakumo_front::body::sha256;
use yakumo_front::signature::{BodyHash, Family, Head, Refusal, Rules, SigningKeys, parse, verify};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_secs(i64::try_from(since.as_secs()).unwrap())
}

fn request(line: &Value) -> Request<Vec<u8>> {
    let text = |name: &str| line[name].as_str().unwrap();
    let uri: Uri = text("url").parse().unwrap();
    let target = uri.path_and_query().unwrap().as_str().to_owned();
    let mut request =
        Request::builder().method(text("method")).uri(target).body(text("body").as_bytes().to_vec()).unwrap();
    for (name, value) in line["headers"].as_object().unwrap() {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().insert(name, HeaderValue::from_str(value.as_str().unwrap()).unwrap());
    }
    request
}

fn check(line: &Value, secret: &str) -> Result<(), Refusal> {
    let request = request(line);
    let head = Head::from(&request);
    let presented = parse(head)?.expect("botocore signed it");
    let family = if line["service"] == "s3" { Family::S3 } else { Family::Query };
    let body = BodyHash::Known(sha256(request.body()));
    verify(&presented, head, secret, body, now(), Rules::of(family), &SigningKeys::default()).map(drop)
}

#[test]
fn what_botocore_signs_verifies() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/oracle.py");
    let output = Command::new("python3").arg(script).output();
    let Some(output) = output.ok().filter(|output| output.status.success()) else {
        eprintln!("SKIPPED: python3 with botocore is not installed, so its signatures were not compared");
        return;
    };
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 20, "the script grew or shrank");
    for line in lines {
        check(&line, SECRET).unwrap_or_else(|refusal| panic!("{refusal}\n{line:#}"));
        assert!(matches!(check(&line, "another secret"), Err(Refusal::SignatureMismatch(_))), "{line:#}");
    }
}
