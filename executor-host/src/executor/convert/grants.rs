//! What a task may use, out of our record.

use std::{net::IpAddr, ops::RangeInclusive};

use link::spec;

use super::LaunchError;
use crate::grants::{
    Allow, Destination, HttpDestination, HttpHost, Sandbox, Scheme, Transport, folders::FolderWish,
};

/// Reads it, and the folders of the agent that it asks for.
pub(super) fn read(
    allow: spec::Allow,
    ports: &[u32],
) -> Result<(Allow, Vec<FolderWish>), LaunchError> {
    let ports = ports.iter().map(|port| u16::try_from(*port).ok());
    let connect = allow.connect.iter().map(destination);
    let http = allow.http.iter().map(http_destination);
    let folders = allow.folders.into_iter().map(|folder| FolderWish {
        name: folder.name,
        is_writable: folder.write,
    });
    let granted = Allow {
        sandbox: allow.sandbox.then_some(Sandbox {
            is_writable: allow.sandbox_write,
        }),
        folders: Vec::new(),
        connect: connect
            .collect::<Option<_>>()
            .ok_or(LaunchError::Destination)?,
        env: allow.env,
        dns: allow.dns,
        http: http
            .collect::<Option<_>>()
            .ok_or(LaunchError::HttpDestination)?,
        listen: ports.collect::<Option<_>>().ok_or(LaunchError::Port)?,
    };
    Ok((granted, folders.collect()))
}

/// Nothing if it makes no sense.
fn destination(destination: &spec::Destination) -> Option<Destination> {
    Some(Destination {
        transport: match destination.udp {
            true => Transport::Udp,
            false => Transport::Tcp,
        },
        network: match &destination.address[..] {
            [] => None,
            address => Some(network(address, destination.prefix)?),
        },
        ports: ports(destination.port_first, destination.port_last)?,
    })
}

fn http_destination(destination: &spec::HttpDestination) -> Option<HttpDestination> {
    let name = destination.name.clone();
    Some(HttpDestination {
        scheme: match (destination.http, destination.https) {
            (true, true) => None,
            (true, false) => Some(Scheme::Http),
            (false, true) => Some(Scheme::Https),
            (false, false) => return None,
        },
        host: match (&name[..], &destination.address[..]) {
            ("", []) => HttpHost::Any,
            ("", address) => {
                let (address, prefix) = network(address, destination.prefix)?;
                HttpHost::Network(address, prefix)
            }
            (_, []) if destination.below => HttpHost::Below(name),
            (_, []) => HttpHost::Name(name),
            _ => return None,
        },
        ports: ports(destination.port_first, destination.port_last)?,
    })
}

fn network(address: &[u8], prefix: u32) -> Option<(IpAddr, u8)> {
    let prefix = u8::try_from(prefix).ok()?;
    match (<[u8; 4]>::try_from(address), <[u8; 16]>::try_from(address)) {
        (Ok(v4), _) if prefix <= 32 => Some((IpAddr::from(v4), prefix)),
        (_, Ok(v6)) if prefix <= 128 => Some((IpAddr::from(v6), prefix)),
        _ => None,
    }
}

fn ports(first: u32, last: u32) -> Option<RangeInclusive<u16>> {
    Some(u16::try_from(first).ok()?..=u16::try_from(last).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(address: &[u8], prefix: u32) -> spec::Destination {
        spec::Destination {
            udp: true,
            address: address.to_vec(),
            prefix,
            port_first: 53,
            port_last: 54,
        }
    }

    fn http(name: &str, address: &[u8]) -> spec::HttpDestination {
        spec::HttpDestination {
            http: true,
            https: false,
            name: name.to_owned(),
            below: false,
            address: address.to_vec(),
            prefix: 8,
            port_first: 80,
            port_last: 90,
        }
    }

    #[test]
    fn what_a_task_may_use_is_read() {
        let below = spec::HttpDestination {
            https: true,
            below: true,
            ..http("b", &[])
        };
        let folder = spec::Folder {
            name: "models".to_owned(),
            write: true,
        };
        let written = spec::Allow {
            sandbox: true,
            sandbox_write: false,
            env: vec!["LANG".to_owned()],
            connect: vec![destination(&[10, 0, 0, 0], 8), destination(&[], 0)],
            dns: true,
            folders: vec![folder],
            http: vec![
                http("a", &[]),
                below,
                http("", &[10, 0, 0, 0]),
                http("", &[]),
            ],
        };
        let (allow, folders) = read(written, &[80, 65_535]).unwrap();
        let connect = |network| Destination {
            transport: Transport::Udp,
            network,
            ports: 53..=54,
        };
        let asked = |scheme, host| HttpDestination {
            scheme,
            host,
            ports: 80..=90,
        };
        let plain = |host| asked(Some(Scheme::Http), host);
        let expected = Allow {
            sandbox: Some(Sandbox { is_writable: false }),
            folders: Vec::new(),
            env: vec!["LANG".to_owned()],
            connect: vec![connect(Some(([10, 0, 0, 0].into(), 8))), connect(None)],
            dns: true,
            http: vec![
                plain(HttpHost::Name("a".to_owned())),
                asked(None, HttpHost::Below("b".to_owned())),
                plain(HttpHost::Network([10, 0, 0, 0].into(), 8)),
                plain(HttpHost::Any),
            ],
            listen: vec![80, 65_535],
        };
        assert_eq!(allow, expected);
        let wish = FolderWish {
            name: "models".to_owned(),
            is_writable: true,
        };
        assert_eq!(folders, [wish]);
    }

    #[test]
    fn a_destination_or_port_that_is_none_is_refused() {
        for (address, prefix) in [(&[10, 0, 0][..], 8), (&[10, 0, 0, 0], 33), (&[0; 16], 129)] {
            let allow = spec::Allow {
                connect: vec![destination(address, prefix)],
                ..spec::Allow::default()
            };
            assert_eq!(read(allow, &[]), Err(LaunchError::Destination));
        }
        let no_scheme = spec::HttpDestination {
            http: false,
            ..http("a", &[])
        };
        let no_port = spec::HttpDestination {
            port_last: 65_536,
            ..http("a", &[])
        };
        for none in [
            http("a", &[10, 0, 0, 0]),
            http("", &[10]),
            no_scheme,
            no_port,
        ] {
            let allow = spec::Allow {
                http: vec![none],
                ..spec::Allow::default()
            };
            assert_eq!(read(allow, &[]), Err(LaunchError::HttpDestination));
        }
        let refused = read(spec::Allow::default(), &[65_536]);
        assert_eq!(refused, Err(LaunchError::Port));
    }
}
