//! botocore's protocol test vectors (made from Smithy's), run from the service's side: a client's request must decode to
//! its parameters; a result or error must encode to the answer that the client expects.
//!
//! `tests/not_applicable.txt` lists the vectors that do not apply, with the reason. A listed vector that passes, or that
//! does not exist, fails the test.

use crate::compare;
use crate::dynamic::{Structure, collect, expect};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::OnceLock;
use yakumo_wire::model::{Embedded, Protocol, Service};
use yakumo_wire::router::{Head, Router};
use yakumo_wire::{Addressed, Body, Bytes, Error, Request, Response, decode, encode, encode_error};

/// Every vector: `input/query/CaseId` -> why it failed, or `None`.
fn run() -> BTreeMap<String, Option<String>> {
    let mut outcome = BTreeMap::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    for direction in ["input", "output"] {
        for entry in std::fs::read_dir(root.join(direction)).unwrap() {
            let path = entry.unwrap().path();
            let cases: Vec<Json> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            for case in &cases {
                let file = path.file_stem().unwrap().to_str().unwrap();
                let name = format!("{direction}/{file}/{}", case["id"].as_str().unwrap());
                let check = if direction == "input" { input } else { output };
                let result = catch_unwind(AssertUnwindSafe(|| check(case)));
                let failure = result.err().map(|panic| match panic.downcast::<String>() {
                    Ok(text) => *text,
                    Err(other) => other.downcast_ref::<&str>().unwrap_or(&"?").to_string(),
                });
                outcome.insert(name, failure);
            }
        }
    }
    outcome
}

#[test]
fn every_vector_that_applies_passes() {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/not_applicable.txt"))
            .unwrap();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let listed: BTreeMap<&str, &str> = lines.map(|line| line.split_once(' ').expect("a reason")).collect();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = run();
    std::panic::set_hook(hook);
    let mut wrong = Vec::new();
    for (name, failure) in &outcome {
        match (failure, listed.contains_key(name.as_str())) {
            (Some(failure), false) => wrong.push(format!("{name} fails: {failure}")),
            (None, true) => wrong.push(format!("{name} is listed but passes")),
            _ => {}
        }
    }
    wrong.extend(
        listed.keys().filter(|name| !outcome.contains_key(**name)).map(|name| format!("{name} is unknown")),
    );
    assert!(outcome.len() > 500);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), outcome.len(), wrong.join("\n"));
}

fn embed(case: &Json) -> &'static [Embedded] {
    let lines: Vec<&str> =
        case["api"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    let mut api = yakumo_codegen::parse(&(lines.join("\n") + "\n")).unwrap();
    // The namespace of errors is not in botocore's models; services have it from their overlay.
    let body = case["response"]["body"].as_str().and_then(|body| match api.protocols[0].as_str() {
        "smithy-rpc-v2-cbor" if !body.is_empty() => Some(compare::cbor(&base64(body))),
        _ => serde_json::from_str::<Json>(body).ok(),
    });
    let kind = body.as_ref().and_then(|body| body["__type"].as_str()).and_then(|kind| kind.split_once('#'));
    api.error_namespace = kind.map(|(namespace, _)| namespace.to_owned()).unwrap_or_default();
    let packed: &'static [u8] = yakumo_codegen::pack(&api).unwrap().leak();
    let service = Service::unpack(packed);
    Box::leak(Box::new([Embedded {
        name: service.name,
        target_prefix: service.target_prefix,
        signing_name: service.signing_name,
        endpoint_prefix: service.endpoint_prefix,
        api_version: service.api_version,
        id: service.id,
        protocols: service.protocols.to_vec().leak(),
        packed,
        cell: OnceLock::from(service),
    }]))
}

