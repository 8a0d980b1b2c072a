//! Bytes of a module from wherever they are, verified.
//!
//! Over HTTP from an address, from a file of the agent, and at last over the link.

use std::sync::OnceLock;
use std::time::Duration;

use link::direct::tls::{self, Fingerprint, TlsError};
use reqwest::{Client, ClientBuilder, Response, Url, redirect};
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::over_link::OverLink;
use super::{Digest, MODULE_BYTES_MAX, ModuleError, ModuleRef, blocking, file};

/// Gets modules from the addresses that a launch names.
pub struct Fetcher {
    /// For `http` addresses: it knows no authorities, so it needs no certificates on the machine.
    /// It goes past proxies: a module server is in the cluster and is reached directly.
    plain: Client,
    /// For the scheduler's own server, if that has TLS.
    pinned: OnceLock<Pinned>,
}

/// A client that trusts one certificate, and the addresses for which it is taken.
struct Pinned {
    base: String,
    client: Client,
}

/// Why one address did not give the bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Not an address, or of a scheme that is not spoken.
    #[error("`{0}` is not an address of `http`, `https` or `file`")]
    Address(String),
    /// The server could not be reached or broke off.
    #[error("`{url}`: {text}")]
    Transport {
        /// Where.
        url: String,
        /// The whole chain of causes.
        text: String,
    },
    /// The server answered, but not with the bytes.
    #[error("`{url}` answered {status}")]
    Status {
        /// Where.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The file on the agent cannot be read.
    #[error("`{address}` on the agent: {text}")]
    File {
        /// Where.
        address: String,
        /// What the system said.
        text: String,
    },
    /// The file on the agent does not come.
    #[error("`{address}` on the agent: it was not read within {seconds} seconds")]
    FileHangs {
        /// Where.
        address: String,
        /// How long was waited for it.
        seconds: u64,
    },
    /// More bytes than anybody takes.
    #[error("`{url}` gave {found} bytes or more, at most {MODULE_BYTES_MAX} are taken")]
    TooLarge {
        /// Where.
        url: String,
        /// The bytes that came before it was given up.
        found: u64,
    },
    /// Fewer or more bytes than the launch named.
    #[error("`{url}` gave {found} bytes, {expected} were expected")]
    Size {
        /// Where.
        url: String,
        /// The bytes that came, or came before it was given up.
        found: u64,
        /// The bytes that the launch named.
        expected: u64,
    },
    /// Other bytes than the launch named.
    #[error("`{url}` gave other bytes: their digest is {found}, {expected} was expected")]
    Digest {
        /// Where.
        url: String,
        /// Of what came.
        found: Digest,
        /// What the launch named.
        expected: Digest,
    },
    /// The scheduler does not have it.
    #[error("the scheduler has nothing to send over the link")]
    NotOnLink,
    /// The scheduler sent a piece of another length.
    #[error("the scheduler sent a piece of {found} bytes over the link, {expected} were expected")]
    Piece {
        /// How many it has.
        found: u64,
        /// How many it should have.
        expected: u64,
    },
    /// There is no link any more.
    #[error("the link to the scheduler was shut")]
    LinkShut,
}

/// Rounds over all addresses. A module server that has just been told to start, or a connection
/// that broke, is worth a second and a third look; one that is not there is not worth more.
const ROUNDS: u32 = 3;

/// The pause before the second round; each later one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);

/// Reaching a server takes a round trip or two, or does not succeed at all.
const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// A server that sends nothing for so long has died.
const READ_WAIT: Duration = Duration::from_secs(20);

/// A server that sends fewer bytes in a second than this is as good as dead: with others to try, or
/// the link, they are quicker.
const BYTES_PER_SECOND_MIN: u64 = 8 << 10;

/// As many redirects as a download site needs.
const REDIRECTS_MAX: usize = 5;

impl Fetcher {
    /// A client.
    ///
    /// # Errors
    /// When none can be made.
    pub fn new() -> Result<Self, FetchError> {
        // The client takes the process's provider; an embedding program may have chosen one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let plain = client().tls_certs_only([]).no_proxy().build();
        let plain = plain.map_err(|error| transport("the HTTP client", &error))?;
        let pinned = OnceLock::new();
        Ok(Self { plain, pinned })
    }

