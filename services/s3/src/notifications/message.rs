//! Events as JSON.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
//!
//! DIFFERS: AWS has begun to write version 2.4 and 2.5 of this structure for all events; here are the versions before
//! it, 2.1 and 2.3, which every reader knows. Answers here have no `x-amz-id-2`, so events have none either.

use crate::bodies::hex;
use crate::state::{Bucket, Tiding};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use yakumo_aws::{AccountId, Timestamp};

/// AWS: keys are written as in forms, with a plus sign for a space; a slash stays.
const IN_KEY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*').remove(b'/');

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    event_version: &'static str,
    event_source: &'static str,
    aws_region: &'a str,
    event_time: String,
    event_name: &'a str,
    user_identity: Identity,
    request_parameters: RequestParameters<'a>,
    response_elements: ResponseElements<'a>,
    s3: S3<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifecycle_event_data: Option<LifecycleEventData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    glacier_event_data: Option<GlacierEventData<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    principal_id: String,
}

#[derive(Serialize)]
struct RequestParameters<'a> {
    #[serde(rename = "sourceIPAddress")]
    source_ip: &'a str,
}

#[derive(Serialize)]
struct ResponseElements<'a> {
    #[serde(rename = "x-amz-request-id")]
    request_id: &'a str,
}

#[derive(Serialize)]
struct S3<'a> {
    #[serde(rename = "s3SchemaVersion")]
    schema_version: &'static str,
    #[serde(rename = "configurationId")]
    configuration_id: &'a str,
    bucket: BucketOf<'a>,
    object: Object<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BucketOf<'a> {
    name: &'a str,
    owner_identity: Identity,
    arn: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Object<'a> {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e_tag: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequencer: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LifecycleEventData<'a> {
    transition_event_data: TransitionEventData<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransitionEventData<'a> {
    destination_storage_class: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GlacierEventData<'a> {
    restore_event_data: RestoreEventData<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RestoreEventData<'a> {
    lifecycle_restoration_expiry_time: String,
    lifecycle_restore_storage_class: &'a str,
}

/// With milliseconds: `1970-01-01T00:00:00.000Z`.
fn instant(at: Timestamp) -> String {
    let seconds = at.to_date_time();
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), at.as_millis().rem_euclid(1000))
}

/// The message of one event.
pub fn of(tiding: &Tiding) -> String {
    let is_late = ["Lifecycle", "ObjectAcl", "ObjectTagging", "ObjectRestore:Delete"]
        .iter()
        .any(|kind| tiding.event.starts_with(kind));
    // AWS: "only used with PUTs and DELETEs".
    let has_order = ["ObjectCreated", "ObjectRemoved", "Lifecycle"];
    let has_order = has_order.iter().any(|kind| tiding.event.starts_with(kind));
    let key = utf8_percent_encode(&tiding.key, IN_KEY).to_string().replace("%20", "+");
    let event = Event {
        event_version: if is_late { "2.3" } else { "2.1" },
        event_source: "aws:s3",
        aws_region: tiding.region.as_str(),
        event_time: instant(tiding.at),
        event_name: &tiding.event,
        user_identity: Identity { principal_id: tiding.principal_id.clone() },
        request_parameters: RequestParameters { source_ip: tiding.source_ip.as_deref().unwrap_or_default() },
        response_elements: ResponseElements { request_id: &tiding.request_id },
        s3: S3 {
            schema_version: "1.0",
            configuration_id: &tiding.configuration,
            bucket: BucketOf {
                name: &tiding.bucket,
                owner_identity: Identity { principal_id: customer_id(tiding.owner) },
                arn: format!("arn:{}:s3:::{}", tiding.region.partition().as_str(), tiding.bucket),
            },
            object: Object {
                key,
                size: tiding.size_bytes,
                e_tag: tiding.etag.as_deref(),
                version_id: tiding.version_id.as_deref(),
                sequencer: has_order.then(|| format!("{:018X}", tiding.sequence)),
            },
        },
        lifecycle_event_data: tiding.storage_class.as_deref().map(|class| LifecycleEventData {
            transition_event_data: TransitionEventData { destination_storage_class: class },
        }),
        glacier_event_data: tiding.restored.as_ref().map(|(expires, class)| GlacierEventData {
            restore_event_data: RestoreEventData {
                lifecycle_restoration_expiry_time: instant(*expires),
                lifecycle_restore_storage_class: class,
            },
        }),
    };
    serde_json::json!({ "Records": [event] }).to_string()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Test<'a> {
    service: &'static str,
    event: &'static str,
    time: String,
    bucket: &'a str,
    request_id: &'a str,
}

/// The message that a queue gets when it is configured.
pub fn test(bucket: &Bucket, now: Timestamp, request_id: &str) -> String {
    let test = Test {
        service: "Amazon S3",
        event: "s3:TestEvent",
        time: instant(now),
        bucket: &bucket.name,
        request_id,
    };
    serde_json::json!(test).to_string()
}

/// What Amazon calls the customer whose account it is: `A` and digits and letters that stay the same.
pub fn customer_id(account: AccountId) -> String {
    use md5::{Digest, Md5};
    let digits = hex(&Md5::digest(format!("customer:{account}"))).to_ascii_uppercase();
    format!("A{}", digits.get(..13).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::state::Tiding;
    use yakumo_aws::{AccountId, Region, Timestamp};

    #[test]
    fn an_event() {
        let tiding = Tiding {
            event: "ObjectCreated:Put".to_owned(),
            sequence: 0x55_AED6_DCD9_0281,
            at: Timestamp::from_secs(0),
            bucket: "shop".to_owned(),
            owner: AccountId::DEFAULT,
            region: Region::US_EAST_1,
            configuration: "all".to_owned(),
            queue: "arn:aws:sqs:us-east-1:000000000000:q".to_owned(),
            key: "bilder/ein hund~é+.png".to_owned(),
            size_bytes: Some(3),
            etag: Some("abc".to_owned()),
            version_id: None,
            storage_class: None,
            restored: None,
            principal_id: "AWS:AIDAEXAMPLE".to_owned(),
            source_ip: Some("127.0.0.1".to_owned()),
            request_id: "r".to_owned(),
        };
        let value: serde_json::Value = serde_json::from_str(&of(&tiding)).unwrap();
        let record = &value["Records"][0];
        assert_eq!(record["eventTime"], "1970-01-01T00:00:00.000Z");
        assert_eq!(record["eventVersion"], "2.1");
        assert_eq!(
            record["s3"]["object"],
            serde_json::json!({
                "key": "bilder/ein+hund%7E%C3%A9%2B.png", "size": 3, "eTag": "abc", "sequencer": "000055AED6DCD90281"
            })
        );
        assert_eq!(record["s3"]["bucket"]["arn"], "arn:aws:s3:::shop");
    }
}
