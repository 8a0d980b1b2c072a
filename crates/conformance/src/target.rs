//! The cluster that is played to.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use local_cluster::{
    AgentConfig, Authentication, ClusterConfig, Credentials, ExecutorKey, LocalCluster, StartError,
};
use mesos::attributes;
use mesos::resources::Resources;
use tempfile::TempDir;
use thiserror::Error;
use tokio::time::Instant;

use crate::executor::Executors;
use crate::mapping::Mapping;
use crate::player::scene;
use crate::recording::{Recording, Request};
use crate::token;

/// Where the agents of recordings kept their files, and the executor program was.
const RECORDED_WORK_DIR: &str = "/var/lib/mesos/agent";
const RECORDED_EXECUTOR: &str = "/var/lib/mesos/bin/executor";

/// Where executors found their agent in the file system, and what they called it then.
const RECORDED_DOMAIN_SOCKET: &str = "/var/lib/mesos/agent-run/agent.sock";
const RECORDED_DOMAIN_HOST: &str = "localhost:5051";

/// The ports of the recordings.
const MASTER_PORT: u16 = 5050;
const AGENT_PORT: u16 = 5051;

/// Where there are three masters, their ports in the order in which they came to the election, and
/// so lead one after the other.
const MASTER_PORTS: [u16; 3] = [5053, 5054, 5050];

/// A cluster, the files around it, and what its executors are told through.
#[derive(Debug)]
pub struct Target {
    /// Only the embedded one can be told to fail.
    cluster: Option<LocalCluster>,
    /// What its agents are like.
    agent_config: Option<AgentConfig>,
    /// By their ports in the recording.
    masters: BTreeMap<u16, SocketAddr>,
    agent: Option<SocketAddr>,
    /// Executor processes.
    pub executors: Executors,
    /// What the flags of the recording ask for and this cluster has not.
    pub lacking: Vec<String>,
    files: TempDir,
}

/// A real cluster to play to: its master and its one agent, which were started as the recorded
/// ones were, on this machine.
#[derive(Debug, Clone)]
pub struct Real {
    /// Where its master is.
    pub master: SocketAddr,
    /// Where its agent is.
    pub agent: SocketAddr,
    /// The agent's work directory.
    pub work_dir: PathBuf,
}

