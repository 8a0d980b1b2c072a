//! Sends one request: a place, addresses, a connection, TLS, the request, the head of the answer.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use rustls::{
    ClientConfig,
    crypto::ring,
    pki_types::{DnsName, ServerName},
};
use rustls_platform_verifier::Verifier;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    sync::{OnceCell, OwnedSemaphorePermit},
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::TlsConnector;
use tracing::debug;
use wasmtime_wasi::runtime::{AbortOnDropJoinHandle, spawn};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, io::TokioIo};

use super::{Client, body::AnswerBody, target};
use crate::{
    grants::{
        Scheme,
        http::{Host, Target, may_ask, may_reach},
    },
    lookups,
};

/// The head of an answer, and what drives its connection.
pub(super) type Answer = (
    Response<WasiBody>,
    Box<dyn Future<Output = Result<(), Error>> + Send>,
);

/// A request under way.
pub(super) type Sending = Box<dyn Future<Output = Result<Answer, Error>> + Send>;

/// What the connection keeps of what comes before the guest reads it, and the most that the head
/// of an answer may have.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;

/// The longest wait for a connection, TLS included, and for a place before it. A guest may want a
/// shorter one.
const CONNECT_WAIT_MAX: Duration = Duration::from_secs(60);

/// The wait for the head of an answer and for each further part of it, unless the guest wants
/// another: long polls take minutes, and a server that is gone is not waited for until a restart.
const ANSWER_WAIT: Duration = Duration::from_secs(600);

/// Addresses of one name that are tried; the first nearly always answers.
const ADDRESSES_MAX: usize = 8;

/// Whose certificates servers may have.
#[derive(Clone, Copy)]
pub(super) struct Authorities(&'static OnceCell<TlsConnector>);

/// A connection, with TLS or without.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Sends a request, if it may be sent, and waits for the head of the answer. Dropping the future
/// closes the connection.
pub(super) async fn send(
    client: &Client,
    mut request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<Answer, Error> {
    let target = target::of(&request)?;
    if !may_ask(&client.allowed, &target) {
        client.refused(&format_args!("nothing in `allow.http` is for {target}"));
        return Err(Error::HttpRequestDenied);
    }
    *request.uri_mut() = target::origin_form(request.uri()).ok_or(Error::HttpRequestUriInvalid)?;
    let wait = options.connect_timeout.unwrap_or(CONNECT_WAIT_MAX);
    let until = Instant::now() + wait.min(CONNECT_WAIT_MAX);
    let place = timeout_at(until, Arc::clone(&client.connections).acquire_owned()).await;
    let Ok(Ok(place)) = place else {
        return Err(Error::ConnectionLimitReached);
    };
    let place = Arc::new(place);

    let addresses = timeout_at(until, addresses(&target, &place))
        .await
        .map_err(|_| Error::DnsTimeout)??;
    let stream = timeout_at(until, connect(client, &target, addresses))
        .await
        .map_err(|_| Error::ConnectionTimeout)??;
    ask(stream, request, options, until, place).await
}

/// The addresses of the target. A lookup goes on in its thread when nobody waits for it any more,
/// so it keeps the place: else a guest in a hurry could begin any number of them.
async fn addresses(
    target: &Target,
    place: &Arc<OwnedSemaphorePermit>,
) -> Result<Vec<SocketAddr>, Error> {
    let name = match &target.host {
        Host::Address(address) => return Ok(vec![SocketAddr::new(*address, target.port)]),
        Host::Name(name) => name.clone(),
    };
    let (port, place) = (target.port, Arc::clone(place));
    let lookup = tokio::spawn(async move {
        let _turn = lookups::turn().await;
        let found = lookup_host((name.as_str(), port)).await;
        drop(place);
        found.map(|found| found.take(ADDRESSES_MAX).collect::<Vec<_>>())
    });
    match lookup.await {
        Ok(Ok(found)) if found.is_empty() => Err(Error::DestinationNotFound),
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => {
            debug!(%error, "no addresses");
            Err(Error::DnsError {
                rcode: None,
                info_code: None,
            })
        }
        Err(error) => Err(Error::InternalError(Some(error.to_string()))),
    }
}

/// Connects to the first address that is allowed and answers. What was looked at is what is
/// connected to: the name is not looked up again.
async fn connect(
    client: &Client,
    target: &Target,
    addresses: Vec<SocketAddr>,
) -> Result<Box<dyn Stream>, Error> {
    let mut last = Error::DestinationIpProhibited;
    for address in addresses {
        if !may_reach(&client.allowed, target, address.ip()) {
            let ip = address.ip();
            client.refused(&format_args!(
                "{target} is at {ip}, for which `allow.http` has nothing"
            ));
            continue;
        }
        if !client.room.may_open() {
            client
                .refused(&"this process has few file handles left; raise `ulimit -n` of the agent");
            return Err(Error::ConnectionLimitReached);
        }
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Requests are small, and what follows them is written in large parts.
                let _ = stream.set_nodelay(true);
                return secured(client, target, stream).await;
            }
            Err(error) => last = connect_error(&error),
        }
    }
    Err(last)
}

