//! AWS managed policies: all that AWS publishes, from `reference/policies`.
//!
//! Only the version in force of each is known. Deprecated policies are not there; attaching one is NoSuchEntity, as it is
//! at AWS: <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/about-managed-policy-reference.html>
//! Invariant: a document is unpacked when it is asked for; compiled, it is kept.

use crate::documents::compile;
use std::sync::{Arc, LazyLock, OnceLock};
use yakumo_aws::{Result, Timestamp};
use yakumo_policy::{Document, PolicyKind};
use yakumo_reference::policies::{self, ManagedPolicy as Facts};

/// Before the path and name in the ARN of a policy of AWS.
const ARN: &str = "arn:aws:iam::aws:policy";
/// The path of policies that belong to service-linked roles.
const SERVICE_LINKED: &str = "/aws-service-role/";

/// A policy that AWS keeps for everybody.
pub(crate) struct ManagedPolicy {
    facts: &'static Facts,
    compiled: OnceLock<Arc<Document>>,
}

/// In the order of [`policies::all`].
static ALL: LazyLock<Vec<ManagedPolicy>> = LazyLock::new(|| {
    policies::all().iter().map(|facts| ManagedPolicy { facts, compiled: OnceLock::new() }).collect()
});

/// The AWS managed policy of that ARN.
pub(crate) fn find(arn: &str) -> Option<&'static ManagedPolicy> {
    ALL.get(policies::position(arn.strip_prefix(ARN)?)?)
}

/// All of them, in the order of their ARNs.
pub(crate) fn all() -> impl Iterator<Item = &'static ManagedPolicy> {
    ALL.iter()
}

/// Whether an ARN names a policy of AWS, known here or not.
pub(crate) fn is_of_aws(arn: &str) -> bool {
    arn.strip_prefix(ARN).is_some_and(|place| place.starts_with('/'))
}

impl ManagedPolicy {
    pub(crate) fn arn(&self) -> String {
        format!("{ARN}{}", self.facts.place)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.facts.place.rsplit('/').next().unwrap_or_default()
    }

    pub(crate) fn path(&self) -> &'static str {
        self.facts.place.strip_suffix(self.name()).unwrap_or("/")
    }

    /// The number of the version in force.
    pub(crate) fn version(&self) -> u32 {
        self.facts.version
    }

    /// Whether it belongs to a service-linked role, and nothing else can have it.
    pub(crate) fn is_service_linked(&self) -> bool {
        self.path() == SERVICE_LINKED
    }

    /// DIFFERS: AWS's ids of these policies are not published as a list; ours follow from the name.
    pub(crate) fn unique_id(&self) -> String {
        let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
        for byte in self.facts.place.bytes() {
            hash = (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
        let letters =
            (0..17).map(|place| match u8::try_from((hash >> (place * 5)) & 31).unwrap_or_default() {
                letter @ 0..26 => char::from(b'A' + letter),
                digit => char::from(b'2' + digit - 26),
            });
        "ANPA".chars().chain(letters).collect()
    }

    pub(crate) fn created(&self) -> Timestamp {
        Timestamp::from_secs(self.facts.created_s)
    }

    pub(crate) fn updated(&self) -> Timestamp {
        Timestamp::from_secs(self.facts.updated_s)
    }

    /// The document in force, unpacked for this call.
    pub(crate) fn document(&self) -> String {
        self.facts.document()
    }

    pub(crate) fn compiled(&self) -> Result<Arc<Document>> {
        if let Some(document) = self.compiled.get() {
            return Ok(document.clone());
        }
        let document = compile(&self.document(), PolicyKind::Managed)?;
        Ok(self.compiled.get_or_init(|| document).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::{all, find, is_of_aws};
    use crate::documents::compile;
    use std::collections::HashSet;
    use yakumo_policy::PolicyKind;

    #[test]
    fn every_policy_of_aws_compiles() {
        assert!(all().count() > 1_400);
        let wrong: Vec<String> = all()
            .filter_map(|policy| {
                let error = compile(&policy.document(), PolicyKind::Managed).err()?;
                Some(format!("{}: {error:?}", policy.arn()))
            })
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn ids_paths_and_names_are_those_of_the_arn() {
        let mut ids = HashSet::new();
        for policy in all() {
            let arn = policy.arn();
            assert!(
                is_of_aws(&arn) && policy.unique_id().len() == 21 && ids.insert(policy.unique_id()),
                "{arn}"
            );
            assert_eq!(format!("arn:aws:iam::aws:policy{}{}", policy.path(), policy.name()), arn);
            assert_eq!(find(&arn).unwrap().name(), policy.name());
        }
    }

    #[test]
    fn policies_are_where_aws_has_them() {
        let path = |place: &str| Some(find(&format!("arn:aws:iam::aws:policy{place}"))?.path());
        for name in
            ["Billing", "DatabaseAdministrator", "NetworkAdministrator", "SupportUser", "ViewOnlyAccess"]
        {
            assert_eq!(path(&format!("/job-function/{name}")), Some("/job-function/"), "{name}");
            assert_eq!(path(&format!("/{name}")), None, "{name}");
        }
        assert_eq!(path("/service-role/AWSLambdaBasicExecutionRole"), Some("/service-role/"));
        assert_eq!(path("/SecurityAudit"), Some("/"));
        // AWS deprecated these: they are gone for whoever does not have them.
        for place in ["/AWSLambdaFullAccess", "/service-role/AWSConfigRole", "/AWSElasticBeanstalkFullAccess"]
        {
            assert_eq!(path(place), None, "{place}");
        }
        assert!(find("arn:aws:iam::aws:policy/").is_none() && !is_of_aws("arn:aws:iam::aws:policyX"));
        assert!(
            find("arn:aws:iam::aws:policy/aws-service-role/AWSSupportServiceRolePolicy")
                .unwrap()
                .is_service_linked()
        );
    }
}
