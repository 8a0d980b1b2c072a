//! What an agent tells an executor by environment variables (PROTOCOL §9.2): the one list of them.

use std::path::PathBuf;
use std::time::Duration;

use mesos::{AgentId, ExecutorId, FrameworkId};
use thiserror::Error;

use crate::core::duration;
use crate::core::endpoint::{Endpoint, InvalidEndpoint};
use crate::encoding::Encoding;
use crate::transport::{Secret, Tls};

const FRAMEWORK_ID: &str = "MESOS_FRAMEWORK_ID";
const EXECUTOR_ID: &str = "MESOS_EXECUTOR_ID";
const AGENT_ID: &str = "MESOS_SLAVE_ID";
const AGENT_PID: &str = "MESOS_SLAVE_PID";
const AGENT_ENDPOINT: &str = "MESOS_AGENT_ENDPOINT";
const DOMAIN_SOCKET: &str = "MESOS_DOMAIN_SOCKET";
const TOKEN: &str = "MESOS_EXECUTOR_AUTHENTICATION_TOKEN";
const CHECKPOINT: &str = "MESOS_CHECKPOINT";
const RECOVERY_TIMEOUT: &str = "MESOS_RECOVERY_TIMEOUT";
const SUBSCRIPTION_BACKOFF_MAX: &str = "MESOS_SUBSCRIPTION_BACKOFF_MAX";
const SHUTDOWN_GRACE_PERIOD: &str = "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD";
const SANDBOX: &str = "MESOS_SANDBOX";

/// An agent that speaks TLS says nothing of it; its operator gives executors the variables by
/// which Mesos's own executors are told (`--executor_environment_variables`).
const TLS_ENABLED: &str = "LIBPROCESS_SSL_ENABLED";
const TLS_CA_FILE: &str = "LIBPROCESS_SSL_CA_FILE";
const TLS_CERTIFICATE_FILE: &str = "LIBPROCESS_SSL_CERT_FILE";
const TLS_KEY_FILE: &str = "LIBPROCESS_SSL_KEY_FILE";

/// How often an agent hears of an executor that has nothing to say: as often as it hears of
/// Mesos's own. It keeps what lies in between from forgetting an idle connection.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30 * 60);

/// The port of an agent whose endpoint has none.
const DEFAULT_PORT: u16 = 5051;

/// Where agents answer executors over TCP.
const PATH: &str = "/api/v1/executor";

/// The process of the agent in libprocess, if `MESOS_SLAVE_PID` does not say.
const AGENT_PROCESS_DEFAULT: &str = "slave(1)";

/// How an [`ExecutorClient`](crate::ExecutorClient) behaves, and what its agent said.
#[derive(Debug, Clone)]
pub struct ExecutorConfig {
    /// Where the agent answers.
    pub agent: Endpoint,
    /// A Unix socket to reach it by, instead of TCP.
    pub domain_socket: Option<PathBuf>,
    /// The framework that this executor belongs to.
    pub framework_id: FrameworkId,
    /// The executor itself.
    pub executor_id: ExecutorId,
    /// The agent's id, if told.
    pub agent_id: Option<AgentId>,
    /// Sent as `Authorization: Bearer`. It opens the agent's operator API too: children must not
    /// see it.
    pub token: Option<Secret>,
    /// For an agent whose address begins with `https`. Its certificate is always verified.
    /// Default: the authorities of the system, no identity.
    pub tls: Tls,
    /// How calls and events are written. Default: protobuf.
    pub encoding: Encoding,
    /// How often HEARTBEAT is called while there is a subscription. Default: 30 min.
    pub heartbeat_interval: Duration,
    /// How to behave when the agent is away; `None` when it forgets its executors by that.
    pub checkpoint: Option<Checkpoint>,
    /// For how long the executor may live after SHUTDOWN. Default: 5 s.
    pub shutdown_grace: Duration,
    /// The executor's directory, if told.
    pub sandbox: Option<PathBuf>,
    /// For how long a connection may take. Default: 5 s.
    pub connect_timeout: Duration,
    /// For how long SUBSCRIBE may wait for its first event. Default: 15 s.
    pub answer_timeout: Duration,
    /// For how long any other call may wait for its answer. Default: 10 s.
    pub call_timeout: Duration,
    /// Seed of the random part of delays. Default: a random one.
    pub seed: u64,
}

/// The promise of an agent with checkpointing: it comes back for its executors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// For how long the agent may be away. Default: 15 min.
    pub recovery_timeout: Duration,
    /// For how long it waits for executors once it is back. Default: 2 s.
    pub subscription_backoff_max: Duration,
}

impl Default for Checkpoint {
    /// The defaults of an agent.
    fn default() -> Self {
        Self {
            recovery_timeout: Duration::from_secs(15 * 60),
            subscription_backoff_max: Duration::from_secs(2),
        }
    }
}

