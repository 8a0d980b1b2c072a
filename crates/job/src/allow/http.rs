//! Where HTTP requests may go: scheme, host and port, and never a path.

use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use thiserror::Error;

use super::DestinationError;

/// What HTTP requests may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpDestination {
    /// Nothing for both.
    pub scheme: Option<Scheme>,
    /// The hosts.
    pub host: HttpHost,
    /// The ports.
    pub ports: RangeInclusive<u16>,
}

/// How a request is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// As plain text.
    Http,
    /// Over TLS.
    Https,
}

/// Hosts that requests may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpHost {
    /// Any.
    Any,
    /// This name, in lower case.
    Name(String),
    /// All names that end with a dot and this one, in lower case.
    Below(String),
    /// Addresses of a network, with how many of its bits count, and names that lead there.
    Network(IpAddr, u8),
}

/// Why a text is not a destination of HTTP requests.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum HttpError {
    #[error("`{0}` does not begin with `http://` or `https://`")]
    Scheme(String),
    #[error("`{0}` has a path, and grants are for whole hosts")]
    Path(String),
    #[error("`{0}` has a user: requests name theirs by themselves")]
    User(String),
    #[error("`{0}` is neither a host name, nor an address, nor a network, nor `*`")]
    Host(String),
    #[error(transparent)]
    Address(DestinationError),
}

impl HttpError {
    /// What to do about it.
    pub(crate) const HELP: &'static str = "it is written like `https://api.example.com`, \
         `https://*.example.com:8443`, `http://10.0.0.0/8:8000-8999`, `http://[fd00::]/8`, \
         or `*` for everywhere; without a port it is 80 or 443";
}

/// The longest name that DNS has.
const NAME_BYTES_MAX: usize = 253;

/// The longest part of it.
const LABEL_BYTES_MAX: usize = 63;

/// Reads `*`, or `http|https://HOST[:PORT[-PORT]]`, where host is a name, `*.NAME`,
/// `ADDRESS[/BITS]` or `*`, and the port may be `*`.
pub(crate) fn parse(text: &str) -> Result<HttpDestination, HttpError> {
    let text = text.trim();
    if text == "*" {
        return Ok(HttpDestination {
            scheme: None,
            host: HttpHost::Any,
            ports: 1..=u16::MAX,
        });
    }
    let (scheme, rest) = match text.split_once("://") {
        Some(("http", rest)) => (Scheme::Http, rest),
        Some(("https", rest)) => (Scheme::Https, rest),
        _ => return Err(HttpError::Scheme(text.to_owned())),
    };
    // One slash at the end is how browsers write a host.
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.contains('@') {
        return Err(HttpError::User(text.to_owned()));
    }
    // A slash before the bits of a network begins no path.
    let after = rest.split_once('/').map(|(_, after)| after);
    let is_bits = |after: &str| after.starts_with(|char: char| char.is_ascii_digit());
    let is_path = after.is_some_and(|after| !is_bits(after) || after.contains('/'));
    if is_path || rest.contains(['?', '#']) {
        return Err(HttpError::Path(text.to_owned()));
    }
    let (host, ports) = match rest.rsplit_once(':') {
        // What follows a colon in an address, with brackets or without, is a part of it.
        Some((host, ports))
            if host.contains(']') || !rest.contains(['[', ']']) && !host.contains(':') =>
        {
            let ports = super::parse_ports(ports).map_err(HttpError::Address)?;
            (host, ports)
        }
        _ => (rest, scheme.port()..=scheme.port()),
    };
    let host = parse_host(host)?;
    Ok(HttpDestination {
        scheme: Some(scheme),
        host,
        ports,
    })
}

