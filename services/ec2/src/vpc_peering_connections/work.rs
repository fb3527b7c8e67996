//! What time does to peering connections: a request expires, and what has ended is forgotten.

use super::{State, VpcPeeringConnection, change_all};
use crate::commit::change;
use crate::nouns::{self, Home};
use crate::work;
use yakumo_aws::{Result, Timestamp};
use yakumo_room::Ctx;

const HOUR_MS: i64 = 3_600_000;

/// How long a connection in that state is still shown.
/// DIFFERS: AWS shows a deleted or rejected one for four hours to the owner who ended it and two to the other; here it
/// is two for both. <https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html#vpc-peering-lifecycle>
fn kept_ms(state: State) -> i64 {
    match state {
        State::Expired => 48 * HOUR_MS,
        _ => 2 * HOUR_MS,
    }
}

/// When something happens to it by itself; never to an active one.
fn due(peering: &VpcPeeringConnection) -> Option<Timestamp> {
    match peering.state {
        State::Active => None,
        State::PendingAcceptance => Some(peering.expires),
        state => Some(peering.ended.unwrap_or(peering.expires).plus_millis(kept_ms(state))),
    }
}

/// Does what is due for a connection, in the name of its requester.
pub(crate) async fn tend(ctx: &Ctx, id: &str) -> Result<()> {
    let (home, now) = (Home::of(ctx), ctx.now());
    let seen: Option<VpcPeeringConnection> = ctx.get(&home.scope(), &[id]).await?;
    let is_due = |at: Timestamp| at.as_millis() <= now.as_millis();
    if seen.is_some_and(|peering| due(&peering).is_some_and(|at| !is_due(at))) {
        return Ok(());
    }
    change(ctx, None, |tx| async move {
        let Some(peering) = tx.get::<VpcPeeringConnection>(&home.scope(), &[id]).await? else {
            work::is_done(&tx, id);
            return Ok(());
        };
        match due(&peering) {
            None => work::is_done(&tx, id),
            Some(at) if !is_due(at) => {}
            Some(at) if peering.state == State::PendingAcceptance => {
                change_all(&tx, &peering, |copy| {
                    copy.state = State::Expired;
                    copy.ended = Some(at);
                })
                .await?;
            }
            Some(_) => {
                for home in peering.homes() {
                    if let Some(copy) = tx.get::<VpcPeeringConnection>(&home.scope(), &[id]).await? {
                        nouns::delete(&tx, &copy);
                    }
                }
                work::is_done(&tx, id);
            }
        }
        Ok(())
    })
    .await
}
