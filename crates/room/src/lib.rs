//! What a room may touch: the context of a request, records, access rules, background work.
//!
//! Invariant: a room reaches the world only through what is exported here; it knows no HTTP, no other room, no host.

mod access;
mod audit;
mod authorise;
mod authorization_message;
mod base;
mod beside;
mod call;
mod caller;
mod certificate;
mod clock;
mod ctx;
mod endpoints;
mod hindsight;
mod ids;
mod keys;
mod metadata;
mod operation;
mod organizations;
mod outside;
mod pins;
mod reconciler;
mod record;
mod resource;
mod room;
mod scope;
mod tag_policy;
mod tx;
mod witness;
mod world;

pub use access::{Access, Actions, Need, Shown};
pub use audit::{Audit, Audited, Finding, Remedy, Walk};
pub use authorise::Decided;
pub use base::{Authority, Base};
pub use beside::{Beside, Errand, Identify, Proof, Reply};
pub use call::Background;
pub use caller::{
    Caller, Credentials, InstanceProfile, Principals, Secret, Use, root_credentials, static_root_credentials,
};
pub use certificate::{Certificate, KeyKind, rsa_numbers, thumbprint};
pub use clock::{Clock, ClockError, Course, RATE_MAX, host_now};
pub use ctx::{Ctx, Facts, Signed, SignedIn};
pub use endpoints::{Endpoint, Endpoints, Through};
pub use hindsight::Consulted;
pub use ids::{Ids, uuid_text};
pub use keys::Keys;
pub use metadata::{Guest, Metadata};
pub use operation::{Input, Output, Registered};
pub use organizations::{NoOrganizations, Organizations, Place};
pub use outside::{Ask, Nowhere, Outside, OutsideError};
pub use pins::Pins;
pub use reconciler::Reconciler;
pub use record::{Record, RecordError};
pub use resource::Resource;
pub use room::Room;
pub use scope::Scope;
pub use tag_policy::{TagPolicy, TagRule, Tagged};
pub use tx::Tx;
pub use witness::{Finished, Witness};
pub use world::{Visit, World};
pub use yakumo_wire::model::Service;
pub use yakumo_wire::{Addressed, ByteStream, Head, http_date};

/// What rooms with a data plane of their own write with: batches under their own locks.
pub mod store {
    pub use yakumo_store::key::{KeyBuilder, KeyReader};
    pub use yakumo_store::{Batch, Change, Order, Pair, Range, StoreError, Ticket, Transaction};
    pub use yakumo_store::{BlobId, BlobReader, BlobWriter, PendingBlob, SMALL_BODY_BYTES};
}