fn input(case: &Json) {
    let embedded = embed(case);
    let serialized = &case["serialized"];
    let uri = serialized["uri"].as_str().unwrap_or("/");
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let method: Method = serialized["method"].as_str().unwrap_or("POST").parse().unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in serialized["headers"].as_object().into_iter().flatten() {
        let value = HeaderValue::try_from(value.as_str().unwrap()).unwrap();
        headers.insert(HeaderName::try_from(name.as_str()).unwrap(), value);
    }
    let text = serialized["body"].as_str().unwrap_or_default();
    let cbor = embedded[0].protocols[0] == Protocol::RpcV2Cbor;
    let body = if cbor { base64(text) } else { Bytes::from(text.to_owned()) };
    let head = Head {
        method: &method,
        path,
        query,
        headers: &headers,
        host: serialized["host"].as_str().unwrap_or("localhost"),
        scope: Some((embedded[0].signing_name, "us-east-1")),
        form: Some(&body),
    };
    let addressed = Router::new(embedded).address(&head).expect("an operation is addressed");
    assert_eq!(addressed.operation.name, case["operation"]);
    let (service, shape) = (addressed.service, addressed.operation.input);
    expect(service, shape);
    let read: Structure =
        decode(&addressed, Request { head, body: Body::Full(body.clone()) }).expect("it decodes");
    assert_eq!(read.members, Structure::new(service, shape, &case["params"]).members);
}

fn base64(text: &str) -> Bytes {
    use ::base64::Engine;
    Bytes::from(::base64::engine::general_purpose::STANDARD.decode(text).unwrap())
}

fn output(case: &Json) {
    let embedded = embed(case);
    let service = embedded[0].service();
    let operation = service.operation(case["operation"].as_str().unwrap()).unwrap();
    let addressed = Addressed::direct(service, operation);
    let request_id = case["response"]["headers"]["X-Amzn-Requestid"].as_str().unwrap_or("request-id");
    let response = match case.get("errorCode").and_then(Json::as_str) {
        Some(code) => {
            let mut error = Error::sender(code.to_owned(), case["errorMessage"].as_str().unwrap_or_default());
            for (name, value) in case["error"].as_object().into_iter().flatten() {
                if !name.eq_ignore_ascii_case("message") {
                    let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    error = error.with_field(name.clone(), value);
                }
            }
            encode_error(Some(service), addressed.protocol, Some(operation), &error, request_id)
        }
        None => encode(&addressed, Structure::new(service, operation.output, &case["result"]), request_id),
    };
    answer(&addressed, &case["response"], response);
}

fn answer(addressed: &Addressed, expected: &Json, response: Response) {
    assert_eq!(response.status, expected["status_code"]);
    for (name, value) in expected["headers"].as_object().into_iter().flatten() {
        // The length is the listener's to write; parameters of a content type differ from vector to vector.
        if name.eq_ignore_ascii_case("content-length") {
            continue;
        }
        let strip = |value: &str| match name.eq_ignore_ascii_case("content-type") {
            true => value.split(';').next().unwrap_or_default().to_owned(),
            false => value.to_owned(),
        };
        let found = response.headers.get(name.as_str()).map(|value| strip(value.to_str().unwrap()));
        assert_eq!(found, value.as_str().map(strip), "header {name}");
    }
    let body = match response.body {
        Body::Full(bytes) => bytes,
        Body::Stream(stream) => collect(stream),
    };
    let wanted = expected["body"].as_str().unwrap_or_default();
    let kind = response.headers.get("content-type").map_or("", |kind| kind.to_str().unwrap()).to_owned();
    let text = || std::str::from_utf8(&body).unwrap().to_owned();
    if addressed.protocol == Protocol::RpcV2Cbor {
        assert_eq!(body.is_empty(), wanted.is_empty());
        if !wanted.is_empty() {
            assert_eq!(compare::cbor(&body), compare::cbor(&base64(wanted)));
        }
    } else if kind.contains("json") && !wanted.is_empty() {
        let parse = |text: &str| serde_json::from_str::<Json>(text).expect("JSON");
        assert_eq!(parse(&text()), parse(wanted));
    } else if kind.contains("xml") && !wanted.is_empty() {
        assert_eq!(compare::xml(&text()), compare::xml(wanted), "{}", text());
    } else if !wanted.is_empty() {
        assert_eq!(text(), wanted);
    }
}
