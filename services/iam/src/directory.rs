//! Who is behind an access key: the iam room's answer to the front door, read through a cache.
//!
//! Invariant: an answer is never older than the last acknowledged change of its account. Each account has an epoch;
//! every change raises it after its commit and before its reply, and an entry counts only in the epoch that was seen
//! before its records were read.

use crate::documents::{Documents, attached, compile};
use crate::last_use::LastUses;
use crate::quotas::Ceilings;
use crate::state::{
    AccessKey, Group, Identity, InstanceProfile, PARTITION, Policy, Role, Session, SessionPolicies,
    SessionSubject, User, fold, home, shared, split_arn,
};
use crate::sts::assume_role::TRANSITIVE_KEY;
use foldhash::fast::RandomState;
use futures_util::future::BoxFuture;
use parking_lot::RwLock;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use yakumo_aws::{AccountId, Error, Result, Timestamp};
use yakumo_policy::{Attached, PolicyKind, Principal};
use yakumo_room::{Base, Caller, Credentials, Ctx, Principals, Record, Resource, Scope, Secret, Use};

/// How many credentials are kept decoded; beyond it all are dropped and read again when needed.
const KEPT_MAX: usize = 50_000;

/// The rights of a root user, for those who act in its place.
const EVERYTHING: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// Decoded credentials, and the policies behind them.
pub(crate) struct Directory {
    base: Arc<Base>,
    pub(crate) documents: Documents,
    pub(crate) last_uses: LastUses,
    pub(crate) ceilings: Ceilings,
    epochs: RwLock<HashMap<AccountId, Arc<AtomicU64>, RandomState>>,
    kept: RwLock<HashMap<String, Kept, RandomState>>,
}

struct Kept {
    epoch: Arc<AtomicU64>,
    seen: u64,
    credentials: Arc<Credentials>,
}

impl Principals for Directory {
    fn credentials<'a>(&'a self, access_key_id: &'a str) -> BoxFuture<'a, Result<Option<Arc<Credentials>>>> {
        // Nearly every request ends here, without the state of those that must be looked for.
        if let Some(kept) = self.kept(access_key_id) {
            return Box::pin(std::future::ready(Ok(Some(kept))));
        }
        Box::pin(async move {
            match access_key_id.get(..4) {
                Some("AKIA") => self.long_term(access_key_id).await,
                Some("ASIA") => self.temporary(access_key_id).await,
                _ => Ok(None),
            }
        })
    }

    fn caller<'a>(&'a self, arn: &'a str) -> BoxFuture<'a, Result<Option<Arc<Caller>>>> {
        Box::pin(async move {
            Ok(match named(arn) {
                Some(Named::Root(account)) => Some(Arc::new(Caller::root(account))),
                Some(Named::User(account, name)) => match self.user_at(account, name, arn).await? {
                    Some(user) => Some(Arc::new(self.user_caller(&user).await?)),
                    None => None,
                },
                Some(Named::Role(account, name)) => match self.role_at(account, name, Some(arn)).await? {
                    Some(role) => Some(Arc::new(self.role_caller(&role, ANY_SESSION).await?)),
                    None => None,
                },
                Some(Named::Session(account, name, session)) => {
                    match self.role_at(account, name, None).await? {
                        Some(role) => Some(Arc::new(self.role_caller(&role, session).await?)),
                        None => None,
                    }
                }
                None => None,
            })
        })
    }

    fn unique_id<'a>(&'a self, arn: &'a str) -> BoxFuture<'a, Result<Option<String>>> {
        Box::pin(async move {
            Ok(match named(arn) {
                Some(Named::User(account, name)) => {
                    self.user_at(account, name, arn).await?.map(|user| user.unique_id)
                }
                Some(Named::Role(account, name)) => {
                    self.role_at(account, name, Some(arn)).await?.map(|role| role.unique_id)
                }
                Some(Named::Session(account, name, session)) => {
                    let role = self.role_at(account, name, None).await?;
                    role.map(|role| format!("{}:{session}", role.unique_id))
                }
                Some(Named::Root(_)) | None => None,
            })
        })
    }

