//! HTTP as Mesos wants it: one place that configures `reqwest`.
//!
//! HTTP/1.1 alone, no redirect followed, no request repeated, no proxy (a proxy that buffers or
//! cuts an idle stream is worse than none), no bound on the time of a stream. TCP keep-alive finds
//! a peer that vanished; it is all that an executor has, whose heartbeats come every 30 minutes
//! (PROTOCOL §9.3).

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Once;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, LOCATION};
use http::{HeaderName, HeaderValue};
use reqwest::{Body, Certificate, Client, Identity, Request, RequestBuilder, Response};

use crate::core::endpoint::Endpoint;
use crate::encoding::Encoding;
use crate::error::{DisconnectReason, StartError};
use crate::operator::OperatorError;
use crate::probe::Probed;

/// Names the stream that a scheduler's call belongs to.
pub(crate) const STREAM_ID: HeaderName = HeaderName::from_static("mesos-stream-id");

/// The form of a record beside the type of a body that has records without end.
const MESSAGE_ACCEPT: HeaderName = HeaderName::from_static("message-accept");
const MESSAGE_CONTENT_TYPE: HeaderName = HeaderName::from_static("message-content-type");

/// The type of such a body.
const RECORDIO: HeaderValue = HeaderValue::from_static("application/recordio");

/// What is kept of the text of an answer. The longest that Mesos is known to send are validation
/// errors of a few hundred bytes; a page of some other server is not worth more.
const TEXT_BYTES_MAX: usize = 4096;

/// Keep-alive: the first probe after this idle time, then each after
/// [`KEEP_ALIVE_INTERVAL`], [`KEEP_ALIVE_PROBES`] times. A vanished agent is noticed within half
/// a minute, at the cost of a packet each 15 s on an idle connection.
const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(15);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEP_ALIVE_PROBES: u32 = 3;

/// No probe is sent while something waits to be acknowledged; then this long is waited at most, and
/// not the quarter of an hour of the system.
#[cfg(target_os = "linux")]
const VANISHED_AFTER: Duration = Duration::from_secs(30);

/// A text that is not shown when it is logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` out of logs.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What is sent in `Authorization`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A framework at a master with `--authenticate_http_frameworks`. Mesos's own module splits at
    /// every colon, so neither part should have one (PROTOCOL §11.4).
    Basic {
        /// The same as `FrameworkInfo.principal`.
        principal: String,
        /// Its secret.
        secret: Secret,
    },
    /// An executor at an agent with `--authenticate_http_executors`.
    Bearer(Secret),
}

/// Whom to trust, and who we are, where an address begins with `https`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Authorities in PEM; when there are none, those of the system.
    pub authorities: Vec<Vec<u8>>,
    /// Our certificate and its key, both in one PEM, if the server asks for one.
    pub identity: Option<Secret>,
}

/// What [`Http::new`] needs to know.
pub(crate) struct HttpOptions<'a> {
    pub(crate) connect_timeout: Duration,
    pub(crate) encoding: Encoding,
    pub(crate) credentials: Option<&'a Credentials>,
    /// `None` when no endpoint is `https`: then no certificate of the system is read, which takes
    /// time, and fails where there are none.
    pub(crate) tls: Option<&'a Tls>,
    /// A socket to use instead of TCP, for every host.
    pub(crate) domain_socket: Option<PathBuf>,
}

/// What the bodies of a call to an operator's API and of its answer are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Messages; the answer to SUBSCRIBE has records under the same name.
    Messages,
    /// A message that is answered by records.
    RecordsOut,
    /// Records that are answered by a status.
    RecordsIn,
}

/// Posts calls. Clones share their connections.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Client,
    encoding: Encoding,
    authorization: Option<HeaderValue>,
}

/// An answer without a stream.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) text: String,
}

/// The head of an answer, and its body to be read.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    /// The type of the answer, or of its records.
    pub(crate) content_type: Option<HeaderValue>,
    pub(crate) response: Response,
}

impl Reply {
    /// What a refusal says; nothing if that cannot be read.
    pub(crate) async fn text(self) -> String {
        answer(self.response)
            .await
            .map(|answer| answer.text)
            .unwrap_or_default()
    }
}

