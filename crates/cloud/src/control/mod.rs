//! The control API: status, reset, snapshots, clock, requests and decisions, services, networks; health and metrics.
//!
//! Invariant: nothing but `gate` decides who may ask, and nothing runs before it has decided.

mod answer;
mod callers;
mod can;
mod clock;
mod compatibility;
#[cfg(target_os = "linux")]
mod conversation;
mod decisions;
pub mod frames;
mod gate;
mod health;
mod hooks;
mod input;
mod instances;
mod instead;
mod moment;
mod network;
mod remedies;
mod requests;
mod route;
mod services;
mod snapshots;
mod status;
mod token;
mod unproved;
mod why;

pub use answer::{Done, Refusal, RefusalError};
pub use callers::CallerLine;
pub use can::{CanAnswer, CanQuestion};
pub use clock::{ClockAnswer, ClockChange};
#[cfg(target_os = "linux")]
pub use conversation::ExecQuestion;
pub use decisions::{DecisionLine, LayerLine, NearStatement, StatementLine};
pub use gate::CONTROL_HEADER;
pub use health::Health;
pub use hooks::{Hooks, ScriptState};
pub use instances::{ConsoleText, InstanceRow};
pub use network::{InterfaceLine, InternetAnswer, LiveAnswer, NetworkAnswer, TraceQuestion};
pub use remedies::{RemedyLine, StepLine};
pub use requests::{RequestLine, RequestList, Verdict};
pub use services::{OperationLine, ServiceLine, ServiceList};
pub use snapshots::{Fork, Forked, SnapshotLine, SnapshotList};
pub use status::{RoomLine, Status, unavailable};
pub use unproved::UnprovedLine;
pub use why::Explained;

use crate::Cloud;
use answer::Answer;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use gate::{Gate, Passport};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Instant;
use yakumo_front::Control;

/// Answers control requests of one cloud.
pub struct CloudControl(Arc<Inner>);

/// What the answers are made from.
pub(crate) struct Inner {
    // Weak: the cloud holds the front door, and the front door holds this.
    cloud: Weak<Cloud>,
    gate: Gate,
    hooks: Hooks,
    snapshots: snapshots::Shelf,
    began: Instant,
    conversations: Arc<tokio::sync::Semaphore>,
}

impl CloudControl {
    /// Opens the control API of a cloud. A cloud that listens elsewhere than on loopback gets a bearer token, kept in
    /// its directory for its owner alone.
    pub fn open(cloud: &Arc<Cloud>) -> io::Result<Arc<CloudControl>> {
        let address = cloud.address();
        let directory = cloud.config().directory.as_deref();
        let gate = if address.ip().is_loopback() {
            Gate::loopback(address)
        } else {
            Gate::token(token::keep(directory)?)
        };
        let inner = Inner {
            cloud: Arc::downgrade(cloud),
            gate,
            hooks: Hooks::default(),
            snapshots: snapshots::Shelf::new(cloud),
            began: Instant::now(),
            conversations: Arc::new(tokio::sync::Semaphore::new(instances::CONVERSATIONS_MAX)),
        };
        let control = Arc::new(CloudControl(Arc::new(inner)));
        cloud.set_control(control.clone());
        Ok(control)
    }

    /// The bearer token; `None` on loopback, where none is needed.
    pub fn bearer_token(&self) -> Option<&str> {
        self.0.gate.bearer_token()
    }

    /// The state of the start-up scripts, to be kept up to date by whoever runs them.
    pub fn hooks(&self) -> &Hooks {
        &self.0.hooks
    }
}

impl Control for CloudControl {
    fn handle(
        &self,
        head: http::request::Parts,
        body: Bytes,
        _remote: SocketAddr,
    ) -> BoxFuture<'static, http::Response<yakumo_front::body::Body>> {
        let inner = self.0.clone();
        // A task of its own: a client that goes away in the middle of a reset must not leave half of one behind.
        let work = tokio::spawn(async move { inner.answer(&head, &body).await });
        Box::pin(async move { work.await.unwrap_or_else(|error| Answer::failed(&error)).into_http() })
    }
}

impl Inner {
    async fn answer(&self, head: &http::request::Parts, body: &[u8]) -> Answer {
        let found = match route::find(&head.method, head.uri.path()) {
            Ok(found) => found,
            // Whoever may not ask must not learn what is there either.
            Err(refused) => return self.gate.check(head, Passport::Full).err().unwrap_or(refused),
        };
        if let Err(refused) = self.gate.check(head, found.passport()) {
            return refused;
        }
        let Some(cloud) = self.cloud.upgrade() else { return Answer::stopping() };
        if let route::Route::Exec(id) = found {
            let begun = instances::exec(&cloud, &self.conversations, id, head, body).await;
            return begun.unwrap_or_else(|refused| refused);
        }
        route::run(self, &cloud, found, head.uri.query().unwrap_or_default(), body)
            .await
            .unwrap_or_else(|answer| answer)
    }
}
