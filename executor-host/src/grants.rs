//! What a guest may use: its files, its variables, and whom it may speak to.
//!
//! Nothing is granted by default but stdout, stderr, clocks and random. Grants come from the job
//! file; this is where they become WASI's.

pub(crate) mod folders;
pub(crate) mod http;

use std::{
    ffi::OsString,
    fs,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use tokio::sync::Semaphore;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder, runtime::spawn_blocking, sockets::SocketAddrUse};

pub use self::{
    folders::{Folder, PATH as FOLDERS_FILE},
    http::{HttpDestination, HttpHost, Scheme},
};

/// What a task may use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Allow {
    /// A folder of its own, which is `/` to it.
    pub sandbox: Option<Sandbox>,
    /// Folders of the agent, each of which is at `/NAME` to it.
    pub folders: Vec<Folder>,
    /// Names of variables of the executor's environment.
    pub env: Vec<String>,
    /// Where it may connect and send to.
    pub connect: Vec<Destination>,
    /// Whether it may look up addresses of names.
    pub dns: bool,
    /// Where it may send HTTP requests to.
    pub http: Vec<HttpDestination>,
    /// The ports on which it may listen.
    pub listen: Vec<u16>,
}

/// A task's own folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sandbox {
    /// Whether it may write there.
    pub is_writable: bool,
}

/// Addresses that a task may speak to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// How.
    pub transport: Transport,
    /// The network's address and how many of its bits count; nothing for every address.
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

/// A folder cannot be given to a task.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GrantError {
    /// Its own.
    #[error("the task's folder `{}` cannot be made: {text}", path.display())]
    Sandbox { path: PathBuf, text: String },
    /// One of the agent.
    #[error("the folder `{name}`, which is `{}` on the agent, cannot be opened: {text}", path.display())]
    Folder {
        name: String,
        path: PathBuf,
        text: String,
    },
}

/// Variables that no guest gets: with this one it could speak to the agent as the executor does,
/// and to the agent's operator API.
const SECRETS: [&str; 1] = ["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"];

/// Tasks whose folders of the agent are opened at a time, of the 512 threads that the runtime has.
static OPENINGS: Semaphore = Semaphore::const_new(32);

/// The folder in the executor's sandbox that holds those of its tasks.
const TASKS_FOLDER: &str = "tasks";

impl Allow {
    /// Whether there are files or sockets that a task may open.
    pub(crate) fn may_open(&self) -> bool {
        let has_files = self.sandbox.is_some() || !self.folders.is_empty();
        has_files || !self.connect.is_empty() || !self.listen.is_empty()
    }

    /// Grants it, but for HTTP, which is no part of WASI's context. The task's folder is made
    /// below the executor's sandbox.
    ///
    /// Folders of the agent are opened on a thread, of which a file server that hangs may take a
    /// few. The task's own lies where the executor's does: who has no other waits for nobody.
    pub(crate) async fn granted(
        &self,
        mut wasi: WasiCtxBuilder,
        sandbox: &Path,
        task: &str,
    ) -> Result<WasiCtxBuilder, GrantError> {
        if self.folders.is_empty() {
            return self.grant(&mut wasi, sandbox, task).map(|()| wasi);
        }
        let turn = OPENINGS.acquire().await;
        let (allow, sandbox, task) = (self.clone(), sandbox.to_owned(), task.to_owned());
        let opening = spawn_blocking(move || {
            // Until the system answers: nobody may wait for it any more.
            let _turn = turn;
            allow.grant(&mut wasi, &sandbox, &task).map(|()| wasi)
        });
        opening.await
    }

