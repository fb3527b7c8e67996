//! A transaction in terms of records: reads what was committed, writes together with what it read unchanged.

use crate::{Ctx, Record, Resource, Scope};
use bytes::Bytes;
use yakumo_aws::{Error, Result};
use yakumo_store::{Change, Range, Transaction};

/// Reads and writes records atomically. Made by [`Ctx::transact`]; all clones are the same transaction.
#[derive(Clone)]
pub struct Tx {
    inner: Transaction,
    ctx: Ctx,
}

impl Tx {
    pub(crate) fn new(inner: Transaction, ctx: Ctx) -> Tx {
        Tx { inner, ctx }
    }

    /// The record that `id` names, as this transaction sees it.
    pub async fn get<R: Record>(&self, scope: &Scope, id: &[&str]) -> Result<Option<R>> {
        match self.inner.get(&scope.record_key(R::TABLE, id)).await? {
            Some(bytes) => Ok(Some(decode(&bytes)?)),
            None => Ok(None),
        }
    }

    /// At most `limit` records whose key begins with `prefix`, in key order, behind `after` when it is given.
    pub async fn list<R: Record>(
        &self,
        scope: &Scope,
        prefix: &[&str],
        after: Option<&[&str]>,
        limit: usize,
    ) -> Result<Vec<R>> {
        let range = record_range::<R>(scope, prefix, after);
        let rows = self.inner.scan(range, limit).await?;
        rows.iter().map(|(_, bytes)| decode(bytes)).collect()
    }

    /// Writes a record.
    pub fn put<R: Record>(&self, scope: &Scope, id: &[&str], record: &R) {
        self.inner.put(scope.record_key(R::TABLE, id), record.to_bytes());
    }

    /// Removes a record; removing what is not there is no error.
    pub fn delete<R: Record>(&self, scope: &Scope, id: &[&str]) {
        self.inner.delete(scope.record_key(R::TABLE, id));
    }

    /// Writes a resource and its change: `before` is what stood there, `None` when it is new.
    pub fn put_resource<R: Resource>(&self, scope: &Scope, before: Option<&R>, after: &R) {
        self.put(scope, &after.id(), after);
        self.change(before, Some(after));
    }

    /// Removes a resource and records the change.
    pub fn delete_resource<R: Resource>(&self, scope: &Scope, before: &R) {
        self.delete::<R>(scope, &before.id());
        self.change(Some(before), None);
    }

    /// The underlying transaction, for keys that are not records.
    pub fn raw(&self) -> &Transaction {
        &self.inner
    }

    fn change<R: Resource>(&self, before: Option<&R>, after: Option<&R>) {
        let Some(subject) = after.or(before) else { return };
        self.inner.change(Change {
            time: self.ctx.now(),
            principal: self.ctx.caller().principal.arn.clone(),
            request_id: self.ctx.facts().request_id.to_string(),
            resource_type: R::TYPE.to_owned(),
            resource_id: subject.arn(),
            before: before.map(|record| record.to_bytes().into()),
            after: after.map(|record| record.to_bytes().into()),
        });
    }
}

impl Ctx {
    /// The record that `id` names, as last committed.
    pub async fn get<R: Record>(&self, scope: &Scope, id: &[&str]) -> Result<Option<R>> {
        match self.base().store.get(&scope.record_key(R::TABLE, id)).await? {
            Some(bytes) => Ok(Some(decode(&bytes)?)),
            None => Ok(None),
        }
    }

    /// At most `limit` committed records whose key begins with `prefix`, in key order, behind `after` when given.
    pub async fn list<R: Record>(
        &self,
        scope: &Scope,
        prefix: &[&str],
        after: Option<&[&str]>,
        limit: usize,
    ) -> Result<Vec<R>> {
        let rows = self.base().store.scan(record_range::<R>(scope, prefix, after), limit).await?;
        rows.iter().map(|(_, bytes)| decode(bytes)).collect()
    }
}

fn decode<R: Record>(bytes: &Bytes) -> Result<R> {
    R::from_bytes(bytes).map_err(Error::internal)
}

fn record_range<R: Record>(scope: &Scope, prefix: &[&str], after: Option<&[&str]>) -> Range {
    let range = Range::prefix(scope.record_key(R::TABLE, prefix));
    match after {
        Some(id) => range.after(scope.record_key(R::TABLE, id)),
        None => range,
    }
}
