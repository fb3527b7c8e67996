//! Rules as clients write them, `IpPermissions`: many peers to one range of ports; and the way back.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html>

use super::life::check_description;
use super::{Peer, Rule, SecurityGroup, Traffic};
use crate::cidr::Cidr;
use crate::nouns::{self, Home, Noun};
use crate::prefix_lists;
use crate::{dependents, error};
use std::collections::BTreeMap;
use yakumo_api_ec2::{IpPermission, IpRange, Ipv6Range, PrefixListId, UserIdGroupPair};
use yakumo_aws::{AccountId, Error, Result};
use yakumo_room::Tx;

/// A rule as somebody wants it: without an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wished {
    /// Which packets.
    pub traffic: Traffic,
    /// From where or to where.
    pub peer: Peer,
    /// What it is for.
    pub description: Option<String>,
}

impl Wished {
    /// Whether a rule says the same, whatever it is described as.
    pub(crate) fn is(&self, rule: &Rule) -> bool {
        self.traffic == rule.traffic && self.peer == rule.peer
    }
}

/// Reads the permissions of a request about a group.
///
/// # Errors
/// In AWS's words for what is no rule, and for a permission that is there twice.
pub(crate) async fn read_permissions(
    tx: &Tx,
    group: &SecurityGroup,
    permissions: &[IpPermission],
) -> Result<Vec<Wished>> {
    let mut all: Vec<Wished> = Vec::new();
    for permission in permissions {
        let protocol = permission.ip_protocol.as_deref();
        let traffic = traffic_of(protocol, permission.from_port, permission.to_port)?;
        let peers = peers_of(tx, group, permission).await?;
        if peers.is_empty() {
            return Err(error::invalid_parameter_value(
                "Missing source specification: include source security group or CIDR information",
            ));
        }
        for (peer, description) in peers {
            if let Some(text) = &description {
                check_description(text)?;
            }
            let wished = Wished { traffic: traffic.clone(), peer, description };
            if all.iter().any(|known| known.traffic == wished.traffic && known.peer == wished.peer) {
                let text = "The same permission must not appear multiple times";
                return Err(error::invalid_parameter_value(text));
            }
            all.push(wished);
        }
    }
    Ok(all)
}

type Described = (Peer, Option<String>);

async fn peers_of(tx: &Tx, group: &SecurityGroup, permission: &IpPermission) -> Result<Vec<Described>> {
    let mut peers = Vec::new();
    for range in permission.ip_ranges.iter().flatten() {
        let text = range.cidr_ip.as_deref().unwrap_or_default();
        peers.push((
            Peer::Cidr(Cidr::parse4(text).ok_or_else(|| malformed(text))?),
            described(&range.description),
        ));
    }
    for range in permission.ipv6_ranges.iter().flatten() {
        let text = range.cidr_ipv6.as_deref().unwrap_or_default();
        peers.push((
            Peer::Cidr(Cidr::parse6(text).ok_or_else(|| malformed(text))?),
            described(&range.description),
        ));
    }
    for list in permission.prefix_list_ids.iter().flatten() {
        let id = list.prefix_list_id.as_deref().unwrap_or_default();
        prefix_lists::check(tx, group.home, id).await?;
        peers.push((Peer::PrefixList(id.to_owned()), described(&list.description)));
    }
    for pair in permission.user_id_group_pairs.iter().flatten() {
        peers.push((group_of(tx, group, pair).await?, described(&pair.description)));
    }
    Ok(peers)
}

