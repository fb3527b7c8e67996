//! Routes: create, replace, delete.
//!
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html>

use super::{Origin, Route, RouteTable, Target, targets};
use crate::access::{self, Asked};
use crate::cidr::Cidr;
use crate::commit::{change, refuse};
use crate::instances::Instance;
use crate::network_interfaces;
use crate::nouns::{self, Home};
use crate::prefix_lists;
use crate::subnets::Subnet;
use crate::vpcs::Vpc;
use crate::{error, quotas};
use yakumo_api_ec2::{
    self as api, CreateRouteInput, CreateRouteOutput, DeleteRouteInput, DeleteRouteOutput, ReplaceRouteInput,
    ReplaceRouteOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room, Tx};

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::CreateRoute,
        access::needs("ec2:CreateRoute", |input: &CreateRouteInput| {
            Asked::on::<RouteTable>(&input.route_table_id)
        }),
        create_route,
    )
    .on(
        api::DeleteRoute,
        access::needs("ec2:DeleteRoute", |input: &DeleteRouteInput| {
            Asked::on::<RouteTable>(&input.route_table_id)
        }),
        delete_route,
    )
    .on(
        api::ReplaceRoute,
        access::needs("ec2:ReplaceRoute", |input: &ReplaceRouteInput| {
            Asked::on::<RouteTable>(&input.route_table_id)
        }),
        replace_route,
    )
}

/// The one destination of a request.
fn destination(ipv4: Option<&str>, ipv6: Option<&str>, list: Option<&str>) -> Result<String> {
    match (ipv4, ipv6, list) {
        (Some(text), None, None) => {
            let reason = "This is not a valid CIDR block.";
            let cidr = Cidr::parse4(text);
            Ok(cidr.ok_or_else(|| error::invalid_value(text, "destinationCidrBlock", reason))?.to_string())
        }
        (None, Some(text), None) => {
            let reason = "This is not a valid IPv6 CIDR block.";
            let cidr = Cidr::parse6(text);
            Ok(cidr
                .ok_or_else(|| error::invalid_value(text, "destinationIpv6CidrBlock", reason))?
                .to_string())
        }
        (None, None, Some(list)) => Ok(list.to_owned()),
        (None, None, None) => Err(error::missing_parameter("destinationCidrBlock")),
        _ => Err(error::invalid_parameter_combination(
            "Exactly one of destinationCidrBlock, destinationIpv6CidrBlock and destinationPrefixListId must be given",
        )),
    }
}

/// Where to a request wants a route to lead.
enum Wished {
    /// To this.
    Target(Target),
    /// To the only interface of an instance.
    Instance(String),
}

impl Wished {
    /// What is kept of it: AWS, too, keeps the interface.
    async fn target(&self, tx: &Tx, home: Home) -> Result<Target> {
        match self {
            Wished::Target(target) => Ok(target.clone()),
            Wished::Instance(id) => {
                let instance: Instance = nouns::find(tx, home, id).await?;
                Ok(Target::Interface(network_interfaces::only(tx, home, &instance.id).await?.id))
            }
        }
    }
}

/// What a request may name as a target, and what it is then.
type Named = (Option<String>, fn(String) -> Wished);

/// The one target among those that a request can name.
fn target(given: [Named; 7]) -> Result<Wished> {
    let mut given = given.into_iter().filter_map(|(id, target)| id.map(target));
    let found = given.next().ok_or_else(|| error::missing_parameter("gatewayId"))?;
    match given.next() {
        None => Ok(found),
        Some(_) => Err(error::invalid_parameter_combination("Only one route target may be specified")),
    }
}

fn gateway(id: String) -> Wished {
    Wished::Target(if id.starts_with("vpce-") { Target::Endpoint(id) } else { Target::Gateway(id) })
}

/// Blocks of the links' own, where no route leads: the router serves there.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html>
const SERVICES: [&str; 2] = ["169.254.168.0/22", "fd00:ec2::/32"];

fn check_services(cidr: Cidr) -> Result<()> {
    match SERVICES.iter().filter_map(|text| Cidr::parse(text)).any(|own| own.contains(&cidr)) {
        true => Err(error::invalid_parameter_value(format!(
            "The destination CIDR block {cidr} is within a block of addresses of AWS's own services."
        ))),
        false => Ok(()),
    }
}

