//! The compact model of a service in memory. Everything is `'static`: a model is unpacked once, on first use, from bytes
//! that are part of the binary.

mod unpack;

pub use unpack::Embedded;

use std::sync::OnceLock;

/// A protocol of AWS's APIs.
/// Source: <https://smithy.io/2.0/aws/protocols/index.html>
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are Smithy's")]
pub enum Protocol {
    AwsJson10,
    AwsJson11,
    AwsQuery,
    Ec2Query,
    RestJson1,
    RestXml,
    RpcV2Cbor,
}

/// How a service words violations of its model's constraints.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Validation {
    /// "1 validation error detected: Value …", with the code of [`Service::validation_code`].
    Coral,
    /// `MissingParameter`: "The request must contain the parameter …" (EC2, SQS).
    MissingParameter,
    /// S3's own codes.
    S3,
    /// As [`Validation::Coral`], with IAM's own texts for names, paths and documents.
    Iam,
}

/// Whether times in XML answers have milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fraction {
    /// Where there are any.
    WhenAny,
    /// Even when they are zero (from the overlay).
    Always,
    /// Never: seconds are cut (from the overlay).
    Never,
}

/// Index of a shape in [`Service::shapes`].
pub type ShapeId = u32;

/// One service.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names are the model's; models/FORMAT.md explains them")]
pub struct Service {
    pub name: &'static str,
    pub id: &'static str,
    pub api_version: &'static str,
    pub endpoint_prefix: &'static str,
    pub signing_name: &'static str,
    pub target_prefix: &'static str,
    pub global_endpoint: &'static str,
    pub xml_namespace: &'static str,
    /// The first is the one the model prefers.
    pub protocols: Box<[Protocol]>,
    /// Errors carry `x-amzn-query-error`.
    pub query_compatible: bool,
    pub fraction: Fraction,
    pub validation: Validation,
    /// `ValidationException` in most services, `ValidationError` in query services.
    pub validation_code: &'static str,
    /// Stands before `#` in `__type`; empty for none.
    pub error_namespace: &'static str,
    /// The input member that a query client may give by the URL's path; empty for none.
    pub path_member: &'static str,
    /// The input member that may stand in front of the host name; empty for none.
    pub host_member: &'static str,
    /// In the order of names.
    pub operations: Box<[Operation]>,
    pub shapes: Box<[Shape]>,
    /// Built by the router on first use.
    pub(crate) routes: OnceLock<crate::router::RestTable>,
}

/// One operation.
#[derive(Debug)]
#[allow(missing_docs, reason = "the names are the model's; models/FORMAT.md explains them")]
pub struct Operation {
    pub name: &'static str,
    /// Position in [`Service::operations`].
    pub index: u16,
    pub http_method: &'static str,
    pub uri: &'static str,
    pub status: u16,
    pub input: ShapeId,
    pub output: ShapeId,
    pub result_wrapper: &'static str,
    pub errors: Box<[ShapeId]>,
    /// `none` or `v4-unsigned-body`; empty for the usual signature.
    pub auth: &'static str,
    pub host_prefix: &'static str,
    /// Root element of the request's XML body.
    pub input_root: &'static str,
    /// Root element of the answer's XML body; empty for the output shape's name.
    pub output_root: &'static str,
    pub checksum_member: &'static str,
    pub checksum_mode: &'static str,
    pub checksum_response: &'static str,
    pub checksum_required: bool,
    pub readonly: bool,
    pub idempotent: bool,
    pub unsigned_payload: bool,
    pub compression: bool,
    /// Another operation has the same place on the wire and answers instead (from the overlay).
    pub shadowed: bool,
    /// The body of the answer is the output's only member, without an element around it (from the overlay).
    pub unwrapped: bool,
}

/// What a shape is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the model's")]
pub enum Kind {
    Structure,
    List,
    Map,
    String,
    Integer,
    Long,
    Float,
    Double,
    Boolean,
    Timestamp,
    Blob,
}

/// Where a member of an HTTP-bound structure stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the model's")]
pub enum Location {
    Body,
    Header,
    PrefixHeaders,
    Query,
    Uri,
    Status,
}

/// How a point in time is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are Smithy's")]
pub enum TimeFormat {
    DateTime,
    EpochSeconds,
    HttpDate,
}

