//! The fields of a record: which there are, and what they say.
//!
//! Invariant: a field that cannot be told is not taken in a format; one that does not apply to a record says `-`.
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html#flow-logs-fields>

use crate::error;
use std::net::IpAddr;
use yakumo_aws::{AccountId, Error, Region, Result};

/// The format of a flow log that names none.
pub(crate) const DEFAULT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} \
${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

/// What stands for what does not apply.
const NOTHING: &str = "-";

/// The fields that can be told, with the version that brought each.
const FIELDS: &[(&str, u8)] = &[
    ("version", 2),
    ("account-id", 2),
    ("interface-id", 2),
    ("srcaddr", 2),
    ("dstaddr", 2),
    ("srcport", 2),
    ("dstport", 2),
    ("protocol", 2),
    ("packets", 2),
    ("bytes", 2),
    ("start", 2),
    ("end", 2),
    ("action", 2),
    ("log-status", 2),
    ("vpc-id", 3),
    ("subnet-id", 3),
    ("instance-id", 3),
    ("type", 3),
    ("pkt-srcaddr", 3),
    ("pkt-dstaddr", 3),
    ("region", 4),
    ("az-id", 4),
    ("sublocation-type", 4),
    ("sublocation-id", 4),
    ("pkt-src-aws-service", 5),
    ("pkt-dst-aws-service", 5),
    ("flow-direction", 5),
    ("traffic-path", 5),
];

/// AWS's other fields.
const ABSENT: &[&str] = &[
    "tcp-flags",
    "ecs-cluster-arn",
    "ecs-cluster-name",
    "ecs-container-instance-arn",
    "ecs-container-instance-id",
    "ecs-container-id",
    "ecs-second-container-id",
    "ecs-service-name",
    "ecs-task-definition-arn",
    "ecs-task-arn",
    "ecs-task-id",
    "reject-reason",
    "resource-id",
    "encryption-status",
];

/// A format: names of fields.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Format(Vec<&'static str>);

impl Format {
    /// Reads `${version} ${srcaddr}`.
    ///
    /// # Errors
    /// For what is no format; 501 for a field that cannot be told here.
    pub(crate) fn parse(text: &str) -> Result<Format> {
        let fields: Result<Vec<&'static str>> = text.split(' ').map(|word| field(text, word)).collect();
        fields.map(Format)
    }

    /// The first line of a file.
    pub(crate) fn header(&self) -> String {
        format!("{}\n", self.0.join(" "))
    }

    /// A line.
    pub(crate) fn line(&self, row: &Row<'_>) -> String {
        let newest =
            |field: &&str| FIELDS.iter().find(|(name, _)| name == field).map(|(_, version)| *version);
        let version = self.0.iter().filter_map(newest).max().unwrap_or(2);
        let said: Vec<String> = self.0.iter().map(|field| row.said(field, version)).collect();
        format!("{}\n", said.join(" "))
    }
}

fn field(format: &str, word: &str) -> Result<&'static str> {
    let name = word.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Err(invalid(format)) };
    if ABSENT.contains(&name) {
        return Err(error::not_implemented(&format!("the field {name} of flow logs")));
    }
    let known = FIELDS.iter().find(|(known, _)| *known == name);
    known.map(|(known, _)| *known).ok_or_else(|| invalid(format))
}

/// The text that clients report of AWS.
fn invalid(format: &str) -> Error {
    error::invalid_parameter_value(format!(
        "1 validation error detected: Value '{format}' at 'logFormat' has an invalid format"
    ))
}

/// An interface, as far as a record tells of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Teller {
    /// `eni-…`.
    pub id: String,
    /// `vpc-…`.
    pub vpc: String,
    /// `subnet-…`.
    pub subnet: String,
    /// The id of its zone.
    pub zone_id: String,
    /// What it is attached to.
    pub instance: Option<String>,
    /// Its addresses, the primary one of each family before its others.
    pub addresses: Vec<IpAddr>,
}

/// A flow with its sums.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// Whether the interface sent it.
    pub egress: bool,
    /// Whether it was let through.
    pub accepted: bool,
    /// From, as the packet says.
    pub source: IpAddr,
    /// To, as the packet says.
    pub destination: IpAddr,
    /// The protocol's number.
    pub protocol: u8,
    /// The sender's port.
    pub source_port: u16,
    /// The receiver's port.
    pub destination_port: u16,
    /// How many.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
    /// By what it leaves: AWS's number.
    pub path: Option<u8>,
    /// AWS's service that it comes from.
    pub from_service: Option<&'static str>,
    /// AWS's service that it goes to.
    pub to_service: Option<&'static str>,
}

/// A record.
pub(crate) struct Row<'a> {
    /// The interface's owner.
    pub account: AccountId,
    /// The interface's region.
    pub region: Region,
    /// The interface.
    pub teller: &'a Teller,
    /// The flow; `None` in a record that says that there was none, or that some are missing.
    pub flow: Option<&'a Told>,
    /// When its first packet came, in seconds of the cloud's clock.
    pub start: i64,
    /// When its last one came.
    pub end: i64,
    /// `OK`, `NODATA` or `SKIPDATA`.
    pub status: &'static str,
}