    fn grant(
        &self,
        wasi: &mut WasiCtxBuilder,
        sandbox: &Path,
        task: &str,
    ) -> Result<(), GrantError> {
        if let Some(own) = &self.sandbox {
            let path = sandbox.join(TASKS_FOLDER).join(folder_name(task));
            let opened = fs::create_dir_all(&path)
                .map_err(|error| error.to_string())
                .and_then(|()| open(wasi, &path, "/", own.is_writable));
            opened.map_err(|text| GrantError::Sandbox { path, text })?;
        }
        for Folder {
            name,
            path,
            is_writable,
        } in &self.folders
        {
            open(wasi, path, &format!("/{name}"), *is_writable).map_err(|text| {
                let (name, path) = (name.clone(), path.clone());
                GrantError::Folder { name, path, text }
            })?;
        }
        wasi.allow_ip_name_lookup(self.dns);
        let speaks = |transport| {
            !self.listen.is_empty() || self.connect.iter().any(|it| it.transport == transport)
        };
        wasi.allow_tcp(speaks(Transport::Tcp));
        wasi.allow_udp(speaks(Transport::Udp));
        let (connect, listen) = (self.connect.clone(), self.listen.clone());
        wasi.socket_addr_check(move |address, use_for| {
            let may = may_use(&connect, &listen, address, use_for);
            Box::pin(async move { may })
        });
        Ok(())
    }

    /// The variables that are passed on, but for those that the task has by itself.
    pub(crate) fn passed_on(
        &self,
        own: &[(String, String)],
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Vec<(String, String)> {
        let names = self.env.iter();
        let names = names.filter(|name| own.iter().all(|(known, _)| known != *name));
        let names = names.filter(|name| !SECRETS.contains(&name.as_str()));
        names
            .filter_map(|name| Some((name.clone(), variable(name)?.into_string().ok()?)))
            .collect()
    }
}

/// Gives a folder to a guest, or says why it cannot be.
fn open(wasi: &mut WasiCtxBuilder, path: &Path, to: &str, is_writable: bool) -> Result<(), String> {
    let access = match is_writable {
        true => FsPerms::ReadWrite,
        false => FsPerms::ReadOnly,
    };
    wasi.preopened_dir(path, to, access)
        .map(|_| ())
        .map_err(|error| format!("{error:#}"))
}

/// Whether a socket may be used so. The ways out are open as said, and the answers that come by
/// them; the ways in by the task's own ports, to whoever comes. What is bound to no port of its own
/// gets any free one.
fn may_use(
    connect: &[Destination],
    listen: &[u16],
    address: SocketAddr,
    use_for: SocketAddrUse,
) -> bool {
    let to = |transport| connect.iter().any(|it| it.matches(transport, address));
    match use_for {
        SocketAddrUse::TcpConnect => to(Transport::Tcp),
        SocketAddrUse::UdpSend => to(Transport::Udp),
        SocketAddrUse::UdpReceive => !listen.is_empty() || to(Transport::Udp),
        SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => {
            let any = address.ip().is_unspecified() && address.port() == 0;
            any || listen.contains(&address.port())
        }
        SocketAddrUse::TcpListen => listen.contains(&address.port()),
        // The address is that of who comes; only what listens accepts.
        SocketAddrUse::TcpAccept => !listen.is_empty(),
    }
}

impl Destination {
    fn matches(&self, transport: Transport, address: SocketAddr) -> bool {
        self.transport == transport
            && self.ports.contains(&address.port())
            && self.network.is_none_or(|(network, prefix)| {
                // An IPv4 address in the clothes of IPv6 is what it is.
                contains(network, prefix, address.ip().to_canonical())
            })
    }
}

fn contains(network: IpAddr, prefix: u8, address: IpAddr) -> bool {
    let prefix = u32::from(prefix);
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let differing = network.to_bits() ^ address.to_bits();
            differing.leading_zeros() >= prefix
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            let differing = network.to_bits() ^ address.to_bits();
            differing.leading_zeros() >= prefix
        }
        _ => false,
    }
}

