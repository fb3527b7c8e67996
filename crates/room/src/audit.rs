//! How a room tells `yakumo fsck` what its records refer to, and what of them does not fit together.
//!
//! Invariant: everything is read from one snapshot, so a room that works meanwhile cannot make a finding.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::collections::{BTreeMap, HashSet};
use yakumo_aws::Result;
use yakumo_store::{AuditedBlob, BlobAudit, BlobId, Pair, Range, Snapshot, Stray};

/// So many rows are read at a time.
const PAGE: usize = 500;

/// A walk through a room's records.
pub type Walk = dyn for<'a> Fn(&'a mut Audit) -> BoxFuture<'a, Result<()>> + Send + Sync;

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// One line for people.
    pub what: String,
    /// What removes it, where nothing is lost by that.
    pub remedy: Option<Remedy>,
}

/// How a finding goes away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The row is removed: nothing refers to it.
    Row(Bytes),
    /// The blob is removed: it is kept, but nothing refers to it.
    Blob(BlobId),
    /// The bytes are removed: no list names their blob.
    Stray(BlobId),
    /// An unfinished upload to the object store is ended: nobody waits for it.
    Upload(BlobId, String),
}

/// What has been found so far.
pub struct Audit {
    snapshot: Snapshot,
    kept: BTreeMap<BlobId, AuditedBlob>,
    claimed: HashSet<BlobId>,
    findings: Vec<Finding>,
    records: u64,
}

impl Audit {
    /// Begins with what is known of blobs.
    pub fn new(blobs: BlobAudit) -> Audit {
        let findings = blobs.strays.into_iter().map(stray).collect();
        let (snapshot, kept) = (blobs.snapshot, blobs.kept);
        Audit { snapshot, kept, claimed: HashSet::new(), findings, records: 0 }
    }

    /// The next rows of a range, which moves on; `None` at its end.
    pub async fn page(&mut self, range: &mut Range) -> Result<Option<Vec<Pair>>> {
        let rows = self.snapshot.scan(range.clone(), PAGE).await?;
        let Some((last, _)) = rows.last() else { return Ok(None) };
        *range = range.clone().after(last.clone());
        self.records += rows.len() as u64;
        Ok(Some(rows))
    }

    /// The row of a key.
    pub async fn row(&self, key: &[u8]) -> Result<Option<Bytes>> {
        Ok(self.snapshot.get(key).await?)
    }

    /// A record refers to a blob of so many bytes. `who` says which, when that is to be told.
    pub fn refers(&mut self, id: BlobId, size_bytes: u64, who: impl FnOnce() -> String) {
        let wrong = match self.kept.get(&id) {
            None => "is not kept".to_owned(),
            Some(AuditedBlob { fault: Some(fault), .. }) => format!("is not whole: {fault}"),
            Some(blob) if blob.size_bytes != size_bytes => {
                format!("has {} bytes and not {size_bytes}", blob.size_bytes)
            }
            Some(_) if self.claimed.contains(&id) => "is another record's, too".to_owned(),
            Some(_) => String::new(),
        };
        self.claimed.insert(id);
        if !wrong.is_empty() {
            self.finding(format!("{}: its blob {id} {wrong}", who()), None);
        }
    }

    /// Something is not as it should be.
    pub fn finding(&mut self, what: impl Into<String>, remedy: Option<Remedy>) {
        self.findings.push(Finding { what: what.into(), remedy });
    }

    /// Ends: what is kept and was not referred to is a finding, too.
    pub fn end(mut self) -> Audited {
        for (id, blob) in std::mem::take(&mut self.kept) {
            if !self.claimed.contains(&id) {
                let what =
                    format!("blob {id} of {} bytes is kept, and no record refers to it", blob.size_bytes);
                self.finding(what, Some(Remedy::Blob(id)));
            }
        }
        Audited { findings: self.findings, records: self.records, blobs: self.claimed.len() }
    }
}

/// The outcome.
pub struct Audited {
    /// What is wrong; empty when everything fits together.
    pub findings: Vec<Finding>,
    /// How many records were read.
    pub records: u64,
    /// How many blobs are referred to.
    pub blobs: usize,
}

fn stray(stray: Stray) -> Finding {
    match stray {
        Stray::Blob(id) => Finding {
            what: format!("there are bytes of blob {id}, which is neither kept nor pending nor garbage"),
            remedy: Some(Remedy::Stray(id)),
        },
        Stray::File(path) => {
            Finding { what: format!("{} lies among the blobs and is none", path.display()), remedy: None }
        }
        Stray::Object(name) => {
            Finding { what: format!("{name} lies among the blobs and is none of this cloud"), remedy: None }
        }
        Stray::Upload { id, upload } => Finding {
            what: format!("there is an unfinished upload to blob {id}, which is not pending"),
            remedy: Some(Remedy::Upload(id, upload)),
        },
    }
}
