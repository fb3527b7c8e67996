//! How network ACLs come and go, and which one acts on a subnet.

use super::{Association, NetworkAcl, shown};
use crate::access::{self, Asked};
use crate::commit::change;
use crate::nouns::{self, ALL, ClientToken, Home, Noun, new_id};
use crate::subnets::Subnet;
use crate::tags;
use crate::vpcs::Vpc;
use crate::{error, quotas};
use yakumo_api_ec2::{
    self as api, CreateNetworkAclInput, CreateNetworkAclOutput, DeleteNetworkAclInput,
    DeleteNetworkAclOutput, ReplaceNetworkAclAssociationInput, ReplaceNetworkAclAssociationOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::CreateNetworkAcl,
        access::needs("ec2:CreateNetworkAcl", |input: &CreateNetworkAclInput| {
            Asked::on::<Vpc>(&input.vpc_id).making::<NetworkAcl>(input.tag_specifications.as_ref())
        }),
        create_network_acl,
    )
    .on(
        api::DeleteNetworkAcl,
        access::needs("ec2:DeleteNetworkAcl", |input: &DeleteNetworkAclInput| {
            Asked::on::<NetworkAcl>(&input.network_acl_id)
        }),
        delete_network_acl,
    )
    .on(
        api::ReplaceNetworkAclAssociation,
        access::looked_up(
            "ec2:ReplaceNetworkAclAssociation",
            |ctx, input: &ReplaceNetworkAclAssociationInput| Box::pin(about(ctx, input)),
        ),
        replace_network_acl_association,
    )
}

async fn about(ctx: &Ctx, input: &ReplaceNetworkAclAssociationInput) -> Result<Asked> {
    let acls: Vec<NetworkAcl> = ctx.list(&Home::of(ctx).scope(), &[], None, ALL).await?;
    let all = acls.iter().flat_map(|acl| acl.associations.iter().map(move |found| (acl, found)));
    let known = all.into_iter().find(|(_, found)| found.id == input.association_id);
    let subnet = known.map_or("", |(_, found)| &found.subnet);
    let asked = Asked::on::<NetworkAcl>(&input.network_acl_id).and::<Subnet>(subnet);
    // AWS: it is about the ACL that loses the subnet, too.
    Ok(asked.and_maybe::<NetworkAcl>(known.map(|(acl, _)| acl.id.as_str())))
}

/// AWS: a new ACL has no entries but the last ones, which deny.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAcl.html>
async fn create_network_acl(ctx: Ctx, input: CreateNetworkAclInput) -> Result<CreateNetworkAclOutput> {
    let tags = tags::at_creation(NetworkAcl::KIND, input.tag_specifications.as_ref())?;
    let token = ClientToken::of(input.client_token.as_deref(), &(&input.vpc_id, &tags));
    let made = NetworkAcl {
        id: new_id(&ctx, NetworkAcl::PREFIX),
        home: Home::of(&ctx),
        vpc: input.vpc_id,
        is_default: false,
        entries: Vec::new(),
        associations: Vec::new(),
        token,
        tags,
    };
    let made = change(&ctx, input.dry_run, |tx| {
        let made = made.clone();
        async move {
            nouns::find::<Vpc>(&tx, made.home, &made.vpc).await?;
            let all: Vec<NetworkAcl> = nouns::all(&tx, made.home).await?;
            for known in &all {
                if ClientToken::made(made.token.as_ref(), known.token.as_ref())? {
                    return Ok(known.clone());
                }
            }
            let count = all.iter().filter(|acl| acl.vpc == made.vpc).count();
            quotas::check(count + 1, quotas::NETWORK_ACLS, "NetworkAclLimitExceeded", "network ACLs")?;
            nouns::put(&tx, None, &made);
            Ok(made)
        }
    })
    .await?;
    Ok(CreateNetworkAclOutput { network_acl: Some(shown(&made)), client_token: input.client_token })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteNetworkAcl.html>
async fn delete_network_acl(ctx: Ctx, input: DeleteNetworkAclInput) -> Result<DeleteNetworkAclOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.network_acl_id);
        async move {
            let acl: NetworkAcl = nouns::find(&tx, home, id).await?;
            if acl.is_default {
                let text = format!("cannot delete default network ACL {id}");
                return Err(error::invalid_parameter_value(text));
            }
            if !acl.associations.is_empty() {
                return Err(error::has_dependencies(&format!("networkAcl '{id}'")));
            }
            nouns::delete(&tx, &acl);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteNetworkAclOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceNetworkAclAssociation.html>
async fn replace_network_acl_association(
    ctx: Ctx,
    input: ReplaceNetworkAclAssociationInput,
) -> Result<ReplaceNetworkAclAssociationOutput> {
    let id = change(&ctx, input.dry_run, |tx| {
        let (ctx, input) = (&ctx, &input);
        async move {
            let home = Home::of(ctx);
            let before: NetworkAcl = nouns::find(&tx, home, &input.network_acl_id).await?;
            let has = |found: &Association| found.id == input.association_id;
            let acls: Vec<NetworkAcl> = nouns::all(&tx, home).await?;
            let old = acls.into_iter().find(|acl| acl.associations.iter().any(has));
            let Some(old) = old else {
                let text = format!("The association ID '{}' does not exist", input.association_id);
                return Err(Error::sender("InvalidAssociationID.NotFound", text));
            };
            if old.vpc != before.vpc {
                let text = format!("Network ACLs {} and {} belong to different networks", old.id, before.id);
                return Err(error::invalid_parameter_value(text));
            }
            let subnet = old.associations.iter().find(|found| has(found)).map(|found| found.subnet.clone());
            let subnet = subnet.ok_or_else(|| Error::internal("the association was there a line above"))?;
            // AWS: the same ACL once more makes a new association, too.
            let mut left = old.clone();
            left.associations.retain(|found| !has(found));
            let mut after = if old.id == before.id { left.clone() } else { before.clone() };
            let id = after.admit(ctx, &subnet);
            nouns::put(&tx, Some(&old), &left);
            nouns::put(&tx, Some(&before), &after);
            Ok(id)
        }
    })
    .await?;
    Ok(ReplaceNetworkAclAssociationOutput { new_association_id: Some(id) })
}
