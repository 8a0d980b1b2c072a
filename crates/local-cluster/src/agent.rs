//! An agent that runs: the machine of [`core::agent`](crate::core::agent) with a clock, an HTTP
//! server, containers and the channels to and from its master.
//!
//! It decides nothing. Each input is handed to the machine, each output done, in order. When it is
//! stopped, what a real agent's process would leave is a [`StoppedAgent`].

mod domain_socket;
mod driver;
mod stopped;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use mesos::v1;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::authentication::{Authentication, Guard};
use crate::containerizer::{ContainerEvent, Containerizer, Settings};
use crate::core::agent::{Agent, Config, Output};
use crate::core::simulated::SimulatedExecutors;
use crate::core::wire::AgentIndex;
use crate::fetcher;
use crate::files::Files;
use crate::http;
use crate::http::agent::{AgentHandler, CALLS_MAX, DomainSocketHandler};
use crate::http::agent_operator::Operators;
use crate::http::stream::Backlog;
use crate::switchboard::MasterLink;
use domain_socket::DomainSocket;
use driver::{Driver, Sources};
pub(crate) use stopped::StoppedAgent;

/// What an agent is.
#[derive(Debug, Clone)]
pub(crate) struct AgentConfig {
    pub(crate) hostname: String,
    /// In the format with `reservations`, without allocation.
    pub(crate) resources: Vec<v1::Resource>,
    pub(crate) attributes: Vec<v1::Attribute>,
    pub(crate) domain: Option<v1::DomainInfo>,
    /// Where it puts its sandboxes; agents may share it, their ids keep them apart.
    pub(crate) work_dir: PathBuf,
    /// How long an executor may take to subscribe.
    pub(crate) registration_timeout: Duration,
    /// How long executors that have survived the agent may take to subscribe with the next one.
    pub(crate) reregistration_timeout: Duration,
    pub(crate) recovery_timeout: Duration,
    /// How long an executor may take to obey SHUTDOWN, unless its ExecutorInfo says.
    pub(crate) shutdown_grace: Duration,
    /// Where in the file system executors find it, too.
    pub(crate) domain_socket: Option<PathBuf>,
    pub(crate) executor_environment: BTreeMap<String, String>,
    /// Whom it lets in; everybody without.
    pub(crate) authentication: Option<Arc<Authentication>>,
    /// After so long without a ping it looks for its master anew.
    pub(crate) ping_timeout: Duration,
    /// Where it says that it is, if its executors are simulated: then it does not serve itself.
    pub(crate) simulated_at: Option<SocketAddr>,
    /// From where it draws the uuids of its containers and updates.
    pub(crate) seed: u64,
}

/// A running agent. Dropped, it dies at once: connections are cut and executors killed, but not
/// waited for.
#[derive(Debug)]
pub(crate) struct AgentHandle {
    address: SocketAddr,
    /// Dropped, it stops the driver.
    stop: Option<oneshot::Sender<()>>,
    commands: mpsc::UnboundedSender<Command>,
    driver: JoinHandle<Remains>,
    server: JoinHandle<()>,
}

/// What outlives the driver of an agent.
#[derive(Debug)]
struct Remains {
    machine: Agent,
    index: AgentIndex,
    links: mpsc::UnboundedReceiver<MasterLink>,
    link: MasterLink,
    commands: mpsc::UnboundedReceiver<Command>,
    containerizer: Containerizer,
    /// In place of all that the containerizer would start.
    simulated: Option<SimulatedExecutors>,
    container_events: mpsc::UnboundedReceiver<ContainerEvent>,
    files: Files,
    guard: Guard,
    domain_socket_path: Option<PathBuf>,
}

/// What the owner of a cluster wants of its agents.
#[derive(Debug)]
pub(crate) enum Command {
    /// Stands still, and says when it does.
    Freeze(oneshot::Sender<()>),
    /// Goes on.
    Thaw,
    /// Leaves in an orderly way: ends when its executors have, and says when it has begun to.
    Leave(oneshot::Sender<()>),
    /// Breaks the streams of all executors.
    CutStreams,
    /// Kills an executor: the number of those that run divides `pick`, and the rest counts.
    KillExecutor { pick: u32 },
    /// Tells how many executors run.
    CountExecutors(oneshot::Sender<usize>),
}

