//! The direct path to the scheduler: dialled when it is announced, and again when it breaks.
//!
//! ```text
//!   dial ──► TLS, hello ──► carry frames ──broken──► wait ──► dial …
//!     └──────────┴──────────── failed: say so once, wait longer each time ──► dial …
//! ```
//!
//! While there is no connection, frames take framework messages, or wait if the job requires
//! direct paths. It is the link that knows. That there is none is told beside the channels, so it
//! passes what waits.

use std::io;
use std::time::Duration;

use link::direct::tls::{self, Fingerprint, TlsError};
use link::direct::{DialError, Ended, HANDSHAKE_WAIT, Hello, Secret, carry, greet, tune};
use link::{Link, spec};
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{sleep, timeout},
};
use tracing::{debug, error, info};

/// Where the scheduler is, and how it is known.
#[derive(Debug, Clone)]
pub(super) struct Scheduler {
    address: String,
    hello: Hello,
    certificate: Option<Fingerprint>,
}

/// Why there is no connection.
#[derive(Debug, Error)]
enum NoConnection {
    #[error("failed to connect: {0}")]
    Connect(io::Error),
    #[error("failed to connect: no answer in {} s", HANDSHAKE_WAIT.as_secs())]
    TimedOut,
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Greet(#[from] DialError),
}

impl Scheduler {
    /// What an announcement says; `None`: it makes no sense. `executor` is the incarnation of this
    /// end of the link.
    pub(super) fn new(announcement: spec::Direct, executor: u64) -> Option<Self> {
        let secret: [u8; 32] = announcement.secret.try_into().ok()?;
        let certificate = match &announcement.certificate_sha256[..] {
            [] => None,
            digest => Some(digest.try_into().ok()?),
        };
        Some(Self {
            address: announcement.address,
            hello: Hello {
                link: announcement.link,
                executor,
                secret: Secret::new(secret),
            },
            certificate,
        })
    }

    /// Keeps a direct path until the link is shut.
    pub(super) async fn keep(self, link: Link, random: fastrand::Rng) {
        tokio::select! {
            () = link.ended() => {}
            () = self.dial_for_ever(&link, random) => {}
        }
    }

    async fn dial_for_ever(&self, link: &Link, mut random: fastrand::Rng) {
        let mut wait = WAIT_MIN;
        let mut has_complained = false;
        loop {
            match self.dial_and_carry(link).await {
                Ok(Ended::Frame(violation)) => {
                    error!(%violation, "the link is broken");
                    link.shut();
                    return;
                }
                Ok(ended) => {
                    info!(%ended, "direct path has ended");
                    wait = WAIT_MIN;
                    has_complained = false;
                }
                Err(reason) => {
                    let reason = reason.to_string();
                    debug!(address = self.address, reason, "no direct path");
                    if !has_complained {
                        has_complained = true;
                        // It fails only when the link is shut, which ends this.
                        let _ = link.tell(&spec::Notice::direct_failed(reason));
                    }
                }
            }
            // Executors whose paths broke together do not come back together.
            sleep(wait.mul_f64(0.5 + random.f64() / 2.0)).await;
            wait = (2 * wait).min(WAIT_MAX);
        }
    }

    async fn dial_and_carry(&self, link: &Link) -> Result<Ended, NoConnection> {
        let connecting = timeout(HANDSHAKE_WAIT, TcpStream::connect(&self.address));
        let stream = match connecting.await {
            Ok(connected) => connected.map_err(NoConnection::Connect)?,
            Err(_) => return Err(NoConnection::TimedOut),
        };
        tune(&stream).map_err(NoConnection::Connect)?;
        match self.certificate {
            Some(certificate) => {
                let stream = tls::connect(stream, certificate).await?;
                self.greet_and_carry(link, stream).await
            }
            None => self.greet_and_carry(link, stream).await,
        }
    }

    async fn greet_and_carry(
        &self,
        link: &Link,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
    ) -> Result<Ended, NoConnection> {
        greet(&mut stream, &self.hello).await?;
        info!(address = self.address, "direct path is up");
        Ok(carry(link.direct(), stream).await)
    }
}

/// The first wait. At the end of a job the scheduler closes first; the executor is gone before it
/// dials in vain.
const WAIT_MIN: Duration = Duration::from_millis(300);

/// The longest wait: a path that is mended is used soon, and a thousand executors dial no more
/// than some tens of times a second.
const WAIT_MAX: Duration = Duration::from_secs(30);
