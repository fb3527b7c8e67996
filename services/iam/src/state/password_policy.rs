//! The account's password policy, and its judgement of a password.
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html>

use serde::{Deserialize, Serialize};
use yakumo_room::Record;

/// What counts as a symbol.
const SYMBOLS: &str = "!@#$%^&*()_+-=[]{}|'";
/// What an account without a policy of its own asks for: eight characters of three kinds.
const DEFAULT_LENGTH: i32 = 8;
const DEFAULT_KINDS: usize = 3;

/// A password policy that was set. Key: nothing; an account has one or none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PasswordPolicy {
    pub minimum_length: i32,
    pub symbols: bool,
    pub numbers: bool,
    pub uppercase: bool,
    pub lowercase: bool,
    /// Users may change their own password without another permission.
    pub users_may_change: bool,
    pub max_age_days: Option<i32>,
    /// How many earlier passwords may not be used again.
    pub reuse_prevention: Option<i32>,
    pub hard_expiry: Option<bool>,
}

impl Record for PasswordPolicy {
    const TABLE: &'static str = "password-policy";
}

fn kinds(password: &str) -> [(bool, &'static str); 4] {
    let has = |test: &dyn Fn(char) -> bool| password.chars().any(test);
    [
        (has(&|c| c.is_ascii_uppercase()), "Password should have at least one uppercase letter"),
        (has(&|c| c.is_ascii_lowercase()), "Password should have at least one lowercase letter"),
        (has(&|c| c.is_ascii_digit()), "Password should have at least one number"),
        (has(&|c| SYMBOLS.contains(c)), "Password should have at least one symbol"),
    ]
}

fn short(password: &str, least: i32) -> Option<String> {
    let length = i32::try_from(password.chars().count()).unwrap_or(i32::MAX);
    (length < least).then(|| format!("Password should have a minimum length of {least}"))
}

/// What is wrong with a password in AWS's words; `None` when it may be used.
pub(crate) fn violation(policy: Option<&PasswordPolicy>, password: &str) -> Option<String> {
    let kinds = kinds(password);
    let Some(policy) = policy else {
        let missing: Vec<&str> = kinds.iter().filter(|(has, _)| !has).map(|(_, text)| *text).collect();
        let lacking = (DEFAULT_KINDS + missing.len()).saturating_sub(kinds.len());
        let too_plain = (lacking > 0).then(|| {
            let list = missing.join(", ");
            format!("Password should meet {lacking} more of the following requirements: {list}")
        });
        return short(password, DEFAULT_LENGTH).or(too_plain);
    };
    let wanted = [policy.uppercase, policy.lowercase, policy.numbers, policy.symbols];
    let missing = kinds.iter().zip(wanted).filter(|((has, _), wanted)| *wanted && !has);
    let missing = missing.map(|((_, text), _)| (*text).to_owned());
    let all: Vec<String> = short(password, policy.minimum_length).into_iter().chain(missing).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::{PasswordPolicy, violation};

    fn check(policy: Option<&PasswordPolicy>, password: &str, wrong: Option<&str>) {
        assert_eq!(violation(policy, password).as_deref(), wrong, "{password}");
    }

    #[test]
    fn without_a_policy_three_kinds_and_eight_characters() {
        check(None, "Abcdefg1", None);
        check(None, "abcdefg1!", None);
        check(None, "Abcde1!", Some("Password should have a minimum length of 8"));
        // from: what AWS answered a user of it.
        check(
            None,
            "abcdefg1",
            Some(
                "Password should meet 1 more of the following requirements: Password should have at least one \
                 uppercase letter, Password should have at least one symbol",
            ),
        );
    }

    #[test]
    fn a_policy_asks_for_what_it_says_and_no_more() {
        let policy = PasswordPolicy {
            minimum_length: 10,
            symbols: true,
            numbers: false,
            uppercase: false,
            lowercase: true,
            users_may_change: false,
            max_age_days: None,
            reuse_prevention: None,
            hard_expiry: None,
        };
        check(Some(&policy), "abcdefghi!", None);
        let both = "Password should have a minimum length of 10, Password should have at least one symbol";
        check(Some(&policy), "abcdefghi", Some(both));
    }
}