/// AWS: an empty description is none.
fn described(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

fn malformed(text: &str) -> Error {
    error::invalid_parameter_value(format!("CIDR block {text} is malformed"))
}

/// The group that a rule names: of the same VPC, or of one behind a peering connection.
async fn group_of(tx: &Tx, group: &SecurityGroup, pair: &UserIdGroupPair) -> Result<Peer> {
    let account = match pair.user_id.as_deref() {
        None => group.home.account,
        Some(text) => AccountId::parse(text)
            .ok_or_else(|| error::invalid_value(text, "userId", "The user id is malformed."))?,
    };
    let home = Home { account, ..group.home };
    let found: SecurityGroup = match (pair.group_id.as_deref(), pair.group_name.as_deref()) {
        (Some(id), _) => nouns::find(tx, home, id).await?,
        (None, Some(name)) => {
            let groups: Vec<SecurityGroup> = nouns::all(tx, home).await?;
            let found = groups.into_iter().find(|known| known.name == name && known.vpc == group.vpc);
            found.ok_or_else(|| SecurityGroup::not_found(name))?
        }
        (None, None) => return Err(error::missing_parameter("groupId")),
    };
    if found.vpc != group.vpc && !dependents::are_peered(tx, group.home, &group.vpc, &found.vpc).await? {
        // Who is nobody's peer learns nothing of another account's groups, not even that they are there.
        if account != group.home.account {
            return Err(SecurityGroup::not_found(
                pair.group_id.as_deref().or(pair.group_name.as_deref()).unwrap_or_default(),
            ));
        }
        let text = "You have specified two resources that belong to different networks.";
        return Err(Error::sender(SecurityGroup::NOT_FOUND, text));
    }
    Ok(Peer::Group { account, id: found.id })
}

/// Protocol and ports, checked. AWS: names for the protocols that have one, whatever they were given as; ports of other
/// protocols are not kept.
fn traffic_of(protocol: Option<&str>, from: Option<i32>, to: Option<i32>) -> Result<Traffic> {
    let protocol = protocol.ok_or_else(|| error::missing_parameter("ipProtocol"))?;
    let name = match protocol.to_ascii_lowercase().as_str() {
        "-1" | "all" => return Ok(Traffic::all()),
        "tcp" | "6" => "tcp",
        "udp" | "17" => "udp",
        "icmp" | "1" => "icmp",
        "icmpv6" | "58" => "icmpv6",
        other => return numbered(protocol, other),
    };
    let (from, to) = match (from, to) {
        (Some(from), Some(to)) => (from, to),
        // AWS: ICMP without types is all of them; ports must be said.
        (None, None) if name.starts_with("icmp") => (-1, -1),
        (None, _) => return Err(error::missing_parameter("fromPort")),
        (_, None) => return Err(error::missing_parameter("toPort")),
    };
    match name {
        "tcp" | "udp" => check_ports(name, from, to)?,
        _ => check_icmp(from, to)?,
    }
    Ok(Traffic { protocol: name.into(), from: Some(from), to: Some(to) })
}

fn numbered(given: &str, text: &str) -> Result<Traffic> {
    let number: Option<u8> = text.parse().ok();
    let number = number.ok_or_else(|| error::invalid_value(given, "ipProtocol", "Unknown protocol."))?;
    Ok(Traffic { protocol: number.to_string(), from: None, to: None })
}

fn check_ports(name: &str, from: i32, to: i32) -> Result<()> {
    let name = name.to_uppercase();
    for port in [from, to] {
        if !(0..=65_535).contains(&port) {
            let text =
                format!("Invalid value '{port}' for portRange. Must specify valid {name} ports (0-65535)");
            return Err(error::invalid_parameter_value(text));
        }
    }
    match from <= to {
        true => Ok(()),
        false => Err(error::invalid_parameter_value(format!("Invalid {name} port range"))),
    }
}

fn check_icmp(kind: i32, code: i32) -> Result<()> {
    let is_field = |number: i32| (-1..=255).contains(&number);
    match is_field(kind) && is_field(code) && (kind != -1 || code == -1) {
        true => Ok(()),
        false => {
            let text = format!("ICMP type ({kind}) or code ({code}) out of range");
            Err(error::invalid_parameter_value(text))
        }
    }
}

/// The rules of one direction as the API shows them with their group: one entry for each range of ports.
pub(crate) fn shown_permissions<'a>(rules: impl Iterator<Item = &'a Rule>) -> Vec<IpPermission> {
    let mut by_traffic: BTreeMap<&Traffic, IpPermission> = BTreeMap::new();
    for rule in rules {
        let shown = by_traffic.entry(&rule.traffic).or_insert_with(|| IpPermission {
            ip_protocol: Some(rule.traffic.protocol.clone()),
            from_port: rule.traffic.from,
            to_port: rule.traffic.to,
            user_id_group_pairs: Some(Vec::new()),
            ip_ranges: Some(Vec::new()),
            ipv6_ranges: Some(Vec::new()),
            prefix_list_ids: Some(Vec::new()),
        });
        add(shown, &rule.peer, rule.description.clone());
    }
    by_traffic.into_values().collect()
}

fn add(shown: &mut IpPermission, peer: &Peer, description: Option<String>) {
    match peer {
        Peer::Cidr(cidr) if cidr.is_v4() => {
            let range = IpRange { description, cidr_ip: Some(cidr.to_string()) };
            shown.ip_ranges.get_or_insert_default().push(range);
        }
        Peer::Cidr(cidr) => {
            let range = Ipv6Range { description, cidr_ipv6: Some(cidr.to_string()) };
            shown.ipv6_ranges.get_or_insert_default().push(range);
        }
        Peer::PrefixList(id) => {
            let list = PrefixListId { description, prefix_list_id: Some(id.clone()) };
            shown.prefix_list_ids.get_or_insert_default().push(list);
        }
        Peer::Group { account, id } => {
            let pair = UserIdGroupPair {
                description,
                user_id: Some(account.to_string()),
                group_id: Some(id.clone()),
                ..UserIdGroupPair::default()
            };
            shown.user_id_group_pairs.get_or_insert_default().push(pair);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::traffic_of;

    #[test]
    fn protocols_and_ports_are_checked() {
        let read = |protocol, from, to| {
            let read = traffic_of(Some(protocol), from, to);
            read.map(|traffic| (traffic.protocol, traffic.from, traffic.to)).map_err(|error| error.code)
        };
        let tcp = |from, to| Ok(("tcp".to_owned(), Some(from), Some(to)));
        assert_eq!(read("tcp", Some(22), Some(22)), tcp(22, 22));
        assert_eq!(read("6", Some(0), Some(65_535)), tcp(0, 65_535));
        assert_eq!(read("TCP", Some(1), Some(2)), tcp(1, 2));
        assert_eq!(read("-1", Some(1), Some(2)), Ok(("-1".to_owned(), None, None)));
        assert_eq!(read("50", Some(1), Some(2)), Ok(("50".to_owned(), None, None)));
        assert_eq!(read("icmp", Some(8), Some(-1)), Ok(("icmp".to_owned(), Some(8), Some(-1))));
        assert_eq!(read("58", None, None), Ok(("icmpv6".to_owned(), Some(-1), Some(-1))));
        for (protocol, from, to, code) in [
            ("tcp", None, Some(1), "MissingParameter"),
            ("tcp", Some(1), None, "MissingParameter"),
            ("tcp", Some(2), Some(1), "InvalidParameterValue"),
            ("udp", Some(-1), Some(1), "InvalidParameterValue"),
            ("udp", Some(1), Some(65_536), "InvalidParameterValue"),
            ("icmp", Some(-1), Some(0), "InvalidParameterValue"),
            ("icmp", Some(256), Some(0), "InvalidParameterValue"),
            ("256", None, None, "InvalidParameterValue"),
            ("sctp", None, None, "InvalidParameterValue"),
        ] {
            assert_eq!(read(protocol, from, to).unwrap_err(), code, "{protocol} {from:?} {to:?}");
        }
    }
}
