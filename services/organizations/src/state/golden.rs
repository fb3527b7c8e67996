//! The bytes of every record as version 1 wrote them: a later release must still open them.

use crate::state::{Account, Creation, Handshake, Organization, Policy, Unit};
use yakumo_room::Record;

/// The stored text opens, and is written again as it was.
fn check<R: Record>(json: &str) {
    assert_eq!(R::VERSION, 1, "{}: keep the old text, add one for the new version", R::TABLE);
    let bytes = [&[1], json.as_bytes()].concat();
    let record = R::from_bytes(&bytes).unwrap_or_else(|error| panic!("{}: {error}", R::TABLE));
    assert_eq!(String::from_utf8_lossy(&record.to_bytes()[1..]), json, "{}", R::TABLE);
}

#[test]
fn version_one_of_each_record() {
    check::<Organization>(
        r#"{"id":"o-exampleorg","management":"111122223333","all_features":true,"created":1700000000000,"root":"r-abcd","root_tags":{"a":"b"},"root_policies":["p-FullAWSAccess"],"enabled":["ServiceControl","ResourceControl"],"services":{"config.amazonaws.com":1700000000000},"delegation":{"id":"rp-example1","content":"{}","tags":{},"pins":{}}}"#,
    );
    check::<Account>(
        r#"{"id":"444455556666","name":"dev","email":"dev@example.com","created":1700000000000,"life":{"Closed":1700000000001},"membership":{"organization":"o-exampleorg","management":"111122223333","parent":"r-abcd","method":"Created","joined":1700000000000,"tags":{},"policies":["p-FullAWSAccess"],"delegated":{"config.amazonaws.com":1700000000000}}}"#,
    );
    check::<Unit>(
        r#"{"id":"ou-abcd-example1","organization":"o-exampleorg","management":"111122223333","parent":"r-abcd","name":"dev","tags":{},"policies":[]}"#,
    );
    check::<Policy>(
        r#"{"id":"p-example1","organization":"o-exampleorg","management":"111122223333","policy_type":"ServiceControl","name":"guard","description":"","content":"{}","tags":{}}"#,
    );
    check::<Creation>(
        r#"{"id":"car-example1","organization":"o-exampleorg","account":"444455556666","name":"dev","email":"dev@example.com","role":"OrganizationAccountAccessRole","tags":{},"requested":1700000000000,"progress":{"Failed":[1700000000001,"EMAIL_ALREADY_EXISTS"]}}"#,
    );
    check::<Handshake>(
        r#"{"id":"h-example1","organization":"o-exampleorg","management":"111122223333","kind":"Invite","invited":"444455556666","account":"444455556666","notes":"hello","tags":{},"parent":null,"requested":1700000000000,"expires":1701296000000,"stored":"Open","changed":1700000000000}"#,
    );
}
