//! What all of EC2's resources have in common: an id with a prefix, an owner, tags; and the list of all kinds, for
//! operations that take any id (CreateTags).
//!
//! Invariant: every kind of resource that this room keeps stands in [`KINDS`], or it could not be tagged.

pub(crate) use crate::state::{ClientToken, Home};
use crate::tags::Tags;
use crate::{key_pairs, placement_groups, security_group_rules};
use futures_util::future::BoxFuture;
use std::marker::PhantomData;
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Resource, Tx};

/// The most records of one kind that an account may have in a region and that are read at once.
pub(crate) const ALL: usize = 100_000;

/// The longest text that can be an id, in bytes: far more than AWS's ids have, and far less than the store's keys may.
const ID_MAX_BYTES: usize = 64;

/// Whether a text could be the id of anything: what is not is never looked up.
pub(crate) fn is_id(text: &str) -> bool {
    let fits = (1..=ID_MAX_BYTES).contains(&text.len());
    fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Condition keys as they are gathered; [`yakumo_room::Need::keys`] takes them over.
pub(crate) type Keys = Vec<(String, Vec<String>)>;

/// A record that is one of EC2's resources, kept under its id.
pub(crate) trait Noun: Resource {
    /// What ARNs and tags call it: `vpc`.
    const KIND: &'static str;
    /// What its ids begin with: `vpc-`.
    const PREFIX: &'static str;
    /// The code of "there is no such thing".
    const NOT_FOUND: &'static str;
    /// The code of an id without the prefix.
    const MALFORMED: &'static str;
    /// What error texts call it: `vpc ID`.
    const SPOKEN: &'static str;

    /// Its id.
    fn id(&self) -> &str;
    /// Where it lives.
    fn home(&self) -> Home;
    /// Its tags, to be changed.
    fn tags_mut(&mut self) -> &mut Tags;
    /// Condition keys of EC2 about it besides its tags; those that an action does not have are left out later.
    fn condition_keys(&self) -> Keys;

    /// Whether it may have the tags that it has, beyond the rules for all tags.
    fn check_tags(&self) -> Result<()> {
        Ok(())
    }

    /// AWS: "The vpc ID 'vpc-1' does not exist".
    fn not_found(id: &str) -> Error {
        Error::sender(Self::NOT_FOUND, format!("The {} '{id}' does not exist", Self::SPOKEN))
    }

    /// The same of several: "The vpc IDs 'vpc-1, vpc-2' do not exist".
    fn none_found(ids: &[&str]) -> Error {
        match (ids, Self::SPOKEN.strip_suffix(" ID")) {
            ([_, _, ..], Some(spoken)) => {
                let text = format!("The {spoken} IDs '{}' do not exist", ids.join(", "));
                Error::sender(Self::NOT_FOUND, text)
            }
            _ => Self::not_found(&ids.join(", ")),
        }
    }

    /// Refuses what cannot be an id of this kind.
    fn check_id(id: &str) -> Result<()> {
        if id.starts_with(Self::PREFIX) && is_id(id) {
            return Ok(());
        }
        Err(Self::malformed(id))
    }

    /// AWS: "Invalid id: "mine" (expecting "vpc-...")".
    fn malformed(id: &str) -> Error {
        let text = format!("Invalid id: \"{id}\" (expecting \"{}...\")", Self::PREFIX);
        Error::sender(Self::MALFORMED, text)
    }
}

/// A new id: AWS's are a prefix and seventeen hexadecimal digits, the first of which is zero.
pub(crate) fn new_id(ctx: &Ctx, prefix: &str) -> String {
    format!("{prefix}0{}", ctx.base().ids.hex(16))
}

/// The resource of that id where the request acts.
///
/// # Errors
/// In the words of its kind when the id is none of it or there is no such resource.
pub(crate) async fn find<N: Noun>(tx: &Tx, home: Home, id: &str) -> Result<N> {
    N::check_id(id)?;
    tx.get(&home.scope(), &[id]).await?.ok_or_else(|| N::not_found(id))
}

/// The same as last committed.
pub(crate) async fn look_up<N: Noun>(ctx: &Ctx, home: Home, id: &str) -> Result<N> {
    N::check_id(id)?;
    ctx.get(&home.scope(), &[id]).await?.ok_or_else(|| N::not_found(id))
}

/// All resources of a kind in an account and region, as the transaction sees them.
pub(crate) async fn all<N: Noun>(tx: &Tx, home: Home) -> Result<Vec<N>> {
    tx.list(&home.scope(), &[], None, ALL).await
}

/// Writes a resource that was changed, or a new one.
pub(crate) fn put<N: Noun>(tx: &Tx, before: Option<&N>, after: &N) {
    tx.put_resource(&after.home().scope(), before, after);
}

/// Removes a resource.
pub(crate) fn delete<N: Noun>(tx: &Tx, noun: &N) {
    tx.delete_resource(&noun.home().scope(), noun);
}

/// Changes a resource's tags: by CreateTags or DeleteTags.
pub(crate) type Retag<'a> = &'a (dyn Fn(&mut Tags) -> Result<()> + Send + Sync);

/// A kind of resource for who does not know which: object-safe.
pub(crate) trait Kind: Send + Sync {
    /// What its ids begin with.
    fn prefix(&self) -> &'static str;
    /// What ARNs and tags call it.
    fn name(&self) -> &'static str;
    /// The condition keys of the resource of that id; nothing when there is none.
    fn keys<'a>(&'a self, ctx: &'a Ctx, home: Home, id: &'a str) -> BoxFuture<'a, Result<Option<Keys>>>;
    /// Changes the tags of the resource of that id.
    fn retag<'a>(
        &'a self,
        tx: &'a Tx,
        home: Home,
        id: &'a str,
        change: Retag<'a>,
    ) -> BoxFuture<'a, Result<()>>;
    /// Ids and tags of all its resources.
    fn tagged<'a>(&'a self, ctx: &'a Ctx, home: Home) -> BoxFuture<'a, Result<Vec<(String, Tags)>>>;
}

