//! Reading reports, and sweeping those that nobody asks for any more.

use super::{ENTITIES_MAX, report};
use crate::paging::Asked;
use crate::state::access_report::{AccessReport, ReportedEntity};
use crate::state::deletion_task::DeletionTask;
use crate::state::shared;
use std::cmp::Reverse;
use std::sync::Arc;
use yakumo_api_iam::{
    EntityDetails, EntityInfo, GetServiceLastAccessedDetailsInput, GetServiceLastAccessedDetailsOutput,
    GetServiceLastAccessedDetailsWithEntitiesInput, GetServiceLastAccessedDetailsWithEntitiesOutput,
    ServiceLastAccessed, access_advisor_usage_granularity_type, job_status_type,
};
use yakumo_aws::{Error, Result, Timestamp};
use yakumo_room::store::{Range, Transaction};
use yakumo_room::{Ctx, Record, World};

/// How long reports and deletion tasks can be asked for.
const KEPT_DAYS: i64 = 7;
/// How many rows one transaction removes.
const SWEEP_BATCH: usize = 500;

async fn entities(ctx: &Ctx, report: &AccessReport) -> Result<Vec<ReportedEntity>> {
    ctx.list(&shared(), &[&report.id], None, ENTITIES_MAX).await
}

pub(crate) async fn get_service_last_accessed_details(
    ctx: Ctx,
    input: GetServiceLastAccessedDetailsInput,
) -> Result<GetServiceLastAccessedDetailsOutput> {
    let report = report(&ctx, &input.job_id).await?;
    let entities = entities(&ctx, &report).await?;
    let asked = Asked::new(&input.marker, input.max_items);
    let page = asked.slice(report.services.clone(), String::as_str)?;
    let is_truncated = page.is_truncated();
    Ok(GetServiceLastAccessedDetailsOutput {
        job_status: job_status_type::COMPLETED.to_owned(),
        job_type: Some(access_advisor_usage_granularity_type::SERVICE_LEVEL.to_owned()),
        job_creation_date: report.created,
        services_last_accessed: page.items.iter().map(|service| last_accessed(service, &entities)).collect(),
        job_completion_date: report.created,
        is_truncated,
        marker: page.marker,
        error: None,
    })
}

fn last_accessed(service: &str, entities: &[ReportedEntity]) -> ServiceLastAccessed {
    let used: Vec<_> =
        entities.iter().filter_map(|entity| Some((entity, entity.uses.get(service)?))).collect();
    let last = used.iter().max_by_key(|(_, last)| last.at);
    ServiceLastAccessed {
        service_name: yakumo_reference::name(service).unwrap_or(service).to_owned(),
        service_namespace: service.to_owned(),
        last_authenticated: last.map(|(_, last)| last.at),
        last_authenticated_entity: last.map(|(entity, _)| entity.arn.clone()),
        last_authenticated_region: last.map(|(_, last)| last.region.clone()),
        total_authenticated_entities: i32::try_from(used.len()).ok(),
        tracked_actions_last_accessed: None,
    }
}

/// The most recent use comes first, then who never used the service, by name.
pub(crate) async fn get_service_last_accessed_details_with_entities(
    ctx: Ctx,
    input: GetServiceLastAccessedDetailsWithEntitiesInput,
) -> Result<GetServiceLastAccessedDetailsWithEntitiesOutput> {
    let report = report(&ctx, &input.job_id).await?;
    let mut entities = entities(&ctx, &report).await?;
    let at = |entity: &ReportedEntity| entity.uses.get(&input.service_namespace).map(|last| last.at);
    entities.sort_by_key(|entity| (Reverse(at(entity)), entity.name.clone()));
    let keyed: Vec<(String, ReportedEntity)> =
        entities.into_iter().enumerate().map(|(place, entity)| (format!("{place:08}"), entity)).collect();
    let page = Asked::new(&input.marker, input.max_items).slice(keyed, |(key, _)| key)?;
    let is_truncated = page.is_truncated();
    let details = page.items.into_iter().map(|(_, entity)| EntityDetails {
        last_authenticated: at(&entity),
        entity_info: EntityInfo {
            arn: entity.arn,
            name: entity.name,
            r#type: entity.kind,
            id: entity.unique_id,
            path: Some(entity.path),
        },
    });
    Ok(GetServiceLastAccessedDetailsWithEntitiesOutput {
        job_status: job_status_type::COMPLETED.to_owned(),
        job_creation_date: report.created,
        job_completion_date: report.created,
        entity_details_list: details.collect(),
        is_truncated,
        marker: page.marker,
        error: None,
    })
}

/// Removes reports and deletion tasks that are older than a week.
pub(crate) async fn sweep(world: Arc<World>) -> Result<()> {
    let before = world.base.clock.now().plus_millis(-KEPT_DAYS * 86_400_000);
    for report in old::<AccessReport>(&world, before, |report| report.created).await? {
        let range = Range::prefix(shared().record_key(ReportedEntity::TABLE, &[&report.id]));
        loop {
            let rows = world.base.store.scan(range.clone(), SWEEP_BATCH).await?;
            let more = rows.len() == SWEEP_BATCH;
            remove(&world, rows.into_iter().map(|(key, _)| key.to_vec()).collect()).await?;
            if !more {
                break;
            }
        }
        remove(&world, vec![shared().record_key(AccessReport::TABLE, &[&report.id]).to_vec()]).await?;
    }
    let tasks = old::<DeletionTask>(&world, before, |task| task.created).await?;
    let key = |task: &DeletionTask| shared().record_key(DeletionTask::TABLE, &[&task.id]).to_vec();
    remove(&world, tasks.iter().map(key).collect()).await
}

/// Records of a table from before a time; what one run does not see, the next will.
async fn old<R: Record>(world: &World, before: Timestamp, created: fn(&R) -> Timestamp) -> Result<Vec<R>> {
    let mut range = Range::prefix(shared().record_key(R::TABLE, &[]));
    let mut found = Vec::new();
    loop {
        let rows = world.base.store.scan(range.clone(), SWEEP_BATCH).await?;
        for (_, bytes) in &rows {
            let record = R::from_bytes(bytes).map_err(Error::internal)?;
            if created(&record) < before {
                found.push(record);
            }
        }
        match rows.last() {
            Some((key, _)) if rows.len() == SWEEP_BATCH && found.len() < SWEEP_BATCH => {
                range = range.after(key.clone());
            }
            _ => return Ok(found),
        }
    }
}

async fn remove(world: &World, keys: Vec<Vec<u8>>) -> Result<()> {
    let remove = |tx: Transaction| {
        keys.iter().cloned().for_each(|key| tx.delete(key));
        std::future::ready(Ok::<(), Error>(()))
    };
    world.base.store.transact(remove).await
}
