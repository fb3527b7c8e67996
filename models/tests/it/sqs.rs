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

#[test]
fn older_clients_speak_query() {
    let sent = Sent::form(
        "/000000000000/q",
        "Action=SendMessage&Version=2012-11-05&MessageBody=a+b%26c&MessageAttribute.2.Name=x&MessageAttribute.2.Value.DataType=Binary\
         &MessageAttribute.2.Value.BinaryValue=AQI%3D&MessageAttribute.1.Name=y&MessageAttribute.1.Value.DataType=String\
         &MessageAttribute.1.Value.StringValue=s&DelaySeconds=5",
    )
    .scope("sqs")
    .header("host", "localhost:4566");
    let addressed = sent.address().unwrap();
    let input: SendMessageInput = decode(&addressed, sent.request()).unwrap();
    assert_eq!(input.queue_url, "http://localhost:4566/000000000000/q");
    assert_eq!((input.message_body.as_str(), input.delay_seconds), ("a b&c", Some(5)));
    let attributes = input.message_attributes.unwrap();
    assert_eq!(attributes["x"].binary_value.as_deref(), Some(&[1, 2][..]));
    assert_eq!(attributes["y"].string_value.as_deref(), Some("s"));
    let output = SendMessageOutput { message_id: Some("<m>".into()), ..SendMessageOutput::default() };
    assert_eq!(
        text(&encode(&addressed, output, "r-1")),
        "<SendMessageResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><SendMessageResult><MessageId>&lt;m&gt;</MessageId>\
         </SendMessageResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></SendMessageResponse>"
    );
    let error = yakumo_wire::Error::sender("PurgeQueueInProgress", "no");
    let response = encode_error(Some(addressed.service), addressed.protocol, None, &error, "r-2");
    assert_eq!(response.status, 403);
    assert_eq!(
        text(&response),
        "<ErrorResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><Error><Type>Sender</Type>\
         <Code>AWS.SimpleQueueService.PurgeQueueInProgress</Code><Message>no</Message></Error><RequestId>r-2</RequestId></ErrorResponse>"
    );
}

#[test]
fn lists_and_maps_of_queues_are_flat_in_query() {
    let sent = Sent::form(
        "/",
        "Action=GetQueueAttributes&Version=2012-11-05&QueueUrl=u&AttributeName.1=All&AttributeName.2=Policy",
    );
    let addressed = sent.address().unwrap();
    let input: yakumo_api_sqs::GetQueueAttributesInput = decode(&addressed, sent.request()).unwrap();
    assert_eq!(input.attribute_names.unwrap(), ["All", "Policy"]);
    let attributes =
        [("DelaySeconds".to_owned(), "0".to_owned()), ("Policy".to_owned(), "{}".to_owned())].into();
    let output = yakumo_api_sqs::GetQueueAttributesOutput { attributes: Some(attributes) };
    let response = encode(&addressed, output, "r");
    let inside = "<GetQueueAttributesResult><Attribute><Name>DelaySeconds</Name><Value>0</Value></Attribute>\
                  <Attribute><Name>Policy</Name><Value>{}</Value></Attribute></GetQueueAttributesResult>";
    assert!(text(&response).contains(inside), "{}", text(&response));
}
