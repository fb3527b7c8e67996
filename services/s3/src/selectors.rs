//! The query parameters that name a sub-resource, and so choose the operation: `acl` in `DELETE /bucket/key?acl`.
//!
//! Invariant: who names a sub-resource that the method does not take never reaches the bucket or the object itself.
//!
//! What AWS answers here is in none of its papers. Seen: <https://github.com/brekkylab/backlot/issues/230>, 267, 312 and
//! 335, and the measurements in that project's `backlot/routers/s3.py`.

use crate::error;
use crate::logging::resource_type;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;
use std::sync::OnceLock;
use yakumo_aws::Error;
use yakumo_room::{Addressed, Head, Service};

const KEY_PATH: &str = "/{Bucket}/{Key+}";
/// In the order in which AWS names them.
const METHODS: [&str; 5] = ["HEAD", "DELETE", "POST", "GET", "PUT"];
/// All that AWS reads. What is none of these is no request.
const READ: [&str; 7] = ["HEAD", "DELETE", "POST", "GET", "PUT", "PATCH", "OPTIONS"];
/// AWS: what a POST at a bucket is for is a form. Seen with this answer to POST: Amplify's proxy in front of S3,
/// <https://github.com/aws-amplify/amplify-hosting/issues/3152>.
const OF_OBJECTS: &str = "HEAD, DELETE, GET, PUT";
const OF_BUCKETS: &str = "HEAD, DELETE, POST, GET, PUT";
const UPLOAD: &str = "uploadId";
const PART: &str = "partNumber";
/// The sub-resources of a bucket that AWS finds at the paths of keys, too; what key, it does not ask.
const AT_KEYS: [&str; 14] = [
    "accelerate",
    "cors",
    "delete",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "notification",
    "policy",
    "replication",
    "requestPayment",
    "versioning",
    "versions",
    "website",
];

/// A sub-resource with its operations.
struct Selector {
    name: &'static str,
    of_key: bool,
    methods: Vec<&'static str>,
    /// One of its operations.
    operation: &'static str,
}

impl Selector {
    /// What AWS calls it.
    fn kind(&self) -> String {
        resource_type(self.operation, if self.of_key { "key" } else { "" })
    }
}

/// The sub-resources of the model: whatever its patterns demand without a value, and the id of an upload. Made once.
fn selectors(service: &Service) -> &'static [Selector] {
    static ALL: OnceLock<Vec<Selector>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all: Vec<Selector> = Vec::new();
        let mut put = |name: &'static str, of_key, method, operation| match all
            .iter_mut()
            .find(|known| known.name == name && known.of_key == of_key)
        {
            Some(known) => known.methods.push(method),
            None => all.push(Selector { name, of_key, methods: vec![method], operation }),
        };
        for operation in &service.operations {
            let Some((path, query)) = operation.uri.split_once('?') else { continue };
            // AWS: to a bucket that is no directory bucket `session` is nothing.
            let demanded = query.split('&').filter(|name| !name.contains('=') && *name != "session");
            demanded.for_each(|name| put(name, path == KEY_PATH, operation.http_method, operation.name));
        }
        for method in ["DELETE", "POST", "GET"] {
            put(UPLOAD, true, method, "ListParts");
        }
        all
    })
}

/// The names of the parameters in a query.
struct Names<'h>(Vec<Cow<'h, str>>);

impl<'h> Names<'h> {
    fn of(head: &Head<'h>) -> Names<'h> {
        let names = head.query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
        Names(names.map(|name| percent_decode_str(name).decode_utf8_lossy()).collect())
    }

    fn has(&self, wanted: &str) -> bool {
        self.0.iter().any(|name| name == wanted)
    }

    /// The sub-resources that are named at the path of a key or of a bucket, in AWS's order.
    fn selected(&self, service: &Service, of_key: bool) -> Vec<&'static Selector> {
        let is_there =
            |selector: &&Selector| selector.of_key == of_key || of_key && AT_KEYS.contains(&selector.name);
        let all = selectors(service).iter().filter(is_there);
        let mut named: Vec<_> = all.filter(|selector| self.has(selector.name)).collect();
        named.sort_by_key(|selector| selector.name);
        named
    }

    /// What is wrong with the sub-resources that are named.
    fn refused(&self, method: &str, service: &Service, of_key: bool) -> Option<Error> {
        let named = self.selected(service, of_key);
        match named.as_slice() {
            [first, _, ..] => {
                let all: Vec<&str> = named.iter().map(|selector| selector.name).collect();
                let text = format!("Conflicting query string parameters: {}", all.join(", "));
                Some(error::argument(&text, "ResourceType", first.name))
            }
            [one] if one.name == UPLOAD && self.has(PART) => {
                (method != "PUT").then(|| not_allowed(method, "PART", "PUT"))
            }
            [one] if of_key && one.name == "uploads" && method == "GET" => {
                Some(error::invalid_request("Key is not expected for the GET method ?uploads subresource"))
            }
            [one] if !one.methods.contains(&method) => {
                // AWS: the methods of a sub-resource are told together, those of buckets and those of objects.
                let kind = one.kind();
                let both =
                    selectors(service).iter().filter(|other| other.name == one.name && other.kind() == kind);
                let both: Vec<&str> = both.flat_map(|selector| selector.methods.iter().copied()).collect();
                let allowed = METHODS.into_iter().filter(|method| both.contains(method));
                Some(not_allowed(method, &kind, &allowed.collect::<Vec<_>>().join(", ")))
            }
            [one] if of_key && !one.of_key => not_of_keys(one.name),
            _ => None,
        }
    }
}

