//! Uploads by forms that browsers post: fields, a policy that its maker signed, and one file.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html>
//!
//! Invariant: the file goes through PutObject and its access rule, as the caller who signed the policy, and becomes an
//! object only when its length is what the policy allows.

mod parts;
mod policy;

use crate::checksum_members;
use crate::door::Door;
use crate::error;
use crate::forms::parts::Form;
use crate::forms::policy::Policy;
use futures_util::StreamExt;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use yakumo_api_s3 as api;
use yakumo_aws::{Error, Region, Result, Timestamp};
use yakumo_policy::PrincipalKind;
use yakumo_room::{ByteStream, Caller, Errand, Head, Proof, Reply, Signed, SignedIn, host_now};

/// What stays as it is in the path of a URL.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');
const RETAIN_UNTIL: &str = "x-amz-object-lock-retain-until-date";
const IN_QUERY: &AsciiSet = &IN_PATH.add(b'/');

/// Whether a request posts a form to a bucket.
pub fn is_form(head: &Head<'_>) -> bool {
    let content_type = head.header("content-type").unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    head.method == "POST" && kind.eq_ignore_ascii_case("multipart/form-data")
}

/// The fields in front of the file.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn get(&self, wanted: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    fn text(&self, wanted: &str) -> Option<String> {
        self.get(wanted).map(str::to_owned)
    }

    fn need(&self, wanted: &'static str) -> Result<&str> {
        self.get(wanted).ok_or_else(|| {
            let text = format!(
                "Bucket POST must contain a field named '{wanted}'.  If it is specified, please check the order of \
                 the fields."
            );
            error::argument(&text, wanted, "")
        })
    }

    /// Metadata of the object: `x-amz-meta-…`. Of fields with one name the first counts here, too: it is the one that the
    /// policy has been held against.
    fn metadata(&self) -> BTreeMap<String, String> {
        let mut metadata = BTreeMap::new();
        for (name, value) in &self.0 {
            if let Some(name) = name.to_ascii_lowercase().strip_prefix("x-amz-meta-") {
                metadata.entry(name.to_owned()).or_insert_with(|| value.clone());
            }
        }
        metadata
    }
}

/// Answers a form.
pub async fn answer(door: &Door, errand: &Errand<'_>, body: ByteStream) -> Result<Reply> {
    let bucket = errand.head.path.trim_matches('/');
    if bucket.is_empty() || bucket.contains('/') {
        let text = "The specified method is not allowed against this resource.";
        return Err(Error::sender("MethodNotAllowed", text)
            .with_status(405)
            .with_field("Method", "POST")
            .with_field("ResourceType", "OBJECT"));
    }
    let content_type = errand.head.header("content-type").unwrap_or_default();
    let Form { fields, filename, file } = parts::read(content_type, body).await?;
    let expand = |(name, value): (String, String)| {
        let value = match name.eq_ignore_ascii_case("policy") {
            true => value,
            false => value.replace("${filename}", &filename),
        };
        (name, value)
    };
    let fields = Fields(fields.into_iter().map(expand).collect());
    let key = fields.need("key")?.to_owned();
    let Admitted { caller, region, signed, lengths } = admitted(errand, &fields, bucket).await?;
    let region = match region {
        Some(region) => region,
        None => door.region_of(&errand.head).await?,
    };
    let body = bounded(file, lengths);
    let input = input(&fields, bucket, &key, body)?;
    let is_nobody = caller.principal.kind == PrincipalKind::Anonymous;
    // AWS: somebody without a name is told nothing more.
    let output = errand.call(api::PutObject, caller, region, signed, input).await.map_err(|error| {
        if is_nobody && error.code == "AccessDenied" { error::access_denied() } else { error }
    })?;
    Ok(success(errand, &fields, bucket, &key, &output))
}

/// Who posts the form, for which region and how it was signed, and how long its file may be.
struct Admitted {
    caller: Arc<Caller>,
    region: Option<Region>,
    signed: Option<Signed>,
    lengths: RangeInclusive<u64>,
}

