//! AuthorizeSecurityGroupIngress and AuthorizeSecurityGroupEgress.

use super::{KIND, PREFIX, read_request, shown};
use crate::access::Asked;
use crate::commit::change;
use crate::error;
use crate::nouns::{self, Home, new_id};
use crate::prefix_lists;
use crate::quotas;
use crate::security_groups::{Peer, Rule, SecurityGroup, Wished, named, of_caller};
use crate::tags::{self, Tags};
use yakumo_api_ec2::{
    AuthorizeSecurityGroupEgressInput, AuthorizeSecurityGroupEgressOutput,
    AuthorizeSecurityGroupIngressInput, AuthorizeSecurityGroupIngressOutput, IpPermission, IpRange,
    TagSpecification, UserIdGroupPair,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Tx};

/// What a request about one group may say in its old form: one rule, spelt out.
pub(super) struct Old<'a> {
    pub protocol: Option<&'a str>,
    pub from: Option<i32>,
    pub to: Option<i32>,
    pub cidr: Option<&'a str>,
    pub group_name: Option<&'a str>,
    pub group_owner: Option<&'a str>,
}

/// The old form of a request: all four operations have the same members for it.
macro_rules! old {
    ($input:ident) => {
        $crate::security_group_rules::authorize::Old {
            protocol: $input.ip_protocol.as_deref(),
            from: $input.from_port,
            to: $input.to_port,
            cidr: $input.cidr_ip.as_deref(),
            group_name: $input.source_security_group_name.as_deref(),
            group_owner: $input.source_security_group_owner_id.as_deref(),
        }
    };
}
pub(super) use old;

impl Old<'_> {
    /// The same in the new form; nothing when the old form was not used.
    pub(super) fn permission(&self) -> Option<IpPermission> {
        let has_peer = self.cidr.is_some() || self.group_name.is_some();
        if self.protocol.is_none() && !has_peer {
            return None;
        }
        let range = self.cidr.map(|cidr| IpRange { cidr_ip: Some(cidr.to_owned()), description: None });
        let pair = self.group_name.map(|name| UserIdGroupPair {
            group_name: Some(name.to_owned()),
            user_id: self.group_owner.map(str::to_owned),
            ..UserIdGroupPair::default()
        });
        // AWS: a source group without a protocol is all of its traffic.
        let protocol = self.protocol.or(if self.group_name.is_some() { Some("-1") } else { None });
        Some(IpPermission {
            ip_protocol: protocol.map(str::to_owned),
            from_port: self.from,
            to_port: self.to,
            ip_ranges: Some(range.into_iter().collect()),
            user_id_group_pairs: Some(pair.into_iter().collect()),
            ..IpPermission::default()
        })
    }
}

/// AWS: "Not supported. Use IP permissions instead." (API_AuthorizeSecurityGroupEgress)
pub(super) fn refuse_old_egress(old: &Old<'_>) -> Result<()> {
    match old.permission() {
        Some(_) => Err(error::invalid_parameter_combination(
            "Rules for outbound traffic must be specified with ipPermissions",
        )),
        None => Ok(()),
    }
}

pub(super) async fn ingress_access(ctx: &Ctx, input: &AuthorizeSecurityGroupIngressInput) -> Result<Asked> {
    let asked = of_caller(ctx, input.group_id.as_deref(), input.group_name.as_deref()).await?;
    Ok(with_rules(asked, input.tag_specifications.as_ref()))
}

pub(super) fn egress_access(input: &AuthorizeSecurityGroupEgressInput) -> Asked {
    with_rules(Asked::on::<SecurityGroup>(&input.group_id), input.tag_specifications.as_ref())
}

