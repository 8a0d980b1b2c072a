//! The address under which others reach what is bound here.

use std::net::SocketAddr;

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

#[cfg(test)]
mod tests {
    use super::*;

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
