//! Who used what last: noted in memory with each request, written by a reconciler and before anybody reads.
//!
//! Invariant: what is read here includes every request whose note was taken before. A note costs one look-up and one
//! lock; notes that no flush has written yet are lost with the process, as AWS's own come hours late.

use crate::state::last_use::{KeyUse, LastUse, PrincipalUse};
use crate::state::{AccessKey, home, shared};
use foldhash::fast::RandomState;
use futures_util::lock::Mutex as AsyncMutex;
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, HashMap};
use yakumo_aws::{AccountId, Error, Region, Result, Timestamp};
use yakumo_policy::PrincipalKind;
use yakumo_room::store::Transaction;
use yakumo_room::{Base, Credentials, Record, Tx};

/// How many credentials may wait for a flush; the uses of further ones are not noted until then.
const NOTED_MAX: usize = 50_000;
/// How many credentials one transaction writes.
const BATCH: usize = 200;
/// AWS: activity is reported for the trailing 400 days
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleLastUsed.html>).
const TRACKED_DAYS: i64 = 400;

type Notes = HashMap<String, Mutex<Note>, RandomState>;

/// What was noted since the last flush, by access key id.
#[derive(Default)]
pub(crate) struct LastUses {
    noted: RwLock<Notes>,
    /// One flush at a time: a second one waits until the first has written.
    flushing: AsyncMutex<()>,
}

/// The uses of one pair of credentials.
struct Note {
    account: AccountId,
    /// The user, role or root user behind the credentials.
    unique_id: String,
    /// Whether the access key has a record of its own: keys of sessions have none.
    long_term: bool,
    uses: Vec<(&'static str, Region, Timestamp)>,
}

impl Note {
    fn of(credentials: &Credentials) -> Option<Note> {
        let principal = &credentials.caller.principal;
        let unique_id = match principal.kind {
            PrincipalKind::Root | PrincipalKind::User => principal.user_id.as_str(),
            PrincipalKind::AssumedRole { .. } => principal.user_id.split(':').next()?,
            _ => return None,
        };
        let long_term = credentials.session_token.is_none() && credentials.access_key_id.starts_with("AKIA");
        let (account, unique_id) = (credentials.caller.account, unique_id.to_owned());
        Some(Note { account, unique_id, long_term, uses: Vec::new() })
    }

    fn add(&mut self, service: &'static str, region: Region, at: Timestamp) {
        match self.uses.iter_mut().find(|(known, ..)| *known == service) {
            Some(known) if known.2 > at => {}
            Some(known) => *known = (service, region, at),
            None => self.uses.push((service, region, at)),
        }
    }
}

impl LastUses {
    /// Notes one verified request.
    pub(crate) fn note(
        &self,
        credentials: &Credentials,
        service: &'static str,
        region: Region,
        at: Timestamp,
    ) {
        if let Some(note) = self.noted.read().get(&credentials.access_key_id) {
            return note.lock().add(service, region, at);
        }
        let Some(note) = Note::of(credentials) else { return };
        let mut noted = self.noted.write();
        if noted.len() < NOTED_MAX {
            let note = noted.entry(credentials.access_key_id.clone()).or_insert_with(|| Mutex::new(note));
            note.get_mut().add(service, region, at);
        }
    }

    /// Writes what was noted. What could not be written is noted again.
    pub(crate) async fn flush(&self, base: &Base) -> Result<()> {
        let _alone = self.flushing.lock().await;
        let taken = std::mem::take(&mut *self.noted.write());
        let mut left: Vec<(String, Note)> =
            taken.into_iter().map(|(id, note)| (id, note.into_inner())).collect();
        while !left.is_empty() {
            let batch = left.split_off(left.len().saturating_sub(BATCH));
            let batch_ref = &batch;
            let written = base.store.transact(|tx| async move { write(&tx, batch_ref).await }).await;
            if let Err(error) = written {
                self.put_back(left.into_iter().chain(batch));
                return Err(error);
            }
        }
        Ok(())
    }

    fn put_back(&self, notes: impl Iterator<Item = (String, Note)>) {
        let mut noted = self.noted.write();
        for (id, mut note) in notes {
            match noted.get_mut(&id) {
                Some(newer) => {
                    note.uses.into_iter().for_each(|(service, region, at)| {
                        newer.get_mut().add(service, region, at);
                    });
                }
                None => {
                    note.uses.shrink_to_fit();
                    noted.insert(id, Mutex::new(note));
                }
            }
        }
    }