    /// Takes what is at addresses that begin with `base` only from whoever has this certificate,
    /// and asks nobody else whether it is valid.
    pub(super) fn pin(&self, base: &str, certificate: Fingerprint) -> Result<(), FetchError> {
        let tls = tls::client_config(certificate).map_err(|error| FetchError::Transport {
            url: base.to_owned(),
            text: error.to_string(),
        })?;
        let client = client().no_proxy().tls_backend_preconfigured(tls).build();
        let client = client.map_err(|error| transport(base, &error))?;
        // An executor has one scheduler for all its life.
        let _ = self.pinned.set(Pinned {
            base: base.to_owned(),
            client,
        });
        Ok(())
    }

    /// The bytes of `module` from the first place that gives the right ones; the last is the link,
    /// if the scheduler gives it there. `progress` is told how many bytes are here, and how many
    /// there will be, as far as is known.
    pub(super) async fn fetch(
        &self,
        module: &ModuleRef,
        link: Option<&OverLink>,
        progress: impl Fn(u64, u64),
    ) -> Result<Vec<u8>, ModuleError> {
        if module.size > MODULE_BYTES_MAX {
            return Err(ModuleError::TooLarge { size: module.size });
        }
        let link = link.filter(|_| module.is_over_link && module.size > 0);
        // What does not answer now may answer later, but the link is there now.
        let rounds = if link.is_some() { 1 } else { ROUNDS };
        let mut attempts = Vec::new();
        for round in 0..rounds {
            if round > 0 {
                tokio::time::sleep(PAUSE * (1 << (round - 1))).await;
            }
            attempts.clear();
            for url in &module.urls {
                match self
                    .fetch_from(url, module.sha256, module.size, &progress)
                    .await
                {
                    Ok(bytes) => return Ok(bytes),
                    Err(error) => {
                        debug!(%error, round, "module not fetched");
                        attempts.push(error);
                    }
                }
            }
            // Another round changes nothing about an answer; only what did not answer may yet.
            if !attempts.iter().any(FetchError::may_pass) {
                break;
            }
        }
        if let Some(link) = link {
            let size = module.size;
            let fetched = link.fetch(module, |bytes| progress(bytes, size)).await;
            match fetched {
                Ok(bytes) => match verified("the link", bytes, module.sha256).await {
                    Ok(bytes) => return Ok(bytes),
                    Err(error) => attempts.push(error),
                },
                Err(error) => attempts.push(error),
            }
        }
        Err(ModuleError::not_fetched(module, &attempts))
    }

    /// The bytes at an address of `http`, `https` or `file`: so many, if that is not 0, and of that
    /// digest. `progress` is told how many bytes are here, and how many there will be, as far as
    /// is known.
    ///
    /// # Errors
    /// Why not.
    pub async fn fetch_from(
        &self,
        url: &str,
        sha256: Digest,
        size: u64,
        progress: impl Fn(u64, u64),
    ) -> Result<Vec<u8>, FetchError> {
        let bytes = if url.starts_with(file::SCHEME) {
            let wait = READ_WAIT + Duration::from_secs(size / BYTES_PER_SECOND_MIN);
            let address = url.to_owned();
            file::within(wait, url, move || file::read(&address, size)).await?
        } else {
            let response = self.response(url).await?;
            read_body(url, response, size, progress).await?
        };
        verified(url, bytes, sha256).await
    }