async fn admitted(errand: &Errand<'_>, fields: &Fields, bucket: &str) -> Result<Admitted> {
    let is_signed = ["x-amz-signature", "x-amz-credential", "signature", "AWSAccessKeyId"];
    let is_signed = is_signed.into_iter().any(|name| fields.get(name).is_some());
    if fields.get("policy").is_none() && !is_signed {
        let caller = Arc::new(Caller::anonymous());
        return Ok(Admitted { caller, region: None, signed: None, lengths: 0..=u64::MAX });
    }
    let is_old = fields.get("x-amz-algorithm").is_none() && fields.get("x-amz-credential").is_none();
    let proof = Proof {
        algorithm: (!is_old).then(|| fields.need("x-amz-algorithm").map(str::to_owned)).transpose()?,
        credential: fields.need(if is_old { "AWSAccessKeyId" } else { "x-amz-credential" })?.to_owned(),
        date: if is_old { String::new() } else { fields.need("x-amz-date")?.to_owned() },
        signature: fields.need(if is_old { "signature" } else { "x-amz-signature" })?.to_owned(),
        token: fields.text("x-amz-security-token"),
        message: fields.need("policy")?.to_owned(),
    };
    let (caller, region) = errand.identify.identify(&proof).await?;
    let policy = Policy::parse(&proof.message)?;
    // The bucket is the one that is posted to, whatever a field of that name says: it stands first and is what counts.
    let mut named = vec![("bucket".to_owned(), bucket.to_owned())];
    named.extend(fields.0.iter().cloned());
    let lengths = policy.check(&named, fields.get("bucket").is_none(), host_now())?;
    let version = if is_old { "AWS" } else { "AWS4-HMAC-SHA256" };
    let signed = Some(Signed { version, place: SignedIn::Form, at: None, payload: None });
    Ok(Admitted { caller, region, signed, lengths })
}

fn input(fields: &Fields, bucket: &str, key: &str, body: ByteStream) -> Result<api::PutObjectInput> {
    Ok(api::PutObjectInput {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        body,
        acl: fields.text("acl"),
        cache_control: fields.text("cache-control"),
        content_disposition: fields.text("content-disposition"),
        content_encoding: fields.text("content-encoding"),
        content_type: fields.text("content-type"),
        expires: fields.text("expires"),
        metadata: Some(fields.metadata()),
        storage_class: fields.text("x-amz-storage-class"),
        website_redirect_location: fields.text("x-amz-website-redirect-location"),
        server_side_encryption: fields.text("x-amz-server-side-encryption"),
        ssekms_key_id: fields.text("x-amz-server-side-encryption-aws-kms-key-id"),
        sse_customer_algorithm: fields.text("x-amz-server-side-encryption-customer-algorithm"),
        sse_customer_key: fields.text("x-amz-server-side-encryption-customer-key"),
        sse_customer_key_md5: fields.text("x-amz-server-side-encryption-customer-key-MD5"),
        content_md5: fields.text("content-md5"),
        checksum_algorithm: fields.text("x-amz-checksum-algorithm"),
        checksum_crc32: fields.text("x-amz-checksum-crc32"),
        checksum_crc32_c: fields.text("x-amz-checksum-crc32c"),
        checksum_crc64_nvme: fields.text("x-amz-checksum-crc64nvme"),
        checksum_sha1: fields.text("x-amz-checksum-sha1"),
        checksum_sha256: fields.text("x-amz-checksum-sha256"),
        checksum_sha512: fields.text("x-amz-checksum-sha512"),
        checksum_md5: fields.text("x-amz-checksum-md5"),
        checksum_xxhash64: fields.text("x-amz-checksum-xxhash64"),
        checksum_xxhash3: fields.text("x-amz-checksum-xxhash3"),
        checksum_xxhash128: fields.text("x-amz-checksum-xxhash128"),
        request_payer: fields.text("x-amz-request-payer"),
        tagging: fields.get("tagging").map(tagging).transpose()?,
        object_lock_mode: fields.text("x-amz-object-lock-mode"),
        object_lock_retain_until_date: fields.get(RETAIN_UNTIL).map(date).transpose()?,
        object_lock_legal_hold_status: fields.text("x-amz-object-lock-legal-hold"),
        ..Default::default()
    })
}

/// A date in a field, as headers have it.
fn date(text: &str) -> Result<Timestamp> {
    let wrong = || error::argument("Invalid date", RETAIN_UNTIL, text);
    policy::seconds(text).map(Timestamp::from_secs).ok_or_else(wrong)
}

/// AWS: tags stand in a form as XML, in a header as a query string.
fn tagging(xml: &str) -> Result<String> {
    let element = |text: &str, name: &str| -> Option<String> {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (value, _) = rest.split_once(&format!("</{name}>"))?;
        let plain = value.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
        Some(plain.replace("&apos;", "'").replace("&amp;", "&"))
    };
    let mut pairs = Vec::new();
    for tag in xml.split("<Tag>").skip(1) {
        let name = element(tag, "Key").ok_or_else(error::malformed_xml)?;
        let value = element(tag, "Value").ok_or_else(error::malformed_xml)?;
        let encode = |text: &str| utf8_percent_encode(text, IN_QUERY).to_string();
        pairs.push(format!("{}={}", encode(&name), encode(&value)));
    }
    match xml.contains("<Tagging") {
        true => Ok(pairs.join("&")),
        false => Err(error::malformed_xml()),
    }
}

