//! Reads a packed model (`yakumo_codegen::pack` writes it and describes the layout).
//!
//! The bytes are our own, made by the build; a wrong one is a defect of the build and panics with a reason.

use super::{
    ErrorFacts, Fraction, Kind, Location, Member, Operation, Pattern, Protocol, Service, Shape, TimeFormat,
    Validation,
};
use std::sync::OnceLock;

/// A packed model inside the binary, with the facts that routing needs before it is unpacked.
#[derive(Debug)]
pub struct Embedded {
    /// `sqs`.
    pub name: &'static str,
    /// As in [`Service::target_prefix`].
    pub target_prefix: &'static str,
    /// As in [`Service::signing_name`].
    pub signing_name: &'static str,
    /// As in [`Service::endpoint_prefix`].
    pub endpoint_prefix: &'static str,
    /// As in [`Service::api_version`].
    pub api_version: &'static str,
    /// As in [`Service::id`].
    pub id: &'static str,
    /// As in [`Service::protocols`].
    pub protocols: &'static [Protocol],
    /// The packed model.
    pub packed: &'static [u8],
    /// The unpacked model; begin with an empty cell.
    pub cell: OnceLock<Service>,
}

impl Embedded {
    /// The model, unpacked on first use (up to a millisecond for the largest).
    pub fn service(&'static self) -> &'static Service {
        self.cell.get_or_init(|| Service::unpack(self.packed))
    }
}

impl Service {
    /// Reads one packed model.
    pub fn unpack(packed: &'static [u8]) -> Service {
        let mut from = Reader { bytes: packed, strings: Vec::new() };
        assert_eq!(from.take(4), b"YKM1", "a packed model begins with its mark");
        from.strings();
        service(&mut from)
    }
}

struct Reader {
    bytes: &'static [u8],
    strings: Vec<&'static str>,
}

impl Reader {
    fn take(&mut self, length: usize) -> &'static [u8] {
        let (head, tail) = self.bytes.split_at(length);
        self.bytes = tail;
        head
    }

    fn number(&mut self) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = self.take(1)[0];
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return value;
            }
            shift += 7;
        }
    }

    fn count(&mut self) -> usize {
        self.number() as usize
    }

    fn strings(&mut self) {
        let count = self.count();
        let lengths: Vec<usize> = (0..count).map(|_| self.count()).collect();
        self.strings = lengths
            .into_iter()
            .map(|length| std::str::from_utf8(self.take(length)).expect("a packed model holds UTF-8"))
            .collect();
    }

    fn text(&mut self) -> &'static str {
        let index = self.count();
        self.strings[index]
    }

    fn id(&mut self) -> u32 {
        self.number() as u32
    }

    fn flag(&mut self) -> bool {
        self.number() != 0
    }

    fn bound(&mut self) -> Option<f64> {
        let given = self.flag();
        given.then(|| f64::from_le_bytes(self.take(8).try_into().expect("eight bytes were taken")))
    }

    fn list<T>(&mut self, item: impl Fn(&mut Reader) -> T) -> Box<[T]> {
        let count = self.count();
        (0..count).map(|_| item(self)).collect()
    }

    fn time(&mut self) -> Option<TimeFormat> {
        match self.number() {
            0 => None,
            1 => Some(TimeFormat::DateTime),
            2 => Some(TimeFormat::EpochSeconds),
            _ => Some(TimeFormat::HttpDate),
        }
    }
}

fn service(from: &mut Reader) -> Service {
    let mut service = Service {
        name: from.text(),
        id: from.text(),
        api_version: from.text(),
        endpoint_prefix: from.text(),
        signing_name: from.text(),
        target_prefix: from.text(),
        global_endpoint: from.text(),
        xml_namespace: from.text(),
        protocols: from.list(protocol),
        query_compatible: from.flag(),
        fraction: match from.number() {
            0 => Fraction::WhenAny,
            1 => Fraction::Always,
            _ => Fraction::Never,
        },
        validation: match from.number() {
            0 => Validation::Coral,
            1 => Validation::MissingParameter,
            2 => Validation::S3,
            _ => Validation::Iam,
        },
        validation_code: from.text(),
        error_namespace: from.text(),
        path_member: from.text(),
        host_member: from.text(),
        operations: from.list(operation),
        shapes: from.list(shape),
        routes: OnceLock::new(),
    };
    for (index, operation) in service.operations.iter_mut().enumerate() {
        operation.index = index as u16;
    }
    service
}

