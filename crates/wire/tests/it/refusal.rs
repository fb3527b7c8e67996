//! Refused input: codes and texts as AWS writes them.

use http::{HeaderMap, Method};
use std::sync::OnceLock;
use yakumo_wire::model::{Protocol, Service};
use yakumo_wire::router::Head;
use yakumo_wire::{Addressed, Body, Bytes, Error, Request, decode};

use crate::dynamic::{Structure, expect};

const MODEL: &str = r"
op Do POST /do/{label} in=DoRequest
structure DoRequest
 Name! Name
 Count Count
 Color Color
 Names NameList
 Tags TagList
 Labels LabelMap
 Data Data
 Secret Secret
 Ratio Ratio
 When Time
 Flag Flag
 Self DoRequest
string Name min=1 max=8
 pattern [a-z\d]+
integer Count min=1 max=10
string Color
 enum red|green
list NameList Name max=2
list TagList Tag
structure Tag
 Key! Name
 Value Name
map LabelMap Name Name max=2
blob Data max=3
string Secret min=3 sensitive
double Ratio min=0.5
timestamp Time
boolean Flag
";

fn service(protocol: &str, validation: &str) -> &'static Service {
    let head = format!(
        "service x\nid X\nversion 2020-01-01\nprotocols {protocol}\njson 1.0\nendpoint x\nsigning x\ntarget X{MODEL}"
    );
    let mut api = yakumo_codegen::parse(&head).unwrap();
    api.validation = validation.to_owned();
    Box::leak(Box::new(Service::unpack(yakumo_codegen::pack(&api).unwrap().leak())))
}

fn refused(service: &'static Service, protocol: Protocol, body: &str) -> Option<Error> {
    let addressed = Addressed { protocol, ..Addressed::direct(service, &service.operations[0]) };
    expect(service, addressed.operation.input);
    let headers = HeaderMap::new();
    let head = Head {
        method: &Method::POST,
        path: "/",
        query: "",
        headers: &headers,
        host: "x",
        scope: None,
        form: None,
    };
    decode::<Structure>(&addressed, Request { head, body: Body::Full(Bytes::from(body.to_owned())) }).err()
}

fn coral() -> &'static Service {
    static SERVICE: OnceLock<&'static Service> = OnceLock::new();
    SERVICE.get_or_init(|| service("json", ""))
}

fn check(body: &str, code: &str, text: &str) {
    let error =
        refused(coral(), Protocol::AwsJson10, body).unwrap_or_else(|| panic!("{body} is not refused"));
    assert_eq!((error.code.as_ref(), error.message.as_str(), error.status), (code, text, 400), "{body}");
}

#[test]
fn violations_are_reported_in_corals_words() {
    let one = |body: &str, text: &str| {
        check(body, "ValidationException", &format!("1 validation error detected: {text}"));
    };
    one("{}", "Value null at 'name' failed to satisfy constraint: Member must not be null");
    one(
        r#"{"Name":"aaaaaaaaa"}"#,
        "Value 'aaaaaaaaa' at 'name' failed to satisfy constraint: Member must have length less than or equal to 8",
    );
    one(
        r#"{"Name":"A"}"#,
        r"Value 'A' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z\d]+",
    );
    one(
        r#"{"Name":"a","Count":0}"#,
        "Value '0' at 'count' failed to satisfy constraint: Member must have value greater than or equal to 1",
    );
    one(
        r#"{"Name":"a","Color":"blue"}"#,
        "Value 'blue' at 'color' failed to satisfy constraint: Member must satisfy enum value set: [red, green]",
    );
    one(
        r#"{"Name":"a","Ratio":0.25}"#,
        "Value '0.25' at 'ratio' failed to satisfy constraint: Member must have value greater than or equal to 0.5",
    );
    one(
        r#"{"Name":"a","Secret":"no"}"#,
        "Value at 'secret' failed to satisfy constraint: Member must have length greater than or equal to 3",
    );
    one(
        r#"{"Name":"a","Tags":[{"Key":"k"},{"Value":"v"}]}"#,
        "Value null at 'tags.2.member.key' failed to satisfy constraint: Member must not be null",
    );
    one(
        r#"{"Name":"a","Names":["a","b","c"]}"#,
        "Value '[a, b, c]' at 'names' failed to satisfy constraint: Member must have length less than or equal to 2",
    );
    one(
        r#"{"Name":"a","Names":["X","Y"]}"#,
        r"Value '[X, Y]' at 'names' failed to satisfy constraint: Member must satisfy constraint: [Member must have length less than or equal to 8, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-z\d]+]",
    );
    one(
        r#"{"Name":"a","Labels":{"K":"v"}}"#,
        r"Value '{K=v}' at 'labels' failed to satisfy constraint: Map keys must satisfy constraint: [Member must have length less than or equal to 8, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-z\d]+]",
    );
    one(
        r#"{"Name":"a","Labels":{"k":"V"}}"#,
        r"Value '{k=V}' at 'labels' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length less than or equal to 8, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [a-z\d]+]",
    );
}

