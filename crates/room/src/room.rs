//! A room's table: operation → what it needs → handler; and its background work.

use crate::operation::{Registered, Row};
use crate::{Access, Audit, Beside, Ctx, Endpoints, Metadata, Need, Reconciler, Tagged, Walk, Witness};
use futures_util::future::BoxFuture;
use std::any::Any;
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use yakumo_aws::Result;
use yakumo_wire::Operation;

type Resources =
    dyn for<'a> Fn(&'a Ctx, &'a str, &'a str) -> BoxFuture<'a, Result<Option<Need>>> + Send + Sync;

type Refusal = dyn for<'a> Fn(&'a Ctx, &'a str, &'a str) -> BoxFuture<'a, Result<String>> + Send + Sync;

/// One AWS service as this cloud implements it. Operations that are not in the table answer 501.
pub struct Room {
    name: &'static str,
    operations: HashMap<&'static str, Box<dyn Registered>>,
    reconcilers: Vec<Reconciler>,
    state: Arc<dyn Any + Send + Sync>,
    anonymous: bool,
    resource_control: bool,
    tagged: Tagged,
    resources: Option<Box<Resources>>,
    refusal: Option<Box<Refusal>>,
    beside: Option<Arc<dyn Beside>>,
    witness: Option<Arc<dyn Witness>>,
    endpoints: Option<Arc<dyn Endpoints>>,
    metadata: Option<Arc<dyn Metadata>>,
    walk: Option<Box<Walk>>,
}

impl Room {
    /// An empty room for the service that the models call `name`.
    pub fn new(name: &'static str) -> Room {
        Room {
            name,
            operations: HashMap::new(),
            reconcilers: Vec::new(),
            state: Arc::new(()),
            anonymous: false,
            resource_control: false,
            tagged: Tagged::default(),
            resources: None,
            refusal: None,
            beside: None,
            witness: None,
            endpoints: None,
            metadata: None,
            walk: None,
        }
    }

    /// What the room keeps in memory between requests: caches and indexes over its records. Handlers find it with
    /// [`Ctx::state`].
    pub fn state<T: Any + Send + Sync>(mut self, state: Arc<T>) -> Room {
        self.state = state;
        self
    }

    /// Lets requests without a signature in, as services do whose resource policies can name everybody. They still
    /// need a policy that allows it.
    pub fn anonymous(mut self) -> Room {
        self.anonymous = true;
        self
    }

    /// Resource control policies act on this service's resources. AWS lists the services:
    /// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html>
    pub fn resource_control(mut self) -> Room {
        self.resource_control = true;
        self
    }

    /// Whether resource control policies act on this service's resources.
    pub fn has_resource_control(&self) -> bool {
        self.resource_control
    }

    /// Tag policies can be enforced on resources of these types; the room's access rules name all tags that a request
    /// sets (`aws:RequestTag/…`), and the ARNs of the resources begin with the type, unless there is one type alone.
    pub fn tag_policies(mut self, tagged: Tagged) -> Room {
        self.tagged = tagged;
        self
    }

    /// On what tag policies can be enforced.
    pub fn tagged(&self) -> Tagged {
        self.tagged
    }

    /// Whether requests without a signature come in.
    pub fn allows_anonymous(&self) -> bool {
        self.anonymous
    }

    /// Registers an operation. There is no way to do so without an access rule.
    ///
    /// # Panics
    /// When the operation belongs to another service or is registered twice: mistakes that a room's first test finds.
    pub fn on<O, H, F>(mut self, _operation: O, access: Access<O::Input>, handler: H) -> Room
    where
        O: Operation,
        O::Input: Sync,
        H: Fn(Ctx, O::Input) -> F + Send + Sync + 'static,
        F: Future<Output = Result<O::Output>> + Send + 'static,
    {
        assert_eq!(O::SERVICE, self.name, "{} does not belong here", O::NAME);
        let row = Row::<O, H> { access, handler };
        assert!(self.operations.insert(O::NAME, Box::new(row)).is_none(), "{} is registered twice", O::NAME);
        self
    }

    /// Adds background work.
    pub fn reconciler(mut self, reconciler: Reconciler) -> Room {
        self.reconcilers.push(reconciler);
        self
    }

