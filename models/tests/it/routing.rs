//! Every modelled operation of every service is addressed from a request that is built from its model.

use crate::Sent;
use yakumo_wire::model::{Location, Operation, Protocol, Service};
use yakumo_wire::router::AddressError;

fn sent(service: &Service, protocol: Protocol, operation: &Operation) -> Sent {
    let name = operation.name;
    match protocol {
        Protocol::AwsJson10 | Protocol::AwsJson11 => {
            Sent::json(&format!("{}.{name}", service.target_prefix), "{}")
        }
        Protocol::AwsQuery | Protocol::Ec2Query => {
            Sent::form("/", &format!("Action={name}&Version={}", service.api_version))
        }
        Protocol::RpcV2Cbor => {
            Sent::new("POST", &format!("/service/{}/operation/{name}", service.target_prefix), "")
                .header("smithy-protocol", "rpc-v2-cbor")
        }
        Protocol::RestJson1 | Protocol::RestXml => rest(service, operation),
    }
}

fn rest(service: &Service, operation: &Operation) -> Sent {
    let (path, query) = operation.uri.split_once('?').unwrap_or((operation.uri, ""));
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| match segment.strip_prefix('{') {
            Some(label) if label.ends_with("+}") => "some/key".to_owned(),
            Some(_) => "la%2Fbel".to_owned(),
            None => segment.to_owned(),
        })
        .collect();
    let mut query: Vec<String> =
        query.split('&').filter(|pair| !pair.is_empty()).map(str::to_owned).collect();
    let required = service.shape(operation.input).members.iter().filter(|member| member.required());
    query.extend(
        required.clone().filter(|it| it.location == Location::Query).map(|it| format!("{}=v", it.wire)),
    );
    // One path for two operations: clients tell them apart by `x-id`.
    if operation.name == "ListDirectoryBuckets" {
        query.push("x-id=ListDirectoryBuckets".to_owned());
    }
    let mut sent =
        Sent::new(operation.http_method, &format!("{}?{}", segments.join("/"), query.join("&")), "");
    for member in required.filter(|member| member.location == Location::Header) {
        sent = sent.header(member.wire, "v");
    }
    sent
}

#[test]
fn every_operation_of_a_whole_model_is_addressed() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for embedded in yakumo_models::services() {
        let service = embedded.service();
        if service.shapes.len() < 2 {
            continue;
        }
        for protocol in &service.protocols {
            for operation in service.operations.iter().filter(|operation| !operation.shadowed) {
                count += 1;
                let mut sent = sent(service, *protocol, operation);
                sent.scope = Some(service.signing_name);
                let found = sent.address().map(|it| (it.service.name, it.operation.name, it.protocol));
                if found != Ok((service.name, operation.name, *protocol)) {
                    wrong.push(format!("{}.{} {}: {found:?}", service.name, operation.name, operation.uri));
                }
            }
        }
    }
    assert!(count > 5_535, "{count} operations were tried");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn operations_that_are_only_routed_are_named() {
    let check = |sent: Sent, service: &str, operation: &str| {
        let found = sent.address().map(|it| (it.service.name, it.operation.name));
        assert_eq!(found, Ok((service, operation)));
    };
    check(
        Sent::json("AWSHawksNestServiceV20180929.ListX", "{}").header("x-amz-target", "SageMaker.ListModels"),
        "sagemaker",
        "ListModels",
    );
    check(Sent::new("GET", "/v1/apis", "").scope("appsync"), "appsync", "ListGraphqlApis");
    check(Sent::form("/", "Action=SendEmail&Version=2010-12-01").scope("ses"), "ses", "SendEmail");
}

#[test]
fn s3_is_found_by_host_by_path_and_without_a_scope() {
    let check = |host: &str, path: &str, scope: Option<&'static str>, operation: &str, labels: &[&str]| {
        let mut sent = Sent::new("GET", path, "");
        sent.host = host.to_owned();
        sent.scope = scope;
        let found = sent.address().unwrap();
        assert_eq!((found.service.name, found.operation.name), ("s3", operation), "{host}{path}");
        assert_eq!(
            found.labels.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(),
            labels,
            "{host}{path}"
        );
    };
    check("localhost", "/", Some("s3"), "ListBuckets", &[]);
    check("localhost", "/?x-id=ListDirectoryBuckets", Some("s3"), "ListDirectoryBuckets", &[]);
    check("localhost", "/b", None, "ListObjects", &["b"]);
    check("localhost", "/b/?list-type=2", None, "ListObjectsV2", &["b"]);
    check("localhost", "/b/a%20b//c/", None, "GetObject", &["b", "a b//c/"]);
    check("b.s3.amazonaws.com", "/k", None, "GetObject", &["b", "k"]);
    check("my.b.s3.eu-west-1.amazonaws.com", "/", None, "ListObjects", &["my.b"]);
    check("b.s3.localhost", "/k?uploadId=u", Some("s3"), "ListParts", &["b", "k"]);
    check("b.localhost", "/k?acl", Some("s3"), "GetObjectAcl", &["b", "k"]);
    check("s3.us-east-1.amazonaws.com", "/b/k?attributes", Some("s3"), "GetObjectAttributes", &["b", "k"]);
    check("b.s3-us-west-2.amazonaws.com", "/k", None, "GetObject", &["b", "k"]);
}