struct Of<N>(PhantomData<fn() -> N>);

impl<N: Noun> Kind for Of<N> {
    fn prefix(&self) -> &'static str {
        N::PREFIX
    }

    fn name(&self) -> &'static str {
        N::KIND
    }

    fn keys<'a>(&'a self, ctx: &'a Ctx, home: Home, id: &'a str) -> BoxFuture<'a, Result<Option<Keys>>> {
        Box::pin(async move {
            if !is_id(id) {
                return Ok(None);
            }
            let found: Option<N> = ctx.get(&home.scope(), &[id]).await?;
            Ok(found.map(|noun| keys_of(&noun)))
        })
    }

    fn retag<'a>(
        &'a self,
        tx: &'a Tx,
        home: Home,
        id: &'a str,
        change: Retag<'a>,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let before: N = find(tx, home, id).await?;
            let mut after = before.clone();
            change(after.tags_mut())?;
            after.check_tags()?;
            put(tx, Some(&before), &after);
            Ok(())
        })
    }

    fn tagged<'a>(&'a self, ctx: &'a Ctx, home: Home) -> BoxFuture<'a, Result<Vec<(String, Tags)>>> {
        Box::pin(async move {
            let all: Vec<N> = ctx.list(&home.scope(), &[], None, ALL).await?;
            Ok(all.iter().map(|noun| (Noun::id(noun).to_owned(), noun.tags().clone())).collect())
        })
    }
}

/// The condition keys that a resource brings to a policy.
pub(crate) fn keys_of<N: Noun>(noun: &N) -> Keys {
    let mut keys = noun.condition_keys();
    keys.extend(tag_keys(noun.tags()));
    keys
}

/// AWS: EC2 has its own spelling of `aws:ResourceTag` besides it.
pub(crate) fn tag_keys(tags: &Tags) -> Keys {
    let spelt = |prefix: &'static str| {
        tags.iter().map(move |(name, value)| (format!("{prefix}:ResourceTag/{name}"), vec![value.clone()]))
    };
    spelt("aws").chain(spelt("ec2")).collect()
}

macro_rules! kinds {
    ($($noun:ty),* $(,)?) => { &[$(&Of::<$noun>(PhantomData)),*, &security_group_rules::Rules, &key_pairs::Pairs, &placement_groups::Groups] };
}

/// Every kind of resource that this room keeps.
pub(crate) static KINDS: &[&dyn Kind] = kinds![
    crate::dhcp_options::DhcpOptions,
    crate::egress_only_internet_gateways::EgressOnlyInternetGateway,
    crate::elastic_ips::ElasticIp,
    crate::images::Image,
    crate::flow_logs::FlowLog,
    crate::instances::Instance,
    crate::internet_gateways::InternetGateway,
    crate::launch_templates::LaunchTemplate,
    crate::nat_gateways::NatGateway,
    crate::network_acls::NetworkAcl,
    crate::network_insights::NetworkInsightsAnalysis,
    crate::network_insights::NetworkInsightsPath,
    crate::network_interfaces::NetworkInterface,
    crate::prefix_lists::PrefixList,
    crate::route_tables::RouteTable,
    crate::security_groups::SecurityGroup,
    crate::snapshots::Snapshot,
    crate::subnets::Subnet,
    // Their ids begin with the prefix of the gateway's: they stand before it.
    crate::transit_gateway_attachments::TransitGatewayAttachment,
    crate::transit_gateway_route_tables::TransitGatewayRouteTable,
    crate::transit_gateways::TransitGateway,
    crate::volumes::Volume,
    crate::vpc_endpoints::VpcEndpoint,
    crate::vpc_peering_connections::VpcPeeringConnection,
    crate::vpcs::Vpc,
];

/// The kind that an id belongs to.
///
/// # Errors
/// InvalidID when no kind has such ids.
pub(crate) fn kind_of(id: &str) -> Result<&'static dyn Kind> {
    let kind = KINDS.iter().find(|kind| id.starts_with(kind.prefix()));
    kind.copied().ok_or_else(|| Error::sender("InvalidID", format!("The ID '{id}' is not valid")))
}

/// The kind of that name: `vpc`.
pub(crate) fn kind_named(name: &str) -> Option<&'static dyn Kind> {
    KINDS.iter().find(|kind| kind.name() == name).copied()
}
