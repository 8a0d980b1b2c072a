//! One place among the masters of a cluster: an address, and the master that serves there, unless
//! it has been stopped.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::election::End;
use crate::http::master::Standing;
use crate::master::{self, MasterConfig};
use crate::switchboard::Switchboard;

/// An address with a master, whenever one serves there. Dropped, the master dies at once, and all
/// connections with it.
#[derive(Debug)]
pub(crate) struct Member {
    address: SocketAddr,
    config: MasterConfig,
    running: Option<Running>,
    /// Bound and never listening: while no master serves here connections are refused, and nobody
    /// else is given the port.
    _reservation: TcpSocket,
}

#[derive(Debug)]
struct Running {
    process: JoinHandle<()>,
    withdraw: Option<oneshot::Sender<()>>,
    standing: watch::Receiver<Standing>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.abort();
    }
}

/// Connections that wait to be taken, as many as the kernel keeps by default.
const BACKLOG: u32 = 4096;

/// How long nobody serves at the address of a master that is started again: long enough that a
/// client which tries again at once meets a closed door, and a fraction of what a process takes.
pub(crate) const MASTER_DOWN: Duration = Duration::from_millis(200);

/// How long a master that is stopped in order may take to say goodbye to ZooKeeper.
const WITHDRAWAL_TIME_MAX: Duration = Duration::from_secs(1);

impl Member {
    /// A place at this port of loopback, where no master serves yet; with 0 at a free one.
    ///
    /// # Errors
    /// When there is no such port.
    pub(crate) fn new(config: MasterConfig, port: u16) -> io::Result<Self> {
        let reservation = socket((Ipv4Addr::LOCALHOST, port).into())?;
        Ok(Self {
            address: reservation.local_addr()?,
            config,
            running: None,
            _reservation: reservation,
        })
    }

    /// Where it serves, or would.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the master that serves here is among the masters.
    pub(crate) fn standing(&self) -> Option<watch::Receiver<Standing>> {
        Some(self.running.as_ref()?.standing.clone())
    }

    /// Stops the master as SIGKILL would: streams are cut, nobody is told, and its session with
    /// ZooKeeper lives on for its timeout. Nothing if there is none.
    pub(crate) async fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.process.abort();
            // An error would be the cancellation, which is what was asked for.
            let _ = (&mut running.process).await;
        }
    }

    /// Stops the master, and ends its session with ZooKeeper. Nothing if there is none.
    pub(crate) async fn stop(&mut self) {
        let Some(mut running) = self.running.take() else {
            return;
        };
        // That nothing is sent says the same.
        drop(running.withdraw.take());
        let ended = tokio::time::timeout(WITHDRAWAL_TIME_MAX, &mut running.process).await;
        if ended.is_err() {
            self.running = Some(running);
            self.kill().await;
        }
    }

    /// Starts a master, where none runs; one that runs is left as it is.
    ///
    /// # Errors
    /// When another program listens at its address.
    pub(crate) fn start(&mut self, switchboard: &Switchboard) -> io::Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        let listener = listen(self.address)?;
        self.config.be_another();
        let (withdraw, withdrawn) = oneshot::channel();
        let standing = watch::Sender::new(Standing::Leaderless);
        let standing_seen = standing.subscribe();
        let life = Life {
            config: self.config.clone(),
            address: self.address,
            switchboard: switchboard.clone(),
            standing,
        };
        self.running = Some(Running {
            process: tokio::spawn(life.live(listener, withdrawn)),
            withdraw: Some(withdraw),
            standing: standing_seen,
        });
        Ok(())
    }
}

/// A master, and those that come after it at the same address: one that is deposed ends, and
/// whoever watches over masters starts it again.
struct Life {
    config: MasterConfig,
    address: SocketAddr,
    switchboard: Switchboard,
    standing: watch::Sender<Standing>,
}

impl Life {
    async fn live(mut self, mut listener: TcpListener, mut withdrawn: oneshot::Receiver<()>) {
        let address = self.address;
        loop {
            let serving = master::run(
                self.config.clone(),
                (listener, address),
                self.switchboard.clone(),
                &self.standing,
                &mut withdrawn,
            );
            match serving.await {
                End::Withdrawn => return,
                End::Deposed(reason) => {
                    tracing::warn!(%address, reason, "a master has lost leadership, and ends");
                }
            }
            self.standing.send_replace(Standing::Leaderless);
            listener = loop {
                tokio::select! {
                    () = tokio::time::sleep(MASTER_DOWN) => {}
                    _ = &mut withdrawn => return,
                }
                match listen(address) {
                    Ok(listener) => break listener,
                    Err(error) => tracing::warn!(%address, %error, "a master stays away"),
                }
            };
            self.config.be_another();
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    socket(address)?.listen(BACKLOG)
}

/// A socket that can share its address with others, of which one at most listens.
fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
