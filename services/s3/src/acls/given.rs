//! Lists as requests give them: a canned name, headers, or a body; and as answers show them.
//! AWS: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html>

use crate::buckets::{account_of, canonical_id};
use crate::error;
use crate::state::{Acl, Grant, Grantee, Permission};
use yakumo_api_s3 as api;
use yakumo_aws::{AccountId, Error, Result};

const GROUPS: [(Grantee, &str); 3] = [
    (Grantee::AllUsers, "http://acs.amazonaws.com/groups/global/AllUsers"),
    (Grantee::AuthenticatedUsers, "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"),
    (Grantee::LogDelivery, "http://acs.amazonaws.com/groups/s3/LogDelivery"),
];
/// AWS: the most grants of a list.
const GRANTS_MAX: usize = 100;

/// The headers by which a request grants.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    pub canned: Option<String>,
    pub grants: Vec<(&'static str, Permission, String)>,
}

/// The headers of an input that has these members: `granted!(input)`, with `, write` where it may grant that.
#[macro_export]
macro_rules! granted {
    ($input:expr) => {
        $crate::acls::given::Headers::new(
            &$input.acl,
            [
                &$input.grant_full_control,
                &$input.grant_read,
                &$input.grant_read_acp,
                &None,
                &$input.grant_write_acp,
            ],
        )
    };
    ($input:expr, write) => {
        $crate::acls::given::Headers::new(
            &$input.acl,
            [
                &$input.grant_full_control,
                &$input.grant_read,
                &$input.grant_read_acp,
                &$input.grant_write,
                &$input.grant_write_acp,
            ],
        )
    };
}

impl Headers {
    /// From the canned name and the five grants: full control, read, read-acp, write, write-acp.
    pub fn new(canned: &Option<String>, grants: [&Option<String>; 5]) -> Headers {
        let names = [
            ("x-amz-grant-full-control", Permission::FullControl),
            ("x-amz-grant-read", Permission::Read),
            ("x-amz-grant-read-acp", Permission::ReadAcp),
            ("x-amz-grant-write", Permission::Write),
            ("x-amz-grant-write-acp", Permission::WriteAcp),
        ];
        let grants = names.into_iter().zip(grants);
        let grants =
            grants.filter_map(|((name, permission), value)| Some((name, permission, value.clone()?)));
        Headers { canned: canned.clone(), grants: grants.collect() }
    }

    /// Whether the request says anything of a list.
    pub fn is_given(&self) -> bool {
        self.canned.is_some() || !self.grants.is_empty()
    }

    /// The condition keys `s3:x-amz-acl` and `s3:x-amz-grant-…`.
    pub fn keys(&self) -> crate::access::Keys {
        let canned = self.canned.iter().map(|acl| ("s3:x-amz-acl".to_owned(), vec![acl.clone()]));
        let grants = self.grants.iter().map(|(name, _, value)| (format!("s3:{name}"), vec![value.clone()]));
        canned.chain(grants).collect()
    }

    /// The list; `bucket_owner` is named by two canned lists of objects.
    pub fn read(&self, owner: AccountId, bucket_owner: Option<AccountId>) -> Result<Option<Acl>> {
        if self.canned.is_some() && !self.grants.is_empty() {
            let text = "Specifying both Canned ACLs and Header Grants is not allowed";
            return Err(error::invalid_request(text));
        }
        if let Some(name) = &self.canned {
            return canned(name, owner, bucket_owner).map(Some);
        }
        let mut grants = Vec::new();
        for (name, permission, value) in &self.grants {
            for one in value.split(',').map(str::trim).filter(|one| !one.is_empty()) {
                let unknown = || error::argument("Argument format not recognized", name, one);
                let (kind, text) = one.split_once('=').ok_or_else(unknown)?;
                let text = text.trim().trim_matches('"');
                let grantee = match kind.trim().to_ascii_lowercase().as_str() {
                    "id" => by_id(text)?,
                    "uri" => by_uri(text)?,
                    "emailaddress" => return Err(by_mail()),
                    _ => return Err(unknown()),
                };
                grants.push(Grant { grantee, permission: *permission });
            }
        }
        Ok((!grants.is_empty()).then_some(Acl { owner, grants }))
    }
}

