//! DHCP options sets: what a VPC tells its interfaces about names and time.
//!
//! Source: <https://docs.aws.amazon.com/vpc/latest/userguide/VPC_DHCP_Options.html>

use crate::access::{self, Asked};
use crate::commit::change;
use crate::filters::{Filtered, fact};
use crate::noun_record::noun;
use crate::nouns::{self, Home, Noun, new_id};
use crate::pages::{Wanted, describe};
use crate::tags::{self, Tags};
use crate::vpcs::Vpc;
use crate::{error, quotas};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};
use yakumo_api_ec2::{
    self as api, AssociateDhcpOptionsInput, AssociateDhcpOptionsOutput, AttributeValue,
    CreateDhcpOptionsInput, CreateDhcpOptionsOutput, DeleteDhcpOptionsInput, DeleteDhcpOptionsOutput,
    DescribeDhcpOptionsInput, DescribeDhcpOptionsOutput, DhcpConfiguration, NewDhcpConfiguration,
};
use yakumo_aws::{Region, Result};
use yakumo_room::{Ctx, Room, Tx};

/// What Amazon's own resolver is called in the options.
pub(crate) const AMAZON_DNS: &str = "AmazonProvidedDNS";

/// A set of DHCP options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DhcpOptions {
    /// `dopt-…`.
    pub id: String,
    /// Owner and region.
    pub home: Home,
    /// Names and values, in the order in which they were given.
    pub options: Vec<(String, Vec<String>)>,
    /// Whether it is the one that the region began with.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_default: bool,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
}

noun!(
    DhcpOptions,
    table: "dhcp-options",
    type: "AWS::EC2::DHCPOptions",
    kind: "dhcp-options",
    prefix: "dopt-",
    not_found: "InvalidDhcpOptionID.NotFound",
    malformed: "InvalidDhcpOptionsId.Malformed",
    spoken: "dhcpOption ID",
    keys: |options| vec![("ec2:DhcpOptionsID".to_owned(), vec![options.id.clone()])],
);

impl DhcpOptions {
    /// The values of an option.
    pub(crate) fn values(&self, name: &str) -> Option<&[String]> {
        self.options.iter().find(|(known, _)| known == name).map(|(_, values)| values.as_slice())
    }
}

impl Filtered for DhcpOptions {
    const FILTERS: &'static [&'static str] = &["dhcp-options-id", "key", "value", "owner-id"];

    fn facts(&self, filter: &str) -> Vec<String> {
        match filter {
            "key" => self.options.iter().map(|(name, _)| name.clone()).collect(),
            "value" => self.options.iter().flat_map(|(_, values)| values.clone()).collect(),
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
        api::AssociateDhcpOptions,
        access::needs("ec2:AssociateDhcpOptions", |input: &AssociateDhcpOptionsInput| {
            // AWS: "default" is no options set, but the absence of one.
            let options = Some(input.dhcp_options_id.as_str()).filter(|id| *id != "default");
            let asked = Asked::on::<Vpc>(&input.vpc_id);
            match options {
                Some(id) => asked.and::<DhcpOptions>(id),
                None => asked.and_kind(DhcpOptions::KIND, "*"),
            }
        }),
        associate_dhcp_options,
    )
    .on(
        api::CreateDhcpOptions,
        access::needs("ec2:CreateDhcpOptions", |input: &CreateDhcpOptionsInput| {
            Asked::any().making::<DhcpOptions>(input.tag_specifications.as_ref())
        }),
        create_dhcp_options,
    )
    .on(
        api::DeleteDhcpOptions,
        access::needs("ec2:DeleteDhcpOptions", |input: &DeleteDhcpOptionsInput| {
            Asked::on::<DhcpOptions>(&input.dhcp_options_id)
        }),
        delete_dhcp_options,
    )
    .on(api::DescribeDhcpOptions, access::reads("ec2:DescribeDhcpOptions"), describe_dhcp_options)
}

