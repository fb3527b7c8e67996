//! Handshakes: invitations, and the change to all features.
//! AWS: <https://docs.aws.amazon.com/organizations/latest/APIReference/API_Handshake.html>

use crate::state::account::DAY_MS;
use crate::state::{Tags, arn};
use serde::{Deserialize, Serialize};
use yakumo_aws::{AccountId, Timestamp};
use yakumo_room::Record;

/// AWS: a handshake that came to its end is shown for so long.
pub(crate) const SHOWN_MS: i64 = 30 * DAY_MS;

/// A handshake.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Handshake {
    /// `h-…`.
    pub id: String,
    pub organization: String,
    pub management: AccountId,
    pub kind: Kind,
    /// The account that has to agree, as it was named: twelve digits or an address. Empty when it is the management
    /// account itself.
    pub invited: String,
    /// The account that it is for; `None` when nobody has that address.
    pub account: Option<AccountId>,
    pub notes: Option<String>,
    /// What the account is tagged with when it joins.
    pub tags: Tags,
    /// The handshake that this one is a part of.
    pub parent: Option<String>,
    pub requested: Timestamp,
    pub expires: Timestamp,
    /// The state that was stored last, and since when; [`Handshake::state`] knows what time does to it.
    pub stored: HandshakeState,
    pub changed: Timestamp,
}

/// What happens when it is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Invite,
    EnableAllFeatures,
    ApproveAllFeatures,
}

/// How far a handshake is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum HandshakeState {
    Requested,
    Open,
    Canceled,
    Accepted,
    Declined,
    Expired,
}

impl Kind {
    /// The member `Action`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Kind::Invite => "INVITE",
            Kind::EnableAllFeatures => "ENABLE_ALL_FEATURES",
            Kind::ApproveAllFeatures => "APPROVE_ALL_FEATURES",
        }
    }

    /// For how long an answer is waited for.
    /// AWS: 15 days for invitations, as in the examples of InviteAccountToOrganization; 90 days for all features
    /// (<https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_org_support-all-features.html>).
    pub(crate) fn patience_ms(self) -> i64 {
        match self {
            Kind::Invite => 15 * DAY_MS,
            Kind::EnableAllFeatures | Kind::ApproveAllFeatures => 90 * DAY_MS,
        }
    }
}

impl HandshakeState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            HandshakeState::Requested => "REQUESTED",
            HandshakeState::Open => "OPEN",
            HandshakeState::Canceled => "CANCELED",
            HandshakeState::Accepted => "ACCEPTED",
            HandshakeState::Declined => "DECLINED",
            HandshakeState::Expired => "EXPIRED",
        }
    }

    /// Whether an answer is still waited for.
    pub(crate) fn is_pending(self) -> bool {
        matches!(self, HandshakeState::Requested | HandshakeState::Open)
    }
}

impl Handshake {
    pub(crate) fn arn(&self) -> String {
        let kind = format!("handshake/{}", self.kind.as_str().to_ascii_lowercase());
        arn(self.management, &kind, &self.organization, &self.id)
    }

    /// The state at a point in time.
    pub(crate) fn state(&self, now: Timestamp) -> HandshakeState {
        if self.stored.is_pending() && now >= self.expires { HandshakeState::Expired } else { self.stored }
    }

    /// Whether it is so long past that it is not known any more.
    pub(crate) fn is_forgotten(&self, now: Timestamp) -> bool {
        let since = if self.stored.is_pending() { self.expires } else { self.changed };
        !self.state(now).is_pending() && now >= since.plus_millis(SHOWN_MS)
    }
}

impl Record for Handshake {
    const TABLE: &'static str = "handshakes";
}

#[cfg(test)]
mod tests {
    use super::{DAY_MS, Handshake, HandshakeState, Kind, SHOWN_MS};
    use yakumo_aws::{AccountId, Timestamp};

    fn invitation(stored: HandshakeState) -> Handshake {
        let requested = Timestamp::from_secs(1_700_000_000);
        Handshake {
            id: "h-example1".into(),
            organization: "o-example123".into(),
            management: AccountId::DEFAULT,
            kind: Kind::Invite,
            invited: "111122223333".into(),
            account: AccountId::parse("111122223333"),
            notes: None,
            tags: Default::default(),
            parent: None,
            requested,
            expires: requested.plus_millis(Kind::Invite.patience_ms()),
            stored,
            changed: requested,
        }
    }

    #[test]
    fn time_ends_what_is_pending_and_forgets_what_has_ended() {
        for (stored, days, wanted, forgotten) in [
            (HandshakeState::Open, 14, HandshakeState::Open, false),
            (HandshakeState::Open, 15, HandshakeState::Expired, false),
            (HandshakeState::Open, 15 + 30, HandshakeState::Expired, true),
            (HandshakeState::Accepted, 29, HandshakeState::Accepted, false),
            (HandshakeState::Accepted, 30, HandshakeState::Accepted, true),
        ] {
            let handshake = invitation(stored);
            let now = handshake.requested.plus_millis(days * DAY_MS);
            assert_eq!((handshake.state(now), handshake.is_forgotten(now)), (wanted, forgotten), "{days}");
        }
        assert_eq!(SHOWN_MS, 30 * DAY_MS);
    }
}
