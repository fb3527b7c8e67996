use crate::Sent;
use yakumo_api_sqs::{SendMessageInput, SendMessageOutput};
use yakumo_wire::{decode, encode, encode_error};

fn text(response: &yakumo_wire::Response) -> &str {
    std::str::from_utf8(response.body.bytes().unwrap()).unwrap()
}

#[test]
fn a_message_is_sent_in_json() {
    let sent = Sent::json(
        "AmazonSQS.SendMessage",
        r#"{"QueueUrl":"http://q","MessageBody":"hi \"you\"","MessageAttributes":{"a":{"DataType":"Number","StringValue":"1"}},"Unknown":[1]}"#,
    );
    let addressed = sent.address().unwrap();
    assert_eq!((addressed.service.name, addressed.operation.name), ("sqs", "SendMessage"));
    let input: SendMessageInput = decode(&addressed, sent.request()).unwrap();
    assert_eq!((input.queue_url.as_str(), input.message_body.as_str()), ("http://q", "hi \"you\""));
    assert_eq!(input.message_attributes.unwrap()["a"].string_value.as_deref(), Some("1"));
    let output = SendMessageOutput { message_id: Some("m".into()), ..SendMessageOutput::default() };
    let response = encode(&addressed, output, "r-1");
    assert_eq!((response.status, text(&response)), (200, r#"{"MessageId":"m"}"#));
    assert_eq!(response.headers["content-type"], "application/x-amz-json-1.0");
    assert_eq!(response.headers["x-amzn-requestid"], "r-1");
}

#[test]
fn what_is_missing_or_malformed_is_refused_in_sqs_words() {
    let check = |body: &str, code: &str, message: &str| {
        let sent = Sent::json("AmazonSQS.SendMessage", body);
        let addressed = sent.address().unwrap();
        let error = decode::<SendMessageInput>(&addressed, sent.request()).unwrap_err();
        assert_eq!((error.code.as_ref(), error.message.as_str()), (code, message), "{body}");
    };
    check(r#"{"MessageBody":"x"}"#, "MissingParameter", "The request must contain the parameter QueueUrl.");
    check(
        r#"{"QueueUrl":"x","MessageBody":null}"#,
        "MissingParameter",
        "The request must contain the parameter MessageBody.",
    );
    check(r#"{"QueueUrl":1}"#, "SerializationException", "NUMBER_VALUE can not be converted to a String");
    check(r#"{"QueueUrl":"#, "SerializationException", "");
}

#[test]
fn an_error_has_its_namespace_and_its_query_code() {
    let sent = Sent::json("AmazonSQS.SendMessage", "{}");
    let addressed = sent.address().unwrap();
    let error = yakumo_wire::Error::sender("QueueDoesNotExist", "The specified queue does not exist.");
    let response = encode_error(Some(addressed.service), addressed.protocol, None, &error, "r-2");
    assert_eq!(response.status, 400);
    assert_eq!(
        text(&response),
        r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}"#
    );
    assert_eq!(response.headers["x-amzn-query-error"], "AWS.SimpleQueueService.NonExistentQueue;Sender");
}
