//! The operator API: what is going on in a cluster, and changes to it.
//!
//! [`MasterOperator`] asks the leading master, [`AgentOperator`] one agent. Neither keeps anything
//! alive: each function is one call and its answer, only
//! [`MasterOperator::subscribe`] and what is attached to a container are streams.
//!
//! Operators have other credentials than frameworks and executors, if the cluster asks for any.

use std::time::Duration;

use mesos::recordio::RECORD_BYTES_MAX;
use thiserror::Error;

use crate::encoding::Encoding;
use crate::error::DisconnectReason;
use crate::transport::{Credentials, Tls};

mod agent;
mod container;
mod macros;
mod master;
mod post;

pub use agent::{AgentAddressError, AgentOperator};
pub use container::{ContainerInput, ContainerOutput, InputClosed};
pub use master::{MasterEvents, MasterOperator};

/// Where masters and agents answer operators.
const PATH: &str = "/api/v1";

/// The longest answer that is read: the state of a cluster is as large as a record may be.
const ANSWER_BYTES_MAX: usize = RECORD_BYTES_MAX;

/// How the operator's functions behave.
#[derive(Debug, Clone)]
pub struct OperatorConfig {
    /// For masters and agents that authenticate operators. Default: none.
    pub credentials: Option<Credentials>,
    /// For addresses that begin with `https`. Default: the authorities of the system, no identity.
    pub tls: Tls,
    /// How messages are written. Default: protobuf.
    pub encoding: Encoding,
    /// For how long a connection may take. Default: 5 s.
    pub connect_timeout: Duration,
    /// For how long a call may take until its answer was read. Default: 30 s; the state of a
    /// large cluster takes seconds to write.
    pub call_timeout: Duration,
}

impl Default for OperatorConfig {
    fn default() -> Self {
        Self {
            credentials: None,
            tls: Tls::default(),
            encoding: Encoding::Protobuf,
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(30),
        }
    }
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OperatorError {
    /// It had no effect: nobody could be asked. It may work later.
    #[error("cannot ask: {0}")]
    Unreachable(DisconnectReason),
    /// Nobody can tell whether it has had an effect: it was sent, and no answer came back.
    #[error("`{endpoint}` was asked and has not answered: {detail}")]
    UnknownOutcome {
        /// Who was asked.
        endpoint: String,
        /// The cause.
        detail: String,
    },
    /// It had no effect: credentials are missing, wrong, or do not allow it.
    #[error("not allowed, status {status}: {text}")]
    Unauthorized {
        /// 401 or 403.
        status: u16,
        /// What the server says.
        text: String,
    },
    /// It had no effect: what it asks for is wrong, or about something that does not exist.
    #[error("refused with status {status}: {text}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// What the server says, which may be nothing.
        text: String,
    },
    /// What came back is not an answer to the call.
    #[error("`{endpoint}` does not answer as Mesos does: {detail}")]
    NotMesos {
        /// Who was asked.
        endpoint: String,
        /// What is different.
        detail: String,
    },
}
