//! Where agents and executors reach this machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _, UdpSocket};

use anyhow::Context as _;
use framework::{DirectConfig, DirectMode, DirectTls, ModuleServing};
use job::{Channels, Direct};

use super::Target;
use crate::commands::Failure;
use crate::exit::Exit;

/// Where agents get modules, and where executors connect to.
pub(super) struct Serving {
    pub(super) modules: ModuleServing,
    pub(super) direct: DirectConfig,
}

/// Over loopback when agents are on this machine, else at the address from which this machine
/// would speak to the master, unless the job says otherwise.
pub(super) fn serving(target: &Target<'_>, channels: &Channels) -> Result<Serving, Failure> {
    let address = match target.is_embedded {
        true => Ipv4Addr::LOCALHOST.into(),
        false => own_address(&target.masters.hosts)
            .with_context(|| {
                let masters = target.masters.hosts.join("`, `");
                format!("failed to find a way to `{masters}`, and with it one back for agents")
            })
            .map_err(|error| {
                Failure::new(Exit::Cluster, error).with_help(
                    "is the name right? it comes from `--master`, `MESOS_MASTER` or \
                     `cluster.master`",
                )
            })?,
    };
    let advertise = channels.advertise.as_ref();
    // Behind another name, traffic may come in anywhere.
    let bind = match address {
        IpAddr::V4(_) if !address.is_loopback() && advertise.is_some() => {
            Ipv4Addr::UNSPECIFIED.into()
        }
        IpAddr::V6(_) if !address.is_loopback() && advertise.is_some() => {
            Ipv6Addr::UNSPECIFIED.into()
        }
        _ => address,
    };
    let port = advertise.and_then(|advertise| advertise.port).unwrap_or(0);
    let listen = channels
        .listen
        .unwrap_or_else(|| SocketAddr::new(bind, port));
    let unnamed = || {
        let host = SocketAddr::new(address, listen.port()).to_string();
        let (host, _) = host.rsplit_once(':').expect("it ends with a port");
        host.to_owned()
    };
    let elsewhere = advertise.filter(|_| !address.is_loopback());
    Ok(Serving {
        modules: ModuleServing {
            bind: SocketAddr::new(bind, 0),
            advertise: elsewhere.map(|advertise| advertise.host.clone()),
        },
        direct: DirectConfig {
            mode: match channels.direct {
                Direct::Auto => DirectMode::Auto,
                Direct::Required => DirectMode::Required,
                Direct::Off => DirectMode::Off,
            },
            bind: listen,
            advertise: match advertise {
                Some(advertise) => Some(advertise.to_string()),
                None if listen.ip().is_unspecified() => Some(unnamed()),
                None => None,
            },
            tls: match channels.tls {
                job::DirectTls::Auto => DirectTls::Auto,
                job::DirectTls::On => DirectTls::On,
                job::DirectTls::Off => DirectTls::Off,
            },
        },
    })
}

/// The address that this machine has on the way to the first master that has a name or number.
fn own_address(masters: &[String]) -> io::Result<IpAddr> {
    let mut error = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for master in masters {
        let address = master
            .split_once("://")
            .map_or(master.as_str(), |(_, address)| address);
        // A datagram socket that is connected knows its way; nothing is sent.
        let way = |to: SocketAddr| {
            let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let socket = UdpSocket::bind(any)?;
            socket.connect(to)?;
            socket.local_addr()
        };
        match address.to_socket_addrs() {
            Ok(found) => {
                for to in found {
                    match way(to) {
                        Ok(local) => return Ok(local.ip()),
                        Err(failed) => error = failed,
                    }
                }
            }
            Err(failed) => error = failed,
        }
    }
    Err(error)
}
