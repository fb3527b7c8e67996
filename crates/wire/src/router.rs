//! From a request's head to service, operation and protocol. No model is unpacked except the one addressed.

mod path;
mod rest;
mod uri;

pub use path::normalised;
pub(crate) use rest::RestTable;
pub use rest::rooted;
pub(crate) use uri::{decode_text, query_pairs};

use crate::model::{Embedded, Operation, Protocol, Service, Validation};
use std::borrow::Cow;
use std::collections::HashMap;

/// The name that requests for directory buckets are signed with: they speak S3's API at endpoints of their own.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-security-iam.html>
pub const DIRECTORY_BUCKETS: &str = "s3express";

/// The signing name of the model behind the one in a credential.
pub fn signing_name(in_scope: &str) -> &str {
    if in_scope == DIRECTORY_BUCKETS { "s3" } else { in_scope }
}

/// Head of a request as the router sees it.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The HTTP method.
    pub method: &'a http::Method,
    /// The path, raw (percent-encoded).
    pub path: &'a str,
    /// The query string, raw, without its question mark.
    pub query: &'a str,
    /// All headers.
    pub headers: &'a http::HeaderMap,
    /// The host without its port.
    pub host: &'a str,
    /// (signing name, region) of the credential, if any.
    pub scope: Option<(&'a str, &'a str)>,
    /// The body, when its content type is `application/x-www-form-urlencoded`.
    pub form: Option<&'a [u8]>,
}

impl<'a> Head<'a> {
    /// A header's value, when it is text.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn is_form(&self) -> bool {
        let content_type = self.header("content-type").unwrap_or_default();
        content_type.split(';').next().is_some_and(|kind| kind.trim() == "application/x-www-form-urlencoded")
    }
}

/// What a request asks for.
#[derive(Clone, Debug)]
pub struct Addressed {
    /// The service.
    pub service: &'static Service,
    /// The operation.
    pub operation: &'static Operation,
    /// The protocol the client speaks.
    pub protocol: Protocol,
    /// Labels of the path, decoded: (member of the input, value). Empty for protocols without labels.
    pub labels: Vec<(u16, String)>,
}

impl Addressed {
    /// For a call that does not come from the network (room to room, tests).
    pub fn direct(service: &'static Service, operation: &'static Operation) -> Addressed {
        Addressed { service, operation, protocol: service.protocols[0], labels: Vec::new() }
    }

    /// Whether the body goes to the operation as a stream.
    pub fn streams(&self) -> bool {
        let input = self.service.shape(self.operation.input);
        input.members.iter().any(|member| member.payload() && member.streaming())
    }
}

/// Why a request addresses nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// The operation's name is in the form: call again with the body.
    NeedForm,
    /// The service is known, the operation is not.
    UnknownOperation {
        /// The model's name of the service.
        service: &'static str,
        /// The protocol the client speaks.
        protocol: Protocol,
        /// What it asked for; empty when it named nothing.
        name: String,
        /// The version of the API that it asked for, when that is not the model's.
        version: Option<String>,
    },
    /// Nothing says which service is meant.
    UnknownService,
}

/// Knows every service that has a model.
#[derive(Debug)]
pub struct Router {
    services: &'static [Embedded],
    targets: HashMap<&'static str, usize>,
    signing: HashMap<&'static str, Vec<usize>>,
}

impl Router {
    /// Indexes the services; unpacks none.
    pub fn new(services: &'static [Embedded]) -> Router {
        let (mut targets, mut signing) = (HashMap::new(), HashMap::<_, Vec<usize>>::new());
        for (at, service) in services.iter().enumerate() {
            if !service.target_prefix.is_empty() {
                targets.entry(service.target_prefix).or_insert(at);
            }
            signing.entry(service.signing_name).or_default().push(at);
        }
        Router { services, targets, signing }
    }

