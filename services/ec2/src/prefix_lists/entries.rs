//! Entries of prefix lists and their versions.

use super::life::{check_name, max_entries};
use super::references::of_list;
use super::{Entry, PrefixList, managed, shown, versions};
use crate::access::{self, Asked};
use crate::cidr::Cidr;
use crate::commit::{change, only_if, refuse};
use crate::error;
use crate::nouns::{self, Home};
use crate::pages::Wanted;
use crate::security_group_rules::check_quotas;
use crate::security_groups::SecurityGroup;
use yakumo_api_ec2::{
    self as api, AddPrefixListEntry, GetManagedPrefixListEntriesInput, GetManagedPrefixListEntriesOutput,
    ModifyManagedPrefixListInput, ModifyManagedPrefixListOutput, PrefixListEntry, RemovePrefixListEntry,
    RestoreManagedPrefixListVersionInput, RestoreManagedPrefixListVersionOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room, Tx};

/// AWS: "You can add or remove up to 100 entries in one request."
const ENTRIES_PER_REQUEST: usize = 100;
const DESCRIPTION_MAX_CHARS: usize = 255;

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::GetManagedPrefixListEntries,
        access::needs("ec2:GetManagedPrefixListEntries", |input: &GetManagedPrefixListEntriesInput| {
            Asked::on::<PrefixList>(&input.prefix_list_id)
        }),
        get_managed_prefix_list_entries,
    )
    .on(
        api::ModifyManagedPrefixList,
        access::needs("ec2:ModifyManagedPrefixList", |input: &ModifyManagedPrefixListInput| {
            Asked::on::<PrefixList>(&input.prefix_list_id)
        }),
        modify_managed_prefix_list,
    )
    .on(
        api::RestoreManagedPrefixListVersion,
        access::needs(
            "ec2:RestoreManagedPrefixListVersion",
            |input: &RestoreManagedPrefixListVersionInput| Asked::on::<PrefixList>(&input.prefix_list_id),
        ),
        restore_managed_prefix_list_version,
    )
}

fn block(list: &PrefixList, text: &str) -> Result<Cidr> {
    let cidr = if list.is_ipv6 { Cidr::parse6(text) } else { Cidr::parse4(text) };
    cidr.ok_or_else(|| {
        error::invalid_value(text, "Cidr", "This is not a valid CIDR block of the list's family.")
    })
}

/// The entries of a list with more of them; one that is there gets the new description.
pub(super) fn added(list: &PrefixList, had: Vec<Entry>, more: &[AddPrefixListEntry]) -> Result<Vec<Entry>> {
    if more.len() > ENTRIES_PER_REQUEST {
        let text = format!("You can add at most {ENTRIES_PER_REQUEST} entries in one request.");
        return Err(error::invalid_parameter_value(text));
    }
    let mut entries = had;
    let mut seen = Vec::new();
    for entry in more {
        let cidr = block(list, &entry.cidr)?;
        let description = entry.description.clone().filter(|text| !text.is_empty());
        if description.as_ref().is_some_and(|text| text.chars().count() > DESCRIPTION_MAX_CHARS) {
            return Err(error::invalid_value(
                &entry.cidr,
                "Description",
                "Descriptions have up to 255 characters.",
            ));
        }
        if seen.contains(&cidr) {
            let text = format!("The entry '{cidr}' is given twice.");
            return Err(error::invalid_parameter_value(text));
        }
        seen.push(cidr);
        match entries.iter_mut().find(|known| known.cidr == cidr) {
            Some(known) => known.description = description,
            None => entries.push(Entry { cidr, description }),
        }
    }
    match entries.len() > list.max_entries {
        true => {
            let text = "You've reached the maximum number of entries for the prefix list.";
            Err(Error::sender("PrefixListMaxEntriesExceeded", text))
        }
        false => Ok(entries),
    }
}