    async fn response(&self, url: &str) -> Result<Response, FetchError> {
        let address = Url::parse(url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        let address = address.ok_or_else(|| FetchError::Address(url.to_owned()))?;
        let pinned = self.pinned.get().filter(|it| url.starts_with(&it.base));
        let client = match address.scheme() {
            _ if let Some(pinned) = pinned => pinned.client.clone(),
            "https" => client().build().map_err(|error| transport(url, &error))?,
            _ => self.plain.clone(),
        };
        let request = client.get(address).send().await;
        let response = request.map_err(|error| transport(url, &error))?;
        if !response.status().is_success() {
            let status = response.status().as_u16();
            return Err(FetchError::Status {
                url: url.to_owned(),
                status,
            });
        }
        Ok(response)
    }
}

async fn read_body(
    url: &str,
    mut response: Response,
    size: u64,
    progress: impl Fn(u64, u64),
) -> Result<Vec<u8>, FetchError> {
    let announced = response.content_length().unwrap_or(0);
    let total = if size > 0 { size } else { announced };
    let at_most = if size > 0 { size } else { MODULE_BYTES_MAX };
    let seconds = at_most / BYTES_PER_SECOND_MIN;
    let until = Instant::now() + READ_WAIT + Duration::from_secs(seconds);
    let too_slow = || FetchError::Transport {
        url: url.to_owned(),
        text: format!("fewer than {BYTES_PER_SECOND_MIN} bytes came in a second"),
    };
    // Grown as bytes come: the size is the peer's word, not a reason to allocate.
    let mut bytes = Vec::new();
    loop {
        let chunk = timeout_at(until, response.chunk()).await;
        let chunk = chunk.map_err(|_| too_slow())?;
        let Some(chunk) = chunk.map_err(|error| transport(url, &error))? else {
            break;
        };
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > at_most {
            break;
        }
        progress(bytes.len() as u64, total);
    }
    check_size(url, bytes.len() as u64, size)?;
    Ok(bytes)
}

/// Whether so many bytes are as many as were expected; 0: any number that is not too large.
pub(super) fn check_size(url: &str, found: u64, expected: u64) -> Result<(), FetchError> {
    let url = || url.to_owned();
    if expected > 0 && found != expected {
        let url = url();
        return Err(FetchError::Size {
            url,
            found,
            expected,
        });
    }
    if found > MODULE_BYTES_MAX {
        return Err(FetchError::TooLarge { url: url(), found });
    }
    Ok(())
}

/// The bytes, if they have that digest. To compute it takes a moment for each megabyte, which is
/// too long for the threads that run guests.
async fn verified(url: &str, bytes: Vec<u8>, expected: Digest) -> Result<Vec<u8>, FetchError> {
    let hashed = blocking(move || (Digest::of(&bytes), bytes)).await;
    let (found, bytes) = hashed.map_err(|error| FetchError::Transport {
        url: url.to_owned(),
        text: error.to_string(),
    })?;
    if found != expected {
        return Err(FetchError::Digest {
            url: url.to_owned(),
            found,
            expected,
        });
    }
    Ok(bytes)
}

fn client() -> ClientBuilder {
    Client::builder()
        .connect_timeout(CONNECT_WAIT)
        .read_timeout(READ_WAIT)
        .redirect(redirect::Policy::limited(REDIRECTS_MAX))
}

impl FetchError {
    /// Whether the same request may succeed a moment later.
    fn may_pass(&self) -> bool {
        match self {
            Self::Transport { .. } => true,
            Self::Status { status, .. } => *status >= 500,
            // A body that broke off is short without an error on some servers.
            Self::Size {
                found, expected, ..
            } => found < expected,
            Self::Address(_)
            | Self::Digest { .. }
            | Self::TooLarge { .. }
            | Self::File { .. }
            | Self::FileHangs { .. }
            | Self::NotOnLink
            | Self::Piece { .. }
            | Self::LinkShut => false,
        }
    }

    /// What to do about it, if it does not go away by itself.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Transport { .. } => Some(
                "when agents cannot reach an address, `modules: link` in the job file sends \
                 modules over the cluster",
            ),
            Self::File { .. } => Some(
                "the file must be on every agent that may run the task, and its user must be able \
                 to read it",
            ),
            Self::FileHangs { .. } => Some(
                "does the file server answer on which it is? `modules: link` in the job file sends \
                 modules over the cluster",
            ),
            Self::Digest { .. } | Self::Size { .. } => Some(
                "what is there has changed: name its new digest in the job file, or put back what \
                 was there",
            ),
            Self::Status { .. } => Some("is the address in the job file right?"),
            Self::Address(_)
            | Self::TooLarge { .. }
            | Self::NotOnLink
            | Self::Piece { .. }
            | Self::LinkShut => None,
        }
    }
}

fn transport(url: &str, error: &reqwest::Error) -> FetchError {
    let mut text = String::new();
    // Reqwest's own text repeats the address; its causes say what happened.
    let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(error);
    while let Some(error) = cause {
        if is_other_certificate(error) {
            text = TlsError::OtherCertificate.to_string();
            break;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&error.to_string());
        cause = error.source();
    }
    if text.is_empty() {
        text = error.to_string();
    }
    FetchError::Transport {
        url: url.to_owned(),
        text,
    }
}

/// Whether the server shows another certificate than the one that is pinned.
fn is_other_certificate(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref() {
        return tls::is_other_certificate(error);
    }
    // What a connection fails with comes as an error of the stream, or as one in another.
    let inner = error.downcast_ref::<std::io::Error>();
    let inner = inner.and_then(std::io::Error::get_ref);
    inner.is_some_and(|inner| is_other_certificate(inner))
}
