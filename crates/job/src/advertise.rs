//! The address of this machine that agents are told.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use thiserror::Error;

/// A host under which agents reach us, and a port if it is not the one that is listened on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertise {
    /// A name or an address; an IPv6 address is in brackets.
    pub host: String,
    /// The port that agents connect to.
    pub port: Option<u16>,
}

/// Why a text is not `host` or `host:port`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AdvertiseError {
    /// It has a scheme, as a URL.
    #[error("it is a URL")]
    Url,
    /// The port is not a number from 1 to 65535.
    #[error("its port is not a number from 1 to 65535")]
    Port,
    /// The host is empty or too long, or has characters that no name and no address has.
    #[error("its host is not a name or an address")]
    Host,
}

impl FromStr for Advertise {
    type Err = AdvertiseError;

    fn from_str(text: &str) -> Result<Self, AdvertiseError> {
        if text.contains("://") {
            return Err(AdvertiseError::Url);
        }
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            let host = format!("[{address}]");
            return Ok(Self { host, port: None });
        }
        // A colon within brackets belongs to an IPv6 address.
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = port.map(|port| port.parse().ok().filter(|port| *port > 0));
        let port = port.map(|port| port.ok_or(AdvertiseError::Port));
        if !is_host(host) {
            return Err(AdvertiseError::Host);
        }
        Ok(Self {
            host: host.to_owned(),
            port: port.transpose()?,
        })
    }
}

impl fmt::Display for Advertise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

/// The longest name in the domain name system (RFC 1035, section 2.3.4).
const HOST_BYTES_MAX: usize = 253;

fn is_host(text: &str) -> bool {
    let bracketed = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    match bracketed {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            let is_known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            (1..=HOST_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_known)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_and_without_ports() {
        for (text, host, port) in [
            ("relay", "relay", None),
            ("relay.example:80", "relay.example", Some(80)),
            ("10.0.0.1:65535", "10.0.0.1", Some(65535)),
            ("2001:db8::1", "[2001:db8::1]", None),
            ("[2001:db8::1]", "[2001:db8::1]", None),
            ("[2001:db8::1]:80", "[2001:db8::1]", Some(80)),
        ] {
            let host = host.to_owned();
            assert_eq!(text.parse(), Ok(Advertise { host, port }), "{text}");
        }
        for (text, error) in [
            ("tcp://relay:80", AdvertiseError::Url),
            ("relay:0", AdvertiseError::Port),
            ("relay:65536", AdvertiseError::Port),
            ("relay:", AdvertiseError::Port),
            ("", AdvertiseError::Host),
            (":80", AdvertiseError::Host),
            ("a b", AdvertiseError::Host),
            ("[relay]:80", AdvertiseError::Host),
            ("1:2:3", AdvertiseError::Host),
        ] {
            assert_eq!(text.parse::<Advertise>(), Err(error), "{text}");
        }
        let longest = "a".repeat(HOST_BYTES_MAX);
        assert_eq!(
            longest.parse::<Advertise>().map(|it| it.host),
            Ok(longest.clone())
        );
        let longer = longest + "a";
        assert_eq!(longer.parse::<Advertise>(), Err(AdvertiseError::Host));
    }
}
