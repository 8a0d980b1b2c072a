//! A whole cluster in this process: its masters and agents, and the work directory.

mod chaos;
mod door;
mod masters;
mod trouble;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use mesos::master::ZooKeeperUrl;
use mesos::resources::Resources;
use mesos::v1;
use mesos::zookeeper::session::SESSION_TIMEOUT;
use tempfile::TempDir;
use thiserror::Error;
use tokio::net::TcpListener;

pub use self::chaos::Happening;
use self::door::Door;
use self::masters::Masters;
pub use self::trouble::Trouble;
use crate::agent::{self, AgentHandle, StoppedAgent};
use crate::authentication::Authentication;
use crate::core::facts;
use crate::core::faults::Faults;
use crate::core::master::Timeouts;
use crate::core::wire::AgentIndex;
use crate::election::Election;
use crate::http::faults::{self, FaultRequests};
use crate::master::{Departure, MasterConfig};
use crate::switchboard::Switchboard;

/// What a cluster is made of.
#[derive(Debug, Clone)]
pub struct ClusterConfig {
    /// One entry for each agent. A cluster without agents offers nothing.
    pub agents: Vec<AgentConfig>,
    /// How many masters there are, each at an address of its own, of which one leads; 0 counts as 1.
    /// Without ZooKeeper the one leads that has been there for longest: when it dies the next one
    /// does, at once.
    pub masters: usize,
    /// Where the masters decide who leads, in place of among themselves. Other masters on that path
    /// take part, but agents follow masters of this cluster only.
    pub zk: Option<ZooKeeperUrl>,
    /// How long ZooKeeper takes a master for alive that it does not hear. Mesos: 10 s. The server
    /// may give another time, within its bounds.
    pub zk_session_timeout: Duration,
    /// The port of the first master; others have those that follow. `None`: free ones.
    pub port: Option<u16>,
    /// Where agents put sandboxes. `None`: a temporary directory, which is removed at the end.
    pub work_dir: Option<PathBuf>,
    /// Time between two allocation runs. Mesos: 1 s. Less than 1 ms counts as 1 ms.
    pub allocation_interval: Duration,
    /// How long a master waits for an agent to answer a ping, and from one ping to the next. Mesos:
    /// 15 s.
    pub agent_ping_timeout: Duration,
    /// An agent that has missed so many pings is unreachable. Mesos: 5.
    pub max_agent_ping_timeouts: u32,
    /// After this an offer that nobody has answered is rescinded. Mesos: never.
    pub offer_timeout: Option<Duration>,
    /// Seed of all ids. With the same seed and the same calls, a cluster gives the same ids.
    pub seed: u64,
    /// Whom masters and agents let in. `None`: everybody.
    pub authentication: Option<Authentication>,
    /// Whether executors are simulated: there are no processes, each task runs at once and until it
    /// is killed, framework messages come back, and no agent serves an API. For the test of a
    /// scheduler against thousands of agents and tasks.
    pub simulated: bool,
    /// What goes wrong from the start. [`Trouble`] makes more of it, and other kinds.
    pub faults: Faults,
    /// Whether masters take faults from whoever asks: `GET` and `POST /faults`, which no real Mesos
    /// has. They are made while [`LocalCluster::misbehave`] runs, and wait for it before.
    pub fault_endpoint: bool,
}