/// A name that is one part of a path, whatever the task's is.
pub(crate) fn folder_name(task: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let mut name = String::with_capacity(task.len());
    for (index, byte) in task.bytes().enumerate() {
        // A dot is fine, but not at the begin.
        match safe(byte) || (byte == b'.' && index > 0) {
            true => name.push(char::from(byte)),
            false => name.push_str(&format!("%{byte:02x}")),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(network: Option<(&str, u8)>, ports: RangeInclusive<u16>) -> Destination {
        Destination {
            transport: Transport::Tcp,
            network: network.map(|(address, prefix)| (address.parse().unwrap(), prefix)),
            ports,
        }
    }

    #[track_caller]
    fn check(allowed: &Destination, address: &str, expected: bool) {
        let allowed = [allowed.clone()];
        let address = address.parse().unwrap();
        let may = may_use(&allowed, &[], address, SocketAddrUse::TcpConnect);
        assert_eq!(may, expected, "{allowed:?} {address}");
        for other in [
            SocketAddrUse::TcpBind,
            SocketAddrUse::TcpListen,
            SocketAddrUse::TcpAccept,
            SocketAddrUse::UdpBind,
            SocketAddrUse::UdpSend,
            SocketAddrUse::UdpReceive,
        ] {
            assert!(
                !may_use(&allowed, &[], address, other),
                "{address} {other:?}"
            );
        }
    }

    #[test]
    fn only_what_is_in_the_network_and_the_ports_may_be_reached() {
        let net = destination(Some(("10.0.0.0", 8)), 80..=90);
        check(&net, "10.0.0.0:80", true);
        check(&net, "10.255.255.255:90", true);
        check(&net, "[::ffff:10.1.2.3]:85", true);
        check(&net, "10.1.2.3:79", false);
        check(&net, "10.1.2.3:91", false);
        check(&net, "11.0.0.0:80", false);
        check(&net, "9.255.255.255:80", false);
        check(&net, "[a00::]:80", false);
        let one = destination(Some(("10.0.0.7", 32)), 1..=u16::MAX);
        check(&one, "10.0.0.7:1", true);
        check(&one, "10.0.0.6:1", false);
        let six = destination(Some(("fd00::", 8)), 443..=443);
        check(&six, "[fdff::1]:443", true);
        check(&six, "[fe00::1]:443", false);
        let any = destination(None, 53..=53);
        check(&any, "192.0.2.1:53", true);
        check(&any, "[2001:db8::1]:53", true);
        check(&any, "192.0.2.1:54", false);
        check(
            &destination(Some(("0.0.0.0", 0)), 53..=53),
            "192.0.2.1:53",
            true,
        );
    }

    #[test]
    fn a_socket_may_be_bound_to_any_free_port_and_to_the_tasks_own() {
        for bind in [SocketAddrUse::TcpBind, SocketAddrUse::UdpBind] {
            let may = |address: &str| may_use(&[], &[80], address.parse().unwrap(), bind);
            assert!(may("0.0.0.0:0") && may("[::]:0"));
            assert!(may("0.0.0.0:80") && may("127.0.0.1:80"));
            assert!(!may("0.0.0.0:53") && !may("127.0.0.1:0"));
        }
    }

    #[test]
    fn a_task_cannot_choose_a_folder_by_its_name() {
        for (task, folder) in [
            ("elevator-0", "elevator-0"),
            ("a.b", "a.b"),
            ("..", "%2e."),
            ("../x", "%2e.%2fx"),
            ("/etc", "%2fetc"),
            ("%2e", "%252e"),
            ("\u{e9}\0", "%c3%a9%00"),
        ] {
            assert_eq!(folder_name(task), folder);
        }
    }

    #[test]
    fn variables_are_passed_on_by_name_and_the_tasks_own_win() {
        let allow = Allow {
            env: ["LANG", "HOME", "NONE", SECRETS[0]]
                .map(str::to_owned)
                .into(),
            ..Allow::default()
        };
        let own = [("HOME".to_owned(), "/own".to_owned())];
        let variable = |name: &str| (name != "NONE").then(|| OsString::from("theirs"));
        let passed = allow.passed_on(&own, variable);
        assert_eq!(passed, [("LANG".to_owned(), "theirs".to_owned())]);
    }
}