impl Row<'_> {
    fn said(&self, field: &str, version: u8) -> String {
        let teller = self.teller;
        match field {
            "version" => version.to_string(),
            "account-id" => self.account.to_string(),
            "interface-id" => teller.id.clone(),
            "start" => self.start.to_string(),
            "end" => self.end.to_string(),
            "log-status" => self.status.to_owned(),
            "vpc-id" => teller.vpc.clone(),
            "subnet-id" => teller.subnet.clone(),
            "instance-id" => teller.instance.clone().unwrap_or_else(|| NOTHING.to_owned()),
            "region" => self.region.to_string(),
            "az-id" => teller.zone_id.clone(),
            // AWS: of Wavelength Zones, Local Zones and Outposts.
            "sublocation-type" | "sublocation-id" => NOTHING.to_owned(),
            _ => self.flow.map_or_else(|| NOTHING.to_owned(), |flow| self.said_of(flow, field)),
        }
    }

    fn said_of(&self, flow: &Told, field: &str) -> String {
        let maybe = |text: Option<&str>| text.unwrap_or(NOTHING).to_owned();
        match field {
            "srcaddr" if flow.egress => self.own(flow.source).to_string(),
            "dstaddr" if !flow.egress => self.own(flow.destination).to_string(),
            "srcaddr" | "pkt-srcaddr" => flow.source.to_string(),
            "dstaddr" | "pkt-dstaddr" => flow.destination.to_string(),
            "srcport" => flow.source_port.to_string(),
            "dstport" => flow.destination_port.to_string(),
            "protocol" => flow.protocol.to_string(),
            "packets" => flow.packets.to_string(),
            "bytes" => flow.bytes.to_string(),
            "action" => if flow.accepted { "ACCEPT" } else { "REJECT" }.to_owned(),
            "type" => if flow.source.is_ipv4() { "IPv4" } else { "IPv6" }.to_owned(),
            "pkt-src-aws-service" => maybe(flow.from_service),
            "pkt-dst-aws-service" => maybe(flow.to_service),
            "flow-direction" => if flow.egress { "egress" } else { "ingress" }.to_owned(),
            "traffic-path" => flow.path.map_or_else(|| NOTHING.to_owned(), |path| path.to_string()),
            _ => NOTHING.to_owned(),
        }
    }

    /// AWS: at the interface's end a record says the interface's address, also of what it forwards for others.
    fn own(&self, address: IpAddr) -> IpAddr {
        let addresses = &self.teller.addresses;
        if addresses.contains(&address) {
            return address;
        }
        let primary = addresses.iter().find(|own| own.is_ipv4() == address.is_ipv4());
        primary.copied().unwrap_or(address)
    }
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT, Format, Row, Teller, Told};
    use yakumo_aws::{AccountId, Region};

    fn told() -> Told {
        Told {
            egress: false,
            accepted: true,
            source: "10.0.0.9".parse().expect("an address"),
            destination: "203.0.113.7".parse().expect("an address"),
            protocol: 6,
            source_port: 40_000,
            destination_port: 443,
            packets: 3,
            bytes: 180,
            path: None,
            from_service: None,
            to_service: Some("S3"),
        }
    }

    fn line(format: &str, flow: Option<&Told>) -> String {
        let addresses = vec!["10.0.0.5".parse().expect("an address")];
        let (id, vpc) = ("eni-1".to_owned(), "vpc-1".to_owned());
        let teller = Teller { id, vpc, addresses, ..Teller::default() };
        let (account, region, status) = (AccountId::DEFAULT, Region::US_EAST_1, "OK");
        let row = Row { account, region, teller: &teller, flow, start: 60, end: 119, status };
        Format::parse(format).expect("a format").line(&row)
    }

    #[test]
    fn records_say_their_fields() {
        assert_eq!(
            line(DEFAULT, Some(&told())),
            "2 000000000000 eni-1 10.0.0.9 10.0.0.5 40000 443 6 3 180 60 119 ACCEPT OK\n"
        );
        assert_eq!(line(DEFAULT, None), "2 000000000000 eni-1 - - - - - - - 60 119 - OK\n");
        let custom = "${flow-direction} ${pkt-dstaddr} ${type} ${vpc-id} ${instance-id} ${version} ${pkt-dst-aws-service}";
        assert_eq!(line(custom, Some(&told())), "ingress 203.0.113.7 IPv4 vpc-1 - 5 S3\n");
        assert_eq!(Format::parse(custom).expect("a format").header().split(' ').count(), 7);
    }

    #[test]
    fn what_is_no_format_is_refused() {
        for text in ["", "version", "${version},${end}", "${version} ", "${nothing}", "$version"] {
            assert_eq!(Format::parse(text).expect_err("no format").code, "InvalidParameterValue", "{text}");
        }
        assert_eq!(Format::parse("${version} ${tcp-flags}").expect_err("absent").status, 501);
    }
}
