//! Images: the record, who may launch one, and what an instance begins with.
//!
//! Invariant: an instance keeps what it needs of its image; an image that goes takes nothing from it.
//! DIFFERS: behind AWS's names stands what this host has: its own `/usr`, or a busybox; the description says so.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AMIs.html>

mod attributes;
mod catalogue;
mod copies;
mod life;
mod seen;

pub(crate) use catalogue::{alias, built_in_snapshot, built_in_snapshots};

use crate::noun_record::noun;
use crate::nouns::{Home, Keys, Noun, is_id, keys_of};
use crate::shared;
use crate::snapshots::{self, Permissions};
use crate::tags::Tags;
use crate::volumes::mappings::Mapping;
use serde::{Deserialize, Serialize};
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::{Ctx, Room, Tx};

/// What stands behind an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Root {
    /// The host's `/usr`.
    Host,
    /// The host's busybox.
    Busybox,
}

/// An image that somebody has made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Image {
    /// `ami-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// Its name, which no other image of the account has in the region.
    pub name: String,
    /// What its owner says of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The name of the device that it boots from.
    pub root_device: String,
    /// What stands behind its root.
    pub root: Root,
    /// The volumes of an instance of it.
    pub mappings: Vec<Mapping>,
    /// When it was made.
    pub created: Timestamp,
    /// The instance that it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_instance: Option<String>,
    /// The image that it comes from, and that one's region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_image: Option<(String, String)>,
    /// Who else may launch it.
    #[serde(default)]
    pub permissions: Permissions,
    /// When it is out of date: others do not find it any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated: Option<Timestamp>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

noun!(
    Image,
    table: "images",
    type: "AWS::EC2::Image",
    kind: "image",
    prefix: "ami-",
    not_found: "InvalidAMIID.NotFound",
    malformed: "InvalidAMIID.Malformed",
    spoken: "image id",
    absent: |id| format!("The image id '[{id}]' does not exist"),
    keys: |image| keys(&image.id, image.home.account.as_str(), image.permissions.all),
);

impl Image {
    /// Whether it is made of a snapshot.
    pub(crate) fn uses(&self, snapshot: &str) -> bool {
        self.mappings.iter().any(|mapping| mapping.snapshot.as_deref() == Some(snapshot))
    }

    /// Whether an account may launch it.
    pub(crate) fn is_for(&self, home: Home) -> bool {
        self.home.account == home.account || self.permissions.has(home.account.as_str())
    }
}

fn keys(id: &str, owner: &str, is_public: bool) -> Keys {
    let owner = alias(owner).unwrap_or_else(|| owner.to_owned());
    vec![
        ("ec2:ImageID".to_owned(), vec![id.to_owned()]),
        ("ec2:ImageType".to_owned(), vec!["machine".to_owned()]),
        ("ec2:Owner".to_owned(), vec![owner]),
        ("ec2:Public".to_owned(), vec![is_public.to_string()]),
        ("ec2:RootDeviceType".to_owned(), vec!["ebs".to_owned()]),
    ]
}

/// The condition keys of the image of that id, whoever owns it; an account's tags are its own.
pub(crate) async fn keys_about(ctx: &Ctx, id: &str) -> Result<Option<Keys>> {
    if let Some(known) = catalogue::find(ctx.region(), id) {
        return Ok(Some(keys(id, known.owner, true)));
    }
    let Some(home) = shared::home_of(ctx, id).await? else { return Ok(None) };
    let found: Option<Image> = ctx.get(&home.scope(), &[id]).await?;
    Ok(found.map(|image| match home.account == ctx.account() {
        true => keys_of(&image),
        false => image.condition_keys(),
    }))
}

/// What an instance begins with.
pub(crate) struct Launch {
    /// What stands behind its root.
    pub root: Root,
    /// The name of the device that it boots from.
    pub root_device: String,
    /// Its volumes.
    pub mappings: Vec<Mapping>,
}

/// What an instance of an image begins with.
///
/// # Errors
/// InvalidAMIID.Malformed, InvalidAMIID.NotFound (also when it is not for that account), InvalidAMIID.Unavailable.
pub(crate) async fn launch(tx: &Tx, home: Home, id: &str) -> Result<Launch> {
    Image::check_id(id)?;
    if let Some(known) = catalogue::find(home.region, id) {
        let (root, root_device) = (known.root.clone(), known.root_device.to_owned());
        return Ok(Launch { root, root_device, mappings: vec![known.mapping(home.region)] });
    }
    let image = of_others(tx, home, id).await?.filter(|image| image.is_for(home));
    let image = image.ok_or_else(|| Image::not_found(id))?;
    for snapshot in image.mappings.iter().filter_map(|mapping| mapping.snapshot.as_ref()) {
        let found = snapshots::any(tx, home, snapshot).await?;
        if found.is_none_or(|found| found.complete().is_err()) {
            let text = format!("The image ID '{id}' is not available");
            return Err(Error::sender("InvalidAMIID.Unavailable", text));
        }
    }
    let mappings = image.mappings.into_iter().map(|mapping| Mapping { is_of_image: true, ..mapping });
    Ok(Launch { root: image.root, root_device: image.root_device, mappings: mappings.collect() })
}

/// The image of that id in a region, whoever owns it.
async fn of_others(tx: &Tx, home: Home, id: &str) -> Result<Option<Image>> {
    match shared::home(tx, id).await? {
        Some(of) if of.region == home.region => tx.get(&of.scope(), &[id]).await,
        _ => Ok(None),
    }
}

/// The own image of that id, which is to be changed.
///
/// # Errors
/// AuthFailure for somebody else's, InvalidAMIID.NotFound.
async fn own(tx: &Tx, home: Home, id: &str) -> Result<Image> {
    Image::check_id(id)?;
    if let Some(image) = tx.get::<Image>(&home.scope(), &[id]).await? {
        return Ok(image);
    }
    let others = of_others(tx, home, id).await?.is_some_and(|image| image.is_for(home));
    match others || is_id(id) && catalogue::find(home.region, id).is_some() {
        true => Err(Error::sender("AuthFailure", format!("Not authorized for image:{id}"))),
        false => Err(Image::not_found(id)),
    }
}

/// The architecture of what stands behind the images: this host's.
pub(crate) fn host_architecture() -> &'static str {
    catalogue::architecture()
}

/// The architecture of an image: `x86_64` or `arm64`.
///
/// # Errors
/// Those of [`launch`].
pub(crate) async fn architecture(tx: &Tx, home: Home, image: &str) -> Result<&'static str> {
    launch(tx, home, image).await.map(|_| host_architecture())
}

/// The name of a built-in image; nothing for others.
pub(crate) fn name(home: Home, image: &str) -> String {
    catalogue::find(home.region, image).map(|known| known.name).unwrap_or_default()
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    let rooms = [life::register, copies::register, attributes::register, seen::register];
    rooms.iter().fold(room, |room, register| register(room))
}