/// What one agent has to offer.
#[derive(Debug, Clone)]
pub struct AgentConfig {
    /// What tasks can use, unallocated.
    pub resources: Resources,
    /// What constraints can be about.
    pub attributes: Vec<v1::Attribute>,
    /// Its fault domain. The first that an agent has is the master's too, and agents of another
    /// region are offered to frameworks with `REGION_AWARE` only.
    pub domain: Option<v1::DomainInfo>,
    /// Its name in offers. Every agent listens on loopback, whatever it is called.
    pub hostname: String,
    /// How long an executor may take to subscribe.
    pub executor_registration_timeout: Duration,
    /// How long executors that have survived [`LocalCluster::stop_agent`] may take to subscribe
    /// after [`LocalCluster::start_agent`]. Those that are late are killed. The agent is back for
    /// the master when this is over.
    pub executor_reregistration_timeout: Duration,
    /// How long executors of frameworks with `checkpoint` look for an agent that has stopped, as
    /// they are told. Mesos: 15 min.
    pub recovery_timeout: Duration,
    /// How long an executor may take to obey SHUTDOWN, unless its ExecutorInfo says.
    pub executor_shutdown_grace_period: Duration,
    /// A path for a socket at which it serves its executors, too, as with
    /// `--http_executor_domain_sockets` of Mesos; `None`, the default: there is none. Each agent
    /// needs a path of its own, of at most 107 bytes.
    pub executor_domain_socket: Option<PathBuf>,
    /// What its executors find in their environment beside what an agent says, unless their command
    /// has a variable of that name, as with `--executor_environment_variables` of Mesos.
    pub executor_environment_variables: BTreeMap<String, String>,
}

impl ClusterConfig {
    /// These agents, one master at a free port, and for the rest what Mesos does when it is told
    /// nothing: allocation every second, a temporary work directory, random ids, no authentication,
    /// executors that are processes, no faults and no endpoint for them.
    pub fn new(agents: Vec<AgentConfig>) -> Self {
        let timeouts = Timeouts::default();
        Self {
            agents,
            masters: 1,
            zk: None,
            zk_session_timeout: SESSION_TIMEOUT,
            port: None,
            work_dir: None,
            allocation_interval: Duration::from_secs(1),
            agent_ping_timeout: timeouts.agent_ping,
            max_agent_ping_timeouts: timeouts.agent_pings_max,
            offer_timeout: timeouts.offer,
            seed: fastrand::u64(..),
            authentication: None,
            simulated: false,
            faults: Faults::default(),
            fault_endpoint: false,
        }
    }
}

impl AgentConfig {
    /// An agent called `localhost` with these resources, no attributes, no domain, and the timeouts
    /// that Mesos has when it is told nothing: 1 min to subscribe, 2 s to subscribe again after
    /// 15 min at most, 5 s to shut down (PROTOCOL §13.1).
    pub fn new(resources: Resources) -> Self {
        Self {
            resources,
            attributes: Vec::new(),
            domain: None,
            hostname: "localhost".to_owned(),
            executor_registration_timeout: Duration::from_secs(60),
            executor_reregistration_timeout: Duration::from_secs(2),
            recovery_timeout: Duration::from_mins(15),
            executor_shutdown_grace_period: Duration::from_secs(5),
            executor_domain_socket: None,
            executor_environment_variables: BTreeMap::new(),
        }
    }
}

/// Why a cluster did not start. What had been started is stopped again.
#[derive(Debug, Error)]
pub enum StartError {
    /// There is no place for sandboxes.
    #[error("failed to make a work directory")]
    WorkDir(#[source] io::Error),
    /// There are not so many ports.
    #[error("master {index} of the cluster would have a port beyond 65535")]
    NoPort {
        /// Which, counted from 0.
        index: usize,
    },
    /// A master does not get its port.
    #[error("failed to start master {index} of the cluster at port {port}")]
    Master {
        /// Which, counted from 0.
        index: usize,
        /// Its port; 0 for any.
        port: u16,
        /// What was in the way.
        source: io::Error,
    },
    /// No master came to lead.
    #[error("no master was elected in {place}: {detail}")]
    Election {
        /// Where it is decided.
        place: String,
        /// What was in the way.
        detail: String,
    },
    /// There is no port for the address of simulated agents.
    #[error("failed to open the address of simulated agents")]
    Door(#[source] io::Error),
    /// An agent has no port, or cannot use its work directory.
    #[error("failed to start agent {index} of the cluster")]
    Agent {
        /// Its place in [`ClusterConfig::agents`].
        index: usize,
        /// What was in the way.
        source: io::Error,
    },
}

/// A running cluster.
///
/// Dropped, it dies at once: connections are cut and executors killed, but not waited for. Those
/// that still write to their sandboxes then can make the removal of a temporary work directory
/// fail, and it stays behind without a word. [`stop`](Self::stop) waits, and leaves nothing.
pub struct LocalCluster {
    masters: Masters,
    switchboard: Switchboard,
    agents: Vec<Place>,
    authentication: Option<Arc<Authentication>>,
    /// After so long without a ping agents look for their master anew.
    ping_timeout: Duration,
    /// There are simulated agents.
    door: Option<Door>,
    /// What is asked for at the fault endpoint, if there is one.
    fault_requests: Option<FaultRequests>,
    /// For the seeds of agents.
    rng: fastrand::Rng,
    work_dir: WorkDir,
}

/// Where an agent of the configuration is.
#[derive(Debug)]
enum Place {
    Running(AgentHandle),
    /// It has left, as far as the master is concerned, and ends when its executors have.
    Leaving(AgentHandle),
    Stopped(Box<StoppedAgent>),
    /// It has gone for good.
    Empty,
}

impl Place {
    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Empty)
    }