impl AgentHandle {
    /// Where it serves its API.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its commands go.
    pub(crate) fn commands(&self) -> mpsc::UnboundedSender<Command> {
        self.commands.clone()
    }

    /// Stops it as loss of power would: nobody is told. Returns when every executor is dead and
    /// reaped, which takes milliseconds and is bounded.
    pub(crate) async fn stop(mut self) {
        if let Some(remains) = self.end().await {
            remains.containerizer.stop().await;
        }
    }

    /// Lets it stand still as SIGSTOP would: nobody is told, and whoever calls it waits.
    pub(crate) async fn freeze(&self) {
        let (frozen, is_frozen) = oneshot::channel();
        // One that has ended stands still.
        let _ = self.commands.send(Command::Freeze(frozen));
        let _ = is_frozen.await;
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        let _ = self.commands.send(Command::Thaw);
    }

    /// Lets it leave: its executors are shut down, and when they have ended it ends, too. Returns when
    /// it has begun to.
    pub(crate) async fn leave(&self) {
        self.thaw();
        let (leaving, is_leaving) = oneshot::channel();
        // One that has ended has left.
        let _ = self.commands.send(Command::Leave(leaving));
        let _ = is_leaving.await;
    }

    /// Stops it as SIGKILL to its process would: nobody is told, and its executors live on. `None`
    /// after a panic of it, with which everything has ended.
    pub(crate) async fn suspend(mut self) -> Option<StoppedAgent> {
        let (address, commands) = (self.address, self.commands.clone());
        let mut remains = self.end().await?;
        for container_id in remains.machine.containers_to_end() {
            match &mut remains.simulated {
                Some(simulated) => drop(simulated.perform(Output::Destroy { container_id })),
                None => remains.containerizer.destroy(&container_id),
            }
        }
        if let Some(simulated) = &mut remains.simulated {
            simulated.outlive_agent();
        }
        Some(StoppedAgent::new(address, commands, remains))
    }

    /// Cuts all connections and stops the driver.
    async fn end(&mut self) -> Option<Remains> {
        self.server.abort();
        // An error is the cancellation that was asked for.
        let _ = (&mut self.server).await;
        drop(self.stop.take());
        // An error is a panic of the driver, which has dropped all that it owned.
        (&mut self.driver).await.ok()
    }
}

impl Drop for AgentHandle {
    fn drop(&mut self) {
        self.driver.abort();
        self.server.abort();
    }
}

