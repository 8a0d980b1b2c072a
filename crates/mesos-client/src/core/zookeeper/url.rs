//! `zk://user:password@host:port,host:port/path`: where masters register themselves.

use std::fmt;

use crate::core::endpoint::{Endpoint, InvalidEndpoint};
use crate::transport::Secret;

/// The port of ZooKeeper where none is given.
const DEFAULT_PORT: u16 = 2181;

/// A group of masters in ZooKeeper. It is shown without its credentials.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ZooKeeperUrl {
    /// `host:port`, at least one.
    pub(crate) servers: Vec<String>,
    /// Begins with `/` and does not end so.
    pub(crate) path: String,
    /// `user:password`.
    pub(crate) credentials: Option<Secret>,
}

impl ZooKeeperUrl {
    /// Reads what follows `zk://`.
    pub(crate) fn parse(rest: &str) -> Result<Self, InvalidEndpoint> {
        // A password may have any character but the last `@`.
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, rest),
        };
        let invalid = || InvalidEndpoint::ZooKeeper(format!("zk://{place}"));
        if credentials.is_some_and(|credentials| !credentials.contains(':')) {
            return Err(invalid());
        }
        let (servers, path) = place.split_once('/').ok_or_else(invalid)?;
        let path = path.trim_end_matches('/');
        if path.is_empty() || path.split('/').any(str::is_empty) {
            return Err(invalid());
        }
        let server = |server: &str| {
            let endpoint = Endpoint::parse(server.trim(), DEFAULT_PORT, "/").ok()?;
            (!server.contains("://")).then(|| endpoint.authority().to_owned())
        };
        let servers: Option<Vec<String>> = servers.split(',').map(server).collect();
        Ok(Self {
            servers: servers.ok_or_else(invalid)?,
            path: format!("/{path}"),
            credentials: credentials.map(Secret::new),
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
        write!(f, "ZooKeeperUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_path_and_credentials_are_read() {
        let url = ZooKeeperUrl::parse("u:p@ss@a,b:2182,[::1]/mesos/prod/").unwrap();
        assert_eq!(url.servers, ["a:2181", "b:2182", "[::1]:2181"]);
        assert_eq!(url.path, "/mesos/prod");
        assert_eq!(url.credentials.as_ref().unwrap().expose(), "u:p@ss");
        let shown = "zk://a:2181,b:2182,[::1]:2181/mesos/prod";
        assert_eq!(url.to_string(), shown);
        assert!(format!("{url:?}").contains(shown), "{url:?}");
    }

    #[test]
    fn what_is_no_group_of_masters_is_refused_without_its_credentials() {
        for rest in [
            "a",
            "a/",
            "/mesos",
            "a,/mesos",
            "a//mesos",
            "http://a/mesos",
            "u@a/mesos",
        ] {
            let place = rest.strip_prefix("u@").unwrap_or(rest);
            assert_eq!(
                ZooKeeperUrl::parse(rest),
                Err(InvalidEndpoint::ZooKeeper(format!("zk://{place}"))),
            );
        }
    }
}
