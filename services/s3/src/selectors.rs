//! The query parameters that name a sub-resource, and so choose the operation: `acl` in `DELETE /bucket/key?acl`.
//!
//! Invariant: who names a sub-resource that the method does not take never reaches the bucket or the object itself.

use crate::error;
use crate::logging::resource_type;
use percent_encoding::percent_decode_str;
use std::sync::OnceLock;
use yakumo_aws::Error;
use yakumo_room::{Addressed, Head};

const KEY_PATH: &str = "/{Bucket}/{Key+}";
/// In the order in which AWS names them: <https://github.com/brekkylab/backlot/issues/230>.
const METHODS: [&str; 5] = ["HEAD", "DELETE", "POST", "GET", "PUT"];
const UPLOAD: &str = "uploadId";
const PART: &str = "partNumber";

/// A sub-resource with its operations.
struct Selector {
    name: &'static str,
    of_key: bool,
    methods: Vec<&'static str>,
    /// One of its operations.
    operation: &'static str,
}

/// The sub-resources of the model: whatever its patterns demand without a value, and the id of an upload. Made once.
fn selectors(addressed: &Addressed) -> &'static [Selector] {
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
        for operation in &addressed.service.operations {
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

/// What is wrong with the query of a request. AWS says it whether there is such a bucket or not.
///
/// Seen: <https://github.com/brekkylab/backlot/issues/230>, <https://github.com/versity/versitygw/issues/1236>,
/// <https://github.com/versity/versitygw/issues/1237>.
pub fn refused(head: &Head<'_>, addressed: &Addressed) -> Option<Error> {
    if head.query.is_empty() {
        return None;
    }
    let of_key = addressed.operation.uri.starts_with(KEY_PATH);
    let names = head.query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    let names: Vec<_> = names.map(|name| percent_decode_str(name).decode_utf8_lossy()).collect();
    let method = head.method.as_str();
    let has = |wanted: &str| names.iter().any(|name| name == wanted);
    let mut named: Vec<&Selector> = selectors(addressed)
        .iter()
        .filter(|selector| selector.of_key == of_key && has(selector.name))
        .collect();
    named.sort_by_key(|selector| selector.name);
    let foreign = |name: &'static str, text| has(name).then(|| error::unfit(text, name));
    match addressed.operation.name {
        "ListObjects" if named.is_empty() => {
            let only = "continuation-token only supported in REST.GET.BUCKET with list-type=2";
            let after = "startAfter only supported in REST.GET.BUCKET with list-type=2";
            let error = foreign("continuation-token", only).or_else(|| foreign("start-after", after));
            if error.is_some() {
                return error;
            }
        }
        "ListObjectsV2" if named.is_empty() => {
            let error = foreign("marker", "Marker unsupported with REST.GET.BUCKET in list-type=2");
            if error.is_some() {
                return error;
            }
        }
        _ => {}
    }
    match named.as_slice() {
        [first, _, ..] => {
            let all: Vec<&str> = named.iter().map(|selector| selector.name).collect();
            let text = format!("Conflicting query string parameters: {}", all.join(", "));
            Some(error::argument(&text, "ResourceType", first.name))
        }
        [one] if one.name == UPLOAD && has(PART) => {
            (method != "PUT").then(|| not_allowed(method, "PART".to_owned(), "PUT"))
        }
        [one] if !one.methods.contains(&method) => {
            // AWS: the methods of a sub-resource are told together, those of buckets and those of objects.
            let both = selectors(addressed).iter().filter(|other| other.name == one.name);
            let both: Vec<&str> = both.flat_map(|selector| selector.methods.iter().copied()).collect();
            let allowed = METHODS.into_iter().filter(|method| both.contains(method));
            let key = if of_key { "key" } else { "" };
            let kind = resource_type(one.operation, key);
            Some(not_allowed(method, kind, &allowed.collect::<Vec<_>>().join(", ")))
        }
        [_] => None,
        [] if of_key && has(PART) && method == "PUT" => {
            let text = "This operation does not accept partNumber without uploadId";
            Some(error::argument(text, PART, PART))
        }
        [] if !of_key && has(PART) => Some(error::invalid_request("Object must have a valid key name.")),
        [] if !of_key && has(UPLOAD) => Some(error::invalid_request("A key must be specified")),
        [] => None,
    }
}

fn not_allowed(method: &str, kind: String, allowed: &str) -> Error {
    Error::sender("MethodNotAllowed", "The specified method is not allowed against this resource.")
        .with_status(405)
        .with_field("Method", method)
        .with_field("ResourceType", kind)
        .with_header("allow", allowed)
}
