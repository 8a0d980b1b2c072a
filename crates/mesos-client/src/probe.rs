//! What one server says to a plain question, without credentials: for finding out what is wrong
//! with a cluster before anything is asked of it.

use std::time::Duration;

use thiserror::Error;

use crate::core::endpoint::{Endpoint, InvalidEndpoint};
use crate::encoding::Encoding;
use crate::error::{DisconnectReason, StartError};
use crate::transport::{Http, HttpOptions, Tls};

/// The port of a master where none is given.
const PORT: u16 = 5050;

/// The head of an answer, and the beginning of its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// The HTTP status.
    pub status: u16,
    /// The `Location` header, if it is a redirect.
    pub location: Option<String>,
    /// The `Date` header: what the server's clock says.
    pub date: Option<String>,
    /// The body, cut to a few kilobytes; of a web page only its title.
    pub text: String,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProbeError {
    /// The address is none.
    #[error(transparent)]
    Address(#[from] InvalidEndpoint),
    /// The TLS configuration cannot be used.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The server cannot be asked.
    #[error(transparent)]
    Failed(#[from] DisconnectReason),
}

/// Gets `path` of the server at `address`, a `host:port` or URL, within `patience`. Redirects are
/// not followed.
///
/// # Errors
/// By class, see [`ProbeError`].
pub async fn probe(
    address: &str,
    path: &'static str,
    tls: &Tls,
    patience: Duration,
) -> Result<Probed, ProbeError> {
    let endpoint = Endpoint::parse(address, PORT, path)?;
    let http = Http::new(HttpOptions {
        connect_timeout: patience,
        encoding: Encoding::Protobuf,
        credentials: None,
        tls: endpoint.is_secure().then_some(tls),
        domain_socket: None,
    })?;
    let asked = tokio::time::timeout(patience, http.get(&endpoint)).await;
    let unanswered = DisconnectReason::Unanswered {
        endpoint: endpoint.to_string(),
        waited: patience,
    };
    Ok(asked.map_err(|_| unanswered)??)
}