/// One shape.
#[derive(Debug)]
pub struct Shape {
    /// As in the model.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    pub(crate) flags: u16,
    /// Smallest length or value.
    pub min: Option<f64>,
    /// Largest length or value.
    pub max: Option<f64>,
    /// Regular expression the whole text must match.
    pub pattern: Option<Pattern>,
    /// The closed set of values.
    pub enums: Box<[&'static str]>,
    /// Of a timestamp; `None` is the protocol's default.
    pub time: Option<TimeFormat>,
    /// Of an exception.
    pub error: Option<ErrorFacts>,
    /// Of a structure.
    pub members: Box<[Member]>,
    /// Number of required members.
    pub required: u16,
    /// Target of a list's items or of a map's values.
    pub element: ShapeId,
    /// Target of a map's keys.
    pub key: ShapeId,
    /// XML name of a list's items or of a map's values.
    pub element_name: &'static str,
    /// XML name of a map's keys.
    pub key_name: &'static str,
}

/// A model's regular expression, compiled when it is first needed.
#[derive(Debug)]
pub struct Pattern {
    /// In the words of the model.
    pub text: &'static str,
    pub(crate) compiled: OnceLock<Option<crate::walk::Compiled>>,
}

/// What an exception is on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ErrorFacts {
    /// HTTP status.
    pub status: u16,
    /// Code in JSON, CBOR and REST answers: the shape's name unless the model has another.
    pub code: &'static str,
    /// HTTP status in query answers.
    pub query_status: u16,
    /// Code in query answers and in `x-amzn-query-error`.
    pub query_code: &'static str,
    /// Message in query answers, where it is another one; empty for none.
    pub query_message: &'static str,
    /// The service's mistake.
    pub fault: bool,
}

/// One member of a structure.
#[derive(Debug)]
pub struct Member {
    /// As in the model.
    pub name: &'static str,
    /// Name in JSON, in request XML, of the header, query parameter or label.
    pub wire: &'static str,
    /// Name of the XML element in answers, and in REST bodies both ways.
    pub element: &'static str,
    /// Name in query requests.
    pub form: &'static str,
    /// Shape of the value.
    pub target: ShapeId,
    pub(crate) flags: u16,
    /// Where it stands.
    pub location: Location,
    /// Of a timestamp; `None` is the default of the protocol and location.
    pub time: Option<TimeFormat>,
    /// XML namespace, `prefix|uri` or `uri`; empty for none.
    pub xml_namespace: &'static str,
}

macro_rules! flags {
    ($type:ty { $($(#[$doc:meta])* $name:ident = $bit:literal,)* }) => {
        impl $type {
            $($(#[$doc])* pub fn $name(&self) -> bool { self.flags & $bit != 0 })*
        }
    };
}

flags!(Shape {
    /// Items of the list or map stand without an element around them.
    flat = 1,
    /// The blob is a stream.
    streaming = 2,
    /// Must not appear in logs and records.
    sensitive = 4,
    /// Exactly one member is set.
    union = 8,
    /// Free-form JSON.
    document = 16,
    /// A stream of events.
    event_stream = 32,
    /// One event.
    event = 64,
});

flags!(Member {
    /// Must be given.
    required = 1,
    /// Items stand without an element around them.
    flat = 2,
    /// An XML attribute.
    attribute = 4,
    /// Filled by clients to make a retry harmless.
    token = 8,
    /// The body as a stream.
    streaming = 16,
    /// JSON in a text.
    json_value = 32,
    /// Part of the host name.
    host_label = 64,
    /// Payload of an event.
    event_payload = 128,
    /// Header of an event.
    event_header = 256,
    /// The whole body.
    payload = 512,
});

impl Service {
    /// The shape of that index.
    pub fn shape(&self, id: ShapeId) -> &Shape {
        self.shapes.get(id as usize).unwrap_or(&self.shapes[0])
    }

    /// The operation of that name.
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        let at = self.operations.binary_search_by(|operation| operation.name.cmp(name)).ok()?;
        self.operations.get(at)
    }

    /// The exception that an error code names: by shape name, code or query code.
    pub fn error(&self, code: &str) -> Option<(&Shape, ErrorFacts)> {
        let facts = |shape: &'_ Shape| shape.error;
        let named = self.shapes.binary_search_by(|shape| shape.name.cmp(code)).ok();
        if let Some(shape) = named.and_then(|at| self.shapes.get(at))
            && let Some(error) = facts(shape)
        {
            return Some((shape, error));
        }
        let matches = |error: ErrorFacts| error.code == code || error.query_code == code;
        self.shapes
            .iter()
            .find_map(|shape| facts(shape).filter(|error| matches(*error)).map(|error| (shape, error)))
    }

    /// Whether the service speaks this protocol.
    pub fn speaks(&self, protocol: Protocol) -> bool {
        self.protocols.contains(&protocol)
    }
}
