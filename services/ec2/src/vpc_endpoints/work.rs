//! What happens to an endpoint after the answer: it comes up, it goes down.

use super::{State, VpcEndpoint, keeper, parts};
use crate::commit::change;
use crate::nouns::{self, Home};
use crate::work;
use yakumo_aws::Result;
use yakumo_room::Ctx;

/// Does what is due for an endpoint.
pub(crate) async fn tend(ctx: &Ctx, id: &str) -> Result<()> {
    let home = Home::of(ctx);
    change(ctx, None, |tx| async move {
        work::is_done(&tx, id);
        let Some(before) = tx.get::<VpcEndpoint>(&home.scope(), &[id]).await? else { return Ok(()) };
        match before.state {
            State::Available => {}
            State::Pending => {
                let after = VpcEndpoint { state: State::Available, ..before.clone() };
                nouns::put(&tx, Some(&before), &after);
            }
            State::Deleting => {
                for place in &before.places {
                    parts::remove(&tx, home, place).await?;
                }
                keeper::gone(&tx, id);
                nouns::delete(&tx, &before);
            }
        }
        Ok(())
    })
    .await
}
