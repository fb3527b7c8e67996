//! What `yakumo fsck` asks of this room: every version and part finds its body, and no body, part or upload is
//! without what it belongs to.

use crate::state::version::{body_row, body_rows};
use crate::state::{Bucket, Part, Piece, Place, Upload, Version, scope};
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use yakumo_aws::Result;
use yakumo_room::store::{KeyReader, Range};
use yakumo_room::{Audit, Record, Remedy};

/// Walks through all records that refer to bodies, and through the bodies.
pub async fn walk(audit: &mut Audit) -> Result<()> {
    let mut seen = Seen::default();
    let mut range = table(Bucket::TABLE);
    while let Some(rows) = audit.page(&mut range).await? {
        for (key, value) in &rows {
            if let Some(bucket) = decode::<Bucket>(audit, key, value) {
                seen.buckets.insert(bucket.id, bucket.name);
            }
        }
    }
    versions(audit, &mut seen).await?;
    uploads(audit, &mut seen).await?;
    parts(audit, &mut seen).await?;
    rows_of_bodies(audit, &seen).await
}

/// What has been come across.
#[derive(Default)]
struct Seen {
    /// Names by ids.
    buckets: HashMap<String, String>,
    uploads: HashSet<String>,
    /// The rows of bodies that are referred to.
    bodies: HashSet<Bytes>,
}

impl Seen {
    fn bucket(&self, id: &str) -> String {
        self.buckets.get(id).map_or_else(|| format!("with id {id}, which is not there"), Clone::clone)
    }
}

fn table(name: &str) -> Range {
    Range::prefix(scope().key(name).build())
}

/// The first part of a key behind its table.
fn first_part(key: &[u8]) -> Result<String> {
    Ok(KeyReader::new(key).skip_table()?.text()?)
}

fn decode<R: Record>(audit: &mut Audit, key: &[u8], value: &[u8]) -> Option<R> {
    match R::from_bytes(value) {
        Ok(record) => Some(record),
        Err(error) => {
            audit.finding(format!("s3: the row {} cannot be read: {error}", key.escape_ascii()), None);
            None
        }
    }
}

async fn versions(audit: &mut Audit, seen: &mut Seen) -> Result<()> {
    let mut range = table(Version::TABLE);
    while let Some(rows) = audit.page(&mut range).await? {
        for (key, value) in &rows {
            let Some(version) = decode::<Version>(audit, key, value) else { continue };
            let bucket = first_part(key)?;
            let who = || {
                let (key, id) = (version.key.escape_default(), version.shown_id());
                format!("s3: version {id} of {key} in bucket {}", seen.bucket(&bucket))
            };
            let mut wrong = Vec::new();
            if !seen.buckets.contains_key(&bucket) {
                wrong.push("the bucket is not there");
            }
            if *key != version.row(&bucket) {
                wrong.push("it is not in its place");
            }
            let pieces = version.content.iter().flat_map(|content| &content.pieces);
            let size_bytes: u64 = pieces.map(|piece| piece.size_bytes).sum();
            if version.content.as_ref().is_some_and(|content| content.size_bytes != size_bytes) {
                wrong.push("its pieces have not as many bytes as it");
            }
            let who = who();
            for wrong in wrong {
                audit.finding(format!("{who}: {wrong}"), None);
            }
            for piece in version.content.iter().flat_map(|content| &content.pieces) {
                refers(audit, seen, piece, &who).await?;
            }
        }
    }
    Ok(())
}

async fn uploads(audit: &mut Audit, seen: &mut Seen) -> Result<()> {
    let mut range = table(Upload::TABLE);
    while let Some(rows) = audit.page(&mut range).await? {
        for (key, value) in &rows {
            let Some(upload) = decode::<Upload>(audit, key, value) else { continue };
            let bucket = first_part(key)?;
            if !seen.buckets.contains_key(&bucket) {
                audit.finding(
                    format!(
                        "s3: upload {} of {}: the bucket is not there",
                        upload.id,
                        upload.key.escape_default()
                    ),
                    None,
                );
            }
            seen.uploads.insert(upload.id);
        }
    }
    Ok(())
}

/// Parts without an upload refer to nothing: what they hold is found as nobody's, and goes with them.
async fn parts(audit: &mut Audit, seen: &mut Seen) -> Result<()> {
    let mut range = table(Part::TABLE);
    while let Some(rows) = audit.page(&mut range).await? {
        for (key, value) in &rows {
            let Some(part) = decode::<Part>(audit, key, value) else { continue };
            let upload = first_part(key)?;
            let who = format!("s3: part {} of upload {upload}", part.number);
            if !seen.uploads.contains(&upload) {
                let remedy = Some(Remedy::Row(key.clone()));
                audit.finding(format!("{who}: the upload is not there"), remedy);
                continue;
            }
            if let Some(piece) = &part.piece {
                refers(audit, seen, piece, &who).await?;
            }
        }
    }
    Ok(())
}

async fn refers(audit: &mut Audit, seen: &mut Seen, piece: &Piece, who: &str) -> Result<()> {
    let id = match &piece.place {
        Place::Blob(id) => {
            audit.refers(*id, piece.size_bytes, || who.to_owned());
            return Ok(());
        }
        Place::Row(id) => id,
    };
    let row = body_row(id);
    let found = audit.row(&row).await?.map(|bytes| bytes.len() as u64);
    let wrong = match found {
        None => "is not there".to_owned(),
        Some(size) if size != piece.size_bytes => format!("has {size} bytes and not {}", piece.size_bytes),
        Some(_) if seen.bodies.contains(&row) => "is another record's, too".to_owned(),
        Some(_) => String::new(),
    };
    seen.bodies.insert(row);
    if !wrong.is_empty() {
        audit.finding(format!("{who}: its body {id} {wrong}"), None);
    }
    Ok(())
}

async fn rows_of_bodies(audit: &mut Audit, seen: &Seen) -> Result<()> {
    let mut range = Range::prefix(body_rows());
    while let Some(rows) = audit.page(&mut range).await? {
        for (key, value) in rows.into_iter().filter(|(key, _)| !seen.bodies.contains(key)) {
            let id = first_part(&key)?;
            let what = format!("s3: no record refers to the body {id} of {} bytes", value.len());
            audit.finding(what, Some(Remedy::Row(key)));
        }
    }
    Ok(())
}