#[test]
fn what_addresses_nothing_says_so() {
    let check = |sent: Sent, expected: AddressError| assert_eq!(sent.address().unwrap_err(), expected);
    check(Sent::json("Nobody.Knows", "{}"), AddressError::UnknownService);
    check(Sent::json("nodot", "{}"), AddressError::UnknownService);
    let unknown = |service, protocol, name: &str| AddressError::UnknownOperation {
        service,
        protocol,
        name: name.into(),
        version: None,
    };
    check(Sent::json("AmazonSQS.Fly", "{}"), unknown("sqs", Protocol::AwsJson10, "Fly"));
    check(
        Sent::form("/", "Action=Fly&Version=2010-05-08").scope("iam"),
        unknown("iam", Protocol::AwsQuery, "Fly"),
    );
    check(Sent::form("/", "Version=2010-05-08").scope("iam"), unknown("iam", Protocol::AwsQuery, ""));
    check(Sent::new("PATCH", "/b/k", "").scope("s3"), unknown("s3", Protocol::RestXml, ""));
    check(Sent::new("GET", "/b", "").scope("nobody"), AddressError::UnknownService);
    let sent = Sent::form("/", "Action=GetUser&Version=2010-05-08");
    let head = yakumo_wire::router::Head { form: None, ..sent.head() };
    assert_eq!(crate::ROUTER.address(&head).unwrap_err(), AddressError::NeedForm);
}

/// A signature covers the path without empty and dot segments; what is done must be what was signed.
#[test]
fn paths_are_routed_as_signatures_cover_them() {
    let address = |scope, path: &str| {
        let found =
            Sent::new("GET", path, "").scope(scope).address().map_err(|error| format!("{error:?}"))?;
        let labels = found.labels.into_iter().map(|(_, label)| label).collect::<Vec<_>>().join(" ");
        Ok::<_, String>(format!("{} {labels}", found.operation.name))
    };
    for (path, expected) in [
        ("/2015-03-31/functions/mine", "GetFunction mine"),
        ("/2015-03-31/functions/mine/../yours", "GetFunction yours"),
        ("/2015-03-31/functions/mine/./policy", "GetPolicy mine"),
        ("//2015-03-31//functions///mine", "GetFunction mine"),
        ("/2015-03-31/functions/mine/policy/..", "GetFunction mine"),
        ("/x/../2017-03-31/tags/arn:aws:lambda", "ListTags arn:aws:lambda"),
        ("/2015-03-31/functions/mine%2Fpolicy", "GetFunction mine/policy"),
        ("/2015-03-31/functions/mine%2F..%2Fyours", "GetFunction mine/../yours"),
    ] {
        assert_eq!(address("lambda", path).as_deref(), Ok(expected), "{path}");
    }
    assert!(address("lambda", "/2015-03-31/functions/..").unwrap_err().contains("UnknownOperation"));
    for (path, expected) in [
        ("/bucket/a/../b", "GetObject bucket a/../b"),
        ("/bucket//a", "GetObject bucket /a"),
        ("/bucket/./a%2Fb", "GetObject bucket ./a/b"),
    ] {
        assert_eq!(address("s3", path).as_deref(), Ok(expected), "{path}");
    }
    let cbor = |path: &str| {
        Sent::new("POST", path, "").header("smithy-protocol", "rpc-v2-cbor").scope("monitoring").address()
    };
    let target = "GraniteServiceVersion20100801";
    let name = |path: String| cbor(&path).map(|found| found.operation.name).ok();
    assert_eq!(name(format!("/service/{target}/operation/ListMetrics")), Some("ListMetrics"));
    assert_eq!(name(format!("/service//{target}/./operation/x/../ListMetrics")), Some("ListMetrics"));
    assert_eq!(name(format!("/service/{target}/operation/ListMetrics/..")), None);
}
