//! How a request changes things: in one transaction, unless it is a dry run; then the network is told.
//!
//! Invariant: a dry run passes every check that the real request would, and changes nothing.

use crate::{error, network};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Tx};

/// Does `work` atomically. With `dry_run`, its checks are made and nothing is kept: the answer is DryRunOperation.
pub(crate) async fn change<T, F, R>(ctx: &Ctx, dry_run: Option<bool>, work: F) -> Result<T>
where
    F: Fn(Tx) -> R,
    R: Future<Output = Result<T>>,
{
    let done = ctx
        .transact(|tx| {
            let working = work(tx);
            async move {
                let done = working.await?;
                only_if(dry_run)?;
                Ok(done)
            }
        })
        .await?;
    ctx.base().nudge(network::RECONCILER);
    Ok(done)
}

/// Ends a dry run of a request that reads.
pub(crate) fn only_if(dry_run: Option<bool>) -> Result<()> {
    match dry_run {
        Some(true) => Err(error::dry_run_operation()),
        _ => Ok(()),
    }
}

/// Refuses by name what the model knows and this room does not do: pairs of the member's name and whether it was given.
pub(crate) fn refuse(members: &[(&str, bool)]) -> Result<()> {
    match members.iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) => Err(error::not_implemented(&format!("the parameter {name}"))),
        None => Ok(()),
    }
}
