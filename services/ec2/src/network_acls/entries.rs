//! Entries of network ACLs: create, replace, delete.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAclEntry.html>

use super::{Entry, NetworkAcl};
use crate::access::{self, Asked};
use crate::cidr::Cidr;
use crate::commit::change;
use crate::nouns::{self, Home};
use crate::{error, quotas};
use yakumo_api_ec2::{
    self as api, CreateNetworkAclEntryInput, CreateNetworkAclEntryOutput, DeleteNetworkAclEntryInput,
    DeleteNetworkAclEntryOutput, IcmpTypeCode, PortRange, ReplaceNetworkAclEntryInput,
    ReplaceNetworkAclEntryOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room};

const NUMBER_MAX: i32 = 32_766;
const TCP: i16 = 6;
const UDP: i16 = 17;
const ICMP: i16 = 1;
const ICMPV6: i16 = 58;

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::CreateNetworkAclEntry,
        access::needs("ec2:CreateNetworkAclEntry", |input: &CreateNetworkAclEntryInput| {
            Asked::on::<NetworkAcl>(&input.network_acl_id)
        }),
        create_network_acl_entry,
    )
    .on(
        api::DeleteNetworkAclEntry,
        access::needs("ec2:DeleteNetworkAclEntry", |input: &DeleteNetworkAclEntryInput| {
            Asked::on::<NetworkAcl>(&input.network_acl_id)
        }),
        delete_network_acl_entry,
    )
    .on(
        api::ReplaceNetworkAclEntry,
        access::needs("ec2:ReplaceNetworkAclEntry", |input: &ReplaceNetworkAclEntryInput| {
            Asked::on::<NetworkAcl>(&input.network_acl_id)
        }),
        replace_network_acl_entry,
    )
}

/// What a request wants an entry to be.
struct Wish<'a> {
    number: i32,
    egress: bool,
    action: &'a str,
    protocol: &'a str,
    ipv4: Option<&'a str>,
    ipv6: Option<&'a str>,
    icmp: Option<&'a IcmpTypeCode>,
    ports: Option<&'a PortRange>,
}

impl Wish<'_> {
    fn entry(&self) -> Result<Entry> {
        let protocol = protocol(self.protocol)?;
        Ok(Entry {
            number: number(self.number)?,
            egress: self.egress,
            allow: match self.action {
                "allow" => true,
                "deny" => false,
                other => return Err(error::invalid_value(other, "ruleAction", "Unknown rule action.")),
            },
            protocol,
            cidr: self.block()?,
            ports: match protocol {
                TCP | UDP => Some(ports(self.ports)?),
                // AWS: ports say nothing about other protocols, and are not kept.
                _ => None,
            },
            icmp: match protocol {
                ICMP | ICMPV6 => Some(icmp(self.icmp)?),
                _ => None,
            },
        })
    }

    fn block(&self) -> Result<Cidr> {
        match (self.ipv4, self.ipv6) {
            (Some(text), None) => Cidr::parse4(text)
                .ok_or_else(|| error::invalid_value(text, "cidrBlock", "This is not a valid CIDR block.")),
            (None, Some(text)) => Cidr::parse6(text).ok_or_else(|| {
                error::invalid_value(text, "ipv6CidrBlock", "This is not a valid IPv6 CIDR block.")
            }),
            (None, None) => Err(error::missing_parameter("cidrBlock")),
            (Some(_), Some(_)) => Err(error::not_together("cidrBlock", "ipv6CidrBlock")),
        }
    }
}

fn number(number: i32) -> Result<u16> {
    let checked = u16::try_from(number).ok().filter(|number| (1..=NUMBER_MAX).contains(&i32::from(*number)));
    checked.ok_or_else(|| {
        error::invalid_value(number, "ruleNumber", &format!("Must be between 1 and {NUMBER_MAX}."))
    })
}