/// Why there is no cluster.
#[derive(Debug, Error)]
pub enum TargetError {
    /// There is no place for its files.
    #[error("failed to make a directory")]
    Files(#[source] io::Error),
    /// The embedded cluster did not start.
    #[error("failed to start the embedded cluster")]
    Start(#[source] StartError),
    /// A flag of the recording says nothing that is understood.
    #[error("the flag `{flag}` of the recording is not understood")]
    Flag {
        /// As it stands.
        flag: String,
    },
}

/// How a recorded cluster was started, as far as it matters.
struct Flags {
    config: ClusterConfig,
    lacking: Vec<String>,
}

impl Target {
    /// Starts an embedded cluster as the recording says, with `executor` as the program of executors.
    /// Returns when its allocator is about as far from its next run as the recorded one was at the
    /// start.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn embedded(recording: &Recording, executor: &Path) -> Result<Self, TargetError> {
        let files = files()?;
        let flags = Flags::read(recording)?;
        let mut config = flags.config;
        config.work_dir = Some(files.path().join("agent"));
        let executors = Executors::listen(files.path(), executor);
        let executors = executors.await.map_err(TargetError::Files)?;
        for agent in &mut config.agents {
            let wanted = agent.executor_domain_socket.take();
            agent.executor_domain_socket = wanted.map(|_| domain_socket(&files));
        }
        let interval = config.allocation_interval;
        let before = Instant::now();
        let agent_config = config.agents.first().cloned();
        if scene::begins_without_agent(&recording.name) {
            config.agents.clear();
        }
        let cluster = LocalCluster::start(config).await;
        let cluster = cluster.map_err(TargetError::Start)?;
        // The first run is one interval after the start.
        let run = recording.allocation(interval);
        let waits = (1..).map(|nth| (before + interval * nth).checked_sub(run));
        let start = waits.flatten().find(|start| *start > Instant::now());
        tokio::time::sleep_until(start.unwrap_or(before)).await;
        Ok(Self {
            masters: match cluster.master_addresses()[..] {
                [master] => BTreeMap::from([(MASTER_PORT, master)]),
                ref masters => MASTER_PORTS
                    .into_iter()
                    .zip(masters.iter().copied())
                    .collect(),
            },
            agent: cluster.agent_addresses().first().copied(),
            cluster: Some(cluster),
            agent_config,
            executors,
            lacking: flags.lacking,
            files,
        })
    }

    /// Makes ready to play to a real cluster.
    ///
    /// # Errors
    /// When there is no place for files.
    pub async fn real(real: &Real, executor: &Path) -> Result<Self, TargetError> {
        let files = files()?;
        let executors = Executors::listen(files.path(), executor);
        Ok(Self {
            cluster: None,
            agent_config: None,
            masters: BTreeMap::from([(MASTER_PORT, real.master)]),
            agent: Some(real.agent),
            executors: executors.await.map_err(TargetError::Files)?,
            lacking: Vec::new(),
            files,
        })
    }

    /// A flag of the recording that no cluster is started with by itself, if it has one.
    pub fn special_flag(recording: &Recording) -> Option<&str> {
        let flags = recording.master_flags.iter().chain(&recording.agent_flags);
        let mut flags = flags.map(String::as_str);
        flags.find(|flag| {
            let name = flag.split('=').next().unwrap_or_default();
            !IRRELEVANT.contains(&name) && *flag != USUAL_RESOURCES
        })
    }

    /// What is known of it before it has said anything.
    pub fn mapping(&self, work_dir: Option<&PathBuf>) -> Mapping {
        let mut mapping = Mapping::default();
        for (recorded, master) in &self.masters {
            mapping.add_port(*recorded, master.port());
        }
        if let Some(agent) = self.agent {
            mapping.add_port(AGENT_PORT, agent.port());
        }
        let embedded = self.files.path().join("agent");
        let work_dir = work_dir.unwrap_or(&embedded);
        mapping.add_literal(RECORDED_WORK_DIR, &work_dir.to_string_lossy());
        mapping.add_literal(
            RECORDED_DOMAIN_SOCKET,
            &domain_socket(&self.files).to_string_lossy(),
        );
        mapping.add_literal(
            RECORDED_EXECUTOR,
            &self.executors.program().to_string_lossy(),
        );
        mapping
    }

    /// The address of a server of the recording.
    pub fn address(&self, recorded_port: u16) -> Option<SocketAddr> {
        match recorded_port {
            AGENT_PORT => self.agent,
            port => self.masters.get(&port).copied(),
        }
    }

    /// The socket in the file system that a request went to, if it did.
    pub fn domain_socket(&self, request: &Request) -> Option<PathBuf> {
        let config = self.agent_config.as_ref()?;
        let host =
            |(name, value): &(String, String)| name == "Host" && value == RECORDED_DOMAIN_HOST;
        let path = config.executor_domain_socket.clone();
        path.filter(|_| request.headers.iter().any(host))
    }

    /// The embedded cluster, if it is one.
    pub fn cluster(&mut self) -> Option<&mut LocalCluster> {
        self.cluster.as_mut()
    }

    /// Starts an agent more like the others; whether this is a cluster that can be given one.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn add_agent(&mut self) -> Result<bool, TargetError> {
        let (Some(cluster), Some(config)) = (&mut self.cluster, &self.agent_config) else {
            return Ok(false);
        };
        let added = cluster.add_agent(config.clone()).await;
        added.map_err(TargetError::Start)?;
        let first = cluster.agent_addresses().first().copied();
        self.agent = self.agent.or(first);
        Ok(true)
    }

    /// Stops it, if it was started here, and removes its files.
    pub async fn stop(self) {
        if let Some(cluster) = self.cluster {
            cluster.stop().await;
        }
        // Files that stay behind are the system's to remove.
        let _ = self.files.close();
    }
}

/// Where the agent serves executors, if it does so in the file system.
fn domain_socket(files: &TempDir) -> PathBuf {
    files.path().join("agent-run/agent.sock")
}

fn files() -> Result<TempDir, TargetError> {
    tempfile::Builder::new()
        .prefix("mesosgot-conformance-")
        .tempdir()
        .map_err(TargetError::Files)
}

