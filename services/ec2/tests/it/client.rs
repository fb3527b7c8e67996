//! EC2's query protocol in one call, and what comes back.

use yakumo_testkit::{Client, TestCloud, element};

/// Calls an operation and gives its XML.
pub async fn ok(client: &Client, operation: &str, parameters: &[(&str, &str)]) -> String {
    let answer = client.query("ec2", "2016-11-15", operation, parameters).await;
    answer.unwrap_or_else(|failure| panic!("{operation} {parameters:?}: {failure:?}"))
}

/// Calls an operation that must fail, and gives code and text.
pub async fn refused(client: &Client, operation: &str, parameters: &[(&str, &str)]) -> (String, String) {
    match client.query("ec2", "2016-11-15", operation, parameters).await {
        Ok(answer) => panic!("{operation} {parameters:?} was not refused: {answer}"),
        Err(failure) => (failure.code, failure.message),
    }
}

/// The text of the first element of that name.
pub fn first(xml: &str, name: &str) -> String {
    element(xml, name).unwrap_or_else(|| panic!("no {name} in {xml}"))
}

/// A cloud and the root user of its default account.
pub async fn cloud() -> (TestCloud, Client) {
    let cloud = TestCloud::start().await.unwrap();
    let root = cloud.root("000000000000");
    (cloud, root)
}
