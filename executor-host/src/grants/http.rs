//! Where a guest may send HTTP requests to. Pure: it knows neither sockets nor names' addresses.
//!
//! A request is looked at twice: before anything is done for it, by what it says, and again for
//! each address that its host turned out to have. So a name that leads elsewhere tomorrow opens
//! nothing that an address would not.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

use super::contains;

/// What HTTP requests may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpDestination {
    /// How; nothing for both ways.
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
    /// Any, but for those that mean the agent itself or its surroundings.
    Any,
    /// This name, in lower case.
    Name(String),
    /// All names that end with a dot and this one, in lower case.
    Below(String),
    /// Addresses of a network, with how many of its bits count, and names that lead there.
    Network(IpAddr, u8),
}

/// Where a request wants to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) scheme: Scheme,
    pub(crate) host: Host,
    pub(crate) port: u16,
}

/// The host of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Host {
    /// In lower case, without a dot at its end.
    Name(String),
    Address(IpAddr),
}

/// Whether there may be an address to which the request can go.
pub(crate) fn may_ask(allowed: &[HttpDestination], target: &Target) -> bool {
    allowed.iter().any(|it| {
        it.carries(target)
            && match (&it.host, &target.host) {
                (_, Host::Address(address)) => it.admits(target, *address),
                // Where the name leads is seen later.
                (HttpHost::Any | HttpHost::Network(..), Host::Name(_)) => true,
                (HttpHost::Name(own), Host::Name(name)) => own == name,
                (HttpHost::Below(own), Host::Name(name)) => is_below(own, name),
            }
    })
}

/// Whether the request can go to this address, which its host has.
pub(crate) fn may_reach(allowed: &[HttpDestination], target: &Target, address: IpAddr) -> bool {
    allowed
        .iter()
        .any(|it| it.carries(target) && it.admits(target, address))
}

impl HttpDestination {
    fn carries(&self, target: &Target) -> bool {
        self.scheme.is_none_or(|scheme| scheme == target.scheme)
            && self.ports.contains(&target.port)
    }

    fn admits(&self, target: &Target, address: IpAddr) -> bool {
        let address = plain(address);
        let guard = GUARDED
            .iter()
            .find(|(network, prefix)| contains(*network, *prefix, address));
        match (&self.host, &target.host) {
            // Who names nothing but a part of what is guarded means it.
            (HttpHost::Network(network, prefix), _) => {
                contains(*network, *prefix, address)
                    && guard.is_none_or(|(_, guarded)| prefix >= guarded)
            }
            (HttpHost::Any, _) => guard.is_none(),
            (HttpHost::Name(own), Host::Name(name)) => {
                let is_this_machine = own == "localhost" && address.is_loopback();
                own == name && (guard.is_none() || is_this_machine)
            }
            (HttpHost::Below(own), Host::Name(name)) => is_below(own, name) && guard.is_none(),
            (HttpHost::Name(_) | HttpHost::Below(_), Host::Address(_)) => false,
        }
    }
}

/// Whether the name ends with a dot and the other one, and has something before.
fn is_below(above: &str, name: &str) -> bool {
    name.strip_suffix(above)
        .and_then(|rest| rest.strip_suffix('.'))
        .is_some_and(|rest| !rest.is_empty())
}

/// The address that is meant: one of IPv4 may come in the clothes of IPv6.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address.to_canonical() else {
        return address.to_canonical();
    };
    match six.octets() {
        // What a translator of the network (NAT64) makes an IPv4 address of.
        [0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d] => {
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        _ => IpAddr::V6(six),
    }
}

/// Addresses that mean the agent itself, its link, or the services by which clouds give machines
/// their credentials. Only a grant that names nothing else reaches them: a name can be led there
/// by whoever owns it, and `*` is said of the world outside.
const GUARDED: [(IpAddr, u8); 12] = [
    v4([0, 0, 0, 0], 8),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    // Metadata services that are not link-local.
    v4([100, 100, 100, 200], 32),
    v4([168, 63, 129, 16], 32),
    v6([0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254], 128),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
    // Many at once, of which none answers by HTTP.
    v4([224, 0, 0, 0], 4),
    v4([255, 255, 255, 255], 32),
];

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> (IpAddr, u8) {
    (IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix)
}

