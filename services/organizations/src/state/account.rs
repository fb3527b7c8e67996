//! Accounts that Organizations knows: members, and those that were.

use crate::state::{Hung, Tags, arn};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::{Record, Resource};

/// AWS: a closed account can be reopened for so long; then it is gone
/// (<https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-closing.html>).
pub(crate) const POST_CLOSURE_MS: i64 = 90 * DAY_MS;
/// A day.
pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// An account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Account {
    pub id: AccountId,
    pub name: String,
    pub email: String,
    /// When Organizations created it; `None` for accounts that were there before.
    pub created: Option<Timestamp>,
    pub life: Life,
    /// `None` when it stands alone.
    pub membership: Option<Membership>,
}

/// Where an account is between its creation and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Life {
    Active,
    /// CloseAccount was called; nothing can be done in it any more.
    Closing(Timestamp),
    /// Closed since then.
    Closed(Timestamp),
}

/// What an account is in its organization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Membership {
    pub organization: String,
    pub management: AccountId,
    /// `r-…` or `ou-…`.
    pub parent: String,
    pub method: Joined,
    pub joined: Timestamp,
    pub tags: Tags,
    /// Ids of the policies attached to the account itself.
    pub policies: Hung,
    /// Services whose delegated administrator it is, and since when.
    pub delegated: BTreeMap<String, Timestamp>,
}

/// How an account came to its organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Joined {
    Invited,
    Created,
}

impl Joined {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Joined::Invited => "INVITED",
            Joined::Created => "CREATED",
        }
    }
}

impl Life {
    pub(crate) fn is_active(self) -> bool {
        self == Life::Active
    }

    /// The member `Status`, which has no word for closed accounts.
    pub(crate) fn status(self) -> &'static str {
        match self {
            Life::Active => "ACTIVE",
            Life::Closing(_) => "PENDING_CLOSURE",
            Life::Closed(_) => "SUSPENDED",
        }
    }

    /// The member `State`.
    /// AWS: <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html>
    pub(crate) fn state(self) -> &'static str {
        match self {
            Life::Closed(_) => "CLOSED",
            other => other.status(),
        }
    }

    /// Since when it is not open any more.
    pub(crate) fn closed(self) -> Option<Timestamp> {
        match self {
            Life::Active => None,
            Life::Closing(at) | Life::Closed(at) => Some(at),
        }
    }
}

impl Account {
    /// An account that nobody told anything about yet: every twelve digits are one.
    ///
    /// DIFFERS: AWS knows the name and address that its owner gave when signing up; here both are made from its number.
    pub(crate) fn unknown(id: AccountId) -> Account {
        let email = default_email(id.as_str());
        Account { id, name: id.to_string(), email, created: None, life: Life::Active, membership: None }
    }

    pub(crate) fn is_in(&self, organization: &str) -> bool {
        self.membership.as_ref().is_some_and(|membership| membership.organization == organization)
    }
}

/// The address of an account that was not created through Organizations.
pub(crate) fn default_email(account: &str) -> String {
    format!("{account}@example.com")
}

/// The account whose address that is, when it is such a one.
pub(crate) fn account_of_default_email(email: &str) -> Option<AccountId> {
    AccountId::parse(email.strip_suffix("@example.com")?)
}

impl Record for Account {
    const TABLE: &'static str = "accounts";
}

impl Resource for Account {
    const TYPE: &'static str = "AWS::Organizations::Account";

    fn id(&self) -> Vec<&str> {
        vec![self.id.as_str()]
    }

    fn arn(&self) -> String {
        match &self.membership {
            Some(membership) => {
                arn(membership.management, "account", &membership.organization, self.id.as_str())
            }
            None => format!("arn:aws:account::{}:account", self.id),
        }
    }

    fn tags(&self) -> &Tags {
        static NONE: Tags = Tags::new();
        self.membership.as_ref().map_or(&NONE, |membership| &membership.tags)
    }
}