    fn instance_profile<'a>(
        &'a self,
        account: AccountId,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Option<yakumo_room::InstanceProfile>>> {
        Box::pin(async move {
            // No profile has such a name, and keys of the store have limits.
            if name.is_empty() || name.len() > PROFILE_NAME_MAX {
                return Ok(None);
            }
            let scope = home(account);
            let found = self.read::<InstanceProfile>(&scope, &[&fold(name)]).await?;
            let Some(profile) = found else { return Ok(None) };
            let role = match &profile.role {
                Some(folded) => self.read::<Role>(&scope, &[folded]).await?,
                None => None,
            };
            Ok(Some(yakumo_room::InstanceProfile {
                arn: profile.arn(),
                role: role.map(|role| (role.arn(), role.name)),
                id: profile.unique_id,
                name: profile.name,
            }))
        })
    }

    fn seal<'a>(&'a self, account: AccountId, text: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(crate::sts::authorization_messages::seal(&self.base, account, text))
    }

    fn second_factor<'a>(
        &'a self,
        ctx: &'a Ctx,
        serial: &'a str,
        code: &'a str,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            match crate::mfa_devices::verify(ctx, Some(serial), Some(code)).await {
                Err(error) if error.code == "AccessDenied" => Ok(false),
                answer => answer,
            }
        })
    }

    fn used(&self, credentials: &Credentials, what: Use) {
        self.last_uses.note(credentials, what.service, what.region, what.at);
    }
}

/// AWS: how long the name of an instance profile can be.
const PROFILE_NAME_MAX: usize = 128;
/// The session name of a caller that stands for any session of a role.
const ANY_SESSION: &str = "session";

/// What the ARN of a principal names.
enum Named<'a> {
    Root(AccountId),
    User(AccountId, &'a str),
    Role(AccountId, &'a str),
    Session(AccountId, &'a str, &'a str),
}

fn named(arn: &str) -> Option<Named<'_>> {
    let rest = arn.strip_prefix("arn:")?.strip_prefix(PARTITION)?;
    if let Some(session) = rest.strip_prefix(":sts::") {
        let (account, path) = session.split_once(":assumed-role/")?;
        let (name, session) = path.split_once('/')?;
        return Some(Named::Session(AccountId::parse(account)?, name, session));
    }
    let (account, what) = rest.strip_prefix(":iam::")?.split_once(':')?;
    let account = AccountId::parse(account)?;
    match what.split_once('/') {
        None if what == "root" => Some(Named::Root(account)),
        Some(("user", name)) => Some(Named::User(account, name.rsplit('/').next()?)),
        Some(("role", name)) => Some(Named::Role(account, name.rsplit('/').next()?)),
        _ => None,
    }
}

impl Directory {
    async fn user_at(&self, account: AccountId, name: &str, arn: &str) -> Result<Option<User>> {
        let user = self.read::<User>(&home(account), &[&fold(name)]).await?;
        Ok(user.filter(|user| user.arn() == arn))
    }

    /// The role of a name; with an ARN only when it is the role's, path included.
    async fn role_at(&self, account: AccountId, name: &str, arn: Option<&str>) -> Result<Option<Role>> {
        let role = self.read::<Role>(&home(account), &[&fold(name)]).await?;
        Ok(role.filter(|role| arn.is_none_or(|arn| role.arn() == arn)))
    }

    async fn role_caller(&self, role: &Role, session_name: &str) -> Result<Caller> {
        let mut principal =
            Principal::assumed_role(PARTITION, role.account, role.arn(), &role.unique_id, session_name);
        principal.tags = role.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let mut caller = Caller::new(principal, role.account);
        caller.identity = self.policies_of(role).await?;
        caller.boundary = self.boundary_of(role).await?;
        Ok(caller)
    }

    pub(crate) fn new(base: Arc<Base>) -> Directory {
        Directory {
            base,
            documents: Documents::default(),
            last_uses: LastUses::default(),
            ceilings: Ceilings::default(),
            epochs: RwLock::default(),
            kept: RwLock::default(),
        }
    }

    /// What was known of an account's identities counts no more. Call it after each commit that changes them.
    pub(crate) fn forget(&self, account: AccountId) {
        self.epoch(account).fetch_add(1, Ordering::SeqCst);
    }

    fn epoch(&self, account: AccountId) -> Arc<AtomicU64> {
        if let Some(epoch) = self.epochs.read().get(&account) {
            return epoch.clone();
        }
        self.epochs.write().entry(account).or_default().clone()
    }

    fn kept(&self, access_key_id: &str) -> Option<Arc<Credentials>> {
        let kept = self.kept.read();
        let entry = kept.get(access_key_id)?;
        (entry.epoch.load(Ordering::SeqCst) == entry.seen).then(|| entry.credentials.clone())
    }

