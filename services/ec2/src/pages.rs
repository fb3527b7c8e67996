//! Pages of Describe operations: ids, filters, MaxResults, NextToken.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html#api-pagination>

use crate::commit::only_if;
use crate::error;
use crate::filters::{Filtered, Filters};
use crate::nouns::{ALL, Home, Noun};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::collections::BTreeMap;
use yakumo_api_ec2::Filter;
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// The most entries of one answer.
const LIMIT: usize = 1_000;

/// One page of a list, and the token of the rest.
pub(crate) struct Page<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Where to go on.
    pub next_token: Option<String>,
}

/// Which page of a list a request wants.
pub(crate) struct Wanted<'a> {
    /// MaxResults; the model has checked its bounds where it has some.
    pub max_results: Option<i32>,
    /// NextToken.
    pub next_token: Option<&'a str>,
    /// DryRun.
    pub dry_run: Option<bool>,
}

impl Wanted<'_> {
    /// Cuts the page out of a list that is sorted by `key`. The dry run ends here.
    pub(crate) fn cut<T>(&self, list: Vec<T>, key: impl Fn(&T) -> String) -> Result<Page<T>> {
        let limit = self.limit()?;
        self.cut_to(list, key, limit)
    }

    /// The same where a page has at least one and at most `max` entries.
    pub(crate) fn cut_at<T>(&self, list: Vec<T>, key: impl Fn(&T) -> String, max: usize) -> Result<Page<T>> {
        let limit = match self.max_results {
            None => max,
            Some(wanted) => match usize::try_from(wanted) {
                Ok(wanted) if (1..=max).contains(&wanted) => wanted,
                _ => {
                    let text = format!(
                        "Value ( {wanted} ) for parameter maxResults is invalid. Expecting a value between 1 and {max}."
                    );
                    return Err(error::invalid_parameter_value(text));
                }
            },
        };
        self.cut_to(list, key, limit)
    }

    fn cut_to<T>(&self, list: Vec<T>, key: impl Fn(&T) -> String, limit: usize) -> Result<Page<T>> {
        let after = match self.next_token.filter(|token| !token.is_empty()) {
            None => None,
            Some(token) => {
                let bytes = URL_SAFE_NO_PAD.decode(token).ok();
                let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
                Some(text.ok_or_else(error::invalid_pagination_token)?)
            }
        };
        only_if(self.dry_run)?;
        let mut rest = list.into_iter().filter(|item| after.as_ref().is_none_or(|after| key(item) > *after));
        let items: Vec<T> = rest.by_ref().take(limit).collect();
        let has_more = rest.next().is_some();
        let next_token = items.last().filter(|_| has_more).map(|last| URL_SAFE_NO_PAD.encode(key(last)));
        Ok(Page { items, next_token })
    }

    fn limit(&self) -> Result<usize> {
        match self.max_results {
            None => Ok(LIMIT),
            Some(wanted) => match usize::try_from(wanted) {
                Ok(wanted) if wanted >= 5 => Ok(wanted.min(LIMIT)),
                _ => {
                    let text = format!(
                        "Value ( {wanted} ) for parameter maxResults is invalid. Expecting a value greater than 5."
                    );
                    Err(error::invalid_parameter_value(text))
                }
            },
        }
    }

    /// AWS: who names ids cannot ask for pages.
    pub(crate) fn without_ids(&self, ids: Option<&Vec<String>>, name: &str) -> Result<()> {
        match (ids, self.max_results) {
            (Some(ids), Some(_)) if !ids.is_empty() => Err(error::not_together(name, "maxResults")),
            _ => Ok(()),
        }
    }
}

/// The resources of a kind by id, through filters, page by page, each as `see` shows it to the filters. The ids come
/// with what AWS calls them: `vpcIds`.
pub(crate) async fn describe<N: Noun, T: Filtered>(
    ctx: &Ctx,
    ids: (Option<&Vec<String>>, &str),
    filters: Option<&Vec<Filter>>,
    wanted: Wanted<'_>,
    see: impl Fn(N) -> T,
) -> Result<Page<T>> {
    let filters = Filters::of::<T>(filters)?;
    wanted.without_ids(ids.0, ids.1)?;
    let found = by_ids::<N>(ctx, ids.0).await?.into_iter();
    let seen = found.map(|noun| (Noun::id(&noun).to_owned(), see(noun)));
    let passed: Vec<(String, T)> = seen.filter(|(_, thing)| filters.pass(thing)).collect();
    let page = wanted.cut(passed, |(id, _)| id.clone())?;
    Ok(Page { items: page.items.into_iter().map(|(_, thing)| thing).collect(), next_token: page.next_token })
}

/// The resources of a kind with these ids, in their order; all when none are named.
///
/// # Errors
/// In the words of the kind for the first id that is not there.
pub(crate) async fn by_ids<N: Noun>(ctx: &Ctx, ids: Option<&Vec<String>>) -> Result<Vec<N>> {
    let ids = ids.map(Vec::as_slice).unwrap_or_default();
    for id in ids {
        N::check_id(id)?;
    }
    let all: Vec<N> = ctx.list(&Home::of(ctx).scope(), &[], None, ALL).await?;
    if ids.is_empty() {
        return Ok(all);
    }
    let mut known: BTreeMap<String, N> =
        all.into_iter().map(|noun| (Noun::id(&noun).to_owned(), noun)).collect();
    let mut found = Vec::new();
    let mut absent = Vec::new();
    for id in std::collections::BTreeSet::from_iter(ids) {
        match known.remove(id) {
            Some(noun) => found.push(noun),
            None => absent.push(id.as_str()),
        }
    }
    match absent.as_slice() {
        [] => Ok(found),
        absent => Err(N::none_found(absent)),
    }
}

#[cfg(test)]
mod tests {
    use super::Wanted;

    fn wanted(max_results: Option<i32>, next_token: Option<&str>) -> Wanted<'_> {
        Wanted { max_results, next_token, dry_run: None }
    }

    #[test]
    fn pages_follow_each_other_and_end() {
        let list: Vec<String> = (10..23).map(|n| n.to_string()).collect();
        let (mut token, mut seen, mut pages) = (None, Vec::new(), 0);
        loop {
            let page = wanted(Some(5), token.as_deref()).cut(list.clone(), String::clone).unwrap();
            seen.extend(page.items);
            pages += 1;
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        assert_eq!((seen, pages), (list, 3));
    }

    #[test]
    fn bounds_tokens_and_dry_runs_are_checked() {
        let cut = |wanted: Wanted<'_>| wanted.cut(vec![String::new()], String::clone).err().unwrap();
        assert_eq!(cut(wanted(Some(4), None)).code, "InvalidParameterValue");
        assert_eq!(cut(wanted(None, Some("*"))).code, "InvalidPaginationToken");
        assert_eq!(cut(Wanted { dry_run: Some(true), ..wanted(None, None) }).code, "DryRunOperation");
    }
}
