//! Where agents and executors reach this machine.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _, UdpSocket};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use framework::{DirectConfig, DirectMode, ModuleServing, Secret, TlsMode};
use job::{Advertise, Direct, Job};

use crate::access;
use crate::commands::Failure;
use crate::exit::Exit;
use crate::settings::MastersPlace;

/// Where agents get modules, and where executors connect to.
pub(crate) struct Serving {
    pub(crate) modules: ModuleServing,
    pub(crate) direct: DirectConfig,
    pub(super) certificate: Option<Secret>,
}

/// Over loopback when agents are on this machine, else at the address from which this machine
/// would speak to the master, unless the job says otherwise. Files are relative to `folder`.
pub(crate) fn serving(
    masters: &MastersPlace,
    is_embedded: bool,
    job: &Job,
    folder: &Path,
) -> Result<Serving, Failure> {
    let own = match is_embedded {
        true => Ipv4Addr::LOCALHOST.into(),
        false => own_address(&masters.hosts)
            .with_context(|| {
                let masters = masters.hosts.join("`, `");
                format!("failed to find a way to `{masters}`, and with it one back for agents")
            })
            .map_err(|error| {
                Failure::new(Exit::Cluster, error).with_help(
                    "is the name right? it comes from `--master`, `MESOS_MASTER` or \
                     `cluster.master`",
                )
            })?,
    };
    let (channels, serve) = (&job.channels, &job.serve);
    let direct = Place::new(own, channels.listen, channels.advertise.as_ref());
    // Who reaches the channels under another name reaches modules under it, too.
    let elsewhere = channels.advertise.as_ref().filter(|_| !own.is_loopback());
    let host = elsewhere.map(|advertise| Advertise {
        host: advertise.host.clone(),
        port: None,
    });
    let modules = Place::new(
        own,
        serve.listen,
        serve.advertise.as_ref().or(host.as_ref()),
    );
    let certificate = |path: &Option<PathBuf>| path.as_ref().map(|path| folder.join(path));
    let certificate = access::identity(
        certificate(&serve.certificate_file).as_deref(),
        certificate(&serve.key_file).as_deref(),
    );
    Ok(Serving {
        modules: ModuleServing {
            bind: modules.bind,
            advertise: modules.advertise,
            tls: tls(serve.tls),
            ..ModuleServing::default()
        },
        direct: DirectConfig {
            mode: match channels.direct {
                Direct::Auto => DirectMode::Auto,
                Direct::Required => DirectMode::Required,
                Direct::Off => DirectMode::Off,
            },
            bind: direct.bind,
            advertise: direct.advertise,
            tls: tls(channels.tls),
        },
        certificate: certificate.map_err(|error| {
            let help = error.help();
            Failure::new(Exit::Usage, error).with_help(help)
        })?,
    })
}

fn tls(mode: job::TlsMode) -> TlsMode {
    match mode {
        job::TlsMode::Auto => TlsMode::Auto,
        job::TlsMode::On => TlsMode::On,
        job::TlsMode::Off => TlsMode::Off,
    }
}

/// Where to listen, and what agents are told of it.
struct Place {
    bind: SocketAddr,
    advertise: Option<String>,
}

impl Place {
    /// What follows from the address of this machine where the job says nothing.
    fn new(own: IpAddr, listen: Option<SocketAddr>, advertise: Option<&Advertise>) -> Self {
        // Behind another name, traffic may come in anywhere.
        let bind = match own {
            IpAddr::V4(_) if !own.is_loopback() && advertise.is_some() => {
                Ipv4Addr::UNSPECIFIED.into()
            }
            IpAddr::V6(_) if !own.is_loopback() && advertise.is_some() => {
                Ipv6Addr::UNSPECIFIED.into()
            }
            _ => own,
        };
        let port = advertise.and_then(|advertise| advertise.port).unwrap_or(0);
        let bind = listen.unwrap_or_else(|| SocketAddr::new(bind, port));
        let unnamed = || match own {
            IpAddr::V4(own) => own.to_string(),
            IpAddr::V6(own) => format!("[{own}]"),
        };
        Self {
            bind,
            advertise: match advertise {
                Some(advertise) => Some(advertise.to_string()),
                None if bind.ip().is_unspecified() => Some(unnamed()),
                None => None,
            },
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_job_does_not_say_follows_from_the_rest() {
        let place = |own: &str, listen: Option<&str>, advertise: Option<&str>| {
            let listen = listen.map(|it| it.parse().unwrap());
            let advertise = advertise.map(|it| it.parse().unwrap());
            let place = Place::new(own.parse().unwrap(), listen, advertise.as_ref());
            (place.bind.to_string(), place.advertise)
        };
        let told =
            |bind: &str, advertise: Option<&str>| (bind.to_owned(), advertise.map(str::to_owned));
        assert_eq!(place("10.0.0.1", None, None), told("10.0.0.1:0", None));
        assert_eq!(
            place("10.0.0.1", None, Some("b:70")),
            told("0.0.0.0:70", Some("b:70"))
        );
        assert_eq!(place("fd00::1", None, Some("b")), told("[::]:0", Some("b")));
        assert_eq!(
            place("127.0.0.1", None, Some("b:70")),
            told("127.0.0.1:70", Some("b:70"))
        );
        assert_eq!(
            place("10.0.0.1", Some("0.0.0.0:7"), None),
            told("0.0.0.0:7", Some("10.0.0.1"))
        );
        assert_eq!(
            place("fd00::1", Some("[::]:7"), None),
            told("[::]:7", Some("[fd00::1]"))
        );
        assert_eq!(
            place("10.0.0.1", Some("10.0.0.1:7"), Some("b:70")),
            told("10.0.0.1:7", Some("b:70"))
        );
    }
}