/// The file, which ends in an error when it is longer or shorter than it may be.
fn bounded(file: ByteStream, lengths: RangeInclusive<u64>) -> ByteStream {
    let state = Some((file, 0_u64, lengths));
    ByteStream::new(futures_util::stream::try_unfold(state, |state| async move {
        let Some((mut file, sent, lengths)) = state else { return Ok(None) };
        match file.next().await {
            Some(piece) => {
                let piece = piece?;
                let sent = sent + piece.len() as u64;
                if sent > *lengths.end() {
                    return Err(error::entity_too_large(sent, *lengths.end()));
                }
                Ok(Some((piece, Some((file, sent, lengths)))))
            }
            None if sent < *lengths.start() => {
                let text = "Your proposed upload is smaller than the minimum allowed size";
                Err(Error::sender("EntityTooSmall", text)
                    .with_field("ProposedSize", sent.to_string())
                    .with_field("MinSizeAllowed", lengths.start().to_string()))
            }
            None => Ok(None),
        }
    }))
}

/// The answer to a form whose file was taken.
fn success(
    errand: &Errand<'_>,
    fields: &Fields,
    bucket: &str,
    key: &str,
    output: &api::PutObjectOutput,
) -> Reply {
    let etag = output.e_tag.clone().unwrap_or_default();
    let location = format!("{}/{bucket}/{}", errand.facts.endpoint, utf8_percent_encode(key, IN_PATH));
    let mut headers = vec![
        ("x-amz-request-id".to_owned(), errand.facts.request_id.to_string()),
        ("etag".to_owned(), etag.clone()),
    ];
    let version = output.version_id.iter().map(|id| ("x-amz-version-id".to_owned(), id.clone()));
    headers.extend(version);
    for (algorithm, value) in checksum_members!(output) {
        let name = || format!("x-amz-checksum-{}", algorithm.to_ascii_lowercase());
        headers.extend(value.iter().map(|value| (name(), value.clone())));
    }
    let kind = output.checksum_type.iter().map(|kind| ("x-amz-checksum-type".to_owned(), kind.clone()));
    headers.extend(kind);
    if let Some(redirect) = redirect(fields) {
        let query = format!(
            "bucket={bucket}&key={}&etag={}",
            utf8_percent_encode(key, IN_QUERY),
            utf8_percent_encode(&etag, IN_QUERY)
        );
        let mark = if redirect.contains('?') { '&' } else { '?' };
        headers.push(("location".to_owned(), format!("{redirect}{mark}{query}")));
        return Reply { status: 303, headers, ..Reply::default() };
    }
    headers.push(("location".to_owned(), location.clone()));
    let status = match fields.get("success_action_status") {
        Some("200") => 200,
        Some("201") => 201,
        // AWS: with any other value the answer is 204 and empty.
        _ => 204,
    };
    if status != 201 {
        return Reply { status, headers, ..Reply::default() };
    }
    let xml = |text: &str| {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
    };
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse><Location>{}</Location><Bucket>{bucket}</Bucket>\
         <Key>{}</Key><ETag>{}</ETag></PostResponse>",
        xml(&location),
        xml(key),
        xml(&etag)
    );
    headers.push(("content-type".to_owned(), "application/xml".to_owned()));
    headers.push(("content-length".to_owned(), body.len().to_string()));
    Reply { status, headers, body: ByteStream::from_bytes(body.into()) }
}

/// AWS: what is no URL is passed over, as if the field were empty.
fn redirect(fields: &Fields) -> Option<&str> {
    let given = fields.get("success_action_redirect").or_else(|| fields.get("redirect"))?;
    ["http://", "https://"].iter().any(|start| given.starts_with(start)).then_some(given)
}

#[cfg(test)]
mod tests {
    use super::tagging;

    #[test]
    fn tags_of_a_form() {
        let xml = "<Tagging><TagSet><Tag><Key>a b</Key><Value>1&amp;2</Value></Tag>\
                   <Tag><Key>c</Key><Value></Value></Tag></TagSet></Tagging>";
        assert_eq!(tagging(xml).unwrap(), "a%20b=1%262&c=");
        for bad in ["", "a=b", "<Tagging><Tag><Key>a</Key></Tag></Tagging>"] {
            assert_eq!(tagging(bad).unwrap_err().code, "MalformedXML", "{bad}");
        }
    }
}
