//! Typed events as frames.

use crate::dynamic::{Structure, collect, expect};
use serde_json::json;
use yakumo_wire::event_stream::{EventStream, Frames, Framing, HeaderValue, Message};
use yakumo_wire::model::Service;
use yakumo_wire::{Addressed, ByteStream, Bytes, Encoder, Error, Shape, encode};

const MODEL: &str = "service x\nid X\nversion 1\nprotocols json\njson 1.1\nendpoint x\nsigning x\ntarget X\n\
    op Watch POST / out=WatchResponse\n\
    structure WatchResponse\n Session Text\n Events Events\n\
    structure Events eventstream\n Raw Raw\n Plain Plain\n Broken Broken\n\
    structure Raw event\n Bytes Blob eventpayload\n Number Integer eventheader\n\
    structure Plain event\n Text Text\n List Texts\n\
    structure Broken error=400\n message Text\n\
    list Texts Text\nblob Blob\ninteger Integer\nstring Text\n";

fn service() -> &'static Service {
    let packed = yakumo_codegen::pack(&yakumo_codegen::parse(MODEL).unwrap()).unwrap();
    Box::leak(Box::new(Service::unpack(packed.leak())))
}

/// What codegen makes of `WatchResponse`.
#[derive(Default)]
struct Output(Option<EventStream<Structure>>);

impl Shape for Output {
    fn emit(&self, to: &mut dyn Encoder) {
        to.member(0);
        to.string("s-1");
    }

    fn take_events(&mut self, frames: Framing) -> Option<ByteStream> {
        self.0.take().map(|events| events.into_frames(frames))
    }
}

fn text(name: &str, value: &str) -> (String, HeaderValue) {
    (name.to_owned(), HeaderValue::String(value.to_owned()))
}

#[test]
fn events_follow_the_initial_response() {
    let service = service();
    let union = service.shapes.iter().position(|shape| shape.name == "Events").unwrap() as u32;
    expect(service, union);
    let event = |json| Ok(Structure::new(service, union, &json));
    let events = futures_util::stream::iter([
        event(json!({"Raw": {"Bytes": "abc", "Number": 7}})),
        event(json!({"Plain": {"Text": "t", "List": ["x"]}})),
        Err(Error::sender("Broken", "it broke")),
    ]);
    let addressed = Addressed::direct(service, &service.operations[0]);
    let response = encode(&addressed, Output(Some(EventStream::new(events))), "r");
    assert_eq!(response.headers["content-type"], "application/vnd.amazon.eventstream");
    let mut frames = Frames::default();
    frames.push(&collect(response.body.into_stream()));
    let messages: Vec<Message> = frames.map(Result::unwrap).collect();
    let json = text(":content-type", "application/x-amz-json-1.1");
    let message = |headers: &[(String, HeaderValue)], payload: &'static str| Message {
        headers: headers.to_vec(),
        payload: Bytes::from(payload),
    };
    let of = |kind: &str| text(":message-type", kind);
    assert_eq!(
        messages,
        [
            message(
                &[of("event"), text(":event-type", "initial-response"), json.clone()],
                r#"{"Session":"s-1"}"#
            ),
            message(
                &[
                    of("event"),
                    text(":event-type", "Raw"),
                    text(":content-type", "application/octet-stream"),
                    ("Number".to_owned(), HeaderValue::Int(7)),
                ],
                "abc"
            ),
            message(
                &[of("event"), text(":event-type", "Plain"), json.clone()],
                r#"{"Text":"t","List":["x"]}"#
            ),
            message(
                &[of("exception"), text(":exception-type", "Broken"), json],
                r#"{"__type":"Broken","message":"it broke"}"#
            ),
        ]
    );
}
