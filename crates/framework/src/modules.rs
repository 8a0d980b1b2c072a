//! Serves modules, and the executor itself, to agents and executors.
//!
//! Modules have unguessable paths, because whoever can read one can run it. The executor is no
//! secret: its path is made of its digest, so that an agent's fetcher, which keeps artifacts by
//! their URI, fetches it once. Whoever fetches one of both checks its digest.
//!
//! Modules go over TLS away from loopback; executors pin the certificate of the run. The fetcher of
//! an agent can pin nothing, so the executor goes without TLS over the same port, unless there is
//! a certificate for which somebody vouches.

mod answer;
mod serve;

use std::collections::HashMap;
use std::fmt;
use std::io;

use bytes::Bytes;
use link::direct::tls::{Fingerprint, Identity, TlsError};
use link::spec;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tracing::info;

use self::serve::Serving;
use crate::address::advertised;
use crate::config::ModuleServing;
use crate::identity::RunIdentity;
use crate::random::unguessable;

/// The name of the executor in its URL and in the sandbox: the fetcher takes the last part of the
/// path (PROTOCOL §11.5).
pub(crate) const EXECUTOR_NAME: &str = "mesosgot-executor";

/// A server of modules; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct ModuleServer {
    base: String,
    executor_base: String,
    fingerprint: Option<Fingerprint>,
    _serving: Serving,
}

/// Files by their path, before they are served.
#[derive(Debug, Default)]
pub(crate) struct Catalogue(HashMap<String, Entry>);

/// A file.
#[derive(Debug)]
struct Entry {
    bytes: Bytes,
    content_type: &'static str,
    /// Whether anybody may have it.
    is_public: bool,
}

/// The executor in a catalogue.
#[derive(Debug)]
pub(crate) struct ServedExecutor {
    /// Its path.
    pub(crate) path: String,
    /// The digest of its bytes.
    pub(crate) sha256: [u8; 32],
}

/// Why modules are not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The address cannot be bound, or there is no thread.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There is no certificate.
    #[error(transparent)]
    Identity(#[from] TlsError),
}

impl Catalogue {
    /// Whether there is nothing to serve.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a module under a path that nobody can guess; answers the path.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub(crate) fn add_module(&mut self, bytes: Bytes) -> io::Result<String> {
        let path = format!("{:032x}/module.wasm", token()?);
        let entry = Entry {
            bytes,
            content_type: "application/wasm",
            is_public: false,
        };
        self.0.insert(path.clone(), entry);
        Ok(path)
    }

    /// Adds the executor under a path that the same bytes have in every run.
    pub(crate) fn add_executor(&mut self, bytes: Bytes) -> ServedExecutor {
        let sha256: [u8; 32] = Sha256::digest(&bytes).into();
        let path = format!("sha256-{}/{EXECUTOR_NAME}", Hex(&sha256));
        let entry = Entry {
            bytes,
            content_type: "application/octet-stream",
            is_public: true,
        };
        self.0.insert(path.clone(), entry);
        ServedExecutor { path, sha256 }
    }
}

/// Bytes as hexadecimal digits.
pub(crate) struct Hex<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn token() -> io::Result<u128> {
    Ok(u128::from_le_bytes(unguessable()?))
}

impl ModuleServer {
    /// Serves a catalogue.
    ///
    /// # Errors
    /// When the address cannot be bound, or there is no certificate.
    pub(crate) async fn start(
        config: &ModuleServing,
        identity: &RunIdentity,
        catalogue: Catalogue,
    ) -> Result<Self, ServeError> {
        let listener = TcpListener::bind(config.bind).await?;
        let bound = listener.local_addr()?;
        let address = advertised(config.advertise.as_deref(), bound);
        let tls = identity.at(&address, config.tls)?;
        let secure = if tls.is_some() { "https" } else { "http" };
        let for_fetchers = if identity.is_given() { secure } else { "http" };
        info!(
            address,
            has_tls = tls.is_some(),
            "modules are served on {bound}"
        );
        Ok(Self {
            base: format!("{secure}://{address}/"),
            executor_base: format!("{for_fetchers}://{address}/"),
            fingerprint: tls.as_ref().map(Identity::fingerprint).copied(),
            _serving: Serving::start(listener.into_std()?, tls, catalogue)?,
        })
    }

    /// The URL under which executors find a module of the catalogue.
    pub(crate) fn module_url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The URL under which fetchers of agents find the executor.
    pub(crate) fn executor_url(&self, path: &str) -> String {
        format!("{}{path}", self.executor_base)
    }

    /// What executors must know to trust it; nothing without TLS.
    pub(crate) fn spec(&self) -> Option<spec::Server> {
        Some(spec::Server {
            certificate_sha256: self.fingerprint?.to_vec(),
            base: self.base.clone(),
        })
    }
}

#[cfg(test)]
mod tests;