    /// What a principal used within the time that AWS keeps; nothing when it used nothing.
    pub(crate) async fn of_principal(
        &self,
        base: &Base,
        account: AccountId,
        unique_id: &str,
    ) -> Result<Option<PrincipalUse>> {
        self.flush(base).await?;
        let known = read::<PrincipalUse>(base, &principal_key(account, unique_id)).await?;
        let oldest = oldest(base);
        Ok(known.map(|mut used| {
            used.services.retain(|_, last| last.at >= oldest);
            used
        }))
    }

    /// The last use of a long-term access key.
    pub(crate) async fn of_key(&self, base: &Base, id: &str) -> Result<Option<KeyUse>> {
        self.flush(base).await?;
        let known = read::<KeyUse>(base, &shared().record_key(KeyUse::TABLE, &[id])).await?;
        Ok(known.filter(|used| used.last.at >= oldest(base)))
    }
}

/// Removes what a user or role that is being deleted used.
pub(crate) fn forget_principal(tx: &Tx, account: AccountId, unique_id: &str) {
    tx.delete::<PrincipalUse>(&home(account), &[unique_id]);
}

/// Removes the last use of an access key that is being deleted.
pub(crate) fn forget_key(tx: &Tx, id: &str) {
    tx.delete::<KeyUse>(&shared(), &[id]);
}

fn oldest(base: &Base) -> Timestamp {
    base.clock.now().plus_millis(-TRACKED_DAYS * 86_400_000)
}

fn principal_key(account: AccountId, unique_id: &str) -> Vec<u8> {
    home(account).record_key(PrincipalUse::TABLE, &[unique_id]).to_vec()
}

async fn read<R: Record>(base: &Base, key: &[u8]) -> Result<Option<R>> {
    let bytes = base.store.get(key).await?;
    bytes.map(|bytes| R::from_bytes(&bytes).map_err(Error::internal)).transpose()
}

async fn read_in<R: Record>(tx: &Transaction, key: &[u8]) -> Result<Option<R>> {
    let bytes = tx.get(key).await?;
    bytes.map(|bytes| R::from_bytes(&bytes).map_err(Error::internal)).transpose()
}

async fn write(tx: &Transaction, notes: &[(String, Note)]) -> Result<()> {
    let mut principals: BTreeMap<(AccountId, &str), Vec<&Note>> = BTreeMap::new();
    for (id, note) in notes {
        principals.entry((note.account, &note.unique_id)).or_default().push(note);
        if note.long_term {
            write_key(tx, id, note).await?;
        }
    }
    for ((account, unique_id), notes) in principals {
        let key = principal_key(account, unique_id);
        let known = read_in::<PrincipalUse>(tx, &key).await?;
        let mut used = known.unwrap_or_else(|| PrincipalUse {
            account,
            unique_id: unique_id.to_owned(),
            services: BTreeMap::new(),
        });
        for (service, region, at) in notes.into_iter().flat_map(|note| &note.uses) {
            used.note(service, LastUse { at: *at, region: region.as_str().to_owned() });
        }
        tx.put(key, used.to_bytes());
    }
    Ok(())
}

/// The last use of a key that still exists: one that was deleted since is forgotten.
async fn write_key(tx: &Transaction, id: &str, note: &Note) -> Result<()> {
    let Some((service, region, at)) = note.uses.iter().max_by_key(|(_, _, at)| *at) else { return Ok(()) };
    let exists = tx.get(&shared().record_key(AccessKey::TABLE, &[id])).await?.is_some();
    let key = shared().record_key(KeyUse::TABLE, &[id]);
    let known = read_in::<KeyUse>(tx, &key).await?;
    if exists && known.is_none_or(|known| known.last.at <= *at) {
        let last = LastUse { at: *at, region: region.as_str().to_owned() };
        let used = KeyUse { id: id.to_owned(), service: (*service).to_owned(), last };
        tx.put(key, used.to_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{LastUses, NOTED_MAX};
    use crate::state::{AccessKey, shared};
    use std::sync::Arc;
    use yakumo_aws::{AccountId, Error, Region, Timestamp};
    use yakumo_policy::Principal;
    use yakumo_room::{Base, Caller, Clock, Credentials, Ids, Record, Secret};
    use yakumo_store::{Config, Store};

    async fn base() -> Arc<Base> {
        Base::new(Store::open(Config::memory()).await.unwrap(), Clock::default(), Ids::new(None))
    }

    fn credentials(id: &str, principal: Principal) -> Credentials {
        Credentials {
            access_key_id: id.to_owned(),
            secret: Secret::new("s"),
            session_token: id.starts_with("ASIA").then(|| "t".to_owned()),
            active: true,
            expires: None,
            caller: Arc::new(Caller::new(principal, AccountId::DEFAULT)),
        }
    }

    fn alice() -> Principal {
        Principal::user(AccountId::DEFAULT, "arn:aws:iam::000000000000:user/alice", "AIDAALICE")
    }

    async fn put_key(base: &Base, id: &str) {
        let key = AccessKey {
            id: id.to_owned(),
            secret: "s".into(),
            account: AccountId::DEFAULT,
            user: Some("alice".into()),
            active: true,
            created: base.clock.now(),
        };
        let put = |tx: yakumo_room::store::Transaction| {
            tx.put(shared().record_key(AccessKey::TABLE, &[id]), key.to_bytes());
            std::future::ready(Ok::<(), Error>(()))
        };
        base.store.transact(put).await.unwrap();
    }

    #[tokio::test]
    async fn keys_and_sessions_of_a_user_are_its_use_and_a_deleted_key_has_none() {
        let (base, uses) = (base().await, LastUses::default());
        let now = base.clock.now();
        put_key(&base, "AKIALIVE").await;
        uses.note(&credentials("AKIALIVE", alice()), "sqs", Region::US_EAST_1, now.plus_millis(-2_000));
        uses.note(&credentials("AKIALIVE", alice()), "iam", Region::US_EAST_1, now.plus_millis(-1_000));
        uses.note(&credentials("AKIAGONE", alice()), "sqs", Region::US_EAST_1, now);
        uses.note(&credentials("ASIASESSION", alice()), "sts", Region::US_EAST_1, now);
        let used = uses.of_principal(&base, AccountId::DEFAULT, "AIDAALICE").await.unwrap().unwrap();
        assert_eq!(used.services.keys().collect::<Vec<_>>(), ["iam", "sqs", "sts"]);
        assert_eq!(used.services.get("sqs").map(|last| last.at), Some(now));
        let key = uses.of_key(&base, "AKIALIVE").await.unwrap().unwrap();
        assert_eq!((key.service.as_str(), key.last.at), ("iam", now.plus_millis(-1_000)));
        assert!(uses.of_key(&base, "AKIAGONE").await.unwrap().is_none());
        assert!(uses.of_key(&base, "ASIASESSION").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_is_older_than_aws_keeps_is_not_told() {
        let (base, uses) = (base().await, LastUses::default());
        let long_ago = base.clock.now().plus_millis(-401 * 86_400_000);
        uses.note(&credentials("AKIALIVE", alice()), "sqs", Region::US_EAST_1, long_ago);
        let used = uses.of_principal(&base, AccountId::DEFAULT, "AIDAALICE").await.unwrap().unwrap();
        assert!(used.services.is_empty());
    }

    #[tokio::test]
    async fn notes_are_bounded_and_a_flush_makes_room() {
        let (base, uses) = (base().await, LastUses::default());
        let note = |number: usize| {
            let session =
                Principal::assumed_role("aws", AccountId::DEFAULT, "arn:aws:iam::0:role/r", "AROAR", "s");
            let id = format!("ASIA{number}");
            uses.note(&credentials(&id, session), "sqs", Region::US_EAST_1, Timestamp::from_secs(1));
        };
        (0..NOTED_MAX + 10).for_each(note);
        assert_eq!(uses.noted.read().len(), NOTED_MAX);
        uses.flush(&base).await.unwrap();
        assert!(uses.noted.read().is_empty());
        note(1);
        assert_eq!(uses.noted.read().len(), 1);
        uses.note(
            &credentials("ASIAX", Principal::anonymous()),
            "sqs",
            Region::US_EAST_1,
            Timestamp::from_secs(1),
        );
        assert_eq!(uses.noted.read().len(), 1, "nobody is not noted");
    }
}