fn check_version(list: &PrefixList, wanted: Option<i64>) -> Result<()> {
    match wanted {
        None => Err(error::missing_parameter("CurrentVersion")),
        Some(wanted) if wanted == list.number() => Ok(()),
        Some(_) => {
            let text = "The prefix list has the incorrect version number";
            Err(Error::sender("PrefixListVersionMismatch", text))
        }
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyManagedPrefixList.html>
async fn modify_managed_prefix_list(
    ctx: Ctx,
    input: ModifyManagedPrefixListInput,
) -> Result<ModifyManagedPrefixListOutput> {
    refuse(&[("IpamPrefixListResolverSyncEnabled", input.ipam_prefix_list_resolver_sync_enabled.is_some())])?;
    let list = change(&ctx, input.dry_run, |tx| {
        let (home, input) = (Home::of(&ctx), &input);
        async move {
            let before: PrefixList = nouns::find(&tx, home, &input.prefix_list_id).await?;
            let (mut after, entries) = modified(&before, input)?;
            if let Some(entries) = entries {
                after = versions::succeed(&tx, after, entries);
            }
            nouns::put(&tx, Some(&before), &after);
            if after.max_entries > before.max_entries {
                check_users(&tx, &after).await?;
            }
            Ok(after)
        }
    })
    .await?;
    Ok(ModifyManagedPrefixListOutput { prefix_list: Some(shown(&list, "in-progress")) })
}

/// AWS: a list that may have more entries must still fit into everything that refers to it.
async fn check_users(tx: &Tx, list: &PrefixList) -> Result<()> {
    let groups: Vec<SecurityGroup> = nouns::all(tx, list.home).await?;
    let users = of_list(&list.id, &[], &groups);
    for group in groups.iter().filter(|group| users.iter().any(|(id, _)| *id == group.id)) {
        check_quotas(tx, group).await?;
    }
    Ok(())
}

/// AWS: an entry is replaced by two requests; the text as clients report it.
fn check_both(
    list: &PrefixList,
    added: &[AddPrefixListEntry],
    removed: &[RemovePrefixListEntry],
) -> Result<()> {
    let removed = removed.iter().map(|entry| block(list, &entry.cidr)).collect::<Result<Vec<_>>>()?;
    for entry in added {
        let cidr = block(list, &entry.cidr)?;
        if removed.contains(&cidr) {
            let text = format!(
                "Request cannot contain Cidr {cidr} in both AddPrefixListEntries and RemovePrefixListEntries"
            );
            return Err(error::invalid_parameter_value(text));
        }
    }
    Ok(())
}

/// The list as a request makes it, and the entries of its next version when there is one.
fn modified(
    before: &PrefixList,
    input: &ModifyManagedPrefixListInput,
) -> Result<(PrefixList, Option<Vec<Entry>>)> {
    let mut after = PrefixList { last: "modify".into(), ..before.clone() };
    if let Some(name) = &input.prefix_list_name {
        check_name(name)?;
        after.name.clone_from(name);
    }
    let added_entries = input.add_entries.as_deref().unwrap_or_default();
    let removed = input.remove_entries.as_deref().unwrap_or_default();
    let has_entries = !added_entries.is_empty() || !removed.is_empty();
    if let Some(wanted) = input.max_entries {
        if has_entries {
            // AWS: the text as clients report it.
            let text = "You cannot modify the entries and the maximum entries for the prefix list in the same request.";
            return Err(error::invalid_parameter_combination(text));
        }
        after.max_entries = max_entries(wanted)?;
        if after.max_entries < before.entries().len() {
            let text = "The maximum number of entries cannot be below the number of entries.";
            return Err(error::invalid_parameter_value(text));
        }
    }
    if has_entries {
        check_version(before, input.current_version)?;
        check_both(before, added_entries, removed)?;
        let mut entries = before.entries().to_vec();
        for entry in removed {
            let cidr = block(before, &entry.cidr)?;
            let count = entries.len();
            entries.retain(|known| known.cidr != cidr);
            if entries.len() == count {
                let text = format!("The entry '{cidr}' does not exist in the prefix list.");
                return Err(error::invalid_parameter_value(text));
            }
        }
        return Ok((after, Some(added(before, entries, added_entries)?)));
    }
    Ok((after, None))
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RestoreManagedPrefixListVersion.html>
async fn restore_managed_prefix_list_version(
    ctx: Ctx,
    input: RestoreManagedPrefixListVersionInput,
) -> Result<RestoreManagedPrefixListVersionOutput> {
    let list = change(&ctx, input.dry_run, |tx| {
        let (home, input) = (Home::of(&ctx), &input);
        async move {
            let before: PrefixList = nouns::find(&tx, home, &input.prefix_list_id).await?;
            check_version(&before, Some(input.current_version))?;
            let entries = versions::find(&tx, &before, input.previous_version).await?;
            if entries.len() > before.max_entries {
                let text = "You've reached the maximum number of entries for the prefix list.";
                return Err(Error::sender("PrefixListMaxEntriesExceeded", text));
            }
            let after = PrefixList { last: "restore".into(), ..before.clone() };
            let after = versions::succeed(&tx, after, entries);
            nouns::put(&tx, Some(&before), &after);
            Ok(after)
        }
    })
    .await?;
    Ok(RestoreManagedPrefixListVersionOutput { prefix_list: Some(shown(&list, "in-progress")) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetManagedPrefixListEntries.html>
async fn get_managed_prefix_list_entries(
    ctx: Ctx,
    input: GetManagedPrefixListEntriesInput,
) -> Result<GetManagedPrefixListEntriesOutput> {
    let amazons = managed::of(ctx.region(), ctx.base().network.ranges());
    if let Some(list) = amazons.iter().find(|list| list.id == input.prefix_list_id) {
        only_if(input.dry_run)?;
        return Ok(GetManagedPrefixListEntriesOutput { entries: Some(list.entries()), next_token: None });
    }
    let list: PrefixList = nouns::look_up(&ctx, Home::of(&ctx), &input.prefix_list_id).await?;
    let mut entries = match input.target_version {
        Some(number) => versions::look_up(&ctx, &list, number).await?,
        None => list.entries().to_vec(),
    };
    let place = |entry: &Entry| entry.cidr.to_string();
    entries.sort_by_key(place);
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let page = wanted.cut(entries, place)?;
    let shown = page
        .items
        .into_iter()
        .map(|entry| PrefixListEntry { cidr: Some(entry.cidr.to_string()), description: entry.description });
    Ok(GetManagedPrefixListEntriesOutput { entries: Some(shown.collect()), next_token: page.next_token })
}
