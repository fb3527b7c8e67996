//! What one direction writes the other reads: random values through every protocol whose two directions look alike.

use crate::dynamic::{Structure, Value, expect};
use http::{HeaderMap, Method};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;
use yakumo_wire::model::Service;
use yakumo_wire::router::Head;
use yakumo_wire::{Addressed, Bytes, Request, Timestamp, decode, encode};

const MODEL: &str = "json 1.1\nendpoint x\nsigning x\ntarget X\nop Echo POST /echo in=Thing out=Thing\n\
    structure Thing\n Text! Text\n Number Integer name=n\n Long Long\n Real Double\n Small Float\n Flag Boolean\n \
    Data Blob\n When Timestamp\n Texts Texts\n Map TextMap\n Self Thing\n Things Things\n\
    string Text\nlist Texts Text\nlist Things Thing\nmap TextMap Text Text\ninteger Integer\nlong Long\ndouble Double\n\
    float Float\nboolean Boolean\nblob Blob\ntimestamp Timestamp\n";

fn service(protocol: &str) -> &'static Service {
    let text = format!("service x\nid X\nversion 1\nprotocols {protocol}\n{MODEL}");
    let packed = yakumo_codegen::pack(&yakumo_codegen::parse(&text).unwrap()).unwrap();
    Box::leak(Box::new(Service::unpack(packed.leak())))
}

/// Without the controls that XML cannot hold.
fn text() -> impl Strategy<Value = String> {
    "[\\t\\n\\r -\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]{0,12}"
}

fn scalars() -> impl Strategy<Value = BTreeMap<usize, Value>> {
    let real = prop_oneof![any::<f64>(), Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY)];
    let optional = (
        any::<Option<i32>>(),
        any::<Option<i64>>(),
        proptest::option::of(real),
        any::<Option<f32>>(),
        any::<Option<bool>>(),
        any::<Option<Vec<u8>>>(),
        proptest::option::of(-62_135_596_800_000i64..253_402_300_799_000),
        proptest::option::of(proptest::collection::vec(text(), 0..4)),
        proptest::option::of(proptest::collection::btree_map(text(), text(), 0..4)),
    );
    (text(), optional).prop_map(|(text, (number, long, real, small, flag, data, when, texts, map))| {
        let mut members = BTreeMap::from([(0, Value::Text(text))]);
        let mut put = |at, value: Option<Value>| members.extend(value.map(|value| (at, value)));
        put(1, number.map(|number| Value::Whole(number.into())));
        put(2, long.map(Value::Whole));
        put(3, real.map(|real| Value::Real(real.to_string())));
        put(4, small.map(|small| Value::Real(small.to_string())));
        put(5, flag.map(Value::Boolean));
        put(6, data.map(|data| Value::Blob(Bytes::from(data))));
        put(7, when.map(|when| Value::Time(Timestamp::from_millis(when))));
        put(8, texts.map(|texts| Value::List(texts.into_iter().map(Value::Text).collect())));
        put(
            9,
            map.map(|map| Value::Map(map.into_iter().map(|(key, text)| (key, Value::Text(text))).collect())),
        );
        members
    })
}

fn thing() -> impl Strategy<Value = BTreeMap<usize, Value>> {
    let leaf = scalars();
    leaf.prop_recursive(3, 12, 3, |inner| {
        (scalars(), inner.clone(), proptest::collection::vec(inner, 0..3)).prop_map(
            |(mut members, one, many)| {
                members.insert(10, Value::Structure(one));
                members.insert(11, Value::List(many.into_iter().map(Value::Structure).collect()));
                members
            },
        )
    })
}

fn check(protocol: &str) {
    let service = service(protocol);
    let addressed = Addressed::direct(service, &service.operations[0]);
    let shape = addressed.operation.input;
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&thing(), |members| {
        expect(service, shape);
        let mut sent = Structure::default();
        sent.members.clone_from(&members);
        let response = encode(&addressed, sent, "r");
        let headers = HeaderMap::new();
        let head = Head {
            method: &Method::POST,
            path: "/echo",
            query: "",
            headers: &headers,
            host: "x",
            scope: None,
            form: None,
        };
        let read: Structure = decode(&addressed, Request { head, body: response.body }).expect("it is read");
        assert_eq!(read.members, members);
        Ok(())
    });
    assert!(outcome.is_ok(), "{protocol}: {outcome:?}");
}

#[test]
fn json_comes_back() {
    check("json");
}

#[test]
fn rest_json_comes_back() {
    check("rest-json");
}

#[test]
fn rest_xml_comes_back() {
    check("rest-xml");
}

#[test]
fn cbor_comes_back() {
    check("smithy-rpc-v2-cbor");
}
