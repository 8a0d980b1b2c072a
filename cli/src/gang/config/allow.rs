//! What a task may use, in the framework's words.

use std::net::IpAddr;

use framework::{Allow, Destination, Folder, HttpDestination};
use job::{FolderAccess, HttpHost, Scheme, Transport};

/// All that a group's tasks may use.
pub(super) fn allow(allow: &job::Allow) -> Allow {
    let folders = allow.folders.iter().map(|(name, access)| Folder {
        name: name.clone(),
        write: *access == FolderAccess::ReadWrite,
    });
    Allow {
        sandbox: allow.sandbox.is_some(),
        sandbox_write: allow.sandbox == Some(FolderAccess::ReadWrite),
        folders: folders.collect(),
        env: allow.env.clone(),
        connect: allow.connect.iter().map(destination).collect(),
        dns: allow.dns,
        http: allow.http.iter().map(http_destination).collect(),
    }
}

fn destination(destination: &job::Destination) -> Destination {
    let (address, prefix) = destination.network.map_or_else(Default::default, network);
    Destination {
        udp: destination.transport == Transport::Udp,
        address,
        prefix,
        port_first: (*destination.ports.start()).into(),
        port_last: (*destination.ports.end()).into(),
    }
}

fn http_destination(destination: &job::HttpDestination) -> HttpDestination {
    let (name, below) = match &destination.host {
        HttpHost::Name(name) => (name.clone(), false),
        HttpHost::Below(name) => (name.clone(), true),
        HttpHost::Any | HttpHost::Network(..) => (String::new(), false),
    };
    let (address, prefix) = match destination.host {
        HttpHost::Network(address, prefix) => network((address, prefix)),
        HttpHost::Any | HttpHost::Name(_) | HttpHost::Below(_) => (Vec::new(), 0),
    };
    HttpDestination {
        http: destination.scheme != Some(Scheme::Https),
        https: destination.scheme != Some(Scheme::Http),
        name,
        below,
        address,
        prefix,
        port_first: (*destination.ports.start()).into(),
        port_last: (*destination.ports.end()).into(),
    }
}

fn network((address, prefix): (IpAddr, u8)) -> (Vec<u8>, u32) {
    let address = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    (address, prefix.into())
}