/// The domain of names in a region: `ec2.internal` in the oldest one.
pub(crate) fn domain_of(region: Region) -> String {
    match region == Region::US_EAST_1 {
        true => "ec2.internal".into(),
        false => format!("{region}.compute.internal"),
    }
}

/// Makes the set that a region begins with.
pub(crate) fn make_default(tx: &Tx, ctx: &Ctx) {
    let options = vec![
        ("domain-name".to_owned(), vec![domain_of(ctx.region())]),
        ("domain-name-servers".to_owned(), vec![AMAZON_DNS.to_owned()]),
    ];
    let id = new_id(ctx, DhcpOptions::PREFIX);
    let made = DhcpOptions { id, home: Home::of(ctx), options, is_default: true, tags: Tags::new() };
    nouns::put(tx, None, &made);
}

/// The set that a new VPC is associated with: the one that the region began with, or none once that was deleted.
pub(crate) async fn of_region(tx: &Tx, home: Home) -> Result<Option<String>> {
    let all: Vec<DhcpOptions> = nouns::all(tx, home).await?;
    Ok(all.into_iter().find(|options| options.is_default).map(|options| options.id))
}

fn shown(options: &DhcpOptions) -> api::DhcpOptions {
    let value = |value: &String| AttributeValue { value: Some(value.clone()) };
    let configuration = |(name, values): &(String, Vec<String>)| DhcpConfiguration {
        key: Some(name.clone()),
        values: Some(values.iter().map(value).collect()),
    };
    api::DhcpOptions {
        owner_id: Some(options.home.account.to_string()),
        tags: tags::shown(&options.tags),
        dhcp_options_id: Some(options.id.clone()),
        dhcp_configurations: Some(options.options.iter().map(configuration).collect()),
    }
}

/// Names and values, checked.
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateDhcpOptions.html>
fn options_of(given: &[NewDhcpConfiguration]) -> Result<Vec<(String, Vec<String>)>> {
    let mut options: Vec<(String, Vec<String>)> = Vec::new();
    for configuration in given {
        let name = configuration.key.clone().unwrap_or_default();
        let values = configuration.values.clone().unwrap_or_default();
        if values.is_empty() || values.iter().any(String::is_empty) {
            return Err(error::missing_parameter("value"));
        }
        if options.iter().any(|(known, _)| *known == name) {
            return Err(error::invalid_value(&name, "key", "The option is given twice."));
        }
        check_option(&name, &values)?;
        options.push((name, values));
    }
    match options.is_empty() {
        true => Err(error::missing_parameter("dhcpConfigurationSet")),
        false => Ok(options),
    }
}

fn check_option(name: &str, values: &[String]) -> Result<()> {
    let invalid = |value: &String| error::invalid_value(value, name, "");
    let all = |is_good: &dyn Fn(&String) -> bool| match values.iter().find(|value| !is_good(value)) {
        Some(value) => Err(invalid(value)),
        None => Ok(()),
    };
    let max = |count: usize| match values.get(count) {
        Some(value) => {
            Err(error::invalid_value(value, name, &format!("There may be at most {count} values.")))
        }
        None => Ok(()),
    };
    match name {
        "domain-name" => max(1),
        "domain-name-servers" => {
            max(4)?;
            all(&|value| value == AMAZON_DNS || value.parse::<IpAddr>().is_ok())
        }
        "ntp-servers" => {
            max(4)?;
            all(&|value| value.parse::<IpAddr>().is_ok())
        }
        "netbios-name-servers" => {
            max(4)?;
            all(&|value| value.parse::<Ipv4Addr>().is_ok())
        }
        "netbios-node-type" => {
            max(1)?;
            all(&|value| ["1", "2", "4", "8"].contains(&value.as_str()))
        }
        "ipv6-address-preferred-lease-time" => {
            max(1)?;
            all(&|value| value.parse::<u32>().is_ok_and(|seconds| seconds >= 140))
        }
        other => Err(error::invalid_value(other, "key", "The option is unknown.")),
    }
}

