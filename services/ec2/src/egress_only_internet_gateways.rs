//! Egress-only internet gateways: the way out for IPv6.
//!
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/egress-only-internet-gateway.html>

use crate::access::{self, Asked};
use crate::commit::change;
use crate::filters::{Filtered, fact};
use crate::noun_record::noun;
use crate::nouns::{self, ClientToken, Home, Noun, new_id};
use crate::pages::{Wanted, describe};
use crate::quotas;
use crate::tags::{self, Tags};
use crate::vpcs::Vpc;
use serde::{Deserialize, Serialize};
use yakumo_api_ec2::{
    self as api, CreateEgressOnlyInternetGatewayInput, CreateEgressOnlyInternetGatewayOutput,
    DeleteEgressOnlyInternetGatewayInput, DeleteEgressOnlyInternetGatewayOutput,
    DescribeEgressOnlyInternetGatewaysInput, DescribeEgressOnlyInternetGatewaysOutput,
    InternetGatewayAttachment,
};
use yakumo_aws::Result;
use yakumo_room::{Ctx, Room};

/// An egress-only internet gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EgressOnlyInternetGateway {
    /// `eigw-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// Its VPC.
    pub vpc: String,
    /// The request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<ClientToken>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

noun!(
    EgressOnlyInternetGateway,
    table: "egress-only-internet-gateways",
    type: "AWS::EC2::EgressOnlyInternetGateway",
    kind: "egress-only-internet-gateway",
    prefix: "eigw-",
    not_found: "InvalidGatewayID.NotFound",
    malformed: "InvalidGatewayID.Malformed",
    spoken: "eigw ID",
    keys: |_| Vec::new(),
);

impl Filtered for EgressOnlyInternetGateway {
    const FILTERS: &'static [&'static str] = &[];

    fn facts(&self, _filter: &str) -> Vec<String> {
        fact(self.id.clone())
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    room.on(
        api::CreateEgressOnlyInternetGateway,
        access::needs(
            "ec2:CreateEgressOnlyInternetGateway",
            |input: &CreateEgressOnlyInternetGatewayInput| {
                Asked::on::<Vpc>(&input.vpc_id)
                    .making::<EgressOnlyInternetGateway>(input.tag_specifications.as_ref())
            },
        ),
        create_egress_only_internet_gateway,
    )
    .on(
        api::DeleteEgressOnlyInternetGateway,
        access::needs(
            "ec2:DeleteEgressOnlyInternetGateway",
            |input: &DeleteEgressOnlyInternetGatewayInput| {
                Asked::on::<EgressOnlyInternetGateway>(&input.egress_only_internet_gateway_id)
            },
        ),
        delete_egress_only_internet_gateway,
    )
    .on(
        api::DescribeEgressOnlyInternetGateways,
        access::reads("ec2:DescribeEgressOnlyInternetGateways"),
        describe_egress_only_internet_gateways,
    )
}

fn shown(gateway: &EgressOnlyInternetGateway) -> api::EgressOnlyInternetGateway {
    let attachment =
        InternetGatewayAttachment { state: Some("attached".into()), vpc_id: Some(gateway.vpc.clone()) };
    api::EgressOnlyInternetGateway {
        attachments: Some(vec![attachment]),
        egress_only_internet_gateway_id: Some(gateway.id.clone()),
        tags: tags::shown(&gateway.tags),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateEgressOnlyInternetGateway.html>
async fn create_egress_only_internet_gateway(
    ctx: Ctx,
    input: CreateEgressOnlyInternetGatewayInput,
) -> Result<CreateEgressOnlyInternetGatewayOutput> {
    let tags = tags::at_creation(EgressOnlyInternetGateway::KIND, input.tag_specifications.as_ref())?;
    let token = ClientToken::of(input.client_token.as_deref(), &(&input.vpc_id, &tags));
    let id = new_id(&ctx, EgressOnlyInternetGateway::PREFIX);
    let made = EgressOnlyInternetGateway { id, home: Home::of(&ctx), vpc: input.vpc_id.clone(), token, tags };
    let made = change(&ctx, input.dry_run, |tx| {
        let made = made.clone();
        async move {
            let all: Vec<EgressOnlyInternetGateway> = nouns::all(&tx, made.home).await?;
            for known in &all {
                if ClientToken::made(made.token.as_ref(), known.token.as_ref())? {
                    return Ok(known.clone());
                }
            }
            nouns::find::<Vpc>(&tx, made.home, &made.vpc).await?;
            let what = "egress-only internet gateways";
            quotas::check(all.len() + 1, quotas::VPCS, "EgressOnlyInternetGatewayLimitExceeded", what)?;
            nouns::put(&tx, None, &made);
            Ok(made)
        }
    })
    .await?;
    Ok(CreateEgressOnlyInternetGatewayOutput {
        client_token: input.client_token,
        egress_only_internet_gateway: Some(shown(&made)),
    })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteEgressOnlyInternetGateway.html>
async fn delete_egress_only_internet_gateway(
    ctx: Ctx,
    input: DeleteEgressOnlyInternetGatewayInput,
) -> Result<DeleteEgressOnlyInternetGatewayOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.egress_only_internet_gateway_id);
        async move {
            let gateway: EgressOnlyInternetGateway = nouns::find(&tx, home, id).await?;
            nouns::delete(&tx, &gateway);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteEgressOnlyInternetGatewayOutput { return_code: Some(true) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeEgressOnlyInternetGateways.html>
async fn describe_egress_only_internet_gateways(
    ctx: Ctx,
    input: DescribeEgressOnlyInternetGatewaysInput,
) -> Result<DescribeEgressOnlyInternetGatewaysOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let ids = (input.egress_only_internet_gateway_ids.as_ref(), "egressOnlyInternetGatewayIds");
    let page = describe(
        &ctx,
        ids,
        input.filters.as_ref(),
        wanted,
        std::convert::identity::<EgressOnlyInternetGateway>,
    )
    .await?;
    Ok(DescribeEgressOnlyInternetGatewaysOutput {
        egress_only_internet_gateways: Some(page.items.iter().map(shown).collect()),
        next_token: page.next_token,
    })
}
