//! `https://host[:port]/path`, and nothing else: no user, no fragment, no control characters.

use rustls::pki_types::ServerName;

/// Where an https URL leads.
pub(super) struct Place<'a> {
    /// The host without brackets.
    pub host: &'a str,
    pub port: u16,
    /// Host and port as the `Host` header has them.
    pub authority: &'a str,
    /// Path and query; at least a slash.
    pub path: &'a str,
}

impl<'a> Place<'a> {
    /// `None` when the URL is not of that form.
    pub(super) fn parse(url: &'a str) -> Option<Place<'a>> {
        let rest = url.strip_prefix("https://")?;
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) || rest.contains(['#', '\\', '@']) {
            return None;
        }
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at_checked(at)?,
            None => (rest, "/"),
        };
        if !path.starts_with('/') {
            return None;
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(v6) => {
                let (host, rest) = v6.split_once(']')?;
                (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let port = port.map_or(Some(443), |port| port.parse().ok().filter(|port| *port != 0))?;
        (!host.is_empty()).then_some(Place { host, port, authority, path })
    }

    pub(super) fn server_name(&self) -> Option<ServerName<'static>> {
        ServerName::try_from(self.host.to_owned()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn only_plain_https_urls_lead_anywhere() {
        for (url, host, port, path) in [
            ("https://idp.example", "idp.example", 443, "/"),
            ("https://idp.example:8443/a/b?c", "idp.example", 8443, "/a/b?c"),
            ("https://[::1]:8443/k", "::1", 8443, "/k"),
            ("https://127.0.0.1/", "127.0.0.1", 443, "/"),
        ] {
            let place = Place::parse(url).unwrap();
            assert_eq!((place.host, place.port, place.path), (host, port, path), "{url}");
            assert!(place.server_name().is_some(), "{url}");
        }
        for url in [
            "http://idp.example",
            "https://",
            "https://:443/",
            "https://a@b/",
            "https://a:0/",
            "https://a:99999/",
            "https://a?x",
            "https://a b/",
            "https://a/\r\nX: y",
            "file:///etc/passwd",
            "https://[::1",
            "https://a\\b/",
        ] {
            assert!(Place::parse(url).is_none(), "{url}");
        }
    }
}