fn parse_host(text: &str) -> Result<HttpHost, HttpError> {
    if text == "*" {
        return Ok(HttpHost::Any);
    }
    match super::network(text) {
        Ok(Some((address, prefix))) => return Ok(HttpHost::Network(address, prefix)),
        Err(error @ DestinationError::Bits { .. }) => return Err(HttpError::Address(error)),
        Ok(None) | Err(_) => {}
    }
    let (name, below) = match text.strip_prefix("*.") {
        Some(name) => (name, true),
        None => (text, false),
    };
    if !is_name(name) {
        return Err(HttpError::Host(text.to_owned()));
    }
    let name = name.to_ascii_lowercase();
    Ok(match below {
        true => HttpHost::Below(name),
        false => HttpHost::Name(name),
    })
}

/// Whether it is a host name. One of digits only would be an address, in one of the many ways to
/// write one.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        (1..=LABEL_BYTES_MAX).contains(&label.len()) && label.bytes().all(is_fine)
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= NAME_BYTES_MAX
        && text.split('.').all(is_label)
        && !last.starts_with(|char: char| char.is_ascii_digit())
}

impl Scheme {
    /// The port where none is named.
    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

impl fmt::Display for HttpDestination {
    /// As it is written in the job file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(scheme) = self.scheme else {
            return f.write_str("*");
        };
        write!(f, "{}://", scheme.word())?;
        match &self.host {
            HttpHost::Any => f.write_str("*")?,
            HttpHost::Name(name) => f.write_str(name)?,
            HttpHost::Below(name) => write!(f, "*.{name}")?,
            HttpHost::Network(address, prefix) => super::write_network(f, (*address, *prefix))?,
        }
        match self.ports == (scheme.port()..=scheme.port()) {
            true => Ok(()),
            false => super::write_ports(f, &self.ports),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_written_as_it_is_read() {
        for text in [
            "*",
            "https://api.example.com",
            "https://*.example.com:8443",
            "http://*",
            "http://*:*",
            "https://localhost:8000-8999",
            "http://10.0.0.7",
            "http://10.0.0.0/8:8080",
            "http://[::1]",
            "https://[fd00::]/8:*",
        ] {
            assert_eq!(parse(text).map(|it| it.to_string()), Ok(text.to_owned()));
        }
        for (text, meant) in [
            ("https://API.Example.com:443/", "https://api.example.com"),
            (" http://a:80", "http://a"),
        ] {
            assert_eq!(parse(text).map(|it| it.to_string()), Ok(meant.to_owned()));
        }
    }

    #[track_caller]
    fn check_wrong(text: &str, expected: &str) {
        let said = parse(text).map_err(|error| error.to_string());
        assert_eq!(said, Err(expected.to_owned()));
    }

    #[test]
    fn what_is_no_destination_is_told_apart() {
        for text in ["", "example.com", "ftp://a", "HTTP://a", "tcp 10.0.0.7:80"] {
            let expected = format!("`{text}` does not begin with `http://` or `https://`");
            check_wrong(text, &expected);
        }
        for text in [
            "https://a/b",
            "https://a//",
            "http://10.0.0.0/8/9",
            "http://a?b",
        ] {
            let expected = format!("`{text}` has a path, and grants are for whole hosts");
            check_wrong(text, &expected);
        }
        check_wrong(
            "https://me@a",
            "`https://me@a` has a user: requests name theirs by themselves",
        );
        let long = "a".repeat(LABEL_BYTES_MAX + 1);
        for host in [
            "", "a..b", "*a", "*.", "a.*", "a b", "1.2.3", "0x7f.1", &long, "[::1",
        ] {
            let expected =
                format!("`{host}` is neither a host name, nor an address, nor a network, nor `*`");
            check_wrong(&format!("https://{host}"), &expected);
        }
        check_wrong(
            "http://10.0.0.7/8",
            "`10.0.0.7/8` has bits beyond the 8 that count: `10.0.0.0/8` is meant",
        );
        for ports in ["", "0", "70000", "9-8", "x"] {
            let expected = format!("`{ports}` is no port, range of ports, or `*`");
            check_wrong(&format!("http://a:{ports}"), &expected);
        }
    }
}