/// Why the environment is not one that an agent makes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvironmentError {
    /// A variable that every agent sets is missing or empty.
    #[error("`{0}` is not set: executors are started by a Mesos agent")]
    Missing(&'static str),
    /// A duration is none.
    #[error("`{name}` is `{value}`, not a duration such as `5secs`")]
    Duration {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
    },
    /// A variable that is `0` or `1` is neither.
    #[error("`{name}` is `{value}`, neither `0` nor `1`")]
    Flag {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
    },
    /// A file that a variable names cannot be read.
    #[error("cannot read `{path}`, which `{name}` names: {detail}")]
    File {
        /// The variable.
        name: &'static str,
        /// What it holds.
        path: String,
        /// Why.
        detail: String,
    },
    /// The address of the agent is none.
    #[error("`{AGENT_ENDPOINT}` is of no use")]
    AgentEndpoint(#[source] InvalidEndpoint),
}

impl ExecutorConfig {
    /// A configuration with the defaults that are given at each field, for an agent at
    /// `host:port`, without checkpointing.
    ///
    /// # Errors
    /// When `agent` is not an address.
    pub fn new(
        agent: &str,
        framework_id: FrameworkId,
        executor_id: ExecutorId,
    ) -> Result<Self, InvalidEndpoint> {
        Ok(Self {
            agent: Endpoint::parse(agent, DEFAULT_PORT, PATH)?,
            domain_socket: None,
            framework_id,
            executor_id,
            agent_id: None,
            token: None,
            tls: Tls::default(),
            encoding: Encoding::default(),
            heartbeat_interval: HEARTBEAT_INTERVAL,
            checkpoint: None,
            shutdown_grace: Duration::from_secs(5),
            sandbox: None,
            connect_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(15),
            call_timeout: Duration::from_secs(10),
            seed: fastrand::u64(..),
        })
    }

    /// Reads what the agent has set; `variable` looks one up.
    ///
    /// # Errors
    /// When a variable that is needed is missing, or one makes no sense.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Result<Self, EnvironmentError> {
        let optional = |name| variable(name).filter(|value| !value.is_empty());
        let required = |name| optional(name).ok_or(EnvironmentError::Missing(name));
        let duration = |name, default: Duration| match optional(name) {
            None => Ok(default),
            Some(value) => {
                duration::parse(&value).ok_or(EnvironmentError::Duration { name, value })
            }
        };
        let flag = |name| match optional(name).as_deref() {
            None | Some("0" | "false") => Ok(false),
            Some("1" | "true") => Ok(true),
            Some(value) => Err(EnvironmentError::Flag {
                name,
                value: value.to_owned(),
            }),
        };
        let mut agent = required(AGENT_ENDPOINT)?;
        let is_tls = flag(TLS_ENABLED)?;
        if is_tls {
            agent.insert_str(0, "https://");
        }
        let mut config = Self::new(
            &agent,
            required(FRAMEWORK_ID)?.into(),
            required(EXECUTOR_ID)?.into(),
        )
        .map_err(EnvironmentError::AgentEndpoint)?;
        if flag(CHECKPOINT)? {
            let default = Checkpoint::default();
            config.checkpoint = Some(Checkpoint {
                recovery_timeout: duration(RECOVERY_TIMEOUT, default.recovery_timeout)?,
                subscription_backoff_max: duration(
                    SUBSCRIPTION_BACKOFF_MAX,
                    default.subscription_backoff_max,
                )?,
            });
        }
        if is_tls {
            config.tls = tls(optional)?;
        }
        if let Some(path) = optional(DOMAIN_SOCKET) {
            config.domain_socket = Some(path.into());
            config.agent = on_domain_socket(optional(AGENT_PID).as_deref())?;
        }
        config.shutdown_grace = duration(SHUTDOWN_GRACE_PERIOD, config.shutdown_grace)?;
        config.agent_id = optional(AGENT_ID).map(AgentId::from);
        config.token = optional(TOKEN).map(Secret::new);
        config.sandbox = optional(SANDBOX).map(PathBuf::from);
        Ok(config)
    }
}

fn tls(variable: impl Fn(&'static str) -> Option<String>) -> Result<Tls, EnvironmentError> {
    let read = |name| {
        let Some(path) = variable(name) else {
            return Ok(None);
        };
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) => Err(EnvironmentError::File {
                name,
                path,
                detail: error.to_string(),
            }),
        }
    };
    let authorities = read(TLS_CA_FILE)?.map(String::into_bytes);
    let identity = match (read(TLS_CERTIFICATE_FILE)?, read(TLS_KEY_FILE)?) {
        (Some(certificate), Some(key)) => Some(Secret::new(format!("{certificate}\n{key}"))),
        _ => None,
    };
    Ok(Tls {
        authorities: authorities.into_iter().collect(),
        identity,
    })
}

