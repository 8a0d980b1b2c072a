//! One place among the masters of a cluster: an address, and the master that serves there, unless
//! it has been stopped.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};

use crate::master::{self, MasterConfig, MasterHandle};
use crate::switchboard::Switchboard;

/// An address with a master, whenever one serves there.
#[derive(Debug)]
pub(crate) struct Member {
    address: SocketAddr,
    config: MasterConfig,
    running: Option<MasterHandle>,
    /// Bound and never listening: while no master serves here connections are refused, and nobody
    /// else is given the port.
    _reservation: TcpSocket,
}

/// Connections that wait to be taken, as many as the kernel keeps by default.
const BACKLOG: u32 = 4096;

impl Member {
    /// Starts a master on a free port of loopback; it leads in the same moment.
    ///
    /// # Errors
    /// When there is no port.
    pub(crate) fn start(config: MasterConfig, switchboard: &Switchboard) -> io::Result<Self> {
        let reservation = socket((Ipv4Addr::LOCALHOST, 0).into())?;
        let mut member = Self {
            address: reservation.local_addr()?,
            config,
            running: None,
            _reservation: reservation,
        };
        member.restart(switchboard, Duration::ZERO)?;
        Ok(member)
    }

    /// Where it serves, or would.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops the master as SIGKILL would; nothing if there is none.
    pub(crate) async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// Starts another master at the same address, where none runs any more.
    ///
    /// # Errors
    /// When another program listens there.
    pub(crate) fn restart(
        &mut self,
        switchboard: &Switchboard,
        recovery: Duration,
    ) -> io::Result<()> {
        let listener: TcpListener = socket(self.address)?.listen(BACKLOG)?;
        // Another process: with ids of its own.
        self.config.seed = fastrand::Rng::with_seed(self.config.seed).u64(..);
        self.running = Some(master::spawn(
            self.config.clone(),
            listener,
            switchboard.clone(),
            recovery,
        )?);
        Ok(())
    }
}

/// A socket that can share its address with others, of which one at most listens.
fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
