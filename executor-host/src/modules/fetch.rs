//! Bytes of a module over HTTP, verified.

use std::sync::OnceLock;
use std::time::Duration;

use link::direct::tls::{self, Fingerprint, TlsError};
use reqwest::{Client, ClientBuilder, Url, redirect};
use tracing::debug;

use super::{Digest, MODULE_BYTES_MAX, ModuleError, ModuleRef};

/// Gets modules from the addresses that a launch names.
pub(super) struct Fetcher {
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
    #[error("`{0}` is not an `http` or `https` address")]
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

/// As many redirects as a download site needs.
const REDIRECTS_MAX: usize = 5;

impl Fetcher {
    pub(super) fn new() -> Result<Self, FetchError> {
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

    /// The bytes of `module` from the first address that gives the right ones.
    pub(super) async fn fetch(&self, module: &ModuleRef) -> Result<Vec<u8>, ModuleError> {
        if module.size > MODULE_BYTES_MAX {
            return Err(ModuleError::TooLarge { size: module.size });
        }
        let mut attempts = Vec::new();
        for round in 0..ROUNDS {
            if round > 0 {
                tokio::time::sleep(PAUSE * (1 << (round - 1))).await;
            }
            attempts.clear();
            for url in &module.urls {
                match self.fetch_from(url, module).await {
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
        let attempts: Vec<_> = attempts.iter().map(ToString::to_string).collect();
        let attempts = match attempts.is_empty() {
            true => "no address was given".to_owned(),
            false => attempts.join("; "),
        };
        Err(ModuleError::Fetch {
            digest: module.sha256,
            attempts,
        })
    }

    async fn fetch_from(&self, url: &str, module: &ModuleRef) -> Result<Vec<u8>, FetchError> {
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
        let mut response = request.map_err(|error| transport(url, &error))?;
        if !response.status().is_success() {
            let status = response.status().as_u16();
            return Err(FetchError::Status {
                url: url.to_owned(),
                status,
            });
        }
        let size_error = |found| {
            let expected = module.size;
            FetchError::Size {
                url: url.to_owned(),
                found,
                expected,
            }
        };
        // Grown as bytes come: the size is the peer's word, not a reason to allocate.
        let mut bytes = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| transport(url, &error))?
        {
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > module.size {
                return Err(size_error(bytes.len() as u64));
            }
        }
        if bytes.len() as u64 != module.size {
            return Err(size_error(bytes.len() as u64));
        }
        let found = Digest::of(&bytes);
        if found != module.sha256 {
            let expected = module.sha256;
            return Err(FetchError::Digest {
                url: url.to_owned(),
                found,
                expected,
            });
        }
        Ok(bytes)
    }
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
            Self::Address(_) | Self::Digest { .. } => false,
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
