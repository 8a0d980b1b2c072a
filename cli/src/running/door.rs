//! Who may ask about a running job: whoever may open the user's private socket, and, where the user
//! wants it, whoever comes over TCP with the token.
//!
//! Pages of browsers are kept out unless they are our own: a request that says that it comes from
//! elsewhere (`Origin`, `Sec-Fetch-Site`) is refused whatever it has, and no cookie is ever set, so
//! no page can make a browser show the token for it.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::serve::{Listener, ListenerExt as _};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use subtle::ConstantTimeEq as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::{RunningJob, api, page, place};
use crate::access::{self, DASHBOARD_TOKEN_VARIABLE};
use crate::args::DashboardArgs;
use crate::commands::Failure;
use crate::exit::Exit;

/// So much chance is in a token: nobody guesses it.
const TOKEN_BYTES: usize = 16;

/// Connections at once, of each kind; others wait in the system's queue.
const CONNECTIONS_MAX: usize = 128;

/// How often a socket is tried whose folder goes away: each time another job must end just then.
const BIND_TRIES_MAX: u32 = 16;

/// How long somebody may take to say what is wanted.
const HEAD_WAIT: Duration = Duration::from_secs(10);

/// How long those who follow have to read the last of it when the job has ended.
const FAREWELL: Duration = Duration::from_secs(1);

/// Where to listen on TCP, and what must be said there.
#[derive(Debug)]
pub(crate) struct Address {
    pub(crate) listener: std::net::TcpListener,
    pub(crate) token: Arc<str>,
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
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok(Self {
                listener,
                token: token.into(),
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
        let address = self.listener.local_addr()?;
        Ok(format!("http://{address}/#{}", self.token))
    }
}

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
    pub(crate) fn open(job: &Arc<RunningJob>, address: Option<Address>) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (close, closed) = watch::channel(false);
        let (socket, listener) = match bind(&place::folder(), &job.id().job) {
            Ok((path, listener)) => (Some(path), Some(listener)),
            Err(error) => {
                warn!("other commands cannot find this job: {error:#}");
                (None, None)
            }
        };
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
            remove(socket);
        }
        self.close.send_replace(true);
        if self.thread.join().is_err() {
            warn!("what serves other commands has panicked");
        }
    }
}

/// Takes the socket away, and the folder if it was the last.
fn remove(socket: &Path) {
    if let Err(error) = fs::remove_file(socket) {
        debug!(%error, "the socket was gone already");
    }
    if let Some(folder) = socket.parent() {
        // Sockets of other jobs are there, mostly.
        let _ = fs::remove_dir(folder);
    }
}

/// The private socket. It is there once it can be connected to: others remove one that cannot.
fn bind(
    folder: &Path,
    job: &str,
) -> Result<(PathBuf, std::os::unix::net::UnixListener), anyhow::Error> {
    let mut tries = 0;
    loop {
        tries += 1;
        let path = place::make(folder, job)?;
        match bind_at(&path) {
            Ok(listener) => return Ok((path, listener)),
            // A job that has ended has taken the empty folder away meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound && tries < BIND_TRIES_MAX => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn bind_at(path: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    let unseen = path.with_extension("new");
    // One that was left behind by a process of our number.
    let _ = fs::remove_file(&unseen);
    let listener = std::os::unix::net::UnixListener::bind(&unseen)?;
    // Nobody else can enter the folder; this is for those who look.
    fs::set_permissions(&unseen, fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    fs::rename(&unseen, path)?;
    Ok(listener)
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
    if let Some(Address { listener, token }) = address {
        let router = router.layer(middleware::from_fn_with_state(token, only_invited));
        let router = router.merge(open).merge(pages);
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

/// Lets those in who have the token and are no page from elsewhere.
async fn only_invited(State(token): State<Arc<str>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if is_foreign(headers) {
        let error = "requests of pages from elsewhere are refused";
        return api::refuse(StatusCode::FORBIDDEN, error);
    }
    if !has_token(headers, &token) {
        let error = "the token is missing or wrong: say `Authorization: Bearer TOKEN`";
        return api::refuse(StatusCode::UNAUTHORIZED, error);
    }
    next.run(request).await
}

/// Whether a browser says that a page from elsewhere has made this request.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name: header::HeaderName| headers.get(name).map(|value| value.as_bytes());
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return true;
    }
    let Some(origin) = text(header::ORIGIN) else {
        return false;
    };
    let host = text(header::HOST).unwrap_or_default();
    // Behind a proxy for TLS the page has another scheme than we see.
    let schemes: [&[u8]; 2] = [b"http://", b"https://"];
    let ours = schemes
        .iter()
        .any(|scheme| origin.strip_prefix(*scheme) == Some(host));
    !ours
}

/// Whether the request shows the token; how long this takes does not tell how near it was.
fn has_token(headers: &HeaderMap, token: &str) -> bool {
    let value = headers.get(header::AUTHORIZATION);
    let shown = value.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    shown.is_some_and(|shown| shown.ct_eq(token.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let name = header::HeaderName::from_static(name);
            (name, header::HeaderValue::from_static(value))
        });
        pairs.collect()
    }

    #[test]
    fn pages_from_elsewhere_are_known_by_what_browsers_say() {
        let host = ("host", "127.0.0.1:8080");
        assert!(!is_foreign(&headers(&[host])));
        assert!(!is_foreign(&headers(&[
            host,
            ("origin", "http://127.0.0.1:8080"),
            ("sec-fetch-site", "same-origin"),
        ])));
        for foreign in [
            ("origin", "http://127.0.0.1:8081"),
            ("origin", "http://example.org"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert!(is_foreign(&headers(&[host, foreign])), "{foreign:?}");
        }
    }

    #[test]
    fn only_the_whole_token_opens() {
        let shown = |value| has_token(&headers(&[("authorization", value)]), "0123abcd");
        assert!(shown("Bearer 0123abcd"));
        for wrong in [
            "Bearer 0123abc",
            "Bearer 0123abcde",
            "Bearer ",
            "0123abcd",
            "Basic 0123abcd",
        ] {
            assert!(!shown(wrong), "{wrong}");
        }
        assert!(!has_token(&HeaderMap::new(), "0123abcd"));
    }
}
