//! The address under which others reach what is bound here.

use std::net::{IpAddr, SocketAddr};

/// The host and port of an advertised `host` or `host:port`; what it leaves out is as bound.
///
/// An IPv6 address with a port stands in brackets.
pub(crate) fn advertised(advertise: Option<&str>, bound: SocketAddr) -> String {
    let Some(host) = advertise else {
        return bound.to_string();
    };
    // A colon within brackets belongs to an IPv6 address.
    let after_brackets = host.rsplit(']').next().unwrap_or(host);
    if after_brackets.contains(':') {
        host.to_owned()
    } else {
        format!("{host}:{}", bound.port())
    }
}

/// Whether what is connected to there never leaves this machine.
pub(crate) fn is_loopback(address: &str) -> bool {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_known_by_name_and_number() {
        for address in ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"] {
            assert!(is_loopback(address), "{address}");
        }
        for address in [
            "10.0.0.1:1",
            "[2001:db8::1]:1",
            "localhost.example:1",
            "h:1",
        ] {
            assert!(!is_loopback(address), "{address}");
        }
    }

    #[test]
    fn a_port_that_is_not_advertised_is_the_bound_one() {
        let bound = "10.0.0.1:5000".parse().unwrap();
        for (advertise, expected) in [
            (None, "10.0.0.1:5000"),
            (Some("relay.example"), "relay.example:5000"),
            (Some("relay.example:80"), "relay.example:80"),
            (Some("[2001:db8::1]"), "[2001:db8::1]:5000"),
            (Some("[2001:db8::1]:80"), "[2001:db8::1]:80"),
        ] {
            assert_eq!(advertised(advertise, bound), expected);
        }
    }
}
