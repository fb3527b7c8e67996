//! Amazon Simple Storage Service: operation → what it needs → handler. S3 Control has a table of its own in `control`.
//!
//! Objects are rows under bucket, key and order (`state::version`), their bodies rows or blobs (`bodies`); buckets are
//! control-plane records that are kept decoded (`registry`).

mod access;
mod access_points;
mod account_access;
mod acls;
mod audit;
mod bodies;
mod buckets;
mod control;
mod cors;
mod directories;
mod door;
mod encryption;
mod error;
mod forms;
mod happenings;
mod index;
mod inventories;
mod lifecycle;
mod lists;
mod locks;
mod logging;
mod mfa;
mod misplaced;
mod multipart;
mod names;
mod notifications;
mod objects;
mod payments;
mod policies;
mod public;
mod registry;
mod replication;
mod resource_tags;
mod sealing;
mod selectors;
mod settings;
mod state;
mod statements;
mod tags;
mod unset;
mod websites;

use crate::access::{list_keys, on_bucket, on_bucket_with, on_object};
use crate::directories::access::SESSION;
use crate::door::Door;
use crate::objects::{attributes, copy, delete, get, put, restore};
use crate::registry::Registry;
use std::sync::Arc;
use yakumo_api_s3 as api;
use yakumo_policy::PrincipalKind;
use yakumo_room::{Access, Base, Room, Tagged};

/// The rooms of S3 and S3 Control over a cloud's ground: they share their buckets.
pub fn rooms(base: &Arc<Base>) -> (Room, Room) {
    let registry = Registry::new(base.clone());
    let control = control::room(&registry);
    let room = Room::new("s3").anonymous().resource_control().beside(Door::new(registry.clone()));
    let room = room.tag_policies(Tagged { types: &["bucket"], code: "TagPolicyException" });
    // AWS: somebody without a name is told nothing more.
    let room = room.refusal(|ctx, _, reason| {
        let is_nobody = ctx.caller().principal.kind == PrincipalKind::Anonymous;
        let text = if is_nobody { "Access Denied" } else { reason }.to_owned();
        Box::pin(async move { Ok(text) })
    });
    let room = room
        .reconciler(lifecycle::reconciler(registry.clone()))
        .reconciler(notifications::reconciler())
        .reconciler(replication::reconciler(registry.clone()))
        .reconciler(happenings::later::reconciler())
        .reconciler(logging::reconciler(registry.clone()))
        .reconciler(inventories::reconciler(registry.clone()))
        .witness(logging::Listener::new(base.clone(), registry.clone()))
        .audit(|audit| Box::pin(audit::walk(audit)));
    let room = acl_operations(web_operations(room.state(registry)));
    let room = multipart_operations(object_operations(setting_operations(bucket_operations(room))));
    let room = lifecycle::operations(encryption::operations(unset::operations(room)));
    let room = payments::operations(logging::operations(notifications::operations(room)));
    let room = inventories::operations(room);
    (directories::operations(replication::operations(locks::operations(room))), control)
}

fn bucket_operations(room: Room) -> Room {
    room.on(api::CreateBucket, buckets::create_access(), buckets::create_bucket)
        .on(api::DeleteBucket, on_bucket("s3:DeleteBucket"), buckets::delete_bucket)
        .on(api::HeadBucket, on_bucket("s3:ListBucket"), buckets::head_bucket)
        .on(api::ListBuckets, buckets::list_access(), buckets::list_buckets)
        .on(api::GetBucketLocation, buckets::location_access(), buckets::get_bucket_location)
        .on(
            api::ListObjects,
            on_bucket_with("s3:ListBucket", |i: &api::ListObjectsInput| {
                list_keys(i.prefix.as_deref(), i.delimiter.as_deref(), i.max_keys)
            }),
            lists::objects::list_objects,
        )
        .on(
            api::ListObjectsV2,
            on_bucket_with("s3:ListBucket", |i: &api::ListObjectsV2Input| {
                list_keys(i.prefix.as_deref(), i.delimiter.as_deref(), i.max_keys)
            }),
            lists::objects::list_objects_v2,
        )
        .on(
            api::ListObjectVersions,
            on_bucket_with("s3:ListBucketVersions", |i: &api::ListObjectVersionsInput| {
                list_keys(i.prefix.as_deref(), i.delimiter.as_deref(), i.max_keys)
            }),
            lists::versions::list_object_versions,
        )
}