/// AWS: numbers, and the names of the four protocols that have any.
fn protocol(text: &str) -> Result<i16> {
    match text.to_ascii_lowercase().as_str() {
        "all" => return Ok(-1),
        "tcp" => return Ok(TCP),
        "udp" => return Ok(UDP),
        "icmp" => return Ok(ICMP),
        "icmpv6" => return Ok(ICMPV6),
        _ => {}
    }
    let number = text.parse().ok().filter(|number| (-1..=255).contains(number));
    number.ok_or_else(|| error::invalid_value(text, "protocol", "Unknown protocol."))
}

fn ports(range: Option<&PortRange>) -> Result<(u16, u16)> {
    let given = range.and_then(|range| Some((range.from?, range.to?)));
    let (from, to) = given.ok_or_else(|| error::missing_parameter("portRange"))?;
    let port = |number: i32| {
        u16::try_from(number)
            .map_err(|_| error::invalid_value(number, "portRange", "Must be between 0 and 65535."))
    };
    match (port(from)?, port(to)?) {
        (from, to) if from <= to => Ok((from, to)),
        (from, to) => {
            let reason = "The first port is greater than the last.";
            Err(error::invalid_value(format!("{from}-{to}"), "portRange", reason))
        }
    }
}

fn icmp(given: Option<&IcmpTypeCode>) -> Result<(i16, i16)> {
    let given = given.and_then(|given| Some((given.r#type?, given.code?)));
    let (kind, code) = given.ok_or_else(|| error::missing_parameter("icmpTypeCode"))?;
    let field = |number: i32| {
        let checked = i16::try_from(number).ok().filter(|number| (-1..=255).contains(number));
        checked.ok_or_else(|| error::invalid_value(number, "icmpTypeCode", "Must be between -1 and 255."))
    };
    Ok((field(kind)?, field(code)?))
}

/// Changes the entries of an ACL.
async fn rewrite(
    ctx: &Ctx,
    dry_run: Option<bool>,
    id: &str,
    work: impl Fn(&mut Vec<Entry>) -> Result<()>,
) -> Result<()> {
    let work = &work;
    change(ctx, dry_run, |tx| async move {
        let before: NetworkAcl = nouns::find(&tx, Home::of(ctx), id).await?;
        let mut after = before.clone();
        work(&mut after.entries)?;
        nouns::put(&tx, Some(&before), &after);
        Ok(())
    })
    .await
}

fn is(entry: &Entry, number: u16, egress: bool) -> bool {
    entry.number == number && entry.egress == egress
}

fn not_found(number: i32, egress: bool) -> Error {
    let side = if egress { "egress" } else { "ingress" };
    let text = format!("The specified {side} network acl entry with rule number {number} does not exist.");
    Error::sender("InvalidNetworkAclEntry.NotFound", text)
}

/// What a request wants: both operations that write an entry have the same members for it.
macro_rules! wish {
    ($input:ident) => {
        Wish {
            number: $input.rule_number,
            egress: $input.egress,
            action: &$input.rule_action,
            protocol: &$input.protocol,
            ipv4: $input.cidr_block.as_deref(),
            ipv6: $input.ipv6_cidr_block.as_deref(),
            icmp: $input.icmp_type_code.as_ref(),
            ports: $input.port_range.as_ref(),
        }
    };
}

async fn create_network_acl_entry(
    ctx: Ctx,
    input: CreateNetworkAclEntryInput,
) -> Result<CreateNetworkAclEntryOutput> {
    let entry = wish!(input).entry()?;
    rewrite(&ctx, input.dry_run, &input.network_acl_id, |entries| {
        if entries.iter().any(|known| is(known, entry.number, entry.egress)) {
            let text = format!("The network acl entry identified by {} already exists.", entry.number);
            return Err(Error::sender("NetworkAclEntryAlreadyExists", text));
        }
        let same = |known: &&Entry| known.egress == entry.egress && known.cidr.is_v4() == entry.cidr.is_v4();
        let count = entries.iter().filter(same).count();
        let what = "network ACL entries";
        quotas::check(count + 1, quotas::ACL_ENTRIES, "NetworkAclEntryLimitExceeded", what)?;
        entries.push(entry.clone());
        Ok(())
    })
    .await?;
    Ok(CreateNetworkAclEntryOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceNetworkAclEntry.html>
async fn replace_network_acl_entry(
    ctx: Ctx,
    input: ReplaceNetworkAclEntryInput,
) -> Result<ReplaceNetworkAclEntryOutput> {
    let entry = wish!(input).entry()?;
    rewrite(&ctx, input.dry_run, &input.network_acl_id, |entries| {
        let known = entries.iter_mut().find(|known| is(known, entry.number, entry.egress));
        let known = known.ok_or_else(|| not_found(input.rule_number, input.egress))?;
        *known = entry.clone();
        Ok(())
    })
    .await?;
    Ok(ReplaceNetworkAclEntryOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkAclEntry.html>
async fn delete_network_acl_entry(
    ctx: Ctx,
    input: DeleteNetworkAclEntryInput,
) -> Result<DeleteNetworkAclEntryOutput> {
    let number = number(input.rule_number)?;
    rewrite(&ctx, input.dry_run, &input.network_acl_id, |entries| {
        let count = entries.len();
        entries.retain(|known| !is(known, number, input.egress));
        match entries.len() < count {
            true => Ok(()),
            false => Err(not_found(input.rule_number, input.egress)),
        }
    })
    .await?;
    Ok(DeleteNetworkAclEntryOutput {})
}

#[cfg(test)]
mod tests {
    use super::Wish;
    use yakumo_api_ec2::{IcmpTypeCode, PortRange};

    fn wish<'a>(protocol: &'a str, ports: Option<&'a PortRange>, icmp: Option<&'a IcmpTypeCode>) -> Wish<'a> {
        let (ipv4, ipv6) = (Some("10.0.0.0/8"), None);
        Wish { number: 100, egress: false, action: "allow", protocol, ipv4, ipv6, icmp, ports }
    }

    #[test]
    fn entries_are_checked() {
        let range = |from, to| PortRange { from: Some(from), to: Some(to) };
        let (good, upside_down, outside) = (range(80, 443), range(443, 80), range(80, 65_536));
        let echo = IcmpTypeCode { r#type: Some(8), code: Some(-1) };
        assert_eq!(wish("tcp", Some(&good), None).entry().unwrap().ports, Some((80, 443)));
        assert_eq!(wish("-1", Some(&good), None).entry().unwrap().ports, None);
        assert_eq!(wish("1", None, Some(&echo)).entry().unwrap().icmp, Some((8, -1)));
        assert_eq!(wish("50", None, None).entry().unwrap().protocol, 50);
        for (bad, code) in [
            (wish("6", None, None), "MissingParameter"),
            (wish("6", Some(&upside_down), None), "InvalidParameterValue"),
            (wish("6", Some(&outside), None), "InvalidParameterValue"),
            (wish("1", None, None), "MissingParameter"),
            (wish("256", None, None), "InvalidParameterValue"),
            (wish("sctp", None, None), "InvalidParameterValue"),
            (Wish { number: 0, ..wish("-1", None, None) }, "InvalidParameterValue"),
            (Wish { number: 32_767, ..wish("-1", None, None) }, "InvalidParameterValue"),
            (Wish { action: "log", ..wish("-1", None, None) }, "InvalidParameterValue"),
            (Wish { ipv4: None, ..wish("-1", None, None) }, "MissingParameter"),
            (Wish { ipv4: Some("x"), ..wish("-1", None, None) }, "InvalidParameterValue"),
            (Wish { ipv6: Some("::/0"), ..wish("-1", None, None) }, "InvalidParameterCombination"),
        ] {
            assert_eq!(bad.entry().unwrap_err().code, code);
        }
    }
}
