//! GetAccessKeyLastUsed: what the directory noted of a key's requests.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html>

use crate::access::{Keys, Target, need};
use crate::directory::Directory;
use crate::error;
use crate::state::{AccessKey, User, home, shared};
use futures_util::future::BoxFuture;
use yakumo_api_iam::{AccessKeyLastUsed as Shown, GetAccessKeyLastUsedInput, GetAccessKeyLastUsedOutput};
use yakumo_aws::Result;
use yakumo_room::{Access, Ctx, Need};

const ACTION: &str = "iam:GetAccessKeyLastUsed";

async fn find(ctx: &Ctx, id: &str) -> Result<Option<AccessKey>> {
    let key = ctx.get::<AccessKey>(&shared(), &[id]).await?;
    Ok(key.filter(|key| key.account == ctx.account()))
}

/// The action is about the key's user. A key that is not there, or is another account's, is about the root user, so
/// that both look the same from outside.
pub(crate) fn rule() -> Access<GetAccessKeyLastUsedInput> {
    Access::needs(
        [ACTION],
        |ctx: &Ctx, input: &GetAccessKeyLastUsedInput| -> BoxFuture<'_, Result<Vec<Need>>> {
            Box::pin(async move {
                let user = find(ctx, &input.access_key_id).await?.and_then(|key| key.user);
                let mut need = match user {
                    Some(folded) => need(ctx, ACTION, Target::User(folded), Keys::new()).await?,
                    None => Need::new(ACTION, format!("arn:aws:iam::{}:root", ctx.account()), ctx.account()),
                };
                need = need.shown_as(format!("access key {}", input.access_key_id));
                Ok(vec![need])
            })
        },
    )
}

pub(crate) async fn get_access_key_last_used(
    ctx: Ctx,
    input: GetAccessKeyLastUsedInput,
) -> Result<GetAccessKeyLastUsedOutput> {
    let id = &input.access_key_id;
    let Some(key) = find(&ctx, id).await? else {
        // AWS: nobody learns whether a key exists elsewhere.
        let who = &ctx.caller().principal.arn;
        let text = format!("User: {who} is not authorized to perform: {ACTION} on resource: access key {id}");
        return Err(error::denied(text));
    };
    let user_name = match &key.user {
        Some(folded) => ctx.get::<User>(&home(key.account), &[folded]).await?.map(|user| user.name),
        None => None,
    };
    let last = ctx.state::<Directory>().last_uses.of_key(ctx.base(), id).await?;
    let none = || "N/A".to_owned();
    let access_key_last_used = Some(Shown {
        last_used_date: last.as_ref().map(|used| used.last.at),
        service_name: last.as_ref().map_or_else(none, |used| used.service.clone()),
        region: last.map_or_else(none, |used| used.last.region),
    });
    Ok(GetAccessKeyLastUsedOutput { user_name, access_key_last_used })
}
