//! An API model as the text says it. Facts only; nothing is derived here.

use std::collections::BTreeMap;

/// One service.
#[derive(Clone, Debug, Default)]
pub struct Api {
    /// The name of the model's file: `sqs`.
    pub name: String,
    /// AWS's service id: `SQS`, `Elastic Load Balancing v2`.
    pub id: String,
    /// `2012-11-05`.
    pub version: String,
    /// In the words of the model: `json`, `query`, `ec2`, `rest-json`, `rest-xml`, `smithy-rpc-v2-cbor`.
    pub protocols: Vec<String>,
    /// `1.0` or `1.1`.
    pub json_version: String,
    /// First label of the service's host name.
    pub endpoint: String,
    /// The service's name in credential scopes.
    pub signing: String,
    /// What stands before the dot in `X-Amz-Target`; empty when there is none.
    pub target: String,
    /// Host name of the service's global endpoint; empty when there is none.
    pub global: String,
    /// XML namespace of answers (`prefix|uri` or `uri`); empty when there is none.
    pub namespace: String,
    /// Errors carry `x-amzn-query-error`.
    pub query_compatible: bool,
    /// From the overlay: times in XML answers always have milliseconds.
    pub milliseconds: bool,
    /// From the overlay: times in XML answers never have a fraction of a second.
    pub whole_seconds: bool,
    /// From the overlay: how violations are reported.
    pub validation: String,
    /// From the overlay: the code of such a report, when it is not the style's.
    pub validation_code: String,
    /// From the overlay: the namespace in `__type`.
    pub error_namespace: String,
    /// From the overlay: the input member that a query client may give by the path of the URL.
    pub path_member: String,
    /// From the overlay: the label that may stand in front of the host name (S3's bucket).
    pub host_member: String,
    /// In the order of names.
    pub operations: Vec<Operation>,
    /// By name.
    pub shapes: BTreeMap<String, Shape>,
}

/// One operation.
#[derive(Clone, Debug, Default)]
pub struct Operation {
    /// `SendMessage`.
    pub name: String,
    /// `POST`.
    pub method: String,
    /// Path pattern with `{Label}` and `{Greedy+}`, and a query part when the model has one.
    pub uri: String,
    /// Success status; 200 unless said.
    pub status: u16,
    /// Shape names; empty for none.
    pub input: String,
    /// Shape names; empty for none.
    pub output: String,
    /// Element around the output in query answers.
    pub wrapper: String,
    /// Shape names of the modelled errors.
    pub errors: Vec<String>,
    /// The remaining facts, as written: `auth=none`, `host=data-`, `checksum-required`, …
    pub facts: BTreeMap<String, String>,
}

/// What a shape is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the model's own")]
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

/// One shape.
#[derive(Clone, Debug)]
pub struct Shape {
    /// As in the model.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Of a structure, in the order of the text.
    pub members: Vec<Member>,
    /// Target of a list's items or of a map's values.
    pub element: String,
    /// Target of a map's keys.
    pub key: String,
    /// Of a string with a closed set.
    pub enums: Vec<String>,
    /// Of a string; in the words of the model.
    pub pattern: String,
    /// The remaining facts: `min`, `max`, `flat`, `item`, `error`, `code`, …
    pub facts: BTreeMap<String, String>,
}

/// One member of a structure.
#[derive(Clone, Debug)]
pub struct Member {
    /// As in the model.
    pub name: String,
    /// Shape name.
    pub target: String,
    /// Must be given.
    pub required: bool,
    /// `name`, `header`, `headers`, `query`, `uri`, `status`, `payload`, `flat`, `token`, …
    pub facts: BTreeMap<String, String>,
}

impl Api {
    /// The shape of that name.
    pub fn shape(&self, name: &str) -> anyhow::Result<&Shape> {
        self.shapes.get(name).ok_or_else(|| anyhow::anyhow!("{}: no shape {name}", self.name))
    }
}

impl Shape {
    /// Whether the text says this fact.
    pub fn is(&self, fact: &str) -> bool {
        self.facts.contains_key(fact)
    }

    /// The fact's value, or the empty text.
    pub fn fact(&self, name: &str) -> &str {
        self.facts.get(name).map_or("", String::as_str)
    }
}

impl Member {
    /// Whether the text says this fact.
    pub fn is(&self, fact: &str) -> bool {
        self.facts.contains_key(fact)
    }

    /// The fact's value, or the empty text.
    pub fn fact(&self, name: &str) -> &str {
        self.facts.get(name).map_or("", String::as_str)
    }
}
