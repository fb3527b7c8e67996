//! Requests in every protocol: routed, decoded as any modelled operation, and refused in words.

use crate::shape::{Anything, expect};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use std::sync::LazyLock;
use yakumo_wire::model::{Protocol, Service};
use yakumo_wire::router::Router;
use yakumo_wire::{Addressed, Body, Bytes, Head, Request, decode, encode_error};

static ROUTER: LazyLock<Router> = LazyLock::new(|| Router::new(yakumo_models::services()));

/// Whole requests: method, target, headers, empty line, body.
pub const SEEDS: &[&[u8]] = &[
    b"POST /\nx-amz-target: AmazonSQS.SendMessage\ncontent-type: application/x-amz-json-1.0\n\n{}",
    b"POST /\ncontent-type: application/x-www-form-urlencoded\n\nAction=CreateUser&Version=2010-05-08&UserName=a",
    b"POST /service/GraniteServiceVersion20100801/operation/ListMetrics\nsmithy-protocol: rpc-v2-cbor\n\n\xa0",
    b"GET /bucket/a/b?list-type=2&prefix=%41\nhost: bucket.s3.us-east-1.amazonaws.com\n\n",
    b"GET /2015-03-31/functions/f/configuration\nauthorization: AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/lambda/aws4_request\n\n",
];
/// JSON bodies behind two bytes that choose service and operation.
pub const JSON_SEEDS: &[&[u8]] = &[
    b"\0\0{}",
    b"\x01\x02{\"QueueUrl\":\"http://127.0.0.1:4566/000000000000/q\",\"MessageBody\":\"a\\u00e9\\ud83d\\ude00\",\"MessageAttributes\":{\"a\":{\"DataType\":\"String\"}}}",
    b"\x02\x10{\"Items\":[1,-2.5e300,true,null,{\"a\":[[]]}],\"Time\":1.7e9,\"Blob\":\"aGk=\"}",
];
/// Forms.
pub const QUERY_SEEDS: &[&[u8]] = &[
    b"\0\0Action=SendMessage&Version=2012-11-05",
    b"\x01\x05Action=X&Tags.member.1.Key=a&Tags.member.1.Value=%F0%9F%98%80&Attribute.1.Name=b&Attribute.10000.Name=c",
    b"\x00\x20Filter.1.Name=a&Filter.1.Value.1=b&MaxResults=5&DryRun=true",
];
/// XML bodies.
pub const XML_SEEDS: &[&[u8]] = &[
    b"\0\0<a/>",
    b"\x00\x05<?xml version=\"1.0\"?><CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>",
    b"\x01\x03<Delete><Object><Key>a&amp;&#x41;<![CDATA[b]]></Key></Object><Quiet>true</Quiet></Delete>",
];
/// CBOR bodies.
pub const CBOR_SEEDS: &[&[u8]] = &[
    b"\0\0\xa0",
    b"\0\x03\xa1iNamespacecAWS",
    b"\0\x08\xbfcfoo\x9f\x01\x20\xfb\x3f\xf0\0\0\0\0\0\0\xffcbar\xc1\x1a\x65\x00\x00\x00\xff",
];

/// Any request to the router.
pub fn router(input: &[u8]) {
    let Some((method, target, headers, body)) = whole(input) else { return };
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let scope = headers.get("authorization").and_then(|value| value.to_str().ok()).and_then(scope);
    let head = Head { method: &method, path, query, headers: &headers, host, scope, form: Some(body) };
    if let Ok(addressed) = ROUTER.address(&head) {
        read(&addressed, head, body);
    }
}

/// Bodies of awsJson.
pub fn json(input: &[u8]) {
    chosen(input, &["sqs", "dynamodb", "kms", "logs", "ssm"], Protocol::AwsJson11);
}

/// Forms of the query protocol.
pub fn query(input: &[u8]) {
    chosen(input, &["iam", "sqs", "cloudformation", "elbv2", "rds"], Protocol::AwsQuery);
}