    /// The service of that model name (`sqs`).
    pub fn service(&self, name: &str) -> Option<&'static Service> {
        self.services.iter().find(|service| service.name == name).map(Embedded::service)
    }

    /// Whether a request is for the service of that model name, by its credential, its host, or because it names none.
    pub fn serves(&self, head: &Head<'_>, name: &str) -> bool {
        let is = |at: &usize| self.services.get(*at).is_some_and(|service| service.name == name);
        match self.scoped(head) {
            Some(scoped) => scoped.iter().any(is),
            None => head.scope.is_none() && name == "s3",
        }
    }

    /// Finds what the request asks for.
    pub fn address(&self, head: &Head<'_>) -> Result<Addressed, AddressError> {
        if let Some(target) = head.header("x-amz-target") {
            return self.by_target(head, target);
        }
        let path = normalised(head.path);
        if let Some((target, operation)) = cbor_path(&Head { path: &path, ..*head }) {
            let at = self.targets.get(target).ok_or(AddressError::UnknownService)?;
            return named(self.services[*at].service(), Protocol::RpcV2Cbor, operation);
        }
        if let Some(found) = self.by_action(head)? {
            return Ok(found);
        }
        self.by_path(head)
    }

    fn by_target(&self, head: &Head<'_>, target: &str) -> Result<Addressed, AddressError> {
        let (prefix, operation) = target.rsplit_once('.').ok_or(AddressError::UnknownService)?;
        let at = self.targets.get(prefix).ok_or(AddressError::UnknownService)?;
        let embedded = &self.services[*at];
        let content_type = head.header("content-type").unwrap_or_default();
        let asked = if content_type.contains("json-1.0") { Protocol::AwsJson10 } else { Protocol::AwsJson11 };
        let json = |protocol: &&Protocol| matches!(protocol, Protocol::AwsJson10 | Protocol::AwsJson11);
        let protocol = embedded.protocols.iter().find(json).copied().unwrap_or(asked);
        named(embedded.service(), protocol, operation)
    }

    /// The services that the credential's scope names, else those that the host names.
    fn scoped(&self, head: &Head<'_>) -> Option<&[usize]> {
        if let Some((name, _)) = head.scope {
            return self.signing.get(signing_name(name)).map(Vec::as_slice);
        }
        let label = |label: &str| {
            let found = self.services.iter().find(|service| service.endpoint_prefix == label)?;
            self.signing.get(found.signing_name)
        };
        head.host.split('.').find_map(label).map(Vec::as_slice)
    }

    fn by_action(&self, head: &Head<'_>) -> Result<Option<Addressed>, AddressError> {
        let in_query = query_pairs(head.query).any(|(key, _)| key == "Action");
        let in_form = !in_query && head.method == http::Method::POST && head.is_form();
        if !in_query && !in_form {
            return Ok(None);
        }
        let scoped = self.scoped(head);
        let speaks = |at: &&usize| query_protocol(&self.services[**at]).is_some();
        if scoped.is_some_and(|scoped| !scoped.iter().any(|at| speaks(&at))) {
            return Ok(None);
        }
        let (mut action, mut version) = (None, None);
        let form = if in_form { head.form.ok_or(AddressError::NeedForm)? } else { b"" };
        let form = std::str::from_utf8(form).unwrap_or_default();
        for (key, value) in query_pairs(head.query).chain(query_pairs(form)) {
            match &*key {
                "Action" => action = Some(value),
                "Version" => version = Some(value),
                _ => {}
            }
        }
        let action = action.unwrap_or_default();
        if scoped.is_none() && action.is_empty() {
            return Ok(None);
        }
        let all: Vec<usize> = match scoped {
            Some(scoped) => scoped.iter().filter(speaks).copied().collect(),
            None => (0..self.services.len()).filter(|at| speaks(&at)).collect(),
        };
        self.action_of(&all, &action, version.as_deref(), scoped.is_some()).map(Some)
    }

    fn action_of(
        &self,
        candidates: &[usize],
        action: &str,
        version: Option<&str>,
        scoped: bool,
    ) -> Result<Addressed, AddressError> {
        let versioned =
            |at: &&usize| version.is_none_or(|version| self.services[**at].api_version == version);
        let mut chosen: Vec<&usize> = candidates.iter().filter(versioned).collect();
        if let (true, true, Some(version)) = (chosen.is_empty(), scoped, version) {
            // AWS: some services accept older versions than their model's; none knows a later one.
            let older = |at: &&usize| is_date(version) && version < self.services[**at].api_version;
            chosen = candidates.iter().filter(older).collect();
            if let (true, Some(first)) = (chosen.is_empty(), candidates.first()) {
                return Err(self.unknown_version(*first, action, version));
            }
        }
        let mut unknown = AddressError::UnknownService;
        for at in chosen {
            let embedded = &self.services[*at];
            let Some(protocol) = query_protocol(embedded) else { continue };
            match named(embedded.service(), protocol, action) {
                Ok(found) => return Ok(found),
                Err(error) if unknown == AddressError::UnknownService => unknown = error,
                Err(_) => {}
            }
        }
        Err(unknown)
    }

    fn unknown_version(&self, at: usize, action: &str, version: &str) -> AddressError {
        let embedded = &self.services[at];
        let protocol = query_protocol(embedded).unwrap_or(Protocol::AwsQuery);
        let (name, version) = (action.to_owned(), Some(version.to_owned()));
        AddressError::UnknownOperation { service: embedded.name, protocol, name, version }
    }

    fn by_path(&self, head: &Head<'_>) -> Result<Addressed, AddressError> {
        let default = self.services.iter().position(|service| service.name == "s3");
        let candidates = match self.scoped(head) {
            Some(scoped) => scoped,
            // AWS: a request that names no service and carries no credential can only be for S3.
            None if head.scope.is_none() => default.as_slice(),
            None => &[],
        };
        let (mut best, mut unknown) = (None, AddressError::UnknownService);
        for at in candidates {
            let embedded = &self.services[*at];
            let rest = |protocol: &&Protocol| matches!(protocol, Protocol::RestJson1 | Protocol::RestXml);
            let Some(protocol) = embedded.protocols.iter().find(rest).copied() else { continue };
            let service = embedded.service();
            let path = path_for(service, head);
            match rest::find(service, &Head { path: &path, ..*head }) {
                // AWS: S3 and S3 Control share their name in signatures; what lacks the header that S3 Control's operations
                // demand (`x-amz-account-id`) is for S3, whatever its path looks like.
                Some(found)
                    if best.as_ref().is_none_or(|(_, best): &(_, rest::Found)| {
                        (found.has_headers, &found.rank) > (best.has_headers, &best.rank)
                    }) =>
                {
                    best = Some(((service, protocol), found));
                }
                None if unknown == AddressError::UnknownService => {
                    let name = String::new();
                    let service = service.name;
                    unknown = AddressError::UnknownOperation { service, protocol, name, version: None };
                }
                _ => {}
            }
        }
        let ((service, protocol), found) = best.ok_or(unknown)?;
        let operation = &service.operations[usize::from(found.operation)];
        let path = path_for(service, head);
        let labels = found.labels(service, &Head { path: &path, ..*head });
        Ok(Addressed { service, operation, protocol, labels })
    }
}