/// New rules that get tags are resources of the request, too.
fn with_rules(asked: Asked, specifications: Option<&Vec<TagSpecification>>) -> Asked {
    match specifications.is_some_and(|specifications| !specifications.is_empty()) {
        true => asked.making_kind(KIND, specifications),
        false => asked,
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html>
pub(super) async fn authorize_security_group_ingress(
    ctx: Ctx,
    input: AuthorizeSecurityGroupIngressInput,
) -> Result<AuthorizeSecurityGroupIngressOutput> {
    let old = old!(input);
    let permissions = read_request(input.ip_permissions.as_deref(), &old)?;
    let tags = tags::at_creation(KIND, input.tag_specifications.as_ref())?;
    let (group, rules) = change(&ctx, input.dry_run, |tx| {
        let (ctx, input, permissions, tags) = (&ctx, &input, &permissions, &tags);
        async move {
            let (id, name) = (input.group_id.as_deref(), input.group_name.as_deref());
            let group = named(&tx, Home::of(ctx), id, name).await?;
            add(&tx, ctx, group, permissions, false, tags).await
        }
    })
    .await?;
    Ok(AuthorizeSecurityGroupIngressOutput {
        r#return: Some(true),
        security_group_rules: Some(rules.iter().map(|rule| shown(&group, rule)).collect()),
    })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupEgress.html>
pub(super) async fn authorize_security_group_egress(
    ctx: Ctx,
    input: AuthorizeSecurityGroupEgressInput,
) -> Result<AuthorizeSecurityGroupEgressOutput> {
    let old = old!(input);
    refuse_old_egress(&old)?;
    let permissions = read_request(input.ip_permissions.as_deref(), &old)?;
    let tags = tags::at_creation(KIND, input.tag_specifications.as_ref())?;
    let (group, rules) = change(&ctx, input.dry_run, |tx| {
        let (ctx, input, permissions, tags) = (&ctx, &input, &permissions, &tags);
        async move {
            let group: SecurityGroup = nouns::find(&tx, Home::of(ctx), &input.group_id).await?;
            add(&tx, ctx, group, permissions, true, tags).await
        }
    })
    .await?;
    Ok(AuthorizeSecurityGroupEgressOutput {
        r#return: Some(true),
        security_group_rules: Some(rules.iter().map(|rule| shown(&group, rule)).collect()),
    })
}

/// Adds all rules or none.
async fn add(
    tx: &Tx,
    ctx: &Ctx,
    before: SecurityGroup,
    permissions: &[IpPermission],
    egress: bool,
    tags: &Tags,
) -> Result<(SecurityGroup, Vec<Rule>)> {
    let wished = crate::security_groups::read_permissions(tx, &before, permissions).await?;
    let mut after = before.clone();
    let mut made = Vec::new();
    for Wished { traffic, peer, description } in wished {
        let rule = Rule { id: new_id(ctx, PREFIX), egress, traffic, peer, description, tags: tags.clone() };
        check_new(&after, &rule)?;
        made.push(rule.clone());
        after.rules.push(rule);
    }
    check_quota(tx, &after, egress).await?;
    nouns::put(tx, Some(&before), &after);
    Ok((after, made))
}

/// Whether a group has no other rule that says the same.
pub(super) fn check_new(group: &SecurityGroup, rule: &Rule) -> Result<()> {
    let same = |known: &Rule| {
        known.id != rule.id
            && (known.egress, &known.traffic, &known.peer) == (rule.egress, &rule.traffic, &rule.peer)
    };
    match group.rules.iter().any(same) {
        true => {
            let text = format!("the specified rule \"{}\" already exists", spoken(rule));
            Err(Error::sender("InvalidPermission.Duplicate", text))
        }
        false => Ok(()),
    }
}

/// AWS: "peer: 0.0.0.0/0, TCP, from port: 22, to port: 22, ALLOW".
fn spoken(rule: &Rule) -> String {
    let peer = match &rule.peer {
        Peer::Cidr(cidr) => cidr.to_string(),
        Peer::PrefixList(id) | Peer::Group { id, .. } => id.clone(),
    };
    let number = |number: Option<i32>| match number {
        None | Some(-1) => "ALL".to_owned(),
        Some(number) => number.to_string(),
    };
    let (from, to) = (number(rule.traffic.from), number(rule.traffic.to));
    let traffic = match rule.traffic.protocol.as_str() {
        "-1" => "ALL".to_owned(),
        name @ ("tcp" | "udp") => format!("{}, from port: {from}, to port: {to}", name.to_uppercase()),
        name @ ("icmp" | "icmpv6") => format!("{}, type: {from}, code: {to}", name.to_uppercase()),
        number => number.to_owned(),
    };
    format!("peer: {peer}, {traffic}, ALLOW")
}

/// AWS: the quota holds for each direction and family; a group counts for both, a prefix list with as many entries as it
/// may have.
pub(super) async fn check_quota(tx: &Tx, group: &SecurityGroup, egress: bool) -> Result<()> {
    let (mut ipv4, mut ipv6) = (0, 0);
    for rule in group.rules.iter().filter(|rule| rule.egress == egress) {
        match &rule.peer {
            Peer::Cidr(cidr) if cidr.is_v4() => ipv4 += 1,
            Peer::Cidr(_) => ipv6 += 1,
            Peer::Group { .. } => (ipv4, ipv6) = (ipv4 + 1, ipv6 + 1),
            Peer::PrefixList(id) => {
                let weight = prefix_lists::weight(tx, group.home, id).await?;
                (ipv4, ipv6) = (ipv4 + weight, ipv6 + weight);
            }
        }
    }
    let what = "rules per security group";
    quotas::check(ipv4.max(ipv6), quotas::GROUP_RULES, "RulesPerSecurityGroupLimitExceeded", what)
}