/// The local routes of a VPC are there always. What is more specific than one leads a whole subnet's packets to a middlebox.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/route-table-options.html>
async fn check_destination(
    tx: &Tx,
    vpc: &Vpc,
    table: &RouteTable,
    (destination, target): (&str, &Target),
) -> Result<()> {
    let Some(cidr) = Cidr::parse(destination) else { return Ok(()) };
    check_services(cidr)?;
    if vpc.blocks().any(|block| block.cidr == cidr) {
        return Err(already_exists(destination));
    }
    if vpc.blocks().any(|block| block.cidr.contains(&cidr)) {
        check_middlebox(destination, target)?;
        let subnets: Vec<Subnet> = nouns::all(tx, vpc.home).await?;
        let mut blocks = subnets.iter().filter(|subnet| subnet.vpc == vpc.id).flat_map(Subnet::blocks);
        if !blocks.any(|block| *block == cidr) {
            let text = format!(
                "The destination CIDR block {destination} is more specific than one of this VPC's CIDR blocks and is not the CIDR block of a subnet."
            );
            return Err(error::invalid_parameter_value(text));
        }
    }
    let is_ipv6 = !cidr.is_v4();
    let count = table.routes.iter().filter(|route| route.destination.contains(':') == is_ipv6).count();
    quotas::check(count + 1, quotas::ROUTES, "RouteLimitExceeded", "routes")
}

/// What a route inside of the VPC may lead to.
fn check_middlebox(destination: &str, target: &Target) -> Result<()> {
    if matches!(target, Target::Interface(_) | Target::Nat(_)) {
        return Ok(());
    }
    let text = format!(
        "The destination CIDR block {destination} is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance."
    );
    Err(error::invalid_parameter_value(text))
}

fn already_exists(destination: &str) -> Error {
    let text = format!("The route identified by {destination} already exists.");
    Error::sender("RouteAlreadyExists", text)
}

fn not_found(table: &str, destination: &str) -> Error {
    let text = format!("no route with destination-cidr-block {destination} in route table {table}");
    Error::sender("InvalidRoute.NotFound", text)
}

async fn check_list(tx: &Tx, home: Home, destination: &str) -> Result<()> {
    if destination.contains('/') {
        return Ok(());
    }
    prefix_lists::check(tx, home, destination).await
}

/// Where to a request leads, and the targets that it names: CreateRoute and ReplaceRoute have the same members for it.
macro_rules! wished {
    ($input:ident) => {{
        refuse(&[
            ("LocalGatewayId", $input.local_gateway_id.is_some()),
            ("CarrierGatewayId", $input.carrier_gateway_id.is_some()),
            ("CoreNetworkArn", $input.core_network_arn.is_some()),
            ("OdbNetworkArn", $input.odb_network_arn.is_some()),
        ])?;
        let to = destination(
            $input.destination_cidr_block.as_deref(),
            $input.destination_ipv6_cidr_block.as_deref(),
            $input.destination_prefix_list_id.as_deref(),
        )?;
        let named: [Named; 7] = [
            ($input.gateway_id.or($input.vpc_endpoint_id), gateway),
            ($input.egress_only_internet_gateway_id, |id| Wished::Target(Target::EgressOnly(id))),
            ($input.instance_id, Wished::Instance),
            ($input.nat_gateway_id, |id| Wished::Target(Target::Nat(id))),
            ($input.network_interface_id, |id| Wished::Target(Target::Interface(id))),
            ($input.vpc_peering_connection_id, |id| Wished::Target(Target::Peering(id))),
            ($input.transit_gateway_id, |id| Wished::Target(Target::Transit(id))),
        ];
        (to, named)
    }};
}