fn setting_operations(room: Room) -> Room {
    use acls::operations;
    room.on(api::PutBucketVersioning, on_bucket("s3:PutBucketVersioning"), settings::put_bucket_versioning)
        .on(api::GetBucketVersioning, on_bucket("s3:GetBucketVersioning"), settings::get_bucket_versioning)
        .on(
            api::GetBucketOwnershipControls,
            on_bucket("s3:GetBucketOwnershipControls"),
            operations::get_bucket_ownership_controls,
        )
        .on(api::PutBucketTagging, tags::put_access(), tags::put_bucket_tagging)
        .on(api::GetBucketTagging, on_bucket("s3:GetBucketTagging"), tags::get_bucket_tagging)
        .on(api::DeleteBucketTagging, on_bucket("s3:PutBucketTagging"), tags::delete_bucket_tagging)
        .on(api::PutBucketPolicy, policies::access("s3:PutBucketPolicy"), policies::put_bucket_policy)
        .on(api::GetBucketPolicy, policies::access("s3:GetBucketPolicy"), policies::get_bucket_policy)
        .on(
            api::DeleteBucketPolicy,
            policies::access("s3:DeleteBucketPolicy"),
            policies::delete_bucket_policy,
        )
        .on(
            api::GetBucketPolicyStatus,
            on_bucket("s3:GetBucketPolicyStatus"),
            policies::get_bucket_policy_status,
        )
        .on(
            api::PutPublicAccessBlock,
            on_bucket("s3:PutBucketPublicAccessBlock"),
            policies::put_public_access_block,
        )
        .on(
            api::GetPublicAccessBlock,
            on_bucket("s3:GetBucketPublicAccessBlock"),
            policies::get_public_access_block,
        )
        .on(
            api::DeletePublicAccessBlock,
            on_bucket("s3:PutBucketPublicAccessBlock"),
            policies::delete_public_access_block,
        )
}

/// Access control lists and ownership.
fn acl_operations(room: Room) -> Room {
    use acls::operations;
    let headers = |i: &api::PutBucketAclInput| granted!(i, write).keys();
    room.on(
        api::PutBucketOwnershipControls,
        on_bucket("s3:PutBucketOwnershipControls"),
        operations::put_bucket_ownership_controls,
    )
    .on(
        api::DeleteBucketOwnershipControls,
        on_bucket("s3:PutBucketOwnershipControls"),
        operations::delete_bucket_ownership_controls,
    )
    .on(api::GetBucketAcl, on_bucket("s3:GetBucketAcl"), operations::get_bucket_acl)
    .on(api::PutBucketAcl, on_bucket_with("s3:PutBucketAcl", headers), operations::put_bucket_acl)
    .on(
        api::GetObjectAcl,
        Access::inside(["s3:GetObjectAcl", "s3:GetObjectVersionAcl", "s3:ListBucket"], operations::INSIDE),
        operations::get_object_acl,
    )
    .on(
        api::PutObjectAcl,
        Access::inside(["s3:PutObjectAcl", "s3:PutObjectVersionAcl"], operations::INSIDE),
        operations::put_object_acl,
    )
}

