//! How the metadata of instances can be read: the options of an instance, and what an account has decided for new ones.
//!
//! Invariant: a new instance has what its launch says, else what its account says, else what AWS says.
//! Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-options.html>

use super::{Instance, State};
use crate::access::{self, Asked};
use crate::commit::{change, only_if};
use crate::error;
use crate::nouns::{self, Home};
use crate::tags::Tags;
use serde::{Deserialize, Serialize};
use yakumo_api_ec2::{
    self as api, GetInstanceMetadataDefaultsInput, GetInstanceMetadataDefaultsOutput,
    InstanceMetadataDefaultsResponse, InstanceMetadataOptionsRequest, ModifyInstanceMetadataDefaultsInput,
    ModifyInstanceMetadataDefaultsOutput, ModifyInstanceMetadataOptionsInput,
    ModifyInstanceMetadataOptionsOutput,
};
use yakumo_aws::{Error, Result};
use yakumo_room::{Ctx, Record, Room, Tx};

/// How far an answer with a token may go.
const HOPS: std::ops::RangeInclusive<i32> = 1..=64;

/// How the metadata of an instance can be read.
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceMetadataOptionsRequest.html>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MetadataOptions {
    /// Whether a session token is required: IMDSv2 only.
    pub tokens_required: bool,
    /// How many hops the answer with a token may go, 1 to 64.
    pub hop_limit: i32,
    /// Whether it can be read at all.
    pub enabled: bool,
    /// Whether it can be read over IPv6 as well.
    pub ipv6: bool,
    /// Whether the instance's tags can be read.
    pub tags: bool,
}

impl Default for MetadataOptions {
    /// AWS: an account without settings of its own, and an image that says nothing: both versions can be used.
    fn default() -> MetadataOptions {
        MetadataOptions { tokens_required: false, hop_limit: 1, enabled: true, ipv6: false, tags: false }
    }
}

impl MetadataOptions {
    /// These with what a request says instead.
    ///
    /// # Errors
    /// InvalidParameterValue for a value that an option cannot have.
    pub(super) fn with(&self, wanted: &InstanceMetadataOptionsRequest) -> Result<MetadataOptions> {
        let (tokens, endpoint) = (&wanted.http_tokens, &wanted.http_endpoint);
        let (ipv6, tags) = (&wanted.http_protocol_ipv6, &wanted.instance_metadata_tags);
        if let Some(limit) = wanted.http_put_response_hop_limit {
            check_hops(limit)?;
        }
        Ok(MetadataOptions {
            tokens_required: is(tokens, "HttpTokens", "required", "optional", self.tokens_required)?,
            hop_limit: wanted.http_put_response_hop_limit.unwrap_or(self.hop_limit),
            enabled: is(endpoint, "HttpEndpoint", "enabled", "disabled", self.enabled)?,
            ipv6: is(ipv6, "HttpProtocolIpv6", "enabled", "disabled", self.ipv6)?,
            tags: is(tags, "InstanceMetadataTags", "enabled", "disabled", self.tags)?,
        })
    }

    /// The condition keys that policies see.
    pub(super) fn keys(&self) -> [(&'static str, String); 4] {
        [
            ("ec2:MetadataHttpTokens", tokens(self.tokens_required).to_owned()),
            ("ec2:MetadataHttpEndpoint", switched(self.enabled).to_owned()),
            ("ec2:MetadataHttpPutResponseHopLimit", self.hop_limit.to_string()),
            ("ec2:InstanceMetadataTags", switched(self.tags).to_owned()),
        ]
    }

    /// As the API shows them.
    pub(super) fn shown(&self, state: &str) -> api::InstanceMetadataOptionsResponse {
        api::InstanceMetadataOptionsResponse {
            state: Some(state.to_owned()),
            http_tokens: Some(tokens(self.tokens_required).to_owned()),
            http_put_response_hop_limit: Some(self.hop_limit),
            http_endpoint: Some(switched(self.enabled).to_owned()),
            http_protocol_ipv6: Some(switched(self.ipv6).to_owned()),
            instance_metadata_tags: Some(switched(self.tags).to_owned()),
        }
    }

    /// Whether the tags of an instance can be read as paths.
    /// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html>
    pub(super) fn check_tags(&self, tags: &Tags) -> Result<()> {
        let is_path = |key: &str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-=.,_:@".contains(&byte);
            key.bytes().all(plain) && !matches!(key, "." | ".." | "_index")
        };
        match tags.keys().find(|key| self.tags && !is_path(key)) {
            None => Ok(()),
            Some(key) => Err(error::invalid_parameter_value(format!(
                "'{key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{{1,255}}), and must not \
                 be a reserved name ('.', '..', '_index')"
            ))),
        }
    }
}

