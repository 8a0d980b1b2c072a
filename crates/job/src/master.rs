//! Where the master is: embedded, or one or more addresses.

use std::str::FromStr;

use thiserror::Error;

/// The port of a master where none is given.
const PORT: &str = "5050";

/// Where the master is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Master {
    /// The embedded cluster.
    Local,
    /// One or more masters, of which one leads: each `host:port` or `https://host:port`.
    Addresses(Vec<String>),
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
    /// It is a way to reach masters that is not built yet.
    #[error("`{0}` is not supported yet")]
    NotYet(&'static str),
}

impl MasterError {
    /// What would be right.
    pub const HELP: &str = "write `local`, `host:port`, or a list `host1:5050,host2:5050`";
}

impl FromStr for Master {
    type Err = MasterError;

    /// Reads `local`, `host`, `host:port`, `http://host:port`, `https://host:port`, or several with commas between.
    fn from_str(text: &str) -> Result<Self, MasterError> {
        if text.trim() == "local" {
            return Ok(Self::Local);
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
        Some(("zk", _)) => return Err(MasterError::NotYet("zk://")),
        Some(_) => return Err(not_an_address()),
    };
    if address.is_empty() {
        return Err(MasterError::Empty);
    }
    let (host, port) = match address.rsplit_once(':') {
        // The colons of `[::1]` are not before a port.
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (address, PORT),
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
    if is_host && is_port {
        Ok(format!("{scheme}{host}:{port}"))
    } else {
        Err(not_an_address())
    }
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
            "zk://a/mesos".parse::<Master>(),
            Err(MasterError::NotYet("zk://"))
        );
    }
}