    /// Tells what an action on a resource needs, for whoever asks before acting: `find` is given an action and an ARN
    /// (`*` when none was named) and returns owner, policy and condition keys as the operation's access rule would, or
    /// `None` when there is no such resource. An error is what the operation answers before any policy is asked.
    pub fn resources<F>(mut self, find: F) -> Room
    where
        F: for<'a> Fn(&'a Ctx, &'a str, &'a str) -> BoxFuture<'a, Result<Option<Need>>>
            + Send
            + Sync
            + 'static,
    {
        self.resources = Some(Box::new(find));
        self
    }

    /// What the service says to who is refused: `tell` is given the operation and the policies' reason, and returns the
    /// whole text (EC2 has words of its own around the reason).
    pub fn refusal<F>(mut self, tell: F) -> Room
    where
        F: for<'a> Fn(&'a Ctx, &'a str, &'a str) -> BoxFuture<'a, Result<String>> + Send + Sync + 'static,
    {
        self.refusal = Some(Box::new(tell));
        self
    }

    /// The text for who was refused for `reason`.
    pub async fn refuse(&self, ctx: &Ctx, operation: &str, reason: String) -> Result<String> {
        match &self.refusal {
            Some(tell) => tell(ctx, operation, &reason).await,
            None => Ok(reason),
        }
    }

    /// Gives the room a side door: it also answers what is none of its operations.
    pub fn beside(mut self, door: Arc<dyn Beside>) -> Room {
        self.beside = Some(door);
        self
    }

    /// Lets the room hear of the requests that its cloud has answered.
    pub fn witness(mut self, witness: Arc<dyn Witness>) -> Room {
        self.witness = Some(witness);
        self
    }

    /// Makes the room the one that keeps VPC endpoints.
    pub fn endpoints(mut self, endpoints: Arc<dyn Endpoints>) -> Room {
        self.endpoints = Some(endpoints);
        self
    }

    /// Makes the room the one that tells instances about themselves.
    pub fn metadata(mut self, metadata: Arc<dyn Metadata>) -> Room {
        self.metadata = Some(metadata);
        self
    }

    pub(crate) fn tells_metadata(&self) -> Option<&Arc<dyn Metadata>> {
        self.metadata.as_ref()
    }

    pub(crate) fn keeps_endpoints(&self) -> Option<&Arc<dyn Endpoints>> {
        self.endpoints.as_ref()
    }

    /// Who in the room hears of finished requests.
    pub(crate) fn heard_by(&self) -> Option<&Arc<dyn Witness>> {
        self.witness.as_ref()
    }

    /// The room's side door, if it has one.
    pub fn beside_door(&self) -> Option<&dyn Beside> {
        self.beside.as_deref()
    }

    /// Lets `yakumo fsck` see what the room's records refer to. Every room that keeps blobs walks through its records
    /// here: a blob to which no room refers is taken for nobody's.
    pub fn audit<F>(mut self, walk: F) -> Room
    where
        F: for<'a> Fn(&'a mut Audit) -> BoxFuture<'a, Result<()>> + Send + Sync + 'static,
    {
        self.walk = Some(Box::new(walk));
        self
    }

    /// The room's walk through its records, if it has one.
    pub fn walk(&self) -> Option<&Walk> {
        self.walk.as_deref()
    }

    /// What an action on the resource of this ARN needs; `None` when this room knows no such resource.
    pub async fn need_of(&self, ctx: &Ctx, action: &str, arn: &str) -> Result<Option<Need>> {
        match &self.resources {
            Some(find) => find(ctx, action, arn).await,
            None => Ok(None),
        }
    }

    /// The service's name in the models.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The row of an operation, if it is implemented.
    pub fn operation(&self, name: &str) -> Option<&dyn Registered> {
        self.operations.get(name).map(Box::as_ref)
    }

    /// The names of all implemented operations, in no order.
    pub fn operations(&self) -> impl Iterator<Item = &'static str> {
        self.operations.keys().copied()
    }

    /// The room's background work.
    pub fn reconcilers(&self) -> &[Reconciler] {
        &self.reconcilers
    }

    pub(crate) fn state_as<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.state.downcast_ref()
    }
}
