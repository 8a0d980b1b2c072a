//! An agent between two processes of its.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;

use super::domain_socket::DomainSocket;
use super::{AgentHandle, Command, Remains, run};
use crate::core::agent::{Agent, Config};

/// An agent whose process has ended while its executors live on. Dropped, it kills them, and does
/// not wait for it.
#[derive(Debug)]
pub(crate) struct StoppedAgent {
    /// Executors know it, so that the next process has to be there too.
    address: SocketAddr,
    /// Holds the port and does not listen: whoever connects is refused, and nobody else gets it.
    /// `None` when somebody was faster.
    port: Option<TcpSocket>,
    commands: mpsc::UnboundedSender<Command>,
    remains: Remains,
}

impl StoppedAgent {
    pub(super) fn new(
        address: SocketAddr,
        commands: mpsc::UnboundedSender<Command>,
        remains: Remains,
    ) -> Self {
        // A simulated one has no port of its own.
        let port = match remains.simulated {
            Some(_) => None,
            None => bind(address)
                .inspect_err(|error| {
                    tracing::warn!(%address, %error, "the port of a stopped agent is free for others");
                })
                .ok(),
        };
        Self {
            address,
            port,
            commands,
            remains,
        }
    }

    /// Opens the port again, if it has one, after which [`start`](Self::start) cannot fail.
    ///
    /// # Errors
    /// When somebody else has taken it meanwhile.
    pub(crate) fn listen(&mut self) -> io::Result<Option<TcpListener>> {
        if self.remains.simulated.is_some() {
            return Ok(None);
        }
        let port = match self.port.take() {
            Some(port) => port,
            None => bind(self.address)?,
        };
        port.listen(BACKLOG).map(Some)
    }

    /// Starts the next process, which recovers what the one before has left.
    pub(crate) fn start(self, listener: Option<TcpListener>) -> AgentHandle {
        self.start_as(listener, |config, machine| {
            Agent::recover(Instant::now(), config, machine.into_checkpoint())
        })
    }

    /// Starts an agent in its place that has never registered, as with an empty work directory. The
    /// executors of this one live on, and no agent knows them.
    pub(crate) fn start_anew(self, listener: Option<TcpListener>) -> AgentHandle {
        self.start_as(listener, |config, _| {
            // Another one would draw the same uuids again.
            let seed = fastrand::Rng::with_seed(config.seed).u64(..);
            Agent::new(Config { seed, ..config })
        })
    }

    fn start_as(
        self,
        listener: Option<TcpListener>,
        next: impl FnOnce(Config, Agent) -> Agent,
    ) -> AgentHandle {
        let Remains {
            machine,
            mut links,
            mut link,
            mut commands,
            ..
        } = self.remains;
        // Sent to a process that was not there.
        while link.from_master.try_recv().is_some() {}
        while commands.try_recv().is_ok() {}
        // Other masters may have come to lead meanwhile.
        while let Ok(newer) = links.try_recv() {
            link = newer;
        }
        let config = machine.config().clone();
        let machine = next(config, machine);
        let mut simulated = self.remains.simulated;
        if let Some(simulated) = &mut simulated {
            simulated.find_agent();
        }
        let remains = Remains {
            machine,
            simulated,
            links,
            link,
            commands,
            ..self.remains
        };
        let path = remains.domain_socket_path.as_deref();
        let domain_socket = path.and_then(|path| {
            let listening = DomainSocket::listen(path);
            // Executors of this process are not told of it any more, and find the port.
            let warn = |error: &io::Error| tracing::warn!(?path, %error, "no socket for executors");
            listening.inspect_err(warn).ok()
        });
        run(
            self.address,
            listener,
            domain_socket,
            self.commands,
            remains,
        )
    }

    /// Kills its executors. Returns when they are dead and reaped.
    pub(crate) async fn kill(self) {
        self.remains.containerizer.stop().await;
    }
}

/// How many connections may wait to be accepted; what the standard library takes, too.
const BACKLOG: u32 = 128;

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Connections of the process before may still be closing.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
