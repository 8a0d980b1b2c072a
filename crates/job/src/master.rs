//! Where the master is: embedded, or one or more addresses.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The port of a master where none is given.
const PORT: &str = "5050";

/// The port of ZooKeeper where none is given.
const ZOOKEEPER_PORT: &str = "2181";

/// Where the master is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Master {
    /// The embedded cluster.
    Local,
    /// One or more masters, of which one leads: each `host:port` or `https://host:port`.
    Addresses(Vec<String>),
    /// The place in ZooKeeper where the masters register.
    ZooKeeper(ZooKeeperUrl),
}

/// `zk://user:password@host:port,host:port/path`, shown without the credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct ZooKeeperUrl {
    credentials: Option<String>,
    servers: Vec<String>,
    path: String,
}

impl ZooKeeperUrl {
    /// The whole of it, with the credentials.
    pub fn expose(&self) -> String {
        match &self.credentials {
            Some(credentials) => {
                format!("zk://{credentials}@{}{}", self.servers.join(","), self.path)
            }
            None => self.to_string(),
        }
    }

    /// The servers of ZooKeeper, at least one: each `host:port`.
    pub fn servers(&self) -> &[String] {
        &self.servers
    }

    fn parse(rest: &str) -> Result<Self, MasterError> {
        // A password may have any character but the last `@`.
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, rest),
        };
        let invalid = || MasterError::NotZooKeeper(format!("zk://{place}"));
        if credentials.is_some_and(|credentials| !credentials.contains(':')) {
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
        write!(f, "zk://{}{}", self.servers.join(","), self.path)
    }
}

impl fmt::Debug for ZooKeeperUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Why a text does not say where a master is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MasterError {
    /// There is nothing, or nothing between commas.
    #[error("an address of a master is empty")]
    Empty,
    /// It is not `host:port`.
    #[error("`{0}` is not an address of a master")]
    NotAnAddress(String),
    /// It begins like a place in ZooKeeper, and does not go on so.
    #[error("`{0}` is not a place in ZooKeeper")]
    NotZooKeeper(String),
}

impl MasterError {
    /// What would be right.
    pub const HELP: &str = "write `local`, `host:port`, a list `host1:5050,host2:5050`, or \
                                     `zk://host1:2181,host2:2181/mesos`";
}

impl FromStr for Master {
    type Err = MasterError;

    /// Reads `local`, `host`, `host:port`, `http://host:port`, `https://host:port`, or several with
    /// commas between; or `zk://host:port,host:port/path`.
    fn from_str(text: &str) -> Result<Self, MasterError> {
        if text.trim() == "local" {
            return Ok(Self::Local);
        }
        if let Some(rest) = text.trim().strip_prefix("zk://") {
            return ZooKeeperUrl::parse(rest).map(Self::ZooKeeper);
        }
        let addresses = text.split(',').map(|address| parse_address(address.trim()));
        Ok(Self::Addresses(addresses.collect::<Result<_, _>>()?))
    }
}

fn parse_address(text: &str) -> Result<String, MasterError> {
    let not_an_address = || MasterError::NotAnAddress(text.to_owned());
    let (scheme, address) = match text.split_once("://") {
        None => ("", text),
        Some(("http", address)) => ("", address.trim_end_matches('/')),
        Some(("https", address)) => ("https://", address.trim_end_matches('/')),
        Some(_) => return Err(not_an_address()),
    };
    if address.is_empty() {
        return Err(MasterError::Empty);
    }
    let address = host_and_port(address, PORT).ok_or_else(not_an_address)?;
    Ok(format!("{scheme}{address}"))
}

/// `host:port` of an address that may lack the port; `None` if it is no address.
fn host_and_port(address: &str, default_port: &str) -> Option<String> {
    let (host, port) = match address.rsplit_once(':') {
        // The colons of `[::1]` are not before a port.
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (address, default_port),
    };
    let is_host_char = |char: char| char.is_ascii_alphanumeric() || "-._".contains(char);
    let is_host = match host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.chars().all(is_host_char),
    };
    let is_port = port.parse::<u16>().is_ok_and(|port| port != 0);
    (is_host && is_port).then(|| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, addresses: &[&str]) {
        let addresses = addresses
            .iter()
            .map(|&address| address.to_owned())
            .collect();
        assert_eq!(text.parse(), Ok(Master::Addresses(addresses)));
    }

    #[test]
    fn addresses_are_read_in_all_their_forms() {
        assert_eq!("local".parse(), Ok(Master::Local));
        check("10.0.0.1:5051", &["10.0.0.1:5051"]);
        check("master", &["master:5050"]);
        check("http://a.b:80/", &["a.b:80"]);
        check("https://a", &["https://a:5050"]);
        check("a:1, b:2", &["a:1", "b:2"]);
        check("[::1]", &["[::1]:5050"]);
        check("[::1]:99", &["[::1]:99"]);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "a:0", "a:x", "a:70000", "a b", "ftp://a", "a/b", ":5050", "[x]:1", "::1",
        ] {
            let expected = Err(MasterError::NotAnAddress(text.to_owned()));
            assert_eq!(text.parse::<Master>(), expected, "{text}");
        }
        assert_eq!("".parse::<Master>(), Err(MasterError::Empty));
        assert_eq!("a,".parse::<Master>(), Err(MasterError::Empty));
        assert_eq!(
            "a,zk://b/mesos".parse::<Master>(),
            Err(MasterError::NotAnAddress("zk://b/mesos".to_owned()))
        );
    }

    #[test]
    fn a_place_in_zookeeper_is_read_and_shown_without_its_password() {
        let Ok(Master::ZooKeeper(url)) = "zk://u:s@me@a,[::1]:99/mesos/".parse() else {
            panic!("it is a place in ZooKeeper")
        };
        assert_eq!(url.expose(), "zk://u:s@me@a:2181,[::1]:99/mesos");
        assert_eq!(url.servers(), ["a:2181", "[::1]:99"]);
        assert_eq!(
            format!("{url} {url:?}"),
            ["zk://a:2181,[::1]:99/mesos"; 2].join(" ")
        );
        for text in [
            "zk://a",
            "zk://u:p@a/",
            "zk:///mesos",
            "zk://a:0/mesos",
            "zk://u@a/mesos",
        ] {
            let error = text.parse::<Master>().unwrap_err();
            assert!(matches!(&error, MasterError::NotZooKeeper(_)), "{text}");
            assert!(!error.to_string().contains('@'), "{error}");
        }
    }
}