fn protocol(from: &mut Reader) -> Protocol {
    match from.number() {
        0 => Protocol::AwsJson10,
        1 => Protocol::AwsJson11,
        2 => Protocol::AwsQuery,
        3 => Protocol::Ec2Query,
        4 => Protocol::RestJson1,
        5 => Protocol::RestXml,
        _ => Protocol::RpcV2Cbor,
    }
}

fn operation(from: &mut Reader) -> Operation {
    let (name, http_method, uri) = (from.text(), from.text(), from.text());
    let status = from.number() as u16;
    let (input, output, result_wrapper) = (from.id(), from.id(), from.text());
    let errors = from.list(Reader::id);
    let flags = from.number();
    Operation {
        name,
        index: 0,
        http_method,
        uri,
        status,
        input,
        output,
        result_wrapper,
        errors,
        auth: from.text(),
        host_prefix: from.text(),
        input_root: from.text(),
        output_root: from.text(),
        checksum_member: from.text(),
        checksum_mode: from.text(),
        checksum_response: from.text(),
        checksum_required: flags & 1 != 0,
        readonly: flags & 2 != 0,
        idempotent: flags & 4 != 0,
        unsigned_payload: flags & 8 != 0,
        compression: flags & 16 != 0,
        shadowed: flags & 32 != 0,
        unwrapped: flags & 64 != 0,
    }
}

fn shape(from: &mut Reader) -> Shape {
    let name = from.text();
    let kind = kind(from.number());
    let flags = from.number() as u16;
    let (min, max) = (from.bound(), from.bound());
    let pattern = from.flag().then(|| Pattern { text: from.text(), compiled: OnceLock::new() });
    let enums = from.list(Reader::text);
    let time = from.time();
    let error = from.flag().then(|| ErrorFacts {
        status: from.number() as u16,
        code: from.text(),
        query_status: from.number() as u16,
        query_code: from.text(),
        query_message: from.text(),
        fault: from.flag(),
    });
    let mut shape = Shape {
        name,
        kind,
        flags,
        min,
        max,
        pattern,
        enums,
        time,
        error,
        members: Box::default(),
        required: 0,
        element: 0,
        key: 0,
        element_name: "",
        key_name: "",
    };
    match kind {
        Kind::Structure => {
            shape.members = from.list(member);
            shape.required = shape.members.iter().filter(|member| member.required()).count() as u16;
        }
        Kind::List => {
            shape.element = from.id();
            shape.element_name = from.text();
        }
        Kind::Map => {
            shape.key = from.id();
            shape.element = from.id();
            shape.key_name = from.text();
            shape.element_name = from.text();
        }
        _ => {}
    }
    shape
}

fn kind(number: u64) -> Kind {
    match number {
        0 => Kind::Structure,
        1 => Kind::List,
        2 => Kind::Map,
        3 => Kind::String,
        4 => Kind::Integer,
        5 => Kind::Long,
        6 => Kind::Float,
        7 => Kind::Double,
        8 => Kind::Boolean,
        9 => Kind::Timestamp,
        _ => Kind::Blob,
    }
}

fn member(from: &mut Reader) -> Member {
    let name = from.text();
    let target = from.id();
    let flags = from.number() as u16;
    let location = match from.number() {
        0 => Location::Body,
        1 => Location::Header,
        2 => Location::PrefixHeaders,
        3 => Location::Query,
        4 => Location::Uri,
        _ => Location::Status,
    };
    let time = from.time();
    let given = from.number();
    let (wire, element, form) =
        if given & 1 != 0 { (from.text(), from.text(), from.text()) } else { (name, name, name) };
    let xml_namespace = if given & 2 != 0 { from.text() } else { "" };
    Member { name, wire, element, form, target, flags, location, time, xml_namespace }
}