impl Http {
    /// Configures the client.
    pub(crate) fn new(options: HttpOptions<'_>) -> Result<Self, StartError> {
        install_crypto_provider();
        let mut builder = Client::builder()
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(options.connect_timeout)
            .tcp_nodelay(true)
            .tcp_keepalive(KEEP_ALIVE_IDLE)
            .tcp_keepalive_interval(KEEP_ALIVE_INTERVAL)
            .tcp_keepalive_retries(KEEP_ALIVE_PROBES)
            .user_agent(concat!("mesosgot/", env!("CARGO_PKG_VERSION")));
        let nobody = Tls::default();
        let tls = options.tls.unwrap_or(&nobody);
        let mut authorities = Vec::new();
        for pem in &tls.authorities {
            let found = Certificate::from_pem_bundle(pem)
                .map_err(|error| unusable("an authority: ", &error))?;
            if found.is_empty() {
                let text = "there is no certificate in the PEM of an authority";
                return Err(StartError::Tls(text.to_owned()));
            }
            authorities.extend(found);
        }
        if options.tls.is_none() || !authorities.is_empty() {
            builder = builder.tls_certs_only(authorities);
        }
        if let Some(pem) = &tls.identity {
            let identity = Identity::from_pem(pem.expose().as_bytes())
                .map_err(|error| unusable("our certificate or its key: ", &error))?;
            builder = builder.identity(identity);
        }
        #[cfg(target_os = "linux")]
        {
            builder = builder.tcp_user_timeout(VANISHED_AFTER);
        }
        if let Some(path) = options.domain_socket {
            builder = builder.unix_socket(path);
        }
        let client = builder.build().map_err(|error| unusable("", &error))?;
        let authorization = options
            .credentials
            .map(|credentials| authorization(&client, credentials));
        Ok(Self {
            client,
            encoding: options.encoding,
            authorization: authorization.transpose()?,
        })
    }

    /// How calls and answers are written.
    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Posts SUBSCRIBE. An answer other than 200 is read to its end.
    pub(crate) async fn subscribe(
        &self,
        endpoint: &Endpoint,
        body: Bytes,
    ) -> Result<Result<Response, Answer>, DisconnectReason> {
        let unreachable = |error| unreachable(endpoint, &error);
        let request = self
            .post(endpoint, body)
            .header(ACCEPT, self.encoding.media());
        let response = request.send().await.map_err(unreachable)?;
        if response.status() == http::StatusCode::OK {
            return Ok(Ok(response));
        }
        Ok(Err(answer(response).await.map_err(unreachable)?))
    }

    /// Gets what is there, without credentials.
    pub(crate) async fn get(&self, endpoint: &Endpoint) -> Result<Probed, DisconnectReason> {
        let unreachable = |error| unreachable(endpoint, &error);
        let request = self.client.get(endpoint.to_string());
        let response = request.send().await.map_err(unreachable)?;
        let date = response.headers().get(DATE);
        let date = date.and_then(|date| date.to_str().ok()).map(str::to_owned);
        let Answer {
            status,
            location,
            text,
        } = answer(response).await.map_err(unreachable)?;
        Ok(Probed {
            status,
            location,
            date,
            text,
        })
    }

    /// Posts any other call and reads the answer. The error says that the outcome is unknown.
    pub(crate) async fn call(
        &self,
        endpoint: &Endpoint,
        stream_id: Option<&HeaderValue>,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Answer, String> {
        let mut request = self.post(endpoint, body).timeout(timeout);
        if let Some(stream_id) = stream_id {
            request = request.header(STREAM_ID, stream_id);
        }
        let response = request.send().await.map_err(|error| root_cause(&error))?;
        answer(response).await.map_err(|error| root_cause(&error))
    }

    /// Posts a call of the operator API and reads the head of the answer.
    /// Without a `timeout` the body may take for ever.
    pub(crate) async fn post_to_operator(
        &self,
        endpoint: &Endpoint,
        body: impl Into<Body>,
        form: Form,
        timeout: Option<Duration>,
    ) -> Result<Reply, OperatorError> {
        let media = self.encoding.media();
        let request = self.authorized(endpoint).body(body);
        let mut request = match form {
            Form::Messages => request.header(CONTENT_TYPE, &media).header(ACCEPT, &media),
            Form::RecordsOut => request
                .header(CONTENT_TYPE, &media)
                .header(ACCEPT, RECORDIO)
                .header(MESSAGE_ACCEPT, &media),
            Form::RecordsIn => request
                .header(CONTENT_TYPE, RECORDIO)
                .header(MESSAGE_CONTENT_TYPE, &media)
                .header(ACCEPT, &media),
        };
        if let Some(timeout) = timeout {
            request = request.timeout(timeout);
        }
        let response = request.send().await.map_err(|error| {
            if error.is_connect() {
                return OperatorError::Unreachable(unreachable(endpoint, &error));
            }
            OperatorError::UnknownOutcome {
                endpoint: endpoint.to_string(),
                detail: root_cause(&error),
            }
        })?;
        let headers = response.headers();
        let location = headers.get(LOCATION);
        Ok(Reply {
            status: response.status().as_u16(),
            location: location
                .and_then(|location| location.to_str().ok())
                .map(str::to_owned),
            content_type: match headers.get(CONTENT_TYPE) {
                Some(found) if found == RECORDIO => headers.get(MESSAGE_CONTENT_TYPE).cloned(),
                found => found.cloned(),
            },
            response,
        })
    }

    fn post(&self, endpoint: &Endpoint, body: Bytes) -> RequestBuilder {
        self.authorized(endpoint)
            .header(CONTENT_TYPE, self.encoding.media())
            .body(body)
    }

    fn authorized(&self, endpoint: &Endpoint) -> RequestBuilder {
        let request = self.client.post(endpoint.to_string());
        match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization),
            None => request,
        }
    }
}