/// What pages in browsers need.
fn web_operations(room: Room) -> Room {
    room.on(api::PutBucketCors, on_bucket("s3:PutBucketCORS"), cors::put_bucket_cors)
        .on(api::GetBucketCors, on_bucket("s3:GetBucketCORS"), cors::get_bucket_cors)
        .on(api::DeleteBucketCors, on_bucket("s3:PutBucketCORS"), cors::delete_bucket_cors)
        .on(api::PutBucketWebsite, on_bucket("s3:PutBucketWebsite"), websites::put_bucket_website)
        .on(api::GetBucketWebsite, on_bucket("s3:GetBucketWebsite"), websites::get_bucket_website)
        .on(api::DeleteBucketWebsite, on_bucket("s3:DeleteBucketWebsite"), websites::delete_bucket_website)
}

fn object_operations(room: Room) -> Room {
    let reads = ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", SESSION];
    room.on(api::PutObject, put::access(), put::put_object)
        .on(api::GetObject, Access::inside(reads, get::INSIDE), get::get_object)
        .on(api::HeadObject, Access::inside(reads, get::INSIDE), get::head_object)
        .on(
            api::GetObjectAttributes,
            Access::inside(
                [
                    "s3:GetObjectAttributes",
                    "s3:GetObjectVersionAttributes",
                    "s3:GetObject",
                    "s3:GetObjectVersion",
                    "s3:ListBucket",
                    SESSION,
                ],
                get::INSIDE,
            ),
            attributes::get_object_attributes,
        )
        .on(
            api::CopyObject,
            Access::inside(
                [
                    "s3:PutObject",
                    "s3:PutObjectAcl",
                    "s3:PutObjectTagging",
                    "s3:PutObjectRetention",
                    "s3:PutObjectLegalHold",
                    "s3:GetObject",
                    "s3:GetObjectVersion",
                    "s3:GetObjectTagging",
                    "s3:GetObjectVersionTagging",
                    "s3:ListBucket",
                    SESSION,
                ],
                copy::INSIDE,
            ),
            copy::copy_object,
        )
        .on(api::DeleteObject, delete::access(), delete::delete_object)
        .on(api::DeleteObjects, Access::inside(delete::ACTIONS, delete::INSIDE), delete::delete_objects)
        .on(api::RestoreObject, on_object("s3:RestoreObject"), restore::restore_object)
        .on(
            api::GetObjectTagging,
            tags::object_access(
                ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"],
                |i: &api::GetObjectTaggingInput| i.version_id.as_deref(),
                |_| &[],
            ),
            tags::get_object_tagging,
        )
        .on(
            api::PutObjectTagging,
            tags::object_access(
                ["s3:PutObjectTagging", "s3:PutObjectVersionTagging"],
                |i: &api::PutObjectTaggingInput| i.version_id.as_deref(),
                |i| &i.tagging.tag_set,
            ),
            tags::put_object_tagging,
        )
        .on(
            api::DeleteObjectTagging,
            tags::object_access(
                ["s3:DeleteObjectTagging", "s3:DeleteObjectVersionTagging"],
                |i: &api::DeleteObjectTaggingInput| i.version_id.as_deref(),
                |_| &[],
            ),
            tags::delete_object_tagging,
        )
}

fn multipart_operations(room: Room) -> Room {
    use multipart::{complete, list, parts};
    room.on(api::CreateMultipartUpload, multipart::create_access(), multipart::create_multipart_upload)
        .on(api::UploadPart, parts::access(), parts::upload_part)
        .on(
            api::UploadPartCopy,
            Access::inside(
                ["s3:PutObject", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", SESSION],
                copy::INSIDE,
            ),
            parts::upload_part_copy,
        )
        .on(api::CompleteMultipartUpload, complete::access(), complete::complete_multipart_upload)
        .on(
            api::AbortMultipartUpload,
            on_object("s3:AbortMultipartUpload"),
            multipart::abort_multipart_upload,
        )
        .on(api::ListParts, on_object("s3:ListMultipartUploadParts"), list::list_parts)
        .on(
            api::ListMultipartUploads,
            on_bucket("s3:ListBucketMultipartUploads"),
            list::list_multipart_uploads,
        )
}
