//! How people write down where masters are: `host:port`, and `zk://` for a place in ZooKeeper.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use thiserror::Error;

/// The port of ZooKeeper where none is given.
const ZOOKEEPER_PORT: u16 = 2181;

/// `zk://user:password@host:port,host:port/path`, where masters register themselves; shown without
/// the credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct ZooKeeperUrl {
    credentials: Option<String>,
    servers: Vec<String>,
    path: String,
}

/// It begins as a place in ZooKeeper does, and does not go on so. Shown without credentials.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is not `zk://host:port,host:port/path`, or `zk://user:password@` before that")]
pub struct InvalidZooKeeperUrl(String);

impl ZooKeeperUrl {
    /// What such an address begins with.
    pub const SCHEME: &'static str = "zk://";

    /// The servers of ZooKeeper, at least one: each `host:port`.
    pub fn servers(&self) -> &[String] {
        &self.servers
    }

    /// Where masters register; it begins with `/` and does not end so.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// `user:password`, if the path is not for everybody to read.
    pub fn credentials(&self) -> Option<&str> {
        self.credentials.as_deref()
    }

    /// The whole of it, with the credentials.
    pub fn expose(&self) -> String {
        let credentials = match &self.credentials {
            Some(credentials) => format!("{credentials}@"),
            None => String::new(),
        };
        let servers = self.servers.join(",");
        format!("{}{credentials}{servers}{}", Self::SCHEME, self.path)
    }
}

impl FromStr for ZooKeeperUrl {
    type Err = InvalidZooKeeperUrl;

    fn from_str(text: &str) -> Result<Self, InvalidZooKeeperUrl> {
        let rest = text.strip_prefix(Self::SCHEME);
        // A password may have any character but the last `@`.
        let (credentials, place) = match rest.unwrap_or(text).rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, rest.unwrap_or(text)),
        };
        let invalid = || InvalidZooKeeperUrl(format!("{}{place}", Self::SCHEME));
        if rest.is_none() || credentials.is_some_and(|credentials| !credentials.contains(':')) {
            return Err(invalid());
        }
        let (servers, path) = place.split_once('/').ok_or_else(invalid)?;
        let path = path.trim_end_matches('/');
        if path.is_empty() || path.split('/').any(str::is_empty) {
            return Err(invalid());
        }
        let servers = servers
            .split(',')
            .map(|server| host_and_port(server.trim(), ZOOKEEPER_PORT));
        Ok(Self {
            credentials: credentials.map(str::to_owned),
            servers: servers.collect::<Option<_>>().ok_or_else(invalid)?,
            path: format!("/{path}"),
        })
    }
}

impl fmt::Display for ZooKeeperUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", Self::SCHEME, self.servers.join(","), self.path)
    }
}

impl fmt::Debug for ZooKeeperUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ZooKeeperUrl({self})")
    }
}

/// `host:port` of an address that may lack the port; `None` if it is no address. An IPv6 address
/// stands in brackets.
pub fn host_and_port(address: &str, default_port: u16) -> Option<String> {
    let (host, port) = match address.rsplit_once(':') {
        // The colons of `[::1]` are not before a port.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        _ => (address, default_port),
    };
    let is_host_char = |char: char| char.is_ascii_alphanumeric() || "-._".contains(char);
    let is_host = match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(is_host_char),
    };
    (is_host && port != 0).then(|| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_path_and_credentials_are_read_and_only_the_latter_not_shown() {
        let url: ZooKeeperUrl = "zk://u:p@ss@a,b:2182, [::1]/mesos/prod/".parse().unwrap();
        assert_eq!(url.servers(), ["a:2181", "b:2182", "[::1]:2181"]);
        assert_eq!(url.path(), "/mesos/prod");
        assert_eq!(url.credentials(), Some("u:p@ss"));
        let shown = "zk://a:2181,b:2182,[::1]:2181/mesos/prod";
        assert_eq!(url.to_string(), shown);
        assert_eq!(format!("{url:?}"), format!("ZooKeeperUrl({shown})"));
        assert_eq!(url.expose(), shown.replace("zk://", "zk://u:p@ss@"));
        assert_eq!(url.expose().parse(), Ok(url));
    }

    #[test]
    fn what_is_no_place_in_zookeeper_is_refused_without_its_credentials() {
        for place in [
            "a",
            "a/",
            "/mesos",
            "a,/mesos",
            "a//mesos",
            "http://a/mesos",
            "a:0/mesos",
        ] {
            let expected = Err(InvalidZooKeeperUrl(format!("zk://{place}")));
            assert_eq!(format!("zk://{place}").parse::<ZooKeeperUrl>(), expected);
            assert_eq!(
                format!("zk://u:p@{place}").parse::<ZooKeeperUrl>(),
                expected
            );
        }
        let no_password = "zk://sesame@a/mesos".parse::<ZooKeeperUrl>();
        assert_eq!(
            no_password,
            Err(InvalidZooKeeperUrl("zk://a/mesos".to_owned()))
        );
        assert!("a/mesos".parse::<ZooKeeperUrl>().is_err());
    }

    #[test]
    fn ports_are_added_where_there_are_none() {
        for (address, expected) in [
            ("a", Some("a:5050")),
            ("a:1", Some("a:1")),
            ("[::1]", Some("[::1]:5050")),
            ("[::1]:99", Some("[::1]:99")),
            ("::1", None),
            ("[x]:1", None),
            ("a:0", None),
            ("a:70000", None),
            (":1", None),
            ("a b", None),
        ] {
            assert_eq!(
                host_and_port(address, 5050).as_deref(),
                expected,
                "{address}"
            );
        }
    }
}
