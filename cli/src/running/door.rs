//! Who may ask about a running job: whoever may open the user's private socket, and, where the user
//! wants it, whoever comes over TCP with the token.
//!
//! - [`socket`]: the private socket.
//! - [`address`]: where to listen on TCP.
//! - [`guard`]: who gets in there.

mod address;
mod guard;
mod socket;

use std::io;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use axum::middleware;
use axum::serve::{Listener, ListenerExt as _};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, warn};

pub(crate) use self::address::Address;
use super::{RunningJob, api, page, place};

/// Connections at once, of each kind; others wait in the system's queue.
const CONNECTIONS_MAX: usize = 128;

/// How long somebody may take to say what is wanted.
const HEAD_WAIT: Duration = Duration::from_secs(10);

/// How long those who follow have to read the last of it when the job has ended.
const FAREWELL: Duration = Duration::from_secs(1);

/// The doors of a running job. They are served by a thread of their own, so that nobody who asks
/// holds up messages.
#[derive(Debug)]
pub(crate) struct Doors {
    close: watch::Sender<bool>,
    thread: JoinHandle<()>,
    socket: Option<PathBuf>,
}

impl Doors {
    /// Opens the private socket, and the address if there is one.
    ///
    /// A job runs without a socket as well, so if there is no place for one that is only said.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub(crate) async fn open(job: &Arc<RunningJob>, address: Option<Address>) -> io::Result<Self> {
        let bound = socket::bind(&place::folder(), &job.id().job).await;
        let (socket, listener) = match bound {
            Ok((path, listener)) => (Some(path), Some(listener)),
            Err(error) => {
                warn!("other commands cannot find this job: {error:#}");
                (None, None)
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (close, closed) = watch::channel(false);
        let router = api::router(Arc::clone(job));
        let open = api::open_router(Arc::clone(job));
        let pages = page::router(job.page());
        let thread = thread::Builder::new()
            .name("doors".to_owned())
            .spawn(move || {
                runtime.block_on(serve(router, open, pages, listener, address, closed))
            })?;
        Ok(Self {
            close,
            thread,
            socket,
        })
    }

    /// Closes the doors, once those who follow have read the last of it. The job must have
    /// [ended](RunningJob::end).
    pub(crate) fn close(self) {
        if let Some(socket) = &self.socket {
            socket::remove(socket);
        }
        self.close.send_replace(true);
        if self.thread.join().is_err() {
            warn!("what serves other commands has panicked");
        }
    }
}

async fn serve(
    router: Router,
    open: Router,
    pages: Router,
    socket: Option<std::os::unix::net::UnixListener>,
    address: Option<Address>,
    closed: watch::Receiver<bool>,
) {
    let mut kinds = JoinSet::new();
    match socket.map(UnixListener::from_std).transpose() {
        Ok(Some(listener)) => {
            let router = router.clone().merge(open.clone());
            kinds.spawn(accept_all(listener, router, closed.clone()));
        }
        Ok(None) => {}
        Err(error) => warn!(%error, "other commands cannot find this job"),
    }
    if let Some(Address {
        listener,
        token,
        names,
    }) = address
    {
        let router = router.layer(middleware::from_fn_with_state(token, guard::only_invited));
        let router = router.merge(open).merge(pages);
        let router = router.layer(middleware::from_fn_with_state(names, guard::only_by_name));
        match TcpListener::from_std(listener) {
            Ok(listener) => {
                // Whoever has vanished, or reads nothing for long, gives up the place.
                let listener = listener.tap_io(|stream| {
                    if let Err(error) = link::direct::tune(stream) {
                        debug!(%error, "a vanished reader will not be noticed");
                    }
                });
                kinds.spawn(accept_all(listener, router, closed));
            }
            Err(error) => warn!(%error, "the dashboard is not served"),
        }
    }
    while kinds.join_next().await.is_some() {}
}

/// Serves whoever comes until the doors close; those who are being answered then have a moment to
/// read their answer to its end.
async fn accept_all<L: Listener>(
    mut listener: L,
    router: Router,
    mut closed: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await.0)
        };
        let (place, stream) = tokio::select! {
            () = until_closed(&mut closed) => break,
            next = next => next,
        };
        let (router, closed) = (router.clone(), closed.clone());
        connections.spawn(async move {
            answer(stream, router, closed).await;
            drop(place);
        });
    }
    while connections.join_next().await.is_some() {}
}

async fn until_closed(closed: &mut watch::Receiver<bool>) {
    // The sender only goes with the process.
    let _ = closed.wait_for(|closed| *closed).await;
}

/// Answers what is asked over one connection.
async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    mut closed: watch::Receiver<bool>,
) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut served = pin!(served);
    let result = tokio::select! {
        result = served.as_mut() => result,
        () = until_closed(&mut closed) => {
            served.as_mut().graceful_shutdown();
            match timeout(FAREWELL, served).await {
                Ok(result) => result,
                Err(_) => return debug!("somebody does not read the last of an answer"),
            }
        }
    };
    if let Err(error) = result {
        debug!(%error, "a connection of somebody who asks has broken");
    }
}

#[cfg(test)]
mod measured;
