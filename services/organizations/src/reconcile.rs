//! Background work: accounts that were asked for are made, accounts that were closed are closed, what is long past is
//! forgotten.

use crate::realm::Realm;
use crate::seats::default_policies;
use crate::state::account::POST_CLOSURE_MS;
use crate::state::{Account, Creation, Handshake, Joined, Life, Membership, Organization, Progress};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use yakumo_api_iam::{AttachRolePolicy, AttachRolePolicyInput, CreateRole, CreateRoleInput};
use yakumo_aws::{AccountId, Error, Region, Result};
use yakumo_room::{Caller, Ctx, Facts, Reconciler, Resource, World};

/// The reconciler's name.
pub(crate) const NAME: &str = "organizations.accounts";
/// How long it rests when nobody nudges it. All that it looks at is in memory.
const EVERY: Duration = Duration::from_secs(2);

pub(crate) fn accounts(realm: Arc<Realm>) -> Reconciler {
    Reconciler::new(NAME, EVERY, move |world| run(world, realm.clone()))
}

async fn run(world: Arc<World>, realm: Arc<Realm>) -> Result<()> {
    let running = |creation: &&Arc<Creation>| creation.progress == Progress::Running;
    let creations: Vec<Arc<Creation>> =
        realm.view().state.creations.values().filter(running).cloned().collect();
    let mut outcome = Ok(());
    for creation in creations {
        if let Err(error) = create(&world, &realm, &creation).await {
            outcome = Err(error);
        }
    }
    tidy(&world, &realm).await?;
    outcome
}

/// A context in which the service acts on its own.
fn own_ctx(world: &Arc<World>, organization: &Organization, operation: &str) -> Result<Ctx> {
    let visit = world.enter().ok_or_else(|| Error::internal("the cloud is stopping"))?;
    let row = world.room("organizations").and_then(|room| room.operation(operation));
    let row = row.ok_or_else(|| Error::internal("the work has no operation"))?;
    let caller = Caller::service("organizations.amazonaws.com", &organization.arn(), organization.management);
    let facts = Facts::internal(world.base.ids.uuid());
    Ok(Ctx::new(visit, "organizations", row, Arc::new(caller), Region::US_EAST_1, facts))
}

/// Makes one account: first its role, then the account itself, so that it is whole when it is seen.
async fn create(world: &Arc<World>, realm: &Realm, creation: &Creation) -> Result<()> {
    let view = realm.view();
    let Some(organization) = view.state.organizations.get(&creation.organization) else { return Ok(()) };
    let ctx = own_ctx(world, organization, "CreateAccount")?;
    let is_taken = view.state.accounts.values().any(|account| account.email == creation.email);
    let refused = if is_taken {
        Some("EMAIL_ALREADY_EXISTS")
    } else {
        match make_role(world, organization.management, creation).await {
            Ok(()) => None,
            Err(error) if error.status < 500 => {
                tracing::warn!(account = %creation.account, %error, "the role of a new account was refused");
                Some("INTERNAL_FAILURE")
            }
            Err(error) => return Err(error),
        }
    };
    realm
        .change(&ctx, |draft| {
            let Some(organization) = draft.state.organizations.get(&creation.organization).cloned() else {
                return Ok(());
            };
            // The address may have been taken since.
            let is_taken = draft.state.accounts.values().any(|account| account.email == creation.email);
            let refused = refused.or(is_taken.then_some("EMAIL_ALREADY_EXISTS"));
            let now = ctx.now();
            let progress = match refused {
                Some(reason) => Progress::Failed(now, reason.to_owned()),
                None => Progress::Succeeded(now),
            };
            if refused.is_none() {
                draft.put(account(&organization, creation, now));
            }
            draft.put(Creation { progress, ..creation.clone() });
            Ok(())
        })
        .await
}

fn account(organization: &Organization, creation: &Creation, now: yakumo_aws::Timestamp) -> Account {
    let membership = Membership {
        organization: organization.id.clone(),
        management: organization.management,
        parent: organization.root.clone(),
        method: Joined::Created,
        joined: now,
        tags: creation.tags.clone(),
        policies: default_policies(organization),
        delegated: BTreeMap::new(),
    };
    Account {
        id: creation.account,
        name: creation.name.clone(),
        email: creation.email.clone(),
        created: Some(now),
        life: Life::Active,
        membership: Some(membership),
    }
}

/// The role with which the management account gets in.
/// AWS: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access-cross-account-role.html>
async fn make_role(world: &Arc<World>, management: AccountId, creation: &Creation) -> Result<()> {
    let root = Arc::new(Caller::root(creation.account));
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{management}:root"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    let role = CreateRoleInput {
        role_name: creation.role.clone(),
        assume_role_policy_document: trust,
        ..CreateRoleInput::default()
    };
    match world.call(CreateRole, root.clone(), Region::US_EAST_1, role).await {
        Ok(_) => {}
        // Made by an earlier run that did not come to its end.
        Err(error) if error.code == "EntityAlreadyExistsException" => {}
        Err(error) => return Err(error),
    }
    let policy = AttachRolePolicyInput {
        role_name: creation.role.clone(),
        policy_arn: "arn:aws:iam::aws:policy/AdministratorAccess".into(),
    };
    world.call(AttachRolePolicy, root, Region::US_EAST_1, policy).await?;
    Ok(())
}

/// Closes what is closing, parts with accounts that are closed for good, forgets handshakes that ended long ago.
async fn tidy(world: &Arc<World>, realm: &Realm) -> Result<()> {
    let now = world.base.clock.now();
    let view = realm.view();
    let is_gone = |account: &Account| match account.life {
        Life::Closing(_) => true,
        Life::Closed(at) => account.membership.is_some() && now >= at.plus_millis(POST_CLOSURE_MS),
        Life::Active => false,
    };
    let accounts: Vec<&Arc<Account>> = view.state.accounts.values().filter(|one| is_gone(one)).collect();
    let handshakes: Vec<&Arc<Handshake>> =
        view.state.handshakes.values().filter(|one| one.is_forgotten(now)).collect();
    let owner = accounts.first().and_then(|account| view.state.organization_of(account.id));
    let owner = owner.or_else(|| view.state.organizations.get(&handshakes.first()?.organization));
    let Some(owner) = owner else { return Ok(()) };
    let ctx = own_ctx(world, owner, "CloseAccount")?;
    realm
        .change(&ctx, |draft| {
            for account in &accounts {
                let Some(account) = draft.state.accounts.get(account.id.as_str()).filter(|one| is_gone(one))
                else {
                    continue;
                };
                let mut account = Account::clone(account);
                match account.life {
                    Life::Closing(at) => account.life = Life::Closed(at),
                    _ => account.membership = None,
                }
                draft.put(account);
            }
            for handshake in &handshakes {
                draft.remove::<Handshake>(&handshake.id);
            }
            Ok(())
        })
        .await
}