const fn v6([a, b, c, d, e, f, g, h]: [u16; 8], prefix: u8) -> (IpAddr, u8) {
    (IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)), prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(host: HttpHost) -> Vec<HttpDestination> {
        vec![HttpDestination {
            scheme: Some(Scheme::Http),
            host,
            ports: 80..=90,
        }]
    }

    fn network(address: &str, prefix: u8) -> Vec<HttpDestination> {
        allowed(HttpHost::Network(address.parse().unwrap(), prefix))
    }

    fn target(host: &str) -> Target {
        Target {
            scheme: Scheme::Http,
            host: host
                .parse()
                .map_or_else(|_| Host::Name(host.to_owned()), Host::Address),
            port: 80,
        }
    }

    /// Whether a request to the host goes out when the host is at the address.
    #[track_caller]
    fn check(allowed: &[HttpDestination], host: &str, address: &str, expected: bool) {
        let target = target(host);
        let may =
            may_ask(allowed, &target) && may_reach(allowed, &target, address.parse().unwrap());
        assert_eq!(may, expected, "{allowed:?} {host} {address}");
    }

    #[test]
    fn scheme_and_port_must_be_allowed() {
        let one = allowed(HttpHost::Name("a.example".to_owned()));
        let good = target("a.example");
        assert!(may_ask(&one, &good));
        let scheme = Scheme::Https;
        assert!(!may_ask(
            &one,
            &Target {
                scheme,
                ..good.clone()
            }
        ));
        let port = 91;
        assert!(!may_ask(
            &one,
            &Target {
                port,
                ..good.clone()
            }
        ));
        assert!(!may_ask(&[], &good));
        let mut both = one;
        both[0].scheme = None;
        assert!(may_ask(&both, &Target { scheme, ..good }));
    }

    #[test]
    fn a_name_is_that_name_and_those_below_are_those_below() {
        let out = "192.0.2.1";
        let one = allowed(HttpHost::Name("a.example".to_owned()));
        check(&one, "a.example", out, true);
        check(&one, "b.a.example", out, false);
        check(&one, "xa.example", out, false);
        check(&one, out, out, false);
        let below = allowed(HttpHost::Below("a.example".to_owned()));
        check(&below, "b.a.example", out, true);
        check(&below, "c.b.a.example", out, true);
        check(&below, "a.example", out, false);
        check(&below, ".a.example", out, false);
        check(&below, "xa.example", out, false);
        check(&below, out, out, false);
    }

    #[test]
    fn a_network_is_its_addresses_and_the_names_that_lead_there() {
        let net = network("10.0.0.0", 8);
        check(&net, "10.1.2.3", "10.1.2.3", true);
        check(&net, "::ffff:10.1.2.3", "::ffff:10.1.2.3", true);
        check(&net, "11.0.0.1", "11.0.0.1", false);
        check(&net, "db", "10.1.2.3", true);
        check(&net, "db", "11.0.0.1", false);
        check(&net, "db", "127.0.0.1", false);
    }

    #[test]
    fn what_is_guarded_is_reached_by_its_own_name_only() {
        let any = allowed(HttpHost::Any);
        check(&any, "a.example", "192.0.2.1", true);
        check(&any, "192.0.2.1", "192.0.2.1", true);
        let name = allowed(HttpHost::Name("a.example".to_owned()));
        let below = allowed(HttpHost::Below("example".to_owned()));
        let all = network("0.0.0.0", 0);
        for address in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
        ] {
            for allowed in [&any, &name, &below, &all] {
                check(allowed, "a.example", address, false);
                check(allowed, address, address, false);
            }
        }
        check(
            &network("169.254.169.254", 32),
            "a",
            "169.254.169.254",
            true,
        );
        check(&network("169.254.0.0", 16), "a", "169.254.169.254", true);
        check(&network("169.0.0.0", 8), "a", "169.254.169.254", false);
        check(&network("127.0.0.1", 32), "127.0.0.1", "127.0.0.1", true);
        check(&network("127.0.0.1", 32), "127.0.0.2", "127.0.0.2", false);
        let here = allowed(HttpHost::Name("localhost".to_owned()));
        check(&here, "localhost", "127.0.0.1", true);
        check(&here, "localhost", "::1", true);
        check(&here, "localhost", "169.254.169.254", false);
        check(&here, "127.0.0.1", "127.0.0.1", false);
    }
}
