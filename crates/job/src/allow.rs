//! Grants: what a task may use besides its channels, clocks, randomness and output.

mod http;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use thiserror::Error;

pub use self::http::{HttpDestination, HttpHost, Scheme};
pub(crate) use self::http::{HttpError, parse as parse_http};

/// What a task may use; nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allow {
    /// A folder of its own in the executor's sandbox, which is `/` to it.
    pub sandbox: Option<FolderAccess>,
    /// Folders of agents, by the names under which their operators list them. A task finds each at
    /// `/NAME`.
    pub folders: BTreeMap<String, FolderAccess>,
    /// Variables of the executor's environment that it gets as well, by name.
    pub env: Vec<String>,
    /// Where it may connect and send to.
    pub connect: Vec<Destination>,
    /// Whether it may look up addresses of host names.
    pub dns: bool,
    /// Where it may send HTTP requests to.
    pub http: Vec<HttpDestination>,
}

/// What a task may do in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderAccess {
    /// Read.
    ReadOnly,
    /// Read, write, make and remove.
    ReadWrite,
}

/// Addresses that a task may speak to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// How.
    pub transport: Transport,
    /// The address, or the network with how many of its bits count; nothing for every address.
    pub network: Option<(IpAddr, u8)>,
    /// The ports.
    pub ports: RangeInclusive<u16>,
}

/// What carries bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

/// The most destinations of a group: each is looked at for each connection.
pub(crate) const DESTINATIONS_MAX: usize = 64;

/// The most folders of a group: each is opened for each task.
pub(crate) const FOLDERS_MAX: usize = 16;

/// The longest name of a folder, which is a part of a path.
const FOLDER_NAME_BYTES_MAX: usize = 64;

/// Whether it can be the name of a folder.
pub(crate) fn is_folder_name(name: &str) -> bool {
    let is_fine = |char: char| char.is_ascii_alphanumeric() || "-_.".contains(char);
    (1..=FOLDER_NAME_BYTES_MAX).contains(&name.len())
        && name.chars().all(is_fine)
        && !name.starts_with('.')
}

/// Why a text is not a destination.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum DestinationError {
    #[error("`{0}` does not begin with `tcp ` or `udp `")]
    Transport(String),
    #[error("`{0}` has no port")]
    NoPort(String),
    #[error("`{0}` is neither an address, nor a network, nor `*`")]
    Address(String),
    #[error("`{network}` has bits beyond the {prefix} that count: `{meant}/{prefix}` is meant")]
    Bits {
        network: String,
        prefix: u8,
        meant: IpAddr,
    },
    #[error("`{0}` is no port, range of ports, or `*`")]
    Port(String),
}

impl DestinationError {
    /// What to do about it.
    pub(crate) const HELP: &'static str = "it is written like `tcp 10.0.0.7:5432`, `tcp 10.0.0.0/8:*`, `udp *:53`, \
         `tcp [fd00::]/8:8000-8999`; names are looked up by the task, with `dns: true`";
}

/// Reads `tcp|udp ADDRESS[/BITS]:PORT[-PORT]`, where both sides may be `*`.
pub(crate) fn parse(text: &str) -> Result<Destination, DestinationError> {
    let text = text.trim();
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let transport = match word {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        _ => return Err(DestinationError::Transport(text.to_owned())),
    };
    let rest = rest.trim();
    let place = rest.rsplit_once(':');
    // What follows the last colon of an address without brackets is a part of it.
    let (address, ports) = place
        .filter(|(address, _)| !address.contains(':') || address.contains(']'))
        .ok_or_else(|| DestinationError::NoPort(rest.to_owned()))?;
    Ok(Destination {
        transport,
        network: network(address)?,
        ports: parse_ports(ports)?,
    })
}

fn network(text: &str) -> Result<Option<(IpAddr, u8)>, DestinationError> {
    if text == "*" {
        return Ok(None);
    }
    let wrong = || DestinationError::Address(text.to_owned());
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address = match address.strip_prefix('[') {
        Some(inner) => {
            let inner = inner.strip_suffix(']').ok_or_else(wrong)?;
            IpAddr::V6(inner.parse().map_err(|_| wrong())?)
        }
        None => IpAddr::V4(address.parse().map_err(|_| wrong())?),
    };
    let bits = match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    };
    let prefix = match prefix {
        None => bits,
        Some(prefix) => prefix
            .parse()
            .ok()
            .filter(|prefix| *prefix <= bits)
            .ok_or_else(wrong)?,
    };
    let meant = masked(address, prefix);
    if meant != address {
        return Err(DestinationError::Bits {
            network: text.to_owned(),
            prefix,
            meant,
        });
    }
    Ok(Some((address, prefix)))
}

