//! What it costs to verify one signed SendMessage of 1 KB, in microseconds: run with `--release`.
#![allow(clippy::print_stdout, reason = "an example whose purpose is to print")]

use http::Request;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;
use yakumo_aws::Timestamp;
use yakumo_front::body::sha256;
use yakumo_front::signature::{
    Algorithm, BodyHash, Credentials, Family, Head, Rules, SignedPayload, Signer, SigningKeys, parse, verify,
};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const ROUNDS: u32 = 200_000;

fn request(algorithm: Algorithm, now: Timestamp) -> Result<Request<Vec<u8>>, yakumo_aws::Error> {
    let body = vec![b'm'; 1024];
    let mut request = Request::post("http://localhost:4566/")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", "AmazonSQS.SendMessage")
        .header("x-amzn-query-mode", "true")
        .header("content-length", "1024")
        .header("user-agent", "Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1 os/linux lang/python#3.13")
        .header("amz-sdk-invocation-id", "8ad2e6f0-7c8f-4bb0-9d4c-3f6f5d0a9a7c")
        .header("amz-sdk-request", "attempt=1")
        .body(body.clone())
        .map_err(yakumo_aws::Error::internal)?;
    let signer = Signer {
        credentials: Credentials {
            access_key_id: "AKIDEXAMPLE",
            secret_access_key: SECRET,
            session_token: None,
        },
        region: "us-east-1",
        service: "sqs",
        now,
        algorithm,
    };
    signer.sign(&mut request, SignedPayload::Bytes(&body))?;
    Ok(request)
}

fn micros(rounds: u32, mut work: impl FnMut()) -> f64 {
    let begun = Instant::now();
    for _ in 0..rounds {
        work();
    }
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
}

fn main() -> Result<(), Box<dyn Error>> {
    let now = Timestamp::from_secs(1_767_225_600);
    let keys = SigningKeys::default();
    for (algorithm, rounds) in [(Algorithm::V4, ROUNDS), (Algorithm::V4a, ROUNDS / 20)] {
        let request = request(algorithm, now)?;
        let head = Head::from(&request);
        let hash = sha256(request.body());
        let presented = parse(head).map_err(|refusal| refusal.to_string())?.ok_or("not signed")?;
        let rules = Rules::of(Family::Json);
        let check = || verify(&presented, head, SECRET, BodyHash::Known(hash), now, rules, &keys);
        check().map_err(|refusal| refusal.to_string())?;
        println!("{}", algorithm.as_str());
        println!("  hash the body   {:6.2} us", micros(rounds, || _ = black_box(sha256(request.body()))));
        println!("  parse           {:6.2} us", micros(rounds, || drop(black_box(parse(head)))));
        println!("  verify, key hit {:6.2} us", micros(rounds, || drop(black_box(check()))));
        let cold = || {
            let keys = SigningKeys::default();
            drop(black_box(verify(&presented, head, SECRET, BodyHash::Known(hash), now, rules, &keys)));
        };
        println!("  verify, no key  {:6.2} us", micros(rounds / 10, cold));
    }
    Ok(())
}