fn tokens(required: bool) -> &'static str {
    if required { "required" } else { "optional" }
}

fn switched(on: bool) -> &'static str {
    if on { "enabled" } else { "disabled" }
}

fn is(value: &Option<String>, name: &str, yes: &str, no: &str, now: bool) -> Result<bool> {
    match value.as_deref() {
        None => Ok(now),
        Some(value) if value == yes => Ok(true),
        Some(value) if value == no => Ok(false),
        Some(other) => Err(error::invalid_value(other, name, &format!("Expected {yes} or {no}."))),
    }
}

fn check_hops(limit: i32) -> Result<()> {
    match HOPS.contains(&limit) {
        true => Ok(()),
        false => {
            let text = "The value for HttpPutResponseHopLimit must be between 1 and 64.";
            Err(error::invalid_parameter_value(text))
        }
    }
}

/// What an account has decided in a region for new instances; `None` leaves it to AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct MetadataDefaults {
    tokens_required: Option<bool>,
    hop_limit: Option<i32>,
    enabled: Option<bool>,
    tags: Option<bool>,
    /// Whether no instance may let tokens be left out.
    enforced: Option<bool>,
}

impl Record for MetadataDefaults {
    const TABLE: &'static str = "instance-metadata-defaults";
}

/// There is one record.
const ID: &[&str] = &["account"];

impl MetadataDefaults {
    /// As last committed, where the request acts.
    pub(super) async fn read(ctx: &Ctx) -> Result<MetadataDefaults> {
        Ok(ctx.get(&Home::of(ctx).scope(), ID).await?.unwrap_or_default())
    }

    /// As the transaction sees it.
    pub(super) async fn find(tx: &Tx, home: Home) -> Result<MetadataDefaults> {
        Ok(tx.get(&home.scope(), ID).await?.unwrap_or_default())
    }

    /// The options of a new instance.
    ///
    /// # Errors
    /// As [`MetadataOptions::with`].
    pub(super) fn launch(&self, wanted: Option<&InstanceMetadataOptionsRequest>) -> Result<MetadataOptions> {
        let by_aws = MetadataOptions::default();
        let options = MetadataOptions {
            tokens_required: self.tokens_required.unwrap_or(by_aws.tokens_required),
            hop_limit: self.hop_limit.unwrap_or(by_aws.hop_limit),
            enabled: self.enabled.unwrap_or(by_aws.enabled),
            ipv6: by_aws.ipv6,
            tags: self.tags.unwrap_or(by_aws.tags),
        };
        wanted.map_or(Ok(options.clone()), |wanted| options.with(wanted))
    }

    /// Whether an instance may have these options.
    /// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-IMDS-new-instances.html>
    pub(super) fn check(&self, options: &MetadataOptions) -> Result<()> {
        match self.enforced == Some(true) && !options.tokens_required {
            false => Ok(()),
            true => {
                let text = "You can't launch instances with IMDSv1 because httpTokensEnforced is enabled for this account. \
                            Either launch the instance with httpTokens=required or contact your account owner to disable \
                            httpTokensEnforced using the ModifyInstanceMetadataDefaults API or the account settings in the \
                            EC2 console.";
                Err(Error::sender("UnsupportedOperation", text))
            }
        }
    }

    fn shown(&self) -> InstanceMetadataDefaultsResponse {
        let switch = |value: Option<bool>| value.map(|on| switched(on).to_owned());
        InstanceMetadataDefaultsResponse {
            http_tokens: self.tokens_required.map(|required| tokens(required).to_owned()),
            http_put_response_hop_limit: self.hop_limit,
            http_endpoint: switch(self.enabled),
            instance_metadata_tags: switch(self.tags),
            managed_by: Some("account".to_owned()),
            managed_exception_message: None,
            http_tokens_enforced: switch(self.enforced),
        }
    }
}

