//! What S3 answers beside its operations: preflights, forms and pages of browsers. And what it adds to the answers of its operations.

use crate::access_points;
use crate::cors;
use crate::directories::sessions;
use crate::forms;
use crate::misplaced;
use crate::payments;
use crate::registry::{Open, Registry};
use crate::selectors;
use crate::websites;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use yakumo_aws::{Error, Region, Result};
use yakumo_room::{Addressed, Beside, ByteStream, Caller, Credentials, Errand, Head, Reply, Service, World};

/// The room's side door.
pub struct Door {
    registry: Arc<Registry>,
}

impl Door {
    /// A door that knows the buckets.
    pub fn new(registry: Arc<Registry>) -> Arc<Door> {
        Arc::new(Door { registry })
    }

    /// AWS: an endpoint of S3 is in a region. Here one address is all endpoints; where the host names none, a request is
    /// where its bucket is.
    pub async fn region_of(&self, head: &Head<'_>) -> Result<Region> {
        if let Some(region) = host_region(head.host) {
            return Ok(region);
        }
        let open = self.meant(head).await?;
        Ok(open.map_or(Region::US_EAST_1, |open| open.record.region))
    }

    /// The bucket that a request is to, by its own name or by an access point's: there is no other place for rules of
    /// browsers, and no other region.
    async fn meant(&self, head: &Head<'_>) -> Result<Option<Arc<Open>>> {
        if let Some(open) = self.bucket(head.path).await? {
            return Ok(Some(open));
        }
        let point = access_points::behind(&self.registry, host_region(head.host), first(head.path)).await?;
        match point {
            Some(point) => {
                let open = self.bucket(&point.bucket).await?;
                Ok(open.filter(|open| open.record.id == point.bucket_id))
            }
            None => Ok(None),
        }
    }

    /// The bucket that a path begins with.
    pub async fn bucket(&self, path: &str) -> Result<Option<Arc<Open>>> {
        let name = first(path);
        if name.is_empty() {
            return Ok(None);
        }
        match self.registry.bucket(name).await {
            Ok(open) => Ok(Some(open)),
            Err(error) if error.code == "NoSuchBucket" => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The first element of a path.
fn first(path: &str) -> &str {
    path.trim_start_matches('/').split('/').next().unwrap_or_default()
}

/// The region that a host names: `s3.eu-west-1.amazonaws.com`, `bucket.s3-eu-west-1.amazonaws.com`.
pub fn host_region(host: &str) -> Option<Region> {
    let mut labels = host.rsplit('.');
    labels.find_map(|label| Region::parse(label.strip_prefix("s3-").unwrap_or(label)))
}

impl Beside for Door {
    fn hosts(&self, host: &str) -> bool {
        websites::serve::named(host).is_some()
    }

    fn takes(&self, head: &Head<'_>) -> bool {
        head.method == "OPTIONS" || forms::is_form(head)
    }

    fn elsewhere(&self, head: &Head<'_>, service: &'static Service) -> Option<String> {
        selectors::elsewhere(head, service)
    }

    fn unknown(&self, head: &Head<'_>, service: &'static Service) -> Option<Error> {
        Some(selectors::unknown(head, service))
    }

    fn refused(&self, head: &Head<'_>, addressed: &Addressed) -> Option<Error> {
        selectors::refused(head, addressed).or_else(|| misplaced::refused(head, addressed))
    }

    fn answer<'a>(&'a self, errand: &'a Errand<'a>, body: ByteStream) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            let head = &errand.head;
            if self.hosts(head.host) {
                return websites::serve::answer(self, errand).await;
            }
            if head.method == "OPTIONS" {
                let open = self.meant(head).await?;
                return cors::preflight(head, open.as_ref().map(|open| open.record.cors.as_slice()));
            }
            forms::answer(self, errand, body).await
        })
    }

    fn region<'a>(&'a self, head: Head<'a>) -> BoxFuture<'a, Result<Region>> {
        Box::pin(async move { self.region_of(&head).await })
    }

    fn session<'a>(
        &'a self,
        world: &'a World,
        operation: &'a str,
        access_key_id: &'a str,
        token: &'a str,
    ) -> BoxFuture<'a, Result<Option<Arc<Credentials>>>> {
        Box::pin(sessions::credentials(world, &self.registry, operation, access_key_id, token))
    }

    fn headers<'a>(
        &'a self,
        head: Head<'a>,
        caller: Option<&'a Caller>,
        status: u16,
    ) -> BoxFuture<'a, Vec<(&'static str, String)>> {
        // AWS: who is in the wrong region, or not let in, is told where the bucket is:
        // <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html>
        let tells_region = matches!(status, 301 | 400 | 403);
        let payer = caller.filter(|_| status < 400 && payments::says_so(&head));
        let is_told_more = tells_region || payer.is_some() || head.header("origin").is_some();
        if !is_told_more || self.hosts(head.host) {
            return Box::pin(std::future::ready(Vec::new()));
        }
        Box::pin(async move {
            let Ok(Some(open)) = self.meant(&head).await else { return Vec::new() };
            let mut headers = match head.method == "OPTIONS" {
                true => Vec::new(),
                false => cors::headers(&head, &open.record.cors),
            };
            headers.extend(payer.and_then(|caller| payments::charged(caller, &open.record)));
            if tells_region {
                headers.push(("x-amz-bucket-region", open.record.region.to_string()));
            }
            headers
        })
    }
}