    fn keep(&self, epoch: Arc<AtomicU64>, seen: u64, credentials: Credentials) -> Arc<Credentials> {
        let credentials = Arc::new(credentials);
        let mut kept = self.kept.write();
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        let entry = Kept { epoch, seen, credentials: credentials.clone() };
        kept.insert(credentials.access_key_id.clone(), entry);
        credentials
    }

    async fn read<R: Record>(&self, scope: &Scope, id: &[&str]) -> Result<Option<R>> {
        let bytes = self.base.store.get(&scope.record_key(R::TABLE, id)).await?;
        bytes.map(|bytes| R::from_bytes(&bytes).map_err(Error::internal)).transpose()
    }

    async fn long_term(&self, id: &str) -> Result<Option<Arc<Credentials>>> {
        // The account never changes, so it may be read before its epoch; everything else is read again behind it.
        let Some(AccessKey { account, .. }) = self.read(&shared(), &[id]).await? else { return Ok(None) };
        let epoch = self.epoch(account);
        let seen = epoch.load(Ordering::SeqCst);
        let Some(key) = self.read::<AccessKey>(&shared(), &[id]).await? else { return Ok(None) };
        let caller = match &key.user {
            None => Caller::root(account),
            Some(folded) => match self.read::<User>(&home(account), &[folded]).await? {
                Some(user) => self.user_caller(&user).await?,
                None => return Ok(None),
            },
        };
        let credentials = Credentials {
            access_key_id: key.id,
            secret: Secret::new(key.secret),
            session_token: None,
            active: key.active,
            expires: None,
            caller: Arc::new(caller),
        };
        Ok(Some(self.keep(epoch, seen, credentials)))
    }

    async fn temporary(&self, id: &str) -> Result<Option<Arc<Credentials>>> {
        // A session never changes; what it stands for is read behind the epoch.
        let Some(session) = self.read::<Session>(&shared(), &[id]).await? else { return Ok(None) };
        let epoch = self.epoch(session.account);
        let seen = epoch.load(Ordering::SeqCst);
        let Some(mut caller) = self.session_caller(&session).await? else { return Ok(None) };
        put_session_keys(&mut caller.principal, session.issued, session.second_factor.is_some());
        caller.second_factor = session.second_factor;
        if let Some(policies) = &session.policies {
            caller.session =
                Some(self.session_policies(session.account, policies, &caller.principal.arn).await?);
        }
        let credentials = Credentials {
            access_key_id: session.id,
            secret: Secret::new(session.secret),
            session_token: Some(session.token),
            active: true,
            expires: Some(session.expires),
            caller: Arc::new(caller),
        };
        Ok(Some(self.keep(epoch, seen, credentials)))
    }

    async fn session_caller(&self, session: &Session) -> Result<Option<Caller>> {
        let scope = home(session.account);
        match &session.subject {
            SessionSubject::Root => Ok(Some(Caller::root(session.account))),
            SessionSubject::User { folded, unique_id } => match self.read::<User>(&scope, &[folded]).await? {
                Some(user) if user.unique_id == *unique_id => Ok(Some(self.user_caller(&user).await?)),
                _ => Ok(None),
            },
            SessionSubject::Federated { name, user, tags } => {
                self.federated_caller(session.account, name, user.as_ref(), tags).await
            }
            SessionSubject::Role {
                folded,
                unique_id,
                session_name,
                tags,
                transitive,
                source_identity,
                keys,
            } => {
                let role = match self.read::<Role>(&scope, &[folded]).await? {
                    Some(role) if role.unique_id == *unique_id => role,
                    // AWS: the sessions of a deleted role end with it, those of a new one of its name are others.
                    _ => return Ok(None),
                };
                let mut caller = self.role_caller(&role, session_name).await?;
                let principal = &mut caller.principal;
                // AWS: a session tag hides the role's tag of the same key.
                let inherited =
                    role.tags.iter().filter(|(key, _)| !tags.keys().any(|tag| tag.eq_ignore_ascii_case(key)));
                principal.tags =
                    tags.iter().chain(inherited).map(|(key, value)| (key.clone(), value.clone())).collect();
                principal.keys.put_many(TRANSITIVE_KEY, transitive.iter().cloned());
                if let Some(source_identity) = source_identity {
                    principal.keys.put("aws:SourceIdentity", source_identity.clone());
                }
                for (key, values) in keys {
                    match values.as_slice() {
                        [value] => principal.keys.put(key.clone(), value.clone()),
                        values => principal.keys.put_many(key.clone(), values.iter().cloned()),
                    };
                }
                Ok(Some(caller))
            }
        }
    }

