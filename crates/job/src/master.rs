//! Where the master is: embedded, or one or more addresses.

use std::str::FromStr;

use mesos::master::{InvalidZooKeeperUrl, ZooKeeperUrl, host_and_port};
use thiserror::Error;

/// The port of a master where none is given.
const PORT: u16 = 5050;

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
    #[error(transparent)]
    NotZooKeeper(#[from] InvalidZooKeeperUrl),
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
        if text.trim().starts_with(ZooKeeperUrl::SCHEME) {
            return Ok(Self::ZooKeeper(text.trim().parse()?));
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
    fn a_place_in_zookeeper_is_read_and_refused_without_its_password() {
        let Ok(Master::ZooKeeper(url)) = " zk://u:s@a/mesos/ ".parse() else {
            panic!("it is a place in ZooKeeper")
        };
        assert_eq!(url.expose(), "zk://u:s@a:2181/mesos");
        let error = "zk://u:sesame@a".parse::<Master>().unwrap_err();
        assert!(matches!(&error, MasterError::NotZooKeeper(_)), "{error}");
        assert!(!error.to_string().contains("sesame"), "{error}");
    }
}
