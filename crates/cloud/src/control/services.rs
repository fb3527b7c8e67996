//! `/_yakumo/services`: every service and operation that is routed, and which of them are real.
//!
//! Real means: a room registered it. Everything else answers 501 and names itself.

use super::answer::Answer;
use crate::Cloud;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use yakumo_room::World;
use yakumo_wire::model::{Embedded, Service};

/// All services.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServiceList {
    /// In the order of names.
    pub services: Vec<ServiceLine>,
}

/// One service.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServiceLine {
    /// Its name in the models.
    pub name: String,
    /// How many operations are real.
    pub real: usize,
    /// How many operations the model has.
    pub total: usize,
    /// Its operations, in the order of names.
    pub operations: Vec<OperationLine>,
}

/// One operation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OperationLine {
    /// Its name in the model.
    pub name: String,
    /// Whether it is real; otherwise it answers 501.
    pub real: bool,
}

/// `GET /_yakumo/services`. Hundreds of models are looked through: away from the threads that answer requests.
pub(crate) async fn list(cloud: &Cloud) -> Result<Answer, Answer> {
    let world = cloud.world();
    let lines = tokio::task::spawn_blocking(move || {
        let mut services: Vec<ServiceLine> =
            yakumo_models::services().iter().map(|model| line(&world, model)).collect();
        services.sort_by(|one, other| one.name.cmp(&other.name));
        ServiceList { services }
    });
    Ok(Answer::json(&lines.await.map_err(|error| Answer::failed(&error))?))
}

/// `GET /_yakumo/services/NAME`.
pub(crate) fn one(cloud: &Cloud, name: &str) -> Result<Answer, Answer> {
    let model = yakumo_models::services().iter().find(|model| model.name == name);
    let model = model.ok_or_else(|| {
        Answer::not_found(format!("no service {name} is routed; names are those of the AWS CLI"))
    })?;
    Ok(Answer::json(&line(&cloud.world(), model)))
}

/// The model is unpacked for this answer and dropped again: only services that are used stay in memory.
fn line(world: &World, embedded: &Embedded) -> ServiceLine {
    let model = Service::unpack(embedded.packed);
    let registered: BTreeSet<&str> =
        world.room(model.name).into_iter().flat_map(|room| room.operations()).collect();
    let operations: Vec<OperationLine> = model
        .operations
        .iter()
        .map(|operation| OperationLine {
            name: operation.name.to_owned(),
            real: registered.contains(operation.name),
        })
        .collect();
    let real = operations.iter().filter(|operation| operation.real).count();
    ServiceLine { name: model.name.to_owned(), real, total: operations.len(), operations }
}
