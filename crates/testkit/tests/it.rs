//! The front door of a whole cloud, from the outside: who comes in, who does not, and in which words.

use serde_json::json;
use yakumo_testkit::TestCloud;

#[tokio::test]
async fn what_no_room_registers_answers_501_and_names_itself() {
    let cloud = TestCloud::start().await.unwrap();
    let root = cloud.root("000000000000");
    let target = "DynamoDB_20120810.ListTables";
    let failure = root.json("dynamodb", target, "1.0", json!({})).await.unwrap_err();
    assert_eq!((failure.status, failure.code.as_str()), (501, "NotImplemented"));
    assert_eq!(failure.message, "yakumo does not implement dynamodb ListTables.");
}

#[tokio::test]
async fn credentials_must_be_right() {
    let cloud = TestCloud::start().await.unwrap();
    let code = async |client: yakumo_testkit::Client| {
        let target = "DynamoDB_20120810.ListTables";
        let failure = client.json("dynamodb", target, "1.0", json!({})).await.unwrap_err();
        (failure.status, failure.code)
    };
    assert_eq!(code(cloud.client("test", "wrong", None)).await, (400, "InvalidSignatureException".into()));
    assert_eq!(code(cloud.client("AKIAIOSFODNN7EXAMPLE", "x", None)).await.1, "UnrecognizedClientException");
    assert_eq!(code(cloud.client("test", "test", Some("token"))).await.1, "UnrecognizedClientException");
    assert_eq!(code(cloud.root("123456789012").region("us-east-11")).await.1, "InvalidSignatureException");
    assert_eq!(code(cloud.root("123456789012")).await, (501, "NotImplemented".into()));
}
