//! The access advisor: which services somebody may use, and when they last did.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html>
//!
//! A report is made at once and does not change; it is what [`crate::last_use`] knew at that moment.

pub(crate) mod granting;
mod reports;
mod services;

use crate::directory::Directory;
use crate::entities::{Entity, managed_text};
use crate::error;
use crate::managed;
use crate::policies;
use crate::state::access_report::{AccessReport, ReportedEntity};
use crate::state::{Attachment, Group, Member, Role, Usage, User, home, shared, split_arn};
use std::collections::BTreeMap;
use yakumo_api_iam::{
    GenerateServiceLastAccessedDetailsInput, GenerateServiceLastAccessedDetailsOutput,
    access_advisor_usage_granularity_type,
};
use yakumo_aws::{Error, Result};
use yakumo_policy::PrincipalKind;
use yakumo_room::{Ctx, Resource};

pub(crate) use reports::{
    get_service_last_accessed_details, get_service_last_accessed_details_with_entities, sweep,
};
pub(crate) use services::accessible;

/// How many users and roles one transaction writes.
const BATCH: usize = 200;
/// Members and attachments that are read at once; more than an account may have.
const ENTITIES_MAX: usize = 50_000;

pub(crate) async fn generate_service_last_accessed_details(
    ctx: Ctx,
    input: GenerateServiceLastAccessedDetailsInput,
) -> Result<GenerateServiceLastAccessedDetailsOutput> {
    if input.granularity.as_deref() == Some(access_advisor_usage_granularity_type::ACTION_LEVEL) {
        let text = "ACTION_LEVEL granularity is not implemented by this cloud.";
        return Err(Error::sender("NotImplemented", text).with_status(501));
    }
    let id = ctx.base().ids.uuid();
    let subject = Subject::find(&ctx, &input.arn).await?;
    let mut entities = Vec::new();
    for entity in subject.entities.into_values() {
        entities.push(reported(&ctx, &id, entity).await?);
    }
    for batch in entities.chunks(BATCH) {
        ctx.transact(|tx| async move {
            for entity in batch {
                tx.put(&shared(), &[&entity.report, &entity.unique_id], entity);
            }
            Ok(())
        })
        .await?;
    }
    // The report itself comes last: once it is there, all of it is.
    let texts = subject.texts.iter().map(String::as_str);
    let report = AccessReport {
        id: id.clone(),
        account: ctx.account(),
        asked_by: asker(&ctx),
        created: ctx.now(),
        services: accessible(texts).into_iter().map(str::to_owned).collect(),
    };
    ctx.transact(|tx| {
        let report = &report;
        async move {
            tx.put(&shared(), &[&report.id], report);
            Ok(())
        }
    })
    .await?;
    Ok(GenerateServiceLastAccessedDetailsOutput { job_id: Some(id) })
}

/// The unique id of the user or role that calls: its sessions are one.
fn asker(ctx: &Ctx) -> String {
    let principal = &ctx.caller().principal;
    match principal.kind {
        PrincipalKind::AssumedRole { .. } => {
            principal.user_id.split(':').next().unwrap_or_default().to_owned()
        }
        _ => principal.user_id.clone(),
    }
}

/// A user or role of a report, without its uses.
enum Person {
    User(Box<User>),
    Role(Box<Role>),
}

/// Whose report it is: the policies, and the users and roles that could use them, by their unique ids.
#[derive(Default)]
struct Subject {
    texts: Vec<String>,
    entities: BTreeMap<String, Person>,
}

impl Subject {
    async fn find(ctx: &Ctx, arn: &str) -> Result<Subject> {
        let mut subject = Subject::default();
        if split_arn(arn).is_some_and(|(_, kind, _)| kind == "policy") || managed::is_of_aws(arn) {
            subject.add_policy(ctx, arn).await?;
            return Ok(subject);
        }
        let entity = Entity::find(ctx, arn).await?;
        let policies = entity.policies(ctx).await?;
        subject.texts = policies.into_iter().map(|carried| carried.text).collect();
        match entity {
            Entity::User(user) => subject.add(Person::User(user)),
            Entity::Role(role) => subject.add(Person::Role(role)),
            Entity::Group(group) => subject.add_members(ctx, &group.folded).await?,
        }
        Ok(subject)
    }

    fn add(&mut self, person: Person) {
        let id = match &person {
            Person::User(user) => user.unique_id.clone(),
            Person::Role(role) => role.unique_id.clone(),
        };
        self.entities.insert(id, person);
    }

    async fn add_members(&mut self, ctx: &Ctx, group: &str) -> Result<()> {
        let scope = home(ctx.account());
        for member in ctx.list::<Member>(&scope, &[group], None, ENTITIES_MAX).await? {
            if let Some(user) = ctx.get::<User>(&scope, &[&member.user]).await? {
                self.add(Person::User(Box::new(user)));
            }
        }
        Ok(())
    }

    /// Everybody who carries the policy, and the members of groups that do.
    async fn add_policy(&mut self, ctx: &Ctx, arn: &str) -> Result<()> {
        match managed::find(arn) {
            Some(_) => {}
            None if managed::is_of_aws(arn) => return Err(error::policy_not_found(arn)),
            None => drop(policies::look_up(ctx, arn).await?),
        }
        self.texts.push(managed_text(ctx, ctx.account(), arn).await?);
        let scope = home(ctx.account());
        let usage = Usage::Permissions.as_str();
        for row in ctx.list::<Attachment>(&scope, &[arn, usage], None, ENTITIES_MAX).await? {
            match row.kind.as_str() {
                "user" => {
                    let user = ctx.get::<User>(&scope, &[&row.folded]).await?;
                    user.into_iter().for_each(|user| self.add(Person::User(Box::new(user))));
                }
                "role" => {
                    let role = ctx.get::<Role>(&scope, &[&row.folded]).await?;
                    role.into_iter().for_each(|role| self.add(Person::Role(Box::new(role))));
                }
                _ => {
                    if ctx.get::<Group>(&scope, &[&row.folded]).await?.is_some() {
                        self.add_members(ctx, &row.folded).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

async fn reported(ctx: &Ctx, report: &str, person: Person) -> Result<ReportedEntity> {
    let (kind, unique_id, name, path, arn) = match &person {
        Person::User(user) => ("USER", &user.unique_id, &user.name, &user.path, user.arn()),
        Person::Role(role) => ("ROLE", &role.unique_id, &role.name, &role.path, role.arn()),
    };
    let uses = &ctx.state::<Directory>().last_uses;
    let used = uses.of_principal(ctx.base(), ctx.account(), unique_id).await?;
    Ok(ReportedEntity {
        report: report.to_owned(),
        unique_id: unique_id.clone(),
        kind: kind.to_owned(),
        name: name.clone(),
        path: path.clone(),
        arn,
        uses: used.map(|used| used.services).unwrap_or_default(),
    })
}

/// The report of that id, for the user or role that asked for it.
async fn report(ctx: &Ctx, id: &str) -> Result<AccessReport> {
    let report = ctx.get::<AccessReport>(&shared(), &[id]).await?;
    let own = |report: &AccessReport| report.account == ctx.account() && report.asked_by == asker(ctx);
    report.filter(own).ok_or_else(|| error::report_not_found(id))
}