async fn create_route(ctx: Ctx, input: CreateRouteInput) -> Result<CreateRouteOutput> {
    let (to, named) = wished!(input);
    let wished = target(named)?;
    change(&ctx, input.dry_run, |tx| {
        let (home, id, to, wished) = (Home::of(&ctx), &input.route_table_id, &to, &wished);
        async move {
            let before: RouteTable = nouns::find(&tx, home, id).await?;
            let vpc: Vpc = nouns::find(&tx, home, &before.vpc).await?;
            check_list(&tx, home, to).await?;
            let target = &wished.target(&tx, home).await?;
            let same = before.routes.iter().find(|route| route.destination == *to);
            match same {
                // AWS: the same route once more is no error.
                Some(route) if route.target == *target => return Ok(()),
                Some(_) => return Err(already_exists(to)),
                None => check_destination(&tx, &vpc, &before, (to, target)).await?,
            }
            targets::check(&tx, &vpc, target, to).await?;
            let mut after = before.clone();
            let (destination, target) = (to.clone(), target.clone());
            after.routes.push(Route { destination, target, origin: Origin::CreateRoute });
            nouns::put(&tx, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(CreateRouteOutput { r#return: Some(true) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ReplaceRoute.html>
async fn replace_route(ctx: Ctx, input: ReplaceRouteInput) -> Result<ReplaceRouteOutput> {
    let (to, named) = wished!(input);
    let wished = match input.local_target {
        Some(true) if named.iter().all(|(id, _)| id.is_none()) => None,
        Some(true) => {
            return Err(error::invalid_parameter_combination("Only one route target may be specified"));
        }
        Some(false) | None => Some(target(named)?),
    };
    change(&ctx, input.dry_run, |tx| {
        let (home, id, to, wished) = (Home::of(&ctx), &input.route_table_id, &to, &wished);
        async move {
            let before: RouteTable = nouns::find(&tx, home, id).await?;
            let vpc: Vpc = nouns::find(&tx, home, &before.vpc).await?;
            let target = match wished {
                Some(wished) => Some(&wished.target(&tx, home).await?),
                None => None,
            };
            let is_local = vpc.blocks().any(|block| block.cidr.to_string() == *to);
            let is_inside =
                Cidr::parse(to).is_some_and(|cidr| vpc.blocks().any(|block| block.cidr.contains(&cidr)));
            let mut after = before.clone();
            let place = after.routes.iter().position(|route| route.destination == *to);
            match (target, place) {
                // A local route that leads somewhere else is kept; without that it is as it always was.
                (None, _) if is_local => after.routes.retain(|route| route.destination != *to),
                (None, Some(_)) => {
                    let text = format!("{to} is no local route of route table {id}");
                    return Err(error::invalid_parameter_value(text));
                }
                (Some(target), place) if is_local || place.is_some() => {
                    if is_inside {
                        check_middlebox(to, target)?;
                    }
                    targets::check(&tx, &vpc, target, to).await?;
                    let target = target.clone();
                    match place.and_then(|place| after.routes.get_mut(place)) {
                        Some(route) => route.target = target,
                        None => {
                            let (destination, origin) = (to.clone(), Origin::CreateRouteTable);
                            after.routes.push(Route { destination, target, origin });
                        }
                    }
                }
                _ => return Err(not_found(id, to)),
            }
            nouns::put(&tx, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(ReplaceRouteOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteRoute.html>
async fn delete_route(ctx: Ctx, input: DeleteRouteInput) -> Result<DeleteRouteOutput> {
    let to = destination(
        input.destination_cidr_block.as_deref(),
        input.destination_ipv6_cidr_block.as_deref(),
        input.destination_prefix_list_id.as_deref(),
    )?;
    change(&ctx, input.dry_run, |tx| {
        let (home, id, to) = (Home::of(&ctx), &input.route_table_id, &to);
        async move {
            let before: RouteTable = nouns::find(&tx, home, id).await?;
            let vpc: Vpc = nouns::find(&tx, home, &before.vpc).await?;
            if vpc.blocks().any(|block| block.cidr.to_string() == *to) {
                let text = format!("cannot remove local route {to} in route table {id}");
                return Err(error::invalid_parameter_value(text));
            }
            let mut after = before.clone();
            after.routes.retain(|route| route.destination != *to);
            if after.routes.len() == before.routes.len() {
                return Err(not_found(id, to));
            }
            if before
                .routes
                .iter()
                .any(|route| route.destination == *to && matches!(route.target, Target::Endpoint(_)))
            {
                let text = format!("cannot remove VPC endpoint route {to} in route table {id}");
                return Err(error::invalid_parameter_value(text));
            }
            nouns::put(&tx, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteRouteOutput {})
}
