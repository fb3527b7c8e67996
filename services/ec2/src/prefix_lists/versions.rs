//! Earlier versions of prefix lists, each a record of its own: a list that is changed often stays small.

use super::{Entry, PrefixList};
use crate::error;
use crate::nouns::ALL;
use serde::{Deserialize, Serialize};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Record, Tx};

/// The entries of an earlier version, kept under the list's id and its number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Version {
    number: i64,
    entries: Vec<Entry>,
}

impl Record for Version {
    const TABLE: &'static str = "prefix-list-versions";
}

/// A number as the end of a key.
fn key(number: i64) -> String {
    format!("{number:019}")
}

fn put(tx: &Tx, list: &PrefixList, version: &Version) {
    tx.put(&list.home.scope(), &[&list.id, &key(version.number)], version);
}

/// The list with entries of a new version in force; those of the last one become a record.
pub(super) fn succeed(tx: &Tx, list: PrefixList, entries: Vec<Entry>) -> PrefixList {
    let number = list.number();
    match list.versions.as_slice() {
        [] => put(tx, &list, &Version { number, entries: list.entries.clone() }),
        // A record from when all versions were kept in it.
        all => {
            for (number, entries) in (1..).zip(all) {
                put(tx, &list, &Version { number, entries: entries.clone() });
            }
        }
    }
    PrefixList { entries, version: number.saturating_add(1), versions: Vec::new(), ..list }
}

/// With a list go its versions.
pub(super) async fn delete(tx: &Tx, list: &PrefixList) -> Result<()> {
    let scope = list.home.scope();
    for version in tx.list::<Version>(&scope, &[&list.id], None, ALL).await? {
        tx.delete::<Version>(&scope, &[&list.id, &key(version.number)]);
    }
    Ok(())
}

/// The entries of a version, which is in the list's record or one of its own.
fn of(list: &PrefixList, number: i64, kept: Option<Version>) -> Result<Vec<Entry>> {
    let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    match kept {
        Some(version) => Ok(version.entries),
        None if number == list.number() => Ok(list.entries().to_vec()),
        None => index.and_then(|index| list.versions.get(index)).cloned().ok_or_else(|| absent(number)),
    }
}

fn absent(number: i64) -> Error {
    error::invalid_value(number, "TargetVersion", "The prefix list has no such version.")
}

/// The entries of a version, as the transaction sees them.
pub(super) async fn find(tx: &Tx, list: &PrefixList, number: i64) -> Result<Vec<Entry>> {
    of(list, number, tx.get(&list.home.scope(), &[&list.id, &key(number)]).await?)
}

/// The same as last committed.
pub(super) async fn look_up(ctx: &Ctx, list: &PrefixList, number: i64) -> Result<Vec<Entry>> {
    of(list, number, ctx.get(&list.home.scope(), &[&list.id, &key(number)]).await?)
}

#[cfg(test)]
mod tests {
    use super::{PrefixList, Version, of};
    use yakumo_room::Record;

    #[test]
    fn a_record_with_all_versions_in_it_opens() {
        let home = r#""home":{"account":"000000000000","region":"us-east-1"}"#;
        let entry = |cidr: &str| format!(r#"[{{"cidr":"{cidr}"}}]"#);
        let old = format!(
            r#"{{"id":"pl-1",{home},"name":"p","is_ipv6":false,"max_entries":5,"last":"modify","versions":[{},{}]}}"#,
            entry("10.0.0.0/8"),
            entry("10.1.0.0/16"),
        );
        let list: PrefixList =
            PrefixList::from_bytes(&[&[PrefixList::VERSION], old.as_bytes()].concat()).unwrap();
        let text = |number| of(&list, number, None).map(|entries| entries[0].cidr.to_string());
        assert_eq!((list.number(), list.entries().len()), (2, 1));
        assert_eq!((text(1).unwrap(), text(2).unwrap()), ("10.0.0.0/8".into(), "10.1.0.0/16".into()));
        assert!(text(0).is_err() && text(3).is_err() && text(-1).is_err());
        assert_eq!(PrefixList::from_bytes(&list.to_bytes()).unwrap(), list);
        let kept = Version { number: 1, entries: Vec::new() };
        assert_eq!(of(&list, 1, Some(kept)).unwrap(), Vec::new());
    }
}
