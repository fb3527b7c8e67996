//! What becomes of records when their cloud gets other public addresses, as a fork does. Pure.
//!
//! Invariant: an address keeps its place in the cloud's range, so what belonged together still does; nothing else changes.

use crate::elastic_ips;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use yakumo_net::Cidr;
use yakumo_net::engine::Ranges;
use yakumo_room::store::Pair;

/// A stored pair of this room with the public addresses of another range in it; `None` when it has none of the range before, or is
/// no record.
pub fn renumber(key: &[u8], value: &[u8], before: &Ranges, after: &Ranges) -> Option<Pair> {
    let (version, json) = value.split_first()?;
    let mut record: Value = serde_json::from_slice(json).ok()?;
    if !change(&mut record, &|text| moved(text, before, after)) {
        return None;
    }
    let mut bytes = vec![*version];
    serde_json::to_writer(&mut bytes, &record).ok()?;
    let key = elastic_ips::key_of_note(key, &bytes).unwrap_or_else(|| key.to_vec());
    Some((key.into(), bytes.into()))
}

/// Changes every text, those that name members included; whether any changed. JSON that was read is not deep.
fn change(value: &mut Value, moved: &dyn Fn(&str) -> Option<String>) -> bool {
    match value {
        Value::String(text) => match moved(text) {
            Some(other) => {
                *text = other;
                true
            }
            None => false,
        },
        Value::Array(items) => items.iter_mut().fold(false, |changed, item| change(item, moved) | changed),
        Value::Object(members) => {
            let mut changed = false;
            for (name, mut value) in std::mem::take(members) {
                let other = moved(&name);
                changed |= change(&mut value, moved) | other.is_some();
                members.insert(other.unwrap_or(name), value);
            }
            changed
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// An address or a block of the range before, as it is in the range after.
fn moved(text: &str, before: &Ranges, after: &Ranges) -> Option<String> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return shifted(address, before, after).map(|address| address.to_string());
    }
    let block: Cidr = text.parse().ok()?;
    let is_within = before.v4.covers(&block) || before.v6.covers(&block);
    let first = shifted(block.first(), before, after).filter(|_| is_within)?;
    Cidr::around(first, block.prefix()).map(|block| block.to_string())
}

fn shifted(address: IpAddr, before: &Ranges, after: &Ranges) -> Option<IpAddr> {
    match (address, before.v4.first(), after.v4.first(), before.v6.first(), after.v6.first()) {
        (IpAddr::V4(address), IpAddr::V4(from), IpAddr::V4(to), ..) if before.v4.contains(address.into()) => {
            let place = u32::from(address) - u32::from(from);
            Some(Ipv4Addr::from(u32::from(to).wrapping_add(place)).into())
        }
        (IpAddr::V6(address), .., IpAddr::V6(from), IpAddr::V6(to)) if before.v6.contains(address.into()) => {
            let place = u128::from(address) - u128::from(from);
            Some(Ipv6Addr::from(u128::from(to).wrapping_add(place)).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::renumber;
    use yakumo_net::engine::Ranges;

    fn check(json: &str, wanted: Option<&str>) {
        let (before, after) = (Ranges::new("abcdefgh", 1), Ranges::new("abcdefgi", 3));
        let fill = |text: &str, ranges: &Ranges| {
            let v6 = ranges.v6.first().to_string();
            text.replace("V6::", &v6)
        };
        let stored = [b"\x01", fill(json, &before).as_bytes()].concat();
        let found = renumber(b"key", &stored, &before, &after);
        let found = found.map(|(key, value)| {
            assert_eq!((&*key, value[0]), (&b"key"[..], 1));
            String::from_utf8(value[1..].to_vec()).unwrap()
        });
        assert_eq!(found, wanted.map(|text| fill(text, &after)), "{json}");
    }

    #[test]
    fn addresses_keep_their_place_in_the_range() {
        check(r#"{"address":"198.18.16.20"}"#, Some(r#"{"address":"198.18.48.20"}"#));
        check(
            r#"["198.18.31.255",{"a":["198.18.16.16/32"]}]"#,
            Some(r#"["198.18.63.255",{"a":["198.18.48.16/32"]}]"#),
        );
        check(r#"{"198.18.16.20":1}"#, Some(r#"{"198.18.48.20":1}"#));
        check(r#"{"ipv6":["V6::/56","V6::5"]}"#, Some(r#"{"ipv6":["V6::/56","V6::5"]}"#));
    }

    #[test]
    fn what_is_not_of_the_range_stays() {
        for json in [
            r#"{"address":"198.18.32.20"}"#,
            r#"{"address":"10.0.0.1","cidr":"10.0.0.0/16","all":"0.0.0.0/0","name":"198.18.16.20 is it"}"#,
            r#"{"cidr":"198.18.0.0/15","v6":"::/0","count":3,"none":null}"#,
            "no JSON",
        ] {
            check(json, None);
        }
        let range = Ranges::new("abcdefgh", 1);
        assert_eq!(renumber(b"key", b"", &range, &range), None);
    }
}