async fn create_dhcp_options(ctx: Ctx, input: CreateDhcpOptionsInput) -> Result<CreateDhcpOptionsOutput> {
    let options = options_of(&input.dhcp_configurations)?;
    let tags = tags::at_creation(DhcpOptions::KIND, input.tag_specifications.as_ref())?;
    let id = new_id(&ctx, DhcpOptions::PREFIX);
    let made = DhcpOptions { id, home: Home::of(&ctx), options, is_default: false, tags };
    change(&ctx, input.dry_run, |tx| {
        let made = &made;
        async move {
            let count = nouns::all::<DhcpOptions>(&tx, made.home).await?.len();
            quotas::check(count + 1, quotas::DHCP_OPTIONS, "DhcpOptionsLimitExceeded", "DHCP options sets")?;
            nouns::put(&tx, None, made);
            Ok(())
        }
    })
    .await?;
    Ok(CreateDhcpOptionsOutput { dhcp_options: Some(shown(&made)) })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteDhcpOptions.html>
async fn delete_dhcp_options(ctx: Ctx, input: DeleteDhcpOptionsInput) -> Result<DeleteDhcpOptionsOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (home, id) = (Home::of(&ctx), &input.dhcp_options_id);
        async move {
            let options: DhcpOptions = nouns::find(&tx, home, id).await?;
            let vpcs: Vec<Vpc> = nouns::all(&tx, home).await?;
            if vpcs.iter().any(|vpc| vpc.dhcp_options.as_ref() == Some(id)) {
                return Err(error::has_dependencies(&format!("dhcpOptions '{id}'")));
            }
            nouns::delete(&tx, &options);
            Ok(())
        }
    })
    .await?;
    Ok(DeleteDhcpOptionsOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateDhcpOptions.html>
async fn associate_dhcp_options(
    ctx: Ctx,
    input: AssociateDhcpOptionsInput,
) -> Result<AssociateDhcpOptionsOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (home, input) = (Home::of(&ctx), &input);
        async move {
            let before: Vpc = nouns::find(&tx, home, &input.vpc_id).await?;
            let mut after = before.clone();
            after.dhcp_options = match input.dhcp_options_id.as_str() {
                "default" => None,
                id => Some(nouns::find::<DhcpOptions>(&tx, home, id).await?.id),
            };
            nouns::put(&tx, Some(&before), &after);
            Ok(())
        }
    })
    .await?;
    Ok(AssociateDhcpOptionsOutput {})
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeDhcpOptions.html>
async fn describe_dhcp_options(
    ctx: Ctx,
    input: DescribeDhcpOptionsInput,
) -> Result<DescribeDhcpOptionsOutput> {
    let wanted = Wanted {
        max_results: input.max_results,
        next_token: input.next_token.as_deref(),
        dry_run: input.dry_run,
    };
    let ids = (input.dhcp_options_ids.as_ref(), "dhcpOptionsIds");
    let page =
        describe(&ctx, ids, input.filters.as_ref(), wanted, std::convert::identity::<DhcpOptions>).await?;
    Ok(DescribeDhcpOptionsOutput {
        dhcp_options: Some(page.items.iter().map(shown).collect()),
        next_token: page.next_token,
    })
}

#[cfg(test)]
mod tests {
    use super::check_option;

    #[test]
    fn options_have_forms() {
        for (name, values, is_good) in [
            ("domain-name", &["example.com"][..], true),
            ("domain-name", &["a", "b"], false),
            ("domain-name-servers", &["AmazonProvidedDNS", "10.0.0.2"], true),
            ("domain-name-servers", &["dns.example.com"], false),
            ("ntp-servers", &["169.254.169.123", "fd00:ec2::123"], true),
            ("ntp-servers", &["1", "2"], false),
            ("netbios-node-type", &["2"], true),
            ("netbios-node-type", &["3"], false),
            ("router", &["10.0.0.1"], false),
        ] {
            let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
            assert_eq!(check_option(name, &values).is_ok(), is_good, "{name} {values:?}");
        }
    }
}
