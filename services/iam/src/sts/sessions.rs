//! Making sessions, and sweeping those that ended.

use crate::state::{Session, SessionEnd, SessionPolicies, SessionSubject, access_key, shared};
use std::sync::Arc;
use yakumo_api_sts::Credentials;
use yakumo_aws::{AccountId, Error, Result, Timestamp};
use yakumo_room::store::{Range, Transaction};
use yakumo_room::{Ctx, Record, World};

/// How many ended sessions one transaction removes.
const SWEEP_BATCH: usize = 500;

/// What a new session is made of.
pub(crate) struct Wanted {
    pub account: AccountId,
    pub duration_s: i32,
    pub subject: SessionSubject,
    pub policies: Option<SessionPolicies>,
    /// The least length of the token that the caller asks for.
    pub token_size_bytes: Option<i32>,
}

/// The answer's `SessionTokenSize` and `SessionTokenUtilization` (per cent of the longest).
pub(crate) fn token_size(credentials: &Credentials) -> (Option<i32>, Option<i32>) {
    let bytes = credentials.session_token.len();
    let as_i32 = |number: usize| i32::try_from(number).ok();
    (as_i32(bytes), as_i32(bytes * 100 / access_key::TOKEN_BYTES_MAX))
}

/// Stores a new session and gives out its credentials.
pub(crate) async fn open(ctx: &Ctx, wanted: Wanted) -> Result<Credentials> {
    open_with(ctx, wanted, false).await
}

/// The same for an owner who gave a valid MFA code with this request (`second_factor`): the session carries it.
pub(crate) async fn open_with(ctx: &Ctx, wanted: Wanted, second_factor: bool) -> Result<Credentials> {
    let Wanted { account, duration_s, subject, policies, token_size_bytes } = wanted;
    let token_size_bytes = token_size_bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or_default();
    let ids = &ctx.base().ids;
    let issued = ctx.now();
    let session = Session {
        id: access_key::new_id("ASIA", account, ids),
        secret: access_key::new_secret(ids),
        token: access_key::new_token(ids, token_size_bytes),
        account,
        issued,
        expires: Timestamp::from_secs(issued.as_secs().saturating_add(i64::from(duration_s))),
        subject,
        policies,
        second_factor: second_factor.then_some(issued),
    };
    ctx.transact(|tx| {
        let session = &session;
        async move {
            let end = SessionEnd { id: session.id.clone(), expires: session.expires };
            tx.put(&shared(), &[&SessionEnd::sort_key(end.expires), &end.id], &end);
            tx.put(&shared(), &[&session.id], session);
            Ok(())
        }
    })
    .await?;
    Ok(Credentials {
        access_key_id: session.id,
        secret_access_key: session.secret,
        session_token: session.token,
        expiration: session.expires,
    })
}

/// Removes sessions that ended more than an hour ago: until then their owner is told that they expired.
pub(crate) async fn sweep(world: Arc<World>) -> Result<()> {
    let before = world.base.clock.now().plus_millis(-3_600_000);
    let scope = shared();
    let ended = Range::between(
        scope.record_key(SessionEnd::TABLE, &[]),
        scope.record_key(SessionEnd::TABLE, &[&SessionEnd::sort_key(before)]),
    );
    loop {
        let rows = world.base.store.scan(ended.clone(), SWEEP_BATCH).await?;
        let mut keys = Vec::new();
        for (key, value) in &rows {
            let end = SessionEnd::from_bytes(value).map_err(Error::internal)?;
            keys.extend([key.clone(), scope.record_key(Session::TABLE, &[&end.id])]);
        }
        let remove = |tx: Transaction| {
            keys.iter().cloned().for_each(|key| tx.delete(key));
            std::future::ready(Ok::<(), Error>(()))
        };
        world.base.store.transact(remove).await?;
        if rows.len() < SWEEP_BATCH {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SWEEP_BATCH, sweep};
    use crate::directory::Directory;
    use crate::state::{Session, SessionEnd, SessionSubject, shared};
    use std::sync::Arc;
    use yakumo_aws::{AccountId, Error, Timestamp};
    use yakumo_room::{Base, Clock, Ids, NoOrganizations, Record, World};
    use yakumo_store::{Config, Range, Store};

    async fn count<R: Record>(world: &World) -> usize {
        let range = Range::prefix(shared().record_key(R::TABLE, &[]));
        world.base.store.scan(range, 10_000).await.unwrap().len()
    }

    #[tokio::test]
    async fn ended_sessions_go_and_the_others_stay() {
        let store = Store::open(Config::memory()).await.unwrap();
        let base = Base::new(store, Clock::default(), Ids::new(None));
        let now = base.clock.now();
        let world =
            World::new(base.clone(), Arc::new(Directory::new(base)), Arc::new(NoOrganizations), Vec::new());
        let put = |id: String, expires: Timestamp| {
            let session = Session {
                id: id.clone(),
                secret: String::new(),
                token: String::new(),
                account: AccountId::DEFAULT,
                issued: now,
                expires,
                subject: SessionSubject::Root,
                policies: None,
                second_factor: None,
            };
            let end = SessionEnd { id: id.clone(), expires };
            let end_key = shared().record_key(SessionEnd::TABLE, &[&SessionEnd::sort_key(expires), &id]);
            let session_key = shared().record_key(Session::TABLE, &[&id]);
            world.base.store.transact(move |tx| {
                tx.put(end_key.clone(), end.to_bytes());
                tx.put(session_key.clone(), session.to_bytes());
                std::future::ready(Ok::<(), Error>(()))
            })
        };
        for number in 0..=SWEEP_BATCH {
            put(format!("ASIAOLD{number}"), now.plus_millis(-3_600_001)).await.unwrap();
        }
        put("ASIAENDED".into(), now.plus_millis(-60_000)).await.unwrap();
        put("ASIALIVE".into(), now.plus_millis(60_000)).await.unwrap();
        sweep(world.clone()).await.unwrap();
        assert_eq!((count::<Session>(&world).await, count::<SessionEnd>(&world).await), (2, 2));
    }
}