/// The domain socket knows only paths with the agent's process (PROTOCOL §9.2).
fn on_domain_socket(pid: Option<&str>) -> Result<Endpoint, EnvironmentError> {
    let process = pid.and_then(|pid| pid.split_once('@'));
    let process = process.map_or(AGENT_PROCESS_DEFAULT, |(process, _)| process);
    Endpoint::parse("localhost", DEFAULT_PORT, &format!("/{process}{PATH}"))
        .map_err(EnvironmentError::AgentEndpoint)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// What a recorded executor was started with, as far as it matters.
    const RECORDED: [(&str, &str); 7] = [
        (AGENT_ENDPOINT, "127.0.0.1:5051"),
        (FRAMEWORK_ID, "c926ea78-3e28-48d0-870b-c6bd7ca3fd0b-0000"),
        (EXECUTOR_ID, "ex1"),
        (AGENT_ID, "c926ea78-3e28-48d0-870b-c6bd7ca3fd0b-S0"),
        (AGENT_PID, "slave(1)@127.0.0.1:5051"),
        (SHUTDOWN_GRACE_PERIOD, "5secs"),
        (CHECKPOINT, "0"),
    ];

    fn read(more: &[(&'static str, &str)]) -> Result<ExecutorConfig, EnvironmentError> {
        let variables: BTreeMap<_, _> = RECORDED.iter().chain(more).copied().collect();
        ExecutorConfig::from_env(|name| variables.get(name).map(|value| (*value).to_owned()))
    }

    #[test]
    fn a_recorded_environment_is_read() {
        let config = read(&[]).unwrap();
        assert_eq!(
            config.agent.to_string(),
            "http://127.0.0.1:5051/api/v1/executor"
        );
        assert_eq!(config.executor_id.as_str(), "ex1");
        assert_eq!(config.checkpoint, None);
        assert_eq!(config.shutdown_grace, Duration::from_secs(5));
        assert_eq!(config.token, None);
        assert_eq!(config.domain_socket, None);
    }

    #[test]
    fn checkpointing_has_the_timeouts_that_the_agent_gives_or_its_defaults() {
        let config = read(&[(CHECKPOINT, "1")]).unwrap();
        assert_eq!(config.checkpoint, Some(Checkpoint::default()));
        let config = read(&[
            (CHECKPOINT, "1"),
            (RECOVERY_TIMEOUT, "1.5mins"),
            (SUBSCRIPTION_BACKOFF_MAX, "500ms"),
        ])
        .unwrap();
        assert_eq!(
            config.checkpoint,
            Some(Checkpoint {
                recovery_timeout: Duration::from_secs(90),
                subscription_backoff_max: Duration::from_millis(500),
            })
        );
    }

    #[test]
    fn a_domain_socket_has_the_path_of_the_process() {
        let config = read(&[(DOMAIN_SOCKET, "/run/agent.sock")]).unwrap();
        assert_eq!(config.domain_socket, Some(PathBuf::from("/run/agent.sock")));
        assert_eq!(
            config.agent.to_string(),
            "http://localhost:5051/slave(1)/api/v1/executor"
        );
    }

    #[test]
    fn an_agent_behind_tls_is_reached_by_https_with_the_files_of_the_variables() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, name).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let config = read(&[
            (TLS_ENABLED, "true"),
            (TLS_CA_FILE, &path("authority")),
            (TLS_CERTIFICATE_FILE, &path("certificate")),
            (TLS_KEY_FILE, &path("key")),
        ])
        .unwrap();
        assert_eq!(
            config.agent.to_string(),
            "https://127.0.0.1:5051/api/v1/executor"
        );
        assert_eq!(config.tls.authorities, [b"authority".to_vec()]);
        assert_eq!(config.tls.identity, Some(Secret::new("certificate\nkey")));

        let error = read(&[(TLS_ENABLED, "1"), (TLS_CA_FILE, "/nowhere")]).unwrap_err();
        let text = error.to_string();
        let expected = "cannot read `/nowhere`, which `LIBPROCESS_SSL_CA_FILE` names: No such file";
        assert!(text.starts_with(expected), "{text}");
        assert!(read(&[(TLS_CA_FILE, "/nowhere")]).is_ok(), "it is not used");
    }

    #[test]
    fn a_token_is_kept_and_not_shown() {
        let config = read(&[(TOKEN, "sesame")]).unwrap();
        assert_eq!(config.token.as_ref().unwrap().expose(), "sesame");
        assert!(!format!("{config:?}").contains("sesame"));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let missing = ExecutorConfig::from_env(|_| None).unwrap_err();
        assert_eq!(missing, EnvironmentError::Missing(AGENT_ENDPOINT));
        assert_eq!(
            read(&[(EXECUTOR_ID, "")]).unwrap_err(),
            EnvironmentError::Missing(EXECUTOR_ID)
        );
        assert_eq!(
            read(&[(CHECKPOINT, "yes")]).unwrap_err().to_string(),
            "`MESOS_CHECKPOINT` is `yes`, neither `0` nor `1`"
        );
        assert_eq!(
            read(&[(SHUTDOWN_GRACE_PERIOD, "5 min")])
                .unwrap_err()
                .to_string(),
            "`MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD` is `5 min`, not a duration such as `5secs`"
        );
        assert_eq!(
            read(&[(AGENT_ENDPOINT, "a:b")]).unwrap_err(),
            EnvironmentError::AgentEndpoint(InvalidEndpoint::Address("a:b".to_owned()))
        );
    }
}