/// `rustls` wants one provider of cryptography per process; an application that has chosen
/// another before us keeps it.
fn install_crypto_provider() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// Has the header written once, by the one who knows how.
fn authorization(client: &Client, credentials: &Credentials) -> Result<HeaderValue, StartError> {
    let request = client.post("http://localhost/");
    let request = match credentials {
        Credentials::Basic { principal, secret } => {
            request.basic_auth(principal, Some(secret.expose()))
        }
        Credentials::Bearer(token) => request.bearer_auth(token.expose()),
    };
    let header = |request: Request| request.headers().get(AUTHORIZATION).cloned();
    request
        .build()
        .ok()
        .and_then(header)
        .ok_or(StartError::Credentials)
}

/// `what` is at fault.
fn unusable(what: &str, error: &reqwest::Error) -> StartError {
    StartError::Tls(format!("{what}{}", root_cause(error)))
}

/// The reason in `error` by who must act.
fn unreachable(endpoint: &Endpoint, error: &reqwest::Error) -> DisconnectReason {
    let endpoint = endpoint.to_string();
    let detail = root_cause(error);
    match cause_of_type::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(_)) => {
            DisconnectReason::Untrusted { endpoint, detail }
        }
        Some(rustls::Error::AlertReceived(_)) => {
            DisconnectReason::CertificateRefused { endpoint, detail }
        }
        Some(rustls::Error::InvalidMessage(_)) => DisconnectReason::NotTls { endpoint, detail },
        _ if cause_of_type(error).is_some_and(hyper::Error::is_parse) => {
            DisconnectReason::NotHttp { endpoint, detail }
        }
        _ => DisconnectReason::Unreachable { endpoint, detail },
    }
}

/// What a layer below has to say of an error, wherever in its chain that is.
fn cause_of_type<'a, E: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a E> {
    if let Some(cause) = error.downcast_ref() {
        return Some(cause);
    }
    // An I/O error names as its source not what it wraps, but the source of that.
    let wrapped = error.downcast_ref().and_then(io::Error::get_ref);
    match wrapped {
        Some(wrapped) => cause_of_type(wrapped),
        None => cause_of_type(error.source()?),
    }
}

/// Reads an answer; of a text that is too long the beginning is kept and the rest not waited for.
async fn answer(mut response: Response) -> Result<Answer, reqwest::Error> {
    let mut text = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = TEXT_BYTES_MAX - text.len();
        text.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if text.len() == TEXT_BYTES_MAX {
            break;
        }
    }
    let headers = response.headers();
    let location = headers.get(LOCATION);
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_page = content_type.is_some_and(|it| it.starts_with(b"text/html"));
    let text = String::from_utf8_lossy(&text);
    Ok(Answer {
        status: response.status().as_u16(),
        location: location
            .and_then(|location| location.to_str().ok())
            .map(str::to_owned),
        // What Mesos says is plain text, also where it calls it a page.
        text: match text.trim() {
            page if is_page && page.starts_with('<') => about_page(page),
            text => text.to_owned(),
        },
    })
}

/// A page of another server is told by its title: its text would hide what went wrong.
fn about_page(page: &str) -> String {
    let after = |text, tag| str::split_once(text, tag).map(|(_, rest)| rest);
    let title = after(page, "<title>").and_then(|rest| rest.split('<').next());
    match title.map(str::trim).filter(|title| !title.is_empty()) {
        Some(title) => format!("a web page titled `{title}`"),
        None => "a web page".to_owned(),
    }
}

/// The innermost cause, which is the one that names the fact (`Connection refused`); a timeout of
/// ours has none.
pub(crate) fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
