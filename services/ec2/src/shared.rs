//! Snapshots and images are used by accounts that do not own them: where each one is.
//!
//! Invariant: the note comes and goes in the transaction of its record.

use crate::nouns::{ALL, Home, Noun, is_id};
use serde::{Deserialize, Serialize};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Record, Scope, Tx};

/// Who owns what has an id.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Whereabouts {
    id: String,
    home: Home,
}

impl Record for Whereabouts {
    const TABLE: &'static str = "whereabouts";
}

fn scope() -> Scope {
    Scope { account: None, region: None, service: "ec2" }
}

/// Notes where something is.
pub(crate) fn note(tx: &Tx, home: Home, id: &str) {
    tx.put(&scope(), &[id], &Whereabouts { id: id.to_owned(), home });
}

/// It is nowhere any more.
pub(crate) fn forget(tx: &Tx, id: &str) {
    tx.delete::<Whereabouts>(&scope(), &[id]);
}

/// Where something is, as the transaction sees it.
pub(crate) async fn home(tx: &Tx, id: &str) -> Result<Option<Home>> {
    if !is_id(id) {
        return Ok(None);
    }
    Ok(tx.get::<Whereabouts>(&scope(), &[id]).await?.map(|found| found.home))
}

/// The same as last committed.
pub(crate) async fn home_of(ctx: &Ctx, id: &str) -> Result<Option<Home>> {
    if !is_id(id) {
        return Ok(None);
    }
    Ok(ctx.get::<Whereabouts>(&scope(), &[id]).await?.map(|found| found.home))
}

/// Everything of a kind in a region, whoever owns it, as last committed.
pub(crate) async fn everybodys<N: Noun>(ctx: &Ctx) -> Result<Vec<N>> {
    let notes: Vec<Whereabouts> = ctx.list(&scope(), &[], None, ALL).await?;
    let mut found = Vec::new();
    for note in notes.iter().filter(|note| note.id.starts_with(N::PREFIX) && note.home.region == ctx.region())
    {
        found.extend(ctx.get::<N>(&note.home.scope(), &[&note.id]).await?);
    }
    Ok(found)
}
