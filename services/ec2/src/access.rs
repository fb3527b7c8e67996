//! Access rules: operation → IAM actions on the ARNs of EC2's resources, with EC2's condition keys.
//!
//! Invariant: a rule names what the input names, whether it exists or not; who may not ask learns nothing of what is there.
//! Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html>

use crate::defaults;
use crate::nouns::{self, Home, Keys, Kind, Noun, kind_named};
use crate::tags::{self, Tags};
use crate::{images, snapshots};
use futures_util::future::BoxFuture;
use yakumo_api_ec2::TagSpecification;
use yakumo_aws::Result;
use yakumo_room::{Access, Ctx, Need};

/// The action that tags anything.
pub(crate) const CREATE_TAGS: &str = "ec2:CreateTags";
/// The action that takes tags away.
pub(crate) const DELETE_TAGS: &str = "ec2:DeleteTags";
/// The action that gives a role to a service.
const PASS_ROLE: &str = "iam:PassRole";
/// What gives instances a role.
const PASSING: [&str; 3] =
    ["ec2:AssociateIamInstanceProfile", "ec2:ReplaceIamInstanceProfileAssociation", "ec2:RunInstances"];

/// What a request asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    targets: Vec<Target>,
    /// Condition keys of the request; those that an action or resource does not have are left out.
    keys: Keys,
    /// The ARN of a role that EC2 is given.
    passed: Option<String>,
}

#[derive(Clone, Debug)]
struct Target {
    kind: &'static str,
    /// `None` for what is to be made.
    id: Option<String>,
    /// Tags that it is to have from the beginning.
    tags: Tags,
    /// Condition keys of its own.
    keys: Keys,
    /// Whether it is meant because the request names nothing.
    assumed: bool,
}

impl Asked {
    /// An action without resources.
    pub(crate) fn any() -> Asked {
        Asked::default()
    }

    /// About the resource of that kind and id.
    pub(crate) fn on<N: Noun>(id: &str) -> Asked {
        Asked::any().and::<N>(id)
    }

    /// And about that one.
    pub(crate) fn and<N: Noun>(self, id: &str) -> Asked {
        self.and_kind(N::KIND, id)
    }

    /// The same for a kind by its name.
    pub(crate) fn and_kind(mut self, kind: &'static str, id: &str) -> Asked {
        // What cannot be an id is nobody's: the question is then whether the caller may do this to all of them.
        let id = nouns::is_id(id).then(|| id.to_owned());
        self.targets.push(Target { kind, id, tags: Tags::new(), keys: Keys::new(), assumed: false });
        self
    }

    /// And about what is known by a name in its ARN, which may have more characters than ids have.
    pub(crate) fn and_named(mut self, kind: &'static str, name: &str) -> Asked {
        let id = is_name(name).then(|| name.to_owned());
        self.targets.push(Target { kind, id, tags: Tags::new(), keys: Keys::new(), assumed: false });
        self
    }

    /// About something new whose name will be in its ARN.
    pub(crate) fn making_named(
        mut self,
        kind: &'static str,
        name: &str,
        tags: Option<&Vec<TagSpecification>>,
    ) -> Asked {
        let id = is_name(name).then(|| name.to_owned());
        let tags = tags::asked(kind, tags);
        self.targets.push(Target { kind, id, tags, keys: Keys::new(), assumed: false });
        self
    }

    /// And about that one, if the input names it.
    pub(crate) fn and_maybe<N: Noun>(self, id: Option<&str>) -> Asked {
        match id {
            Some(id) => self.and::<N>(id),
            None => self,
        }
    }

    /// About something new of that kind with the tags of the input.
    pub(crate) fn making<N: Noun>(self, tags: Option<&Vec<TagSpecification>>) -> Asked {
        self.making_kind(N::KIND, tags)
    }

    /// The same for a kind by its name.
    pub(crate) fn making_kind(mut self, kind: &'static str, tags: Option<&Vec<TagSpecification>>) -> Asked {
        self.targets.push(Target {
            kind,
            id: None,
            tags: tags::asked(kind, tags),
            keys: Keys::new(),
            assumed: false,
        });
        self
    }