/// Starts an agent on a free port of loopback, when there is a master. It serves when this returns,
/// and registers with each master that it is given a link to; the newest is the one that leads.
///
/// # Errors
/// When there is no port, or the work directory cannot be made.
pub(crate) async fn spawn(
    config: AgentConfig,
    index: AgentIndex,
    mut links: mpsc::UnboundedReceiver<MasterLink>,
) -> io::Result<AgentHandle> {
    let link = links.recv().await;
    let link = link.ok_or_else(|| io::Error::other("there will be no master"))?;
    let work_dir = std::path::absolute(&config.work_dir)?;
    tokio::fs::create_dir_all(&work_dir).await?;
    let (listener, address) = match config.simulated_at {
        Some(address) => (None, address),
        None => {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let address = listener.local_addr()?;
            (Some(listener), address)
        }
    };
    let domain_socket_path = config.domain_socket.as_ref().map(std::path::absolute);
    let domain_socket_path = domain_socket_path.transpose()?;
    let domain_socket = domain_socket_path.as_deref().map(DomainSocket::listen);
    let domain_socket = domain_socket.transpose()?;
    let machine = Agent::new(Config {
        info: v1::AgentInfo {
            hostname: config.hostname,
            port: Some(address.port().into()),
            resources: config.resources,
            attributes: config.attributes,
            domain: config.domain,
            ..v1::AgentInfo::default()
        },
        ip: Ipv4Addr::LOCALHOST,
        work_dir: work_dir.clone(),
        registration_timeout: config.registration_timeout,
        reregistration_timeout: config.reregistration_timeout,
        shutdown_grace: config.shutdown_grace,
        ping_timeout: config.ping_timeout,
        seed: config.seed,
        started: Instant::now(),
        // A clock before 1970 gives wrong times of day and nothing worse.
        started_unix: SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default(),
    });
    let (events, container_events) = mpsc::unbounded_channel();
    let files = Files::new(work_dir.clone());
    let settings = Settings {
        endpoint: address,
        cache: fetcher::Cache::new(work_dir.clone()),
        work_dir,
        subscription_backoff_max: config.reregistration_timeout,
        recovery_timeout: config.recovery_timeout,
        executor_key: config
            .authentication
            .as_ref()
            .and_then(|authentication| authentication.executor_key.clone()),
        domain_socket: domain_socket_path.clone(),
        environment: config.executor_environment,
        runtime: Handle::current(),
    };
    let (commands_to, commands) = mpsc::unbounded_channel();
    let remains = Remains {
        machine,
        index,
        links,
        link,
        commands,
        containerizer: Containerizer::new(settings, events),
        simulated: config.simulated_at.map(|_| simulated(config.seed)),
        container_events,
        files,
        guard: Guard::of_agent(config.authentication),
        domain_socket_path,
    };
    Ok(run(address, listener, domain_socket, commands_to, remains))
}

/// Executors of an agent that draws from this seed: they draw from another, and are part of this
/// process.
fn simulated(seed: u64) -> SimulatedExecutors {
    let seed = fastrand::Rng::with_seed(seed).u64(..);
    SimulatedExecutors::new(std::process::id(), seed)
}

/// Sets an agent going, which serves if it has a listener.
fn run(
    address: SocketAddr,
    listener: Option<TcpListener>,
    domain_socket: Option<DomainSocket>,
    commands_to: mpsc::UnboundedSender<Command>,
    remains: Remains,
) -> AgentHandle {
    let (calls_to, calls) = mpsc::channel(CALLS_MAX);
    let (stop, stopped) = oneshot::channel();
    let Remains {
        machine,
        index,
        links,
        link,
        commands,
        containerizer,
        simulated,
        container_events,
        files,
        guard,
        domain_socket_path,
    } = remains;
    let (operators_to, operators) = mpsc::channel(CALLS_MAX);
    let operator_calls = Operators::new(operators_to, files.clone());
    let (frozen, is_frozen) = watch::channel(false);
    let handler = AgentHandler::new(calls_to, operator_calls, guard.clone(), is_frozen);
    let driver = Driver {
        machine,
        index,
        to_master: link.to_master,
        containerizer,
        simulated,
        files,
        guard,
        domain_socket_path,
        frozen,
        replies: BTreeMap::new(),
        streams: BTreeMap::new(),
        backlog: Backlog::new(),
        last_request: 0,
    };
    let sources = Sources {
        links,
        from_master: link.from_master,
        calls,
        operators,
        container_events,
        commands,
        stopped,
    };
    let (alive, ended) = oneshot::channel::<Infallible>();
    let driver = async move {
        let remains = driver.run(sources).await;
        drop(alive);
        remains
    };
    let server = async move {
        let Some(listener) = listener else { return };
        tokio::select! {
            () = http::serve(listener, handler.clone()) => {}
            () = serve_executors(domain_socket, handler) => {}
            _ = ended => {}
        }
    };
    AgentHandle {
        address,
        stop: Some(stop),
        commands: commands_to,
        driver: tokio::spawn(driver),
        server: tokio::spawn(server),
    }
}

/// Serves executors at the socket in the file system, if there is one; never ends.
async fn serve_executors(socket: Option<DomainSocket>, handler: AgentHandler) {
    if let Some(socket) = &socket {
        http::serve(socket.listener(), DomainSocketHandler(handler)).await;
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests;
