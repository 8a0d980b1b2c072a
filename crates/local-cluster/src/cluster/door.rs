//! The one address of all simulated agents.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use http::StatusCode;
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

use crate::http::request::Refusal;
use crate::http::{self as shell, Handler, Request, Response};

/// Where whoever follows the address of a simulated agent learns why it is not there. Dropped, it
/// closes.
#[derive(Debug)]
pub(super) struct Door {
    address: SocketAddr,
    server: JoinHandle<()>,
}

/// Connections that wait to be taken, as many as the kernel keeps by default.
const BACKLOG: u32 = 4096;

impl Door {
    /// On a free port of loopback.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn open() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(BACKLOG)?;
        Ok(Self {
            address: listener.local_addr()?,
            server: tokio::spawn(shell::serve(listener, Sign)),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Says the same to everybody.
#[derive(Debug, Clone)]
struct Sign;

impl Handler for Sign {
    async fn handle(&self, _: Request) -> Response {
        let text = "The agents of this cluster are simulated: they have no API, no executor \
                    processes and no sandboxes. Ask the master.";
        Refusal::new(StatusCode::NOT_IMPLEMENTED, text).into()
    }
}