/// Registers the operations of this file.
pub(super) fn register(room: Room) -> Room {
    room.on(
        api::ModifyInstanceMetadataOptions,
        access::needs("ec2:ModifyInstanceMetadataOptions", |input: &ModifyInstanceMetadataOptionsInput| {
            let given = [
                ("HttpEndpoint", input.http_endpoint.clone()),
                ("HttpProtocolIpv6", input.http_protocol_ipv6.clone()),
                ("HttpPutResponseHopLimit", input.http_put_response_hop_limit.map(|limit| limit.to_string())),
                ("HttpTokens", input.http_tokens.clone()),
                ("InstanceMetadataTags", input.instance_metadata_tags.clone()),
            ];
            attributes(Asked::on::<Instance>(&input.instance_id), given)
        }),
        modify_instance_metadata_options,
    )
    .on(
        api::GetInstanceMetadataDefaults,
        access::reads("ec2:GetInstanceMetadataDefaults"),
        get_instance_metadata_defaults,
    )
    .on(
        api::ModifyInstanceMetadataDefaults,
        access::needs("ec2:ModifyInstanceMetadataDefaults", |input: &ModifyInstanceMetadataDefaultsInput| {
            let given = [
                ("HttpEndpoint", input.http_endpoint.clone()),
                ("HttpPutResponseHopLimit", input.http_put_response_hop_limit.map(|limit| limit.to_string())),
                ("HttpTokens", input.http_tokens.clone()),
                ("HttpTokensEnforced", input.http_tokens_enforced.clone()),
                ("InstanceMetadataTags", input.instance_metadata_tags.clone()),
            ];
            attributes(Asked::any(), given)
        }),
        modify_instance_metadata_defaults,
    )
}

