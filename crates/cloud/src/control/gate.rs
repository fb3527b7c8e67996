//! Who may use the control API.
//!
//! On loopback every local program may, and no web page: a page cannot send the custom header without a preflight,
//! which is never granted, and a page behind a rebound DNS name gives itself away by `Host`. Elsewhere a bearer token
//! is needed, whoever asks.

use super::answer::Answer;
use aws_lc_rs::constant_time;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::request::Parts;
use std::net::SocketAddr;

/// The header that every request needs, with the value `1`.
pub const CONTROL_HEADER: &str = "x-yakumo-control";

/// What a path demands of those who ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Passport {
    /// Nothing: it is read-only and tells only that a cloud runs here.
    None,
    /// That it is no web page: a known `Host` (or the token), no `Origin`.
    Host,
    /// That, and the control header.
    Full,
}

/// The rule of one cloud.
pub(crate) struct Gate(Rule);

enum Rule {
    Loopback { hosts: Vec<String>, port: u16 },
    Token(String),
}

impl Gate {
    /// For a cloud that only this machine can reach, at this address.
    pub(crate) fn loopback(address: SocketAddr) -> Gate {
        let port = address.port();
        let mut hosts: Vec<String> =
            ["localhost", "127.0.0.1", "[::1]"].map(|host| format!("{host}:{port}")).into();
        hosts.push(address.to_string());
        Gate(Rule::Loopback { hosts, port })
    }

    /// For a cloud that others can reach.
    pub(crate) fn token(token: String) -> Gate {
        Gate(Rule::Token(token))
    }

    /// The bearer token, if one is demanded.
    pub(crate) fn bearer_token(&self) -> Option<&str> {
        match &self.0 {
            Rule::Loopback { .. } => None,
            Rule::Token(token) => Some(token),
        }
    }

    /// `Err` with the refusal unless this request may ask for something with this passport.
    pub(crate) fn check(&self, head: &Parts, passport: Passport) -> Result<(), Answer> {
        if passport == Passport::None {
            return Ok(());
        }
        if head.headers.contains_key(ORIGIN) {
            return Err(Answer::forbidden(
                "the control API does not answer web pages: the request has an Origin header",
            ));
        }
        match &self.0 {
            Rule::Token(token) => check_token(head, token),
            Rule::Loopback { hosts, port } => {
                check_host(head, hosts, *port)?;
                if passport == Passport::Full { check_header(head) } else { Ok(()) }
            }
        }
    }
}

fn check_token(head: &Parts, token: &str) -> Result<(), Answer> {
    let given = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    // Compared in constant time: the answer must not tell how much of a guess was right.
    constant_time::verify_slices_are_equal(given.as_bytes(), token.as_bytes()).map_err(|_| {
        Answer::forbidden(
            "this cloud can be reached from other machines, so its control API needs `Authorization: Bearer TOKEN`; \
             the token is in the file control-token of its data directory",
        )
    })
}

fn check_host(head: &Parts, hosts: &[String], port: u16) -> Result<(), Answer> {
    // HTTP/2 has the authority in the URI.
    let named = head.headers.get_all(HOST).iter().map(|value| value.to_str().unwrap_or_default());
    let named: Vec<&str> = named.chain(head.uri.authority().map(|authority| authority.as_str())).collect();
    let known = |host: &&str| hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
    if !named.is_empty() && named.iter().all(known) {
        return Ok(());
    }
    Err(Answer::forbidden(format!(
        "the Host header must be localhost:{port}, 127.0.0.1:{port} or [::1]:{port}"
    )))
}

fn check_header(head: &Parts) -> Result<(), Answer> {
    match head.headers.get(CONTROL_HEADER) {
        Some(value) if value == "1" => Ok(()),
        _ => Err(Answer::forbidden("the request needs the header `X-Yakumo-Control: 1`")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Gate, Passport};
    use http::Request;
    use http::request::Parts;

    fn head(headers: &[(&str, &str)]) -> Parts {
        let request =
            headers.iter().fold(Request::builder().uri("/_yakumo/status"), |request, (name, value)| {
                request.header(*name, *value)
            });
        request.body(()).unwrap().into_parts().0
    }

    fn check(gate: &Gate, passport: Passport, headers: &[(&str, &str)], passes: bool) {
        assert_eq!(gate.check(&head(headers), passport).is_ok(), passes, "{passport:?} {headers:?}");
    }

    fn loopback() -> Gate {
        Gate::loopback(([127, 0, 0, 1], 4566).into())
    }

    const HEADER: (&str, &str) = ("x-yakumo-control", "1");

    #[test]
    fn on_loopback_the_header_and_a_known_host_are_needed() {
        let gate = loopback();
        for host in ["localhost:4566", "127.0.0.1:4566", "[::1]:4566", "LOCALHOST:4566"] {
            check(&gate, Passport::Full, &[("host", host), HEADER], true);
        }
        for host in [
            "evil.example",
            "localhost",
            "127.0.0.1:80",
            "localhost.evil.example:4566",
            "127.0.0.1:4566.x",
            "",
        ] {
            check(&gate, Passport::Full, &[("host", host), HEADER], false);
            check(&gate, Passport::Host, &[("host", host)], false);
        }
        check(&gate, Passport::Full, &[HEADER], false);
        check(&gate, Passport::Full, &[("host", "localhost:4566")], false);
        check(&gate, Passport::Full, &[("host", "localhost:4566"), ("x-yakumo-control", "0")], false);
        check(&gate, Passport::Full, &[("host", "localhost:4566"), ("host", "evil.example"), HEADER], false);
        check(&gate, Passport::Host, &[("host", "localhost:4566")], true);
    }

    #[test]
    fn the_address_that_was_bound_is_a_known_host() {
        let other = Gate::loopback(([127, 0, 0, 2], 4566).into());
        check(&other, Passport::Full, &[("host", "127.0.0.2:4566"), HEADER], true);
        check(&loopback(), Passport::Full, &[("host", "127.0.0.2:4566"), HEADER], false);
    }

    #[test]
    fn no_web_page_passes() {
        let host = ("host", "localhost:4566");
        for origin in ["http://localhost:4566", "null", "https://evil.example"] {
            check(&loopback(), Passport::Full, &[host, HEADER, ("origin", origin)], false);
            check(&loopback(), Passport::Host, &[host, ("origin", origin)], false);
            let token = ("authorization", "Bearer secret");
            check(&Gate::token("secret".into()), Passport::Full, &[token, ("origin", origin)], false);
        }
        check(&loopback(), Passport::None, &[("origin", "https://evil.example")], true);
    }

    #[test]
    fn elsewhere_only_the_token_counts() {
        let gate = Gate::token("secret".into());
        for (value, passes) in [
            ("Bearer secret", true),
            ("Bearer secre", false),
            ("Bearer ", false),
            ("secret", false),
            ("Basic secret", false),
        ] {
            check(&gate, Passport::Full, &[("host", "cloud.example"), ("authorization", value)], passes);
            check(&gate, Passport::Host, &[("host", "cloud.example"), ("authorization", value)], passes);
        }
        check(&gate, Passport::Full, &[("host", "127.0.0.1:4566"), HEADER], false);
        check(&gate, Passport::None, &[], true);
    }
}
