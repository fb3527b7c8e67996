//! AWS Organizations: accounts in a tree, and the policies that bound them.
//!
//! Invariant: a change of a control policy, of where it hangs or of where an account stands acts on every request that
//! begins after the change was acknowledged.

mod access;
mod accounts;
mod attachments;
mod control;
mod creations;
mod delegations;
mod error;
mod features;
mod handshakes;
mod hierarchy;
mod invitations;
mod memberships;
mod organizations;
mod pages;
mod places;
mod policies;
mod realm;
mod reconcile;
mod resource_policies;
mod roots;
mod seats;
mod state;
mod table;
mod tag_policies;
mod tags;
mod trusted_services;
mod units;

use realm::Realm;
use std::sync::Arc;
use yakumo_room::store::StoreError;
use yakumo_room::{Base, Organizations, Room};

/// Reads what is stored and builds the room, and the seam through which every decision learns where accounts stand.
///
/// # Errors
/// When the store cannot be read or holds a record that is not one.
pub async fn room(base: &Arc<Base>) -> Result<(Room, Arc<dyn Organizations>), StoreError> {
    let realm = Arc::new(Realm::open(base).await?);
    let room = Room::new("organizations").state(realm.clone()).reconciler(reconcile::accounts(realm.clone()));
    Ok((table::operations(room), realm))
}