    /// What was named last is meant because the request names nothing.
    pub(crate) fn assumed(mut self) -> Asked {
        if let Some(target) = self.targets.last_mut() {
            target.assumed = true;
        }
        self
    }

    /// Everything as the launch template of that ARN launches it; what the request itself names, which is what `plain`
    /// is about, is none of the template's resources.
    pub(crate) fn launched_by(mut self, template: &str, plain: &Asked) -> Asked {
        for target in &mut self.targets {
            let is_named = |own: &Target| {
                own.kind == target.kind && own.id.is_some() && own.id == target.id && !own.assumed
            };
            let is_its = !plain.targets.iter().any(is_named);
            target.keys.push(("ec2:LaunchTemplate".to_owned(), vec![template.to_owned()]));
            target.keys.push(("ec2:IsLaunchTemplateResource".to_owned(), vec![is_its.to_string()]));
        }
        self
    }

    /// With a condition key of what was named last, and of nothing else.
    pub(crate) fn of_it(mut self, key: &str, value: impl ToString) -> Asked {
        if let Some(target) = self.targets.last_mut() {
            target.keys.push((key.to_owned(), vec![value.to_string()]));
        }
        self
    }

    /// With a condition key from the request.
    pub(crate) fn with(mut self, key: &str, values: Vec<String>) -> Asked {
        self.keys.push((key.to_owned(), values));
        self
    }

    /// And giving EC2 that role.
    /// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html>
    pub(crate) fn passing(mut self, role: &str) -> Asked {
        self.passed = Some(role.to_owned());
        self
    }

    /// With the attribute that is to be changed, and its new value.
    pub(crate) fn attribute(self, name: &str, value: impl ToString) -> Asked {
        self.with("ec2:Attribute", vec![name.to_owned()])
            .with(&format!("ec2:Attribute/{name}"), vec![value.to_string()])
    }
}

/// Whether a text could be a name. One with a star is nobody's, so that it cannot be taken for a pattern.
fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.chars().all(|c| !c.is_control() && c != '*' && c != '?')
}

/// The rule of an operation that needs one action on what `ask` finds in the input.
pub(crate) fn needs<I: Sync + 'static>(
    action: &'static str,
    ask: impl Fn(&I) -> Asked + Send + Sync + 'static,
) -> Access<I> {
    looked_up(action, move |_, input| {
        let asked = ask(input);
        Box::pin(async move { Ok(asked) })
    })
}

/// The same when what it is about must be looked up first.
pub(crate) fn looked_up<I: Sync + 'static>(
    action: &'static str,
    ask: impl for<'a> Fn(&'a Ctx, &'a I) -> BoxFuture<'a, Result<Asked>> + Send + Sync + 'static,
) -> Access<I> {
    let ask = std::sync::Arc::new(ask);
    Access::needs(declared(action), move |ctx: &Ctx, input: &I| -> BoxFuture<'_, Result<Vec<Need>>> {
        let ask = ask.clone();
        Box::pin(async move {
            defaults::ensure(ctx).await?;
            needs_of(ctx, action, ask(ctx, input).await?).await
        })
    })
}

/// What a rule may ask for: to tag is only asked of what AWS documents tags at creation for.
fn declared(action: &'static str) -> Vec<&'static str> {
    let is_tag = |keys: &[&str]| keys.iter().any(|key| key.starts_with("aws:RequestTag/"));
    let tags = yakumo_reference::action(action).is_some_and(|(_, known)| {
        is_tag(&known.keys) || known.resources.iter().any(|resource| is_tag(&resource.keys))
    });
    let mut declared = vec![action];
    if tags && action != CREATE_TAGS && action != DELETE_TAGS {
        declared.push(CREATE_TAGS);
    }
    if PASSING.contains(&action) {
        declared.push(PASS_ROLE);
    }
    declared
}

/// The rule of an operation that reads without naming anything.
pub(crate) fn reads<I: Sync + 'static>(action: &'static str) -> Access<I> {
    needs(action, |_: &I| Asked::any())
}

