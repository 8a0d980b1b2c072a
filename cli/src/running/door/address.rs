//! Where the dashboard is served over TCP, and under which address others find it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;

use super::guard::Names;
use crate::access::{self, DASHBOARD_TOKEN_VARIABLE};
use crate::args::DashboardArgs;
use crate::commands::Failure;
use crate::exit::Exit;

/// So much chance is in a token: nobody guesses it.
const TOKEN_BYTES: usize = 16;

/// Addresses of documentation (RFC 5737, RFC 3849), which are nobody's: the way there is the way to
/// most others.
const ELSEWHERE: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
];

/// Where to listen on TCP, and what must be said there.
#[derive(Debug)]
pub(crate) struct Address {
    pub(super) listener: TcpListener,
    pub(super) token: Arc<str>,
    pub(super) names: Names,
}

impl Address {
    /// Listens as the user wants it, if so.
    ///
    /// # Errors
    /// When the address is not free or the token not good.
    pub(crate) fn of(args: &DashboardArgs) -> Result<Option<Self>, Failure> {
        let Some(address) = args.dashboard else {
            return Ok(None);
        };
        let variable = std::env::var(DASHBOARD_TOKEN_VARIABLE).ok();
        let token = access::dashboard_token(args.dashboard_token_file.as_deref(), variable);
        let token = token.map_err(|error| {
            let help = error.help();
            Failure::new(Exit::Usage, error).with_help(help)
        })?;
        let listen = || {
            let token = match token {
                Some(token) => token,
                None => hex::encode(framework::unguessable::<TOKEN_BYTES>()?),
            };
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(Self {
                listener,
                token: token.into(),
                names: names(address.ip(), &args.dashboard_host),
            })
        };
        listen().map(Some).map_err(|error: io::Error| {
            let error = anyhow::Error::from(error);
            let error = error.context(format!("failed to serve the dashboard on `{address}`"));
            Failure::new(Exit::Failure, error)
                .with_help("give another address with `--dashboard=HOST:PORT`, or none")
        })
    }

    /// Where a browser finds it. The token comes behind `#`, which browsers send to nobody.
    ///
    /// # Errors
    /// When the system does not know.
    pub(crate) fn url(&self) -> io::Result<String> {
        let mut address = self.listener.local_addr()?;
        if address.ip().is_unspecified() {
            address.set_ip(own_address(address.ip()));
        }
        Ok(format!("http://{address}/#{}", self.token))
    }

    /// What whoever serves it should know: others can read what goes over their wires.
    ///
    /// # Errors
    /// When the system does not know.
    pub(crate) fn warning(&self) -> io::Result<Option<String>> {
        let address = self.listener.local_addr()?;
        let is_for_others = !is_loopback(address.ip());
        Ok(is_for_others.then(|| {
            format!(
                "the dashboard on `{address}` is not encrypted: whoever is on the way can read \
                 its token and end the job; on loopback, a tunnel or a proxy with TLS can lead to it"
            )
        }))
    }
}

/// By which names it may be asked for: on an address for others by any, unless some are given.
fn names(ip: IpAddr, given: &[String]) -> Names {
    match given.is_empty() && !is_loopback(ip) {
        true => Names::Any,
        false => Names::Only(given.iter().map(|it| it.to_ascii_lowercase()).collect()),
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// An address under which others find this machine, if it has one: that from which it would speak to
/// most of them.
fn own_address(any: IpAddr) -> IpAddr {
    let found = ELSEWHERE.iter().filter_map(|to| way(*to).ok());
    // Of all addresses only those of IPv4 can be meant.
    let mut found = found.filter(|own| any.is_ipv6() || own.is_ipv4());
    found.next().unwrap_or_else(|| match any {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    })
}

/// The address that this machine has on the way there.
fn way(to: IpAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match to {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // A datagram socket that is connected knows its way; nothing is sent.
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(SocketAddr::new(to, 9))?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> Address {
        let listener = TcpListener::bind(address).unwrap();
        let ip = listener.local_addr().unwrap().ip();
        Address {
            listener,
            token: "0123".into(),
            names: names(ip, &[]),
        }
    }

    #[test]
    fn on_loopback_the_address_is_that_and_nobody_is_warned() {
        let address = at("127.0.0.1:0");
        let bound = address.listener.local_addr().unwrap();
        assert_eq!(address.url().unwrap(), format!("http://{bound}/#0123"));
        assert_eq!(address.warning().unwrap(), None);
        assert_eq!(address.names, Names::Only([].into()));
    }

    #[test]
    fn of_all_addresses_one_is_told_that_can_be_connected_to() {
        let address = at("0.0.0.0:0");
        let bound = address.listener.local_addr().unwrap();
        let url = address.url().unwrap();
        let told = url.strip_prefix("http://").unwrap();
        let told: SocketAddr = told.strip_suffix("/#0123").unwrap().parse().unwrap();
        assert!(!told.ip().is_unspecified(), "{url}");
        assert_eq!(told.port(), bound.port());
        std::net::TcpStream::connect(told).unwrap();
        let warning = address.warning().unwrap().unwrap();
        assert!(warning.contains("is not encrypted"), "{warning}");
        assert_eq!(address.names, Names::Any);
    }

    #[test]
    fn names_that_are_given_are_the_only_ones_also_for_others() {
        let given = ["Jobs.Example.Org".to_owned()];
        let expected = Names::Only(["jobs.example.org".to_owned()].into());
        for ip in ["127.0.0.1", "::1", "0.0.0.0", "10.0.0.1"] {
            assert_eq!(names(ip.parse().unwrap(), &given), expected, "{ip}");
        }
        let mapped = names("::ffff:127.0.0.1".parse().unwrap(), &[]);
        assert_eq!(mapped, Names::Only([].into()));
    }
}
