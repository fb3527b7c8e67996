//! How prefix lists come and go.

use super::entries::added;
use super::references::of_list;
use super::{PrefixList, shown, versions};
use crate::access::{self, Asked};
use crate::commit::change;
use crate::nouns::{self, ClientToken, Home, Noun, new_id};
use crate::tags;
use crate::{error, quotas};
use yakumo_api_ec2::{
    self as api, CreateManagedPrefixListInput, CreateManagedPrefixListOutput, DeleteManagedPrefixListInput,
    DeleteManagedPrefixListOutput,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

const NAME_MAX_CHARS: usize = 255;
/// AWS: "Entries per prefix list: 1,000".
const ENTRIES_MAX: usize = 1_000;

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::CreateManagedPrefixList,
        access::needs("ec2:CreateManagedPrefixList", |input: &CreateManagedPrefixListInput| {
            Asked::any().making::<PrefixList>(input.tag_specifications.as_ref())
        }),
        create_managed_prefix_list,
    )
    .on(
        api::DeleteManagedPrefixList,
        access::needs("ec2:DeleteManagedPrefixList", |input: &DeleteManagedPrefixListInput| {
            Asked::on::<PrefixList>(&input.prefix_list_id)
        }),
        delete_managed_prefix_list,
    )
}

/// How many entries a list may have.
pub(super) fn max_entries(wanted: i32) -> Result<usize> {
    let max = usize::try_from(wanted).ok().filter(|max| (1..=ENTRIES_MAX).contains(max));
    max.ok_or_else(|| {
        error::invalid_value(wanted, "MaxEntries", &format!("Must be between 1 and {ENTRIES_MAX}."))
    })
}

/// AWS: "Up to 255 characters in length. The name cannot start with com.amazonaws."
pub(super) fn check_name(name: &str) -> Result<()> {
    match !name.is_empty() && name.chars().count() <= NAME_MAX_CHARS && !name.starts_with("com.amazonaws") {
        true => Ok(()),
        false => Err(error::invalid_value(
            name,
            "PrefixListName",
            "Names have up to 255 characters and cannot start with com.amazonaws.",
        )),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateManagedPrefixList.html>
async fn create_managed_prefix_list(
    ctx: Ctx,
    input: CreateManagedPrefixListInput,
) -> Result<CreateManagedPrefixListOutput> {
    check_name(&input.prefix_list_name)?;
    let is_ipv6 = match input.address_family.as_str() {
        "IPv4" => false,
        "IPv6" => true,
        other => {
            return Err(error::invalid_value(other, "AddressFamily", "Valid families are IPv4 and IPv6."));
        }
    };
    let tags = tags::at_creation(PrefixList::KIND, input.tag_specifications.as_ref())?;
    let given = input.entries.as_deref().unwrap_or_default();
    let request = (&input.prefix_list_name, given, input.max_entries, &input.address_family, &tags);
    let token = ClientToken::of(input.client_token.as_deref(), &request);
    let mut made = PrefixList {
        id: new_id(&ctx, PrefixList::PREFIX),
        home: Home::of(&ctx),
        name: input.prefix_list_name.clone(),
        is_ipv6,
        max_entries: max_entries(input.max_entries)?,
        entries: Vec::new(),
        version: 1,
        versions: Vec::new(),
        last: "create".into(),
        token,
        tags,
    };
    made.entries = added(&made, Vec::new(), given)?;
    let made = change(&ctx, input.dry_run, |tx| {
        let made = made.clone();
        async move {
            let all: Vec<PrefixList> = nouns::all(&tx, made.home).await?;
            for known in &all {
                if ClientToken::made(made.token.as_ref(), known.token.as_ref())? {
                    return Ok(known.clone());
                }
            }
            quotas::check(all.len() + 1, quotas::PREFIX_LISTS, "PrefixListLimitExceeded", "prefix lists")?;
            nouns::put(&tx, None, &made);
            Ok(made)
        }
    })
    .await?;
    Ok(CreateManagedPrefixListOutput { prefix_list: Some(shown(&made, "in-progress")) })
}

/// AWS: "You must first remove all references to the prefix list in your resources."
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteManagedPrefixList.html>
async fn delete_managed_prefix_list(
    ctx: Ctx,
    input: DeleteManagedPrefixListInput,
) -> Result<DeleteManagedPrefixListOutput> {
    let list = change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.prefix_list_id);
        async move {
            let list: PrefixList = nouns::find(&tx, home, id).await?;
            let (tables, groups) = (nouns::all(&tx, home).await?, nouns::all(&tx, home).await?);
            if !of_list(id, &tables, &groups).is_empty() {
                return Err(error::has_dependencies(&format!("prefix list '{id}'")));
            }
            versions::delete(&tx, &list).await?;
            nouns::delete(&tx, &list);
            Ok(list)
        }
    })
    .await?;
    let gone = PrefixList { last: "delete".into(), ..list };
    Ok(DeleteManagedPrefixListOutput { prefix_list: Some(shown(&gone, "in-progress")) })
}
