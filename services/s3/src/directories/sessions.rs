//! CreateSession, and who comes with what it gave out.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateSession.html>
//!
//! Invariant: nothing is kept of a session. Its token holds all that is known of it, sealed under the cloud's key.

use crate::access::{bucket, need};
use crate::directories::access::{READ_ONLY, READ_WRITE, SESSION, is_regional, is_zonal, session};
use crate::directories::zones;
use crate::directories::{is_meant, not_taken};
use crate::error;
use crate::registry::{Open, Registry};
use crate::sealing::Wrapper;
use crate::state::directory::zone_in;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;
use yakumo_api_s3 as api;
use yakumo_aws::{AccountId, Error, Result, Timestamp};
use yakumo_policy::{Attached, Document, PolicyKind, Principal, PrincipalKind};
use yakumo_room::{Access, Caller, Credentials, Ctx, Need, Resource, Secret, World};

/// AWS: five minutes.
const LIFE_S: i64 = 300;
const CREATE: &str = "s3express:CreateBucket";
const SECRET_BYTES: usize = 30;
/// What tokens are sealed for.
const PURPOSE: &[u8] = b"s3 session";

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Session {
    key: String,
    secret: String,
    /// The bucket's ARN and id: a later bucket of that name is not meant.
    bucket: String,
    /// Empty for a bucket that was not there.
    bucket_id: String,
    mode: String,
    ends: Timestamp,
    account: AccountId,
    arn: String,
    user_id: String,
    /// Whether who opened it had all the rights of its name, and no others.
    plain: bool,
}

/// The rule of CreateSession.
pub fn access() -> Access<api::CreateSessionInput> {
    let why = "without a mode the session may do as much as the policies allow, which is asked step by step";
    Access::inside([SESSION, CREATE, "s3:ListBucket"], why)
}

/// DIFFERS: SDKs that are told an endpoint sign all requests about a directory bucket with a session, and so open one for
/// the bucket that is to be made. Who may make it gets one, and is asked for their own rights whenever they come with it.
fn of_absent(ctx: &Ctx, name: &str, error: Error) -> Result<Session> {
    let (partition, region, account) = (ctx.region().partition().as_str(), ctx.region(), ctx.account());
    let arn = format!("arn:{partition}:s3express:{region}:{account}:bucket/{name}");
    let could_be = zone_in(name).is_some_and(|zone| zones::has(region, zone)) && is_meant(ctx);
    let make = Need::new(CREATE, arn.clone(), account);
    if error.code != "NoSuchBucket" || !could_be || !ctx.ask(make.clone()).decision.allowed {
        return Err(error);
    }
    ctx.authorize(make)?;
    match Session::new(ctx, arn, String::new(), READ_WRITE) {
        session if session.plain => Ok(session),
        _ => Err(error),
    }
}

pub async fn create_session(ctx: Ctx, input: api::CreateSessionInput) -> Result<api::CreateSessionOutput> {
    check_encryption(&input)?;
    let session = match bucket(&ctx, &input.bucket, None).await {
        Ok(open) => of_bucket(&ctx, &open, input.session_mode.as_deref())?,
        Err(error) => of_absent(&ctx, &input.bucket, error)?,
    };
    // Who asks for less than they may do, to hand it on, has not handed on their own rights.
    let session =
        Session { plain: session.plain && input.session_mode.as_deref() != Some(READ_ONLY), ..session };
    // AWS: a session cannot be extended.
    check_none(&ctx)?;
    let token = Wrapper::of_cloud(ctx.state()).await?.seal_text(
        ctx.base(),
        PURPOSE,
        &serde_json::to_vec(&session).map_err(Error::internal)?,
    )?;
    Ok(api::CreateSessionOutput {
        server_side_encryption: Some("AES256".to_owned()),
        credentials: api::SessionCredentials {
            access_key_id: session.key,
            secret_access_key: session.secret,
            session_token: token,
            expiration: session.ends,
        },
        ..Default::default()
    })
}

/// A session with a bucket that is there, once the policies allow it.
fn of_bucket(ctx: &Ctx, open: &Open, asked: Option<&str>) -> Result<Session> {
    if open.record.directory.is_none() {
        ctx.authorize(need(ctx, open, "s3:ListBucket", None, Vec::new()))?;
        return Err(not_taken("BucketSession"));
    }
    let mode = match asked {
        Some(READ_ONLY) => READ_ONLY,
        None if !ctx.ask(session(ctx, open, READ_WRITE)).decision.allowed
            && ctx.ask(session(ctx, open, READ_ONLY)).decision.allowed =>
        {
            READ_ONLY
        }
        None | Some(READ_WRITE) => READ_WRITE,
        Some(other) => {
            return Err(error::argument("Invalid session mode", "x-amz-create-session-mode", other));
        }
    };
    ctx.authorize(session(ctx, open, mode))?;
    Ok(Session::new(ctx, open.record.arn(), open.record.id.clone(), mode))
}

/// AWS: copies are made with credentials of IAM alone:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>
///
/// # Errors
/// AccessDenied for who comes with a session.
pub fn check_none(ctx: &Ctx) -> Result<()> {
    match ctx.caller().bound_to {
        Some(_) => Err(error::access_denied()),
        None => Ok(()),
    }
}