fn by_id(id: &str) -> Result<Grantee> {
    let account = account_of(id).ok_or_else(|| error::argument("Invalid id", "CanonicalUser/ID", id))?;
    Ok(Grantee::Account(account))
}

fn by_uri(uri: &str) -> Result<Grantee> {
    let known = GROUPS.iter().find(|(_, known)| *known == uri);
    known.map(|(grantee, _)| *grantee).ok_or_else(|| error::argument("Invalid group uri", "Group/URI", uri))
}

fn by_mail() -> Error {
    let text = "The e-mail address you provided does not match any account on record.";
    Error::sender("UnresolvableGrantByEmailAddress", text)
}

fn canned(name: &str, owner: AccountId, bucket_owner: Option<AccountId>) -> Result<Acl> {
    let mut acl = Acl::private(owner);
    let mut add = |grantee, permission| acl.grants.push(Grant { grantee, permission });
    match (name, bucket_owner) {
        ("private", _) => {}
        ("public-read", _) => add(Grantee::AllUsers, Permission::Read),
        ("public-read-write", _) => {
            add(Grantee::AllUsers, Permission::Read);
            add(Grantee::AllUsers, Permission::Write);
        }
        ("authenticated-read", _) => add(Grantee::AuthenticatedUsers, Permission::Read),
        ("log-delivery-write", None) => {
            add(Grantee::LogDelivery, Permission::Write);
            add(Grantee::LogDelivery, Permission::ReadAcp);
        }
        ("bucket-owner-read", Some(other)) if other != owner => {
            add(Grantee::Account(other), Permission::Read)
        }
        ("bucket-owner-full-control", Some(other)) if other != owner => {
            add(Grantee::Account(other), Permission::FullControl);
        }
        ("bucket-owner-read" | "bucket-owner-full-control", _) => {}
        ("aws-exec-read", _) => return Err(error::not_implemented("the canned list aws-exec-read")),
        (other, _) => return Err(error::argument("", "x-amz-acl", other)),
    }
    Ok(acl)
}

fn malformed() -> Error {
    let text = "The XML you provided was not well-formed or did not validate against our published schema";
    Error::sender("MalformedACLError", text)
}

/// The list of a body. The owner must be named and cannot be changed.
pub fn body(given: api::AccessControlPolicy, owner: AccountId) -> Result<Acl> {
    let named = given.owner.and_then(|owner| owner.id).ok_or_else(malformed)?;
    if named != canonical_id(owner) {
        return Err(error::access_denied());
    }
    let given = given.grants.unwrap_or_default();
    if given.len() > GRANTS_MAX {
        return Err(malformed());
    }
    let grants = given.into_iter().map(grant).collect::<Result<_>>()?;
    Ok(Acl { owner, grants })
}

fn grant(given: api::Grant) -> Result<Grant> {
    let permission = given.permission.as_deref().and_then(Permission::parse).ok_or_else(malformed)?;
    let grantee = given.grantee.ok_or_else(malformed)?;
    let grantee = match (grantee.r#type.as_str(), grantee.id, grantee.uri) {
        ("CanonicalUser", Some(id), _) => by_id(&id)?,
        ("Group", _, Some(uri)) => by_uri(&uri)?,
        ("AmazonCustomerByEmail", ..) => return Err(by_mail()),
        _ => return Err(malformed()),
    };
    Ok(Grant { grantee, permission })
}

/// The grants as answers show them.
pub fn shown(acl: &Acl) -> Vec<api::Grant> {
    let grants = acl.grants.iter().map(|grant| {
        let uri = GROUPS.iter().find(|(grantee, _)| *grantee == grant.grantee);
        let grantee = match grant.grantee {
            Grantee::Account(account) => api::Grantee {
                id: Some(canonical_id(account)),
                r#type: "CanonicalUser".to_owned(),
                ..Default::default()
            },
            _ => api::Grantee {
                uri: uri.map(|(_, uri)| (*uri).to_owned()),
                r#type: "Group".to_owned(),
                ..Default::default()
            },
        };
        api::Grant { grantee: Some(grantee), permission: Some(grant.permission.as_str().to_owned()) }
    });
    grants.collect()
}