impl Flags {
    fn read(recording: &Recording) -> Result<Self, TargetError> {
        let mut lacking = Vec::new();
        let mut executor_key = None;
        let mut agent = AgentConfig::new(Resources::default());
        for flag in &recording.agent_flags {
            let fault = || TargetError::Flag { flag: flag.clone() };
            match flag.split_once('=').unwrap_or((flag, "")) {
                ("--resources", text) => {
                    agent.resources = Resources::parse(text).map_err(|_| fault())?;
                }
                ("--attributes", text) => {
                    agent.attributes = attributes::parse(text).map_err(|_| fault())?;
                }
                ("--executor_registration_timeout", text) => {
                    agent.executor_registration_timeout = duration(text).ok_or_else(fault)?;
                }
                ("--executor_reregistration_timeout", text) => {
                    agent.executor_reregistration_timeout = duration(text).ok_or_else(fault)?;
                }
                ("--http_executor_domain_sockets", _) => {
                    agent.executor_domain_socket = Some(PathBuf::new());
                }
                ("--jwt_secret_key", _) => executor_key = Some(ExecutorKey::new(token::KEY)),
                (flag, _) if IRRELEVANT.contains(&flag) => {}
                (flag, _) if AUTHENTICATION.contains(&flag) => {}
                _ => lacking.push(flag.clone()),
            }
        }
        let mut config = ClusterConfig::new(vec![agent]);
        for flag in &recording.master_flags {
            let fault = || TargetError::Flag { flag: flag.clone() };
            match flag.split_once('=').unwrap_or((flag, "")) {
                ("--allocation_interval", text) => {
                    config.allocation_interval = duration(text).ok_or_else(fault)?;
                }
                ("--agent_ping_timeout", text) => {
                    config.agent_ping_timeout = duration(text).ok_or_else(fault)?;
                }
                ("--max_agent_ping_timeouts", text) => {
                    config.max_agent_ping_timeouts = text.parse().map_err(|_| fault())?;
                }
                ("--offer_timeout", text) => {
                    config.offer_timeout = Some(duration(text).ok_or_else(fault)?);
                }
                ("--quorum", text) => {
                    // The most masters of which these are more than half.
                    let quorum: usize = text.parse().map_err(|_| fault())?;
                    config.masters = (quorum * 2).saturating_sub(1);
                }
                ("--credentials", _) => {
                    let credentials = Credentials::new(CREDENTIALS).map_err(|_| fault())?;
                    config.authentication = Some(Authentication {
                        credentials,
                        executor_key: executor_key.clone(),
                    });
                }
                (flag, _) if IRRELEVANT.contains(&flag) => {}
                (flag, _) if AUTHENTICATION.contains(&flag) => {}
                _ => lacking.push(flag.clone()),
            }
        }
        Ok(Self { config, lacking })
    }
}

/// What the agents of most recordings had.
const USUAL_RESOURCES: &str = "--resources=cpus:4;mem:4096;disk:8192;ports:[31000-31099]";

/// Flags that say where things are, how processes are isolated, and what only matters to executors
/// that do not speak HTTP.
const IRRELEVANT: [&str; 16] = [
    "--executor_reregistration_retry_interval",
    "--master",
    "--port",
    "--ip",
    "--hostname",
    "--no-hostname_lookup",
    "--webui_dir",
    "--work_dir",
    "--launcher",
    "--isolation",
    "--containerizers",
    "--no-systemd_enable_support",
    "--launcher_dir",
    "--runtime_dir",
    "--fetcher_cache_dir",
    "--zk",
];

/// Flags that are all set where there are credentials, as here.
const AUTHENTICATION: [&str; 8] = [
    "--authenticate_http_frameworks",
    "--http_framework_authenticators",
    "--authenticate_http_readonly",
    "--authenticate_http_readwrite",
    "--authenticate_agents",
    "--authenticate_http_executors",
    "--credential",
    "--http_credentials",
];

/// What the file of credentials held.
const CREDENTIALS: [(&str, &str); 3] = [
    ("framework", "fw-secret"),
    ("other", "other-secret"),
    ("operator", "op-secret"),
];

/// `3secs`, `100ms`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "secs" => Some(Duration::from_secs(number)),
        _ => None,
    }
}