/// Forms of EC2.
pub fn ec2_query(input: &[u8]) {
    chosen(input, &["ec2"], Protocol::Ec2Query);
}

/// Bodies and targets of restJson1.
pub fn rest_json(input: &[u8]) {
    chosen(input, &["lambda", "apigateway", "iot", "eks"], Protocol::RestJson1);
}

/// Bodies and targets of restXml.
pub fn rest_xml(input: &[u8]) {
    chosen(input, &["s3", "route53", "cloudfront"], Protocol::RestXml);
}

/// Bodies of rpcv2Cbor.
pub fn cbor(input: &[u8]) {
    chosen(input, &["cloudwatch", "shield", "codebuild"], Protocol::RpcV2Cbor);
}

/// The first two bytes choose service and operation; the rest is the body, and, up to its first line end, the query.
fn chosen(input: &[u8], services: &[&str], protocol: Protocol) {
    let [service, operation, body @ ..] = input else { return };
    let name = services.get(usize::from(*service) % services.len()).copied().unwrap_or_default();
    let Some(service) = yakumo_models::service(name) else { return };
    let at = usize::from(*operation) * 7 % service.operations.len();
    let Some(operation) = service.operations.get(at) else { return };
    let labels = labels(service, operation.input, body);
    let addressed = Addressed { service, operation, protocol, labels };
    let (method, mut headers) = (Method::POST, HeaderMap::new());
    let line = body.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if let Ok(value) = HeaderValue::from_bytes(line) {
        headers.insert("x-amz-meta-a", value.clone());
        headers.insert("content-type", value);
    }
    let query = String::from_utf8_lossy(line);
    let head = Head {
        method: &method,
        path: "/",
        query: &query,
        headers: &headers,
        host: "",
        scope: None,
        form: Some(body),
    };
    read(&addressed, head, body);
}

/// A label for each member, as the router would have found them.
fn labels(service: &'static Service, input: u32, body: &[u8]) -> Vec<(u16, String)> {
    let members = service.shape(input).members.len().min(usize::from(u16::MAX));
    let text = String::from_utf8_lossy(body.get(..body.len().min(40)).unwrap_or_default()).into_owned();
    let bound = (0..members).filter(|at| {
        let member = service.shape(input).members.get(*at);
        member.is_some_and(|member| member.location == yakumo_wire::model::Location::Uri)
    });
    bound.filter_map(|at| Some((u16::try_from(at).ok()?, text.clone()))).collect()
}

fn read(addressed: &Addressed, head: Head<'_>, body: &[u8]) {
    expect(addressed.service, addressed.operation.input);
    let request = Request { head, body: Body::Full(Bytes::copy_from_slice(body)) };
    if let Err(error) = decode::<Anything>(addressed, request) {
        encode_error(Some(addressed.service), addressed.protocol, Some(addressed.operation), &error, "id");
    }
}

/// Method, target, headers and body of a request in text.
fn whole(input: &[u8]) -> Option<(Method, String, HeaderMap, &[u8])> {
    let end = input.windows(2).position(|pair| pair == b"\n\n")?;
    let (head, body) = (input.get(..end)?, input.get(end + 2..)?);
    let head = String::from_utf8_lossy(head).into_owned();
    let (first, rest) = head.split_once('\n').unwrap_or((&head, ""));
    let (method, target) = first.split_once(' ')?;
    let mut headers = HeaderMap::new();
    for (name, value) in rest.lines().filter_map(|line| line.split_once(": ")) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.append(name, value);
        }
    }
    Some((method.parse().ok()?, target.to_owned(), headers, body))
}

/// Service and region of a credential's scope.
fn scope(authorization: &str) -> Option<(&str, &str)> {
    let (_, credential) = authorization.split_once("Credential=")?;
    let mut parts = credential.split('/').skip(2);
    let (region, service) = (parts.next()?, parts.next()?);
    Some((service, region))
}
