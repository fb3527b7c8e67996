//! CopyImage: an image of one's own, of another one here or in another region.

use super::life::{check_name, put_new, tags_of};
use super::{Image, Root, catalogue};
use crate::access::{self, Asked};
use crate::commit::{change, refuse};
use crate::nouns::{Home, Noun, new_id};
use crate::shared;
use crate::snapshots::{self, New, Permissions, Snapshot};
use crate::tags::Tags;
use crate::volumes::mappings::Mapping;
use yakumo_api_ec2::{self as api, CopyImageInput, CopyImageOutput};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room, Tx};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::CopyImage,
        access::needs("ec2:CopyImage", |input: &CopyImageInput| {
            let tags = input.tag_specifications.as_ref();
            Asked::any().making::<Image>(tags).making::<Snapshot>(tags)
        }),
        copy_image,
    )
}

/// What is copied.
struct Original {
    root: Root,
    root_device: String,
    mappings: Vec<Mapping>,
    tags: Tags,
    description: String,
}

async fn original(tx: &Tx, home: Home, input: &CopyImageInput) -> Result<Original> {
    let id = &input.source_image_id;
    Image::check_id(id)?;
    if input.source_region == home.region.as_str()
        && let Some(known) = catalogue::find(home.region, id)
    {
        return Ok(Original {
            description: known.description(),
            mappings: vec![known.mapping(home.region)],
            root: known.root,
            root_device: known.root_device.to_owned(),
            tags: Tags::new(),
        });
    }
    let of = shared::home(tx, id).await?.filter(|of| of.region.as_str() == input.source_region);
    let found: Option<Image> = match of {
        Some(of) => tx.get(&of.scope(), &[id]).await?,
        None => None,
    };
    let image = found.filter(|image| image.is_for(home)).ok_or_else(|| Image::not_found(id))?;
    let is_own = image.home.account == home.account;
    Ok(Original {
        root: image.root,
        root_device: image.root_device,
        mappings: image.mappings,
        tags: if is_own { image.tags } else { Tags::new() },
        description: image.description,
    })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopyImage.html>
async fn copy_image(ctx: Ctx, input: CopyImageInput) -> Result<CopyImageOutput> {
    refuse(&[
        ("Encrypted", input.encrypted == Some(true)),
        ("KmsKeyId", input.kms_key_id.is_some()),
        ("DestinationOutpostArn", input.destination_outpost_arn.is_some()),
        ("DestinationAvailabilityZone", input.destination_availability_zone.is_some()),
        ("DestinationAvailabilityZoneId", input.destination_availability_zone_id.is_some()),
        ("SnapshotCopyCompletionDurationMinutes", input.snapshot_copy_completion_duration_minutes.is_some()),
    ])?;
    check_name(&input.name)?;
    let (image_tags, snapshot_tags) = tags_of(input.tag_specifications.as_ref())?;
    let (id, made) = change(&ctx, input.dry_run, |tx| {
        let (ctx, input) = (&ctx, &input);
        let (mut tags, snapshot_tags) = (image_tags.clone(), snapshot_tags.clone());
        async move {
            let home = Home::of(ctx);
            let original = original(&tx, home, input).await?;
            let id = new_id(ctx, Image::PREFIX);
            let (mut mappings, mut made) = (original.mappings, Vec::new());
            for mapping in &mut mappings {
                let Some(snapshot) = &mapping.snapshot else { continue };
                let source = readable(&tx, home, &input.source_region, snapshot).await?;
                let new = New {
                    volume: "vol-ffffffff".to_owned(),
                    gib: source.gib,
                    from: source.content(),
                    base: source.base,
                    description: format!(
                        "Copied for DestinationAmi {id} from SourceAmi {} for SourceSnapshot {snapshot}.",
                        input.source_image_id
                    ),
                    tags: snapshot_tags.clone(),
                    waits_for: None,
                };
                let snapshot = snapshots::new(&tx, ctx, new).await?;
                mapping.snapshot = Some(snapshot.id.clone());
                made.push(snapshot);
            }
            if input.copy_image_tags == Some(true) {
                for (key, value) in original.tags.into_iter().filter(|(key, _)| !key.starts_with("aws:")) {
                    tags.entry(key).or_insert(value);
                }
            }
            let image = Image {
                id,
                home,
                name: input.name.clone(),
                description: input.description.clone().unwrap_or(original.description),
                root_device: original.root_device,
                root: original.root,
                mappings,
                created: ctx.now(),
                from_instance: None,
                from_image: Some((input.source_image_id.clone(), input.source_region.clone())),
                permissions: Permissions::default(),
                deprecated: None,
                tags,
            };
            put_new(&tx, &image).await?;
            Ok((image.id, made))
        }
    })
    .await?;
    snapshots::copy(&ctx, made).await;
    Ok(CopyImageOutput { image_id: Some(id) })
}

/// AWS: who launches an image needs no right to its snapshots; who copies it does.
async fn readable(tx: &Tx, home: Home, region: &str, id: &str) -> Result<Snapshot> {
    if let Some(known) = catalogue::built_in_snapshot(home.region, id) {
        return Ok(known);
    }
    let of = shared::home(tx, id).await?.filter(|of| of.region.as_str() == region);
    let found: Option<Snapshot> = match of {
        Some(of) => tx.get(&of.scope(), &[id]).await?,
        None => None,
    };
    match found.filter(|found| found.is_for(home)) {
        Some(found) => found.complete(),
        None => {
            let text = "You do not have permission to access the storage of this ami";
            Err(Error::sender("InvalidRequest", text))
        }
    }
}