/// AWS: S3 alone takes paths as they are, in signatures and in keys.
fn path_for<'h>(service: &Service, head: &Head<'h>) -> Cow<'h, str> {
    match service.validation {
        Validation::S3 => Cow::Borrowed(head.path),
        _ => normalised(head.path),
    }
}

/// Whether a text has the form of an API version: `2010-05-08`.
fn is_date(text: &str) -> bool {
    let mut bytes = text.bytes().enumerate();
    text.len() == 10
        && bytes.all(|(at, byte)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() })
}

fn query_protocol(service: &Embedded) -> Option<Protocol> {
    let query = |protocol: &&Protocol| matches!(protocol, Protocol::AwsQuery | Protocol::Ec2Query);
    service.protocols.iter().find(query).copied()
}

fn named(service: &'static Service, protocol: Protocol, name: &str) -> Result<Addressed, AddressError> {
    match service.operation(name) {
        Some(operation) => Ok(Addressed { service, operation, protocol, labels: Vec::new() }),
        None => {
            let (service, name) = (service.name, name.to_owned());
            Err(AddressError::UnknownOperation { service, protocol, name, version: None })
        }
    }
}

/// `/service/{target prefix}/operation/{name}`, possibly behind other segments.
/// Source: <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html#requests>
fn cbor_path<'a>(head: &Head<'a>) -> Option<(&'a str, &'a str)> {
    if head.header("smithy-protocol")? != "rpc-v2-cbor" {
        return None;
    }
    let mut segments = head.path.rsplit('/');
    let (name, word, service, first) =
        (segments.next()?, segments.next()?, segments.next()?, segments.next()?);
    // The service's name may be absolute, with its namespace in front.
    let service = service.rsplit(['.', '#']).next()?;
    (word == "operation" && first == "service").then_some((service, name))
}
