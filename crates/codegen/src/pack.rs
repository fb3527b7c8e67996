//! An [`Api`] to the bytes that `yakumo-wire` embeds and reads lazily (`wire::model::Service::unpack`).
//!
//! Layout: the number of strings, their lengths, their bytes; then the service, its operations, its shapes, with every
//! string as an index and every number as a varint (LEB128, zig-zag where negative). Names are resolved here once.

use crate::api::{Api, Kind, Member, Operation, Shape};
use anyhow::{Context, Result, bail};
use std::collections::HashMap;

/// The first bytes of a packed model; the reader refuses others.
const MAGIC: &[u8; 4] = b"YKM1";
/// Name of the shape of operations without input or output.
const UNIT: &str = "Unit";

/// Packs one model.
pub fn pack(api: &Api) -> Result<Vec<u8>> {
    let mut ids: HashMap<&str, u64> = HashMap::from([("", 0)]);
    for (at, name) in api.shapes.keys().enumerate() {
        ids.insert(name, at as u64 + 1);
    }
    let mut packer = Packer { api, ids, strings: Strings::default(), out: Vec::new() };
    packer.service()?;
    packer.number(api.operations.len() as u64);
    for operation in &api.operations {
        packer.operation(operation).with_context(|| operation.name.clone())?;
    }
    packer.number(api.shapes.len() as u64 + 1);
    packer.unit();
    for shape in api.shapes.values() {
        packer.shape(shape).with_context(|| shape.name.clone())?;
    }
    Ok(packer.finish())
}

#[derive(Default)]
struct Strings {
    index: HashMap<String, u64>,
    list: Vec<String>,
}

struct Packer<'a> {
    api: &'a Api,
    ids: HashMap<&'a str, u64>,
    strings: Strings,
    out: Vec<u8>,
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