    fn running(&self) -> Option<&AgentHandle> {
        match self {
            Self::Running(agent) => Some(agent),
            Self::Leaving(_) | Self::Stopped(_) | Self::Empty => None,
        }
    }

    /// Ends what is there, executors included; whether there was anything.
    async fn end(&mut self) -> bool {
        match self.take() {
            Self::Running(agent) | Self::Leaving(agent) => agent.stop().await,
            Self::Stopped(agent) => agent.kill().await,
            Self::Empty => return false,
        }
        true
    }
}

impl fmt::Debug for LocalCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalCluster")
            .field("masters", &self.master_addresses())
            .field("agents", &self.agents)
            .field("work_dir", &self.work_dir())
            .finish()
    }
}

impl LocalCluster {
    /// Starts masters and agents on loopback. All of them serve, and one master leads, when this
    /// returns; the agents register in the same moment.
    ///
    /// # Errors
    /// When there is no directory to work in, a port is missing, or no master comes to lead.
    pub async fn start(config: ClusterConfig) -> Result<Self, StartError> {
        let work_dir = match config.work_dir {
            Some(path) => WorkDir::Given(path),
            None => {
                let made = tempfile::Builder::new()
                    .prefix("mesosgot-cluster-")
                    .tempdir();
                WorkDir::Made(made.map_err(StartError::WorkDir)?)
            }
        };
        let mut rng = fastrand::Rng::with_seed(config.seed);
        let switchboard = Switchboard::new(config.faults);
        let authentication = config.authentication.map(Arc::new);
        let (fault_door, fault_requests) = match config.fault_endpoint {
            true => {
                let (door, requests) = faults::endpoint();
                (Some(door), Some(requests))
            }
            false => (None, None),
        };
        let master = MasterConfig {
            hostname: facts::MASTER_HOSTNAME.to_owned(),
            domain: config.agents.iter().find_map(|agent| agent.domain.clone()),
            allocation_interval: config.allocation_interval,
            timeouts: Timeouts {
                agent_ping: config.agent_ping_timeout,
                agent_pings_max: config.max_agent_ping_timeouts,
                offer: config.offer_timeout,
            },
            authentication: authentication.clone(),
            election: match config.zk {
                None => Election::InProcess,
                Some(url) => Election::ZooKeeper {
                    url,
                    session_timeout: config.zk_session_timeout,
                },
            },
            faults: fault_door,
            seed: rng.u64(..),
        };
        let pings = config.max_agent_ping_timeouts;
        let ping_timeout = config.agent_ping_timeout.saturating_mul(pings);
        let door = match config.simulated {
            true => Some(Door::open().map_err(StartError::Door)?),
            false => None,
        };
        let masters = Masters::start(master, config.masters, config.port, &switchboard).await?;
        let mut cluster = Self {
            masters,
            switchboard,
            agents: Vec::new(),
            authentication,
            ping_timeout,
            door,
            fault_requests,
            rng,
            work_dir,
        };
        for agent in config.agents {
            if let Err(error) = cluster.add_agent(agent).await {
                cluster.stop().await;
                return Err(error);
            }
        }
        Ok(cluster)
    }