    /// Who acts with a session of GetFederationToken: under a name of its own, with the rights of the user (or the
    /// root user) that made it, which its session policies cut.
    async fn federated_caller(
        &self,
        account: AccountId,
        name: &str,
        user: Option<&(String, String)>,
        tags: &BTreeMap<String, String>,
    ) -> Result<Option<Caller>> {
        let maker = match user {
            None => {
                let mut root = Caller::root(account);
                let holder = root.principal.arn.clone();
                root.identity.push(attached("root user", holder, compile(EVERYTHING, PolicyKind::Identity)?));
                root
            }
            Some((folded, unique_id)) => match self.read::<User>(&home(account), &[folded]).await? {
                Some(user) if user.unique_id == *unique_id => self.user_caller(&user).await?,
                _ => return Ok(None),
            },
        };
        let mut principal = Principal::federated_user(PARTITION, account, maker.principal.arn.clone(), name);
        // Policies hold the user by its unique id, and reach its sessions by it.
        principal.federated_by = user.map(|(_, unique_id)| unique_id.clone());
        // AWS: a session tag hides the user's tag of the same key.
        let own = maker.principal.tags.iter();
        let own = own.filter(|(key, _)| !tags.keys().any(|tag| tag.eq_ignore_ascii_case(key))).cloned();
        principal.tags = tags.iter().map(|(key, value)| (key.clone(), value.clone())).chain(own).collect();
        Ok(Some(Caller { principal, ..maker }))
    }

    async fn user_caller(&self, user: &User) -> Result<Caller> {
        let mut principal = Principal::user(user.account, user.arn(), user.unique_id.clone());
        principal.tags = user.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let mut caller = Caller::new(principal, user.account);
        caller.identity = self.policies_of(user).await?;
        for group in &user.groups {
            if let Some(group) = self.read::<Group>(&home(user.account), &[group]).await? {
                caller.identity.extend(self.policies_of(&group).await?);
            }
        }
        caller.boundary = self.boundary_of(user).await?;
        Ok(caller)
    }

    async fn policies_of<I: Identity>(&self, identity: &I) -> Result<Vec<Attached>> {
        let holder = identity.arn();
        let mut policies = Vec::new();
        for (name, text) in &identity.grants().inline {
            policies.push(attached(name.clone(), holder.clone(), compile(text, PolicyKind::Identity)?));
        }
        for arn in &identity.grants().attached {
            policies.extend(self.managed(identity.account(), arn, &holder).await?);
        }
        Ok(policies)
    }

    async fn boundary_of<I: Identity>(&self, identity: &I) -> Result<Option<Attached>> {
        let Some(arn) = &identity.grants().boundary else { return Ok(None) };
        let boundary = self.managed(identity.account(), arn, &identity.arn()).await?;
        // A policy cannot be deleted while it is a boundary: without it, nothing may be allowed by mistake.
        boundary.map(Some).ok_or_else(|| Error::internal("a permissions boundary does not exist"))
    }

    async fn session_policies(
        &self,
        account: AccountId,
        policies: &SessionPolicies,
        holder: &str,
    ) -> Result<Vec<Attached>> {
        let mut list = Vec::new();
        if let Some(text) = &policies.inline {
            list.push(attached("session policy", holder, compile(text, PolicyKind::Session)?));
        }
        for arn in &policies.arns {
            list.extend(self.managed(account, arn, holder).await?);
        }
        Ok(list)
    }

    /// The version in force of a managed policy of this account or of AWS.
    pub(crate) async fn managed(
        &self,
        account: AccountId,
        arn: &str,
        holder: &str,
    ) -> Result<Option<Attached>> {
        if let Some(document) = self.documents.of_aws(arn)? {
            return Ok(Some(attached(arn, holder, document)));
        }
        let Some((owner, "policy", name)) = split_arn(arn) else { return Ok(None) };
        if owner != account {
            return Ok(None);
        }
        match self.read::<Policy>(&home(account), &[&fold(name)]).await? {
            Some(policy) if policy.arn() == arn => {
                Ok(Some(attached(arn, holder, self.documents.in_force(&policy)?)))
            }
            _ => Ok(None),
        }
    }
}

/// The keys that only requests with temporary credentials have.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
fn put_session_keys(principal: &mut Principal, issued: Timestamp, second_factor: bool) {
    principal.keys.put("aws:TokenIssueTime", issued.to_date_time());
    principal.keys.put("aws:MultiFactorAuthPresent", if second_factor { "true" } else { "false" });
}