/// Whether who asks has the rights of a session and no others: it is bound to a bucket's id.
pub fn is_held(ctx: &Ctx) -> bool {
    ctx.caller().bound_to.as_deref().is_some_and(|bound| !bound.starts_with("arn:"))
}

/// A session is for the bucket that it was opened for, and not for a later one of its name; and who comes with one and is
/// asked for their own rights, is so for that name alone.
///
/// # Errors
/// AccessDenied for another bucket.
pub fn check_bucket(ctx: &Ctx, id: &str, arn: &str) -> Result<()> {
    match &ctx.caller().bound_to {
        Some(bound) if bound != id && bound != arn => Err(error::access_denied()),
        _ => Ok(()),
    }
}

fn check_encryption(input: &api::CreateSessionInput) -> Result<()> {
    let has_key = input.ssekms_key_id.is_some() || input.ssekms_encryption_context.is_some();
    match input.server_side_encryption.as_deref() {
        None | Some("AES256") if !has_key => Ok(()),
        None | Some("AES256" | "aws:kms" | "aws:kms:dsse") => {
            Err(error::not_implemented("encryption with KMS keys"))
        }
        Some(other) => {
            let text = "The encryption method specified is not supported";
            Err(error::argument(text, "x-amz-server-side-encryption", other))
        }
    }
}

impl Session {
    fn new(ctx: &Ctx, bucket: String, bucket_id: String, mode: &str) -> Session {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        let mut secret = [0; SECRET_BYTES];
        ctx.base().ids.fill(&mut secret);
        let principal = &ctx.caller().principal;
        let is_itself = matches!(principal.kind, PrincipalKind::Root | PrincipalKind::User)
            || matches!(principal.kind, PrincipalKind::AssumedRole { .. }) && principal.tags.is_empty();
        Session {
            key: format!("ASIA{}", ctx.base().ids.base32(16)),
            secret: STANDARD.encode(secret),
            bucket,
            bucket_id,
            mode: mode.to_owned(),
            ends: Timestamp::from_secs(ctx.now().as_secs().saturating_add(LIFE_S)),
            account: ctx.account(),
            arn: principal.arn.clone(),
            user_id: principal.user_id.clone(),
            plain: is_itself && ctx.caller().session.is_none(),
        }
    }

    /// Who comes with it: the one who opened it, but with no other right than the session's.
    fn caller(&self) -> Result<Caller> {
        let mut principal = Principal::user(self.account, self.arn.clone(), self.user_id.clone());
        principal.kind = PrincipalKind::FederatedUser { user_arn: self.arn.clone() };
        let mut statement = json!({"Effect": "Allow", "Action": SESSION, "Resource": self.bucket});
        if self.mode == READ_ONLY
            && let Some(statement) = statement.as_object_mut()
        {
            let condition = json!({"StringEquals": {"s3express:SessionMode": READ_ONLY}});
            statement.insert("Condition".to_owned(), condition);
        }
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let document = Document::parse(&policy, PolicyKind::Identity).map_err(Error::internal)?;
        let mut caller = Caller::new(principal, self.account);
        let rights = Attached {
            id: format!("{} session", self.mode),
            holder: self.bucket.clone(),
            document: Arc::new(document),
        };
        // It is a limit, too: what a root user has opened would have all rights otherwise.
        caller.session = Some(vec![rights.clone()]);
        caller.identity.push(rights);
        caller.bound_to = Some(self.bucket_id.clone());
        Ok(caller)
    }
}

/// The credentials of a session, by what its requests carry; `None` when the token is none of this cloud's.
///
/// DIFFERS: AWS has endpoints for the operations on buckets, and they take no sessions. Here one address is all endpoints,
/// and SDKs that are told an address sign everything with a session. Such an operation on the session's own bucket is
/// decided by the policies of who opened it, as they are at that moment.
pub async fn credentials(
    world: &World,
    registry: &Registry,
    operation: &str,
    key: &str,
    token: &str,
) -> Result<Option<Arc<Credentials>>> {
    let bytes = Wrapper::of_cloud(registry).await?.open_text(PURPOSE, token);
    let session = bytes.and_then(|bytes| serde_json::from_slice::<Session>(&bytes).ok());
    let Some(session) = session.filter(|session| session.key == key) else { return Ok(None) };
    let is_absent = session.bucket_id.is_empty();
    let is_openers = is_regional(operation) || is_absent && is_zonal(operation);
    let opener = match session.plain && is_openers {
        true => world.principals.caller(&session.arn).await?,
        false => None,
    };
    // One who was made anew under the same name is somebody else.
    let caller = match opener.filter(|opener| opener.principal.user_id == session.user_id) {
        Some(caller) => Caller { bound_to: Some(session.bucket.clone()), ..(*caller).clone() },
        None => session.caller()?,
    };
    let caller = Arc::new(caller);
    Ok(Some(Arc::new(Credentials {
        access_key_id: session.key,
        secret: Secret::new(session.secret),
        session_token: Some(token.to_owned()),
        active: true,
        expires: Some(session.ends),
        caller,
    })))
}