    /// Starts one agent more, on a free port of loopback; its place among the agents, after all
    /// that there ever were. It serves when this returns, and registers in the same moment.
    ///
    /// # Errors
    /// When it has no port, or cannot use its work directory.
    pub async fn add_agent(&mut self, agent: AgentConfig) -> Result<usize, StartError> {
        let config = agent::AgentConfig {
            hostname: agent.hostname,
            resources: agent.resources.to_wire(),
            attributes: agent.attributes,
            domain: agent.domain,
            work_dir: self.work_dir().to_owned(),
            registration_timeout: agent.executor_registration_timeout,
            reregistration_timeout: agent.executor_reregistration_timeout,
            recovery_timeout: agent.recovery_timeout,
            shutdown_grace: agent.executor_shutdown_grace_period,
            domain_socket: agent.executor_domain_socket,
            executor_environment: agent.executor_environment_variables,
            authentication: self.authentication.clone(),
            ping_timeout: self.ping_timeout,
            simulated_at: self.door.as_ref().map(Door::address),
            seed: self.rng.u64(..),
        };
        let index = self.agents.len();
        let links = self.switchboard.follow(AgentIndex(index));
        let agent = agent::spawn(config, AgentIndex(index), links).await;
        let agent = agent.map_err(|source| StartError::Agent { index, source })?;
        self.agents.push(Place::Running(agent));
        Ok(index)
    }

    /// Where the agents serve, in the order of [`ClusterConfig::agents`]; those that have been
    /// stopped, killed or removed are left out. Simulated ones have one address, at which every
    /// request is answered with 501.
    pub fn agent_addresses(&self) -> Vec<SocketAddr> {
        if let Some(door) = &self.door {
            return vec![door.address()];
        }
        let running = self.agents.iter().filter_map(Place::running);
        running.map(AgentHandle::address).collect()
    }

    /// Where the sandboxes are.
    pub fn work_dir(&self) -> &Path {
        match &self.work_dir {
            WorkDir::Given(path) => path,
            WorkDir::Made(made) => made.path(),
        }
    }

    /// What makes trouble in this cluster, and counts.
    pub fn trouble(&self) -> Trouble {
        let agents = self.agents.iter().filter_map(Place::running);
        Trouble {
            switchboard: self.switchboard.clone(),
            agents: agents.map(AgentHandle::commands).collect(),
        }
    }

    /// Kills one agent and all of its executors, as when its machine loses power. The master
    /// notices at once that the link is broken (PROTOCOL §11.1). `index` counts as in
    /// [`ClusterConfig::agents`]; an agent that is gone already is no fault.
    pub async fn kill_agent(&mut self, index: usize) {
        if self.end_agent(index).await {
            let departure = Departure::Disconnected(AgentIndex(index));
            self.switchboard.lose_agent(departure).await;
        }
    }

    /// Ends the process of one agent and leaves its executors alone, as SIGKILL to it would. The
    /// master notices at once that the link is broken: tasks of frameworks without `checkpoint`
    /// are lost, the others wait for [`start_agent`](Self::start_agent), 75 to 90 s by default. `index`
    /// counts as in [`ClusterConfig::agents`]; an agent that does not run is no fault.
    ///
    /// What an agent has to remember stays in memory, and its executors end with this process.
    pub async fn stop_agent(&mut self, index: usize) {
        let Some(place) = self.agents.get_mut(index) else {
            return;
        };
        match place.take() {
            Place::Running(agent) => {
                if let Some(agent) = agent.suspend().await {
                    *place = Place::Stopped(Box::new(agent));
                }
                let departure = Departure::Disconnected(AgentIndex(index));
                self.switchboard.lose_agent(departure).await;
            }
            other => *place = other,
        }
    }

    /// Starts an agent again that [`stop_agent`](Self::stop_agent) has stopped: with its id, on its
    /// port, and with the executors of frameworks with `checkpoint` that subscribe again in time
    /// (PROTOCOL §9.5). Other executors live on, and it does not know them. One that runs already,
    /// or has gone for good, is left as it is.
    ///
    /// # Errors
    /// When its port was taken by somebody else; it can be tried again.
    pub async fn start_agent(&mut self, index: usize) -> Result<(), StartError> {
        self.start_as(index, |agent, listener| agent.start(listener))
            .await
    }

