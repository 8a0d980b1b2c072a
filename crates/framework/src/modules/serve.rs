//! The connections of a module server, on a thread of its own: a hundred agents that fetch the
//! executor at once are gigabytes, and must not hold up the messages of tasks that run already.

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use link::direct::tls::Identity;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::Catalogue;
use super::answer::Way;

/// Connections at once. Each costs some tens of KiB, and its share of the network; what comes
/// beyond waits in the system's queue.
const CONNECTIONS_MAX: usize = 512;

/// How long a client may take to say what it wants, and between two requests.
const HEAD_WAIT: Duration = Duration::from_secs(10);

/// How long a connection may last: 25 MB at some 30 kB/s. Whoever is slower would not be done when
/// its task is given up.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(15 * 60);

/// When no file descriptor is free, for example: time for others to end.
const ACCEPT_RETRY: Duration = Duration::from_millis(200);

/// The first byte of a TLS connection: a record of its handshake (RFC 8446, section 5.1). No HTTP
/// request begins so.
const TLS_HANDSHAKE: u8 = 22;

/// A server that runs; it ends, and its connections break, when it is dropped.
#[derive(Debug)]
pub(super) struct Serving {
    _until_dropped: oneshot::Sender<Infallible>,
}

impl Serving {
    /// Serves the catalogue to whoever connects.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub(super) fn start(
        listener: std::net::TcpListener,
        identity: Option<Identity>,
        catalogue: Catalogue,
    ) -> io::Result<Self> {
        let (until_dropped, dropped) = oneshot::channel();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let door = Arc::new(Door {
            identity,
            catalogue,
        });
        thread::Builder::new()
            .name("modules".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        ended = accept(listener, door) => warn!(?ended, "modules are not served"),
                        _ = dropped => {}
                    }
                });
            })?;
        Ok(Self {
            _until_dropped: until_dropped,
        })
    }
}

/// What connections share.
struct Door {
    identity: Option<Identity>,
    catalogue: Catalogue,
}

async fn accept(listener: std::net::TcpListener, door: Arc<Door>) -> io::Result<Infallible> {
    let listener = TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let place = Arc::clone(&places).acquire_owned().await;
        match listener.accept().await {
            Ok((stream, peer)) => {
                let door = Arc::clone(&door);
                connections.spawn(async move {
                    let _place = place;
                    if timeout(CONNECTION_TIME_MAX, door.serve(stream))
                        .await
                        .is_err()
                    {
                        debug!(%peer, "a connection took too long");
                    }
                });
            }
            Err(error) => {
                warn!(%error, "modules cannot be served for a moment");
                sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

impl Door {
    async fn serve(&self, stream: TcpStream) {
        let Some(identity) = &self.identity else {
            return self.answer(stream, Way::Trusted).await;
        };
        let mut first = [0];
        match timeout(HEAD_WAIT, stream.peek(&mut first)).await {
            Ok(Ok(1)) if first[0] == TLS_HANDSHAKE => match identity.accept(stream).await {
                Ok(stream) => self.answer(stream, Way::Trusted).await,
                Err(error) => debug!(%error, "a connection for modules was refused"),
            },
            Ok(Ok(1)) => self.answer(stream, Way::Plain).await,
            Ok(Ok(_) | Err(_)) | Err(_) => {}
        }
    }

    /// Answers what is asked over one connection.
    async fn answer(&self, stream: impl AsyncRead + AsyncWrite + Unpin, way: Way) {
        let service = service_fn(|request: http::Request<Incoming>| {
            let answer = self.catalogue.answer(&request, way);
            let (method, path) = (request.method(), request.uri().path());
            debug!(%method, path, status = answer.status().as_u16(), "asked for a file");
            ready(Ok::<_, Infallible>(answer))
        });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WAIT)
            .serve_connection(TokioIo::new(stream), service)
            .await;
        if let Err(error) = served {
            debug!(%error, "a connection for modules has broken");
        }
    }
}
