//! Making sessions, and sweeping those that ended.

use crate::state::{Session, SessionEnd, SessionPolicies, SessionSubject, access_key, shared};
use std::sync::Arc;
use yakumo_api_sts::Credentials;
use yakumo_aws::{AccountId, Error, Result, Timestamp};
use yakumo_room::store::Range;
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
    loop {
        let range = Range::between(
            scope.record_key(SessionEnd::TABLE, &[]),
            scope.record_key(SessionEnd::TABLE, &[&SessionEnd::sort_key(before)]),
        );
        let ended = world.base.store.scan(range, SWEEP_BATCH).await?;
        for (key, value) in &ended {
            let end = SessionEnd::from_bytes(value).map_err(Error::internal)?;
            world
                .base
                .store
                .transact(|tx| {
                    let (key, session) = (key.clone(), scope.record_key(Session::TABLE, &[&end.id]));
                    async move {
                        tx.delete(key);
                        tx.delete(session);
                        Ok::<(), Error>(())
                    }
                })
                .await?;
        }
        if ended.len() < SWEEP_BATCH {
            return Ok(());
        }
    }
}