async fn needs_of(ctx: &Ctx, action: &'static str, asked: Asked) -> Result<Vec<Need>> {
    let mut needs = Vec::new();
    let mut tagging = Vec::new();
    for target in &asked.targets {
        let arn = Home::of(ctx).arn(target.kind, target.id.as_deref().unwrap_or("*"));
        let mut keys = asked.keys.clone();
        keys.extend(target.keys.clone());
        keys.extend(requested(&target.tags));
        if let (Some(id), Some(kind)) = (&target.id, kind_named(target.kind)) {
            keys.extend(keys_about(ctx, kind, id).await?.unwrap_or_default());
        }
        needs.push(need(ctx, action, &arn, keys));
        if !target.tags.is_empty() {
            let mut keys = requested(&target.tags);
            let made_by = action.trim_start_matches("ec2:").to_owned();
            keys.push(("ec2:CreateAction".to_owned(), vec![made_by]));
            tagging.push(need(ctx, CREATE_TAGS, &arn, keys));
        }
    }
    if needs.is_empty() {
        needs.push(need(ctx, action, "*", asked.keys));
    }
    needs.extend(tagging);
    if let Some(role) = &asked.passed {
        let mut pass = Need::new(PASS_ROLE, role.clone(), ctx.account());
        pass.keys.put("iam:PassedToService", "ec2.amazonaws.com");
        needs.push(pass);
    }
    Ok(needs)
}

/// The condition keys of a resource; images and snapshots may be somebody else's.
async fn keys_about(ctx: &Ctx, kind: &dyn Kind, id: &str) -> Result<Option<Keys>> {
    match kind.name() {
        "image" => images::keys_about(ctx, id).await,
        "snapshot" => snapshots::keys_about(ctx, id).await,
        _ => kind.keys(ctx, Home::of(ctx), id).await,
    }
}

/// One thing to be allowed, with those of the keys that AWS documents for it.
fn need(ctx: &Ctx, action: &'static str, arn: &str, mut keys: Keys) -> Need {
    keys.push(("ec2:Region".to_owned(), vec![ctx.region().to_string()]));
    keys.retain(|(key, _)| yakumo_reference::has_key(action, arn, key));
    Need { keys: keys.as_slice().into(), ..Need::new(action, arn, ctx.account()) }
}

/// The condition keys of tags that a request brings.
pub(crate) fn requested(tags: &Tags) -> Keys {
    if tags.is_empty() {
        return Keys::new();
    }
    let mut keys: Keys =
        tags.iter().map(|(name, value)| (format!("aws:RequestTag/{name}"), vec![value.clone()])).collect();
    keys.push(("aws:TagKeys".to_owned(), tags.keys().cloned().collect()));
    keys
}

/// What an action on the resource of this ARN needs, for whoever asks before acting. `*` is for actions without
/// resources, and as an id for what is to be made.
pub(crate) async fn need_of(ctx: &Ctx, action: &str, arn: &str) -> Result<Option<Need>> {
    let home = Home::of(ctx);
    let (own, shared) = (home.arn("", ""), home.arn("image", ""));
    let named =
        arn.strip_prefix(own.trim_end_matches('/')).or(arn.strip_prefix(shared.trim_end_matches("image/")));
    let named = named.and_then(|rest| rest.split_once('/'));
    let mut keys = match named {
        _ if arn == "*" => Keys::new(),
        Some((_, "*")) => Keys::new(),
        Some((kind, id)) => {
            let Some(kind) = kind_named(kind) else { return Ok(None) };
            let Some(keys) = keys_about(ctx, kind, id).await? else { return Ok(None) };
            keys
        }
        None => return Ok(None),
    };
    keys.push(("ec2:Region".to_owned(), vec![ctx.region().to_string()]));
    keys.retain(|(key, _)| yakumo_reference::has_key(action, arn, key));
    Ok(Some(Need { keys: keys.as_slice().into(), ..Need::new(action.to_owned(), arn, ctx.account()) }))
}

/// What EC2 says to who is refused: a sentence before the reason, and behind it what only those can read who may
/// decode it. AWS: reading operations have no encoded part.
pub(crate) async fn refusal(ctx: &Ctx, operation: &str, reason: &str) -> Result<String> {
    let text = format!("You are not authorized to perform this operation. {reason}");
    if operation.starts_with("Describe") || operation.starts_with("Get") {
        return Ok(text);
    }
    let encoded = ctx.encode_authorization_message().await?;
    Ok(format!("{text}. Encoded authorization failure message: {encoded}"))
}