impl Packer<'_> {
    fn number(&mut self, value: u64) {
        varint(&mut self.out, value);
    }

    fn text(&mut self, text: &str) {
        let index = match self.strings.index.get(text) {
            Some(index) => *index,
            None => {
                let index = self.strings.list.len() as u64;
                self.strings.list.push(text.to_owned());
                self.strings.index.insert(text.to_owned(), index);
                index
            }
        };
        self.number(index);
    }

    fn target(&mut self, name: &str) -> Result<()> {
        let id = *self.ids.get(name).with_context(|| format!("no shape {name}"))?;
        self.number(id);
        Ok(())
    }

    fn bound(&mut self, shape: &Shape, fact: &str) -> Result<()> {
        let bits = match shape.fact(fact) {
            "" => None,
            text => Some(text.parse::<f64>()?.to_bits()),
        };
        self.number(u64::from(bits.is_some()));
        if let Some(bits) = bits {
            self.out.extend_from_slice(&bits.to_le_bytes());
        }
        Ok(())
    }

    fn service(&mut self) -> Result<()> {
        let api = self.api;
        for text in [&api.name, &api.id, &api.version, &api.endpoint, &api.signing, &api.target, &api.global]
        {
            self.text(text);
        }
        self.text(&api.namespace);
        self.number(api.protocols.len() as u64);
        for protocol in &api.protocols {
            self.number(match (protocol.as_str(), api.json_version.as_str()) {
                ("json", "1.0") => 0,
                ("json", _) => 1,
                ("query", _) => 2,
                ("ec2", _) => 3,
                ("rest-json", _) => 4,
                ("rest-xml", _) => 5,
                ("smithy-rpc-v2-cbor", _) => 6,
                _ => bail!("unknown protocol {protocol}"),
            });
        }
        self.number(u64::from(api.query_compatible));
        self.number(if api.whole_seconds { 2 } else { u64::from(api.milliseconds) });
        let query = api.protocols.first().is_some_and(|first| first == "query");
        self.number(match api.validation.as_str() {
            "" if api.protocols.iter().any(|protocol| protocol == "ec2") => 1,
            "" | "coral" | "coral-query" => 0,
            "missing-parameter" => 1,
            "s3" => 2,
            "iam" => 3,
            style => bail!("unknown validation style {style}"),
        });
        let code = match (api.validation_code.as_str(), api.validation.as_str()) {
            ("", "coral-query" | "iam") => "ValidationError",
            ("", "") if query => "ValidationError",
            ("", _) => "ValidationException",
            (code, _) => code,
        };
        self.text(code);
        for text in [&api.error_namespace, &api.path_member, &api.host_member] {
            self.text(text);
        }
        Ok(())
    }

    fn operation(&mut self, operation: &Operation) -> Result<()> {
        for text in [&operation.name, &operation.method, &operation.uri] {
            self.text(text);
        }
        self.number(operation.status.into());
        self.target(&operation.input)?;
        self.target(&operation.output)?;
        self.text(&operation.wrapper);
        self.number(operation.errors.len() as u64);
        for error in &operation.errors {
            self.target(error)?;
        }
        let mut flags = 0;
        let mut texts = [""; 7];
        for (fact, value) in &operation.facts {
            match fact.as_str() {
                "auth" => texts[0] = value,
                "host" => texts[1] = value,
                "root" => texts[2] = value,
                "outroot" => texts[3] = value,
                "checksum-member" => texts[4] = value,
                "checksum-mode" => texts[5] = value,
                "checksum-response" => texts[6] = value,
                "checksum-required" if value == "false" => {}
                "checksum-required" => flags |= 1,
                "readonly" => flags |= 2,
                "idempotent" => flags |= 4,
                "unsigned-payload" => flags |= 8,
                "compression" => flags |= 16,
                "shadowed" => flags |= 32,
                "unwrapped" => flags |= 64,
                "ns" => {}
                _ => bail!("unknown fact {fact}"),
            }
        }
        self.number(flags);
        for text in texts {
            self.text(text);
        }
        Ok(())
    }

    fn unit(&mut self) {
        self.text(UNIT);
        for _ in 0..9 {
            self.number(0);
        }
    }

    fn shape(&mut self, shape: &Shape) -> Result<()> {
        self.text(&shape.name);
        self.number(kind(shape.kind));
        self.number(shape_flags(shape));
        self.bound(shape, "min")?;
        self.bound(shape, "max")?;
        self.text_if(&shape.pattern);
        self.number(shape.enums.len() as u64);
        for value in &shape.enums {
            self.text(value);
        }
        self.number(time(shape.fact("time"))?);
        self.error(shape)?;
        match shape.kind {
            Kind::Structure => {
                self.number(shape.members.len() as u64);
                for member in &shape.members {
                    self.member(member).with_context(|| member.name.clone())?;
                }
            }
            Kind::List => {
                self.target(&shape.element)?;
                self.text(if shape.is("item") { shape.fact("item") } else { "member" });
            }
            Kind::Map => {
                self.target(&shape.key)?;
                self.target(&shape.element)?;
                self.text(if shape.is("key") { shape.fact("key") } else { "key" });
                self.text(if shape.is("value") { shape.fact("value") } else { "value" });
            }
            _ => {}
        }
        Ok(())
    }

    /// A text that is mostly absent: 0, or 1 and its index.
    fn text_if(&mut self, text: &str) {
        self.number(u64::from(!text.is_empty()));
        if !text.is_empty() {
            self.text(text);
        }
    }

    fn error(&mut self, shape: &Shape) -> Result<()> {
        self.number(u64::from(shape.is("error")));
        if shape.is("error") {
            let status: u64 = shape.fact("error").parse()?;
            let code = if shape.is("code") { shape.fact("code") } else { &shape.name };
            let query_code = if shape.is("query-code") { shape.fact("query-code") } else { code };
            let query_status =
                if shape.is("query-status") { shape.fact("query-status").parse()? } else { status };
            self.number(status);
            self.text(code);
            self.number(query_status);
            self.text(query_code);
            self.text(if shape.is("query-message") { shape.fact("query-message") } else { "" });
            self.number(u64::from(shape.is("fault")));
        }
        Ok(())
    }

    fn member(&mut self, member: &Member) -> Result<()> {
        let target = self.api.shape(&member.target)?;
        let (location, bound) = location(member);
        let wire = match (location, member.fact("name")) {
            (0, "") => &member.name,
            (0, name) => name,
            _ => bound,
        };
        let flat = member.is("flat") || target.is("flat");
        let element = if member.is("element") { member.fact("element") } else { wire };
        let ec2 = self.api.protocols.iter().any(|protocol| protocol == "ec2");
        let form = match (member.fact("qname"), member.fact("name")) {
            ("", "") if ec2 => first_upper(&member.name),
            ("", name) if ec2 => first_upper(name),
            (qname, _) if ec2 => qname.to_owned(),
            _ => element.to_owned(),
        };
        let mut flags = member_flags(member)?;
        if flat {
            flags |= 2;
        }
        if target.is("streaming") {
            flags |= 16;
        }
        self.text(&member.name);
        self.target(&member.target)?;
        self.number(flags);
        self.number(location);
        self.number(time(if member.is("time") { member.fact("time") } else { target.fact("time") })?);
        let same = wire == member.name && element == member.name && form == member.name;
        let ns = if member.is("ns") { member.fact("ns") } else { target.fact("ns") };
        self.number(u64::from(!same) | (u64::from(!ns.is_empty()) << 1));
        if !same {
            for text in [wire, element, &form] {
                self.text(text);
            }
        }
        if !ns.is_empty() {
            self.text(ns);
        }
        Ok(())
    }

    fn finish(self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        varint(&mut out, self.strings.list.len() as u64);
        for text in &self.strings.list {
            varint(&mut out, text.len() as u64);
        }
        for text in &self.strings.list {
            out.extend_from_slice(text.as_bytes());
        }
        out.extend_from_slice(&self.out);
        out
    }
}

