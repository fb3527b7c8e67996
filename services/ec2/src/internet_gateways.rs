//! Internet gateways: one for each VPC that has one.
//!
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html>

use crate::access::{self, Asked};
use crate::commit::change;
use crate::filters::{Filtered, fact};
use crate::noun_record::noun;
use crate::nouns::{self, Home, Noun, new_id};
use crate::pages::{Wanted, describe};
use crate::tags::{self, Tags};
use crate::vpcs::Vpc;
use crate::{dependents, error, quotas};
use serde::{Deserialize, Serialize};
use yakumo_api_ec2::{
    self as api, AttachInternetGatewayInput, AttachInternetGatewayOutput, CreateInternetGatewayInput,
    CreateInternetGatewayOutput, DeleteInternetGatewayInput, DeleteInternetGatewayOutput,
    DescribeInternetGatewaysInput, DescribeInternetGatewaysOutput, DetachInternetGatewayInput,
    DetachInternetGatewayOutput, InternetGatewayAttachment,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Room};

/// An internet gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct InternetGateway {
    /// `igw-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// The VPC that it is attached to.
    pub vpc: Option<String>,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

noun!(
    InternetGateway,
    table: "internet-gateways",
    type: "AWS::EC2::InternetGateway",
    kind: "internet-gateway",
    prefix: "igw-",
    not_found: "InvalidInternetGatewayID.NotFound",
    malformed: "InvalidInternetGatewayId.Malformed",
    spoken: "internetGateway ID",
    keys: |gateway| vec![("ec2:InternetGatewayID".to_owned(), vec![gateway.id.clone()])],
);

impl Filtered for InternetGateway {
    const FILTERS: &'static [&'static str] =
        &["attachment.state", "attachment.vpc-id", "internet-gateway-id", "owner-id"];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "attachment.state" => fact(self.vpc.as_ref().map(|_| "available".to_owned())),
            "attachment.vpc-id" => fact(self.vpc.clone()),
            "owner-id" => fact(self.home.account.to_string()),
            _ => fact(self.id.clone()),
        }
    }

    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
}

/// Registers the operations of this noun.
pub(crate) fn register(room: Room) -> Room {
    room.on(
        api::AttachInternetGateway,
        access::needs("ec2:AttachInternetGateway", |input: &AttachInternetGatewayInput| {
            Asked::on::<InternetGateway>(&input.internet_gateway_id).and::<Vpc>(&input.vpc_id)
        }),
        attach_internet_gateway,
    )
    .on(
        api::CreateInternetGateway,
        access::needs("ec2:CreateInternetGateway", |input: &CreateInternetGatewayInput| {
            Asked::any().making::<InternetGateway>(input.tag_specifications.as_ref())
        }),
        create_internet_gateway,
    )
    .on(
        api::DeleteInternetGateway,
        access::needs("ec2:DeleteInternetGateway", |input: &DeleteInternetGatewayInput| {
            Asked::on::<InternetGateway>(&input.internet_gateway_id)
        }),
        delete_internet_gateway,
    )
    .on(
        api::DescribeInternetGateways,
        access::reads("ec2:DescribeInternetGateways"),
        describe_internet_gateways,
    )
    .on(
        api::DetachInternetGateway,
        access::needs("ec2:DetachInternetGateway", |input: &DetachInternetGatewayInput| {
            Asked::on::<InternetGateway>(&input.internet_gateway_id).and::<Vpc>(&input.vpc_id)
        }),
        detach_internet_gateway,
    )
}

/// A new gateway that is attached to a VPC: the default VPC's.
pub(crate) fn attached(ctx: &Ctx, vpc: &str) -> InternetGateway {
    let id = new_id(ctx, InternetGateway::PREFIX);
    InternetGateway { id, home: Home::of(ctx), vpc: Some(vpc.to_owned()), tags: Tags::new() }
}