fn connect_error(error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Error::ConnectionRefused,
        io::ErrorKind::TimedOut => Error::ConnectionTimeout,
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            Error::DestinationIpUnroutable
        }
        _ => {
            debug!(%error, "no connection");
            Error::DestinationUnavailable
        }
    }
}

/// The connection, with TLS if that is wanted.
async fn secured(
    client: &Client,
    target: &Target,
    stream: TcpStream,
) -> Result<Box<dyn Stream>, Error> {
    if target.scheme == Scheme::Http {
        return Ok(Box::new(stream));
    }
    let name = match &target.host {
        Host::Address(address) => ServerName::from(*address),
        Host::Name(name) => {
            let name = DnsName::try_from(name.clone()).map_err(|_| Error::HttpRequestUriInvalid)?;
            ServerName::DnsName(name)
        }
    };
    let connector = client.authorities.connector().await.map_err(|error| {
        client.refused(&format_args!("there are no authorities to trust: {error}"));
        Error::TlsCertificateError
    })?;
    match connector.connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(tls_error(&error)),
    }
}

fn tls_error(error: &io::Error) -> Error {
    debug!(%error, "no TLS");
    let cause = error.get_ref().and_then(|it| it.downcast_ref());
    match cause {
        Some(rustls::Error::InvalidCertificate(_)) => Error::TlsCertificateError,
        Some(rustls::Error::AlertReceived(alert)) => Error::TlsAlertReceived {
            alert_id: Some(u8::from(*alert)),
            alert_message: Some(format!("{alert:?}")),
        },
        Some(_) => Error::TlsProtocolError,
        None => Error::ConnectionTerminated,
    }
}

/// Sends the request on a new connection, and waits for the head of the answer.
async fn ask(
    stream: Box<dyn Stream>,
    request: Request<WasiBody>,
    options: RequestOptions,
    until: Instant,
    place: Arc<OwnedSemaphorePermit>,
) -> Result<Answer, Error> {
    let handshake = http1::Builder::new()
        .max_buf_size(BUFFER_BYTES)
        .handshake(TokioIo::new(stream));
    let (mut sender, connection) = timeout_at(until, handshake)
        .await
        .map_err(|_| Error::ConnectionTimeout)??;
    // Beside the guest, which may leave the answer alone; dropped with it.
    let held = Arc::clone(&place);
    let connection: AbortOnDropJoinHandle<()> = spawn(async move {
        if let Err(error) = connection.await {
            debug!(%error, "HTTP connection broke");
        }
        drop(held);
    });
    let wait = options.first_byte_timeout.unwrap_or(ANSWER_WAIT);
    let answer = timeout(wait, sender.send_request(request))
        .await
        .map_err(|_| Error::HttpResponseTimeout)??;
    let wait = options.between_bytes_timeout.unwrap_or(ANSWER_WAIT);
    let answer = answer.map(|incoming| AnswerBody::new(incoming, wait, place).boxed_unsync());
    let driven = async move {
        connection.await;
        Ok(())
    };
    Ok((answer, Box::new(driven)))
}

impl Authorities {
    #[cfg(test)]
    pub(super) fn new(connector: &'static OnceCell<TlsConnector>) -> Self {
        Self(connector)
    }

    /// Those that the agent's system trusts. They are read once, when the first task needs them.
    pub(super) fn of_agent() -> Self {
        static CONNECTOR: OnceCell<TlsConnector> = OnceCell::const_new();
        Self(&CONNECTOR)
    }

    async fn connector(self) -> Result<&'static TlsConnector, rustls::Error> {
        // Reading some hundred files is nothing for the thread that all share.
        let read = || async { wasmtime_wasi::runtime::spawn_blocking(system_connector).await };
        self.0.get_or_try_init(read).await
    }
}

fn system_connector() -> Result<TlsConnector, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(Verifier::new(Arc::clone(&provider))?);
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
