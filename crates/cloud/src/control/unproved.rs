//! Why a request's sender was not believed, and what to do about it, in words.

use super::moment;
use serde::{Deserialize, Serialize};
use yakumo_aws::Timestamp;
use yakumo_front::{Cause, Unproved};

/// A refusal before any policy was asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct UnprovedLine {
    /// The access key id that the request names.
    pub access_key_id: Option<String>,
    /// The ARN of the key's owner, when there is such a key.
    pub owner: Option<String>,
    /// For programs: `unsigned`, `unknown_key`, `inactive_key`, `token_expired`, `signature`, `skew` …
    pub cause: String,
    /// What is wrong.
    pub what: String,
    /// What would have made it right.
    pub remedy: String,
}

/// A refusal in words.
pub(crate) fn line(unproved: &Unproved) -> UnprovedLine {
    let key = unproved.access_key_id.as_deref().unwrap_or_default();
    let owner = unproved.owner.as_deref().unwrap_or("nobody");
    let (cause, what, remedy) = words(&unproved.cause, key, owner);
    UnprovedLine {
        access_key_id: unproved.access_key_id.clone(),
        owner: unproved.owner.clone(),
        cause: cause.to_owned(),
        what,
        remedy,
    }
}

fn words(cause: &Cause, key: &str, owner: &str) -> (&'static str, String, String) {
    let text = |cause, what: String, remedy: &str| (cause, what, remedy.to_owned());
    match cause {
        Cause::Unsigned => text(
            "unsigned",
            "the request carries no signature, and this service lets nobody in without one".into(),
            "sign it; `yakumo env` prints credentials",
        ),
        Cause::UnknownKey => text(
            "unknown_key",
            format!("there is no access key {key}, or it was deleted with its user or session"),
            "use a key of `aws iam list-access-keys`, or assume the role again",
        ),
        Cause::RootKeyElsewhere => text(
            "root_key_elsewhere",
            format!("{key} is a static root key: it is none for web pages of other sites, none inside of a VPC, and none in a cloud that listens elsewhere than on loopback"),
            "use keys of a user, or the root key that `yakumo up` printed",
        ),
        Cause::InactiveKey => (
            "inactive_key",
            format!("the access key {key} of {owner} is inactive; its signature was right"),
            format!("aws iam update-access-key --access-key-id {key} --status Active, with the user's name"),
        ),
        Cause::TokenMissing => text(
            "token_missing",
            format!("{key} belongs to temporary credentials of {owner} and came without their session token"),
            "send the session token too: AWS_SESSION_TOKEN",
        ),
        Cause::TokenNotNeeded => text(
            "token_not_needed",
            format!("{key} is a long-term key of {owner} and came with a session token that is not its own"),
            "unset AWS_SESSION_TOKEN",
        ),
        Cause::TokenWrong => text(
            "token_wrong",
            format!("the session token is not the one that was given out with {key} of {owner}"),
            "use key, secret and token of one and the same answer of STS",
        ),
        Cause::TokenExpired { at, now } => text(
            "token_expired",
            format!(
                "the credentials {key} of {owner} ended at {}; by the cloud's clock it was {}",
                moment::write(*at),
                moment::write(*now)
            ),
            "assume the role, or ask for the session, again; `yakumo clock` shows the cloud's time",
        ),
        Cause::Signature => text(
            "signature",
            format!("the signature is not the one that the secret of {key}, which is {owner}'s, makes over this request: the secret is another, or something changed the request on its way"),
            "compare the canonical request in the answer with the one that your client signed",
        ),
        Cause::Body => text(
            "body",
            format!("the body is not the one that {key} signed: something changed it on its way"),
            "look for a proxy that rewrites bodies",
        ),
        Cause::Service { given, expected } => text(
            "service",
            format!("the request was signed for the service `{given}` and sent to `{expected}`"),
            "sign for the service that you ask",
        ),
        Cause::Region(given) => text(
            "region",
            format!("the request was signed for `{given}`, which is no region"),
            "set AWS_REGION to a region of AWS",
        ),
        Cause::Skew { .. } | Cause::Presigned { .. } => times(cause, key),
        Cause::Malformed => text(
            "malformed",
            "the signature is not well-formed, or leaves something out that it must cover; the answer says what".into(),
            "let an SDK of AWS sign",
        ),
    }
}

fn times(cause: &Cause, key: &str) -> (&'static str, String, String) {
    let at = |seconds: i64| moment::write(Timestamp::from_millis(seconds.saturating_mul(1_000)));
    match *cause {
        Cause::Skew { signed_at_s, now_s, window_s } => {
            let apart = now_s.saturating_sub(signed_at_s);
            let side = if apart > 0 { "before" } else { "after" };
            let what = format!(
                "the request of {key} was signed at {}, {} s {side} this host's time {}; {window_s} s apart are allowed",
                at(signed_at_s),
                apart.unsigned_abs(),
                at(now_s)
            );
            let remedy =
                "set the clock of the client right. Signatures go by the host's time, not by `yakumo clock`";
            ("skew", what, remedy.to_owned())
        }
        Cause::Presigned { signed_at_s, expires_s, now_s } => {
            let end = signed_at_s.saturating_add(expires_s);
            let what = format!(
                "the presigned URL of {key} holds from {} to {}, and it is {} on this host",
                at(signed_at_s),
                at(end),
                at(now_s)
            );
            ("presigned", what, "presign it again, with a longer time if need be".to_owned())
        }
        _ => ("malformed", String::new(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::line;
    use yakumo_front::{Cause, Unproved};

    fn check(cause: Cause, name: &str, parts: &[&str]) {
        let key = Some("AKIAEXAMPLE".to_owned());
        let owner = Some("arn:aws:iam::000000000000:user/amy".to_owned());
        let line = line(&Unproved { access_key_id: key, owner, cause });
        assert_eq!(line.cause, name);
        for part in parts {
            assert!(line.what.contains(part), "{part:?} is not in {:?}", line.what);
        }
        assert!(!line.remedy.is_empty());
    }

    #[test]
    fn every_cause_says_what_is_wrong() {
        check(Cause::UnknownKey, "unknown_key", &["no access key AKIAEXAMPLE"]);
        check(
            Cause::InactiveKey,
            "inactive_key",
            &["AKIAEXAMPLE of arn:aws:iam::000000000000:user/amy is inactive"],
        );
        let skew = Cause::Skew { signed_at_s: 0, now_s: 1_000, window_s: 900 };
        check(skew, "skew", &["1000 s before", "900 s apart", "1970-01-01T00:16:40.000Z"]);
        let skew = Cause::Skew { signed_at_s: 2_000, now_s: 1_000, window_s: 900 };
        check(skew, "skew", &["1000 s after"]);
        let presigned = Cause::Presigned { signed_at_s: 0, expires_s: 60, now_s: 61 };
        check(presigned, "presigned", &["to 1970-01-01T00:01:00.000Z"]);
        check(Cause::Signature, "signature", &["the secret of AKIAEXAMPLE"]);
    }
}