#[test]
fn all_violations_are_in_one_answer() {
    check(
        r#"{"Name":"","Count":11}"#,
        "ValidationException",
        r"3 validation errors detected: Value '' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 1; Value '' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-z\d]+; Value '11' at 'count' failed to satisfy constraint: Member must have value less than or equal to 10",
    );
}

#[test]
fn what_is_valid_is_not_refused() {
    for body in [
        r#"{"Name":"a1"}"#,
        r#"{"Name":"abcdefgh","Count":10,"Color":"red","Names":[],"Labels":{},"Data":"AQID","Secret":"yes","Ratio":0.5}"#,
        r#"{"Name":"a","Count":null,"Unknown":{"deep":[{}]},"Count":1.0,"When":1.5,"Flag":true}"#,
        r#" { "Name" : "a" , "Tags" : [ { "Key" : "k" } ] } "#,
    ] {
        let error = refused(coral(), Protocol::AwsJson10, body);
        assert!(error.is_none(), "{body}: {error:?}");
    }
}

#[test]
fn what_cannot_be_read_is_a_serialization_exception() {
    let serialization = |body: &str, text: &str| check(body, "SerializationException", text);
    serialization("{", "");
    serialization("[]", "Start of list found where not expected");
    serialization(r#"{"Name":"a"} x"#, "");
    serialization(r#"{"Name":1}"#, "NUMBER_VALUE can not be converted to a String");
    serialization(r#"{"Count":"1"}"#, "STRING_VALUE can not be converted to an Integer");
    serialization(r#"{"Flag":"true"}"#, "STRING_VALUE can not be converted to an Boolean");
    serialization(r#"{"Name":{}}"#, "Start of structure or map found where not expected.");
    serialization(r#"{"Name":[]}"#, "Start of list found where not expected");
    serialization(r#"{"Names":"a"}"#, "Unexpected field type");
    serialization(r#"{"Data":"*"}"#, "Invalid base64");
    serialization(r#"{"Count":3000000000}"#, "3000000000 is out of the range of an Integer");
    serialization(r#"{"Count":1.5}"#, "1.5 is not a whole number in range");
    let deep = format!("{}{}", r#"{"Self":"#.repeat(200), "}".repeat(200));
    serialization(&deep, "");
}

#[test]
fn every_service_has_its_own_style() {
    let check = |protocol, validation, wire, body: &str, code: &str, text: &str| {
        let error = refused(service(protocol, validation), wire, body).expect("it is refused");
        assert_eq!((error.code.as_ref(), error.message.as_str()), (code, text), "{body}");
    };
    let null = "1 validation error detected: Value null at 'name' failed to satisfy constraint: Member must not be null";
    check("query", "", Protocol::AwsQuery, "", "ValidationError", null);
    check(
        "ec2",
        "",
        Protocol::Ec2Query,
        "",
        "MissingParameter",
        "The request must contain the parameter Name",
    );
    let nested = "The request must contain the parameter Tags.1.Key";
    check("ec2", "", Protocol::Ec2Query, "Name=a&Tags.1.Value=v", "MissingParameter", nested);
    let bound = "Value ( 0 ) for parameter count is invalid. Expecting a value greater than 1.";
    check("ec2", "", Protocol::Ec2Query, "Name=a&Count=0", "InvalidParameterValue", bound);
    let missing = "The request must contain the parameter Name.";
    check("json", "missing-parameter", Protocol::AwsJson10, "{}", "MissingParameter", missing);
    check("query", "", Protocol::AwsQuery, "Name=a&Count=x", "MalformedInput", "Invalid value 'x' for Count");
    let xml = "The XML you provided was not well-formed or did not validate against our published schema";
    check("rest-xml", "s3", Protocol::RestXml, "<a>", "MalformedXML", xml);
    check("rest-xml", "s3", Protocol::RestXml, "<a/>", "MalformedXML", xml);
}