fn first_upper(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}

fn kind(kind: Kind) -> u64 {
    match kind {
        Kind::Structure => 0,
        Kind::List => 1,
        Kind::Map => 2,
        Kind::String => 3,
        Kind::Integer => 4,
        Kind::Long => 5,
        Kind::Float => 6,
        Kind::Double => 7,
        Kind::Boolean => 8,
        Kind::Timestamp => 9,
        Kind::Blob => 10,
    }
}

fn time(format: &str) -> Result<u64> {
    Ok(match format {
        "" => 0,
        "iso8601" => 1,
        "unix" => 2,
        "rfc822" => 3,
        _ => bail!("unknown time format {format}"),
    })
}

fn location(member: &Member) -> (u64, &str) {
    for (location, fact) in [(1, "header"), (2, "headers"), (3, "query"), (4, "uri")] {
        if member.is(fact) {
            // The model's empty prefix (every header) is written as `*`.
            return (location, if member.fact(fact) == "*" { "" } else { member.fact(fact) });
        }
    }
    if member.is("status") { (5, &member.name) } else { (0, "") }
}

fn shape_flags(shape: &Shape) -> u64 {
    ["flat", "streaming", "sensitive", "union", "document", "eventstream", "event"]
        .iter()
        .enumerate()
        .map(|(bit, fact)| u64::from(shape.is(fact)) << bit)
        .sum()
}

fn member_flags(member: &Member) -> Result<u64> {
    let mut flags = u64::from(member.required);
    for fact in member.facts.keys() {
        flags |= match fact.as_str() {
            "flat" => 2,
            "attribute" => 4,
            "token" => 8,
            "streaming" => 16,
            "jsonvalue" => 32,
            "label" => 64,
            "eventpayload" => 128,
            "eventheader" => 256,
            "payload" => 512,
            "name" | "qname" | "element" | "header" | "headers" | "query" | "uri" | "status" | "time"
            | "ns" => 0,
            _ => bail!("unknown fact {fact}"),
        };
    }
    Ok(flags)
}
