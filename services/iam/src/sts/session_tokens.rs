//! GetSessionToken: temporary credentials of a user or the root user, with the same rights.
//! AWS: <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>

use crate::error;
use crate::mfa_devices;
use crate::state::{SessionSubject, fold};
use crate::sts::sessions::{self, Wanted};
use yakumo_api_sts::{GetSessionTokenInput, GetSessionTokenOutput};
use yakumo_aws::Result;
use yakumo_policy::PrincipalKind;
use yakumo_room::Ctx;

/// Twelve hours.
const DEFAULT_S: i32 = 43_200;
/// AWS: sessions of root users end after an hour, whatever is asked.
const ROOT_MAX_S: i32 = 3_600;

pub(crate) async fn get_session_token(
    ctx: Ctx,
    input: GetSessionTokenInput,
) -> Result<GetSessionTokenOutput> {
    let principal = &ctx.caller().principal;
    let temporary = principal.keys.get("aws:TokenIssueTime").is_some();
    let asked_s = input.duration_seconds.unwrap_or(DEFAULT_S);
    let (subject, duration_s) = match principal.kind {
        _ if temporary => return Err(error::denied("Cannot call GetSessionToken with session credentials")),
        PrincipalKind::Root => (SessionSubject::Root, asked_s.min(ROOT_MAX_S)),
        PrincipalKind::User => {
            let name = principal.arn.rsplit('/').next().unwrap_or_default();
            let subject = SessionSubject::User { folded: fold(name), unique_id: principal.user_id.clone() };
            (subject, asked_s)
        }
        _ => return Err(error::denied("Cannot call GetSessionToken with session credentials")),
    };
    let (serial, code) = (input.serial_number.as_deref(), input.token_code.as_deref());
    let second_factor = mfa_devices::verify(&ctx, serial, code).await?;
    let wanted = Wanted {
        account: ctx.account(),
        duration_s,
        subject,
        policies: None,
        token_size_bytes: input.minimum_session_token_size,
    };
    let credentials = sessions::open_with(&ctx, wanted, second_factor).await?;
    let (session_token_size, session_token_utilization) = sessions::token_size(&credentials);
    Ok(GetSessionTokenOutput {
        credentials: Some(credentials),
        session_token_size,
        session_token_utilization,
    })
}