/// The address with nothing but its first bits.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

fn parse_ports(text: &str) -> Result<RangeInclusive<u16>, DestinationError> {
    if text == "*" {
        return Ok(1..=u16::MAX);
    }
    let port = |text: &str| text.parse().ok().filter(|port| *port > 0);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (port(first), port(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err(DestinationError::Port(text.to_owned())),
    }
}

impl fmt::Display for Destination {
    /// As it is written in the job file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.transport {
            Transport::Tcp => "tcp ",
            Transport::Udp => "udp ",
        })?;
        match self.network {
            None => f.write_str("*")?,
            Some(network) => write_network(f, network)?,
        }
        write_ports(f, &self.ports)
    }
}

fn write_network(f: &mut fmt::Formatter<'_>, network: (IpAddr, u8)) -> fmt::Result {
    match network {
        (IpAddr::V4(address), 32) => write!(f, "{address}"),
        (IpAddr::V6(address), 128) => write!(f, "[{address}]"),
        (IpAddr::V4(address), prefix) => write!(f, "{address}/{prefix}"),
        (IpAddr::V6(address), prefix) => write!(f, "[{address}]/{prefix}"),
    }
}

fn write_ports(f: &mut fmt::Formatter<'_>, ports: &RangeInclusive<u16>) -> fmt::Result {
    match (*ports.start(), *ports.end()) {
        (1, u16::MAX) => f.write_str(":*"),
        (first, last) if first == last => write!(f, ":{first}"),
        (first, last) => write!(f, ":{first}-{last}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_a_name_that_is_one_part_of_a_path() {
        for name in ["models", "a.b-c_d", "7"] {
            assert!(is_folder_name(name), "{name}");
        }
        let long = "a".repeat(FOLDER_NAME_BYTES_MAX + 1);
        for name in ["", ".", "..", ".a", "a/b", "/a", "a b", "\u{e9}", &long] {
            assert!(!is_folder_name(name), "{name}");
        }
    }

    #[test]
    fn a_destination_is_written_as_it_is_read() {
        for text in [
            "tcp 10.0.0.7:5432",
            "tcp 10.0.0.0/8:*",
            "udp *:53",
            "udp *:*",
            "tcp 0.0.0.0/0:80",
            "tcp [::1]:8000-8999",
            "tcp [fd00::]/8:443",
        ] {
            assert_eq!(parse(text).map(|it| it.to_string()), Ok(text.to_owned()));
        }
        let any = parse(" tcp   10.1.0.0/16:1-65535 ").map(|it| it.to_string());
        assert_eq!(any, Ok("tcp 10.1.0.0/16:*".to_owned()));
    }

    #[track_caller]
    fn check_wrong(text: &str, expected: &str) {
        let said = parse(text).map_err(|error| error.to_string());
        assert_eq!(said, Err(expected.to_owned()));
    }

    #[test]
    fn what_is_no_destination_is_told_apart() {
        check_wrong(
            "10.0.0.7:80",
            "`10.0.0.7:80` does not begin with `tcp ` or `udp `",
        );
        check_wrong("tcp", "`` has no port");
        check_wrong("tcp 10.0.0.7", "`10.0.0.7` has no port");
        check_wrong("tcp ::1", "`::1` has no port");
        check_wrong(
            "tcp db:5432",
            "`db` is neither an address, nor a network, nor `*`",
        );
        check_wrong(
            "tcp 10.0.0.0/33:1",
            "`10.0.0.0/33` is neither an address, nor a network, nor `*`",
        );
        check_wrong("tcp [::1:80", "`[::1:80` has no port");
        check_wrong(
            "tcp [10.0.0.1]:80",
            "`[10.0.0.1]` is neither an address, nor a network, nor `*`",
        );
        check_wrong(
            "tcp 10.0.0.7/8:80",
            "`10.0.0.7/8` has bits beyond the 8 that count: `10.0.0.0/8` is meant",
        );
        for ports in ["0", "70000", "9-8", "", "x", "1-", "-1"] {
            let expected = format!("`{ports}` is no port, range of ports, or `*`");
            check_wrong(&format!("tcp *:{ports}"), &expected);
        }
    }
}
