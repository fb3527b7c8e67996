//! The policies of a simulation: given as texts, or those that a user, group or role carries.

use super::text::{Passage, passages};
use crate::entities::{Carried, Origin};
use crate::error;
use std::sync::Arc;
use yakumo_aws::Result;
use yakumo_policy::{Attached, Document, PolicyKind};

/// What AWS calls the types of policies in answers.
/// from: docs API_SimulatePrincipalPolicy, its examples.
pub(crate) const IAM_POLICY: &str = "IAM Policy";
pub(crate) const RESOURCE_POLICY: &str = "Resource Policy";
pub(crate) const BOUNDARY_POLICY: &str = "Permissions Boundary Policy";

/// One policy of a simulation.
#[derive(Clone)]
pub(crate) struct Source {
    /// `SourcePolicyId` in answers.
    pub id: String,
    /// `SourcePolicyType` in answers.
    pub kind: &'static str,
    /// Where it comes from, unless it was given as a text.
    pub origin: Option<Origin>,
    pub passages: Vec<Passage>,
    pub document: Arc<Document>,
}

impl Source {
    /// A policy of a list in the request, by the list's name and its place in it.
    pub(crate) fn given(list: &str, index: usize, text: &str, kind: PolicyKind<'_>) -> Result<Source> {
        Source::parse(format!("{list}.{}", index + 1), text, kind)
    }

    /// The `ResourcePolicy` of the request.
    pub(crate) fn resource(text: &str, service: &str) -> Result<Source> {
        let source = Source::parse("ResourcePolicy".into(), text, PolicyKind::Resource { service })?;
        Ok(Source { kind: RESOURCE_POLICY, ..source })
    }

    /// A policy that somebody carries.
    ///
    /// AWS: managed policies are known by name, inline ones as `user_NAME_POLICY`.
    pub(crate) fn carried(carried: &Carried) -> Result<Source> {
        let id = match &carried.origin {
            Origin::Inline { kind, carrier, name } => format!("{kind}_{carrier}_{name}"),
            Origin::Managed { arn } => arn.rsplit('/').next().unwrap_or_default().to_owned(),
        };
        let source = Source::parse(id, &carried.text, PolicyKind::Identity)?;
        Ok(Source { origin: Some(carried.origin.clone()), ..source })
    }

    fn parse(id: String, text: &str, kind: PolicyKind<'_>) -> Result<Source> {
        let document = Document::parse(text, kind).map_err(|cause| error::malformed_input(&id, cause))?;
        let (passages, document) = (passages(text), Arc::new(document));
        Ok(Source { id, kind: IAM_POLICY, origin: None, passages, document })
    }

    /// As the engine takes it.
    pub(crate) fn attached(&self) -> Attached {
        Attached { id: self.id.clone(), holder: String::new(), document: self.document.clone() }
    }
}

/// The policies of a list of texts in the request.
pub(crate) fn given(list: &str, texts: Option<&[String]>, kind: PolicyKind<'_>) -> Result<Vec<Source>> {
    let texts = texts.unwrap_or_default().iter().enumerate();
    texts.map(|(index, text)| Source::given(list, index, text, kind)).collect()
}

/// The one permissions boundary that a request may give.
pub(crate) fn given_boundary(texts: Option<&[String]>) -> Result<Option<Source>> {
    let mut boundaries = given("PermissionsBoundaryPolicyInputList", texts, PolicyKind::Identity)?;
    match boundaries.len() {
        0 | 1 => Ok(boundaries.pop()),
        _ => Err(error::invalid_input("Only one permissions boundary policy can be specified.")),
    }
}
