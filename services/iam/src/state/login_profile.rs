//! Passwords of users: a salted slow hash and nothing else.

use aws_lc_rs::pbkdf2;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;
use yakumo_aws::{Result, Timestamp};
use yakumo_room::{Base, Record};

/// The work of one guess, as OWASP's password storage cheat sheet asks for PBKDF2 with HMAC-SHA-512.
const ROUNDS: NonZeroU32 = NonZeroU32::new(210_000).expect("not zero");
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// AWS: the most passwords that a policy remembers.
const HISTORY_MAX: usize = 24;

/// A user's password. Key: the user's unique id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LoginProfile {
    pub created: Timestamp,
    /// When the password was last set.
    pub changed: Timestamp,
    pub reset_required: bool,
    pub salt: String,
    pub rounds: NonZeroU32,
    pub hash: String,
    /// Hashes of earlier passwords, newest first. The salt stays the user's, so that one derivation compares with all.
    pub history: Vec<String>,
}

impl Record for LoginProfile {
    const TABLE: &'static str = "login-profiles";
}

/// A password that was derived, which takes long, apart from any transaction, which must not.
#[derive(Clone)]
pub(crate) struct Derived {
    salt: String,
    rounds: NonZeroU32,
    hash: String,
}

impl Derived {
    /// For a user who has no password yet.
    pub(crate) async fn fresh(base: &Base, password: &str) -> Result<Derived> {
        let mut salt = [0; SALT_BYTES];
        base.ids.fill(&mut salt);
        Derived::apart(base, password, STANDARD.encode(salt), ROUNDS).await
    }

    /// As a profile's own passwords are derived.
    pub(crate) async fn like(base: &Base, password: &str, profile: &LoginProfile) -> Result<Derived> {
        Derived::apart(base, password, profile.salt.clone(), profile.rounds).await
    }

    /// Deriving takes tens of milliseconds, in which no other request must wait for its thread.
    async fn apart(base: &Base, password: &str, salt: String, rounds: NonZeroU32) -> Result<Derived> {
        let password = password.to_owned();
        base.labour(move || Derived::with(&password, salt, rounds)).await
    }

    fn with(password: &str, salt: String, rounds: NonZeroU32) -> Derived {
        let mut hash = [0; HASH_BYTES];
        let bytes = STANDARD.decode(&salt).unwrap_or_default();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA512, rounds, &bytes, password.as_bytes(), &mut hash);
        Derived { salt, rounds, hash: STANDARD.encode(hash) }
    }
}

impl LoginProfile {
    /// A new profile with a derived password.
    pub(crate) fn new(derived: Derived, reset_required: bool, now: Timestamp) -> LoginProfile {
        let Derived { salt, rounds, hash } = derived;
        LoginProfile { created: now, changed: now, reset_required, salt, rounds, hash, history: Vec::new() }
    }

    /// Whether it was made with this profile's salt: not, when the profile was made anew meanwhile.
    pub(crate) fn fits(&self, derived: &Derived) -> bool {
        self.salt == derived.salt && self.rounds == derived.rounds
    }

    /// Whether this is the password.
    pub(crate) fn is(&self, derived: &Derived) -> bool {
        let (own, other) = (self.hash.as_bytes(), derived.hash.as_bytes());
        self.fits(derived) && aws_lc_rs::constant_time::verify_slices_are_equal(own, other).is_ok()
    }

    /// Whether this is one of the last `count` passwords, the present one among them.
    pub(crate) fn is_among_last(&self, count: usize, derived: &Derived) -> bool {
        let mut known = std::iter::once(&self.hash).chain(&self.history).take(count);
        self.fits(derived) && known.any(|hash| *hash == derived.hash)
    }

    /// Sets another password.
    pub(crate) fn change(&mut self, derived: Derived, now: Timestamp) {
        self.history.insert(0, std::mem::replace(&mut self.hash, derived.hash));
        self.history.truncate(HISTORY_MAX);
        self.changed = now;
    }
}

#[cfg(test)]
mod tests {
    use super::{Derived, LoginProfile, ROUNDS};
    use std::num::NonZeroU32;
    use yakumo_aws::Timestamp;

    fn quick(password: &str) -> Derived {
        Derived::with(password, "c2FsdA==".into(), NonZeroU32::MIN)
    }

    #[test]
    fn a_password_is_known_again_and_others_are_not() {
        let mut profile = LoginProfile::new(quick("one"), false, Timestamp::from_secs(0));
        assert!(profile.is(&quick("one")) && !profile.is(&quick("One")));
        assert!(!profile.is(&Derived::with("one", "c2FsdB==".into(), ROUNDS)));
        profile.change(quick("two"), Timestamp::from_secs(9));
        assert!(profile.is(&quick("two")) && !profile.is(&quick("one")));
        assert!(profile.is_among_last(2, &quick("one")) && !profile.is_among_last(1, &quick("one")));
        assert!(!serde_json::to_string(&profile).unwrap().contains("two"));
    }
}
