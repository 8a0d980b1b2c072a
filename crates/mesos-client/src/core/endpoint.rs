//! Where calls are posted, and where a redirect leads.

use std::fmt;

use http::Uri;
use http::uri::{Authority, PathAndQuery, Scheme};
use mesos::master::InvalidZooKeeperUrl;
use thiserror::Error;

/// An address to post to: scheme, host, port and path.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Endpoint(Uri);

/// Why a text is not the address of a master or an agent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidEndpoint {
    /// There is none.
    #[error("there is no address")]
    Empty,
    /// It begins as a group of masters in ZooKeeper does, and does not go on so.
    #[error(transparent)]
    ZooKeeper(#[from] InvalidZooKeeperUrl),
    /// A group of masters in ZooKeeper among addresses of masters.
    #[error("a `zk://` address stands alone: it leads to all masters")]
    ZooKeeperInList,
    /// A scheme other than `http` and `https`.
    #[error("`{0}` has a scheme other than `http` and `https`")]
    Scheme(String),
    /// It is not `host`, `host:port` or one of these behind a scheme.
    #[error("`{0}` is not `host:port`")]
    Address(String),
    /// Addresses end up in logs, so a secret must not be part of one.
    #[error("an address must not contain credentials")]
    Credentials,
}

impl Endpoint {
    /// Reads `host`, `host:port`, `http://host:port` or `https://host:port`.
    pub(crate) fn parse(
        address: &str,
        default_port: u16,
        path: &str,
    ) -> Result<Self, InvalidEndpoint> {
        let invalid = || InvalidEndpoint::Address(address.to_owned());
        let (scheme, rest) = match address.split_once("://") {
            None => (Scheme::HTTP, address),
            Some(("http", rest)) => (Scheme::HTTP, rest),
            Some(("https", rest)) => (Scheme::HTTPS, rest),
            Some(("zk", _)) => return Err(InvalidEndpoint::ZooKeeperInList),
            Some(_) => return Err(InvalidEndpoint::Scheme(address.to_owned())),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.is_empty() {
            return Err(InvalidEndpoint::Empty);
        }
        if rest.contains('@') {
            return Err(InvalidEndpoint::Credentials);
        }
        let authority: Authority = rest.parse().map_err(|_| invalid())?;
        let authority = if authority.port_u16().is_some() {
            authority
        } else if authority.as_str() == authority.host() {
            let with_port = format!("{authority}:{default_port}");
            with_port.parse().map_err(|_| invalid())?
        } else {
            return Err(invalid());
        };
        if authority.host().is_empty() {
            return Err(invalid());
        }
        let uri = Uri::builder()
            .scheme(scheme)
            .authority(authority)
            .path_and_query(path);
        uri.build().map(Self).map_err(|_| invalid())
    }

    /// Where a `Location` header of an answer from here leads, if anywhere.
    ///
    /// Mesos writes it without a scheme, `//host:port/path` (PROTOCOL §1). From `https` nothing
    /// leads to `http`: the next request may carry credentials.
    pub(crate) fn redirected(&self, location: &str) -> Option<Self> {
        let scheme = self.0.scheme_str()?;
        let absolute = if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else if location.starts_with('/') {
            format!("{scheme}://{}{location}", self.0.authority()?)
        } else {
            location.to_owned()
        };
        let target: Uri = absolute.parse().ok()?;
        let leads_down = self.is_secure() && target.scheme() != Some(&Scheme::HTTPS);
        let speaks_http = matches!(target.scheme_str(), Some("http" | "https"));
        let authority = target.authority()?;
        if leads_down || !speaks_http || authority.as_str().contains('@') {
            return None;
        }
        Some(Self(target))
    }

    /// The same server, at another path.
    pub(crate) fn with_path(self, path: &'static str) -> Self {
        let mut parts = self.0.into_parts();
        parts.path_and_query = Some(PathAndQuery::from_static(path));
        Self(Uri::from_parts(parts).expect("scheme and authority are those of a URI"))
    }

    /// Whether both are of one server, whatever the path.
    pub(crate) fn is_same_server(&self, other: &Self) -> bool {
        self.0.scheme() == other.0.scheme() && self.0.authority() == other.0.authority()
    }

    /// Whether requests are encrypted.
    pub fn is_secure(&self) -> bool {
        self.0.scheme() == Some(&Scheme::HTTPS)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(address: &str) -> Result<String, InvalidEndpoint> {
        Endpoint::parse(address, 5050, "/api/v1/scheduler").map(|endpoint| endpoint.to_string())
    }

    #[track_caller]
    fn check_redirect(from: &str, location: &str, expected: Option<&str>) {
        let endpoint = Endpoint::parse(from, 5050, "/api/v1/scheduler").unwrap();
        let target = endpoint.redirected(location).map(|to| to.to_string());
        assert_eq!(target.as_deref(), expected, "{from} to {location}");
    }

    #[test]
    fn addresses_are_completed() {
        for address in ["m", "m:5050", "http://m", "http://m:5050/"] {
            assert_eq!(
                parse(address).as_deref(),
                Ok("http://m:5050/api/v1/scheduler"),
                "{address}"
            );
        }
        assert_eq!(
            parse("https://10.0.0.1:443").as_deref(),
            Ok("https://10.0.0.1:443/api/v1/scheduler")
        );
        assert_eq!(
            parse("[::1]").as_deref(),
            Ok("http://[::1]:5050/api/v1/scheduler")
        );
    }

    #[test]
    fn what_is_not_an_address_is_refused_with_the_reason() {
        assert_eq!(parse(""), Err(InvalidEndpoint::Empty));
        assert_eq!(parse("http://"), Err(InvalidEndpoint::Empty));
        assert_eq!(parse("http://u:p@m"), Err(InvalidEndpoint::Credentials));
        assert_eq!(
            parse("ftp://m"),
            Err(InvalidEndpoint::Scheme("ftp://m".to_owned()))
        );
        assert_eq!(parse("zk://a/mesos"), Err(InvalidEndpoint::ZooKeeperInList));
        for address in ["m:99999", "m:", "m:x", ":5050", "m/path", "a b", "m?x=1"] {
            assert_eq!(
                parse(address),
                Err(InvalidEndpoint::Address(address.to_owned())),
            );
        }
    }

    #[test]
    fn a_recorded_location_leads_to_the_leader() {
        check_redirect(
            "127.0.0.1:5050",
            "//localhost:5053/master/api/v1/scheduler",
            Some("http://localhost:5053/master/api/v1/scheduler"),
        );
    }

    #[test]
    fn every_form_of_location_is_followed_but_none_out_of_tls() {
        check_redirect("m", "/master/x", Some("http://m:5050/master/x"));
        check_redirect("m", "http://n:1/x", Some("http://n:1/x"));
        check_redirect("m", "https://n:1/x", Some("https://n:1/x"));
        check_redirect("https://m", "//n:1/x", Some("https://n:1/x"));
        check_redirect("https://m", "http://n:1/x", None);
        check_redirect("m", "", None);
        check_redirect("m", "x", None);
        check_redirect("m", "//", None);
        check_redirect("m", "gopher://n/x", None);
        check_redirect("m", "//user:secret@n/x", None);
    }
}