/// With those attributes that a request changes.
fn attributes<const N: usize>(asked: Asked, given: [(&str, Option<String>); N]) -> Asked {
    let given: Vec<(&str, String)> =
        given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let names = given.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>();
    let asked = if names.is_empty() { asked } else { asked.with("ec2:Attribute", names) };
    given
        .into_iter()
        .fold(asked, |asked, (name, value)| asked.with(&format!("ec2:Attribute/{name}"), vec![value]))
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMetadataOptions.html>
async fn modify_instance_metadata_options(
    ctx: Ctx,
    input: ModifyInstanceMetadataOptionsInput,
) -> Result<ModifyInstanceMetadataOptionsOutput> {
    let wanted = InstanceMetadataOptionsRequest {
        http_tokens: input.http_tokens.clone(),
        http_put_response_hop_limit: input.http_put_response_hop_limit,
        http_endpoint: input.http_endpoint.clone(),
        http_protocol_ipv6: input.http_protocol_ipv6.clone(),
        instance_metadata_tags: input.instance_metadata_tags.clone(),
    };
    let options = change(&ctx, input.dry_run, |tx| {
        let (id, home, wanted) = (&input.instance_id, Home::of(&ctx), &wanted);
        async move {
            let before: Instance = nouns::find(&tx, home, id).await?;
            if matches!(before.state, State::ShuttingDown | State::Terminated) {
                let text = format!("The instance '{id}' is not in the 'running' or 'stopped' states.");
                return Err(Error::sender("IncorrectInstanceState", text));
            }
            let options = before.metadata.with(wanted)?;
            if wanted.http_tokens.is_some() {
                MetadataDefaults::find(&tx, home).await?.check(&options)?;
            }
            options.check_tags(&before.tags)?;
            nouns::put(&tx, Some(&before), &Instance { metadata: options.clone(), ..before.clone() });
            Ok(options)
        }
    })
    .await?;
    Ok(ModifyInstanceMetadataOptionsOutput {
        instance_id: Some(input.instance_id),
        // AWS: the answer comes before it is applied; the next DescribeInstances says `applied`.
        instance_metadata_options: Some(options.shown("pending")),
    })
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetInstanceMetadataDefaults.html>
async fn get_instance_metadata_defaults(
    ctx: Ctx,
    input: GetInstanceMetadataDefaultsInput,
) -> Result<GetInstanceMetadataDefaultsOutput> {
    only_if(input.dry_run)?;
    Ok(GetInstanceMetadataDefaultsOutput { account_level: Some(MetadataDefaults::read(&ctx).await?.shown()) })
}

/// What a request makes of a default: `no-preference` takes it away.
fn preferred(
    value: &Option<String>,
    name: &str,
    yes: &str,
    no: &str,
    now: Option<bool>,
) -> Result<Option<bool>> {
    match value.as_deref() {
        None => Ok(now),
        Some("no-preference") => Ok(None),
        Some(_) => is(value, name, yes, no, false).map(Some),
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyInstanceMetadataDefaults.html>
async fn modify_instance_metadata_defaults(
    ctx: Ctx,
    input: ModifyInstanceMetadataDefaultsInput,
) -> Result<ModifyInstanceMetadataDefaultsOutput> {
    change(&ctx, input.dry_run, |tx| {
        let (input, home) = (&input, Home::of(&ctx));
        async move {
            let before = MetadataDefaults::find(&tx, home).await?;
            let switch = |value, name, now| preferred(value, name, "enabled", "disabled", now);
            let hop_limit = match input.http_put_response_hop_limit {
                None => before.hop_limit,
                // AWS: "Specify -1 to indicate no preference."
                Some(-1) => None,
                Some(limit) => check_hops(limit).map(|()| Some(limit))?,
            };
            let after = MetadataDefaults {
                tokens_required: preferred(
                    &input.http_tokens,
                    "HttpTokens",
                    "required",
                    "optional",
                    before.tokens_required,
                )?,
                hop_limit,
                enabled: switch(&input.http_endpoint, "HttpEndpoint", before.enabled)?,
                tags: switch(&input.instance_metadata_tags, "InstanceMetadataTags", before.tags)?,
                enforced: switch(&input.http_tokens_enforced, "HttpTokensEnforced", before.enforced)?,
            };
            tx.put(&home.scope(), ID, &after);
            Ok(())
        }
    })
    .await?;
    Ok(ModifyInstanceMetadataDefaultsOutput { r#return: Some(true) })
}

#[cfg(test)]
mod tests {
    use super::{MetadataDefaults, MetadataOptions};
    use crate::tags::Tags;
    use yakumo_api_ec2::InstanceMetadataOptionsRequest;

    fn request(tokens: &str, limit: i32) -> InstanceMetadataOptionsRequest {
        InstanceMetadataOptionsRequest {
            http_tokens: Some(tokens.into()),
            http_put_response_hop_limit: Some(limit),
            ..InstanceMetadataOptionsRequest::default()
        }
    }

    #[test]
    fn metadata_options_have_values_of_their_own() {
        let made = MetadataOptions::default().with(&request("required", 2)).unwrap();
        assert!(made.tokens_required && made.enabled && made.hop_limit == 2);
        for bad in [request("never", 1), request("optional", 0), request("optional", 65)] {
            assert_eq!(MetadataOptions::default().with(&bad).unwrap_err().code, "InvalidParameterValue");
        }
    }

    #[test]
    fn a_launch_goes_before_the_account_and_the_account_before_aws() {
        let account = MetadataDefaults {
            tokens_required: Some(true),
            hop_limit: Some(3),
            ..MetadataDefaults::default()
        };
        let made = account.launch(None).unwrap();
        assert!(made.tokens_required && made.hop_limit == 3 && made.enabled && !made.tags);
        let made = account.launch(Some(&request("optional", 2))).unwrap();
        assert!(!made.tokens_required && made.hop_limit == 2);
        assert!(account.check(&made).is_ok());
        let enforced = MetadataDefaults { enforced: Some(true), ..account };
        assert_eq!(enforced.check(&made).unwrap_err().code, "UnsupportedOperation");
        assert!(enforced.check(&enforced.launch(None).unwrap()).is_ok());
    }

    #[test]
    fn tags_that_are_read_are_paths() {
        let read = MetadataOptions { tags: true, ..MetadataOptions::default() };
        let tags = |key: &str| Tags::from([(key.to_owned(), String::new())]);
        assert!(read.check_tags(&tags("Name_1+=,.:@-")).is_ok());
        for bad in ["a/b", "a b", ".", "..", "_index", "ä"] {
            assert!(read.check_tags(&tags(bad)).is_err(), "{bad}");
            assert!(MetadataOptions::default().check_tags(&tags(bad)).is_ok(), "{bad}");
        }
    }
}
