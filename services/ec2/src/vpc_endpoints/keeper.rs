//! Endpoints as requests that come through them see them: the seam to the front door.
//!
//! Invariant: the policy is the one of the record as last committed; what is remembered of it is its compiled form alone.

use super::{State, VpcEndpoint, policy, service};
use crate::nouns::Home;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use yakumo_aws::{Error, Result};
use yakumo_policy::{Attached, Document, PolicyKind};
use yakumo_room::{Base, Endpoint, Endpoints, Record, Resource, Scope, Tx};

/// Compiled policies that are remembered at once.
const COMPILED_MAX: usize = 1_024;

/// Where an endpoint of any account is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Whereabouts {
    home: Home,
}

impl Record for Whereabouts {
    const TABLE: &'static str = "vpc-endpoint-homes";
}

fn shared() -> Scope {
    Scope { account: None, region: None, service: "ec2" }
}

/// Notes where a new endpoint is.
pub(super) fn arrived(tx: &Tx, endpoint: &VpcEndpoint) {
    tx.put(&shared(), &[&endpoint.id], &Whereabouts { home: endpoint.home });
}

/// Forgets it.
pub(super) fn gone(tx: &Tx, id: &str) {
    tx.delete::<Whereabouts>(&shared(), &[id]);
}

/// Keeps endpoints for the front door.
pub(crate) struct Keeper {
    base: Arc<Base>,
    compiled: Mutex<HashMap<String, (String, Arc<Document>)>>,
}

impl Keeper {
    /// Over a cloud's ground.
    pub(crate) fn new(base: Arc<Base>) -> Keeper {
        Keeper { base, compiled: Mutex::default() }
    }

    async fn read<R: Record>(&self, scope: &Scope, id: &str) -> Result<Option<R>> {
        let bytes = self.base.store.get(&scope.record_key(R::TABLE, &[id])).await?;
        bytes.map(|bytes| R::from_bytes(&bytes).map_err(Error::internal)).transpose()
    }

    fn document(&self, endpoint: &VpcEndpoint) -> Result<Arc<Document>> {
        let text = policy::of(endpoint);
        if let Some((known, document)) = self.compiled.lock().get(&endpoint.id)
            && known == text
        {
            return Ok(document.clone());
        }
        let document = Document::parse(text, PolicyKind::VpcEndpoint).map_err(Error::internal)?;
        let document = Arc::new(document);
        let mut compiled = self.compiled.lock();
        if compiled.len() >= COMPILED_MAX {
            compiled.clear();
        }
        compiled.insert(endpoint.id.clone(), (text.to_owned(), document.clone()));
        Ok(document)
    }
}

impl Endpoints for Keeper {
    fn endpoint<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Endpoint>>>> {
        Box::pin(async move {
            let Some(place) = self.read::<Whereabouts>(&shared(), id).await? else { return Ok(None) };
            let found = self.read::<VpcEndpoint>(&place.home.scope(), id).await?;
            let Some(endpoint) = found.filter(|endpoint| endpoint.state == State::Available) else {
                return Ok(None);
            };
            let region = endpoint.home.region;
            let Some(service) = service(&endpoint.service, region) else { return Ok(None) };
            let document = self.document(&endpoint)?;
            let policy = Attached { id: endpoint.id.clone(), holder: endpoint.arn(), document };
            let (vpc, signing_name) = (endpoint.vpc, service.signing.to_owned());
            Ok(Some(Arc::new(Endpoint { id: endpoint.id, vpc, region, signing_name, policy })))
        })
    }
}