fn shown(gateway: &InternetGateway) -> api::InternetGateway {
    let attachment = gateway.vpc.iter().map(|vpc| InternetGatewayAttachment {
        // AWS: an attached internet gateway is "available", not "attached" as the model's enum would have it.
        state: Some("available".into()),
        vpc_id: Some(vpc.clone()),
    });
    api::InternetGateway {
        attachments: Some(attachment.collect()),
        internet_gateway_id: Some(gateway.id.clone()),
        owner_id: Some(gateway.home.account.to_string()),
        tags: tags::shown(&gateway.tags),
    }
}

async fn create_internet_gateway(
    ctx: Ctx,
    input: CreateInternetGatewayInput,
) -> Result<CreateInternetGatewayOutput> {
    let tags = tags::at_creation(InternetGateway::KIND, input.tag_specifications.as_ref())?;
    let id = new_id(&ctx, InternetGateway::PREFIX);
    let made = InternetGateway { id, home: Home::of(&ctx), vpc: None, tags };
    change(&ctx, input.dry_run, |tx| {
        let made = &made;
        async move {
            let count = nouns::all::<InternetGateway>(&tx, made.home).await?.len();
            quotas::check(count + 1, quotas::VPCS, "InternetGatewayLimitExceeded", "internet gateways")?;
            nouns::put(&tx, None, made);
            Ok(())
        }
    })
    .await?;
    Ok(CreateInternetGatewayOutput { internet_gateway: Some(shown(&made)) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachInternetGateway.html>
async fn attach_internet_gateway(
    ctx: Ctx,
    input: AttachInternetGatewayInput,
) -> Result<AttachInternetGatewayOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (home, input) = (Home::of(&ctx), &input);
        async move {
            let before: InternetGateway = nouns::find(&tx, home, &input.internet_gateway_id).await?;
            let vpc: Vpc = nouns::find(&tx, home, &input.vpc_id).await?;
            if let Some(other) = &before.vpc {
                let text = format!("resource {} is already attached to network {other}", before.id);
                return Err(Error::sender("Resource.AlreadyAssociated", text));
            }
            let all: Vec<InternetGateway> = nouns::all(&tx, home).await?;
            if all.iter().any(|gateway| gateway.vpc.as_ref() == Some(&vpc.id)) {
                let text = format!("Network {} already has an internet gateway attached", vpc.id);
                return Err(error::invalid_parameter_value(text));
            }
            let after = InternetGateway { vpc: Some(vpc.id), ..before.clone() };
            nouns::put(&tx, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(AttachInternetGatewayOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DetachInternetGateway.html>
async fn detach_internet_gateway(
    ctx: Ctx,
    input: DetachInternetGatewayInput,
) -> Result<DetachInternetGatewayOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (home, input) = (Home::of(&ctx), &input);
        async move {
            let before: InternetGateway = nouns::find(&tx, home, &input.internet_gateway_id).await?;
            if before.vpc.as_ref() != Some(&input.vpc_id) {
                let text = format!("resource {} is not attached to network {}", before.id, input.vpc_id);
                return Err(Error::sender("Gateway.NotAttached", text));
            }
            dependents::check_public_addresses(&tx, home, &input.vpc_id).await?;
            let after = InternetGateway { vpc: None, ..before.clone() };
            nouns::put(&tx, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(DetachInternetGatewayOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteInternetGateway.html>
async fn delete_internet_gateway(
    ctx: Ctx,
    input: DeleteInternetGatewayInput,
) -> Result<DeleteInternetGatewayOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.internet_gateway_id);
        async move {
            let gateway: InternetGateway = nouns::find(&tx, home, id).await?;
            if gateway.vpc.is_some() {
                return Err(error::has_dependencies(&format!("internetGateway '{id}'")));
            }
            nouns::delete(&tx, &gateway);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteInternetGatewayOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInternetGateways.html>
async fn describe_internet_gateways(
    ctx: Ctx,
    input: DescribeInternetGatewaysInput,
) -> Result<DescribeInternetGatewaysOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let ids = (input.internet_gateway_ids.as_ref(), "internetGatewayIds");
    let page = describe(&ctx, ids, input.filters.as_ref(), wanted, std::convert::identity::<InternetGateway>)
        .await?;
    Ok(DescribeInternetGatewaysOutput {
        internet_gateways: Some(page.items.iter().map(shown).collect()),
        next_token: page.next_token,
    })
}