    /// Starts an agent in the place of one that [`stop_agent`](Self::stop_agent) has stopped, as if
    /// the work directory had been emptied before: on the same port, and with another id. What the
    /// one before knew is forgotten, its executors live on, and nobody knows them.
    ///
    /// # Errors
    /// As of [`start_agent`](Self::start_agent).
    pub async fn start_agent_anew(&mut self, index: usize) -> Result<(), StartError> {
        self.start_as(index, |agent, listener| agent.start_anew(listener))
            .await
    }

    async fn start_as(
        &mut self,
        index: usize,
        start: impl FnOnce(StoppedAgent, Option<TcpListener>) -> AgentHandle,
    ) -> Result<(), StartError> {
        let Some(place) = self.agents.get_mut(index) else {
            return Ok(());
        };
        let stopped = match place.take() {
            Place::Stopped(agent) => Some(agent),
            Place::Leaving(agent) => agent.suspend().await.map(Box::new),
            other => {
                *place = other;
                None
            }
        };
        let Some(mut agent) = stopped else {
            return Ok(());
        };
        match agent.listen() {
            Ok(listener) => *place = Place::Running(start(*agent, listener)),
            Err(source) => {
                *place = Place::Stopped(agent);
                return Err(StartError::Agent { index, source });
            }
        }
        Ok(())
    }

    /// Takes one agent out of the cluster in an orderly way, as SIGUSR1 to its process would: the
    /// master removes it at once, and its executors are shut down, each within its grace period. Those
    /// of an agent that does not run are killed. [`start_agent`](Self::start_agent) brings an agent
    /// back that has run, under its id and without the executors that it had.
    pub async fn remove_agent(&mut self, index: usize) {
        let Some(place) = self.agents.get_mut(index) else {
            return;
        };
        match place.take() {
            Place::Running(agent) => {
                agent.leave().await;
                *place = Place::Leaving(agent);
            }
            Place::Stopped(agent) => agent.kill().await,
            other => return *place = other,
        }
        let departure = Departure::Left(AgentIndex(index));
        self.switchboard.lose_agent(departure).await;
    }

    /// Lets one agent stand still, as SIGSTOP to its process would: it answers nobody, and its
    /// executors go on. The master notices when it has missed so many pings
    /// ([`ClusterConfig::max_agent_ping_timeouts`]), and then it is unreachable. One that does not run
    /// is left as it is.
    pub async fn freeze_agent(&mut self, index: usize) {
        if let Some(Place::Running(agent)) = self.agents.get(index) {
            agent.freeze().await;
            let departure = Departure::Silent(AgentIndex(index));
            self.switchboard.lose_agent(departure).await;
        }
    }

    /// Lets an agent go on that [`freeze_agent`](Self::freeze_agent) has stopped. After a short time
    /// it goes on as if nothing had been; after one in which the master may have given it up it
    /// registers again within a second, with all that runs on it.
    pub async fn thaw_agent(&mut self, index: usize) {
        if let Some(Place::Running(agent)) = self.agents.get(index) {
            let departure = Departure::Answers(AgentIndex(index));
            self.switchboard.lose_agent(departure).await;
            agent.thaw();
        }
    }

    async fn end_agent(&mut self, index: usize) -> bool {
        match self.agents.get_mut(index) {
            Some(place) => place.end().await,
            None => false,
        }
    }

    /// Stops everything: connections are cut, executors killed and reaped, those of stopped agents
    /// too, and the work directory is removed if it was made here.
    pub async fn stop(self) {
        let Self {
            masters,
            agents,
            work_dir,
            ..
        } = self;
        masters.stop().await;
        for mut agent in agents {
            agent.end().await;
        }
        if let WorkDir::Made(made) = work_dir {
            // Sandboxes can be large; removing them must not hold up other tasks.
            let removed = tokio::task::spawn_blocking(move || made.close()).await;
            if let Ok(Err(error)) = removed {
                tracing::warn!(%error, "work directory not removed");
            }
        }
    }
}

/// Who removes it decides what kind it is.
enum WorkDir {
    Given(PathBuf),
    Made(TempDir),
}