/// AWS: two of a bucket's sub-resources are told apart from those of keys.
fn not_of_keys(name: &str) -> Option<Error> {
    let text = format!("There is no such thing as the ?{name} sub-resource for a key");
    match name {
        "versions" => Some(error::invalid_request(&text)),
        "logging" => Some(Error::sender("NoLoggingStatusForKey", text)),
        _ => None,
    }
}

/// Bucket and key of a path that begins with a bucket.
fn split(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split_once('/').unwrap_or((path, ""))
}

/// The path of the bucket, when a request at the path of a key is for a sub-resource of the bucket.
pub fn elsewhere(head: &Head<'_>, service: &Service) -> Option<String> {
    let (bucket, key) = split(head.path);
    if head.query.is_empty() || key.is_empty() {
        return None;
    }
    let names = Names::of(head);
    if !AT_KEYS.iter().any(|name| names.has(name)) {
        return None;
    }
    match names.selected(service, true).as_slice() {
        [one] if !one.of_key && not_of_keys(one.name).is_none() => Some(format!("/{bucket}")),
        _ => None,
    }
}

/// What is wrong with a request that is for no operation: its method, mostly. AWS says it to everybody.
pub fn unknown(head: &Head<'_>, service: &Service) -> Error {
    let method = head.method.as_str();
    if !READ.contains(&method) {
        return Error::sender("BadRequest", "An error occurred when parsing the HTTP request.");
    }
    let (bucket, key) = split(head.path);
    if bucket.is_empty() {
        return not_allowed(method, "SERVICE", "GET");
    }
    let refused = Names::of(head).refused(method, service, !key.is_empty());
    refused.unwrap_or_else(|| match (method, key) {
        ("POST", "") => {
            error::precondition_failed("Bucket POST must be of the enclosure-type multipart/form-data")
        }
        (_, "") => not_allowed(method, "BUCKET", OF_BUCKETS),
        _ => not_allowed(method, "OBJECT", OF_OBJECTS),
    })
}

/// What is wrong with the query of a request for an operation. AWS says it whether there is such a bucket or not.
///
/// Seen: <https://github.com/versity/versitygw/issues/1236>, <https://github.com/versity/versitygw/issues/1237>.
pub fn refused(head: &Head<'_>, addressed: &Addressed) -> Option<Error> {
    let of_key = addressed.operation.uri.starts_with(KEY_PATH);
    let names = Names::of(head);
    let method = head.method.as_str();
    if addressed.operation.name == "CompleteMultipartUpload" && !names.has(UPLOAD) {
        let refused = names.refused(method, addressed.service, of_key);
        return refused.or_else(|| Some(not_allowed(method, "OBJECT", OF_OBJECTS)));
    }
    if head.query.is_empty() {
        return None;
    }
    if !names.selected(addressed.service, of_key).is_empty() {
        return names.refused(method, addressed.service, of_key);
    }
    let foreign = |name: &'static str, text| names.has(name).then(|| error::unfit(text, name));
    match addressed.operation.name {
        "ListObjects" => {
            let only = "continuation-token only supported in REST.GET.BUCKET with list-type=2";
            let after = "startAfter only supported in REST.GET.BUCKET with list-type=2";
            let error = foreign("continuation-token", only).or_else(|| foreign("start-after", after));
            if error.is_some() {
                return error;
            }
        }
        "ListObjectsV2" => {
            let error = foreign("marker", "Marker unsupported with REST.GET.BUCKET in list-type=2");
            if error.is_some() {
                return error;
            }
        }
        _ => {}
    }
    if of_key {
        let text = "This operation does not accept partNumber without uploadId";
        return (names.has(PART) && method == "PUT").then(|| error::argument(text, PART, PART));
    }
    if names.has(PART) {
        return Some(error::invalid_request("Object must have a valid key name."));
    }
    names.has(UPLOAD).then(|| error::invalid_request("A key must be specified"))
}

fn not_allowed(method: &str, kind: &str, allowed: &str) -> Error {
    Error::sender("MethodNotAllowed", "The specified method is not allowed against this resource.")
        .with_status(405)
        .with_field("Method", method)
        .with_field("ResourceType", kind)
        .with_header("allow", allowed)
}
