//! `Marker`, `MaxItems` and `IsTruncated`: one page of records or of what a record holds.
//!
//! A marker is the key of the last item that was given, so that a page never repeats nor skips what stays. A checksum in
//! it tells a marker from whatever else is sent as one.

use crate::error;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use yakumo_aws::Result;
use yakumo_room::{Ctx, Record, Scope};

/// How many items a page has when the client does not say.
const DEFAULT_ITEMS: usize = 100;
/// How many records are read at once while a filter drops some.
const BATCH: usize = 200;

/// What the client asked for.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub marker: Option<&'a str>,
    pub max_items: Option<i32>,
}

/// One page and the marker of the next one.
pub(crate) struct Page<T> {
    pub items: Vec<T>,
    pub marker: Option<String>,
}

impl<T> Page<T> {
    /// The answer's `IsTruncated`.
    pub(crate) fn is_truncated(&self) -> Option<bool> {
        Some(self.marker.is_some())
    }
}

impl<'a> Asked<'a> {
    pub(crate) fn new(marker: &'a Option<String>, max_items: Option<i32>) -> Asked<'a> {
        Asked { marker: marker.as_deref(), max_items }
    }

    /// The same with fewer items when the client asks for more than `most`.
    pub(crate) fn at_most(self, most: usize) -> Asked<'a> {
        let most = i32::try_from(self.limit().min(most)).unwrap_or(i32::MAX);
        Asked { max_items: Some(most), ..self }
    }

    /// How many items a page holds.
    pub(crate) fn limit(&self) -> usize {
        self.max_items.and_then(|max| usize::try_from(max).ok()).unwrap_or(DEFAULT_ITEMS).max(1)
    }

    /// The parts of the key in the marker.
    pub(crate) fn after(&self) -> Result<Option<Vec<String>>> {
        let Some(marker) = self.marker else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(marker).map_err(|_| error::invalid_marker())?;
        let text = String::from_utf8(bytes).map_err(|_| error::invalid_marker())?;
        let (sum, text) = text.split_once('\n').ok_or_else(error::invalid_marker)?;
        if sum != checksum(text) {
            return Err(error::invalid_marker());
        }
        Ok(Some(text.split('\n').map(str::to_owned).collect()))
    }

    /// One page of the records under `prefix` that `keep` keeps; `key` gives a record's whole key.
    pub(crate) async fn records<R: Record>(
        &self,
        ctx: &Ctx,
        scope: &Scope,
        prefix: &[&str],
        key: impl Fn(&R) -> Vec<&str>,
        keep: impl Fn(&R) -> bool,
    ) -> Result<Page<R>> {
        let limit = self.limit();
        let mut after = self.after()?;
        let mut items: Vec<R> = Vec::new();
        loop {
            let parts: Option<Vec<&str>> = after.as_ref().map(|key| key.iter().map(String::as_str).collect());
            let batch = ctx.list::<R>(scope, prefix, parts.as_deref(), BATCH).await?;
            let last = batch.len() < BATCH;
            after = batch.last().map(|record| key(record).into_iter().map(str::to_owned).collect());
            items.extend(batch.into_iter().filter(|record| keep(record)));
            if items.len() > limit {
                items.truncate(limit);
                let marker = items.last().map(|record| encode(&key(record)));
                return Ok(Page { items, marker });
            }
            if last {
                return Ok(Page { items, marker: None });
            }
        }
    }

    /// One page of items that are at hand in the order of their keys.
    pub(crate) fn slice<T>(&self, items: Vec<T>, key: impl Fn(&T) -> &str) -> Result<Page<T>> {
        let after = self.after()?.and_then(|parts| parts.into_iter().next());
        let fresh = |item: &T| after.as_deref().is_none_or(|after| key(item) > after);
        let mut items: Vec<T> = items.into_iter().filter(fresh).collect();
        let limit = self.limit();
        let more = items.len() > limit;
        items.truncate(limit);
        let marker = items.last().filter(|_| more).map(|item| encode(&[key(item)]));
        Ok(Page { items, marker })
    }
}

/// The marker of a key.
pub(crate) fn encode(key: &[&str]) -> String {
    let key = key.join("\n");
    URL_SAFE_NO_PAD.encode(format!("{}\n{key}", checksum(&key)))
}

/// FNV-1a of a key: against accidents, not against forgers, who would gain nothing.
fn checksum(key: &str) -> String {
    let sum =
        key.bytes().fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    format!("{sum:08x}")
}

#[cfg(test)]
mod tests {
    use super::Asked;

    #[test]
    fn pages_follow_one_another() {
        let all = || vec!["a", "b", "c", "d", "e"];
        let first = Asked { marker: None, max_items: Some(2) }.slice(all(), |item| item).unwrap();
        assert_eq!(first.items, ["a", "b"]);
        let next =
            Asked { marker: first.marker.as_deref(), max_items: Some(3) }.slice(all(), |item| item).unwrap();
        assert_eq!((next.items, next.marker), (vec!["c", "d", "e"], None));
        // The second and third are Base64: of a key without its checksum, and of somebody else's token.
        for foreign in ["*", "Yg", "eyJvIjogMX0", ""] {
            assert!(Asked { marker: Some(foreign), max_items: None }.slice(all(), |item| item).is_err());
        }
    }
}
